// Every primitive on the simulated accelerators: its operands in either memory near the core, in
// every element type that the vector unit or the array takes, at sizes of one and odd ones.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "simulated.h"

namespace septran {
namespace {

using testing_support::KernelText;

/// An operand: its name, its dimensions, and its element type if that is not the case's.
struct Operand {
  const char* name;
  const char* shape;
  const char* dtype = "";
};

/// A call; the first operand is its output.
struct Call {
  std::string primitive;
  std::string rest;  // of the arguments, after the operands
  std::vector<Operand> operands;
};

/// The primitives that compute with any element type alike.
std::vector<Call> elementwise_calls() {
  std::vector<Call> calls;
  for (const char* name : {"add", "sub", "mul", "div", "max", "min"}) {
    calls.push_back({name, "", {{"Y", "M, N"}, {"X", "M, N"}, {"Z", "M, N"}}});
    calls.push_back({name, ", 3", {{"Y", "M, N"}, {"X", "M, N"}}});
    calls.push_back({name, ", axis=0", {{"Y", "M, N"}, {"X", "M, N"}, {"Z", "M"}}});
    calls.push_back({name, ", axis=1", {{"Y", "M, N"}, {"X", "M, N"}, {"Z", "N"}}});
    calls.push_back({name, "", {{"Y", "N"}, {"X", "N"}, {"Z", "N"}}});
    calls.push_back({name, "", {{"Y", "3, M, N"}, {"X", "3, M, N"}, {"Z", "3, M, N"}}});
  }
  for (const char* name : {"neg", "abs", "relu", "copy"}) {
    calls.push_back({name, "", {{"Y", "M, N"}, {"X", "M, N"}}});
    calls.push_back({name, "", {{"Y", "N"}, {"X", "N"}}});
  }
  const Operand y{"Y", "M, N"};
  const Operand x{"X", "M, N"};
  const Operand z{"Z", "M, N"};
  const Operand w{"W", "M, N"};
  calls.push_back({"transpose", "", {{"Y", "N, M"}, x}});
  calls.push_back({"fill", ", 2", {y}});
  calls.push_back({"fma", "", {y, x, z, w}});
  calls.push_back({"fma", ", 2, 3", {y, x}});
  calls.push_back({"fma", ", 3", {y, x, z}});
  calls.push_back({"clamp", ", -1, 2", {y, x}});
  calls.push_back({"select", "", {y, x, z, w}});
  calls.push_back({"select", ", 1, -2", {y, x}});
  calls.push_back({"mask_causal", ", 1, 3, -7", {y}});
  calls.push_back({"mask_causal", ", 0, 0, 5", {{"Y", "2, M, N"}}});
  calls.push_back({"mask_window", ", 2, 1, 3, 4, -7", {y}});
  calls.push_back({"iota", ", 0", {y}});
  calls.push_back({"iota", ", 1, start=-3, step=2", {y}});
  calls.push_back({"iota", ", 0", {{"Y", "N"}}});
  for (const char* name : {"reduce_sum", "reduce_max", "reduce_min"}) {
    for (const char* accumulate : {"", ", accumulate=True"}) {
      calls.push_back({name, fmt::format(", axis=0{}", accumulate), {{"Y", "N"}, x}});
      calls.push_back({name, fmt::format(", axis=1{}", accumulate), {{"Y", "M"}, x}});
      calls.push_back(
          {name, fmt::format(", axis=1{}", accumulate), {{"Y", "2, N"}, {"X", "2, M, N"}}});
    }
  }
  return calls;
}

/// The primitives that compute in floating point.
std::vector<Call> float_calls() {
  std::vector<Call> calls;
  for (const char* name :
       {"exp", "exp2", "log", "sqrt", "rsqrt", "recip", "gelu", "silu", "tanh", "sigmoid", "erf"}) {
    calls.push_back({name, "", {{"Y", "M, N"}, {"X", "M, N"}}});
  }
  calls.push_back({"gelu", ", approximate=\"tanh\"", {{"Y", "M, N"}, {"X", "M, N"}}});
  return calls;
}

std::string type_of(const Operand& operand, const std::string& dtype) {
  return operand.dtype[0] == '\0' ? dtype : operand.dtype;
}

/// One call in a block task, its operands placed as the pattern says, round and round.
KernelText kernel(const Call& call, const std::string& dtype,
                  const std::vector<std::string>& memories) {
  std::string parameters;
  std::string names;
  std::string global;
  std::string near;
  for (std::size_t i = 0; i < call.operands.size(); ++i) {
    const Operand& operand = call.operands[i];
    std::string shape;
    for (const char* c = operand.shape; *c != '\0'; ++c) {
      shape += std::isalpha(static_cast<unsigned char>(*c)) != 0 ? fmt::format("\"{}\"", *c)
                                                                 : std::string(1, *c);
    }
    const char* comma = i == 0 ? "" : ", ";
    parameters +=
        fmt::format("{}{}: task.{}[{}]", comma, operand.name, type_of(operand, dtype), shape);
    names += fmt::format("{}{}", comma, operand.name);
    global += fmt::format("{}{}: GLOBAL", comma, operand.name);
    near += fmt::format("{}{}: {}", comma, operand.name, memories[i % memories.size()]);
  }
  KernelText text;
  text.logic = fmt::format(
      "import task_lang as task\n\n\n@task.define(leaf=True)\ndef work({0}):\n"
      "    task.call_primitive(\"{1}\", {0}{2})\n\n\n@task.define\ndef block({0}):\n"
      "    task.launch(work, {0})\n\n\n@task.define\ndef host({3}):\n    task.launch(block, {0})\n",
      names, call.primitive, call.rest, parameters);
  text.mapping = fmt::format(
      "entrypoint: host\ntask_mappings:\n"
      "  host: {{task_name: host, proc: HOST, mems: {{{}}}}}\n"
      "  block: {{task_name: block, proc: BLOCK, mems: {{{}}}}}\n",
      global, near);
  return text;
}

/// Runs calls, each time with the next of the placements, sizes and targets.
class Checker {
 public:
  void check(const Call& call, const std::string& dtype, bool integers) {
    static const std::vector<std::vector<std::string>> placements{
        {"SHARED"},
        {"REGISTER"},
        {"SHARED", "REGISTER"},
        {"REGISTER", "SHARED", "SHARED"}};  // the last is the array's
    constexpr std::pair<int, int> sizes[] = {{5, 37}, {1, 1}, {32, 16}};
    const auto& memories = placements[turn_ % placements.size()];
    const auto& [m, n] = sizes[turn_ % std::size(sizes)];
    KernelText text = kernel(call, dtype, memories);
    text.target = turn_ % 5 < 3 ? "dsa_edge" : "dsa_cloud";
    ++turn_;
    for (const auto& [name, extent] :
         {std::pair{'M', m}, std::pair{'N', n}, std::pair{'K', 2 * m + 1}}) {
      if (std::any_of(call.operands.begin(), call.operands.end(), [c = name](const Operand& o) {
            return std::string(o.shape).find(c) != std::string::npos;
          })) {
        text.definitions.emplace_back(std::string(1, name), fmt::format("{}", extent));
      }
    }
    EXPECT_EQ(testing_support::check_kernel(text, integers, 0, true), "")
        << fmt::format("{}{} in {} on {}, {}, {} x {}", call.primitive, call.rest, dtype,
                       text.target, fmt::join(memories, " "), m, n);
  }

