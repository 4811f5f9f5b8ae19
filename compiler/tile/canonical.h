// The names and the order under which a program is printed.
#pragma once

#include <vector>

#include "compiler/tile/program.h"

namespace septran::tile {

struct TextPlan {
  /// The program with unique names, and with variables numbered as the text declares them.
  Program program;
  /// Declared before the body: what is used outside its loop, or not declared by a statement.
  std::vector<VarId> header_vars;
  std::vector<TensorId> header_tensors;
};

TextPlan plan_text(const Program& program);

/// A word that could be mistaken where a name may stand: such names are quoted, or get a number.
bool is_reserved(std::string_view word);

}  // namespace septran::tile
