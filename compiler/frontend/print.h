// The task tree as text, for tests and for reading.
#pragma once

#include <string>

#include "compiler/frontend/task_tree.h"

namespace septran::lang {

/// One line a statement; operators in brackets, so that precedence shows.
std::string print(const Module& module);
std::string print(const Expression& expression);

}  // namespace septran::lang
