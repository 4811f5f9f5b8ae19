// Matrix products: blocks of C held in vector registers, fed by panels of A and B.
#include <algorithm>
#include <optional>

#include "compiler/base/diagnostic.h"
#include "targets/cpu/emitter.h"
#include "targets/cpu/inner_kernel.h"
#include "targets/cpu/micro_kernel.h"

namespace septran::cpu {
namespace {

constexpr std::int64_t few_blocks = 3;

/// The walk over dimension d of a tile in blocks of `width`, if it is in panels of that width or
/// has one step. Its other dimension is k, whose neighbours must lie side by side in groups.
std::optional<Walk> walk(const Access& access, std::size_t d, std::int64_t width,
                         std::int64_t group) {
  if (!access.axes.empty()) return std::nullopt;
  const Access::Dim& dim = access.dims[d];
  const Access::Dim& k = access.dims[1 - d];
  Walk result;
  if (access.is_linear(1 - d) && (group == 1 || access.stride(1 - d) == 1)) {
    result.along_k = access.stride(1 - d) * group;
  } else if (group > 1 && k.steps.size() == 2 && k.starts_at_zero() && k.steps[1].extent == group &&
             k.steps[1].stride == 1) {
    result.along_k = k.steps[0].stride;
  } else {
    return std::nullopt;
  }
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

/// Whether the micro-kernel reads elements of B as its sums need them.
bool can_load(const Micro& micro) {
  const DType from = micro.b.storage;
  if (from == micro.type || (from == DType::i8 && micro.type == DType::i32)) return true;
  const bool narrow = from == DType::bf16 || from == DType::f16;
  return narrow && micro.type == DType::f32 && micro.is_whole;
}

/// The micro-kernel for a product, if there is one.
std::optional<Micro> plan(const Product& product, const std::vector<std::int64_t>& tile,
                          const Machine& machine, const VarTable& vars) {
  if (tile.size() < 2 || !product.out.axes.empty()) return std::nullopt;
  if (!product.out.is_linear(0) || !product.out.is_linear(1) || product.out.stride(1) != 1) {
    return std::nullopt;
  }
  const int vector_bytes = machine.cpu.vector_bytes;
  Micro micro;
  micro.type = product.type;
  micro.rows = tile[0];
  micro.cols = tile[1];
  micro.lanes = vector_bytes / static_cast<std::int64_t>(size_bytes(product.type));
  while (micro.lanes > 1 && micro.cols % micro.lanes != 0) micro.lanes /= 2;
  micro.is_whole = micro.lanes * 4 == vector_bytes;
  micro.c = product.out.storage;
  const bool is_narrow = micro.c == DType::f16 || micro.c == DType::bf16;
  const bool can_round =
      is_narrow && micro.type == DType::f32 && product.accumulate == "0" && micro.is_whole;
  if (micro.rounds() && !can_round) return std::nullopt;
  if (tile.size() > 2) {
    micro.dot = find_dot(machine, product.b.storage, product.type, tile[2]);
    const bool fits = micro.dot != nullptr && micro.is_whole &&
                      product.a.storage == product.b.storage &&
                      product.b.biased == micro.dot->is_biased && !product.a.biased;
    if (!fits) return std::nullopt;
    micro.group_rests = rests_of(product.a.dims[1].extent, tile[2], vars);
  } else if (product.a.biased || product.b.biased) {
    return std::nullopt;
  }
  const auto a = walk(product.a, 0, tile[0], micro.group());
  const auto b = walk(product.b, 1, tile[1], micro.group());
  if (!a || !b || b->next != micro.group()) return std::nullopt;
  if (micro.dot != nullptr && !b->panels) return std::nullopt;  // reads whole vectors
  micro.a = *a;
  micro.b = *b;
  if (micro.dot == nullptr && !can_load(micro)) return std::nullopt;
  const bool widens = micro.b.storage == DType::bf16 || micro.b.storage == DType::i8;
  if (widens && micro.is_whole) {
    micro.widening = widening(machine, size_bytes(micro.b.storage), micro.b.storage == DType::i8);
  }
  if (product.type == DType::i32 && product.alpha != 1.0) return std::nullopt;
  micro.c_row = product.out.stride(0);
  micro.alpha = product.alpha;
  const Expr& height = product.out.dims[0].extent;
  micro.most_rows = vars.range(height).hi;
  micro.prefetch_b = !micro.b.panels && micro.most_rows <= few_blocks * micro.rows;
  micro.heights = block_sizes(height, micro.rows, vars);
  micro.widths = block_sizes(product.out.dims[1].extent, micro.cols, vars);
  return micro;
}

void emit_call(Emitter& emitter, const Product& product, const std::string& name, bool swapped) {
  const VarTable& vars = emitter.vars();
  const std::string m = to_c(product.out.dims[0].extent, vars);
  const std::string n = to_c(product.out.dims[1].extent, vars);
  const std::string& a = product.a.pointer;
  const std::string& b = product.b.pointer;
  emitter.out().line("{}({}, {}, {}, {}, {}, {}, {});", name, swapped ? n : m, swapped ? m : n,
                     to_c(product.a.dims[1].extent, vars), swapped ? b : a, swapped ? a : b,
                     product.out.pointer, product.accumulate);
}

void emit_inner(Emitter& emitter, const Product& product, const Inner& inner) {
  const std::string name = emitter.function(
      "mma", inner.key(),
      [&](Writer& out, const std::string& function) { write_inner(inner, function, out); });
  emit_call(emitter, product, name, inner.swapped);
}

/// Whether B has few columns of which each row of A meets all, so often that turning B into rows
/// first makes good inner products.
bool has_few_columns(const Product& product, const VarTable& vars) {
  constexpr std::int64_t many_rows = 16;
  const Access& b = product.b;
  for (const Access* one : {&product.a, &b}) {
    if (!one->axes.empty() || !one->is_linear(0) || !one->is_linear(1) || one->biased ||
        one->storage != DType::f32) {
      return false;
    }
  }
  return product.type == DType::f32 && product.a.stride(1) == 1 && b.stride(0) != 1 &&
         b.stride(1) == 1 && vars.range(b.dims[1].extent).hi <= few_inner_products &&
         vars.range(product.a.dims[0].extent).hi >= many_rows;
}

/// The same product with each column of B side by side, in memory of the worker. Columns lie an odd
/// number of cache lines apart, so that they do not meet in few sets of a cache.
Product with_turned_b(Emitter& emitter, const Product& product) {
  constexpr std::int64_t line = 64 / sizeof(float);
  Access columns = product.b;
  std::swap(columns.dims[0], columns.dims[1]);
  Access apart = columns;
  const std::int64_t depth = emitter.vars().range(columns.dims[1].extent).hi;
  apart.dims[1].extent = Expr((ceil_div(depth, line) | 1) * line);
  Product turned = product;
  turned.b = emitter.declare_spare(apart, "turned");
  turned.b.dims[1].extent = columns.dims[1].extent;
  emit_copy(emitter, turned.b, columns);
  std::swap(turned.b.dims[0], turned.b.dims[1]);
  return turned;
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
  if (is_by_columns(product.out)) {
    std::swap(product.a, product.b);
    for (Access* access : {&product.out, &product.old, &product.a, &product.b}) {
      std::swap(access->dims[0], access->dims[1]);
    }
    if (tile.size() > 1) std::swap(tile[0], tile[1]);
  }
  const bool aside = mma.acc.tensor == mma.a.tensor || mma.acc.tensor == mma.b.tensor;
  if (aside) {  // C is an input of its own product
    const Access target = product.out;
    product.out = emitter.declare_spare(target, "aside");
    emit_product(emitter, product);
    return emit_copy(emitter, target, product.out);
  }
  if (has_few_columns(product, emitter.vars())) product = with_turned_b(emitter, product);
  if (const auto inner = plan_inner(product, emitter.machine(), emitter.vars())) {
    return emit_inner(emitter, product, *inner);
  }
  const auto micro = plan(product, tile, emitter.machine(), emitter.vars());
  if (!micro) return emit_product(emitter, product);
  const std::string name = emitter.function(
      "mma", micro->key(),
      [&](Writer& out, const std::string& function) { write_product(*micro, function, out); });
  emit_call(emitter, product, name, false);
}

}  // namespace septran::cpu
