// Cases kept as text: assembly with faults, programs that a machine refuses, and the lowering of
// small tile programs.
#include <gtest/gtest.h>

#include <set>

#include "compiler/tile/parse.h"
#include "source_dir.h"
#include "targets/dsa/lower/lower.h"
#include "targets/dsa/validate.h"
#include "tests/dsa/support.h"
#include "tests/machine/golden.h"

namespace septran::dsa {
namespace {

std::string case_file(const std::string& name) {
  return std::string(SEPTRAN_SOURCE_DIR) + "/tests/dsa/cases/" + name;
}

TEST(Cases, AssemblyFaults) {
  golden::run_cases(case_file("assembly_faults.txt"),
                    [](const golden::Case& one) { return assemble_text(one.part("assembly")); });
}

TEST(Cases, MachineLimits) {
  Machine machine = test_machine("dsa_edge");
  machine.dsa.sequencer.registers = 16;
  machine.dsa.sequencer.loop_depth = 2;
  machine.dsa.sequencer.operands = 5;
  machine.dsa.sequencer.instructions = 12;
  machine.dsa.sequencer.events = 2;
  golden::run_cases(case_file("machine_limits.txt"), [&](const golden::Case& one) {
    Diagnostics diagnostics;
    const bool fits = validate(assemble(one.part("assembly")), machine, diagnostics);
    EXPECT_EQ(fits, !diagnostics.has_errors());
    return fits ? "fits\n" : render_all(diagnostics);
  });
}

TEST(Cases, Lowering) {
  golden::run_cases(case_file("lowering.txt"), [](const golden::Case& one) {
    const std::string cores = one.part("cores");
    const std::string registers = one.part("registers");
    Machine machine = test_machine("dsa_edge", cores.empty() ? 1 : std::stoi(cores));
    if (!registers.empty()) machine.dsa.sequencer.registers = std::stoi(registers);
    SourceManager sources;
    Diagnostics diagnostics;
    const FileId file = sources.add("test.tile", one.part("tile"));
    const auto tile_program = tile::parse_text(file, sources, diagnostics);
    if (!tile_program) return render(diagnostics, sources, false);
    const auto program = lower_to_dsa(*tile_program, machine, diagnostics);
    if (!program) return render(diagnostics, sources, false);
    EXPECT_FALSE(diagnostics.has_errors());
    const std::string text = to_assembly(*program);
    EXPECT_EQ(assemble_text(text), text);
    return text;
  });
}

}  // namespace
}  // namespace septran::dsa
