// The detector's data structures against plain ones: bytes of random tiles one by one, and random
// accesses compared each with each other.
#include "simulator/access_map.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace septran::simulator {
namespace {

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::int64_t pick(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(engine_);
  }

 private:
  std::mt19937 engine_;
};

/// A tile of up to three dimensions with digits, strides of either sign, repetitions and axes.
ResolvedTile random_tile(Random& random) {
  ResolvedTile tile;
  tile.memory = dsa::MemoryId::shared;
  tile.address = 4096;
  tile.tile.storage = DType::f16;
  tile.elements = 1;
  const std::int64_t axes = random.pick(0, 2);
  for (std::int64_t a = 0; a < axes; ++a) {
    tile.tile.axes.push_back({random.pick(-3, 3), random.pick(0, 8)});
  }
  const std::int64_t rank = random.pick(0, 3);
  for (std::int64_t d = 0; d < rank; ++d) {
    kernels::TileDim dim{random.pick(1, 5), random.pick(0, 1) * random.pick(0, 5), {}};
    const std::int64_t digits = random.pick(0, 4) == 0 ? random.pick(0, 3) : 1;
    for (std::int64_t i = 0; i < digits; ++i) {
      const std::int64_t stride = random.pick(0, 2) == 0
                                      ? 2 * random.pick(-20, 20)
                                      : 2 * (std::int64_t{1} << 2 * random.pick(0, 2));
      dim.digits.push_back({random.pick(1, 4), stride,
                            static_cast<std::int32_t>(random.pick(-1, axes - 1)),
                            random.pick(-2, 2)});
    }
    tile.elements *= dim.extent;
    tile.tile.dims.push_back(std::move(dim));
  }
  return tile;
}

/// Bytes that the tile touches, element by element as kernels.h defines it.
std::set<std::int64_t> bytes_of(const ResolvedTile& tile) {
  std::set<std::int64_t> bytes;
  for (std::int64_t element = 0; element < tile.elements; ++element) {
    std::int64_t rest = element;
    std::int64_t address = tile.address;
    std::vector<std::int64_t> coordinates;
    for (const kernels::TileAxis& axis : tile.tile.axes) coordinates.push_back(axis.base);
    for (const kernels::TileDim& dim : tile.tile.dims) {
      std::int64_t position = dim.start + rest % dim.extent;
      rest /= dim.extent;
      for (std::size_t i = dim.digits.size(); i-- > 0;) {
        const kernels::TileDigit& digit = dim.digits[i];
        const std::int64_t value = i == 0 ? position : position % digit.extent;
        position = i == 0 ? 0 : position / digit.extent;
        address += value * digit.stride_bytes;
        if (digit.axis >= 0) {
          coordinates[static_cast<std::size_t>(digit.axis)] += value * digit.step;
        }
      }
    }
    bool inside = true;
    for (std::size_t a = 0; a < coordinates.size(); ++a) {
      inside = inside && coordinates[a] >= 0 && coordinates[a] < tile.tile.axes[a].extent;
    }
    if (inside) bytes.insert({address, address + 1});
  }
  return bytes;
}

TEST(ByteRanges, AreTheBytesOfTheElements) {
  ByteRanges ranges;
  for (unsigned seed = 0; seed < 3000; ++seed) {
    Random random(seed);
    ResolvedTile tile = random_tile(random);
    const std::set<std::int64_t> expected = bytes_of(tile);
    if (tile.tile.axes.empty()) {  // as the resolver sets it
      tile.low = expected.empty() ? 0 : *expected.begin();
    }
    std::set<std::int64_t> found;
    std::int64_t last = INT64_MIN;
    for (const ByteRange& range : ranges.of(tile)) {
      ASSERT_GT(range.begin, last) << seed;  // not even adjacent
      ASSERT_LT(range.begin, range.end);
      for (std::int64_t byte = range.begin; byte < range.end; ++byte) found.insert(byte);
      last = range.end;
    }
    ASSERT_EQ(found, expected) << seed;
  }
}

TEST(ByteRanges, DenseTilesAreOneRange) {
  ResolvedTile tile;
  tile.address = tile.low = 256;
  tile.elements = 64 * 32;
  tile.tile.storage = DType::f32;
  tile.tile.dims = {{32, 0, {{0, 4, -1, 0}}}, {64, 0, {{0, 128, -1, 0}}}};  // transposed
  ByteRanges ranges;
  EXPECT_EQ(ranges.of(tile), (std::vector<ByteRange>{{256, 256 + 64 * 32 * 4}}));
  tile.tile.dims[1].digits[0].stride_bytes = 132;
  EXPECT_EQ(ranges.of(tile).size(), 64U);
}

/// An access with all that decides whether it is ordered with others.
struct Logged {
  Access access;
  ByteRange bytes;
  bool reads = false;
  Clock clock;
};

bool before(const Logged& a, const Logged& b) {
  return b.clock[a.access.lane] >= a.access.sequence;
}

constexpr std::int64_t memory_bytes = 24;

