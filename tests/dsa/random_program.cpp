#include "tests/dsa/random_program.h"

#include <bit>
#include <limits>
#include <random>

#include "compiler/base/diagnostic.h"
#include "targets/dsa/isa.h"

namespace septran::dsa {
namespace {

class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}

  Program run() {
    program_.name = name();
    program_.target = name();
    program_.target_hash = random_() * std::uint64_t{0x9e3779b97f4a7c15};
    tables();
    block(40, 0);
    program_.code.push_back({Halt{}, origin()});
    return std::move(program_);
  }

 private:
  std::int64_t pick(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }
  bool chance(int percent) { return pick(1, 100) <= percent; }

  std::string name() {
    std::string text;
    for (std::int64_t i = pick(0, 12); i > 0; --i) text += static_cast<char>(pick(1, 255));
    return chance(50) ? text : "plain \"quoted\\\" # name";
  }
  std::uint32_t origin() {
    return static_cast<std::uint32_t>(pick(0, std::ssize(program_.origins) - 1));
  }
  DType dtype() { return static_cast<DType>(pick(0, std::ssize(all_dtypes()) - 1)); }
  Register reg() { return static_cast<Register>(pick(0, max_register)); }
  std::int64_t magnitude() {
    return chance(50) ? pick(-9, 9) : pick(-max_magnitude, max_magnitude);
  }

  Affine affine() {
    Affine sum{magnitude(), {}};
    for (std::int64_t i = pick(-2, 3); i > 0; --i) sum.terms.push_back({reg(), magnitude()});
    return sum;
  }
  double number() {
    if (chance(10)) return std::bit_cast<double>(0x7ff8000000000123);
    if (chance(10)) return -std::numeric_limits<double>::infinity();
    return std::bit_cast<double>(random_() & 0xffefffffffffffff);
  }

  TileOperand tile(std::size_t rank, bool free_form) {
    TileOperand t;
    t.memory = static_cast<MemoryId>(pick(0, memory_count - 1));
    if (t.memory == MemoryId::global) {
      t.buffer = static_cast<std::uint32_t>(pick(0, std::ssize(program_.globals) - 1));
    }
    t.storage = dtype();
    t.logical = chance(70) ? t.storage : dtype();
    t.address = affine();
    const bool has_axes = free_form && chance(50);
    if (has_axes) {
      for (std::int64_t i = pick(1, 3); i > 0; --i) t.axes.push_back({affine(), pick(0, 500)});
    }
    for (std::size_t d = 0; d < rank; ++d) {
      OperandDim dim{Affine{16, {}}, Affine{}, {}};
      if (free_form && chance(50)) dim.start = affine();
      if (free_form && chance(50)) dim.extent = {magnitude(), {{reg(), pick(1, 99)}}};
      for (std::int64_t i = pick(1, free_form ? 3 : 1); i > 0; --i) {
        OperandDigit digit{pick(1, 99), magnitude(), -1, 0};
        if (has_axes) digit.axis = static_cast<std::int32_t>(pick(-1, std::ssize(t.axes) - 1));
        if (chance(50)) digit.step = magnitude();
        if (dim.digits.empty() && chance(50)) digit.extent = 0;
        dim.digits.push_back(digit);
      }
      t.dims.push_back(std::move(dim));
    }
    return t;
  }

  OperandId add(Operand operand) {
    program_.operands.push_back(std::move(operand));
    return static_cast<OperandId>(program_.operands.size() - 1);
  }

  void tables() {
    program_.origins.push_back({});
    for (int i = 0; i < 5; ++i) program_.origins.push_back({name(), name(), name()});
    for (int i = 0; i < 4; ++i) {
      GlobalBuffer buffer{name(), dtype(), {}, chance(50), chance(50)};
      for (std::int64_t d = pick(0, 3); d > 0; --d) buffer.shape.push_back(pick(1, 4096));
      program_.globals.push_back(std::move(buffer));
    }
    for (int i = 0; i < 3; ++i) {
      program_.locals.push_back(
          {name(), static_cast<MemoryId>(pick(1, 2)), pick(0, 1 << 20), pick(0, 1 << 20)});
    }
    for (int i = 0; i < 6; ++i) program_.events.push_back({name(), pick(0, 99)});
    for (int i = 0; i < 2; ++i) {
      program_.barriers.push_back({static_cast<std::uint32_t>(pick(1, engine_count))});
    }
    for (int i = 0; i < 5; ++i) add(ScalarOperand{number()});
    for (int i = 0; i < 5; ++i) add(IntegerOperand{affine()});
    for (int i = 0; i < 3; ++i) any_tiles_.push_back(add(tile(2, true)));
    for (int i = 0; i < 4; ++i) matrices_.push_back(add(tile(2, false)));
    for (int i = 0; i < 2; ++i) rows_.push_back(add(tile(1, false)));
    TileOperand bytes = tile(2, false);
    bytes.storage = bytes.logical = DType::i8;
    bytes_ = add(bytes);
    eight_ = add(IntegerOperand{{8, {}}});
    half_ = add(ScalarOperand{0.5});
  }

