// Element types.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace septran {

enum class DType { f16, bf16, f32, f64, i8, i32, f8e4m3, f8e5m2 };

[[nodiscard]] std::size_t size_bytes(DType type);
[[nodiscard]] std::string_view name(DType type);
[[nodiscard]] std::optional<DType> parse_dtype(std::string_view name);
[[nodiscard]] bool is_float(DType type);
/// The type in which arithmetic on this one happens: f32 for narrower floats, i32 for integers.
[[nodiscard]] DType arithmetic_type(DType type);
[[nodiscard]] const std::vector<DType>& all_dtypes();

}  // namespace septran
