// The tables of a program while it is lowered: buffers, operands, origins, barriers.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "compiler/tile/program.h"
#include "targets/dsa/lower/values.h"
#include "targets/dsa/program.h"

namespace septran::dsa {

/// Bytes of that many slots of a ring.
std::int64_t slots_bytes(const tile::Tensor& tensor, int slots);

class Tables {
 public:
  /// `cores`: how many copies temporaries in GLOBAL need that each core has for itself.
  /// `in_step`: rings that move on together share a register.
  Tables(const tile::Program& program, int cores, bool in_step, Values& values, Program& out);

  /// The operand that shows a tile as it is when an instruction issues; or why there is none, in
  /// `fault`.
  std::optional<OperandId> tile(const tile::TileRef& ref, std::string& fault);
  OperandId scalar(double value) { return add(ScalarOperand{value}); }
  OperandId integer(const Expr& value) { return add(IntegerOperand{values_.affine(value)}); }

  std::uint32_t origin(const tile::Origin& origin);
  /// Where the row of an origin points in the sources.
  [[nodiscard]] Span place_of(std::uint32_t origin) const { return places_.at(origin); }
  /// Barriers between the same engines share a row.
  std::uint32_t barrier(const std::vector<std::string>& arrive,
                        const std::vector<std::string>& await);
  /// The registers that move on when this ring does, by `step` and back to 0 at `end`: one for each
  /// age that an operand has.
  struct Slots {
    std::vector<Register> registers;
    std::int64_t step = 0;
    std::int64_t end = 0;
  };
  [[nodiscard]] Slots moved_by(tile::TensorId id) const;
  /// On-chip buffers, in the order of the tile program's tensors; call it last.
  void add_locals();

 private:
  OperandId add(Operand operand);
  std::optional<std::uint32_t> global_buffer(tile::TensorId id, std::string& fault);
  bool place(const tile::TileRef& ref, TileOperand& out, std::string& fault);
  void add_slot(tile::TensorId id, int age);
  [[nodiscard]] bool is_shared(tile::TensorId id) const;
  [[nodiscard]] std::vector<std::int64_t> extents(const tile::Tensor& tensor) const;
  [[nodiscard]] std::vector<std::int64_t> strides(const tile::Tensor& tensor) const;
  void scan(const tile::Block& block, bool in_share);

  const tile::Program& program_;
  int cores_;
  Values& values_;
  Program& out_;
  std::map<std::string, OperandId> operand_ids_;  // by text
  std::map<std::array<std::string, 3>, std::uint32_t> origins_;
  std::map<tile::TensorId, std::uint32_t> globals_;
  std::set<tile::TensorId> per_core_;  // temporaries in GLOBAL of a worker's share
  std::vector<Span> places_;           // of origins
  std::map<tile::TensorId, std::map<int, Register>> slots_;  // by age
  std::map<tile::TensorId, tile::TensorId> leaders_;         // of rings in step
  std::map<tile::TensorId, int> followers_;                  // how many rings a leader has
  std::map<std::pair<std::vector<std::string>, std::vector<std::string>>, std::uint32_t> barriers_;
};

}  // namespace septran::dsa
