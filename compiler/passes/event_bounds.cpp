// An event's count is its credits and the signals, less the waits that are over. Signals are held
// back where one trip's wait, through other events, comes before a later trip's signal: then it is
// the credits and the trips in between. Elsewhere (as where only some trips of a loop use a ring)
// the waiting engine's queue holds the sequencer back, or the number of signals there are. A bound
// that is more than a counter holds gives way to what is found by following the program.
#include "compiler/passes/event_bounds.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "compiler/base/messages.h"
#include "compiler/passes/event_peaks.h"
#include "compiler/tile/visit.h"

namespace septran::passes {
namespace {

using tile::Block;
using tile::Program;
using tile::Statement;

constexpr std::int64_t unknown = INT64_MAX / 4;

std::int64_t saturated(__int128 value) {
  return static_cast<std::int64_t>(std::clamp<__int128>(value, -unknown, unknown));
}

/// One execution of a block ("trip"), as far as events order it: syncs that happen in every one.
struct Trip {
  /// The block's statement in which an event is surely signalled or waited for, once a trip; for an
  /// event without credits whose syncs lie in a loop there, so often that the last wait comes after
  /// the last signal.
  struct Places {
    int signals = 0;  // how many there are
    int waits = 0;
    int signal_at = 0;
    int wait_at = 0;
  };
  std::map<std::uint32_t, Places> events;
};

class Bounds {
 public:
  Bounds(const Program& program, const Machine& machine)
      : program_(program), machine_(machine), places_(program.events.size()) {
    tile::for_each_statement(program.body, [&](const Statement& statement) {
      const auto* sync = std::get_if<tile::Sync>(&statement.node);
      if (sync == nullptr) return;
      for (const tile::EventId id : sync->events) ++places_[id.value];
    });
  }

  /// The most that an event's counter can come to, as far as can be told. What a counter holds is
  /// enough to know: the way that takes longest is gone last.
  [[nodiscard]] std::int64_t of(std::uint32_t event, std::int64_t enough) const {
    std::int64_t most = held_by_queue(event);
    if (most <= enough) return most;
    const __int128 all = static_cast<__int128>(credits(event)) + signals(program_.body, event);
    most = std::min(most, saturated(all));
    return most <= enough ? most : std::min(most, held_by_events(event));
  }

 private:
  [[nodiscard]] std::int64_t credits(std::uint32_t event) const {
    return program_.events[event].credits;
  }

  /// While the waiting engine's queue is full, nothing more is signalled: behind the signals that
  /// have been issued there stand so many waits.
  [[nodiscard]] std::int64_t held_by_queue(std::uint32_t event) const {
    const EngineSpec* waiter = machine_.find_engine(program_.events[event].waiter);
    if (waiter == nullptr) return unknown;
    return std::max<std::int64_t>(credits(event), 1) + waiter->queue_depth + 1;
  }

  [[nodiscard]] std::int64_t trips(const tile::Loop& loop, bool most) const {
    const VarInfo& var = program_.vars[loop.var];
    const Range range = program_.vars.range(var.end - var.begin);
    return std::clamp<std::int64_t>(most ? range.hi : range.lo, 0, unknown);
  }

  [[nodiscard]] std::int64_t signals(const Block& block, std::uint32_t event) const {
    __int128 sum = 0;
    for (const Statement& statement : block) {
      if (const auto* sync = std::get_if<tile::Sync>(&statement.node)) {
        if (sync->kind == tile::SyncKind::signal) sum += count(*sync, event);
      }
      __int128 inside = 0;
      for (const Block* inner : tile::child_blocks(statement)) inside += signals(*inner, event);
      const auto* loop = std::get_if<tile::Loop>(&statement.node);
      sum += loop == nullptr ? inside : inside * trips(*loop, true);
      sum = saturated(sum);
    }
    return static_cast<std::int64_t>(sum);
  }

  static std::int64_t count(const tile::Sync& sync, std::uint32_t event) {
    return std::count(sync.events.begin(), sync.events.end(), tile::EventId{event});
  }

  /// The block whose own statements are the event's syncs, one of each; null if there is none.
  [[nodiscard]] const Block* scope_of(const Block& block, std::uint32_t event) const {
    const Block* found = nullptr;
    for (const Statement& statement : block) {
      const auto* sync = std::get_if<tile::Sync>(&statement.node);
      if (sync != nullptr && count(*sync, event) > 0) found = &block;
      for (const Block* inner : tile::child_blocks(statement)) {
        const Block* deeper = scope_of(*inner, event);
        if (deeper != nullptr) found = deeper;
      }
    }
    return found;
  }

