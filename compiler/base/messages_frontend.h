// What is said about faults in the text of a logic file.
#pragma once

#include <array>
#include <string_view>

#include "compiler/base/diagnostic.h"

namespace septran::messages {

// Characters and tokens.
inline constexpr Message nul_byte{"nul-byte", Severity::error, "NUL byte in the source",
                                  "a logic file is text"};
inline constexpr Message invalid_utf8{"invalid-utf8", Severity::error,
                                      "byte 0x{0:02x} is not UTF-8", "save the file as UTF-8"};
inline constexpr Message unexpected_character{
    "unexpected-character", Severity::error, "unexpected character '{0}'",
    "outside strings and comments only ASCII letters, digits and operators may stand"};
inline constexpr Message bad_dedent{"bad-dedent", Severity::error,
                                    "this indentation matches no line above",
                                    "align the line with the block it belongs to"};
inline constexpr Message mixed_tabs{"mixed-tabs", Severity::error,
                                    "tabs and spaces are mixed in the indentation",
                                    "indent with spaces only"};
inline constexpr Message indentation_too_deep{"indentation-too-deep", Severity::error,
                                              "blocks nest more than {0} deep",
                                              "move inner blocks to a task of their own"};
inline constexpr Message unexpected_indentation{"unexpected-indentation", Severity::error,
                                                "this line is indented, but opens no block",
                                                "align it with the line above"};
inline constexpr Message brackets_too_deep{"brackets-too-deep", Severity::error,
                                           "brackets nest more than {0} deep",
                                           "give parts of the expression a name"};
inline constexpr Message expression_too_deep{"expression-too-deep", Severity::error,
                                             "this expression has more than {0} levels",
                                             "give parts of the expression a name"};
inline constexpr Message unclosed_bracket{"unclosed-bracket", Severity::error,
                                          "'{0}' is never closed"};
inline constexpr Message unopened_bracket{"unopened-bracket", Severity::error,
                                          "'{0}' closes nothing"};
inline constexpr Message bracket_mismatch{"bracket-mismatch", Severity::error,
                                          "'{0}' does not close '{1}'"};
inline constexpr const char* note_opened_here = "opened here";
inline constexpr Message stray_backslash{"stray-backslash", Severity::error,
                                         "a backslash must end its line",
                                         "within brackets no backslash is needed"};
inline constexpr Message unterminated_string{"unterminated-string", Severity::error,
                                             "this string is not closed", "close it with {0}"};
inline constexpr Message string_prefix{"string-prefix", Severity::error,
                                       "strings with the prefix '{0}' are not part of Task Lang",
                                       "write a plain string"};
inline constexpr Message unknown_escape{"unknown-escape", Severity::error,
                                        "unknown escape '{0}' in a string",
                                        "write \\\\ for a backslash, or a raw string r\"...\""};
inline constexpr Message malformed_number{"malformed-number", Severity::error,
                                          "'{0}' is not a number",
                                          "integers: 64, 1_024, 0x40; floats: 0.5, 1e-3"};
inline constexpr Message integer_too_large{"integer-too-large", Severity::error,
                                           "this integer does not fit in 64 bits"};
inline constexpr Message float_too_large{"float-too-large", Severity::error,
                                         "this number does not fit in a 64-bit float",
                                         "infinity is the inf of the language module"};

// Syntax.
inline constexpr Message parse_too_many_errors{"parse-too-many-errors", Severity::error,
                                               "reading stops after {0} errors",
                                               "there may be more"};
inline constexpr Message unexpected_token{"unexpected-token", Severity::error,
                                          "expected {0}, found {1}"};
inline constexpr Message keyword_as_name{"keyword-as-name", Severity::error,
                                         "'{0}' is a keyword and cannot be a name",
                                         "choose another name"};
inline constexpr Message semicolon{"semicolon", Severity::error, "';' does not separate statements",
                                   "write one statement a line"};
inline constexpr Message missing_block{"missing-block", Severity::error,
                                       "{0} has no indented block", "write pass for an empty one"};
inline constexpr Message else_without_if{"else-without-if", Severity::error,
                                         "'{0}' belongs to no 'if'", "align it with its 'if'"};
inline constexpr Message loop_else{"loop-else", Severity::error, "a loop has no 'else'",
                                   "write its statements after the loop"};
inline constexpr Message file_level_statement{
    "file-level-statement", Severity::error, "only constants and tasks stand at file level",
    "a constant is NAME = value; move other statements into a task"};
inline constexpr Message outside_task{"outside-task", Severity::error,
                                      "'{0}' stands outside of a task",
                                      "move it into a task; at file level only constants and "
                                      "tasks stand"};
inline constexpr Message forbidden_statement{"forbidden-statement", Severity::error,
                                             "{0} is not part of Task Lang", "{1}"};
inline constexpr Message forbidden_expression{"forbidden-expression", Severity::error,
                                              "'{0}' is not part of Task Lang", "{1}"};
inline constexpr Message unsupported_operator{"unsupported-operator", Severity::error,
                                              "the operator '{0}' is not part of Task Lang", "{1}"};
inline constexpr Message comprehension{"comprehension", Severity::error,
                                       "comprehensions are not part of Task Lang",
                                       "write the items out, or a loop over a range"};
inline constexpr Message walrus{"walrus", Severity::error, "':=' is not part of Task Lang",
                                "assign on a line of its own"};
inline constexpr Message starred{"starred", Severity::error, "'{0}' does not unpack here",
                                 "write the items out"};
inline constexpr Message braces{"braces", Severity::error,
                                "dictionaries and sets are not part of Task Lang", "write a tuple"};
inline constexpr Message ellipsis{"ellipsis", Severity::error, "'...' is not part of Task Lang",
                                  "write ':' for a whole dimension, pass for an empty block"};
inline constexpr Message slice_step{"slice-step", Severity::error, "a slice has no step",
                                    "write begin:end"};
inline constexpr Message method_call{"method-call", Severity::error,
                                     "'{0}' cannot be called: tensors have no methods",
                                     "functions stand in the language module or are primitives"};
inline constexpr Message not_callable{"not-callable", Severity::error,
                                      "only functions of the language can be called"};
inline constexpr Message positional_after_keyword{
    "positional-after-keyword", Severity::error,
    "an argument without a keyword after the keyword '{0}'",
    "put arguments without a keyword first"};
inline constexpr Message augmented_assignment{"augmented-assignment", Severity::error,
                                              "'{0}' is not part of Task Lang",
                                              "write {2} = {2} {1} ..."};
inline constexpr Message annotated_assignment{
    "annotated-assignment", Severity::error, "only parameters are annotated", "write name = value"};
inline constexpr Message chained_assignment{"chained-assignment", Severity::error,
                                            "an assignment has one '='",
                                            "assign on lines of their own"};
inline constexpr Message element_assignment{
    "element-assignment", Severity::error, "a part of a tensor cannot be assigned",
    "only primitives write tensors: {0}.call_primitive(\"copy\", ...) in a leaf task"};
inline constexpr Message bad_target{"bad-target", Severity::error, "only names can be assigned",
                                    "write name = value, or a, b = value"};
inline constexpr Message assignment_in_condition{"assignment-in-condition", Severity::error,
                                                 "'=' in a condition", "equality is '=='"};
inline constexpr Message assert_tuple{"assert-tuple", Severity::error,
                                      "an assert of a tuple always holds",
                                      "write assert condition, \"message\" without brackets"};
inline constexpr Message assert_message{"assert-message", Severity::error,
                                        "the message of an assert is a plain string"};

// File level and signatures.
inline constexpr Message unknown_import{"unknown-import", Severity::error,
                                        "'{0}' cannot be imported",
                                        "the only import is: import task_lang as task"};
inline constexpr Message import_without_alias{"import-without-alias", Severity::error,
                                              "the language module needs an alias",
                                              "write import {0} as task"};
inline constexpr Message duplicate_import{"duplicate-import", Severity::error,
                                          "the language module is imported twice",
                                          "leave this import out"};
inline constexpr Message late_import{"late-import", Severity::error,
                                     "the import stands below task '{0}'",
                                     "move it to the top of the file"};
inline constexpr Message missing_import{"missing-import", Severity::error,
                                        "the language module is not imported",
                                        "put 'import task_lang as {0}' at the top of the file"};
inline constexpr Message missing_decorator{"missing-decorator", Severity::error,
                                           "function '{0}' is not a task",
                                           "put @{1}.define or @{1}.define(leaf=True) above it"};
inline constexpr Message unknown_decorator{"unknown-decorator", Severity::error,
                                           "unknown decorator",
                                           "write @{0}.define or @{0}.define(leaf=True)"};
inline constexpr Message decorator_argument{"decorator-argument", Severity::error,
                                            "define takes only leaf=True or leaf=False",
                                            "write @{0}.define or @{0}.define(leaf=True)"};
inline constexpr Message second_decorator{"second-decorator", Severity::error,
                                          "a task has one decorator", "leave this one out"};
inline constexpr Message return_annotation{"return-annotation", Severity::error,
                                           "a task returns nothing",
                                           "leave the annotation out; outputs are parameters"};
inline constexpr Message parameter_kind{"parameter-kind", Severity::error,
                                        "'{0}' is not part of a task's signature",
                                        "write each parameter out"};
inline constexpr Message parameter_default{
    "parameter-default", Severity::error, "parameter '{0}' cannot have a default",
    "a value that the mapping may set is {1}.tunable(\"{0}\", default)"};
inline constexpr Message unknown_annotation{
    "unknown-annotation", Severity::error,
    "unknown annotation; a tensor is {0}.Tensor[\"M\", \"N\"] or {0}.f16[\"M\", \"N\"]", "{1}"};
inline constexpr Message bad_dimension{"bad-dimension", Severity::error, "this is not a dimension",
                                       "{0}"};
inline constexpr Message no_tasks{"no-tasks", Severity::error, "the file defines no task",
                                  "a task is a function under @task.define"};

// Names.
inline constexpr Message duplicate_definition{"duplicate-definition", Severity::error,
                                              "'{0}' is defined twice", "rename one of them"};
inline constexpr Message duplicate_parameter{"duplicate-parameter", Severity::error,
                                             "parameter '{0}' stands twice in the signature",
                                             "rename one of them"};
inline constexpr Message name_is_alias{"name-is-alias", Severity::error,
                                       "'{0}' is the language module",
                                       "choose another name, or another alias in the import"};
inline constexpr Message name_is_function{"name-is-function", Severity::error,
                                          "'{0}' is a function of the language",
                                          "choose another name"};
inline constexpr Message name_taken{"name-taken", Severity::error, "'{0}' cannot be {1}: it is {2}",
                                    "choose another name"};
inline constexpr Message dimension_is_parameter{
    "dimension-is-parameter", Severity::error,
    "dimension '{0}' bears the name of a parameter of this task",
    "call the dimension \"{1}\" throughout the signature"};
inline constexpr Message unknown_name{"unknown-name", Severity::error, "unknown name '{0}'", "{1}"};
inline constexpr Message used_before_assignment{"used-before-assignment", Severity::error,
                                                "'{0}' is used before it is assigned",
                                                "move its assignment up"};
inline constexpr Message used_after_loop{"used-after-loop", Severity::error,
                                         "'{0}' has no value here: it belongs to a loop",
                                         "assign it before the loop; a loop may run zero times"};
inline constexpr Message assigned_name{
    "assigned-name", Severity::error, "'{0}' cannot be assigned: it is {1}", "choose another name"};
inline constexpr Message repeated_target{"repeated-target", Severity::error,
                                         "'{0}' is assigned twice here", "choose another name"};
inline constexpr Message target_count{"target-count", Severity::error, "{0} values for {1} names"};
inline constexpr Message module_as_value{"module-as-value", Severity::error,
                                         "'{0}' is the language module, not a value",
                                         "write {0}.name"};
inline constexpr Message task_as_value{"task-as-value", Severity::error,
                                       "'{0}' is a task, not a value",
                                       "launch it: {1}.launch({0}, ...)"};
inline constexpr Message unknown_attribute{"unknown-attribute", Severity::error,
                                           "unknown attribute '{0}'", "{1}"};
inline constexpr Message unknown_module_name{"unknown-module-name", Severity::error,
                                             "'{0}' has no '{1}'", "{2}"};
inline constexpr const char* note_first_here = "'{0}' first stands here";
inline constexpr const char* note_assigned = "'{0}' is assigned here";
inline constexpr const char* note_parameter = "parameter '{0}' stands here";
inline constexpr const char* note_task_here = "task '{0}' is defined here";
inline constexpr const char* note_launched_here = "'{0}' is launched here";

// Statements and calls.
inline constexpr Message unused_value{
    "unused-value", Severity::error, "this expression does nothing",
    "a statement is an assignment, {0}.launch(...) or {0}.call_primitive(...)"};
inline constexpr Message loop_over_other{
    "loop-over-other", Severity::error, "a loop runs over a range of the language module",
    "write {0}.sequential_range(n), or {0}.parallel_range(n) if iterations are independent"};
inline constexpr Message range_count{"range-count", Severity::error,
                                     "{0} extents for {1} loop variables",
                                     "{2} takes one extent a variable, or one shape{3}"};
inline constexpr Message range_as_value{"range-as-value", Severity::error, "a range is not a value",
                                        "write for i in {0}.{1}(...):"};
inline constexpr Message call_as_value{"call-as-value", Severity::error,
                                       "{0}.{1}(...) has no value",
                                       "write it as a statement; results are parameters"};
inline constexpr Message function_as_value{"function-as-value", Severity::error,
                                           "'{0}.{1}' is not a value"};
inline constexpr Message unknown_function{"unknown-function", Severity::error,
                                          "unknown function '{0}'", "{1}"};
inline constexpr Message not_a_constant{"not-a-constant", Severity::error,
                                        "'{0}' has no value at file level",
                                        "call it in a task; a constant is made of literals"};
inline constexpr Message unknown_keyword{"unknown-keyword", Severity::error,
                                         "unknown keyword '{0}' in a call of '{1}'", "{2}"};
inline constexpr Message keyword_needed{
    "keyword-needed", Severity::error, "this argument of '{0}' needs its keyword", "write {1}=..."};
inline constexpr Message too_many_arguments{"too-many-arguments", Severity::error,
                                            "too many arguments for '{0}'",
                                            "it takes at most {1} without a keyword"};
inline constexpr Message repeated_argument{"repeated-argument", Severity::error,
                                           "argument '{0}' of '{1}' is given twice"};
inline constexpr Message missing_argument{"missing-argument", Severity::error,
                                          "'{0}' needs the argument '{1}'"};
inline constexpr Message too_few_values{"too-few-values", Severity::error,
                                        "'{0}' takes two values or more"};
inline constexpr Message tunable_name{"tunable-name", Severity::error,
                                      "a tunable is named by a string", "write it in quotes"};
inline constexpr Message unknown_dtype{"unknown-dtype", Severity::error,
                                       "unknown element type '{0}'", "{1}"};
inline constexpr Message partition_by{"partition-by", Severity::error,
                                      "a tensor is partitioned by=\"blocks\""};
inline constexpr Message partition_shapes{"partition-shapes", Severity::error,
                                          "shape and shape_from exclude each other",
                                          "leave one of them out"};
inline constexpr Message shape_from_name{"shape-from-name", Severity::error,
                                         "shape_from names a tensor parameter of this task", "{0}"};
inline constexpr Message launch_callee{"launch-callee", Severity::error,
                                       "the first argument of a launch is a task",
                                       "write {0}.launch(task_name, ...)"};
inline constexpr Message unknown_task{"unknown-task", Severity::error, "unknown task '{0}'", "{1}"};
inline constexpr Message launch_too_many{"launch-too-many", Severity::error,
                                         "task '{0}' takes {1} arguments, not {2}"};
inline constexpr Message launch_missing{"launch-missing", Severity::error,
                                        "the launch of '{0}' lacks the argument '{1}'"};
inline constexpr Message launch_argument_kind{"launch-argument-kind", Severity::error,
                                              "parameter '{0}' of '{1}' is {2}, not {3}"};
inline constexpr Message leaf_launches{"leaf-launches", Severity::error,
                                       "leaf task '{0}' launches a task",
                                       "a leaf calls primitives only; leave leaf=True out, or "
                                       "call the primitive here"};
inline constexpr Message recursion{"recursion", Severity::error, "tasks launch each other: {0}",
                                   "tasks cannot recur; write a loop"};
inline constexpr Message launches_too_deep{"launches-too-deep", Severity::error,
                                           "launches from here nest more than {0} deep"};
inline constexpr Message composite_calls_primitive{
    "composite-calls-primitive", Severity::error,
    "task '{0}' calls a primitive, but it is not a leaf",
    "write @{1}.define(leaf=True), or launch a leaf task that calls it"};
inline constexpr Message primitive_name{"primitive-name", Severity::error,
                                        "the first argument is the primitive's name, a string",
                                        "write {0}.call_primitive(\"gemm\", C, A, B)"};
inline constexpr Message unknown_primitive{"unknown-primitive", Severity::error,
                                           "unknown primitive '{0}'", "{1}"};
inline constexpr Message unknown_primitive_attribute{"unknown-primitive-attribute", Severity::error,
                                                     "{0} has no attribute '{1}'", "{2}"};
inline constexpr Message missing_operand{"missing-operand", Severity::error, "{0} needs '{1}'",
                                         "{1}: {2}"};
inline constexpr Message literal_operand{"literal-operand", Severity::error,
                                         "operand '{0}' of {1} is {2}, not {3}"};
inline constexpr Message attribute_kind{"attribute-kind", Severity::error,
                                        "attribute '{0}' of {1} is {2}, not {3}"};
inline constexpr Message attribute_choice{"attribute-choice", Severity::error,
                                          "attribute '{0}' of {1} cannot be '{2}'", "{3}"};

/// What Python has and Task Lang has not, with what to write instead.
struct Forbidden {
  std::string_view word;
  std::string_view hint;
};
inline constexpr std::array<Forbidden, 19> forbidden_statements{{
    {"class", "tasks are functions at file level, and tensors their parameters"},
    {"while", "write for i in task.sequential_range(n):"},
    {"def", "move it to file level and launch it; what it needs it takes as parameters"},
    {"return", "a task returns nothing; outputs are parameters"},
    {"global", "pass values as parameters"},
    {"nonlocal", "pass values as parameters"},
    {"with", "write the statements without it"},
    {"try", "check with assert what must hold"},
    {"except", "check with assert what must hold"},
    {"finally", "check with assert what must hold"},
    {"raise", "write assert condition, \"message\""},
    {"import", "the import stands at file level: import task_lang as task"},
    {"from", "the only import is: import task_lang as task"},
    {"del", "variables end with their task"},
    {"break", "a loop runs over its whole range; put the condition in an if or in the bounds"},
    {"continue", "put the rest of the loop's body in an if"},
    {"async", "tasks run side by side by themselves"},
    {"await", "tasks run side by side by themselves"},
    {"yield", "a task returns nothing; outputs are parameters"},
}};
inline constexpr std::array<Forbidden, 9> forbidden_operators{{
    {"@", "a matrix product is the primitive gemm, in a leaf task"},
    {"&", "write and, or // and % on integers"},
    {"|", "write or, or + on integers"},
    {"^", "write != on conditions"},
    {"~", "write not"},
    {"<<", "write * 2 ** n"},
    {">>", "write // 2 ** n"},
    {"is", "compare with == or !="},
    {"in", "write x == a or x == b"},
}};
inline constexpr const char* not_in_hint = "write x != a and x != b";
inline constexpr const char* lambda_hint = "write a task and launch it";
inline constexpr const char* await_hint = "a task has no value; launch it in a statement";
inline constexpr const char* nested_task_hint =
    "move it to file level and launch it; what it needs it takes as parameters";
inline constexpr std::array<Forbidden, 10> python_functions{{
    {"range", "write for i in task.sequential_range(n):"},
    {"len", "the first extent is .shape[0], the number of dimensions .ndim"},
    {"print", "what a task computes is seen in its outputs"},
    {"int", "integers are made by // and task.ceildiv"},
    {"float", "an integer is converted where a float is needed"},
    {"abs", "on numbers write max(x, -x); on tensors it is a primitive"},
    {"sum", "on numbers write +; on tensors it is the primitive reduce_sum"},
    {"tuple", "write (a, b)"},
    {"list", "write [a, b]"},
    {"enumerate", "write for i in task.sequential_range(n):"},
}};

}  // namespace septran::messages
