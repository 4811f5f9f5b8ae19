// Reading and writing the elements of a tile as dense row-major arrays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#include "compiler/kernels/kernels.h"

namespace septran::kernels {

/// A dense array, aligned to 64 bytes, not initialised.
template <typename T>
class Buffer {
 public:
  explicit Buffer(std::int64_t size)
      : data_(static_cast<T*>(::operator new((static_cast<std::size_t>(size) + 1) * sizeof(T),
                                             std::align_val_t(64)))),
        size_(size) {}
  [[nodiscard]] T* data() const { return data_.get(); }
  [[nodiscard]] std::int64_t size() const { return size_; }
  T& operator[](std::int64_t i) const { return data_.get()[i]; }

 private:
  struct Delete {
    void operator()(T* data) const { ::operator delete(data, std::align_val_t(64)); }
  };
  std::unique_ptr<T, Delete> data_;
  std::int64_t size_;
};

[[nodiscard]] std::vector<std::int64_t> shape_of(const Tile& tile);

/// The tile's elements as they lie in memory, in row-major order; zeros outside.
Buffer<std::byte> gather_bytes(const Tile& tile);
/// The reverse; what is outside is not written.
void scatter_bytes(const Tile& tile, const std::byte* dense);

/// n elements of a dense array from one element type to another, in one rounding.
void convert(DType from, const std::byte* x, DType to, std::byte* y, std::int64_t n);
/// A number rounded to an element type.
[[nodiscard]] double round_to(DType type, double value);

template <typename T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<float>() {
  return DType::f32;
}
template <>
constexpr DType dtype_of<double>() {
  return DType::f64;
}
template <>
constexpr DType dtype_of<std::int32_t>() {
  return DType::i32;
}

/// The tile's elements as values of T, in row-major order.
template <typename T>
Buffer<T> gather(const Tile& tile);
/// Rounds values to the tile's logical type and stores them.
template <typename T>
void scatter(const Tile& tile, const Buffer<T>& dense);

}  // namespace septran::kernels
