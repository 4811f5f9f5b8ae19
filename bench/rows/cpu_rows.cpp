// Times softmax, layer normalisation, an activation and attention of SepTran's CPU backend on one
// thread and on all cores, beside Eigen, OpenBLAS and oneDNN, and a copy of as many bytes by
// memcpy. All take turns within a round, so that what else the machine does meets all alike;
// reported are medians over rounds, of times and of ratios within a round. Times of one thread are
// its own: what other programs take of the processor is left out, what they take of memory's
// bandwidth is not. With several threads they are the clock's.
#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <ctime>
#include <fstream>
#include <functional>
#include <map>

#include "bench/rows/attention_peers.h"
#include "bench/rows/row_peers.h"
#include "compiler/kernels/tile_access.h"
#include "runtime/embed/septran.h"
#include "targets/host_cpu.h"

namespace septran::bench {
namespace {

struct Run {
  std::string folder;  // the project's
  int rounds = 15;
  int threads = 1;
  std::string only;  // "rows", "attention", or both
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double seconds_on(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double seconds_of(const std::function<void()>& run, int threads) {
  const clockid_t clock = threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
  const double start = seconds_on(clock);
  run();
  return seconds_on(clock) - start;
}

std::vector<float> numbers(std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(i * 7919 % 1009) * 0.004F - 2.0F;
  }
  return values;
}

/// Takes turns; the times of each, by round. `before` goes before each: what a predecessor has left
/// in the caches and not yet written to memory would else be a part of the next one's time.
std::map<std::string, std::vector<double>> take_turns(
    const std::vector<Peer>& peers, const Run& run, const std::function<void()>& before = [] {}) {
  std::map<std::string, std::vector<double>> times;
  for (const Peer& peer : peers) peer.run();
  for (int round = 0; round < run.rounds; ++round) {
    for (const Peer& peer : peers) {
      before();
      times[peer.name].push_back(seconds_of(peer.run, run.threads));
    }
  }
  return times;
}

double median_ratio(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < a.size(); ++i) ratios.push_back(a[i] / b[i]);
  return median(ratios);
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, static_cast<double>(std::fabs(a[i] - b[i])));
  }
  return largest;
}

embed::Kernel load(const embed::Request& request) {
  auto compiled = embed::compile(request);
  if (const auto* error = std::get_if<embed::Error>(&compiled)) {
    fmt::print(stderr, "{}", error->text);
    std::exit(2);
  }
  return std::get<embed::Kernel>(std::move(compiled));
}

Peer septran(const embed::Kernel& kernel, std::vector<embed::Buffer> buffers) {
  return {"SepTran", [kernel, buffers = std::move(buffers)] {
            if (kernel.call(buffers)) std::exit(5);
          }};
}

/// A line of the table for each peer.
void print(const std::string& what, const std::string& base, double bytes,
           const std::map<std::string, std::vector<double>>& times) {
  for (const auto& [name, all] : times) {
    const double seconds = median(all);
    fmt::print("| {} | {} | {:.2f} | {:.2f} | {:.2f} |\n", what, name, seconds * 1e3,
               bytes / seconds / 1e9, median_ratio(times.at(base), all));
  }
  std::fflush(stdout);
}

struct RowCase {
  RowKind kind;
  const char* name;
  std::string logic;
  std::string mapping;
};

void time_rows(const RowCase& one, std::int64_t m, std::int64_t n, const Run& run) {
  const std::vector<float> x = numbers(m * n);
  const std::vector<float> gamma = numbers(n);
  const std::vector<float> beta = numbers(n);
  std::vector<float> y(x.size());
  embed::Request request{one.logic, one.mapping};
  request.definitions = {{"M", std::to_string(m)}, {"N", std::to_string(n)}};
  if (one.kind == RowKind::layernorm) request.definitions.emplace_back("eps", "1e-5");
  const auto in = [](const std::vector<float>& values) {
    return embed::Buffer{const_cast<float*>(values.data())};
  };
  std::vector<embed::Buffer> buffers{{y.data()}, in(x)};
  if (one.kind == RowKind::layernorm) buffers.push_back(in(gamma));
  if (one.kind != RowKind::softmax) buffers.push_back(in(beta));
  const RowProblem problem{one.kind, m, n, x.data(), gamma.data(), beta.data(), y.data()};
  std::vector<Peer> peers = make_row_peers(problem, run.threads);
  peers.push_back(septran(load(request), buffers));
  peers.back().run();
  const std::vector<float> own = y;
  for (const Peer& peer : peers) {
    if (peer.name == "memcpy") continue;
    peer.run();
    if (largest_difference(own, y) > 1e-4) fmt::print(stderr, "{} differs\n", peer.name);
  }
  const double bytes = 2.0 * static_cast<double>(x.size() * sizeof(float));
  const auto copy = std::find_if(peers.begin(), peers.end(),
                                 [](const Peer& peer) { return peer.name == "memcpy"; });
  print(fmt::format("{} {} x {}", one.name, m, n), "memcpy", bytes,
        take_turns(peers, run, copy->run));
}

