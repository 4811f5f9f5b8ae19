// Views against the plain enumeration of the elements that they show.
#include "compiler/base/view.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace septran {
namespace {

/// A tensor whose elements are numbers, row-major: what a view of the root shows.
struct Shown {
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> elements;  // -1 where zero is read
  bool operator==(const Shown&) const = default;
};

std::int64_t count(const std::vector<std::int64_t>& shape) {
  std::int64_t product = 1;
  for (const std::int64_t extent : shape) product *= extent;
  return product;
}

/// Calls `visit` with every position in a shape, row-major.
template <typename F>
void for_each_position(const std::vector<std::int64_t>& shape, const F& visit) {
  std::vector<std::int64_t> at(shape.size());
  for (std::int64_t i = 0; i < count(shape); ++i) {
    std::int64_t rest = i;
    for (std::size_t d = shape.size(); d-- > 0;) {
      at[d] = rest % shape[d];
      rest /= shape[d];
    }
    visit(at);
  }
}

std::int64_t element(const Shown& tensor, const std::vector<std::int64_t>& at) {
  std::int64_t index = 0;
  for (std::size_t d = 0; d < at.size(); ++d) {
    if (at[d] < 0 || at[d] >= tensor.shape[d]) return -1;
    index = index * tensor.shape[d] + at[d];
  }
  return tensor.elements[static_cast<std::size_t>(index)];
}

/// What the header says of a view, element by element.
Shown shown_by(const View& view, const Shown& root) {
  Shown result;
  for (const ViewDim& dim : view.dims) result.shape.push_back(dim.extent.constant().value());
  for_each_position(result.shape, [&](const std::vector<std::int64_t>& position) {
    std::vector<std::int64_t> at;
    for (const Expr& base : view.base) at.push_back(base.constant().value());
    for (std::size_t d = 0; d < position.size(); ++d) {
      const ViewDim& dim = view.dims[d];
      std::int64_t rest = dim.start.constant().value() + position[d];
      for (std::size_t i = dim.digits.size(); i-- > 0;) {
        const Digit& digit = dim.digits[i];
        at[digit.axis] += (i == 0 ? rest : rest % digit.extent) * digit.step;
        if (i > 0) rest /= digit.extent;
      }
    }
    const std::int64_t value = element(root, at);
    EXPECT_TRUE(value >= 0 || view.zero_outside) << "outside the root";
    result.elements.push_back(value);
  });
  return result;
}

Shown root_of(const std::vector<std::int64_t>& shape) {
  Shown root{shape, {}};
  for (std::int64_t i = 0; i < count(shape); ++i) root.elements.push_back(i);
  return root;
}

View whole(const std::vector<std::int64_t>& shape) {
  return full_view(std::vector<Expr>(shape.begin(), shape.end()));
}

Shown sliced(const Shown& from, std::size_t dim, std::int64_t begin, std::int64_t extent) {
  Shown result{from.shape, {}};
  result.shape[dim] = extent;
  for_each_position(result.shape, [&](std::vector<std::int64_t> at) {
    at[dim] += begin;
    result.elements.push_back(element(from, at));
  });
  return result;
}

Shown indexed(const Shown& from, std::size_t dim, std::int64_t position) {
  Shown result = sliced(from, dim, position, 1);
  result.shape.erase(result.shape.begin() + static_cast<std::ptrdiff_t>(dim));
  return result;
}

Shown permuted(const Shown& from, const std::vector<std::size_t>& axes) {
  Shown result;
  for (const std::size_t axis : axes) result.shape.push_back(from.shape[axis]);
  for_each_position(result.shape, [&](const std::vector<std::int64_t>& position) {
    std::vector<std::int64_t> at(position.size());
    for (std::size_t i = 0; i < axes.size(); ++i) at[axes[i]] = position[i];
    result.elements.push_back(element(from, at));
  });
  return result;
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 2654435761U + 88172645463325252U) {}
  std::int64_t below(std::int64_t bound) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<std::int64_t>(state_ % static_cast<std::uint64_t>(bound));
  }

 private:
  std::uint64_t state_;
};

/// A random factorisation of a number into one to four extents.
std::vector<std::int64_t> random_shape(Random& random, std::int64_t elements) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(random.below(4) + 1), 1);
  for (std::int64_t factor = 2; elements > 1;) {
    if (elements % factor != 0) {
      ++factor;
      continue;
    }
    shape[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(shape.size())))] *=
        factor;
    elements /= factor;
  }
  return shape;
}

