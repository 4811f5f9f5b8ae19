#include "bench/rows/attention_peers.h"

#include <cblas-openblas.h>
#include <omp.h>

#include <Eigen/Core>
#include <cmath>
#include <dnnl.hpp>
#include <memory>

namespace septran::bench {
namespace {

template <typename T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <typename T>
using Rows = Eigen::Map<Matrix<T>>;
template <typename T>
using ConstRows = Eigen::Map<const Matrix<T>>;
using dnnl::memory;

/// One row of scores becomes probabilities; in one that sees part of the keys, the others get 0.
/// `T` is the type of the arithmetic.
template <typename T>
void softmax_row(Matrix<T>& scores, Eigen::Index r, bool causal) {
  const Eigen::Index seen = causal ? r + 1 : scores.cols();
  Eigen::Map<Eigen::Array<T, 1, Eigen::Dynamic>> row(scores.data() + r * scores.cols(), seen);
  row = (row - row.maxCoeff()).exp();
  row *= T(1) / row.sum();
  scores.row(r).tail(scores.cols() - seen).setZero();
}

template <typename T>
void softmax(Matrix<T>& scores, bool causal) {
  for (Eigen::Index r = 0; r < scores.rows(); ++r) softmax_row<T>(scores, r, causal);
}

/// A head's part of the problem's tensors, as elements of T.
template <typename T>
struct Head {
  Head(const AttentionProblem& p, std::int64_t h)
      : q(of(p.q, p, h)),
        k(of(p.k, p, h)),
        v(of(p.v, p, h)),
        o(static_cast<T*>(p.o) + h * p.length * p.depth, p.length, p.depth) {}
  static ConstRows<T> of(const void* data, const AttentionProblem& p, std::int64_t h) {
    return {static_cast<const T*>(data) + h * p.length * p.depth, p.length, p.depth};
  }
  ConstRows<T> q, k, v;
  Rows<T> o;
};

/// What a thread needs besides: scores, and inputs and results of another type.
template <typename T>
struct Scratch {
  explicit Scratch(const AttentionProblem& p)
      : scores(p.length, p.length),
        q(p.length, p.depth),
        k(p.length, p.depth),
        v(p.length, p.depth),
        o(p.length, p.depth) {}
  Matrix<T> scores, q, k, v, o;
};

/// `of_head(h, scratch)` for all heads, on so many threads.
template <typename S, typename F>
std::function<void()> for_heads(const AttentionProblem& p, int threads, F of_head) {
  std::vector<std::shared_ptr<S>> all;
  for (int t = 0; t < threads; ++t) all.push_back(std::make_shared<S>(p));
  return [heads = p.heads, threads, all, of_head] {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (std::int64_t h = 0; h < heads; ++h) {
      of_head(h, *all[static_cast<std::size_t>(omp_get_thread_num())]);
    }
  };
}

void gemm(CBLAS_TRANSPOSE tb, blasint m, blasint n, blasint k, float alpha, const float* a,
          blasint lda, const float* b, blasint ldb, float* c) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, tb, m, n, k, alpha, a, lda, b, ldb, 0.0F, c, n);
}
void gemm(CBLAS_TRANSPOSE tb, blasint m, blasint n, blasint k, double alpha, const double* a,
          blasint lda, const double* b, blasint ldb, double* c) {
  cblas_dgemm(CblasRowMajor, CblasNoTrans, tb, m, n, k, alpha, a, lda, b, ldb, 0.0, c, n);
}

/// One head in T, by either library.
template <typename T>
void attend(const AttentionProblem& p, bool openblas, const T* q, const T* k, const T* v, T* o,
            Matrix<T>& scores) {
  const T scale = T(1) / std::sqrt(static_cast<T>(p.depth));
  const auto length = static_cast<blasint>(p.length);
  const auto depth = static_cast<blasint>(p.depth);
  const auto rows = [&](const T* data) { return ConstRows<T>(data, p.length, p.depth); };
  if (openblas) {
    gemm(CblasTrans, length, length, depth, scale, q, depth, k, depth, scores.data());
  } else {
    scores.noalias() = scale * rows(q) * rows(k).transpose();
  }
  softmax<T>(scores, p.causal);
  if (openblas) {
    gemm(CblasNoTrans, length, depth, length, T(1), scores.data(), length, v, depth, o);
  } else {
    Rows<T>(o, p.length, p.depth).noalias() = scores * rows(v);
  }
}

template <typename T>
Peer plain(const AttentionProblem& p, int threads, bool openblas) {
  return {openblas ? "OpenBLAS" : "Eigen",
          for_heads<Scratch<T>>(p, threads, [p, openblas](std::int64_t h, Scratch<T>& own) {
            Head<T> head(p, h);
            attend<T>(p, openblas, head.q.data(), head.k.data(), head.v.data(), head.o.data(),
                      own.scores);
          })};
}

