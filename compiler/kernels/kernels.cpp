#include "compiler/kernels/kernels.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string_view>
#include <type_traits>
#include <utility>

#include "compiler/base/diagnostic.h"
#include "compiler/kernels/arithmetic.h"
#include "compiler/kernels/call.h"
#include "compiler/kernels/matrix.h"
#include "compiler/kernels/tile_access.h"

namespace septran::kernels {
namespace {

/// One call, in arithmetic type T.
template <typename T>
class Call {
 public:
  Call(const Primitive& primitive, std::span<const Argument> operands, const Attributes& attributes)
      : primitive_(primitive), operands_(operands), attributes_(attributes) {}

  void run() {
    switch (primitive_.kind) {
      case PrimitiveKind::matrix: {
        const bool accumulate = bool_attribute(attributes_, "accumulate");
        return matrix<T>(tile(0), accumulate ? &tile(0) : nullptr, tile(1), tile(2),
                         bool_attribute(attributes_, "transpose_a"),
                         bool_attribute(attributes_, "transpose_b"),
                         float_attribute(attributes_, "alpha"));
      }
      case PrimitiveKind::unary:
        return unary();
      case PrimitiveKind::binary:
        return binary();
      case PrimitiveKind::ternary:
        return ternary();
      case PrimitiveKind::reduction:
        return reduction();
      case PrimitiveKind::mask:
        return mask();
      case PrimitiveKind::fill:
        return fill();
      case PrimitiveKind::iota:
        return iota();
      case PrimitiveKind::quantization:
        return primitive_.name == "quantize" ? quantize() : dequantize();
      case PrimitiveKind::copy:
      case PrimitiveKind::transpose:
        break;
    }
    SEPTRAN_BUG("not computed here");
  }

 private:
  [[nodiscard]] const Tile& tile(std::size_t o) const { return std::get<Tile>(operands_[o]); }
  [[nodiscard]] bool is_scalar(std::size_t o) const {
    return std::holds_alternative<double>(operands_[o]);
  }
  [[nodiscard]] T scalar(std::size_t o) const { return number<T>(std::get<double>(operands_[o])); }
  [[nodiscard]] T float_value(std::string_view name) const {
    return number<T>(float_attribute(attributes_, name));
  }

  /// A tile without dimensions, where operands of one value are allowed.
  [[nodiscard]] bool is_one_value(std::size_t o) const {
    const Tile* given = std::get_if<Tile>(&operands_[o]);
    return given != nullptr && given->dims.empty();
  }

  /// Operand o as n values: one value is repeated, and 0 stands for an absent operand.
  Buffer<T> values(std::size_t o, std::int64_t n) const {
    const bool given = o < operands_.size();
    const bool one = given && is_one_value(o);
    if (given && !one && std::holds_alternative<Tile>(operands_[o])) return gather<T>(tile(o));
    const T value = one ? gather<T>(tile(o))[0] : given && is_scalar(o) ? scalar(o) : T(0);
    Buffer<T> repeated(n);
    std::fill(repeated.data(), repeated.data() + n, value);
    return repeated;
  }

  void unary() {
    const Buffer<T> x = gather<T>(tile(1));
    Unary op = lookup(unaries, primitive_.name);
    if (op == Unary::gelu && choice_attribute(attributes_, "approximate") == "tanh") {
      op = Unary::gelu_tanh;
    }
    functions<T>().unary(op, x.data(), x.data(), x.size());
    scatter(tile(0), x);
  }

  void binary() {
    const Buffer<T> x = gather<T>(tile(1));
    const Binary op = lookup(binaries, primitive_.name);
    const auto& f = functions<T>();
    if (is_scalar(2) || is_one_value(2)) {
      f.binary_scalar(op, x.data(), values(2, 1)[0], x.data(), x.size());
    } else if (const auto axis = integer_attribute(attributes_, "axis")) {
      const Buffer<T> y = gather<T>(tile(2));
      const AlongAxis s = along_axis(shape_of(tile(1)), static_cast<std::size_t>(*axis));
      for (std::int64_t o = 0; o < s.outer; ++o) {
        T* rows = x.data() + o * s.axis * s.inner;
        if (s.inner == 1) {
          f.binary(op, rows, y.data(), rows, s.axis);
          continue;
        }
        for (std::int64_t a = 0; a < s.axis; ++a) {
          f.binary_scalar(op, rows + a * s.inner, y[a], rows + a * s.inner, s.inner);
        }
      }
    } else {
      const Buffer<T> y = gather<T>(tile(2));
      f.binary(op, x.data(), y.data(), x.data(), x.size());
    }
    scatter(tile(0), x);
  }

  void ternary() {
    const Buffer<T> x = gather<T>(tile(1));
    const auto& f = functions<T>();
    if (primitive_.name == "clamp") {
      f.clamp(x.data(), float_value("low"), float_value("high"), x.data(), x.size());
    } else {
      const Buffer<T> a = values(2, x.size());
      const Buffer<T> b = values(3, x.size());
      (primitive_.name == "fma" ? f.fma : f.select)(x.data(), a.data(), b.data(), x.data(),
                                                    x.size());
    }
    scatter(tile(0), x);
  }

