// Reads program files. A file may hold anything: each count is held against the bytes that are
// left before anything is allocated for it, and enumerations are checked before they are cast.
#include <fmt/format.h>

#include <bit>

#include "compiler/base/messages.h"
#include "targets/dsa/encode.h"
#include "targets/dsa/file_format.h"
#include "targets/dsa/isa.h"
#include "targets/dsa/validate.h"

namespace septran::dsa {
namespace {

/// Reads little-endian numbers; after the first fault everything reads as zero.
class ByteReader {
 public:
  ByteReader(std::span<const std::byte> bytes, std::string name, Diagnostics& diagnostics)
      : bytes_(bytes), name_(std::move(name)), diagnostics_(diagnostics) {}

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }
  void fail(const std::string& what) {
    if (!failed_) diagnostics_.report({}, messages::dsa_file_corrupt, name_, at_, what);
    failed_ = true;
  }

  std::uint64_t number(std::size_t size) {
    if (failed_) return 0;
    if (left() < size) {
      fail("the file ends here, in the middle of a number");
      return 0;
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      value |= static_cast<std::uint64_t>(bytes_[at_ + i]) << (8 * i);
    }
    at_ += size;
    return value;
  }
  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() { return number(8); }
  std::int32_t i32() { return static_cast<std::int32_t>(u32()); }
  std::int64_t i64() { return static_cast<std::int64_t>(number(8)); }

  /// A count of rows that take at least `row_bytes` each; 0 after a fault.
  std::size_t count(std::string_view what, std::int64_t limit, std::size_t row_bytes) {
    return checked_count(what, u32(), limit, row_bytes);
  }
  std::size_t small_count(std::string_view what, std::int64_t limit, std::size_t row_bytes) {
    return checked_count(what, u8(), limit, row_bytes);
  }
  std::string text() {
    const std::size_t size = count("a name", max_name_bytes, 1);
    std::string value;
    for (std::size_t i = 0; i < size; ++i) value.push_back(static_cast<char>(bytes_[at_ + i]));
    at_ += size;
    return value;
  }
  template <typename E>
  E enumeration(std::string_view what, std::size_t size) {
    const std::uint8_t value = u8();
    if (value >= size) fail(fmt::format("{} is {}, of {}", what, value, size));
    return failed_ ? E{} : static_cast<E>(value);
  }
  DType dtype() { return enumeration<DType>("an element type", all_dtypes().size()); }
  MemoryId memory() { return enumeration<MemoryId>("a memory", memory_count); }
  Affine affine() {
    Affine value;
    value.constant = i64();
    const std::size_t terms = small_count("the registers of a sum", max_affine_terms, 10);
    for (std::size_t i = 0; i < terms; ++i) {
      const std::uint16_t reg = u16();
      value.terms.push_back({reg, i64()});
    }
    return value;
  }

