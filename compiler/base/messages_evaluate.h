// What is said about faults found while a task is evaluated.
#pragma once

#include "compiler/base/diagnostic.h"

namespace septran::messages {

// The entry task's dimensions, element types and scalars.
inline constexpr Message unknown_entry_task{"unknown-entry-task", Severity::error,
                                            "the logic file has no task '{0}'", "{1}"};
inline constexpr Message unknown_definition{"unknown-definition", Severity::error,
                                            "-D {0}: task '{1}' has no dimension or scalar '{0}'",
                                            "it has: {2}"};
inline constexpr Message repeated_definition{"repeated-definition", Severity::error,
                                             "-D {0} is given more than once"};
inline constexpr Message missing_definition{"missing-definition", Severity::error,
                                            "no value for '{0}' of task '{1}'",
                                            "give it with -D {0}=..."};
inline constexpr Message bad_definition{"bad-definition", Severity::error,
                                        "-D {0}={1}: expected {2}"};
inline constexpr Message unknown_entry_argument{"unknown-entry-argument", Severity::error,
                                                "task '{1}' has no tensor parameter '{0}'",
                                                "it has: {2}"};
inline constexpr Message missing_entry_shape{
    "missing-entry-shape", Severity::error,
    "parameter '{0}' of the entry task has no annotation, so its shape must be given",
    "give it with --arg {0}=f32[...], or annotate it: {0}: task.Tensor[\"M\", \"N\"]"};
inline constexpr Message entry_shape_mismatch{"entry-shape-mismatch", Severity::error,
                                              "'{0}' is given {1}, but its annotation says {2}"};
inline constexpr Message entry_dtype_mismatch{
    "entry-dtype-mismatch", Severity::error,
    "'{0}' is given element type {1}, but it is fixed to {2}"};
inline constexpr Message entry_too_large{"entry-too-large", Severity::error,
                                         "tensor '{0}' of {1} elements a dimension is too large",
                                         "its size in bytes must stay below 2^61"};

// Values and names.
inline constexpr Message value_type{"value-type", Severity::error, "expected {0}, found {1}",
                                    "{2}"};
inline constexpr Message no_value{"no-value", Severity::error, "'{0}' has no value here", "{1}"};
inline constexpr Message unknown_member{"unknown-member", Severity::error, "{0} has no '{1}'",
                                        "{2}"};
inline constexpr Message integer_overflow{"integer-overflow", Severity::error,
                                          "this integer does not fit in 62 bits"};
inline constexpr Message division_by_zero{"division-by-zero", Severity::error, "division by zero"};
inline constexpr Message math_domain{"math-domain", Severity::error, "{0} of {1} is not a number"};
inline constexpr Message not_quasi_affine{
    "not-quasi-affine", Severity::error, "{0} of values that depend on loop variables",
    "use +, -, min, max, and *, //, % by what is constant at compile time"};
inline constexpr Message not_constant{"not-constant", Severity::error,
                                      "{0} must be constant, but it is {1}",
                                      "it may not depend on loop variables"};
inline constexpr Message too_complex{"too-complex", Severity::error,
                                     "this is nested too deeply to be evaluated"};
inline constexpr Message condition_dependent{
    "condition-dependent", Severity::error,
    "the two sides of this conditional expression differ by more than a constant",
    "use an if statement, or min and max"};
inline constexpr Message unpack_count{"unpack-count", Severity::error,
                                      "{0} names on the left, {1} values on the right"};
inline constexpr Message assertion_failed{"assertion-failed", Severity::error,
                                          "assertion failed{0}"};

// Tensors, views and partitions.
inline constexpr Message extent_below_one{"extent-below-one", Severity::error,
                                          "{0} is {1}, but dimensions are at least 1"};
inline constexpr Message block_extent_count{"block-extent-count", Severity::error,
                                            "{0} block extents for a tensor of {1} dimensions"};
inline constexpr Message too_many_subscripts{"too-many-subscripts", Severity::error,
                                             "{0} subscripts for {1} of {2} dimensions"};
inline constexpr Message subscript_out_of_range{"subscript-out-of-range", Severity::error,
                                                "subscript {0} is outside 0 .. {1}"};
inline constexpr Message slice_out_of_range{
    "slice-out-of-range", Severity::error, "slice {0} : {1} leaves dimension {2} of extent {3}",
    "slices are not clipped; use min(..., {3}) for the last one"};
inline constexpr Message empty_slice{"empty-slice", Severity::error, "slice {0} : {1} is empty"};
inline constexpr Message bad_view{"bad-view", Severity::error, "no view: {0}", "{1}"};
inline constexpr Message temporary_too_large{"temporary-too-large", Severity::error,
                                          "this tensor may take more than 2^61 bytes"};
inline constexpr Message missing_tunable{
    "missing-tunable", Severity::error, "tunable '{0}' has no value",
    "set it in the mapping's tunables, or give a default: task.tunable(\"{0}\", ...)"};

// Loops, launches and primitive calls.
inline constexpr Message loop_bounds{"loop-bounds", Severity::error,
                                     "{0} loop variables, but {1} extents",
                                     "give one extent a loop variable, a shape, or start and stop"};
inline constexpr Message argument_mismatch{"argument-mismatch", Severity::error,
                                           "argument '{0}' of '{1}' must be {2}, but it is {3}"};
inline constexpr Message launch_extent_mismatch{
    "launch-extent-mismatch", Severity::error,
    "dimension {0} of argument '{1}' is {2}, but {3} is {4}"};
inline constexpr Message primitive_argument{"primitive-argument", Severity::error,
                                            "'{0}' of primitive '{1}' must be {2}, but it is {3}"};
inline constexpr Message primitive_attribute{"primitive-attribute", Severity::error, "{0}", "{1}"};
inline constexpr Message primitive_shapes{"primitive-shapes", Severity::error, "{0}: {1}"};
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
    "cannot tell whether this holds for all iterations within {0} points: {1}"};
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
    "cannot tell within {1} points whether temporary '{0}' is written before it is read here"};
inline constexpr Message too_many_statements{
    "too-many-statements", Severity::error,
    "the launches of this program visit more than {0} statements"};
inline constexpr Message too_many_errors{"too-many-errors", Severity::error,
                                         "more than {0} errors; stopped here"};

}  // namespace septran::messages
