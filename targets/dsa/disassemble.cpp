// Programs as assembly text.
#include <fmt/format.h>

#include <bit>
#include <cmath>

#include "compiler/base/diagnostic.h"
#include "targets/dsa/assembly.h"

namespace septran::dsa {
namespace {

/// The shortest decimal number that reads back as the same value; NaN as its bits.
std::string number(double value) {
  if (std::isnan(value)) return fmt::format("0x{:016x}", std::bit_cast<std::uint64_t>(value));
  return fmt::format("{}", value);
}
std::string number(float value) {
  if (std::isnan(value)) return fmt::format("0x{:08x}", std::bit_cast<std::uint32_t>(value));
  return fmt::format("{}", value);
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

/// Text for a comment: no line ends, nothing unprintable.
std::string plain(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '?';
  }
  return text;
}

std::string operand_name(std::int64_t id) {
  return id == no_operand ? "_" : fmt::format("o{}", id);
}

std::string field_text(const Field& field, const FieldValue& value, const FieldValues& all) {
  switch (field.kind) {
    case FieldKind::reg:
      return fmt::format("r{}", value.value);
    case FieldKind::source:
      return fmt::format("{}{}", value.is_register ? "r" : "", value.value);
    case FieldKind::length:
    case FieldKind::axis:
      return fmt::format("{}", value.value);
    case FieldKind::event: {
      const auto op = static_cast<SyncOp>(all.values[0].value);
      const bool is_event = op == SyncOp::wait || op == SyncOp::signal;
      return fmt::format("{}{}", is_event ? 'e' : 'b', value.value);
    }
    case FieldKind::operand:
    case FieldKind::list_operand:
      return operand_name(value.value);
    case FieldKind::flag:
      return "";
    case FieldKind::vec_flags: {
      std::string text;
      for (std::size_t i = 0; i < vec_flags.size(); ++i) {
        if ((value.value >> i & 1) == 0) continue;
        text += fmt::format("{}{}", text.empty() ? "" : "|", vec_flags[i].name);
      }
      return text;
    }
    case FieldKind::primitive: {
      const auto index = static_cast<std::size_t>(value.value);
      return index < primitives().size() ? primitives()[index].name : fmt::format("{}", index);
    }
    case FieldKind::float32:
      return number(std::bit_cast<float>(static_cast<std::uint32_t>(value.value)));
    case FieldKind::operand_count:
      return "";
    case FieldKind::engine:
    case FieldKind::scalar_op:
    case FieldKind::sync_op:
    case FieldKind::mode:
      return std::string(enumerators(field.kind)[static_cast<std::size_t>(value.value)]);
  }
  SEPTRAN_BUG("unknown kind of field");
}

std::string to_text(const TileOperand& tile) {
  std::string text = fmt::format("tile {} ", name(tile.memory));
  if (tile.memory == MemoryId::global) text += fmt::format("g{} ", tile.buffer);
  text += septran::name(tile.storage);
  if (tile.logical != tile.storage) text += fmt::format(" as {}", septran::name(tile.logical));
  text += " at " + to_text(tile.address);
  for (const OperandDim& dim : tile.dims) {
    text += " [" + to_text(dim.extent);
    if (dim.start != Affine{}) text += " from " + to_text(dim.start);
    const OperandDigit& first = dim.digits[0];
    if (dim.digits.size() == 1 && dim.start == Affine{} &&
        first == OperandDigit{0, first.stride_bytes, -1, 0}) {
      text += fmt::format(" by {}]", first.stride_bytes);
      continue;
    }
    for (std::size_t i = 0; i < dim.digits.size(); ++i) {
      const OperandDigit& digit = dim.digits[i];
      text += fmt::format("{} {} by {}", i == 0 ? ":" : ",", digit.extent, digit.stride_bytes);
      if (digit.axis != -1 || digit.step != 0) {
        text += fmt::format(" axis {} step {}", digit.axis, digit.step);
      }
    }
    text += "]";
  }
  if (!tile.axes.empty()) text += " axes";
  for (const OperandAxis& axis : tile.axes) {
    text += fmt::format(" ({} : {})", to_text(axis.base), axis.extent);
  }
  return text;
}

/// What an instruction's line says after its text: names of events and where it came from.
std::string comment(const Program& program, const Instruction& instruction) {
  std::string text;
  const auto append = [&](const std::string& part) {
    if (!part.empty()) text += (text.empty() ? "" : "  ") + plain(part);
  };
  if (const auto* sync = std::get_if<Sync>(&instruction.node)) {
    if (sync->op == SyncOp::wait || sync->op == SyncOp::signal) {
      append(program.events.at(sync->event).name);
    }
  }
  const SourceOrigin& origin = program.origins.at(instruction.origin);
  append(origin.logic);
  append(origin.mapping);
  append(origin.rule);
  return text;
}

void append_line(std::string& out, std::string line, const std::string& note) {
  constexpr std::size_t comment_column = 48;
  if (!note.empty()) {
    if (line.size() < comment_column) line.resize(comment_column, ' ');
    line += "  # " + note;
  }
  out += line + "\n";
}

std::string tables(const Program& program) {
  std::string out = fmt::format(".program {}\ntarget {} hash 0x{:016x}\n", quoted(program.name),
                                quoted(program.target), program.target_hash);
  out += "\n.globals\n";
  for (std::size_t i = 0; i < program.globals.size(); ++i) {
    const GlobalBuffer& buffer = program.globals[i];
    out += fmt::format("g{} = {} {} [{}]{}{}\n", i, quoted(buffer.name),
                       septran::name(buffer.dtype), fmt::join(buffer.shape, ", "),
                       buffer.is_input ? " input" : "", buffer.is_output ? " output" : "");
  }
  out += "\n.locals\n";
  for (std::size_t i = 0; i < program.locals.size(); ++i) {
    const LocalBuffer& local = program.locals[i];
    out += fmt::format("l{} = {} {} at {} size {}\n", i, quoted(local.name), name(local.memory),
                       local.offset_bytes, local.size_bytes);
  }
  out += "\n.events\n";
  for (std::size_t i = 0; i < program.events.size(); ++i) {
    out += fmt::format("e{} = {} credits {}\n", i, quoted(program.events[i].name),
                       program.events[i].credits);
  }
  out += "\n.barriers\n";
  for (std::size_t i = 0; i < program.barriers.size(); ++i) {
    out += fmt::format("b{} = arrivals {}\n", i, program.barriers[i].arrivals);
  }
  out += "\n.origins\n";
  for (std::size_t i = 1; i < program.origins.size(); ++i) {
    const SourceOrigin& origin = program.origins[i];
    out += fmt::format("s{} = {} {} {}\n", i, quoted(origin.logic), quoted(origin.mapping),
                       quoted(origin.rule));
  }
  return out;
}

/// The name of what lies at a tile's address, where that is one local buffer.
std::string tile_note(const Program& program, const Operand& operand) {
  const auto* tile = std::get_if<TileOperand>(&operand);
  if (tile == nullptr) return "";
  if (tile->memory == MemoryId::global) return plain(program.globals.at(tile->buffer).name);
  for (const LocalBuffer& local : program.locals) {
    const std::int64_t offset = tile->address.constant - local.offset_bytes;
    if (local.memory == tile->memory && offset >= 0 && offset < local.size_bytes) {
      return plain(local.name);
    }
  }
  return "";
}

}  // namespace

std::string to_text(const Affine& affine) {
  std::string text;
  if (affine.constant != 0 || affine.terms.empty()) text = fmt::format("{}", affine.constant);
  for (const Affine::Term& term : affine.terms) {
    if (!text.empty()) text += " + ";
    if (term.coefficient != 1) text += fmt::format("{}*", term.coefficient);
    text += fmt::format("r{}", term.reg);
  }
  return text;
}

std::string to_text(const Operand& operand) {
  if (const auto* tile = std::get_if<TileOperand>(&operand)) return to_text(*tile);
  if (const auto* scalar = std::get_if<ScalarOperand>(&operand)) {
    return "scalar " + number(scalar->value);
  }
  return "integer " + to_text(std::get<IntegerOperand>(operand).value);
}

std::string to_text(const InstructionNode& node) {
  const FieldValues fields = to_fields(node);
  std::string text = info(fields.opcode).name;
  const auto used = info(fields.opcode).used_fields();
  std::int64_t list_left = 0;
  for (std::size_t i = 0; i < used.size(); ++i) {
    const FieldValue& value = fields.values[i];
    if (used[i].kind == FieldKind::operand_count) {
      list_left = value.value;
    } else if (used[i].kind == FieldKind::list_operand) {
      if (list_left-- > 0) text += used[i].spelling + field_text(used[i], value, fields);
    } else if (!used[i].optional || value.value != used[i].absent) {
      text += used[i].spelling + field_text(used[i], value, fields);
    }
  }
  return text;
}

std::string to_assembly(const Program& program) {
  std::string out = tables(program) + "\n.operands\n";
  for (std::size_t i = 0; i < program.operands.size(); ++i) {
    append_line(out, fmt::format("o{} = {}", i, to_text(program.operands[i])),
                tile_note(program, program.operands[i]));
  }
  out += "\n.code\n";
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < program.code.size(); ++i) {
    const Instruction& instruction = program.code[i];
    while (!open.empty() && open.back() <= i) open.pop_back();
    std::string line(2 * open.size(), ' ');
    line += to_text(instruction.node);
    if (instruction.origin != 0) line += fmt::format(" @s{}", instruction.origin);
    append_line(out, std::move(line), comment(program, instruction));
    if (const auto* loop = std::get_if<Loop>(&instruction.node)) {
      open.push_back(i + 1 + loop->length);
    } else if (const auto* skip = std::get_if<Skip>(&instruction.node)) {
      open.push_back(i + 1 + skip->length);
    }
  }
  return out;
}

}  // namespace septran::dsa
