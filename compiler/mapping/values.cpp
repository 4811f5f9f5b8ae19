#include "compiler/mapping/values.h"

#include <algorithm>
#include <limits>

#include "compiler/base/messages.h"
#include "compiler/mapping/document.h"
#include "compiler/mapping/expression.h"

namespace septran::mapping {
namespace {

using yaml::Kind;
using yaml::Node;

constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();

ExpressionPlace place_of(const Node& node, const SourceManager& sources) {
  ExpressionPlace place;
  place.exact = is_exact_text(node, sources, place.span);
  return place;
}

/// A template parameter that could not be filled in: reported when that was tried.
bool is_unfilled(const Node& node) { return node.text.find("${") != std::string::npos; }

}  // namespace

const Node* Values::first_value(const Node& node, std::string_view what) {
  if (node.tag.empty()) return &node;
  if (node.tag != "!tune") {
    diagnostics_.report(node.span, messages::yaml_unknown_tag, node.tag, what);
    return nullptr;
  }
  if (!has_tune_) diagnostics_.report(node.span, messages::mapping_tune_first);
  has_tune_ = true;
  if (node.kind != Kind::map) {
    diagnostics_.report(node.span, messages::yaml_wrong_type, "'!tune'",
                        "a map with 'type' and its values", yaml::describe(node));
    return nullptr;
  }
  const Node* type = node.find("type");
  if (type == nullptr) {
    diagnostics_.report(node.span, messages::yaml_missing_key, "'!tune'", "type");
    return nullptr;
  }
  const auto kind = yaml::to_text(*type, "'type'", diagnostics_);
  if (!kind) return nullptr;
  if (*kind == "choice") return first_of_choice(node);
  if (*kind == "range" || *kind == "pow2") return first_of_range(node, *kind == "pow2");
  diagnostics_.report(type->span, messages::mapping_tune_type, *kind,
                      yaml::name_hint(*kind, {"choice", "range", "pow2"}));
  return nullptr;
}

const Node* Values::first_of_choice(const Node& node) {
  yaml::Node untagged = node;
  untagged.tag.clear();
  yaml::Fields fields(untagged, "'!tune'", diagnostics_);
  fields.optional("type");
  const bool listed = fields.required("values") != nullptr;
  fields.finish();
  if (!listed) return nullptr;
  const Node* values = node.find("values");
  if (!yaml::expect_sequence(*values, "'values'", diagnostics_)) return nullptr;
  if (values->items.empty()) {
    diagnostics_.report(values->span, messages::mapping_tune_empty, "'values' has none");
    return nullptr;
  }
  const Node& first = values->items[0];
  if (first.tag.empty()) return &first;
  diagnostics_.report(first.span, messages::yaml_unknown_tag, first.tag, "a value of '!tune'");
  return nullptr;
}

std::optional<ExpressionValue> Values::evaluated(const Node& node) {
  const ExpressionPlace place = place_of(node, sources_);
  if (!other_sizes_) return evaluate(node.text, place, environment_, diagnostics_);
  Diagnostics faults;
  const auto value = evaluate(node.text, place, environment_, faults);
  for (const Diagnostic& fault : faults.all()) {
    const bool is_of_sizes = fault.code == messages::expression_division_by_zero.code ||
                             fault.code == messages::expression_overflow.code ||
                             fault.code == messages::expression_ambiguous_dtype.code;
    if (!is_of_sizes) diagnostics_.add(fault);
  }
  return value;
}

std::optional<std::int64_t> Values::bound(const Node& node, const char* key, bool power_of_two) {
  const Node* value = node.find(key);
  if (value == nullptr) {
    diagnostics_.report(node.span, messages::yaml_missing_key, "'!tune'", key);
    return std::nullopt;
  }
  const auto number = yaml::to_integer(*value, yaml::Fields::quoted(key), power_of_two ? 1 : lowest,
                                       highest, diagnostics_);
  if (number && power_of_two && (*number & (*number - 1)) != 0) {
    diagnostics_.report(value->span, messages::yaml_wrong_type, yaml::Fields::quoted(key),
                        "a power of two", value->text);
    return std::nullopt;
  }
  return number;
}

const Node* Values::first_of_range(const Node& node, bool powers_of_two) {
  const auto min = bound(node, "min", powers_of_two);
  const auto max = bound(node, "max", powers_of_two);
  bool right = min && max;
  if (!powers_of_two && node.find("step") != nullptr) {
    right = yaml::to_integer(*node.find("step"), "'step'", 1, highest, diagnostics_) && right;
  }
  yaml::Node untagged = node;
  untagged.tag.clear();
  yaml::Fields fields(untagged, "'!tune'", diagnostics_);
  for (const char* key : {"type", "min", "max"}) fields.optional(key);
  if (!powers_of_two) fields.optional("step");
  fields.finish();
  if (right && *min > *max) {
    diagnostics_.report(node.span, messages::mapping_tune_empty, "'min' is above 'max'");
    return nullptr;
  }
  return right ? node.find("min") : nullptr;
}

/// Those that the search may come to: only the first of them is taken without it.
void Values::check_other_integers(const Node& tune, std::string_view what, std::int64_t lo,
                                  std::int64_t hi) {
  if (const Node* values = tune.find("values")) {
    for (std::size_t i = 1; i < values->items.size(); ++i) {
      (void)integer(values->items[i], what, lo, hi);
    }
    return;
  }
  const auto number = [&](const char* key) {
    const Node* node = tune.find(key);
    return node == nullptr ? std::nullopt : yaml::parse_integer(node->text);
  };
  const auto min = number("min");
  const auto max = number("max");
  if (!min || !max || *min < std::max<std::int64_t>(lo, 0)) return;  // told elsewhere
  const std::int64_t last = *max - (*max - *min) % number("step").value_or(1);
  if (last <= hi) return;
  diagnostics_.report(tune.find("max")->span, messages::yaml_out_of_range, what, last, lo, hi);
}

std::optional<std::int64_t> Values::integer(const Node& tagged, std::string_view what,
                                            std::int64_t lo, std::int64_t hi) {
  const Node* node = first_value(tagged, what);
  if (node == nullptr) return std::nullopt;
  if (node != &tagged) check_other_integers(tagged, what, lo, hi);
  if (node->kind != Kind::scalar) {
    diagnostics_.report(node->span, messages::yaml_wrong_type, what, "an integer",
                        yaml::describe(*node));
    return std::nullopt;
  }
  if (is_unfilled(*node)) return std::nullopt;
  if (!node->quoted && yaml::parse_integer(node->text)) {
    return yaml::to_integer(*node, what, lo, hi, diagnostics_);
  }
  const auto value = evaluated(*node);
  if (!value) return std::nullopt;
  const auto* number = std::get_if<std::int64_t>(&*value);
  if (number == nullptr) {
    const bool floating = std::holds_alternative<double>(*value);
    diagnostics_.report(node->span, messages::expression_not_an_integer, what, describe(*value),
                        floating ? messages::use_floor_division : messages::write_integer_hint);
    return std::nullopt;
  }
  if (*number < lo || *number > hi) {
    if (other_sizes_) return std::nullopt;
    diagnostics_.report(node->span, messages::yaml_out_of_range, what, *number, lo, hi);
    return std::nullopt;
  }
  return *number;
}

std::optional<bool> Values::boolean(const Node& node, std::string_view what) {
  const Node* value = first_value(node, what);
  return value == nullptr ? std::nullopt : yaml::to_boolean(*value, what, diagnostics_);
}

std::optional<std::string> Values::text(const Node& node, std::string_view what) {
  const Node* value = first_value(node, what);
  return value == nullptr ? std::nullopt : yaml::to_text(*value, what, diagnostics_);
}

std::optional<TunableValue> Values::tunable(const Node& tagged, std::string_view what) {
  const Node* node = first_value(tagged, what);
  if (node == nullptr) return std::nullopt;
  if (node->kind == Kind::sequence) {
    std::vector<std::int64_t> list;
    bool right = true;
    for (const Node& item : node->items) {
      const auto value = integer(item, fmt::format("an item of {}", what), lowest, highest);
      right = right && value;
      if (value) list.push_back(*value);
    }
    return right ? std::optional<TunableValue>(list) : std::nullopt;
  }
  if (node->kind != Kind::scalar) {
    diagnostics_.report(node->span, messages::yaml_wrong_type, what, "a value or a list",
                        yaml::describe(*node));
    return std::nullopt;
  }
  if (is_unfilled(*node)) return std::nullopt;
  if (!node->quoted && is_unknown_word(node->text, environment_)) {
    if (const auto truth = yaml::parse_boolean(node->text)) return TunableValue(*truth);
    return TunableValue(node->text);
  }
  const auto value = evaluated(*node);
  if (!value) return std::nullopt;
  if (const auto* type = std::get_if<DType>(&*value)) {
    return TunableValue(std::string(septran::name(*type)));
  }
  if (const auto* truth = std::get_if<bool>(&*value)) return TunableValue(*truth);
  if (const auto* number = std::get_if<double>(&*value)) return TunableValue(*number);
  return TunableValue(std::get<std::int64_t>(*value));
}

}  // namespace septran::mapping
