// The reference page of the instruction set, made from its table.
#include <fmt/format.h>

#include "compiler/base/diagnostic.h"
#include "targets/dsa/isa.h"

namespace septran::dsa {
namespace {

std::string kind_text(const Field& field) {
  switch (field.kind) {
    case FieldKind::reg:
      return "register";
    case FieldKind::source:
      return fmt::format("register or {}-bit signed immediate", field.width - 1);
    case FieldKind::length:
      return "length";
    case FieldKind::event:
      return "event or barrier";
    case FieldKind::operand:
    case FieldKind::list_operand:
      return "operand index";
    case FieldKind::operand_count:
      return "count";
    case FieldKind::flag:
      return "flag";
    case FieldKind::axis:
      return "axis";
    case FieldKind::primitive:
      return "primitive index";
    case FieldKind::float32:
      return "f32";
    case FieldKind::vec_flags: {
      std::string text = "set of";
      for (const VecFlag& flag : vec_flags) text += fmt::format(" `{}`", flag.name);
      return text;
    }
    case FieldKind::engine:
    case FieldKind::scalar_op:
    case FieldKind::sync_op:
    case FieldKind::mode: {
      std::string text = "one of";
      for (const std::string_view value : enumerators(field.kind)) {
        text += fmt::format(" `{}`", value);
      }
      return text;
    }
  }
  SEPTRAN_BUG("unknown kind of field");
}

std::string opcode_section(const OpcodeInfo& opcode) {
  std::string text = fmt::format("\n## {} (opcode {})\n\n{}\n\n    {}\n", opcode.name,
                                 static_cast<int>(opcode.opcode), opcode.doc, syntax(opcode));
  if (opcode.field_count == 0) return text;
  text += "\n| field | bits | kind | meaning |\n|---|---|---|---|\n";
  for (const Field& field : opcode.used_fields()) {
    const int last = field.offset + field.width - 1;
    const std::string bits = field.width == 1 ? fmt::format("{}", field.offset)
                                              : fmt::format("{}..{}", field.offset, last);
    text += fmt::format("| {} | {} | {} | {} |\n", field.name, bits, kind_text(field), field.doc);
  }
  return text;
}

constexpr const char* introduction = R"(# The instruction set of the simulated accelerator

This page is made from the table in `targets/dsa/isa.h`; a test keeps the two together.

An instruction is a word of {word} bits: bits 0 to {opcode_last} are the opcode, the others its
fields. Bits that belong to no field are zero. Registers hold 64-bit integers; `r{core}` is the
number of the core and `r{cores}` the number of cores, and neither can be written. Engines are fed
in program order and run decoupled; `sync` alone orders them across each other.

Tiles stand in the operand table of the program and are named by index (`o7`). Their addresses,
extents, starts and axis bases are sums of a constant and registers times constants, resolved when
an instruction issues. In assembly:

    o0 = tile global g0 f16 at 64 + 128*r2 [64 by 256] [r3 by 2]
    o1 = tile shared f16 as f32 at 0 [16 from r2: 0 by 64 axis 0 step 1, 4 by 2] axes (r4 : 128)
    o2 = scalar 0.125
    o3 = integer 64*r2

A tile has a memory (`g0`: a row of the buffer table, to which the address is relative), the
element type in memory, the type it is rounded to (`as`, where that differs), an address in bytes
and a bracket for each dimension: extent, first position (`from`, where it is not 0), then digits,
slowest first. A digit `E by S` counts 0 .. E-1 with a stride of S bytes; the first digit of a
dimension is unbounded. `axis A step T` moves the coordinate of axis A by T for each count; where
a coordinate leaves 0 .. N-1 of its axis `(base : N)`, the element reads as zero.
`[64 by 256]` is short for `[64: 0 by 256]`.

`septran compile --emit asm` writes a program as assembly, `--emit bin` as a file; `septran-sim`
executes either, so that assembly can be changed by hand and tried.
)";

constexpr const char* file_format = R"(
## The program file (.sdsa)

Little-endian, version {version}. Strings are a u32 length and bytes; a table is a u32 count and
its rows.

| part | content |
|---|---|
| header | magic `SDSA`, u32 version, u64 size of the file, u64 FNV-1a hash of all that follows |
| target | name, u64 hash of the machine's description |
| program | name |
| primitives | names that the `primitive` field of `vec` indexes |
| globals | name, u8 element type, u8 flags (1 input, 2 output), u8 rank, i64 extents |
| locals | name, u8 memory, i64 offset, i64 size |
| events | name, i64 credits |
| barriers | u32 arrivals |
| operands | u8 kind (0 tile, 1 scalar, 2 integer), then the record |
| relocations | u32 operand, u32 row of globals; one for each tile in GLOBAL, in order |
| origins | logic place, mapping place, rule; row 0 is empty and not stored |
| code | 128-bit words, then a u32 row of origins for each |

A scalar is an f64. An affine sum is an i64 constant, a u8 count and (u16 register, i64
coefficient) pairs; an integer is one. A tile is u8 memory, u8 storage type, u8 logical type, its
address (affine), a u8 count of dimensions (extent, start, u8 count of digits; a digit is i64
extent, i64 stride, i32 axis, i64 step) and a u8 count of axes (base, i64 extent). Element types are
numbered f16 0, bf16 1, f32 2, f64 3, i8 4, i32 5, f8e4m3 6, f8e5m2 7.

A loader checks every number before it uses it; a file that fails a check is refused with a message
that names the part.
)";

}  // namespace

std::string syntax(const OpcodeInfo& opcode) {
  std::string text = opcode.name;
  for (const Field& field : opcode.used_fields()) {
    if (field.kind == FieldKind::operand_count) continue;
    std::string part = field.spelling;
    if (field.kind != FieldKind::flag) part += fmt::format("<{}>", field.name);
    text += field.optional ? fmt::format("[{}]", part) : part;
  }
  return text;
}

std::string isa_markdown() {
  using fmt::arg;
  std::string text =
      fmt::format(introduction, arg("word", word_bits), arg("opcode_last", opcode_bits - 1),
                  arg("core", core_register), arg("cores", cores_register));
  for (const OpcodeInfo& opcode : opcodes) text += opcode_section(opcode);
  return text + fmt::format(file_format, arg("version", format_version));
}

}  // namespace septran::dsa
