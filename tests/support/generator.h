// Random logic files and mappings of one family: a matrix product in blocks, with or without a loop
// over k, with an epilogue; every mapping field that the passes give effect to is drawn.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <string>

#include "tests/support/kernel.h"

namespace septran::testing_support {

class Generator {
 public:
  static constexpr bool may_be_impossible = false;
  /// Without `may_spread`, the target is the one of one core.
  explicit Generator(unsigned seed, bool may_spread = true)
      : random_(seed), may_spread_(may_spread) {}

  KernelText make() {
    KernelText text;
    on_cloud_ = coin() && may_spread_;
    text.target = on_cloud_ ? "dsa_cloud" : "dsa_edge";
    for (const char* dim : {"M", "N", "K"}) {
      text.definitions.emplace_back(dim, fmt::format("{}", pick(1, coin() ? 20 : 70)));
    }
    accumulates_ = coin();
    transposed_ = coin();
    own_parallel_ = coin(3);
    steps_ = pick(0, 3);
    text.logic = logic();
    text.mapping = mapping();
    return text;
  }

 private:
  bool coin(int n = 2) { return pick(1, n) == 1; }
  int pick(int lo, int hi) { return std::uniform_int_distribution<int>(lo, hi)(random_); }
  template <typename T, std::size_t n>
  T choose(const T (&items)[n]) {
    return items[static_cast<std::size_t>(pick(0, static_cast<int>(n) - 1))];
  }

  std::string epilogue_leaf(int step) {
    const char* operations[] = {
        "task.call_primitive(\"relu\", T, T)",
        "task.call_primitive(\"add\", T, T, bias, axis=1)",
        "task.call_primitive(\"max\", T, T, -2)",
        "task.call_primitive(\"mul\", T, T, 2)",
        "task.call_primitive(\"abs\", T, T)",
        "task.call_primitive(\"sub\", T, T, bias, axis=1)",
    };
    return fmt::format("@task.define(leaf=True)\ndef step{}(T, bias):\n    {}\n\n\n", step,
                       choose(operations));
  }

  std::string logic() {
    std::string out = "import task_lang as task\n\n\n";
    out += "@task.define(leaf=True)\ndef clear(T):\n    task.call_primitive(\"fill\", T, 0)\n\n\n";
    out += fmt::format(
        "@task.define(leaf=True)\ndef multiply(T, A, B):\n    task.call_primitive(\"gemm\", T, A, "
        "B, "
        "transpose_a={}, accumulate={})\n\n\n",
        transposed_ ? "True" : "False", loops_over_k() ? "True" : "False");
    out +=
        "@task.define(leaf=True)\ndef store(C, T):\n    task.call_primitive(\"copy\", C, T)\n\n\n";
    for (int s = 0; s < steps_; ++s) out += epilogue_leaf(s);
    out += block();
    out += host();
    return out;
  }

  [[nodiscard]] bool loops_over_k() const { return accumulates_; }

  /// The work on one block of C, on parameters T or a temporary.
  std::string work(const std::string& indent, const std::string& c, const std::string& a,
                   const std::string& b, const std::string& x) {
    std::string out = indent + fmt::format("acc = task.tensor({}.shape, \"f32\")\n", c);
    if (loops_over_k()) {
      out += indent + "bk = task.tunable(\"bk\")\n";
      const std::string shape =
          transposed_ ? fmt::format("(bk, {}.shape[1])", a) : fmt::format("({}.shape[0], bk)", a);
      out += indent + fmt::format("Ak = task.partition({}, by=\"blocks\", shape={})\n", a, shape);
      out += indent +
             fmt::format("Bk = task.partition({}, by=\"blocks\", shape=(bk, {}.shape[1]))\n", b, b);
      out += indent + "task.launch(clear, acc)\n";
      out += indent + fmt::format("for k in task.sequential_range({}):\n",
                                  transposed_ ? "Ak.shape[0]" : "Ak.shape[1]");
      out += indent + fmt::format("    task.launch(multiply, acc, {}, Bk[k, 0])\n",
                                  transposed_ ? "Ak[k, 0]" : "Ak[0, k]");
    } else {
      out += indent + fmt::format("task.launch(multiply, acc, {}, {})\n", a, b);
    }
    for (int s = 0; s < steps_; ++s) {
      out += indent + fmt::format("task.launch(step{}, acc, {})\n", s, x);
    }
    out += indent + fmt::format("task.launch(store, {}, acc)\n", c);
    return out;
  }

  std::string partitions(const std::string& indent) {
    std::string out =
        indent + "bm = task.tunable(\"bm\")\n" + indent + "bn = task.tunable(\"bn\")\n";
    out += indent + "Cp = task.partition(C, by=\"blocks\", shape=(bm, bn))\n";
    out +=
        indent + (transposed_ ? "Ap = task.partition(A, by=\"blocks\", shape=(A.shape[0], bm))\n"
                              : "Ap = task.partition(A, by=\"blocks\", shape=(bm, A.shape[1]))\n");
    out += indent + "Bp = task.partition(B, by=\"blocks\", shape=(B.shape[0], bn))\n";
    out += indent + "Xp = task.partition(X, by=\"blocks\", shape=(bn,))\n";
    return out;
  }

  std::string block() {
    std::string out = "@task.define\ndef block(C, A, B, X):\n";
    if (!own_parallel_) return out + work("    ", "C", "A", "B", "X") + "\n\n";
    out += partitions("    ");
    out += "    for i, j in task.parallel_range(Cp.shape):\n";
    out += work("        ", "Cp[i, j]", transposed_ ? "Ap[0, i]" : "Ap[i, 0]", "Bp[0, j]", "Xp[j]");
    return out + "\n\n";
  }

