// Matrix products: blocks of C held in vector registers, fed by panels of A and B.
#include <algorithm>
#include <optional>

#include "compiler/base/diagnostic.h"
#include "targets/cpu/emitter.h"
#include "targets/cpu/micro_kernel.h"

namespace septran::cpu {
namespace {

constexpr std::int64_t few_blocks = 3;

/// The walk over dimension d of a tile in blocks of `width`, if it is in panels of that width or
/// has one step; its other dimension must have one step.
std::optional<Walk> walk(const Access& access, std::size_t d, std::int64_t width) {
  if (!access.axes.empty() || !access.is_linear(1 - d)) return std::nullopt;
  const Access::Dim& dim = access.dims[d];
  Walk result;
  result.along_k = access.stride(1 - d);
  result.storage = access.storage;
  if (access.is_linear(d)) {
    result.next = dim.steps[0].stride;
    result.next_block = result.next * width;
    return result;
  }
  if (dim.steps.size() != 2 || !dim.starts_at_zero() || dim.steps[1].extent != width) {
    return std::nullopt;
  }
  result.panels = true;
  result.next = dim.steps[1].stride;
  result.next_block = dim.steps[0].stride;
  return result;
}

/// The micro-kernel for a product, if there is one.
std::optional<Micro> plan(const Product& product, const std::vector<std::int64_t>& tile,
                          int vector_bytes, const VarTable& vars) {
  if (tile.size() != 2 || product.out.storage != product.type || !product.out.axes.empty()) {
    return std::nullopt;
  }
  if (!product.out.is_linear(0) || !product.out.is_linear(1) || product.out.stride(1) != 1) {
    return std::nullopt;
  }
  Micro micro;
  micro.type = product.type;
  micro.rows = tile[0];
  micro.cols = tile[1];
  micro.lanes = vector_bytes / static_cast<std::int64_t>(size_bytes(product.type));
  while (micro.lanes > 1 && micro.cols % micro.lanes != 0) micro.lanes /= 2;
  const auto a = walk(product.a, 0, tile[0]);
  const auto b = walk(product.b, 1, tile[1]);
  if (!a || !b || b->next != 1) return std::nullopt;
  const bool widens = b->storage == DType::i8 && product.type == DType::i32;
  if (b->storage != product.type && !widens) return std::nullopt;
  if (product.type == DType::i32 && product.alpha != 1.0) return std::nullopt;
  micro.a = *a;
  micro.b = *b;
  micro.c_row = product.out.stride(0);
  micro.alpha = product.alpha;
  const Expr& height = product.out.dims[0].extent;
  micro.prefetch_b = !micro.b.panels && vars.range(height).hi <= few_blocks * micro.rows;
  micro.heights = block_sizes(height, micro.rows, vars);
  micro.widths = block_sizes(product.out.dims[1].extent, micro.cols, vars);
  return micro;
}

}  // namespace

void emit_mma(Emitter& emitter, const tile::Mma& mma) {
  Product product;
  product.out = emitter.declare(mma.acc, "c", true);
  product.a = emitter.declare(mma.a, "a");
  product.b = emitter.declare(mma.b, "b");
  if (mma.transpose_a) std::swap(product.a.dims[0], product.a.dims[1]);
  if (mma.transpose_b) std::swap(product.b.dims[0], product.b.dims[1]);
  product.old = product.out;
  product.type = arithmetic_type(product.out.storage);
  product.alpha = mma.alpha;
  product.accumulate = to_c(mma.accumulate, emitter.vars());
  std::vector<std::int64_t> tile = mma.tile;
  // C transposed, where its columns are what lies side by side.
  const bool by_columns = product.out.is_linear(0) && product.out.stride(0) == 1 &&
                          !(product.out.is_linear(1) && product.out.stride(1) == 1);
  if (by_columns) {
    std::swap(product.a, product.b);
    for (Access* access : {&product.out, &product.old, &product.a, &product.b}) {
      std::swap(access->dims[0], access->dims[1]);
    }
    std::reverse(tile.begin(), tile.end());
  }
  const bool aside = mma.acc.tensor == mma.a.tensor || mma.acc.tensor == mma.b.tensor;
  if (aside) {  // C is an input of its own product
    const Access target = product.out;
    product.out = emitter.declare_spare(target, "aside");
    emit_product(emitter, product);
    return emit_copy(emitter, target, product.out);
  }
  const auto micro = plan(product, tile, emitter.machine().cpu.vector_bytes, emitter.vars());
  if (!micro) return emit_product(emitter, product);
  const std::string name = emitter.function(
      "mma", micro->key(),
      [&](Writer& out, const std::string& function) { write_product(*micro, function, out); });
  const VarTable& vars = emitter.vars();
  emitter.out().line("{}({}, {}, {}, {}, {}, {}, {});", name,
                     to_c(product.out.dims[0].extent, vars), to_c(product.out.dims[1].extent, vars),
                     to_c(product.a.dims[1].extent, vars), product.a.pointer, product.b.pointer,
                     product.out.pointer, product.accumulate);
}

}  // namespace septran::cpu
