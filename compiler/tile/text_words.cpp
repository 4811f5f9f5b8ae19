#include "compiler/tile/text_words.h"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <cmath>

#include "compiler/base/diagnostic.h"
#include "compiler/tile/canonical.h"

namespace septran::tile {
namespace {

bool is_word_char(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// An origin's part, with what separates parts escaped as \xHH.
std::string escaped_part(const std::string& part) {
  std::string out;
  for (std::size_t i = 0; i < part.size(); ++i) {
    const char c = part[i];
    const bool edge = (i == 0 || i + 1 == part.size()) && c == ' ';
    if (edge || c == '|' || c == '\\' || static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      out += c;
    }
  }
  return out;
}

std::string unescaped_part(std::string_view part) {
  const std::size_t begin = part.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return "";
  part = part.substr(begin, part.find_last_not_of(" \t\r") - begin + 1);
  const auto hex = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  std::string out;
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (i + 3 < part.size() && part[i] == '\\' && part[i + 1] == 'x' && hex(part[i + 2]) >= 0 &&
        hex(part[i + 3]) >= 0) {
      out += static_cast<char>(hex(part[i + 2]) * 16 + hex(part[i + 3]));
      i += 3;
    } else {
      out += part[i];
    }
  }
  return out;
}

bool is_plain_box(const View& view, const Tensor& tensor) {
  if (view.zero_outside || view.base.size() != tensor.shape.size()) return false;
  std::int64_t last = -1;
  for (const ViewDim& dim : view.dims) {
    if (dim.digits.size() != 1 || dim.digits[0].step != 1 || dim.digits[0].extent != 0) {
      return false;
    }
    if (dim.start != Expr(0) || dim.digits[0].axis >= view.base.size()) return false;
    if (static_cast<std::int64_t>(dim.digits[0].axis) <= last) return false;
    last = dim.digits[0].axis;
  }
  return true;
}

std::string box_text(const View& view, const Tensor& tensor, const VarTable& vars) {
  if (view == full_view(tensor.shape)) return "";
  std::string out = "[";
  std::size_t dim = 0;
  for (std::uint32_t axis = 0; axis < view.base.size(); ++axis) {
    if (axis > 0) out += ", ";
    out += to_string(view.base[axis], vars);
    if (dim < view.dims.size() && view.dims[dim].digits[0].axis == axis) {
      out += " :+ " + to_string(view.dims[dim++].extent, vars);
    }
  }
  return out + "]";
}

std::string general_text(const View& view, const VarTable& vars) {
  std::string out = " view [";
  for (std::size_t axis = 0; axis < view.base.size(); ++axis) {
    out += (axis > 0 ? ", " : "") + to_string(view.base[axis], vars);
  }
  out += "]";
  for (const ViewDim& dim : view.dims) {
    out += " (" + to_string(dim.extent, vars);
    if (dim.start != Expr(0)) out += " from " + to_string(dim.start, vars);
    out += " :";
    for (std::size_t i = 0; i < dim.digits.size(); ++i) {
      const Digit& digit = dim.digits[i];
      out += fmt::format("{} {}", i > 0 ? "," : "", digit.axis);
      if (digit.step != 1) out += fmt::format(" step {}", digit.step);
      if (digit.extent != 0) out += fmt::format(" extent {}", digit.extent);
    }
    out += ")";
  }
  return out + (view.zero_outside ? " zero_outside" : "");
}

}  // namespace

std::string word_text(std::string_view name) {
  bool plain = !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0;
  for (const char c : name) plain = plain && is_word_char(c);
  return plain && !is_reserved(name) ? std::string(name) : quoted_text(name);
}

std::string quoted_text(std::string_view value) {
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string number_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string origin_comment(const Origin& origin) {
  if (origin == Origin{}) return "";
  std::string out = "# " + escaped_part(origin.logic);
  if (origin.mapping.empty() && origin.rule.empty()) return out;
  out += " | " + escaped_part(origin.mapping);
  if (origin.rule.empty()) return out;
  return out + " | " + escaped_part(origin.rule);
}

std::string origin_line(const Origin& origin) {
  std::string line;
  for (const std::string& part : {origin.logic, origin.mapping, origin.rule}) {
    if (!part.empty()) line += (line.empty() ? "" : "  ") + part;
  }
  return line;
}

Origin parse_origin_comment(std::string_view text) {
  std::array<std::string, 3> parts;
  for (std::string& part : parts) {
    const std::size_t end = text.find('|');
    part = unescaped_part(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text = text.substr(end + 1);
  }
  Origin origin;
  origin.logic = parts[0];
  origin.mapping = parts[1];
  origin.rule = parts[2];
  return origin;
}

std::string_view placement_name(Placement placement) {
  switch (placement) {
    case Placement::reference:
      return "reference";
    case Placement::never:
      return "never";
    case Placement::whole:
      return "whole";
    case Placement::parts:
      return "parts";
  }
  SEPTRAN_BUG("placement");
}

std::string_view tensor_kind_name(TensorKind kind) {
  switch (kind) {
    case TensorKind::argument:
      return "argument";
    case TensorKind::temporary:
      return "temporary";
    case TensorKind::parameter:
      return "parameter";
    case TensorKind::buffer:
      return "buffer";
  }
  SEPTRAN_BUG("tensor kind");
}

std::string tile_text(const TileRef& tile, const Program& program) {
  if (tile.tensor.value >= program.tensors.size()) return "%unknown";
  const Tensor& tensor = program[tile.tensor];
  const bool box = is_plain_box(tile.view, tensor);
  const std::string age = tile.age == 0 ? "" : fmt::format("@-{}", tile.age);
  return "%" + tensor.name + age +
         (box ? box_text(tile.view, tensor, program.vars) : general_text(tile.view, program.vars));
}

std::string extents_text(const std::vector<Expr>& extents, const VarTable& vars,
                         std::string_view between) {
  std::string out;
  for (const Expr& extent : extents) {
    if (!out.empty()) out += between;
    out += to_string(extent, vars);
  }
  return out;
}

std::string type_text(DType dtype, const std::vector<Expr>& shape, const VarTable& vars) {
  return fmt::format("{}[{}]", name(dtype), extents_text(shape, vars));
}

std::string type_text(const Tensor& tensor, const VarTable& vars) {
  return type_text(tensor.dtype, tensor.shape, vars);
}

}  // namespace septran::tile
