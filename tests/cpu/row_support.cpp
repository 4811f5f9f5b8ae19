#include "tests/cpu/row_support.h"

#include <gtest/gtest.h>

#include "runtime/native/native.h"
#include "tests/cpu/arithmetic.h"
#include "tests/cpu/support.h"

namespace septran::testing_support {

void shrink_caches(Machine& machine) {
  for (MemorySpec& memory : machine.memories) {
    if (memory.name != "GLOBAL") memory.size_bytes = 16;
  }
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at) ++found;
  return found;
}

std::string work_of(const cpu::Source& source) {
  return source.text.substr(source.text.find("static void work("));
}

void expect_right(const KernelText& text, bool past_caches) {
  Kernel kernel;
  compile(text, kernel);
  ASSERT_TRUE(kernel.program) << kernel.messages();
  if (past_caches) shrink_caches(*kernel.machine);
  const std::string work = work_of(cpu::lower_to_c(*kernel.program, *kernel.machine));
  EXPECT_EQ(count(work, "store_far_") > 0, past_caches) << work;
  auto native = runtime::load_native(*kernel.program, *kernel.machine, kernel.diagnostics);
  ASSERT_TRUE(native) << kernel.messages();
  const auto arguments = make_arguments(kernel, false);
  const auto golden = run_reference(kernel, arguments);
  const auto tensors = (*native)->tensors();
  std::vector<runtime::HostTensor> host;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    host.push_back({tensors[i].dtype, tensors[i].shape, arguments[i]});
  }
  ASSERT_TRUE((*native)->run(host, {}, kernel.diagnostics));
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (!tensors[i].is_output) continue;
    const runtime::HostTensor expected{tensors[i].dtype, tensors[i].shape, golden[i]};
    const runtime::Comparison found = runtime::compare(host[i], expected, arithmetic_of(kernel));
    EXPECT_TRUE(found.ok) << tensors[i].name << " is off by " << found.max_abs_error;
  }
}

}  // namespace septran::testing_support
