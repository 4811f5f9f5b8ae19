#include "compiler/kernels/enclosure.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "compiler/kernels/arithmetic.h"
#include "compiler/kernels/call.h"
#include "compiler/kernels/interval.h"

namespace septran::kernels {
namespace {

/// Rounds ends to a type; where nothing is known of an integer, it may have any value of the type.
void round_ends(Intervals& x, DType type) {
  if (type == DType::f64) return;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const std::int64_t n = x.size();
  if (!is_float(type)) {
    for (std::int64_t i = 0; i < n; ++i) {
      if (std::isnan(x.low[i]) || std::isnan(x.high[i])) x.set(i, {-infinity, infinity});
    }
  }
  const Buffer<std::byte> code(n * static_cast<std::int64_t>(size_bytes(type)));
  for (const Buffer<double>* ends : {&x.low, &x.high}) {
    auto* bytes = reinterpret_cast<std::byte*>(ends->data());
    convert(DType::f64, bytes, type, code.data(), n);
    convert(type, code.data(), DType::f64, bytes, n);
  }
  for (std::int64_t i = 0; i < n; ++i) x.set(i, whole(x[i]));
}

bool same_tile(const Tile& a, const Tile& b) {
  const auto same_digits = [](const TileDigit& x, const TileDigit& y) {
    return x.extent == y.extent && x.stride_bytes == y.stride_bytes && x.axis == y.axis &&
           x.step == y.step;
  };
  const auto same_dim = [&](const TileDim& x, const TileDim& y) {
    return x.extent == y.extent && x.start == y.start &&
           std::equal(x.digits.begin(), x.digits.end(), y.digits.begin(), y.digits.end(),
                      same_digits);
  };
  return a.data == b.data &&
         std::equal(a.dims.begin(), a.dims.end(), b.dims.begin(), b.dims.end(), same_dim);
}

class EnclosedCall {
 public:
  EnclosedCall(const Primitive& primitive, std::span<const EnclosedArgument> operands,
               const Attributes& attributes)
      : primitive_(primitive),
        operands_(operands),
        attributes_(attributes),
        roundoff_(call_type(primitive, plane(&EnclosedTile::low), attributes)) {}

  void run() {
    switch (primitive_.kind) {
      case PrimitiveKind::fill:
      case PrimitiveKind::iota:
      case PrimitiveKind::mask:
        run_primitive(primitive_, plane(&EnclosedTile::low), attributes_);
        return run_primitive(primitive_, plane(&EnclosedTile::high), attributes_);
      case PrimitiveKind::copy:
        return write(read(tile(1)));
      case PrimitiveKind::transpose: {
        EnclosedTile x = tile(1);
        std::swap(x.low.dims[0], x.low.dims[1]);
        std::swap(x.high.dims[0], x.high.dims[1]);
        return write(read(x));
      }
      case PrimitiveKind::matrix:
        return matrix();
      default:
        break;
    }
    if (roundoff_.type == DType::i32 && inputs_are_points()) return exactly();
    switch (primitive_.kind) {
      case PrimitiveKind::unary:
        return unary();
      case PrimitiveKind::binary:
        return binary();
      case PrimitiveKind::ternary:
        return ternary();
      case PrimitiveKind::reduction:
        return reduction();
      default:
        return primitive_.name == "quantize" ? quantize() : dequantize();
    }
  }

 private:
  [[nodiscard]] const EnclosedTile& tile(std::size_t o) const {
    return std::get<EnclosedTile>(operands_[o]);
  }
  [[nodiscard]] bool is_tile(std::size_t o) const {
    return o < operands_.size() && std::holds_alternative<EnclosedTile>(operands_[o]);
  }

  /// The operands as run_primitive takes them: low ends, or high ends.
  [[nodiscard]] std::vector<Argument> plane(Tile EnclosedTile::*ends) const {
    std::vector<Argument> arguments;
    for (const EnclosedArgument& operand : operands_) {
      if (const auto* x = std::get_if<EnclosedTile>(&operand)) {
        Tile one = x->*ends;
        one.logical = x->logical;
        arguments.emplace_back(std::move(one));
      } else if (const auto* scalar = std::get_if<double>(&operand)) {
        arguments.emplace_back(*scalar);
      } else {
        arguments.emplace_back(std::monostate{});
      }
    }
    return arguments;
  }

