// Table-driven tests kept as text: a file of cases, each with named parts, the last of which is
// what the case must give. With SEPTRAN_UPDATE_EXPECTED=1 in the environment, the expected parts
// are rewritten.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <regex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace septran::golden {

/// ==== NAME, then parts: ---- TITLE and its lines, then ---- expected.
struct Case {
  std::string name;
  std::vector<std::pair<std::string, std::string>> parts;  // title, text
  std::string expected;

  [[nodiscard]] std::string part(const std::string& title) const {
    for (const auto& [name_of_part, text] : parts) {
      if (name_of_part == title) return text;
    }
    return {};
  }
};

inline std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// Applies lines "old => new" to a text; "\\n" stands for a line break.
inline std::string replaced(std::string text, const std::string& replacements) {
  std::istringstream lines(replacements);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t arrow = line.find(" => ");
    if (arrow == std::string::npos) {
      ADD_FAILURE() << "not a replacement: " << line;
      continue;
    }
    std::string old_text = line.substr(0, arrow);
    std::string new_text = line.substr(arrow + 4);
    for (std::string* part : {&old_text, &new_text}) {
      for (std::size_t at = 0; (at = part->find("\\n", at)) != std::string::npos;) {
        part->replace(at, 2, "\n");
      }
    }
    const std::size_t at = text.find(old_text);
    EXPECT_NE(at, std::string::npos) << old_text;
    if (at != std::string::npos) text.replace(at, old_text.size(), new_text);
  }
  return text;
}

inline std::vector<Case> read_cases(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  std::vector<Case> cases;
  std::string line;
  std::string* text = nullptr;
  while (std::getline(in, line)) {
    if (line.starts_with("==== ")) {
      cases.push_back({line.substr(5), {}, {}});
      text = nullptr;
    } else if (line == "---- expected") {
      text = &cases.back().expected;
    } else if (line.starts_with("---- ")) {
      cases.back().parts.emplace_back(line.substr(5), "");
      text = &cases.back().parts.back().second;
    } else if (text != nullptr) {
      *text += line + "\n";
    }
  }
  return cases;
}

/// A text without what the YAML library says of faults in its own words, and where in the line it
/// sees them: both differ from version to version.
inline std::string without_library_words(const std::string& text) {
  static const std::regex fault(
      "(^|\\n)([^\\n]*:[0-9]+):[0-9]+(: error\\[yaml-syntax\\]: this is not valid YAML): [^\\n]*"
      "(\\n[^\\n]*)\\n *\\^+(?=\\n)");
  return std::regex_replace(text, fault, "$1$2$3$4");
}

/// Runs every case of a file and compares, or rewrites what is expected.
inline void run_cases(const std::string& path, const std::function<std::string(const Case&)>& run) {
  std::vector<Case> cases = read_cases(path);
  ASSERT_FALSE(cases.empty()) << path;
  const char* update = std::getenv("SEPTRAN_UPDATE_EXPECTED");
  const bool rewrite = update != nullptr && std::string(update) == "1";
  std::ostringstream out;
  for (Case& one : cases) {
    const std::string actual = without_library_words(run(one));
    if (!rewrite) {
      EXPECT_EQ(actual, one.expected) << "case " << one.name << " of " << path;
    }
    out << "==== " << one.name << "\n";
    for (const auto& [title, text] : one.parts) out << "---- " << title << "\n" << text;
    out << "---- expected\n" << actual;
  }
  if (rewrite) std::ofstream(path, std::ios::binary) << out.str();
}

}  // namespace septran::golden
