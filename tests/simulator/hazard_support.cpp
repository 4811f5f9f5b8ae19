#include "hazard_support.h"

#include <fmt/format.h>

namespace septran::simulator {

HazardReport check(const dsa::Program& program, const Machine& machine) {
  std::vector<std::vector<std::byte>> bytes;
  std::vector<HostBuffer> buffers;
  for (const dsa::GlobalBuffer& global : program.globals) {
    std::size_t size = size_bytes(global.dtype);
    for (const std::int64_t extent : global.shape) size *= static_cast<std::size_t>(extent);
    bytes.emplace_back(size);
    buffers.push_back({bytes.back()});
  }
  HazardReport report;
  HazardReport with_values;
  const SimulationResult timed = simulate(program, machine, {}, {true, 0}, &report);
  simulate(program, machine, buffers, {}, &with_values);
  EXPECT_EQ(to_text(with_values), to_text(report));
  EXPECT_EQ(with_values.operations, report.operations);
  EXPECT_EQ(to_text(timed), to_text(simulate(program, machine, {}, {true, 0})));
  return report;
}

std::string hazards(const dsa::Program& program, int cores) {
  constexpr const char* kinds[] = {"read after write", "write after read", "write after write",
                                   "unwritten", "shared event"};
  std::string text;
  for (const Hazard& hazard : check(program, small_machine(cores)).hazards) {
    const auto side = [](const Hazard::Side& s) {
      return fmt::format("{}.{} {}", s.core, s.engine, s.instruction);
    };
    text += fmt::format("{}: {}", kinds[static_cast<std::size_t>(hazard.kind)], side(hazard.first));
    if (hazard.second) text += ", " + side(*hazard.second);
    if (!hazard.memory.empty()) {
      text += fmt::format(": {} {}..{}", hazard.memory, hazard.first_byte, hazard.last_byte);
    }
    text += hazard.count == 1 ? "\n" : fmt::format(", {} times\n", hazard.count);
  }
  return text;
}

}  // namespace septran::simulator
