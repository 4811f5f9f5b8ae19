// All that users are told about faults, by layer. Codes are unique and never reused, and each
// occurs in a test. Only .cpp files include this file.
#pragma once

#include <array>
#include <string_view>

#include "compiler/base/diagnostic.h"

namespace septran::messages {

// ==== YAML files and machine descriptions (targets)

inline constexpr Message yaml_syntax{"yaml-syntax", Severity::error, "this is not valid YAML: {0}",
                                     "{1}"};
inline constexpr const char* yaml_tab_hint = "indent with spaces: YAML does not allow tabs there";
inline constexpr const char* yaml_indent_hint =
    "check the indentation: the keys of one map start in one column";
inline constexpr const char* yaml_key_hint =
    "check this line and the one above: a ':' after a key needs a blank behind it";
inline constexpr const char* yaml_general_hint =
    "look here and in the line above for a bracket, a quote or a ':' that is missing";
inline constexpr const char* yaml_anchor_hint = "an anchor is written &name before its value";
inline constexpr const char* yaml_parameter_hint =
    "within braces or brackets, a template parameter needs quotes: \"${name}\"";
inline constexpr Message yaml_empty{"yaml-empty", Severity::error, "the file is empty",
                                    "{0} starts with a line such as '{1}'"};
inline constexpr Message yaml_other_file{"yaml-other-file", Severity::error, "this is {0}, not {1}",
                                         "{2}"};
inline constexpr const char* give_mapping_hint = "a mapping is given after --mapping";
inline constexpr const char* give_target_hint = "a target description is given after --target";
inline constexpr Message yaml_not_text{"yaml-not-text", Severity::error,
                                       "this is not a text file: it holds a NUL byte",
                                       "YAML files are UTF-8 text"};
inline constexpr Message yaml_not_utf8{"yaml-not-utf8", Severity::error,
                                       "byte 0x{0:02x} is not UTF-8", "save the file as UTF-8"};
inline constexpr Message yaml_too_large{"yaml-too-large", Severity::error,
                                        "the file has {0} bytes; at most {1} are read",
                                        "describe less in one file"};
inline constexpr Message yaml_too_deep{
    "yaml-too-deep", Severity::error, "this is nested more than {0} levels deep",
    "a mapping or a description needs few levels: look for a bracket or an indentation too many"};
inline constexpr Message yaml_too_many_nodes{
    "yaml-too-many-nodes", Severity::error,
    "the file holds more than {0} values once its aliases are expanded",
    "write the values out, or leave aliases of aliases out"};
inline constexpr Message yaml_recursive_alias{"yaml-recursive-alias", Severity::error,
                                              "this alias stands inside the value that it names",
                                              "write the value out"};
inline constexpr Message yaml_duplicate_key{"yaml-duplicate-key", Severity::error,
                                            "'{0}' is given twice", "keep one of the two"};
inline constexpr const char* yaml_duplicate_key_note = "first given here";
inline constexpr const char* in_nanoseconds_note = "given in nanoseconds here";
inline constexpr Message yaml_key_not_a_name{"yaml-key-not-a-name", Severity::error,
                                             "a key must be a name, not {0}",
                                             "write a plain word before the ':'"};
inline constexpr Message yaml_several_documents{
    "yaml-several-documents", Severity::error, "a second document starts here; a file holds one",
    "remove the line '---' and what follows, or make it a file of its own"};
inline constexpr Message yaml_wrong_type{"yaml-wrong-type", Severity::error,
                                         "{0} must be {1}, not {2}", "write {1} here"};
inline constexpr Message yaml_out_of_range{"yaml-out-of-range", Severity::error,
                                           "{0} is {1}; it must be from {2} to {3}",
                                           "choose a value from {2} to {3}"};
inline constexpr Message yaml_missing_key{"yaml-missing-key", Severity::error, "{0} lacks '{1}'",
                                          "add a line '{1}: ...'"};
inline constexpr Message yaml_unknown_key{"yaml-unknown-key", Severity::error,
                                          "unknown key '{0}' in {1}", "{2}"};
inline constexpr Message yaml_unknown_tag{
    "yaml-unknown-tag", Severity::error, "unknown tag '{0}' on {1}",
    "leave the tag out; '!tune' is the only one, and stands in mappings"};
inline constexpr const char* nearest_hint = "did you mean '{0}'?";
inline constexpr const char* expression_hint =
    "an expression is of numbers and names with + - * / // % **, comparisons, and, or, not, min, "
    "max, ceildiv, and `a if condition else b`";
inline constexpr const char* write_integer_hint = "write an integer";
inline constexpr const char* no_dtype_hint =
    "the task has no tensor parameter whose type it could stand for";
inline constexpr const char* known_hint = "known here: {0}";
inline constexpr const char* some_known_hint = "known here are {0}, such as {1}";
inline constexpr const char* none_known_hint = "none is known here: leave it out";

inline constexpr Message machine_unknown_name{"machine-unknown-name", Severity::error,
                                              "unknown {0} '{1}'", "{2}"};
inline constexpr Message machine_duplicate_name{"machine-duplicate-name", Severity::error,
                                                "{0} '{1}' is described twice",
                                                "rename one of the two"};
inline constexpr Message machine_lacks{"machine-lacks", Severity::error,
                                       "a machine of family {0} needs the {1} '{2}'",
                                       "add '{2}'; docs/targets.md says what it holds"};
inline constexpr Message machine_bad_path{"machine-bad-path", Severity::error,
                                          "the path from {0} to {1} {2}",
                                          "a path is {{from: A, to: B, engine: E}}, or {{from: A, "
                                          "to: B, via: C}} with paths from A to C and from C to B"};
inline constexpr const char* path_to_itself = "needs 'via': it starts and ends in one memory";
inline constexpr const char* path_alignment_of_memory =
    "moves multiples of {0} bytes, but buffers in {1} begin at multiples of {2}";
inline constexpr const char* path_without_engine = "needs an 'engine' or a 'via'";
inline constexpr const char* path_with_both =
    "has both 'engine' and 'via'; the hops' own paths name their engines";
inline constexpr const char* path_hop_missing =
    "goes via {0}, but there is no path from {1} to {2}";
inline constexpr Message machine_wrong_engine{
    "machine-wrong-engine", Severity::error, "engine '{0}' is of kind {1}; {2} needs one of {3}",
    "name an engine of another kind, or change the engine's 'kind'"};
inline constexpr Message no_native_machine{
    "no-native-machine", Severity::error,
    "this machine's processor runs none of the descriptions {0}",
    "--target cpu_generic assumes nothing of the processor"};
inline constexpr Message machine_not_a_multiple{"machine-not-a-multiple", Severity::error,
                                                "{0} is {1}, which is no multiple of {2} ({3})",
                                                "choose a multiple of {2}"};
inline constexpr Message machine_not_a_power{"machine-not-a-power", Severity::error,
                                             "{0} is {1}, which is no power of 2",
                                             "choose 4, 8, 16, 32, 64, 128 or 256"};
inline constexpr Message machine_bad_tile{"machine-bad-tile", Severity::error,
                                          "a native tile has two extents",
                                          "write [k, n]; with 'panels', [m, n]"};
inline constexpr Message machine_bad_architecture{"machine-bad-architecture", Severity::error,
                                                  "'{0}' is no architecture of GPUs",
                                                  "one such as 'sm_90a'"};
inline constexpr Message machine_narrower{
    "machine-narrower", Severity::error,
    "{0} cannot be held as {1}, which lacks some of its values",
    "name a type that holds all its values"};
inline constexpr Message machine_wrong_sums{"machine-wrong-sums", Severity::error,
                                            "products of {0} and {1} cannot be summed in {2}",
                                            "such sums are {3}; the accumulator must hold them"};
inline constexpr Message machine_not_a_product{
    "machine-not-a-product", Severity::error,
    "a matrix engine does not execute '{0}': with 'matrix_types', 'gemm' is the only primitive",
    "an implementation of its own, on a vector engine, for the others"};
inline constexpr Message machine_bad_private{
    "machine-bad-private", Severity::error, "a machine of family {0} has '{1}' with private: {2}",
    "every core has its own SHARED and REGISTER, and all have one GLOBAL"};
inline constexpr Message machine_not_found{"machine-not-found", Severity::error,
                                           "there is no target '{0}'", "{1}"};
inline constexpr const char* machine_folder_hint = "{0} (shipped descriptions are in '{1}')";
inline constexpr Message machine_unreadable{"machine-unreadable", Severity::error,
                                            "cannot read the target description '{0}'",
                                            "give a readable file or the name of a shipped target"};

// ==== The text of a logic file (compiler/frontend)

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
                                          "'{0}' is never closed",
                                          "close it where the expression ends"};
