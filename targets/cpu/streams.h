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

/// Where an operand's tile lies in the next trip of the loop around it.
struct NextTrip {
  std::int64_t elements = 0;  // further on, for each step of the loop's variable
  int workers = 0;            // of a loop that is dealt out; steps are as many as take part
};

class Streams {
 public:
  Streams(const tile::Program& program, const Machine& machine);

  /// Whether a tensor is only written and larger than all caches: its values need not stay there.
  [[nodiscard]] bool is_far(tile::TensorId id) const { return far_.contains(id.value); }
  [[nodiscard]] bool any_far() const { return !far_.empty(); }
  /// For an operand that is the last in a trip to read its part of a tensor larger than a core's
  /// own cache: where the next trip will read. The processor can fetch it meanwhile.
  [[nodiscard]] std::optional<NextTrip> next(const tile::Vec& vec, std::size_t operand) const;

 private:
  struct Around {  // a loop
    VarId var;
    int workers = 0;
  };
  void walk(const tile::Block& block, std::vector<Around>& loops);
  void look(const tile::Vec& vec, const std::vector<Around>& loops);
  [[nodiscard]] Expr expanded(const Expr& e) const;
  [[nodiscard]] std::int64_t bytes(const tile::Tensor& tensor) const;

  const tile::Program& program_;
  std::int64_t own_cache_bytes_ = 0;
  std::set<std::uint32_t> far_;
  using Reader = std::pair<const tile::Vec*, std::size_t>;
  std::map<Reader, NextTrip> next_;
  std::map<std::string, Reader> last_;  // by tensor and place
};

}  // namespace septran::cpu
