// Reads assembly text.
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "compiler/base/messages.h"
#include "targets/dsa/assembly.h"
#include "targets/dsa/line_reader.h"
#include "targets/dsa/validate.h"

namespace septran::dsa {
namespace {

template <typename Range>
std::vector<std::string> strings(const Range& names) {
  return {names.begin(), names.end()};
}

class Assembler {
 public:
  Assembler(FileId file, std::string_view text, Diagnostics& diagnostics)
      : file_(file), diagnostics_(diagnostics), in_(file, text, diagnostics) {
    program_.origins.push_back({});
    places_.origins.push_back({});
    for (const DType dtype : all_dtypes()) dtype_names_.emplace_back(septran::name(dtype));
    for (std::size_t i = 0; i < memory_count; ++i) {
      memory_names_.emplace_back(dsa::name(static_cast<MemoryId>(i)));
    }
    for (const OpcodeInfo& opcode : opcodes) opcode_names_.emplace_back(opcode.name);
    for (const Primitive& primitive : primitives()) primitive_names_.push_back(primitive.name);
  }

  Result<Program> run() {
    constexpr std::size_t max_errors = 100;
    const std::size_t before = diagnostics_.error_count();
    while (in_.next_line()) {
      if (in_.try_literal(".")) {
        section();
      } else {
        row();
      }
      in_.expect_end();
      if (diagnostics_.error_count() - before < max_errors) continue;
      diagnostics_.report(in_.line_span(), messages::asm_too_many_errors, max_errors);
      return std::nullopt;
    }
    const Span start{file_, 0, 0};
    if (!has_program_) diagnostics_.report(start, messages::asm_missing_section, ".program");
    if (!has_code_) diagnostics_.report(start, messages::asm_missing_section, ".code");
    if (diagnostics_.error_count() != before) return std::nullopt;
    if (!check_structure(program_, places_, diagnostics_)) return std::nullopt;
    return std::move(program_);
  }

 private:
  enum class Section { program, globals, locals, events, barriers, origins, operands, code };

  void section() {
    static const std::vector<std::string> names{"program",  "globals", "locals",   "events",
                                                "barriers", "origins", "operands", "code"};
    const auto index = in_.name("section", names);
    if (!index) return;
    section_ = static_cast<Section>(*index);
    if (section_ == Section::program) {
      in_.set_form(".program \"name\"");
      program_.name = in_.string("the program's name");
      has_program_ = true;
    }
    if (section_ == Section::code) has_code_ = true;
  }

  void row() {
    switch (section_) {
      case Section::program:
        return target_row();
      case Section::globals:
        return global_row();
      case Section::locals:
        return local_row();
      case Section::events:
        return event_row();
      case Section::barriers:
        return barrier_row();
      case Section::origins:
        return origin_row();
      case Section::operands:
        return operand_row();
      case Section::code:
        return instruction_row();
    }
    SEPTRAN_BUG("unknown section");
  }

  void target_row() {
    in_.set_form("target \"name\" hash 0x0123456789abcdef");
    in_.literal("target");
    program_.target = in_.string("the target's name");
    in_.literal("hash");
    program_.target_hash = in_.unsigned_integer("a hash");
  }

  /// The `o7 =` in front of a row: rows are numbered in order from `first`.
  void row_number(char prefix, std::size_t next, std::vector<Span>& places, std::size_t first = 0) {
    const Span line = in_.line_span();
    const std::int64_t index = in_.numbered(prefix, "the number of the row", UINT32_MAX);
    if (in_.ok() && static_cast<std::size_t>(index) != next) {
      in_.fail(in_.span(line.begin, in_.position()), messages::asm_wrong_index,
               fmt::format("{}{}", prefix, index), fmt::format("{}{}", prefix, next),
               fmt::format("{}{}", prefix, first));
    }
    in_.literal("=");
    places.push_back(line);
  }

  DType dtype() { return static_cast<DType>(in_.name("element type", dtype_names_).value_or(0)); }
  MemoryId memory() { return static_cast<MemoryId>(in_.name("memory", memory_names_).value_or(0)); }
  std::int64_t number(std::string_view what) { return in_.integer(what, INT64_MIN, INT64_MAX); }
  Register reg() { return static_cast<Register>(in_.numbered('r', "a register", max_register)); }

  void global_row() {
    in_.set_form("g0 = \"name\" f16 [512, 512] input output");
    row_number('g', program_.globals.size(), places_.globals);
    GlobalBuffer buffer;
    buffer.name = in_.string("the buffer's name");
    buffer.dtype = dtype();
    in_.literal("[");
    if (!in_.try_literal("]")) {
      do buffer.shape.push_back(number("an extent"));
      while (in_.try_literal(","));
      in_.literal("]");
    }
    buffer.is_input = in_.try_literal("input");
    buffer.is_output = in_.try_literal("output");
    program_.globals.push_back(std::move(buffer));
  }

