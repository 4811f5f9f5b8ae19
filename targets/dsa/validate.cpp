// Checks of a program against a machine.
#include "targets/dsa/validate.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/base/messages.h"
#include "targets/dsa/isa.h"
#include "targets/dsa/structure.h"

namespace septran::dsa {
namespace {

__extension__ using Wide = __int128;

/// Decimal text; what does not fit 64 bits is shown as a bound.
std::string wide_text(Wide value) {
  if (value > INT64_MAX) return "beyond 2^63";
  if (value < INT64_MIN) return "below -2^63";
  return fmt::format("{}", static_cast<std::int64_t>(value));
}

struct WideRange {
  Wide low = 0;
  Wide high = 0;
};
WideRange join(const WideRange& a, const WideRange& b) {
  return {std::min(a.low, b.low), std::max(a.high, b.high)};
}
WideRange shift(const WideRange& a, Wide by) { return {a.low + by, a.high + by}; }

Wide inner_positions(std::span<const OperandDigit> digits) {
  Wide product = 1;
  // Saturates: positions are below 2^48, so more makes no difference.
  for (const OperandDigit& digit : digits)
    product = std::min<Wide>(product * digit.extent, 1LL << 62);
  return product;
}

/// Least and greatest of the sum of digit * stride over positions first .. last of digits in mixed
/// radix, the leading one unbounded. One level a digit, and at most one side of it stays partial
/// after the first that splits, so the work is linear in the number of digits.
WideRange digit_range(std::span<const OperandDigit> digits, Wide first, Wide last) {
  const Wide stride = digits[0].stride_bytes;
  const auto rest = digits.subspan(1);
  const Wide size = inner_positions(rest);
  const auto floor_div_wide = [](Wide a, Wide b) { return a / b - (a % b < 0 ? 1 : 0); };
  const Wide low = floor_div_wide(first, size);
  const Wide high = floor_div_wide(last, size);
  if (rest.empty()) {
    return join({low * stride, low * stride}, {high * stride, high * stride});
  }
  if (low == high) {
    return shift(digit_range(rest, first - low * size, last - low * size), low * stride);
  }
  WideRange range = shift(digit_range(rest, first - low * size, size - 1), low * stride);
  range = join(range, shift(digit_range(rest, 0, last - high * size), high * stride));
  if (high - low > 1) {
    const WideRange full = digit_range(rest, 0, size - 1);
    range = join(range, shift(full, (low + 1) * stride));
    range = join(range, shift(full, (high - 1) * stride));
  }
  return range;
}

/// The checks against one machine.
class MachineCheck {
 public:
  MachineCheck(const Program& program, const Machine& machine, const Places& places,
               Diagnostics& diagnostics)
      : program_(program), machine_(machine), places_(places), diagnostics_(diagnostics) {}

  void run() {
    if (program_.target != machine_.name || program_.target_hash != machine_.hash) {
      diagnostics_.report({}, messages::dsa_wrong_target, "the program", program_.target,
                          program_.target_hash, machine_.name, machine_.hash);
    }
    span_ = places_.program;
    check_counts();
    check_memories();
    for (std::size_t i = 0; i < program_.operands.size(); ++i) {
      span_ = i < places_.operands.size() ? places_.operands[i] : Span{};
      check_operand(i);
    }
    for (std::size_t i = 0; i < program_.code.size(); ++i) {
      span_ = i < places_.code.size() ? places_.code[i] : Span{};
      check_instruction(i);
    }
  }

 private:
  void at_most(const std::string& where, std::string_view what, std::int64_t value,
               std::int64_t limit) {
    if (value <= limit) return;
    diagnostics_.report(span_, messages::dsa_exceeds_target, where, what, value, machine_.name,
                        limit);
  }

