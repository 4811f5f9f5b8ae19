// Text of the tile program: what is printed reads back as the same program.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "compiler/tile/parse.h"
#include "compiler/tile/text.h"
#include "tests/tile/support.h"

namespace septran::tile {
namespace {

std::string read_case(const std::string& name) {
  std::ifstream file(std::string(SEPTRAN_SOURCE_DIR) + "/tests/tile/cases/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(TileText, CasesReadAndPrintAsWritten) {
  for (const char* name : {"gemm_lowered.tile", "gemm_scopes.tile"}) {
    const std::string text = read_case(name);
    ASSERT_FALSE(text.empty()) << name;
    EXPECT_EQ(to_text(parse(text)), text) << name;
  }
}

}  // namespace
}  // namespace septran::tile