inline constexpr Message unopened_bracket{"unopened-bracket", Severity::error,
                                          "'{0}' closes nothing",
                                          "leave it out, or open one before it"};
inline constexpr Message bracket_mismatch{"bracket-mismatch", Severity::error,
                                          "'{0}' does not close '{1}'",
                                          "close the inner bracket first"};
inline constexpr const char* opened_here_note = "opened here";
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
                                           "this integer does not fit in 64 bits",
                                           "sizes and constants are below 2^63"};
inline constexpr Message float_too_large{"float-too-large", Severity::error,
                                         "this number does not fit in a 64-bit float",
                                         "infinity is the inf of the language module"};

// Syntax.
inline constexpr Message parse_too_many_errors{"parse-too-many-errors", Severity::error,
                                               "reading stops after {0} errors",
                                               "there may be more"};
inline constexpr Message unexpected_token{
    "unexpected-token", Severity::error, "expected {0}, found {1}",
    "look before it for a missing comma, colon, operator or bracket"};
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
inline constexpr Message not_callable{
    "not-callable", Severity::error, "only functions of the language can be called",
    "functions are min, max and those of the language module, such as task.ceildiv(a, b)"};
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
                                        "the message of an assert is a plain string",
                                        "write assert condition, \"message\""};

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
inline constexpr Message target_count{"target-count", Severity::error, "{0:value} for {1:name}",
                                      "give as many names as values"};
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
inline constexpr const char* first_here_note = "'{0}' first stands here";
inline constexpr const char* assigned_note = "'{0}' is assigned here";
inline constexpr const char* declared_here_note = "declared here";
inline constexpr const char* parameter_note = "parameter '{0}' stands here";
inline constexpr const char* task_here_note = "task '{0}' is defined here";
inline constexpr const char* launched_here_note = "'{0}' is launched here";

// Statements and calls.
inline constexpr Message unused_value{
    "unused-value", Severity::error, "this expression does nothing",
    "a statement is an assignment, {0}.launch(...) or {0}.call_primitive(...)"};
inline constexpr Message loop_over_other{
    "loop-over-other", Severity::error, "a loop runs over a range of the language module",
    "write {0}.sequential_range(n), or {0}.parallel_range(n) if iterations are independent"};
inline constexpr Message range_count{"range-count", Severity::error,
                                     "{0:extent} for {1:loop variable}",
                                     "{2} takes one extent a variable, or one shape{3}"};
inline constexpr Message range_as_value{"range-as-value", Severity::error, "a range is not a value",
                                        "write for i in {0}.{1}(...):"};
inline constexpr Message call_as_value{"call-as-value", Severity::error,
                                       "{0}.{1}(...) has no value",
                                       "write it as a statement; results are parameters"};
inline constexpr Message function_as_value{"function-as-value", Severity::error,
                                           "'{0}.{1}' is not a value", "call it: {0}.{1}(...)"};
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
                                           "argument '{0}' of '{1}' is given twice",
                                           "keep one of the two"};
inline constexpr Message missing_argument{"missing-argument", Severity::error,
                                          "'{0}' needs the argument '{1}'", "add {1}=..."};
inline constexpr Message too_few_values{"too-few-values", Severity::error,
                                        "'{0}' takes two values or more", "write {0}(a, b)"};
inline constexpr Message tunable_name{"tunable-name", Severity::error,
                                      "a tunable is named by a string", "write it in quotes"};
inline constexpr Message unknown_dtype{"unknown-dtype", Severity::error,
                                       "unknown element type '{0}'", "{1}"};
inline constexpr Message partition_by{"partition-by", Severity::error,
                                      "a tensor is partitioned by=\"blocks\"",
                                      "write by=\"blocks\""};
inline constexpr Message partition_shapes{"partition-shapes", Severity::error,
                                          "shape and shape_from exclude each other",
                                          "leave one of them out"};
inline constexpr Message shape_from_name{"shape-from-name", Severity::error,
                                         "shape_from names a tensor parameter of this task", "{0}"};
inline constexpr Message launch_callee{"launch-callee", Severity::error,
                                       "the first argument of a launch is a task",
                                       "write {0}.launch(task_name, ...)"};
inline constexpr Message unknown_task{"unknown-task", Severity::error, "unknown task '{0}'", "{1}"};
inline constexpr Message launch_too_many{
    "launch-too-many", Severity::error, "task '{0}' takes {1:argument}, not {2}",
    "give an argument for each parameter, in their order or by name"};
inline constexpr Message launch_missing{"launch-missing", Severity::error,
                                        "the launch of '{0}' lacks the argument '{1}'",
                                        "add it, or {1}=..."};
inline constexpr Message launch_argument_kind{"launch-argument-kind", Severity::error,
                                              "parameter '{0}' of '{1}' is {2}, not {3}",
                                              "pass {2}, or change the parameter's annotation"};
inline constexpr Message leaf_launches{"leaf-launches", Severity::error,
                                       "leaf task '{0}' launches a task",
                                       "a leaf calls primitives only; leave leaf=True out, or "
                                       "call the primitive here"};
inline constexpr Message recursion{"recursion", Severity::error, "tasks launch each other: {0}",
                                   "tasks cannot recur; write a loop"};
inline constexpr Message launches_too_deep{"launches-too-deep", Severity::error,
                                           "launches from here nest more than {0} deep",
                                           "launch inner tasks from fewer levels"};
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
                                         "operand '{0}' of {1} is {2}, not {3}", "pass {2}"};
inline constexpr Message attribute_kind{"attribute-kind", Severity::error,
                                        "attribute '{0}' of {1} is {2}, not {3}", "write {2}"};
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

// ==== The evaluation of a task (compiler/frontend)

inline constexpr const char* in_iteration_note = "in the iteration {0}";
inline constexpr const char* in_place_note = "in the {0}";
inline constexpr const char* which_writes_note = "which writes '{0}' here";
inline constexpr const char* which_reads_note = "which reads '{0}' here";

// The entry task's dimensions, element types and scalars.
inline constexpr Message unknown_entry_task{"unknown-entry-task", Severity::error,
                                            "the logic file has no task '{0}'", "{1}"};
inline constexpr Message unknown_definition{"unknown-definition", Severity::error,
                                            "-D {0}: task '{1}' has no dimension or scalar '{0}'",
                                            "it has: {2}"};
inline constexpr Message repeated_definition{"repeated-definition", Severity::error,
                                             "-D {0} is given more than once",
                                             "leave one of them out"};
inline constexpr Message missing_definition{"missing-definition", Severity::error,
                                            "no value for '{0}' of task '{1}'",
                                            "give it with -D {0}=..."};
inline constexpr Message bad_definition{
    "bad-definition", Severity::error, "-D {0}={1}: expected {2}",
    "integers such as 512, numbers such as 1e-3, true and false; expressions are not computed"};
inline constexpr Message unknown_entry_argument{"unknown-entry-argument", Severity::error,
                                                "task '{1}' has no tensor parameter '{0}'",
                                                "it has: {2}"};
inline constexpr Message missing_entry_shape{
    "missing-entry-shape", Severity::error,
    "parameter '{0}' of the entry task has no annotation, so its shape must be given",
    "give it with --arg {0}=f32[...], or annotate it: {0}: task.Tensor[\"M\", \"N\"]"};
inline constexpr Message entry_shape_mismatch{"entry-shape-mismatch", Severity::error,
                                              "'{0}' is given {1}, but its annotation says {2}",
                                              "change -D, --arg or the file given with --in"};