  static Intervals read(const EnclosedTile& x) {
    return {gather<double>(x.low), gather<double>(x.high)};
  }
  /// An operand as the arithmetic takes it.
  [[nodiscard]] Intervals read(std::size_t o) const {
    Intervals x = read(tile(o));
    if (roundoff_.type == DType::f32 && tile(o).logical == DType::i32) round_ends(x, DType::f32);
    return x;
  }
  /// Operand o as n values: one value is repeated, and 0 stands for an absent operand.
  [[nodiscard]] Intervals values(std::size_t o, std::int64_t n) const {
    const bool one = is_tile(o) && tile(o).low.dims.empty();
    if (is_tile(o) && !one) return read(o);
    const bool given = o < operands_.size() && std::holds_alternative<double>(operands_[o]);
    const double scalar = given ? constant(std::get<double>(operands_[o])) : 0;
    const Interval value = one ? read(o)[0] : Interval{scalar, scalar};
    Intervals repeated(n);
    for (std::int64_t i = 0; i < n; ++i) repeated.set(i, value);
    return repeated;
  }
  [[nodiscard]] double constant(double value) const { return round_to(roundoff_.type, value); }

  /// Stores results of the arithmetic.
  void write(Intervals x) const {
    const EnclosedTile& out = tile(0);
    if (is_float(roundoff_.type)) round_ends(x, roundoff_.type);
    if (out.logical != roundoff_.type) round_ends(x, out.logical);
    scatter(out.low, x.low);
    scatter(out.high, x.high);
  }

  [[nodiscard]] bool inputs_are_points() const {
    for (std::size_t o = 0; o < operands_.size(); ++o) {
      if (!is_tile(o) || !reads(operand_access(primitive_, attributes_, o))) continue;
      if (!read(tile(o)).are_points()) return false;
    }
    return true;
  }
  void exactly() {
    run_primitive(primitive_, plane(&EnclosedTile::low), attributes_);
    run_copy(tile(0).high, tile(0).low);
  }

  void matrix() {
    const bool accumulate = bool_attribute(attributes_, "accumulate");
    ProductShape shape;
    shape.transpose_a = bool_attribute(attributes_, "transpose_a");
    shape.transpose_b = bool_attribute(attributes_, "transpose_b");
    shape.m = tile(1).low.dims[shape.transpose_a ? 1 : 0].extent;
    shape.k = tile(1).low.dims[shape.transpose_a ? 0 : 1].extent;
    shape.n = tile(2).low.dims[shape.transpose_b ? 0 : 1].extent;
    shape.alpha = float_attribute(attributes_, "alpha");
    std::optional<Intervals> previous;
    if (accumulate) previous = read(std::size_t{0});
    write(enclose_product(shape, read(1), read(2), previous ? &*previous : nullptr, roundoff_));
  }

  void unary() {
    Unary op = lookup(unaries, primitive_.name);
    if (op == Unary::gelu && choice_attribute(attributes_, "approximate") == "tanh") {
      op = Unary::gelu_tanh;
    }
    write(mapped(read(1), [&](Interval x) {
      return enclose_unary(op, x, primitive_.error_bound, roundoff_);
    }));
  }

  /// The second operand of an elementwise call, an element for each of the first's.
  [[nodiscard]] Intervals second(std::int64_t n) const {
    Intervals y = values(2, n);
    const auto axis = integer_attribute(attributes_, "axis");
    if (!is_tile(2) || !axis) return y;
    const AlongAxis s = along_axis(shape_of(tile(1).low), static_cast<std::size_t>(*axis));
    Intervals all(n);
    for (std::int64_t i = 0; i < n; ++i) all.set(i, y[i / s.inner % s.axis]);
    return all;
  }

  void binary() {
    const Binary op = lookup(binaries, primitive_.name);
    Intervals x = read(1);
    const Intervals y = second(x.size());
    const bool square = op == Binary::mul && is_tile(2) &&
                        !integer_attribute(attributes_, "axis") &&
                        same_tile(tile(1).low, tile(2).low);
    const bool integers = roundoff_.type == DType::i32;
    write(mapped(std::move(x), y, [=, this](Interval a, Interval b) {
      switch (op) {
        case Binary::add:
          return roundoff_(a + b);
        case Binary::sub:
          return roundoff_(a - b);
        case Binary::mul:
          return roundoff_(square ? squared(a) : a * b);
        case Binary::div:
          return integers ? truncated(a / b) : roundoff_(a / b);
        default:
          return larger_or_smaller(op == Binary::max, a, b);
      }
    }));
  }

  static Interval squared(Interval x) {
    const Interval sizes = enclose_unary(Unary::abs, x, {}, Roundoff(DType::f64));
    return whole({sizes.low * sizes.low, sizes.high * sizes.high});
  }
  [[nodiscard]] Interval truncated(Interval x) const {
    return roundoff_({std::trunc(x.low), std::trunc(x.high)});
  }
  static Interval larger_or_smaller(bool larger, Interval a, Interval b) {
    if (std::isnan(a.low) || std::isnan(b.low)) return anything;
    if (larger) return {std::max(a.low, b.low), std::max(a.high, b.high)};
    return {std::min(a.low, b.low), std::min(a.high, b.high)};
  }

