#include "bench/rows/row_peers.h"

#include <cblas-openblas.h>
#include <omp.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstring>
#include <dnnl.hpp>
#include <unordered_map>

namespace septran::bench {
namespace {

using Row = Eigen::Map<Eigen::Array<float, 1, Eigen::Dynamic>>;
using ConstRow = Eigen::Map<const Eigen::Array<float, 1, Eigen::Dynamic>>;
using dnnl::memory;

/// Keeps the compiler from leaving a copy out.
void* (*volatile copy_bytes)(void*, const void*, std::size_t) = std::memcpy;

void eigen_softmax(float* to, const float* from, std::int64_t n) {
  const ConstRow x(from, n);
  Row y(to, n);
  y = (x - x.maxCoeff()).exp();
  y *= 1.0F / y.sum();
}

void eigen_layernorm(const RowProblem& p, std::int64_t row) {
  const ConstRow x(p.x + row * p.n, p.n);
  Row y(p.y + row * p.n, p.n);
  const float mean = x.mean();
  const float scale = 1.0F / std::sqrt((x - mean).square().mean() + 1e-5F);
  y = (x - mean) * scale * ConstRow(p.gamma, p.n) + ConstRow(p.beta, p.n);
}

void eigen_activation(const RowProblem& p, std::int64_t row) {
  const auto x = (ConstRow(p.x + row * p.n, p.n) + ConstRow(p.beta, p.n)).eval();
  Row y(p.y + row * p.n, p.n);
  y = 0.5F * x * (1.0F + (0.7978845608F * (x + 0.044715F * x * x * x)).tanh());
}

void eigen_row(const RowProblem& p, std::int64_t row) {
  switch (p.kind) {
    case RowKind::softmax:
      return eigen_softmax(p.y + row * p.n, p.x + row * p.n, p.n);
    case RowKind::layernorm:
      return eigen_layernorm(p, row);
    case RowKind::activation:
      return eigen_activation(p, row);
  }
}

Peer eigen(const RowProblem& p, int threads) {
  return {"Eigen", [p, threads] {
#pragma omp parallel for num_threads(threads) schedule(static)
            for (std::int64_t row = 0; row < p.m; ++row) eigen_row(p, row);
          }};
}

Peer copy(const RowProblem& p, int threads) {
  return {"memcpy", [p, threads] {
            const std::int64_t rows = (p.m + threads - 1) / threads;
#pragma omp parallel for num_threads(threads) schedule(static)
            for (std::int64_t row = 0; row < p.m; row += rows) {
              const auto count = static_cast<std::size_t>(std::min(rows, p.m - row) * p.n);
              copy_bytes(p.y + row * p.n, p.x + row * p.n, count * sizeof(float));
            }
          }};
}

Peer onednn(const RowProblem& p) {
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  const memory::desc matrix({p.m, p.n}, memory::data_type::f32, memory::format_tag::ab);
  const memory::desc row({p.n}, memory::data_type::f32, memory::format_tag::a);
  const memory::desc one_row({1, p.n}, memory::data_type::f32, memory::format_tag::ab);
  const auto of = [&](const memory::desc& description, const float* data) {
    return memory(description, engine, const_cast<float*>(data));
  };
  std::unordered_map<int, memory> arguments{{DNNL_ARG_SRC, of(matrix, p.x)},
                                            {DNNL_ARG_DST, of(matrix, p.y)}};
  const auto inference = dnnl::prop_kind::forward_inference;
  dnnl::primitive primitive;
  if (p.kind == RowKind::softmax) {
    primitive = dnnl::softmax_forward({{inference, matrix, 1}, engine});
  } else if (p.kind == RowKind::layernorm) {
    const auto flags = dnnl::normalization_flags::use_scale | dnnl::normalization_flags::use_shift;
    primitive = dnnl::layer_normalization_forward({{inference, matrix, 1e-5F, flags}, engine});
    arguments.insert({DNNL_ARG_SCALE, of(row, p.gamma)});
    arguments.insert({DNNL_ARG_SHIFT, of(row, p.beta)});
  } else {
    dnnl::post_ops after;
    after.append_eltwise(1.0F, dnnl::algorithm::eltwise_gelu_tanh, 0.0F, 0.0F);
    dnnl::primitive_attr attributes;
    attributes.set_post_ops(after);
    primitive =
        dnnl::binary({{dnnl::algorithm::binary_add, matrix, one_row, matrix}, attributes, engine});
    arguments = {{DNNL_ARG_SRC_0, of(matrix, p.x)},
                 {DNNL_ARG_SRC_1, of(one_row, p.beta)},
                 {DNNL_ARG_DST, of(matrix, p.y)}};
  }
  dnnl::stream stream(engine);
  return {"oneDNN", [primitive, arguments, stream]() mutable {
            primitive.execute(stream, arguments);
            stream.wait();
          }};
}

}  // namespace

void set_threads(int threads) {
  omp_set_num_threads(threads);
  openblas_set_num_threads(1);
  Eigen::setNbThreads(1);
}

std::vector<Peer> make_row_peers(const RowProblem& problem, int threads) {
  set_threads(threads);
  std::vector<Peer> peers{copy(problem, threads), eigen(problem, threads)};
  try {
    peers.push_back(onednn(problem));
  } catch (const dnnl::error&) {  // not on this machine
  }
  return peers;
}

}  // namespace septran::bench
