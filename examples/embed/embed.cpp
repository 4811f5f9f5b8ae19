// A program that computes matrix products with SepTran: compiles once, then calls the kernel from
// several threads on memory of its own. Usage: embed FOLDER, the project's folder.
#include <cmath>
#include <cstdio>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "runtime/embed/septran.h"

namespace {

constexpr int m = 40;
constexpr int n = 60;
constexpr int k = 50;

float element(int row, int column) { return static_cast<float>((row * 7 + column * 3) % 11 - 5); }

/// One product of small integers, which f32 has exactly.
bool multiply(const septran::embed::Kernel& gemm, int shift) {
  std::vector<float> a;
  std::vector<float> b;
  std::vector<float> c(m * n);
  for (int i = 0; i < m * k; ++i) a.push_back(element(i / k + shift, i % k));
  for (int i = 0; i < k * n; ++i) b.push_back(element(i / n, i % n));
  if (const auto error = gemm.call({{c.data()}, {a.data()}, {b.data()}})) {
    std::fprintf(stderr, "%s", error->text.c_str());
    return false;
  }
  for (int i = 0; i < m * n; ++i) {
    float sum = 0;
    for (int p = 0; p < k; ++p) sum += element(i / n + shift, p) * element(p, i % n);
    if (c[static_cast<std::size_t>(i)] != sum) return false;
  }
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: embed FOLDER\n");
    return 2;
  }
  const std::string folder = arguments[1];
  septran::embed::Request request{folder + "/examples/gemm/gemm.py",
                                  folder + "/mappings/gemm/cpu.yaml"};
  request.definitions = {
      {"M", std::to_string(m)}, {"N", std::to_string(n)}, {"K", std::to_string(k)}};
  const auto compiled = septran::embed::compile(request);
  if (const auto* error = std::get_if<septran::embed::Error>(&compiled)) {
    std::fprintf(stderr, "%s", error->text.c_str());
    return 2;
  }
  const auto& gemm = std::get<septran::embed::Kernel>(compiled);
  for (const septran::embed::TensorInfo& tensor : gemm.tensors()) {
    std::printf("%s %s\n", tensor.is_output ? "output" : "input", tensor.name.c_str());
  }
  std::vector<std::thread> threads;
  std::vector<int> fine(4);
  for (std::size_t t = 0; t < fine.size(); ++t) {
    threads.emplace_back([&, t] {
      bool all = true;
      for (int repetition = 0; repetition < 10; ++repetition) {
        all = multiply(gemm, static_cast<int>(t) + repetition) && all;
      }
      fine[t] = all ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  int products = 0;
  for (const int one : fine) products += 10 * one;
  std::printf("%d products are right\n", products);
  return products == 40 ? 0 : 1;
}
