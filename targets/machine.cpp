#include "targets/machine.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "compiler/base/messages.h"
#include "targets/host_cpu.h"
#include "targets/yaml_reader.h"

namespace septran {
namespace {

namespace fs = std::filesystem;

template <typename T>
const T* find_named(const std::vector<T>& all, std::string_view name) {
  for (const T& one : all) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

/// A name is looked up among the shipped descriptions, anything else is a path.
bool is_path(const std::string& name) {
  return name.find('/') != std::string::npos || name.ends_with(".yaml") || name.ends_with(".yml");
}

std::string folder_of(std::string_view file_name) {
  const fs::path folder = fs::path(file_name).parent_path();
  return folder.empty() ? "." : folder.string();
}

}  // namespace

const MemorySpec* Machine::find_memory(std::string_view name) const {
  return find_named(memories, name);
}

const ProcessorSpec* Machine::find_processor(std::string_view name) const {
  return find_named(processors, name);
}

const EngineSpec* Machine::find_engine(std::string_view name) const {
  return find_named(engines, name);
}

const PathSpec* Machine::find_path(std::string_view from, std::string_view to) const {
  for (const PathSpec& path : paths) {
    if (path.from == from && path.to == to) return &path;
  }
  return nullptr;
}

const ImplementationSpec* Machine::find_implementation(std::string_view name) const {
  for (const ImplementationSpec& one : implementations) {
    if (one.name == name) return &one;
    if (std::find(one.aliases.begin(), one.aliases.end(), name) != one.aliases.end()) return &one;
  }
  return nullptr;
}

int Machine::block_count() const {
  const ProcessorSpec* block = find_processor("BLOCK");
  return block == nullptr ? 0 : block->count;
}

std::string machines_folder() {
  if (const char* chosen = std::getenv("SEPTRAN_TARGETS"); chosen != nullptr && *chosen != '\0') {
    return chosen;
  }
  std::error_code fault;
  const fs::path executable = fs::read_symlink("/proc/self/exe", fault);
  if (!fault) {
    for (const char* relative :
         {"../share/septran/targets", "../targets", "../../targets", "../../../targets"}) {
      const fs::path folder = (executable.parent_path() / relative).lexically_normal();
      if (fs::is_regular_file(folder / "dsa_edge.yaml", fault)) return folder.string();
    }
  }
  return SEPTRAN_SOURCE_TARGETS;
}

std::vector<std::string> shipped_machines() {
  std::vector<std::string> names;
  std::error_code fault;
  for (fs::directory_iterator at(machines_folder(), fault), end; !fault && at != end;
       at.increment(fault)) {
    if (at->path().extension() == ".yaml") names.push_back(at->path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

namespace {

/// A description as it stands.
Result<Machine> load_described(const std::string& name_or_path, Span place, SourceManager& sources,
                               Diagnostics& diagnostics) {
  if (!is_path(name_or_path)) {
    const std::vector<std::string> known = shipped_machines();
    if (std::find(known.begin(), known.end(), name_or_path) == known.end()) {
      const std::string hint = fmt::format(messages::machine_folder_hint,
                                           yaml::name_hint(name_or_path, known), machines_folder());
      diagnostics.report(place, messages::machine_not_found, name_or_path, hint);
      return std::nullopt;
    }
  }
  std::vector<std::string> candidates;
  if (!is_path(name_or_path)) {
    candidates.push_back(machines_folder() + "/" + name_or_path + ".yaml");
  } else {
    // A path in a mapping file is meant from that file; failing that, from where we run.
    if (place.valid() && !name_or_path.starts_with('/')) {
      candidates.push_back(
          (fs::path(folder_of(sources.name(place.file))) / name_or_path).lexically_normal());
    }
    candidates.push_back(name_or_path);
  }
  for (const std::string& path : candidates) {
    if (const auto file = sources.load(path)) return read_machine(*file, sources, diagnostics);
  }
  diagnostics.report(place, messages::machine_unreadable, name_or_path);
  return std::nullopt;
}

/// The processor that this runs on, as the first description that it can run.
Result<Machine> native_machine(const Machine& native, Span place, SourceManager& sources,
                               Diagnostics& diagnostics) {
  for (const std::string& name : native.native_of) {
    auto machine = load_described(name, place, sources, diagnostics);
    if (!machine) return std::nullopt;
    if (!machine->native_of.empty()) continue;  // stands for others itself
    if (!missing_instruction_sets(*machine).empty()) continue;
    machine->name = native.name;
    machine->describes = native.describes;
    fill_from_host(*machine);
    return machine;
  }
  diagnostics.report(place, messages::no_native_machine, fmt::join(native.native_of, ", "));
  return std::nullopt;
}

}  // namespace

Result<Machine> load_machine(const std::string& name_or_path, Span place, SourceManager& sources,
                             Diagnostics& diagnostics) {
  auto machine = load_described(name_or_path, place, sources, diagnostics);
  if (!machine || machine->native_of.empty()) return machine;
  return native_machine(*machine, place, sources, diagnostics);
}

}  // namespace septran
