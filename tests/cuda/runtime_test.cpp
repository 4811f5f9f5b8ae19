// Running on GPUs as far as a machine without one can go: with a driver that only pretends.
#include <gtest/gtest.h>

#include <cstdlib>

#include "runtime/cuda/gpu.h"
#include "source_dir.h"
#include "tests/support/kernel.h"

namespace septran::testing_support {
namespace {

class Gpu : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("SEPTRAN_CUDA_DRIVER", SEPTRAN_FAKE_DRIVER, 1);
    ::setenv("SEPTRAN_NVRTC", "/nonexistent/libnvrtc.so", 1);
    KernelText text;
    text.logic = read_text(SEPTRAN_SOURCE_DIR "/examples/gemm/gemm.py");
    text.mapping = read_text(SEPTRAN_SOURCE_DIR "/mappings/gemm/nvidia_h100.yaml");
    text.target = "nvidia_h100";
    text.dtype = DType::f16;
    text.definitions = {{"M", "64"}, {"N", "64"}, {"K", "64"}};
    compile(text, kernel_);
    ASSERT_TRUE(kernel_.program) << kernel_.messages();
  }
  std::string fault() {
    const auto loaded = runtime::load_gpu(*kernel_.program, *kernel_.machine, kernel_.diagnostics);
    EXPECT_FALSE(loaded);
    return loaded ? "" : kernel_.messages();
  }
  Kernel kernel_;
};

TEST_F(Gpu, OfAnotherArchitectureIsRefused) {
  kernel_.machine->cuda.architecture = "sm_80a";
  EXPECT_NE(fault().find("error[gpu-other-architecture]: code for 'nvidia_h100' (sm_80a) does not "
                         "run on this machine's Pretended GPU (compute capability 9.0)"),
            std::string::npos)
      << kernel_.messages();
}

TEST_F(Gpu, NeedsACompiler) {
  const std::string text = fault();
  EXPECT_NE(text.find("error[no-gpu-compiler]"), std::string::npos) << text;
}

}  // namespace
}  // namespace septran::testing_support
