// What the documentation shows is true: its snippets compile, and it leaves no field out.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <algorithm>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "compiler/mapping/mapping.h"
#include "source_dir.h"
#include "targets/yaml_reader.h"
#include "tests/support/kernel.h"

namespace septran {
namespace {

const std::string root = SEPTRAN_SOURCE_DIR "/";
using testing_support::read_text;

/// A fenced block whose first line is "```LANGUAGE compile=NAME WORDS".
struct Snippet {
  std::string document;
  std::string language;
  std::string name;
  std::map<std::string, std::string> words;  // NAME=VALUE
  std::string text;
};

std::vector<Snippet> snippets(const std::string& document) {
  std::vector<Snippet> found;
  std::istringstream lines(read_text(root + "docs/" + document));
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (inside && line == "```") {
      inside = false;
    } else if (inside) {
      found.back().text += line + "\n";
    } else if (line.starts_with("```") && line.find(" compile=") != std::string::npos) {
      inside = true;
      Snippet& snippet = found.emplace_back();
      snippet.document = document;
      std::istringstream words(line.substr(3));
      words >> snippet.language;
      for (std::string word; words >> word;) {
        const std::size_t equals = word.find('=');
        snippet.words[word.substr(0, equals)] = word.substr(equals + 1);
      }
      snippet.name = snippet.words["compile"];
      snippet.words.erase("compile");
    }
  }
  EXPECT_FALSE(inside) << document;
  return found;
}

/// Compiles a mapping's snippet with the logic of the same name, or that of an example.
std::string compile(const Snippet& mapping, const std::string& logic) {
  testing_support::KernelText text;
  text.logic = logic;
  text.mapping = mapping.text;
  // Paths of `extends` count from the project's folder.
  const std::size_t at = text.mapping.find("extends: ");
  if (at != std::string::npos) text.mapping.insert(at + 9, root);
  for (const auto& [name, value] : mapping.words) text.definitions.emplace_back(name, value);
  testing_support::Kernel kernel;
  testing_support::compile(text, kernel);
  return kernel.messages() + (kernel.program ? "" : "it does not compile");
}

TEST(Documentation, SnippetsCompile) {
  int compiled = 0;
  for (const auto& entry : std::filesystem::directory_iterator(root + "docs")) {
    if (entry.path().extension() != ".md") continue;
    std::map<std::string, std::string> logic{
        {"gemm", read_text(root + "examples/gemm/gemm.py")},
        {"gemm_case", read_text(root + "examples/gemm/gemm.py")}};
    for (const Snippet& snippet : snippets(entry.path().filename().string())) {
      SCOPED_TRACE(snippet.document + ": " + snippet.name);
      if (snippet.language == "python") {
        logic[snippet.name] = snippet.text;
        continue;
      }
      ASSERT_EQ(snippet.language, "yaml");
      ASSERT_TRUE(logic.contains(snippet.name)) << "no logic of that name before it";
      EXPECT_EQ(compile(snippet, logic[snippet.name]), "");
      ++compiled;
    }
  }
  EXPECT_GE(compiled, 4);
}

/// Every key of a description, the names of processors, memories and so on left out.
void collect_keys(const yaml::Node& node, bool names, std::set<std::string>& keys) {
  static const std::set<std::string> named{"processors", "memories", "engines", "implementations",
                                           "rates"};
  for (const yaml::Entry& entry : node.entries) {
    if (!names) keys.insert(entry.key);
    if (entry.key == "held_as") continue;
    collect_keys(entry.value, named.contains(entry.key), keys);
  }
  for (const yaml::Node& item : node.items) collect_keys(item, false, keys);
}

TEST(Documentation, NamesEveryFieldOfATarget) {
  const std::string page = read_text(root + "docs/targets.md");
  std::size_t most_keys = 0;
  for (const std::string& machine : shipped_machines()) {
    SourceManager sources;
    Diagnostics diagnostics;
    const auto file = sources.load(machines_folder() + "/" + machine + ".yaml");
    ASSERT_TRUE(file);
    const auto tree = yaml::parse(*file, sources, "", "", diagnostics);
    ASSERT_TRUE(tree);
    std::set<std::string> keys;
    collect_keys(*tree, false, keys);
    most_keys = std::max(most_keys, keys.size());
    for (const std::string& key : keys) {
      const bool is_section = key == "dsa" || key == "cpu" || key == "cuda" ||
                              key == "processors" || key == "memories" || key == "engines" ||
                              key == "paths" || key == "implementations";
      const std::string mark = is_section ? "## " + key : "`" + key + "`";
      const bool in_matrix_types =
          key == "a" || key == "b" || key == "accumulator" || key == "macs_per_pe";
      if (in_matrix_types) continue;  // they stand in one list there
      EXPECT_NE(page.find(mark), std::string::npos) << key << " of " << machine;
    }
  }
  EXPECT_GT(most_keys, 30U);
}

TEST(Documentation, LinksLeadSomewhere) {
  for (const std::string document :
       {"docs/README.md", "docs/language.md", "docs/mapping.md", "docs/targets.md",
        "docs/extending.md", "README.md", "README.zh-CN.md"}) {
    const std::string text = read_text(root + document);
    const auto folder = std::filesystem::path(root + document).parent_path();
    for (std::size_t at = 0; (at = text.find("](", at)) != std::string::npos;) {
      at += 2;
      const std::string target = text.substr(at, text.find_first_of(")#", at) - at);
      if (target.empty() || target.starts_with("http")) continue;
      EXPECT_TRUE(std::filesystem::exists(folder / target)) << document << ": " << target;
    }
  }
}

}  // namespace
}  // namespace septran
