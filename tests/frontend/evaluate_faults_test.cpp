// Every fault that evaluation finds: the code, and the line marked with "# here".
#include <gtest/gtest.h>

#include "tests/frontend/evaluate_testing.h"

namespace septran::lang {
namespace {

struct Fault {
  const char* code;
  const char* body;  // of main(X: [M, 16], Y: [M, 16], V: f16[N]), M = 10, N = 7
};

const char* const leaves = R"(
@task.define(leaf=True)
def fill(Z):
    task.call_primitive("fill", Z, 0)

@task.define(leaf=True)
def copy(Z, W):
    task.call_primitive("copy", Z, W)

@task.define(leaf=True)
def typed(Z: task.f32["A", "A"], n: int, s: float, b: bool):
    task.call_primitive("mask_causal", Z, n, n, s)

@task.define
def pair(Z: task.Tensor["A", "B"], W: task.Tensor["B", 4]):
    pass

@task.define
def main(X: task.Tensor["M", 16], Y: task.Tensor["M", 16], V: task.f16["N"]):
)";

Evaluated evaluate_body(const std::string& body, EvaluateOptions options = {}) {
  return evaluate_text(
      {.logic = leaves + body,
       .request = sizes({{"M", "10"}, {"N", "7"}}),
       .tunables = {{"list", std::vector<std::int64_t>{1, 2, 3}}, {"zero", std::int64_t{0}}},
       .options = options});
}

class EvaluateFault : public testing::TestWithParam<Fault> {};

TEST_P(EvaluateFault, IsReportedAtItsPlace) {
  const auto r = evaluate_body(GetParam().body);
  EXPECT_FALSE(r.good);
  ASSERT_EQ(r.faults.size(), 1u) << r.errors;
  EXPECT_EQ(r.faults[0].code, GetParam().code) << r.errors;
  EXPECT_NE(r.lines[0].find("# here"), std::string::npos) << r.errors;
}

const Fault faults[] = {
    {"value-type", "    a = M + \"x\"  # here\n    b = a + 1\n"},
    {"value-type", "    if M:  # here\n        pass\n"},
    {"value-type", "    a, b = M  # here\n"},
    {"value-type",
     "    P = task.partition(X, by=\"blocks\", shape=(4, 4))\n    Z = P.shape[0:1]  # here\n"},
    {"value-type", "    Z = task.tensor((M, 2.5), \"f32\")  # here\n"},
    {"value-type", "    Z = task.tensor((), \"f32\")  # here\n"},
    {"value-type", "    Z = task.transpose(M, (0, 1))  # here\n"},
    {"value-type", "    for i in task.parallel_range(M / 2):  # here\n        pass\n"},
    {"no-value", "    if M < 3:\n        a = 1\n    assert a == 1  # here\n"},
    {"no-value", "    a = 0\n    for i in task.sequential_range(3):\n        a = a + 1  # here\n"},
    {"no-value",
     "    for i in task.sequential_range(3):\n        if i < 2:\n            a = 1\n        else:\n"
     "            a = 2\n        assert a < 3  # here\n"},
    {"unknown-member", "    a = M.shape  # here\n"},
    {"unknown-member",
     "    P = task.partition(X, by=\"blocks\", shape=(4, 4))\n    a = P.T  # here\n"},
    {"integer-overflow", "    a = 2 ** 70  # here\n"},
    {"integer-overflow", "    a = 2 ** 60 + 2 ** 60  # here\n"},
    {"integer-overflow", "    a = (2 ** 60) * (2 ** 60)  # here\n"},
    {"integer-overflow",
     "    for i in task.sequential_range(100):\n        a = i * 2 ** 58  # here\n"},
    {"division-by-zero", "    a = M // (M - 10)  # here\n"},
    {"division-by-zero", "    a = 1.0 % 0.0  # here\n"},
    {"division-by-zero", "    a = task.ceildiv(M, 0)  # here\n"},
    {"math-domain", "    a = task.sqrt(-2)  # here\n"},
    {"math-domain", "    a = (-2.0) ** 0.5  # here\n"},
    {"not-quasi-affine", "    for i, j in task.parallel_range(3, 4):\n        a = i * j  # here\n"},
    {"not-quasi-affine",
     "    for i in task.parallel_range(3):\n        a = 4 // (i + 1)  # here\n"},
    {"not-quasi-affine", "    for i in task.parallel_range(3):\n        a = 2 ** i  # here\n"},
    {"not-quasi-affine", "    for i in task.parallel_range(3):\n        a = i / 2  # here\n"},
    {"not-constant", "    for i in task.parallel_range(3):\n        a = 0.5 * i  # here\n"},
    {"not-constant",
     "    for i in task.parallel_range(3):\n"
     "        P = task.partition(X, by=\"blocks\", shape=(i + 1, 4))  # here\n"},
    {"too-complex",
     "    for i, j in task.parallel_range(3, 5):\n        a = min(i, j) + min(i + 1, 2 * j)\n"
     "        b = max(a, 3 * i) + max(a + j, 2 * i)\n        c = min(b, a)  # here\n"},
    {"condition-dependent",
     "    for i in task.parallel_range(3):\n        a = i if i > 1 else 2 * i  # here\n"},
    {"unpack-count", "    a, b, c = X.shape  # here\n"},
    {"assertion-failed", "    assert M == 9, \"M must be 9\"  # here\n"},
    {"assertion-failed",
     "    for i in task.parallel_range(5):\n        assert i % 3 != 2  # here\n"},
    {"extent-below-one", "    Z = task.tensor((M, 0), \"f32\")  # here\n"},
    {"extent-below-one",
     "    for i in task.sequential_range(3):\n        Z = task.tensor((2 - i,), \"f32\")  # "
     "here\n"},
    {"extent-below-one",
     "    P = task.partition(V, by=\"blocks\", shape=(task.tunable(\"zero\"),))  # here\n"},
    {"extent-below-one", "    Z = task.reshape(X, (-1, 16))  # here\n"},
    {"block-extent-count", "    P = task.partition(X, by=\"blocks\", shape=(4,))  # here\n"},
    {"too-many-subscripts", "    Z = X[0, 0, 0]  # here\n"},
    {"subscript-out-of-range", "    Z = X[10]  # here\n"},
    {"subscript-out-of-range", "    Z = X[-1]  # here\n"},
    {"subscript-out-of-range", "    a = X.shape[2]  # here\n"},
    {"subscript-out-of-range",
     "    for i in task.parallel_range(6):\n        Z = X[2 * i]  # here\n"},
    {"subscript-out-of-range",
     "    P = task.partition(X, by=\"blocks\", shape=(4, 4))\n    Z = P[3, 0]  # here\n"},
    {"slice-out-of-range", "    Z = X[4:11, :]  # here\n"},
    {"slice-out-of-range",
     "    for i in task.parallel_range(3):\n        Z = X[4 * i : 4 * i + 4]  # here\n"},
    {"empty-slice", "    Z = X[4:4]  # here\n"},
    {"bad-view", "    Z = V.T  # here\n"},
    {"bad-view", "    Z = task.transpose(X, (0, 0))  # here\n"},
    {"bad-view", "    Z = task.reshape(X, (4, 16))  # here\n"},
    {"bad-view", "    Z = task.reshape(X.T, (40, 4))  # here\n"},
    {"bad-view", "    Z = task.im2col(X, kernel=(3, 3))  # here\n"},
    {"bad-view", "    Z = task.im2col(X, kernel=(3,))  # here\n"},
    {"temporary-too-large", "    Z = task.tensor((2 ** 40, 2 ** 20), \"f32\")  # here\n"},
    {"missing-tunable", "    a = task.tunable(\"nothing\")  # here\n"},
    {"loop-bounds",
     "    s = X.shape\n    for i, j, k in task.parallel_range(s):  # here\n        pass\n"},
    {"argument-mismatch", "    task.launch(typed, M, M, 1.0, True)  # here\n"},
    {"argument-mismatch", "    task.launch(typed, X, 1.5 * 2, 1.0, True)  # here\n"},
    {"argument-mismatch", "    task.launch(typed, X, M, M < 3, True)  # here\n"},
    {"not-constant",
     "    for i in task.sequential_range(3):\n        task.launch(typed, X, M, i, True)  # here\n"},
    {"argument-mismatch", "    task.launch(typed, X, M, 1, M)  # here\n"},
    {"argument-mismatch", "    task.launch(typed, V, M, 1, M < 3)  # here\n"},
    {"argument-mismatch",
     "    P = task.partition(X, by=\"blocks\", shape=(4, 4))\n"
     "    task.launch(typed, P, M, 1, M < 3)  # here\n"},
    {"launch-extent-mismatch", "    task.launch(typed, X, M, 1, M < 3)  # here\n"},
    {"launch-extent-mismatch", "    task.launch(pair, X, X.T)  # here\n"},
    {"parallel-conflict",
     "    for i in task.parallel_range(3):  # here\n        task.launch(fill, X)\n"},
    {"parallel-conflict",
     "    for i in task.parallel_range(3):  # here\n"
     "        task.launch(fill, X[2 * i : 2 * i + 3])\n"},
    {"parallel-conflict",
     "    for i in task.parallel_range(8):  # here\n"
     "        task.launch(copy, X[i], X[i + 1])\n"},
    {"parallel-conflict",
     "    for i, j in task.parallel_range(3, 4):  # here\n"
     "        task.launch(copy, X[i], Y[j])\n"},
    {"parallel-conflict",
     "    for i in task.parallel_range(8):  # here\n        task.launch(fill, X[i // 2])\n"},
    {"parallel-conflict",
     "    F = task.reshape(X, (160,))\n    for i in task.parallel_range(8):  # here\n"
     "        task.launch(fill, F[12 * i : 12 * i + 13])\n"},
};
INSTANTIATE_TEST_SUITE_P(All, EvaluateFault, testing::ValuesIn(faults));

TEST(EvaluateFaults, PlacesInTheLeafThatOnlyItsArgumentsMakeWrong) {
  const auto unwritten =
      evaluate_body("    T = task.tensor(X.shape, \"f32\")\n    task.launch(copy, X, T)\n");
  EXPECT_TRUE(unwritten.has("read-before-write")) << unwritten.errors;
  EXPECT_NE(unwritten.errors.find("in the launch of 'copy'"), std::string::npos);
  const auto partly = evaluate_body(
      "    T = task.tensor((10, 16), \"f32\")\n    for i in task.parallel_range(9):\n"
      "        task.launch(copy, T[i], X[i])\n    task.launch(copy, Y, T)\n");
  EXPECT_TRUE(partly.has("read-before-write")) << partly.errors;
  const auto overlap = evaluate_body("    task.launch(copy, X[0:4], X[2:6])\n");
  EXPECT_TRUE(overlap.has("operands-overlap")) << overlap.errors;
}

/// Faults inside a leaf: the place is in the leaf, with a note at the launch.
struct LeafFault {
  const char* code;
  const char* call;
};
class EvaluateLeafFault : public testing::TestWithParam<LeafFault> {};

TEST_P(EvaluateLeafFault, HasANoteAtTheLaunch) {
  const auto r = evaluate_text({.logic = std::string(R"(
@task.define(leaf=True)
def leaf(X, Y, V, I, n: int):
    )") + GetParam().call + R"(

@task.define
def main(X: task.Tensor[4, 16], Y: task.Tensor[4, 16], V: task.f16[7], I: task.Tensor[1, 4, 4, 2]):
    for i in task.sequential_range(3):
        task.launch(leaf, X, Y, V, task.im2col(I, kernel=(2, 2)), i)
)",
                                .request = {},
                                .tunables = {},
                                .options = {}});
  EXPECT_FALSE(r.good);
  ASSERT_EQ(r.faults.size(), 1u) << r.errors;
  EXPECT_EQ(r.faults[0].code, GetParam().code) << r.errors;
  EXPECT_NE(r.lines[0].find("call_primitive"), std::string::npos) << r.errors;
  EXPECT_NE(r.errors.find("launched from here: 'leaf'"), std::string::npos) << r.errors;
}

const LeafFault leaf_faults[] = {
    {"primitive-argument", "task.call_primitive(\"copy\", X, n)"},
    {"primitive-argument", "task.call_primitive(\"dequantize\", X, Y, 1.0)"},
    {"primitive-argument", "task.call_primitive(\"fill\", X, X)"},
    {"not-constant", "task.call_primitive(\"add\", X, X, n)"},
    {"primitive-attribute", "task.call_primitive(\"fill\", X, n)"},
    {"primitive-attribute", "task.call_primitive(\"gemm\", X, X, X, accumulate=n)"},
    {"primitive-shapes", "task.call_primitive(\"gemm\", X, Y, X)"},
    {"primitive-shapes", "task.call_primitive(\"copy\", X, V)"},
    {"read-only-write", "task.call_primitive(\"fill\", I, 0.0)"},
};
INSTANTIATE_TEST_SUITE_P(All, EvaluateLeafFault, testing::ValuesIn(leaf_faults));

TEST(EvaluateFaults, AllOfThemAndEachOnce) {
  const auto r = evaluate_body(
      "    for i in task.sequential_range(3):\n        Z = X[10 + i]\n        W = X[11]\n"
      "    a = 1 // 0\n    b = a + 1\n");
  EXPECT_EQ(r.faults.size(), 3u) << r.errors;
}

TEST(EvaluateFaults, StopsAfterEnough) {
  std::string body;
  for (int i = 0; i < 9; ++i) body += "    Z = X[99]\n";
  EvaluateOptions options;
  options.max_errors = 4;
  const auto r = evaluate_body(body, options);
  EXPECT_EQ(r.faults.size(), 5u) << r.errors;
  EXPECT_TRUE(r.has("too-many-errors"));
}

TEST(EvaluateFaults, LaunchTreesThatDouble) {
  std::string logic = "\n@task.define\ndef t0():\n    pass\n";
  for (int i = 1; i <= 40; ++i) {
    logic += fmt::format(
        "\n@task.define\ndef t{0}():\n    task.launch(t{1})\n    task.launch(t{1})\n", i, i - 1);
  }
  const auto r = evaluate_text({.logic = logic,
                                .entry = "t40",
                                .request = {},
                                .tunables = {},
                                .options = {.statement_limit = 1000}});
  EXPECT_TRUE(r.has("too-many-statements")) << r.errors;
}

TEST(EvaluateFaults, PastTheLimitOfEnumeration) {
  EvaluateOptions few;
  few.enumeration_limit = 20;
  const auto assertion = evaluate_body(
      "    for i, j in task.parallel_range(9, 9):\n"
      "        assert (3 * i + 5 * j) % 11 < 11 and (i + 9 * j) // 9 == j + i // 9\n"
      "        assert (2 * i + 4 * j) % 8 != 3\n",
      few);
  EXPECT_TRUE(assertion.has("cannot-prove")) << assertion.errors;
  const auto parallel = evaluate_body(
      "    for i in task.parallel_range(30):\n        task.launch(fill, X[min(i, 9)])\n", few);
  EXPECT_TRUE(parallel.has("parallel-unproved")) << parallel.errors;
  const auto written = evaluate_body(
      "    T = task.tensor((30,), \"f32\")\n    for i in task.sequential_range(30):\n"
      "        task.launch(fill, T[7 * i % 30 : 7 * i % 30 + 1])\n    task.launch(copy, T, T)\n",
      few);
  EXPECT_TRUE(written.has("read-before-write-unproved")) << written.errors;
}

TEST(EvaluateFaults, BlocksOfMergedDimensionsNeedNoEnumeration) {
  EvaluateOptions few;
  few.enumeration_limit = 5;
  const auto merged = [&](const char* end) {
    return evaluate_body(fmt::format("    F = task.reshape(X, (160,))\n"
                                     "    for i in task.parallel_range(13):\n"
                                     "        task.launch(fill, F[12 * i : {}])\n",
                                     end),
                         few);
  };
  EXPECT_EQ(merged("12 * i + 12").errors, "");
  EXPECT_TRUE(merged("12 * i + 13").has("parallel-unproved"));
  const auto written = [&](const char* trips, const char* read) {
    return evaluate_body(
        fmt::format("    T = task.tensor((10, 4, 6), \"f32\")\n"
                    "    F = task.reshape(T, (40, 6))\n"
                    "    for i in task.parallel_range({}):\n"
                    "        task.launch(fill, F[7 * i : min(7 * i + 7, 40), :])\n"
                    "    for i in task.sequential_range(5):\n        task.launch(copy, {}, {})\n",
                    trips, read, read),
        few);
  };
  EXPECT_EQ(written("6", "T[i]").errors, "");
  EXPECT_EQ(written("6", "F[8 * i : 8 * i + 8, :]").errors, "");
  EXPECT_EQ(written("5", "F[7 * i : 7 * i + 7, :]").errors, "");
  EXPECT_TRUE(written("5", "F[8 * i : 8 * i + 8, :]").has("read-before-write-unproved"));
  EXPECT_TRUE(written("5", "T[i]").has("read-before-write-unproved"));
}

/// What a loop nest writes is known without walking through its iterations, clipped edges included.
TEST(EvaluateFaults, WritesOfWholeLoopsNeedNoEnumeration) {
  EvaluateOptions few;
  few.enumeration_limit = 5;
  const auto blocks = [&](const char* range, const char* condition) {
    return evaluate_body(
        fmt::format(
            "    T = task.tensor((100, 70), \"f32\")\n"
            "    Tp = task.partition(T, by=\"blocks\", shape=(16, 9))\n"
            "    for i, j in task.parallel_range({}):\n        if {}:\n"
            "            task.launch(fill, Tp[i, j])\n"
            "    for r in task.parallel_range(100):\n        task.launch(copy, T[r], T[r])\n",
            range, condition),
        few);
  };
  EXPECT_EQ(blocks("Tp.shape", "i < 7").errors, "");
  EXPECT_TRUE(blocks("6, 8", "True").has("read-before-write-unproved"));
  EXPECT_TRUE(blocks("7, 8", "i < 6").has("read-before-write-unproved"));
  const auto gaps = evaluate_body(
      "    T = task.tensor((8, 4), \"f32\")\n    for i in task.parallel_range(4):\n"
      "        task.launch(fill, T[2 * i])\n    task.launch(copy, T[0:7], T[0:7])\n");
  EXPECT_TRUE(gaps.has("read-before-write")) << gaps.errors;
  const auto diagonal = evaluate_body(
      "    T = task.tensor((4, 4), \"f32\")\n    for i in task.parallel_range(4):\n"
      "        task.launch(fill, T[i, i : i + 1])\n    task.launch(copy, T, T)\n");
  EXPECT_TRUE(diagonal.has("read-before-write")) << diagonal.errors;
  const auto none = evaluate_body(
      "    T = task.tensor((4, 4), \"f32\")\n    for i in task.parallel_range(3):\n"
      "        for j in task.sequential_range(i):\n            task.launch(fill, T)\n"
      "        task.launch(copy, T, T)\n");
  EXPECT_TRUE(none.has("read-before-write")) << none.errors;
}

TEST(EvaluateFaults, AccumulatingThroughNarrowTypesWarns) {
  const std::string logic = R"(
@task.define(leaf=True)
def multiply(C, A, B):
    task.call_primitive("gemm", C, A, B, accumulate=True)

@task.define
def main(C: task.f16["M", "M"], A: task.f16["M", "M"]):
    for k in task.sequential_range(2):
        task.launch(multiply, C, A, A)
    for k in task.parallel_range(2):
        task.launch(multiply, C[5 * k : 5 * k + 5, 0:5], A[0:5, 0:5], A[0:5, 0:5])
    for k in task.sequential_range(2):
        task.launch(multiply, C[5 * k : 5 * k + 5, 0:5], A[0:5, 0:5], A[0:5, 0:5])
)";
  for (const bool new_roots : {false, true}) {
    const auto r = evaluate_text({.logic = logic,
                                  .request = sizes({{"M", "10"}}),
                                  .tunables = {},
                                  .options = {},
                                  .new_roots = new_roots});
    EXPECT_TRUE(r.good) << r.errors;
    ASSERT_EQ(r.faults.size(), 1u) << r.errors;
    EXPECT_EQ(r.faults[0].code, "low-precision-accumulation");
    EXPECT_NE(r.errors.find("task.tensor(C.shape, \"f32\")"), std::string::npos);
  }
}

