// From an operand of the program to a tile with every number known, checked against its memory.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "compiler/kernels/kernels.h"
#include "compiler/primitives/primitives.h"
#include "simulator/simulator.h"
#include "targets/dsa/program.h"
#include "targets/machine.h"

namespace septran::simulator {

/// A tile whose elements all lie in its memory. `tile.data` is null: where the memory is kept is
/// for the values alone.
struct ResolvedTile {
  dsa::MemoryId memory = dsa::MemoryId::global;
  std::uint32_t buffer = 0;
  std::int64_t address = 0;  // in the memory, of position 0 of every digit; may lie outside
  std::int64_t low = 0;      // the touched bytes lie in low .. high-1
  std::int64_t high = 0;
  std::int64_t elements = 0;
  kernels::Tile tile;
  [[nodiscard]] std::int64_t bytes() const {
    return elements * static_cast<std::int64_t>(size_bytes(tile.storage));
  }
  [[nodiscard]] bool overlaps(const ResolvedTile& other) const {
    return memory == other.memory && low < other.high && other.low < high;
  }
};

struct DmaWork {
  ResolvedTile dst;
  ResolvedTile src;
};
struct MmaWork {
  ResolvedTile acc;
  ResolvedTile a;
  ResolvedTile b;
  bool transpose_a = false;
  bool transpose_b = false;
  bool accumulate = false;
  double factor = 1;
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
  double macs_per_pe = 1;
};
struct VecWork {
  const Primitive* primitive = nullptr;
  std::vector<std::variant<std::monostate, ResolvedTile, double>> operands;
  Attributes attributes;
  bool reads_output = false;
  std::int64_t elements = 0;  // points of the iteration space
};

/// What is wrong, in words; empty: nothing.
using Fault = std::string;

/// Whether all numbers of the program name things that exist (registers, operands, events, ...) on
/// this machine, so that executing it needs no further check but of addresses and shapes. Sets
/// `instruction` to the one at fault, if it is one.
Fault check_program(const dsa::Program& program, const Machine& machine,
                    std::optional<std::uint32_t>& instruction);

/// Where each buffer lies in GLOBAL: in the table's order, each aligned as the description says,
/// from 0. The addresses decide channels, banks and rows, so they do not depend on the host.
struct GlobalLayout {
  std::vector<std::int64_t> address;
  std::vector<std::int64_t> size_bytes;
};
/// Nothing if they do not fit the machine's GLOBAL.
std::optional<GlobalLayout> layout_globals(const dsa::Program& program, const Machine& machine);

/// Resolves the operands of instructions. Register values are those of one core.
class Resolver {
 public:
  Resolver(const dsa::Program& program, const Machine& machine, const GlobalLayout& layout);

  Fault resolve(const dsa::DmaCopy& copy, std::span<const std::int64_t> registers, DmaWork& work);
  Fault resolve(const dsa::Mma& mma, std::span<const std::int64_t> registers, MmaWork& work);
  /// `instruction` is the number of the instruction: the shapes of a primitive's operands are
  /// checked anew only where they differ from its last execution's.
  Fault resolve(const dsa::Vec& vec, std::uint32_t instruction,
                std::span<const std::int64_t> registers, VecWork& work);

 private:
  struct CheckedShape {
    std::vector<std::int64_t> key;
    std::int64_t elements = 0;
  };
  Fault tile(dsa::OperandId id, std::span<const std::int64_t> registers, ResolvedTile& out) const;
  Fault build(const dsa::TileOperand& operand, std::span<const std::int64_t> registers,
              ResolvedTile& out) const;
  Fault place(const dsa::TileOperand& operand, ResolvedTile& out) const;
  Fault attribute(const AttributeSpec& spec, dsa::OperandId id,
                  std::span<const std::int64_t> registers, Attributes& attributes) const;
  Fault check_shapes(std::uint32_t instruction, VecWork& work);

  const dsa::Program& program_;
  const Machine& machine_;
  const GlobalLayout& layout_;
  std::int64_t largest_memory_ = 0;
  std::vector<CheckedShape> checked_;  // by instruction
};

/// Name of a memory as descriptions and reports spell it.
[[nodiscard]] std::string memory_name(dsa::MemoryId memory);

}  // namespace septran::simulator
