// Matrix products against three loops.
#include <gtest/gtest.h>

#include "tests/kernels/test_tensor.h"

namespace septran::kernels {
namespace {

/// Element (i, j) of op(a) * op(b).
double dot(const TestTensor& a, const TestTensor& b, bool ta, bool tb, std::int64_t i,
           std::int64_t j) {
  const std::int64_t depth = a.shape[ta ? 0 : 1];
  double sum = 0;
  for (std::int64_t k = 0; k < depth; ++k) {
    sum += a.at(ta ? k * a.shape[1] + i : i * depth + k) *
           b.at(tb ? j * depth + k : k * b.shape[1] + j);
  }
  return sum;
}

TEST(Gemm, AgreesWithThreeLoops) {
  // Values are small multiples of 1/4, so sums are exact and every order gives the same.
  std::uint32_t seed = 0;
  for (const DType type : {DType::f16, DType::bf16, DType::f32, DType::f64, DType::i8, DType::i32,
                           DType::f8e4m3, DType::f8e5m2}) {
    for (const auto& [m, n, k] : std::vector<std::array<std::int64_t, 3>>{
             {1, 1, 1}, {3, 17, 1}, {17, 1, 3}, {1, 17, 33}, {17, 17, 17}, {64, 32, 48}}) {
      for (int transposes = 0; transposes < 4; ++transposes) {
        const bool ta = (transposes & 1) != 0;
        const bool tb = (transposes & 2) != 0;
        TestTensor a(ta ? std::vector{k, m} : std::vector{m, k}, type);
        TestTensor b(tb ? std::vector{n, k} : std::vector{k, n}, type);
        TestTensor c({m, n}, type == DType::i8 || type == DType::i32 ? DType::i32 : DType::f64);
        a.randomize(++seed);
        b.randomize(++seed);
        run("gemm", {c.tile(), a.tile(), b.tile()}, {{"transpose_a", ta}, {"transpose_b", tb}});
        for (std::int64_t i = 0; i < m * n; ++i) {
          ASSERT_EQ(c.at(i), dot(a, b, ta, tb, i / n, i % n)) << name(type) << " " << m << " " << k;
        }
        TestTensor acc({m, n}, arithmetic_type(type));
        acc.randomize(seed);
        const std::vector<double> before = acc.values();
        run_mma(acc.tile(), a.tile(), b.tile(), ta, tb, true, -1.0);
        for (std::int64_t i = 0; i < m * n; ++i) {
          ASSERT_EQ(acc.at(i),
                    before[static_cast<std::size_t>(i)] - dot(a, b, ta, tb, i / n, i % n));
        }
      }
    }
  }
}

TEST(Gemm, ErrorOfLongSumsIsSmall) {
  const std::int64_t n = 70;
  TestTensor a({n, 500}, DType::f32);
  TestTensor b({500, n}, DType::f32);
  std::mt19937 random(1);
  std::uniform_real_distribution<double> uniform(-1, 1);
  for (TestTensor* t : {&a, &b}) {
    std::vector<double> values;
    for (std::int64_t i = 0; i < t->size(); ++i) values.push_back(uniform(random));
    t->set(values);
  }
  TestTensor c({n, n}, DType::f32);
  run("gemm", {c.tile(), a.tile(), b.tile()});
  for (std::int64_t i = 0; i < n * n; ++i) {
    ASSERT_NEAR(c.at(i), dot(a, b, false, false, i / n, i % n), 1e-4);
  }
}

TEST(Gemm, AlphaAndAccumulate) {
  TestTensor a = tensor_of({1, 2}, DType::f16, {3, 4});
  TestTensor b = tensor_of({2, 1}, DType::f16, {5, 6});
  TestTensor c = tensor_of({1, 1}, DType::f16, {10});
  run("gemm", {c.tile(), a.tile(), b.tile()}, {{"accumulate", true}, {"alpha", 0.5}});
  EXPECT_EQ(c.at(0), 29.5);
  TestTensor whole = tensor_of({1, 1}, DType::i8, {3});
  TestTensor sum = tensor_of({1, 1}, DType::i32, {100});
  run("gemm", {sum.tile(), whole.tile(), whole.tile()}, {{"accumulate", true}, {"alpha", -2.0}});
  EXPECT_EQ(sum.at(0), 82);
  run("gemm", {sum.tile(), whole.tile(), whole.tile()}, {{"alpha", 0.5}});
  EXPECT_EQ(sum.at(0), 4);  // 4.5 to even
}

TEST(Gemm, OldValuesAreNotRead) {
  TestTensor a = tensor_of({1, 1}, DType::f32, {2});
  TestTensor c = tensor_of({1, 1}, DType::f32, {std::numeric_limits<double>::quiet_NaN()});
  run("gemm", {c.tile(), a.tile(), a.tile()});
  EXPECT_EQ(c.at(0), 4);
}

TEST(Gemm, IntegersAreExactAndWrap) {
  const std::int64_t k = 3001;
  const std::vector<double> low(static_cast<std::size_t>(k), -128);
  TestTensor a = tensor_of({1, k}, DType::i8, low);
  TestTensor c({1, 1}, DType::i32);
  run("gemm", {c.tile(), a.tile(), a.tile()}, {{"transpose_b", true}});
  EXPECT_EQ(c.at(0), 3001.0 * 128 * 128);
  TestTensor saturated({1, 1}, DType::i8);
  run("gemm", {saturated.tile(), a.tile(), a.tile()}, {{"transpose_b", true}});
  EXPECT_EQ(saturated.at(0), 127);
  TestTensor big = tensor_of({1, 1}, DType::i32, {65537});
  run("gemm", {c.tile(), big.tile(), big.tile()});
  EXPECT_EQ(c.at(0), 131073);  // 2^32 + 2^17 + 1
  TestTensor top = tensor_of({1, 1}, DType::i32, {2147483647});
  TestTensor one = tensor_of({1, 1}, DType::i8, {1});
  run_mma(top.tile(), one.tile(), one.tile(), false, false, true, 1.0);
  EXPECT_EQ(top.at(0), -2147483648.0);
}

TEST(Gemm, RoundedOnceByThePrimitiveAndNotByMmaSteps) {
  // 2048 + 1 + 1 in f16 stays 2048 if every step rounds, and is 2050 if only the last does.
  TestTensor a = tensor_of({1, 3}, DType::f16, {2048, 1, 1});
  TestTensor ones = tensor_of({3, 1}, DType::f16, {1, 1, 1});
  TestTensor c({1, 1}, DType::f16);
  run("gemm", {c.tile(), a.tile(), ones.tile()});
  EXPECT_EQ(c.at(0), 2050);
  TestTensor acc({1, 1}, DType::f32, DType::f16);
  TestTensor one = tensor_of({1, 1}, DType::f16, {1});
  TestTensor large = tensor_of({1, 1}, DType::f16, {2048});
  run_mma(acc.tile(), large.tile(), one.tile(), false, false, false, 1.0);
  run_mma(acc.tile(), one.tile(), one.tile(), false, false, true, 1.0);
  EXPECT_EQ(acc.at(0), 2049);
  run_mma(acc.tile(), one.tile(), one.tile(), false, false, true, 1.0);
  run_copy(c.tile(), acc.tile());
  EXPECT_EQ(c.at(0), 2050);
}

TEST(Gemm, OutputMayBeAnInput) {
  TestTensor a = tensor_of({2, 2}, DType::f32, {1, 2, 3, 4});
  run("gemm", {a.tile(), a.tile(), a.tile()});
  EXPECT_EQ(a.values(), (std::vector<double>{7, 10, 15, 22}));
}

TEST(Gemm, InfinitiesAndNaN) {
  const double inf = std::numeric_limits<double>::infinity();
  TestTensor a = tensor_of({2, 2}, DType::f16, {inf, 1, 0, 1});
  TestTensor b = tensor_of({2, 2}, DType::f16, {1, 0, 1, 1});
  TestTensor c({2, 2}, DType::f16);
  run("gemm", {c.tile(), a.tile(), b.tile()});
  EXPECT_EQ(c.at(0), inf);
  EXPECT_TRUE(std::isnan(c.at(1)));
  EXPECT_EQ(c.at(3), 1);
}

}  // namespace
}  // namespace septran::kernels
