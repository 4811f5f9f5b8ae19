// Tensors in the host's memory: what a kernel is given and what it returns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "compiler/base/diagnostic.h"
#include "compiler/base/dtype.h"

namespace septran::runtime {

/// Elements in row-major order without gaps; bytes.size() == elements() * size_bytes(dtype). An
/// empty shape is one element.
struct HostTensor {
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;

  [[nodiscard]] std::size_t elements() const { return bytes.size() / size_bytes(dtype); }
};

/// Size of a dense tensor, or nothing if an extent is negative or the size exceeds 2^63 - 1 bytes.
[[nodiscard]] std::optional<std::size_t> dense_size_bytes(DType dtype,
                                                          const std::vector<std::int64_t>& shape);

/// A tensor of zeros; an error if this machine's memory cannot hold it.
Result<HostTensor> make_tensor(DType dtype, std::vector<std::int64_t> shape,
                               Diagnostics& diagnostics);

/// Element `index` in row-major order. Every value of every element type is exact in double.
[[nodiscard]] double load_element(const HostTensor& tensor, std::size_t index);
/// Writes `value`, rounded once to nearest even. Floats overflow to infinity (f8e4m3, which has
/// none, to NaN); integers saturate, and NaN becomes 0.
void store_element(HostTensor& tensor, std::size_t index, double value);

/// The same values in another element type, rounded as store_element does.
Result<HostTensor> convert(const HostTensor& tensor, DType dtype, Diagnostics& diagnostics);

/// "[2, 3]".
[[nodiscard]] std::string shape_text(const std::vector<std::int64_t>& shape);

}  // namespace septran::runtime
