// Diagnostics as people see them.
#include "compiler/base/diagnostic.h"

#include <gtest/gtest.h>

#include <string>

#include "compiler/base/dtype.h"

namespace septran {
namespace {

constexpr Message plain{"plain-code", Severity::error, "wrong '{0}'"};
constexpr Message hinted{"hinted-code", Severity::warning, "wrong '{0}'", "try '{1}'"};

TEST(Diagnostic, ShowsLineCaretNotesAndHint) {
  SourceManager sources;
  const FileId logic = sources.add("a.py", "x = 1\r\ny = foo(x)\r\n");
  const FileId mapping = sources.add("a.yaml", "task: y\n");
  Diagnostics diagnostics;
  diagnostics.report({logic, 11, 14}, hinted, "foo", "far").notes = {
      {{mapping, 6, 7}, "named here"}, {{}, "and nowhere"}};
  EXPECT_EQ(render(diagnostics, sources, false),
            "a.py:2:5: warning[hinted-code]: wrong 'foo'\n"
            "  y = foo(x)\n"
            "      ^^^\n"
            "a.yaml:1:7: note: named here\n"
            "  task: y\n"
            "        ^\n"
            "septran: note: and nowhere\n"
            "  hint: try 'far'\n");
  EXPECT_FALSE(diagnostics.has_errors());
  diagnostics.report({}, plain, "option");
  EXPECT_TRUE(diagnostics.has_errors());
  EXPECT_EQ(diagnostics.error_count(), 1U);
  EXPECT_EQ(diagnostics.all().size(), 2U);
}

TEST(Diagnostic, WithoutAPlaceNamesTheProgram) {
  Diagnostics diagnostics;
  diagnostics.report({}, plain, "x");
  EXPECT_EQ(render(diagnostics, SourceManager(), false), "septran: error[plain-code]: wrong 'x'\n");
}

TEST(Diagnostic, ColourPaintsLabelsOnly) {
  Diagnostics diagnostics;
  diagnostics.report({}, plain, "x");
  EXPECT_EQ(render(diagnostics, SourceManager(), true),
            "septran: \x1b[1;31merror[plain-code]:\x1b[0m wrong 'x'\n");
}

std::string rendered(const std::string& text, std::uint32_t begin, std::uint32_t end) {
  SourceManager sources;
  const FileId file = sources.add("f", text);
  Diagnostic diagnostic;
  diagnostic.code = "c";
  diagnostic.text = "t";
  diagnostic.span = {file, begin, end};
  const std::string all = render(diagnostic, sources, false);
  return all.substr(all.find('\n') + 1);
}

TEST(Diagnostic, CaretStaysOnTheLine) {
  EXPECT_EQ(rendered("abc\ndef\n", 1, 6), "  abc\n   ^^\n");
  EXPECT_EQ(rendered("abc\n", 3, 3), "  abc\n     ^\n");
  EXPECT_EQ(rendered("abc", 3, 9), "  abc\n     ^\n");
  EXPECT_EQ(rendered("", 0, 0), "  \n  ^\n");
  EXPECT_EQ(rendered("abc\r\nd", 4, 5), "  abc\n     ^\n");
}

TEST(Diagnostic, ControlCharactersDoNotMoveTheCaret) {
  EXPECT_EQ(rendered("\ta\tb", 3, 4), "   a b\n     ^\n");
  EXPECT_EQ(rendered("a\x1b[31mb", 6, 7), "  a [31mb\n        ^\n");
  EXPECT_EQ(rendered("a\x7f"
                     "b",
                     2, 3),
            "  a b\n    ^\n");
}

TEST(Diagnostic, CaretCountsCharactersNotBytes) {
  EXPECT_EQ(rendered("\"é€\" x", 8, 9), "  \"é€\" x\n       ^\n");
  EXPECT_EQ(rendered("é€x", 0, 5), "  é€x\n  ^^\n");
}

TEST(Diagnostic, LongLinesAreCutAroundTheCaret) {
  const std::string text = std::string(1000, 'a') + "XYZ" + std::string(1000, 'b');
  EXPECT_EQ(rendered(text, 1000, 1003), "  " + std::string(100, 'a') + "XYZ" +
                                            std::string(97, 'b') + "\n  " + std::string(100, ' ') +
                                            "^^^\n");
  EXPECT_EQ(rendered(text, 0, 2003),
            "  " + std::string(200, 'a') + "\n  " + std::string(200, '^') + "\n");
  EXPECT_EQ(rendered(text, 2003, 2003),
            "  " + std::string(100, 'b') + "\n  " + std::string(100, ' ') + "^\n");
  std::string wide = "a";
  for (int i = 0; i < 200; ++i) wide += "é";
  std::string shown;  // the cut falls between characters
  for (int i = 0; i < 50; ++i) shown += "é";
  EXPECT_EQ(rendered(wide, 401, 401), "  " + shown + "\n  " + std::string(50, ' ') + "^\n");
}

TEST(Diagnostic, SortedByPlaceWithinEachFile) {
  SourceManager sources;
  const FileId a = sources.add("a", "one two\n");
  const FileId b = sources.add("b", "three\n");
  Diagnostics diagnostics;
  diagnostics.report({b, 0, 1}, plain, 1);
  diagnostics.report({a, 4, 5}, plain, 2);
  diagnostics.report({a, 0, 1}, plain, 3);
  diagnostics.report({a, 0, 1}, plain, 4);
  const std::string text = render(diagnostics, sources, false);
  std::string order;
  for (std::size_t at = text.find("wrong '"); at != std::string::npos;
       at = text.find("wrong '", at + 1)) {
    order += text[at + 7];
  }
  EXPECT_EQ(order, "3421");
}

TEST(NearestName, SuggestsOnlyWhatMayBeMeant) {
  const std::vector<std::string> names{"matmul", "reduce", "copy", "A"};
  EXPECT_EQ(nearest_name("matmull", names), "matmul");
  EXPECT_EQ(nearest_name("mtamul", names), "matmul");
  EXPECT_EQ(nearest_name("copy", names), "copy");
  EXPECT_EQ(nearest_name("cpy", names), "copy");
  EXPECT_EQ(nearest_name("transpose", names), std::nullopt);
  EXPECT_EQ(nearest_name("B", names), std::nullopt);
  EXPECT_EQ(nearest_name("", names), std::nullopt);
  EXPECT_EQ(nearest_name("x", {}), std::nullopt);
}

TEST(DTypes, NamesSizesAndArithmetic) {
  std::size_t bytes = 0;
  for (const DType type : all_dtypes()) {
    EXPECT_EQ(parse_dtype(name(type)), type);
    EXPECT_TRUE(size_bytes(arithmetic_type(type)) >= 4);
    EXPECT_EQ(is_float(arithmetic_type(type)), is_float(type));
    EXPECT_EQ(arithmetic_type(arithmetic_type(type)), arithmetic_type(type));
    bytes += size_bytes(type);
  }
  EXPECT_EQ(all_dtypes().size(), 8U);
  EXPECT_EQ(bytes, 2U + 2 + 4 + 8 + 1 + 4 + 1 + 1);
  EXPECT_EQ(arithmetic_type(DType::bf16), DType::f32);
  EXPECT_EQ(arithmetic_type(DType::f64), DType::f64);
  EXPECT_EQ(arithmetic_type(DType::i8), DType::i32);
  EXPECT_EQ(parse_dtype("float32"), std::nullopt);
  EXPECT_EQ(parse_dtype(""), std::nullopt);
}

TEST(Bug, SaysWhereAndEndsWithItsOwnCode) {
  EXPECT_EXIT(SEPTRAN_BUG("oops"), testing::ExitedWithCode(5),
              "this is a bug in SepTran: oops .*diagnostic_test.cpp");
}

}  // namespace
}  // namespace septran
