// Looking things up in the table.
#include "compiler/primitives/primitives.h"

#include <algorithm>
#include <limits>

#include "compiler/base/diagnostic.h"

namespace septran {

const AttributeSpec* Primitive::find_attribute(std::string_view wanted) const {
  auto it = std::find_if(attributes.begin(), attributes.end(),
                         [&](const AttributeSpec& spec) { return spec.name == wanted; });
  return it == attributes.end() ? nullptr : &*it;
}

const Primitive* find_primitive(std::string_view name) {
  const std::vector<Primitive>& table = primitives();
  auto it = std::find_if(table.begin(), table.end(),
                         [&](const Primitive& primitive) { return primitive.name == name; });
  return it == table.end() ? nullptr : &*it;
}

std::uint8_t primitive_index(const Primitive& primitive) {
  const Primitive* row = find_primitive(primitive.name);
  SEPTRAN_CHECK(row != nullptr);
  return static_cast<std::uint8_t>(row - primitives().data());
}

std::optional<std::string> nearest_primitive(std::string_view name) {
  std::vector<std::string> names;
  for (const Primitive& primitive : primitives()) names.push_back(primitive.name);
  return nearest_name(name, names);
}

Access operand_access(const Primitive& primitive, const Attributes& attributes, std::size_t index) {
  SEPTRAN_CHECK(index < primitive.operands.size());
  const Access access = primitive.operands[index].access;
  if (index != 0 || access != Access::write) return access;
  auto it = attributes.find("accumulate");
  if (it == attributes.end()) return access;
  const bool* accumulate = std::get_if<bool>(&it->second);
  return accumulate != nullptr && *accumulate ? Access::read_write : access;
}

double combining_identity(const Primitive& combined_by, DType type) {
  if (combined_by.name == "add") return 0;
  SEPTRAN_CHECK(combined_by.name == "max" || combined_by.name == "min");
  const double sign = combined_by.name == "max" ? -1 : 1;
  switch (type) {
    case DType::i8:
      return sign < 0 ? -128 : 127;
    case DType::i32:
      return sign < 0 ? -2147483648.0 : 2147483647.0;
    case DType::f8e4m3:  // has no infinity
      return sign * 448;
    default:
      return sign * std::numeric_limits<double>::infinity();
  }
}

}  // namespace septran
