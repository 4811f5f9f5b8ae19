// Perceptrons of two layers by other libraries.
#include <cblas-openblas.h>

#include <Eigen/Core>
#include <dnnl.hpp>
#include <memory>
#include <unsupported/Eigen/SpecialFunctions>

#include "bench/gemm_peers.h"

namespace septran::bench {
namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Row = Eigen::Matrix<float, 1, Eigen::Dynamic>;

const float* tensor(const MlpProblem& p, std::size_t i) {
  return static_cast<const float*>(p.tensors[i]);
}

void gelu(Matrix& h) {
  h.array() = 0.5F * h.array() * (1.0F + Eigen::erf(h.array() * 0.70710678F));
}

GemmPeer eigen(const MlpProblem& p) {
  const auto h = std::make_shared<Matrix>(p.m, p.f);
  return {"Eigen", [p, h] {
            const Eigen::Map<const Matrix> x(tensor(p, 1), p.m, p.k);
            const Eigen::Map<const Matrix> w1(tensor(p, 2), p.k, p.f);
            const Eigen::Map<const Matrix> w2(tensor(p, 4), p.f, p.n);
            h->noalias() = x * w1;
            h->rowwise() += Eigen::Map<const Row>(tensor(p, 3), p.f);
            gelu(*h);
            Eigen::Map<Matrix> y(static_cast<float*>(p.tensors[0]), p.m, p.n);
            y.noalias() = *h * w2;
            y.rowwise() += Eigen::Map<const Row>(tensor(p, 5), p.n);
          }};
}

GemmPeer openblas(const MlpProblem& p) {
  const auto h = std::make_shared<Matrix>(p.m, p.f);
  return {"OpenBLAS", [p, h] {
            const auto product = [](std::int64_t m, std::int64_t n, std::int64_t k, const float* a,
                                    const float* b, float* c) {
              cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<blasint>(m),
                          static_cast<blasint>(n), static_cast<blasint>(k), 1.0F, a,
                          static_cast<blasint>(k), b, static_cast<blasint>(n), 0.0F, c,
                          static_cast<blasint>(n));
            };
            product(p.m, p.f, p.k, tensor(p, 1), tensor(p, 2), h->data());
            h->rowwise() += Eigen::Map<const Row>(tensor(p, 3), p.f);
            gelu(*h);
            auto* const out = static_cast<float*>(p.tensors[0]);
            product(p.m, p.n, p.f, h->data(), tensor(p, 4), out);
            Eigen::Map<Matrix>(out, p.m, p.n).rowwise() += Eigen::Map<const Row>(tensor(p, 5), p.n);
          }};
}

/// Two matmul primitives with bias; gelu is an operation behind the first.
GemmPeer onednn(const MlpProblem& p) {
  using dnnl::memory;
  const auto type = p.type == GemmType::f32 ? memory::data_type::f32 : memory::data_type::bf16;
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  const memory hidden({{p.m, p.f}, type, memory::format_tag::ab}, engine);
  const auto matrix = [&](std::int64_t rows, std::int64_t cols, std::size_t i) {
    return memory({{rows, cols}, type, memory::format_tag::ab}, engine, p.tensors[i]);
  };
  struct Layer {
    dnnl::matmul primitive;
    std::unordered_map<int, memory> arguments;
  };
  const auto layer = [&](const memory& x, const memory& w, const memory& b, const memory& y,
                         bool with_gelu) {
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    if (with_gelu) {
      dnnl::post_ops after;
      after.append_eltwise(1.0F, dnnl::algorithm::eltwise_gelu_erf, 0.0F, 0.0F);
      attributes.set_post_ops(after);
    }
    const dnnl::matmul::primitive_desc description(
        {x.get_desc(), w.get_desc(), b.get_desc(), y.get_desc()}, attributes, engine);
    return Layer{dnnl::matmul(description),
                 {{DNNL_ARG_SRC, x},
                  {DNNL_ARG_WEIGHTS, w},
                  {DNNL_ARG_BIAS, b},
                  {DNNL_ARG_DST, y},
                  {DNNL_ARG_SCRATCHPAD, memory(description.scratchpad_desc(), engine)}}};
  };
  Layer first = layer(matrix(p.m, p.k, 1), matrix(p.k, p.f, 2), matrix(1, p.f, 3), hidden, true);
  Layer second = layer(hidden, matrix(p.f, p.n, 4), matrix(1, p.n, 5), matrix(p.m, p.n, 0), false);
  dnnl::stream stream(engine);
  return {"oneDNN", [first, second, stream]() mutable {
            first.primitive.execute(stream, first.arguments);
            second.primitive.execute(stream, second.arguments);
            stream.wait();
          }};
}

}  // namespace

std::vector<GemmPeer> make_mlp_peers(const MlpProblem& problem, int threads) {
  set_peers_threads(threads);
  std::vector<GemmPeer> peers;
  if (problem.type == GemmType::f32) peers.push_back(openblas(problem));
  try {
    peers.push_back(onednn(problem));
  } catch (const dnnl::error&) {  // not on this machine
  }
  if (problem.type == GemmType::f32) peers.push_back(eigen(problem));
  return peers;
}

}  // namespace septran::bench