  /// Adds the syncs that each run of the block executes, as those of statement `at`.
  void collect(const Block& block, bool is_own, int at, Trip& trip) const {
    for (int i = 0; i < static_cast<int>(block.size()); ++i) {
      const Statement& statement = block[static_cast<std::size_t>(i)];
      const int place = is_own ? i : at;
      if (const auto* sync = std::get_if<tile::Sync>(&statement.node)) {
        for (const tile::EventId id : sync->events) {
          if (!is_own && credits(id.value) > 0) continue;
          Trip::Places& places = trip.events[id.value];
          const bool waits = sync->kind == tile::SyncKind::wait;
          ++(waits ? places.waits : places.signals);
          (waits ? places.wait_at : places.signal_at) = place;
        }
      } else if (const auto* loop = std::get_if<tile::Loop>(&statement.node)) {
        if (trips(*loop, false) > 0) collect(loop->body, false, place, trip);
      }
    }
  }

  /// Whether an event has one signal and one wait, and these in every trip.
  [[nodiscard]] bool is_plain(std::uint32_t event, const Trip::Places& places) const {
    return places.signals == 1 && places.waits == 1 && places_[event] == 2;
  }

  /// The least number of trips after which signals of `event` come after a trip's wait for it. From
  /// each engine's place in a trip, its later signals lead to those who wait for them, as many
  /// trips later as there are credits, and its earlier ones in the next trip.
  [[nodiscard]] std::int64_t held_by_events(std::uint32_t event) const {
    const Block* scope = scope_of(program_.body, event);
    if (scope == nullptr) return unknown;
    Trip trip;
    collect(*scope, true, 0, trip);
    const Trip::Places own = trip.events[event];
    if (!is_plain(event, own)) return unknown;
    struct Item {
      std::int64_t trips;
      int at;
      std::string engine;
      auto operator<=>(const Item&) const = default;
    };
    std::set<Item> next{{0, own.wait_at, program_.events[event].waiter}};
    std::map<std::pair<std::string, int>, std::int64_t> done;
    while (!next.empty()) {
      const Item item = *next.begin();
      next.erase(next.begin());
      if (!done.try_emplace({item.engine, item.at}, item.trips).second) continue;
      if (item.engine == program_.events[event].signaller) {
        return credits(event) + item.trips + (own.signal_at > item.at ? 0 : 1);
      }
      for (const auto& [other, places] : trip.events) {
        if (other == event || !is_plain(other, places)) continue;
        if (program_.events[other].signaller != item.engine) continue;
        const std::int64_t wrap = places.signal_at > item.at ? 0 : 1;
        next.insert(
            {item.trips + wrap + credits(other), places.wait_at, program_.events[other].waiter});
      }
    }
    return unknown;
  }

  const Program& program_;
  const Machine& machine_;
  std::vector<int> places_;  // of an event: how many syncs name it
};

constexpr std::size_t most_commands = 2'000'000;  // of a processor's share, unrolled
constexpr std::size_t most_steps = 40'000'000;    // of all processors and events together

/// Puts what the counters really come to in place of bounds, where the shares are short enough to
/// be followed.
void follow(const Program& program, const Machine& machine, std::vector<Overflow>& suspects) {
  std::vector<std::int64_t> peaks(suspects.size(), 0);
  std::size_t steps = 0;
  const int workers = worker_count(program);
  for (int worker = 0; worker < workers; ++worker) {
    const auto stream = CommandStream::of(program, machine, worker, most_commands);
    if (!stream) return;
    for (std::size_t i = 0; i < suspects.size(); ++i) {
      steps += stream->size();
      if (steps > most_steps) return;
      peaks[i] = std::max(peaks[i], stream->peak({suspects[i].event}));
    }
  }
  for (std::size_t i = 0; i < suspects.size(); ++i) {
    suspects[i].count = std::min(suspects[i].count, peaks[i]);
  }
}

}  // namespace

std::vector<Overflow> find_overflows(const Program& program, const Machine& machine) {
  const Bounds bounds(program, machine);
  const int maximum = machine.dsa.sequencer.event_maximum;
  std::vector<Overflow> found;
  for (std::uint32_t i = 0; i < program.events.size(); ++i) {
    const std::int64_t count = bounds.of(i, maximum);
    if (count > maximum) found.push_back({i, count});
  }
  if (!found.empty()) follow(program, machine, found);
  std::erase_if(found, [&](const Overflow& one) { return one.count <= maximum; });
  return found;
}

bool check_event_bounds(const Program& program, const PassContext& context) {
  const std::vector<Overflow> found = find_overflows(program, context.machine);
  for (const Overflow& one : found) {
    const tile::Event& event = program.events[one.event];
    Span place;
    if (!event.orders.empty()) {
      place = program[event.orders.front().source_tensor].origin.span();
    }
    context.diagnostics.report(place, messages::event_beyond_maximum, event.name, event.signaller,
                               one.count, event.waiter, context.machine.dsa.sequencer.event_maximum,
                               context.machine.name);
  }
  return found.empty();
}

}  // namespace septran::passes
