#include "runtime/compare.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "runtime/random.h"

namespace septran::runtime {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

HostTensor matrix(DType dtype, std::int64_t columns, const std::vector<double>& values) {
  Diagnostics diagnostics;
  HostTensor tensor = *make_tensor(
      dtype, {static_cast<std::int64_t>(values.size()) / columns, columns}, diagnostics);
  for (std::size_t i = 0; i < values.size(); ++i) store_element(tensor, i, values[i]);
  return tensor;
}

Comparison compare_values(DType dtype, const std::vector<double>& out,
                          const std::vector<double>& reference, const Arithmetic& arithmetic = {}) {
  return compare(matrix(dtype, 2, out), matrix(dtype, 2, reference), arithmetic);
}

TEST(Compare, EqualTensors) {
  for (const DType dtype : all_dtypes()) {
    const Comparison c = compare_values(dtype, {1, -2, 0, 4}, {1, -2, 0, 4}, {.exact = true});
    EXPECT_TRUE(c.ok);
    EXPECT_EQ(c.max_abs_error, 0);
    EXPECT_EQ(c.relative_error, 0);
    EXPECT_EQ(c.elements, 4);
  }
}

TEST(Compare, MeasuresErrors) {
  const Comparison c = compare_values(DType::f32, {3, 4, 0, 1}, {3, 4, 0, 0});
  EXPECT_EQ(c.max_abs_error, 1);
  EXPECT_DOUBLE_EQ(c.relative_error, 0.2);
  EXPECT_FALSE(c.ok);
}

TEST(Compare, NamesTheFirstWrongElement) {
  const Comparison c = compare_values(DType::i32, {1, 2, 3, 5, 6, 8}, {1, 2, 3, 4, 6, 7});
  EXPECT_EQ(c.wrong_elements, 2);
  ASSERT_TRUE(c.first_wrong);
  EXPECT_EQ(c.first_wrong->index, (std::vector<std::int64_t>{1, 1}));
  Diagnostics diagnostics;
  report_wrong_result(c, "C", diagnostics);
  ASSERT_EQ(diagnostics.all().size(), 1u);
  EXPECT_EQ(diagnostics.all()[0].code, "wrong-result");
  EXPECT_EQ(diagnostics.all()[0].text,
            "C: 2 of 6 elements differ from the reference by more than the arithmetic explains; "
            "first at [1, 1]: 5, expected 4");
}

TEST(Compare, InfinitiesAndNanBelongInTheSamePlaces) {
  const Comparison same = compare_values(DType::f16, {infinity, -infinity, nan, 1},
                                         {infinity, -infinity, nan, 1}, {.exact = true});
  EXPECT_TRUE(same.ok);
  EXPECT_EQ(same.relative_error, 0);
  for (const auto& [out, reference] :
       {std::pair{nan, 1.0}, std::pair{1.0, nan}, std::pair{infinity, 65504.0},
        std::pair{infinity, -infinity}, std::pair{1.0, infinity}, std::pair{nan, infinity}}) {
    const Comparison c =
        compare_values(DType::f16, {1, out}, {1, reference}, {.additions = 1 << 30});
    EXPECT_FALSE(c.ok) << out << ' ' << reference;
    EXPECT_EQ(c.wrong_elements, 1);
    EXPECT_EQ(c.relative_error, infinity);
    EXPECT_EQ(c.max_abs_error, infinity);
  }
}

TEST(Compare, ZeroReference) {
  EXPECT_TRUE(compare_values(DType::f32, {0, -0.0}, {0, 0}).ok);
  const Comparison c = compare_values(DType::f32, {0, 1e-30}, {0, 0});
  EXPECT_FALSE(c.ok);
  EXPECT_EQ(c.relative_error, infinity);
}

TEST(Compare, HugeValuesDoNotOverflow) {
  const Comparison c = compare_values(DType::f64, {1e300, 3e300}, {1e300, 2e300});
  EXPECT_NEAR(c.relative_error, 1 / std::sqrt(5.0), 1e-12);
}

// f16 numbers near 1000 are 0.5 apart: a neighbour may come of rounding, the next but one not, and
// with exact sums none may.
TEST(Compare, NarrowOutputsMayRoundToANeighbour) {
  std::vector<double> reference(200, 1000);
  std::vector<double> out = reference;
  out[3] = 1000.5;
  EXPECT_TRUE(compare_values(DType::f16, out, reference).ok);
  EXPECT_FALSE(compare_values(DType::f16, out, reference, {.exact = true}).ok);
  out[3] = 1001.5;
  EXPECT_FALSE(compare_values(DType::f16, out, reference).ok);
  EXPECT_FALSE(compare_values(DType::f32, {1000.5, 1}, {1000, 1}).ok);
}

TEST(Compare, SubnormalResultsMayDifferByOneUnit) {
  const double unit = std::ldexp(1.0, -24);
  EXPECT_TRUE(compare_values(DType::f16, {2 * unit, 5 * unit}, {unit, 5 * unit}).ok);
  EXPECT_FALSE(compare_values(DType::f16, {4 * unit, 5 * unit}, {unit, 5 * unit}).ok);
}

// Everything off by a little, each element within its tolerance: a systematic fault.
TEST(Compare, SystematicErrorsShowInTheNorm) {
  const Arithmetic arithmetic{.additions = 64};
  const double factor = 1 + 40 * std::ldexp(1.0, -24);
  const Comparison c = compare_values(DType::f32, {factor, -factor}, {1, -1}, arithmetic);
  EXPECT_FALSE(c.ok);
  EXPECT_EQ(c.wrong_elements, 0);
  Diagnostics diagnostics;
  report_wrong_result(c, "C", diagnostics);
  ASSERT_EQ(diagnostics.all().size(), 1u);
  EXPECT_EQ(diagnostics.all()[0].code, "inexact-result");
}

/// Dot products of random vectors, added up in f32 from the front or from the back; `lost` leaves
/// out the last term, as a kernel that mistakes its bounds would.
HostTensor dot_products(int length, bool backwards, bool lost, bool positive) {
  constexpr int count = 500;
  std::mt19937 generator(5);
  std::vector<double> values;
  for (int i = 0; i < count; ++i) {
    std::vector<float> terms;
    for (int k = 0; k < length; ++k) {
      const float a = static_cast<float>(generator()) * 0x1p-32f - (positive ? 0.0f : 0.5f);
      const float b = static_cast<float>(generator()) * 0x1p-32f - (positive ? 0.0f : 0.5f);
      terms.push_back(a * b);
    }
    if (lost) terms.pop_back();
    if (backwards) std::reverse(terms.begin(), terms.end());
    float sum = 0;
    for (const float term : terms) sum += term;
    values.push_back(static_cast<double>(sum));
  }
  return matrix(DType::f32, 2, values);
}

TEST(Compare, OrderOfAdditionsIsToleratedALostTermIsNot) {
  for (const bool positive : {false, true}) {
    for (const int length : {4, 64, 1024}) {
      const Arithmetic arithmetic{.additions = length};
      const HostTensor reference = dot_products(length, false, false, positive);
      const Comparison reordered =
          compare(dot_products(length, true, false, positive), reference, arithmetic);
      EXPECT_TRUE(reordered.ok) << length << ' ' << reordered.relative_error;
      EXPECT_GT(reordered.relative_error, 0);
      EXPECT_FALSE(compare(dot_products(length, false, true, positive), reference, arithmetic).ok)
          << length;
    }
  }
}

TEST(Compare, NarrowIntermediatesAndTranscendentalsWiden) {
  const Arithmetic plain{.additions = 16};
  const Arithmetic through_f16{.additions = 16, .intermediates = {DType::f16}};
  const Arithmetic with_exp{.additions = 16, .transcendentals = 1};
  const double base = norm_tolerance(DType::f32, plain, 1);
  EXPECT_DOUBLE_EQ(base, 8 * std::ldexp(1.0, -24));
  EXPECT_DOUBLE_EQ(norm_tolerance(DType::f32, through_f16, 1), base + std::ldexp(1.0, -10));
  EXPECT_DOUBLE_EQ(norm_tolerance(DType::f32, with_exp, 1), base + std::ldexp(1.0, -20));
  EXPECT_DOUBLE_EQ(norm_tolerance(DType::bf16, plain, 1), base + std::ldexp(1.0, -8));
  EXPECT_EQ(norm_tolerance(DType::i32, plain, 1), 0);
}

TEST(Compare, RoundedFactorsWidenByTheirUnit) {
  const Arithmetic plain{.additions = 16};
  const Arithmetic tf32{.additions = 16, .factor_bits = 10, .short_products = 1};
  const Arithmetic four{.additions = 16, .factor_bits = 10, .short_products = 4};
  const double base = norm_tolerance(DType::f32, plain, 1);
  EXPECT_DOUBLE_EQ(norm_tolerance(DType::f32, tf32, 1), base + 2 * std::ldexp(1.0, -11));
  EXPECT_DOUBLE_EQ(norm_tolerance(DType::f32, four, 1), base + 4 * std::ldexp(1.0, -11));
  EXPECT_DOUBLE_EQ(element_tolerance(DType::f32, tf32, 0, 1),
                   element_tolerance(DType::f32, plain, 0, 1) + 8 * std::ldexp(1.0, -11));
}

TEST(Compare, ShortSumsWidenWithTheirLength) {
  const Arithmetic plain{.additions = 144};
  const Arithmetic cut{.additions = 144, .sum_bits = 13, .short_products = 1};
  EXPECT_DOUBLE_EQ(norm_tolerance(DType::f32, cut, 1),
                   norm_tolerance(DType::f32, plain, 1) + 2 * 3 * std::ldexp(1.0, -13));
}

TEST(Compare, SaysWhatHasNoKnownBounds) {
  const HostTensor reference = matrix(DType::f32, 2, {1, 2, 3, 4});
  const std::vector<double> low{nan, nan, 2.5, 3.5};
  const std::vector<double> high{nan, nan, 3.5, 4.5};
  const auto found = [&](const std::vector<double>& out) {
    return compare(matrix(DType::f32, 2, out), reference, {}, low, high);
  };
  EXPECT_TRUE(found({1, 2, 3.25, 4}).ok);
  EXPECT_EQ(found({1, 2, 3.25, 4}).incomparable_elements, 0);
  const Comparison far = found({1, 20, 3.25, 4});
  EXPECT_TRUE(far.ok);  // nothing says that it is wrong
  EXPECT_EQ(far.incomparable_elements, 1);
  EXPECT_EQ(found({nan, infinity, 3, 4}).incomparable_elements, 2);
  EXPECT_FALSE(found({1, 2, 3.75, 4}).ok);
  EXPECT_EQ(found({1, 2, 3.75, 4}).incomparable_elements, 0);
}

}  // namespace
}  // namespace septran::runtime
