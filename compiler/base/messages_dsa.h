// Messages of the accelerator's program files, assembly and lowering. {0} is the place within the
// program, such as "instruction 3 (loop)", unless said otherwise.
#pragma once

#include "compiler/base/diagnostic.h"

namespace septran::messages {

// Structure of a program, from whatever source.
inline constexpr Message dsa_table_too_long{"dsa-table-too-long", Severity::error,
                                            "{0} has {1} entries; the format allows {2}"};
inline constexpr Message dsa_name_too_long{"dsa-name-too-long", Severity::error,
                                           "{0}: the name has {1} bytes; the format allows {2}"};
inline constexpr Message dsa_out_of_range{"dsa-out-of-range", Severity::error,
                                          "{0}: {1} is {2}, outside {3} .. {4}"};
inline constexpr Message dsa_no_halt{"dsa-no-halt", Severity::error, "{0} does not end with halt",
                                     "halt is the last instruction"};
inline constexpr Message dsa_early_halt{"dsa-early-halt", Severity::error,
                                        "{0}: halt stands before the end of the program",
                                        "skip over what shall not run"};
inline constexpr Message dsa_crosses_block{
    "dsa-crosses-block", Severity::error,
    "{0}: its {1} instructions reach beyond the {2} left in the block around it",
    "loops and skips nest; the last halt belongs to none"};
inline constexpr Message dsa_nesting_too_deep{"dsa-nesting-too-deep", Severity::error,
                                              "{0}: loops and skips nest deeper than {1}"};
inline constexpr Message dsa_register_not_writable{"dsa-register-not-writable", Severity::error,
                                                   "{0} writes r{1}, {2}", "use another register"};
inline constexpr Message dsa_wrong_operand_kind{"dsa-wrong-operand-kind", Severity::error,
                                                "{0}: {1} is {2}, but has to be {3}"};
inline constexpr Message dsa_wrong_operand_count{"dsa-wrong-operand-count", Severity::error,
                                                 "{0}: {1} takes {2} operands, not {3}",
                                                 "_ stands for an operand that is left out"};
inline constexpr Message dsa_rank_mismatch{"dsa-rank-mismatch", Severity::error,
                                           "{0}: {1} has {2} dimensions, but has to have {3}"};
inline constexpr Message dsa_shape_mismatch{"dsa-shape-mismatch", Severity::error, "{0}: {1}"};
inline constexpr Message dsa_writes_outside{
    "dsa-writes-outside", Severity::error,
    "{0}: {1} has axes, so some of its elements may lie outside the tensor and cannot be written",
    "a tile that is written has no axes"};
inline constexpr Message dsa_unknown_flag{"dsa-unknown-flag", Severity::error,
                                          "{0}: {1} has no flag '{2}'"};
inline constexpr Message dsa_wrong_axis{"dsa-wrong-axis", Severity::error, "{0}: {1} {2} an axis"};
inline constexpr Message dsa_field_too_narrow{"dsa-field-too-narrow", Severity::error,
                                              "{0}: {1} does not fit the field '{2}'",
                                              "compute it in a register"};

// Limits of a machine.
inline constexpr Message dsa_wrong_target{
    "dsa-wrong-target", Severity::error,
    "{0} was made for target '{1}' (description {2:016x}), not for '{3}' ({4:016x})",
    "compile it again"};
inline constexpr Message dsa_exceeds_target{"dsa-exceeds-target", Severity::error,
                                            "{0}: {1} is {2}; target '{3}' allows {4}"};
inline constexpr Message dsa_outside_memory{"dsa-outside-memory", Severity::error,
                                            "{0} spans bytes {1} .. {2} of {3}, which has {4}"};
inline constexpr Message dsa_no_path{"dsa-no-path", Severity::error,
                                     "{0}: engine {1} of '{4}' does not copy from {2} to {3}"};
inline constexpr Message dsa_unreachable_operand{
    "dsa-unreachable-operand", Severity::error,
    "{0}: {1} lies in {2}, which the {3} engine of '{4}' does not reach for {5}"};

// Program files. {0}: the file.
inline constexpr Message dsa_file_not_program{"dsa-file-not-program", Severity::error,
                                              "'{0}' is not a program file of this format: {1}",
                                              "compile it again with `septran compile --emit bin`"};
inline constexpr Message dsa_file_corrupt{"dsa-file-corrupt", Severity::error,
                                          "'{0}' is damaged at byte {1}: {2}"};

// Assembly.
inline constexpr Message asm_expected{"asm-expected", Severity::error, "expected {0}",
                                      "the form is: {1}"};
inline constexpr Message asm_unknown_name{"asm-unknown-name", Severity::error, "unknown {0} '{1}'",
                                          "{2}"};
inline constexpr Message asm_number_too_large{"asm-number-too-large", Severity::error,
                                              "{0} is out of range", "{1}"};
inline constexpr Message asm_wrong_index{"asm-wrong-index", Severity::error,
                                         "this row is '{0}', but the next of its table is '{1}'",
                                         "rows are numbered in order, from {2}"};
inline constexpr Message asm_missing_section{"asm-missing-section", Severity::error,
                                             "there is no '{0}' section",
                                             "a program has at least .program and .code"};
inline constexpr Message asm_too_many_errors{"asm-too-many-errors", Severity::error,
                                             "{0} errors; the rest is not shown"};

// Lowering. {0}: the statement and where it came from.
inline constexpr Message dsa_not_final{
    "dsa-not-final", Severity::error, "{0}: {1} cannot be lowered to instructions",
    "the tile program has to have passed all passes for its target"};
inline constexpr Message dsa_out_of_registers{
    "dsa-out-of-registers", Severity::error,
    "{0}: more than {1} values are live, one register each, on target '{2}'",
    "fewer loops around it, or smaller pipelines of fewer tensors, need fewer registers"};

}  // namespace septran::messages
