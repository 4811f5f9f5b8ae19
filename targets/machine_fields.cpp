#include "targets/machine_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "compiler/base/messages.h"
#include "targets/presets.h"
#include "targets/yaml_reader.h"

namespace septran {
namespace {

using yaml::Node;

std::vector<std::string> split(const std::string& path) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t dot = std::min(path.find('.', at), path.size());
    parts.push_back(path.substr(at, dot - at));
    at = dot + 1;
  }
  return parts;
}

/// The value at parts[i..]; keys may hold dots of their own (`mac.f16`).
const Node* find(const Node& node, const std::vector<std::string>& parts, std::size_t i) {
  if (i == parts.size()) return &node;
  if (node.kind == yaml::Kind::sequence) {
    std::size_t index = 0;
    const std::string& text = parts[i];
    const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), index);
    if (error != std::errc() || at != text.data() + text.size() || index >= node.items.size()) {
      return nullptr;
    }
    return find(node.items[index], parts, i + 1);
  }
  std::string key;
  for (std::size_t end = i; end < parts.size(); ++end) {
    key += (end == i ? "" : ".") + parts[end];
    const Node* value = node.find(key);
    if (value == nullptr) continue;
    if (const Node* found = find(*value, parts, end + 1)) return found;
  }
  return nullptr;
}

const Node* find_field(const Node& root, const std::string& path) {
  std::vector<std::string> parts = split(path);
  if (const Node* found = find(root, parts, 0)) return found;
  if (parts.front() == "core") {
    parts.front() = "dsa";
  } else {
    parts.insert(parts.begin(), "dsa");
  }
  return find(root, parts, 0);
}

/// Paths of all values that are no maps, for the hint about an unknown one.
void list_fields(const Node& node, const std::string& path, std::vector<std::string>& paths) {
  if (node.kind != yaml::Kind::map) {
    paths.push_back(path);
    return;
  }
  for (const yaml::Entry& entry : node.entries) {
    list_fields(entry.value, path.empty() ? entry.key : path + "." + entry.key, paths);
  }
}

std::string hint(const Node& root, const std::string& path) {
  std::vector<std::string> paths;
  list_fields(root, "", paths);
  const std::size_t count = paths.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (!paths[i].starts_with("dsa.")) continue;
    paths.push_back(paths[i].substr(4));
    paths.push_back("core." + paths[i].substr(4));
  }
  const auto nearest = nearest_name(path, paths);
  return nearest ? fmt::format(messages::nearest_hint, *nearest)
                 : "`septran targets NAME` shows the description";
}

struct Edit {
  Span span;
  std::string text;
};

/// Tiles [rows, cols] of implementations on the array, which follow its size.
void follow_array(const Node& root, const FieldChanges& changes, std::vector<Edit>& edits) {
  const Node* rows = find_field(root, "dsa.mma.rows");
  const Node* cols = find_field(root, "dsa.mma.cols");
  const Node* all = root.find("implementations");
  if (rows == nullptr || cols == nullptr || all == nullptr) return;
  std::string new_rows = rows->text;
  std::string new_cols = cols->text;
  for (const auto& [path, value] : changes) {
    const Node* field = find_field(root, path);
    if (field == rows) new_rows = value;
    if (field == cols) new_cols = value;
    if (path.find("tiles") != std::string::npos) return;
  }
  if (new_rows == rows->text && new_cols == cols->text) return;
  for (const yaml::Entry& one : all->entries) {
    const Node* engine = one.value.find("engine");
    const Node* tiles = one.value.find("tiles");
    if (engine == nullptr || tiles == nullptr || engine->text != "mma") continue;
    for (const Node& tile : tiles->items) {
      if (tile.items.size() != 2) continue;
      if (tile.items[0].text != rows->text || tile.items[1].text != cols->text) continue;
      edits.push_back({tile.items[0].span, new_rows});
      edits.push_back({tile.items[1].span, new_cols});
    }
  }
}

bool is_value(const Node* field) { return field != nullptr && field->kind != yaml::Kind::map; }

/// A field that the section has from its preset only, written beside the preset's name; nothing if
/// there is no such field. `whole` is the root with its presets expanded.
std::optional<Edit> beside_preset(const Node& root, const Node& whole, std::string_view text,
                                  const std::string& path, const std::string& value) {
  if (!is_value(find_field(whole, path))) return std::nullopt;
  const std::string section = path.substr(0, path.rfind('.'));
  const Node* node = path.find('.') == std::string::npos ? nullptr : find_field(root, section);
  const yaml::Entry* preset = node == nullptr ? nullptr : node->find_entry("preset");
  if (preset == nullptr) return std::nullopt;
  const std::size_t key = preset->key_span.begin;
  const std::size_t line = text.rfind('\n', key) + 1;  // 0 in the first line
  const std::string_view indent = text.substr(line, key - line);
  const bool block = indent.find_first_not_of(' ') == std::string_view::npos;
  const std::uint32_t end = preset->value.span.end;
  return Edit{{preset->value.span.file, end, end},
              fmt::format("{}{}: {}", block ? "\n" + std::string(indent) : ", ",
                          path.substr(section.size() + 1), value)};
}