  void check_counts() {
    const SequencerSpec& spec = machine_.dsa.sequencer;
    const auto count = [](const auto& table) { return static_cast<std::int64_t>(table.size()); };
    at_most("the program", "its number of operands", count(program_.operands), spec.operands);
    at_most("the program", "its number of instructions", count(program_.code), spec.instructions);
    at_most("the program", "its number of event counters", count(program_.events), spec.events);
    for (const EventInfo& event : program_.events) {
      if (event.credits <= spec.event_maximum) continue;
      diagnostics_.report({}, messages::dsa_deep_event, event.name, event.credits, machine_.name,
                          spec.event_maximum);
    }
  }

  [[nodiscard]] std::int64_t memory_bytes(MemoryId memory) const {
    const MemorySpec* spec = machine_.find_memory(abstract_name(memory));
    return spec == nullptr ? 0 : spec->size_bytes;
  }

  void check_memories() {
    Wide total = 0;
    for (const GlobalBuffer& buffer : program_.globals) total += *buffer_bytes(buffer);
    if (total > memory_bytes(MemoryId::global)) {
      outside("the buffer table", 0, total - 1, "GLOBAL", memory_bytes(MemoryId::global));
    }
    for (const LocalBuffer& local : program_.locals) {
      const std::int64_t end = local.offset_bytes + local.size_bytes;
      if (end <= memory_bytes(local.memory)) continue;
      outside(fmt::format("local '{}'", local.name), local.offset_bytes, end - 1,
              abstract_name(local.memory), memory_bytes(local.memory));
    }
  }

  void outside(const std::string& where, Wide first, Wide last, std::string_view memory,
               std::int64_t bytes) {
    diagnostics_.report(span_, messages::dsa_outside_memory, where, wide_text(first),
                        wide_text(last), memory, bytes);
  }

  void check_register(const std::string& where, std::int64_t reg) {
    at_most(where, "the number of a register", reg, machine_.dsa.sequencer.registers - 1);
  }
  void check_registers(const std::string& where, const Affine& affine) {
    for (const Affine::Term& term : affine.terms) check_register(where, term.reg);
  }

  void check_operand(std::size_t index) {
    const std::string where = fmt::format("operand o{}", index);
    if (const auto* integer = std::get_if<IntegerOperand>(&program_.operands[index])) {
      check_registers(where, integer->value);
    }
    const auto* tile = std::get_if<TileOperand>(&program_.operands[index]);
    if (tile == nullptr) return;
    check_registers(where, tile->address);
    for (const OperandDim& dim : tile->dims) {
      check_registers(where, dim.extent);
      check_registers(where, dim.start);
    }
    for (const OperandAxis& axis : tile->axes) check_registers(where, axis.base);
    const auto range = tile->axes.empty() ? constant_byte_range(*tile) : std::nullopt;
    if (!range) return;
    const bool is_global = tile->memory == MemoryId::global;
    const std::int64_t bytes =
        is_global ? *buffer_bytes(program_.globals[tile->buffer]) : memory_bytes(tile->memory);
    if (range->first >= 0 && range->last < bytes) return;
    outside(where, range->first, range->last,
            is_global ? fmt::format("buffer '{}'", program_.globals[tile->buffer].name)
                      : std::string(abstract_name(tile->memory)),
            bytes);
  }

  void check_instruction(std::size_t index) {
    const InstructionNode& node = program_.code[index].node;
    here_ = instruction_place(index, node);
    while (!loop_ends_.empty() && loop_ends_.back() <= index) loop_ends_.pop_back();
    const FieldValues fields = to_fields(node);
    const auto used = info(fields.opcode).used_fields();
    for (std::size_t i = 0; i < used.size(); ++i) {
      const bool is_register = used[i].kind == FieldKind::reg ||
                               (used[i].kind == FieldKind::source && fields.values[i].is_register);
      if (is_register) check_register(here_, fields.values[i].value);
    }
    if (const auto* loop = std::get_if<Loop>(&node)) {
      loop_ends_.push_back(index + 1 + loop->length);
      at_most(here_, "its loop depth", static_cast<std::int64_t>(loop_ends_.size()),
              machine_.dsa.sequencer.loop_depth);
    } else if (const auto* copy = std::get_if<DmaCopy>(&node)) {
      check_copy(*copy);
    } else if (const auto* mma = std::get_if<Mma>(&node)) {
      const std::vector<OperandId> operands{mma->acc, mma->a, mma->b};
      check_reach("gemm", EngineId::mma, operands);
    } else if (const auto* vec = std::get_if<Vec>(&node)) {
      const Primitive& primitive = primitives()[vec->primitive];
      std::vector<OperandId> operands = vec->operands;
      operands.resize(primitive.operands.size());
      check_reach(primitive.name, EngineId::vector, operands);
    }
  }

