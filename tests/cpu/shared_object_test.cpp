// Building C and keeping the results: whatever happens to the cache, what is loaded is right.
#include "runtime/native/shared_object.h"

#include <fmt/format.h>

#include <fstream>
#include <thread>

#include "tests/cpu/support.h"

namespace septran::runtime {
namespace {

namespace fs = std::filesystem;
using testing_support::TemporaryFolder;
using testing_support::Variable;

std::string answering(int number) {
  return fmt::format("int answer(void) {{ return {}; }}", number);
}

/// What the object built from this source answers; -1 where it was not built, with the code.
int answer(const std::string& source, std::string* code = nullptr) {
  Diagnostics diagnostics;
  const auto object = build_shared_object(source, {"-O1"}, diagnostics);
  if (!diagnostics.all().empty() && code != nullptr) *code = diagnostics.all().back().code;
  if (!object) return -1;
  const auto function = reinterpret_cast<int (*)()>(object->find("answer"));
  return function == nullptr ? -2 : function();
}

std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder)) found.push_back(entry.path());
  return found;
}

void overwrite(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

class Cache : public testing::Test {
 protected:
  TemporaryFolder folder_{"cache"};
  Variable chosen_{"SEPTRAN_CACHE", folder_.path().string()};
};

TEST_F(Cache, KeepsWhatWasBuilt) {
  EXPECT_EQ(answer(answering(7)), 7);
  ASSERT_EQ(entries(folder_.path()).size(), 1u);
  EXPECT_EQ(answer(answering(8)), 8);
  EXPECT_EQ(entries(folder_.path()).size(), 2u);
  const auto before = fs::last_write_time(entries(folder_.path())[0]);
  EXPECT_EQ(answer(answering(7)), 7);
  EXPECT_EQ(entries(folder_.path()).size(), 2u);
  EXPECT_EQ(fs::last_write_time(entries(folder_.path())[0]), before);
}

TEST_F(Cache, MendsBrokenEntries) {
  ASSERT_EQ(answer(answering(7)), 7);
  const fs::path entry = entries(folder_.path()).at(0);
  for (const char* file : {"kernel.so", "kernel.c", "checksum"}) {
    for (const char* text : {"", "something else"}) {
      SCOPED_TRACE(std::string(file) + ": " + text);
      overwrite(entry / file, text);
      EXPECT_EQ(answer(answering(7)), 7);
      EXPECT_EQ(entries(folder_.path()), std::vector<fs::path>{entry});
    }
    fs::remove(entry / file);
    EXPECT_EQ(answer(answering(7)), 7);
  }
  // A file in the entry's place.
  fs::remove_all(entry);
  overwrite(entry, "no folder");
  EXPECT_EQ(answer(answering(7)), 7);
}

TEST_F(Cache, IsNotDisturbedByUnfinishedWork) {
  const fs::path left = folder_.path() / "unfinished-1-0";
  fs::create_directories(left);
  overwrite(left / "kernel.so", "half of it");
  const fs::path abandoned = folder_.path() / "unfinished-2-0";
  fs::create_directories(abandoned);
  fs::last_write_time(abandoned, fs::file_time_type::clock::now() - std::chrono::hours(48));
  EXPECT_EQ(answer(answering(7)), 7);
  EXPECT_TRUE(fs::exists(left));  // may still be at work
  EXPECT_FALSE(fs::exists(abandoned));
}

TEST_F(Cache, ServesManyAtOnce) {
  std::vector<std::thread> threads;
  std::vector<int> answers(8);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    threads.emplace_back(
        [&answers, i] { answers[i] = answer(answering(static_cast<int>(i % 2))); });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < answers.size(); ++i) EXPECT_EQ(answers[i], static_cast<int>(i % 2));
  EXPECT_EQ(entries(folder_.path()).size(), 2u);
}

TEST(NoCache, BuildsInATemporaryFolder) {
  const TemporaryFolder folder("nocache");
  overwrite(folder.path() / "file", "");
  const Variable chosen("SEPTRAN_CACHE", (folder.path() / "file" / "below").string());
  EXPECT_EQ(answer(answering(7)), 7);
}

TEST(NoCache, SaysWhereItFoundNoRoom) {
  const TemporaryFolder folder("noroom");
  overwrite(folder.path() / "file", "");
  const std::string nowhere = (folder.path() / "file" / "below").string();
  const Variable chosen("SEPTRAN_CACHE", nowhere);
  const Variable temporary("TMPDIR", nowhere);
  std::string code;
  EXPECT_EQ(answer(answering(7), &code), -1);
  EXPECT_EQ(code, "no-build-folder");
}

TEST_F(Cache, FaultsAreReported) {
  std::string code;
  EXPECT_EQ(answer("int answer(void) { return }", &code), -1);
  EXPECT_EQ(code, "c-compiler-failed");
  EXPECT_EQ(answer("int missing(void); int answer(void) { return missing(); }", &code), -1);
  EXPECT_EQ(code, "object-not-loaded");
  const Variable none("SEPTRAN_CC", "/nowhere/cc");
  EXPECT_EQ(answer(answering(7), &code), -1);
  EXPECT_EQ(code, "no-c-compiler");
}

}  // namespace
}  // namespace septran::runtime
