// A program of the simulated accelerator, decoded: what the lowering makes, the encoder writes, the
// loader reads and the simulator executes. The binary form, its fields and widths stand in isa.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "compiler/base/dtype.h"

namespace septran::dsa {

/// An integer register of the sequencer. `core` and `cores` are set by the hardware.
using Register = std::uint16_t;
inline constexpr Register core_register = 0;
inline constexpr Register cores_register = 1;
inline constexpr Register first_free_register = 2;

/// An immediate or a register.
struct Source {
  bool is_register = false;
  std::int64_t value = 0;  // the immediate, or the register's number
  bool operator==(const Source&) const = default;
};

/// constant + sum of register * coefficient, resolved when an instruction issues.
struct Affine {
  struct Term {
    Register reg = 0;
    std::int64_t coefficient = 0;
    bool operator==(const Term&) const = default;
  };
  std::int64_t constant = 0;
  std::vector<Term> terms;
  bool operator==(const Affine&) const = default;
};

enum class MemoryId : std::uint8_t { global = 0, shared = 1, accumulators = 2 };

/// A dimension of a tile: positions start .. start+extent-1, split into digits, the first unbounded
/// and slowest (the same walk as septran::ViewDim and kernels::TileDim).
struct OperandDigit {
  std::int64_t extent = 0;  // ignored for the first digit, otherwise at least 1
  std::int64_t stride_bytes = 0;
  std::int32_t axis = -1;  // index into axes, or -1: no bounds to check
  std::int64_t step = 0;
  bool operator==(const OperandDigit&) const = default;
};
struct OperandDim {
  Affine extent;
  Affine start;
  std::vector<OperandDigit> digits;
  bool operator==(const OperandDim&) const = default;
};
/// Valid coordinates 0 .. extent-1 of a root axis; outside, elements read as zero.
struct OperandAxis {
  Affine base;
  std::int64_t extent = 0;
  bool operator==(const OperandAxis&) const = default;
};
/// A tile in a memory. For `global`, `buffer` indexes the buffer table and the address is relative
/// to that buffer; elsewhere the address counts from the start of the memory.
struct TileOperand {
  MemoryId memory = MemoryId::global;
  std::uint32_t buffer = 0;
  DType storage = DType::f32;
  DType logical = DType::f32;
  Affine address;  // bytes
  std::vector<OperandDim> dims;
  std::vector<OperandAxis> axes;
  bool operator==(const TileOperand&) const = default;
};
/// A floating-point constant.
struct ScalarOperand {
  double value = 0;
  bool operator==(const ScalarOperand&) const = default;
};
/// An integer, e.g. a mask's position.
struct IntegerOperand {
  Affine value;
  bool operator==(const IntegerOperand&) const = default;
};
using Operand = std::variant<TileOperand, ScalarOperand, IntegerOperand>;
/// Index into Program::operands.
using OperandId = std::uint32_t;
inline constexpr OperandId no_operand = 0xfff;

enum class EngineId : std::uint8_t { load = 0, store = 1, mma = 2, vector = 3 };
inline constexpr int engine_count = 4;

struct Halt {
  bool operator==(const Halt&) const = default;
};
/// for reg = begin; reg < end; reg += step: the next `length` instructions. Hardware loop.
struct Loop {
  Register reg = 0;
  Source begin;
  Source end;
  Source step;
  std::uint32_t length = 0;
  bool operator==(const Loop&) const = default;
};
/// Skips the next `length` instructions if the register is zero.
struct Skip {
  Register reg = 0;
  std::uint32_t length = 0;
  bool operator==(const Skip&) const = default;
};
/// less, equal: 1 or 0. Division and remainder round towards minus infinity; divisor > 0.
enum class ScalarOp : std::uint8_t { add, sub, mul, floor_div, mod, min, max, less, equal };
struct Scalar {
  ScalarOp op = ScalarOp::add;
  Register dst = 0;
  Source a;
  Source b;
  bool operator==(const Scalar&) const = default;
};
/// wait, signal: an event counter of this core. arrive: this engine of this core has come to the
/// barrier (when all its earlier operations have finished); await: holds the engine until all
/// cores' `arrivals` of this generation of the barrier have come.
enum class SyncOp : std::uint8_t { wait, signal, arrive, await };
struct Sync {
  SyncOp op = SyncOp::wait;
  EngineId engine = EngineId::load;
  std::uint32_t event = 0;  // event counter, or barrier for arrive and await
  bool operator==(const Sync&) const = default;
};
struct DmaCopy {
  EngineId engine = EngineId::load;
  OperandId dst = 0;
  OperandId src = 0;
  bool operator==(const DmaCopy&) const = default;
};
/// acc = (accumulate ? acc : 0) + factor * op(a) * op(b).
enum class AccumulateMode : std::uint8_t { overwrite, accumulate, if_register };
struct Mma {
  OperandId acc = 0;
  OperandId a = 0;
  OperandId b = 0;
  bool transpose_a = false;
  bool transpose_b = false;
  AccumulateMode mode = AccumulateMode::overwrite;
  Register reg = 0;  // if_register: accumulates where it is not zero
  float factor = 1.0F;
  bool operator==(const Mma&) const = default;
};
/// A primitive on the vector unit. `primitive` is its index in primitives(); program files name
/// it, so that they outlive a change of that table. operands: output, inputs (no_operand where
/// absent), then the values of the attributes that are neither flags nor `axis`, in the table's
/// order (vec_layout() in isa.h lists them; no_operand where absent). flags: see vec_flags in isa.h
/// (bit 0 accumulate, bit 1 tanh approximation, bits 2 and 3 transpose_a and transpose_b); axis:
/// the attribute of that name, or no_axis.
inline constexpr std::uint8_t no_axis = 0xff;
inline constexpr std::size_t max_vec_operands = 6;
struct Vec {
  std::uint8_t primitive = 0;
  std::uint8_t flags = 0;
  std::uint8_t axis = no_axis;
  std::vector<OperandId> operands;  // at most max_vec_operands
  bool operator==(const Vec&) const = default;
};
using InstructionNode = std::variant<Halt, Loop, Skip, Scalar, Sync, DmaCopy, Mma, Vec>;
struct Instruction {
  InstructionNode node;
  /// Index into Program::origins, for reports; 0 is "no place known".
  std::uint32_t origin = 0;
  bool operator==(const Instruction&) const = default;
};

/// A tensor in GLOBAL that the host binds (arguments) or the loader allocates (workspace).
struct GlobalBuffer {
  std::string name;
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;  // row-major, dense
  bool is_input = false;
  bool is_output = false;
  bool operator==(const GlobalBuffer&) const = default;
};
/// A tile buffer on chip, for reports and bounds: where it lies and what it is called.
struct LocalBuffer {
  std::string name;
  MemoryId memory = MemoryId::shared;
  std::int64_t offset_bytes = 0;
  std::int64_t size_bytes = 0;  // all slots
  bool operator==(const LocalBuffer&) const = default;
};
struct EventInfo {
  std::string name;
  std::int64_t credits = 0;  // value at the start
  bool operator==(const EventInfo&) const = default;
};
struct BarrierInfo {
  std::uint32_t arrivals = 1;  // engines of each core that arrive
  bool operator==(const BarrierInfo&) const = default;
};
struct SourceOrigin {
  std::string logic;    // "gemm.py:24"
  std::string mapping;  // "dsa_edge.yaml:18"
  std::string rule;
  bool operator==(const SourceOrigin&) const = default;
};

struct Program {
  std::string name;
  std::string target;
  std::uint64_t target_hash = 0;
  std::vector<GlobalBuffer> globals;
  std::vector<LocalBuffer> locals;
  std::vector<EventInfo> events;
  std::vector<BarrierInfo> barriers;
  std::vector<Operand> operands;
  std::vector<SourceOrigin> origins;  // [0] is empty
  std::vector<Instruction> code;      // the entry is instruction 0; ends with Halt
  bool operator==(const Program&) const = default;
};

}  // namespace septran::dsa
