// The reference interpreter against loops written out here.
#include "compiler/reference/reference.h"

#include <gtest/gtest.h>

#include <cstring>

#include "compiler/frontend/parser.h"

namespace septran::reference {
namespace {

struct Run {
  SourceManager sources;
  Diagnostics diagnostics;
  std::optional<std::vector<Usage>> usage;
  std::string errors;
};

std::unique_ptr<Run> run_text(const std::string& logic, const lang::EntryRequest& request,
                              const std::vector<std::byte*>& tensors, const Options& options = {}) {
  auto r = std::make_unique<Run>();
  const FileId file =
      r->sources.add("logic.py", "\"\"\"A test.\"\"\"\nimport task_lang as task\n" + logic);
  if (const auto module = lang::parse_module(file, r->sources, r->diagnostics)) {
    if (const auto entry = lang::bind_entry(*module, "main", request, r->diagnostics)) {
      r->usage = run(*module, *entry, tensors, options, r->diagnostics);
    }
  }
  r->errors = render(r->diagnostics, r->sources, false);
  return r;
}

template <typename T>
std::byte* bytes(std::vector<T>& values) {
  return reinterpret_cast<std::byte*>(values.data());
}

lang::EntryRequest gemm_request(std::int64_t m, std::int64_t n, std::int64_t k) {
  lang::EntryRequest request;
  request.definitions = {
      {"M", std::to_string(m)}, {"N", std::to_string(n)}, {"K", std::to_string(k)}};
  return request;
}

const char* const gemm = R"(
@task.define(leaf=True)
def clear(acc):
    task.call_primitive("fill", acc, 0)

@task.define(leaf=True)
def multiply(acc, A, B):
    task.call_primitive("gemm", acc, A, B, accumulate=True)

@task.define(leaf=True)
def store(C, acc):
    task.call_primitive("copy", C, acc)

@task.define
def block(C, A, B):
    bk = task.tunable("block_k", 16)
    Ap = task.partition(A, by="blocks", shape=(A.shape[0], bk))
    Bp = task.partition(B, by="blocks", shape=(bk, B.shape[1]))
    acc = task.tensor(C.shape, "i32" if A.dtype == "i8" else "f32")
    task.launch(clear, acc)
    for k in task.sequential_range(Ap.shape[1]):
        task.launch(multiply, acc, Ap[0, k], Bp[k, 0])
    task.launch(store, C, acc)

@task.define
def main(C: task.Tensor["M", "N"], A: task.Tensor["M", "K"], B: task.Tensor["K", "N"]):
    bm, bn = task.tunable("block")
    Cp = task.partition(C, by="blocks", shape=(bm, bn))
    Ap = task.partition(A, by="blocks", shape=(bm, K))
    Bp = task.partition(B, by="blocks", shape=(K, bn))
    for i, j in task.parallel_range(Cp.shape):
        task.launch(block, Cp[i, j], Ap[i, :], Bp[:, j])
)";

Options blocks(std::int64_t m, std::int64_t n) {
  return {[=](const std::string& name) -> std::optional<lang::TunableValue> {
    if (name == "block") return std::vector<std::int64_t>{m, n};
    return std::nullopt;
  }};
}

TEST(Reference, GemmOfOddSizesInF32) {
  const std::int64_t m = 37, n = 21, k = 53;
  std::vector<float> a(m * k), b(k * n), c(m * n, -1.0f);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(i % 13) - 6;
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<float>(i % 7) - 3;
  for (const auto& [bm, bn] : {std::pair{8, 5}, std::pair{16, 64}, std::pair{37, 1}}) {
    const auto r =
        run_text(gemm, gemm_request(m, n, k), {bytes(c), bytes(a), bytes(b)}, blocks(bm, bn));
    ASSERT_TRUE(r->usage) << r->errors;
    EXPECT_TRUE((*r->usage)[0].is_written && !(*r->usage)[0].is_read);
    EXPECT_TRUE((*r->usage)[1].is_read && !(*r->usage)[1].is_written);
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        float sum = 0;  // integers of this size are exact
        for (std::int64_t l = 0; l < k; ++l) {
          sum += a[static_cast<std::size_t>(i * k + l)] * b[static_cast<std::size_t>(l * n + j)];
        }
        ASSERT_EQ(c[static_cast<std::size_t>(i * n + j)], sum) << i << " " << j;
      }
    }
  }
}

