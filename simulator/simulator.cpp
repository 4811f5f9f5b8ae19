#include "simulator/simulator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <mutex>

#include "compiler/base/count.h"
#include "compiler/base/diagnostic.h"
#include "simulator/core.h"

/// SystemC's library has a main of its own, which calls this; programs here have theirs.
int sc_main(int, char**) { return 0; }

namespace septran::simulator {
namespace {

/// SystemC keeps its kernel in a global: a fresh one for each run, the old one put back after it.
class FreshKernel {
 public:
  FreshKernel() : saved_(sc_core::sc_get_curr_simcontext()), own_(new sc_core::sc_simcontext()) {
    use(own_.get());
    sc_core::sc_report_handler::set_actions(sc_core::SC_INFO, sc_core::SC_DO_NOTHING);
    sc_core::sc_report_handler::set_actions(sc_core::SC_WARNING, sc_core::SC_THROW);
    sc_core::sc_report_handler::set_actions(sc_core::SC_ERROR, sc_core::SC_THROW);
    sc_core::sc_report_handler::set_actions(sc_core::SC_FATAL, sc_core::SC_THROW);
  }
  FreshKernel(const FreshKernel&) = delete;
  FreshKernel& operator=(const FreshKernel&) = delete;
  ~FreshKernel() {
    own_.reset();
    use(saved_);
  }

 private:
  static void use(sc_core::sc_simcontext* context) {
    sc_core::sc_curr_simcontext = sc_core::sc_default_global_context = context;
  }
  sc_core::sc_simcontext* saved_;
  std::unique_ptr<sc_core::sc_simcontext> own_;
};

Fault check_machine(const Machine& machine) {
  if (machine.family != MachineFamily::dsa) return machine.name + " is no accelerator";
  for (const auto id :
       {dsa::MemoryId::global, dsa::MemoryId::shared, dsa::MemoryId::accumulators}) {
    if (machine.find_memory(memory_name(id)) == nullptr) {
      return fmt::format("{} has no memory {}", machine.name, memory_name(id));
    }
  }
  const DsaSpec& dsa = machine.dsa;
  const std::int64_t sizes[] = {dsa.mma.rows,
                                dsa.mma.cols,
                                dsa.vector.lanes,
                                dsa.load.burst_bytes,
                                dsa.load.bytes_per_cycle,
                                dsa.load.outstanding_bursts,
                                dsa.store.burst_bytes,
                                dsa.store.bytes_per_cycle,
                                dsa.store.outstanding_bursts,
                                dsa.interconnect.grant_bursts,
                                dsa.interconnect.queue_bursts,
                                dsa.sharing.cores_per_link,
                                dsa.sharing.cores_per_scratchpad,
                                dsa.dram.read_queue_bursts,
                                dsa.dram.write_queue_bursts,
                                dsa.dram.channels,
                                dsa.dram.banks,
                                dsa.dram.bank_groups,
                                dsa.dram.banks / std::max(1, dsa.dram.bank_groups),
                                dsa.dram.group_interleave_bytes,
                                dsa.dram.row_bytes,
                                dsa.dram.burst_bytes,
                                dsa.dram.interleave_bytes,
                                dsa.dram.refresh_interval_cycles,
                                dsa.sequencer.issue_cycles,
                                machine.block_count()};
  bool positive = machine.clock_hz > 0 && dsa.dram.bytes_per_cycle_per_channel > 0 &&
                  dsa.interconnect.bytes_per_cycle_per_link > 0;
  for (const std::int64_t size : sizes) positive = positive && size > 0;
  if (!positive) return machine.name + " has a size or rate that is not positive";
  return {};
}

Fault check_buffers(const dsa::Program& program, const GlobalLayout& layout,
                    std::span<HostBuffer> buffers) {
  if (buffers.size() != program.globals.size()) {
    return fmt::format("{:buffer} for a program with {}", Counted{buffers.size()},
                       program.globals.size());
  }
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    const dsa::GlobalBuffer& global = program.globals[i];
    if (!global.is_input && !global.is_output) continue;
    const auto size = static_cast<std::size_t>(layout.size_bytes[i]);
    const auto address = reinterpret_cast<std::uintptr_t>(buffers[i].bytes.data());
    if (buffers[i].bytes.size() < size || address % size_bytes(global.dtype) != 0) {
      return fmt::format("buffer {} needs {} aligned bytes, but was given {}", global.name, size,
                         buffers[i].bytes.size());
    }
  }
  return {};
}

Trap refusal(const dsa::Program& program, std::string text,
             std::optional<std::uint32_t> instruction = {}) {
  Trap trap{std::move(text), 0, instruction, {}, 0};
  if (instruction) {
    const std::uint32_t origin = program.code[*instruction].origin;
    if (origin < program.origins.size()) trap.origin = program.origins[origin];
  }
  return trap;
}

/// With the place at which the first core that is not finished stands.
Trap out_of_time(const Shared& shared, const std::vector<Core*>& cores, Cycle limit) {
  Trap trap{
      fmt::format("not finished after {:cycle} (--cycle-limit)", Counted{limit}), 0, {}, {}, limit};
  for (const Core* core : cores) {
    if (core->is_done()) continue;
    trap.core = core->state().index;
    trap.instruction = core->sequencer().position();
    trap.origin = shared.origin(*trap.instruction);
    break;
  }
  return trap;
}

/// Ends the recording of a run that was stopped, so that it can be told as far as it came.
void record_until(Cycle stopped, Shared& shared, const std::vector<Core*>& cores) {
  if (shared.recording == nullptr) return;
  const Cycle until = std::max(stopped, shared.last_completion);
  for (Core* core : cores) core->finish(until);
  shared.recording->finish(until, shared.program);
}

/// Why the run did not end as it should, if it did not.
std::optional<SimulationResult> fault_of_run(Shared& shared, const std::vector<Core*>& cores,
                                             const SimulationOptions& options) {
  if (shared.trap) return *shared.trap;
  bool done = true;
  for (const Core* core : cores) done = done && core->is_done();
  const bool late = options.cycle_limit > 0 && shared.last_completion > options.cycle_limit;
  if (late || (!done && sc_core::sc_pending_activity())) {
    return out_of_time(shared, cores, options.cycle_limit);
  }
  if (!done) return make_deadlock(shared, cores);
  for (const Core* core : cores) {
    if (const auto event = core->overflown_event()) {
      return Trap{fmt::format("event {} was signalled beyond {}, the most a counter holds",
                              shared.program.events[*event].name,
                              shared.machine.dsa.sequencer.event_maximum),
                  core->state().index,
                  {},
                  {},
                  shared.last_completion};
    }
  }
  return std::nullopt;
}

SimulationResult run(Shared& shared, const SimulationOptions& options) {
  Interconnect interconnect("interconnect", shared.machine.dsa, shared.core_count);
  std::vector<std::unique_ptr<Core>> owned;
  std::vector<Core*> cores;
  for (int i = 0; i < shared.core_count; ++i) {
    owned.push_back(
        std::make_unique<Core>(fmt::format("core{}", i).c_str(), i, shared, interconnect));
    cores.push_back(owned.back().get());
  }
  if (options.cycle_limit > 0) {
    sc_core::sc_start(cycles(options.cycle_limit), sc_core::SC_EXIT_ON_STARVATION);
  } else {
    sc_core::sc_start();
  }
  // Posted writes come after the last acknowledgement.
  if (!shared.trap) shared.complete(interconnect.last_end());
  if (auto fault = fault_of_run(shared, cores, options)) {
    const auto* trap = std::get_if<Trap>(&*fault);
    record_until(trap != nullptr ? trap->cycle : std::get<Deadlock>(*fault).cycle, shared, cores);
    return *fault;
  }
  return make_report(shared, cores, interconnect.dram_report(), options);
}

}  // namespace

