// Random logic files and mappings of another family: a loop that launches a chain of leaf tasks
// over temporaries, sums and streamed blocks, in an order across trips that the mapping draws.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "tests/support/kernel.h"

namespace septran::testing_support {

class PipelineGenerator {
 public:
  static constexpr bool may_be_impossible = true;
  explicit PipelineGenerator(unsigned seed) : random_(seed) {}

  KernelText make() {
    KernelText text;
    text.target = coin() ? "dsa_edge" : "dsa_cloud";
    triangular_ = coin(4);
    outside_ = coin();
    chain();
    height_ = pick(1, 8);
    width_ = pick(1, 8);
    text.definitions = {{"M", fmt::format("{}", height_ * pick(1, 6))},
                        {"N", fmt::format("{}", width_ * pick(1, 9))},
                        {"W", fmt::format("{}", width_)},
                        {"H", fmt::format("{}", height_)}};
    text.logic = logic();
    text.mapping = mapping();
    return text;
  }

 private:
  bool coin(int n = 2) { return pick(1, n) == 1; }
  int pick(int lo, int hi) { return std::uniform_int_distribution<int>(lo, hi)(random_); }
  std::string temporary() { return temporaries_[pick_index(temporaries_.size())]; }
  std::size_t pick_index(std::size_t size) {
    return static_cast<std::size_t>(pick(0, static_cast<int>(size) - 1));
  }

  /// Draws the launches of one trip. Loaded blocks hold small integers, which stay exact.
  void chain() {
    const int length = pick(2, 6);
    for (int i = 0; i < length; ++i) {
      const int kind = i == 0 ? 0 : pick(0, 5);
      const std::string name = fmt::format("t{}", i);
      if (kind <= 1) {
        launches_.push_back(fmt::format("load, {}, {}[:, at]", name, coin() ? "A" : "B"));
        loaded_.push_back(name);
        temporaries_.push_back(name);
      } else if (kind == 2) {
        launches_.push_back(fmt::format("mix, {}, {}, {}", name, temporary(), temporary()));
        temporaries_.push_back(name);
      } else if (kind == 3) {
        launches_.push_back(fmt::format("{}, {}, {}", coin() ? "sum" : "top",
                                        coin() ? "total" : "most", temporary()));
      } else if (kind == 4) {
        launches_.push_back(fmt::format("product, square, {}, {}",
                                        loaded_[pick_index(loaded_.size())],
                                        loaded_[pick_index(loaded_.size())]));
      } else {
        launches_.push_back(fmt::format("store, D[:, at], {}", temporary()));
      }
    }
  }

  std::string logic() {
    std::string out = "import task_lang as task\n\n\n";
    const auto leaf = [&](const std::string& head, const std::string& call) {
      out += fmt::format("@task.define(leaf=True)\ndef {}:\n    task.call_primitive({})\n\n\n",
                         head, call);
    };
    leaf("clear(T)", "\"fill\", T, 0");
    leaf("load(T, X)", "\"add\", T, X, 1");
    leaf("mix(T, X, Y)", "\"sub\", T, X, Y");
    leaf("sum(T, X)", "\"add\", T, T, X");
    leaf("top(T, X)", "\"max\", T, T, X");
    leaf("product(T, X, Y)", "\"gemm\", T, X, Y, transpose_b=True, accumulate=True");
    leaf("store(C, T)", "\"copy\", C, T");
    out += "@task.define\ndef block(C, S, D, A, B, row: int):\n";
    out += "    width = C.shape[1]\n    m, n = D.shape\n    blocks = n // width\n";
    out += "    total = task.tensor((m, width), \"f32\")\n";
    out += "    most = task.tensor((m, width), \"f32\")\n";
    out += "    square = task.tensor((m, m), \"f32\")\n";
    for (const char* name : {"total", "most", "square"}) {
      out += fmt::format("    task.launch(clear, {})\n", name);
    }
    const std::string new_temporary = "{} = task.tensor((m, width), \"f32\")\n";
    if (outside_) {
      for (const std::string& name : temporaries_) {
        out += "    " + fmt::format(fmt::runtime(new_temporary), name);
      }
    }
    out += fmt::format("    for j in task.sequential_range({}):\n",
                       triangular_ ? "min(blocks, row)" : "blocks");
    out += "        at = j * width\n";
    if (!outside_) {
      for (const std::string& name : temporaries_) {
        out += "        " + fmt::format(fmt::runtime(new_temporary), name);
      }
    }
    for (const std::string& launch : launches_) {
      std::string arguments = launch;
      for (std::size_t p; (p = arguments.find("at]")) != std::string::npos;) {
        arguments.replace(p, 3, "at : at + width]");
      }
      out += "        task.launch(" + arguments + ")\n";
    }
    out += "    task.launch(store, C, total)\n    task.launch(sum, total, most)\n";
    out += "    task.launch(store, C, total)\n    task.launch(store, S, square)\n\n\n";
    out +=
        "@task.define\ndef host(C: task.Tensor[\"M\", \"W\"], S: task.Tensor[\"M\", \"H\"], "
        "D: task.Tensor[\"M\", \"N\"], A: task.Tensor[\"M\", \"N\"], "
        "B: task.Tensor[\"M\", \"N\"]):\n"
        "    for i in task.parallel_range(M // H):\n"
        "        r = i * H\n"
        "        task.launch(block, C[r : r + H, :], S[r : r + H, :], "
        "D[r : r + H, :], A[r : r + H, :], B[r : r + H, :], i)\n";
    return out;
  }