inline constexpr Message entry_dtype_mismatch{
    "entry-dtype-mismatch", Severity::error,
    "'{0}' is given element type {1}, but it is fixed to {2}",
    "change --dtype, --arg or the file given with --in, or the annotation"};
inline constexpr Message entry_too_large{"entry-too-large", Severity::error,
                                         "tensor '{0}' of {1} elements a dimension is too large",
                                         "its size in bytes must stay below 2^61"};

// Values and names.
inline constexpr Message value_type{"value-type", Severity::error, "expected {0}, found {1}",
                                    "{2}"};
inline constexpr const char* tensor_value_hint =
    "tensors are computed with by primitives, in leaf tasks";
inline constexpr const char* value_hint =
    "expressions are of numbers, truth values and shapes; they do not turn into each other";
inline constexpr const char* no_value_hint = "assign it before";
inline constexpr const char* tuple_index_hint = "count from 0, or from the end with -1";
inline constexpr const char* permutation_hint = "name each dimension once, as in (1, 0, 2)";
inline constexpr const char* varying_reshape_hint =
    "extents that depend on loop variables stay as they are, in their order";
inline constexpr const char* elements_hint = "the product of the extents stays the same";
inline constexpr const char* pair_hint = "write a pair such as (1, 1)";
inline constexpr const char* primitive_page_hint =
    "docs/primitives.md lists the attributes of each primitive";
inline constexpr Message no_value{"no-value", Severity::error, "'{0}' has no value here", "{1}"};
inline constexpr Message unknown_member{"unknown-member", Severity::error, "{0} has no '{1}'",
                                        "{2}"};
inline constexpr Message integer_overflow{"integer-overflow", Severity::error,
                                          "this integer does not fit in 62 bits",
                                          "sizes and positions are below 2^61"};
inline constexpr Message division_by_zero{"division-by-zero", Severity::error, "division by zero",
                                          "assert that the divisor is not 0, or use max(1, ...)"};
inline constexpr Message math_domain{"math-domain", Severity::error, "{0} of {1} is not a number",
                                     "assert that the argument is in the function's domain"};
inline constexpr Message not_quasi_affine{
    "not-quasi-affine", Severity::error, "{0} of values that depend on loop variables",
    "use +, -, min, max, and *, //, % by what is constant at compile time"};
inline constexpr Message not_constant{"not-constant", Severity::error,
                                      "{0} must be constant, but it is {1}",
                                      "it may not depend on loop variables"};
inline constexpr Message too_complex{"too-complex", Severity::error,
                                     "this is nested too deeply to be evaluated",
                                     "give parts of it a name"};
inline constexpr Message condition_dependent{
    "condition-dependent", Severity::error,
    "the two sides of this conditional expression differ by more than a constant",
    "use an if statement, or min and max"};
inline constexpr Message unpack_count{"unpack-count", Severity::error,
                                      "{0:name} on the left, {1:value} on the right",
                                      "give one name to each value"};
inline constexpr Message assertion_failed{"assertion-failed", Severity::error,
                                          "assertion failed{0}",
                                          "choose other dimensions, scalars or tunables"};

// Tensors, views and partitions.
inline constexpr Message extent_below_one{"extent-below-one", Severity::error,
                                          "{0} is {1}, but dimensions are at least 1",
                                          "choose a dimension or tunable that leaves at least 1"};
inline constexpr Message block_extent_count{"block-extent-count", Severity::error,
                                            "{0:block extent} for a tensor of {1:dimension}",
                                            "give one block extent to each dimension"};
inline constexpr Message too_many_subscripts{"too-many-subscripts", Severity::error,
                                             "{0:subscript} for {1} of {2:dimension}",
                                             "give at most one subscript to each dimension"};
inline constexpr Message subscript_out_of_range{"subscript-out-of-range", Severity::error,
                                                "subscript {0} is outside 0 .. {1}", "{2}"};
inline constexpr const char* tensor_index_hint =
    "subscripts of tensors and partitions count from 0; the last is .shape[i] - 1";
inline constexpr Message slice_out_of_range{
    "slice-out-of-range", Severity::error, "slice {0} : {1} leaves dimension {2} of extent {3}",
    "slices are not clipped; use min(..., {3}) for the last one"};
inline constexpr Message empty_slice{
    "empty-slice", Severity::error, "slice {0} : {1} is empty",
    "a slice holds at least one element: its end lies behind its begin"};
inline constexpr Message bad_view{"bad-view", Severity::error, "no view: {0}", "{1}"};
inline constexpr Message temporary_too_large{"temporary-too-large", Severity::error,
                                             "this tensor may take more than 2^61 bytes",
                                             "make it smaller, or cut the work into blocks"};
inline constexpr const char* tunable_here_note = "tunable '{0}' is set here";
inline constexpr Message missing_tunable{
    "missing-tunable", Severity::error, "tunable '{0}' has no value",
    "set it in the mapping's tunables, or give a default: task.tunable(\"{0}\", ...)"};

// Loops, launches and primitive calls.
inline constexpr Message loop_bounds{"loop-bounds", Severity::error,
                                     "{0:loop variable}, but {1:extent}",
                                     "give one extent a loop variable, a shape, or start and stop"};
inline constexpr Message argument_mismatch{
    "argument-mismatch", Severity::error, "argument '{0}' of '{1}' must be {2}, but it is {3}",
    "pass what the annotation says, or change the annotation"};
inline constexpr Message launch_extent_mismatch{
    "launch-extent-mismatch", Severity::error,
    "dimension {0} of argument '{1}' is {2}, but {3} is {4}",
    "the same name means the same extent throughout a signature: cut the arguments alike, or use "
    "another name"};
inline constexpr Message primitive_argument{"primitive-argument", Severity::error,
                                            "'{0}' of primitive '{1}' must be {2}, but it is {3}",
                                            "pass {2}"};
inline constexpr Message primitive_attribute{"primitive-attribute", Severity::error, "{0}", "{1}"};
inline constexpr Message primitive_shapes{
    "primitive-shapes", Severity::error, "{0}: {1}",
    "docs/primitives.md says which shapes its operands have; blocks at the edge are clipped, so "
    "cut all operands alike"};
inline constexpr Message read_only_write{"read-only-write", Severity::error,
                                         "primitive '{0}' writes '{1}', which is a read-only view",
                                         "a view made by im2col can only be read"};
inline constexpr Message operands_overlap{
    "operands-overlap", Severity::error,
    "'{0}' is written and overlaps '{1}', which is another part of the same tensor",
    "an input must be the same view as the output, or lie outside it"};
inline constexpr Message low_precision_accumulation{
    "low-precision-accumulation", Severity::warning,
    "this accumulates through '{0}' of type {1}, and rounds in every iteration of the loop",
    "accumulate in a temporary: task.tensor({0}.shape, \"f32\"), and copy it at the end"};

// What must hold for all iterations.
inline constexpr Message cannot_prove{
    "cannot-prove", Severity::error,
    "cannot tell whether this holds for all iterations within {0} points: {1}",
    "make the bounds simpler, or the loops shorter"};
inline constexpr Message parallel_conflict{
    "parallel-conflict", Severity::error,
    "iterations of this parallel_range are not independent: {0} in iteration {3} and {1} in "
    "iteration {4} touch the same part of '{2}', and one of them writes it",
    "use sequential_range, or let each iteration write its own part"};
inline constexpr Message parallel_unproved{
    "parallel-unproved", Severity::error,
    "cannot tell within {3} points whether iterations of this parallel_range are independent: {0} "
    "and {1} may touch the same part of '{2}'",
    "use sequential_range, or let each iteration write its own part"};
inline constexpr Message read_before_write{"read-before-write", Severity::error,
                                           "temporary '{0}' is read before it is written",
                                           "a temporary has no value until written; fill it first"};
inline constexpr Message read_before_write_unproved{
    "read-before-write-unproved", Severity::error,
    "cannot tell within {1} points whether temporary '{0}' is written before it is read here",
    "fill the temporary before the loop, or make the loops shorter"};
