#include "simulator/arbiter.h"

#include <algorithm>

namespace septran::simulator {
namespace {

constexpr std::size_t movers = 2;  // engines of a core that reach memory

}  // namespace

Arbiter::Arbiter(const sc_core::sc_module_name& name, const InterconnectTiming& timing, int cores)
    : sc_module(name), timing_(timing), ranks_(movers * static_cast<std::size_t>(cores)) {
  for (std::size_t engine = 0; engine < ranks_.size(); ++engine) {
    if (timing.arbitration != Arbitration::priority) continue;
    const char* kind = engine % movers == 0 ? "load" : "store";
    const auto& order = timing.priority;
    ranks_[engine] = static_cast<int>(std::find(order.begin(), order.end(), kind) - order.begin());
  }
  last_ = ranks_.size() - 1;
  SC_HAS_PROCESS(Arbiter);
  SC_METHOD(choose);
  sensitive << look_;
  dont_initialize();
}

std::size_t Arbiter::number(int core, dsa::EngineId engine) {
  return movers * static_cast<std::size_t>(core) + (engine == dsa::EngineId::load ? 0 : 1);
}

bool Arbiter::has_room(std::int64_t bursts) const {
  return sent_.empty() || queued_ + bursts <= timing_.queue_bursts;
}

void Arbiter::forget_sent(Cycle now) {
  std::erase_if(sent_, [&](const Sent& run) {
    if (run.until <= now) queued_ -= run.bursts;
    return run.until <= now;
  });
}

bool Arbiter::admits(std::size_t engine, Wakeable& who, std::int64_t bursts) {
  if (chosen_ && waiting_.front().engine == engine) {
    waiting_.erase(waiting_.begin());
    chosen_ = false;
  } else {
    const auto same = [&](const Waiter& waiter) { return waiter.engine == engine; };
    if (std::any_of(waiting_.begin(), waiting_.end(), same)) return false;
    forget_sent(current_cycle());
    if (!waiting_.empty() || !has_room(bursts)) {
      waiting_.push_back({engine, &who, bursts});
      look_.notify(sc_core::SC_ZERO_TIME);
      return false;
    }
  }
  last_ = engine;
  return true;
}

void Arbiter::sent(std::int64_t bursts, Cycle until) {
  sent_.push_back({until, bursts});
  queued_ += bursts;
  if (!waiting_.empty()) look_.notify(sc_core::SC_ZERO_TIME);
}

std::vector<Arbiter::Waiter>::iterator Arbiter::next() {
  if (timing_.arbitration == Arbitration::first_come) return waiting_.begin();
  const auto turn = [&](const Waiter& waiter) {  // places behind the last one in the round
    return (waiter.engine + ranks_.size() - last_ - 1) % ranks_.size();
  };
  return std::min_element(waiting_.begin(), waiting_.end(), [&](const Waiter& x, const Waiter& y) {
    return std::pair(ranks_[x.engine], turn(x)) < std::pair(ranks_[y.engine], turn(y));
  });
}

void Arbiter::choose() {
  if (chosen_ || waiting_.empty()) return;
  const Cycle now = current_cycle();
  forget_sent(now);
  const auto best = next();
  if (!has_room(best->bursts)) {
    Cycle soonest = sent_.front().until;
    for (const Sent& run : sent_) soonest = std::min(soonest, run.until);
    look_.notify(cycles(soonest - now));
    return;
  }
  std::rotate(waiting_.begin(), best, best + 1);
  chosen_ = true;
  waiting_.front().who->wake();
}

}  // namespace septran::simulator
