// Each cases/NAME.py is parsed and compared with cases/NAME.expected: the printed tree, or for
// fail_NAME.py the diagnostics. SEPTRAN_UPDATE_EXPECTED=1 rewrites the expected files.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "compiler/base/diagnostic.h"
#include "compiler/frontend/parser.h"
#include "compiler/frontend/print.h"
#include "source_dir.h"

namespace septran::lang {
namespace {

namespace fs = std::filesystem;

fs::path case_folder() { return fs::path(SEPTRAN_SOURCE_DIR) / "tests/frontend/cases"; }

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

std::vector<std::string> case_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(case_folder())) {
    if (entry.path().extension() == ".py") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class ParserCase : public testing::TestWithParam<std::string> {};

TEST_P(ParserCase, MatchesExpected) {
  const fs::path path = case_folder() / GetParam();
  SourceManager sources;
  Diagnostics diagnostics;
  const std::string name = GetParam() + ".py";
  const FileId file = sources.add(name, read_file(path.string() + ".py"));
  const Result<Module> module = parse_module(file, sources, diagnostics);

  const bool must_fail = GetParam().starts_with("fail_");
  const std::string rendered = render(diagnostics, sources, false);
  EXPECT_EQ(module.has_value(), !must_fail) << rendered;
  EXPECT_EQ(diagnostics.has_errors(), must_fail);
  const std::string actual = module && !must_fail ? print(*module) : rendered;
  const fs::path expected_path = path.string() + ".expected";
  if (std::getenv("SEPTRAN_UPDATE_EXPECTED") != nullptr) {
    std::ofstream(expected_path, std::ios::binary) << actual;
  }
  EXPECT_EQ(actual, read_file(expected_path));
}

INSTANTIATE_TEST_SUITE_P(Cases, ParserCase, testing::ValuesIn(case_names()),
                         [](const auto& info) { return info.param; });

TEST(ParserMessages, EachOccursInAnExpectedFile) {
  const std::string all = read_file(fs::path(SEPTRAN_SOURCE_DIR) / "compiler/base/messages.h");
  const std::size_t begin = all.find("// ==== The text of a logic file");
  ASSERT_NE(begin, std::string::npos);
  const std::string header = all.substr(begin, all.find("// ====", begin + 1) - begin);
  std::string expected;
  for (const std::string& name : case_names()) {
    if (name.starts_with("fail_")) expected += read_file(case_folder() / (name + ".expected"));
  }
  const std::regex code(R"re(Message \w+\{\s*"([a-z0-9-]+)")re");
  std::size_t count = 0;
  for (std::sregex_iterator at(header.begin(), header.end(), code), end; at != end; ++at) {
    ++count;
    EXPECT_NE(expected.find("[" + (*at)[1].str() + "]"), std::string::npos) << (*at)[1].str();
  }
  EXPECT_GT(count, 50U);
}

}  // namespace
}  // namespace septran::lang
