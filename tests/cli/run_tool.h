// Runs the built programs as a user would and keeps what they print.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace septran::cli {

/// What a finished program leaves: its exit code (-signal if a signal ended it) and both streams.
struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
};

using Arguments = std::vector<std::string>;

/// A folder that goes away with the object.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const;
  /// Writes a file of the folder and gives its path.
  std::string write(const std::string& name, const std::string& text) const;
  /// Names of the files there, sorted.
  [[nodiscard]] std::vector<std::string> files() const;

 private:
  std::filesystem::path path_;
};

std::string read_file(const std::string& path);
bool exists(const std::string& path);

/// Runs a program; `environment` is set on top of this process's. Not on a terminal, no input.
Outcome run_program(const std::string& program, const Arguments& arguments,
                    const std::map<std::string, std::string>& environment = {});
Outcome septran(const Arguments& arguments);
/// Every run is checked for hazards.
Outcome septran_sim(const Arguments& arguments);

/// Path of a file of the source tree.
std::string in_source(const std::string& path);

/// The cycle count that a report on stdout states; -1 if it states none.
std::int64_t cycles_of(const Outcome& outcome);

/// Arguments for a logic file and its mapping, with `-D` for each "NAME=VALUE" of a list that is
/// separated by blanks; other words are taken as they are.
Arguments job(const std::string& logic, const std::string& mapping, const std::string& words);
Arguments operator+(Arguments a, const Arguments& b);

/// A .npy file of format version 1: `description` such as "<f4", `shape` such as "(2, 3)".
std::string npy(const std::string& description, const std::string& shape, const std::string& data,
                bool fortran_order = false);
/// What follows the header of a .npy file.
std::string npy_data(const std::string& file);
/// The bytes of numbers, in order.
template <typename T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

/// Number of times that a word stands in a text.
std::size_t count(const std::string& text, const std::string& word);

/// Expects a checked run that ended well.
void expect_ok(const Outcome& outcome);

/// Expects exit code 2, these texts in this order on stderr, and nothing on stdout.
void expect_refused(const Outcome& outcome, const std::vector<std::string>& expected);

}  // namespace septran::cli
