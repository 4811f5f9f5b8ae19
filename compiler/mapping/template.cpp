#include "compiler/mapping/template.h"

#include <algorithm>
#include <set>

#include "compiler/base/messages.h"
#include "compiler/mapping/expression_tree.h"

namespace septran::mapping {
namespace {

using yaml::Entry;
using yaml::Kind;
using yaml::Node;

// A template is laid into a file a few levels deep and a few dozen times; both have limits, as
// parameters that hold parameters could otherwise grow without end along a chain of files.
constexpr std::size_t max_filled_bytes = std::size_t{1} << 20;

class Substitution {
 public:
  Substitution(const Node* parameters, Span place, Diagnostics& diagnostics)
      : parameters_(parameters), place_(place), diagnostics_(diagnostics) {}

  void fill(Node& node);
  const std::set<std::string>& used() const { return used_; }

 private:
  void fill_keys(Node& map);
  /// The text with its parameters filled in; nothing if it has none or they are faulty.
  std::optional<std::string> fill_text(const std::string& text, Span span);
  const Node* value_of(const std::string& name, Span span);
  bool take_budget(std::size_t bytes, Span span);

  const Node* parameters_;
  Span place_;
  Diagnostics& diagnostics_;
  std::set<std::string> used_;
  std::size_t filled_bytes_ = 0;
};

/// The name in "${name}" if the text is just that.
std::optional<std::string> whole_parameter(const std::string& text) {
  if (!text.starts_with("${") || text.find('}') + 1 != text.size()) return std::nullopt;
  const std::string name = text.substr(2, text.size() - 3);
  if (name.empty() || !std::all_of(name.begin(), name.end(), expression::is_name_part)) {
    return std::nullopt;
  }
  return name;
}

std::size_t bytes_of(const Node& node) {
  std::size_t bytes = sizeof(Node) + node.text.size();
  for (const Node& item : node.items) bytes += bytes_of(item);
  for (const Entry& entry : node.entries) bytes += entry.key.size() + bytes_of(entry.value);
  return bytes;
}

bool Substitution::take_budget(std::size_t bytes, Span span) {
  const bool fitted = filled_bytes_ <= max_filled_bytes;
  filled_bytes_ += bytes;
  if (filled_bytes_ <= max_filled_bytes) return true;
  if (fitted) {
    diagnostics_.report(span, messages::mapping_template_too_large, max_filled_bytes);
  }
  return false;
}

const Node* Substitution::value_of(const std::string& name, Span span) {
  used_.insert(name);
  const Node* value = parameters_ == nullptr ? nullptr : parameters_->find(name);
  if (value == nullptr) {
    const char* hint =
        parameters_ == nullptr ? messages::template_root_hint : messages::template_give_hint;
    Diagnostic& fault =
        diagnostics_.report(span, messages::mapping_template_parameter_missing, name, hint);
    if (place_.valid()) fault.notes.push_back({place_, messages::template_used_note});
    return nullptr;
  }
  return take_budget(bytes_of(*value), span) ? value : nullptr;
}

std::optional<std::string> Substitution::fill_text(const std::string& text, Span span) {
  std::size_t open = text.find("${");
  if (open == std::string::npos) return std::nullopt;
  std::string out;
  std::size_t done = 0;
  for (; open != std::string::npos; open = text.find("${", done)) {
    std::size_t end = open + 2;
    while (end < text.size() && expression::is_name_part(text[end])) ++end;
    if (end == open + 2 || end >= text.size() || text[end] != '}') {
      diagnostics_.report(span, messages::mapping_template_syntax);
      return std::nullopt;
    }
    const std::string name = text.substr(open + 2, end - open - 2);
    const Node* value = value_of(name, span);
    if (value == nullptr) return std::nullopt;
    if (value->kind != Kind::scalar) {
      diagnostics_.report(span, messages::mapping_template_not_text, name, yaml::describe(*value));
      return std::nullopt;
    }
    out += text.substr(done, open - done) + value->text;
    done = end + 1;
  }
  return out + text.substr(done);
}

void Substitution::fill_keys(Node& map) {
  std::vector<Entry> kept;
  for (Entry& entry : map.entries) {
    if (auto key = fill_text(entry.key, entry.key_span)) entry.key = std::move(*key);
    const auto same = std::find_if(kept.begin(), kept.end(),
                                   [&](const Entry& one) { return one.key == entry.key; });
    if (same != kept.end()) {
      diagnostics_.report(entry.key_span, messages::yaml_duplicate_key, entry.key)
          .notes.push_back({same->key_span, messages::yaml_duplicate_key_note});
      continue;
    }
    kept.push_back(std::move(entry));
  }
  map.entries = std::move(kept);
}

void Substitution::fill(Node& node) {
  if (node.kind == Kind::scalar) {
    if (const auto name = whole_parameter(node.text)) {
      if (const Node* value = value_of(*name, node.span)) {
        const Node copy = *value;
        node = copy;
      }
    } else if (auto text = fill_text(node.text, node.span)) {
      node.text = std::move(*text);
    }
    return;
  }
  for (Node& item : node.items) fill(item);
  const bool has_parameters =
      std::any_of(node.entries.begin(), node.entries.end(),
                  [](const Entry& entry) { return entry.key.find("${") != std::string::npos; });
  if (has_parameters) fill_keys(node);
  for (Entry& entry : node.entries) fill(entry.value);
}

}  // namespace

void substitute_parameters(Node& root, const std::string& file_name, const Node* parameters,
                           Span place, Diagnostics& diagnostics) {
  Substitution substitution(parameters, place, diagnostics);
  substitution.fill(root);
  if (parameters == nullptr) return;
  const std::vector<std::string> used(substitution.used().begin(), substitution.used().end());
  for (const Entry& entry : parameters->entries) {
    if (substitution.used().count(entry.key) != 0) continue;
    diagnostics.report(entry.key_span, messages::mapping_template_parameter_unused, file_name,
                       entry.key, yaml::name_hint(entry.key, used));
  }
}

}  // namespace septran::mapping