/// One random step on a view and on the elements that it should show. A reshape that no view can
/// say changes nothing; `reshaped` counts those that one can.
void random_step(Random& random, View& view, Shown& shown, int& reshaped) {
  const std::size_t rank = shown.shape.size();
  const auto dim =
      rank == 0 ? 0 : static_cast<std::size_t>(random.below(static_cast<std::int64_t>(rank)));
  switch (random.below(4)) {
    case 0: {
      if (rank < 2) return;
      const std::int64_t position = random.below(shown.shape[dim]);
      view = index_dim(view, dim, position);
      shown = indexed(shown, dim, position);
      return;
    }
    case 1: {
      if (rank == 0) return;
      const std::int64_t begin = random.below(shown.shape[dim]);
      const std::int64_t extent = random.below(shown.shape[dim] - begin) + 1;
      view = slice_dim(view, dim, begin, extent);
      shown = sliced(shown, dim, begin, extent);
      return;
    }
    case 2: {
      std::vector<std::size_t> axes;
      for (std::size_t d = 0; d < rank; ++d) {
        axes.insert(axes.begin() + random.below(static_cast<std::int64_t>(d) + 1), d);
      }
      view = permute(view, axes);
      shown = permuted(shown, axes);
      return;
    }
    default: {
      const std::vector<std::int64_t> shape = random_shape(random, count(shown.shape));
      if (const auto result = reshape(view, shape)) {
        view = *result;
        shown.shape = shape;
        ++reshaped;
      }
    }
  }
}

const std::vector<std::vector<std::int64_t>> root_shapes{
    {24}, {6, 8}, {4, 6, 5}, {2, 3, 4, 6}, {12, 1, 10}};

TEST(View, StepsShowTheSameElements) {
  int reshaped = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    Random random(seed);
    const Shown root = root_of(root_shapes[seed % root_shapes.size()]);
    Shown expected = root;
    View view = whole(root.shape);
    for (int step = 0; step < 5; ++step) {
      random_step(random, view, expected, reshaped);
      ASSERT_EQ(shown_by(view, root), expected) << "seed " << seed << " step " << step;
    }
  }
  EXPECT_GT(reshaped, 200);
}

TEST(View, CompositionShowsTheSameElements) {
  int reshaped = 0;
  int composed_count = 0;
  for (std::uint64_t seed = 0; seed < 600; ++seed) {
    Random random(seed);
    const Shown root = root_of(root_shapes[seed % root_shapes.size()]);
    Shown middle = root;
    View outer = whole(root.shape);
    for (int step = 0; step < 3; ++step) random_step(random, outer, middle, reshaped);
    Shown expected = middle;
    View inner = whole(middle.shape);
    for (int step = 0; step < 3; ++step) random_step(random, inner, expected, reshaped);
    const auto composed = compose(outer, inner);
    if (!composed) continue;
    ++composed_count;
    ASSERT_EQ(shown_by(*composed, root), expected) << "seed " << seed;
  }
  EXPECT_GT(composed_count, 400);
}

TEST(View, PositionsMayBeVariables) {
  VarTable vars;
  const VarId id = vars.add("i", 0, 24);
  const Expr i = Expr::var(id);
  const Shown root = root_of({4, 6, 5});
  const View rows = reshape(permute(whole(root.shape), {1, 0, 2}), {24, 5}).value();
  const View row = index_dim(rows, 0, i);
  std::vector<VarId> found;
  collect_vars(row, found);
  EXPECT_FALSE(found.empty());
  const Shown all = shown_by(rows, root);
  for (std::int64_t at = 0; at < 24; ++at) {
    const View fixed = substitute(row, [&](VarId) { return Expr(at); });
    EXPECT_EQ(shown_by(fixed, root), indexed(all, 0, at));
    const View part = substitute(slice_dim(rows, 0, i, 1), [&](VarId) { return Expr(at); });
    EXPECT_EQ(shown_by(part, root), sliced(all, 0, at, 1));
  }
  const View simple = simplify(slice_dim(whole({24}), 0, i, Expr::min(1, Expr(24) - i)), vars);
  EXPECT_EQ(simple.shape(), std::vector<Expr>{1});
}

TEST(View, BoxesAreTold) {
  const View view = whole({4, 6, 5});
  EXPECT_TRUE(view.is_box());
  const View box = permute(index_dim(slice_dim(view, 0, 1, 2), 1, 3), {1, 0});
  EXPECT_TRUE(box.is_box());
  EXPECT_EQ(box.box_extent(0), Expr(2));
  EXPECT_EQ(box.box_extent(1), Expr(1));
  EXPECT_EQ(box.box_extent(2), Expr(5));
  EXPECT_FALSE(reshape(view, {24, 5})->is_box());
  EXPECT_FALSE(reshape(view, {2, 2, 6, 5})->is_box());
  EXPECT_TRUE(reshape(*reshape(view, {24, 5}), {4, 6, 5})->is_box());
}

TEST(View, ReshapeRefusesWhatNoViewSays) {
  const View view = whole({4, 6});
  EXPECT_FALSE(reshape(view, {5, 5}).has_value());
  EXPECT_FALSE(reshape(view, {-4, -6}).has_value());
  EXPECT_FALSE(reshape(view, {std::int64_t{1} << 40, std::int64_t{1} << 40}).has_value());
  EXPECT_FALSE(reshape(slice_dim(*reshape(view, {24}), 0, 1, 6), {2, 3}).has_value());
  EXPECT_TRUE(reshape(slice_dim(view, 1, 0, 4), {2, 8}).has_value());
  // Rows of 4 that are made of rows of 3 start at other places.
  EXPECT_FALSE(reshape(slice_dim(view, 1, 0, 3), {3, 4}).has_value());
  VarTable vars;
  const Expr i = Expr::var(vars.add("i", 0, 4));
  EXPECT_FALSE(reshape(slice_dim(view, 0, 0, i), {24}).has_value());
}

