// The instruction set of the simulated accelerator: one table of opcodes, fields and bit widths of
// the 128-bit instruction word. Encoder, decoder, assembler, disassembler, validity checks and the
// reference page docs/isa.md are made from it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/primitives/primitives.h"
#include "targets/dsa/program.h"

namespace septran::dsa {

/// Version of the program file and of the words in it.
inline constexpr std::uint32_t format_version = 1;

enum class Opcode : std::uint8_t { halt, loop, skip, scalar, sync, dma_copy, mma, vec };
inline constexpr std::size_t opcode_count = 8;
inline constexpr int opcode_bits = 4;
inline constexpr int word_bits = 128;

/// What the bits of a field mean, and so how they are written in assembly.
enum class FieldKind : std::uint8_t {
  reg,            // register: r7
  source,         // lowest bit: is it a register; the others: a register, or a signed immediate
  length,         // number of instructions that follow
  engine,         // EngineId
  scalar_op,      // ScalarOp
  sync_op,        // SyncOp
  mode,           // AccumulateMode
  event,          // event counter, or barrier for arrive and await: e3, b0
  operand,        // index into the operand table: o12; all ones: no operand, written _
  operand_count,  // number of entries of the list that follows; not written
  list_operand,   // entry of a list, as `operand`; 0 beyond the list
  flag,           // one bit, written as its name or not at all
  vec_flags,      // set of VecFlag
  axis,           // 0 or more; all ones: none
  primitive,      // index into the file's table of primitive names
  float32         // IEEE single
};

struct Field {
  const char* name = "";
  /// What stands before the value in assembly; blanks in it are optional when read.
  const char* spelling = "";
  FieldKind kind = FieldKind::reg;
  int offset = 0;  // of the lowest bit; bits 0 .. 3 of every word are the opcode
  int width = 0;
  const char* doc = "";
  /// Left out of assembly where the bits have the value `absent`.
  bool optional = false;
  std::int64_t absent = 0;
};

inline constexpr std::size_t max_fields = 10;
struct OpcodeInfo {
  Opcode opcode = Opcode::halt;
  const char* name = "";
  const char* doc = "";
  std::size_t field_count = 0;
  std::array<Field, max_fields> fields{};
  [[nodiscard]] constexpr std::span<const Field> used_fields() const {
    return {fields.data(), field_count};
  }
};

// clang-format off
inline constexpr std::array<OpcodeInfo, opcode_count> opcodes{{
    {Opcode::halt, "halt", "Ends the program: the last instruction, and only that.", 0, {}},
    {Opcode::loop, "loop",
     "Hardware loop over the next `length` instructions: reg = begin; while reg < end: body, reg += "
     "step. begin, end and step are read once, at the start; step > 0. The body does not write reg.",
     5,
     {{{"reg", " ", FieldKind::reg, 4, 10, "loop variable"},
       {"begin", " = ", FieldKind::source, 14, 31, "first value"},
       {"end", " .. ", FieldKind::source, 45, 31, "the loop runs below it"},
       {"step", " step ", FieldKind::source, 76, 31, "added after each trip"},
       {"length", " length ", FieldKind::length, 107, 20, "instructions in the body, at least 1"}}}},
    {Opcode::skip, "skip",
     "Skips the next `length` instructions if the register is zero. Forward only, within its block.",
     2,
     {{{"reg", " ", FieldKind::reg, 4, 10, "condition"},
       {"length", " length ", FieldKind::length, 14, 20, "instructions skipped, at least 1"}}}},
    {Opcode::scalar, "scalar",
     "dst = a op b on 64-bit integers, in the sequencer. floor_div and mod round towards minus "
     "infinity and trap on a divisor below 1; less and equal give 1 or 0; results wrap.",
     4,
     {{{"op", ".", FieldKind::scalar_op, 4, 4, "operation"},
       {"dst", " ", FieldKind::reg, 8, 10, "result; neither core nor cores"},
       {"a", " = ", FieldKind::source, 18, 49, "left operand"},
       {"b", ", ", FieldKind::source, 67, 49, "right operand"}}}},
    {Opcode::sync, "sync",
     "Orders engines. wait holds the engine until the event counter is positive and takes one; "
     "signal adds one when all earlier operations of the engine have finished; arrive joins a "
     "barrier likewise; await holds the engine until all arrivals of all cores have come.",
     3,
     {{{"op", ".", FieldKind::sync_op, 4, 2, "operation"},
       {"engine", " ", FieldKind::engine, 6, 2, "engine that executes it"},
       {"event", " ", FieldKind::event, 8, 12, "event counter (wait, signal) or barrier (arrive, await)"}}}},
    {Opcode::dma_copy, "dma_copy",
     "dst = src, element for element, converted to dst's element type; extents agree. Elements of "
     "src outside its axes read as zero.",
     3,
     {{{"engine", " ", FieldKind::engine, 4, 2, "engine that executes it"},
       {"dst", " ", FieldKind::operand, 6, 12, "destination tile"},
       {"src", ", ", FieldKind::operand, 18, 12, "source tile"}}}},
    {Opcode::mma, "mma",
     "acc = (accumulate ? acc : 0) + factor * op(a) * op(b), on the matrix engine.",
     8,
     {{{"acc", " ", FieldKind::operand, 4, 12, "m x n accumulator tile"},
       {"a", ", ", FieldKind::operand, 16, 12, "m x k tile (k x m transposed)"},
       {"b", ", ", FieldKind::operand, 28, 12, "k x n tile (n x k transposed)"},
       {"transpose_a", " transpose_a", FieldKind::flag, 40, 1, "a is transposed", true, 0},
       {"transpose_b", " transpose_b", FieldKind::flag, 41, 1, "b is transposed", true, 0},
       {"mode", " ", FieldKind::mode, 42, 2, "accumulate_when: if the register is not zero"},
       {"reg", " ", FieldKind::reg, 44, 10, "condition of accumulate_when, else 0", true, 0},
       {"factor", " factor ", FieldKind::float32, 54, 32, "factor of the product", true, 0x3f800000}}}},
    {Opcode::vec, "vec",
     "A primitive on the vector engine; what each computes stands in the table of primitives. "
     "Operands: output, inputs, then the attributes that are neither flags nor the axis.",
     10,
     {{{"primitive", ".", FieldKind::primitive, 4, 8, "index into the file's primitive names"},
       {"flags", " flags ", FieldKind::vec_flags, 12, 4, "flags, joined by |", true, 0},
       {"axis", " axis ", FieldKind::axis, 16, 8, "attribute `axis`", true, no_axis},
       {"count", "", FieldKind::operand_count, 24, 3, "number of operands"},
       {"operand0", " ", FieldKind::list_operand, 27, 12, "output"},
       {"operand1", ", ", FieldKind::list_operand, 39, 12, "input or attribute", true, 0},
       {"operand2", ", ", FieldKind::list_operand, 51, 12, "input or attribute", true, 0},
       {"operand3", ", ", FieldKind::list_operand, 63, 12, "input or attribute", true, 0},
       {"operand4", ", ", FieldKind::list_operand, 75, 12, "input or attribute", true, 0},
       {"operand5", ", ", FieldKind::list_operand, 87, 12, "input or attribute", true, 0}}}},
}};
// clang-format on

/// Every opcode in its row and encodable, fields of one opcode within the word and apart from each
/// other and from the opcode.
constexpr bool opcodes_are_sound() {
  if (opcodes.size() > (std::size_t{1} << opcode_bits)) return false;
  for (std::size_t i = 0; i < opcodes.size(); ++i) {
    if (static_cast<std::size_t>(opcodes[i].opcode) != i) return false;
    if (opcodes[i].field_count > max_fields) return false;
    std::array<bool, word_bits> used{};
    for (const Field& field : opcodes[i].used_fields()) {
      if (field.width < 1 || field.width > 64) return false;
      if (field.offset < opcode_bits || field.offset + field.width > word_bits) return false;
      for (int bit = field.offset; bit < field.offset + field.width; ++bit) {
        if (used[static_cast<std::size_t>(bit)]) return false;
        used[static_cast<std::size_t>(bit)] = true;
      }
    }
  }
  return true;
}
static_assert(opcodes_are_sound());

constexpr const OpcodeInfo& info(Opcode opcode) {
  return opcodes[static_cast<std::size_t>(opcode)];
}
constexpr const Field& field(Opcode opcode, std::size_t index) {
  return info(opcode).fields.at(index);
}

/// Limits of the format itself; a machine's own are narrower (Machine::dsa.sequencer).
inline constexpr std::int64_t max_register = 1023;
inline constexpr std::int64_t max_operands = 4095;
inline constexpr std::int64_t max_events = 4096;
inline constexpr std::int64_t max_code = 1 << 20;
inline constexpr std::int64_t max_table = 1 << 16;  // globals, locals, barriers
inline constexpr std::int64_t max_origins = 1 << 20;
inline constexpr std::int64_t max_name_bytes = 4096;
inline constexpr std::int64_t max_rank = 16;  // dimensions, digits of one, axes, shapes
inline constexpr std::int64_t max_affine_terms = 64;
inline constexpr std::int64_t max_nesting = 256;  // of loops and skips
/// Largest magnitude of a number in the tables: sums of products of two stay below 2^63 where
/// registers do too.
inline constexpr std::int64_t max_magnitude = std::int64_t{1} << 46;
static_assert(max_register < (1 << 10) && max_operands == no_operand && max_events == 1 << 12 &&
              max_code == 1 << 20);

/// Whether the encoding of a source field holds an immediate (registers always fit).
bool immediate_fits(const Field& source_field, std::int64_t value);
inline constexpr std::size_t loop_begin_field = 1;
inline constexpr std::size_t loop_end_field = 2;
inline constexpr std::size_t loop_step_field = 3;
inline constexpr std::size_t scalar_a_field = 2;
inline constexpr std::size_t scalar_b_field = 3;

/// Boolean and choice attributes as bits of Vec::flags: bit i is set if the attribute is true, or
/// has the value `choice`.
struct VecFlag {
  const char* attribute;
  const char* choice;  // empty for a boolean
  const char* name;    // in assembly
};
inline constexpr std::array<VecFlag, 4> vec_flags{{{"accumulate", "", "accumulate"},
                                                   {"approximate", "tanh", "tanh"},
                                                   {"transpose_a", "", "transpose_a"},
                                                   {"transpose_b", "", "transpose_b"}}};
static_assert(field(Opcode::vec, 1).width == int{vec_flags.size()});

/// The operand list of a `vec`: first one entry for each of the primitive's operands, then one for
/// each of these attributes (IntegerOperand for integers and positions, ScalarOperand for floats).
struct VecLayout {
  std::size_t tensors = 0;
  std::vector<const AttributeSpec*> attributes;
  [[nodiscard]] std::size_t size() const { return tensors + attributes.size(); }
};
VecLayout vec_layout(const Primitive& primitive);
/// The attributes of a `vec` whose flags and operands are known to exist and be of the right kinds,
/// as primitives take them; `integer` gives the value of an IntegerOperand. Attributes that are
/// left out are missing here too (complete_attributes() adds defaults).
Attributes vec_attributes(const Program& program, const Vec& vec,
                          const std::function<Expr(const Affine&)>& integer);

/// Names as assembly spells them.
std::string_view name(EngineId engine);
std::string_view name(MemoryId memory);
std::string_view name(ScalarOp op);
std::string_view name(SyncOp op);
/// Names of a field's values by number; empty for kinds that are not enumerations.
std::span<const std::string_view> enumerators(FieldKind kind);
inline constexpr std::size_t memory_count = 3;
/// GLOBAL, SHARED, REGISTER: the names that tile programs and machine descriptions use.
std::string_view abstract_name(MemoryId memory);
std::optional<MemoryId> memory_from_abstract_name(std::string_view name);
std::optional<EngineId> engine_from_name(std::string_view name);

/// The value of one field; for floats the bits.
struct FieldValue {
  std::int64_t value = 0;
  bool is_register = false;  // source
  bool operator==(const FieldValue&) const = default;
};
/// An instruction as a row of field values, in the order of its opcode's fields.
struct FieldValues {
  Opcode opcode = Opcode::halt;
  std::array<FieldValue, max_fields> values{};
  bool operator==(const FieldValues&) const = default;
};
FieldValues to_fields(const InstructionNode& node);
/// Values must be in range (enumerations, counts).
InstructionNode from_fields(const FieldValues& fields);
Opcode opcode_of(const InstructionNode& node);
/// Whether a value can be encoded and means something (enumerations within their names).
bool field_fits(const Field& field, const FieldValue& value);

/// An instruction word; bit 0 is the lowest of `low`, bit 64 that of `high`.
struct Word {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const Word&) const = default;
};
/// All values fit.
Word encode_word(const FieldValues& fields);
/// Why a word is no instruction: an unknown opcode, a field out of range, or bits set that belong
/// to no field.
struct WordFault {
  std::string field;  // empty: opcode or stray bits
  std::string text;
};
std::optional<FieldValues> decode_word(Word word, WordFault& fault);

/// How an instruction is written in assembly, with <field> for values and [] around optional parts.
std::string syntax(const OpcodeInfo& opcode);
/// The reference page of the instruction set, in Markdown.
std::string isa_markdown();

}  // namespace septran::dsa
