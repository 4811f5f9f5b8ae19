#include "targets/cuda/warp_products.h"

#include "targets/cuda/products.h"
#include "targets/cuda/wgmma.h"

namespace septran::cuda {
namespace {

constexpr std::int64_t step_bytes = 32;    // of k, of an instruction
constexpr std::int64_t sums_of_group = 4;  // of 8 columns, of a thread

std::string template_arguments(const tile::Tensor& tensor, bool by_k) {
  return fmt::format("<{}, {}, {}>", size_bytes(tensor.storage), by_k,
                     swizzled_rows(tensor.shape[0].offset()));
}

/// What becomes of the sums before the first product is added.
void begin_sums(Emitter& e, const tile::Mma& mma, const RegisterTile& sums) {
  if (mma.accumulate.constant() == true) return;
  const bool never = mma.accumulate.constant() == false;
  if (!never) e.out().open("if (!({}))", to_c(mma.accumulate, e.vars()));
  e.out().directive("#pragma unroll");
  e.out().line("for (int n = 0; n < {}; ++n) {}[n] = 0;", sums.layout.offsets(), sums.name);
  if (!never) e.out().close();
}

/// Each step's fragments of A: of 16 rows for each 64 of the warpgroup's.
void load_left(Emitter& e, const Operand& left, const tile::Tensor& a, bool by_k,
               std::int64_t steps) {
  Writer& out = e.out();
  out.line("uint32_t left[{}][4];", steps);
  out.directive("#pragma unroll");
  out.open("for (int s = 0; s < {}; ++s)", steps);
  if (left.kind == Operand::Kind::registers) {
    const std::int64_t per_step = left.tile.layout.dims[0][1].offset / 2;
    out.directive("#pragma unroll");
    out.line("for (int i = 0; i < 4; ++i) left[s][i] = {}[s * {} + k * 4 + i];", left.tile.name,
             per_step);
  } else {
    out.line(
        "load_left{}(left[s], (const char *)a, (thread / 128 * {} + s) * 64 + thread / 32 % 4 * "
        "16, k);",
        template_arguments(a, by_k), steps);
  }
  if (a.dtype == DType::f32) out.line("round_factors(left[s]);");
  out.close();
}

}  // namespace

void emit_warp_product(Emitter& e, const tile::Mma& mma, const TensorCoreProduct& product) {
  Writer& out = e.out();
  const tile::Tensor& a = e.program()[mma.a.tensor];
  const tile::Tensor& b = e.program()[mma.b.tensor];
  const RegisterTile sums = e.register_tile(mma.acc.tensor, true);
  const Operand left = e.operand(mma.a, "a");
  const Operand right = e.operand(mma.b, "b");
  const bool in_registers = left.kind == Operand::Kind::registers;
  const bool a_by_k = in_registers || product.a_by_k;
  const auto element = static_cast<std::int64_t>(size_bytes(b.storage));
  const std::int64_t depth = a.shape[a_by_k ? 1 : 0].offset();
  const std::int64_t steps = sums.layout.dims[0][1].extent;  // of 64 rows
  const std::int64_t per_step = sums.layout.dims[0][1].offset;
  const std::int64_t groups = sums.layout.dims[1][0].extent;  // of 8 columns
  begin_sums(e, mma, sums);
  if (in_registers) clear_beyond(e, left.tile, mma.a.view.shape());
  out.directive("#pragma unroll");
  out.open("for (int k = 0; k < {}; ++k)", ceil_div(depth * element, step_bytes));
  load_left(e, left, a, a_by_k, steps);
  out.directive("#pragma unroll");
  out.open("for (int n = 0; n < {}; n += 2)", groups);
  out.line("uint32_t right[4];");
  out.line("load_right{}(right, (const char *)b, n * 8, k);",
           template_arguments(b, product.b_by_k));
  if (b.dtype == DType::f32) out.line("round_factors(right);");
  out.directive("#pragma unroll");
  out.open("for (int s = 0; s < {}; ++s)", steps);
  const std::string call =
      fmt::format("warp_product_{}({} + s * {} + ", factor_name(b.dtype), sums.name, per_step);
  out.line("{}n * {}, left[s], right[0], right[1]);", call, sums_of_group);
  const std::string second =
      fmt::format("{}(n + 1) * {}, left[s], right[2], right[3]);", call, sums_of_group);
  out.line("{}{}", groups % 2 == 0 ? "" : fmt::format("if (n + 1 < {}) ", groups), second);
  out.close();
  out.close();
  out.close();
  emit_scale(e, mma.acc.tensor, mma.alpha);
}

}  // namespace septran::cuda
