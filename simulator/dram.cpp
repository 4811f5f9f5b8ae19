#include "simulator/dram.h"

#include <algorithm>

namespace septran::simulator {

Dram::Dram(const DramTiming& timing, std::size_t sources)
    : map_(timing),
      ticks_(timing),
      posted_writes_(timing.posted_writes),
      ranks_(timing.scheduler != DramScheduler::fcfs),
      burst_(timing.burst_bytes) {
  for (int i = 0; i < timing.channels; ++i) {
    channels_.push_back({DramChannel(ticks_, timing), DramController(timing, sources)});
  }
}

int Dram::request(std::size_t source, Tick at, std::int64_t address, std::int64_t bytes, bool write,
                  std::uint32_t tag, const Progress& progress) {
  const Progress rank = ranks_ ? progress : Progress{};
  const std::int64_t first = burst_.quotient(address);
  const std::int64_t last = burst_.quotient(address + bytes - 1);
  for (std::int64_t burst = first; burst <= last; ++burst) {
    const DramPlace place = map_.place(burst * static_cast<std::int64_t>(burst_.value()));
    channels_[place.channel].controller.push(source, {at, place, tag, write, rank});
  }
  return static_cast<int>(last - first + 1);
}

void Dram::advance(Tick horizon, std::vector<Served>& served) {
  const auto ends_before = [](const Served& x, const Served& y) {
    return x.end != y.end ? x.end < y.end : x.tag < y.tag;
  };
  const std::size_t before = served.size();
  for (Channel& channel : channels_) {
    channel.controller.advance(channel.device, horizon, held_, served);
  }
  std::sort(served.begin() + static_cast<std::ptrdiff_t>(before), served.end(), ends_before);
  if (!std::is_sorted(held_.begin(), held_.end(), ends_before)) {
    std::sort(held_.begin(), held_.end(), ends_before);
  }
  const Tick settled = horizon + least();  // nothing that starts later ends before
  const auto last = std::find_if(held_.begin(), held_.end(),
                                 [&](const Served& one) { return one.end > settled; });
  served.insert(served.end(), held_.begin(), last);
  held_.erase(held_.begin(), last);
}

std::optional<Tick> Dram::next_end() const {
  std::optional<Tick> soonest;
  const auto consider = [&](Tick end) { soonest = soonest ? std::min(*soonest, end) : end; };
  if (!held_.empty()) consider(held_.front().end);
  for (const Channel& channel : channels_) {
    if (!channel.controller.empty()) {
      consider(channel.controller.next_end(channel.device, least()));
    }
  }
  return soonest;
}

Tick Dram::last_end() const {
  Tick last = 0;
  for (const Channel& channel : channels_) last = std::max(last, channel.controller.last_end());
  return last;
}

DramReport Dram::report() const {
  DramReport sum;
  for (const Channel& channel : channels_) channel.device.add_to(sum);
  return sum;
}

}  // namespace septran::simulator
