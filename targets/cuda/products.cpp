#include "targets/cuda/products.h"

#include <fmt/format.h>

#include "compiler/base/diagnostic.h"
#include "compiler/tile/visit.h"
#include "targets/cuda/source.h"

namespace septran::cuda {
namespace {

using tile::Program;
using tile::Tensor;

constexpr std::int64_t k_step_bytes = 32;  // of an instruction
constexpr int first_with_warp_products = 80;
constexpr int first_with_f8 = 89;
constexpr std::int64_t pattern_rows = 8;   // the period of the swizzle
constexpr std::int64_t max_columns = 512;  // two instructions side by side

std::int64_t extent_of(const Tensor& tensor, std::size_t axis) {
  return tensor.shape[axis].constant().value_or(0);
}

/// Whether all that is written to a buffer are copies from its first element on.
bool is_filled_by_copies(const Program& program, tile::TensorId id) {
  bool copies = true;
  tile::for_each_statement(program.body, [&](const tile::Statement& statement) {
    const auto* copy = std::get_if<tile::DmaCopy>(&statement.node);
    for (const auto& use : tile::operands(statement)) {
      if (use.tile->tensor != id || !writes(use.access)) continue;
      copies &= copy != nullptr && is_corner(use.tile->view);
    }
  });
  return copies;
}

/// Why a tile of shared memory cannot be swizzled for the tensor cores; `k_axis` is the axis of the
/// tensor along which k runs.
std::string why_not_swizzled(const Program& program, tile::TensorId id, std::size_t k_axis) {
  const Tensor& tensor = program[id];
  const auto element = static_cast<std::int64_t>(size_bytes(tensor.storage));
  const std::int64_t rows = extent_of(tensor, 0);
  const std::int64_t cols = extent_of(tensor, 1);
  const std::int64_t depth = k_axis == 1 ? cols : rows;
  const std::int64_t k_step = k_step_bytes / element;
  // Copies fill the rest of a row with zeros, which add nothing.
  const bool padded = k_axis == 1 && is_filled_by_copies(program, id);
  if (depth % k_step != 0 && !padded) {
    return fmt::format("{} has {} elements along k, not a multiple of {}", tensor.name, depth,
                       k_step);
  }
  if (swizzled_bytes(swizzled_rows(rows), cols, element) > tensor.slot_bytes) {
    return fmt::format("a row of {} takes {} bytes, not a multiple of 128", tensor.name,
                       cols * element);
  }
  return "";
}

bool is_f8(DType type) { return type == DType::f8e4m3 || type == DType::f8e5m2; }

/// Why warpgroups cannot multiply such elements.
std::string why_not_warpgroups(const Machine& machine, DType type) {
  if (!machine.cuda.warpgroup_products) return "this GPU has no products of warpgroups";
  if (is_f8(type)) return fmt::format("warpgroups add up products of {} with few bits", name(type));
  if (type != DType::i8) return "";
  return fmt::format("warpgroups multiply {} only where k runs along rows of both", name(type));
}

}  // namespace

std::int64_t padded_columns(const Tensor& tensor) {
  const std::int64_t step = k_step_bytes / static_cast<std::int64_t>(size_bytes(tensor.storage));
  return ceil_div(tensor.shape[1].offset(), step) * step;
}

std::int64_t swizzled_rows(std::int64_t extent) {
  return ceil_div(extent, pattern_rows) * pattern_rows;
}

std::string why_not_tensor_cores(const Program& program, const Machine& machine,
                                 const tile::Mma& mma, TensorCoreProduct& product) {
  const Tensor& acc = program[mma.acc.tensor];
  const Tensor& a = program[mma.a.tensor];
  const Tensor& b = program[mma.b.tensor];
  if (capability_of(machine.cuda.architecture) < first_with_warp_products) {
    return "this GPU has no tensor cores that are made use of";
  }
  const bool with_f8 = capability_of(machine.cuda.architecture) >= first_with_f8;
  const bool known = a.dtype == DType::f16 || a.dtype == DType::bf16 || a.dtype == DType::i8 ||
                     (is_f8(a.dtype) && with_f8);
  if (a.dtype != b.dtype || !known) {
    return fmt::format("tensor cores multiply {} by their like, not {} by {}",
                       with_f8 ? "f16, bf16, f8 or i8" : "f16, bf16 or i8", name(a.dtype),
                       name(b.dtype));
  }
  const DType sums = a.dtype == DType::i8 ? DType::i32 : DType::f32;
  if (acc.memory != "REGISTER" || acc.storage != sums) {
    return fmt::format("{} is not {} in REGISTER", acc.name, name(sums));
  }
  if (b.storage != b.dtype || (a.memory == "SHARED" && a.storage != a.dtype)) {
    return "a factor is held in a wider type";
  }
  if (sums == DType::i32 && mma.alpha != 1.0) return "a factor is put on sums of integers";
  product.by_warps = why_not_warpgroups(machine, a.dtype);
  if (b.memory != "SHARED" || (a.memory != "SHARED" && a.memory != "REGISTER")) {
    return "the operands do not lie in SHARED";
  }
  if (!is_corner(mma.acc.view) || !is_corner_or_swapped(mma.a.view) ||
      !is_corner_or_swapped(mma.b.view)) {
    return "an operand is a part or a view of its tile";
  }
  if (mma.alpha != 1.0 && mma.accumulate.constant() != false) {
    return "a factor is put on what is added to earlier sums";
  }
  if (mma.acc.tensor == mma.a.tensor || acc.shape.size() != 2) return "the output is an input too";
  if (extent_of(acc, 1) % 8 != 0 || extent_of(acc, 1) > max_columns) {
    return fmt::format("{} has {} columns, not a multiple of 8 up to {}", acc.name,
                       extent_of(acc, 1), max_columns);
  }
  // The axis of the tensor that the operand's dimension along k walks.
  const std::size_t a_k = mma.a.view.dims[mma.transpose_a ? 0 : 1].digits[0].axis;
  const std::size_t b_k = mma.b.view.dims[mma.transpose_b ? 1 : 0].digits[0].axis;
  product.a_by_k = a_k == 1;
  product.b_by_k = b_k == 1;
  if (a.memory == "REGISTER") {
    if (!product.a_by_k) return fmt::format("{} in REGISTER is transposed", a.name);
    if (size_bytes(a.dtype) == 1) return fmt::format("{} lies in REGISTER", a.name);
    const std::int64_t k_step = k_step_bytes / static_cast<std::int64_t>(size_bytes(a.dtype));
    if (extent_of(a, 1) % k_step != 0) {
      return fmt::format("{} has {} columns, not a multiple of {}", a.name, extent_of(a, 1),
                         k_step);
    }
  } else if (std::string why = why_not_swizzled(program, mma.a.tensor, a_k); !why.empty()) {
    return why;
  }
  return why_not_swizzled(program, mma.b.tensor, b_k);
}

}  // namespace septran::cuda
