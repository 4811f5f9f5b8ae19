// Inputs that nobody gave.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "runtime/tensor.h"

namespace septran::runtime {

/// normal: mean 0, standard deviation 1, within -4 .. 4, so that products keep within f16.
/// uniform: in [-1, 1). integers: -4 .. 4, so that sums are exact in every type that holds them.
/// Tensors of integers take -8 .. 7 for normal and uniform.
enum class Values { normal, uniform, integers };

[[nodiscard]] std::optional<Values> parse_values(std::string_view name);
[[nodiscard]] std::string_view name(Values values);

/// Fills a tensor by `seed` and the parameter's name: the same on every machine, whatever other
/// parameters there are and in whatever order they are filled.
void fill_random(HostTensor& tensor, Values values, std::uint64_t seed, std::string_view parameter);

}  // namespace septran::runtime
