#include "simulator/dram_controller.h"

#include <algorithm>

namespace septran::simulator {

DramController::DramController(const DramTiming& timing, std::size_t sources)
    : timing_(timing),
      sources_(sources),
      reads_(timing.read_queue_bursts, timing.banks),
      writes_(timing.write_queue_bursts, timing.banks) {}

void DramController::Source::pop() {
  ++next;
  if (next == bursts.size()) {
    bursts.clear();
    next = 0;
  } else if (next >= 64 && 2 * next >= bursts.size()) {
    bursts.erase(bursts.begin(), bursts.begin() + static_cast<std::ptrdiff_t>(next));
    next = 0;
  }
}

void DramController::push(std::size_t source, const WaitingBurst& burst) {
  sources_[source].bursts.push_back(burst);
  if (burst.at < next_coming_ || (burst.at == next_coming_ && source < next_source_)) {
    next_coming_ = burst.at;
    next_source_ = source;
  }
  ++left_;
}

void DramController::find_next_coming() {
  next_coming_ = never;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (sources_[i].empty() || sources_[i].front().at >= next_coming_) continue;
    next_coming_ = sources_[i].front().at;
    next_source_ = i;
  }
}

DramController::Source* DramController::next_with_room() {
  Source* first = &sources_[next_source_];
  const bool write = first->front().write;
  if (!queue(write).full() && first->front().at > room_since_[write]) return first;
  first = nullptr;
  for (Source& source : sources_) {
    if (source.empty() || queue(source.front().write).full()) continue;
    if (first == nullptr || enters_before(source.front(), first->front())) first = &source;
  }
  return first;
}

/// Those that waited for room before those that come later. Of the ones that waited that of the
/// engine that is not as far: all cores run one program, so its core is behind, and cores that stay
/// together use the rows that one of them has opened.
bool DramController::enters_before(const WaitingBurst& x, const WaitingBurst& y) const {
  if (timing_.scheduler == DramScheduler::fcfs) return x.at < y.at;
  const Tick x_from = std::max(x.at, room_since_[x.write]);
  const Tick y_from = std::max(y.at, room_since_[y.write]);
  if (x_from != y_from) return x_from < y_from;
  return x.progress != y.progress ? x.progress < y.progress : x.at < y.at;
}

void DramController::admit(Tick until, const DramChannel& channel, std::vector<Served>& posted) {
  while (next_coming_ < until) {
    Source* first = next_with_room();
    if (first == nullptr || first->front().at >= until) return;
    const WaitingBurst& burst = first->front();
    queue(burst.write).push(burst, channel);
    if (burst.write && timing_.posted_writes) {
      posted.push_back({std::max(burst.at, room_since_[1]), burst.tag});
    }
    first->pop();
    find_next_coming();
  }
}

Tick DramController::next(const DramChannel& channel) const {
  const Tick soonest = channel.next_column();
  if (!waiting()) return std::max(soonest, next_coming_);
  if (!writes_may_wait()) return soonest;
  return std::min(std::max(soonest, next_coming_), writes_wait_until(channel));
}

/// A few posted writes delay nobody, and a read may come before the bus has turned to them and
/// back.
bool DramController::writes_may_wait() const {
  return timing_.scheduler == DramScheduler::fr_fcfs && timing_.posted_writes && !writing_ &&
         reads_.empty() && writes_.size() <= timing_.write_low_watermark;
}

/// A pause has then lasted as long as it takes to turn the bus and back, so that at worst both
/// together take twice what was necessary.
Tick DramController::writes_wait_until(const DramChannel& channel) const {
  return channel.next_column() + channel.turns_take();
}

bool DramController::older_is_write() const {
  if (reads_.empty() || writes_.empty()) return reads_.empty();
  return writes_.oldest().at < reads_.oldest().at;
}

bool DramController::is_late(const BurstQueue& queue) const {
  return queue.passed() >= timing_.age_limit_bursts;
}

bool DramController::writes_next() const {
  if (timing_.scheduler == DramScheduler::fcfs) return older_is_write();
  if (reads_.empty() || writes_.empty()) return reads_.empty();
  const bool reads_are_late = is_late(reads_);
  const bool writes_are_late = is_late(writes_);
  const bool many_writes = writes_.size() >= timing_.write_high_watermark;
  if (timing_.posted_writes) {
    if (reads_are_late) return false;
    if (!writing_) return many_writes && writes_are_late;
  } else {
    if (reads_are_late != writes_are_late) return writes_are_late;
    if (!writing_) return many_writes;
  }
  return writes_.size() > timing_.write_low_watermark;
}

void DramController::serve(Tick now, Tick came, DramChannel& channel, std::vector<Served>& served) {
  if (channel.refresh(now, came)) {
    reads_.rows_closed();
    writes_.rows_closed();
  }
  writing_ = writes_next();
  BurstQueue& own = queue(writing_);
  BurstQueue& other = queue(!writing_);
  const DramChannel::Turn turn = channel.turn(now, writing_);
  const BurstQueue::Choice choice = timing_.scheduler == DramScheduler::fcfs
                                        ? own.choose_oldest(channel, turn)
                                        : own.choose_first_ready(channel, turn, is_late(own));
  if (own.full()) room_since_[writing_] = now;
  const WaitingBurst burst = own.take(choice.entry);
  if (!other.empty()) other.pass();
  --left_;
  last_end_ = channel.serve(turn, burst.place, choice.plan);
  if (choice.plan.row != DramChannel::Row::hit) {
    reads_.row_opened(burst.place.bank, burst.place.row);
    writes_.row_opened(burst.place.bank, burst.place.row);
  }
  if (!burst.write || !timing_.posted_writes) served.push_back({last_end_, burst.tag});
}

void DramController::advance(DramChannel& channel, Tick horizon, std::vector<Served>& served,
                             std::vector<Served>& posted) {
  while (!empty()) {
    const Tick now = next(channel);
    const Tick came = waiting() ? never_came : next_coming_;
    admit(std::min(now + 1, horizon), channel, posted);
    if (now >= horizon) return;
    if (writes_may_wait() && now < writes_wait_until(channel)) continue;
    serve(now, came, channel, served);
  }
}

Tick DramController::next_end(const DramChannel& channel, Tick least) const {
  const Tick served = next(channel);
  if (!timing_.posted_writes || next_coming_ == never) return served + least;
  Tick accepted = never;
  for (const Source& source : sources_) {
    if (!source.empty() && source.front().write) accepted = std::min(accepted, source.front().at);
  }
  if (writes_.full() && accepted < never) accepted = std::max(accepted, served);
  return std::min(served + least, accepted);
}

}  // namespace septran::simulator
