// Every message of the tile program's text, each with its place.
#include <gtest/gtest.h>

#include "tests/tile/support.h"

namespace septran::tile {
namespace {

struct Case {
  const char* body;
  const char* code;
  std::uint32_t line;  // in the whole text; the frame has one line before the body
  std::uint32_t column;
};

class ParseError : public testing::TestWithParam<Case> {};

TEST_P(ParseError, IsReportedAtItsPlace) {
  const Case& c = GetParam();
  SourceManager sources;
  Diagnostics diagnostics;
  const FileId file =
      sources.add("test.tile", framed("argument %A : f16[8, 8]\n" + std::string(c.body)));
  EXPECT_FALSE(parse_text(file, sources, diagnostics));
  ASSERT_GE(diagnostics.all().size(), 1u);
  const Diagnostic& first = diagnostics.all().front();
  EXPECT_EQ(first.code, c.code) << render(diagnostics, sources, false);
  const LineColumn at = sources.position(file, first.span.begin);
  EXPECT_EQ(at.line, c.line) << render(diagnostics, sources, false);
  EXPECT_EQ(at.column, c.column) << render(diagnostics, sources, false);
  EXPECT_FALSE(first.hint.empty());
}

INSTANTIATE_TEST_SUITE_P(
    All, ParseError,
    testing::Values(
        Case{"dma_copy %A", "tile-expected", 3, 12},
        Case{"loop (i in 0) {\n}", "tile-expected", 3, 13},
        Case{"frob %A", "tile-unknown-statement", 3, 1},
        Case{"vec.ad %A, %A, %A", "tile-unknown-primitive", 3, 5},
        Case{"dma_copy %A, %B", "tile-unknown-tensor", 3, 14},
        Case{"load: sync wait %e", "tile-unknown-event", 3, 17},
        Case{"dma_copy %A[i, 0], %A[0, 0]", "tile-unknown-variable", 3, 13},
        Case{"loop (i in 0..4) {\n}\ndma_copy %A[i, 0], %A[0, 0]", "tile-unknown-variable", 5, 13},
        Case{"alloc %b : f12[4]", "tile-unknown-dtype", 3, 12},
        Case{"alloc %A : f16[4]", "tile-duplicate-name", 3, 7},
        Case{"event %e from a to b\nevent %e from a to b", "tile-duplicate-name", 4, 7},
        Case{"dma_copy %A[99999999999999999999, 0], %A[0, 0]", "tile-bad-number", 3, 13},
        Case{"dma_copy %A[100000000000 * 100000000000, 0], %A[0, 0]", "tile-bad-number", 3, 13},
        Case{"dma_copy %A[1 >= 0, 0], %A[0, 0]", "tile-not-integer", 3, 13},
        Case{"if 1 {\n}", "tile-not-condition", 3, 4},
        Case{"loop (i in 0..4) {\ndma_copy %A[i * i, 0], %A[0, 0]\n}", "tile-not-affine", 4, 13},
        Case{"dma_copy %A[1 // 0, 0], %A[0, 0]", "tile-not-affine", 3, 13},
        Case{"dma_copy %A[0], %A", "tile-rank-mismatch", 3, 10},
        Case{"dma_copy %A view [0] (8 : 0), %A", "tile-rank-mismatch", 3, 10},
        Case{"loop (i in 0..4) {\nloop (i in 0..4) {\n}\n}", "tile-shadowed-variable", 4, 7},
        Case{"prim.fill %A colour=3", "tile-bad-attribute", 3, 14},
        Case{"prim.fill %A, %A, %A value=0.0", "tile-too-many-operands", 3, 11}));

std::vector<std::string> codes(const std::string& text) {
  SourceManager sources;
  Diagnostics diagnostics;
  EXPECT_FALSE(parse_text(sources.add("test.tile", text), sources, diagnostics))
      << text.substr(0, 300);
  std::vector<std::string> result;
  for (const Diagnostic& d : diagnostics.all()) result.push_back(d.code);
  return result;
}

TEST(ParseErrors, OneFaultDoesNotHideTheNext) {
  EXPECT_EQ(codes(framed("frob\nloop (i in oops..4) {\nfrob\n}\nalloc %b : f12[4]")),
            (std::vector<std::string>{"tile-unknown-statement", "tile-unknown-variable",
                                      "tile-unknown-dtype"}));
}

TEST(ParseErrors, ManyFaultsEndTheReading) {
  std::string body;
  for (int i = 0; i < 100; ++i) body += "frob\n";
  const auto all = codes(framed(body));
  EXPECT_LT(all.size(), 30u);
  EXPECT_EQ(all.back(), "tile-too-many-errors");
}

TEST(ParseErrors, AnOpenBlockIsReportedOnce) {
  EXPECT_EQ(codes("program p target t {\nloop (i in 0..4) {\nloop (j in 0..4) {\n"),
            (std::vector<std::string>{"tile-expected"}));
}

TEST(ParseErrors, EmptyAndBinaryTexts) {
  EXPECT_EQ(codes(""), (std::vector<std::string>{"tile-expected"}));
  EXPECT_EQ(codes(std::string("program\0\xff", 9)), (std::vector<std::string>{"tile-expected"}));
}

TEST(ParseErrors, DeepAndLargeTexts) {
  const auto repeat = [](const std::string& part, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += part;
    return out;
  };
  const std::string a = "argument %A : f16[8]\nloop (i in 0..4) {\n";
  EXPECT_EQ(codes(framed(a + "dma_copy %A[" + repeat("(", 100000) + "\n}")).front(),
            "tile-too-deep");
  EXPECT_EQ(codes(framed(a + "dma_copy %A[" + repeat("-", 100000) + "1]\n}")).front(),
            "tile-too-deep");
  EXPECT_EQ(codes(framed(a + "if " + repeat("not ", 100000) + "i >= 1 {\n}\n}")).front(),
            "tile-too-deep");
  std::string nest;
  for (int i = 0; i < 5000; ++i) nest += "if true {\n";
  EXPECT_EQ(codes(framed(nest + repeat("}\n", 5000))).front(), "tile-too-deep");
  // Each modulo by another number doubles the expression that it is taken of.
  std::string chain = "i";
  for (int i = 0; i < 40; ++i) chain += " % " + std::to_string(1009 + 2 * i);
  EXPECT_EQ(codes(framed(a + "dma_copy %A[" + chain + "], %A[0]\n}")).front(),
            "tile-expression-too-large");
}

}  // namespace
}  // namespace septran::tile