/// The description's text with the changes; nothing (reported) if a field is not there.
Result<std::string> changed_text(const Node& root, const Node& whole, std::string_view text,
                                 const FieldChanges& changes, const std::string& name,
                                 Diagnostics& diagnostics) {
  std::vector<Edit> edits;
  bool fine = true;
  for (const auto& [path, value] : changes) {
    const Node* field = find_field(root, path);
    if (is_value(field)) {
      edits.push_back({field->span, value});
    } else if (auto edit = beside_preset(root, whole, text, path, value)) {
      edits.push_back(std::move(*edit));
    } else {
      diagnostics.report({}, messages::sweep_unknown_field, path, name, hint(whole, path));
      fine = false;
    }
  }
  if (!fine) return std::nullopt;
  follow_array(root, changes, edits);
  std::stable_sort(edits.begin(), edits.end(),
                   [](const Edit& x, const Edit& y) { return x.span.begin > y.span.begin; });
  std::string made(text);
  for (const Edit& edit : edits) {
    made.replace(edit.span.begin, edit.span.end - edit.span.begin, edit.text);
  }
  return made;
}

std::optional<double> area_of(const Node& root, const Machine& machine) {
  const Node* table = find_field(root, "dsa.area");
  if (table == nullptr || table->kind != yaml::Kind::map) return std::nullopt;
  const auto price = [&](const char* key) {
    const Node* value = table->find(key);
    return value == nullptr ? 0.0 : yaml::parse_number(value->text).value_or(0);
  };
  const DsaSpec& dsa = machine.dsa;
  double core =
      price("core") + price("pe") * dsa.mma.rows * dsa.mma.cols + price("lane") * dsa.vector.lanes;
  for (const auto& [name, key] :
       {std::pair("SHARED", "shared.byte"), {"REGISTER", "register.byte"}}) {
    if (const MemorySpec* memory = machine.find_memory(name)) {
      core += price(key) * static_cast<double>(memory->size_bytes);
    }
  }
  return (core * machine.block_count() + price("dram.channel") * dsa.dram.channels) * 1e-6;
}

/// The file that load_machine reads for the name.
std::optional<FileId> find_file(const std::string& name_or_path, Span place,
                                SourceManager& sources) {
  namespace fs = std::filesystem;
  if (auto file = sources.load(machines_folder() + "/" + name_or_path + ".yaml")) return file;
  if (place.valid() && !name_or_path.starts_with('/')) {
    const fs::path folder = fs::path(sources.name(place.file)).parent_path();
    if (auto file = sources.load((folder / name_or_path).lexically_normal().string())) return file;
  }
  return sources.load(name_or_path);
}

}  // namespace

bool check_field(const std::string& name_or_path, const std::string& field, SourceManager& sources,
                 Diagnostics& diagnostics) {
  const auto file = find_file(name_or_path, {}, sources);
  if (!file) return true;  // was reported, or has no text
  const auto root = yaml::parse(*file, sources, "a target description", "name:", diagnostics);
  if (!root) return false;
  Node whole = *root;
  expand_presets(whole, sources, diagnostics);
  if (is_value(find_field(whole, field))) return true;
  diagnostics.report({}, messages::sweep_unknown_field, field, name_or_path, hint(whole, field));
  return false;
}

Result<ChangedMachine> load_changed_machine(const std::string& name_or_path, Span place,
                                            const FieldChanges& changes, SourceManager& sources,
                                            Diagnostics& diagnostics) {
  auto machine = load_machine(name_or_path, place, sources, diagnostics);
  if (!machine) return std::nullopt;
  ChangedMachine made{std::move(*machine), {}};
  const auto original = find_file(name_or_path, place, sources);
  if (!original || made.machine.family != MachineFamily::dsa) {
    if (changes.empty()) return made;
    diagnostics.report(place, messages::wrong_family, made.machine.name);
    return std::nullopt;
  }
  FileId file = *original;
  auto root = yaml::parse(file, sources, "a target description", "name:", diagnostics);
  if (!root) return std::nullopt;
  if (!changes.empty()) {
    Node whole = *root;
    expand_presets(whole, sources, diagnostics);
    const auto text =
        changed_text(*root, whole, sources.text(file), changes, made.machine.name, diagnostics);
    if (!text) return std::nullopt;
    std::string name(sources.name(file));
    for (const auto& [path, value] : changes) name += fmt::format(" with {}={}", path, value);
    file = sources.add(name, *text);
    auto changed = read_machine(file, sources, diagnostics);
    root = yaml::parse(file, sources, "a target description", "name:", diagnostics);
    if (!changed || !root) return std::nullopt;
    made.machine = std::move(*changed);
  }
  made.area_mm2 = area_of(*root, made.machine);
  return made;
}

}  // namespace septran
