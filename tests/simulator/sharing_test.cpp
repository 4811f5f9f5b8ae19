// What cores and engines have together: the way to memory and who goes next there, links with rates
// and latencies of their own, links and scratchpads of several cores.
#include "builder.h"

namespace septran::simulator {
namespace {

/// A memory that is nothing but a bus of 16 B/cycle: 4 cycles a burst of 64 bytes, no latency and
/// no turnaround; engines send a burst a cycle, as many as they like.
Machine bus_machine(int cores = 1) {
  Machine machine = small_machine(cores);
  DramTiming& dram = machine.dsa.dram;
  dram.scheduler = DramScheduler::fcfs;
  dram.activate_cycles = dram.precharge_cycles = dram.column_cycles = dram.row_cycle_cycles = 0;
  dram.write_to_read_cycles = dram.read_to_write_cycles = 0;
  machine.dsa.load = machine.dsa.store = {0, 64, 1024, 64};
  machine.dsa.interconnect = {0, 64, 0, {}, Arbitration::round_robin, {}, 4, 8};
  return machine;
}

/// Loads 64 bursts and stores 64 others.
dsa::Program load_and_store() {
  Builder b;
  const auto x = b.global("X", DType::i8, {4096}, true, false);
  const auto y = b.global("Y", DType::i8, {4096}, false, true);
  b.load(b.shared(DType::i8, 0, {4096}), b.tile(dsa::MemoryId::global, DType::i8, 0, {4096}, x));
  b.store(b.tile(dsa::MemoryId::global, DType::i8, 0, {4096}, y),
          b.shared(DType::i8, 8192, {4096}));
  return b.halt();
}

/// The cycle from which on an engine has nothing left to do; its first command came at 1, a store's
/// behind the load's at 2.
Cycle finished(const SimulationReport& report, const std::string& name, std::size_t core = 0) {
  return report.cycles - engine(report, name, core).idle + (name == "load" ? 1 : 2);
}

// Each grant is four bursts, 16 cycles of the bus, which is never free: 128 bursts from cycle 1 on
// are through at 1 + 512. Two grants at a time are in the queue. In turn, the load's 16th grant is
// the last but one: its data has crossed at 1 + 31 * 16 = 497, the link (1) and the engine (1)
// behind it at 499. The store's last burst is there at 513, and acknowledged at once.
TEST(Arbitration, InTurn) {
  for (const Arbitration policy : {Arbitration::round_robin, Arbitration::first_come}) {
    Machine machine = bus_machine();
    machine.dsa.interconnect.arbitration = policy;
    const SimulationReport report = finish(load_and_store(), machine);
    EXPECT_EQ(report.cycles, 513);
    EXPECT_EQ(finished(report, "load"), 499);
    EXPECT_EQ(finished(report, "store"), 513);
    EXPECT_EQ(report.dram.turnarounds, 31);
  }
}

// The store's first grant came while the queue had room; then the load goes first as long as it has
// bursts: 17 grants, 1 + 17 * 16 = 273, and two cycles more.
TEST(Arbitration, ByPriority) {
  Machine machine = bus_machine();
  machine.dsa.interconnect.arbitration = Arbitration::priority;
  machine.dsa.interconnect.priority = {"load", "store"};
  const SimulationReport loads = finish(load_and_store(), machine);
  EXPECT_EQ(loads.cycles, 513);
  EXPECT_EQ(finished(loads, "load"), 275);
  // The other way round the load has its first grant before the store asks, and then none until the
  // store's sixteen are through.
  machine.dsa.interconnect.priority = {"store", "load"};
  const SimulationReport stores = finish(load_and_store(), machine);
  EXPECT_EQ(finished(stores, "store"), 273);
  EXPECT_EQ(stores.cycles, 515);
  EXPECT_GT(engine(stores, "load").stalled.at("memory"), 200);
}

// Cores take turns too: of two that load 64 bursts each, one is through 16 cycles before the other.
TEST(Arbitration, AmongCores) {
  Builder b;
  b.global("X", DType::i8, {4096}, true, false);
  b.load(b.shared(DType::i8, 0, {4096}), b.tile(dsa::MemoryId::global, DType::i8, 0, {4096}));
  const SimulationReport report = finish(b.halt(), bus_machine(2));
  EXPECT_EQ(report.cycles, 515);
  EXPECT_EQ(finished(report, "load", 0), 499);
  EXPECT_EQ(finished(report, "load", 1), 515);
}

// One grant at a time in the queue, and a way of 20 cycles there: the bus stands still while the
// next grant is on its way. Of each 16 + 20 cycles it works 16.
TEST(Arbitration, AShortQueueLeavesTheBusIdle) {
  Builder b;
  b.global("X", DType::i8, {8192}, true, false);
  b.load(b.shared(DType::i8, 0, {8192}), b.tile(dsa::MemoryId::global, DType::i8, 0, {8192}));
  Machine machine = bus_machine();
  machine.dsa.interconnect.latency_cycles = 20;
  machine.dsa.interconnect.queue_bursts = 4;
  const Cycle slow = finish(b.halt(), machine).cycles;
  machine.dsa.interconnect.queue_bursts = 16;
  const Cycle fast = finish(b.program, machine).cycles;
  EXPECT_EQ(slow - fast, 31 * 20);
}

/// A burst, or more, loaded by each of two cores.
SimulationReport load_on_two(const Machine& machine, std::int64_t bursts) {
  Builder b;
  b.global("X", DType::i8, {64 * bursts}, true, false);
  b.load(b.shared(DType::i8, 0, {64 * bursts}),
         b.tile(dsa::MemoryId::global, DType::i8, 0, {64 * bursts}));
  return finish(b.halt(), machine);
}

// The second core's link is 20 cycles longer each way: its burst comes 40 cycles later than it
// would, and what is left of the first one's time on the bus (4 cycles) hides behind that.
TEST(Links, HaveLatenciesOfTheirOwn) {
  Machine machine = bus_machine(2);
  machine.dsa.interconnect.latency_cycles = 10;
  const SimulationReport same = load_on_two(machine, 1);
  machine.dsa.interconnect.links = {{10, 64}, {30, 64}};
  const SimulationReport apart = load_on_two(machine, 1);
  EXPECT_EQ(finished(same, "load", 0), 1 + 10 + 4 + 1 + 10 + 1);
  EXPECT_EQ(finished(same, "load", 1), 1 + 10 + 8 + 1 + 10 + 1);
  EXPECT_EQ(finished(apart, "load", 0), finished(same, "load", 0));
  EXPECT_EQ(finished(apart, "load", 1), 1 + 30 + 4 + 1 + 30 + 1);
}

// A link of 4 B/cycle takes 16 cycles a burst, one of 64 less than the bus. 16 bursts each.
TEST(Links, HaveRatesOfTheirOwn) {
  Machine machine = bus_machine(2);
  machine.dsa.interconnect.links = {{0, 64}, {0, 4}};
  const SimulationReport report = load_on_two(machine, 16);
  // The first core's grants alternate with the other's: the 4th of 4 is the 7th: 1 + 7 * 16, + 2.
  EXPECT_EQ(finished(report, "load", 0), 115);
  // The other's first burst came at the same time as the first one's and is through DRAM behind
  // it, at 1 + 4 + 4; then 16 times 16 cycles on its link, and the engine.
  EXPECT_EQ(finished(report, "load", 1), 9 + 256 + 1);
}

// All links together take longer for a burst than one: the first has crossed the bus at 5, then 32
// of 16 cycles, the last one's too, and the engine. A store's burst takes 16 instead of 1.
TEST(Links, TogetherMayBeSlowerThanOne) {
  Machine machine = bus_machine(2);
  machine.dsa.interconnect.bytes_per_cycle_total = 4;
  EXPECT_EQ(load_on_two(machine, 16).cycles, 5 + 32 * 16 + 1);
  Builder b;
  b.global("Y", DType::i8, {64}, false, true);
  b.store(b.tile(dsa::MemoryId::global, DType::i8, 0, {64}), b.shared(DType::i8, 0, {64}));
  Machine one = bus_machine();
  const Cycle fast = finish(b.halt(), one).cycles;
  one.dsa.interconnect.bytes_per_cycle_total = 4;
  EXPECT_EQ(finish(b.program, one).cycles - fast, 15);
}

// Two cores of a link share its rate: 32 bursts of 16 cycles on one link, or 16 on each of two.
TEST(Sharing, OfALink) {
  Machine machine = bus_machine(2);
  machine.dsa.interconnect.bytes_per_cycle_per_link = 4;
  // The first burst has crossed the bus at 5, then the link works without a pause.
  machine.dsa.sharing.cores_per_link = 2;
  EXPECT_EQ(load_on_two(machine, 16).cycles, 5 + 32 * 16 + 1);
  machine.dsa.sharing.cores_per_link = 1;
  EXPECT_EQ(load_on_two(machine, 16).cycles, 9 + 16 * 16 + 1);
}

// A byte takes two cycles, or two and a half, as does a burst of 64 bytes 128 or 160.
TEST(Sharing, OfALinkBelowAByteACycle) {
  Machine machine = bus_machine(2);
  for (const auto& [rate, burst] : {std::pair(0.5, 128), std::pair(0.4, 160)}) {
    machine.dsa.interconnect.bytes_per_cycle_per_link = rate;
    EXPECT_EQ(load_on_two(machine, 4).cycles, 9 + 4 * burst + 1) << rate;
  }
  machine.dsa.interconnect.bytes_per_cycle_per_link = 64;
  machine.dsa.interconnect.bytes_per_cycle_total = 0.5;
  EXPECT_EQ(load_on_two(machine, 4).cycles, 5 + 8 * 128 + 1);
}

// A fill of 64 f32 writes 256 bytes, four cycles of a port of 64 bytes. Both cores' begin at 1,
// after a start-up of 2 cycles the writes at 3. With a port of its own each core's are done before
// the results are due at 1 + 2 + 4 + 3. With one port for both, one core's would be there at
// 3 + 4 + 4 = 11, a cycle late: it starts a cycle later.
TEST(Sharing, OfAScratchpad) {
  Builder b;
  b.vec("fill", {b.shared(DType::f32, 0, {64}), b.number(1)});
  b.halt();
  Machine machine = small_machine(2);
  machine.memories[1].banks = 1;
  machine.memories[1].bytes_per_cycle = 64;
  const SimulationReport own = finish(b.program, machine);
  EXPECT_EQ(engine(own, "vector", 1).stalled_total(), 0);
  EXPECT_EQ(own.cycles, 10);
  machine.dsa.sharing.cores_per_scratchpad = 2;
  const SimulationReport shared = finish(b.program, machine);
  EXPECT_EQ(
      engine(shared, "vector", 0).stalled_total() + engine(shared, "vector", 1).stalled_total(), 1);
  EXPECT_EQ(shared.cycles, 11);
}

}  // namespace
}  // namespace septran::simulator
