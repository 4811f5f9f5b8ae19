// A shipped description with other numbers in it.
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <string>

#include "source_dir.h"
#include "tests/support/kernel.h"

namespace septran::testing_support {

/// A description with every number of a field replaced, in a file, for as long as this lives.
class ChangedMachine {
 public:
  ChangedMachine(const std::string& target, const std::string& field, const std::string& value)
      : path_((std::filesystem::temp_directory_path() /
               fmt::format("septran_{}_{}_{}_{}.yaml", target, field, value, ::getpid()))
                  .string()) {
    std::ofstream(path_) << std::regex_replace(
        read_text(fmt::format("{}/targets/{}.yaml", SEPTRAN_SOURCE_DIR, target)),
        std::regex("\\b" + field + ": [0-9]+"), field + ": " + value);
  }
  ChangedMachine(const ChangedMachine&) = delete;
  ChangedMachine& operator=(const ChangedMachine&) = delete;
  ~ChangedMachine() { std::filesystem::remove(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace septran::testing_support
