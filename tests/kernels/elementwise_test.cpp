// Elementwise primitives, reductions, masks, positions and quantization against naive loops.
#include <gtest/gtest.h>

#include <functional>

#include "compiler/kernels/simd.h"
#include "tests/kernels/test_tensor.h"

namespace septran::kernels {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
using Values = std::vector<double>;

struct UnaryCase {
  const char* name;
  std::function<double(double)> f;
  Attributes attributes = {};
};

double gelu_tanh(double x) {
  return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

std::vector<UnaryCase> unary_cases() {
  return {{"neg", [](double x) { return -x; }},
          {"exp", [](double x) { return std::exp(x); }},
          {"exp2", [](double x) { return std::exp2(x); }},
          {"log", [](double x) { return std::log(x); }},
          {"sqrt", [](double x) { return std::sqrt(x); }},
          {"rsqrt", [](double x) { return 1 / std::sqrt(x); }},
          {"recip", [](double x) { return 1 / x; }},
          {"abs", [](double x) { return std::abs(x); }},
          {"relu", [](double x) { return x < 0 ? 0 : x; }},
          {"gelu", [](double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2))); }},
          {"gelu", gelu_tanh, {{"approximate", std::string("tanh")}}},
          {"silu", [](double x) { return x / (1 + std::exp(-x)); }},
          {"tanh", [](double x) { return std::tanh(x); }},
          {"sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }},
          {"erf", [](double x) { return std::erf(x); }}};
}

TEST(Unary, AgreesWithTheLibrary) {
  for (const DType type : {DType::f64, DType::f32, DType::f16, DType::bf16}) {
    const double relative = type == DType::f64   ? 1e-14
                            : type == DType::f32 ? 3e-6
                            : type == DType::f16 ? 5e-4
                                                 : 4e-3;
    for (const UnaryCase& c : unary_cases()) {
      Values inputs = {-0.0, 0.0, inf, -inf, nan, -80, 80, -90, 100};
      for (int i = -40; i < 40; ++i) inputs.push_back(i * 0.27);
      TestTensor x = tensor_of({static_cast<std::int64_t>(inputs.size())}, type, inputs);
      TestTensor y(x.shape, DType::f64);
      run(c.name, {y.tile(), x.tile()}, c.attributes);
      run(c.name, {x.tile(), x.tile()}, c.attributes);  // in place, rounded to the narrow type
      TestTensor original = tensor_of(x.shape, type, inputs);
      for (std::int64_t i = 0; i < x.size(); ++i) {
        double expected = c.f(original.at(i));
        // f32 ends at 3.4e38; what is below its normal numbers may be flushed.
        if (type != DType::f64 && std::abs(expected) > 3.402824e38) {
          expected = std::copysign(inf, expected);
        }
        const std::string where = std::string(c.name) + "(" + std::to_string(original.at(i)) +
                                  ") in " + std::string(name(type));
        if (!std::isfinite(expected)) {
          ASSERT_EQ(std::isnan(y.at(i)), std::isnan(expected)) << where;
          if (!std::isnan(expected)) {
            ASSERT_EQ(y.at(i), expected) << where;
          }
          continue;
        }
        const double compute =
            type == DType::f64 ? 1e-14 : 1e-6 * (1 + std::min(std::abs(original.at(i)), 1e3));
        ASSERT_NEAR(y.at(i), expected, std::abs(expected) * compute + compute * 0.5) << where;
        if (std::abs(expected) < 6e4) {
          ASSERT_NEAR(x.at(i), expected, std::abs(expected) * (relative + compute) + compute)
              << where;
        }
      }
    }
  }
}