  void reduction() {
    const Buffer<T> x = gather<T>(tile(1));
    const auto axis = integer_attribute(attributes_, "axis");
    SEPTRAN_CHECK(axis.has_value());
    const AlongAxis s = along_axis(shape_of(tile(1)), static_cast<std::size_t>(*axis));
    const Reduction op = lookup(reductions, primitive_.name);
    const Buffer<T> y(s.outer * s.inner);
    functions<T>().reduce(op, x.data(), y.data(), s.outer, s.axis, s.inner);
    if (bool_attribute(attributes_, "accumulate")) {
      const Buffer<T> old = gather<T>(tile(0));
      functions<T>().binary(combine_of[static_cast<std::size_t>(op)], old.data(), y.data(),
                            y.data(), y.size());
    }
    scatter(tile(0), y);
  }

  void mask() {
    const Buffer<T> s = gather<T>(tile(0));
    const std::vector<std::int64_t> shape = shape_of(tile(0));
    const std::int64_t cols = shape[shape.size() - 1];
    const std::int64_t rows = shape[shape.size() - 2];
    const std::int64_t ahead =
        expr_attribute(attributes_, "col0").offset() - expr_attribute(attributes_, "row0").offset();
    const bool window = primitive_.name == "mask_window";
    // Row r keeps columns r - ahead - left ... r - ahead + right.
    const std::int64_t right = window ? expr_attribute(attributes_, "right").offset() : 0;
    const T value = number<T>(round_to(tile(0).logical, float_attribute(attributes_, "value")));
    for (std::int64_t row = 0; row < s.size() / std::max<std::int64_t>(cols, 1); ++row) {
      const std::int64_t diagonal = row % rows - ahead;
      const std::int64_t keep_end = std::clamp<std::int64_t>(diagonal + right + 1, 0, cols);
      const std::int64_t keep_begin =
          window ? std::clamp<std::int64_t>(diagonal - expr_attribute(attributes_, "left").offset(),
                                            0, keep_end)
                 : 0;
      T* line = s.data() + row * cols;
      std::fill(line, line + keep_begin, value);
      std::fill(line + keep_end, line + cols, value);
    }
    scatter(tile(0), s);
  }

  void fill() {
    const Buffer<T> x(tile(0).elements());
    std::fill(x.data(), x.data() + x.size(), float_value("value"));
    scatter(tile(0), x);
  }

  void iota() {
    const auto axis = static_cast<std::size_t>(expr_attribute(attributes_, "axis").offset());
    const AlongAxis s = along_axis(shape_of(tile(0)), axis);
    const auto start = static_cast<T>(expr_attribute(attributes_, "start").offset());
    const auto step = static_cast<T>(expr_attribute(attributes_, "step").offset());
    const Buffer<T> x(tile(0).elements());
    for (std::int64_t o = 0; o < s.outer * s.axis; ++o) {
      std::fill(x.data() + o * s.inner, x.data() + (o + 1) * s.inner,
                start + step * static_cast<T>(o % s.axis));
    }
    scatter(tile(0), x);
  }

  /// Where the scale of each element of a row stands: scalars and absent operands have one row.
  void dequantize() {
    const std::vector<std::int64_t> shape = shape_of(tile(0));
    const std::int64_t cols = shape.back();
    const std::int64_t rows = tile(0).elements() / std::max<std::int64_t>(cols, 1);
    const std::int64_t group = integer_attribute(attributes_, "group").value_or(cols);
    const std::int64_t groups = ceil_div(cols, std::max<std::int64_t>(group, 1));
    const bool packed = integer_attribute(attributes_, "bits") == 4;
    const Buffer<T> q = gather<T>(tile(1));
    const Buffer<T> scale = values(2, rows * groups);
    const Buffer<T> zero = values(3, rows * groups);
    const Buffer<T> y(rows * cols);
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < cols; ++c) {
        const std::int64_t g = r * groups + c / group;
        T value = packed ? nibble(q[r * ceil_div(cols, 2) + c / 2], c % 2 != 0) : q[r * cols + c];
        y[r * cols + c] = (value - zero[g]) * scale[g];
      }
    }
    scatter(tile(0), y);
  }

  /// The signed low or high half of a byte, which may be held in a wider type.
  static T nibble(T byte, bool high) {
    const double value = byte >= -128 && byte <= 127 ? static_cast<double>(byte) : 0;
    const auto bits = static_cast<std::uint8_t>(static_cast<std::int8_t>(value));
    const int half = high ? bits >> 4 : bits & 15;
    return static_cast<T>(half < 8 ? half : half - 16);
  }

  void quantize() {
    const Buffer<T> x = gather<T>(tile(1));
    const std::int64_t cols = shape_of(tile(1)).back();
    const std::int64_t rows = x.size() / std::max<std::int64_t>(cols, 1);
    const Buffer<T> scale = values(2, rows);
    const Buffer<T> zero = values(3, rows);
    for (std::int64_t i = 0; i < x.size(); ++i) {
      x[i] = static_cast<T>(std::nearbyint(x[i] / scale[i / cols])) + zero[i / cols];
    }
    scatter(tile(0), x);
  }