inline constexpr Message too_many_statements{
    "too-many-statements", Severity::error,
    "the launches of this program visit more than {0} statements",
    "launch fewer tasks, with larger blocks"};
inline constexpr Message too_many_errors{"too-many-errors", Severity::error,
                                         "more than {0} errors; stopped here", "mend these first"};

// ==== Mapping files (compiler/mapping)

// Expressions in a mapping file.
inline constexpr Message expression_syntax{"expression-syntax", Severity::error,
                                           "expected {0}, found {1} in this expression", "{2}"};
inline constexpr const char* quote_expression_hint =
    "within braces or brackets an expression with a comma needs quotes: \"min(M, 64)\"";
inline constexpr Message expression_unknown_name{"expression-unknown-name", Severity::error,
                                                 "unknown name '{0}' in this expression", "{1}"};
inline constexpr Message expression_type{
    "expression-type", Severity::error, "{0} needs {1}, not {2}",
    "compare, or convert: a condition is such as M <= 16, a number such as 2 * M"};
inline constexpr Message expression_division_by_zero{"expression-division-by-zero", Severity::error,
                                                     "this divides by zero",
                                                     "use max(1, ...) as divisor"};
inline constexpr Message expression_overflow{"expression-overflow", Severity::error,
                                             "the result of this does not fit a 64-bit number",
                                             "numbers here are below 2^63"};
inline constexpr Message mapping_expression_too_deep{
    "mapping-expression-too-deep", Severity::error,
    "this expression nests more than {0} levels deep", "make the expression simpler"};
inline constexpr Message expression_ambiguous_dtype{
    "expression-ambiguous-dtype", Severity::error,
    "'dtype' is ambiguous here: the entry's tensors differ in element type",
    "name a tensor: '{0}.dtype'"};
inline constexpr Message expression_not_an_integer{"expression-not-an-integer", Severity::error,
                                                   "{0} must be an integer; this gives {1}", "{2}"};
inline constexpr const char* use_floor_division = "'//' divides integers";

// Files, templates, cases.
inline constexpr Message mapping_extends_unreadable{"mapping-extends-unreadable", Severity::error,
                                                    "cannot read '{0}', which this file extends",
                                                    "the path is relative to this file"};
inline constexpr Message mapping_extends_cycle{"mapping-extends-cycle", Severity::error,
                                               "'{0}' extends itself, through the files noted",
                                               "extend a template that does not extend this file"};
inline constexpr const char* extends_note = "'{0}' extends '{1}' here";
inline constexpr Message mapping_with_without_extends{
    "mapping-with-without-extends", Severity::error, "'with' needs 'extends' beside it",
    "add 'extends: FILE', or leave 'with' out"};
inline constexpr Message mapping_template_parameter_missing{
    "mapping-template-parameter-missing", Severity::error,
    "the template parameter '{0}' has no value", "{1}"};
inline constexpr const char* template_give_hint = "give it under 'with:' beside 'extends:'";
inline constexpr const char* template_root_hint =
    "this file is a template: extend it from a file that gives its parameters under 'with:'";
inline constexpr const char* template_used_note = "the template is extended here";
inline constexpr Message mapping_template_parameter_unused{
    "mapping-template-parameter-unused", Severity::error,
    "'{0}' does not use the template parameter '{1}'", "{2}"};
inline constexpr Message mapping_template_syntax{
    "mapping-template-syntax", Severity::error,
    "'${{' starts a template parameter, but no name and '}}' follow", "write it as '${{name}}'"};
inline constexpr Message mapping_template_not_text{
    "mapping-template-not-text", Severity::error,
    "the template parameter '{0}' is {1}; only a name or number can be part of a longer text",
    "give a number or a text"};
inline constexpr Message mapping_template_too_large{
    "mapping-template-too-large", Severity::error,
    "the parameters of this template fill in more than {0} bytes", "give shorter parameters"};
inline constexpr Message mapping_tune_type{"mapping-tune-type", Severity::error,
                                           "unknown kind of '!tune': '{0}'", "{1}"};
inline constexpr Message mapping_tune_empty{"mapping-tune-empty", Severity::error,
                                            "this search space is empty: {0}",
                                            "give at least one value"};
inline constexpr Message mapping_tune_first{
    "mapping-tune-first", Severity::note,
    "this file is a search space; the first value of each '!tune' is taken",
    "`septran check` compares files with one value each"};

// Values.
inline constexpr Message mapping_unknown_name{"mapping-unknown-name", Severity::error,
                                              "unknown {0} '{1}'", "{2}"};
inline constexpr Message mapping_unknown_operand{
    "mapping-unknown-operand", Severity::error,
    "task '{0}' has no tensor parameter or temporary '{1}'", "{2}"};
inline constexpr Message mapping_scalar_operand{
    "mapping-scalar-operand", Severity::error,
    "'{0}' is a scalar parameter of task '{1}'; only tensors have a place",
    "leave it out: scalars are passed by value"};
inline constexpr Message mapping_private_memory{
    "mapping-private-memory", Severity::error,
    "'{0}' cannot lie in {1} here: instance '{2}' runs on HOST, but every BLOCK has its own {1}",
    "leave it in GLOBAL here and place it in the `mems` of the BLOCK instance"};
inline constexpr const char* parameter_here_note = "the parameter is declared here";
inline constexpr Message mapping_unknown_tunable{
    "mapping-unknown-tunable", Severity::error,
    "neither task '{0}' nor any task that it launches reads the tunable '{1}'", "{2}"};
inline constexpr Message mapping_unknown_loop{"mapping-unknown-loop", Severity::error,
                                              "task '{0}' has no {1} loop over '{2}'", "{3}"};
inline constexpr const char* loop_here_note = "'{0}' is a {1} loop";
inline constexpr Message mapping_repeated_loop{
    "mapping-repeated-loop", Severity::error, "'{0}' occurs twice in '{1}'", "name each loop once"};
inline constexpr Message mapping_no_loop{"mapping-no-loop", Severity::error,
                                         "'{0}' needs a {1} loop, and task '{2}' has none",
                                         "put '{0}' on the instance of the task that has the loop"};
inline constexpr Message mapping_rotate_not_placed{
    "mapping-rotate-not-placed", Severity::error,
    "'rotate' names '{0}', which the 'mems' of this instance do not place",
    "'rotate' stands on the instance whose 'mems' place the buffer"};
inline constexpr Message mapping_processor_count{"mapping-processor-count", Severity::error,
                                                 "{0} is {1}, but {2} has {3:BLOCK processor}",
                                                 "from 1 to {3}"};
inline constexpr Message mapping_not_a_multiple{"mapping-not-a-multiple", Severity::error,
                                                "'{0}' is {1}, not a multiple of {2}",
                                                "choose a multiple of {2}"};
inline constexpr Message mapping_turns_need_tiles{
    "mapping-turns-need-tiles", Severity::error,
    "warpgroups that share a tile's rows have no turns to take",
    "'share: tiles' gives each its own"};
inline constexpr Message mapping_too_many_registers{
    "mapping-too-many-registers", Severity::error,
    "{0:warpgroup} of {1:register} a thread and one of {2} take {3}, but a block has {4}",
    "give fewer registers or fewer warpgroups"};
inline constexpr Message mapping_cluster_too_large{
    "mapping-cluster-too-large", Severity::error,
    "a cluster of {0} blocks is larger than {1}, which every GPU with clusters runs",
    "choose a smaller cluster"};
inline constexpr Message mapping_bad_workers{"mapping-bad-workers", Severity::error,
                                             "'workers' cannot be '{0}'",
                                             "'grid', 'all' or a number of processors"};
inline constexpr Message mapping_schedule_syntax{
    "mapping-schedule-syntax", Severity::error, "'{0}' is no schedule entry",
    "write a callee, 'callee#2' for its second launch, 'callee@-1' for that of one trip earlier"};
inline constexpr Message mapping_schedule_unknown{
    "mapping-schedule-unknown", Severity::error,
    "task '{0}' has no launch '{1}' inside a sequential loop", "{2}"};
