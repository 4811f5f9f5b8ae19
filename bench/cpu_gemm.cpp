// Times matrix products of SepTran's CPU backend beside OpenBLAS, oneDNN and Eigen. All take turns
// within a round, so that what else the machine does meets all alike; reported are medians over
// rounds, ratios within rounds included.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "bench/gemm_peers.h"
#include "bench/host_facts.h"
#include "bench/race.h"
#include "bench/sections.h"
#include "bench/subject.h"
#include "targets/host_cpu.h"

namespace septran::bench {
namespace {

constexpr Shape suite[] = {{128, 128, 128},    {256, 256, 256},    {512, 512, 512},
                           {1024, 1024, 1024}, {2048, 2048, 2048}, {1, 4096, 4096},
                           {16, 4096, 4096},   {128, 3072, 768},   {197, 768, 768},
                           {1000, 1000, 1000}, {3136, 64, 576},    {4097, 513, 129}};

GemmType type_of(const std::string& dtype) {
  if (dtype == "f16") return GemmType::f16;
  if (dtype == "bf16") return GemmType::bf16;
  return dtype == "i8" ? GemmType::i8 : GemmType::f32;
}

/// One table: a type, a number of threads, all shapes.
bool gemm_section(const Arguments& arguments, const std::string& dtype, int threads) {
  fmt::print("\n{}, {} thread(s); GFLOP/s; `peak` of f32 in as many threads\n\n", dtype, threads);
  double log_median = 0;
  double log_best = 0;
  for (const Shape& shape : arguments.shapes) {
    auto subject = make_subject(gemm_request(arguments, shape, dtype, threads));
    if (!subject) return false;
    std::vector<Contestant> contestants;
    contestants.push_back({"SepTran", [&] { subject->run(); }});
    std::vector<std::byte> other = subject->tensors[0].bytes;
    const GemmProblem problem{type_of(dtype),
                              shape.m,
                              shape.n,
                              shape.k,
                              subject->tensors[1].bytes.data(),
                              subject->tensors[2].bytes.data(),
                              other.data()};
    if (!arguments.no_peers) {
      for (GemmPeer& peer : make_gemm_peers(problem, threads)) {
        contestants.push_back({peer.name, std::move(peer.run)});
      }
    }
    const double peak =
        race(contestants, shape.operations(), arguments.seconds, threads > 1) * threads;
    if (&shape == arguments.shapes.data()) print_head("M x N x K", contestants);
    const Ratios ratios = print_row(fmt::format("{} x {} x {}", shape.m, shape.n, shape.k),
                                    contestants, shape.operations(), peak);
    log_median += std::log(ratios.by_median);
    log_best += std::log(ratios.by_best);
  }
  if (!arguments.no_peers) {
    const auto count = static_cast<double>(arguments.shapes.size());
    fmt::print(
        "\ngeometric mean of the ratios to the fastest peer {:.3f}, of the best times {:.3f}\n",
        std::exp(log_median / count), std::exp(log_best / count));
  }
  return true;
}

bool run(const Arguments& arguments) {
  fmt::print("{}\n{}\n", describe_host(), describe_gemm_peers());
  for (const int threads : arguments.threads) {
    for (const std::string& dtype : arguments.dtypes) {
      if (!gemm_section(arguments, dtype, threads)) return false;
    }
    if (arguments.mlp && !mlp_section(arguments, threads)) return false;
  }
  if (arguments.epilogue && !epilogue_section(arguments)) return false;
  return !arguments.scaling || scaling_section(arguments);
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

}  // namespace

SubjectRequest gemm_request(const Arguments& arguments, const Shape& shape,
                            const std::string& dtype, int threads) {
  SubjectRequest request{arguments.logic, arguments.mapping, arguments.target, {}, {dtype},
                         threads};
  request.definitions = {fmt::format("M={}", shape.m), fmt::format("N={}", shape.n),
                         fmt::format("K={}", shape.k)};
  if (dtype == "i8") request.dtypes.emplace_back("C=i32");
  return request;
}

}  // namespace septran::bench

int main(int argc, char** argv) {
  using namespace septran::bench;
  Arguments arguments;
  std::vector<std::string> shapes;
  CLI::App app("Times matrix products beside OpenBLAS, oneDNN and Eigen (GFLOP/s).");
  app.add_option("--logic", arguments.logic, "logic file: C, A, B its first parameters");
  app.add_option("--mapping", arguments.mapping, "mapping file");
  app.add_option("--target", arguments.target, "instead of the mapping's");
  app.add_option("--dtype", arguments.dtypes)->check(CLI::IsMember({"f32", "f16", "bf16", "i8"}));
  app.add_option("--shape", shapes, "M,N,K; without it a suite of shapes");
  app.add_option("--threads", arguments.threads)->check(CLI::PositiveNumber);
  app.add_option("--seconds", arguments.seconds, "of measuring a shape");
  app.add_flag("--mlp", arguments.mlp, "perceptrons too");
  app.add_flag("--epilogue", arguments.epilogue, "products that do more with what they store too");
  app.add_flag("--scaling", arguments.scaling, "all cores against one too");
  app.add_flag("--no-peers", arguments.no_peers);
  CLI11_PARSE(app, argc, argv);
  help_openblas(argv);
  for (const std::string& text : shapes) {
    Shape shape;
    if (std::sscanf(text.c_str(), "%ld,%ld,%ld", &shape.m, &shape.n, &shape.k) != 3) {
      fmt::print(stderr, "not a shape: {}\n", text);
      return 2;
    }
    arguments.shapes.push_back(shape);
  }
  if (shapes.empty()) arguments.shapes.assign(std::begin(suite), std::end(suite));
  return run(arguments) ? 0 : 2;
}
