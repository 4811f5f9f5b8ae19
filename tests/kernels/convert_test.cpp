// Conversions between element types, and where rounding happens.
#include <gtest/gtest.h>

#include <set>

#include "compiler/kernels/simd.h"
#include "tests/kernels/test_tensor.h"

namespace septran::kernels {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

double converted(DType type, double value) { return tensor_of({1}, type, {value}).at(0); }

bool same(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}

std::vector<const Simd*> variants() {
  std::vector<const Simd*> all = {&simd_base()};
  if (&simd() != all[0]) all.push_back(&simd());
  return all;
}

class SmallFormat : public testing::TestWithParam<DType> {
 public:
  [[nodiscard]] std::uint32_t codes() const { return size_bytes(GetParam()) == 1 ? 256 : 65536; }
  [[nodiscard]] double value(std::uint32_t code) const {
    const std::uint64_t wide = code;  // as long as the longest element that load() knows
    return load(GetParam(), reinterpret_cast<const std::byte*>(&wide));
  }
};

TEST_P(SmallFormat, EveryCodeIsReadRight) {
  std::vector<std::byte> all;
  for (std::uint32_t code = 0; code < codes(); ++code) {
    const auto* from = reinterpret_cast<const std::byte*>(&code);
    all.insert(all.end(), from, from + size_bytes(GetParam()));
  }
  for (const Simd* simd : variants()) {
    std::vector<float> values(codes());
    simd->decode_f32(GetParam(), all.data(), values.data(), codes());
    for (std::uint32_t code = 0; code < codes(); ++code) {
      ASSERT_TRUE(same(values[code], value(code))) << simd->name << " " << code;
    }
  }
}

TEST_P(SmallFormat, NearestValueIsWritten) {
  // Neighbours, their midpoint (a tie: the even code wins) and what lies right beside the midpoint.
  std::vector<float> inputs;
  std::vector<double> expected;
  for (std::uint32_t code = 0; code + 1 < codes() / 2; ++code) {
    const double low = value(code);
    const double high = value(code + 1);
    if (!std::isfinite(low) || !std::isfinite(high)) break;
    const auto middle = static_cast<float>((low + high) / 2);
    for (const float sign : {1.0f, -1.0f}) {
      for (const float x : {static_cast<float>(low), std::nextafter(middle, -1.0f), middle,
                            std::nextafter(middle, 1e38f)}) {
        if (static_cast<double>(middle) != (low + high) / 2) continue;
        const double nearest = x < middle ? low : x > middle ? high : code % 2 == 0 ? low : high;
        inputs.push_back(sign * x);
        expected.push_back(static_cast<double>(sign) * nearest);
      }
    }
  }
  ASSERT_GT(inputs.size(), 500U);
  const auto n = static_cast<std::int64_t>(inputs.size());
  const std::vector<double> wide(inputs.begin(), inputs.end());
  const std::size_t width = size_bytes(GetParam());
  for (const Simd* simd : variants()) {
    std::vector<std::byte> from_f32(inputs.size() * width);
    std::vector<std::byte> from_f64(inputs.size() * width);
    simd->encode_f32(GetParam(), inputs.data(), from_f32.data(), n);
    simd->encode_f64(GetParam(), wide.data(), from_f64.data(), n);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      ASSERT_TRUE(same(load(GetParam(), &from_f32[i * width]), expected[i]))
          << simd->name << " " << inputs[i];
      ASSERT_TRUE(same(load(GetParam(), &from_f64[i * width]), expected[i]))
          << simd->name << " " << inputs[i];
    }
  }
}

TEST_P(SmallFormat, SpecialValues) {
  const bool has_infinity = GetParam() != DType::f8e4m3;
  EXPECT_TRUE(std::isnan(converted(GetParam(), nan)));
  EXPECT_TRUE(same(converted(GetParam(), inf), has_infinity ? inf : nan));
  EXPECT_TRUE(same(converted(GetParam(), -1e300), has_infinity ? -inf : nan));
  EXPECT_TRUE(same(converted(GetParam(), -0.0), -0.0));
  EXPECT_TRUE(same(converted(GetParam(), 1e-300), 0.0));
}

