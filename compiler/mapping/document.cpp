#include "compiler/mapping/document.h"

#include <algorithm>
#include <filesystem>

#include "compiler/base/messages.h"
#include "compiler/mapping/expression.h"
#include "compiler/mapping/template.h"

namespace septran::mapping {
namespace {

using yaml::Entry;
using yaml::Kind;
using yaml::Node;

const std::vector<std::string> top_keys{"target", "entrypoint",         "task_mappings", "extends",
                                        "with",   "leaf_task_bindings", "cases"};

/// One file on the way from the compiled one to the template at the bottom.
struct Link {
  std::string path;  // canonical
  std::string name;
  Span extends;  // where it extends the next
};

class Loader {
 public:
  Loader(const Environment* environment, SourceManager& sources, Diagnostics& diagnostics,
         Cases& cases)
      : environment_(environment), sources_(sources), diagnostics_(diagnostics), cases_(cases) {}

  /// `parameters` are those that the extending file gives, `place` where it does.
  Result<Node> load(FileId file, const Node* parameters, Span place);

 private:
  void check_keys(const Node& root, const char* what, std::vector<std::string> known);
  Result<Node> base_of(FileId file, const Node& root);
  Result<Node> load_base(FileId file, const Node& extends, const Node* parameters);
  void lay_case_over(Node& root, const Node& cases);
  std::optional<bool> holds(const Node& when);

  const Environment* environment_;
  SourceManager& sources_;
  Diagnostics& diagnostics_;
  Cases& cases_;
  std::size_t cases_read_ = 0;
  std::vector<Link> chain_;
};

std::string canonical_path(const std::string& path) {
  std::error_code fault;
  const auto canonical = std::filesystem::weakly_canonical(path, fault);
  return fault ? path : canonical.string();
}

void erase_key(Node& map, std::string_view key) {
  std::erase_if(map.entries, [key](const Entry& entry) { return entry.key == key; });
}

void Loader::check_keys(const Node& root, const char* what, std::vector<std::string> known) {
  for (const Entry& entry : root.entries) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    diagnostics_.report(entry.key_span, messages::yaml_unknown_key, entry.key, what,
                        yaml::name_hint(entry.key, known));
  }
}

Result<Node> Loader::load_base(FileId file, const Node& extends, const Node* parameters) {
  const auto path = yaml::to_text(extends, "'extends'", diagnostics_);
  if (!path) return std::nullopt;
  const std::filesystem::path folder = std::filesystem::path(sources_.name(file)).parent_path();
  const std::string full = (folder / *path).lexically_normal().string();
  const std::string canonical = canonical_path(full);
  chain_.back().extends = extends.span;
  for (std::size_t i = 0; i < chain_.size(); ++i) {
    if (chain_[i].path != canonical) continue;
    Diagnostic& fault = diagnostics_.report(extends.span, messages::mapping_extends_cycle, full);
    for (std::size_t j = i; j < chain_.size(); ++j) {
      const std::string& next = j + 1 < chain_.size() ? chain_[j + 1].name : full;
      fault.notes.push_back(
          {chain_[j].extends, fmt::format(messages::extends_note, chain_[j].name, next)});
    }
    return std::nullopt;
  }
  const auto base = sources_.load(full);
  if (!base) {
    diagnostics_.report(extends.span, messages::mapping_extends_unreadable, full);
    return std::nullopt;
  }
  return load(*base, parameters, extends.span);
}

Result<Node> Loader::base_of(FileId file, const Node& root) {
  const Entry* with = root.find_entry("with");
  const Node* extends = root.find("extends");
  if (with != nullptr && extends == nullptr) {
    diagnostics_.report(with->key_span, messages::mapping_with_without_extends);
  }
  const bool with_is_map = with != nullptr && yaml::expect_map(with->value, "'with'", diagnostics_);
  Node empty;
  empty.kind = Kind::map;
  if (extends == nullptr) return empty;
  return load_base(file, *extends, with_is_map ? &with->value : &empty);
}

std::optional<bool> Loader::holds(const Node& when) {
  if (when.kind != Kind::scalar) {
    diagnostics_.report(when.span, messages::yaml_wrong_type, "'when'", "a condition",
                        yaml::describe(when));
    return std::nullopt;
  }
  ExpressionPlace place;
  place.exact = is_exact_text(when, sources_, place.span);
  const auto value = evaluate(when.text, place, *environment_, diagnostics_);
  if (!value) return std::nullopt;
  if (const bool* truth = std::get_if<bool>(&*value)) return *truth;
  diagnostics_.report(when.span, messages::expression_type, "'when'", "a condition",
                      describe(*value));
  return std::nullopt;
}

void Loader::lay_case_over(Node& root, const Node& cases) {
  if (!yaml::expect_sequence(cases, "'cases'", diagnostics_)) return;
  const Node* chosen = nullptr;
  const Node* instead = nullptr;
  for (const Node& one : cases.items) {
    const std::size_t number = cases_read_++;
    if (cases_.instead == number) instead = &one;
    if (!yaml::expect_map(one, "a case", diagnostics_)) continue;
    check_keys(one, "a case",
               {"when", "target", "entrypoint", "task_mappings", "leaf_task_bindings"});
    const Node* when = one.find("when");
    if (when == nullptr) {
      diagnostics_.report(one.span, messages::yaml_missing_key, "a case", "when");
      continue;
    }
    // Every condition is judged, so that a fault in one is not hidden by those before it.
    const bool holds_now = holds(*when).value_or(false);
    if (holds_now && chosen == nullptr) {
      chosen = &one;
    } else if (one.find("target") == nullptr && one.find("entrypoint") == nullptr) {
      // One for another machine or entry cannot be held against this one.
      cases_.others.push_back({number, one.span});
    }
  }
  if (instead != nullptr) chosen = instead;
  if (chosen == nullptr) return;
  Node overlay = *chosen;
  erase_key(overlay, "when");
  merge(root, overlay);
}

Result<Node> Loader::load(FileId file, const Node* parameters, Span place) {
  auto root = yaml::parse(file, sources_, "a mapping file", "entrypoint: NAME", diagnostics_);
  if (!root || !yaml::expect_map(*root, "a mapping file", diagnostics_)) return std::nullopt;
  if (const Entry* entry = root->find_entry("processors")) {
    diagnostics_.report(entry->key_span, messages::yaml_other_file, "a machine description",
                        "a mapping file", messages::give_target_hint);
    return std::nullopt;
  }
  const std::string name(sources_.name(file));
  chain_.push_back({canonical_path(name), name, {}});
  substitute_parameters(*root, name, parameters, place, diagnostics_);
  check_keys(*root, "a mapping file", top_keys);
  auto base = base_of(file, *root);
  chain_.pop_back();
  if (!base) return std::nullopt;
  const Node* cases = root->find("cases");
  if (cases != nullptr && environment_ != nullptr) {
    const Node copy = *cases;
    lay_case_over(*root, copy);
  }
  for (const char* key : {"extends", "with", "cases"}) erase_key(*root, key);
  merge(*base, *root);
  base->span = root->span;
  return base;
}

}  // namespace