  void local_row() {
    in_.set_form("l0 = \"name\" shared at 0 size 8192");
    row_number('l', program_.locals.size(), places_.locals);
    LocalBuffer local;
    local.name = in_.string("the buffer's name");
    local.memory = memory();
    in_.literal("at");
    local.offset_bytes = number("an offset");
    in_.literal("size");
    local.size_bytes = number("a size");
    program_.locals.push_back(std::move(local));
  }

  void event_row() {
    in_.set_form("e0 = \"name\" credits 2");
    row_number('e', program_.events.size(), places_.events);
    EventInfo event;
    event.name = in_.string("the event's name");
    in_.literal("credits");
    event.credits = number("the credits");
    program_.events.push_back(std::move(event));
  }

  void barrier_row() {
    in_.set_form("b0 = arrivals 2");
    row_number('b', program_.barriers.size(), places_.barriers);
    in_.literal("arrivals");
    program_.barriers.push_back(
        {static_cast<std::uint32_t>(in_.integer("the arrivals", 0, UINT32_MAX))});
  }

  void origin_row() {
    in_.set_form("s1 = \"gemm.py:24\" \"dsa_edge.yaml:18\" \"rule\"");
    row_number('s', program_.origins.size(), places_.origins, 1);
    SourceOrigin origin;
    origin.logic = in_.string("a place");
    origin.mapping = in_.string("a place");
    origin.rule = in_.string("a rule");
    program_.origins.push_back(std::move(origin));
  }

  Affine affine() {
    Affine sum;
    do {
      if (in_.at_numbered('r')) {
        sum.terms.push_back({reg(), 1});
        continue;
      }
      const std::size_t begin = in_.position();
      const std::int64_t value = number("a number or a register");
      if (in_.try_literal("*")) {
        sum.terms.push_back({reg(), value});
      } else if (__builtin_add_overflow(sum.constant, value, &sum.constant)) {
        in_.too_large(in_.span(begin, in_.position()), "a sum", "it has 64 bits");
      }
    } while (in_.try_literal("+"));
    return sum;
  }

  OperandDim dim() {
    OperandDim dim;
    dim.extent = affine();
    if (in_.try_literal("from")) dim.start = affine();
    if (in_.try_literal("by")) {
      dim.digits.push_back({0, number("a stride"), -1, 0});
    } else {
      in_.literal(":");
      do {
        OperandDigit digit;
        digit.extent = number("a digit's extent");
        in_.literal("by");
        digit.stride_bytes = number("a stride");
        if (in_.try_literal("axis")) {
          digit.axis = static_cast<std::int32_t>(in_.integer("an axis", -1, max_rank));
          in_.literal("step");
          digit.step = number("a step");
        }
        dim.digits.push_back(digit);
      } while (in_.try_literal(","));
    }
    in_.literal("]");
    return dim;
  }

  TileOperand tile() {
    TileOperand tile;
    tile.memory = memory();
    if (tile.memory == MemoryId::global) {
      tile.buffer = static_cast<std::uint32_t>(in_.numbered('g', "a buffer", UINT32_MAX));
    }
    tile.storage = dtype();
    tile.logical = in_.try_literal("as") ? dtype() : tile.storage;
    in_.literal("at");
    tile.address = affine();
    while (in_.try_literal("[")) tile.dims.push_back(dim());
    if (!in_.try_literal("axes")) return tile;
    in_.literal("(");
    do {
      OperandAxis axis;
      axis.base = affine();
      in_.literal(":");
      axis.extent = number("an extent");
      in_.literal(")");
      tile.axes.push_back(std::move(axis));
    } while (in_.try_literal("("));
    return tile;
  }

  void operand_row() {
    in_.set_form(
        "o0 = tile shared f16 at 0 [64 by 128] [64 by 2], o0 = scalar 0.5 or o0 = integer 7");
    row_number('o', program_.operands.size(), places_.operands);
    static const std::vector<std::string> kinds{"tile", "scalar", "integer"};
    const auto kind = in_.name("kind of operand", kinds);
    if (!kind) {
      program_.operands.emplace_back(ScalarOperand{});  // keeps the numbers of later rows right
    } else if (*kind == 0) {
      program_.operands.emplace_back(tile());
    } else if (*kind == 1) {
      program_.operands.emplace_back(
          ScalarOperand{in_.floating<double, std::uint64_t>("a floating-point number")});
    } else {
      program_.operands.emplace_back(IntegerOperand{affine()});
    }
  }

