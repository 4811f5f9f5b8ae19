// Machine descriptions made by tests, as files.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <string>

#include "source_dir.h"
#include "tests/support/kernel.h"

namespace septran::testing_support {

/// A description in a file of its own, for as long as this lives.
class DescriptionFile {
 public:
  explicit DescriptionFile(const std::string& text)
      : path_(std::filesystem::path(testing::TempDir()) /
              fmt::format("septran-{}-{}.yaml", ::getpid(), fmt::ptr(this))) {
    std::ofstream(path_) << text;
  }
  DescriptionFile(const DescriptionFile&) = delete;
  DescriptionFile& operator=(const DescriptionFile&) = delete;
  ~DescriptionFile() { std::filesystem::remove(path_); }
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

/// A shipped description with every number of a field replaced.
class ChangedMachine : public DescriptionFile {
 public:
  ChangedMachine(const std::string& target, const std::string& field, const std::string& value)
      : DescriptionFile(std::regex_replace(
            read_text(std::string(SEPTRAN_SOURCE_DIR) + "/targets/" + target + ".yaml"),
            std::regex("\\b" + field + ": [0-9]+"), field + ": " + value)) {}
};

}  // namespace septran::testing_support