TEST(Reference, GemmOfOddSizesInI8) {
  const std::int64_t m = 19, n = 33, k = 130;
  std::vector<std::int8_t> a(m * k), b(k * n);
  std::vector<std::int32_t> c(m * n);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<std::int8_t>(i * 37 % 251);
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<std::int8_t>(i * 91 % 241);
  auto request = gemm_request(m, n, k);
  request.default_dtype = DType::i8;
  request.dtypes["C"] = DType::i32;
  const auto r = run_text(gemm, request, {bytes(c), bytes(a), bytes(b)}, blocks(8, 8));
  ASSERT_TRUE(r->usage) << r->errors;
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      std::int32_t sum = 0;
      for (std::int64_t l = 0; l < k; ++l) {
        sum += a[static_cast<std::size_t>(i * k + l)] * b[static_cast<std::size_t>(l * n + j)];
      }
      ASSERT_EQ(c[static_cast<std::size_t>(i * n + j)], sum) << i << " " << j;
    }
  }
}

/// Small integers as f16 bits.
std::uint16_t half(int value) {
  if (value == 0) return 0;
  const int magnitude = std::abs(value);
  int exponent = 0;
  while ((magnitude >> (exponent + 1)) != 0) ++exponent;
  const int mantissa = (magnitude << 10 >> exponent) & 0x3ff;
  return static_cast<std::uint16_t>((value < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | mantissa);
}

TEST(Reference, GemmOfOddSizesInF16) {
  const std::int64_t m = 9, n = 17, k = 35;
  std::vector<std::uint16_t> a(m * k), b(k * n), c(m * n);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = half(static_cast<int>(i % 5) - 2);
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = half(static_cast<int>(i % 7) - 3);
  auto request = gemm_request(m, n, k);
  request.default_dtype = DType::f16;
  const auto r = run_text(gemm, request, {bytes(c), bytes(a), bytes(b)}, blocks(4, 6));
  ASSERT_TRUE(r->usage) << r->errors;
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      int sum = 0;  // below 2^11: exact in f16
      for (std::int64_t l = 0; l < k; ++l) {
        sum += (static_cast<int>((i * k + l) % 5) - 2) * (static_cast<int>((l * n + j) % 7) - 3);
      }
      ASSERT_EQ(c[static_cast<std::size_t>(i * n + j)], half(sum)) << i << " " << j;
    }
  }
}

TEST(Reference, CausalLoopsClippedBlocksAndFallbackTunables) {
  // Y[i] = sum of X[0 .. i], by blocks of 4 rows up to the diagonal.
  std::vector<float> x(11 * 3), y(11 * 3, 100.0f);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
  lang::EntryRequest request;
  request.definitions = {{"M", "11"}};
  const auto r = run_text(R"(
@task.define(leaf=True)
def clear(Y):
    task.call_primitive("fill", Y, 0)

@task.define(leaf=True)
def add(Y, X):
    task.call_primitive("add", Y, Y, X)

@task.define
def main(Y: task.Tensor["M", 3], X: task.Tensor["M", 3]):
    assert task.tunable("any") == 128 and task.tunable("other", 5) == 5
    P = task.partition(Y, by="blocks", shape=(4, 3))
    for i in task.parallel_range(P.shape[0]):
        B = P[i, 0]
        task.launch(clear, B)
        for r in task.sequential_range(B.shape[0]):
            for j in task.sequential_range(4 * i + r + 1):
                task.launch(add, B[r], X[j])
)",
                          request, {bytes(y), bytes(x)});
  ASSERT_TRUE(r->usage) << r->errors;
  EXPECT_TRUE((*r->usage)[0].is_read && (*r->usage)[0].is_written);
  float sums[3] = {0, 0, 0};
  for (std::size_t i = 0; i < 11; ++i) {
    for (std::size_t d = 0; d < 3; ++d) {
      sums[d] += x[3 * i + d];
      EXPECT_EQ(y[3 * i + d], sums[d]) << i << " " << d;
    }
  }
}

