// What happens over the time of a run: states of engines, operations, live bytes, traffic, events.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "simulator/simulator.h"

namespace septran::simulator {

/// Sums over stretches of time of equal width. The width is a power of two and doubles whenever the
/// run outgrows `limit` stretches, so that a long run takes no more room than a short one.
class Series {
 public:
  explicit Series(std::size_t limit = 2048) : limit_(limit) {}
  /// Adds `amount` for each cycle of begin .. end-1.
  void add(Cycle begin, Cycle end, std::int64_t amount);
  [[nodiscard]] Cycle width() const { return width_; }
  /// The sums of 0 .. until-1 at a width that is at least width().
  [[nodiscard]] std::vector<std::int64_t> sums(Cycle width, Cycle until) const;

 private:
  void coarsen();
  std::size_t limit_;
  Cycle width_ = 1;
  std::vector<std::int64_t> sums_;
};

/// An operation while it occupies its engine: compute engines from the first operand taken in to
/// the last, load and store from the first data that moves to the last. Those of one engine do not
/// overlap.
struct Slice {
  std::uint32_t instruction = 0;
  Cycle begin = 0;
  Cycle end = 0;
  std::int64_t amount = 0;  // bytes moved, multiply-accumulates, points
};
struct StateInterval {
  Cycle begin = 0;
  Cycle end = 0;
  std::string_view state;
};
struct QueueChange {
  Cycle at = 0;
  int change = 0;  // of the number of commands in the queue
};

/// What one engine, or a sequencer, did.
struct EngineRecord {
  std::string name;
  std::map<std::string_view, Series> states;  // cycles by state; idle is the rest
  std::vector<Slice> slices;                  // in order of time
  std::int64_t operations = 0;                // those included that have no slice
  std::vector<StateInterval> exact;           // every state that is not idle, if all is recorded
  std::vector<QueueChange> queue;             // the same
};

/// The bytes of an on-chip memory that hold something that is still needed: from the begin of the
/// write to the end of the last read of it.
class LiveBytes {
 public:
  void write(std::int64_t low, std::int64_t high, Cycle begin, Cycle end);
  void read(std::int64_t low, std::int64_t high, Cycle end);
  /// Reads and writes: what stands there stays needed.
  void update(std::int64_t low, std::int64_t high, Cycle begin, Cycle end);
  /// Ends what is still live; the series holds bytes times cycles.
  const Series& finish();
  explicit LiveBytes(std::size_t limit) : series_(limit) {}

 private:
  struct Live {
    std::int64_t high = 0;
    Cycle begin = 0;
    Cycle last = 0;
  };
  void close(std::int64_t low, const Live& live, Cycle end);
  std::map<std::int64_t, Live> live_;  // by first byte; they do not overlap
  Series series_;
};

/// A signal or wait of an event. `slice` is the number of slices that its engine had by then.
struct EventUse {
  int core = 0;
  std::uint32_t event = 0;
  bool is_wait = false;
  std::size_t engine = 0;  // index in Recording::engines of the core
  std::size_t slice = 0;
  Cycle at = 0;  // fires, or passes
};

/// Engines of a core in the order of CoreReport::engines.
inline constexpr std::size_t recorded_engines = 5;

/// What an instruction is, for readers.
struct InstructionNote {
  std::string text;
  dsa::SourceOrigin origin;
};

/// Is told by the engines as they go. Without `everything`, room is bounded: states and bytes are
/// summed up over stretches of time, and only the first operations are kept one by one.
class Recording {
 public:
  explicit Recording(bool everything = false) : everything_(everything) {}

  [[nodiscard]] bool everything() const { return everything_; }
  void start(int cores);
  [[nodiscard]] EngineRecord& engine(int core, std::size_t engine) {
    return engines_[static_cast<std::size_t>(core) * recorded_engines + engine];
  }
  void state(EngineRecord& record, Cycle begin, Cycle end, std::string_view state);
  void slice(EngineRecord& record, const Slice& slice);
  void queue(EngineRecord& record, Cycle at, int change);
  void event(const EventUse& use);
  /// Bytes that crossed the edge of GLOBAL by `at`.
  void traffic(bool is_read, Cycle at, std::int64_t bytes);
  LiveBytes& live(int core, dsa::MemoryId memory);
  /// The run has ended; nothing is told after it.
  void finish(Cycle cycles, const dsa::Program& program);

  /// After finish(): width of the stretches, and what was recorded.
  [[nodiscard]] Cycle width() const { return width_; }
  [[nodiscard]] Cycle cycles() const { return cycles_; }
  [[nodiscard]] int cores() const { return cores_; }
  [[nodiscard]] const EngineRecord& engine(int core, std::size_t engine) const {
    return engines_[static_cast<std::size_t>(core) * recorded_engines + engine];
  }
  [[nodiscard]] const std::vector<EventUse>& events() const { return events_; }
  [[nodiscard]] std::vector<std::int64_t> traffic(bool is_read) const;
  /// Mean number of live bytes in each stretch.
  [[nodiscard]] std::vector<std::int64_t> live(int core, dsa::MemoryId memory) const;
  /// By number of instruction.
  [[nodiscard]] const std::vector<InstructionNote>& notes() const { return notes_; }
  [[nodiscard]] const std::vector<dsa::EventInfo>& event_infos() const { return event_infos_; }
  /// Those of the slices that begin before are few enough for a page; nothing: all are.
  [[nodiscard]] std::optional<Cycle> slices_until() const { return slices_until_; }

 private:
  bool everything_;
  int cores_ = 0;
  Cycle cycles_ = 0;
  Cycle width_ = 1;
  std::size_t limit_ = 0;
  std::size_t kept_ = 0;
  std::optional<Cycle> slices_until_;
  std::vector<InstructionNote> notes_;
  std::vector<dsa::EventInfo> event_infos_;
  std::vector<EngineRecord> engines_;
  std::vector<EventUse> events_;
  std::vector<Series> traffic_;  // reads, writes
  std::vector<LiveBytes> live_;  // by core: SHARED, accumulators
};

}  // namespace septran::simulator
