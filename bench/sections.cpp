#include "bench/sections.h"

#include <fmt/format.h>

#include "bench/gemm_peers.h"
#include "bench/race.h"
#include "targets/host_cpu.h"

namespace septran::bench {
namespace {

struct Perceptron {
  std::int64_t m = 0;  // rows of X
  std::int64_t k = 0;  // and its columns
  std::int64_t f = 0;  // of the hidden layer
  std::int64_t n = 0;
};
constexpr Perceptron perceptrons[] = {{128, 768, 3072, 768},
                                      {1024, 768, 3072, 768},
                                      {1000, 500, 2000, 500},
                                      {2048, 1024, 4096, 1024}};

std::string name_of(const Shape& shape) {
  return fmt::format("{} x {} x {}", shape.m, shape.n, shape.k);
}

}  // namespace

bool mlp_section(const Arguments& arguments, int threads) {
  for (const std::string dtype : {"f32", "bf16"}) {
    fmt::print("\nmlp in {}, {} thread(s); GFLOP/s of the products\n\n", dtype, threads);
    for (const Perceptron& p : perceptrons) {
      SubjectRequest request{
          "examples/mlp/mlp.py", "mappings/mlp/cpu.yaml", arguments.target, {}, {dtype}, threads};
      request.definitions = {fmt::format("M={}", p.m), fmt::format("K={}", p.k),
                             fmt::format("F={}", p.f), fmt::format("N={}", p.n)};
      auto subject = make_subject(request);
      if (!subject) return false;
      std::vector<Contestant> contestants;
      contestants.push_back({"SepTran", [&] { subject->run(); }});
      std::vector<std::byte> other = subject->tensors[0].bytes;
      MlpProblem problem{dtype == "f32" ? GemmType::f32 : GemmType::bf16, p.m, p.k, p.f, p.n, {}};
      problem.tensors[0] = other.data();
      for (std::size_t i = 1; i < 6; ++i) problem.tensors[i] = subject->tensors[i].bytes.data();
      if (!arguments.no_peers) {
        for (GemmPeer& peer : make_mlp_peers(problem, threads)) {
          contestants.push_back({peer.name, std::move(peer.run)});
        }
      }
      const double operations =
          Shape{p.m, p.f, p.k}.operations() + Shape{p.m, p.n, p.f}.operations();
      const double peak = race(contestants, operations, arguments.seconds, threads > 1) * threads;
      if (&p == perceptrons) print_head("M x K x F x N", contestants);
      print_row(fmt::format("{} x {} x {} x {}", p.m, p.k, p.f, p.n), contestants, operations,
                peak);
    }
  }
  return true;
}

bool epilogue_section(const Arguments& arguments) {
  fmt::print(
      "\nclamp(A B + R / 2) and A B in f32, one thread; GFLOP/s of the product, and their ratio\n\n"
      "| M x N x K | with more to do | plain | ratio |\n|---|---|---|---|\n");
  for (const Shape& shape :
       {Shape{256, 256, 256}, Shape{512, 512, 512}, Shape{1000, 1000, 1000},
        Shape{1024, 1024, 1024}, Shape{197, 768, 768}, Shape{2048, 2048, 2048}}) {
    Arguments other = arguments;
    other.logic = "bench/scaled_residual.py";
    other.mapping = "bench/scaled_residual.yaml";
    auto with = make_subject(gemm_request(other, shape, "f32", 1));
    auto plain = make_subject(gemm_request(arguments, shape, "f32", 1));
    if (!with || !plain) return false;
    std::vector<Contestant> contestants;
    contestants.push_back({"with", [&] { with->run(); }});
    contestants.push_back({"plain", [&] { plain->run(); }});
    race(contestants, shape.operations(), arguments.seconds, false);
    const auto speed = [&](const Contestant& one) {
      return shape.operations() / median(one.seconds) * 1e-9;
    };
    fmt::print("| {} | {:.1f} | {:.1f} | {:.2f} |\n", name_of(shape), speed(contestants[0]),
               speed(contestants[1]), median_ratio(contestants[1].seconds, contestants[0].seconds));
  }
  return true;
}

bool scaling_section(const Arguments& arguments) {
  const int cores = host_cores();
  fmt::print(
      "\n{} threads against one in f32, by the clock: speed relative to one thread's\n\n"
      "| M x N x K |",
      cores);
  bool has_head = false;
  for (const Shape& shape :
       {Shape{1024, 1024, 1024}, Shape{2048, 2048, 2048}, Shape{1000, 1000, 1000}}) {
    std::vector<Contestant> contestants;
    std::vector<Subject> subjects;
    subjects.reserve(2);
    for (const int threads : {cores, 1}) {
      auto subject = make_subject(gemm_request(arguments, shape, "f32", threads));
      if (!subject) return false;
      subjects.push_back(std::move(*subject));
      Subject& one = subjects.back();
      contestants.push_back({"SepTran", [&one] { one.run(); }});
      const GemmProblem problem{GemmType::f32,
                                shape.m,
                                shape.n,
                                shape.k,
                                one.tensors[1].bytes.data(),
                                one.tensors[2].bytes.data(),
                                one.tensors[0].bytes.data()};
      for (GemmPeer& peer : make_gemm_peers(problem, threads)) {
        contestants.push_back({peer.name, [run = std::move(peer.run), threads] {
                                 set_peers_threads(threads);
                                 run();
                               }});
      }
    }
    race(contestants, shape.operations(), arguments.seconds, true);
    const std::size_t half = contestants.size() / 2;
    if (!has_head) {
      for (std::size_t i = 0; i < half; ++i) fmt::print(" {} |", contestants[i].name);
      fmt::print("\n|---|");
      for (std::size_t i = 0; i < half; ++i) fmt::print("---|");
      fmt::print("\n");
      has_head = true;
    }
    fmt::print("| {} |", name_of(shape));
    for (std::size_t i = 0; i < half; ++i) {
      fmt::print(" {:.2f} |", median_ratio(contestants[half + i].seconds, contestants[i].seconds));
    }
    fmt::print("\n");
  }
  return true;
}

}  // namespace septran::bench
