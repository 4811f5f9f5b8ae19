// Messages about mapping files.
#pragma once

#include "compiler/base/diagnostic.h"

namespace septran::messages {

// Expressions in a mapping file.
inline constexpr Message expression_syntax{"expression-syntax", Severity::error,
                                           "expected {0}, found {1} in this expression"};
inline constexpr Message expression_unknown_name{"expression-unknown-name", Severity::error,
                                                 "unknown name '{0}' in this expression", "{1}"};
inline constexpr Message expression_type{"expression-type", Severity::error,
                                         "{0} needs {1}, not {2}"};
inline constexpr Message expression_division_by_zero{"expression-division-by-zero", Severity::error,
                                                     "this divides by zero"};
inline constexpr Message expression_overflow{"expression-overflow", Severity::error,
                                             "the result of this does not fit a 64-bit number"};
inline constexpr Message expression_too_deep{"expression-too-deep", Severity::error,
                                             "this expression nests more than {0} levels deep"};
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
                                               "'{0}' extends itself, through the files noted"};
inline constexpr const char* extends_note = "'{0}' extends '{1}' here";
inline constexpr Message mapping_with_without_extends{
    "mapping-with-without-extends", Severity::error, "'with' needs 'extends' beside it"};
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
    "the template parameter '{0}' is {1}; only a name or number can be part of a longer text"};
inline constexpr Message mapping_template_too_large{
    "mapping-template-too-large", Severity::error,
    "the parameters of this template fill in more than {0} bytes"};
inline constexpr Message mapping_tune_type{"mapping-tune-type", Severity::error,
                                           "unknown kind of '!tune': '{0}'", "{1}"};
inline constexpr Message mapping_tune_empty{"mapping-tune-empty", Severity::error,
                                            "this search space is empty: {0}"};
inline constexpr Message mapping_tune_first{
    "mapping-tune-first", Severity::note,
    "this file is a search space; the first value of each '!tune' is taken",
    "'septran tune' searches it and writes a concrete mapping"};

// Values.
inline constexpr Message mapping_unknown_name{"mapping-unknown-name", Severity::error,
                                              "unknown {0} '{1}'", "{2}"};
inline constexpr Message mapping_unknown_operand{
    "mapping-unknown-operand", Severity::error,
    "task '{0}' has no tensor parameter or temporary '{1}'", "{2}"};
inline constexpr Message mapping_scalar_operand{
    "mapping-scalar-operand", Severity::error,
    "'{0}' is a scalar parameter of task '{1}'; only tensors have a place"};
inline constexpr const char* task_here_note = "task '{0}' is defined here";
inline constexpr const char* parameter_here_note = "the parameter is declared here";
inline constexpr Message mapping_unknown_tunable{
    "mapping-unknown-tunable", Severity::error,
    "neither task '{0}' nor any task that it launches reads the tunable '{1}'", "{2}"};
inline constexpr Message mapping_unknown_loop{"mapping-unknown-loop", Severity::error,
                                              "task '{0}' has no {1} loop over '{2}'", "{3}"};
inline constexpr const char* loop_here_note = "'{0}' is a {1} loop";
inline constexpr Message mapping_repeated_loop{"mapping-repeated-loop", Severity::error,
                                               "'{0}' occurs twice in '{1}'"};
inline constexpr Message mapping_no_loop{"mapping-no-loop", Severity::error,
                                         "'{0}' needs a {1} loop, and task '{2}' has none"};
inline constexpr Message mapping_rotate_not_placed{
    "mapping-rotate-not-placed", Severity::error,
    "'rotate' names '{0}', which the 'mems' of this instance do not place",
    "'rotate' stands on the instance whose 'mems' place the buffer"};
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
                                                   "launch '{0}' occurs twice in the schedule"};
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
    "task '{0}' never launches the leaf task '{1}': this binding has no effect"};
inline constexpr Message mapping_wrong_implementation{
    "mapping-wrong-implementation", Severity::error,
    "implementation '{0}' executes none of the primitives of '{1}' ({2})", "{3}"};
inline constexpr const char* implementations_hint = "these can: {0}";
inline constexpr const char* primitive_here_note = "the primitive is called here";
inline constexpr const char* no_tiles_hint = "it offers no choice: leave 'tile' out";
inline constexpr Message mapping_wrong_tile{"mapping-wrong-tile", Severity::error,
                                            "implementation '{0}' has no native tile [{1}]", "{2}"};
inline constexpr Message mapping_bad_split{
    "mapping-bad-split", Severity::error,
    "an item of 'split' names one dimension and its size, as in '{{k: 64}}'"};

// Instances and how they hang together.
inline constexpr Message mapping_no_entrypoint{"mapping-no-entrypoint", Severity::error,
                                               "the file has no 'entrypoint'",
                                               "name the instance that the host starts{0}"};
inline constexpr const char* entrypoint_of = ", for example '{0}'";
inline constexpr Message mapping_call_not_launched{"mapping-call-not-launched", Severity::error,
                                                   "task '{0}' does not launch '{1}'", "{2}"};
inline constexpr Message mapping_call_wrong_task{
    "mapping-call-wrong-task", Severity::error,
    "instance '{0}' runs task '{1}', not '{2}' which is launched here"};
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
                                           "nothing launches instance '{0}'"};

}  // namespace septran::messages