inline constexpr Message mapping_schedule_repeated{"mapping-schedule-repeated", Severity::error,
                                                   "launch '{0}' occurs twice in the schedule",
                                                   "a second launch of one task is written name#2"};
inline constexpr Message mapping_schedule_missing{"mapping-schedule-missing", Severity::error,
                                                  "the schedule leaves out the launch '{0}'",
                                                  "every launch of the loop occurs exactly once"};
inline constexpr const char* launch_here_note = "it is launched here";

// Bindings.
inline constexpr Message mapping_not_a_leaf{"mapping-not-a-leaf", Severity::error,
                                            "task '{0}' is not a leaf; only leaf tasks are bound",
                                            "to say which instance it becomes, use 'calls'"};
inline constexpr Message mapping_binding_unused{
    "mapping-binding-unused", Severity::warning,
    "task '{0}' never launches the leaf task '{1}': this binding has no effect",
    "leave the binding out, or bind a leaf task that is launched"};
inline constexpr Message mapping_wrong_implementation{
    "mapping-wrong-implementation", Severity::error,
    "implementation '{0}' executes none of the primitives of '{1}' ({2})", "{3}"};
inline constexpr const char* implementations_hint = "these can: {0}";
inline constexpr const char* primitive_here_note = "the primitive is called here";
inline constexpr const char* no_tiles_hint = "it offers no choice: leave 'tile' out";
inline constexpr Message mapping_wrong_tile{"mapping-wrong-tile", Severity::error,
                                            "implementation '{0}' has no native tile [{1}]", "{2}"};
inline constexpr Message mapping_swaps_nothing{
    "mapping-swaps-nothing", Severity::error,
    "leaf task '{0}' has no product that could be swapped", "leave 'swap' out: it is for `gemm`"};
inline constexpr Message mapping_bad_split{
    "mapping-bad-split", Severity::error,
    "an item of 'split' names one dimension and its size, as in '{{k: 64}}'",
    "write split: {{k: 64}}, or a list: [{{n: 256}}, {{k: 64}}]"};

// Instances and how they hang together.
inline constexpr Message mapping_no_entrypoint{"mapping-no-entrypoint", Severity::error,
                                               "the file has no 'entrypoint'",
                                               "name the instance that the host starts{0}"};
inline constexpr const char* entrypoint_of = ", for example '{0}'";
inline constexpr Message mapping_call_not_launched{"mapping-call-not-launched", Severity::error,
                                                   "task '{0}' does not launch '{1}'", "{2}"};
inline constexpr Message mapping_call_wrong_task{
    "mapping-call-wrong-task", Severity::error,
    "instance '{0}' runs task '{1}', not '{2}' which is launched here",
    "name an instance with 'task_name: {2}'"};
inline constexpr const char* instance_task_note = "its task is given here";
inline constexpr Message mapping_ambiguous_instance{
    "mapping-ambiguous-instance", Severity::error,
    "instance '{0}' launches task '{1}', which several instances run: {2}",
    "choose one: calls: {{{1}: {3}}}"};
inline constexpr const char* candidate_note = "a candidate";
inline constexpr Message mapping_no_instance{
    "mapping-no-instance", Severity::error,
    "instance '{0}' launches task '{1}', which no instance runs",
    "add an instance with 'task_name: {1}'"};
inline constexpr Message mapping_cannot_launch{
    "mapping-cannot-launch", Severity::error,
    "instance '{0}' on processor {1} launches instance '{2}' on {3}, which {1} cannot launch",
    "{1} can launch: {4}"};
inline constexpr const char* processor_note = "the launched instance's processor";
inline constexpr Message mapping_entry_processor{
    "mapping-entry-processor", Severity::error,
    "the host starts the entry point, and HOST cannot launch {0}", "HOST can launch: {1}"};
inline constexpr Message mapping_unreached{"mapping-unreached", Severity::warning,
                                           "nothing launches instance '{0}'",
                                           "leave it out, or name it in 'calls'"};

// ==== The text of a tile program (compiler/tile)

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
    "tile-rank-mismatch", Severity::error, "{0:subscript} for '%{1}', which has {2:dimension}",
    "give one subscript for each dimension, or none for the whole tensor"};
inline constexpr Message tile_shadowed_variable{"tile-shadowed-variable", Severity::error,
                                                "'{0}' is already the variable of a loop around it",
                                                "choose another name"};
inline constexpr Message tile_bad_attribute{"tile-bad-attribute", Severity::error, "{0}", "{1}"};
inline constexpr Message tile_too_many_operands{
    "tile-too-many-operands", Severity::error, "{0} takes at most {1:operand}, not {2}",
    "operands are separated by ',', attributes by blanks"};
inline constexpr Message tile_too_many_errors{"tile-too-many-errors", Severity::error,
                                              "too many errors; the rest is not read",
                                              "correct those above first"};

// ==== Instantiation and the passes (compiler/passes)

inline constexpr const char* for_call_note = "for this call";
inline constexpr const char* views_launched_note = "launched here";
inline constexpr const char* made_here_note = "it is made here";
inline constexpr const char* instance_here_note = "the instance is here";
inline constexpr const char* searched_instance_note = "looked in the tunables of instance '{0}'";
inline constexpr const char* placed_note = "{0} is placed in {1} here";
inline constexpr const char* moved_for_note = "moved for this";
inline constexpr const char* buffer_bytes_note = "{0}: {1} {2}{3}{4} = {5:byte}";
inline constexpr const char* not_scheduled_note = "this is not a part of any of them";
inline constexpr const char* scheduled_here_note = "'{0}' stands here";
inline constexpr const char* uses_here_note = "'{0}' uses {1} here";
inline constexpr const char* tensor_here_note = "this tensor";
inline constexpr const char* carried_here_note = "here";
inline constexpr Message temporary_without_memory{
    "temporary-without-memory", Severity::error,
    "temporary '{0}' of task '{1}' has no place: instance '{2}' has no `mems` entry for it",
    "add `{0}: MEMORY` to the `mems` of '{2}'; memories with room for it: {3}"};
inline constexpr Message temporary_in_none{
    "temporary-in-none", Severity::error,
    "temporary '{0}' of task '{1}' cannot be NONE: it is made here, so it has to lie somewhere",
    "name a memory: {2}; NONE is for arguments whose parts are placed deeper"};
inline constexpr Message no_implementation{
    "no-implementation", Severity::error, "nothing on {0} executes `{1}` with operands {2}", "{3}"};
inline constexpr Message binding_mismatch{
    "binding-mismatch", Severity::error,
    "implementation '{0}' does not take `{1}` with operands {2}", "{3}"};
inline constexpr Message resident_without_effect{
    "resident-without-effect", Severity::warning,
    "`resident` has no effect on '{0}' of instance '{1}', {2}", "leave it out: {3}"};
inline constexpr Message rotate_without_effect{
    "rotate-without-effect", Severity::warning,
    "`rotate` has no effect on '{0}' of instance '{1}', {2}", "leave it out: {3}"};
/// Why an entry of a mapping has no effect.
struct Idle {
  const char* why;
  const char* hint;
};
inline constexpr Idle idle_written{
    "which writes it", "a written argument has a buffer for all that is touched of it anyway"};
inline constexpr Idle idle_read{"which only reads it",
                                "`pipeline` says how deep what is only read is buffered"};
inline constexpr Idle idle_copy{"which uses it where it lies", "only what is copied has parts"};
inline constexpr Idle idle_depth{"which uses it where it lies",
                                 "the instance that places the buffer says how deep it is"};
inline constexpr Idle idle_once{"which has it outside of every loop",
                                "a second slot is for the next trip of a loop around it"};
inline constexpr Message spread_not_combining{
    "spread-not-combining", Severity::error,
    "'{0}' cannot be spread: what processors write to {1} by `{2}` does not combine",
    "spread a loop that only adds up, by `gemm` or reductions with accumulate"};
inline constexpr Message spread_mixed{
    "spread-mixed", Severity::error,
    "'{0}' cannot be spread: shares of {1} would be combined in two ways, `{2}` is one of them",
    "keep sums, maxima and minima in tensors of their own"};
