#include "runtime/tensor.h"

#include <gtest/gtest.h>

#include <Eigen/Core>
#include <cmath>
#include <limits>

#include "runtime/small_float.h"

namespace septran::runtime {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

HostTensor vector_of(DType dtype, const std::vector<double>& values) {
  Diagnostics diagnostics;
  Result<HostTensor> tensor =
      make_tensor(dtype, {static_cast<std::int64_t>(values.size())}, diagnostics);
  for (std::size_t i = 0; i < values.size(); ++i) store_element(*tensor, i, values[i]);
  return *tensor;
}

std::vector<double> values_of(const HostTensor& tensor) {
  std::vector<double> values;
  for (std::size_t i = 0; i < tensor.elements(); ++i) values.push_back(load_element(tensor, i));
  return values;
}

/// Every bit pattern decodes to what Eigen's type holds and encodes back to itself.
template <typename EigenType>
void expect_all_patterns(DType dtype) {
  const FloatFormat format = small_float_format(dtype);
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const auto pattern = static_cast<std::uint16_t>(bits);
    const auto expected =
        static_cast<double>(static_cast<float>(Eigen::numext::bit_cast<EigenType>(pattern)));
    const double value = decode(format, pattern);
    ASSERT_EQ(std::signbit(value), std::signbit(expected)) << bits;
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(value)) << bits;
      ASSERT_TRUE(std::isnan(decode(format, encode(format, value)))) << bits;
    } else {
      ASSERT_EQ(value, expected) << bits;
      ASSERT_EQ(encode(format, value), pattern) << bits;
    }
  }
}

TEST(SmallFloat, EveryPatternOfF16) { expect_all_patterns<Eigen::half>(DType::f16); }
TEST(SmallFloat, EveryPatternOfBf16) { expect_all_patterns<Eigen::bfloat16>(DType::bf16); }

TEST(SmallFloat, EveryPatternOfEightBits) {
  for (const DType dtype : {DType::f8e4m3, DType::f8e5m2}) {
    const FloatFormat format = small_float_format(dtype);
    for (std::uint16_t bits = 0; bits < 256; ++bits) {
      const double value = decode(format, bits);
      if (std::isnan(value)) continue;
      EXPECT_EQ(encode(format, value), bits);
    }
  }
  EXPECT_EQ(decode(small_float_format(DType::f8e4m3), 0x7e), 448.0);
  EXPECT_EQ(decode(small_float_format(DType::f8e4m3), 0x01), std::ldexp(1.0, -9));
  EXPECT_EQ(decode(small_float_format(DType::f8e5m2), 0x7b), 57344.0);
}

// Between neighbours a < b of f16: the middle goes to the even one, anything beside it to the
// nearer, even by less than a float could show.
TEST(SmallFloat, RoundsOnceToNearestEven) {
  const FloatFormat format = small_float_format(DType::f16);
  for (std::uint16_t bits = 0; bits < 0x7bff; ++bits) {
    const auto above = static_cast<std::uint16_t>(bits + 1);
    const double middle = (decode(format, bits) + decode(format, above)) / 2;
    ASSERT_EQ(encode(format, middle), bits % 2 == 0 ? bits : above);
    ASSERT_EQ(encode(format, std::nextafter(middle, 0.0)), bits);
    ASSERT_EQ(encode(format, std::nextafter(middle, infinity)), above);
  }
}

TEST(Tensor, StoresOutOfRangeValues) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(values_of(vector_of(DType::f16, {65519.9, 65520, -1e9, infinity})),
            (std::vector<double>{65504, infinity, -infinity, infinity}));
  EXPECT_EQ(values_of(vector_of(DType::i8, {127.5, -200, 2.5, 3.5, -0.5, nan, infinity})),
            (std::vector<double>{127, -128, 2, 4, 0, 0, 127}));
  EXPECT_EQ(values_of(vector_of(DType::i32, {1e12, -1e12, -7})),
            (std::vector<double>{2147483647, -2147483648.0, -7}));
  EXPECT_TRUE(std::isnan(values_of(vector_of(DType::f8e4m3, {1e6}))[0]));
}

TEST(Tensor, ConvertsThroughEveryType) {
  Diagnostics diagnostics;
  const HostTensor source = vector_of(DType::f64, {0, 1, -2, 3.5, -4});
  for (const DType dtype : all_dtypes()) {
    const Result<HostTensor> there = convert(source, dtype, diagnostics);
    ASSERT_TRUE(there);
    EXPECT_EQ(there->bytes.size(), 5 * size_bytes(dtype));
    std::vector<double> expected = values_of(source);
    if (!is_float(dtype)) expected[3] = 4;
    EXPECT_EQ(values_of(*there), expected) << name(dtype);
  }
}

TEST(Tensor, RefusesWhatCannotBeHeld) {
  for (const std::vector<std::int64_t>& shape : std::vector<std::vector<std::int64_t>>{
           {std::int64_t{1} << 40, std::int64_t{1} << 40}, {-1}, {std::int64_t{1} << 50}}) {
    Diagnostics diagnostics;
    EXPECT_FALSE(make_tensor(DType::f64, shape, diagnostics));
    ASSERT_EQ(diagnostics.all().size(), 1u);
    EXPECT_EQ(diagnostics.all()[0].code, "tensor-too-large");
  }
}

TEST(Tensor, ScalarHasOneElement) {
  Diagnostics diagnostics;
  EXPECT_EQ(make_tensor(DType::f32, {}, diagnostics)->elements(), 1u);
  EXPECT_EQ(shape_text({}), "[]");
  EXPECT_EQ(shape_text({2, 3}), "[2, 3]");
}

}  // namespace
}  // namespace septran::runtime
