// What users are told about files, tensors and wrong results.
#pragma once

#include "compiler/base/diagnostic.h"

namespace septran::messages {

inline constexpr Message file_not_read{"file-not-read", Severity::error, "cannot read '{0}': {1}"};
inline constexpr Message file_not_written{"file-not-written", Severity::error,
                                          "cannot write '{0}': {1}"};
inline constexpr Message npy_malformed{"npy-malformed", Severity::error,
                                       "'{0}' is not a sound NumPy file: {1}",
                                       "write it with numpy.save(\"{0}\", array)"};
inline constexpr Message npy_unsupported_type{
    "npy-unsupported-type", Severity::error, "'{0}' holds elements of type '{1}'",
    "supported are '<f2', '<f4', '<f8', '|i1', '<i4', and '<u2' for the bit patterns of bf16; "
    "convert with array.astype(...)"};
inline constexpr Message npy_type_mismatch{"npy-type-mismatch", Severity::error,
                                           "'{0}' holds {1}, but {2} is wanted",
                                           "convert the array, or choose the type with --dtype"};
inline constexpr Message npy_shape_mismatch{"npy-shape-mismatch", Severity::error,
                                            "'{0}' has shape {1}, but {2} is wanted",
                                            "check the dimensions given with -D"};
inline constexpr Message tensor_too_large{"tensor-too-large", Severity::error,
                                          "a {0} tensor of shape {1} does not fit this machine",
                                          "choose smaller dimensions"};
inline constexpr Message wrong_result{
    "wrong-result", Severity::error,
    "{0}: {1} of {2} elements differ from the reference by more than the arithmetic explains; "
    "first at {3}: {4}, expected {5}"};
inline constexpr Message inexact_result{
    "inexact-result", Severity::error,
    "{0}: relative error {1:.3g} is above the tolerance {2:.3g}, though no single element is far "
    "off"};

}  // namespace septran::messages