SimulationResult simulate(const dsa::Program& program, const Machine& machine,
                          std::span<HostBuffer> buffers, const SimulationOptions& options,
                          HazardReport* hazards, Recording* recording) {
  static std::mutex one_at_a_time;  // SystemC's kernel is a global
  const std::lock_guard<std::mutex> lock(one_at_a_time);

  if (Fault fault = check_machine(machine); !fault.empty()) return refusal(program, fault);
  std::optional<std::uint32_t> instruction;
  Fault fault = check_program(program, machine, instruction);
  if (!fault.empty()) return refusal(program, fault, instruction);
  const std::optional<GlobalLayout> layout = layout_globals(program, machine);
  if (!layout) return refusal(program, "the buffers do not fit GLOBAL");
  if (!options.timing_only) {
    fault = check_buffers(program, *layout, buffers);
    if (!fault.empty()) return refusal(program, fault);
  }
  if (options.mma == MmaModel::rtl) {
    const MmaTiming& mma = machine.dsa.mma;
    const std::vector<int> sizes = rtl_sizes();
    if (mma.rows != mma.cols || std::find(sizes.begin(), sizes.end(), mma.rows) == sizes.end()) {
      return refusal(program, fmt::format("no RTL of {} x {} in this build", mma.rows, mma.cols));
    }
    fault = rtl_fault(program, machine);
    if (!fault.empty()) return refusal(program, "not for the RTL: " + fault);
  }
  setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", 1);  // stderr is for diagnostics
  try {
    Shared shared(program, machine, buffers, *layout, options);
    if (hazards != nullptr) shared.hazards.emplace(program, *layout, shared.core_count);
    if (recording != nullptr) recording->start(shared.core_count);
    shared.recording = recording;
    const FreshKernel kernel;
    SimulationResult result = run(shared, options);
    if (hazards != nullptr) *hazards = shared.hazards->finish();
    return result;
  } catch (const sc_core::sc_report& report) {
    SEPTRAN_BUG(report.what());
  }
}

}  // namespace septran::simulator