/// For each byte: is there an unordered pair; is there a read that no write comes before.
struct Truth {
  bool unordered = false;
  bool unwritten = false;
};
std::vector<Truth> truth_of(const std::vector<Logged>& log, ByteRange written) {
  std::vector<Truth> truth(memory_bytes);
  for (std::int64_t byte = 0; byte < memory_bytes; ++byte) {
    Truth& here = truth[static_cast<std::size_t>(byte)];
    const auto touches = [&](const Logged& x) {
      return x.bytes.begin <= byte && byte < x.bytes.end;
    };
    for (std::size_t j = 0; j < log.size(); ++j) {
      if (!touches(log[j])) continue;
      bool found = written.begin <= byte && byte < written.end;
      for (std::size_t i = 0; i < log.size(); ++i) {
        if (i == j || !touches(log[i])) continue;
        const bool pair = log[i].access.writes || log[j].access.writes;
        const bool ordered = i < j ? before(log[i], log[j]) : before(log[j], log[i]);
        here.unordered = here.unordered || (pair && !ordered);
        found = found || (log[i].access.writes && (!ordered || i < j));
      }
      here.unwritten = here.unwritten || (log[j].reads && !found);
    }
  }
  return truth;
}

/// Accesses of a few lanes that now and then take over each other's clocks.
std::vector<Logged> random_log(Random& random) {
  const auto lanes = static_cast<std::size_t>(random.pick(1, 4));
  std::vector<Clock> clocks(lanes, Clock(lanes));
  std::vector<Logged> log;
  const std::int64_t length = random.pick(2, 30);
  const std::int64_t luck = random.pick(1, 6);
  for (std::int64_t sequence = 1; sequence <= length; ++sequence) {
    const auto lane =
        static_cast<std::size_t>(random.pick(0, static_cast<std::int64_t>(lanes) - 1));
    for (std::size_t from = 0; from < lanes; ++from) {
      if (random.pick(0, luck) == 0) continue;
      for (std::size_t i = 0; i < lanes; ++i) {
        clocks[lane][i] = std::max(clocks[lane][i], clocks[from][i]);
      }
    }
    clocks[lane][lane] = sequence;
    Logged next;
    next.access.lane = static_cast<std::uint32_t>(lane);
    next.access.instruction = static_cast<std::uint32_t>(random.pick(0, 5));
    next.access.sequence = sequence;
    next.access.writes = random.pick(0, 1) == 0;
    next.reads = !next.access.writes || random.pick(0, 3) == 0;
    next.bytes.begin = random.pick(0, memory_bytes - 1);
    next.bytes.end = random.pick(next.bytes.begin + 1, memory_bytes);
    next.clock = clocks[lane];
    log.push_back(next);
  }
  return log;
}

TEST(AccessMap, MissesNoByteAndAccusesNoneFalsely) {
  int unordered = 0;
  int unwritten = 0;
  for (unsigned seed = 0; seed < 3000; ++seed) {
    Random random(seed);
    const std::vector<Logged> log = random_log(random);
    ByteRange host{random.pick(0, 12), 0};
    host.end = host.begin + random.pick(0, 12);
    AccessMap map;
    if (host.begin < host.end) map.mark_written(host);
    std::vector<Truth> found(memory_bytes);
    std::vector<Finding> findings;
    const auto take = [&] {
      for (const Finding& finding : findings) {
        for (std::int64_t byte = finding.bytes.begin; byte < finding.bytes.end; ++byte) {
          Truth& here = found[static_cast<std::size_t>(byte)];
          (finding.kind == Finding::Kind::unordered ? here.unordered : here.unwritten) = true;
        }
      }
      findings.clear();
    };
    for (const Logged& next : log) {
      if (next.access.writes) {
        map.write(next.bytes, next.access, next.reads, next.clock, findings);
      } else {
        map.read(next.bytes, next.access, next.clock, findings);
      }
      take();
    }
    map.finish(findings);
    take();
    const std::vector<Truth> truth = truth_of(log, host);
    for (std::size_t byte = 0; byte < truth.size(); ++byte) {
      ASSERT_EQ(found[byte].unordered, truth[byte].unordered) << seed << " byte " << byte;
      // Where a byte has both, the pair may stand for the read; else they agree.
      if (!truth[byte].unordered) {
        ASSERT_EQ(found[byte].unwritten, truth[byte].unwritten) << seed << " byte " << byte;
      }
      unordered += truth[byte].unordered ? 1 : 0;
      unwritten += truth[byte].unwritten ? 1 : 0;
    }
  }
  EXPECT_GT(unordered, 1000);
  EXPECT_GT(unwritten, 1000);
}

TEST(AccessMap, StaysSmall) {
  AccessMap map;
  std::vector<Finding> findings;
  Clock clock(2);
  for (std::int64_t round = 0; round < 1000; ++round) {
    for (std::int64_t row = 0; row < 16; ++row) {  // read by rows, written as a whole
      clock[1] = ++clock[0];
      map.read({row * 8, row * 8 + 8}, {1, 0, clock[1]}, clock, findings);
    }
    ++clock[0];
    map.write({0, 128}, {0, 1, clock[0], true}, false, clock, findings);
    EXPECT_EQ(map.segments(), 1U);
  }
}

}  // namespace
}  // namespace septran::simulator
