// One pass on a text: cases/<pass>_<what>.tile, with the result beside it. A case that must fail is
// named fail_<pass>_<what>; its result is the diagnostics. SEPTRAN_UPDATE_EXPECTED=1 rewrites all.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "compiler/passes/pass.h"
#include "compiler/tile/parse.h"
#include "compiler/tile/text.h"
#include "source_dir.h"
#include "tests/support/kernel.h"

namespace septran {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> cases() {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(SEPTRAN_SOURCE_DIR "/tests/passes/cases")) {
    if (entry.path().extension() == ".tile") found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

class PassCase : public testing::TestWithParam<fs::path> {};

TEST_P(PassCase, GivesTheExpectedText) {
  const fs::path& path = GetParam();
  std::string name = path.stem();
  const bool must_fail = name.rfind("fail_", 0) == 0;
  if (must_fail) name = name.substr(5);
  const passes::PassInfo* pass = passes::find_pass(name.substr(0, name.find('_')));
  ASSERT_NE(pass, nullptr) << name;

  SourceManager sources;
  Diagnostics diagnostics;
  const FileId file =
      sources.add(path.filename().string(), testing_support::read_text(path.string()));
  const auto program = tile::parse_text(file, sources, diagnostics);
  ASSERT_TRUE(program) << render(diagnostics, sources, false);
  const auto machine = load_machine(program->target, {}, sources, diagnostics);
  ASSERT_TRUE(machine) << render(diagnostics, sources, false);
  const passes::PassContext context{*machine, diagnostics};
  const Result<tile::Program> result = pass->run(*program, context);
  EXPECT_EQ(result.has_value(), !must_fail);
  std::string text = render(diagnostics, sources, false);
  if (result) {
    EXPECT_TRUE(tile::verify(*result).empty()) << tile::verify(*result).front();
    text += tile::to_text(*result);
  }

  fs::path expected = path;
  expected.replace_extension(".expected");
  if (std::getenv("SEPTRAN_UPDATE_EXPECTED") != nullptr) std::ofstream(expected) << text;
  EXPECT_EQ(text, testing_support::read_text(expected.string()));
}

INSTANTIATE_TEST_SUITE_P(All, PassCase, testing::ValuesIn(cases()), [](const auto& info) {
  std::string name = info.param.stem().string();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace septran