TEST(Unary, ExpKeepsItsRelativeBound) {
  Values inputs;
  for (int i = -870; i < 887; ++i) inputs.push_back(i * 0.1);
  TestTensor x = tensor_of({static_cast<std::int64_t>(inputs.size())}, DType::f32, inputs);
  TestTensor y(x.shape, DType::f32);
  run("exp", {y.tile(), x.tile()});
  for (std::int64_t i = 0; i < x.size(); ++i) {
    const double expected = std::exp(x.at(i));
    ASSERT_LE(std::abs(y.at(i) - expected), expected * std::ldexp(1, -21) * (1 + std::abs(x.at(i))))
        << x.at(i);
  }
  TestTensor ends = tensor_of({3}, DType::f32, {-inf, 89, -104});
  run("exp", {ends.tile(), ends.tile()});
  EXPECT_EQ(ends.values(), (Values{0, inf, 0}));
}

TEST(Unary, ResultsDoNotDependOnThePosition) {
  for (const UnaryCase& c : unary_cases()) {
    TestTensor row({131}, DType::f32);
    row.set(Values(131, 0.7));
    run(c.name, {row.tile(), row.tile()}, c.attributes);
    for (std::int64_t i = 1; i < row.size(); ++i) ASSERT_EQ(row.at(i), row.at(0)) << c.name;
  }
}

TEST(Unary, Integers) {
  TestTensor x = tensor_of({4}, DType::i8, {-128, -3, 0, 5});
  TestTensor y({4}, DType::i32);
  run("neg", {y.tile(), x.tile()});
  EXPECT_EQ(y.values(), (Values{128, 3, 0, -5}));
  run("abs", {x.tile(), x.tile()});
  EXPECT_EQ(x.values(), (Values{127, 3, 0, 5}));  // 128 saturates
  TestTensor z = tensor_of({3}, DType::i32, {-2147483648.0, -1, 7});
  run("relu", {z.tile(), z.tile()});
  EXPECT_EQ(z.values(), (Values{0, 0, 7}));
  TestTensor e = tensor_of({2}, DType::i8, {0, 2});
  run("exp", {e.tile(), e.tile()});  // in f32: 7.389
  EXPECT_EQ(e.values(), (Values{1, 7}));
}

struct BinaryCase {
  const char* name;
  std::function<double(double, double)> f;
};
std::vector<BinaryCase> binary_cases() {
  return {{"add", [](double a, double b) { return a + b; }},
          {"sub", [](double a, double b) { return a - b; }},
          {"mul", [](double a, double b) { return a * b; }},
          {"div", [](double a, double b) { return a / b; }},
          {"max", [](double a, double b) { return std::max(a, b); }},
          {"min", [](double a, double b) { return std::min(a, b); }}};
}

TEST(Binary, EveryFormOfTheSecondOperand) {
  for (const DType type : {DType::f64, DType::f32, DType::f16, DType::f8e5m2}) {
    for (const BinaryCase& c : binary_cases()) {
      TestTensor x({3, 5, 2}, type);
      x.randomize(1);
      const auto check = [&](const Argument& second, const Attributes& attributes,
                             const std::function<double(std::int64_t)>& b) {
        TestTensor y(x.shape, type);
        TestTensor expected(x.shape, type);
        run(c.name, {y.tile(), x.tile(), second}, attributes);
        Values values;
        for (std::int64_t i = 0; i < 30; ++i) {
          const double exact = c.f(x.at(i), b(i));
          values.push_back(type == DType::f64 ? exact : static_cast<float>(exact));
        }
        expected.set(values);
        EXPECT_EQ(y.bytes, expected.bytes) << c.name << " " << name(type);
      };
      TestTensor same({3, 5, 2}, type);
      same.randomize(2, 1, 2);
      check(same.tile(), {}, [&](std::int64_t i) { return same.at(i); });
      check(1.5, {}, [&](std::int64_t) { return 1.5; });
      const std::int64_t strides[] = {10, 2, 1};
      for (std::int64_t axis = 0; axis < 3; ++axis) {
        const std::int64_t extent = x.shape[static_cast<std::size_t>(axis)];
        TestTensor vector({extent}, DType::f32);
        vector.randomize(3, 1, 2);
        check(vector.tile(), {{"axis", Expr(axis)}},
              [&](std::int64_t i) { return vector.at(i / strides[axis] % extent); });
      }
    }
  }
}

