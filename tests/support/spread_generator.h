// Random logic files and mappings of a third family: sums, maxima and products that a loop, or a
// call by itself, makes of blocks, and that the mapping deals to several processors. The loop
// stands in the block's task, in a loop around, or on the host.
#pragma once

#include <fmt/format.h>

#include <random>
#include <string>
#include <vector>

#include "tests/support/kernel.h"

namespace septran::testing_support {

class SpreadGenerator {
 public:
  static constexpr bool may_be_impossible = false;
  /// `processors`: that the target has at least.
  explicit SpreadGenerator(unsigned seed, int processors = 4)
      : random_(seed), processors_(processors) {}

  KernelText make() {
    KernelText text;
    text.target = "dsa_cloud";
    on_host_ = coin(4);
    by_calls_ = !on_host_ && coin(3);
    outer_ = !on_host_ && coin(4);
    parallel_ = on_host_ ? 0 : pick(0, 2);
    width_ = pick(1, 9);
    rows_ = pick(1, 12);
    sums_ = coin();
    tops_ = !sums_ || coin(3);
    products_ = coin();
    prepared_ = coin(3);
    branch_ = coin(4);
    triangular_ = parallel_ == 1 && coin(3);
    text.definitions = {{"M", fmt::format("{}", rows_ * pick(1, 4))},
                        {"N", fmt::format("{}", pick(1, 20))},
                        {"K", fmt::format("{}", width_ * pick(1, 11))}};
    direct_ = by_calls_ && coin();
    if (by_calls_ && coin()) text.dtypes["C"] = DType::f16;
    text.logic = leaves() + block() + host();
    text.mapping = mapping();
    return text;
  }

 private:
  bool coin(int n = 2) { return pick(1, n) == 1; }
  int pick(int lo, int hi) { return std::uniform_int_distribution<int>(lo, hi)(random_); }
  std::string memory() { return coin() ? "SHARED" : "REGISTER"; }

  [[nodiscard]] std::string leaves() const {
    std::string out = "import task_lang as task\n\n\n";
    const auto leaf = [&](const char* name, const char* parameters, const std::string& call) {
      out += fmt::format("@task.define(leaf=True)\ndef {}({}):\n    task.call_primitive({})\n\n\n",
                         name, parameters, call);
    };
    leaf("zero", "T", "\"fill\", T, 0");
    leaf("low", "T", "\"fill\", T, -99");
    leaf("twice", "Y, X", "\"mul\", Y, X, 2");
    leaf("join", "Y, X", "\"add\", Y, Y, X");
    leaf("store", "Y, X", "\"copy\", Y, X");
    const std::string flag = by_calls_ ? "" : ", accumulate=True";
    leaf("sum", "T, X", "\"reduce_sum\", T, X, axis=1" + flag);
    leaf("top", "T, X", "\"reduce_max\", T, X, axis=1" + flag);
    leaf("product", "T, A, B", "\"gemm\", T, A, B" + flag);
    return out;
  }

  /// What one trip adds up, on a block of columns of A and of rows of B.
  [[nodiscard]] std::string trip(const std::string& indent, const std::string& acc,
                                 const std::string& a, const std::string& b) const {
    std::string out;
    std::string inner = indent;
    if (branch_ && !by_calls_) {
      out += indent + "if k % 2 == 0:\n";
      inner += "    ";
    }
    if (sums_) out += inner + fmt::format("task.launch(sum, total, {})\n", a);
    if (tops_) out += inner + fmt::format("task.launch(top, most, {})\n", a);
    if (products_) out += indent + fmt::format("task.launch(product, {}, {}, {})\n", acc, a, b);
    return out;
  }

