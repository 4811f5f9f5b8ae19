// Messages of the command line.
#pragma once

#include "compiler/base/diagnostic.h"

namespace septran::messages {

inline constexpr Message option_needs_pair{"option-needs-pair", Severity::error,
                                           "{0} takes NAME=VALUE, not '{1}'",
                                           "for example {0} M=512 or {0} A=a.npy"};
inline constexpr Message unknown_dtype_option{"unknown-dtype-option", Severity::error,
                                              "{0}: '{1}' is not an element type",
                                              "element types are {2}"};
inline constexpr Message bad_argument_option{"bad-argument-option", Severity::error,
                                             "--arg: '{0}' is not an element type and shape",
                                             "for example --arg A=f16[1024,512]"};
inline constexpr Message unknown_values{"unknown-values", Severity::error,
                                        "--values: '{0}' is not known",
                                        "values are normal, uniform or integers"};
inline constexpr Message cannot_read{"cannot-read", Severity::error, "cannot read '{0}'",
                                     "it must be a readable file of at most 64 MiB"};
inline constexpr Message no_target{"no-target", Severity::error, "the mapping names no target",
                                   "add `target: NAME`, or give --target NAME"};
inline constexpr Message unknown_pass{"unknown-pass", Severity::error, "there is no pass '{0}'",
                                      "passes are {1}"};
inline constexpr Message one_mapping{"one-mapping", Severity::error,
                                     "a logic file needs one --mapping, {0} are given",
                                     "for example --mapping mappings/gemm/dsa_edge.yaml"};
inline constexpr Message unknown_entry_task{"unknown-entry-task", Severity::error,
                                            "the entry point runs task '{0}', which '{1}' does not define",
                                            "its tasks are {2}"};
inline constexpr Message wrong_family{"wrong-family", Severity::error,
                                      "'{0}' is no simulated accelerator",
                                      "septran-sim takes targets of the family dsa"};
inline constexpr Message unknown_tensor_option{"unknown-tensor", Severity::error,
                                               "{0} names '{1}', which is no tensor of the kernel",
                                               "its tensors are {2}"};
inline constexpr Message out_not_written{"not-an-output", Severity::error,
                                         "--out names '{0}', which the kernel does not write",
                                         "it writes {1}"};
inline constexpr Message target_changed{"target-changed", Severity::error,
                                        "the program was compiled for another version of '{0}'",
                                        "compile it again for this description"};
inline constexpr Message no_systemc{"no-systemc", Severity::error,
                                    "this build has no simulator (SystemC was not found)",
                                    "install libsystemc-dev and configure again"};
inline constexpr Message emit_needs_output{"emit-needs-output", Severity::error,
                                           "`--emit bin` writes a program file and needs -o",
                                           "for example -o gemm.sdsa"};
inline constexpr Message option_needs_logic{"option-needs-logic", Severity::error,
                                            "{0} has no meaning for a compiled program",
                                            "give the logic file and its mapping instead"};

}  // namespace septran::messages