  OperandId one_of(const std::vector<OperandId>& ids) {
    return ids[static_cast<std::size_t>(pick(0, std::ssize(ids) - 1))];
  }

  Source source(const Field& field, std::int64_t low) {
    if (chance(40)) return {true, reg()};
    const std::int64_t limit = std::int64_t{1} << (field.width - 2);
    const std::int64_t high = std::min(limit - 1, max_magnitude);
    return {false, chance(50) ? pick(low, 99) : pick(std::max(low, -limit), high)};
  }

  /// A register that no loop around writes to.
  Register writable(int depth) { return static_cast<Register>(pick(100 + depth, max_register)); }

  void block(std::int64_t count, int depth) {
    while (count-- > 0) {
      const std::size_t at = program_.code.size();
      const std::int64_t choice = pick(0, 9);
      if (choice <= 2 && depth < 6) {
        program_.code.push_back({Halt{}, origin()});
        block(pick(1, 5), depth + 1);
        const auto length = static_cast<std::uint32_t>(program_.code.size() - at - 1);
        if (choice == 0) {
          program_.code[at].node = Skip{reg(), length};
        } else {
          program_.code[at].node = Loop{static_cast<Register>(first_free_register + depth),
                                        source(field(Opcode::loop, loop_begin_field), -99),
                                        source(field(Opcode::loop, loop_end_field), -99),
                                        source(field(Opcode::loop, loop_step_field), 1), length};
        }
      } else {
        program_.code.push_back({instruction(choice, depth), origin()});
      }
    }
  }

  InstructionNode instruction(std::int64_t choice, int depth) {
    switch (choice) {
      case 3:
      case 4:
        return sync();
      case 5:
      case 6:
        return DmaCopy{engine(), one_of(matrices_), one_of(chance(50) ? any_tiles_ : matrices_)};
      case 7: {
        Mma mma{one_of(matrices_),
                one_of(matrices_),
                one_of(matrices_),
                chance(50),
                chance(50),
                static_cast<AccumulateMode>(pick(0, 2)),
                0,
                std::bit_cast<float>(static_cast<std::uint32_t>(random_()))};
        if (mma.mode == AccumulateMode::if_register) mma.reg = reg();
        return mma;
      }
      case 8:
      case 9:
        return vec();
      default:
        return Scalar{static_cast<ScalarOp>(pick(0, 8)), writable(depth),
                      source(field(Opcode::scalar, scalar_a_field), -99),
                      source(field(Opcode::scalar, scalar_b_field), 1)};
    }
  }
  EngineId engine() { return static_cast<EngineId>(pick(0, engine_count - 1)); }
  Sync sync() {
    const auto op = static_cast<SyncOp>(pick(0, 3));
    const bool is_event = op == SyncOp::wait || op == SyncOp::signal;
    return {op, engine(), static_cast<std::uint32_t>(pick(0, is_event ? 5 : 1))};
  }

  Vec vec() {
    Vec vec;
    vec.primitive = static_cast<std::uint8_t>(pick(0, std::ssize(primitives()) - 1));
    const Primitive& primitive = primitives()[vec.primitive];
    for (std::size_t i = 0; i < vec_flags.size(); ++i) {
      const bool is_known = primitive.find_attribute(vec_flags[i].attribute) != nullptr;
      if (is_known && chance(50)) vec.flags = static_cast<std::uint8_t>(vec.flags | 1U << i);
    }
    const AttributeSpec* axis = primitive.find_attribute("axis");
    if (axis != nullptr && !axis->optional) vec.axis = static_cast<std::uint8_t>(pick(0, 1));
    const VecLayout layout = vec_layout(primitive);
    for (std::size_t i = 0; i < layout.tensors; ++i) {
      const OperandSpec& spec = primitive.operands[i];
      if (spec.optional && chance(50)) {
        vec.operands.push_back(no_operand);
      } else if (spec.scalar_allowed) {
        vec.operands.push_back(half_);
      } else if (spec.only_dtype) {
        vec.operands.push_back(bytes_);
      } else {
        const bool is_reduced = primitive.kind == PrimitiveKind::reduction && i == 0;
        vec.operands.push_back(one_of(is_reduced ? rows_ : matrices_));
      }
    }
    for (const AttributeSpec* spec : layout.attributes) {
      if (spec->optional) {
        vec.operands.push_back(no_operand);
      } else {
        vec.operands.push_back(spec->kind == AttributeKind::floating ? half_ : eight_);
      }
    }
    return vec;
  }

  std::mt19937_64 random_;
  Program program_;
  std::vector<OperandId> any_tiles_, matrices_, rows_;
  OperandId bytes_ = 0;
  OperandId eight_ = 0;
  OperandId half_ = 0;
};

}  // namespace

Program random_program(std::uint32_t seed) { return Generator(seed).run(); }

}  // namespace septran::dsa