TEST(Binary, SpecialValues) {
  TestTensor a = tensor_of({4}, DType::f32, {nan, 1, inf, -inf});
  TestTensor b = tensor_of({4}, DType::f32, {1, nan, 1, 1});
  TestTensor y({4}, DType::f32);
  for (const char* op : {"max", "min"}) {
    run(op, {y.tile(), a.tile(), b.tile()});
    EXPECT_TRUE(std::isnan(y.at(0)) && std::isnan(y.at(1))) << op;
  }
  EXPECT_EQ(y.at(2), 1);
  EXPECT_EQ(y.at(3), -inf);
  run("sub", {y.tile(), a.tile(), a.tile()});
  EXPECT_TRUE(std::isnan(y.at(2)));
}

TEST(Binary, IntegersWrapInI32AndSaturateWhenNarrowed) {
  TestTensor a = tensor_of({4}, DType::i32, {2147483647, -2147483648.0, -7, 7});
  TestTensor b = tensor_of({4}, DType::i32, {1, -1, 2, 0});
  TestTensor y({4}, DType::i32);
  run("add", {y.tile(), a.tile(), b.tile()});
  EXPECT_EQ(y.values(), (Values{-2147483648.0, 2147483647, -5, 7}));
  run("div", {y.tile(), a.tile(), b.tile()});
  EXPECT_EQ(y.values(), (Values{2147483647, -2147483648.0, -3, 0}));
  TestTensor narrow = tensor_of({2}, DType::i8, {100, -100});
  run("add", {narrow.tile(), narrow.tile(), narrow.tile()});
  EXPECT_EQ(narrow.values(), (Values{127, -128}));
  TestTensor scaled = tensor_of({2}, DType::i8, {5, 7});
  run("mul", {scaled.tile(), scaled.tile(), 0.5});  // not a whole number: in f32
  EXPECT_EQ(scaled.values(), (Values{2, 4}));
}

TEST(Ternary, FmaSelectClamp) {
  TestTensor x = tensor_of({3}, DType::f16, {1, nan, -3});
  TestTensor m = tensor_of({3}, DType::i8, {1, 0, -1});
  TestTensor y({3}, DType::f16);
  run("fma", {y.tile(), m.tile(), 3.0, m.tile()});
  EXPECT_EQ(y.values(), (Values{4, 0, -4}));
  run("select", {y.tile(), m.tile(), x.tile(), 9.0});
  EXPECT_EQ(y.values(), (Values{1, 9, -3}));
  run("clamp", {y.tile(), x.tile()}, {{"low", -2.0}, {"high", 0.5}});
  EXPECT_EQ(y.at(0), 0.5);
  EXPECT_TRUE(std::isnan(y.at(1)));
  EXPECT_EQ(y.at(2), -2);
  TestTensor flag = tensor_of({1}, DType::f32, {1});
  TestTensor big = tensor_of({1}, DType::i32, {16777217});
  run("select", {big.tile(), flag.tile(), big.tile(), 0.0});
  EXPECT_EQ(big.at(0), 16777217);
  run("clamp", {big.tile(), big.tile()}, {{"low", -inf}, {"high", 5.0}});
  EXPECT_EQ(big.at(0), 5);
}