inline constexpr Message spread_rounded{
    "spread-rounded", Severity::error,
    "'{0}' cannot be spread: {1} is {2}, and is rounded in every trip",
    "sum in a temporary of f32 or i32, and copy it to {1} behind the loop"};
inline constexpr Message spread_reads_sums{
    "spread-reads-sums", Severity::error,
    "'{0}' cannot be spread: `{2}` reads {1} before it is complete",
    "what a spread loop adds up is known behind it only"};
inline constexpr Message spread_needs_shared{
    "spread-needs-shared", Severity::error, "'{0}' cannot be spread: its trips need {1}, which {2}",
    "spread a loop that reads arguments, and temporaries of the same iteration"};
inline constexpr const char* spread_written_before = "the iteration itself writes for all to see";
inline constexpr const char* spread_written_later =
    "a trip of the loop around changes for the next one";
inline constexpr Message split_unsupported{"split-unsupported", Severity::error,
                                           "`{0}` cannot be split along '{1}'",
                                           "its output does not carry partial results along it"};
inline constexpr Message no_path{"no-path", Severity::error,
                                 "{0} has no path from {1} to {2} for '{3}'", "{4}"};
inline constexpr Message path_misaligned{
    "path-misaligned", Severity::error,
    "what {0} moves from {1} to {2} must begin at and fill multiples of {3} bytes: {4}",
    "choose tiles and extents whose rows are such multiples"};
inline constexpr const char* misaligned_begin = "parts of '{0}' do not always begin at one";
inline constexpr const char* misaligned_rows = "rows of '{0}' are {1:byte} apart";
inline constexpr const char* misaligned_runs = "rows of '{0}' do not always fill one";
inline constexpr Message rotate_not_private{
    "rotate-not-private", Severity::error,
    "'{0}' lies in {1}, where buffers have no second slot to rotate to",
    "leave '{0}' out of `rotate`, or place it in a memory of the core"};
inline constexpr Message view_not_expressible{
    "view-not-expressible", Severity::error,
    "this view of '{0}' cannot be taken through the views it is made of",
    "take it from a tensor with that shape, or copy it first"};
inline constexpr Message does_not_fit{
    "does-not-fit", Severity::error,
    "{0} of {1} is too small: {2:byte is/bytes are} needed, {3} are there ({4:byte} too many)",
    "{5}"};
inline constexpr Message registers_do_not_fit{
    "registers-do-not-fit", Severity::error,
    "the tiles in REGISTER that are used together take {0:register} of each of {1:thread}, which "
    "have {2} ({3} too many)",
    "use smaller tiles"};
inline constexpr const char* tile_registers_note = "{0}: {1} {2} = {3:register} of a thread";
inline constexpr const char* smaller_tiles_hint =
    "use smaller tiles, a smaller `pipeline` or `rotate`, or another memory";
inline constexpr const char* smaller_problem_hint =
    "the tensors themselves do not fit: use smaller dimensions or element types";
inline constexpr Message private_temporary_shared{
    "private-temporary-shared", Severity::error,
    "temporary '{0}' lies in {1}, which every processor has for itself, but is used across them",
    "make it inside the parallel loop, or place it in GLOBAL"};
inline constexpr Message written_in_two_views{
    "overlapping-arguments", Severity::error,
    "arguments '{0}' and '{1}' of this launch overlap and one is written, but they are placed "
    "apart",
    "place both in one memory by reference (no `mems` entries for them)"};
inline constexpr Message group_needs_one{
    "group-needs-one-loop", Severity::error, "`group` takes one loop variable, {0} are given",
    "group the variable whose blocks share the larger operand"};
inline constexpr Message cluster_uneven{
    "cluster-uneven", Severity::warning, "blocks run alone, not in clusters of {0}: '{1}' has {2}",
    "a cluster has a number for each variable of the parallel loop, of which its iterations are a "
    "multiple"};
inline constexpr const char* iterations_known = "{:iteration}";
inline constexpr const char* iterations_vary = "a varying number of iterations";
inline constexpr Message schedule_unnamed{
    "schedule-unnamed", Severity::error,
    "this loop does more than the launches that its `schedule` names",
    "launch it as a task of its own, or take the schedule away"};
inline constexpr Message schedule_dependence{
    "schedule-dependence", Severity::error,
    "in this order '{0}' would start before '{1}' of {2} is over, but both use {3}, and one of "
    "them "
    "writes it",
    "move '{1}' forward, or take '{0}' from more trips earlier"};
inline constexpr Message too_many_events{
    "too-many-events", Severity::error,
    "the program needs {0:event counter}, a core of {1} has {2}",
    "a core needs one for each engine at work in a kernel, and more to let these work side by "
    "side"};
inline constexpr Message event_beyond_maximum{
    "event-beyond-maximum", Severity::error,
    "{1} may signal '{0}' {2} times ahead of {3}, but an event counter of {5} holds {4}",
    "lower `pipeline` or `rotate`; a launch under a condition lets engines run ahead of each "
    "other"};

// ==== The accelerator's programs, assembly and lowering (targets/dsa). {0} is the place within the
// program, such as "instruction 3 (loop)", unless said otherwise.

// Structure of a program, from whatever source.
inline constexpr Message dsa_table_too_long{"dsa-table-too-long", Severity::error,
                                            "{0} has {1} entries; the format allows {2}",
                                            "make the kernel smaller"};
inline constexpr Message dsa_name_too_long{"dsa-name-too-long", Severity::error,
                                           "{0}: the name has {1} bytes; the format allows {2}",
                                           "choose a shorter name"};
inline constexpr Message dsa_out_of_range{"dsa-out-of-range", Severity::error,
                                          "{0}: {1} is {2}, outside {3} .. {4}",
                                          "write a value from {3} to {4}"};
inline constexpr Message dsa_no_halt{"dsa-no-halt", Severity::error, "{0} does not end with halt",
                                     "halt is the last instruction"};
inline constexpr Message dsa_early_halt{"dsa-early-halt", Severity::error,
                                        "{0}: halt stands before the end of the program",
                                        "skip over what shall not run"};
inline constexpr Message dsa_crosses_block{"dsa-crosses-block", Severity::error,
                                           "{0}: its {1:instruction reaches/instructions reach} "
                                           "beyond the {2} left in the block around it",
                                           "loops and skips nest; the last halt belongs to none"};
inline constexpr Message dsa_nesting_too_deep{"dsa-nesting-too-deep", Severity::error,
                                              "{0}: loops and skips nest deeper than {1}",
                                              "nest fewer loops in each other"};
inline constexpr Message dsa_register_not_writable{"dsa-register-not-writable", Severity::error,
                                                   "{0} writes r{1}, {2}", "use another register"};
inline constexpr Message dsa_wrong_operand_kind{"dsa-wrong-operand-kind", Severity::error,
                                                "{0}: {1} is {2}, but has to be {3}",
                                                "docs/isa.md says what each operand has to be"};
inline constexpr Message dsa_wrong_operand_count{"dsa-wrong-operand-count", Severity::error,
                                                 "{0}: {1} takes {2:operand}, not {3}",
                                                 "_ stands for an operand that is left out"};
inline constexpr Message dsa_rank_mismatch{"dsa-rank-mismatch", Severity::error,
                                           "{0}: {1} has {2:dimension}, but has to have {3}",
                                           "give an operand of {3:dimension}"};
inline constexpr Message dsa_shape_mismatch{"dsa-shape-mismatch", Severity::error, "{0}: {1}",
                                            "docs/isa.md says which shapes belong together"};
inline constexpr Message dsa_writes_outside{
    "dsa-writes-outside", Severity::error,
    "{0}: {1} has axes, so some of its elements may lie outside the tensor and cannot be written",
    "a tile that is written has no axes"};
inline constexpr Message dsa_unknown_flag{"dsa-unknown-flag", Severity::error,
                                          "{0}: {1} has no flag '{2}'",
                                          "docs/isa.md lists the flags of each operation"};
inline constexpr Message dsa_wrong_axis{"dsa-wrong-axis", Severity::error, "{0}: {1} {2} an axis",
                                        "docs/isa.md says which operations have an axis"};
