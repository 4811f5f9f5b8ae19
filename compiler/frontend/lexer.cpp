#include "compiler/frontend/lexer.h"

#include <algorithm>
#include <array>

#include "compiler/base/messages.h"
#include "compiler/base/utf8.h"

namespace septran::lang {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_letter(c) || is_digit(c); }

/// Whether the letters before a quote make a string prefix of Python.
bool is_string_prefix(std::string_view word) {
  if (word.size() > 2) return false;
  return std::all_of(word.begin(), word.end(), [](char c) {
    return std::string_view("rRuUbBfF").find(c) != std::string_view::npos;
  });
}

// Longest first, so that the first match is the right one.
constexpr std::array<std::string_view, 47> operators{
    "**=", "//=", ">>=", "<<=", "...", "**", "//", "==", "!=", "<=", ">=", "->",
    ":=",  "+=",  "-=",  "*=",  "/=",  "%=", "@=", "&=", "|=", "^=", "<<", ">>",
    "(",   ")",   "[",   "]",   "{",   "}",  ",",  ":",  ".",  ";",  "+",  "-",
    "*",   "/",   "%",   "@",   "=",   "<",  ">",  "&",  "|",  "^",  "~"};

/// Words that begin a statement and never stand within brackets: a line that starts with one inside
/// an open bracket means that the bracket was forgotten.
constexpr std::array<std::string_view, 9> statement_words{
    "def", "class", "import", "assert", "pass", "while", "return", "with", "del"};

class Lexer {
 public:
  Lexer(FileId file, const SourceManager& sources, Diagnostics& diagnostics)
      : file_(file), text_(sources.text(file)), diagnostics_(diagnostics) {}

  std::vector<Token> run();

 private:
  struct Bracket {
    char open;
    std::uint32_t at;
  };
  /// Width of an indentation with tabs as 8 columns and as 1: both must order lines alike.
  struct Indentation {
    std::uint32_t wide = 0;
    std::uint32_t narrow = 0;
  };