  void instruction_row() {
    const Span line = in_.line_span();
    const auto opcode = in_.name("instruction", opcode_names_);
    if (!opcode) return;
    const OpcodeInfo& row = opcodes[*opcode];
    in_.set_form(syntax(row));
    FieldValues fields{row.opcode, {}};
    for (std::size_t i = 0; i < row.field_count && in_.ok(); ++i) read_field(row, i, fields);
    std::uint32_t origin = 0;
    if (in_.try_literal("@")) {
      origin = static_cast<std::uint32_t>(in_.numbered('s', "an origin", UINT32_MAX));
    }
    if (!in_.ok()) return;
    program_.code.push_back({from_fields(fields), origin});
    places_.code.push_back(line);
  }

  /// Whether an optional field stands here; takes its spelling.
  bool starts_field(const Field& field) {
    const std::string_view spelling = field.spelling;
    if (spelling.find_first_not_of(' ') != std::string_view::npos) return in_.try_literal(spelling);
    return in_.at_numbered('r');  // the only optional field without a word or mark is a register
  }

  void read_field(const OpcodeInfo& row, std::size_t index, FieldValues& fields) {
    const Field& field = row.fields.at(index);
    FieldValue& value = fields.values.at(index);
    if (field.kind == FieldKind::operand_count) return;
    value.value = field.absent;
    if (!field.optional) {
      in_.literal(field.spelling);
    } else if (!starts_field(field)) {
      return;
    }
    const std::size_t begin = in_.position();
    value = read_value(field, fields);
    if (in_.ok() && !field_fits(field, value)) {
      in_.too_large(in_.span(begin, in_.position()), fmt::format("the field '{}'", field.name),
                    fmt::format("it has {} bits", field.width));
    }
    if (field.kind != FieldKind::list_operand) return;
    for (std::size_t i = 0; i < index; ++i) {
      if (row.fields.at(i).kind == FieldKind::operand_count) ++fields.values.at(i).value;
    }
  }

  FieldValue read_value(const Field& field, const FieldValues& all) {
    switch (field.kind) {
      case FieldKind::reg:
        return {reg(), false};
      case FieldKind::source:
        if (in_.at_numbered('r')) return {reg(), true};
        return {number("a number or a register"), false};
      case FieldKind::length:
      case FieldKind::axis:
        return {number(field.name), false};
      case FieldKind::event: {
        const auto op = static_cast<SyncOp>(all.values[0].value);
        const bool is_event = op == SyncOp::wait || op == SyncOp::signal;
        return {in_.numbered(is_event ? 'e' : 'b', is_event ? "an event" : "a barrier", INT64_MAX),
                false};
      }
      case FieldKind::operand:
      case FieldKind::list_operand:
        if (in_.try_literal("_")) return {no_operand, false};
        return {in_.numbered('o', "an operand", INT64_MAX), false};
      case FieldKind::flag:
        return {1, false};
      case FieldKind::vec_flags:
        return flags();
      case FieldKind::primitive:
        return {static_cast<std::int64_t>(in_.name("primitive", primitive_names_).value_or(0)),
                false};
      case FieldKind::float32:
        return {std::bit_cast<std::uint32_t>(
                    in_.floating<float, std::uint32_t>("a floating-point number")),
                false};
      case FieldKind::engine:
      case FieldKind::scalar_op:
      case FieldKind::sync_op:
      case FieldKind::mode: {
        const auto names = strings(enumerators(field.kind));
        return {static_cast<std::int64_t>(in_.name(field.name, names).value_or(0)), false};
      }
      case FieldKind::operand_count:
        break;
    }
    SEPTRAN_BUG("unknown kind of field");
  }

  FieldValue flags() {
    std::vector<std::string> names;
    for (const VecFlag& flag : vec_flags) names.emplace_back(flag.name);
    FieldValue value;
    do {
      const auto flag = in_.name("flag", names);
      if (flag) value.value |= std::int64_t{1} << *flag;
    } while (in_.try_literal("|"));
    return value;
  }

  FileId file_;
  Diagnostics& diagnostics_;
  LineReader in_;
  Program program_;
  Places places_;
  Section section_ = Section::program;
  bool has_program_ = false;
  bool has_code_ = false;
  std::vector<std::string> dtype_names_, memory_names_, opcode_names_, primitive_names_;
};

}  // namespace

bool looks_like_assembly(std::string_view text) {
  while (!text.empty() && (text[0] == '#' || text[0] == '\n' || text[0] == '\r')) {
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  }
  return text.starts_with(".program");
}

Result<Program> parse_assembly(FileId file, const SourceManager& sources,
                               Diagnostics& diagnostics) {
  return Assembler(file, sources.text(file), diagnostics).run();
}

}  // namespace septran::dsa