  const Primitive& primitive_;
  std::span<const Argument> operands_;
  const Attributes& attributes_;
};

}  // namespace

std::int64_t Tile::elements() const {
  std::int64_t count = 1;
  for (const TileDim& dim : dims) count *= dim.extent;
  return count;
}

Tile make_tile(std::byte* root, DType storage, DType logical, const View& view,
               std::span<const std::int64_t> strides_bytes, std::span<const std::int64_t> extents,
               const std::function<std::int64_t(VarId)>& value) {
  SEPTRAN_CHECK(view.base.size() <= strides_bytes.size() && view.base.size() <= extents.size());
  Tile tile;
  tile.storage = storage;
  tile.logical = logical;
  std::int64_t offset = 0;
  for (std::size_t axis = 0; axis < view.base.size(); ++axis) {
    const std::int64_t base = view.base[axis].evaluate(value);
    offset += base * strides_bytes[axis];
    if (view.zero_outside) tile.axes.push_back({base, extents[axis]});
  }
  tile.data = root + offset;
  for (const ViewDim& dim : view.dims) {
    TileDim& out = tile.dims.emplace_back();
    out.extent = dim.extent.evaluate(value);
    out.start = dim.start.evaluate(value);
    for (const Digit& digit : dim.digits) {
      out.digits.push_back({digit.extent, digit.step * strides_bytes[digit.axis],
                            view.zero_outside ? static_cast<std::int32_t>(digit.axis) : -1,
                            digit.step});
    }
  }
  return tile;
}

void run_primitive(const Primitive& primitive, std::span<const Argument> operands,
                   const Attributes& attributes) {
  if (primitive.kind == PrimitiveKind::copy || primitive.kind == PrimitiveKind::transpose) {
    Tile source = std::get<Tile>(operands[1]);
    if (primitive.kind == PrimitiveKind::transpose) std::swap(source.dims[0], source.dims[1]);
    return run_copy(std::get<Tile>(operands[0]), source);
  }
  switch (call_type(primitive, operands, attributes)) {
    case DType::f64:
      return Call<double>(primitive, operands, attributes).run();
    case DType::i32:
      return Call<std::int32_t>(primitive, operands, attributes).run();
    default:
      return Call<float>(primitive, operands, attributes).run();
  }
}

namespace {

constexpr int f32_mantissa_bits = 23;

/// Ties to even. Infinities and NaNs stay.
float rounded(float value, int bits) {
  if (!std::isfinite(value)) return value;
  const int dropped = f32_mantissa_bits - bits;
  auto word = std::bit_cast<std::uint32_t>(value);
  word += (1U << (dropped - 1)) - 1 + (word >> dropped & 1U);
  return std::bit_cast<float>(word >> dropped << dropped);
}

/// A tile of f32 of its own with rounded values.
Tile rounded(const Tile& tile, int bits, const Buffer<float>& values) {
  for (std::int64_t i = 0; i < values.size(); ++i) values[i] = rounded(values[i], bits);
  Tile result;
  result.data = reinterpret_cast<std::byte*>(values.data());
  std::int64_t stride = sizeof(float);
  result.dims.resize(tile.dims.size());
  for (std::size_t d = tile.dims.size(); d-- > 0;) {
    result.dims[d] = {tile.dims[d].extent, 0, {{0, stride, -1, 1}}};
    stride *= tile.dims[d].extent;
  }
  return result;
}

}  // namespace

void run_mma(const Tile& acc, const Tile& a, const Tile& b, bool transpose_a, bool transpose_b,
             bool accumulate, double alpha, int factor_bits) {
  if (factor_bits > 0) {
    const Buffer<float> left = gather<float>(a);
    const Buffer<float> right = gather<float>(b);
    return run_mma(acc, rounded(a, factor_bits, left), rounded(b, factor_bits, right), transpose_a,
                   transpose_b, accumulate, alpha);
  }
  Tile out = acc;
  out.logical = acc.storage;
  const Tile* previous = accumulate ? &out : nullptr;
  switch (arithmetic_type(acc.storage)) {
    case DType::f64:
      return matrix<double>(out, previous, a, b, transpose_a, transpose_b, alpha);
    case DType::i32:
      return matrix<std::int32_t>(out, previous, a, b, transpose_a, transpose_b, alpha);
    default:
      return matrix<float>(out, previous, a, b, transpose_a, transpose_b, alpha);
  }
}

void run_copy(const Tile& dst, const Tile& src) {
  const std::int64_t n = dst.elements();
  SEPTRAN_CHECK(n == src.elements());
  Buffer<std::byte> values = gather_bytes(src);
  DType type = src.storage;
  for (const DType next : {dst.logical, dst.storage}) {
    if (next == type) continue;
    Buffer<std::byte> converted(n * static_cast<std::int64_t>(size_bytes(next)));
    convert(type, values.data(), next, converted.data(), n);
    values = std::move(converted);
    type = next;
  }
  scatter_bytes(dst, values.data());
}

}  // namespace septran::kernels
