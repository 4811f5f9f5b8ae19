// Holds the #include lines of all sources against the layers of docs/architecture.md.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "source_dir.h"

namespace septran {
namespace {

namespace fs = std::filesystem;

/// What a folder's files may include: other layers (by folder, "*" for all), single headers, and
/// libraries by how their headers' names start. fmt and the standard library are everyone's.
struct Layer {
  std::string_view folder;
  std::vector<std::string_view> layers;
  std::vector<std::string_view> libraries;
};

const std::vector<Layer> layers{
    {"compiler/base", {}, {}},
    {"compiler/primitives", {"compiler/base"}, {}},
    {"compiler/frontend", {"compiler/base", "compiler/primitives"}, {}},
    {"compiler/kernels", {"compiler/base", "compiler/primitives"}, {"Eigen/", "immintrin.h"}},
    {"compiler/reference",
     {"compiler/base", "compiler/frontend", "compiler/primitives", "compiler/kernels"},
     {}},
    {"compiler/mapping",
     {"compiler/base", "compiler/primitives", "compiler/frontend", "targets/machine.h",
      "targets/yaml_reader.h"},
     {"yaml-cpp/"}},
    {"compiler/tile", {"compiler/base", "compiler/primitives", "compiler/kernels"}, {}},
    {"compiler/passes",
     {"compiler/base", "compiler/frontend", "compiler/mapping", "compiler/tile",
      "compiler/primitives", "targets/machine.h"},
     {}},
    {"compiler/explain",
     {"compiler/base", "compiler/frontend", "compiler/mapping", "compiler/passes",
      "compiler/primitives", "compiler/tile", "targets/machine.h"},
     {"nlohmann/"}},
    {"targets", {"compiler/base", "compiler/primitives"}, {"yaml-cpp/"}},
    {"targets/dsa", {"compiler/base", "compiler/primitives", "targets/machine.h"}, {}},
    {"targets/dsa/lower",
     {"compiler/base", "compiler/primitives", "compiler/tile", "targets/dsa", "targets/machine.h"},
     {}},
    {"targets/cpu",
     {"compiler/base", "compiler/primitives", "compiler/tile", "targets/machine.h"},
     {}},
    {"targets/cuda",
     {"compiler/base", "compiler/primitives", "compiler/tile", "targets/machine.h", "targets/cpu"},
     {}},
    {"simulator",
     {"compiler/base", "compiler/primitives", "compiler/kernels", "targets/machine.h",
      "targets/dsa"},
     {"systemc", "tlm", "nlohmann/"}},
    {"simulator/report", {"compiler/base", "simulator", "targets/machine.h"}, {"nlohmann/"}},
    {"runtime", {"compiler/base"}, {}},
    {"runtime/native",
     {"compiler/base", "compiler/tile", "runtime", "targets/machine.h", "targets/host_cpu.h",
      "targets/cpu"},
     {}},
    {"runtime/embed",
     {"compiler/base", "compiler/frontend", "compiler/mapping", "compiler/passes", "compiler/tile",
      "runtime", "runtime/native", "targets/machine.h"},
     {}},
    {"runtime/cuda",
     {"compiler/base", "compiler/tile", "runtime", "runtime/native", "targets/machine.h",
      "targets/cuda"},
     {}},
    {"runtime/backends",
     {"compiler/base", "compiler/tile", "runtime", "runtime/native", "runtime/cuda",
      "targets/machine.h", "targets/dsa", "targets/dsa/lower", "simulator"},
     {}},
    {"tools", {"*"}, {"CLI/", "nlohmann/"}},
};

constexpr std::string_view libraries_of_some[] = {
    "Eigen", "unsupported/Eigen", "yaml-cpp", "systemc", "tlm",   "sysc",
    "CLI",   "nlohmann",          "cuda",     "nvrtc",   "cublas"};

bool within(std::string_view path, std::string_view folder) {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

/// The layer of a source file: the longest folder that it lies in.
const Layer* layer_of(std::string_view path) {
  const Layer* found = nullptr;
  for (const Layer& layer : layers) {
    if (within(path, layer.folder) &&
        (found == nullptr || layer.folder.size() > found->folder.size())) {
      found = &layer;
    }
  }
  return found;
}

/// Why a file of `layer` must not include `header`, or nothing.
std::string objection(const Layer& layer, std::string_view header, bool is_quoted) {
  const auto allows = [&](const std::vector<std::string_view>& starts) {
    return std::any_of(starts.begin(), starts.end(),
                       [&](std::string_view start) { return header.starts_with(start); });
  };
  if (!is_quoted) {
    const bool is_restricted =
        std::any_of(std::begin(libraries_of_some), std::end(libraries_of_some),
                    [&](std::string_view library) { return header.starts_with(library); });
    if (is_restricted && !allows(layer.libraries)) return "this library is not its own";
    return "";
  }
  const Layer* of_header = layer_of(header);
  if (of_header == nullptr) return "the path does not start at a layer";
  if (of_header == &layer) return "";
  const bool allowed =
      std::any_of(layer.layers.begin(), layer.layers.end(), [&](std::string_view other) {
        return other == "*" || other == header || other == of_header->folder;
      });
  return allowed ? "" : "this layer is not among those it may use";
}

/// "file:line: includes X, but ..." for each line of a text that breaks the rules.
std::vector<std::string> faults_of(const std::string& path, std::istream& text) {
  std::vector<std::string> faults;
  const Layer* layer = layer_of(path);
  if (layer == nullptr) return {path + ": in no layer"};
  std::string line;
  for (int number = 1; std::getline(text, line); ++number) {
    const std::size_t hash = line.find_first_not_of(" \t");
    if (hash == std::string::npos || line[hash] != '#') continue;
    const std::size_t word = line.find_first_not_of(" \t", hash + 1);
    if (word == std::string::npos || line.compare(word, 7, "include") != 0) continue;
    const std::size_t open = line.find_first_of("\"<", word);
    const std::size_t close = line.find_first_of("\">", open + 1);
    if (open == std::string::npos || close == std::string::npos) continue;
    const std::string header = line.substr(open + 1, close - open - 1);
    const std::string why = objection(*layer, header, line[open] == '"');
    if (!why.empty()) {
      faults.push_back(fmt::format("{}:{}: includes {}, but {}", path, number, header, why));
    }
  }
  return faults;
}

std::vector<std::string> faults_in(const std::string& path, const std::string& content) {
  std::istringstream text(content);
  return faults_of(path, text);
}

TEST(Layers, EverySourceKeepsToItsOwn) {
  const fs::path root = SEPTRAN_SOURCE_DIR;
  int sources = 0;
  for (const char* top : {"compiler", "targets", "simulator", "runtime", "tools"}) {
    if (!fs::exists(root / top)) continue;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / top)) {
      const std::string extension = entry.path().extension().string();
      if (extension != ".h" && extension != ".cpp") continue;
      ++sources;
      std::ifstream text(entry.path());
      for (const std::string& fault : faults_of(entry.path().lexically_relative(root), text)) {
        ADD_FAILURE() << fault;
      }
    }
  }
  EXPECT_GT(sources, 20);
}

TEST(Layers, FindsWhatBreaksThem) {
  EXPECT_EQ(faults_in("compiler/base/a.cpp", "#include \"compiler/tile/program.h\"\n"),
            std::vector<std::string>{"compiler/base/a.cpp:1: includes compiler/tile/program.h, but "
                                     "this layer is not among those it may use"});
  EXPECT_EQ(faults_in("compiler/passes/a.cpp", "\n#  include <systemc.h>\n"),
            std::vector<std::string>{"compiler/passes/a.cpp:2: includes systemc.h, but this "
                                     "library is not its own"});
  EXPECT_EQ(faults_in("runtime/a.cpp", "#include \"tensor.h\"\n").size(), 1u);
  EXPECT_EQ(faults_in("simulator/a.cpp", "#include \"compiler/passes/passes.h\"\n").size(), 1u);
  EXPECT_EQ(faults_in("simulator/a.cpp", "#include \"targets/dsa/lower/lower.h\"\n").size(), 1u);
  EXPECT_EQ(faults_in("targets/machine.cpp", "#include \"targets/dsa/program.h\"\n").size(), 1u);
  EXPECT_EQ(faults_in("targets/dsa/a.cpp", "#include <yaml-cpp/yaml.h>\n").size(), 1u);
  EXPECT_TRUE(faults_in("targets/dsa/a.cpp",
                        "#include <vector>\n#include \"targets/dsa/program.h\"\n"
                        "#include \"targets/machine.h\"\n// #include <systemc.h>\n")
                  .empty());
}

}  // namespace
}  // namespace septran
