#include "runtime/tensor.h"

#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "compiler/base/messages.h"
#include "runtime/small_float.h"

namespace septran::runtime {
namespace {

template <typename T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <typename T>
void store(std::byte* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

template <typename T>
T saturate(double value) {
  if (std::isnan(value)) return 0;
  return static_cast<T>(std::clamp(std::nearbyint(value),
                                   static_cast<double>(std::numeric_limits<T>::min()),
                                   static_cast<double>(std::numeric_limits<T>::max())));
}

/// Bytes of memory in this machine. More than that is refused outright: the system would grant the
/// addresses and end the process when they are used.
std::size_t machine_memory_bytes() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page_bytes = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page_bytes <= 0) return std::numeric_limits<std::size_t>::max();
  return static_cast<std::size_t>(pages) * static_cast<std::size_t>(page_bytes);
}

}  // namespace

std::optional<std::size_t> dense_size_bytes(DType dtype, const std::vector<std::int64_t>& shape) {
  auto size = static_cast<std::int64_t>(size_bytes(dtype));
  bool empty = false;
  for (const std::int64_t extent : shape) {
    if (extent < 0) return std::nullopt;
    if (extent == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(size, extent, &size)) {
      return std::nullopt;
    }
  }
  return empty ? 0 : static_cast<std::size_t>(size);
}

Result<HostTensor> make_tensor(DType dtype, std::vector<std::int64_t> shape,
                               Diagnostics& diagnostics) {
  const std::optional<std::size_t> size = dense_size_bytes(dtype, shape);
  if (size && *size <= machine_memory_bytes()) {
    try {
      std::vector<std::byte> bytes(*size);
      return HostTensor{dtype, std::move(shape), std::move(bytes)};
    } catch (const std::bad_alloc&) {
      // Reported below, as what is too large from the start.
    }
  }
  diagnostics.report({}, messages::tensor_too_large, name(dtype), shape_text(shape));
  return std::nullopt;
}

double load_element(const HostTensor& tensor, std::size_t index) {
  const std::byte* at = tensor.bytes.data() + index * size_bytes(tensor.dtype);
  switch (tensor.dtype) {
    case DType::f16:
    case DType::bf16:
      return decode(small_float_format(tensor.dtype), load<std::uint16_t>(at));
    case DType::f8e4m3:
    case DType::f8e5m2:
      return decode(small_float_format(tensor.dtype), load<std::uint8_t>(at));
    case DType::f32:
      return static_cast<double>(load<float>(at));
    case DType::f64:
      return load<double>(at);
    case DType::i8:
      return load<std::int8_t>(at);
    case DType::i32:
      return load<std::int32_t>(at);
  }
  SEPTRAN_BUG("unknown element type");
}

void store_element(HostTensor& tensor, std::size_t index, double value) {
  std::byte* at = tensor.bytes.data() + index * size_bytes(tensor.dtype);
  switch (tensor.dtype) {
    case DType::f16:
    case DType::bf16:
      return store(at, encode(small_float_format(tensor.dtype), value));
    case DType::f8e4m3:
    case DType::f8e5m2:
      return store(at, static_cast<std::uint8_t>(encode(small_float_format(tensor.dtype), value)));
    case DType::f32:
      return store(at, static_cast<float>(value));
    case DType::f64:
      return store(at, value);
    case DType::i8:
      return store(at, saturate<std::int8_t>(value));
    case DType::i32:
      return store(at, saturate<std::int32_t>(value));
  }
  SEPTRAN_BUG("unknown element type");
}

Result<HostTensor> convert(const HostTensor& tensor, DType dtype, Diagnostics& diagnostics) {
  Result<HostTensor> result = make_tensor(dtype, tensor.shape, diagnostics);
  if (!result) return std::nullopt;
  for (std::size_t i = 0; i < tensor.elements(); ++i) {
    store_element(*result, i, load_element(tensor, i));
  }
  return result;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

}  // namespace septran::runtime
