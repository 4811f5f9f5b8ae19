// Source texts: lines, columns and offsets.
#include "compiler/base/source.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace septran {
namespace {

TEST(Source, PositionsCountFromOne) {
  SourceManager sources;
  const FileId file = sources.add("a.py", "ab\ncd\n\nx");
  const auto at = [&](std::uint32_t offset) {
    const LineColumn p = sources.position(file, offset);
    return std::pair(p.line, p.column);
  };
  EXPECT_EQ(at(0), std::pair(1U, 1U));
  EXPECT_EQ(at(2), std::pair(1U, 3U));  // the line ending belongs to its line
  EXPECT_EQ(at(3), std::pair(2U, 1U));
  EXPECT_EQ(at(6), std::pair(3U, 1U));
  EXPECT_EQ(at(7), std::pair(4U, 1U));
  EXPECT_EQ(at(8), std::pair(4U, 2U));  // the end of the text
  EXPECT_EQ(sources.name(file), "a.py");
  EXPECT_EQ(sources.file_line({file, 4, 5}), "a.py:2");
  EXPECT_EQ(sources.file_line({}), "");
}

TEST(Source, LinesComeWithoutTheirEndings) {
  SourceManager sources;
  const FileId file = sources.add("a.py", "ab\r\ncd\n\r\nx\r");
  EXPECT_EQ(sources.line(file, 1), "ab");
  EXPECT_EQ(sources.line(file, 2), "cd");
  EXPECT_EQ(sources.line(file, 3), "");
  EXPECT_EQ(sources.line(file, 4), "x");
  EXPECT_EQ(sources.line(file, 5), "");
  EXPECT_EQ(sources.line(file, 0), "");
  EXPECT_EQ(sources.position(file, 4).line, 2U);
}

TEST(Source, OffsetsInvertPositionsAndAreClipped) {
  SourceManager sources;
  const std::string text = "ab\r\ncde\n\nx";
  const FileId file = sources.add("a.yaml", text);
  for (std::uint32_t offset = 0; offset <= text.size(); ++offset) {
    const LineColumn at = sources.position(file, offset);
    EXPECT_EQ(sources.offset(file, at.line, at.column), offset);
  }
  EXPECT_EQ(sources.offset(file, 0, 1), 0U);
  EXPECT_EQ(sources.offset(file, 2, 0), 4U);
  EXPECT_EQ(sources.offset(file, 9, 1), text.size());
  EXPECT_EQ(sources.offset(file, 4, 4000000000U), text.size());
}

TEST(Source, EmptyTextHasOneLine) {
  SourceManager sources;
  const FileId file = sources.add("empty", "");
  EXPECT_EQ(sources.position(file, 0).line, 1U);
  EXPECT_EQ(sources.line(file, 1), "");
}

TEST(Source, LoadsFilesButNoFoldersAndNothingEndless) {
  SourceManager sources;
  const std::string path = testing::TempDir() + "septran_source_test.txt";
  std::ofstream(path, std::ios::binary) << "one\r\ntwo";
  const auto file = sources.load(path);
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(sources.text(*file), "one\r\ntwo");
  EXPECT_EQ(sources.name(*file), path);
  std::filesystem::resize_file(path, (std::uintmax_t{64} << 20) + 1);
  EXPECT_FALSE(sources.load(path).has_value());
  std::remove(path.c_str());
  EXPECT_FALSE(sources.load(path).has_value());
  EXPECT_FALSE(sources.load(testing::TempDir()).has_value());
  EXPECT_FALSE(sources.load("/dev/zero").has_value());
}

TEST(Source, DoesNotWaitForeverAtAPipe) {
  const std::string path = testing::TempDir() + fmt::format("septran_idle_pipe_{}", ::getpid());
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  SourceManager sources;
  EXPECT_FALSE(sources.load(path).has_value());
  std::remove(path.c_str());
}

TEST(Source, ReadsAPipeOnce) {
  const std::string path = testing::TempDir() + fmt::format("septran_pipe_{}", ::getpid());
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  std::thread writer([&] { std::ofstream(path, std::ios::binary) << "text"; });
  SourceManager sources;
  const auto first = sources.load(path);
  writer.join();
  const auto second = sources.load(path);
  std::remove(path.c_str());
  ASSERT_TRUE(first.has_value());
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(first->value, second->value);
  EXPECT_EQ(sources.text(*second), "text");
  EXPECT_FALSE(sources.load(path).has_value());
}

}  // namespace
}  // namespace septran
