// Words of the tile program's text that the printer spells and the parser reads.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compiler/tile/program.h"

namespace septran::tile {

/// A name as it stands in the text: bare where the grammar allows it, else in quotes.
std::string word_text(std::string_view name);
/// In quotes; `"`, `\` and control characters escaped.
std::string quoted_text(std::string_view value);
/// A floating number that reads back as the same value, and never as an integer.
std::string number_text(double value);
/// "logic | mapping | rule" behind a '#', without trailing empty parts; empty for an empty origin.
std::string origin_comment(const Origin& origin);
/// "logic  mapping  rule", without empty parts: for comments of generated code.
std::string origin_line(const Origin& origin);
/// Reads what stands behind the '#'.
Origin parse_origin_comment(std::string_view text);

std::string_view placement_name(Placement placement);
std::string_view tensor_kind_name(TensorKind kind);

/// A tile as `%a`, `%A[64*i :+ 64, 3]` or in the general form `%A view [...] (...)`.
std::string tile_text(const TileRef& tile, const Program& program);
/// "64, 64", or with " x " between them "64 x 64".
std::string extents_text(const std::vector<Expr>& extents, const VarTable& vars,
                         std::string_view between = ", ");
/// "f16[64, 64]".
std::string type_text(DType dtype, const std::vector<Expr>& shape, const VarTable& vars);
std::string type_text(const Tensor& tensor, const VarTable& vars);

}  // namespace septran::tile
