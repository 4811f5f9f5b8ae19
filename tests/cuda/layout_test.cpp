// Layouts: every element of a tile has one owner, and fragments lie as the tensor cores want them.
#include "targets/cuda/layout.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

namespace septran::cuda {
namespace {

/// Every position of the layout's room in a place of its own, with owners below `threads`.
void expect_owned_once(const Layout& layout, std::int64_t threads) {
  std::set<Place> taken;
  for (std::int64_t r = 0; r < layout.room(0); ++r) {
    for (std::int64_t c = 0; c < layout.room(1); ++c) {
      const Place place = layout.at({r, c});
      EXPECT_GE(place.thread, 0);
      EXPECT_LT(place.thread, threads);
      EXPECT_LT(place.offset, layout.offsets());
      EXPECT_TRUE(taken.insert(place).second) << "(" << r << ", " << c << ") shares its place";
    }
  }
  EXPECT_EQ(static_cast<std::int64_t>(taken.size()), threads * layout.offsets());
}

TEST(Layout, AccumulatorsOwnEveryElementOnce) {
  for (const std::int64_t groups : {1, 2, 4}) {
    for (const std::int64_t steps : {1, 2}) {
      for (const std::int64_t cols : {8, 24, 64, 256}) {
        SCOPED_TRACE(fmt::format("{} warpgroups, {} steps, {} columns", groups, steps, cols));
        const Layout layout = accumulator_layout(64 * groups * steps, cols, groups);
        EXPECT_EQ(layout.room(0), 64 * groups * steps);
        EXPECT_EQ(layout.room(1), cols);
        expect_owned_once(layout, 128 * groups);
      }
    }
  }
}

TEST(Layout, GridsOwnEveryElementOnce) {
  for (const std::int64_t lanes : {1, 16, 32, 128}) {
    for (const std::int64_t width : {1, 2, 8}) {
      for (const auto& [rows, cols] : {std::pair<int, int>{1, 1000}, {7, 33}, {128, 64}}) {
        SCOPED_TRACE(fmt::format("{} lanes of {}, {} x {}", lanes, width, rows, cols));
        const Layout layout = grid_layout(rows, cols, 128, lanes, width);
        EXPECT_GE(layout.room(0), rows);
        EXPECT_GE(layout.room(1), cols);
        expect_owned_once(layout, 128);
      }
    }
  }
}

// The instruction m64nNk16 gives lane l of warp w: rows 16w + l / 4 (and 8 more), columns
// 2 (l mod 4) and the next, of each 8; registers in that order.
TEST(Layout, AccumulatorsAreTheInstructionsFragments) {
  const Layout layout = accumulator_layout(128, 64, 2);
  for (std::int64_t thread = 0; thread < 256; ++thread) {
    for (std::int64_t number = 0; number < 32; ++number) {
      const std::int64_t lane = thread % 32;
      const std::int64_t row =
          thread / 128 * 64 + thread % 128 / 32 * 16 + lane / 4 + number / 2 % 2 * 8;
      const std::int64_t col = number / 4 * 8 + lane % 4 * 2 + number % 2;
      const Place place = layout.at({row, col});
      EXPECT_EQ(place.thread, thread);
      EXPECT_EQ(place.offset, number);
    }
  }
}

// The pairs a0 .. a3 of A's fragment for k in 16 k0 ..: rows l / 4 and 8 more, k 2 (l mod 4), then
// both for k + 8. With elements paired, they are four registers in a row of the sums' layout.
TEST(Layout, SumsOfSixteenColumnsAreFragmentsOfA) {
  const Layout layout = accumulator_layout(64, 32, 1);
  for (std::int64_t lane = 0; lane < 32; ++lane) {
    for (std::int64_t step = 0; step < 2; ++step) {
      for (std::int64_t pair = 0; pair < 4; ++pair) {
        const std::int64_t row = lane / 4 + pair % 2 * 8;
        const std::int64_t k = 16 * step + lane % 4 * 2 + pair / 2 * 8;
        EXPECT_EQ(layout.at({row, k}).offset / 2, step * 4 + pair);
        EXPECT_EQ(layout.at({row, k}).offset % 2, 0);
        EXPECT_EQ(layout.at({row, k + 1}).offset, layout.at({row, k}).offset + 1);
        EXPECT_EQ(layout.at({row, k}).thread, lane);
      }
    }
  }
}

TEST(Layout, VectorsAreHeldByTheThreadsOfTheirRowsAndColumns) {
  for (const Layout& layout : {accumulator_layout(128, 64, 1), grid_layout(9, 100, 128, 32, 4)}) {
    for (const std::size_t dim : {0, 1}) {
      const Layout vector = layout.vector_of(dim);
      std::map<Place, std::int64_t> taken;
      for (std::int64_t i = 0; i < layout.room(dim); ++i) {
        const Place place = vector.at({i});
        EXPECT_TRUE(taken.emplace(place, i).second);
        EXPECT_LT(place.offset, vector.offsets());
        std::vector<std::int64_t> first(2, 0);
        first[dim] = i;
        EXPECT_EQ(place.thread, layout.at(first).thread);
      }
    }
  }
}

TEST(Layout, SwizzledTilesKeepEveryByteApart) {
  for (const std::int64_t bytes : {1, 2, 4}) {
    for (const std::int64_t cols : {64, 256}) {
      const Layout layout = swizzled_layout(24, cols, bytes);
      std::set<std::int64_t> taken;
      for (std::int64_t r = 0; r < 24; ++r) {
        for (std::int64_t c = 0; c < cols; ++c) {
          const std::int64_t at = layout.at({r, c}).offset;
          EXPECT_TRUE(taken.insert(at).second);
          EXPECT_LE(at + bytes, swizzled_bytes(24, cols, bytes));
        }
      }
    }
  }
}

// Eight rows of one 16-byte column lie in eight different sixteen-byte groups of the banks.
TEST(Layout, SwizzledColumnsMeetAllBanks) {
  const Layout layout = swizzled_layout(64, 64, 2);
  for (std::int64_t c = 0; c < 64; c += 8) {
    std::set<std::int64_t> groups;
    for (std::int64_t r = 0; r < 8; ++r) groups.insert(layout.at({r, c}).offset % 128 / 16);
    EXPECT_EQ(groups.size(), 8U);
  }
}

// The tensor cores take 32 bytes along k whatever the elements: a tile with k along its rows lies
// as one of 16-bit elements with as many bytes in a row.
TEST(Layout, RowsAlongKLieAlikeForAllElements) {
  const std::int64_t row_bytes = 256;
  const Layout halves = swizzled_layout(128, row_bytes / 2, 2);
  for (const std::int64_t bytes : {1, 4}) {
    const Layout layout = swizzled_layout(128, row_bytes / bytes, bytes);
    for (std::int64_t r = 0; r < 128; ++r) {
      for (std::int64_t at = 0; at < row_bytes; ++at) {
        if (at % bytes != 0) continue;
        EXPECT_EQ(layout.at({r, at / bytes}).offset,
                  halves.at({r, at / 2}).offset + (bytes == 1 ? at % 2 : 0));
      }
    }
  }
}

}  // namespace
}  // namespace septran::cuda
