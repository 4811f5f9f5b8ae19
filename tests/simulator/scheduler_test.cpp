// The order in which a controller of DRAM serves bursts, with cycles derived by hand. A burst of 64
// bytes crosses the bus in 4; activation 18, precharge 17, column 20, row cycle 60; read to write
// 4, write to read 8. Two banks with rows of 256 bytes: rows 0, 2, 4, ... of the channel's bytes
// lie in bank 0.
#include "builder.h"
#include "simulator/dram.h"

namespace septran::simulator {
namespace {

constexpr std::int64_t row_bytes = 256;

struct Request {
  std::int64_t address = 0;
  bool write = false;
};

DramTiming timing_of(DramScheduler scheduler) {
  DramTiming timing = small_machine().dsa.dram;
  timing.scheduler = scheduler;
  return timing;
}

/// Requests that are all there from the start, or come `apart` from each other, tagged by their
/// numbers: tags in the order of their service, and cycles at which they end.
struct Order {
  std::vector<std::uint32_t> tags;
  std::vector<Cycle> ends;
  DramReport report;
};
Order serve(const DramTiming& timing, const std::vector<Request>& requests, Tick apart = 0) {
  Dram dram(timing, 2);
  for (std::uint32_t i = 0; i < requests.size(); ++i) {
    const Request& one = requests[i];
    dram.request(one.write ? 1 : 0, i * apart, one.address, 64, one.write, i);
  }
  std::vector<Dram::Served> served;
  dram.advance(INT64_MAX / 4, served);
  Order order;
  for (const Dram::Served& one : served) {
    order.tags.push_back(one.tag);
    order.ends.push_back(round_up(one.end));
  }
  order.report = dram.report();
  EXPECT_FALSE(dram.next_end().has_value());
  return order;
}

using Tags = std::vector<std::uint32_t>;
using Cycles = std::vector<Cycle>;

/// Two bursts of a row with one of another row of the same bank between.
const std::vector<Request> rows_of_a_bank{{0}, {2 * row_bytes}, {64}};

// The first: activation 0..18, data 38..42. The second: the row is open until 60 - 17 = 43,
// precharge ..60, activation 60..78, data 98..102. The third opens the first row again: precharge
// 60 + 43 = 103..120, activation ..138, data 158..162.
TEST(Scheduler, FirstComeFirstServed) {
  const Order order = serve(timing_of(DramScheduler::fcfs), rows_of_a_bank);
  EXPECT_EQ(order.tags, (Tags{0, 1, 2}));
  EXPECT_EQ(order.ends, (Cycles{42, 102, 162}));
  EXPECT_EQ(order.report.row_conflicts, 2);
}

// The third hits the open row: data 42..46. The other one is there when it was before.
TEST(Scheduler, OpenRowsGoFirst) {
  const Order order = serve(timing_of(DramScheduler::fr_fcfs), rows_of_a_bank);
  EXPECT_EQ(order.tags, (Tags{0, 2, 1}));
  EXPECT_EQ(order.ends, (Cycles{42, 46, 102}));
  EXPECT_EQ(order.report.row_conflicts, 1);
}

// A controller that sees one burst at a time cannot choose.
TEST(Scheduler, LooksNoFurtherThanItsQueue) {
  DramTiming timing = timing_of(DramScheduler::fr_fcfs);
  timing.read_queue_bursts = 1;
  EXPECT_EQ(serve(timing, rows_of_a_bank).tags, (Tags{0, 1, 2}));
}

// A queue of one. Bursts 0 to 2 are there from the start; burst 3, of another core, comes at 10.
// When burst 1 has left the queue, at 22, burst 3 goes before burst 2, which has waited longer, if
// its core is not as far with its commands or with the same one; in order of coming it does not.
TEST(Scheduler, WhoIsLeastFarEntersAFullQueueFirst) {
  const auto goes_third = [](DramScheduler scheduler, const Progress& ahead,
                             const Progress& behind) {
    DramTiming timing = timing_of(scheduler);
    timing.read_queue_bursts = 1;
    Dram dram(timing, 2);
    for (std::uint32_t i = 0; i < 3; ++i) {
      dram.request(0, 0, std::int64_t{64} * i, 64, false, i, {ahead.command, ahead.burst + i});
    }
    dram.request(1, 10 * ticks_per_cycle, 192, 64, false, 3, behind);
    std::vector<Dram::Served> served;
    dram.advance(INT64_MAX / 4, served);
    EXPECT_EQ(served.size(), 4U);
    EXPECT_EQ(round_up(served.back().end), 54);
    return served[2].tag;
  };
  EXPECT_EQ(goes_third(DramScheduler::fr_fcfs, {2, 0}, {1, 9}), 3U);
  EXPECT_EQ(goes_third(DramScheduler::fr_fcfs, {1, 0}, {1, 1}), 3U);
  EXPECT_EQ(goes_third(DramScheduler::fr_fcfs, {1, 0}, {1, 2}), 2U);
  EXPECT_EQ(goes_third(DramScheduler::fr_fcfs, {1, 0}, {2, 0}), 2U);
  EXPECT_EQ(goes_third(DramScheduler::fcfs, {2, 0}, {1, 9}), 2U);
}

// Two bursts to each of two banks, whose rows are open when their data can cross the bus. Bursts 1
// and 2 could follow at 42, then 2 and 3 at 46: that of the source that is not as far, though 2 is
// older than 3.
TEST(Scheduler, WhoIsLeastFarGoesFirstAmongEquals) {
  const auto order = [](DramScheduler scheduler) {
    const DramTiming timing = timing_of(scheduler);
    Dram dram(timing, 2);
    dram.request(0, 0, 0, 64, false, 0, {1, 0});
    dram.request(0, 0, row_bytes, 64, false, 1, {1, 1});
    dram.request(0, 0, 64, 64, false, 2, {2, 0});
    dram.request(1, 0, row_bytes + 64, 64, false, 3, {1, 2});
    std::vector<Dram::Served> served;
    dram.advance(INT64_MAX / 4, served);
    EXPECT_EQ(served.size(), 4U);
    EXPECT_EQ(round_up(served.back().end), 54);
    Tags tags;
    for (const Dram::Served& one : served) tags.push_back(one.tag);
    return tags;
  };
  EXPECT_EQ(order(DramScheduler::fr_fcfs), (Tags{0, 1, 3, 2}));
  EXPECT_EQ(order(DramScheduler::fcfs), (Tags{0, 1, 2, 3}));
}

// Another bank's row is opened behind the data of the first one, and what is ready goes before what
// is older: data 42..46, then the conflict.
TEST(Scheduler, OtherBanksGoBeforeAConflict) {
  const Order order = serve(timing_of(DramScheduler::fr_fcfs), {{0}, {2 * row_bytes}, {row_bytes}});
  EXPECT_EQ(order.tags, (Tags{0, 2, 1}));
  EXPECT_EQ(order.ends, (Cycles{42, 46, 102}));
}

// Bursts to the open row (four places, again and again) would keep the other row closed for ever.
// After as many as the limit says it is its turn.
TEST(Scheduler, NobodyWaitsForEver) {
  std::vector<Request> requests = rows_of_a_bank;
  for (std::int64_t i = 0; i < 40; ++i) requests.push_back({i % 4 * 64});
  DramTiming timing = timing_of(DramScheduler::fr_fcfs);
  EXPECT_EQ(serve(timing, requests).tags.back(), 1U);
  timing.age_limit_bursts = 10;
  const Tags tags = serve(timing, requests).tags;
  // Burst 0 first; from then on it is the oldest, and ten others go.
  EXPECT_EQ(tags[11], 1U);
}

// Row 0 again and again, row 1 of the same bank, and row 0 of the other bank. When row 1 is late,
// its bank gets no other burst, but the bus does not wait for the row: the other bank's data go on.
TEST(Scheduler, TheBusGoesOnWhileALateRowOpens) {
  std::vector<Request> requests = rows_of_a_bank;
  for (std::int64_t i = 0; i < 40; ++i) requests.push_back({i % 4 * 64 + i % 2 * row_bytes});
  DramTiming timing = timing_of(DramScheduler::fr_fcfs);
  timing.age_limit_bursts = 10;
  const Order order = serve(timing, requests);
  const auto late = std::find(order.tags.begin(), order.tags.end(), 1U) - order.tags.begin();
  EXPECT_GT(late, 11);
  EXPECT_LT(late, 30);
  // Rows of both banks open behind the first data, and the other bank's data fill the switch.
  EXPECT_EQ(order.ends[static_cast<std::size_t>(late)], 42 + 4 * late);
}

// Written data 38..42; the column command of the read behind it 8 later, at 50, data 70..74.
TEST(Scheduler, AReadWaitsBehindWrittenData) {
  EXPECT_EQ(serve(timing_of(DramScheduler::fcfs), {{0, true}, {64, false}}, 1).ends,
            (Cycles{42, 74}));
}

/// Reads and writes of the open row in turn.
std::vector<Request> reads_and_writes(int pairs) {
  std::vector<Request> requests;
  for (std::int64_t i = 0; i < pairs; ++i) {
    requests.push_back({i % 2 * 64, false});
    requests.push_back({128 + i % 2 * 64, true});
  }
  return requests;
}

// Each turn of the bus costs 4 or 8 + 20 cycles, so as they come, twelve pairs turn it 23 times.
TEST(Scheduler, TurnsWithEachBurstInOrder) {
  EXPECT_EQ(serve(timing_of(DramScheduler::fcfs), reads_and_writes(12), 1).report.turnarounds, 23);
}

// With at most eight of a kind in sight and a high watermark of eight, the eight oldest writes go
// at once, then the reads that are there; the other four of each behind them.
TEST(Scheduler, WritesGoTogether) {
  DramTiming timing = timing_of(DramScheduler::fr_fcfs);
  timing.read_queue_bursts = timing.write_queue_bursts = 8;
  timing.write_high_watermark = 8;
  timing.write_low_watermark = 0;
  const Order order = serve(timing, reads_and_writes(8));
  EXPECT_EQ(order.report.turnarounds, 1);
  EXPECT_EQ(order.tags, (Tags{1, 3, 5, 7, 9, 11, 13, 15, 0, 2, 4, 6, 8, 10, 12, 14}));
  // Under the watermark reads go first: the bus turns once as well.
  timing.write_queue_bursts = 64;
  timing.write_high_watermark = 9;
  const Order reads_first = serve(timing, reads_and_writes(8));
  EXPECT_EQ(reads_first.report.turnarounds, 1);
  EXPECT_EQ(reads_first.tags.front(), 0U);
  EXPECT_EQ(reads_first.tags.back(), 15U);
}

// Down to the low watermark, then reads again, and what is left when there are none.
TEST(Scheduler, WritesStopAtTheLowWatermark) {
  DramTiming timing = timing_of(DramScheduler::fr_fcfs);
  timing.write_high_watermark = 8;
  timing.write_low_watermark = 3;
  EXPECT_EQ(serve(timing, reads_and_writes(8)).tags,
            (Tags{1, 3, 5, 7, 9, 0, 2, 4, 6, 8, 10, 12, 14, 11, 13, 15}));
}

// Posted writes are taken when there is room for them: one at a time, the second when the first has
// its turn, at 0, the third when the second has, at 42 - 20. Their data follow: 38..42, ..46, ..50.
TEST(Scheduler, PostedWritesEndWhenTheyAreTaken) {
  DramTiming timing = timing_of(DramScheduler::fr_fcfs);
  timing.posted_writes = true;
  timing.write_queue_bursts = 1;
  timing.write_high_watermark = 1;
  timing.write_low_watermark = 0;
  Dram dram(timing, 2);
  for (std::uint32_t i = 0; i < 3; ++i) dram.request(1, 0, std::int64_t{64} * i, 64, true, i);
  std::vector<Dram::Served> served;
  dram.advance(INT64_MAX / 4, served);
  ASSERT_EQ(served.size(), 3U);
  EXPECT_EQ(served[0].end, 0);
  EXPECT_EQ(served[1].end, 0);
  EXPECT_EQ(served[2].end, 22 * ticks_per_cycle);
  EXPECT_EQ(dram.last_end(), 50 * ticks_per_cycle);
}

// Nobody waits for posted writes, so old ones turn the bus only when there are many: here once,
// behind the reads. Others have their turn each for itself.
TEST(Scheduler, PostedWritesWaitForEachOther) {
  DramTiming timing = timing_of(DramScheduler::fr_fcfs);
  timing.age_limit_bursts = 4;
  timing.write_high_watermark = 4;
  timing.write_low_watermark = 0;
  std::vector<Request> requests{{128, true}, {192, true}, {128, true}};
  for (std::int64_t i = 0; i < 40; ++i) requests.push_back({i % 2 * 64});
  EXPECT_EQ(serve(timing, requests).report.turnarounds, 2);
  timing.posted_writes = true;
  EXPECT_EQ(serve(timing, requests).report.turnarounds, 1);
  // A fourth makes them many: they go when four reads have gone.
  requests.insert(requests.begin(), {192, true});
  EXPECT_EQ(serve(timing, requests).report.turnarounds, 2);
}

// Turning the bus and back takes 4 + 8 + 20, so a single write waits that long, from 20 before the
// bus is needed on: until 12. A read at 10 finds the bus as it was: row ..28, data 48..52. Of one
// at 13 the column command waits until 8 behind the written data 38..42, data 70..74.
TEST(Scheduler, PostedWritesWaitForAPause) {
  DramTiming timing = timing_of(DramScheduler::fr_fcfs);
  timing.posted_writes = true;
  const auto read = [&](Tick at) {
    return serve(timing, {{64, true}, {0, false}}, at * ticks_per_cycle).ends.back();
  };
  EXPECT_EQ(read(10), 52);
  EXPECT_EQ(read(13), 74);
}

DramTiming refreshed_timing(int postponed) {
  DramTiming timing = timing_of(DramScheduler::fr_fcfs);
  timing.refresh_interval_cycles = 100;
  timing.refresh_cycles = 30;
  timing.refresh_postponed = postponed;
  return timing;
}

// 60 reads of a row, 4 cycles each from 38 on. A column command after 100 waits until 130 and then
// opens the row: data 168. Two refreshes that are put off come to 300, behind the last read.
TEST(Scheduler, RefreshWaitsForWork) {
  std::vector<Request> requests;
  for (std::int64_t i = 0; i < 60; ++i) requests.push_back({i % 4 * 64});
  const Order at_once = serve(refreshed_timing(0), requests);
  EXPECT_EQ(at_once.report.refreshes, 3);
  const Order later = serve(refreshed_timing(2), requests);
  EXPECT_EQ(later.report.refreshes, 0);
  EXPECT_EQ(later.ends.back(), 38 + 60 * 4);
}

// The bus is idle from 42 on, the refresh is due at 100 and takes until 130.
TEST(Scheduler, RefreshUsesPauses) {
  const auto second = [](Tick at, std::int64_t refreshes) {
    const Order order = serve(refreshed_timing(1), {{0}, {64}}, at * ticks_per_cycle);
    EXPECT_EQ(order.report.refreshes, refreshes);
    return order.ends.back();
  };
  EXPECT_EQ(second(90, 0), 90 + 20 + 4);
  EXPECT_EQ(second(110, 1), 130 + 18 + 20 + 4);
  EXPECT_EQ(second(150, 1), 150 + 18 + 20 + 4);
}

// What is told in steps is what is told at once, in the same order.
TEST(Scheduler, StepsOfTimeChangeNothing) {
  DramTiming timing = timing_of(DramScheduler::fr_fcfs);
  timing.channels = 3;
  const auto requests = [](Dram& dram) {
    std::uint64_t state = 1;
    for (std::uint32_t i = 0; i < 500; ++i) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      const auto address = static_cast<std::int64_t>(state >> 50) * 64;
      dram.request(i % 2, 2 * ticks_per_cycle * i, address, 64, i % 3 == 0, i,
                   {i % 2 == 0 ? 0 : i / 40, i});
    }
  };
  Dram at_once(timing, 2);
  requests(at_once);
  std::vector<Dram::Served> all;
  at_once.advance(INT64_MAX / 4, all);
  Dram in_steps(timing, 2);
  requests(in_steps);
  std::vector<Dram::Served> steps;
  for (Tick horizon = 0; const auto end = in_steps.next_end(); horizon += 7 * ticks_per_cycle) {
    const std::size_t before = steps.size();
    in_steps.advance(horizon, steps);
    for (std::size_t i = before; i < steps.size(); ++i) EXPECT_GE(steps[i].end, *end);
  }
  ASSERT_EQ(steps.size(), 500U);
  ASSERT_EQ(all.size(), 500U);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].tag, steps[i].tag);
    EXPECT_EQ(all[i].end, steps[i].end);
  }
}

}  // namespace
}  // namespace septran::simulator