  std::string launch_name(std::size_t i) const {
    const auto callee = [&](std::size_t l) {
      return launches_[l].substr(0, launches_[l].find(','));
    };
    int occurrence = 1;
    for (std::size_t before = 0; before < i; ++before) occurrence += callee(before) == callee(i);
    return occurrence == 1 ? callee(i) : fmt::format("{}#{}", callee(i), occurrence);
  }

  /// A permutation with lags that mostly grow along the chain.
  std::string schedule() {
    std::vector<std::string> entries;
    int lag = 0;
    for (std::size_t i = 0; i < launches_.size(); ++i) {
      if (coin(3)) ++lag;
      const int own = std::max(0, lag - (coin(8) ? 1 : 0));
      entries.push_back("\"" + launch_name(i) + (own > 0 ? fmt::format("@-{}", own) : "") + "\"");
    }
    if (coin())
      std::rotate(entries.begin(), entries.begin() + pick(0, 2) % static_cast<int>(entries.size()),
                  entries.end());
    if (coin(3)) std::shuffle(entries.begin(), entries.end(), random_);
    return fmt::format("[{}]", fmt::join(entries, ", "));
  }

  std::string mapping() {
    std::string out = fmt::format(
        "entrypoint: host\ntask_mappings:\n  host:\n    task_name: host\n    proc: HOST\n"
        "    mems: {{C: GLOBAL, S: GLOBAL, D: GLOBAL, A: GLOBAL, B: GLOBAL}}\n"
        "    workers: {}\n",
        coin() ? "all" : "1");
    out += "  block:\n    task_name: block\n    proc: BLOCK\n";
    const auto memory = [&] { return coin() ? "SHARED" : "REGISTER"; };
    out += fmt::format("    mems: {{C: GLOBAL, S: GLOBAL, D: {}, A: SHARED, B: SHARED",
                       coin() ? "GLOBAL" : "SHARED");
    out += fmt::format(", total: {}, most: {}, square: REGISTER", memory(), memory());
    for (const std::string& name : temporaries_) {
      const bool multiplied = std::find(loaded_.begin(), loaded_.end(), name) != loaded_.end();
      out += fmt::format(", {}: {}", name, multiplied ? "SHARED" : memory());
    }
    out += "}\n";
    if (coin()) out += fmt::format("    pipeline: {}\n", pick(1, 4));
    if (coin()) {
      out +=
          fmt::format("    rotate: {{{}: {}, total: {}}}\n", temporary(), pick(1, 3), pick(1, 2));
    }
    if (!coin(5)) out += "    schedule: " + schedule() + "\n";
    return out;
  }

  std::mt19937 random_;
  bool triangular_ = false;
  bool outside_ = false;
  int height_ = 1;
  int width_ = 1;
  std::vector<std::string> launches_;
  std::vector<std::string> temporaries_;
  std::vector<std::string> loaded_;
};

}  // namespace septran::testing_support