  [[nodiscard]] bool done() const { return at_ >= text_.size(); }
  [[nodiscard]] char look(std::uint32_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  [[nodiscard]] Span span(std::uint32_t begin, std::uint32_t end) const {
    return {file_, begin, end};
  }
  void emit(TokenKind kind, std::uint32_t begin, std::uint32_t end) {
    tokens_.push_back({kind, begin, end});
  }

  void check_bytes();
  void begin_line();
  void set_indentation(Indentation now, std::uint32_t line_begin);
  void lex_one();
  void lex_line_end();
  void lex_backslash();
  void lex_number();
  void lex_string(std::uint32_t begin);
  void lex_operator();
  void lex_unexpected();
  void open_bracket(char c);
  void close_bracket(char c);
  void report_unclosed();
  [[nodiscard]] bool statement_follows() const;
  void skip_line_end();
  void skip_to_line_end();
  void finish();

  FileId file_;
  std::string_view text_;
  Diagnostics& diagnostics_;
  std::uint32_t at_ = 0;
  bool at_line_begin_ = true;
  bool too_deep_reported_ = false;
  bool brackets_lost_ = false;  // nested too deep somewhere: what is closed cannot be told
  std::vector<Token> tokens_;
  std::vector<Bracket> brackets_;
  std::vector<Indentation> indents_{Indentation{}};
};

/// Reports NUL bytes and bytes that are not UTF-8, each run once, wherever they stand.
void Lexer::check_bytes() {
  std::size_t reports = 0;
  for (std::uint32_t i = 0; i < text_.size() && reports < max_errors;) {
    const std::size_t length = utf8_length(text_.substr(i));
    if (length > 0 && text_[i] != '\0') {
      i += static_cast<std::uint32_t>(length);
      continue;
    }
    const std::uint32_t begin = i;
    const bool is_nul = text_[i] == '\0';
    while (i < text_.size() && (is_nul ? text_[i] == '\0' : utf8_length(text_.substr(i)) == 0)) ++i;
    if (is_nul) {
      diagnostics_.report(span(begin, i), messages::nul_byte);
    } else {
      diagnostics_.report(span(begin, i), messages::invalid_utf8,
                          static_cast<unsigned>(static_cast<unsigned char>(text_[begin])));
    }
    ++reports;
  }
}

std::vector<Token> Lexer::run() {
  check_bytes();
  if (text_.substr(0, 3) == "\xEF\xBB\xBF") at_ = 3;
  const std::size_t limit = diagnostics_.error_count() + max_errors;
  while (!done() && diagnostics_.error_count() < limit) {
    if (at_line_begin_) {
      begin_line();
    } else {
      lex_one();
    }
  }
  finish();
  return std::move(tokens_);
}

void Lexer::finish() {
  const auto end = static_cast<std::uint32_t>(text_.size());
  if (!brackets_.empty()) report_unclosed();
  if (!tokens_.empty() && tokens_.back().kind != TokenKind::newline) {
    emit(TokenKind::newline, end, end);
  }
  for (std::size_t i = 1; i < indents_.size(); ++i) emit(TokenKind::dedent, end, end);
  emit(TokenKind::end, end, end);
}

void Lexer::skip_line_end() {
  if (look() == '\r' && look(1) == '\n') ++at_;
  ++at_;
}

void Lexer::skip_to_line_end() {
  while (!done() && look() != '\n' && look() != '\r') ++at_;
}

/// Measures the indentation; a line that is blank or only a comment has none and makes no tokens.
void Lexer::begin_line() {
  const std::uint32_t line_begin = at_;
  Indentation now;
  for (; !done(); ++at_) {
    const char c = look();
    if (c == ' ') {
      now = {now.wide + 1, now.narrow + 1};
    } else if (c == '\t') {
      now = {(now.wide / 8 + 1) * 8, now.narrow + 1};
    } else if (c == '\f') {
      now = {};
    } else {
      break;
    }
  }
  if (look() == '#') skip_to_line_end();
  if (done()) return;
  if (look() == '\n' || look() == '\r') {
    skip_line_end();
    return;
  }
  at_line_begin_ = false;
  set_indentation(now, line_begin);
}

void Lexer::set_indentation(Indentation now, std::uint32_t line_begin) {
  const Span here = span(line_begin, at_);
  while (now.wide < indents_.back().wide) {
    if (now.wide > indents_[indents_.size() - 2].wide) {
      diagnostics_.report(here, messages::bad_dedent);
      indents_.back() = now;  // taken as meant for the inner block
      return;
    }
    indents_.pop_back();
    emit(TokenKind::dedent, at_, at_);
  }
  const Indentation outer = indents_.back();
  if (now.wide == outer.wide) {
    if (now.narrow != outer.narrow) diagnostics_.report(here, messages::mixed_tabs);
    return;
  }
  if (now.narrow <= outer.narrow) {
    diagnostics_.report(here, messages::mixed_tabs);
    return;
  }
  if (indents_.size() > max_indentation_depth) {
    if (!too_deep_reported_) {
      diagnostics_.report(here, messages::indentation_too_deep, max_indentation_depth);
    }
    too_deep_reported_ = true;
    emit(TokenKind::error, at_, at_);
    return;
  }
  indents_.push_back(now);
  emit(TokenKind::indent, line_begin, at_);
}

void Lexer::lex_one() {
  const char c = look();
  const std::uint32_t begin = at_;
  if (c == ' ' || c == '\t' || c == '\f') {
    ++at_;
  } else if (c == '#') {
    skip_to_line_end();
  } else if (c == '\n' || c == '\r') {
    lex_line_end();
  } else if (c == '\\') {
    lex_backslash();
  } else if (is_letter(c)) {
    while (is_word(look())) ++at_;
    const bool quote = look() == '"' || look() == '\'';
    if (quote && is_string_prefix(text_.substr(begin, at_ - begin))) {
      lex_string(begin);
    } else {
      emit(TokenKind::name, begin, at_);
    }
  } else if (is_digit(c) || (c == '.' && is_digit(look(1)))) {
    lex_number();
  } else if (c == '"' || c == '\'') {
    lex_string(begin);
  } else {
    lex_operator();
  }
}

void Lexer::lex_line_end() {
  const std::uint32_t begin = at_;
  skip_line_end();
  if (!brackets_.empty()) {
    if (!statement_follows()) return;
    report_unclosed();
  }
  emit(TokenKind::newline, begin, at_);
  at_line_begin_ = true;
}

bool Lexer::statement_follows() const {
  std::size_t i = at_;
  while (i < text_.size() && (text_[i] == ' ' || text_[i] == '\t')) ++i;
  std::size_t end = i;
  while (end < text_.size() && is_word(text_[end])) ++end;
  if (end == i) return i + 1 < text_.size() && text_[i] == '@' && is_letter(text_[i + 1]);
  const std::string_view word = text_.substr(i, end - i);
  return std::find(statement_words.begin(), statement_words.end(), word) != statement_words.end();
}

void Lexer::report_unclosed() {
  const Bracket open = brackets_.back();
  if (!brackets_lost_) {
    diagnostics_.report(span(open.at, open.at + 1), messages::unclosed_bracket,
                        std::string(1, open.open));
  }
  emit(TokenKind::error, at_, at_);
  brackets_.clear();
}

void Lexer::lex_backslash() {
  const std::uint32_t begin = at_++;
  if (look() == '\n' || look() == '\r') {
    skip_line_end();
    if (!done()) return;
  }
  diagnostics_.report(span(begin, begin + 1), messages::stray_backslash);
  emit(TokenKind::error, begin, begin + 1);
}

void Lexer::lex_number() {
  const std::uint32_t begin = at_;
  const bool has_radix =
      look() == '0' && std::string_view("xXoObB").find(look(1)) != std::string_view::npos;
  while (is_word(look()) || look() == '.') {
    const bool exponent = !has_radix && (look() == 'e' || look() == 'E');
    if (exponent && (look(1) == '+' || look(1) == '-')) ++at_;
    ++at_;
  }
  emit(TokenKind::number, begin, at_);
}

/// At the opening quote; `begin` is where the prefix starts.
void Lexer::lex_string(std::uint32_t begin) {
  const char quote = look();
  const bool is_triple = look(1) == quote && look(2) == quote;
  const std::uint32_t quote_length = is_triple ? 3 : 1;
  const std::uint32_t opened = at_;
  at_ += quote_length;
  while (!done()) {
    const char c = look();
    if (c == '\\') {
      ++at_;
      if (!done()) skip_line_end();
    } else if (c == quote && (!is_triple || (look(1) == quote && look(2) == quote))) {
      at_ += quote_length;
      emit(TokenKind::string, begin, at_);
      return;
    } else if (!is_triple && (c == '\n' || c == '\r')) {
      break;
    } else {
      ++at_;
    }
  }
  diagnostics_.report(span(begin, opened + quote_length), messages::unterminated_string,
                      std::string(quote_length, quote));
  brackets_.clear();  // what would have closed them stands in the string
  emit(TokenKind::error, begin, at_);
}

void Lexer::lex_operator() {
  const std::string_view rest = text_.substr(at_);
  const auto* const found =
      std::find_if(operators.begin(), operators.end(),
                   [&](std::string_view op) { return rest.substr(0, op.size()) == op; });
  if (found == operators.end()) {
    lex_unexpected();
    return;
  }
  const char c = look();
  if (c == '(' || c == '[' || c == '{') {
    open_bracket(c);
  } else if (c == ')' || c == ']' || c == '}') {
    close_bracket(c);
  } else {
    const auto length = static_cast<std::uint32_t>(found->size());
    emit(TokenKind::op, at_, at_ + length);
    at_ += length;
  }
}

void Lexer::open_bracket(char c) {
  if (brackets_.size() == max_bracket_depth) {
    if (!brackets_lost_) {
      diagnostics_.report(span(at_, at_ + 1), messages::brackets_too_deep, max_bracket_depth);
    }
    brackets_lost_ = true;
    emit(TokenKind::error, at_, at_ + 1);
    brackets_.clear();
    skip_to_line_end();
    return;
  }
  brackets_.push_back({c, at_});
  emit(TokenKind::op, at_, at_ + 1);
  ++at_;
}

void Lexer::close_bracket(char c) {
  const char open = c == ')' ? '(' : c == ']' ? '[' : '{';
  const Span here = span(at_, at_ + 1);
  ++at_;
  if (brackets_.empty()) {
    if (!brackets_lost_) {
      diagnostics_.report(here, messages::unopened_bracket, std::string(1, c));
    }
    emit(TokenKind::error, here.begin, here.end);
    return;
  }
  const Bracket opened = brackets_.back();
  brackets_.pop_back();
  if (opened.open == open) {
    emit(TokenKind::op, here.begin, here.end);
    return;
  }
  diagnostics_
      .report(here, messages::bracket_mismatch, std::string(1, c), std::string(1, opened.open))
      .notes.push_back({span(opened.at, opened.at + 1), messages::opened_here_note});
  emit(TokenKind::error, here.begin, here.end);
}

/// A character that begins no token. Bad bytes were reported before.
void Lexer::lex_unexpected() {
  const std::uint32_t begin = at_;
  const std::size_t length = utf8_length(text_.substr(at_));
  at_ += std::max<std::uint32_t>(1, static_cast<std::uint32_t>(length));
  const bool reported = length == 0 || text_[begin] == '\0';
  if (!reported) {
    const std::string_view character = text_.substr(begin, length);
    const bool printable = static_cast<unsigned char>(character[0]) >= 0x20 && character[0] != 0x7F;
    const std::string shown =
        printable ? std::string(character) : fmt::format("\\x{:02x}", character[0]);
    diagnostics_.report(span(begin, at_), messages::unexpected_character, shown);
  }
  emit(TokenKind::error, begin, at_);
}

}  // namespace

std::vector<Token> tokenize(FileId file, const SourceManager& sources, Diagnostics& diagnostics) {
  return Lexer(file, sources, diagnostics).run();
}

bool is_identifier(std::string_view text) {
  return !text.empty() && is_letter(text[0]) && std::all_of(text.begin(), text.end(), is_word);
}

}  // namespace septran::lang
