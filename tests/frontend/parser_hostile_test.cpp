// Inputs made to break a parser: each must end in diagnostics (or a module), in bounded time and
// stack.
#include <gtest/gtest.h>

#include <string>

#include "compiler/base/diagnostic.h"
#include "compiler/frontend/lexer.h"
#include "compiler/frontend/parser.h"
#include "compiler/frontend/print.h"

namespace septran::lang {
namespace {

const std::string header = "import task_lang as task\n";
const std::string task = header + "@task.define\ndef f(A):\n";

std::string repeat(const std::string& text, std::size_t count) {
  std::string out;
  out.reserve(text.size() * count);
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

/// Codes of the diagnostics, in the order of their report; "ok" if there is a module.
std::string outcome(const std::string& text) {
  SourceManager sources;
  Diagnostics diagnostics;
  const auto module = parse_module(sources.add("hostile.py", text), sources, diagnostics);
  EXPECT_EQ(module.has_value(), !diagnostics.has_errors());
  EXPECT_FALSE(module.has_value() && print(*module).empty());
  std::string codes;
  for (const Diagnostic& d : diagnostics.all()) codes += (codes.empty() ? "" : " ") + d.code;
  EXPECT_EQ(render(diagnostics, sources, false).empty(), codes.empty());
  return codes.empty() ? "ok" : codes;
}

TEST(ParserHostile, EmptyAndBlank) {
  EXPECT_EQ(outcome(""), "no-tasks");
  EXPECT_EQ(outcome("\n\n\r\n"), "no-tasks");
  EXPECT_EQ(outcome("# only a comment"), "no-tasks");
  EXPECT_EQ(outcome("\xEF\xBB\xBF"), "no-tasks");
  EXPECT_EQ(outcome("   "), "no-tasks");
  EXPECT_EQ(outcome("\"docstring\""), "no-tasks");
  EXPECT_EQ(outcome("\\"), "stray-backslash");
  EXPECT_EQ(outcome("\\\n"), "stray-backslash");
  EXPECT_EQ(outcome("\""), "unterminated-string");
  EXPECT_EQ(outcome("\"\\"), "unterminated-string");
  EXPECT_EQ(outcome("\"\"\"never closed\n"), "unterminated-string");
  EXPECT_EQ(outcome("@"), "unexpected-token");
  EXPECT_EQ(outcome("def"), "missing-decorator unexpected-token");
  EXPECT_EQ(outcome("import"), "unexpected-token");
  EXPECT_EQ(outcome(std::string(1, '\0')), "nul-byte");
}

TEST(ParserHostile, DeepBrackets) {
  EXPECT_EQ(outcome(task + "  x = " + repeat("(", 10000) + "\n"), "brackets-too-deep");
  EXPECT_EQ(outcome(task + "  x = " + repeat("[", 10000)), "brackets-too-deep");
  EXPECT_EQ(outcome(task + "  x = " + repeat("(\n", 10000)), "brackets-too-deep");
  EXPECT_EQ(outcome(task + "  x = " + repeat("(", 200) + "1" + repeat(")", 200) + "\n"), "ok");
  EXPECT_EQ(outcome(task + "  x = " + repeat("A[-min(2,", 100) + "1" + repeat(")]", 100) + "\n"),
            "ok");
  EXPECT_EQ(outcome(task + "  x = A" + repeat(")", 10000) + "\n"),
            "unopened-bracket" + repeat(" unopened-bracket", 99) + " parse-too-many-errors");
}

TEST(ParserHostile, DeepExpressions) {
  for (const std::string op : {"-", "+", "not ", "~"}) {
    const std::string expected = op == "~" ? "unsupported-operator" : "expression-too-deep";
    EXPECT_EQ(outcome(task + "  x = " + repeat(op, 10000) + "1\n"), expected) << op;
  }
  EXPECT_EQ(outcome(task + "  x = 1" + repeat(" + 1", 20000) + "\n"), "expression-too-deep");
  EXPECT_EQ(outcome(task + "  x = 1" + repeat(" ** 1", 20000) + "\n"), "expression-too-deep");
  EXPECT_EQ(outcome(task + "  x = 1" + repeat(" ** -1", 20000) + "\n"), "expression-too-deep");
  EXPECT_EQ(outcome(task + "  x = A" + repeat("[0]", 20000) + "\n"), "expression-too-deep");
  EXPECT_EQ(outcome(task + "  x = A" + repeat(".T", 20000) + "\n"), "expression-too-deep");
  EXPECT_EQ(outcome(task + "  x = 1" + repeat(" if 1 else 1", 20000) + "\n"),
            "expression-too-deep");
  // Each bracket holds a chain: the height adds up over the nesting.
  const std::string chains =
      repeat("(1" + repeat(" + 1", 30) + " + ", 100) + "1" + repeat(")", 100);
  EXPECT_EQ(outcome(task + "  x = " + chains + "\n"), "ok");
  const std::string left = repeat("(", 100) + "1" + repeat(repeat(" + 1", 30) + ")", 100);
  EXPECT_EQ(outcome(task + "  x = " + left + "\n"), "expression-too-deep");
  // Flat lists may be long.
  EXPECT_EQ(outcome(task + "  x = 1" + repeat(" and 1", 20000) + "\n"), "ok");
  EXPECT_EQ(outcome(task + "  x = 1" + repeat(" < 1", 20000) + "\n"), "ok");
  EXPECT_EQ(outcome(task + "  x = (" + repeat("1, ", 20000) + ")\n"), "ok");
}

TEST(ParserHostile, DeepBlocks) {
  const auto nested = [](std::size_t depth, std::size_t width) {
    std::string text = task;
    for (std::size_t i = 1; i <= depth; ++i) text += std::string(i * width, ' ') + "if 1:\n";
    return text + std::string((depth + 1) * width, ' ') + "pass\n";
  };
  EXPECT_EQ(outcome(nested(99, 1)), "ok");
  EXPECT_EQ(outcome(nested(100, 1)), "indentation-too-deep");
  EXPECT_EQ(outcome(nested(2000, 1)), "indentation-too-deep");
  EXPECT_EQ(outcome(task + "  if 1: pass\n" + repeat("  elif 1: pass\n", 20000)), "ok");
}

TEST(ParserHostile, LongLinesAndTokens) {
  EXPECT_EQ(outcome(header + "X = " + std::string(20000, '9') + "\n"), "integer-too-large");
  EXPECT_EQ(outcome(header + "X = 0x" + std::string(20000, 'f') + "\n"), "integer-too-large");
  EXPECT_EQ(outcome(header + "X = 1" + std::string(20000, '0') + ".0\n"), "float-too-large");
  EXPECT_EQ(outcome(task + "  x = " + std::string(20000, 'a') + "\n"), "unknown-name");
  EXPECT_EQ(outcome(task + "  x = \"" + std::string(200000, 'a') + "\"\n"), "ok");
  EXPECT_EQ(outcome(task + std::string(200000, ' ') + "x = 1\n"), "ok");
  EXPECT_EQ(outcome(task + "  x = " + std::string(200000, ' ') + "?\n"), "unexpected-character");
  EXPECT_EQ(outcome(header + std::string(20000, '\0')), "nul-byte");
  EXPECT_EQ(outcome(header + std::string(20000, '\xff')), "invalid-utf8");
}

TEST(ParserHostile, ManyFaultsStopAtTheLimit) {
  EXPECT_EQ(
      outcome(header + repeat("x y\n", 2000)),
      "file-level-statement" + repeat(" file-level-statement", 99) + " parse-too-many-errors");
  SourceManager sources;
  Diagnostics diagnostics;
  const FileId file = sources.add("f", task + repeat("  x = y.z.w.v\n", 2000));
  EXPECT_FALSE(parse_module(file, sources, diagnostics).has_value());
  EXPECT_LT(diagnostics.all().size(), max_errors + 10);
}

TEST(ParserHostile, EveryPrefixEnds) {
  const std::string text = header +
                           "N = (1, 0x2, 3.5e1)\n"
                           "@task.define(leaf=True)\n"
                           "def leaf(C, A: task.f16[\"M\", 4], n: int):\n"
                           "  '''Doc'''\n"
                           "  for i, j in task.parallel_range(C.shape):\n"
                           "    if i < j <= n and not A.shape[0] % 2: x = A[i : i + 1, :]\n"
                           "    else:\n"
                           "      x = -N[0] ** 2 if n else \"s\\n\"\n"
                           "    assert i, \"message\"\n"
                           "  task.call_primitive(\"gemm\", C, A, A.T, alpha=2.0)\n";
  EXPECT_EQ(outcome(text), "ok");
  for (std::size_t length = 0; length < text.size(); ++length) {
    outcome(text.substr(0, length));
    std::string without = text;
    outcome(without.erase(length, 1));
    std::string doubled = text;
    outcome(doubled.insert(length, 1, text[length]));
    for (const char c : {'(', ']', '\n', '"', '='}) {
      std::string changed = text;
      changed[length] = c;
      outcome(changed);
    }
  }
}

TEST(ParserHostile, LiteralsOfNumbers) {
  const auto integer = [](const std::string& text) {
    Diagnostics diagnostics;
    const auto value = decode_number(text, Span{}, diagnostics);
    return value && value->is_integer ? value->integer : -1;
  };
  EXPECT_EQ(integer("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(integer("9223372036854775808"), -1);
  EXPECT_EQ(integer("0x7fff_ffff_ffff_ffff"), INT64_MAX);
  EXPECT_EQ(integer("0x8000000000000000"), -1);
  EXPECT_EQ(integer("1__0"), -1);
  EXPECT_EQ(integer("0x"), -1);
  EXPECT_EQ(integer("0b2"), -1);
  EXPECT_EQ(integer("000"), 0);
  const auto floating = [](const std::string& text) {
    Diagnostics diagnostics;
    const auto value = decode_number(text, Span{}, diagnostics);
    return value && !value->is_integer ? value->floating : -1.0;
  };
  EXPECT_EQ(floating("0.1"), 0.1);
  EXPECT_EQ(floating("1_0.2_5"), 10.25);
  EXPECT_EQ(floating("1e-400"), 0.0);
  EXPECT_EQ(floating("0.5e400"), -1.0);
  EXPECT_EQ(floating("1e400"), -1.0);
  EXPECT_EQ(floating("1.2.3"), -1.0);
  EXPECT_EQ(floating("1e"), -1.0);
}

}  // namespace
}  // namespace septran::lang