inline constexpr Message dsa_field_too_narrow{"dsa-field-too-narrow", Severity::error,
                                              "{0}: {1} does not fit the field '{2}'",
                                              "compute it in a register"};

// Limits of a machine.
inline constexpr Message dsa_wrong_target{
    "dsa-wrong-target", Severity::error,
    "{0} was made for target '{1}' (description {2:016x}), not for '{3}' ({4:016x})",
    "compile it again"};
inline constexpr Message dsa_exceeds_target{
    "dsa-exceeds-target", Severity::error, "{0}: {1} is {2}; target '{3}' allows {4}",
    "make the kernel smaller, or use a machine that has more"};
inline constexpr Message dsa_deep_event{
    "dsa-deep-event", Severity::error,
    "event '{0}' begins at {1}, as deep as its buffer; the counters of target '{2}' end at {3}",
    "a smaller `pipeline` or `rotate` there, or a machine with a larger `event_maximum`"};
inline constexpr Message dsa_unknown_memory{
    "dsa-unknown-memory", Severity::error,
    "{0}: %{1} lies in {2}, which the accelerator's instructions do not reach",
    "they reach GLOBAL, SHARED and REGISTER"};
inline constexpr Message dsa_outside_memory{"dsa-outside-memory", Severity::error,
                                            "{0} spans bytes {1} .. {2} of {3}, which has {4}",
                                            "place it within the memory"};
inline constexpr Message dsa_no_path{"dsa-no-path", Severity::error,
                                     "{0}: engine {1} of '{4}' does not copy from {2} to {3}",
                                     "`septran targets NAME` shows the paths that there are"};
inline constexpr Message dsa_unreachable_operand{
    "dsa-unreachable-operand", Severity::error,
    "{0}: {1} lies in {2}, which the {3} engine of '{4}' does not reach for {5}",
    "`septran targets NAME` shows in which memories operands may lie"};

// Program files. {0}: the file.
inline constexpr Message dsa_file_not_program{"dsa-file-not-program", Severity::error,
                                              "'{0}' is not a program file of this format: {1}",
                                              "compile it again with `septran compile --emit bin`"};
inline constexpr Message dsa_file_corrupt{"dsa-file-corrupt", Severity::error,
                                          "'{0}' is damaged at byte {1}: {2}",
                                          "compile it again with `septran compile --emit bin`"};

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
                                             "{0} errors; the rest is not shown",
                                             "mend these first"};

// Lowering. {0}: the statement and where it came from.
inline constexpr Message dsa_not_final{
    "dsa-not-final", Severity::error, "{0}: {1} cannot be lowered to instructions",
    "the tile program has to have passed all passes for its target"};
inline constexpr Message dsa_out_of_registers{
    "dsa-out-of-registers", Severity::error,
    "{0}: more than {1} values are live, one register each, on target '{2}'",
    "fewer loops around it, or smaller pipelines of fewer tensors, need fewer registers"};

// ==== The reference interpreter (compiler/reference)

inline constexpr Message temporary_memory{
    "temporary-memory", Severity::error,
    "this machine has no memory for temporary '{0}' of {1:byte} in the reference interpreter",
    "run without the check against the reference, or a smaller problem"};

// ==== Host tensors, files and comparison (runtime)

inline constexpr Message file_not_read{"file-not-read", Severity::error, "cannot read '{0}': {1}",
                                       "give a readable file"};
inline constexpr Message file_not_written{
    "file-not-written", Severity::error, "cannot write '{0}': {1}",
    "give a file in a folder that is there and may be written to"};
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
    "{0}: {1} of {2:element} {1:~differs/differ} from the reference by more than the arithmetic "
    "explains; "
    "first at {3}: {4}, expected {5}",
    "septran check compares the kernel with other mappings and targets; --check-hazards looks for "
    "races"};
inline constexpr Message inexact_result{
    "inexact-result", Severity::error,
    "{0}: relative error {1:.3g} is above the tolerance {2:.3g}, though no single element is far "
    "off",
    "septran check compares the kernel with other mappings and targets"};

// ==== The command line (tools)

inline constexpr Message option_needs_pair{
    "option-needs-pair", Severity::error, "{0} takes NAME=VALUE, not '{1}'", "for example {0} {2}"};
inline constexpr Message unknown_dtype_option{"unknown-dtype-option", Severity::error,
                                              "{0}: '{1}' is not an element type",
                                              "element types are {2}"};
inline constexpr Message bad_argument_option{"bad-argument-option", Severity::error,
                                             "--arg: '{0}' is not an element type and shape",
                                             "for example --arg A=f16[1024,512]"};
inline constexpr Message unknown_values{"unknown-values", Severity::error,
                                        "--values: '{0}' is not known",
                                        "values are normal, uniform or integers"};
inline constexpr Message option_repeated{"option-repeated", Severity::error,
                                         "{0} is given twice for '{1}'", "leave one of them out"};
inline constexpr Message one_output_file{"one-output-file", Severity::error,
                                         "two results are to be written to '{0}'",
                                         "give each a file of its own"};
inline constexpr Message output_is_input{
    "output-is-input", Severity::error,
    "what is written to '{0}' would replace a file that this command reads", "give another file"};
inline constexpr Message output_not_printed{"output-not-printed", Severity::error,
                                            "cannot write to the standard output: {0}",
                                            "make room there, or send it elsewhere"};
inline constexpr Message out_without_values{
    "out-without-values", Severity::error,
    "--timing-only computes no values, so --out has nothing to write", "leave one of the two out"};
inline constexpr Message not_a_logic_file{
    "not-a-logic-file", Severity::error,
    "'{0}' is named like a mapping file, not like a logic file",
    "the logic file (.py) comes first, the mapping after --mapping"};
inline constexpr Message not_a_mapping_file{
    "not-a-mapping-file", Severity::error, "'{0}' is named like a logic file, not like a mapping",
    "the logic file (.py) comes first, the mapping after --mapping"};
inline constexpr Message cannot_read{"cannot-read", Severity::error, "cannot read '{0}'",
                                     "it must be a readable file of at most 64 MiB"};
inline constexpr Message no_target{"no-target", Severity::error, "the mapping names no target",
                                   "add `target: NAME`, or give --target NAME"};
inline constexpr Message unknown_pass{"unknown-pass", Severity::error, "there is no pass '{0}'",
                                      "passes are {1}"};
inline constexpr Message one_mapping{"one-mapping", Severity::error,
                                     "a logic file needs one --mapping, {0} are given",
                                     "for example --mapping mappings/gemm/dsa_edge.yaml"};
inline constexpr Message undefined_entry_task{
    "undefined-entry-task", Severity::error,
    "the entry point runs task '{0}', which '{1}' does not define", "its tasks are {2}"};
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
inline constexpr Message emit_needs_output{"emit-needs-output", Severity::error,
                                           "`--emit {0}` writes a binary file and needs -o",
                                           "for example -o gemm.sdsa"};
inline constexpr Message emit_not_of_target{
    "emit-not-of-target", Severity::error, "'{0}' has no `--emit {1}`",
    "asm and bin are of accelerators, c of processors, cuda, ptx "
    "and cubin of GPUs"};
inline constexpr Message option_needs_logic{"option-needs-logic", Severity::error,
                                            "{0} has no meaning for a compiled program",
                                            "give the logic file and its mapping instead"};
inline constexpr Message nothing_to_run{"nothing-to-run", Severity::error,
                                        "no logic file or program was given",
                                        "septran-sim LOGIC --mapping FILE, or septran-sim --help"};
inline constexpr Message report_not_json{"report-not-json", Severity::error,
                                         "this is not JSON: {0}",
                                         "septran-sim --json FILE writes a report"};
inline constexpr Message report_unusable{"report-unusable", Severity::error,
                                         "this is no report of a run that ended: {0}",
                                         "septran-sim --json FILE writes a report"};
inline constexpr Message report_inconsistent{"report-inconsistent", Severity::error,
                                             "'{0}' and '{1}' cannot be compared: {2}",
                                             "docs/report.schema.json says what a report holds"};
