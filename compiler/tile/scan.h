// Characters, words, numbers and expressions of the tile program's text.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "compiler/base/diagnostic.h"
#include "compiler/base/expr.h"
#include "compiler/base/source.h"

namespace septran::tile {

/// Thrown after a fault was reported, to leave the line that it is in; never leaves parse_text.
struct LineFault {};

class Scanner {
 public:
  Scanner(FileId file, std::string_view text, Diagnostics& diagnostics)
      : file_(file), text_(text), diagnostics_(diagnostics) {}

  [[nodiscard]] std::size_t position() const { return position_; }
  void set_position(std::size_t position) { position_ = position; }
  [[nodiscard]] bool at_end() const { return position_ >= text_.size(); }
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return position_ + ahead < text_.size() ? text_[position_ + ahead] : '\0';
  }

  /// Skips spaces and tabs.
  void skip_blanks();
  /// Skips blanks, line ends and comments.
  void skip_lines();
  /// Skips a statement from its first character: to the end of its line, and over the brackets that
  /// the line opens.
  void skip_statement();
  /// The text up to the end of the line, which is skipped.
  std::string_view take_line();

  /// Skips blanks, then the punctuation, if it comes next.
  bool accept(std::string_view punctuation);
  void expect(std::string_view punctuation);
  /// Skips blanks, then the word, if exactly it comes next.
  bool accept_word(std::string_view word);
  void expect_word(std::string_view word);
  [[nodiscard]] bool next_is(std::string_view punctuation);
  [[nodiscard]] bool next_is_word(std::string_view word);

  /// A bare word: letters, digits and '_', not starting with a digit; empty if none comes next.
  std::string_view bare_word();
  /// A bare word or a string in quotes. `what` names it in the message if neither comes.
  std::string word(const char* what);
  [[nodiscard]] bool next_is_word_or_quote();
  std::string quoted();
  /// A name behind '%'.
  std::string_view sigil_name();
  std::int64_t integer(std::int64_t lowest, std::int64_t highest);
  double number();
  /// Whether a number with a point, an exponent or a name (inf, nan) comes next.
  [[nodiscard]] bool next_is_floating();

  [[nodiscard]] Span span_from(std::size_t begin) const;
  /// The word or character at the position, for "found ... here"; "the end of the line" at one.
  [[nodiscard]] std::string found() const;
  [[noreturn]] void expected(const std::string& what);
  template <typename... Args>
  [[noreturn]] void fail(Span span, const Message& message, const Args&... args) {
    diagnostics_.report(span, message, args...);
    throw LineFault{};
  }
  Diagnostics& diagnostics() { return diagnostics_; }

 private:
  FileId file_;
  std::string_view text_;
  Diagnostics& diagnostics_;
  std::size_t position_ = 0;
};

/// Looks a variable up by name.
using VariableLookup = std::function<std::optional<VarId>(std::string_view)>;

/// An integer expression: + - * // % min max and parentheses.
Expr scan_expression(Scanner& scanner, const VariableLookup& lookup);
/// A condition: comparisons of expressions, and, or, not, true, false and parentheses.
Cond scan_condition(Scanner& scanner, const VariableLookup& lookup);

}  // namespace septran::tile
