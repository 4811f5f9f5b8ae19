#include "simulator/resolve.h"

#include <fmt/format.h>

#include <algorithm>

#include "simulator/walk.h"
#include "targets/dsa/isa.h"

namespace septran::simulator {
namespace {

__extension__ using Wide = __int128;
constexpr Wide too_far = Wide{1} << 62;

bool fits(Wide value) { return value < too_far && value > -too_far; }

/// The value of an affine expression; nothing beyond 2^62.
std::optional<std::int64_t> evaluate(const dsa::Affine& affine,
                                     std::span<const std::int64_t> registers) {
  Wide sum = affine.constant;
  for (const auto& term : affine.terms) {
    sum += Wide{registers[term.reg]} * term.coefficient;
    if (!fits(sum)) return std::nullopt;
  }
  return static_cast<std::int64_t>(sum);
}

std::vector<std::size_t> program_order(const kernels::Tile& tile) {
  std::vector<std::size_t> order(tile.dims.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  return order;
}

/// Least and greatest of what the digits of a tile add, by `weight` (a stride or a step); not
/// regarding bounds of axes.
template <typename Weight>
std::pair<Wide, Wide> reach(const kernels::Tile& tile, const Weight& weight) {
  Wide low = 0;
  Wide high = 0;
  for (const kernels::TileDim& dim : tile.dims) {
    std::int64_t first = dim.start;
    std::int64_t last = dim.start + dim.extent - 1;
    for (std::size_t i = dim.digits.size(); i-- > 0;) {
      const kernels::TileDigit& digit = dim.digits[i];
      std::int64_t begin = first;
      std::int64_t end = last;
      if (i > 0) {
        first = floor_div(first, digit.extent);
        last = floor_div(last, digit.extent);
        begin -= first * digit.extent;
        end -= last * digit.extent;
        if (first != last) {
          begin = 0;
          end = digit.extent - 1;
        }
      }
      const Wide a = Wide{begin} * weight(digit);
      const Wide b = Wide{end} * weight(digit);
      low += std::min(a, b);
      high += std::max(a, b);
    }
  }
  return {low, high};
}

Fault shape_fault(const char* what, const ResolvedTile& x, const ResolvedTile& y) {
  const auto shape = [](const ResolvedTile& tile) {
    std::vector<std::int64_t> extents;
    for (const kernels::TileDim& dim : tile.tile.dims) extents.push_back(dim.extent);
    return fmt::format("[{}]", fmt::join(extents, ", "));
  };
  return fmt::format("{}: shapes {} and {} do not agree", what, shape(x), shape(y));
}

}  // namespace

std::string memory_name(dsa::MemoryId memory) { return std::string(dsa::abstract_name(memory)); }

std::optional<GlobalLayout> layout_globals(const dsa::Program& program, const Machine& machine) {
  const MemorySpec& memory = *machine.find_memory(memory_name(dsa::MemoryId::global));
  const std::int64_t alignment = memory.start_bytes();
  GlobalLayout layout;
  Wide next = 0;
  for (const dsa::GlobalBuffer& buffer : program.globals) {
    const auto element = static_cast<std::int64_t>(size_bytes(buffer.dtype));
    Wide size = element;
    for (const std::int64_t extent : buffer.shape) {
      if (extent < 0 || size > memory.size_bytes) return std::nullopt;
      size *= extent;
    }
    next = (next + alignment - 1) / alignment * alignment;
    if (size > memory.size_bytes || next + size > memory.size_bytes) return std::nullopt;
    layout.address.push_back(static_cast<std::int64_t>(next));
    layout.size_bytes.push_back(static_cast<std::int64_t>(size));
    next += size;
  }
  return layout;
}

Resolver::Resolver(const dsa::Program& program, const Machine& machine, const GlobalLayout& layout)
    : program_(program), machine_(machine), layout_(layout) {
  for (const MemorySpec& memory : machine.memories) {
    largest_memory_ = std::max(largest_memory_, memory.size_bytes);
  }
  checked_.resize(program.code.size());
}

Fault Resolver::tile(dsa::OperandId id, std::span<const std::int64_t> registers,
                     ResolvedTile& out) const {
  const auto& operand = std::get<dsa::TileOperand>(program_.operands[id]);
  Fault fault = build(operand, registers, out);
  if (fault.empty()) fault = place(operand, out);
  return fault.empty() ? fault : fmt::format("operand {}: {}", id, fault);
}

Fault Resolver::build(const dsa::TileOperand& operand, std::span<const std::int64_t> registers,
                      ResolvedTile& out) const {
  out.memory = operand.memory;
  out.buffer = operand.buffer;
  out.tile.storage = operand.storage;
  out.tile.logical = operand.logical;
  out.tile.dims.reserve(operand.dims.size());
  Wide elements = 1;
  for (const dsa::OperandDim& dim : operand.dims) {
    const auto extent = evaluate(dim.extent, registers);
    const auto start = evaluate(dim.start, registers);
    if (!extent || !start) return "a position beyond all memories";
    if (*extent < 0) return fmt::format("an extent of {}", *extent);
    elements *= *extent;
    if (elements > largest_memory_) return "more elements than any memory holds";
    kernels::TileDim resolved{*extent, *start, {}};
    resolved.digits.reserve(dim.digits.size());
    for (const dsa::OperandDigit& digit : dim.digits) {
      resolved.digits.push_back({digit.extent, digit.stride_bytes, digit.axis, digit.step});
    }
    out.tile.dims.push_back(std::move(resolved));
  }
  for (const dsa::OperandAxis& axis : operand.axes) {
    const auto base = evaluate(axis.base, registers);
    if (!base) return "a coordinate beyond all memories";
    out.tile.axes.push_back({*base, axis.extent});
  }
  const auto address = evaluate(operand.address, registers);
  if (!address) return "an address beyond all memories";
  out.address = *address;
  out.elements = static_cast<std::int64_t>(elements);
  return {};
}

Fault Resolver::place(const dsa::TileOperand& operand, ResolvedTile& out) const {
  const bool global = operand.memory == dsa::MemoryId::global;
  const MemorySpec* memory = machine_.find_memory(dsa::abstract_name(operand.memory));
  const std::int64_t base = global ? layout_.address[operand.buffer] : 0;
  const std::int64_t size = global ? layout_.size_bytes[operand.buffer] : memory->size_bytes;
  const auto width = static_cast<std::int64_t>(size_bytes(operand.storage));
  if (out.address % width != 0) {
    return fmt::format("address {} is not aligned to its elements of {} bytes", out.address, width);
  }
  out.low = out.high = base;
  if (out.elements == 0) {
    out.address = base;
    return {};
  }
  const auto [low, high] = reach(out.tile, [](const auto& digit) { return digit.stride_bytes; });
  if (!fits(low + out.address + base) || !fits(high + out.address + base + width)) {
    return "an address beyond all memories";
  }
  for (std::size_t a = 0; a < out.tile.axes.size(); ++a) {
    const auto [first, last] = reach(out.tile, [&](const kernels::TileDigit& digit) {
      return digit.axis == static_cast<std::int32_t>(a) ? digit.step : 0;
    });
    if (!fits(first + out.tile.axes[a].base) || !fits(last + out.tile.axes[a].base)) {
      return "a coordinate beyond all memories";
    }
  }
  std::int64_t begin = out.address + static_cast<std::int64_t>(low);
  std::int64_t end = out.address + static_cast<std::int64_t>(high) + width;
  if ((begin < 0 || end > size) && !out.tile.axes.empty()) {  // only what lies inside counts
    TileWalker walker;
    walker.start(out.tile, program_order(out.tile));
    begin = INT64_MAX;
    end = INT64_MIN;
    for (TileWalker::Stretch stretch; walker.next(stretch);) {
      const std::int64_t first = out.address + stretch.offset;
      const std::int64_t last = first + (stretch.count - 1) * stretch.stride_bytes;
      begin = std::min({begin, first, last});
      end = std::max({end, first + width, last + width});
    }
    if (begin > end) begin = end = 0;
  }
  if (begin < 0 || end > size) {
    return fmt::format(
        "bytes {} to {} lie outside {}, which has {}", begin, end - 1,
        global ? "buffer " + program_.globals[operand.buffer].name : memory_name(operand.memory),
        size);
  }
  out.address += base;
  out.low = base + begin;
  out.high = base + end;
  return {};
}

Fault Resolver::resolve(const dsa::DmaCopy& copy, std::span<const std::int64_t> registers,
                        DmaWork& work) {
  Fault fault = tile(copy.dst, registers, work.dst);
  if (fault.empty()) fault = tile(copy.src, registers, work.src);
  if (!fault.empty()) return fault;
  const auto& dst = work.dst.tile.dims;
  const auto& src = work.src.tile.dims;
  const bool same = dst.size() == src.size() &&
                    std::equal(dst.begin(), dst.end(), src.begin(),
                               [](const auto& x, const auto& y) { return x.extent == y.extent; });
  return same ? Fault() : shape_fault("dma_copy", work.dst, work.src);
}

Fault Resolver::resolve(const dsa::Mma& mma, std::span<const std::int64_t> registers,
                        MmaWork& work) {
  Fault fault = tile(mma.acc, registers, work.acc);
  if (fault.empty()) fault = tile(mma.a, registers, work.a);
  if (fault.empty()) fault = tile(mma.b, registers, work.b);
  if (!fault.empty()) return fault;
  const auto& acc = work.acc.tile.dims;
  const auto& a = work.a.tile.dims;
  const auto& b = work.b.tile.dims;
  if (acc.size() != 2 || a.size() != 2 || b.size() != 2) return "mma takes matrices";
  const std::size_t a_rows = mma.transpose_a ? 1 : 0;
  const std::size_t b_rows = mma.transpose_b ? 1 : 0;
  work.m = acc[0].extent;
  work.n = acc[1].extent;
  work.k = a[1 - a_rows].extent;
  if (a[a_rows].extent != work.m) return shape_fault("mma", work.acc, work.a);
  if (b[b_rows].extent != work.k) return shape_fault("mma", work.a, work.b);
  if (b[1 - b_rows].extent != work.n) return shape_fault("mma", work.acc, work.b);
  work.transpose_a = mma.transpose_a;
  work.transpose_b = mma.transpose_b;
  work.accumulate = mma.mode == dsa::AccumulateMode::accumulate ||
                    (mma.mode == dsa::AccumulateMode::if_register && registers[mma.reg] != 0);
  work.factor = static_cast<double>(mma.factor);
  const DType types[] = {work.a.tile.storage, work.b.tile.storage, work.acc.tile.storage};
  for (const ImplementationSpec& implementation : machine_.implementations) {
    for (const MatrixTypes& row : implementation.matrix_types) {
      if (row.a != types[0] || row.b != types[1] || row.accumulator != types[2]) continue;
      work.macs_per_pe = row.macs_per_pe;
      return {};
    }
  }
  return fmt::format("the array does not multiply {} by {} into {}", name(types[0]), name(types[1]),
                     name(types[2]));
}

Fault Resolver::attribute(const AttributeSpec& spec, dsa::OperandId id,
                          std::span<const std::int64_t> registers, Attributes& attributes) const {
  if (id == dsa::no_operand) return {};
  const dsa::Operand& operand = program_.operands[id];
  if (const auto* scalar = std::get_if<dsa::ScalarOperand>(&operand)) {
    attributes[spec.name] = scalar->value;
    return {};
  }
  const auto* integer = std::get_if<dsa::IntegerOperand>(&operand);
  if (integer == nullptr) return fmt::format("a tile for attribute '{}'", spec.name);
  const auto value = evaluate(integer->value, registers);
  if (!value || std::abs(*value) > dsa::max_magnitude) {
    return fmt::format("attribute '{}' is too large", spec.name);
  }
  attributes[spec.name] = Expr(*value);
  return {};
}

Fault Resolver::resolve(const dsa::Vec& vec, std::uint32_t instruction,
                        std::span<const std::int64_t> registers, VecWork& work) {
  work.primitive = &primitives()[vec.primitive];
  const dsa::VecLayout layout = dsa::vec_layout(*work.primitive);
  for (std::size_t i = 0; i < layout.tensors; ++i) {
    const dsa::OperandId id = vec.operands[i];
    auto& operand = work.operands.emplace_back();
    if (id == dsa::no_operand) continue;
    if (const auto* scalar = std::get_if<dsa::ScalarOperand>(&program_.operands[id])) {
      operand = scalar->value;
    } else if (std::holds_alternative<dsa::TileOperand>(program_.operands[id])) {
      Fault fault = tile(id, registers, operand.emplace<ResolvedTile>());
      if (!fault.empty()) return fault;
    } else {
      return fmt::format("operand {} is an integer, not a tile or a number", id);
    }
  }
  for (std::size_t i = 0; i < layout.attributes.size(); ++i) {
    Fault fault = attribute(*layout.attributes[i], vec.operands[layout.tensors + i], registers,
                            work.attributes);
    if (!fault.empty()) return fault;
  }
  for (std::size_t i = 0; i < dsa::vec_flags.size(); ++i) {
    const bool set = (vec.flags >> i & 1) != 0;
    const dsa::VecFlag& flag = dsa::vec_flags[i];
    if (!set) continue;
    if (std::string_view(flag.choice).empty()) {
      work.attributes[flag.attribute] = true;
    } else {
      work.attributes[flag.attribute] = std::string(flag.choice);
    }
  }
  if (vec.axis != dsa::no_axis) work.attributes["axis"] = Expr(vec.axis);
  for (const AttributeFault& fault : complete_attributes(*work.primitive, work.attributes)) {
    return fault.text;
  }
  work.reads_output = reads(operand_access(*work.primitive, work.attributes, 0));
  return check_shapes(instruction, work);
}

Fault Resolver::check_shapes(std::uint32_t instruction, VecWork& work) {
  CheckedShape shape;
  for (const auto& operand : work.operands) {
    shape.key.push_back(static_cast<std::int64_t>(operand.index()));
    const auto* tile = std::get_if<ResolvedTile>(&operand);
    if (tile == nullptr) continue;
    shape.key.push_back(static_cast<std::int64_t>(tile->tile.dims.size()));
    for (const kernels::TileDim& dim : tile->tile.dims) shape.key.push_back(dim.extent);
  }
  for (const AttributeSpec& spec : work.primitive->attributes) {
    if (spec.kind != AttributeKind::integer) continue;  // positions do not bear on shapes
    shape.key.push_back(integer_attribute(work.attributes, spec.name).value_or(-1));
  }
  CheckedShape& last = checked_[instruction];
  if (last.key == shape.key) {
    work.elements = last.elements;
    return {};
  }
  std::vector<std::optional<std::vector<Expr>>> shapes;
  for (std::size_t i = 0; i < work.operands.size(); ++i) {
    const OperandSpec& spec = work.primitive->operands[i];
    auto& extents = shapes.emplace_back();
    if (std::holds_alternative<double>(work.operands[i]) && !spec.scalar_allowed) {
      return fmt::format("{} cannot be a number", spec.name);
    }
    const auto* tile = std::get_if<ResolvedTile>(&work.operands[i]);
    if (tile == nullptr) continue;
    if (spec.only_dtype && tile->tile.logical != *spec.only_dtype) {
      return fmt::format("{} is {}, not {}", spec.name, name(tile->tile.logical),
                         name(*spec.only_dtype));
    }
    extents.emplace();
    for (const kernels::TileDim& dim : tile->tile.dims) extents->emplace_back(dim.extent);
  }
  const ShapeResult result = resolve_shapes(*work.primitive, work.attributes, shapes);
  if (result.fault) return result.fault->text;
  for (const ShapeEquality& equality : result.equalities) {
    if (!(equality.left == equality.right)) return equality.fault.text;
  }
  Wide elements = 1;
  for (const IterationDim& dim : result.space.dims) {
    elements *= dim.extent.offset();
    if (!fits(elements)) return "more elements than any memory holds";
  }
  shape.elements = work.elements = static_cast<std::int64_t>(elements);
  last = std::move(shape);
  return {};
}

}  // namespace septran::simulator
