// The fuzzers' harnesses on their seeds and on changed seeds, the same ones in every run: whatever
// the bytes, a harness returns.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/fuzz/harness.h"
#include "tests/fuzz/seeds.h"

namespace septran::fuzz {

void PrintTo(const Harness& harness, std::ostream* out) { *out << harness.name; }

namespace {

/// What runs, for the message when it ends the process.
std::string running;  // NOLINT: read by _Exit below

class Mutator {
 public:
  Mutator(const std::vector<Seed>& seeds, std::uint64_t start) : seeds_(seeds), state_(start) {}

  /// `text` with one to four changes.
  std::string change(std::string text) {
    for (std::size_t left = 1 + below(4); left > 0; --left) change_once(text);
    return text;
  }

 private:
  std::size_t below(std::size_t limit) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return static_cast<std::size_t>(state_ >> 33U) % limit;
  }
  /// A stretch of a text: bytes, or whole lines.
  std::pair<std::size_t, std::size_t> stretch(const std::string& text) {
    std::size_t at = below(text.size() + 1);
    std::size_t length = std::min(1 + below(16), text.size() - at);
    if (below(2) == 0 && at > 0) {
      const std::size_t begin = text.rfind('\n', at - 1);
      at = begin == std::string::npos ? 0 : begin + 1;
      const std::size_t end = text.find('\n', at);
      length = (end == std::string::npos ? text.size() : end + 1) - at;
    }
    return {at, length};
  }
  void change_once(std::string& text) {
    static constexpr std::array words = {"0",     "-1",  "9223372036854775807",
                                         "1e308", "\"",  "(",
                                         "]",     "\n",  "    ",
                                         ":",     "[:",  "**",
                                         "\xff",  "*a",  "&a",
                                         "${",    "if",  "%",
                                         "//",    "NONE"};
    const auto [at, length] = stretch(text);
    switch (below(6)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(below(text.size() + 1), text.substr(at, length));
        break;
      case 2:
        text.insert(at, words[below(words.size())]);
        break;
      case 3:
        text.replace(at, length, words[below(words.size())]);
        break;
      case 4:
        if (at < text.size()) text[at] = static_cast<char>(below(256));
        break;
      default: {
        const std::string& other = seeds_[below(seeds_.size())].content;
        const auto [from, size] = stretch(other);
        text.insert(at, other.substr(from, size));
      }
    }
  }

  const std::vector<Seed>& seeds_;
  std::uint64_t state_;
};

class FuzzTest : public ::testing::TestWithParam<Harness> {};

TEST_P(FuzzTest, ReturnsFromWhateverItIsGiven) {
  const Harness& harness = GetParam();
  const std::vector<Seed> all = seeds(harness.name);
  ASSERT_GE(all.size(), 3U);
  for (const Seed& seed : all) {
    running = std::string(harness.name) + " on " + seed.name;
    harness.run(seed.content);
  }
  Mutator mutator(all, 1);
  constexpr std::size_t changes = 300;
  for (std::size_t i = 0; i < changes; ++i) {
    const Seed& seed = all[i % all.size()];
    const std::string input = mutator.change(seed.content);
    running = std::string(harness.name) + " on change " + std::to_string(i) + " of " + seed.name +
              ":\n" + input;
    harness.run(input);
  }
  running.clear();
}

INSTANTIATE_TEST_SUITE_P(Harnesses, FuzzTest, ::testing::ValuesIn(harnesses()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace septran::fuzz

/// A broken invariant ends the process: says on which input.
extern "C" void _Exit(int code) {
  if (code == 5) std::fprintf(stderr, "%s\n", septran::fuzz::running.c_str());
  for (;;) syscall(SYS_exit_group, code);
}
