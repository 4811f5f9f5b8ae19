// Matrix products by ordinary arithmetic.
#include <algorithm>
#include <cmath>

#include "compiler/base/diagnostic.h"
#include "targets/cpu/access.h"
#include "targets/cuda/emitter.h"
#include "targets/cuda/vec_writer.h"

namespace septran::cuda {
namespace {

/// alpha * sum, in the type of the sums.
std::string scaled(const Product& product, const std::string& sum) {
  if (product.alpha == 1.0) return sum;
  const bool by_f64 = product.type == DType::i32 && std::nearbyint(product.alpha) != product.alpha;
  if (by_f64) {
    return fmt::format("f64_to_i32({} * (double){})", number(DType::f64, product.alpha), sum);
  }
  return fmt::format("{} * {}", number(product.type, product.alpha), sum);
}

std::string added(const Product& product, const std::string& old, const std::string& sum) {
  if (product.accumulate == "0") return sum;
  if (product.accumulate == "1") return fmt::format("{} + {}", old, sum);
  return fmt::format("({} ? {} : 0) + {}", product.accumulate, old, sum);
}

/// One thread an element.
void product_in_memory(Emitter& e, const Product& product) {
  Writer& out = e.out();
  const Access& c = product.out.access;
  const std::vector<Expr> shape{product.extents[0], product.extents[1]};
  out.line("const int depth = {};", to_c(product.extents[2], e.vars()));
  e.thread_nest(shape, &c, 1, [&](const Point& point) {
    out.line("{} sum = 0;", cpu::c_type(product.type));
    out.line("for (int p = 0; p < depth; ++p) sum += {} * {};",
             load(product.a, {point.at[0], "p"}, product.type, e.vars()),
             load(product.b, {"p", point.at[1]}, product.type, e.vars()));
    out.raw(store(c, point.at, product.type,
                  added(product, load(c, point.at, product.type, e.vars()), scaled(product, "sum")),
                  e.vars()));
  });
}

/// Elements of one operand that a thread needs at one step of k. Positions beyond the edge take the
/// last ones: their sums are not used.
void load_side(Emitter& e, const Product& product, const Layout& layout, std::size_t dim) {
  Writer& out = e.out();
  const Layout vector = layout.vector_of(dim);
  const char* name = dim == 0 ? "a" : "b";
  out.line("{} {}_at_p[{}];", cpu::c_type(product.type), name, vector.offsets());
  out.open("{}", "");
  e.register_nest(vector, false, [&](const std::vector<Point>& points) {
    std::string at = points[0].at[0];
    if (!e.within(vector, {product.extents[dim]}, points[0]).empty()) {
      at = fmt::format("(int)min({}, {} - 1)", at, factor(product.extents[dim], e.vars()));
    }
    const Position position = dim == 0 ? Position{at, "p"} : Position{"p", at};
    out.line("{}_at_p[{}] = {};", name, Emitter::register_number(vector, {0}, points[0]),
             load(dim == 0 ? product.a : product.b, position, product.type, e.vars()));
  });
  out.close();
}

void product_in_registers(Emitter& e, const Product& product) {
  Writer& out = e.out();
  const RegisterTile& c = product.out.tile;
  const Layout& layout = c.layout;
  const char* type = cpu::c_type(product.type);
  out.line("{} sum[{}];", type, layout.offsets());
  out.directive("#pragma unroll");
  out.line("for (int n = 0; n < {}; ++n) sum[n] = 0;", layout.offsets());
  out.line("const int depth = {};", to_c(product.extents[2], e.vars()));
  out.open("for (int p = 0; p < depth; ++p)");
  load_side(e, product, layout, 0);
  load_side(e, product, layout, 1);
  e.register_nest(layout, false, [&](const std::vector<Point>& points) {
    out.line("sum[{}] += a_at_p[{}] * b_at_p[{}];",
             Emitter::register_number(layout, {0, 1}, points[0]),
             Emitter::register_number(layout.vector_of(0), {0}, points[0]),
             Emitter::register_number(layout.vector_of(1), {1}, points[0]));
  });
  out.close();
  out.directive("#pragma unroll");
  out.open("for (int n = 0; n < {}; ++n)", layout.offsets());
  const std::string old = read_register(c, "n", product.type);
  out.line(
      "{}[n] = {};", c.name,
      encoded(c.logical, c.element, product.type, added(product, old, scaled(product, "sum[n]"))));
  out.close();
}

}  // namespace

void emit_product(Emitter& emitter, const Product& product) {
  if (product.out.kind == Operand::Kind::registers) {
    SEPTRAN_CHECK(!product.out.tile.paired);
    return product_in_registers(emitter, product);
  }
  product_in_memory(emitter, product);
}

namespace {

void swap_dims(Access& access) {
  std::swap(access.dims[0], access.dims[1]);
  if (access.swizzled_rows == 0) return;
  for (std::size_t& dim : access.swizzled_dims) {
    if (dim != SIZE_MAX) dim = 1 - dim;
  }
}

}  // namespace

void VecWriter::matrix() {
  Product product;
  product.out = operands_[0];
  product.a = operands_[1].access;
  product.b = operands_[2].access;
  if (bool_attribute(attributes_, "transpose_a")) swap_dims(product.a);
  if (bool_attribute(attributes_, "transpose_b")) swap_dims(product.b);
  product.extents = extents_;
  product.type = type_;
  product.alpha = float_attribute(attributes_, "alpha");
  if (bool_attribute(attributes_, "accumulate")) product.accumulate = "1";
  // The call's one rounding happens when its value is stored.
  product.out.access.logical = e_.program()[tile_of(0)->tensor].dtype;
  product.out.tile.logical = product.out.access.logical;
  emit_product(e_, product);
}

void emit_mma(Emitter& emitter, const tile::Mma& mma) {
  Product product;
  product.out = emitter.operand(mma.acc, "c", true);
  product.a = emitter.operand(mma.a, "a").access;
  product.b = emitter.operand(mma.b, "b").access;
  if (mma.transpose_a) swap_dims(product.a);
  if (mma.transpose_b) swap_dims(product.b);
  product.extents = mma.acc.view.shape();
  product.extents.push_back(product.a.dims[1].extent);
  product.type = arithmetic_type(emitter.program()[mma.acc.tensor].storage);
  product.alpha = mma.alpha;
  product.accumulate = to_c(mma.accumulate, emitter.vars());
  const bool aside = mma.acc.tensor == mma.a.tensor || mma.acc.tensor == mma.b.tensor;
  if (!aside) return emit_product(emitter, product);
  // C is an input of its own product: computed aside, then moved.
  const Operand target = product.out;
  product.out.access = emitter.declare_spare(target.access, "aside");
  if (product.accumulate != "0") {
    emitter.out().open("{}", "");
    emit_copy(emitter, product.out, target, mma.acc.view.shape());
    emitter.out().close();
    emitter.barrier();
  }
  emit_product(emitter, product);
  emitter.barrier();
  emitter.out().open("{}", "");
  emit_copy(emitter, target, product.out, mma.acc.view.shape());
  emitter.out().close();
}

}  // namespace septran::cuda
