// The hazard detector: follows the operations and syncs of a run with vector clocks.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "simulator/access_map.h"
#include "simulator/simulator.h"

namespace septran::simulator {

/// An operation or sync as an engine executes it.
struct Step {
  int core = 0;
  dsa::EngineId engine = dsa::EngineId::load;
  std::uint32_t instruction = 0;
  std::int64_t sequence = 0;  // in its core's program order, from 1
};

/// Two operations are ordered if they are on one engine, or a chain of engine order, signals with
/// the waits that match them and barriers leads from one to the other; the host's work comes before
/// all. Calls come in an order that agrees with this one, as any run does: a wait after its signal,
/// an await after the arrivals. What is found depends on the run's order only as far as one of
/// several hazards on the same bytes can stand for the others.
class HazardDetector {
 public:
  HazardDetector(const dsa::Program& program, const GlobalLayout& layout, int core_count);

  void signal(const Step& step, std::uint32_t event);
  void wait(const Step& step, std::uint32_t event);
  void arrive(const Step& step, std::uint32_t barrier, std::size_t generation);
  void await(const Step& step, std::uint32_t barrier, std::size_t generation);
  void operation(const Step& step, const DmaWork& work);
  void operation(const Step& step, const MmaWork& work);
  void operation(const Step& step, const VecWork& work);
  /// What was found in the run that has ended.
  [[nodiscard]] HazardReport finish();

 private:
  /// An event counter of one core: the clocks of signals that no wait has taken, empty for credits,
  /// and who uses it.
  struct Event {
    std::deque<Clock> signals;
    std::optional<Step> signaller;
    std::optional<Step> waiter;
  };
  /// The two instructions (one twice for `unwritten`), and whether it is about an event.
  using Key = std::tuple<std::uint32_t, std::uint32_t, bool>;
  using OperationId = std::pair<std::uint32_t, std::int64_t>;  // lane, sequence
  struct Record {
    Hazard hazard;
    OperationId first;  // of the example
    OperationId second;
    std::map<OperationId, std::int64_t> unwritten;  // how often each has read for nothing
  };

  [[nodiscard]] std::uint32_t lane(const Step& step) const;
  Clock& clock(const Step& step) { return clocks_[lane(step)]; }
  Event& event(const Step& step, std::uint32_t id);
  /// Notes who uses an event; another one than before is a hazard.
  void use_event(std::optional<Step>& user, const Step& step, std::uint32_t id);
  Access begin(const Step& step);
  void read(const Access& access, const ResolvedTile& tile);
  void write(const Access& access, const ResolvedTile& tile, bool reads_too = false);
  AccessMap& memory(const Access& access, dsa::MemoryId id);
  /// Takes findings_ into the records.
  void note(const Access& access, dsa::MemoryId memory);
  void note_unordered(const Finding& finding, const Access& access, dsa::MemoryId memory);
  void note_unwritten(const Finding& finding, dsa::MemoryId memory);
  [[nodiscard]] Hazard describe(const Access& first, const Access& second) const;
  /// Makes the hazard's bytes span these too.
  void widen(Hazard& hazard, dsa::MemoryId memory, ByteRange bytes) const;
  [[nodiscard]] Hazard::Side side(const Access& access) const;

  const dsa::Program& program_;
  const GlobalLayout& layout_;
  std::vector<bool> constant_;  // by global buffer: the host's, and no instruction writes it
  std::vector<Clock> clocks_;   // by lane: what is surely finished when its next operation starts
  std::vector<std::vector<Event>> events_;       // by core, event
  std::vector<std::vector<Clock>> generations_;  // by barrier, generation: join of the arrivals
  AccessMap global_;
  std::vector<AccessMap> local_;  // two for each core
  ByteRanges ranges_;
  std::vector<Finding> findings_;
  std::int64_t operations_ = 0;
  std::map<Key, Record> records_;
  std::set<std::pair<Key, OperationId>> counted_;  // pairs with the operation at hand
};

}  // namespace septran::simulator
