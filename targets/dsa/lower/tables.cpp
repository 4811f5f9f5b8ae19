#include "targets/dsa/lower/tables.h"

#include <fmt/format.h>

#include "compiler/base/diagnostic.h"
#include "compiler/tile/visit.h"
#include "targets/dsa/assembly.h"
#include "targets/dsa/isa.h"
#include "targets/dsa/lower/turns.h"
#include "targets/dsa/validate.h"

namespace septran::dsa {
namespace {

// Numbers of a tile program may be anything: products that leave 64 bits wrap, and those that leave
// the format's range are refused when the result is checked.
std::int64_t wrapping_multiply(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
}
std::int64_t wrapping_add(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

}  // namespace

std::int64_t slots_bytes(const tile::Tensor& tensor, int slots) {
  return wrapping_multiply(tensor.slot_bytes, slots);
}

Tables::Tables(const tile::Program& program, int cores, bool in_step, Values& values, Program& out)
    : program_(program), cores_(cores), values_(values), out_(out) {
  out_.origins.push_back({});
  places_.push_back({});
  if (in_step) leaders_ = rings_in_step(program);
  for (const auto& [ring, leader] : leaders_) followers_[leader] += ring != leader ? 1 : 0;
  for (const tile::Event& event : program.events) {
    out_.events.push_back({event.name, event.credits});
  }
  scan(program.body, false);
  std::string ignored;  // a fault here shows again where the argument is used
  for (std::uint32_t i = 0; i < program.tensors.size(); ++i) {
    if (program.tensors[i].kind == tile::TensorKind::argument) {
      global_buffer(tile::TensorId{i}, ignored);
    }
  }
}

/// Whether the registers of a ring's slots hold numbers of slots, for rings of any size.
bool Tables::is_shared(tile::TensorId id) const {
  const auto leader = leaders_.find(id);
  return leader != leaders_.end() && followers_.at(leader->second) > 0;
}

void Tables::add_slot(tile::TensorId id, int age) {
  const tile::Tensor& tensor = program_[id];
  const bool shared = is_shared(id);
  std::map<int, Register>& registers = slots_[shared ? leaders_.at(id) : id];
  if (registers.contains(age)) return;
  const int before_first = (2 * tensor.depth - 1 - age) % tensor.depth;
  registers[age] = values_.make_state(shared ? before_first : slots_bytes(tensor, before_first));
}

/// Finds the rings, and the temporaries in GLOBAL that each core has for itself.
void Tables::scan(const tile::Block& block, bool in_share) {
  for (const tile::Statement& statement : block) {
    if (const auto* alloc = std::get_if<tile::Alloc>(&statement.node)) {
      const tile::Tensor& tensor = program_[alloc->tensor];
      const bool is_global = tensor.memory == abstract_name(MemoryId::global);
      if (is_global && in_share) per_core_.insert(alloc->tensor);
      if (!is_global && tensor.depth > 1) add_slot(alloc->tensor, 0);
    } else if (const auto* loop = std::get_if<tile::Loop>(&statement.node)) {
      scan(loop->body, in_share || loop->workers > 0);
    } else if (const auto* branch = std::get_if<tile::If>(&statement.node)) {
      scan(branch->then, in_share);
      scan(branch->otherwise, in_share);
    }
    for (const auto& use : tile::operands(statement)) {
      if (use.tile->age > 0) add_slot(use.tile->tensor, use.tile->age);
    }
  }
}

Tables::Slots Tables::moved_by(tile::TensorId id) const {
  Slots slots;
  const auto at = slots_.find(id);
  if (at == slots_.end()) return slots;
  const tile::Tensor& tensor = program_[id];
  const bool shared = is_shared(id);
  slots.step = shared ? 1 : tensor.slot_bytes;
  slots.end = shared ? tensor.depth : slots_bytes(tensor, tensor.depth);
  for (const auto& [age, reg] : at->second) slots.registers.push_back(reg);
  return slots;
}

OperandId Tables::add(Operand operand) {
  const auto next = static_cast<OperandId>(out_.operands.size());
  const auto [at, is_new] = operand_ids_.emplace(to_text(operand), next);
  if (is_new) out_.operands.push_back(std::move(operand));
  return at->second;
}

std::uint32_t Tables::origin(const tile::Origin& origin) {
  if (origin == tile::Origin{}) return 0;
  const auto next = static_cast<std::uint32_t>(out_.origins.size());
  const auto [at, is_new] =
      origins_.emplace(std::array{origin.logic, origin.mapping, origin.rule}, next);
  if (is_new) {
    out_.origins.push_back({origin.logic, origin.mapping, origin.rule});
    places_.push_back(origin.span());
  }
  return at->second;
}

std::uint32_t Tables::barrier(const std::vector<std::string>& arrive,
                              const std::vector<std::string>& await) {
  const auto next = static_cast<std::uint32_t>(out_.barriers.size());
  const auto [at, is_new] = barriers_.emplace(std::pair(arrive, await), next);
  if (is_new) out_.barriers.push_back({static_cast<std::uint32_t>(arrive.size())});
  return at->second;
}

/// Largest extents: those of temporaries may vary with loops.
std::vector<std::int64_t> Tables::extents(const tile::Tensor& tensor) const {
  std::vector<std::int64_t> result;
  for (const Expr& extent : tensor.shape) {
    const auto constant = extent.constant();
    result.push_back(constant ? *constant : program_.vars.range(extent).hi);
  }
  return result;
}

/// As assigned, or dense in row-major order.
std::vector<std::int64_t> Tables::strides(const tile::Tensor& tensor) const {
  if (tensor.strides_bytes.size() == tensor.shape.size()) return tensor.strides_bytes;
  const std::vector<std::int64_t> shape = extents(tensor);
  std::vector<std::int64_t> result(shape.size());
  auto stride = static_cast<std::int64_t>(septran::size_bytes(tensor.storage));
  for (std::size_t i = shape.size(); i-- > 0;) {
    result[i] = stride;
    if (__builtin_mul_overflow(stride, shape[i], &stride)) stride = max_magnitude + 1;
  }
  return result;
}

std::optional<std::uint32_t> Tables::global_buffer(tile::TensorId id, std::string& fault) {
  const auto known = globals_.find(id);
  if (known != globals_.end()) return known->second;
  const tile::Tensor& tensor = program_[id];
  GlobalBuffer buffer{tensor.name, tensor.storage, extents(tensor), tensor.is_input,
                      tensor.is_output};
  if (per_core_.contains(id)) buffer.shape.insert(buffer.shape.begin(), cores_);
  if (tensor.depth > 1 || !buffer_bytes(buffer)) {
    fault = tensor.depth > 1 ? fmt::format("ring %{} in GLOBAL", tensor.name)
                             : fmt::format("the size of %{}", tensor.name);
    return std::nullopt;
  }
  const auto index = static_cast<std::uint32_t>(out_.globals.size());
  out_.globals.push_back(std::move(buffer));
  globals_[id] = index;
  return index;
}

/// Memory, buffer, and the address of the tensor's element 0.
bool Tables::place(const tile::TileRef& ref, TileOperand& out, std::string& fault) {
  const tile::TensorId id = ref.tensor;
  const tile::Tensor& tensor = program_[id];
  const auto memory = memory_from_abstract_name(tensor.memory);
  if (!memory) {
    fault = fmt::format("%{} in memory '{}'", tensor.name, tensor.memory);
    return false;
  }
  out.memory = *memory;
  if (*memory == MemoryId::global) {
    const auto buffer = global_buffer(id, fault);
    if (!buffer) return false;
    out.buffer = *buffer;
    if (per_core_.contains(id)) {
      const std::int64_t bytes = *buffer_bytes(out_.globals[*buffer]) / cores_;
      out.address.terms.push_back({core_register, bytes});
    }
    return true;
  }
  if (!tensor.offset_bytes || tensor.strides_bytes.size() != tensor.shape.size()) {
    fault = fmt::format("%{}, which has no place in {}", tensor.name, tensor.memory);
    return false;
  }
  out.address.constant = *tensor.offset_bytes;
  const bool shared = is_shared(id);
  const auto slots = slots_.find(shared ? leaders_.at(id) : id);
  if (slots == slots_.end()) return true;
  const auto slot = slots->second.find(ref.age);
  if (slot == slots->second.end()) return true;
  out.address.terms.push_back({slot->second, shared ? tensor.slot_bytes : 1});
  return true;
}

std::optional<OperandId> Tables::tile(const tile::TileRef& ref, std::string& fault) {
  const tile::Tensor& tensor = program_[ref.tensor];
  TileOperand out;
  if (!place(ref, out, fault)) return std::nullopt;
  out.storage = tensor.storage;
  out.logical = tensor.dtype;
  const std::vector<std::int64_t> stride_bytes = strides(tensor);
  if (ref.view.base.size() != stride_bytes.size()) {
    fault = fmt::format("a view of %{} with another rank", tensor.name);
    return std::nullopt;
  }
  Expr offset;
  for (std::size_t a = 0; a < stride_bytes.size(); ++a) {
    offset += ref.view.base[a] * stride_bytes[a];
  }
  const Affine in_tensor = values_.affine(offset);
  out.address.constant = wrapping_add(out.address.constant, in_tensor.constant);
  out.address.terms.insert(out.address.terms.end(), in_tensor.terms.begin(), in_tensor.terms.end());
  for (const ViewDim& dim : ref.view.dims) {
    OperandDim row{values_.affine(dim.extent), values_.affine(dim.start), {}};
    for (const Digit& digit : dim.digits) {
      if (digit.axis >= stride_bytes.size()) {
        fault = fmt::format("a view of %{} along an axis that it lacks", tensor.name);
        return std::nullopt;
      }
      OperandDigit moved;
      moved.extent = row.digits.empty() ? 0 : digit.extent;
      moved.stride_bytes = wrapping_multiply(stride_bytes[digit.axis], digit.step);
      if (ref.view.zero_outside) {
        moved.axis = static_cast<std::int32_t>(digit.axis);
        moved.step = digit.step;
      }
      row.digits.push_back(moved);
    }
    out.dims.push_back(std::move(row));
  }
  if (ref.view.zero_outside) {
    const std::vector<std::int64_t> shape = extents(tensor);
    for (std::size_t a = 0; a < shape.size(); ++a) {
      out.axes.push_back({values_.affine(ref.view.base[a]), shape[a]});
    }
  }
  return add(std::move(out));
}

void Tables::add_locals() {
  for (const tile::Tensor& tensor : program_.tensors) {
    const auto memory = memory_from_abstract_name(tensor.memory);
    const bool is_placed =
        tensor.offset_bytes.has_value() && tensor.kind != tile::TensorKind::parameter;
    if (!memory || *memory == MemoryId::global || !is_placed) continue;
    out_.locals.push_back(
        {tensor.name, *memory, *tensor.offset_bytes, slots_bytes(tensor, tensor.depth)});
  }
}

}  // namespace septran::dsa
