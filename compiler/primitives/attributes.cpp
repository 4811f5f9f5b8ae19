// Attributes of a call: checks, defaults, access.
#include <cmath>

#include "compiler/base/diagnostic.h"
#include "compiler/primitives/primitives.h"

namespace septran {
namespace {

std::string quoted_list(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += "'" + names[i] + "'";
  }
  return text;
}

std::string hint_of(const std::optional<std::string>& nearest) {
  return nearest ? "did you mean '" + *nearest + "'?" : "";
}

const char* kind_name(AttributeKind kind) {
  switch (kind) {
    case AttributeKind::boolean:
      return "True or False";
    case AttributeKind::integer:
      return "an integer that is known at compile time";
    case AttributeKind::position:
      return "an integer";
    case AttributeKind::floating:
      return "a number";
    case AttributeKind::choice:
      return "a string";
  }
  SEPTRAN_BUG("attribute kind");
}

/// Whether the value is of the kind that the table asks for; integers become numbers.
bool fits(AttributeKind kind, AttributeValue& value) {
  switch (kind) {
    case AttributeKind::boolean:
      return std::holds_alternative<bool>(value);
    case AttributeKind::integer:
      return std::holds_alternative<Expr>(value) && std::get<Expr>(value).is_constant();
    case AttributeKind::position:
      return std::holds_alternative<Expr>(value);
    case AttributeKind::floating:
      if (const Expr* integer = std::get_if<Expr>(&value); integer && integer->is_constant()) {
        value = static_cast<double>(integer->offset());
      }
      return std::holds_alternative<double>(value);
    case AttributeKind::choice:
      return std::holds_alternative<std::string>(value);
  }
  SEPTRAN_BUG("attribute kind");
}

std::optional<AttributeFault> check_value(const Primitive& primitive, const AttributeSpec& spec,
                                          AttributeValue& value) {
  AttributeFault fault;
  fault.attribute = spec.name;
  if (!fits(spec.kind, value)) {
    fault.text =
        fmt::format("attribute '{}' of {} must be {}", spec.name, primitive.name,
                    spec.kind == AttributeKind::choice ? quoted_list(spec.choices)
                                                       : std::string(kind_name(spec.kind)));
    return fault;
  }
  if (spec.kind != AttributeKind::choice) return std::nullopt;
  const std::string& choice = std::get<std::string>(value);
  for (const std::string& known : spec.choices) {
    if (choice == known) return std::nullopt;
  }
  fault.text = fmt::format("attribute '{}' of {} cannot be '{}': it is {}", spec.name,
                           primitive.name, choice, quoted_list(spec.choices));
  fault.hint = hint_of(nearest_name(choice, spec.choices));
  return fault;
}

/// Bounds that do not depend on shapes.
std::optional<AttributeFault> check_limits(const Primitive& primitive,
                                           const Attributes& attributes) {
  if (primitive.name == "dequantize") {
    const auto bits = integer_attribute(attributes, "bits");
    if (bits && *bits != 4 && *bits != 8) {
      return AttributeFault{"bits", false,
                            fmt::format("attribute 'bits' of dequantize is {}, not 4 or 8", *bits),
                            ""};
    }
    const auto group = integer_attribute(attributes, "group");
    if (group && *group < 1) {
      return AttributeFault{
          "group", false,
          fmt::format("attribute 'group' of dequantize is {}, not positive", *group),
          "leave it out for one scale a row"};
    }
  }
  if (primitive.name == "clamp" && attributes.contains("low") && attributes.contains("high")) {
    const double low = float_attribute(attributes, "low");
    const double high = float_attribute(attributes, "high");
    if (!(low <= high)) {
      return AttributeFault{
          "low", false, fmt::format("clamp's low ({}) is not below its high ({})", low, high), ""};
    }
  }
  return std::nullopt;
}

const AttributeValue& value_of(const Attributes& attributes, std::string_view name) {
  auto it = attributes.find(std::string(name));
  SEPTRAN_CHECK(it != attributes.end());
  return it->second;
}

}  // namespace

std::vector<AttributeFault> complete_attributes(const Primitive& primitive,
                                                Attributes& attributes) {
  std::vector<AttributeFault> faults;
  std::vector<std::string> names;
  for (const AttributeSpec& spec : primitive.attributes) names.push_back(spec.name);
  for (auto& [name, value] : attributes) {
    const AttributeSpec* spec = primitive.find_attribute(name);
    if (spec == nullptr) {
      faults.push_back({name, false, fmt::format("{} has no attribute '{}'", primitive.name, name),
                        hint_of(nearest_name(name, names))});
    } else if (auto fault = check_value(primitive, *spec, value)) {
      faults.push_back(std::move(*fault));
    }
  }
  for (const AttributeSpec& spec : primitive.attributes) {
    if (attributes.contains(spec.name)) continue;
    if (spec.default_value) {
      attributes.emplace(spec.name, *spec.default_value);
    } else if (!spec.optional) {
      faults.push_back({spec.name, true,
                        fmt::format("{} needs the attribute '{}'", primitive.name, spec.name),
                        fmt::format("{} is {}: {}", spec.name, kind_name(spec.kind), spec.doc)});
    }
  }
  if (faults.empty()) {
    if (auto fault = check_limits(primitive, attributes)) faults.push_back(std::move(*fault));
  }
  return faults;
}

bool bool_attribute(const Attributes& attributes, std::string_view name) {
  return std::get<bool>(value_of(attributes, name));
}

double float_attribute(const Attributes& attributes, std::string_view name) {
  return std::get<double>(value_of(attributes, name));
}

const Expr& expr_attribute(const Attributes& attributes, std::string_view name) {
  return std::get<Expr>(value_of(attributes, name));
}

const std::string& choice_attribute(const Attributes& attributes, std::string_view name) {
  return std::get<std::string>(value_of(attributes, name));
}

std::optional<std::int64_t> integer_attribute(const Attributes& attributes, std::string_view name) {
  auto it = attributes.find(std::string(name));
  if (it == attributes.end()) return std::nullopt;
  const Expr* value = std::get_if<Expr>(&it->second);
  if (value == nullptr || !value->is_constant()) return std::nullopt;
  return value->offset();
}

}  // namespace septran
