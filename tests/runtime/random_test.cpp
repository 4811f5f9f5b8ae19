#include "runtime/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace septran::runtime {
namespace {

HostTensor filled(DType dtype, std::int64_t elements, Values values, std::uint64_t seed = 0,
                  std::string_view parameter = "A") {
  Diagnostics diagnostics;
  HostTensor tensor = *make_tensor(dtype, {elements}, diagnostics);
  fill_random(tensor, values, seed, parameter);
  return tensor;
}

// The exact values pin the sequence: they must be the same on every machine and in every version.
TEST(Random, IsTheSameEverywhere) {
  const HostTensor normal = filled(DType::f64, 3, Values::normal);
  const HostTensor uniform = filled(DType::f64, 3, Values::uniform);
  const HostTensor integers = filled(DType::i32, 6, Values::integers);
  std::string text;
  for (const HostTensor& tensor : {normal, uniform, integers}) {
    for (std::size_t i = 0; i < tensor.elements(); ++i) {
      text += fmt::format("{:a} ", load_element(tensor, i));
    }
  }
  EXPECT_EQ(text,
            "-0x1.005e62c4p+0 -0x1.2bca837ap+0 0x1.08da3e0ep-1 "
            "0x1.b27dee273a7c8p-3 -0x1.7d5cb02c39ddcp-2 -0x1.00ef42e912dc8p-2 "
            "0x1p+0 -0x1p+1 -0x1p+0 0x0p+0 -0x1p+2 0x1.8p+1 ");
}

TEST(Random, DependsOnSeedAndParameterOnly) {
  const HostTensor a = filled(DType::f32, 64, Values::normal, 7, "A");
  EXPECT_EQ(a.bytes, filled(DType::f32, 64, Values::normal, 7, "A").bytes);
  EXPECT_NE(a.bytes, filled(DType::f32, 64, Values::normal, 8, "A").bytes);
  EXPECT_NE(a.bytes, filled(DType::f32, 64, Values::normal, 7, "B").bytes);
  EXPECT_NE(a.bytes, filled(DType::f32, 64, Values::normal, 7ull + (1ull << 32), "A").bytes);
}

TEST(Random, NormalHasMeanZeroAndDeviationOne) {
  for (const DType dtype : {DType::f16, DType::bf16, DType::f32, DType::f64}) {
    const HostTensor tensor = filled(dtype, 20000, Values::normal);
    double sum = 0;
    double squares = 0;
    for (std::size_t i = 0; i < tensor.elements(); ++i) {
      const double value = load_element(tensor, i);
      ASSERT_LE(std::fabs(value), 4.0);
      sum += value;
      squares += value * value;
    }
    // The mean of 2e4 draws deviates by 1 / sqrt(2e4) = 0.007, the variance by 0.01.
    EXPECT_NEAR(sum / 2e4, 0, 0.035);
    EXPECT_NEAR(squares / 2e4, 1, 0.05);
  }
}

TEST(Random, UniformStaysBelowOne) {
  for (const DType dtype : {DType::f8e5m2, DType::f16, DType::bf16, DType::f32}) {
    const HostTensor tensor = filled(dtype, 20000, Values::uniform);
    double low = 0;
    double high = 0;
    for (std::size_t i = 0; i < tensor.elements(); ++i) {
      low = std::min(low, load_element(tensor, i));
      high = std::max(high, load_element(tensor, i));
    }
    EXPECT_GE(low, -1.0);
    EXPECT_LT(low, -0.99);
    EXPECT_LT(high, 1.0);
    EXPECT_GT(high, 0.8);
  }
}

TEST(Random, IntegersCoverTheirRange) {
  for (const auto& [dtype, values, low, high] :
       {std::tuple{DType::f16, Values::integers, -4.0, 4.0},
        std::tuple{DType::i8, Values::integers, -4.0, 4.0},
        std::tuple{DType::i8, Values::normal, -8.0, 7.0},
        std::tuple{DType::i32, Values::uniform, -8.0, 7.0}}) {
    const HostTensor tensor = filled(dtype, 2000, values);
    std::set<double> seen;
    for (std::size_t i = 0; i < tensor.elements(); ++i) seen.insert(load_element(tensor, i));
    EXPECT_EQ(*seen.begin(), low);
    EXPECT_EQ(*seen.rbegin(), high);
    EXPECT_EQ(seen.size(), static_cast<std::size_t>(high - low + 1));
  }
}

TEST(Random, NamesOfValues) {
  for (const Values values : {Values::normal, Values::uniform, Values::integers}) {
    EXPECT_EQ(parse_values(name(values)), values);
  }
  EXPECT_FALSE(parse_values("gaussian"));
}

}  // namespace
}  // namespace septran::runtime
