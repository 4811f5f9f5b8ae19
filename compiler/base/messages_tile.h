// Messages of the tile program's text form.
#pragma once

#include "compiler/base/diagnostic.h"

namespace septran::messages {

inline constexpr Message tile_expected{"tile-expected", Severity::error, "expected {0}",
                                       "found '{1}' here"};
inline constexpr Message tile_unknown_statement{
    "tile-unknown-statement", Severity::error, "unknown statement '{0}'",
    "statements are alloc, loop, parallel, if, scope, dma_copy, mma, sync, barrier, "
    "vec.<primitive> and prim.<primitive>"};
inline constexpr Message tile_unknown_primitive{"tile-unknown-primitive", Severity::error,
                                                "unknown primitive '{0}'", "{1}"};
inline constexpr Message tile_unknown_tensor{
    "tile-unknown-tensor", Severity::error, "unknown tensor '%{0}'",
    "declare it in the header, in an alloc or as an argument of a scope"};
inline constexpr Message tile_unknown_event{
    "tile-unknown-event", Severity::error, "unknown event '%{0}'",
    "declare it in the header: event %{0} from <engine> to <engine>"};
inline constexpr Message tile_unknown_variable{
    "tile-unknown-variable", Severity::error, "unknown variable '{0}'",
    "variables are those of the loops around it, or declared in the header: var {0} in 0..16"};
inline constexpr Message tile_unknown_dtype{"tile-unknown-dtype", Severity::error,
                                            "unknown element type '{0}'",
                                            "element types are f16, bf16, f32, f64, i8, i32, "
                                            "f8e4m3 and f8e5m2"};
inline constexpr Message tile_duplicate_name{"tile-duplicate-name", Severity::error,
                                             "'{0}' is declared twice", "give one another name"};
inline constexpr Message tile_bad_number{"tile-bad-number", Severity::error,
                                         "'{0}' is not a number that fits here",
                                         "the number must be {1}"};
inline constexpr Message tile_not_integer{"tile-not-integer", Severity::error,
                                          "expected an integer expression, found a condition",
                                          "conditions stand only after 'if'"};
inline constexpr Message tile_not_condition{"tile-not-condition", Severity::error,
                                            "expected a condition, found an integer expression",
                                            "compare it, for instance with '>= 1'"};
inline constexpr Message tile_not_affine{"tile-not-affine", Severity::error, "{0}",
                                         "one factor of a product, and the divisor of // and %, "
                                         "must be constant; a divisor is positive"};
inline constexpr Message tile_too_deep{"tile-too-deep", Severity::error,
                                       "{0} are nested too deeply", "at most {1} levels are read"};
inline constexpr Message tile_expression_too_large{"tile-expression-too-large", Severity::error,
                                                   "the expression is too large",
                                                   "at most {0} terms are read"};
inline constexpr Message tile_rank_mismatch{
    "tile-rank-mismatch", Severity::error, "{0} subscripts for '%{1}', which has {2} dimensions",
    "give one subscript for each dimension, or none for the whole tensor"};
inline constexpr Message tile_shadowed_variable{"tile-shadowed-variable", Severity::error,
                                                "'{0}' is already the variable of a loop around it",
                                                "choose another name"};
inline constexpr Message tile_bad_attribute{"tile-bad-attribute", Severity::error, "{0}", "{1}"};
inline constexpr Message tile_too_many_operands{
    "tile-too-many-operands", Severity::error, "{0} takes at most {1} operands, not {2}",
    "operands are separated by ',', attributes by blanks"};
inline constexpr Message tile_too_many_errors{"tile-too-many-errors", Severity::error,
                                              "too many errors; the rest is not read",
                                              "correct those above first"};

}  // namespace septran::messages