INSTANTIATE_TEST_SUITE_P(Convert, SmallFormat,
                         testing::Values(DType::f16, DType::bf16, DType::f8e4m3, DType::f8e5m2),
                         [](const auto& info) { return std::string(name(info.param)); });

TEST(Convert, LargestValues) {
  EXPECT_EQ(converted(DType::f16, 65519.99), 65504);
  EXPECT_EQ(converted(DType::f16, 65520), inf);
  EXPECT_EQ(converted(DType::f8e4m3, 464), 448);
  EXPECT_TRUE(std::isnan(converted(DType::f8e4m3, 464.01)));
  EXPECT_EQ(converted(DType::f8e5m2, 61439), 57344);
  EXPECT_EQ(converted(DType::f8e5m2, 61440), inf);
}

TEST(Convert, IntegersRoundToEvenAndSaturate) {
  EXPECT_EQ(converted(DType::i8, 2.5), 2);
  EXPECT_EQ(converted(DType::i8, 3.5), 4);
  EXPECT_EQ(converted(DType::i8, -0.5), 0);
  EXPECT_EQ(converted(DType::i8, 127.4), 127);
  EXPECT_EQ(converted(DType::i8, 1000), 127);
  EXPECT_EQ(converted(DType::i8, -inf), -128);
  EXPECT_EQ(converted(DType::i8, nan), 0);
  EXPECT_EQ(converted(DType::i32, 2147483646.5), 2147483646);
  EXPECT_EQ(converted(DType::i32, 3e9), 2147483647);
  EXPECT_EQ(converted(DType::i32, -3e9), -2147483648.0);
  TestTensor wide = tensor_of({2}, DType::i32, {300, -16777217});
  TestTensor narrow({2}, DType::i8);
  run_copy(narrow.tile(), wide.tile());
  EXPECT_EQ(narrow.values(), (std::vector<double>{127, -128}));
  TestTensor f64({2}, DType::f64);
  run_copy(f64.tile(), wide.tile());
  EXPECT_EQ(f64.at(1), -16777217);
}

TEST(Convert, OneRoundingOnly) {
  // Through f32 the last bit would be lost, and the tie that is left would go down.
  EXPECT_EQ(converted(DType::f16, 1 + std::ldexp(1, -11) + std::ldexp(1, -30)),
            1 + std::ldexp(1, -10));
  EXPECT_EQ(converted(DType::bf16, 1 + std::ldexp(1, -8) + std::ldexp(1, -40)),
            1 + std::ldexp(1, -7));
  // 2049 lies between 2048 and 2050 of f16, to even.
  TestTensor whole = tensor_of({2}, DType::i32, {2049, 2051});
  TestTensor half({2}, DType::f16);
  run_copy(half.tile(), whole.tile());
  EXPECT_EQ(half.values(), (std::vector<double>{2048, 2052}));
  TestTensor filled({1}, DType::f16);
  run("fill", {filled.tile()}, {{"value", 1 + std::ldexp(1, -11) + std::ldexp(1, -30)}});
  EXPECT_EQ(filled.at(0), 1 + std::ldexp(1, -10));
}

TEST(Convert, LogicalTypeRoundsWiderStorage) {
  TestTensor x = tensor_of({2}, DType::f32, {2049, 0.1});
  TestTensor y({2}, DType::f32, DType::f16);
  run("copy", {y.tile(), x.tile()});
  EXPECT_EQ(y.at(0), 2048);
  EXPECT_EQ(y.at(1), converted(DType::f16, 0.1));
  run("add", {y.tile(), y.tile(), 1.0});
  EXPECT_EQ(y.at(0), 2048);  // 2049 again, rounded when written
}

}  // namespace
}  // namespace septran::kernels
