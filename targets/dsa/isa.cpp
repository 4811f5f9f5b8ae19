#include "targets/dsa/isa.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "compiler/base/diagnostic.h"

namespace septran::dsa {
namespace {

constexpr std::array<std::string_view, engine_count> engine_names{"load", "store", "mma", "vector"};
constexpr std::array<std::string_view, 9> scalar_names{"add", "sub", "mul",  "floor_div", "mod",
                                                       "min", "max", "less", "equal"};
constexpr std::array<std::string_view, 4> sync_names{"wait", "signal", "arrive", "await"};
constexpr std::array<std::string_view, 3> mode_names{"overwrite", "accumulate", "accumulate_when"};
constexpr std::array<std::string_view, memory_count> memory_names{"global", "shared",
                                                                  "accumulators"};
constexpr std::array<std::string_view, memory_count> abstract_names{"GLOBAL", "SHARED", "REGISTER"};
static_assert(scalar_names.size() == static_cast<std::size_t>(ScalarOp::equal) + 1);
static_assert(sync_names.size() == static_cast<std::size_t>(SyncOp::await) + 1);
static_assert(mode_names.size() == static_cast<std::size_t>(AccumulateMode::if_register) + 1);

/// Members of each instruction in the order of its fields in the table. `f` is called with a
/// reference to each.
template <typename F>
void each_member(Halt& /*node*/, F&& /*f*/) {}
template <typename F>
void each_member(Loop& node, F&& f) {
  f(node.reg), f(node.begin), f(node.end), f(node.step), f(node.length);
}
template <typename F>
void each_member(Skip& node, F&& f) {
  f(node.reg), f(node.length);
}
template <typename F>
void each_member(Scalar& node, F&& f) {
  f(node.op), f(node.dst), f(node.a), f(node.b);
}
template <typename F>
void each_member(Sync& node, F&& f) {
  f(node.op), f(node.engine), f(node.event);
}
template <typename F>
void each_member(DmaCopy& node, F&& f) {
  f(node.engine), f(node.dst), f(node.src);
}
template <typename F>
void each_member(Mma& node, F&& f) {
  f(node.acc), f(node.a), f(node.b), f(node.transpose_a), f(node.transpose_b), f(node.mode);
  f(node.reg), f(node.factor);
}
template <typename F>
void each_member(Vec& node, F&& f) {
  f(node.primitive), f(node.flags), f(node.axis), f(node.operands);
}

/// Writes members into field values.
struct Reader {
  FieldValues& fields;
  std::size_t next = 0;
  void put(std::int64_t value, bool is_register = false) {
    fields.values.at(next++) = {value, is_register};
  }
  template <typename T>
  void operator()(const T& member) {
    put(static_cast<std::int64_t>(member));
  }
  void operator()(const Source& member) { put(member.value, member.is_register); }
  void operator()(const float& member) { put(std::bit_cast<std::uint32_t>(member)); }
  void operator()(const std::vector<OperandId>& member) {
    put(static_cast<std::int64_t>(member.size()));
    for (std::size_t i = 0; i < max_vec_operands; ++i) put(i < member.size() ? member[i] : 0);
  }
};

/// Writes field values into members.
struct Writer {
  const FieldValues& fields;
  std::size_t next = 0;
  std::int64_t take() { return fields.values.at(next++).value; }
  template <typename T>
  void operator()(T& member) {
    member = static_cast<T>(take());
  }
  void operator()(Source& member) {
    member.is_register = fields.values.at(next).is_register;
    member.value = take();
  }
  void operator()(bool& member) { member = take() != 0; }
  void operator()(float& member) {
    member = std::bit_cast<float>(static_cast<std::uint32_t>(take()));
  }
  void operator()(std::vector<OperandId>& member) {
    const auto count = static_cast<std::size_t>(take());
    SEPTRAN_CHECK(count <= max_vec_operands);
    for (std::size_t i = 0; i < max_vec_operands; ++i) {
      const auto id = static_cast<OperandId>(take());
      if (i < count) member.push_back(id);
    }
  }
};

template <std::size_t Index = 0>
InstructionNode make_node(std::size_t opcode) {
  if constexpr (Index < std::variant_size_v<InstructionNode>) {
    if (opcode == Index) return InstructionNode(std::in_place_index<Index>);
    return make_node<Index + 1>(opcode);
  } else {
    SEPTRAN_BUG("opcode without an instruction");
  }
}
// The variant's alternatives stand in the order of the opcodes.
static_assert(std::variant_size_v<InstructionNode> == opcode_count);
static_assert(std::is_same_v<std::variant_alternative_t<1, InstructionNode>, Loop>);
static_assert(std::is_same_v<std::variant_alternative_t<7, InstructionNode>, Vec>);

constexpr std::uint64_t low_bits(int width) {
  return width >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
}

void set_bits(Word& word, int offset, int width, std::uint64_t value) {
  value &= low_bits(width);
  if (offset < 64) {
    word.low |= value << offset;
    if (offset + width > 64) word.high |= value >> (64 - offset);
  } else {
    word.high |= value << (offset - 64);
  }
}

std::uint64_t get_bits(Word word, int offset, int width) {
  std::uint64_t value = 0;
  if (offset < 64) {
    value = word.low >> offset;
    if (offset + width > 64) value |= word.high << (64 - offset);
  } else {
    value = word.high >> (offset - 64);
  }
  return value & low_bits(width);
}

}  // namespace

bool immediate_fits(const Field& source_field, std::int64_t value) {
  const std::int64_t limit = std::int64_t{1} << (source_field.width - 2);
  return value >= -limit && value < limit;
}

VecLayout vec_layout(const Primitive& primitive) {
  VecLayout layout{primitive.operands.size(), {}};
  for (const AttributeSpec& attribute : primitive.attributes) {
    const bool is_flag =
        attribute.kind == AttributeKind::boolean || attribute.kind == AttributeKind::choice;
    if (!is_flag && attribute.name != "axis") layout.attributes.push_back(&attribute);
  }
  return layout;
}

Attributes vec_attributes(const Program& program, const Vec& vec,
                          const std::function<Expr(const Affine&)>& integer) {
  const Primitive& primitive = primitives().at(vec.primitive);
  Attributes attributes;
  for (std::size_t i = 0; i < vec_flags.size(); ++i) {
    const AttributeSpec* spec = primitive.find_attribute(vec_flags[i].attribute);
    const bool is_set = (vec.flags >> i & 1) != 0;
    if (spec == nullptr) continue;
    if (spec->kind == AttributeKind::boolean) attributes[spec->name] = is_set;
    if (spec->kind == AttributeKind::choice && is_set) {
      attributes[spec->name] = std::string(vec_flags[i].choice);
    }
  }
  if (vec.axis != no_axis) attributes["axis"] = Expr(vec.axis);
  const VecLayout layout = vec_layout(primitive);
  for (std::size_t i = 0; i < layout.attributes.size(); ++i) {
    const OperandId id = vec.operands.at(layout.tensors + i);
    if (id == no_operand) continue;
    const Operand& operand = program.operands.at(id);
    const std::string& attribute = layout.attributes[i]->name;
    if (const auto* number = std::get_if<IntegerOperand>(&operand)) {
      attributes[attribute] = integer(number->value);
    } else {
      attributes[attribute] = std::get<ScalarOperand>(operand).value;
    }
  }
  return attributes;
}

std::string_view name(EngineId engine) { return engine_names.at(static_cast<std::size_t>(engine)); }
std::string_view name(MemoryId memory) { return memory_names.at(static_cast<std::size_t>(memory)); }
std::string_view name(ScalarOp op) { return scalar_names.at(static_cast<std::size_t>(op)); }
std::string_view name(SyncOp op) { return sync_names.at(static_cast<std::size_t>(op)); }

std::span<const std::string_view> enumerators(FieldKind kind) {
  switch (kind) {
    case FieldKind::engine:
      return engine_names;
    case FieldKind::scalar_op:
      return scalar_names;
    case FieldKind::sync_op:
      return sync_names;
    case FieldKind::mode:
      return mode_names;
    default:
      return {};
  }
}

std::string_view abstract_name(MemoryId memory) {
  return abstract_names.at(static_cast<std::size_t>(memory));
}

std::optional<MemoryId> memory_from_abstract_name(std::string_view name) {
  const auto at = std::find(abstract_names.begin(), abstract_names.end(), name);
  if (at == abstract_names.end()) return std::nullopt;
  return static_cast<MemoryId>(at - abstract_names.begin());
}

std::optional<EngineId> engine_from_name(std::string_view name) {
  const auto at = std::find(engine_names.begin(), engine_names.end(), name);
  if (at == engine_names.end()) return std::nullopt;
  return static_cast<EngineId>(at - engine_names.begin());
}

Opcode opcode_of(const InstructionNode& node) { return static_cast<Opcode>(node.index()); }

FieldValues to_fields(const InstructionNode& node) {
  FieldValues fields{opcode_of(node), {}};
  InstructionNode copy = node;
  Reader reader{fields};
  std::visit([&](auto& n) { each_member(n, reader); }, copy);
  SEPTRAN_CHECK(reader.next == info(fields.opcode).field_count);
  return fields;
}

InstructionNode from_fields(const FieldValues& fields) {
  InstructionNode node = make_node(static_cast<std::size_t>(fields.opcode));
  Writer writer{fields};
  std::visit([&](auto& n) { each_member(n, writer); }, node);
  SEPTRAN_CHECK(writer.next == info(fields.opcode).field_count);
  return node;
}

bool field_fits(const Field& field, const FieldValue& value) {
  if (field.kind == FieldKind::source) {
    return value.is_register ? value.value >= 0 && value.value <= max_register
                             : immediate_fits(field, value.value);
  }
  if (value.value < 0 || static_cast<std::uint64_t>(value.value) > low_bits(field.width)) {
    return false;
  }
  const auto names = enumerators(field.kind);
  if (!names.empty()) return static_cast<std::size_t>(value.value) < names.size();
  if (field.kind == FieldKind::operand_count) {
    return value.value <= static_cast<std::int64_t>(max_vec_operands);
  }
  return true;
}

Word encode_word(const FieldValues& fields) {
  Word word;
  set_bits(word, 0, opcode_bits, static_cast<std::uint64_t>(fields.opcode));
  const auto used = info(fields.opcode).used_fields();
  for (std::size_t i = 0; i < used.size(); ++i) {
    const FieldValue& value = fields.values[i];
    SEPTRAN_CHECK(field_fits(used[i], value));
    auto bits = static_cast<std::uint64_t>(value.value);
    if (used[i].kind == FieldKind::source) bits = bits << 1 | (value.is_register ? 1 : 0);
    set_bits(word, used[i].offset, used[i].width, bits);
  }
  return word;
}

std::optional<FieldValues> decode_word(Word word, WordFault& fault) {
  const std::uint64_t opcode = get_bits(word, 0, opcode_bits);
  if (opcode >= opcodes.size()) {
    fault = {"", fmt::format("unknown opcode {}", opcode)};
    return std::nullopt;
  }
  FieldValues fields{static_cast<Opcode>(opcode), {}};
  const auto used = info(fields.opcode).used_fields();
  for (std::size_t i = 0; i < used.size(); ++i) {
    const std::uint64_t bits = get_bits(word, used[i].offset, used[i].width);
    FieldValue& value = fields.values[i];
    value.value = static_cast<std::int64_t>(bits);
    if (used[i].kind == FieldKind::source) {
      value.is_register = (bits & 1) != 0;
      value.value = static_cast<std::int64_t>(bits >> 1);
      const std::int64_t sign = std::int64_t{1} << (used[i].width - 2);
      if (!value.is_register && value.value >= sign) value.value -= 2 * sign;
    }
    if (!field_fits(used[i], value)) {
      fault = {used[i].name, fmt::format("{} is out of range", value.value)};
      return std::nullopt;
    }
    if (used[i].kind == FieldKind::list_operand && value.value != 0 &&
        used[i].offset >= used[4].offset + used[4].width * fields.values[3].value) {
      fault = {used[i].name, "an operand beyond the list"};
      return std::nullopt;
    }
  }
  if (encode_word(fields) != word) {
    fault = {"", "bits are set that belong to no field"};
    return std::nullopt;
  }
  return fields;
}

}  // namespace septran::dsa
