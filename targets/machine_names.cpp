#include "targets/machine_names.h"

namespace septran {

bool holds_all(DType type, DType other) {
  return type == other ||
         (is_float(type) == is_float(other) && size_bytes(type) > size_bytes(other));
}

std::optional<DType> read_dtype(const yaml::Node& node, std::string_view what,
                                Diagnostics& diagnostics) {
  const auto text = yaml::to_text(node, what, diagnostics);
  if (!text) return std::nullopt;
  if (const auto type = parse_dtype(*text)) return type;
  std::vector<std::string> known;
  for (const DType type : all_dtypes()) known.emplace_back(name(type));
  diagnostics.report(node.span, messages::machine_unknown_name, "element type", *text,
                     yaml::name_hint(*text, known));
  return std::nullopt;
}

}  // namespace septran