  [[nodiscard]] std::string_view memory_of(OperandId id) const {
    return abstract_name(std::get<TileOperand>(program_.operands[id]).memory);
  }

  void check_copy(const DmaCopy& copy) {
    const std::string_view from = memory_of(copy.src);
    const std::string_view to = memory_of(copy.dst);
    const bool exists =
        std::any_of(machine_.paths.begin(), machine_.paths.end(), [&](const PathSpec& path) {
          return path.from == from && path.to == to && path.engine == name(copy.engine);
        });
    if (exists) return;
    diagnostics_.report(span_, messages::dsa_no_path, here_, name(copy.engine), from, to,
                        machine_.name);
  }

  /// Some implementation of the primitive on the engine takes the operand where it lies.
  [[nodiscard]] bool reaches(const std::string& primitive, EngineId engine, std::size_t operand,
                             std::string_view memory) const {
    for (const ImplementationSpec& spec : machine_.implementations) {
      const auto has = [](const std::vector<std::string>& list, std::string_view item) {
        return std::find(list.begin(), list.end(), item) != list.end();
      };
      if (spec.engine != name(engine)) continue;
      if (!has(spec.primitives, primitive) && !has(spec.primitives, "*")) continue;
      if (spec.operand_memories.empty()) return true;
      const std::size_t row = std::min(operand, spec.operand_memories.size() - 1);
      if (has(spec.operand_memories[row], memory)) return true;
    }
    return false;
  }

  void check_reach(const std::string& primitive, EngineId engine,
                   const std::vector<OperandId>& operands) {
    for (std::size_t i = 0; i < operands.size(); ++i) {
      const OperandId id = operands[i];
      if (id == no_operand || !std::holds_alternative<TileOperand>(program_.operands[id])) continue;
      if (reaches(primitive, engine, i, memory_of(id))) continue;
      diagnostics_.report(span_, messages::dsa_unreachable_operand, here_, fmt::format("o{}", id),
                          memory_of(id), name(engine), machine_.name, primitive);
    }
  }

  const Program& program_;
  const Machine& machine_;
  const Places& places_;
  Diagnostics& diagnostics_;
  Span span_;
  std::string here_;
  std::vector<std::size_t> loop_ends_;
};

}  // namespace

std::optional<ByteRange> constant_byte_range(const TileOperand& tile) {
  if (!tile.address.terms.empty()) return std::nullopt;
  WideRange range{tile.address.constant, tile.address.constant};
  for (const OperandDim& dim : tile.dims) {
    if (!dim.extent.terms.empty() || !dim.start.terms.empty()) return std::nullopt;
    if (dim.extent.constant < 1) return std::nullopt;
    const Wide first = dim.start.constant;
    const WideRange bytes = digit_range(dim.digits, first, first + dim.extent.constant - 1);
    range.low += bytes.low;
    range.high += bytes.high;
  }
  return ByteRange{range.low,
                   range.high + static_cast<Wide>(septran::size_bytes(tile.storage)) - 1};
}

bool validate(const Program& program, const Machine& machine, Diagnostics& diagnostics,
              const Places& places) {
  const std::size_t before = diagnostics.error_count();
  if (!check_structure(program, {}, diagnostics)) return false;
  MachineCheck(program, machine, places, diagnostics).run();
  return diagnostics.error_count() == before;
}

}  // namespace septran::dsa
