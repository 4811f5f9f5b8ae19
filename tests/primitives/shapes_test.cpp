// Iteration spaces, shape conditions, and when a call has no effect.
#include <gtest/gtest.h>

#include "compiler/primitives/primitives.h"

namespace septran {
namespace {

using Shape = std::optional<std::vector<Expr>>;
using Dims = std::vector<std::size_t>;

Shape shape(std::vector<Expr> extents) { return extents; }

Attributes completed(const Primitive& primitive, Attributes attributes) {
  EXPECT_TRUE(complete_attributes(primitive, attributes).empty());
  return attributes;
}

ShapeResult resolve(const char* name, const std::vector<Shape>& shapes,
                    const Attributes& attributes = {}) {
  const Primitive& primitive = *find_primitive(name);
  return resolve_shapes(primitive, completed(primitive, attributes), shapes);
}

/// "m=64 n=32 k*=16": a star marks reductions.
std::string text(const IterationSpace& space) {
  std::string result;
  for (const IterationDim& dim : space.dims) {
    result += (result.empty() ? "" : " ") + dim.name + (dim.reduction ? "*" : "") +
              (dim.divisible ? "=" : "!=") + std::to_string(dim.extent.offset());
  }
  return result;
}

std::string fault_of(const ShapeResult& result) {
  if (result.fault) return result.fault->text;
  return result.equalities.empty() ? "none" : result.equalities[0].fault.text;
}

TEST(Shapes, Gemm) {
  const auto plain = resolve("gemm", {shape({64, 32}), shape({64, 16}), shape({16, 32})});
  EXPECT_EQ(fault_of(plain), "none");
  EXPECT_EQ(text(plain.space), "m=64 n=32 k*=16");
  EXPECT_EQ(plain.space.operand_dims, (std::vector<Dims>{{0, 1}, {0, 2}, {2, 1}}));
  const auto both = resolve("gemm", {shape({64, 32}), shape({16, 64}), shape({32, 16})},
                            {{"transpose_a", true}, {"transpose_b", true}});
  EXPECT_EQ(fault_of(both), "none");
  EXPECT_EQ(text(both.space), "m=64 n=32 k*=16");
  EXPECT_EQ(both.space.operand_dims, (std::vector<Dims>{{0, 1}, {2, 0}, {1, 2}}));
}

TEST(Shapes, GemmFaults) {
  const auto wrong = resolve("gemm", {shape({64, 32}), shape({60, 16}), shape({15, 31})});
  ASSERT_EQ(wrong.equalities.size(), 3U);
  EXPECT_EQ(wrong.equalities[0].fault.text,
            "dimension 0 of A is 60, but m (dimension 0 of C) is 64");
  EXPECT_EQ(wrong.equalities[0].fault.operand, 1U);
  EXPECT_EQ(wrong.equalities[1].fault.text,
            "dimension 0 of B is 15, but k (dimension 1 of A) is 16");
  EXPECT_EQ(wrong.equalities[2].fault.text,
            "dimension 1 of B is 31, but n (dimension 1 of C) is 32");
  EXPECT_EQ(fault_of(resolve("gemm", {shape({64, 32}), shape({64}), shape({16, 32})})),
            "A has 1 dimension, but gemm takes matrices of 2");
  EXPECT_EQ(fault_of(resolve("gemm", {shape({64, 32}), std::nullopt, shape({16, 32})})),
            "operand A of gemm must be a tensor");
  EXPECT_EQ(fault_of(resolve("gemm", {shape({64, 32})})), "operand A of gemm must be a tensor");
  const Expr variable = Expr::var(VarId{0});
  const auto unknown = resolve("gemm", {shape({variable, 8}), shape({4, 8}), shape({8, 8})});
  ASSERT_EQ(unknown.equalities.size(), 1U);
  EXPECT_EQ(unknown.equalities[0].fault.text, "dimension 0 of A differs from m (dimension 0 of C)");
  EXPECT_EQ(unknown.equalities[0].left, Expr(4));
  EXPECT_EQ(unknown.equalities[0].right, variable);
}

TEST(Shapes, Elementwise) {
  const auto exp = resolve("exp", {shape({2, 3, 4}), shape({2, 3, 4})});
  EXPECT_EQ(fault_of(exp), "none");
  EXPECT_EQ(text(exp.space), "d0=2 d1=3 d2=4");
  EXPECT_EQ(exp.space.operand_dims, (std::vector<Dims>{{0, 1, 2}, {0, 1, 2}}));
  EXPECT_EQ(fault_of(resolve("exp", {shape({2, 3}), shape({2, 4})})),
            "dimension 1 of Y is 3, but dimension 1 of X is 4");
  EXPECT_EQ(fault_of(resolve("exp", {shape({2}), shape({2, 4})})),
            "Y has 1 dimension, but X has 2");
  EXPECT_EQ(text(resolve("fill", {shape({5})}, {{"value", 1.0}}).space), "d0=5");
  const auto fma = resolve("fma", {shape({5}), shape({5}), std::nullopt, shape({5})});
  EXPECT_EQ(fault_of(fma), "none");
  EXPECT_EQ(fma.space.operand_dims, (std::vector<Dims>{{0}, {0}, {}, {0}}));
}

TEST(Shapes, Binary) {
  const Shape x = shape({8, 4});
  EXPECT_EQ(resolve("add", {x, x, x}).space.operand_dims[2], (Dims{0, 1}));
  EXPECT_EQ(resolve("add", {x, x, std::nullopt}).space.operand_dims[2], Dims{});
  EXPECT_EQ(resolve("add", {x, x, shape({8})}, {{"axis", Expr(0)}}).space.operand_dims[2], Dims{0});
  EXPECT_EQ(resolve("add", {x, x, shape({4})}, {{"axis", Expr(1)}}).space.operand_dims[2], Dims{1});
  EXPECT_EQ(resolve("add", {x, x, shape({})}).space.operand_dims[2], Dims{});
  EXPECT_EQ(resolve("fma", {x, x, shape({}), x}).space.operand_dims,
            (std::vector<Dims>{{0, 1}, {0, 1}, {}, {0, 1}}));
  EXPECT_EQ(fault_of(resolve("dequantize", {x, x, shape({}), shape({})})), "none");
  EXPECT_EQ(fault_of(resolve("add", {x, shape({}), x})), "Y has 2 dimensions, but X1 has 0");
  EXPECT_EQ(fault_of(resolve("add", {x, x, shape({4})}, {{"axis", Expr(0)}})),
            "dimension 0 of X2 is 4, but dimension 0 of X1 is 8");
  EXPECT_EQ(fault_of(resolve("add", {x, x, shape({4})})),
            "X2 has 1 dimension, but X1 has 2; axis=0 takes one value a row, axis=1 one a column");
  EXPECT_EQ(fault_of(resolve("add", {x, x, x}, {{"axis", Expr(0)}})),
            "X2 has 2 dimensions, but with axis it has 1");
  EXPECT_EQ(fault_of(resolve("add", {x, x, shape({4})}, {{"axis", Expr(2)}})),
            "axis 2 is out of range: X1 has 2 dimensions");
  EXPECT_EQ(fault_of(resolve("add", {x, x, shape({4})}, {{"axis", Expr(-1)}})),
            "axis -1 is out of range: X1 has 2 dimensions");
  EXPECT_EQ(fault_of(resolve("add", {x, std::nullopt, x})), "operand X1 of add must be a tensor");
}

TEST(Shapes, Reduction) {
  const auto middle = resolve("reduce_max", {shape({2, 4}), shape({2, 3, 4})}, {{"axis", Expr(1)}});
  EXPECT_EQ(fault_of(middle), "none");
  EXPECT_EQ(text(middle.space), "d0=2 d1*=3 d2=4");
  EXPECT_EQ(middle.space.operand_dims, (std::vector<Dims>{{0, 2}, {0, 1, 2}}));
  EXPECT_EQ(fault_of(resolve("reduce_sum", {shape({}), shape({3})}, {{"axis", Expr(0)}})), "none");
  EXPECT_EQ(fault_of(resolve("reduce_sum", {shape({2, 3}), shape({2, 3})}, {{"axis", Expr(0)}})),
            "Y has 2 dimensions, but X without axis 0 has 1");
  EXPECT_EQ(fault_of(resolve("reduce_sum", {shape({2}), shape({2, 3})}, {{"axis", Expr(0)}})),
            "dimension 0 of Y is 2, but dimension 1 of X is 3");
  EXPECT_EQ(fault_of(resolve("reduce_sum", {shape({}), shape({})}, {{"axis", Expr(0)}})),
            "axis 0 is out of range: X has 0 dimensions");
}

TEST(Shapes, TransposeMaskAndIota) {
  const auto transposed = resolve("transpose", {shape({4, 8}), shape({8, 4})});
  EXPECT_EQ(fault_of(transposed), "none");
  EXPECT_EQ(transposed.space.operand_dims, (std::vector<Dims>{{0, 1}, {1, 0}}));
  EXPECT_EQ(fault_of(resolve("transpose", {shape({4, 8}), shape({4, 8})})),
            "dimension 0 of X is 4, but dimension 1 of Y is 8");
  EXPECT_EQ(fault_of(resolve("transpose", {shape({4, 8}), shape({4, 8, 2})})),
            "X has 3 dimensions, but transpose takes matrices of 2");
  const Attributes mask = {{"row0", Expr(0)}, {"col0", Expr(0)}, {"value", 0.0}};
  EXPECT_EQ(fault_of(resolve("mask_causal", {shape({4})}, mask)),
            "S has 1 dimension, but mask_causal needs two or more");
  EXPECT_EQ(text(resolve("mask_causal", {shape({4, 5})}, mask).space), "d0=4 d1=5");
  EXPECT_EQ(fault_of(resolve("iota", {shape({4})}, {{"axis", Expr(1)}})),
            "axis 1 is out of range: X has 1 dimension");
}

TEST(Shapes, Quantization) {
  const Attributes four = {{"bits", Expr(4)}, {"group", Expr(8)}};
  const auto grouped = resolve("dequantize", {shape({3, 20}), shape({3, 10}), shape({3, 3})}, four);
  EXPECT_EQ(fault_of(grouped), "none");
  EXPECT_EQ(text(grouped.space), "d0=3 d1!=20");
  EXPECT_EQ(grouped.space.operand_dims,
            (std::vector<Dims>{{0, 1}, {0, whole_dim}, {0, whole_dim}, {}}));
  EXPECT_EQ(fault_of(resolve("dequantize", {shape({3, 20}), shape({3, 20}), shape({3, 3})}, four)),
            "dimension 1 of Q is 20, but half (rounded up) of the last dimension of Y is 10");
  EXPECT_EQ(fault_of(resolve("dequantize", {shape({3, 20}), shape({3, 10}), shape({3, 2})}, four)),
            "dimension 1 of scale is 2, but the number of groups of 8 in a row of Y is 3");
  EXPECT_EQ(fault_of(resolve("quantize", {shape({3, 20}), shape({3, 20}), std::nullopt})), "none");
  EXPECT_EQ(fault_of(resolve("quantize", {shape({3, 20}), shape({3, 20}), shape({3}), shape({3})})),
            "none");
  EXPECT_EQ(fault_of(resolve("quantize", {shape({3, 20}), shape({3, 20}), shape({3, 20})})),
            "scale has 2 dimensions, but one value a row takes 1");
  EXPECT_EQ(fault_of(resolve("quantize", {shape({}), shape({}), std::nullopt})),
            "X has no dimension, but quantize runs along its last one");
}

Cond effectless(const char* name, Attributes attributes, std::vector<Expr> extents) {
  attributes.emplace("value", 0.0);
  return no_effect(*find_primitive(name), attributes, {extents});
}

TEST(NoEffect, CausalBlocksBelowTheDiagonal) {
  for (std::int64_t row0 = 0; row0 < 12; ++row0) {
    for (std::int64_t col0 = 0; col0 < 12; ++col0) {
      bool any = false;
      for (std::int64_t r = 0; r < 3; ++r) {
        for (std::int64_t c = 0; c < 4; ++c) any = any || col0 + c > row0 + r;
      }
      EXPECT_EQ(effectless("mask_causal", {{"row0", Expr(row0)}, {"col0", Expr(col0)}}, {3, 4})
                    .constant(),
                !any);
    }
  }
  VarTable vars;
  const VarId k = vars.add("k", 0, 4);
  const Attributes moving = {{"row0", Expr(256)}, {"col0", Expr::var(k) * 64}};
  EXPECT_EQ(effectless("mask_causal", moving, {64, 64}).decide(vars), true);
}

TEST(NoEffect, WindowsThatHoldTheBlock) {
  for (std::int64_t row0 = 0; row0 < 10; ++row0) {
    for (std::int64_t col0 = 0; col0 < 10; ++col0) {
      bool any = false;
      for (std::int64_t r = 0; r < 3; ++r) {
        for (std::int64_t c = 0; c < 2; ++c) {
          any = any || col0 + c < row0 + r - 5 || col0 + c > row0 + r + 2;
        }
      }
      const Attributes attributes = {
          {"row0", Expr(row0)}, {"col0", Expr(col0)}, {"left", Expr(5)}, {"right", Expr(2)}};
      EXPECT_EQ(effectless("mask_window", attributes, {3, 2}).constant(), !any);
    }
  }
  EXPECT_EQ(no_effect(*find_primitive("gemm"), {}, {}).constant(), false);
}

TEST(Part, MovesPositions) {
  const Primitive& mask = *find_primitive("mask_causal");
  const Attributes part =
      attributes_of_part(mask, {{"row0", Expr(10)}, {"col0", Expr(20)}, {"value", 0.0}}, {7, 1, 2});
  EXPECT_EQ(expr_attribute(part, "row0"), Expr(11));
  EXPECT_EQ(expr_attribute(part, "col0"), Expr(22));
  const Attributes counted = attributes_of_part(
      *find_primitive("iota"), {{"axis", Expr(1)}, {"start", Expr(5)}, {"step", Expr(3)}}, {7, 4});
  EXPECT_EQ(expr_attribute(counted, "start"), Expr(17));
  const Attributes same = {{"alpha", 2.0}};
  EXPECT_EQ(attributes_of_part(*find_primitive("gemm"), same, {1, 2, 3}), same);
}

}  // namespace
}  // namespace septran
