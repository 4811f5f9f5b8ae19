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
  return queued_ == 0 || queued_ + bursts <= timing_.queue_bursts;
}

void Arbiter::forget_left(Cycle now) {
  while (!leaving_.empty() && leaving_.front().until <= now) {
    queued_ -= leaving_.front().bursts;
    leaving_.pop_front();
  }
}

bool Arbiter::admits(std::size_t engine, Wakeable& who, std::int64_t bursts) {
  if (chosen_ && waiting_.front().engine == engine) {
    waiting_.erase(waiting_.begin());
    chosen_ = false;
  } else {
    const auto same = [&](const Waiter& waiter) { return waiter.engine == engine; };
    if (std::any_of(waiting_.begin(), waiting_.end(), same)) return false;
    forget_left(current_cycle());
    if (!waiting_.empty() || !has_room(bursts)) {
      waiting_.push_back({engine, &who, bursts});
      look_.notify(sc_core::SC_ZERO_TIME);
      return false;
    }
  }
  last_ = engine;
  return true;
}

void Arbiter::leaves(Cycle until) {
  if (leaving_.empty() || leaving_.back().until < until) leaving_.push_back({until, 0});
  ++leaving_.back().bursts;
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
  forget_left(now);
  const auto best = next();
  if (!has_room(best->bursts)) {  // look again when it has, if that is known
    std::int64_t queued = queued_;
    for (const Leaving& some : leaving_) {
      queued -= some.bursts;
      if (queued > 0 && queued + best->bursts > timing_.queue_bursts) continue;
      return look_.notify(cycles(some.until - now));
    }
    return;
  }
  std::rotate(waiting_.begin(), best, best + 1);
  chosen_ = true;
  waiting_.front().who->wake();
}

}  // namespace septran::simulator