  /// The work on some rows, from what it reads to what it stores.
  [[nodiscard]] std::string work(const std::string& indent, const std::string& r,
                                 const std::string& c, const std::string& a) const {
    std::string out;
    std::string source = a;
    if (prepared_) {
      out += indent + fmt::format("ready = task.tensor({}.shape, \"f32\")\n", a);
      out += indent + fmt::format("task.launch(twice, ready, {})\n", a);
      source = "ready";
    }
    out += indent + fmt::format("total = task.tensor(({}.shape[0],), \"f32\")\n", a);
    out += indent + "task.launch(zero, total)\n";
    if (tops_) {
      out += indent + fmt::format("most = task.tensor(({}.shape[0],), \"f32\")\n", a);
      out += indent + "task.launch(low, most)\n";
    }
    if (products_ && !direct_) {
      out += indent + fmt::format("acc = task.tensor({}.shape, \"f32\")\n", c);
      out += indent + "task.launch(zero, acc)\n";
    }
    if (by_calls_) {
      out += trip(indent, direct_ ? c : "acc", source, "B");
    } else {
      out += indent + fmt::format("parts = {}.shape[1] // {}\n", source, width_);
      out += indent + fmt::format("for k in task.sequential_range({}):\n",
                                  triangular_ ? "min(parts, i + 1)" : "parts");
      out += trip(indent + "    ", "acc",
                  fmt::format("{}[:, {} * k : {} * k + {}]", source, width_, width_, width_),
                  fmt::format("B[{} * k : {} * k + {}, :]", width_, width_, width_));
    }
    if (tops_) out += indent + "task.launch(join, total, most)\n";
    out += indent + fmt::format("task.launch(store, {}, total)\n", r);
    if (products_ && !direct_) out += indent + fmt::format("task.launch(store, {}, acc)\n", c);
    return out;
  }

  [[nodiscard]] std::string block() const {
    if (on_host_) {
      std::string out = "@task.define\ndef block(total, most, acc, A, B, k: int):\n";
      out += trip("    ", "acc", "A", "B");
      return out + "\n\n" + host_starts();
    }
    std::string out =
        fmt::format("@task.define\ndef block(R, C, A, B{}):\n", triangular_ ? ", i: int" : "");
    std::string indent = "    ";
    if (outer_) {
      out += "    for q in task.sequential_range(2):\n";
      indent = "        ";
    }
    const std::string r = outer_ ? "R[q, :]" : "R[0, :]";
    if (parallel_ != 2) return out + work(indent, r, "C", "A") + "\n\n";
    out += indent + fmt::format("for i in task.parallel_range(A.shape[0] // {}):\n", rows_);
    out += work(indent + "    ",
                fmt::format("R[{}, {} * i : {} * i + {}]", outer_ ? "q" : "0", rows_, rows_, rows_),
                fmt::format("C[{} * i : {} * i + {}, :]", rows_, rows_, rows_),
                fmt::format("A[{} * i : {} * i + {}, :]", rows_, rows_, rows_));
    return out + "\n\n";
  }

  /// Tasks that begin and end what a loop on the host adds up.
  [[nodiscard]] static std::string host_starts() {
    return "@task.define\ndef begin(total, most, acc):\n    task.launch(zero, total)\n"
           "    task.launch(low, most)\n    task.launch(zero, acc)\n\n\n"
           "@task.define\ndef end(R, total):\n    task.launch(store, R, total)\n\n\n";
  }

  [[nodiscard]] std::string host() const {
    std::string out =
        "@task.define\ndef host(R: task.Tensor[2, \"M\"], C: task.Tensor[\"M\", \"N\"], "
        "A: task.Tensor[\"M\", \"K\"], B: task.Tensor[\"K\", \"N\"]):\n";
    if (on_host_) {
      out += fmt::format(
          "    total = task.tensor((M,), \"f32\")\n    most = task.tensor((M,), \"f32\")\n"
          "    task.launch(begin, total, most, C)\n"
          "    for k in task.sequential_range(K // {0}):\n"
          "        task.launch(block, total, most, C, A[:, {0} * k : {0} * k + {0}], "
          "B[{0} * k : {0} * k + {0}, :], k)\n"
          "    task.launch(end, R[0, :], total)\n    task.launch(end, R[1, :], most)\n",
          width_);
      return out;
    }
    if (parallel_ != 1) return out + "    task.launch(block, R, C, A, B)\n";
    out += fmt::format("    for i in task.parallel_range(M // {}):\n", rows_);
    out += fmt::format(
        "        task.launch(block, R[:, {0} * i : {0} * i + {0}], C[{0} * i : {0} * i + {0}, :], "
        "A[{0} * i : {0} * i + {0}, :], B{1})\n",
        rows_, triangular_ ? ", i" : "");
    return out;
  }

