#include "targets/dsa/line_reader.h"

#include <bit>
#include <charconv>
#include <cmath>

#include "compiler/base/messages.h"

namespace septran::dsa {
namespace {

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

bool LineReader::next_line() {
  while (next_begin_ < text_.size()) {
    begin_ = at_ = next_begin_;
    const std::size_t line_end = std::min(text_.find('\n', begin_), text_.size());
    next_begin_ = line_end + 1;
    bool in_string = false;
    end_ = begin_;
    while (end_ < line_end && (in_string || text_[end_] != '#')) {
      if (in_string && text_[end_] == '\\' && end_ + 1 < line_end)
        ++end_;
      else if (text_[end_] == '"')
        in_string = !in_string;
      ++end_;
    }
    while (end_ > begin_ && is_blank(text_[end_ - 1])) --end_;
    skip_blanks();
    begin_ = at_;
    ok_ = true;
    form_.clear();
    if (at_ < end_) return true;
  }
  return false;
}

void LineReader::skip_blanks() {
  while (at_ < end_ && is_blank(text_[at_])) ++at_;
}

std::size_t LineReader::position() {
  skip_blanks();
  return at_;
}

std::string_view LineReader::word() {
  skip_blanks();
  std::size_t end = at_;
  while (end < end_ && is_word(text_[end])) ++end;
  return text_.substr(at_, end - at_);
}

bool LineReader::at_end() {
  skip_blanks();
  return at_ >= end_;
}

bool LineReader::at_numbered(char prefix) {
  skip_blanks();
  return at_ + 1 < end_ && text_[at_] == prefix && is_digit(text_[at_ + 1]);
}

void LineReader::expected(std::string_view what) {
  skip_blanks();
  const std::size_t end = at_ + std::max<std::size_t>(word().size(), at_ < end_ ? 1 : 0);
  const std::string form = form_.empty() ? "see docs/isa.md" : form_;
  fail(span(at_, end), messages::asm_expected, what, form);
}

void LineReader::too_large(Span place, std::string_view what, const std::string& hint) {
  fail(place, messages::asm_number_too_large, what, hint);
}

bool LineReader::try_literal(std::string_view spelling) {
  if (!ok_) return false;
  const std::size_t start = at_;
  while (true) {
    while (!spelling.empty() && spelling[0] == ' ') spelling.remove_prefix(1);
    if (spelling.empty()) return true;
    const std::string_view part = spelling.substr(0, std::min(spelling.find(' '), spelling.size()));
    skip_blanks();
    const std::size_t after = at_ + part.size();
    const bool matches = text_.substr(at_, end_ - at_).starts_with(part) &&
                         !(is_word(part.back()) && after < end_ && is_word(text_[after]));
    if (!matches) {
      at_ = start;
      return false;
    }
    at_ = after;
    spelling.remove_prefix(part.size());
  }
}

void LineReader::literal(std::string_view spelling) {
  if (try_literal(spelling) || !ok_) return;
  while (!spelling.empty() && spelling[0] == ' ') spelling.remove_prefix(1);
  while (!spelling.empty() && spelling.back() == ' ') spelling.remove_suffix(1);
  expected(fmt::format("'{}'", spelling));
}

void LineReader::expect_end() {
  if (ok_ && !at_end()) expected("the end of the line");
}

std::int64_t LineReader::integer(std::string_view what, std::int64_t low, std::int64_t high) {
  if (!ok_) return 0;
  skip_blanks();
  const char* first = text_.data() + at_;
  std::int64_t value = 0;
  const auto [last, error] = std::from_chars(first, text_.data() + end_, value);
  if (error == std::errc::invalid_argument) {
    expected(what);
    return 0;
  }
  const std::size_t end = at_ + static_cast<std::size_t>(last - first);
  if (error != std::errc{} || value < low || value > high) {
    too_large(span(at_, end), what, fmt::format("it has to be in {} .. {}", low, high));
    return 0;
  }
  at_ = end;
  return value;
}

std::uint64_t LineReader::unsigned_integer(std::string_view what) {
  if (!ok_) return 0;
  skip_blanks();
  const bool is_hex = text_.substr(at_, end_ - at_).starts_with("0x");
  const char* first = text_.data() + at_ + (is_hex ? 2 : 0);
  std::uint64_t value = 0;
  const auto [last, error] = std::from_chars(first, text_.data() + end_, value, is_hex ? 16 : 10);
  if (error == std::errc::invalid_argument) {
    expected(what);
    return 0;
  }
  const auto end = static_cast<std::size_t>(last - text_.data());
  if (error != std::errc{}) too_large(span(at_, end), what, "it has 64 bits");
  at_ = end;
  return value;
}

std::int64_t LineReader::numbered(char prefix, std::string_view what, std::int64_t high) {
  if (!ok_) return 0;
  if (!at_numbered(prefix)) {
    expected(fmt::format("{}, such as {}0", what, prefix));
    return 0;
  }
  ++at_;
  return integer(what, 0, high);
}

template <typename Float, typename Bits>
Float LineReader::floating(std::string_view what) {
  if (!ok_) return 0;
  skip_blanks();
  if (text_.substr(at_, end_ - at_).starts_with("0x")) {
    const std::size_t begin = at_;
    const std::uint64_t bits = unsigned_integer(what);
    if (bits > std::numeric_limits<Bits>::max()) {
      too_large(span(begin, at_), what, fmt::format("it has {} bits", 8 * sizeof(Bits)));
    }
    return std::bit_cast<Float>(static_cast<Bits>(bits));
  }
  const char* first = text_.data() + at_;
  Float value = 0;
  const auto [last, error] = std::from_chars(first, text_.data() + end_, value);
  const std::size_t end = at_ + static_cast<std::size_t>(last - first);
  if (error == std::errc::invalid_argument || std::isnan(value)) {
    expected(what);
    return 0;
  }
  if (error != std::errc{}) too_large(span(at_, end), what, "write inf for infinity");
  at_ = end;
  return value;
}
template double LineReader::floating<double, std::uint64_t>(std::string_view);
template float LineReader::floating<float, std::uint32_t>(std::string_view);

std::string LineReader::string(std::string_view what) {
  std::string value;
  if (!ok_) return value;
  skip_blanks();
  if (at_ >= end_ || text_[at_] != '"') {
    expected(fmt::format("{} in double quotes", what));
    return value;
  }
  const std::size_t begin = at_++;
  while (at_ < end_ && text_[at_] != '"') {
    if (text_[at_] != '\\') {
      value += text_[at_++];
      continue;
    }
    const char escaped = at_ + 1 < end_ ? text_[at_ + 1] : ' ';
    const int high = at_ + 3 < end_ ? hex_digit(text_[at_ + 2]) : -1;
    const int low = at_ + 3 < end_ ? hex_digit(text_[at_ + 3]) : -1;
    if (escaped == '"' || escaped == '\\') {
      value += escaped;
      at_ += 2;
    } else if (escaped == 'x' && high >= 0 && low >= 0) {
      value += static_cast<char>(high * 16 + low);
      at_ += 4;
    } else {
      expected("\\\", \\\\ or \\x and two hexadecimal digits");
      return value;
    }
  }
  if (at_ >= end_) {
    fail(span(begin, end_), messages::asm_expected, "'\"' at the end of the string", "\"text\"");
    return value;
  }
  ++at_;
  return value;
}

std::optional<std::size_t> LineReader::name(std::string_view what,
                                            const std::vector<std::string>& names) {
  if (!ok_) return std::nullopt;
  const std::string given(word());
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] != given) continue;
    at_ += given.size();
    return i;
  }
  if (given.empty()) {
    expected(what);
    return std::nullopt;
  }
  const auto nearest = nearest_name(given, names);
  fail(span(at_, at_ + given.size()), messages::asm_unknown_name, what, given,
       nearest ? fmt::format("did you mean '{}'?", *nearest)
               : fmt::format("known: {}", fmt::join(names, ", ")));
  return std::nullopt;
}

}  // namespace septran::dsa
