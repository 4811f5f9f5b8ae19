// Results that are small beside what they are made of, so that their size says nothing about their
// errors: the reference's bounds hold what processors compute, and nothing that is wrong.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "compiler/reference/reference.h"
#include "runtime/compare.h"
#include "runtime/native/native.h"
#include "runtime/random.h"
#include "tests/cpu/arithmetic.h"
#include "tests/cpu/support.h"

namespace septran::testing_support {
namespace {

// Each output shrinks the sums of a product in its own way. The product is added up in `SUMS`.
constexpr const char* logic = R"("""Small results of large sums."""
import task_lang as task

SUMS = "f32"


@task.define(leaf=True)
def clear(acc):
    task.call_primitive("fill", acc, 0.0)


@task.define(leaf=True)
def multiply(acc, A, B):
    task.call_primitive("gemm", acc, A, B, accumulate=True)


@task.define(leaf=True)
def shrink(acc, E, row, cut, near, weights, steps, scaled):
    task.call_primitive("clamp", cut, acc, -1.0, 1.0)
    task.call_primitive("mul", scaled, acc, 0.000001)
    task.call_primitive("quantize", steps, acc, 0.37)
    task.call_primitive("add", E, acc, 4096.3)
    task.call_primitive("sub", near, E, 4096.0)
    task.call_primitive("mul", E, acc, 7.0)
    task.call_primitive("reduce_max", row, E, axis=1)
    task.call_primitive("sub", E, E, row, axis=0)
    task.call_primitive("exp", E, E)
    task.call_primitive("reduce_sum", row, E, axis=1)
    task.call_primitive("div", weights, E, row, axis=0)


@task.define
def block(cut, near, weights, steps, scaled, A, B):
    acc = task.tensor(cut.shape, SUMS)
    E = task.tensor(cut.shape, "f32")
    row = task.tensor((cut.shape[0],), "f32")
    Ap = task.partition(A, by="blocks", shape=(A.shape[0], 50))
    Bp = task.partition(B, by="blocks", shape=(50, B.shape[1]))
    task.launch(clear, acc)
    for k in task.sequential_range(Ap.shape[1]):
        task.launch(multiply, acc, Ap[0, k], Bp[k, 0])
    task.launch(shrink, acc, E, row, cut, near, weights, steps, scaled)


@task.define
def host(cut: task.Tensor["M", "N"], near: task.Tensor["M", "N"], weights: task.Tensor["M", "N"],
         steps: task.i8["M", "N"], scaled: task.Tensor["M", "N"],
         A: task.Tensor["M", "K"], B: task.Tensor["K", "N"]):
    for i in task.parallel_range(task.ceildiv(M, 16)):
        lo = i * 16
        hi = min(M, lo + 16)
        task.launch(block, cut[lo:hi, :], near[lo:hi, :], weights[lo:hi, :], steps[lo:hi, :],
                    scaled[lo:hi, :], A[lo:hi, :], B)
)";

constexpr const char* mapping = R"(
entrypoint: host
task_mappings:
  host:
    task_name: host
    proc: HOST
    mems: {cut: GLOBAL, near: GLOBAL, weights: GLOBAL, steps: GLOBAL, scaled: GLOBAL,
           A: GLOBAL, B: GLOBAL}
  block:
    task_name: block
    proc: BLOCK
    mems: {acc: SHARED, E: SHARED, row: SHARED}
)";

constexpr std::int64_t rows = 40;
constexpr std::int64_t columns = 48;
constexpr std::int64_t depth = 1000;
constexpr std::size_t outputs = 5;
constexpr std::size_t factor = 5;  // A

KernelText text_of(const std::string& target, DType dtype, const std::string& sums = "f32") {
  KernelText text;
  text.logic = logic;
  text.logic.replace(text.logic.find("\"f32\""), 5, "\"" + sums + "\"");
  text.mapping = mapping;
  text.target = target;
  text.dtype = dtype;
  text.definitions = {{"M", fmt::format("{}", rows)},
                      {"N", fmt::format("{}", columns)},
                      {"K", fmt::format("{}", depth)}};
  return text;
}

using Tensors = std::vector<runtime::HostTensor>;

/// Zeros for the outputs and random inputs.
Tensors make_tensors(const Kernel& kernel, std::uint64_t seed, runtime::Values values) {
  Tensors tensors;
  for (std::size_t i = 0; i < kernel.entry->arguments.size(); ++i) {
    const auto& argument = std::get<lang::EntryTensor>(kernel.entry->arguments[i]);
    Diagnostics diagnostics;
    tensors.push_back(*runtime::make_tensor(argument.dtype, argument.shape, diagnostics));
    if (i >= outputs) {
      runtime::fill_random(tensors.back(), values, seed, kernel.entry->task->parameters[i].name);
    }
  }
  return tensors;
}

std::vector<reference::Enclosure> enclose(Kernel& kernel, const Tensors& tensors) {
  std::vector<const std::byte*> pointers;
  for (const auto& tensor : tensors) pointers.push_back(tensor.bytes.data());
  return *reference::enclose(*kernel.module, *kernel.entry, pointers, {}, kernel.diagnostics);
}

Tensors golden_of(Kernel& kernel, Tensors tensors) {
  std::vector<std::byte*> pointers;
  for (auto& tensor : tensors) pointers.push_back(tensor.bytes.data());
  EXPECT_TRUE(
      reference::run(*kernel.module, *kernel.entry, pointers, {}, kernel.diagnostics).has_value());
  return tensors;
}

TEST(Bounds, HoldWhatProcessorsCompute) {
  const TemporaryFolder cache("bounds");
  const Variable chosen("SEPTRAN_CACHE", cache.path().string());
  bool needed = false;
  for (const char* target : {"cpu_native", "cpu_generic"}) {
    for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
      Kernel kernel;
      compile(text_of(target, dtype), kernel);
      ASSERT_TRUE(kernel.program) << kernel.messages();
      auto native = runtime::load_native(*kernel.program, *kernel.machine, kernel.diagnostics);
      ASSERT_TRUE(native) << kernel.messages();
      for (const std::uint64_t seed : {1U, 2U, 3U}) {
        const Tensors tensors = make_tensors(kernel, seed, runtime::Values::normal);
        Tensors results = tensors;
        ASSERT_TRUE((*native)->run(results, {}, kernel.diagnostics)) << kernel.messages();
        const Tensors golden = golden_of(kernel, tensors);
        const auto bounds = enclose(kernel, tensors);
        for (std::size_t i = 0; i < outputs; ++i) {
          const auto found =
              compare(results[i], golden[i], arithmetic_of(kernel), bounds[i].low, bounds[i].high);
          EXPECT_TRUE(found.ok) << target << ' ' << name(dtype) << ' ' << seed << " output " << i
                                << ": " << found.wrong_elements << " wrong";
          needed |= !compare(results[i], golden[i], arithmetic_of(kernel)).ok;
        }
      }
    }
  }
  EXPECT_TRUE(needed) << "the sizes of the results explain all errors";
}

/// The element at which two tensors differ most.
std::size_t farthest(const runtime::HostTensor& a, const runtime::HostTensor& b) {
  std::size_t at = 0;
  double most = -1;
  for (std::size_t i = 0; i < a.elements(); ++i) {
    const double difference = std::fabs(load_element(a, i) - load_element(b, i));
    if (difference > most) {
      most = difference;
      at = i;
    }
  }
  return at;
}

/// `tensor` with rows moved up by one.
runtime::HostTensor moved(runtime::HostTensor tensor) {
  const std::size_t row = tensor.bytes.size() / rows;
  std::copy(tensor.bytes.begin() + static_cast<std::ptrdiff_t>(row), tensor.bytes.end(),
            tensor.bytes.begin());
  return tensor;
}

/// What a kernel with one fault would leave in output i, whose right values are `golden`.
struct Fault {
  const char* name;
  std::function<runtime::HostTensor(const Tensors& golden, std::size_t i)> result;
};

/// Faults in where results go.
std::vector<Fault> misplacements() {
  return {{"an element is missing",
           [](const Tensors& golden, std::size_t i) {
             runtime::HostTensor out = golden[i];
             runtime::HostTensor zero = out;
             std::fill(zero.bytes.begin(), zero.bytes.end(), std::byte{0});
             store_element(out, farthest(out, zero), 0);
             return out;
           }},
          {"an element is its neighbour's",
           [](const Tensors& golden, std::size_t i) {
             runtime::HostTensor out = golden[i];
             const std::size_t at = farthest(out, moved(out));
             store_element(out, at, load_element(out, at + columns));
             return out;
           }},
          {"a tile is missing",
           [](const Tensors& golden, std::size_t i) {
             runtime::HostTensor out = golden[i];
             for (std::size_t e = 0; e < 8 * columns; ++e) {
               if (e % columns < 8) store_element(out, e, 0);
             }
             return out;
           }},
          {"a sign is wrong",
           [](const Tensors& golden, std::size_t i) {
             runtime::HostTensor out = golden[i];
             for (std::size_t e = 0; e < out.elements(); ++e) {
               if (std::fabs(load_element(out, e)) < 1e-7) continue;
               store_element(out, e, -load_element(out, e));
               break;
             }
             return out;
           }},
          {"rows are off by one",
           [](const Tensors& golden, std::size_t i) { return moved(golden[i]); }}};
}

/// Faults in the product: one term of each sum is lost, or one step of the loop.
runtime::HostTensor without_terms(Kernel& kernel, Tensors tensors, std::size_t i,
                                  std::int64_t count) {
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t k = 0; k < count; ++k) {
      store_element(tensors[factor], static_cast<std::size_t>(row * depth + 500 + k), 0);
    }
  }
  return golden_of(kernel, std::move(tensors))[i];
}

void expect_caught(DType dtype, const std::vector<std::size_t>& checked) {
  Kernel kernel;
  compile(text_of("cpu_generic", dtype), kernel);
  Kernel sums_in_bf16;
  compile(text_of("cpu_generic", dtype, "bf16"), sums_in_bf16);
  ASSERT_TRUE(kernel.entry && sums_in_bf16.entry) << sums_in_bf16.messages();
  const Tensors tensors = make_tensors(kernel, 1, runtime::Values::normal);
  const Tensors golden = golden_of(kernel, tensors);
  const Tensors coarse = golden_of(sums_in_bf16, tensors);
  const auto bounds = enclose(kernel, tensors);
  for (const std::size_t i : checked) {
    const auto ok = [&](const runtime::HostTensor& out) {
      return compare(out, golden[i], arithmetic_of(kernel), bounds[i].low, bounds[i].high).ok;
    };
    EXPECT_TRUE(ok(golden[i])) << i;
    for (const Fault& fault : misplacements()) {
      EXPECT_FALSE(ok(fault.result(golden, i)))
          << name(dtype) << " output " << i << ": " << fault.name;
    }
    for (const std::int64_t terms : {1, 50}) {
      EXPECT_FALSE(ok(without_terms(kernel, tensors, i, terms)))
          << name(dtype) << " output " << i << ": " << terms << " terms lost";
    }
    EXPECT_FALSE(ok(coarse[i])) << name(dtype) << " output " << i << ": sums in bf16";
  }
}

TEST(Bounds, CatchWrongResults) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    expect_caught(dtype, {0, 1, 2, 3, 4});
  }
}

TEST(Bounds, OfIntegersAreExact) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16, DType::i8}) {
    Kernel kernel;
    compile(text_of("cpu_generic", dtype), kernel);
    ASSERT_TRUE(kernel.entry) << kernel.messages();
    const auto bounds = enclose(kernel, make_tensors(kernel, 1, runtime::Values::integers));
    EXPECT_EQ(bounds[0].low, bounds[0].high) << name(dtype);
  }
}

}  // namespace
}  // namespace septran::testing_support
