// The highest count of an event counter, found by following a processor's program.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/passes/pass.h"

namespace septran::passes {

/// One processor's commands in program order, loops unrolled: every operation and sync takes a
/// place in its engine's queue.
class CommandStream {
 public:
  /// The share of one of the processors (of `workers()`); nothing if it is longer than `limit`.
  static std::optional<CommandStream> of(const tile::Program& program, const Machine& machine,
                                         int worker, std::size_t limit);

  /// What the event's counter comes to at most, however long each operation takes. Waits and
  /// signals are matched whatever the engines' speed, so the count is highest where the waiting
  /// engine does each next command only when nothing else can be done.
  [[nodiscard]] std::int64_t peak(tile::EventId event) const;

  [[nodiscard]] std::size_t size() const { return commands_.size(); }

 private:
  enum class Kind : std::uint8_t { work, wait, signal, arrive, await };
  struct Command {
    Kind kind = Kind::work;
    std::uint8_t engine = 0;
    std::uint32_t number = 0;  // of the event, or of the barrier
  };
  class Unroller;
  class Run;

  std::vector<Command> commands_;
  std::vector<std::string> engines_;
  std::vector<std::int64_t> queue_depths_;           // of each engine
  std::vector<int> credits_;                         // of each event
  std::vector<std::size_t> arrivals_;                // that each barrier needs
  std::vector<std::vector<std::size_t>> by_engine_;  // indices of each engine's commands
};

/// Processors among which the program deals its trips.
[[nodiscard]] int worker_count(const tile::Program& program);

}  // namespace septran::passes
