#include "runtime/random.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

namespace septran::runtime {
namespace {

constexpr std::array<std::string_view, 3> names{"normal", "uniform", "integers"};

/// The standard fixes the sequences of mt19937_64 and seed_seq, but not those of its distributions:
/// the draws below are therefore made from integers with exact steps only.
std::mt19937_64 make_generator(std::uint64_t seed, std::string_view parameter) {
  std::vector<std::uint32_t> words{static_cast<std::uint32_t>(seed),
                                   static_cast<std::uint32_t>(seed >> 32)};
  for (const char c : parameter) words.push_back(static_cast<unsigned char>(c));
  std::seed_seq sequence(words.begin(), words.end());
  return std::mt19937_64(sequence);
}

double draw_integer(std::mt19937_64& generator, int low, int high) {
  const auto count = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1;
  return low + static_cast<int>(((generator() >> 32) * count) >> 32);
}

double draw_uniform(std::mt19937_64& generator) {
  return std::ldexp(static_cast<double>(generator() >> 11), -52) - 1.0;
}

/// Sum of 12 uniform numbers less its mean (Irwin and Hall): variance 1, and no function of the
/// mathematical library, whose last bit differs between systems.
double draw_normal(std::mt19937_64& generator) {
  std::uint64_t sum = 0;
  for (int i = 0; i < 6; ++i) {
    const std::uint64_t draw = generator();
    sum += (draw >> 32) + (draw & UINT32_MAX);
  }
  return std::clamp(std::ldexp(static_cast<double>(sum), -32) - 6.0, -4.0, 4.0);
}

}  // namespace

std::optional<Values> parse_values(std::string_view name) {
  const auto* at = std::find(names.begin(), names.end(), name);
  if (at == names.end()) return std::nullopt;
  return static_cast<Values>(at - names.begin());
}

std::string_view name(Values values) { return names.at(static_cast<std::size_t>(values)); }

void fill_random(HostTensor& tensor, Values values, std::uint64_t seed,
                 std::string_view parameter) {
  std::mt19937_64 generator = make_generator(seed, parameter);
  for (std::size_t i = 0; i < tensor.elements(); ++i) {
    if (values == Values::integers) {
      store_element(tensor, i, draw_integer(generator, -4, 4));
    } else if (!is_float(tensor.dtype)) {
      store_element(tensor, i, draw_integer(generator, -8, 7));
    } else if (values == Values::normal) {
      store_element(tensor, i, draw_normal(generator));
    } else {
      // A narrow type may round up to 1, which is outside.
      do {
        store_element(tensor, i, draw_uniform(generator));
      } while (load_element(tensor, i) >= 1.0);
    }
  }
}

}  // namespace septran::runtime