  std::string host() {
    std::string out = fmt::format(
        "@task.define\ndef host(C: task.Tensor[\"M\", \"N\"], A: task.Tensor[{}], "
        "B: task.Tensor[\"K\", \"N\"], X: task.Tensor[\"N\"]):\n",
        transposed_ ? "\"K\", \"M\"" : "\"M\", \"K\"");
    if (own_parallel_) return out + "    task.launch(block, C, A, B, X)\n";
    out += partitions("    ");
    const bool nested = coin();
    const std::string launch = fmt::format("task.launch(block, Cp[i, j], {}, Bp[0, j], Xp[j])\n",
                                           transposed_ ? "Ap[0, i]" : "Ap[i, 0]");
    if (nested) {
      out += "    for i in task.parallel_range(Cp.shape[0]):\n";
      out += "        for j in task.parallel_range(Cp.shape[1]):\n            " + launch;
    } else {
      out += "    for i, j in task.parallel_range(Cp.shape):\n        " + launch;
    }
    return out;
  }

  std::string order() {
    if (coin()) return "";
    std::string out = "    order: {";
    out += choose({"loops: [j, i]", "loops: [i, j]", "loops: [j]"});
    if (coin()) out += fmt::format(", group: {{{}: {}}}", choose({"i", "j"}), pick(1, 5));
    if (coin()) out += fmt::format(", reverse: [{}]", choose({"i", "j", "i, j"}));
    return out + "}\n";
  }

  std::string split() {
    if (coin()) return "";
    std::string out = ", split: [";
    const char* orders[] = {"k", "kn", "nk", "mk", "nkm", "kmn", "mn"};
    bool first = true;
    for (const char dim : std::string(choose(orders))) {
      out += fmt::format("{}{{{}: {}}}", first ? "" : ", ", dim, pick(1, 24));
      first = false;
    }
    return out + "]";
  }

  std::string mapping() {
    const std::string loop_fields =
        fmt::format("    workers: {}\n", choose({"all", "grid", "1"})) + order();
    std::string out =
        "entrypoint: host\ntask_mappings:\n  host:\n    task_name: host\n    proc: HOST\n";
    out += "    mems: {C: GLOBAL, A: GLOBAL, B: GLOBAL, X: GLOBAL}\n";
    out += fmt::format("    tunables: {{bm: {}, bn: {}", pick(1, 32), pick(1, 32));
    if (loops_over_k()) out += fmt::format(", bk: {}", pick(1, 32));
    out += "}\n";
    if (!own_parallel_) out += loop_fields;
    out += "  block:\n    task_name: block\n    proc: BLOCK\n";
    const bool on_array = !coin(3);
    out += fmt::format("    mems: {{C: {}, A: SHARED, B: SHARED, X: {}, acc: {}}}\n",
                       choose({"GLOBAL", "GLOBAL", "SHARED"}), choose({"SHARED", "REGISTER"}),
                       on_array ? "REGISTER" : choose({"SHARED", "REGISTER"}));
    if (coin()) out += fmt::format("    pipeline: {}\n", pick(1, 4));
    if (coin()) out += fmt::format("    rotate: {{acc: {}}}\n", pick(1, 3));
    if (coin(3)) out += fmt::format("    resident: [{}]\n", choose({"A", "B", "A, B"}));
    if (own_parallel_) out += loop_fields;
    if (on_cloud_ && coin(4)) out += "    spread: {k: 2}\n";
    if (on_array || coin()) {
      out += fmt::format("    leaf_task_bindings:\n      multiply: {{impl: {}{}{}}}\n",
                         on_array ? "mma" : "gemm_plain", split(),
                         on_array && coin() ? ", swap: true" : "");
    }
    return out;
  }

  std::mt19937 random_;
  bool may_spread_ = true;
  bool on_cloud_ = false;
  bool accumulates_ = false;
  bool transposed_ = false;
  bool own_parallel_ = false;
  int steps_ = 0;
};

/// SEPTRAN_RANDOM_PROGRAMS and SEPTRAN_RANDOM_SEED choose a longer run.
inline unsigned from_environment(const char* name, unsigned fallback) {
  const char* text = std::getenv(name);
  return text == nullptr ? fallback : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

/// Compiles that many programs (or as SEPTRAN_RANDOM_SEED and SEPTRAN_RANDOM_PROGRAMS say), calls
/// `fault` for each and fails at the first that it says something about. Programs of orders that
/// dependences forbid are left out, if the generator draws such; the others must be a quarter.
template <typename Generated, typename Fault>
void check_random_programs(unsigned first, unsigned count, Fault&& fault) {
  first = from_environment("SEPTRAN_RANDOM_SEED", first);
  count = from_environment("SEPTRAN_RANDOM_PROGRAMS", count);
  unsigned compiled = 0;
  for (unsigned seed = first; seed < first + count; ++seed) {
    const KernelText text = Generated(seed).make();
    Kernel kernel;
    compile(text, kernel);
    const std::string context =
        fmt::format("seed {} target {}\n{}\n{}", seed, text.target, text.logic, text.mapping);
    if (!kernel.program && Generated::may_be_impossible) {
      for (const Diagnostic& diagnostic : kernel.diagnostics.all()) {
        ASSERT_EQ(diagnostic.code, "schedule-dependence") << context << kernel.messages();
      }
      continue;
    }
    ASSERT_TRUE(kernel.program.has_value()) << context << kernel.messages();
    ++compiled;
    ASSERT_EQ(fault(text, kernel), "") << context;
  }
  EXPECT_GE(compiled, Generated::may_be_impossible ? count / 4 : count);
}

}  // namespace septran::testing_support
