// Compiled i8 programs with the RTL of the matrix array in the model's place: loads, stores, vector
// operations and syncs around it are the same, results are the same bit for bit, and the cycles of
// the whole program differ by no more than 2 %.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "simulator/report.h"
#include "simulator/simulator.h"
#include "source_dir.h"
#include "targets/dsa/lower/lower.h"
#include "tests/support/kernel.h"

namespace septran {
namespace {

using simulator::MmaModel;
using simulator::SimulationReport;
using testing_support::Kernel;
using testing_support::KernelText;

std::string read_text(const std::string& path) {
  std::ifstream in(SEPTRAN_SOURCE_DIR "/" + path);
  EXPECT_TRUE(in) << path;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

struct Run {
  SimulationReport report;
  std::vector<std::vector<std::byte>> arguments;
};

Run run(const dsa::Program& program, const Kernel& kernel, MmaModel mma) {
  Run result;
  result.arguments = make_arguments(kernel, true);
  std::vector<simulator::HostBuffer> buffers(program.globals.size());
  for (std::size_t i = 0; i < result.arguments.size(); ++i) buffers[i].bytes = result.arguments[i];
  simulator::SimulationOptions options;
  options.mma = mma;
  simulator::HazardReport hazards;
  const auto outcome = simulate(program, *kernel.machine, buffers, options, &hazards);
  EXPECT_TRUE(hazards.hazards.empty()) << to_text(hazards);
  if (const auto* report = std::get_if<SimulationReport>(&outcome)) {
    result.report = *report;
  } else {
    ADD_FAILURE() << to_text(outcome);
  }
  return result;
}

/// The matrix product of the examples in i8, compiled for dsa_edge, on arrays of other sizes too.
void compare(const char* m, const char* n, const char* k) {
  KernelText text;
  text.logic = read_text("examples/gemm/gemm.py");
  text.mapping = read_text("mappings/gemm/dsa_edge.yaml");
  text.dtype = DType::i8;
  text.dtypes = {{"C", DType::i32}};
  text.definitions = {{"M", m}, {"N", n}, {"K", k}};
  Kernel kernel;
  compile(text, kernel);
  ASSERT_TRUE(kernel.program) << kernel.messages();
  const auto program = dsa::lower_to_dsa(*kernel.program, *kernel.machine, kernel.diagnostics);
  ASSERT_TRUE(program) << kernel.messages();
  for (const int size : {4, 8, 16}) {
    MmaTiming& mma = kernel.machine->dsa.mma;
    mma.rows = mma.cols = size;
    mma.element_cycles = 3;  // the preset septran_rtl
    const Run model = run(*program, kernel, MmaModel::behavioural);
    const Run rtl = run(*program, kernel, MmaModel::rtl);
    EXPECT_EQ(rtl.arguments, model.arguments) << size;
    const double difference =
        static_cast<double>(std::abs(model.report.cycles - rtl.report.cycles));
    EXPECT_LE(difference, 0.02 * static_cast<double>(rtl.report.cycles)) << fmt::format(
        "{} x {} x {} on {}: {} and {}", m, n, k, size, model.report.cycles, rtl.report.cycles);
    for (const auto& core : rtl.report.cores) {
      for (const auto& engine : core.engines) EXPECT_EQ(engine.total(), rtl.report.cycles);
    }
  }
}

TEST(RtlPrograms, AgreeWithTheModel) {
  if (simulator::rtl_sizes().empty()) GTEST_SKIP() << "built without Verilator";
  compare("64", "64", "64");
  compare("7", "100", "33");
  compare("130", "70", "200");
  compare("1", "64", "256");
}

}  // namespace
}  // namespace septran
