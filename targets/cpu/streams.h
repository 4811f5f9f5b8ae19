// What of a program's data is too large for the caches, and how it goes by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compiler/tile/program.h"
#include "targets/machine.h"

namespace septran::cpu {

/// Where an operand's tile lies in the next trip of the loop around it. Several operations may read
/// it in one trip: each fetches its share of the columns, from `begin` to `end` of all of them
/// being 1024, by how much there is to do until the next one.
struct NextTrip {
  static constexpr std::int64_t all = 1024;
  std::int64_t elements = 0;  // further on, for each step of the loop's variable
  int workers = 0;            // of a loop that is dealt out; steps are as many as take part
  std::int64_t begin = 0;
  std::int64_t end = all;
};

class Streams {
 public:
  Streams(const tile::Program& program, const Machine& machine);

  /// Whether a tensor is only written and larger than all caches: its values need not stay there.
  [[nodiscard]] bool is_far(tile::TensorId id) const { return far_.contains(id.value); }
  /// Whether it would be so but for some operations, so many operands of them, that read it.
  [[nodiscard]] bool is_far_but_for(tile::TensorId id, std::size_t uses) const {
    return large_.contains(id.value) && uses_.at(id.value) == uses;
  }
  [[nodiscard]] bool any_far() const { return !large_.empty(); }
  /// For an operand that reads its part of an input larger than a core's own cache: where the next
  /// trip will read. The processor can fetch it meanwhile.
  [[nodiscard]] std::optional<NextTrip> next(const tile::Vec& vec, std::size_t operand) const;
  /// What a call reads is there when it is needed: nobody fetches it a trip ahead from now on.
  void fetches_no_more(const tile::Vec& vec);
  /// How many operands of the program's operations are tiles of a buffer; SIZE_MAX for other
  /// tensors, which others may see.
  [[nodiscard]] std::size_t uses(tile::TensorId id) const;

 private:
  struct Around {  // a loop
    VarId var;
    int workers = 0;
  };
  struct Reader {
    const tile::Vec* vec = nullptr;
    std::size_t operand = 0;
    VarId loop;
    double work = 0;        // done when it starts
    std::string key_ahead;  // of what it reads in the next trip
  };
  [[nodiscard]] bool is_read_ahead(const Reader& reader) const;
  [[nodiscard]] bool is_simple(const std::vector<Reader>& readers) const;
  void walk(const tile::Block& block, std::vector<Around>& loops);
  void share(const std::vector<Reader>& readers);
  void look(const tile::Vec& vec, const std::vector<Around>& loops);
  [[nodiscard]] Expr expanded(const Expr& e) const;
  [[nodiscard]] std::int64_t bytes(const tile::Tensor& tensor) const;

  const tile::Program& program_;
  std::int64_t own_cache_bytes_ = 0;
  std::set<std::uint32_t> large_;  // results
  std::set<std::uint32_t> far_;    // those of them that nothing reads
  std::map<std::uint32_t, std::size_t> uses_;
  std::map<std::pair<const tile::Vec*, std::size_t>, NextTrip> next_;
  std::map<std::string, std::vector<Reader>> readers_;  // by tensor and place
  std::map<VarId, double> work_after_;                  // a loop's trip
  std::vector<double> far_stores_;                      // work done before each
  double work_ = 0;                                     // of a trip of all loops, so far
};

}  // namespace septran::cpu
