// Tensors for tests: bytes with an element type, read and written one element at a time by code of
// their own, so that they check the kernels' conversions.
#pragma once

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "compiler/kernels/kernels.h"

namespace septran::kernels {

/// Value of a code of a format with e exponent and m mantissa bits.
inline double decode_bits(std::uint32_t code, int e, int m, bool has_infinity) {
  const std::uint32_t mantissa = code & ((1U << m) - 1);
  const int exponent = static_cast<int>((code >> m) & ((1U << e) - 1));
  const double sign = ((code >> (e + m)) & 1U) != 0 ? -1 : 1;
  const int bias = (1 << (e - 1)) - 1;
  const int top = (1 << e) - 1;
  if (exponent == top && has_infinity) {
    return mantissa == 0 ? sign * std::numeric_limits<double>::infinity()
                         : std::numeric_limits<double>::quiet_NaN();
  }
  if (exponent == top && mantissa == (1U << m) - 1) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - m);
  return sign * std::ldexp(mantissa + (1U << m), exponent - bias - m);
}

inline double load(DType type, const std::byte* from) {
  const auto as = [from](auto value) {
    std::memcpy(&value, from, sizeof(value));
    return value;
  };
  switch (type) {
    case DType::f16:
      return decode_bits(as(std::uint16_t{}), 5, 10, true);
    case DType::bf16:
      return decode_bits(as(std::uint16_t{}), 8, 7, true);
    case DType::f32:
      return as(float{});
    case DType::f64:
      return as(double{});
    case DType::i8:
      return as(std::int8_t{});
    case DType::i32:
      return as(std::int32_t{});
    case DType::f8e4m3:
      return decode_bits(as(std::uint8_t{}), 4, 3, false);
    case DType::f8e5m2:
      return decode_bits(as(std::uint8_t{}), 5, 2, true);
  }
  return 0;
}

struct TestTensor {
  std::vector<std::int64_t> shape;
  DType storage = DType::f32;
  DType logical = DType::f32;
  std::vector<std::byte> bytes;

  TestTensor(std::vector<std::int64_t> extents, DType type) : TestTensor(extents, type, type) {}
  TestTensor(std::vector<std::int64_t> extents, DType stored, DType rounded)
      : shape(std::move(extents)), storage(stored), logical(rounded) {
    bytes.resize(static_cast<std::size_t>(size()) * size_bytes(storage));
  }
  [[nodiscard]] std::int64_t size() const {
    std::int64_t count = 1;
    for (const std::int64_t extent : shape) count *= extent;
    return count;
  }
  [[nodiscard]] std::vector<std::int64_t> strides() const {
    std::vector<std::int64_t> result(shape.size());
    auto stride = static_cast<std::int64_t>(size_bytes(storage));
    for (std::size_t d = shape.size(); d-- > 0;) {
      result[d] = stride;
      stride *= shape[d];
    }
    return result;
  }
  Tile tile(const View& view) {
    const auto constant = [](VarId) -> std::int64_t { return 0; };
    return make_tile(bytes.data(), storage, logical, view, strides(), shape, constant);
  }
  Tile tile() { return tile(full_view({shape.begin(), shape.end()})); }
  [[nodiscard]] double at(std::int64_t i) const {
    return load(storage, bytes.data() + static_cast<std::size_t>(i) * size_bytes(storage));
  }
  [[nodiscard]] std::vector<double> values() const {
    std::vector<double> result;
    for (std::int64_t i = 0; i < size(); ++i) result.push_back(at(i));
    return result;
  }
  /// Sets elements through a copy from an f64 tensor.
  void set(const std::vector<double>& values) {
    TestTensor wide(shape, DType::f64);
    std::memcpy(wide.bytes.data(), values.data(), wide.bytes.size());
    run_copy(tile(), wide.tile());
  }
  /// Whole numbers -8 .. 8 in quarters (whole for integer types), which every type holds.
  void randomize(std::uint32_t seed, double low = -2, double high = 2) {
    std::mt19937 random(seed);
    const double step = is_float(storage) ? 0.25 : 1;
    std::uniform_int_distribution<int> pick(static_cast<int>(low / step),
                                            static_cast<int>(high / step));
    std::vector<double> values;
    for (std::int64_t i = 0; i < size(); ++i) values.push_back(pick(random) * step);
    set(values);
  }
};

inline TestTensor tensor_of(std::vector<std::int64_t> shape, DType type,
                            const std::vector<double>& values) {
  TestTensor tensor(std::move(shape), type);
  tensor.set(values);
  return tensor;
}

inline void run(const char* name, std::vector<Argument> operands, Attributes attributes = {}) {
  const Primitive& primitive = *find_primitive(name);
  if (!complete_attributes(primitive, attributes).empty()) std::abort();
  run_primitive(primitive, operands, attributes);
}

}  // namespace septran::kernels