inline constexpr Message workload_needs_logic{
    "workload-needs-logic", Severity::error,
    "a workload of sizes needs a logic file and its --mapping to run them with",
    "for example examples/gemm/gemm.py --mapping mappings/gemm/dsa_cloud.yaml --workload FILE"};
inline constexpr Message workload_empty{"workload-empty", Severity::error,
                                        "the workload has no layers",
                                        "a line with the names of the columns, then one a layer"};
inline constexpr Message workload_columns{
    "workload-columns", Severity::error, "these are not the columns of a workload",
    "Layer, M, N, K; or Layer, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, "
    "Num Filter, Strides"};
inline constexpr Message workload_unknown_column{
    "workload-unknown-column", Severity::error, "the column '{0}' has no meaning here",
    "products have M, N and K; convolutions those of SCALE-Sim's topologies; both may have "
    "Batch Size and Sparsity"};
inline constexpr Message workload_short_line{"workload-short-line", Severity::error,
                                             "this line has no value for '{0}'",
                                             "each line has as many cells as the first"};
inline constexpr Message workload_bad_size{"workload-bad-size", Severity::error,
                                           "{0} is '{1}'; it must be an integer from 1 to {2}",
                                           "write a positive integer in digits"};
inline constexpr Message workload_long_line{
    "workload-long-line", Severity::error, "'{0}' stands behind the last column",
    "each line has as many cells as the first; a note there begins with #"};
inline constexpr Message workload_sparse{"workload-sparse", Severity::error,
                                         "a layer of sparsity {0} is not simulated",
                                         "dense layers are: 1:1"};
inline constexpr Message workload_two_strides{
    "workload-two-strides", Severity::error,
    "strides of {0} and {1}: the logic file has one 'stride' for both",
    "run it as a product, with a logic file such as examples/gemm/gemm.py"};
inline constexpr Message workload_open_quote{"workload-open-quote", Severity::error,
                                             "this quotation mark is not closed on its line",
                                             "\"...\", with \"\" for a quotation mark in it"};
inline constexpr Message workload_large_filter{
    "workload-large-filter", Severity::error,
    "a filter of {0} x {1} does not fit an input of {2} x {3}",
    "the input's size includes its padding"};
inline constexpr Message sweep_form{"sweep-form", Severity::error,
                                    "--sweep takes FIELD=VALUE,VALUE,..., not '{0}'",
                                    "for example --sweep dram.channels=1,2,4"};
inline constexpr Message sweep_too_large{"sweep-too-large", Severity::error,
                                         "the sweep has more than {0} points",
                                         "give fewer values or fewer fields"};
inline constexpr Message sweep_unknown_field{"sweep-unknown-field", Severity::error,
                                             "'{0}' is no field of the description '{1}'", "{2}"};
inline constexpr Message check_needs_mapping{"check-needs-mapping", Severity::error,
                                             "`septran check` needs at least one --mapping",
                                             "for example --mapping a.yaml --mapping b.yaml"};
inline constexpr Message no_rtl_array{"no-rtl-array", Severity::error,
                                      "this build has no RTL of a {0} x {1} array", "{2}"};
inline constexpr Message not_for_rtl{"not-for-rtl", Severity::error,
                                     "the RTL of the array does not run this program: {0}",
                                     "leave '--mma rtl' away"};
inline constexpr Message backend_missing{"backend-missing", Severity::error,
                                         "this build cannot run kernels for '{0}': it lacks {1}",
                                         "`septran --version` says what a build contains"};
inline constexpr Message cpu_lacks{"cpu-lacks", Severity::error,
                                   "'{0}' uses {1}, which this machine's processor lacks",
                                   "--target cpu_native takes what this machine has"};
inline constexpr Message no_c_compiler{"no-c-compiler", Severity::error,
                                       "there is no C compiler to build the kernel with",
                                       "install one as `cc`, or name one in SEPTRAN_CC"};
inline constexpr Message c_compiler_failed{
    "c-compiler-failed", Severity::error, "the C compiler {0} could not build the kernel: {1}",
    "SEPTRAN_CC names another compiler; `--emit c` shows the code"};
inline constexpr Message no_build_folder{
    "no-build-folder", Severity::error,
    "there is no room to build the kernel: neither '{0}' nor '{1}' can be written",
    "name another folder in SEPTRAN_CACHE"};
inline constexpr Message object_not_loaded{
    "object-not-loaded", Severity::error, "the built kernel cannot be loaded: {0}",
    "empty the cache of compiled kernels, or name another folder in SEPTRAN_CACHE"};
inline constexpr Message no_gpu{"no-gpu", Severity::error,
                                "there is no GPU here to run kernels for '{0}': {1}",
                                "everything but running works without"};
inline constexpr Message gpu_other_architecture{
    "gpu-other-architecture", Severity::error,
    "code for '{0}' ({1}) does not run on this machine's {2} (compute capability {3}.{4})",
    "`septran targets` lists the descriptions"};
inline constexpr Message no_gpu_compiler{
    "no-gpu-compiler", Severity::error, "there is no NVRTC to compile the kernel with",
    "it is part of the CUDA Toolkit; its file may be named in SEPTRAN_NVRTC"};
inline constexpr Message gpu_compiler_failed{"gpu-compiler-failed", Severity::error,
                                             "NVRTC could not compile the kernel: {0}",
                                             "`--emit cuda` shows the code"};
inline constexpr Message gpu_failed{"gpu-failed", Severity::error, "the GPU's driver failed at {0}",
                                    "`nvidia-smi` shows whether the GPU works"};
inline constexpr Message no_simulated_time{"no-simulated-time", Severity::error,
                                           "--timing-only is for simulations; '{0}' is real",
                                           "leave it out, or choose a target of the family dsa"};
inline constexpr Message no_hazards_here{"no-hazards-here", Severity::error,
                                         "--check-hazards is for simulations; '{0}' is real",
                                         "leave it out, or choose a target of the family dsa"};
inline constexpr Message unknown_command{"unknown-command", Severity::error,
                                         "there is no command '{0}'", "{1}"};
inline constexpr Message bad_option_value{"bad-option-value", Severity::error, "{0}",
                                          "--help shows every option with its values"};
inline constexpr Message option_needs_other{"option-needs-other", Severity::error, "{0} is for {1}",
                                            "leave it out, or add one of them"};
inline constexpr Message option_not_with{"option-not-with", Severity::error,
                                         "{0} has no meaning with {1}", "leave one of the two out"};
inline constexpr Message empty_path{"empty-path", Severity::error, "{0} is given an empty name",
                                    "name a file"};
inline constexpr Message unknown_option{"unknown-option", Severity::error,
                                        "'{0}' has no meaning here", "{1}"};

// Calls from other programs (runtime/embed).
inline constexpr Message not_embedded{
    "not-embedded", Severity::error, "kernels for '{0}' cannot be called on this process's memory",
    "take a mapping for a target of family cpu, such as cpu_native"};
inline constexpr Message buffer_count{
    "buffer-count", Severity::error,
    "the kernel has {0:tensor}, but {1:buffer was/buffers were} passed",
    "pass one buffer a tensor parameter, in their order"};
inline constexpr Message buffer_null{"buffer-null", Severity::error, "the buffer for '{0}' is null",
                                     "pass the address of its elements"};
inline constexpr Message buffer_alignment{
    "buffer-alignment", Severity::error,
    "the buffer for '{0}' does not start at a multiple of its elements' {1} bytes",
    "align it to its elements"};
inline constexpr Message buffer_shape{
    "buffer-shape", Severity::error,
    "the buffer for '{0}' has shape {1}, but the kernel was compiled for {2}",
    "pass a buffer of that shape, or compile the kernel for this one"};
inline constexpr Message buffer_strides{
    "buffer-strides", Severity::error,
    "the buffer for '{0}' has strides {1}, but tensors are dense and row-major: {2}",
    "copy it to a dense buffer"};
inline constexpr Message buffer_overlap{
    "buffer-overlap", Severity::error,
    "the buffers for '{0}' and '{1}' overlap, and one of them is written",
    "pass buffers of their own"};

}  // namespace septran::messages
