// A kernel from texts: compiled, with the tile program after every pass, and executed by the
// reference and the tile interpreter.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "compiler/passes/pass.h"

namespace septran::testing_support {

struct KernelText {
  std::string logic;
  std::string mapping;
  std::string mapping_file = "kernel.yaml";  // its name, from which `extends` is found
  std::string target = "dsa_edge";
  std::vector<std::pair<std::string, std::string>> definitions;
  DType dtype = DType::f32;
  std::map<std::string, DType> dtypes;
};

struct Kernel {
  SourceManager sources;
  Diagnostics diagnostics;
  std::optional<lang::Module> module;
  std::optional<Machine> machine;
  std::optional<lang::EntryBinding> entry;
  std::optional<mapping::Mapping> mapping;
  std::vector<std::pair<std::string, tile::Program>> stages;  // by pass
  std::optional<tile::Program> program;                       // after all passes

  [[nodiscard]] std::string messages() const { return render(diagnostics, sources, false); }
};

/// Compiles; faults are in the kernel's diagnostics and `program` is empty then.
void compile(const KernelText& text, Kernel& kernel);

/// Small integers (exact in every type), or values in [-1, 1), by position; one vector an argument
/// of the entry that is a tensor.
std::vector<std::vector<std::byte>> make_arguments(const Kernel& kernel, bool integers);

/// The reference's results for these arguments.
std::vector<std::vector<std::byte>> run_reference(Kernel& kernel,
                                                  std::vector<std::vector<std::byte>> arguments);

/// Largest difference between two tensors' elements, in units of the larger of 1 and the value.
double difference(DType dtype, const std::vector<std::byte>& a, const std::vector<std::byte>& b);

/// Runs the tile program after every pass and compares with the reference; the text of the first
/// fault, or empty. Integer arguments compare exactly.
std::string compare_stages(Kernel& kernel, bool integers, double tolerance);

/// Hazards of the final program; empty if there are none.
std::string check_hazards(const tile::Program& program);

/// Hazards of the final program, and syncs whose removal goes unnoticed; empty if all is well.
/// Events with credits only show where loops have more trips than rings have slots: `rings_wrap`.
std::string check_syncs(const tile::Program& program, bool rings_wrap);

/// The program without an event's signals and waits, of which there are some.
tile::Program without_event(const tile::Program& program, tile::EventId event);

std::string read_text(const std::string& path);

}  // namespace septran::testing_support
