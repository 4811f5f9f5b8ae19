// The commands that the documentation and --help show run as they stand there, in a user's folder.
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <set>
#include <sstream>

#include "run_tool.h"

namespace septran::cli {
namespace {

namespace fs = std::filesystem;

/// Lines of a text that begin with one of the programs, without its folder; a backslash at a line's
/// end continues it.
std::set<std::string> commands_in(const std::string& text) {
  static const std::regex shown(
      R"(^ *(?:\$ )?(?:build/release/bin/)?((?:septran|septran-sim) .*))");
  std::set<std::string> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (!std::regex_match(line, match, shown)) continue;
    std::string command = match[1];
    while (command.ends_with('\\') && std::getline(lines, line)) {
      command.back() = ' ';
      command += line.substr(std::min(line.size(), line.find_first_not_of(' ')));
    }
    found.insert(command);
  }
  return found;
}

std::set<std::string> documented_commands() {
  std::vector<fs::path> documents{in_source("README.md"), in_source("README.zh-CN.md")};
  for (const char* folder : {"docs", "examples"}) {
    for (const auto& entry : fs::recursive_directory_iterator(in_source(folder))) {
      if (entry.path().extension() == ".md") documents.push_back(entry.path());
    }
  }
  std::set<std::string> commands;
  for (const fs::path& document : documents) commands.merge(commands_in(read_file(document)));
  for (const char* name : {"run", "check", "compile", "explain"}) {
    commands.merge(commands_in(septran({name, "--help"}).out));
  }
  commands.merge(commands_in(septran_sim({"--help"}).out));
  return commands;
}

/// The files that a command says to write.
std::vector<std::string> files_of(const std::string& command) {
  static const std::regex option(R"( (?:-o|--(?:json|html|csv|trace|vcd)) (\S+))");
  std::vector<std::string> files;
  for (std::sregex_iterator at(command.begin(), command.end(), option), end; at != end; ++at) {
    files.push_back((*at)[1]);
  }
  return files;
}

TEST(Documented, CommandsRun) {
  const TempFolder folder;
  for (const char* name : {"examples", "mappings", "workloads", "targets"}) {
    fs::create_directory_symlink(in_source(name), folder / name);
  }
  const std::string programs = fs::path(SEPTRAN_EXECUTABLE).parent_path().string();
  const auto run = [&](const std::string& command) {
    return run_program("/bin/sh",
                       {"-c", "cd " + (folder / "") + " && " + programs + "/" + command});
  };
  for (const char* report : {"before.json", "after.json"}) {  // for --compare
    const Outcome made =
        run("septran-sim examples/gemm/gemm.py --mapping mappings/gemm/dsa_edge.yaml -D M=9 -D N=9 "
            "-D K=9 "
            "--json " +
            std::string(report));
    ASSERT_EQ(made.code, 0) << made.err;
  }
  int runs = 0;
  for (const std::string& command : documented_commands()) {
    SCOPED_TRACE(command);
    if (command.find("nvidia") != std::string::npos) continue;  // needs a GPU
    const Outcome outcome = run(command);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    for (const std::string& file : files_of(command)) EXPECT_TRUE(exists(folder / file)) << file;
    ++runs;
  }
  EXPECT_GT(runs, 20);
}

}  // namespace
}  // namespace septran::cli