 private:
  std::size_t checked_count(std::string_view what, std::size_t value, std::int64_t limit,
                            std::size_t row_bytes) {
    if (failed_) return 0;
    if (value > static_cast<std::size_t>(limit)) {
      fail(fmt::format("{}: {} entries, of at most {}", what, value, limit));
    } else if (value * row_bytes > left()) {
      fail(fmt::format("{}: {} entries do not fit the rest of the file", what, value));
    }
    return failed_ ? 0 : value;
  }

  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
  bool failed_ = false;
  std::string name_;
  Diagnostics& diagnostics_;
};

void read_tables(ByteReader& in, Program& program) {
  const std::size_t globals = in.count("the buffer table", max_table, 7);
  for (std::size_t i = 0; i < globals && !in.failed(); ++i) {
    GlobalBuffer buffer;
    buffer.name = in.text();
    buffer.dtype = in.dtype();
    const std::uint8_t flags = in.u8();
    if (flags > (file_format::input_flag | file_format::output_flag)) {
      in.fail(fmt::format("unknown flags {} of a buffer", flags));
    }
    buffer.is_input = (flags & file_format::input_flag) != 0;
    buffer.is_output = (flags & file_format::output_flag) != 0;
    const std::size_t rank = in.small_count("a shape", max_rank, 8);
    for (std::size_t d = 0; d < rank; ++d) buffer.shape.push_back(in.i64());
    program.globals.push_back(std::move(buffer));
  }
  const std::size_t locals = in.count("the table of locals", max_table, 21);
  for (std::size_t i = 0; i < locals && !in.failed(); ++i) {
    LocalBuffer local;
    local.name = in.text();
    local.memory = in.memory();
    local.offset_bytes = in.i64();
    local.size_bytes = in.i64();
    program.locals.push_back(std::move(local));
  }
  const std::size_t events = in.count("the event table", max_events, 12);
  for (std::size_t i = 0; i < events && !in.failed(); ++i) {
    EventInfo event;
    event.name = in.text();
    event.credits = in.i64();
    program.events.push_back(std::move(event));
  }
  const std::size_t barriers = in.count("the barrier table", max_events, 4);
  for (std::size_t i = 0; i < barriers; ++i) program.barriers.push_back({in.u32()});
}

TileOperand read_tile(ByteReader& in) {
  TileOperand tile;
  tile.memory = in.memory();
  tile.storage = in.dtype();
  tile.logical = in.dtype();
  tile.address = in.affine();
  const std::size_t dims = in.small_count("the dimensions of a tile", max_rank, 19);
  for (std::size_t d = 0; d < dims && !in.failed(); ++d) {
    OperandDim dim;
    dim.extent = in.affine();
    dim.start = in.affine();
    const std::size_t digits = in.small_count("the digits of a dimension", max_rank, 28);
    for (std::size_t i = 0; i < digits; ++i) {
      OperandDigit digit;
      digit.extent = in.i64();
      digit.stride_bytes = in.i64();
      digit.axis = in.i32();
      digit.step = in.i64();
      dim.digits.push_back(digit);
    }
    tile.dims.push_back(std::move(dim));
  }
  const std::size_t axes = in.small_count("the axes of a tile", max_rank, 17);
  for (std::size_t a = 0; a < axes && !in.failed(); ++a) {
    OperandAxis axis;
    axis.base = in.affine();
    axis.extent = in.i64();
    tile.axes.push_back(std::move(axis));
  }
  return tile;
}

void read_operands(ByteReader& in, Program& program) {
  const std::size_t operands = in.count("the operand table", max_operands, 9);
  for (std::size_t i = 0; i < operands && !in.failed(); ++i) {
    switch (in.enumeration<std::uint8_t>("the kind of an operand", std::variant_size_v<Operand>)) {
      case 0:
        program.operands.emplace_back(read_tile(in));
        break;
      case 1:
        program.operands.emplace_back(ScalarOperand{std::bit_cast<double>(in.u64())});
        break;
      default:
        program.operands.emplace_back(IntegerOperand{in.affine()});
    }
  }
  const std::size_t relocations = in.count("the relocations", max_operands, 8);
  std::size_t done = 0;
  for (std::size_t i = 0; i < program.operands.size() && !in.failed(); ++i) {
    auto* tile = std::get_if<TileOperand>(&program.operands[i]);
    if (tile == nullptr || tile->memory != MemoryId::global) continue;
    if (done++ == relocations) break;
    if (in.u32() != i) in.fail("a relocation is out of order");
    tile->buffer = in.u32();
    if (tile->buffer >= program.globals.size()) in.fail("a relocation names no buffer");
  }
  if (done != relocations) in.fail("relocations and operands in GLOBAL differ in number");
}

void read_code(ByteReader& in, Program& program, const std::vector<std::uint8_t>& used) {
  program.origins.push_back({});
  const std::size_t origins = in.count("the table of origins", max_origins - 1, 12);
  for (std::size_t i = 0; i < origins && !in.failed(); ++i) {
    SourceOrigin origin;
    origin.logic = in.text();
    origin.mapping = in.text();
    origin.rule = in.text();
    program.origins.push_back(std::move(origin));
  }
  const std::size_t size = in.count("the code", max_code, 20);
  for (std::size_t i = 0; i < size && !in.failed(); ++i) {
    const std::uint64_t low = in.u64();
    const Word word{low, in.u64()};
    WordFault fault;
    auto fields = decode_word(word, fault);
    if (fields && fields->opcode == Opcode::vec) {
      const auto primitive = static_cast<std::size_t>(fields->values[0].value);
      if (primitive < used.size()) {
        fields->values[0].value = used[primitive];
      } else {
        fault = {"primitive", fmt::format("{} is not in the table of names", primitive)};
        fields.reset();
      }
    }
    if (!fields) {
      in.fail(fmt::format("instruction {}: {}{}{}", i, fault.field, fault.field.empty() ? "" : " ",
                          fault.text));
      return;
    }
    program.code.push_back({from_fields(*fields), 0});
  }
  for (Instruction& instruction : program.code) instruction.origin = in.u32();
}

std::vector<std::uint8_t> read_primitives(ByteReader& in) {
  std::vector<std::uint8_t> used;
  const std::size_t count = in.count("the primitive names", 256, 4);
  for (std::size_t i = 0; i < count && !in.failed(); ++i) {
    const std::string primitive = in.text();
    const Primitive* known = find_primitive(primitive);
    if (known == nullptr) {
      in.fail(fmt::format("primitive '{}' is unknown to this version", primitive));
    } else {
      used.push_back(primitive_index(*known));
    }
  }
  return used;
}

/// Magic, version, size and checksum.
bool check_header(ByteReader& in, std::span<const std::byte> bytes, const std::string& name,
                  Diagnostics& diagnostics) {
  const auto refuse = [&](const std::string& why) {
    diagnostics.report({}, messages::dsa_file_not_program, name, why);
    return false;
  };
  if (!looks_like_program(bytes)) return refuse("it does not begin with SDSA");
  if (bytes.size() < content_offset) return refuse("it ends within its header");
  in.u32();
  const std::uint32_t version = in.u32();
  if (version != format_version) {
    return refuse(fmt::format("version {}, not {}", version, format_version));
  }
  if (const std::uint64_t size = in.u64(); size != bytes.size()) {
    return refuse(fmt::format("{} bytes long, not {} as it says", bytes.size(), size));
  }
  if (in.u64() != file_checksum(bytes.subspan(content_offset))) {
    return refuse("its checksum is wrong");
  }
  return true;
}

}  // namespace

bool looks_like_program(std::span<const std::byte> bytes) {
  if (bytes.size() < 4) return false;
  for (std::size_t i = 0; i < 4; ++i) {
    if (static_cast<std::uint32_t>(bytes[i]) != (file_format::magic >> (8 * i) & 0xff)) {
      return false;
    }
  }
  return true;
}

Result<Program> decode_program(std::span<const std::byte> bytes, const std::string& name,
                               Diagnostics& diagnostics) {
  ByteReader in(bytes, name, diagnostics);
  if (!check_header(in, bytes, name, diagnostics)) return std::nullopt;
  Program program;
  program.target = in.text();
  program.target_hash = in.u64();
  program.name = in.text();
  const std::vector<std::uint8_t> used = read_primitives(in);
  read_tables(in, program);
  read_operands(in, program);
  read_code(in, program, used);
  if (in.left() != 0) in.fail("more bytes follow than the code has");
  if (in.failed()) return std::nullopt;
  Places places;
  places.file = name;
  if (!check_structure(program, places, diagnostics)) return std::nullopt;
  return program;
}

}  // namespace septran::dsa