TEST(Reduction, EveryAxis) {
  const std::vector<BinaryCase> cases = {{"reduce_sum", std::plus<double>()},
                                         {"reduce_max", binary_cases()[4].f},
                                         {"reduce_min", binary_cases()[5].f}};
  for (const DType type : {DType::f16, DType::f32, DType::f64, DType::i8}) {
    for (const std::vector<std::int64_t>& shape :
         std::vector<std::vector<std::int64_t>>{{3, 17, 9}, {1, 1, 1}, {17, 3, 1}, {2, 8, 33}}) {
      for (const BinaryCase& c : cases) {
        for (std::size_t axis = 0; axis < 3; ++axis) {
          for (const bool accumulate : {false, true}) {
            TestTensor x(shape, type);
            x.randomize(4);
            std::vector<std::int64_t> rest = shape;
            rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(axis));
            TestTensor y(rest, DType::f64);
            y.randomize(5);
            std::int64_t inner = 1;
            for (std::size_t d = axis + 1; d < 3; ++d) inner *= shape[d];
            Values expected = y.values();
            std::vector<bool> started(expected.size(), accumulate);
            for (std::int64_t i = 0; i < x.size(); ++i) {
              const auto to =
                  static_cast<std::size_t>(i / (inner * shape[axis]) * inner + i % inner);
              expected[to] = started[to] ? c.f(expected[to], x.at(i)) : x.at(i);
              started[to] = true;
            }
            run(c.name, {y.tile(), x.tile()},
                {{"axis", Expr(static_cast<std::int64_t>(axis))}, {"accumulate", accumulate}});
            ASSERT_EQ(y.values(), expected) << c.name << axis << name(type);
          }
        }
      }
    }
  }
}

TEST(Reduction, NaNAndInfinity) {
  TestTensor x = tensor_of({2, 3}, DType::f32, {1, nan, 2, -inf, -inf, -inf});
  TestTensor y({2}, DType::f32);
  for (const char* op : {"reduce_max", "reduce_min", "reduce_sum"}) {
    run(op, {y.tile(), x.tile()}, {{"axis", Expr(1)}});
    EXPECT_TRUE(std::isnan(y.at(0))) << op;
    EXPECT_EQ(y.at(1), -inf) << op;
  }
  TestTensor scalar({}, DType::f32);
  TestTensor row = tensor_of({3}, DType::f16, {1, 2, 4});
  run("reduce_sum", {scalar.tile(), row.tile()}, {{"axis", Expr(0)}});
  EXPECT_EQ(scalar.at(0), 7);
}

TEST(Mask, SetsByPosition) {
  for (std::int64_t row0 : {0, 3, 40}) {
    for (std::int64_t col0 : {0, 2, 5, 40}) {
      TestTensor s({2, 4, 7}, DType::f16);
      s.randomize(6);
      const Values before = s.values();
      const Attributes at = {{"row0", Expr(row0)}, {"col0", Expr(col0)}, {"value", -inf}};
      Attributes window = at;
      window.insert({{"left", Expr(2)}, {"right", Expr(1)}});
      TestTensor w = s;
      run("mask_causal", {s.tile()}, at);
      run("mask_window", {w.tile()}, window);
      for (std::int64_t i = 0; i < s.size(); ++i) {
        const std::int64_t ahead = col0 + i % 7 - (row0 + i / 7 % 4);
        const double old = before[static_cast<std::size_t>(i)];
        EXPECT_EQ(s.at(i), ahead > 0 ? -inf : old);
        EXPECT_EQ(w.at(i), ahead < -2 || ahead > 1 ? -inf : old);
      }
    }
  }
}

TEST(Positions, Iota) {
  TestTensor x({2, 3, 2}, DType::i32);
  run("iota", {x.tile()}, {{"axis", Expr(1)}, {"start", Expr(10)}, {"step", Expr(-3)}});
  EXPECT_EQ(x.values(), (Values{10, 10, 7, 7, 4, 4, 10, 10, 7, 7, 4, 4}));
  TestTensor large({2}, DType::i32);
  run("iota", {large.tile()}, {{"axis", Expr(0)}, {"start", Expr(16777217)}});
  EXPECT_EQ(large.values(), (Values{16777217, 16777218}));
}

