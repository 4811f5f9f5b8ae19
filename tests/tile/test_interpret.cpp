// The interpreter on small gemms at every stage of their lowering, and on programs that go wrong.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "compiler/tile/interpret.h"
#include "compiler/tile/verify.h"
#include "tests/tile/support.h"

namespace septran::tile {
namespace {

constexpr std::size_t M = 8;
constexpr std::size_t N = 12;
constexpr std::size_t K = 6;

const char* const gemm_arguments =
    "argument %C : f32[8, 12] GLOBAL output\n"
    "argument %A : f32[8, 6] GLOBAL input\n"
    "argument %B : f32[6, 12] GLOBAL input\n";

struct Gemm {
  std::vector<float> c = std::vector<float>(M * N, NAN);
  std::vector<float> a = std::vector<float>(M * K);
  std::vector<float> b = std::vector<float>(K * N);

  Gemm() {
    for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(i % 7) - 3;
    for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<float>(i % 5) - 2;
  }
  std::optional<std::string> run(const std::string& body, const InterpretOptions& options = {}) {
    const Program program = parse(framed(gemm_arguments + body));
    const auto faults = verify(program);
    EXPECT_TRUE(faults.empty()) << faults.front();
    const auto bytes = [](std::vector<float>& v) { return std::as_writable_bytes(std::span(v)); };
    const std::vector<std::span<std::byte>> arguments = {bytes(c), bytes(a), bytes(b)};
    return interpret(program, arguments, options);
  }
  /// C is A * B, which small integers give exactly.
  void expect_product(float factor = 1) {
    for (std::size_t i = 0; i < M; ++i) {
      for (std::size_t j = 0; j < N; ++j) {
        float sum = 0;
        for (std::size_t k = 0; k < K; ++k) sum += a[i * K + k] * b[k * N + j];
        EXPECT_EQ(c[i * N + j], factor * sum) << i << ", " << j;
      }
    }
  }
};

void expect_gemm(const std::string& body, const InterpretOptions& options = {}) {
  Gemm gemm;
  EXPECT_EQ(gemm.run(body, options).value_or(""), "") << body;
  gemm.expect_product();
}

TEST(Interpret, OneCall) { expect_gemm("prim.gemm %C, %A, %B"); }

TEST(Interpret, NestedScopes) {
  expect_gemm(
      "parallel BLOCK (i in 0..2, j in 0..3) {\n"
      "scope outer as o @ BLOCK (\n"
      "  %c : f32[4, 4] = %C[4*i :+ 4, 4*j :+ 4] whole REGISTER\n"
      "  %a : f32[4, 6] = %A[4*i :+ 4, 0 :+ 6] parts SHARED\n"
      "  %b : f32[6, 4] = %B[0 :+ 6, 4*j :+ 4] parts SHARED\n"
      ") {\n"
      "prim.fill %c value=0.0\n"
      "loop (r in 0..4) {\n"
      "loop (k in 0..3) {\n"
      "scope inner as n @ BLOCK (\n"
      "  %c2 : f32[1, 4] = %c[r :+ 1, 0 :+ 4] reference\n"
      "  %a2 : f32[1, 2] = %a[r :+ 1, 2*k :+ 2] reference\n"
      "  %b2 : f32[2, 4] = %b[2*k :+ 2, 0 :+ 4] reference\n"
      ") {\n"
      "prim.gemm %c2, %a2, %b2 accumulate=true\n"
      "}\n}\n}\n}\n}");
}

const char* const copies =
    "loop (t in 0..6) workers 4 {\n"
    "alloc %acc : f32[4, 4] REGISTER ring 2 strides [16, 4] at 0 slot 64\n"
    "loop (k in 0..2) {\n"
    "alloc %a : f32[4, 4] SHARED ring 2 strides [32, 4] at 0 slot 128\n"
    "alloc %b : f32[4, 4] SHARED ring 3 strides [4, 16] at {} slot 64\n"
    "load: dma_copy %a[0 :+ 4, 0 :+ min(4, 6 - 4*k)], "
    "%A[4*(t // 3) :+ 4, 4*k :+ min(4, 6 - 4*k)]\n"
    "load: dma_copy %b[0 :+ min(4, 6 - 4*k), 0 :+ 4], "
    "%B[4*k :+ min(4, 6 - 4*k), 4*(t % 3) :+ 4]\n"
    "mma: mma %acc, %a[0 :+ 4, 0 :+ min(4, 6 - 4*k)], %b[0 :+ min(4, 6 - 4*k), 0 :+ 4] "
    "accumulate if k >= 1\n"
    "}\n"
    "store: dma_copy %C[4*(t // 3) :+ 4, 4*(t % 3) :+ 4], %acc\n"
    "}";

std::string copies_at(const std::string& offset) {
  std::string text = copies;
  return text.replace(text.find("{}"), 2, offset);
}

TEST(Interpret, CopiesAndRings) {
  expect_gemm(copies_at("256"));
  InterpretOptions options;
  options.placed = true;
  options.memory_bytes = {{"SHARED", 448}, {"REGISTER", 128}};
  expect_gemm(copies_at("256"), options);
}

TEST(Interpret, BuffersPlacedOverEachOtherAreSeen) {
  Gemm gemm;
  InterpretOptions options;
  options.placed = true;
  EXPECT_EQ(gemm.run(copies_at("64"), options).value_or(""), "");
  Gemm right;
  EXPECT_EQ(right.run("prim.gemm %C, %A, %B").value_or(""), "");
  EXPECT_NE(gemm.c, right.c);
}

TEST(Interpret, PlacementFaults) {
  Gemm gemm;
  InterpretOptions options;
  options.placed = true;
  options.memory_bytes = {{"SHARED", 300}};
  EXPECT_NE(gemm.run(copies_at("256"), options).value_or("").find("does not fit into SHARED"),
            std::string::npos);
  options.memory_bytes.clear();
  const auto run = [&](const std::string& place) {
    return gemm.run("alloc %a : f32[4, 4] SHARED " + place, options).value_or("");
  };
  EXPECT_NE(run("strides [16, 4] at 0 slot 32").find("larger than its slot"), std::string::npos);
  EXPECT_NE(run("strides [16] at 0 slot 64").find("one stride"), std::string::npos);
  EXPECT_NE(run("strides [-16, 4] at 0 slot 64").find("negative stride"), std::string::npos);
  EXPECT_NE(run("at -4 slot 64").find("outside any memory"), std::string::npos);
}

TEST(Interpret, VecGuardsBranchesAndScalars) {
  Gemm gemm;
  EXPECT_EQ(gemm.run("mma %C, %A, %B alpha 2.0 overwrite\n"
                     "loop (i in 0..8) {\n"
                     "vec.mul %C[i :+ 1, 0 :+ 12], %C[i :+ 1, 0 :+ 12], 3.0 if i - 4 >= 0\n"
                     "if i < 4 {\nvec.mul %C[i :+ 1, 0 :+ 12], %C[i :+ 1, 0 :+ 12], 3.0\n"
                     "} else {\nvec.mul %C[i :+ 1, 0 :+ 12], %C[i :+ 1, 0 :+ 12], 1.0\n}\n}")
                .value_or(""),
            "");
  gemm.expect_product(6);
}

TEST(Interpret, FactorsAreRoundedWhereAnMmaSaysSo) {
  Gemm gemm;
  gemm.a.assign(gemm.a.size(), 1 + 0x1p-3f + 0x1p-5f);  // ties between 1.125 and 1.1875
  gemm.b.assign(gemm.b.size(), 1);
  EXPECT_EQ(gemm.run("mma %C, %A, %B factor_bits 4 overwrite").value_or(""), "");
  for (const float c : gemm.c) EXPECT_EQ(c, 6 * 1.125F);
  EXPECT_EQ(gemm.run("mma %C, %A, %B factor_bits 5 overwrite").value_or(""), "");
  for (const float c : gemm.c) EXPECT_EQ(c, 6 * 1.15625F);
}

TEST(Interpret, TransposedMma) {
  Gemm gemm;
  EXPECT_EQ(gemm.run("alloc %at : f32[6, 8] SHARED\nalloc %bt : f32[12, 6] SHARED\n"
                     "dma_copy %at, %A view [0, 0] (6 : 1) (8 : 0)\n"
                     "dma_copy %bt, %B view [0, 0] (12 : 1) (6 : 0)\n"
                     "mma %C, %at, %bt transpose_a transpose_b overwrite")
                .value_or(""),
            "");
  gemm.expect_product();
}

TEST(Interpret, WiderStorageRoundsOnlyWhatPrimitivesWrite) {
  // 1/3 in a tensor of f16 held in f32: rounded by a primitive.
  Gemm gemm;
  EXPECT_EQ(gemm.run("alloc %w : f16[8, 12] REGISTER held f32\n"
                     "vec.fill %w value=0.3333333\ndma_copy %C, %w")
                .value_or(""),
            "");
  EXPECT_EQ(gemm.c[0], 0.333251953125f);
  // 2049 has one bit more than f16: an mma does not round, a following primitive does.
  for (float& v : gemm.a) v = 0;
  for (std::size_t i = 0; i < M; ++i) gemm.a[i * K] = 2049;
  for (float& v : gemm.b) v = 1;
  const std::string mma = "alloc %w : f16[8, 12] REGISTER held f32\nmma %w, %A, %B overwrite\n";
  EXPECT_EQ(gemm.run(mma + "alloc %v : f32[8, 12] REGISTER\nvec.mul %C, %w, 1.0").value_or(""), "");
  EXPECT_EQ(gemm.c[0], 2049.0f);
  EXPECT_EQ(gemm.run(mma + "vec.mul %w, %w, 1.0\ndma_copy %C, %w").value_or(""), "");
  EXPECT_EQ(gemm.c[0], 2048.0f);
}

TEST(Interpret, FreshBuffersArePoisoned) {
  Gemm gemm;
  EXPECT_EQ(gemm.run("loop (i in 0..2) {\nalloc %t : f32[8, 12] SHARED\ndma_copy %C, %t\n"
                     "dma_copy %t, %t\nvec.fill %t value=1.0\n}")
                .value_or(""),
            "");
  EXPECT_TRUE(std::isnan(gemm.c[0]));
}

TEST(Interpret, TemporariesWithoutAllocLiveAsLongAsTheKernel) {
  expect_gemm("temporary %t : f32[8, 12] GLOBAL\nprim.gemm %t, %A, %B\ndma_copy %C, %t");
}

TEST(Interpret, ReadsOutsideATensorAreFaults) {
  const auto message = [](const std::string& body) {
    Gemm gemm;
    return gemm.run(body).value_or("");
  };
  EXPECT_NE(message("loop (i in 0..3) {\nif i >= 0 {\n"
                    "dma_copy %C[0 :+ 4, 0], %C[4*i :+ 4, 1]\n}\n}")
                .find("coordinates 8 to 11"),
            std::string::npos);
  EXPECT_NE(message("loop (i in 0..3) {\n"
                    "dma_copy %C[0 :+ i + 1, 0], %C[0 :+ 2, 1]\n}")
                .find("different shapes"),
            std::string::npos);
  Gemm gemm;
  InterpretOptions options;
  options.max_steps = 1000;
  EXPECT_NE(gemm.run("loop (i in 0..1000000000) {\nloop (j in 0..1000000000) {\n}\n}", options)
                .value_or("")
                .find("too many steps"),
            std::string::npos);
}

TEST(Interpret, WrongArguments) {
  const Program program = parse(framed("argument %A : f32[2]"));
  std::vector<std::byte> bytes(4);
  EXPECT_NE(interpret(program, {}).value_or("").find("no data"), std::string::npos);
  std::vector<std::span<std::byte>> one = {bytes};
  EXPECT_NE(interpret(program, one).value_or("").find("has 4 bytes, not 8"), std::string::npos);
}

TEST(Interpret, ZerosOutside) {
  Gemm gemm;
  EXPECT_EQ(gemm.run("dma_copy %C[0 :+ 2, 0 :+ 2], %A view [-1, 0] (2 : 0) (2 : 1) zero_outside")
                .value_or(""),
            "");
  EXPECT_EQ(gemm.c[0], 0.0f);
  EXPECT_EQ(gemm.c[N], gemm.a[0]);
}

}  // namespace
}  // namespace septran::tile