void merge(Node& base, const Node& over) {
  for (const Entry& entry : over.entries) {
    const auto same = std::find_if(base.entries.begin(), base.entries.end(),
                                   [&](const Entry& one) { return one.key == entry.key; });
    if (same == base.entries.end()) {
      base.entries.push_back(entry);
      continue;
    }
    const bool both_maps = same->value.kind == Kind::map && entry.value.kind == Kind::map &&
                           same->value.tag.empty() && entry.value.tag.empty();
    // The order of a split is its meaning, so that two of them cannot be mixed.
    if (both_maps && entry.key != "split") {
      merge(same->value, entry.value);
    } else {
      *same = entry;
    }
  }
}

bool is_exact_text(const Node& node, const SourceManager& sources, Span& text_span) {
  text_span = node.span;
  if (!node.span.valid()) return false;
  const std::string_view source = sources.text(node.span.file);
  const std::uint32_t begin = node.span.begin + (node.quoted ? 1U : 0U);
  if (begin > source.size() || source.substr(begin, node.text.size()) != node.text) return false;
  text_span = {node.span.file, begin, begin + static_cast<std::uint32_t>(node.text.size())};
  return true;
}

Result<Node> read_document(FileId file, const Environment* environment, SourceManager& sources,
                           Diagnostics& diagnostics, Cases* cases) {
  Cases own;
  return Loader(environment, sources, diagnostics, cases == nullptr ? own : *cases)
      .load(file, nullptr, {});
}

}  // namespace septran::mapping
