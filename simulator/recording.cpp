#include "simulator/recording.h"

#include <algorithm>

#include "targets/dsa/assembly.h"

namespace septran::simulator {
namespace {

/// Stretches that all engines of a machine have together, and bounds for one engine's.
constexpr std::size_t all_stretches = 24'000;
constexpr std::size_t most_stretches = 2048;
constexpr std::size_t fewest_stretches = 64;
/// Operations that are kept one by one when not everything is.
constexpr std::size_t kept_operations = 6000;

std::size_t count_of(Cycle until, Cycle width) {
  return static_cast<std::size_t>((until + width - 1) / width);
}

}  // namespace

void Series::coarsen() {
  width_ *= 2;
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    if (i % 2 == 0) {
      sums_[i / 2] = sums_[i];
    } else {
      sums_[i / 2] += sums_[i];
    }
  }
  sums_.resize((sums_.size() + 1) / 2);
}

void Series::add(Cycle begin, Cycle end, std::int64_t amount) {
  if (begin >= end || begin < 0) return;
  while (count_of(end, width_) > limit_) coarsen();
  if (sums_.size() < count_of(end, width_)) sums_.resize(count_of(end, width_));
  while (begin < end) {
    const Cycle next = std::min(end, (begin / width_ + 1) * width_);
    sums_[static_cast<std::size_t>(begin / width_)] += amount * (next - begin);
    begin = next;
  }
}

std::vector<std::int64_t> Series::sums(Cycle width, Cycle until) const {
  std::vector<std::int64_t> result(count_of(until, width));
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    const auto at = static_cast<std::size_t>(static_cast<Cycle>(i) * width_ / width);
    if (at < result.size()) result[at] += sums_[i];
  }
  return result;
}

void LiveBytes::close(std::int64_t low, const Live& live, Cycle end) {
  series_.add(live.begin, end, live.high - low);
}

void LiveBytes::write(std::int64_t low, std::int64_t high, Cycle begin, Cycle end) {
  if (low >= high) return;
  auto at = live_.lower_bound(low);
  if (at != live_.begin() && std::prev(at)->second.high > low) --at;
  while (at != live_.end() && at->first < high) {
    const auto [first, old] = *at;
    at = live_.erase(at);
    if (first < low) live_[first] = {low, old.begin, old.last};
    if (old.high > high) live_[high] = {old.high, old.begin, old.last};
    close(std::max(first, low), {std::min(old.high, high), old.begin, old.last},
          std::min(old.last, begin));
  }
  live_[low] = {high, begin, end};
}

void LiveBytes::read(std::int64_t low, std::int64_t high, Cycle end) {
  auto at = live_.lower_bound(low);
  if (at != live_.begin() && std::prev(at)->second.high > low) --at;
  for (; at != live_.end() && at->first < high; ++at) {
    at->second.last = std::max(at->second.last, end);
  }
}

void LiveBytes::update(std::int64_t low, std::int64_t high, Cycle begin, Cycle end) {
  const auto at = live_.upper_bound(low);
  const bool stands = at != live_.begin() && std::prev(at)->second.high > low;
  if (stands) {
    read(low, high, end);
  } else {
    write(low, high, begin, end);
  }
}

const Series& LiveBytes::finish() {
  for (const auto& [low, live] : live_) close(low, live, live.last);
  live_.clear();
  return series_;
}

void Recording::start(int cores) {
  cores_ = cores;
  const auto count = static_cast<std::size_t>(cores);
  limit_ = std::clamp(all_stretches / (count * recorded_engines), fewest_stretches, most_stretches);
  engines_.resize(count * recorded_engines);
  traffic_.assign(2, Series(limit_));
  live_.assign(count * 2, LiveBytes(limit_));
}

void Recording::state(EngineRecord& record, Cycle begin, Cycle end, std::string_view state) {
  record.states.try_emplace(state, limit_).first->second.add(begin, end, 1);
  if (!everything_) return;
  if (!record.exact.empty() && record.exact.back().end == begin &&
      record.exact.back().state == state) {
    record.exact.back().end = end;
  } else {
    record.exact.push_back({begin, end, state});
  }
}

void Recording::slice(EngineRecord& record, const Slice& slice) {
  ++record.operations;
  if (!everything_ && ++kept_ > kept_operations) {
    slices_until_ = slices_until_ ? std::min(*slices_until_, slice.begin) : slice.begin;
    return;
  }
  record.slices.push_back(slice);
  if (record.slices.size() < 2) return;
  const Cycle before = record.slices[record.slices.size() - 2].end;
  record.slices.back().begin = std::max(slice.begin, before);
  record.slices.back().end = std::max(slice.end, before);
}

void Recording::queue(EngineRecord& record, Cycle at, int change) {
  if (everything_) record.queue.push_back({at, change});
}

void Recording::event(const EventUse& use) {
  if (everything_) events_.push_back(use);
}

void Recording::traffic(bool is_read, Cycle at, std::int64_t bytes) {
  traffic_[is_read ? 0 : 1].add(std::max<Cycle>(0, at - 1), std::max<Cycle>(1, at), bytes);
}

LiveBytes& Recording::live(int core, dsa::MemoryId memory) {
  return live_[static_cast<std::size_t>(core) * 2 + (memory == dsa::MemoryId::shared ? 0 : 1)];
}

void Recording::finish(Cycle cycles, const dsa::Program& program) {
  for (const dsa::Instruction& instruction : program.code) {
    const bool known = instruction.origin < program.origins.size();
    notes_.push_back({dsa::to_text(instruction.node),
                      known ? program.origins[instruction.origin] : dsa::SourceOrigin{}});
  }
  event_infos_ = program.events;
  cycles_ = cycles;
  while (count_of(cycles, width_) > limit_) width_ *= 2;
  for (const Series& series : traffic_) width_ = std::max(width_, series.width());
  for (LiveBytes& live : live_) width_ = std::max(width_, live.finish().width());
  for (const EngineRecord& engine : engines_) {
    for (const auto& [state, series] : engine.states) width_ = std::max(width_, series.width());
  }
  if (everything_) {
    std::vector<Cycle> begins;
    for (const EngineRecord& engine : engines_) {
      for (const Slice& slice : engine.slices) begins.push_back(slice.begin);
    }
    if (begins.size() <= kept_operations) return;
    std::nth_element(begins.begin(), begins.begin() + kept_operations, begins.end());
    slices_until_ = begins[kept_operations];
  }
  if (!slices_until_ || everything_) return;
  for (EngineRecord& engine : engines_) {
    std::erase_if(engine.slices, [&](const Slice& one) { return one.begin >= *slices_until_; });
  }
}

std::vector<std::int64_t> Recording::traffic(bool is_read) const {
  return traffic_[is_read ? 0 : 1].sums(width_, cycles_);
}

std::vector<std::int64_t> Recording::live(int core, dsa::MemoryId memory) const {
  LiveBytes ended =
      live_[static_cast<std::size_t>(core) * 2 + (memory == dsa::MemoryId::shared ? 0 : 1)];
  std::vector<std::int64_t> mean = ended.finish().sums(width_, cycles_);
  for (std::size_t i = 0; i < mean.size(); ++i) {
    const Cycle begin = static_cast<Cycle>(i) * width_;
    mean[i] /= std::min(width_, cycles_ - begin);
  }
  return mean;
}

}  // namespace septran::simulator
