// What holds of every run. That it does hold is checked for all of them where the report is made;
// here is that a report which breaks an identity is told, and how copies are counted at both ends.
#include "simulator/identities.h"

#include "builder.h"

namespace septran::simulator {
namespace {

using Broken = std::vector<std::string>;

/// Two copies, a product and a store of its result.
SimulationReport sound_report() {
  Builder b;
  const auto x = b.global("X", DType::f32, {8, 8}, true, false);
  const auto y = b.global("Y", DType::f32, {8, 8}, false, true);
  const auto full = b.event("x.full");
  const auto done = b.event("done");
  const auto tile = b.shared(DType::f32, 0, {8, 8});
  const auto sums = b.accumulators(DType::f32, 0, {8, 8});
  b.load(tile, b.tile(dsa::MemoryId::global, DType::f32, 0, {8, 8}, x));
  b.signal(load_engine, full);
  b.wait(mma_engine, full);
  b.mma(sums, tile, tile);
  b.signal(mma_engine, done);
  b.wait(store_engine, done);
  b.store(b.tile(dsa::MemoryId::global, DType::f32, 0, {8, 8}, y), sums);
  return finish(b.halt(), small_machine());
}

const EdgeReport& edge(const SimulationReport& report, const std::string& from) {
  for (const EdgeReport& one : report.edges) {
    if (one.from == from) return one;
  }
  static const EdgeReport none;
  ADD_FAILURE() << "no edge from " << from;
  return none;
}

TEST(Identities, HoldOfASoundReport) { EXPECT_EQ(broken_identities(sound_report()), Broken()); }

TEST(Identities, BrokenOnesAreTold) {
  const SimulationReport sound = sound_report();
  const auto broken = [&](auto change) {
    SimulationReport report = sound;
    change(report);
    const Broken found = broken_identities(report);
    return found.size() == 1 ? found.front() : std::to_string(found.size()) + " are broken";
  };
  EXPECT_EQ(broken([](SimulationReport& r) {
              r.cores[0].engines[1].idle -= 5;
              r.cores[0].engines[1].busy += 7;
            }),
            "the states of load add up to " + std::to_string(sound.cycles + 2) + " of " +
                std::to_string(sound.cycles) + " cycles");
  EXPECT_EQ(broken([](SimulationReport& r) {
              EngineReport& array = r.cores[0].engines[3];
              array.idle += array.draining + 1;
              array.draining = -1;
            }),
            "mma has a state of -1 cycles");
  EXPECT_EQ(broken([](SimulationReport& r) { r.edges[0].copied.written -= 1; }),
            "GLOBAL->SHARED: 64 elements read and 0 filled in, but 63 written and 0 dropped");
  EXPECT_EQ(broken([](SimulationReport& r) { r.edges[0].bus_bytes = 100; }),
            "GLOBAL->SHARED: 256 useful bytes in 100 bytes on the bus");
  EXPECT_EQ(broken([](SimulationReport& r) { r.tensors[0].bytes += 4; }),
            "512 useful bytes of GLOBAL, 516 of its tensors");
  EXPECT_EQ(broken([](SimulationReport& r) { r.origins[0].executed += 1; }),
            "7 operations of engines, 8 at origins");
  EXPECT_EQ(broken([](SimulationReport& r) {
              r.roofline.mma_cycles = static_cast<double>(r.cycles) + 8;
            }),
            std::to_string(sound.cycles) + " cycles are under the bound of " +
                std::to_string(sound.cycles + 8) + ".0");
}

// 8 rows of which the source has 5: three rows of 8 elements are zeros. The store's destination has
// six of the rows: two rows are dropped.
TEST(Identities, ElementsOutsideAreCountedApart) {
  Builder b;
  const auto x = b.global("X", DType::f32, {5, 8}, true, false);
  const auto y = b.global("Y", DType::f32, {6, 8}, false, true);
  const auto full = b.event("x.full");
  const auto clip = [&](std::uint32_t buffer, std::int64_t rows) {
    const auto id = b.tile(dsa::MemoryId::global, DType::f32, 0, {8, 8}, buffer);
    dsa::OperandAxis axis;
    axis.extent = rows;
    b.tile_of(id).axes.push_back(axis);
    b.tile_of(id).dims[0].digits[0].axis = 0;
    b.tile_of(id).dims[0].digits[0].step = 1;
    return id;
  };
  const auto tile = b.shared(DType::f32, 0, {8, 8});
  b.load(tile, clip(x, 5));
  b.signal(load_engine, full);
  b.wait(store_engine, full);
  b.store(clip(y, 6), tile);
  const SimulationReport report = finish(b.halt(), small_machine());
  const CopiedElements loaded = edge(report, "GLOBAL").copied;
  EXPECT_EQ(loaded.read, 40);
  EXPECT_EQ(loaded.filled, 24);
  EXPECT_EQ(loaded.written, 64);
  EXPECT_EQ(loaded.dropped, 0);
  const CopiedElements stored = edge(report, "SHARED").copied;
  EXPECT_EQ(stored.read, 64);
  EXPECT_EQ(stored.filled, 0);
  EXPECT_EQ(stored.written, 48);
  EXPECT_EQ(stored.dropped, 16);
  EXPECT_EQ(edge(report, "GLOBAL").useful_bytes, 40 * 4);
  EXPECT_EQ(edge(report, "SHARED").useful_bytes, 48 * 4);
  EXPECT_EQ(edge(report, "SHARED").bus_bytes, 3 * 64);  // six rows of 32 bytes
}

}  // namespace
}  // namespace septran::simulator
