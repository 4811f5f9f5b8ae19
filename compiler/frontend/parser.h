// From the text of a logic file to its task tree.
#pragma once

#include "compiler/base/diagnostic.h"
#include "compiler/frontend/task_tree.h"

namespace septran::lang {

/// Parses and checks a logic file. All syntax errors that can be told apart are reported, then all
/// errors of names and structure: unknown names (with the nearest known one), duplicate tasks and
/// parameters, a composite task that calls a primitive, a leaf that launches, launch arity, cycles
/// in the launch graph, a dimension that bears a parameter's name, unknown functions and keywords.
Result<Module> parse_module(FileId file, const SourceManager& sources, Diagnostics& diagnostics);

}  // namespace septran::lang
