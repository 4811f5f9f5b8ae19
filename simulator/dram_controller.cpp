#include "simulator/dram_controller.h"

#include <algorithm>

namespace septran::simulator {

DramController::DramController(const DramTiming& timing, std::size_t sources)
    : timing_(timing),
      entrance_(sources),
      reads_(timing.read_queue_bursts, timing.banks),
      writes_(timing.write_queue_bursts, timing.banks) {}

void DramController::push(std::size_t source, const WaitingBurst& burst) {
  entrance_.push(source, burst);
  ++left_;
}

void DramController::admit(Tick until, const DramChannel& channel, std::vector<Served>& posted) {
  while (const auto source = entrance_.next({!reads_.full(), !writes_.full()})) {
    const WaitingBurst& burst = entrance_.first_of(*source);
    if (burst.at >= until) return;
    queue(burst.write).push(burst, channel);
    if (burst.write && timing_.posted_writes) {
      posted.push_back({std::max(burst.at, entrance_.room_since(true)), burst.tag});
    }
    entrance_.pop(*source);
  }
}

Tick DramController::next(const DramChannel& channel) const {
  const Tick soonest = channel.next_column();
  if (!waiting()) return std::max(soonest, entrance_.soonest());
  if (!writes_may_wait()) return soonest;
  return std::min(std::max(soonest, entrance_.soonest()), writes_wait_until(channel));
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
  return writes_.first().at < reads_.first().at;
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
                                        ? own.choose_first(channel, turn)
                                        : own.choose_first_ready(channel, turn, is_late(own));
  if (own.full()) entrance_.has_room(writing_, now);
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
    const Tick came = waiting() ? never_came : entrance_.soonest();
    admit(std::min(now + 1, horizon), channel, posted);
    if (now >= horizon) return;
    if (writes_may_wait() && now < writes_wait_until(channel)) continue;
    serve(now, came, channel, served);
  }
}

Tick DramController::next_end(const DramChannel& channel, Tick least) const {
  const Tick served = next(channel);
  if (!timing_.posted_writes) return served + least;
  Tick accepted = entrance_.soonest(true);
  if (writes_.full()) accepted = std::max(accepted, served);
  return std::min(served + least, accepted);
}

}  // namespace septran::simulator
