// Holds the list of messages: unique names and codes, each code in a test, only sources include it.
#include <gtest/gtest.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "source_dir.h"

namespace septran {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> codes() {
  const std::string text = read_file(fs::path(SEPTRAN_SOURCE_DIR) / "compiler/base/messages.h");
  const std::regex row(R"re(Message (\w+)\{\s*"([a-z0-9-]+)")re");
  std::vector<std::string> found;
  std::size_t rows = 0;
  for (std::size_t at = text.find("constexpr Message "); at != std::string::npos;
       at = text.find("constexpr Message ", at + 1)) {
    ++rows;
  }
  for (std::sregex_iterator at(text.begin(), text.end(), row), end; at != end; ++at) {
    found.push_back((*at)[2].str());
  }
  EXPECT_EQ(found.size(), rows) << "a row of messages.h is not of the usual form";
  return found;
}

TEST(Messages, CodesAreUnique) {
  std::set<std::string> seen;
  for (const std::string& code : codes()) EXPECT_TRUE(seen.insert(code).second) << code;
  EXPECT_GT(seen.size(), 200U);
}

/// Whether a code stands in a text as a whole, not as a part of a longer one.
bool occurs(const std::string& code, const std::string& text) {
  const auto part = [&](std::size_t at) {
    return at < text.size() && (std::isalnum(static_cast<unsigned char>(text[at])) != 0 ||
                                text[at] == '-' || text[at] == '_');
  };
  for (std::size_t at = text.find(code); at != std::string::npos; at = text.find(code, at + 1)) {
    if (!part(at + code.size()) && (at == 0 || !part(at - 1))) return true;
  }
  return false;
}

TEST(Messages, EachCodeOccursInATest) {
  std::string tests;
  for (const auto& entry :
       fs::recursive_directory_iterator(fs::path(SEPTRAN_SOURCE_DIR) / "tests")) {
    if (entry.is_regular_file()) tests += read_file(entry.path());
  }
  for (const std::string& code : codes()) EXPECT_TRUE(occurs(code, tests)) << code;
}

TEST(Messages, EachHasAHint) {
  const std::string text = read_file(fs::path(SEPTRAN_SOURCE_DIR) / "compiler/base/messages.h");
  // Code, severity, then two strings, each of which may be written in pieces.
  const std::string piece = R"re("(?:[^"\\]|\\.)+")re";
  const std::string whole = "(?:" + piece + "\\s*)+";
  const std::regex complete("^Message \\w+\\{\\s*" + piece + ",\\s*Severity::\\w+,\\s*" + whole +
                            ",\\s*" + whole + "\\}");
  std::size_t rows = 0;
  for (std::size_t at = text.find("Message "); at != std::string::npos;
       at = text.find("Message ", at + 1)) {
    if (!text.substr(0, at).ends_with("constexpr ")) continue;
    ++rows;
    const std::string row = text.substr(at, text.find("inline", at) - at);
    EXPECT_TRUE(std::regex_search(row, complete)) << row;
  }
  EXPECT_GT(rows, 200U);
}

TEST(Messages, OccurrencesAreWhole) {
  EXPECT_TRUE(occurs("no-path", "error[no-path]: x"));
  EXPECT_TRUE(occurs("no-path", "dsa-no-path no-path"));
  EXPECT_FALSE(occurs("no-path", "dsa-no-path, no-paths"));
}

}  // namespace
}  // namespace septran
