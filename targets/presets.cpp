#include "targets/presets.h"

#include <algorithm>
#include <filesystem>

#include "compiler/base/messages.h"
#include "targets/machine.h"

namespace septran {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view sections[] = {"mma", "dram"};

std::vector<std::string> known_presets(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code fault;
  for (fs::directory_iterator at(folder, fault), end; !fault && at != end; at.increment(fault)) {
    if (at->path().extension() == ".yaml") names.push_back(at->path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// The key, whichever unit it is in.
std::string quantity(std::string key) {
  if (key.ends_with("_ns")) key.replace(key.size() - 3, 3, "_cycles");
  constexpr std::string_view by_second = "bytes_per_second";
  if (key.starts_with(by_second)) key.replace(0, by_second.size(), "bytes_per_cycle");
  return key;
}

void merge(yaml::Node& section, const yaml::Node& preset) {
  std::vector<std::string> own;
  for (const yaml::Entry& entry : section.entries) own.push_back(quantity(entry.key));
  for (const yaml::Entry& entry : preset.entries) {
    if (std::find(own.begin(), own.end(), quantity(entry.key)) == own.end()) {
      section.entries.push_back(entry);
    }
  }
}

void expand(yaml::Node& section, std::string_view kind, SourceManager& sources,
            Diagnostics& diagnostics) {
  const yaml::Node* asked = section.find("preset");
  if (asked == nullptr) return;
  auto name = yaml::to_text(*asked, "'preset'", diagnostics);
  if (!name) return;
  const fs::path folder = fs::path(machines_folder()) / kind;
  const std::vector<std::string> known = known_presets(folder);
  if (std::find(known.begin(), known.end(), *name) == known.end()) {
    diagnostics.report(asked->span, messages::machine_unknown_name,
                       fmt::format("preset of '{}'", kind), *name, yaml::name_hint(*name, known));
    if (known.empty()) return;
    name = known.front();  // so that its settings are not told to be missing too
  }
  const auto file = sources.load((folder / (*name + ".yaml")).string());
  if (!file) {
    diagnostics.report(asked->span, messages::machine_unreadable, *name);
    return;
  }
  const auto preset = yaml::parse(*file, sources, "a preset", "# settings", diagnostics);
  if (preset && yaml::expect_map(*preset, "a preset", diagnostics)) merge(section, *preset);
}

}  // namespace

void expand_presets(yaml::Node& root, SourceManager& sources, Diagnostics& diagnostics) {
  for (yaml::Entry& entry : root.entries) {
    if (entry.key != "dsa") continue;
    for (yaml::Entry& section : entry.value.entries) {
      for (const std::string_view kind : sections) {
        if (section.key == kind) expand(section.value, kind, sources, diagnostics);
      }
    }
  }
}

}  // namespace septran
