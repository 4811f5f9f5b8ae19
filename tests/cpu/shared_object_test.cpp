// Building C and keeping the results: whatever happens to the cache, what is loaded is right.
#include "runtime/native/shared_object.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
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
int answer(const std::string& source, std::string* code = nullptr,
           const std::vector<std::string>& flags = {"-O1"}) {
  Diagnostics diagnostics;
  const auto object = build_shared_object(source, flags, diagnostics);
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

/// Two objects that are built, then loaded at once, are two.
void expect_two_at_once() {
  Diagnostics diagnostics;
  const auto first = build_shared_object(answering(1), {"-O1"}, diagnostics);
  const auto second = build_shared_object(answering(2), {"-O1"}, diagnostics);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(reinterpret_cast<int (*)()>(first->find("answer"))(), 1);
  EXPECT_EQ(reinterpret_cast<int (*)()>(second->find("answer"))(), 2);
}

TEST_F(Cache, TakesNoObjectForAnother) { expect_two_at_once(); }

TEST(NoCache, TakesNoObjectForAnother) {
  const TemporaryFolder folder("two");
  overwrite(folder.path() / "file", "");
  const Variable chosen("SEPTRAN_CACHE", (folder.path() / "file" / "below").string());
  expect_two_at_once();
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

/// Calls `body` in a process of its own; its wait status.
template <typename Body>
int in_child(Body&& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    body();
    ::_exit(0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

TEST_F(Cache, ServesManyProcessesAtOnce) {
  std::vector<pid_t> children;
  for (int i = 0; i < 6; ++i) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(answer(answering(i % 2)) == i % 2 ? 0 : 1);
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(entries(folder_.path()).size(), 2u);
}

/// A compiler that kills who called it, once, before or after it has done its work.
TEST_F(Cache, SurvivesAKillInTheMiddleOfACompilation) {
  const TemporaryFolder tools("killer");
  const fs::path flag = tools.path() / "flag";
  const fs::path killer = tools.path() / "cc";
  const std::string compiler = find_c_compiler();
  for (const bool before : {true, false}) {
    SCOPED_TRACE(before ? "before" : "after");
    const std::string kill =
        fmt::format("if [ -e {0} ]; then rm {0}; kill -9 $PPID; exit 1; fi\n", flag.string());
    overwrite(killer, fmt::format("#!/bin/sh\n{}{} \"$@\"\n{}", before ? kill : "", compiler,
                                  before ? "" : kill));
    fs::permissions(killer, fs::perms::owner_all);
    const Variable chosen("SEPTRAN_CC", killer.string());
    overwrite(flag, "");
    const std::string source = answering(before ? 7 : 8);
    const int status = in_child([&] { answer(source); });
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
    EXPECT_FALSE(fs::exists(flag));
    const auto left = entries(folder_.path());
    EXPECT_TRUE(std::any_of(left.begin(), left.end(), [](const fs::path& path) {
      return path.filename().string().starts_with("unfinished-");
    }));
    EXPECT_EQ(answer(source), before ? 7 : 8);
    EXPECT_EQ(answer(source), before ? 7 : 8);
  }
}

/// Files may not grow beyond what each process is allowed: as on a disk that is full, earlier or
/// later in the work.
TEST_F(Cache, SurvivesAFullDisk) {
  for (const rlim_t bytes : {rlim_t{0}, rlim_t{40}, rlim_t{300}, rlim_t{3000}, rlim_t{14000}}) {
    SCOPED_TRACE(bytes);
    const int status = in_child([&] {
      ::signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{bytes, bytes};
      ::setrlimit(RLIMIT_FSIZE, &limit);
      std::string code;
      const int result = answer(answering(7), &code);
      ::_exit(result == 7 || (result == -1 && code == "c-compiler-failed") ? 0 : 1);
    });
    EXPECT_EQ(status, 0);
    for (const fs::path& path : entries(folder_.path())) {
      EXPECT_FALSE(path.filename().string().starts_with("unfinished-")) << path;
    }
    EXPECT_EQ(answer(answering(7)), 7);
    fs::remove_all(folder_.path());
  }
}

/// C that answers 7, and what is left of it after its first half: C that answers 0.
std::string answering_at_the_end(std::size_t bytes) {
  const std::string filler(bytes, 'x');
  return "int number; int answer(void) { return number; }\n//" + filler + "\nint number = 7;\n";
}

/// The disk takes half of a source, and all that a compiler makes of that half.
TEST_F(Cache, TakesNoHalfOfASourceForAllOfIt) {
  const std::vector<std::string> small_object{"-O1", "-nostdlib", "-s", "-Wl,-z,noseparate-code",
                                              "-Wl,--build-id=none"};
  const struct {
    std::size_t source_bytes;
    rlim_t limit_bytes;
  } disks[] = {{7800, 7000}, {600 << 10, 300 << 10}};
  for (const auto& [source_bytes, limit_bytes] : disks) {
    SCOPED_TRACE(source_bytes);
    const std::string source = answering_at_the_end(source_bytes);
    const auto ask = [&](rlim_t bytes, int expected) {
      const int status = in_child([&] {
        ::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{bytes, bytes};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        ::_exit(answer(source, nullptr, small_object) == expected ? 0 : 1);
      });
      EXPECT_EQ(status, 0);
    };
    ask(limit_bytes, -1);
    EXPECT_TRUE(entries(folder_.path()).empty());
    ask(RLIM_INFINITY, 7);
    // The compiler by itself would have got along with what the disk has room for.
    const std::string half = source.substr(0, source.find("//"));
    EXPECT_EQ(answer(half, nullptr, small_object), 0);
    fs::remove_all(folder_.path());
  }
}

TEST_F(Cache, KeepsToItsLimit) {
  // One entry is smaller than a MiB, two of these sources are larger.
  const auto large = [](int number) {
    return answering(number) + "\n//" + std::string(600 << 10, 'x') + "\n";
  };
  const Variable limit("SEPTRAN_CACHE_LIMIT", "2");
  EXPECT_EQ(cache_limit_bytes(), 2 << 20);
  for (const int number : {1, 2, 3}) EXPECT_EQ(answer(large(number)), number);
  const auto three = entries(folder_.path());
  EXPECT_EQ(three.size(), 3u);
  EXPECT_EQ(answer(large(1)), 1);  // used again: 2 is the oldest now
  EXPECT_EQ(answer(large(4)), 4);
  EXPECT_EQ(entries(folder_.path()).size(), 3u);
  for (const int number : {1, 3, 4}) {
    const auto before = entries(folder_.path());
    EXPECT_EQ(answer(large(number)), number);
    EXPECT_EQ(entries(folder_.path()), before);
  }
  const Variable nothing("SEPTRAN_CACHE_LIMIT", "0");
  EXPECT_EQ(answer(large(5)), 5);
  EXPECT_EQ(entries(folder_.path()).size(), 1u);
  const Variable nonsense("SEPTRAN_CACHE_LIMIT", "much");
  EXPECT_EQ(cache_limit_bytes(), 1 << 30);
}

// GPU code lies there as single files.
TEST_F(Cache, CountsFilesToo) {
  const Variable limit("SEPTRAN_CACHE_LIMIT", "1");
  const auto now = fs::file_time_type::clock::now();
  for (const int age : {3, 1, 2}) {
    const fs::path file = folder_.path() / fmt::format("gpu-{}", age);
    overwrite(file, std::string(450 << 10, 'x'));
    fs::last_write_time(file, now - std::chrono::minutes(age));
  }
  tidy_cache(folder_.path().string(), "");
  EXPECT_EQ(entries(folder_.path()).size(), 2U);
  EXPECT_FALSE(fs::exists(folder_.path() / "gpu-3"));
  const fs::path left = folder_.path() / "unfinished-1-abcdef";
  overwrite(left, "half of it");
  fs::last_write_time(left, now - std::chrono::hours(48));
  tidy_cache(folder_.path().string(), (folder_.path() / "gpu-2").string());
  EXPECT_FALSE(fs::exists(left));
  const Variable nothing("SEPTRAN_CACHE_LIMIT", "0");
  tidy_cache(folder_.path().string(), (folder_.path() / "gpu-2").string());
  EXPECT_EQ(entries(folder_.path()), std::vector<fs::path>{folder_.path() / "gpu-2"});
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
