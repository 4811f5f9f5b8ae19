#include "builder.h"

#include <fmt/format.h>

namespace septran::simulator {

Machine small_machine(int cores) {
  Machine machine;
  machine.name = "small";
  machine.clock_hz = 1e9;
  machine.processors = {{"HOST", "", 1, {"BLOCK"}}, {"BLOCK", "", cores, {}}};
  const auto memory = [&](const char* name, std::int64_t size) {
    MemorySpec spec;
    spec.name = name;
    spec.size_bytes = size;
    spec.alignment_bytes = 64;
    machine.memories.push_back(spec);
  };
  memory("GLOBAL", 1 << 20);
  memory("SHARED", 1 << 16);
  memory("REGISTER", 1 << 14);
  machine.engines = {{"load", EngineKind::dma, 8},
                     {"store", EngineKind::dma, 8},
                     {"mma", EngineKind::mma, 8},
                     {"vector", EngineKind::vector, 8}};
  ImplementationSpec mma;
  mma.name = "mma";
  mma.matrix_types = {{DType::f32, DType::f32, DType::f32, 1},
                      {DType::i8, DType::i8, DType::i32, 2}};
  machine.implementations = {mma};
  DsaSpec& dsa = machine.dsa;
  dsa.sequencer.launch_cycles = 0;
  dsa.sequencer.barrier_cycles = 10;
  dsa.mma.rows = dsa.mma.cols = 4;
  dsa.mma.hop_cycles = 1;
  dsa.mma.element_cycles = 1;
  dsa.vector.lanes = 16;
  dsa.vector.startup_cycles = 2;
  dsa.vector.rates = {{"default", {1, 3}}, {"exp", {4, 6}}};
  dsa.load = dsa.store = {8, 64, 4, 64};
  dsa.interconnect = {10, 64, 0, {}, Arbitration::first_come, {}, 64, 1024};
  dsa.dram.channels = 1;
  dsa.dram.banks = 2;
  dsa.dram.row_bytes = 256;
  dsa.dram.burst_bytes = 64;
  dsa.dram.interleave_bytes = 64;
  dsa.dram.bytes_per_cycle_per_channel = 16;
  dsa.dram.activate_cycles = 18;
  dsa.dram.precharge_cycles = 17;
  dsa.dram.column_cycles = 20;
  dsa.dram.row_cycle_cycles = 60;
  dsa.dram.write_to_read_cycles = 8;
  dsa.dram.read_to_write_cycles = 4;
  dsa.dram.refresh_interval_cycles = 1'000'000;
  dsa.dram.refresh_cycles = 280;
  dsa.energy = {{"mac.f32", 2}, {"dram.byte", 3}, {"instruction", 5}};
  return machine;
}

Builder::Builder() {
  program.name = "test";
  program.target = "small";
  program.origins.emplace_back();
}

std::uint32_t Builder::global(const std::string& name, DType dtype, std::vector<std::int64_t> shape,
                              bool input, bool output) {
  program.globals.push_back({name, dtype, std::move(shape), input, output});
  return static_cast<std::uint32_t>(program.globals.size() - 1);
}

std::uint32_t Builder::event(const std::string& name, std::int64_t credits) {
  program.events.push_back({name, credits});
  return static_cast<std::uint32_t>(program.events.size() - 1);
}

std::uint32_t Builder::barrier(std::uint32_t arrivals) {
  program.barriers.push_back({arrivals});
  return static_cast<std::uint32_t>(program.barriers.size() - 1);
}

dsa::OperandId Builder::tile(dsa::MemoryId memory, DType dtype, std::int64_t address,
                             std::vector<std::int64_t> extents, std::uint32_t buffer,
                             std::vector<std::int64_t> strides) {
  const auto width = static_cast<std::int64_t>(size_bytes(dtype));
  if (strides.empty()) {
    strides.assign(extents.size(), 1);
    for (std::size_t i = extents.size(); i-- > 1;) strides[i - 1] = strides[i] * extents[i];
  }
  dsa::TileOperand operand;
  operand.memory = memory;
  operand.buffer = buffer;
  operand.storage = operand.logical = dtype;
  operand.address.constant = address;
  for (std::size_t i = 0; i < extents.size(); ++i) {
    dsa::OperandDim dim;
    dim.extent.constant = extents[i];
    dim.digits = {{0, strides[i] * width, -1, 0}};
    operand.dims.push_back(dim);
  }
  program.operands.emplace_back(operand);
  return static_cast<dsa::OperandId>(program.operands.size() - 1);
}

dsa::OperandId Builder::number(double value) {
  program.operands.emplace_back(dsa::ScalarOperand{value});
  return static_cast<dsa::OperandId>(program.operands.size() - 1);
}

void Builder::add(dsa::InstructionNode node) { program.code.push_back({std::move(node), 0}); }
void Builder::load(dsa::OperandId dst, dsa::OperandId src) {
  add(dsa::DmaCopy{load_engine, dst, src});
}
void Builder::store(dsa::OperandId dst, dsa::OperandId src) {
  add(dsa::DmaCopy{store_engine, dst, src});
}
void Builder::mma(dsa::OperandId acc, dsa::OperandId a, dsa::OperandId b, bool accumulate) {
  dsa::Mma mma;
  mma.acc = acc;
  mma.a = a;
  mma.b = b;
  mma.mode = accumulate ? dsa::AccumulateMode::accumulate : dsa::AccumulateMode::overwrite;
  add(mma);
}
void Builder::vec(const std::string& primitive, std::vector<dsa::OperandId> operands,
                  std::uint8_t axis) {
  dsa::Vec vec;
  vec.primitive = primitive_index(*find_primitive(primitive));
  vec.axis = axis;
  vec.operands = std::move(operands);
  add(vec);
}
void Builder::sync(dsa::SyncOp op, dsa::EngineId engine, std::uint32_t event) {
  add(dsa::Sync{op, engine, event});
}
void Builder::wait(dsa::EngineId engine, std::uint32_t event) {
  sync(dsa::SyncOp::wait, engine, event);
}
void Builder::signal(dsa::EngineId engine, std::uint32_t event) {
  sync(dsa::SyncOp::signal, engine, event);
}
const dsa::Program& Builder::halt() {
  add(dsa::Halt{});
  return program;
}

SimulationReport finish(const dsa::Program& program, const Machine& machine,
                        std::vector<HostBuffer> buffers) {
  SimulationOptions options;
  options.timing_only = buffers.empty();
  const SimulationResult result = simulate(program, machine, buffers, options);
  const auto* report = std::get_if<SimulationReport>(&result);
  if (report == nullptr) {
    ADD_FAILURE() << to_text(result);
    return {};
  }
  for (const CoreReport& core : report->cores) {
    for (const EngineReport& engine : core.engines) {
      EXPECT_EQ(engine.total(), report->cycles) << engine.name << ": " << states(engine);
    }
  }
  EXPECT_GE(static_cast<double>(report->cycles), report->roofline.bound());
  return *report;
}

std::string trap(const dsa::Program& program, const Machine& machine, Cycle cycle_limit) {
  const SimulationResult result = simulate(program, machine, {}, {true, cycle_limit});
  const auto* trap = std::get_if<Trap>(&result);
  if (trap == nullptr) {
    ADD_FAILURE() << to_text(result);
    return {};
  }
  return (trap->instruction ? fmt::format("{}: ", *trap->instruction) : "") + trap->text;
}

const EngineReport& engine(const SimulationReport& report, const std::string& name,
                           std::size_t core) {
  for (const EngineReport& engine : report.cores.at(core).engines) {
    if (engine.name == name) return engine;
  }
  static const EngineReport none;
  ADD_FAILURE() << "no engine " << name;
  return none;
}

std::string states(const EngineReport& engine) {
  std::string text;
  const auto add = [&](const std::string& state, Cycle count) {
    if (count != 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", state, count);
  };
  add("busy", engine.busy);
  for (const auto& [cause, count] : engine.stalled) add("stalled." + cause, count);
  add("draining", engine.draining);
  add("idle", engine.idle);
  return text;
}

}  // namespace septran::simulator
