#include <gtest/gtest.h>

#include "compiler/base/diagnostic.h"

namespace septran {
namespace {

TEST(Count, GivesItsNounTheRightNumber) {
  EXPECT_EQ(fmt::format("{:byte}, {:byte}, {:byte}", Counted{0}, Counted{1}, Counted{2}),
            "0 bytes, 1 byte, 2 bytes");
  EXPECT_EQ(fmt::format("{:entry/entries}, {:entry/entries}", Counted{1}, Counted{2}),
            "1 entry, 2 entries");
  EXPECT_EQ(fmt::format("{0:loop variable} {0:~has/have}, {1:loop variable} {1:~has/have}",
                        Counted{1}, Counted{2}),
            "1 loop variable has, 2 loop variables have");
  EXPECT_EQ(fmt::format("{:BLOCK processor}", Counted{4}), "4 BLOCK processors");
}

TEST(Count, KeepsTheFormatsOfIntegers) {
  EXPECT_EQ(fmt::format("{} {:02x} {:>4} {:d} {:#x}", Counted{7U}, Counted{10}, Counted{-5L},
                        Counted{3}, Counted{255}),
            "7 0a   -5 3 0xff");
  EXPECT_EQ(fmt::format("{:016x}", Counted{~std::uint64_t{0}}), "ffffffffffffffff");
}

TEST(Count, IsForTheIntegersOfMessages) {
  constexpr Message message{"count-test", Severity::error, "{0:row} of {1}, {2}, {3}",
                            "give {0:row}"};
  Diagnostics diagnostics;
  const Diagnostic& one = diagnostics.report({}, message, std::size_t{1}, "text", true, 'c');
  EXPECT_EQ(one.text, "1 row of text, true, c");
  EXPECT_EQ(one.hint, "give 1 row");
}

}  // namespace
}  // namespace septran
