// Every statistic of the JSON report: key, unit and a sentence.
#include <fmt/format.h>

#include "simulator/report.h"

namespace septran::simulator {
namespace {

constexpr Statistic table[] = {
    {"schema_version", "number", "Version of these keys; it rises when one changes its meaning."},
    {"target", "name", "The machine description that was simulated."},
    {"program", "name", "The entry task."},
    {"timing_only", "flag", "No values were computed."},
    {"result.ok", "flag",
     "The outputs agree with the reference; false after a trap, deadlock or hazard."},
    {"result.max_abs_error", "value",
     "Largest difference of an output element from the reference."},
    {"result.relative_error", "ratio", "Norm of the difference over norm of the reference."},
    {"wall_seconds.compile", "s", "Time that the compiler took here."},
    {"wall_seconds.simulate", "s", "Time that the simulation took here."},
    {"cycles", "cycles", "From the host's first command to the last completion on any core."},
    {"seconds_at_clock", "s", "The cycles at the description's clock."},
    {"verdict", "sentence", "What bounds the run."},
    {"macs", "count", "Useful multiply-accumulates: m x n x k of each mma."},
    {"mma_utilization", "ratio",
     "Useful multiply-accumulates over cycles times what all arrays can do in that element type."},
    {"arithmetic_intensity", "operations/B",
     "Two operations a multiply-accumulate over the useful bytes to and from GLOBAL."},
    {"roofline.bound_cycles", "cycles", "The largest of the bounds below."},
    {"roofline.mma_cycles", "cycles", "The multiply-accumulates with all arrays always full."},
    {"roofline.vector_cycles", "cycles", "The vector operations with all lanes always full."},
    {"roofline.memory_cycles", "cycles", "The useful GLOBAL bytes at the peak rate of DRAM."},
    {"roofline.binding", "name", "The part of the machine whose bound is the largest."},
    {"vector_elements", "count", "Points of the iteration spaces of all vec operations."},
    {"instructions", "count", "Instructions that the sequencers executed."},
    {"cores[].engines.<engine>.busy", "cycles",
     "The issue stage is occupied (sequencer, mma, vector) or data moves (load, store)."},
    {"cores[].engines.<engine>.stalled.memory", "cycles",
     "Bursts are in flight and no data moves (load, store)."},
    {"cores[].engines.<engine>.stalled.wait_data", "cycles",
     "Waits for an event named *full: a tile has not come yet."},
    {"cores[].engines.<engine>.stalled.wait_space", "cycles",
     "Waits for an event named *free: a buffer is still in use."},
    {"cores[].engines.<engine>.stalled.wait_event", "cycles", "Waits for another event."},
    {"cores[].engines.<engine>.stalled.barrier", "cycles", "Waits for other engines at a barrier."},
    {"cores[].engines.<engine>.stalled.sync", "cycles", "Passes a sync."},
    {"cores[].engines.<engine>.stalled.setup", "cycles", "Decodes a descriptor (load, store)."},
    {"cores[].engines.<engine>.stalled.dependence", "cycles",
     "Waits for an earlier operation of the same engine that touches the same bytes."},
    {"cores[].engines.<engine>.stalled.port_shared", "cycles",
     "Another engine holds the scratchpad's ports."},
    {"cores[].engines.<engine>.stalled.port_register", "cycles",
     "Another engine holds the accumulators' ports."},
    {"cores[].engines.<engine>.stalled.array", "cycles",
     "The array still holds the stationary tile of the mma before (mma)."},
    {"cores[].engines.<engine>.stalled.queue_full", "cycles",
     "The queue of the instruction's engine is full (sequencer)."},
    {"cores[].engines.<engine>.stalled.launch", "cycles",
     "The host's command has not reached the core yet (sequencer)."},
    {"cores[].engines.<engine>.draining", "cycles",
     "Nothing more to start, results still on their way."},
    {"cores[].engines.<engine>.idle", "cycles", "Nothing to do."},
    {"cores[].engines.<engine>.operations", "count", "Instructions executed there."},
    {"memory.<edge>.bytes", "B", "Bytes of elements that went that way, named FROM->TO."},
    {"memory.<edge>.bus_bytes", "B", "The same in whole bursts, as they crossed the bus."},
    {"occupancy.<memory>.high_water_bytes", "B", "Highest address used on any core."},
    {"occupancy.<memory>.size_bytes", "B", "What the memory holds."},
    {"dram.row_hits", "count", "Bursts to a row that was open."},
    {"dram.row_misses", "count", "Bursts that had to activate their row."},
    {"dram.row_conflicts", "count", "Of the misses, those that had to close another row first."},
    {"dram.turnarounds", "count", "Changes of a channel between reading and writing."},
    {"dram.refreshes", "count", "Open rows that a refresh closed before their next use."},
    {"energy_pj.<component>", "pJ", "Events of a component times the description's price."},
    {"origins[].logic, .mapping, .rule", "place", "Where an instruction came from."},
    {"origins[].instruction", "number", "The first instruction from there."},
    {"origins[].executed", "count", "How often engines executed instructions from there."},
    {"origins[].busy", "cycles", "What they occupied their engines for."},
    {"origins[].stalled", "cycles", "What they waited at the head of a queue."},
    {"trap.*", "", "Text, core, instruction, origin and cycle of a trap."},
    {"deadlock.*", "", "Cycle of the last completion, who waits for what, and who could end it."},
    {"hazards.operations", "count", "Operations that the hazard detector checked."},
    {"hazards.found[].kind", "name",
     "read_after_write, write_after_read, write_after_write, unwritten or shared_event."},
    {"hazards.found[].first, .second", "",
     "Core, engine, instruction, text and origin of both sides (unwritten: only the first)."},
    {"hazards.found[].memory, .buffers, .bytes", "",
     "Where they meet: first and last byte, in GLOBAL of the buffer."},
    {"hazards.found[].event", "name", "Of shared_event: the event."},
    {"hazards.found[].count", "count", "Pairs of operations, of unwritten: operations."},
    {"hazards.found[].hint", "sentence", "What would order them."},
};

}  // namespace

std::span<const Statistic> statistics() { return table; }

std::string statistics_markdown() {
  std::string text = "| key | unit | meaning |\n|---|---|---|\n";
  for (const Statistic& row : table) {
    text += fmt::format("| `{}` | {} | {} |\n", row.key, row.unit, row.meaning);
  }
  return text;
}

}  // namespace septran::simulator