TEST(Reference, ConvolutionThroughIm2col) {
  const std::int64_t h = 5, w = 4, c = 2, o = 3;
  std::vector<float> image(2 * h * w * c), filter(9 * c * o), out(2 * h * w * o);
  for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<float>(i % 11) - 5;
  for (std::size_t i = 0; i < filter.size(); ++i) filter[i] = static_cast<float>(i % 5) - 2;
  const auto r = run_text(R"(
@task.define(leaf=True)
def leaf(Y, A, W):
    task.call_primitive("gemm", Y, A, W)

@task.define
def main(Y: task.Tensor[40, 3], X: task.Tensor[2, 5, 4, 2], W: task.Tensor[3, 3, 2, 3]):
    A = task.im2col(X, kernel=(3, 3), padding=(1, 1))
    Ap = task.partition(A, by="blocks", shape=(7, 18))
    Yp = task.partition(Y, by="blocks", shape=(7, 3))
    for i in task.parallel_range(Yp.shape[0]):
        task.launch(leaf, Yp[i, 0], Ap[i, 0], task.reshape(W, (18, 3)))
)",
                          {}, {bytes(out), bytes(image), bytes(filter)});
  ASSERT_TRUE(r->usage) << r->errors;
  const auto pixel = [&](std::int64_t n, std::int64_t y, std::int64_t x, std::int64_t ch) {
    if (y < 0 || y >= h || x < 0 || x >= w) return 0.0f;
    return image[static_cast<std::size_t>(((n * h + y) * w + x) * c + ch)];
  };
  for (std::int64_t i = 0; i < 2 * h * w; ++i) {
    for (std::int64_t f = 0; f < o; ++f) {
      float sum = 0;
      for (std::int64_t t = 0; t < 9 * c; ++t) {
        sum += pixel(i / (h * w), i / w % h + t / (3 * c) - 1, i % w + t / c % 3 - 1, t % c) *
               filter[static_cast<std::size_t>(t * o + f)];
      }
      ASSERT_EQ(out[static_cast<std::size_t>(i * o + f)], sum) << i << " " << f;
    }
  }
}

const char* const partly_written = R"(
@task.define(leaf=True)
def clear(Y):
    task.call_primitive("fill", Y, 2)

@task.define(leaf=True)
def copy(Y, X):
    task.call_primitive("copy", Y, X)

@task.define
def main(Y: task.Tensor["M", "M"]):
    T = task.tensor((M, M), "f32")
    F = task.reshape(T, (M * M,))
    for i in task.sequential_range(M):
        task.launch(clear, F[i * (M + 1) : i * (M + 1) + 1])
    for i in task.sequential_range(M):
        task.launch(copy, Y[i, i : i + 1], T[i, i : i + 1])
    task.launch(clear, T[:, 0 : task.tunable("columns")])
    task.launch(clear, T.T[1:M, :])
    task.launch(copy, Y, T)
)";

TEST(Reference, ElementsWrittenBeforeTheyAreRead) {
  std::vector<float> y(49);
  lang::EntryRequest request;
  request.definitions = {{"M", "7"}};
  const auto columns = [](std::int64_t count) {
    return Options{[=](const std::string&) { return std::optional<lang::TunableValue>(count); }};
  };
  const auto good = run_text(partly_written, request, {bytes(y)}, columns(1));
  EXPECT_TRUE(good->usage) << good->errors;
  EXPECT_EQ(y, std::vector<float>(49, 2.0f));
  std::string bad = partly_written;
  bad.replace(bad.find("T.T[1:M"), 7, "T.T[2:M");
  const auto r = run_text(bad, request, {bytes(y)}, columns(1));
  EXPECT_FALSE(r->usage);
  EXPECT_NE(r->errors.find("read-before-write"), std::string::npos) << r->errors;
  EXPECT_TRUE(run_text(bad, request, {bytes(y)}, columns(2))->usage);
}

TEST(Reference, TemporaryBeyondTheMachine) {
  std::vector<float> y(1);
  lang::EntryRequest request;
  request.definitions = {{"M", "1"}};
  const auto r = run_text(R"(
@task.define
def main(Y: task.Tensor["M"]):
    T = task.tensor((2 ** 29, 2 ** 29), "f32")
)",
                          request, {bytes(y)});
  EXPECT_FALSE(r->usage);
  EXPECT_NE(r->errors.find("temporary-memory"), std::string::npos) << r->errors;
}

TEST(Reference, FaultsStopLongLoops) {
  std::vector<float> y(1);
  lang::EntryRequest request;
  request.definitions = {{"M", "1"}};
  const auto r = run_text(R"(
@task.define
def main(Y: task.Tensor["M"]):
    for i in task.sequential_range(2 ** 50):
        Z = Y[i]
)",
                          request, {bytes(y)});
  EXPECT_FALSE(r->usage);
  EXPECT_NE(r->errors.find("subscript-out-of-range"), std::string::npos) << r->errors;
}

}  // namespace
}  // namespace septran::reference
