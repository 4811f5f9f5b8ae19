// What kernels do with rows that begin anywhere, run without a GPU: the functions' text is compiled
// for this machine, with threads emulated.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>

#include "source_dir.h"
#include "targets/cuda/prelude.h"
#include "tests/cpu/support.h"
#include "tests/cuda/support.h"

namespace septran::testing_support {
namespace {

std::string function_text(std::string_view prelude, const std::string& name) {
  const std::size_t at = prelude.find("FUNCTION " + name + "(");
  EXPECT_NE(at, std::string_view::npos) << name;
  if (at == std::string_view::npos) return "";
  return std::string(prelude.substr(at, prelude.find("\n}\n", at) + 3 - at));
}

TEST(CudaEmulated, RowsThatBeginAnywhereAreMovedWhole) {
  const TemporaryFolder folder("emulated");
  std::ofstream(folder.path() / "functions.inc")
      << "struct alignas(16) Bytes16 { uint32_t w[4]; };\n"
      << function_text(cuda::prelude, "Bytes16 shifted_piece")
      << function_text(cuda::prelude, "float gelu_f32")
      << function_text(cuda::store_prelude, "void store_rows") << cuda::arrange_prelude;
  const std::string program = (folder.path() / "emulated").string();
  const Output compiled =
      output_of(fmt::format("{} -std=c++20 -O1 -I {} -I {} {} -o {}", SEPTRAN_CXX,
                            folder.path().string(), SEPTRAN_SOURCE_DIR "/tests/cuda/emulated",
                            SEPTRAN_SOURCE_DIR "/tests/cuda/emulated/main.cpp", program));
  ASSERT_TRUE(compiled.succeeded) << compiled.text;
  const Output ran = output_of(program);
  EXPECT_TRUE(ran.succeeded) << ran.text;
}

}  // namespace
}  // namespace septran::testing_support