  std::string mapping() {
    std::string spread =
        fmt::format("    spread: {{{}: {}", by_calls_ ? "d1" : "k", pick(1, processors_));
    if (by_calls_ && products_) spread += fmt::format(", k: {}", pick(1, processors_));
    spread += "}\n";
    std::string out =
        "entrypoint: host\ntask_mappings:\n  host:\n    task_name: host\n    proc: HOST\n";
    out += "    mems: {R: GLOBAL, C: GLOBAL, A: GLOBAL, B: GLOBAL";
    out += on_host_ ? ", total: GLOBAL, most: GLOBAL}\n" + spread : "}\n";
    const std::string workers = fmt::format("    workers: {}\n", coin() ? "all" : "2");
    if (parallel_ == 1) out += workers;
    if (on_host_) {
      out += "  block:\n    task_name: block\n    proc: BLOCK\n";
      out += fmt::format("    mems: {{total: {}, most: {}, acc: {}, A: SHARED, B: SHARED}}\n",
                         memory(), memory(), memory());
      if (coin()) out += fmt::format("    pipeline: {}\n", pick(1, 3));
      out += fmt::format(
          "  begin:\n    task_name: begin\n    proc: BLOCK\n"
          "    mems: {{total: {}, most: {}, acc: {}}}\n",
          memory(), memory(), memory());
      out += fmt::format("  end:\n    task_name: end\n    proc: BLOCK\n    mems: {{R: {0}}}\n",
                         "SHARED, total: SHARED");
      return out;
    }
    out += "  block:\n    task_name: block\n    proc: BLOCK\n";
    out += fmt::format("    mems: {{R: {}, C: {}, A: SHARED, B: SHARED, total: {}",
                       coin() ? "GLOBAL" : "SHARED",
                       direct_  ? memory()
                       : coin() ? "GLOBAL"
                                : "SHARED",
                       memory());
    if (prepared_) out += ", ready: SHARED";
    if (tops_) out += ", most: " + memory();
    if (products_ && !direct_) out += ", acc: " + memory();
    out += "}\n";
    out += spread;
    if (coin()) out += fmt::format("    pipeline: {}\n", pick(1, 3));
    if (coin(3)) out += fmt::format("    rotate: {{total: {}}}\n", pick(1, 2));
    if (parallel_ == 2) out += workers;
    if (products_ && coin(3)) {
      out +=
          fmt::format("    leaf_task_bindings:\n      product: {{split: {{k: {}}}}}\n", pick(1, 9));
    }
    if (products_ && coin(4)) {  // a leaf with an instance of its own
      out += "  product:\n    task_name: product\n    proc: BLOCK\n";
    }
    return out;
  }

  std::mt19937 random_;
  int processors_ = 4;
  bool on_host_ = false;
  bool by_calls_ = false;
  bool outer_ = false;
  int parallel_ = 0;  // 0: none, 1: around the launch of the block, 2: in the block's task
  int width_ = 1;
  int rows_ = 1;
  bool sums_ = false;
  bool tops_ = false;
  bool products_ = false;
  bool prepared_ = false;
  bool branch_ = false;
  bool triangular_ = false;
  bool direct_ = false;  // the product's output is C itself
};

}  // namespace septran::testing_support
