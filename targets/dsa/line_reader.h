// Reads the tokens of one line of assembly at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/base/diagnostic.h"

namespace septran::dsa {

/// A cursor over the lines of a file, comments (from # on) taken off. After the first fault in a
/// line, which is reported, ok() is false and everything reads as nothing until the next line.
class LineReader {
 public:
  LineReader(FileId file, std::string_view text, Diagnostics& diagnostics)
      : file_(file), text_(text), diagnostics_(diagnostics) {}

  /// Goes to the next line that is not blank; false at the end of the file.
  bool next_line();
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] Span line_span() const { return span(begin_, end_); }
  /// The form of the line, which hints show.
  void set_form(std::string form) { form_ = std::move(form); }

  /// Words and marks, separated by blanks in `spelling`; a word ends where letters end.
  bool try_literal(std::string_view spelling);
  void literal(std::string_view spelling);
  [[nodiscard]] bool at_end();
  void expect_end();
  /// Whether `prefix` and a digit come next.
  [[nodiscard]] bool at_numbered(char prefix);

  /// A decimal integer, or hexadecimal after 0x; `what` names it in messages.
  std::int64_t integer(std::string_view what, std::int64_t low, std::int64_t high);
  std::uint64_t unsigned_integer(std::string_view what);
  std::int64_t numbered(char prefix, std::string_view what, std::int64_t high);
  template <typename Float, typename Bits>
  Float floating(std::string_view what);
  std::string string(std::string_view what);
  /// One of the names; nothing after a fault.
  std::optional<std::size_t> name(std::string_view what, const std::vector<std::string>& names);

  /// Reports that something else should stand here.
  void expected(std::string_view what);
  void too_large(Span place, std::string_view what, const std::string& hint);
  /// Reports at a place of this line.
  template <typename... Args>
  void fail(Span place, const Message& message, const Args&... args) {
    if (ok_) diagnostics_.report(place, message, args...);
    ok_ = false;
  }
  [[nodiscard]] Span span(std::size_t begin, std::size_t end) const {
    return {file_, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
  }
  /// Offset of the next token.
  [[nodiscard]] std::size_t position();

 private:
  [[nodiscard]] std::string_view word();  // letters, digits and _ that come next
  void skip_blanks();

  FileId file_;
  std::string_view text_;
  Diagnostics& diagnostics_;
  std::string form_;
  std::size_t next_begin_ = 0;
  std::size_t begin_ = 0;
  std::size_t at_ = 0;
  std::size_t end_ = 0;  // of the line without its comment
  bool ok_ = true;
};

}  // namespace septran::dsa
