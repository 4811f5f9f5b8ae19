// Malformed input as users see it: all of stderr, and the exit code. The cases stand in
// diagnostics/*.txt; each changes base.py and base.yaml there, or brings files of its own.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "run_tool.h"
#include "tests/machine/golden.h"

namespace septran::cli {
namespace {

const std::string cases = in_source("tests/cli/diagnostics/");

/// `~` at the start of a word or after '=' stands for the folder.
Arguments words(const std::string& text, const TempFolder& folder) {
  Arguments list;
  std::istringstream in(text);
  for (std::string word; in >> word;) {
    const std::size_t at = word[0] == '~' ? 0 : word.find("=~") + 1;
    if (at < word.size() && word[at] == '~') word.replace(at, 1, folder / "");
    list.push_back(word);
  }
  return list;
}

std::string without(std::string text, const std::string& word) {
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos;) {
    text.erase(at, word.size());
  }
  return text;
}

/// Parts of a case: `k.py`, `k.yaml`, `t.yaml` or any other file, whole; "replace FILE" for changes
/// of what stands there before; `args` in place of the usual ones; `sizes` for M, N and K.
std::string run(const golden::Case& one) {
  const TempFolder folder;
  folder.write("k.py", read_file(cases + "base.py"));
  folder.write("k.yaml", read_file(cases + "base.yaml"));
  folder.write("t.yaml", read_file(in_source("tests/machine/base.yaml")));
  std::string args = "~k.py --mapping ~k.yaml -D M=64 -D N=64 -D K=64";
  for (const auto& [title, text] : one.parts) {
    if (title == "args") {
      args = text;
    } else if (title == "more args") {
      args += " " + text;
    } else if (title.starts_with("replace ")) {
      const std::string name = title.substr(8);
      folder.write(name, golden::replaced(read_file(folder / name), text));
    } else {
      folder.write(title, text);
    }
  }
  const std::vector<std::string> before = folder.files();
  const bool driver = args.starts_with("septran ");
  const Arguments list = words(driver ? args.substr(8) : args, folder);
  const Outcome outcome = driver ? septran(list) : septran_sim(list);
  EXPECT_EQ(outcome.code, one.name.starts_with("fail_") ? 2 : 0) << one.name << "\n" << outcome.err;
  if (outcome.code != 0) {
    EXPECT_EQ(outcome.out, "") << one.name;
    EXPECT_EQ(folder.files(), before) << one.name << " wrote a file";
  }
  return without(without(outcome.err, folder / ""), in_source(""));
}

TEST(Diagnostics, OfLogicFiles) { golden::run_cases(cases + "logic.txt", run); }
TEST(Diagnostics, OfMappingFiles) { golden::run_cases(cases + "mapping.txt", run); }
TEST(Diagnostics, OfTargets) { golden::run_cases(cases + "target.txt", run); }
TEST(Diagnostics, OfCommandLines) { golden::run_cases(cases + "command.txt", run); }

}  // namespace
}  // namespace septran::cli
