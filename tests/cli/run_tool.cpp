#include "run_tool.h"
#include "source_dir.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace septran::cli {

namespace fs = std::filesystem;

TempFolder::TempFolder() {
  std::string name = (fs::temp_directory_path() / "septran-cli-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = name;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string TempFolder::operator/(const std::string& name) const { return (path_ / name).string(); }

std::string TempFolder::write(const std::string& name, const std::string& text) const {
  std::ofstream out(path_ / name, std::ios::binary);
  out << text;
  return (path_ / name).string();
}

std::vector<std::string> TempFolder::files() const {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(path_)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool exists(const std::string& path) { return fs::exists(path); }

Outcome run_program(const std::string& program, const Arguments& arguments,
                    const std::map<std::string, std::string>& environment) {
  const TempFolder folder;
  const std::string out = folder / "out";
  const std::string err = folder / "err";
  std::vector<std::string> words{program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string variable = *at;
    if (!environment.contains(variable.substr(0, variable.find('='))))
      variables.push_back(variable);
  }
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> list;
    for (std::string& text : texts) list.push_back(text.data());
    list.push_back(nullptr);
    return list;
  };
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  constexpr int write_flags = O_WRONLY | O_CREAT | O_TRUNC;
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), write_flags, 0600);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err.c_str(), write_flags, 0600);
  pid_t pid = 0;
  const int failed = posix_spawn(&pid, program.c_str(), &actions, nullptr, pointers(words).data(),
                                 pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::runtime_error("cannot start " + program);
  int status = 0;
  waitpid(pid, &status, 0);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return {code, read_file(out), read_file(err)};
}

Outcome septran(const Arguments& arguments) { return run_program(SEPTRAN_EXECUTABLE, arguments); }
Outcome septran_sim(const Arguments& arguments) {
  return run_program(SEPTRAN_SIM_EXECUTABLE, arguments + Arguments{"--check-hazards"});
}

std::string in_source(const std::string& path) { return SEPTRAN_SOURCE_DIR "/" + path; }

std::int64_t cycles_of(const Outcome& outcome) {
  const std::size_t end = outcome.out.find(" cycles, ");
  if (end == std::string::npos) return -1;
  std::size_t begin = end;
  while (begin > 0 && std::isdigit(static_cast<unsigned char>(outcome.out[begin - 1])) != 0) {
    --begin;
  }
  return begin == end ? -1 : std::stoll(outcome.out.substr(begin, end - begin));
}

Arguments job(const std::string& logic, const std::string& mapping, const std::string& words) {
  Arguments list{logic, "--mapping", mapping};
  std::istringstream in(words);
  bool is_value = false;  // of the option before it
  for (std::string word; in >> word;) {
    const bool is_option = word[0] == '-';
    if (!is_option && !is_value) list.emplace_back("-D");
    list.push_back(word);
    is_value = is_option && word != "--timing-only" && word != "--no-check";
  }
  return list;
}

Arguments operator+(Arguments a, const Arguments& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::string npy(const std::string& description, const std::string& shape, const std::string& data,
                bool fortran_order) {
  std::string header = "{'descr': '" + description +
                       "', 'fortran_order': " + (fortran_order ? "True" : "False") +
                       ", 'shape': " + shape + ", }";
  header.resize((10 + header.size() + 1 + 63) / 64 * 64 - 11, ' ');
  header += '\n';
  std::string file{"\x93NUMPY\x01\x00", 8};
  file += static_cast<char>(header.size() % 256);
  file += static_cast<char>(header.size() / 256);
  return file + header + data;
}

std::string npy_data(const std::string& file) {
  if (file.size() < 10) return {};
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(file[i]); };
  const std::size_t header = 10U + byte(8) + 256U * byte(9);
  return header > file.size() ? std::string() : file.substr(header);
}

std::size_t count(const std::string& text, const std::string& word) {
  std::size_t times = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    ++times;
  }
  return times;
}

void expect_ok(const Outcome& outcome) {
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("result    ok"), std::string::npos) << outcome.out << outcome.err;
  EXPECT_NE(outcome.out.find("hazards   0 in "), std::string::npos) << outcome.out;
  EXPECT_EQ(outcome.err, "");
  EXPECT_GT(cycles_of(outcome), 0) << outcome.out;
}

void expect_refused(const Outcome& outcome, const std::vector<std::string>& expected) {
  EXPECT_EQ(outcome.code, 2) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  std::size_t at = 0;
  for (const std::string& text : expected) {
    at = outcome.err.find(text, at);
    ASSERT_NE(at, std::string::npos) << "'" << text << "' in\n" << outcome.err;
  }
}

}  // namespace septran::cli
