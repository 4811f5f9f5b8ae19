#include "targets/dsa/encode.h"

#include <algorithm>
#include <bit>

#include "targets/dsa/file_format.h"
#include "targets/dsa/isa.h"
#include "targets/dsa/validate.h"

namespace septran::dsa {
namespace {

/// Appends little-endian numbers, strings and records.
class ByteWriter {
 public:
  void u8(std::uint64_t value) { put(value, 1); }
  void u16(std::uint64_t value) { put(value, 2); }
  void u32(std::uint64_t value) { put(value, 4); }
  void u64(std::uint64_t value) { put(value, 8); }
  void i32(std::int32_t value) { put(static_cast<std::uint32_t>(value), 4); }
  void i64(std::int64_t value) { put(static_cast<std::uint64_t>(value), 8); }
  void f64(double value) { put(std::bit_cast<std::uint64_t>(value), 8); }
  void count(std::size_t size) { u32(size); }
  void text(const std::string& value) {
    count(value.size());
    for (const char c : value) bytes_.push_back(static_cast<std::byte>(c));
  }
  void affine(const Affine& value) {
    i64(value.constant);
    u8(value.terms.size());
    for (const Affine::Term& term : value.terms) {
      u16(term.reg);
      i64(term.coefficient);
    }
  }
  void tile(const TileOperand& value) {
    u8(static_cast<std::uint64_t>(value.memory));
    u8(static_cast<std::uint64_t>(value.storage));
    u8(static_cast<std::uint64_t>(value.logical));
    affine(value.address);
    u8(value.dims.size());
    for (const OperandDim& dim : value.dims) {
      affine(dim.extent);
      affine(dim.start);
      u8(dim.digits.size());
      for (const OperandDigit& digit : dim.digits) {
        i64(digit.extent);
        i64(digit.stride_bytes);
        i32(digit.axis);
        i64(digit.step);
      }
    }
    u8(value.axes.size());
    for (const OperandAxis& axis : value.axes) {
      affine(axis.base);
      i64(axis.extent);
    }
  }
  void operand(const Operand& value) {
    u8(value.index());
    if (const auto* t = std::get_if<TileOperand>(&value)) {
      tile(*t);
    } else if (const auto* scalar = std::get_if<ScalarOperand>(&value)) {
      f64(scalar->value);
    } else {
      affine(std::get<IntegerOperand>(value).value);
    }
  }

  void patch_u64(std::size_t offset, std::uint64_t value) {
    for (std::size_t i = 0; i < 8; ++i) bytes_[offset + i] = byte_of(value, i);
  }
  [[nodiscard]] const std::vector<std::byte>& bytes() const { return bytes_; }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  static std::byte byte_of(std::uint64_t value, std::size_t index) {
    return static_cast<std::byte>(value >> (8 * index) & 0xff);
  }
  void put(std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) bytes_.push_back(byte_of(value, i));
  }
  std::vector<std::byte> bytes_;
};

/// Primitives in the order of their first use.
std::vector<std::uint8_t> used_primitives(const Program& program) {
  std::vector<std::uint8_t> used;
  for (const Instruction& instruction : program.code) {
    const auto* vec = std::get_if<Vec>(&instruction.node);
    if (vec == nullptr) continue;
    if (std::find(used.begin(), used.end(), vec->primitive) == used.end()) {
      used.push_back(vec->primitive);
    }
  }
  return used;
}

void write_tables(ByteWriter& out, const Program& program) {
  out.count(program.globals.size());
  for (const GlobalBuffer& buffer : program.globals) {
    out.text(buffer.name);
    out.u8(static_cast<std::uint64_t>(buffer.dtype));
    out.u8((buffer.is_input ? file_format::input_flag : 0) |
           (buffer.is_output ? file_format::output_flag : 0));
    out.u8(buffer.shape.size());
    for (const std::int64_t extent : buffer.shape) out.i64(extent);
  }
  out.count(program.locals.size());
  for (const LocalBuffer& local : program.locals) {
    out.text(local.name);
    out.u8(static_cast<std::uint64_t>(local.memory));
    out.i64(local.offset_bytes);
    out.i64(local.size_bytes);
  }
  out.count(program.events.size());
  for (const EventInfo& event : program.events) {
    out.text(event.name);
    out.i64(event.credits);
  }
  out.count(program.barriers.size());
  for (const BarrierInfo& barrier : program.barriers) out.u32(barrier.arrivals);
}

void write_operands(ByteWriter& out, const Program& program) {
  out.count(program.operands.size());
  for (const Operand& operand : program.operands) out.operand(operand);
  std::vector<std::pair<std::size_t, std::uint32_t>> relocations;
  for (std::size_t i = 0; i < program.operands.size(); ++i) {
    const auto* tile = std::get_if<TileOperand>(&program.operands[i]);
    if (tile != nullptr && tile->memory == MemoryId::global) {
      relocations.emplace_back(i, tile->buffer);
    }
  }
  out.count(relocations.size());
  for (const auto& [operand, buffer] : relocations) {
    out.u32(operand);
    out.u32(buffer);
  }
}

void write_code(ByteWriter& out, const Program& program, const std::vector<std::uint8_t>& used) {
  out.count(program.origins.size() - 1);
  for (std::size_t i = 1; i < program.origins.size(); ++i) {
    out.text(program.origins[i].logic);
    out.text(program.origins[i].mapping);
    out.text(program.origins[i].rule);
  }
  out.count(program.code.size());
  for (const Instruction& instruction : program.code) {
    FieldValues fields = to_fields(instruction.node);
    if (const auto* vec = std::get_if<Vec>(&instruction.node)) {
      fields.values[0].value = std::find(used.begin(), used.end(), vec->primitive) - used.begin();
    }
    const Word word = encode_word(fields);
    out.u64(word.low);
    out.u64(word.high);
  }
  for (const Instruction& instruction : program.code) out.u32(instruction.origin);
}

}  // namespace

std::uint64_t file_checksum(std::span<const std::byte> content) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const std::byte byte : content) {
    hash = (hash ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3;
  }
  return hash;
}

Result<std::vector<std::byte>> encode_program(const Program& program, Diagnostics& diagnostics) {
  if (!check_structure(program, {}, diagnostics)) return std::nullopt;
  ByteWriter out;
  out.u32(file_format::magic);
  out.u32(format_version);
  out.u64(0);  // size
  out.u64(0);  // checksum
  out.text(program.target);
  out.u64(program.target_hash);
  out.text(program.name);
  const std::vector<std::uint8_t> used = used_primitives(program);
  out.count(used.size());
  for (const std::uint8_t primitive : used) out.text(primitives().at(primitive).name);
  write_tables(out, program);
  write_operands(out, program);
  write_code(out, program, used);
  out.patch_u64(file_format::size_offset, out.bytes().size());
  out.patch_u64(checksum_offset, file_checksum(std::span(out.bytes()).subspan(content_offset)));
  return out.take();
}

}  // namespace septran::dsa