/// What is right must be accepted, whatever roots the visitor gives.
TEST(EvaluateFaults, RightProgramsPass) {
  const char* const bodies[] = {
      "    for i in task.parallel_range(10):\n        task.launch(fill, X[i])\n",
      "    P = task.partition(X, by=\"blocks\", shape=(4, 5))\n"
      "    for i, j in task.parallel_range(P.shape):\n        task.launch(fill, P[i, j])\n"
      "        task.launch(copy, P[i, j], P[i, j])\n",
      "    for i in task.parallel_range(10):\n        task.launch(fill, X[(7 * i) % 10])\n",
      "    for i in task.parallel_range(5):\n        task.launch(copy, X[2 * i], X[2 * i + 1])\n",
      "    F = task.reshape(X, (160,))\n    for i in task.parallel_range(13):\n"
      "        task.launch(fill, F[12 * i : 12 * i + 12])\n",
      "    for i in task.parallel_range(3):\n        for j in task.sequential_range(i, 3):\n"
      "            task.launch(fill, X[i, 4 * j : 4 * j + 4])\n",
      "    for i in task.parallel_range(9):\n        T = task.tensor((16,), \"f32\")\n"
      "        task.launch(copy, T, X[i + 1])\n        if i < 3:\n"
      "            task.launch(copy, Y[i], T)\n",
      "    for i in task.sequential_range(9):\n        if i > 0:\n            Z = X[i - 1]\n"
      "        Z = X[i if i < 9 else 0]\n",
      "    for i in task.sequential_range(3):\n        Z = X[4 * i : min(4 * i + 4, M)]\n"
      "        P = task.partition(X, by=\"blocks\", shape=(4, 16))\n"
      "        task.launch(copy, Z, P[i, 0])\n",
      "    for i in task.sequential_range(0):\n        Z = X[99]\n",
      "    for i in task.sequential_range(3):\n        for j in task.sequential_range(i - 2):\n"
      "            Z = X[99]\n",
      "    T = task.tensor((10, 16), \"f32\")\n    for i in task.parallel_range(10):\n"
      "        task.launch(copy, T[i], X[i])\n    task.launch(copy, Y, T)\n",
      "    T = task.tensor((16,), \"f32\")\n    for k in task.sequential_range(5):\n"
      "        if k == 0:\n            task.launch(fill, T)\n        else:\n"
      "            task.launch(copy, X[k], T)\n",
      "    T = task.tensor((160,), \"f32\")\n    task.launch(fill, task.reshape(T, (4, 40)))\n"
      "    task.launch(copy, X, task.reshape(T, (10, 16)))\n",
  };
  for (const char* body : bodies) {
    for (const bool new_roots : {false, true}) {
      const auto r = evaluate_text({.logic = std::string(leaves) + body,
                                    .request = sizes({{"M", "10"}, {"N", "7"}}),
                                    .tunables = {},
                                    .options = {},
                                    .new_roots = new_roots});
      EXPECT_TRUE(r.good && r.faults.empty()) << body << r.errors;
    }
  }
}

