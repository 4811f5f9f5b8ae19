#include "runtime/native/peak.h"

#include <fmt/format.h>

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#include "runtime/native/shared_object.h"
#include "targets/cpu/flags.h"
#include "targets/cpu/prelude.h"
#include "targets/host_cpu.h"

namespace septran::runtime {
namespace {

constexpr int runs = 5;
constexpr int chains = 12;  // as many multiply-adds are on their way at once
constexpr std::int64_t rounds = 400'000;
constexpr std::size_t copied_bytes = std::size_t{64} << 20;  // by all cores together

std::string loop_source(const Machine& machine) {
  std::string text = cpu::prelude(machine);
  text +=
      "void peak(int64_t rounds, float *x) {\n  const vector a = all_v(x[0]), b = all_v(x[1]);\n";
  for (int c = 0; c < chains; ++c) text += fmt::format("  vector y{0} = all_v({0});\n", c);
  text += "  for (int64_t i = 0; i < rounds; ++i) {\n";
  for (int c = 0; c < chains; ++c) text += fmt::format("    y{0} = y{0} * a + b;\n", c);
  text += "  }\n  vector sum = a;\n";
  for (int c = 0; c < chains; ++c) text += fmt::format("  sum += y{};\n", c);
  return text + "  x[2] = add_across(sum);\n}\n";
}

/// The least time that `work(core)` took on all cores at once, of a few runs.
double best_seconds(int cores, const std::function<void(int)>& work) {
  using Clock = std::chrono::steady_clock;
  double best = 1e30;
  for (int run = 0; run < runs; ++run) {
    Clock::time_point start;
    std::barrier together(cores, [&]() noexcept { start = Clock::now(); });
    std::vector<std::thread> threads;
    for (int core = 0; core < cores; ++core) {
      threads.emplace_back([&, core] {
        together.arrive_and_wait();
        work(core);
      });
    }
    for (std::thread& thread : threads) thread.join();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

}  // namespace

Result<Peak> measure_peak(const Machine& machine, Diagnostics& diagnostics) {
  const auto object = build_shared_object(loop_source(machine),
                                          cpu::compiler_flags(cpu::Source{}, machine), diagnostics);
  if (!object) return std::nullopt;
  const auto loop = reinterpret_cast<void (*)(std::int64_t, float*)>(object->find("peak"));
  SEPTRAN_CHECK(loop != nullptr);
  Peak peak;
  peak.cores = std::clamp(machine.block_count(), 1, host_cores());
  const double operations = 2.0 * chains * static_cast<double>(rounds) *
                            static_cast<double>(machine.cpu.vector_bytes / 4) * peak.cores;
  peak.operations_per_second = operations / best_seconds(peak.cores, [&](int /*core*/) {
                                 float numbers[3] = {0.5F, 1.0F, 0.0F};
                                 loop(rounds, numbers);
                               });
  std::vector<std::byte> from(copied_bytes, std::byte{1});
  std::vector<std::byte> to(copied_bytes);
  const std::size_t part = copied_bytes / static_cast<std::size_t>(peak.cores);
  const double seconds = best_seconds(peak.cores, [&](int core) {
    const std::size_t at = part * static_cast<std::size_t>(core);
    std::memcpy(to.data() + at, from.data() + at, part);
  });
  peak.bytes_per_second = 2.0 * static_cast<double>(copied_bytes) / seconds;
  return peak;
}

}  // namespace septran::runtime
