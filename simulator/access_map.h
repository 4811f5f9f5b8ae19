// Who has touched which bytes of a memory last, for the hazard detector.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "simulator/byte_ranges.h"

namespace septran::simulator {

/// For each engine of each core, the sequence number of its last operation that is surely finished.
using Clock = std::vector<std::int64_t>;

/// An operation's access. `lane` is its engine: core * engine_count + engine; `sequence` its place
/// in its core's program order, from 1.
struct Access {
  std::uint32_t lane = 0;
  std::uint32_t instruction = 0;
  std::int64_t sequence = 0;
  bool writes = false;
  bool hollow = false;      // has read bytes that nobody had written yet
  std::uint32_t times = 1;  // of how many operations that did so it is the last
};

/// Something wrong that an access showed.
struct Finding {
  enum class Kind {
    unordered,  // `earlier` and the new access meet in no order, one of them writing
    unwritten   // `earlier` has read bytes that nobody had written, nor writes in no order with it
  };
  Kind kind = Kind::unordered;
  Access earlier;
  ByteRange bytes;
};

/// Disjoint segments of bytes, each with the accesses that a later one may yet be unordered with:
/// of each lane at most the last write and the last read after it, and only those that no later
/// access follows in every order (a write after all of them, or a read after a read). That is
/// enough: what is unordered with an access that was left out is unordered with the one that
/// followed it too. So the cost of an access does not grow with the length of the run.
class AccessMap {
 public:
  /// Marks bytes as written before the run began.
  void mark_written(ByteRange bytes);
  /// Adds an access, whose lane's clock is `clock`, and appends what is wrong to `findings`.
  /// Accesses come in an order that agrees with the program's syncs.
  void read(ByteRange bytes, const Access& access, const Clock& clock,
            std::vector<Finding>& findings);
  /// A write that reads the old bytes as well where `reads_too`.
  void write(ByteRange bytes, const Access& access, bool reads_too, const Clock& clock,
             std::vector<Finding>& findings);
  /// At the end of the run: reads of bytes that nobody ever wrote.
  void finish(std::vector<Finding>& findings) const;
  [[nodiscard]] std::size_t segments() const { return segments_.size(); }

 private:
  struct Segment {
    std::int64_t end = 0;
    bool written = false;
    std::vector<Access> accesses;
  };
  using Segments = std::map<std::int64_t, Segment>;  // by first byte
  /// Calls visit(segment, its bytes) for segments that cover the range exactly, made where needed.
  template <typename Visit>
  void cover(ByteRange bytes, const Visit& visit);
  Segments::iterator split(Segments::iterator at, std::int64_t byte);

  Segments segments_;
};

}  // namespace septran::simulator
