// Times matrix products of SepTran's CPU backend beside OpenBLAS, oneDNN and Eigen. All take turns
// within a round, so that what else the machine does meets all alike; reported are medians over
// rounds, ratios within rounds included.
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <ctime>

#include "bench/gemm_peers.h"
#include "bench/host_facts.h"
#include "bench/peak.h"
#include "runtime/native/native.h"
#include "runtime/random.h"
#include "targets/host_cpu.h"
#include "tools/compile.h"

namespace septran::bench {
namespace {

struct Arguments {
  std::string logic = "examples/gemm/gemm.py";
  std::string mapping = "mappings/gemm/cpu.yaml";
  std::string target;
  std::string dtype = "f32";
  std::vector<std::string> shapes;
  int threads = 1;
  double seconds = 1.5;  // a shape
  bool no_peers = false;
};

struct Shape {
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
  [[nodiscard]] double operations() const {
    return 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  }
};

constexpr Shape suite[] = {{128, 128, 128},    {256, 256, 256},    {512, 512, 512},
                           {1024, 1024, 1024}, {2048, 2048, 2048}, {1, 4096, 4096},
                           {16, 4096, 4096},   {128, 3072, 768},   {197, 768, 768},
                           {1000, 1000, 1000}, {3136, 64, 576},    {4097, 513, 129}};

/// Until it is destroyed this thread may run on the first `count` of its processors only, and so
/// are as many counted as cores.
class FewerProcessors {
 public:
  explicit FewerProcessors(int count) {
    sched_getaffinity(0, sizeof(all_), &all_);
    cpu_set_t few;
    CPU_ZERO(&few);
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&few) < count; ++cpu) {
      if (CPU_ISSET(cpu, &all_)) CPU_SET(cpu, &few);
    }
    sched_setaffinity(0, sizeof(few), &few);
  }
  FewerProcessors(const FewerProcessors&) = delete;
  FewerProcessors& operator=(const FewerProcessors&) = delete;
  ~FewerProcessors() { sched_setaffinity(0, sizeof(all_), &all_); }

 private:
  cpu_set_t all_;
};

using Kernel = std::unique_ptr<runtime::Kernel>;

Kernel compile(const Arguments& arguments, const Shape& shape) {
  const FewerProcessors few(arguments.threads);
  tools::Options options;
  options.input = arguments.logic;
  options.mappings = {arguments.mapping};
  options.target = arguments.target;
  options.definitions = {fmt::format("M={}", shape.m), fmt::format("N={}", shape.n),
                         fmt::format("K={}", shape.k)};
  options.dtypes = {arguments.dtype};
  if (arguments.dtype == "i8") options.dtypes.emplace_back("C=i32");
  SourceManager sources;
  Diagnostics diagnostics;
  Kernel kernel;
  const auto request = tools::read_request(options, diagnostics);
  if (request) {
    if (const auto compiled = tools::compile(options, *request, sources, diagnostics)) {
      auto loaded = runtime::load_native(compiled->tile, compiled->machine, diagnostics);
      if (loaded) kernel = std::move(*loaded);
    }
  }
  if (kernel == nullptr) fmt::print(stderr, "{}", render(diagnostics, sources, false));
  return kernel;
}

std::vector<runtime::HostTensor> make_tensors(const runtime::Kernel& kernel) {
  std::vector<runtime::HostTensor> host;
  Diagnostics diagnostics;
  for (const runtime::KernelTensor& tensor : kernel.tensors()) {
    host.push_back(*runtime::make_tensor(tensor.dtype, tensor.shape, diagnostics));
    if (tensor.is_input) {
      runtime::fill_random(host.back(), runtime::Values::uniform, 0, tensor.name);
    }
  }
  return host;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// One who takes turns: seconds of a call, round by round.
struct Contestant {
  std::string name;
  std::function<void()> run;
  std::vector<double> seconds;
};

/// Seconds of a call: of one thread its processor time, which leaves out what other programs take,
/// of several the time at the clock.
double seconds_of(const std::function<void()>& run, int threads) {
  const clockid_t clock = threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
  const auto now = [&] {
    timespec time{};
    ::clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  const double start = now();
  run();
  return now() - start;
}

/// Rounds of turns, a turn being several calls whose median counts: the first one finds the caches
/// as the one before left them. Gives the peak of a core, measured in each round too.
double race(std::vector<Contestant>& contestants, const Shape& shape, double seconds, int threads) {
  const double guess = shape.operations() / 1e11 + 2e-6;
  const int calls = guess < 2e-3 ? static_cast<int>(std::clamp(2e-3 / guess, 3.0, 50.0)) | 1 : 1;
  for (const Contestant& one : contestants) one.run();
  std::vector<double> peaks;
  const auto start = std::chrono::steady_clock::now();
  for (int round = 0; round < 1000; ++round) {
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    if (round >= 7 && taken.count() > seconds) break;
    peaks.push_back(peak_f32_operations_per_second());
    for (Contestant& one : contestants) {
      std::vector<double> turn;
      for (int call = 0; call < calls; ++call) turn.push_back(seconds_of(one.run, threads));
      one.seconds.push_back(median(turn));
    }
  }
  return median(peaks);
}

double median_ratio(const std::vector<double>& above, const std::vector<double>& below) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < above.size(); ++i) ratios.push_back(above[i] / below[i]);
  return median(ratios);
}

struct Ratios {
  double by_median = 0;  // of the speed to that of the fastest peer
  double by_best = 0;
};

