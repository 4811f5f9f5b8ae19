// Tiles of every layout: permuted, strided, split into digits, reading zeros outside.
#include <gtest/gtest.h>

#include <numeric>

#include "tests/kernels/test_tensor.h"

namespace septran::kernels {
namespace {

TestTensor counted(std::vector<std::int64_t> shape, DType type) {
  TestTensor tensor(std::move(shape), type);
  std::vector<double> values(static_cast<std::size_t>(tensor.size()));
  std::iota(values.begin(), values.end(), 1);
  tensor.set(values);
  return tensor;
}

View whole(const TestTensor& t) { return full_view({t.shape.begin(), t.shape.end()}); }

/// What a tile shows, as a dense list.
std::vector<double> shown(TestTensor& from, const View& view) {
  std::vector<std::int64_t> shape;
  for (const Expr& extent : view.shape()) shape.push_back(extent.offset());
  TestTensor to(shape, DType::f64);
  run_copy(to.tile(), from.tile(view));
  return to.values();
}

TEST(Tiles, PermutedSlices) {
  for (const DType type : {DType::i8, DType::f16, DType::f32, DType::f64}) {
    TestTensor t = counted({3, 4, 5}, type);
    const View view = permute(slice_dim(whole(t), 2, 1, 3), {2, 0, 1});
    std::vector<double> expected;
    for (int c = 1; c < 4; ++c) {
      for (int a = 0; a < 3; ++a) {
        for (int b = 0; b < 4; ++b) expected.push_back(1 + (a * 4 + b) * 5 + c);
      }
    }
    EXPECT_EQ(shown(t, view), expected) << name(type);
    EXPECT_EQ(t.tile(view).elements(), 36);
    TestTensor back({3, 4, 5}, type);
    TestTensor dense({3, 3, 4}, type);
    run_copy(dense.tile(), t.tile(view));
    run_copy(back.tile(view), dense.tile());
    for (std::int64_t i = 0; i < 60; ++i) {
      EXPECT_EQ(back.at(i), i % 5 >= 1 && i % 5 < 4 ? static_cast<double>(i + 1) : 0);
    }
  }
}

TEST(Tiles, DroppedDimensionsAndScalars) {
  TestTensor t = counted({3, 4}, DType::f16);
  EXPECT_EQ(shown(t, index_dim(whole(t), 0, 2)), (std::vector<double>{9, 10, 11, 12}));
  EXPECT_EQ(shown(t, index_dim(whole(t), 1, 1)), (std::vector<double>{2, 6, 10}));
  EXPECT_EQ(shown(t, index_dim(index_dim(whole(t), 1, 1), 0, 1)), (std::vector<double>{6}));
}

TEST(Tiles, DigitsWithAStart) {
  // Dimensions 2 x 3 of a permuted tensor merged into one that no stride describes.
  TestTensor t = counted({3, 5, 2}, DType::f32);
  const auto merged = reshape(permute(whole(t), {2, 0, 1}), {6, 5});
  ASSERT_TRUE(merged.has_value());
  std::vector<double> expected;
  for (int p = 1; p < 5; ++p) {
    for (int b = 0; b < 5; ++b) expected.push_back(1 + ((p % 3) * 5 + b) * 2 + p / 3);
  }
  EXPECT_EQ(shown(t, slice_dim(*merged, 0, 1, 4)), expected);
}

struct ConvCase {
  std::int64_t channels;
  Im2colParams params;
};

TEST(Tiles, Im2colReadsZerosOutside) {
  const std::vector<ConvCase> cases = {
      {1, {{3, 3}, {1, 1}, {1, 1}, {1, 1}}},
      {3, {{3, 2}, {2, 1}, {1, 0}, {1, 2}}},
      {4, {{1, 1}, {1, 1}, {0, 0}, {1, 1}}},
      {2, {{2, 3}, {1, 2}, {2, 3}, {2, 1}}},
  };
  for (const ConvCase& c : cases) {
    const Im2colParams& p = c.params;
    TestTensor image = counted({2, 5, 6, c.channels}, DType::f16);
    const auto view = im2col(whole(image), p);
    ASSERT_TRUE(view.has_value());
    const auto out = [&](std::int64_t size, int d) {
      return (size + 2 * p.padding[d] - p.dilation[d] * (p.kernel[d] - 1) - 1) / p.stride[d] + 1;
    };
    std::vector<double> expected;
    for (std::int64_t n = 0; n < 2; ++n) {
      for (std::int64_t y = 0; y < out(5, 0); ++y) {
        for (std::int64_t x = 0; x < out(6, 1); ++x) {
          for (std::int64_t i = 0; i < p.kernel[0] * p.kernel[1] * c.channels; ++i) {
            const std::int64_t kh = i / c.channels / p.kernel[1];
            const std::int64_t kw = i / c.channels % p.kernel[1];
            const std::int64_t h = y * p.stride[0] - p.padding[0] + kh * p.dilation[0];
            const std::int64_t w = x * p.stride[1] - p.padding[1] + kw * p.dilation[1];
            const bool inside = h >= 0 && h < 5 && w >= 0 && w < 6;
            expected.push_back(
                inside ? image.at(((n * 5 + h) * 6 + w) * c.channels + i % c.channels) : 0);
          }
        }
      }
    }
    EXPECT_EQ(shown(image, *view), expected) << c.channels;
  }
}

TEST(Tiles, OutsideIsNotWritten) {
  TestTensor t({4, 4}, DType::f32);
  View view = slice_dim(slice_dim(whole(t), 0, -1, 3), 1, 2, 4);
  view.zero_outside = true;
  TestTensor ones({3, 4}, DType::f32);
  run("fill", {ones.tile()}, {{"value", 1.0}});
  run_copy(t.tile(view), ones.tile());
  EXPECT_EQ(t.values(), (std::vector<double>{0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(shown(t, view), (std::vector<double>{0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0}));
}

TEST(Tiles, FixedPositionOutsideReadsZero) {
  TestTensor t = counted({2, 3}, DType::i32);
  View view = whole(t);
  view.zero_outside = true;
  EXPECT_EQ(shown(t, index_dim(view, 0, 5)), (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(shown(t, index_dim(index_dim(view, 0, -1), 0, 1)), (std::vector<double>{0}));
}

TEST(Tiles, GemmOnTransposedAndGatheredViews) {
  TestTensor image = counted({1, 4, 4, 2}, DType::f32);
  const auto rows = im2col(whole(image), {{3, 3}, {1, 1}, {1, 1}, {1, 1}});
  TestTensor filter = counted({3, 18}, DType::f32);
  TestTensor out({16, 3}, DType::f64);
  run("gemm", {out.tile(), image.tile(*rows), filter.tile(permute(whole(filter), {1, 0}))});
  const std::vector<double> a = shown(image, *rows);
  for (std::int64_t m = 0; m < 16; ++m) {
    for (std::int64_t n = 0; n < 3; ++n) {
      double sum = 0;
      for (std::int64_t k = 0; k < 18; ++k) {
        sum += a[static_cast<std::size_t>(m * 18 + k)] * filter.at(n * 18 + k);
      }
      EXPECT_EQ(out.at(m * 3 + n), sum);
    }
  }
}

TEST(Tiles, OverlappingTransposeInPlace) {
  TestTensor t = counted({3, 3}, DType::f16);
  run("transpose", {t.tile(), t.tile()});
  EXPECT_EQ(t.values(), (std::vector<double>{1, 4, 7, 2, 5, 8, 3, 6, 9}));
  TestTensor wide = counted({2, 3}, DType::f16);
  TestTensor tall({3, 2}, DType::f32);
  run("transpose", {tall.tile(), wide.tile()});
  EXPECT_EQ(tall.values(), (std::vector<double>{1, 4, 2, 5, 3, 6}));
}

}  // namespace
}  // namespace septran::kernels
