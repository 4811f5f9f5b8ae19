// Typed access to the tree of a YAML file.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "compiler/base/messages.h"
#include "targets/yaml_reader.h"

namespace septran::yaml {
namespace {

constexpr std::size_t max_names_in_hint = 24;

void report_type(const Node& node, std::string_view what, std::string_view wanted,
                 Diagnostics& diagnostics) {
  diagnostics.report(node.span, messages::yaml_wrong_type, what, wanted, describe(node));
}

/// A tag that nobody has looked at is a misunderstanding, not decoration.
bool has_unknown_tag(const Node& node, std::string_view what, Diagnostics& diagnostics) {
  if (node.tag.empty()) return false;
  diagnostics.report(node.span, messages::yaml_unknown_tag, node.tag, what);
  return true;
}

/// Digits only, so that a number too large for 64 bits is told apart from a word.
bool looks_like_integer(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

void append_quoted(std::string& out, std::string_view text) {
  out += fmt::format("{}:", text.size());
  out += text;
}

}  // namespace

const Entry* Node::find_entry(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

const Node* Node::find(std::string_view key) const {
  const Entry* entry = find_entry(key);
  return entry == nullptr ? nullptr : &entry->value;
}

std::string canonical(const Node& node) {
  std::string out = node.tag;
  switch (node.kind) {
    case Kind::null:
      out += "~";
      break;
    case Kind::scalar:
      append_quoted(out, node.text);
      break;
    case Kind::sequence:
      out += "[";
      for (const Node& item : node.items) out += canonical(item) + ",";
      out += "]";
      break;
    case Kind::map: {
      std::vector<const Entry*> order;
      for (const Entry& entry : node.entries) order.push_back(&entry);
      std::sort(order.begin(), order.end(),
                [](const Entry* a, const Entry* b) { return a->key < b->key; });
      out += "{";
      for (const Entry* entry : order) {
        append_quoted(out, entry->key);
        out += canonical(entry->value) + ",";
      }
      out += "}";
      break;
    }
  }
  return out;
}

std::string_view describe(const Node& node) {
  switch (node.kind) {
    case Kind::null:
      return "nothing";
    case Kind::sequence:
      return "a list";
    case Kind::map:
      return "a map";
    case Kind::scalar:
      break;
  }
  if (node.quoted) return "a string";
  if (parse_boolean(node.text)) return "a boolean";
  if (looks_like_integer(node.text)) return "an integer";
  if (parse_number(node.text)) return "a number";
  return "a string";
}

std::string name_hint(std::string_view name, const std::vector<std::string>& known) {
  if (const auto nearest = nearest_name(name, known)) {
    return fmt::format(messages::nearest_hint, *nearest);
  }
  std::vector<std::string_view> names;
  for (const std::string& one : known) {
    if (std::find(names.begin(), names.end(), one) == names.end()) names.push_back(one);
  }
  if (names.empty()) return messages::none_known_hint;
  if (names.size() > max_names_in_hint) {
    return fmt::format(messages::some_known_hint, names.size(),
                       fmt::join(names.begin(), names.begin() + max_names_in_hint, ", "));
  }
  return fmt::format(messages::known_hint, fmt::join(names, ", "));
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  int base = 10;
  if (text.starts_with("0x")) {
    base = 16;
    text.remove_prefix(2);
  }
  std::int64_t value = 0;
  if (text.empty() || text[0] == '-' || text[0] == '+') return std::nullopt;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (fault != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return negative ? -value : value;
}

std::optional<double> parse_number(std::string_view text) {
  if (text.starts_with("+")) text.remove_prefix(1);
  if (text.empty() || text[0] == '+') return std::nullopt;
  double value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (!std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<bool> parse_boolean(std::string_view text) {
  if (text == "true" || text == "True") return true;
  if (text == "false" || text == "False") return false;
  return std::nullopt;
}

std::optional<std::int64_t> to_integer(const Node& node, std::string_view what, std::int64_t lo,
                                       std::int64_t hi, Diagnostics& diagnostics) {
  if (has_unknown_tag(node, what, diagnostics)) return std::nullopt;
  const bool plain = node.kind == Kind::scalar && !node.quoted;
  const auto value = plain ? parse_integer(node.text) : std::nullopt;
  if (!value && !(plain && looks_like_integer(node.text))) {
    report_type(node, what, "an integer", diagnostics);
    return std::nullopt;
  }
  if (!value || *value < lo || *value > hi) {
    diagnostics.report(node.span, messages::yaml_out_of_range, what, node.text, lo, hi);
    return std::nullopt;
  }
  return value;
}

std::optional<double> to_number(const Node& node, std::string_view what, double lo, double hi,
                                Diagnostics& diagnostics) {
  if (has_unknown_tag(node, what, diagnostics)) return std::nullopt;
  const auto value =
      node.kind == Kind::scalar && !node.quoted ? parse_number(node.text) : std::nullopt;
  if (!value) {
    report_type(node, what, "a finite number", diagnostics);
    return std::nullopt;
  }
  if (*value < lo || *value > hi) {
    diagnostics.report(node.span, messages::yaml_out_of_range, what, node.text, lo, hi);
    return std::nullopt;
  }
  return value;
}

std::optional<bool> to_boolean(const Node& node, std::string_view what, Diagnostics& diagnostics) {
  if (has_unknown_tag(node, what, diagnostics)) return std::nullopt;
  const auto value =
      node.kind == Kind::scalar && !node.quoted ? parse_boolean(node.text) : std::nullopt;
  if (!value) report_type(node, what, "true or false", diagnostics);
  return value;
}

std::optional<std::string> to_text(const Node& node, std::string_view what,
                                   Diagnostics& diagnostics) {
  if (has_unknown_tag(node, what, diagnostics)) return std::nullopt;
  if (node.kind != Kind::scalar || node.text.empty()) {
    report_type(node, what, "a name", diagnostics);
    return std::nullopt;
  }
  return node.text;
}

bool expect_map(const Node& node, std::string_view what, Diagnostics& diagnostics) {
  if (node.kind == Kind::map) return !has_unknown_tag(node, what, diagnostics);
  report_type(node, what, "a map of keys to values", diagnostics);
  return false;
}

bool expect_sequence(const Node& node, std::string_view what, Diagnostics& diagnostics) {
  if (node.kind == Kind::sequence) return !has_unknown_tag(node, what, diagnostics);
  report_type(node, what, "a list", diagnostics);
  return false;
}

Fields::Fields(const Node& node, std::string what, Diagnostics& diagnostics)
    : node_(node), what_(std::move(what)), diagnostics_(diagnostics) {
  valid_ = expect_map(node, what_, diagnostics);
}

std::string Fields::quoted(std::string_view key) { return fmt::format("'{}'", key); }

const Node* Fields::optional(std::string_view key) {
  known_.emplace_back(key);
  return valid_ ? node_.find(key) : nullptr;
}

const Node* Fields::required(std::string_view key) {
  const Node* node = optional(key);
  if (node == nullptr && valid_) {
    diagnostics_.report(node_.span, messages::yaml_missing_key, what_, key);
  }
  return node;
}

void Fields::number(std::string_view key, double lo, double hi, double& out) {
  if (const Node* node = required(key)) {
    out = to_number(*node, quoted(key), lo, hi, diagnostics_).value_or(out);
  }
}

void Fields::boolean(std::string_view key, bool& out) {
  if (const Node* node = required(key)) {
    out = to_boolean(*node, quoted(key), diagnostics_).value_or(out);
  }
}

void Fields::text(std::string_view key, std::string& out) {
  if (const Node* node = required(key)) {
    out = to_text(*node, quoted(key), diagnostics_).value_or(out);
  }
}

void Fields::optional_boolean(std::string_view key, bool& out) {
  if (const Node* node = optional(key)) {
    out = to_boolean(*node, quoted(key), diagnostics_).value_or(out);
  }
}

void Fields::optional_text(std::string_view key, std::string& out) {
  if (const Node* node = optional(key)) {
    out = to_text(*node, quoted(key), diagnostics_).value_or(out);
  }
}

std::vector<const Node*> Fields::optional_names(std::string_view key) {
  std::vector<const Node*> names;
  const Node* list = optional(key);
  if (list == nullptr || !expect_sequence(*list, quoted(key), diagnostics_)) return names;
  for (const Node& item : list->items) {
    if (to_text(item, fmt::format("an item of '{}'", key), diagnostics_)) names.push_back(&item);
  }
  return names;
}

void Fields::finish() {
  if (!valid_) return;
  for (const Entry& entry : node_.entries) {
    if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
    diagnostics_.report(entry.key_span, messages::yaml_unknown_key, entry.key, what_,
                        name_hint(entry.key, known_));
  }
}

}  // namespace septran::yaml
