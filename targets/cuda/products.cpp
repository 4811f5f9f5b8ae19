#include "targets/cuda/products.h"

#include <fmt/format.h>

#include "compiler/base/diagnostic.h"
#include "compiler/tile/visit.h"
#include "targets/cuda/source.h"
#include "targets/cuda/wgmma.h"

namespace septran::cuda {
namespace {

using tile::Program;
using tile::Tensor;

constexpr std::int64_t k_step_bytes = 32;  // of an instruction
constexpr int first_with_warp_products = 80;
constexpr int first_with_f8 = 89;
constexpr int tf32_bits = 10;              // of its mantissa
constexpr int f8_sum_bits = 13;            // of the mantissas of sums of f8, by warpgroups
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

/// Whether a buffer of f32 is filled from GLOBAL alone, and nothing but products of rounded factors
/// reads it: then it may hold rounded values.
bool is_only_multiplied(const Program& program, tile::TensorId id) {
  bool only = true;
  tile::for_each_statement(program.body, [&](const tile::Statement& statement) {
    const auto* copy = std::get_if<tile::DmaCopy>(&statement.node);
    const auto* mma = std::get_if<tile::Mma>(&statement.node);
    for (const auto& use : tile::operands(statement)) {
      if (use.tile->tensor != id) continue;
      const bool filled = copy != nullptr && use.tile == &copy->dst &&
                          program[copy->src.tensor].memory == "GLOBAL" &&
                          program[copy->src.tensor].storage == DType::f32;
      only &= filled || (mma != nullptr && use.index > 0 && by_tf32(program, *mma));
    }
  });
  return only;
}

/// Whether an instruction for integers has such a number of columns: steps are 16, but for two.
bool has_integer_columns(std::int64_t columns) {
  return columns % 16 == 0 || columns == 8 || columns == 24;
}

/// Why warpgroups cannot compute a product whose rest is filled in.
std::string why_not_warpgroups(const Program& program, const Machine& machine, const tile::Mma& mma,
                               const TensorCoreProduct& product) {
  const DType type = program[mma.a.tensor].dtype;
  if (!machine.cuda.warpgroup_products) return "this GPU has no products of warpgroups";
  if (is_f8(type) && (mma.sum_bits == 0 || mma.sum_bits > f8_sum_bits)) {
    return fmt::format("warpgroups add up products of {} with few bits", name(type));
  }
  if (size_bytes(type) == 2) return "";
  if (!product.a_by_k || !product.b_by_k) {
    return fmt::format("warpgroups multiply {} only where k runs along rows of both",
                       factor_name(type));
  }
  const std::int64_t columns = extent_of(program[mma.acc.tensor], 1);
  if (type == DType::i8 && !has_integer_columns(columns > 256 ? columns / 2 : columns)) {
    return fmt::format("warpgroups do not multiply {} by {} columns", name(type), columns);
  }
  if (type != DType::f32) return "";
  for (const tile::TileRef* tile : {&mma.a, &mma.b}) {
    if (is_only_multiplied(program, tile->tensor)) continue;
    return fmt::format("{} is not only copied and multiplied as tf32", program[tile->tensor].name);
  }
  return "";
}

}  // namespace

bool by_tf32(const Program& program, const tile::Mma& mma) {
  return mma.factor_bits > 0 && mma.factor_bits <= tf32_bits &&
         program[mma.a.tensor].dtype == DType::f32 && program[mma.b.tensor].dtype == DType::f32;
}

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
                     (is_f8(a.dtype) && with_f8) || by_tf32(program, mma);
  if (a.dtype != b.dtype || !known) {
    const bool wide = a.dtype == DType::f32 && b.dtype == DType::f32;
    return fmt::format("tensor cores multiply {} by their like, not {} by {}{}",
                       with_f8 ? "f16, bf16, f8 or i8" : "f16, bf16 or i8", name(a.dtype),
                       name(b.dtype), wide ? " (rounded to tf32 where a binding asks for it)" : "");
  }
  const DType sums = a.dtype == DType::i8 ? DType::i32 : DType::f32;
  if (acc.memory != "REGISTER" || acc.storage != sums) {
    return fmt::format("{} is not {} in REGISTER", acc.name, name(sums));
  }
  if (b.storage != b.dtype || (a.memory == "SHARED" && a.storage != a.dtype)) {
    return "a factor is held in a wider type";
  }
  if (sums == DType::i32 && mma.alpha != 1.0) return "a factor is put on sums of integers";
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
    if (size_bytes(a.dtype) != 2) return fmt::format("{} lies in REGISTER", a.name);
    const std::int64_t k_step = k_step_bytes / static_cast<std::int64_t>(size_bytes(a.dtype));
    if (extent_of(a, 1) % k_step != 0) {
      return fmt::format("{} has {} columns, not a multiple of {}", a.name, extent_of(a, 1),
                         k_step);
    }
  } else if (std::string why = why_not_swizzled(program, mma.a.tensor, a_k); !why.empty()) {
    return why;
  }
  if (std::string why = why_not_swizzled(program, mma.b.tensor, b_k); !why.empty()) return why;
  product.by_warps = why_not_warpgroups(program, machine, mma, product);
  return "";
}

}  // namespace septran::cuda
