#include "tests/fuzz/seeds.h"

#include <algorithm>
#include <filesystem>
#include <initializer_list>

#include "compiler/frontend/parser.h"
#include "compiler/tile/text.h"
#include "runtime/npy_header.h"
#include "source_dir.h"
#include "targets/dsa/assembly.h"
#include "targets/dsa/encode.h"
#include "targets/dsa/lower/lower.h"
#include "tests/support/kernel.h"

namespace septran::fuzz {
namespace {

namespace fs = std::filesystem;
using testing_support::read_text;
const fs::path root = SEPTRAN_SOURCE_DIR;

/// The files of some folders with one extension, sorted; those of each example and mapping too.
std::vector<Seed> files(std::initializer_list<const char*> folders, const char* extension) {
  std::vector<Seed> seeds;
  for (const char* folder : folders) {
    if (!fs::is_directory(root / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      if (!entry.is_regular_file() || (*extension != 0 && entry.path().extension() != extension)) {
        continue;
      }
      std::string name = fs::relative(entry.path(), root / folder).string();
      std::replace(name.begin(), name.end(), '/', '_');
      seeds.push_back({std::move(name), read_text(entry.path().string())});
    }
  }
  std::sort(seeds.begin(), seeds.end(),
            [](const Seed& a, const Seed& b) { return a.name < b.name; });
  return seeds;
}

/// Each logic file of tests/cli/cases with its mapping.
std::vector<std::pair<Seed, Seed>> kernels() {
  std::vector<std::pair<Seed, Seed>> pairs;
  for (const Seed& logic : files({"tests/cli/cases"}, ".py")) {
    const fs::path mapping = (root / "tests/cli/cases" / logic.name).replace_extension(".yaml");
    pairs.emplace_back(logic, Seed{logic.name, read_text(mapping.string())});
  }
  return pairs;
}

/// -D for every dimension of the entry task; empty if the files cannot be read.
std::vector<std::pair<std::string, std::string>> definitions(const Seed& logic, const Seed& mapping,
                                                             const char* size) {
  SourceManager sources;
  Diagnostics ignored;
  const auto module = lang::parse_module(sources.add("a.py", logic.content), sources, ignored);
  const auto task =
      mapping::read_entry_task(sources.add("a.yaml", mapping.content), sources, ignored);
  std::vector<std::pair<std::string, std::string>> definitions;
  if (!module || !task) return definitions;
  for (const lang::Task& known : module->tasks) {
    if (known.name != task->value) continue;
    for (const std::string& name : lang::definable_names(known)) {
      definitions.emplace_back(name, size);
    }
  }
  return definitions;
}

enum class Form { tile, assembly, binary };

std::optional<std::string> compiled(const Seed& logic, const Seed& mapping, Form form) {
  for (const char* size : {"33", "4"}) {  // the second for kernels that bound their dimensions
    testing_support::KernelText text;
    text.logic = logic.content;
    text.mapping = mapping.content;
    text.definitions = definitions(logic, mapping, size);
    testing_support::Kernel kernel;
    testing_support::compile(text, kernel);
    if (!kernel.program) continue;
    if (form == Form::tile) return tile::to_text(*kernel.program);
    const auto program = dsa::lower_to_dsa(*kernel.program, *kernel.machine, kernel.diagnostics);
    if (!program) continue;
    if (form == Form::assembly) return dsa::to_assembly(*program);
    const auto bytes = dsa::encode_program(*program, kernel.diagnostics);
    if (bytes) return std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  }
  return std::nullopt;
}

/// The kernels of tests/cli/cases as the compiler leaves them.
std::vector<Seed> compiled(Form form) {
  std::vector<Seed> seeds;
  for (const auto& [logic, mapping] : kernels()) {
    if (auto content = compiled(logic, mapping, form)) {
      seeds.push_back({logic.name, std::move(*content)});
    }
  }
  return seeds;
}

std::vector<Seed> arrays() {
  std::vector<Seed> seeds;
  for (const char* type : {"<f2", "<f4", "<f8", "|i1", "<i4", "<u2"}) {
    const auto width = static_cast<std::size_t>(type[2] - '0');
    seeds.push_back({std::string("array") + type[1] + type[2],
                     runtime::format_npy_header(type, {2, 3}) + std::string(6 * width, 'x')});
  }
  return seeds;
}

std::vector<Seed> sound(const std::string& harness) {
  if (harness == "logic") {
    return files({"examples", "tests/cli/cases", "tests/frontend/cases"}, ".py");
  }
  if (harness == "mapping") return files({"mappings", "tests/cli/cases", "tests/mapping"}, ".yaml");
  if (harness == "machine") return files({"targets", "tests/machine"}, ".yaml");
  if (harness == "npy") return arrays();
  if (harness == "assembly") return compiled(Form::assembly);
  if (harness == "program") return compiled(Form::binary);
  if (harness == "compile") {
    std::vector<Seed> seeds;
    for (const auto& [logic, mapping] : kernels()) {
      seeds.push_back({logic.name, logic.content + "==== mapping\n" + mapping.content});
    }
    return seeds;
  }
  std::vector<Seed> seeds = files({"tests/tile/cases"}, ".tile");
  for (Seed& seed : compiled(Form::tile)) seeds.push_back(std::move(seed));
  return seeds;
}

}  // namespace

std::vector<Seed> seeds(const std::string& harness) {
  std::vector<Seed> all = sound(harness);
  const std::string folder = "tests/fuzz/corpus/" + harness;
  for (Seed& seed : files({folder.c_str()}, "")) all.push_back(std::move(seed));
  return all;
}

}  // namespace septran::fuzz