/// im2col as textbooks write it.
Shown im2col_of(const Shown& image, const Im2colParams& p) {
  std::int64_t out[2];
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t span = p.dilation[i] * (p.kernel[i] - 1) + 1;
    out[i] = (image.shape[i + 1] + 2 * p.padding[i] - span) / p.stride[i] + 1;
  }
  const std::vector<std::int64_t> loops{image.shape[0], out[0],      out[1],
                                        p.kernel[0],    p.kernel[1], image.shape[3]};
  Shown result{{loops[0] * loops[1] * loops[2], loops[3] * loops[4] * loops[5]}, {}};
  for_each_position(loops, [&](const std::vector<std::int64_t>& at) {
    const std::int64_t h = at[1] * p.stride[0] - p.padding[0] + at[3] * p.dilation[0];
    const std::int64_t w = at[2] * p.stride[1] - p.padding[1] + at[4] * p.dilation[1];
    result.elements.push_back(element(image, {at[0], h, w, at[5]}));
  });
  return result;
}

TEST(View, Im2colShowsPatches) {
  const Shown root = root_of({2, 5, 6, 4});
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    Im2colParams p;
    for (std::size_t i = 0; i < 2; ++i) {
      p.kernel[i] = random.below(3) + 1;
      p.stride[i] = random.below(2) + 1;
      p.padding[i] = random.below(3);
      p.dilation[i] = random.below(2) + 1;
    }
    View view = whole(root.shape);
    Shown image = root;
    if (seed % 2 == 0) {  // images and channels may be cut before
      view = slice_dim(slice_dim(view, 0, 1, 1), 3, 1, 2);
      image = sliced(sliced(image, 0, 1, 1), 3, 1, 2);
    }
    const Shown expected = im2col_of(image, p);
    const auto patches = im2col(view, p);
    ASSERT_TRUE(patches.has_value());
    ASSERT_EQ(shown_by(*patches, root), expected) << "seed " << seed;
    // A tile of it, as a primitive call would take.
    const std::int64_t rows = expected.shape[0] / 2 + 1;
    const View tile = slice_dim(slice_dim(*patches, 0, rows - 1, 1), 1, 0, expected.shape[1]);
    ASSERT_EQ(shown_by(tile, root), sliced(expected, 0, rows - 1, 1));
    const auto composed = compose(*patches, slice_dim(whole(expected.shape), 0, rows - 1, 1));
    ASSERT_TRUE(composed.has_value());
    ASSERT_EQ(shown_by(*composed, root), sliced(expected, 0, rows - 1, 1));
  }
}

TEST(View, Im2colOfAMergedDimension) {
  const Shown root = root_of({2, 5, 6, 2, 2});
  const View view = reshape(whole(root.shape), {2, 5, 6, 4}).value();
  Im2colParams p;
  p.kernel[0] = p.kernel[1] = 2;
  p.padding[0] = 1;
  EXPECT_EQ(shown_by(im2col(view, p).value(), root), im2col_of(shown_by(view, root), p));
}

TEST(View, Im2colOfAnImageOfOneRow) {
  const Shown root = root_of({3, 7, 2});
  const View view = reshape(whole(root.shape), {3, 1, 7, 2}).value();
  Im2colParams p;
  p.kernel[1] = 3;
  p.padding[1] = 2;
  const View patches = im2col(view, p).value();
  EXPECT_EQ(shown_by(patches, root), im2col_of(shown_by(view, root), p));
  // Taken of the reshaped tensor first, and of the root afterwards.
  const auto composed = compose(view, im2col(whole({3, 1, 7, 2}), p).value());
  ASSERT_TRUE(composed.has_value());
  EXPECT_EQ(shown_by(*composed, root), im2col_of(shown_by(view, root), p));
  p.padding[0] = 1;  // rows above and below are not beyond the root's edge
  EXPECT_FALSE(compose(view, im2col(whole({3, 1, 7, 2}), p).value()).has_value());
}

TEST(View, Im2colRefusesWhatNoViewSays) {
  Im2colParams p;
  EXPECT_FALSE(im2col(whole({5, 6, 4}), p).has_value());
  EXPECT_FALSE(im2col(reshape(whole({2, 30, 6, 4}), {2, 5, 36, 4}).value(), p).has_value());
  const View image = whole({2, 5, 6, 4});
  EXPECT_FALSE(im2col(im2col(image, p).value(), p).has_value());
  p.kernel[0] = 7;  // does not fit
  EXPECT_FALSE(im2col(image, p).has_value());
  p.padding[0] = 1;
  EXPECT_TRUE(im2col(image, p).has_value());
}

}  // namespace
}  // namespace septran