TEST(Elementwise, OneValueStandsForAll) {
  TestTensor x = tensor_of({2, 3}, DType::f32, {1, 2, 3, 4, 5, 6});
  TestTensor s = tensor_of({}, DType::i32, {3});
  TestTensor y({2, 3}, DType::f32);
  run("sub", {y.tile(), x.tile(), s.tile()});
  EXPECT_EQ(y.values(), (Values{-2, -1, 0, 1, 2, 3}));
  run("fma", {y.tile(), x.tile(), s.tile(), x.tile()});
  EXPECT_EQ(y.values(), (Values{4, 8, 12, 16, 20, 24}));
  run("select", {y.tile(), x.tile(), 7.0, s.tile()});
  EXPECT_EQ(y.values(), (Values{7, 7, 7, 7, 7, 7}));
  run("quantize", {y.tile(), x.tile(), s.tile(), s.tile()});
  EXPECT_EQ(y.values(), (Values{3, 4, 4, 4, 5, 5}));
}

TEST(Quantization, EightBits) {
  TestTensor x = tensor_of({2, 3}, DType::f32, {0.25, -0.75, 100, 3, nan, -7});
  TestTensor q({2, 3}, DType::i8);
  run("quantize", {q.tile(), x.tile(), 0.5, std::monostate()});
  EXPECT_EQ(q.values(), (Values{0, -2, 127, 6, 0, -14}));  // 0.5 and -1.5 to even
  TestTensor scale = tensor_of({2}, DType::f32, {0.5, 2});
  TestTensor zero = tensor_of({2}, DType::i8, {1, -1});
  run("quantize", {q.tile(), x.tile(), scale.tile(), zero.tile()});
  EXPECT_EQ(q.values(), (Values{1, -1, 127, 1, 0, -5}));
  TestTensor y({2, 3}, DType::f16);
  run("dequantize", {y.tile(), q.tile(), scale.tile(), zero.tile()});
  EXPECT_EQ(y.values(), (Values{0, -1, 63, 4, 2, -8}));
}

TEST(Quantization, FourBitsInGroups) {
  // Low halves first: 1, -1, 7, -8, 3 and a half byte that is not used.
  TestTensor q = tensor_of({1, 3}, DType::i8,
                           {static_cast<std::int8_t>(0xF1), static_cast<std::int8_t>(0x87), 0x73});
  TestTensor scale = tensor_of({1, 3}, DType::f16, {1, 2, 4});
  TestTensor y({1, 5}, DType::f16);
  const Attributes attributes = {{"bits", Expr(4)}, {"group", Expr(2)}};
  run("dequantize", {y.tile(), q.tile(), scale.tile(), std::monostate()}, attributes);
  EXPECT_EQ(y.values(), (Values{1, -1, 14, -16, 12}));
  run("dequantize", {y.tile(), q.tile(), 0.5, 1.0}, attributes);
  EXPECT_EQ(y.values(), (Values{0, -1, 3, -4.5, 1}));
}

TEST(Variants, AgreeOnElementwiseArithmetic) {
  Values inputs;
  for (int i = -300; i < 300; ++i) inputs.push_back(i * 0.113);
  std::vector<float> x(inputs.begin(), inputs.end());
  const auto n = static_cast<std::int64_t>(x.size());
  for (const Unary op : {Unary::exp, Unary::gelu, Unary::gelu_tanh, Unary::silu, Unary::tanh,
                         Unary::rsqrt, Unary::sigmoid}) {
    std::vector<float> a(x.size());
    std::vector<float> b(x.size());
    simd_base().f32.unary(op, x.data(), a.data(), n);
    simd().f32.unary(op, x.data(), b.data(), n);
    for (std::size_t i = 0; i < x.size(); ++i) {
      ASSERT_EQ(std::isnan(a[i]), std::isnan(b[i])) << x[i];
      if (std::isnan(a[i]) || a[i] == b[i]) continue;
      ASSERT_NEAR(a[i], b[i], 1e-6 + 4e-6 * std::abs(a[i])) << x[i];
    }
  }
}

}  // namespace
}  // namespace septran::kernels