 private:
  std::size_t turn_ = 0;
};

TEST(Primitives, ElementwiseAndReductions) {
  Checker checker;
  for (const Call& call : elementwise_calls()) {
    for (const char* dtype : {"f16", "bf16", "f32", "i8", "i32"}) checker.check(call, dtype, true);
  }
}

TEST(Primitives, Products) {
  Checker checker;
  for (const char* c : {"", "f32", "i32"}) {
    for (const char* rest : {"", ", alpha=0.5", ", accumulate=True", ", True, True, True, 2.0"}) {
      const bool transposed = std::string(rest).starts_with(", True");
      const Call call{"gemm",
                      rest,
                      {{"C", "M, N", c},
                       {"A", transposed ? "K, M" : "M, K"},
                       {"B", transposed ? "N, K" : "K, N"}}};
      for (const char* dtype : {"f16", "bf16", "f32", "i8", "i32"}) {
        for (int placement = 0; placement < 4; ++placement) checker.check(call, dtype, true);
      }
    }
  }
}

TEST(Primitives, Transcendental) {
  Checker checker;
  for (const Call& call : float_calls()) {
    for (const char* dtype : {"f16", "bf16", "f32", "i32", "f32"}) {
      checker.check(call, dtype, false);
    }
  }
}

TEST(Primitives, QuantizationOfBothWidthsWithScalesAndZeros) {
  const Operand y{"Y", "M, N"};
  const Operand x{"X", "M, N"};
  const Operand i{"Y", "M, N", "i8"};
  const Operand q{"Q", "M, N", "i8"};
  const Operand s{"s", "M"};
  const Operand z{"z", "M"};
  const std::vector<Call> calls{
      {"quantize", ", 0.5", {i, x}},
      {"quantize", ", 0.25, 3", {i, x}},
      {"quantize", "", {i, x, s}},
      {"quantize", "", {i, x, s, z}},
      {"dequantize", ", 0.5", {y, q}},
      {"dequantize", ", 0.5, -3", {y, q}},
      {"dequantize", "", {y, q, s}},
      {"dequantize", "", {y, q, s, z}},
      {"dequantize", ", group=8", {{"Y", "M, 32"}, {"Q", "M, 32", "i8"}, {"s", "M, 4"}}},
      {"dequantize", ", bits=4, group=8", {{"Y", "M, 32"}, {"Q", "M, 16", "i8"}, {"s", "M, 4"}}},
      {"dequantize", ", 0.5, bits=4", {{"Y", "M, 7"}, {"Q", "M, 4", "i8"}}},
  };
  Checker checker;
  for (const Call& call : calls) {
    for (const char* dtype : {"f16", "bf16", "f32", "f16", "f32"}) {
      checker.check(call, dtype, true);
    }
  }
}

TEST(Primitives, ConversionBetweenAllTypes) {
  Checker checker;
  for (const char* from : {"f16", "bf16", "f32", "i8", "i32"}) {
    for (const char* to : {"f16", "bf16", "f32", "i8", "i32"}) {
      checker.check({"copy", "", {{"Y", "M, N", to}, {"X", "M, N"}}}, from, true);
      checker.check({"transpose", "", {{"Y", "N, M", to}, {"X", "M, N"}}}, from, true);
      checker.check({"add", "", {{"Y", "M, N", to}, {"X", "M, N"}, {"Z", "M, N", to}}}, from, true);
    }
  }
}

}  // namespace
}  // namespace septran
