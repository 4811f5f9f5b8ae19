#include "compiler/tile/scan.h"

#include <cctype>
#include <charconv>
#include <cmath>

#include "compiler/base/messages.h"

namespace septran::tile {
namespace {

bool is_word_char(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

}  // namespace

void Scanner::skip_blanks() {
  while (peek() == ' ' || peek() == '\t' || peek() == '\r') ++position_;
}

void Scanner::skip_lines() {
  while (true) {
    skip_blanks();
    if (peek() == '#') {
      take_line();
    } else if (!at_end() && peek() == '\n') {
      ++position_;
    } else {
      return;
    }
  }
}

std::string_view Scanner::take_line() {
  const std::size_t end = text_.find('\n', position_);
  const std::string_view line = text_.substr(
      position_, end == std::string_view::npos ? std::string_view::npos : end - position_);
  position_ += line.size();
  return line;
}

void Scanner::skip_statement() {
  int depth = 0;
  bool first = true;  // a bracket that closes what stood before does not end the statement
  bool in_quotes = false;
  for (; !at_end(); ++position_) {
    const char c = peek();
    if (c == '\n') {
      in_quotes = false;
      if (depth <= 0) return;
    } else if (c == '"') {
      in_quotes = !in_quotes;
    } else if (in_quotes) {
      if (c == '\\' && peek(1) == '"') ++position_;
    } else if (c == '#') {
      take_line();
      --position_;
    } else if (c == '{' || c == '(') {
      ++depth;
    } else if ((c == '}' || c == ')') && !(first && depth == 0)) {
      if (depth == 0) return;
      --depth;
    }
    if (c != ' ' && c != '\t') first = false;
  }
}

bool Scanner::next_is(std::string_view punctuation) {
  skip_blanks();
  return text_.substr(position_).starts_with(punctuation);
}

bool Scanner::accept(std::string_view punctuation) {
  if (!next_is(punctuation)) return false;
  position_ += punctuation.size();
  return true;
}

void Scanner::expect(std::string_view punctuation) {
  if (!accept(punctuation)) expected("'" + std::string(punctuation) + "'");
}

bool Scanner::next_is_word(std::string_view word) {
  skip_blanks();
  return text_.substr(position_).starts_with(word) && !is_word_char(peek(word.size()));
}

bool Scanner::accept_word(std::string_view word) {
  if (!next_is_word(word)) return false;
  position_ += word.size();
  return true;
}

void Scanner::expect_word(std::string_view word) {
  if (!accept_word(word)) expected("'" + std::string(word) + "'");
}

std::string_view Scanner::bare_word() {
  skip_blanks();
  const std::size_t begin = position_;
  if (is_digit(peek())) return {};
  while (is_word_char(peek())) ++position_;
  return text_.substr(begin, position_ - begin);
}

bool Scanner::next_is_word_or_quote() {
  skip_blanks();
  return peek() == '"' || (is_word_char(peek()) && !is_digit(peek()));
}

std::string Scanner::word(const char* what) {
  if (!next_is_word_or_quote()) expected(what);
  return peek() == '"' ? quoted() : std::string(bare_word());
}

std::string Scanner::quoted() {
  skip_blanks();
  if (peek() != '"') expected("a string in quotes");
  ++position_;
  std::string out;
  while (peek() != '"') {
    if (at_end() || peek() == '\n') expected("a closing '\"'");
    if (peek() != '\\') {
      out += text_[position_++];
      continue;
    }
    ++position_;
    if (peek() == '"' || peek() == '\\') {
      out += text_[position_++];
      continue;
    }
    unsigned value = 0;
    const char* digits = text_.data() + position_ + 1;
    if (peek() != 'x' || position_ + 3 > text_.size() ||
        std::from_chars(digits, digits + 2, value, 16).ptr != digits + 2) {
      expected("an escape \\\", \\\\ or \\xHH");
    }
    out += static_cast<char>(value);
    position_ += 3;
  }
  ++position_;
  return out;
}

std::string_view Scanner::sigil_name() {
  skip_blanks();
  if (peek() != '%') expected("a name with '%'");
  ++position_;
  const std::size_t begin = position_;
  while (is_word_char(peek()) || peek() == '.') ++position_;
  if (position_ == begin) expected("a name behind '%'");
  return text_.substr(begin, position_ - begin);
}

std::int64_t Scanner::integer(std::int64_t lowest, std::int64_t highest) {
  skip_blanks();
  const std::size_t begin = position_;
  if (peek() == '-') ++position_;
  if (!is_digit(peek())) {
    position_ = begin;
    expected("an integer");
  }
  while (is_digit(peek())) ++position_;
  const std::string_view digits = text_.substr(begin, position_ - begin);
  std::int64_t value = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (result.ec != std::errc() || value < lowest || value > highest) {
    fail(span_from(begin), messages::tile_bad_number, digits,
         fmt::format("from {} to {}", lowest, highest));
  }
  return value;
}

double Scanner::number() {
  skip_blanks();
  const std::size_t begin = position_;
  const bool negative = accept("-");
  if (accept_word("inf")) return negative ? -HUGE_VAL : HUGE_VAL;
  if (accept_word("nan")) return std::nan("");
  if (!is_digit(peek())) {
    position_ = begin;
    expected("a number");
  }
  double value = 0;
  const auto result = std::from_chars(text_.data() + position_, text_.data() + text_.size(), value);
  position_ = static_cast<std::size_t>(result.ptr - text_.data());
  if (result.ec != std::errc()) {
    fail(span_from(begin), messages::tile_bad_number, text_.substr(begin, position_ - begin),
         "in the range of f64");
  }
  return negative ? -value : value;
}

bool Scanner::next_is_floating() {
  skip_blanks();
  std::size_t ahead = peek() == '-' ? 1 : 0;
  const std::string_view rest = text_.substr(std::min(position_ + ahead, text_.size()));
  for (const std::string_view name : {"inf", "nan"}) {
    if (rest.starts_with(name) && !is_word_char(peek(ahead + 3))) return true;
  }
  if (!is_digit(peek(ahead))) return false;
  while (is_digit(peek(ahead))) ++ahead;
  return (peek(ahead) == '.' && peek(ahead + 1) != '.') || peek(ahead) == 'e';
}

Span Scanner::span_from(std::size_t begin) const {
  return {file_, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(position_)};
}

std::string Scanner::found() const {
  if (at_end()) return "the end of the text";
  if (peek() == '\n') return "the end of the line";
  std::size_t length = 0;
  while (is_word_char(peek(length)) && length < 40) ++length;
  if (length > 0) return std::string(text_.substr(position_, length));
  const auto c = static_cast<unsigned char>(peek());
  return c >= 0x20 && c < 0x7f ? std::string(1, peek())
                               : fmt::format("\\x{:02x}", static_cast<unsigned>(c));
}

void Scanner::expected(const std::string& what) {
  skip_blanks();
  const auto begin = static_cast<std::uint32_t>(std::min(position_, text_.size()));
  std::uint32_t end = begin;
  while (end < text_.size() && is_word_char(text_[end])) ++end;
  if (end == begin && end < text_.size() && text_[end] != '\n') ++end;
  fail(Span{file_, begin, end}, messages::tile_expected, what, found());
}

}  // namespace septran::tile