/// Elements of a type from numbers, and back.
std::vector<std::byte> encoded(DType type, const std::vector<float>& values) {
  std::vector<std::byte> bytes(values.size() * size_bytes(type));
  kernels::convert(DType::f32, reinterpret_cast<const std::byte*>(values.data()), type,
                   bytes.data(), static_cast<std::int64_t>(values.size()));
  return bytes;
}
std::vector<float> decoded(DType type, const std::vector<std::byte>& bytes) {
  std::vector<float> values(bytes.size() / size_bytes(type));
  kernels::convert(type, bytes.data(), DType::f32, reinterpret_cast<std::byte*>(values.data()),
                   static_cast<std::int64_t>(values.size()));
  return values;
}

void time_attention(DType type, bool causal, const Run& run) {
  constexpr std::int64_t heads = 8;
  constexpr std::int64_t length = 1024;
  constexpr std::int64_t depth = 64;
  const auto input = [&](std::int64_t skipped) {
    std::vector<float> values = numbers(heads * length * depth + skipped);
    values.erase(values.begin(), values.begin() + skipped);
    return encoded(type, values);
  };
  std::vector<std::byte> q = input(0);
  std::vector<std::byte> k = input(3);
  std::vector<std::byte> v = input(5);
  std::vector<std::byte> o(q.size());
  embed::Request request{run.folder + "/examples/attention/attention.py",
                         run.folder + "/mappings/attention/cpu.yaml"};
  request.definitions = {{"B", "1"},
                         {"H", "8"},
                         {"G", "8"},
                         {"LQ", "1024"},
                         {"LK", "1024"},
                         {"D", "64"},
                         {"causal", causal ? "true" : "false"}};
  request.dtype = type;
  std::vector<Peer> peers = make_attention_peers(
      {type, causal, heads, length, depth, q.data(), k.data(), v.data(), o.data()}, run.threads);
  peers.push_back(septran(load(request), {{o.data()}, {q.data()}, {k.data()}, {v.data()}}));
  peers.back().run();
  const std::vector<float> own = decoded(type, o);
  const double unlike = type == DType::bf16 ? 0.1 : type == DType::f16 ? 0.02 : 1e-3;
  for (const Peer& peer : peers) {
    peer.run();
    const double difference = largest_difference(own, decoded(type, o));
    if (!(difference <= unlike)) fmt::print(stderr, "{} differs by {}\n", peer.name, difference);
  }
  const auto times = take_turns(peers, run);
  const double operations = (causal ? 2.0 : 4.0) * heads * length * length * depth;
  for (const auto& [name, all] : times) {
    fmt::print("| {}{} | {} | {:.2f} | {:.1f} | {:.2f} |\n", septran::name(type),
               causal ? ", causal" : "", name, median(all) * 1e3, operations / median(all) / 1e9,
               median_ratio(all, times.at("SepTran")));
  }
  std::fflush(stdout);
}

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

void time_all_rows(const Run& run) {
  const std::string& folder = run.folder;
  fmt::print(
      "| kernel | by | ms | GB/s, in and out | speed, of memcpy's |\n|---|---|---|---|---|\n");
  const RowCase cases[] = {
      {RowKind::softmax, "softmax", folder + "/examples/softmax/softmax.py",
       folder + "/mappings/softmax/cpu.yaml"},
      {RowKind::layernorm, "layernorm", folder + "/examples/layernorm/layernorm.py",
       folder + "/mappings/layernorm/cpu.yaml"},
      {RowKind::activation, "bias and gelu", folder + "/bench/rows/activation.py",
       folder + "/bench/rows/activation.yaml"}};
  for (const RowCase& kernel : cases) {
    for (const std::int64_t n : {1024, 4096, 16383, 16384, 65536}) {
      time_rows(kernel, (std::int64_t{1} << 25) / n, n, run);
    }
  }
}

void time_all_attention(const Run& run) {
  fmt::print("\nAttention, 8 heads x 1024 x 64; operations of the keys that are seen\n\n");
  fmt::print("| type | by | ms | GFLOP/s | time, of SepTran's |\n|---|---|---|---|---|\n");
  for (const DType type : {DType::f32, DType::bf16, DType::f16, DType::f64}) {
    for (const bool causal : {false, true}) time_attention(type, causal, run);
  }
}

void time_all(const Run& run) {
  fmt::print("\n{} thread{}\n\n", run.threads, run.threads == 1 ? "" : "s");
  if (run.only != "attention") time_all_rows(run);
  if (run.only != "rows") time_all_attention(run);
}

/// On one processor, then on all: kernels for this machine have a thread for each core that there
/// is for them.
int run(const std::string& folder, int rounds, const std::string& only) {
  fmt::print("{}, caches {} KiB, {} KiB, {} KiB\n", processor(), host_caches().level1.bytes >> 10,
             host_caches().level2.bytes >> 10, host_caches().level3.bytes >> 10);
  const int cores = host_cores();
  cpu_set_t all;
  CPU_ZERO(&all);
  sched_getaffinity(0, sizeof(all), &all);
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  sched_setaffinity(0, sizeof(one), &one);
  time_all({folder, rounds, 1, only});
  sched_setaffinity(0, sizeof(all), &all);
  if (cores > 1) time_all({folder, rounds, cores, only});
  return 0;
}

}  // namespace
}  // namespace septran::bench

int main(int count, char** arguments) {
  if (count < 2) {
    fmt::print(stderr, "usage: cpu_rows FOLDER [ROUNDS [rows|attention]]\n");
    return 2;
  }
  return septran::bench::run(arguments[1], count > 2 ? std::max(1, std::atoi(arguments[2])) : 15,
                             count > 3 ? arguments[3] : "");
}