  void ternary() {
    Intervals x = read(1);
    if (primitive_.name == "clamp") {
      const double low = constant(float_attribute(attributes_, "low"));
      const double high = constant(float_attribute(attributes_, "high"));
      const auto cut = [=](double v) { return v < low ? std::min(low, high) : std::min(v, high); };
      return write(mapped(std::move(x), [=](Interval v) {
        return std::isnan(v.low) ? v : Interval{cut(v.low), cut(v.high)};
      }));
    }
    const Intervals a = values(2, x.size());
    const Intervals b = values(3, x.size());
    const bool fma = primitive_.name == "fma";
    for (std::int64_t i = 0; i < x.size(); ++i) {
      x.set(i, fma ? roundoff_(roundoff_(x[i] * a[i]) + b[i]) : selected(x[i], a[i], b[i]));
    }
    write(std::move(x));
  }

  static Interval selected(Interval mask, Interval a, Interval b) {
    if (mask.low == 0 && mask.high == 0) return b;
    return mask.low > 0 || mask.high < 0 ? a : hull(a, b);
  }

  void reduction() {
    const Intervals x = read(1);
    const auto axis = integer_attribute(attributes_, "axis");
    SEPTRAN_CHECK(axis.has_value());
    const AlongAxis s = along_axis(shape_of(tile(1).low), static_cast<std::size_t>(*axis));
    const Reduction op = lookup(reductions, primitive_.name);
    std::optional<Intervals> previous;
    if (bool_attribute(attributes_, "accumulate")) previous = read(std::size_t{0});
    if (op == Reduction::sum) {
      return write(enclose_sums(s, x, previous ? &*previous : nullptr, roundoff_));
    }
    Intervals y(s.outer * s.inner);
    const auto& f = functions<double>();
    f.reduce(op, x.low.data(), y.low.data(), s.outer, s.axis, s.inner);
    f.reduce(op, x.high.data(), y.high.data(), s.outer, s.axis, s.inner);
    if (previous) {
      y = mapped(std::move(y), *previous, [=](Interval a, Interval b) {
        return larger_or_smaller(op == Reduction::max, a, b);
      });
    }
    write(std::move(y));
  }

  void dequantize() {
    const std::vector<std::int64_t> shape = shape_of(tile(0).low);
    const std::int64_t cols = shape.back();
    const std::int64_t rows = tile(0).low.elements() / std::max<std::int64_t>(cols, 1);
    const std::int64_t group = integer_attribute(attributes_, "group").value_or(cols);
    const std::int64_t groups = ceil_div(cols, std::max<std::int64_t>(group, 1));
    const bool packed = integer_attribute(attributes_, "bits") == 4;
    const Intervals q = read(1);
    const Intervals scale = values(2, rows * groups);
    const Intervals zero = values(3, rows * groups);
    Intervals y(rows * cols);
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < cols; ++c) {
        const std::int64_t g = r * groups + c / group;
        const Interval value =
            packed ? nibble(q[r * ceil_div(cols, 2) + c / 2], c % 2 != 0) : q[r * cols + c];
        y.set(r * cols + c, roundoff_(roundoff_(value - zero[g]) * scale[g]));
      }
    }
    write(std::move(y));
  }

  /// The signed low or high half of a byte.
  static Interval nibble(Interval byte, bool high) {
    if (!byte.is_point()) return {-8, 7};
    const auto bits = static_cast<std::uint8_t>(static_cast<std::int8_t>(byte.low));
    const int half = high ? bits >> 4 : bits & 15;
    const double value = half < 8 ? half : half - 16;
    return {value, value};
  }

  void quantize() {
    Intervals x = read(1);
    const std::int64_t cols = shape_of(tile(1).low).back();
    const std::int64_t rows = x.size() / std::max<std::int64_t>(cols, 1);
    const Intervals scale = values(2, rows);
    const Intervals zero = values(3, rows);
    for (std::int64_t i = 0; i < x.size(); ++i) {
      const Interval quotient = roundoff_(x[i] / scale[i / cols]);
      const Interval rounded{std::nearbyint(quotient.low), std::nearbyint(quotient.high)};
      x.set(i, roundoff_(rounded + zero[i / cols]));
    }
    write(std::move(x));
  }

  const Primitive& primitive_;
  std::span<const EnclosedArgument> operands_;
  const Attributes& attributes_;
  Roundoff roundoff_;
};

}  // namespace

void enclose_primitive(const Primitive& primitive, std::span<const EnclosedArgument> operands,
                       const Attributes& attributes) {
  EnclosedCall(primitive, operands, attributes).run();
}

}  // namespace septran::kernels
