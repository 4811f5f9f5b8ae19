// Small programs and a small machine for the simulator's tests.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "simulator/report.h"
#include "simulator/simulator.h"
#include "targets/dsa/isa.h"

namespace septran::simulator {

/// One core, or more, with round numbers: array 4 x 4; 16 lanes; bursts of 64 bytes; DRAM of one
/// channel with 16 B/cycle (4 cycles a burst), 2 banks of rows of 256 bytes, no refresh in sight;
/// nothing takes time to launch, and ports are without limit unless a test sets them.
Machine small_machine(int cores = 1);

/// Writes programs instruction by instruction.
class Builder {
 public:
  Builder();
  dsa::Program program;

  std::uint32_t global(const std::string& name, DType dtype, std::vector<std::int64_t> shape,
                       bool input, bool output);
  std::uint32_t event(const std::string& name, std::int64_t credits = 0);
  std::uint32_t barrier(std::uint32_t arrivals);
  /// A row-major box of a memory: strides in elements; of the extents if none are given.
  dsa::OperandId tile(dsa::MemoryId memory, DType dtype, std::int64_t address,
                      std::vector<std::int64_t> extents, std::uint32_t buffer = 0,
                      std::vector<std::int64_t> strides = {});
  dsa::OperandId shared(DType dtype, std::int64_t address, std::vector<std::int64_t> extents) {
    return tile(dsa::MemoryId::shared, dtype, address, std::move(extents));
  }
  dsa::OperandId accumulators(DType dtype, std::int64_t address,
                              std::vector<std::int64_t> extents) {
    return tile(dsa::MemoryId::accumulators, dtype, address, std::move(extents));
  }
  dsa::OperandId number(double value);
  dsa::TileOperand& tile_of(dsa::OperandId id) {
    return std::get<dsa::TileOperand>(program.operands[id]);
  }

  void load(dsa::OperandId dst, dsa::OperandId src);
  void store(dsa::OperandId dst, dsa::OperandId src);
  void mma(dsa::OperandId acc, dsa::OperandId a, dsa::OperandId b, bool accumulate = false);
  void vec(const std::string& primitive, std::vector<dsa::OperandId> operands,
           std::uint8_t axis = dsa::no_axis);
  void wait(dsa::EngineId engine, std::uint32_t event);
  void signal(dsa::EngineId engine, std::uint32_t event);
  void sync(dsa::SyncOp op, dsa::EngineId engine, std::uint32_t event);
  void add(dsa::InstructionNode node);
  /// Ends the program.
  const dsa::Program& halt();
};

/// Runs and expects the end of the program; without buffers only the time.
SimulationReport finish(const dsa::Program& program, const Machine& machine,
                        std::vector<HostBuffer> buffers = {});
/// Runs for the time only and expects a trap; its text.
std::string trap(const dsa::Program& program, const Machine& machine, Cycle cycle_limit = 0);
const EngineReport& engine(const SimulationReport& report, const std::string& name,
                           std::size_t core = 0);
/// "busy 4, stalled.sync 1, draining 3, idle 2": states that are not zero.
std::string states(const EngineReport& engine);

inline constexpr auto load_engine = dsa::EngineId::load;
inline constexpr auto store_engine = dsa::EngineId::store;
inline constexpr auto mma_engine = dsa::EngineId::mma;
inline constexpr auto vector_engine = dsa::EngineId::vector;

}  // namespace septran::simulator
