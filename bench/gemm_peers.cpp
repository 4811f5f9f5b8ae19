#include "bench/gemm_peers.h"

#include <cblas-openblas.h>
#include <omp.h>

#include <Eigen/Core>
#include <dnnl.hpp>
#include <memory>

namespace septran::bench {
namespace {

template <typename T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <typename T>
GemmPeer eigen(const GemmProblem& p) {
  return {"Eigen", [p] {
            const Eigen::Map<const Matrix<T>> a(static_cast<const T*>(p.a), p.m, p.k);
            const Eigen::Map<const Matrix<T>> b(static_cast<const T*>(p.b), p.k, p.n);
            Eigen::Map<Matrix<T>>(static_cast<T*>(p.c), p.m, p.n).noalias() = a * b;
          }};
}

GemmPeer openblas(const GemmProblem& p) {
  return {"OpenBLAS", [p] {
            const auto m = static_cast<blasint>(p.m);
            const auto n = static_cast<blasint>(p.n);
            const auto k = static_cast<blasint>(p.k);
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1.0F,
                        static_cast<const float*>(p.a), k, static_cast<const float*>(p.b), n, 0.0F,
                        static_cast<float*>(p.c), n);
          }};
}

GemmPeer onednn_sgemm(const GemmProblem& p) {
  return {"oneDNN sgemm", [p] {
            dnnl::sgemm('N', 'N', p.m, p.n, p.k, 1.0F, static_cast<const float*>(p.a), p.k,
                        static_cast<const float*>(p.b), p.n, 0.0F, static_cast<float*>(p.c), p.n);
          }};
}

/// A matmul primitive on the caller's plain matrices.
GemmPeer onednn_matmul(const GemmProblem& p) {
  using dnnl::memory;
  const auto [input, output] = [&]() -> std::pair<memory::data_type, memory::data_type> {
    switch (p.type) {
      case GemmType::f32:
        return {memory::data_type::f32, memory::data_type::f32};
      case GemmType::bf16:
        return {memory::data_type::bf16, memory::data_type::bf16};
      case GemmType::f16:
        return {memory::data_type::f16, memory::data_type::f16};
      case GemmType::i8:
        return {memory::data_type::s8, memory::data_type::s32};
    }
    return {};
  }();
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  const memory::desc a({p.m, p.k}, input, memory::format_tag::ab);
  const memory::desc b({p.k, p.n}, input, memory::format_tag::ab);
  const memory::desc c({p.m, p.n}, output, memory::format_tag::ab);
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const dnnl::matmul::primitive_desc description({a, b, c}, attributes, engine);
  const dnnl::matmul primitive(description);
  const std::unordered_map<int, memory> arguments{
      {DNNL_ARG_SRC, memory(a, engine, const_cast<void*>(p.a))},
      {DNNL_ARG_WEIGHTS, memory(b, engine, const_cast<void*>(p.b))},
      {DNNL_ARG_DST, memory(c, engine, p.c)},
      {DNNL_ARG_SCRATCHPAD, memory(description.scratchpad_desc(), engine)}};
  dnnl::stream stream(engine);
  return {"oneDNN", [primitive, arguments, stream]() mutable {
            primitive.execute(stream, arguments);
            stream.wait();
          }};
}

}  // namespace

std::vector<GemmPeer> make_gemm_peers(const GemmProblem& problem, int threads) {
  set_peers_threads(threads);
  std::vector<GemmPeer> peers;
  if (problem.type == GemmType::f32) {
    peers.push_back(openblas(problem));
    peers.push_back(onednn_sgemm(problem));
  }
  try {
    peers.push_back(onednn_matmul(problem));
  } catch (const dnnl::error&) {  // not on this machine
  }
  if (problem.type == GemmType::f32) peers.push_back(eigen<float>(problem));
  if (problem.type == GemmType::bf16) peers.push_back(eigen<Eigen::bfloat16>(problem));
  if (problem.type == GemmType::f16) peers.push_back(eigen<Eigen::half>(problem));
  return peers;
}

void set_peers_threads(int threads) {
  omp_set_num_threads(threads);
  openblas_set_num_threads(threads);
  Eigen::setNbThreads(threads);
}

std::string describe_gemm_peers() {
  const dnnl_version_t* onednn = dnnl_version();
  return std::string(openblas_get_config()) + " (" + openblas_get_corename() + "); oneDNN " +
         std::to_string(onednn->major) + "." + std::to_string(onednn->minor) + "." +
         std::to_string(onednn->patch) + "; Eigen " + std::to_string(EIGEN_WORLD_VERSION) + "." +
         std::to_string(EIGEN_MAJOR_VERSION) + "." + std::to_string(EIGEN_MINOR_VERSION);
}

}  // namespace septran::bench