Ratios ratios_of(const std::vector<Contestant>& contestants) {
  const std::vector<double>& own = contestants[0].seconds;
  Ratios least{1e9, 1e9};
  for (std::size_t i = 1; i < contestants.size(); ++i) {
    const std::vector<double>& peer = contestants[i].seconds;
    least.by_median = std::min(least.by_median, median_ratio(peer, own));
    least.by_best = std::min(least.by_best, *std::min_element(peer.begin(), peer.end()) /
                                                *std::min_element(own.begin(), own.end()));
  }
  return least;
}

/// An OpenBLAS that is older than the processor takes code for older ones. Tells it before it is
/// loaded, in this program's stead, that there is AVX-512.
void help_openblas(char** argv) {
  constexpr const char* variable = "OPENBLAS_CORETYPE";
  const std::vector<std::string> sets = host_instruction_sets();
  const bool wide = std::binary_search(sets.begin(), sets.end(), "avx512vl") &&
                    std::binary_search(sets.begin(), sets.end(), "avx512dq");
  if (!wide || std::getenv(variable) != nullptr) return;
  ::setenv(variable, "SkylakeX", 1);
  ::execv("/proc/self/exe", argv);
}

/// Prints a row; gives the ratios.
Ratios report(const Shape& shape, const std::vector<Contestant>& contestants, double peak) {
  fmt::print("| {} x {} x {} |", shape.m, shape.n, shape.k);
  for (const Contestant& one : contestants) {
    fmt::print(" {:.1f} |", shape.operations() / median(one.seconds) * 1e-9);
  }
  fmt::print(" {:.1f} |", peak * 1e-9);
  const Ratios ratios = ratios_of(contestants);
  if (contestants.size() > 1) fmt::print(" {:.2f} | {:.2f} |", ratios.by_median, ratios.by_best);
  fmt::print("\n");
  std::fflush(stdout);
  return ratios;
}

bool run(const Arguments& arguments, const std::vector<Shape>& shapes, GemmType type) {
  fmt::print("{}\n{}\n", describe_host(), describe_gemm_peers());
  fmt::print("{}, {} thread(s); GFLOP/s; `peak` of f32 in as many threads\n\n", arguments.dtype,
             arguments.threads);
  double log_median = 0;
  double log_best = 0;
  for (const Shape& shape : shapes) {
    const Kernel kernel = compile(arguments, shape);
    if (kernel == nullptr) return false;
    std::vector<runtime::HostTensor> host = make_tensors(*kernel);
    Diagnostics diagnostics;
    std::vector<Contestant> contestants;
    contestants.push_back({"SepTran",
                           [&] {
                             const auto done = kernel->run(host, {}, diagnostics);
                             SEPTRAN_CHECK(done);
                           },
                           {}});
    std::vector<std::byte> other = host[0].bytes;
    const GemmProblem problem{
        type, shape.m, shape.n, shape.k, host[1].bytes.data(), host[2].bytes.data(), other.data()};
    if (!arguments.no_peers) {
      for (GemmPeer& peer : make_gemm_peers(problem, arguments.threads)) {
        contestants.push_back({peer.name, std::move(peer.run), {}});
      }
    }
    const double peak =
        race(contestants, shape, arguments.seconds, arguments.threads) * arguments.threads;
    if (&shape == shapes.data()) {
      fmt::print("| M x N x K |");
      for (const Contestant& one : contestants) fmt::print(" {} |", one.name);
      fmt::print(" peak |{}\n", contestants.size() > 1 ? " ratio | of best |" : "");
      for (std::size_t i = 0; i < contestants.size() + (contestants.size() > 1 ? 4 : 2); ++i) {
        fmt::print("|---");
      }
      fmt::print("|\n");
    }
    const Ratios ratios = report(shape, contestants, peak);
    log_median += std::log(ratios.by_median);
    log_best += std::log(ratios.by_best);
  }
  if (!arguments.no_peers) {
    const auto count = static_cast<double>(shapes.size());
    fmt::print(
        "\ngeometric mean of the ratios to the fastest peer {:.3f}, of the best times {:.3f}\n",
        std::exp(log_median / count), std::exp(log_best / count));
  }
  return true;
}

}  // namespace
}  // namespace septran::bench

int main(int argc, char** argv) {
  using namespace septran::bench;
  Arguments arguments;
  CLI::App app("Times matrix products beside OpenBLAS, oneDNN and Eigen (GFLOP/s).");
  app.add_option("--logic", arguments.logic, "logic file: C, A, B its first parameters");
  app.add_option("--mapping", arguments.mapping, "mapping file");
  app.add_option("--target", arguments.target, "instead of the mapping's");
  app.add_option("--dtype", arguments.dtype)->check(CLI::IsMember({"f32", "f16", "bf16", "i8"}));
  app.add_option("--shape", arguments.shapes, "M,N,K; without it a suite of shapes");
  app.add_option("--threads", arguments.threads)->check(CLI::PositiveNumber);
  app.add_option("--seconds", arguments.seconds, "of measuring a shape");
  app.add_flag("--no-peers", arguments.no_peers);
  CLI11_PARSE(app, argc, argv);
  help_openblas(argv);
  std::vector<Shape> shapes;
  for (const std::string& text : arguments.shapes) {
    Shape shape;
    if (std::sscanf(text.c_str(), "%ld,%ld,%ld", &shape.m, &shape.n, &shape.k) != 3) {
      fmt::print(stderr, "not a shape: {}\n", text);
      return 2;
    }
    shapes.push_back(shape);
  }
  if (shapes.empty()) shapes.assign(std::begin(suite), std::end(suite));
  const GemmType type = arguments.dtype == "f32"    ? GemmType::f32
                        : arguments.dtype == "f16"  ? GemmType::f16
                        : arguments.dtype == "bf16" ? GemmType::bf16
                                                    : GemmType::i8;
  return run(arguments, shapes, type) ? 0 : 2;
}