/// In f32, from T and back.
template <typename T>
Peer converted(const AttentionProblem& p, int threads, bool openblas) {
  return {openblas ? "OpenBLAS, in f32" : "Eigen, in f32",
          for_heads<Scratch<float>>(p, threads, [p, openblas](std::int64_t h, Scratch<float>& own) {
            Head<T> head(p, h);
            own.q = head.q.template cast<float>();
            own.k = head.k.template cast<float>();
            own.v = head.v.template cast<float>();
            attend<float>(p, openblas, own.q.data(), own.k.data(), own.v.data(), own.o.data(),
                          own.scores);
            head.o = own.o.template cast<T>();
          })};
}

template <typename T>
struct NarrowScratch {
  explicit NarrowScratch(const AttentionProblem& p)
      : narrow(p.length, p.length), scores(p.length, p.length) {}
  Matrix<T> narrow;
  Matrix<float> scores;
};

/// Eigen's products of T, with a softmax in f32.
template <typename T>
Peer narrow(const AttentionProblem& p, int threads) {
  return {"Eigen",
          for_heads<NarrowScratch<T>>(p, threads, [p](std::int64_t h, NarrowScratch<T>& own) {
            Head<T> head(p, h);
            own.narrow.noalias() = head.q * head.k.transpose();
            own.scores = own.narrow.template cast<float>() / std::sqrt(static_cast<float>(p.depth));
            softmax<float>(own.scores, p.causal);
            own.narrow = own.scores.template cast<T>();
            head.o.noalias() = own.narrow * head.v;
          })};
}

/// oneDNN's products of bf16, the first of them giving f32. They have threads of their own, so that
/// heads follow each other.
Peer onednn(const AttentionProblem& p, int threads) {
  using Element = Eigen::bfloat16;
  using Type = memory::data_type;
  using Tag = memory::format_tag;
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  const memory::desc inputs({p.length, p.depth}, Type::bf16, Tag::ab);
  const memory::desc turned({p.depth, p.length}, Type::bf16, Tag::ba);
  const memory::desc scores({p.length, p.length}, Type::f32, Tag::ab);
  const memory::desc weights({p.length, p.length}, Type::bf16, Tag::ab);
  dnnl::primitive_attr scaled;
  scaled.set_output_scales(0, {1.0F / std::sqrt(static_cast<float>(p.depth))});
  const dnnl::matmul first({{inputs, turned, scores}, scaled, engine});
  const dnnl::matmul second({{weights, inputs, inputs}, engine});
  const auto own = std::make_shared<NarrowScratch<Element>>(p);
  const auto of_head = [=](std::int64_t h) {
    Head<Element> head(p, h);
    dnnl::stream stream(engine);
    const auto at = [&](const memory::desc& description, const void* data) {
      return memory(description, engine, const_cast<void*>(data));
    };
    first.execute(stream, {{DNNL_ARG_SRC, at(inputs, head.q.data())},
                           {DNNL_ARG_WEIGHTS, at(turned, head.k.data())},
                           {DNNL_ARG_DST, at(scores, own->scores.data())}});
    stream.wait();
#pragma omp parallel for num_threads(threads) schedule(static)
    for (Eigen::Index r = 0; r < p.length; ++r) {
      softmax_row<float>(own->scores, r, p.causal);
      own->narrow.row(r) = own->scores.row(r).template cast<Element>();
    }
    second.execute(stream, {{DNNL_ARG_SRC, at(weights, own->narrow.data())},
                            {DNNL_ARG_WEIGHTS, at(inputs, head.v.data())},
                            {DNNL_ARG_DST, at(inputs, head.o.data())}});
    stream.wait();
  };
  return {"oneDNN", [=] {
            for (std::int64_t h = 0; h < p.heads; ++h) of_head(h);
          }};
}

template <typename T>
std::vector<Peer> converted_peers(const AttentionProblem& p, int threads) {
  return {converted<T>(p, threads, false), converted<T>(p, threads, true)};
}

}  // namespace

std::vector<Peer> make_attention_peers(const AttentionProblem& p, int threads) {
  set_threads(threads);
  switch (p.dtype) {
    case DType::f64:
      return {plain<double>(p, threads, false), plain<double>(p, threads, true)};
    case DType::f16:
      return converted_peers<Eigen::half>(p, threads);
    case DType::bf16: {
      std::vector<Peer> peers = converted_peers<Eigen::bfloat16>(p, threads);
      peers.push_back(narrow<Eigen::bfloat16>(p, threads));
      try {
        peers.push_back(onednn(p, threads));
      } catch (const dnnl::error&) {  // not on this machine
      }
      return peers;
    }
    default:
      return {plain<float>(p, threads, false), plain<float>(p, threads, true)};
  }
}

}  // namespace septran::bench