TEST(EvaluateFaults, ConflictNamesBothLaunchesAndIterations) {
  const auto r = evaluate_body(
      "    for i in task.parallel_range(9):\n        task.launch(fill, X[i])\n"
      "        task.launch(copy, Y[i], X[i + 1])\n");
  ASSERT_EQ(r.faults.size(), 1u) << r.errors;
  EXPECT_NE(r.faults[0].text.find("launch of 'copy' in iteration i = 0"), std::string::npos)
      << r.errors;
  EXPECT_NE(r.faults[0].text.find("launch of 'fill' in iteration i = 1"), std::string::npos)
      << r.errors;
}

TEST(EvaluateFaults, LoopsOfAMillionIterationsAreProvedAtOnce) {
  const auto r = evaluate_text({.logic = std::string(leaves) + R"(    pass

@task.define
def block(Z, W):
    acc = task.tensor(Z.shape, "f32")
    task.launch(fill, acc)
    for k in task.sequential_range(1000000):
        task.launch(copy, acc, W)
    task.launch(copy, Z, acc)

@task.define
def large(C: task.Tensor["M", "N"], A: task.Tensor["M", "N"]):
    Cp = task.partition(C, by="blocks", shape=(64, 64))
    Ap = task.partition(A, by="blocks", shape=(64, 64))
    for i, j in task.parallel_range(Cp.shape):
        task.launch(block, Cp[i, j], Ap[i, j])
)",
                                .entry = "large",
                                .request = sizes({{"M", "1000001"}, {"N", "999999"}}),
                                .tunables = {},
                                .options = {.enumeration_limit = 100},
                                .new_roots = true});
  EXPECT_TRUE(r.good) << r.errors;
}

}  // namespace
}  // namespace septran::lang
