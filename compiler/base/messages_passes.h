// Messages of instantiation and of the passes.
#pragma once

#include "compiler/base/diagnostic.h"

namespace septran::messages {

inline constexpr Message temporary_without_memory{
    "temporary-without-memory", Severity::error,
    "temporary '{0}' of task '{1}' has no place: instance '{2}' has no `mems` entry for it",
    "add `{0}: MEMORY` to the `mems` of '{2}'; memories with room for it: {3}"};
inline constexpr Message no_instance{
    "no-instance", Severity::error, "task '{0}' is launched, but no instance of the mapping runs it",
    "add an instance with `task_name: {0}`"};
inline constexpr Message ambiguous_launch{
    "ambiguous-launch", Severity::error,
    "several instances run task '{0}': {1}; instance '{2}' does not say which it launches",
    "add `calls: {{{0}: INSTANCE}}` to '{2}'"};
inline constexpr Message no_implementation{
    "no-implementation", Severity::error,
    "nothing on {0} executes `{1}` with operands {2}", "{3}"};
inline constexpr Message binding_mismatch{
    "binding-mismatch", Severity::error,
    "implementation '{0}' does not take `{1}` with operands {2}", "{3}"};
inline constexpr Message unknown_split_dim{
    "unknown-split-dimension", Severity::error,
    "`{0}` has no iteration dimension '{1}'", "its dimensions are {2}"};
inline constexpr Message split_unsupported{
    "split-unsupported", Severity::error,
    "`{0}` cannot be split along '{1}'", "its output does not carry partial results along it"};
inline constexpr Message no_path{"no-path", Severity::error,
                                 "{0} has no path from {1} to {2} for '{3}'", "{4}"};
inline constexpr Message view_not_expressible{
    "view-not-expressible", Severity::error,
    "this view of '{0}' cannot be taken through the views it is made of",
    "take it from a tensor with that shape, or copy it first"};
inline constexpr Message does_not_fit{
    "does-not-fit", Severity::error,
    "{0} of {1} is too small: {2} bytes are needed, {3} are there ({4} bytes too many)",
    "use smaller tiles, a smaller `pipeline` or `rotate`, or another memory"};
inline constexpr Message private_temporary_shared{
    "private-temporary-shared", Severity::error,
    "temporary '{0}' lies in {1}, which every processor has for itself, but is used across them",
    "make it inside the parallel loop, or place it in GLOBAL"};
inline constexpr Message written_in_two_views{
    "overlapping-arguments", Severity::error,
    "arguments '{0}' and '{1}' of this launch overlap and one is written, but they are placed apart",
    "place both in one memory by reference (no `mems` entries for them)"};
inline constexpr Message group_needs_one{
    "group-needs-one-loop", Severity::error, "`group` takes one loop variable, {0} are given",
    "group the variable whose blocks share the larger operand"};
inline constexpr Message too_many_events{
    "too-many-events", Severity::error,
    "the program needs {0} event counters, a core of {1} has {2}",
    "use fewer separate buffers in this kernel"};

}  // namespace septran::messages
