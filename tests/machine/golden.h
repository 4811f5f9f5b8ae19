// Table-driven tests kept as text: a file of cases, each with named parts, the last of which is
// what the case must give. With SEPTRAN_UPDATE_EXPECTED=1 in the environment, the expected parts
// are rewritten.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <functional>
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

/// Runs every case of a file and compares, or rewrites what is expected.
inline void run_cases(const std::string& path, const std::function<std::string(const Case&)>& run) {
  std::vector<Case> cases = read_cases(path);
  ASSERT_FALSE(cases.empty()) << path;
  const char* update = std::getenv("SEPTRAN_UPDATE_EXPECTED");
  const bool rewrite = update != nullptr && std::string(update) == "1";
  std::ostringstream out;
  for (Case& one : cases) {
    const std::string actual = run(one);
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
