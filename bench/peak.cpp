#include "bench/peak.h"

#include <algorithm>
#include <chrono>

namespace septran::bench {
namespace {

constexpr int lanes = __BIGGEST_ALIGNMENT__ / sizeof(float);
using Vector = float __attribute__((vector_size(__BIGGEST_ALIGNMENT__)));
/// Keeps the compiler from working a loop out in advance.
void touch(Vector& x) { asm volatile("" : "+x"(x)); }

}  // namespace

double peak_f32_operations_per_second() {
  constexpr int trips = 10000;
  constexpr int sums = 12;  // more than latency times throughput asks for
  const Vector y = Vector{} + 0.999F;
  Vector a{}, b{}, c{}, d{}, e{}, f{}, g{}, h{}, p{}, q{}, r{}, s{};
  double best = 0;
  for (int run = 0; run < 5; ++run) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < trips; ++i) {
      a = a * y + y, b = b * y + y, c = c * y + y, d = d * y + y, e = e * y + y, f = f * y + y;
      g = g * y + y, h = h * y + y, p = p * y + y, q = q * y + y, r = r * y + y, s = s * y + y;
      touch(a), touch(b), touch(c), touch(d), touch(e), touch(f);
      touch(g), touch(h), touch(p), touch(q), touch(r), touch(s);
    }
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    best = std::max(best, 2.0 * lanes * sums * trips / taken.count());
  }
  return best;
}

}  // namespace septran::bench
