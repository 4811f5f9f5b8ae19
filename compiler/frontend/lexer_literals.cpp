// Values of number and string tokens.
#include <charconv>
#include <cmath>
#include <limits>

#include "compiler/base/messages.h"
#include "compiler/frontend/lexer.h"

namespace septran::lang {
namespace {

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return 99;
}

/// Removes underscores; nothing where one does not stand between two digits (or after the radix).
std::optional<std::string> without_underscores(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
      continue;
    }
    const bool inside = i > 0 && i + 1 < text.size() && digit_value(text[i - 1]) < 99 &&
                        digit_value(text[i + 1]) < 99;
    if (!inside) return std::nullopt;
  }
  return out;
}

enum class Outcome { fits, too_large, malformed };

Outcome read_integer(std::string_view digits, int radix, std::int64_t& value) {
  if (digits.empty()) return Outcome::malformed;
  bool overflow = false;
  for (const char c : digits) {
    const int digit = digit_value(c);
    if (digit >= radix) return Outcome::malformed;
    overflow = overflow || value > (std::numeric_limits<std::int64_t>::max() - digit) / radix;
    if (!overflow) value = value * radix + digit;
  }
  return overflow ? Outcome::too_large : Outcome::fits;
}

Outcome read_float(std::string_view text, double& value) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (stop != end || error == std::errc::invalid_argument) return Outcome::malformed;
  if (error != std::errc::result_out_of_range) return Outcome::fits;
  // Too large or too small? The exponent tells; without one, a leading zero does. What is too small
  // is zero, as in Python.
  const std::size_t exponent = text.find_first_of("eE");
  const bool tiny = exponent == std::string_view::npos ? text[0] == '0' || text[0] == '.'
                                                       : text[exponent + 1] == '-';
  value = 0;
  return tiny ? Outcome::fits : Outcome::too_large;
}

Outcome read_number(std::string_view text, NumberValue& value) {
  value.is_integer = true;
  if (text.size() > 1 && text[0] == '0') {
    const char mark = text[1];
    if (mark == 'x' || mark == 'X') return read_integer(text.substr(2), 16, value.integer);
    if (mark == 'o' || mark == 'O') return read_integer(text.substr(2), 8, value.integer);
    if (mark == 'b' || mark == 'B') return read_integer(text.substr(2), 2, value.integer);
  }
  if (text.find_first_of(".eE") != std::string_view::npos) {
    value.is_integer = false;
    return read_float(text, value.floating);
  }
  const Outcome outcome = read_integer(text, 10, value.integer);
  const bool octal_of_old = text[0] == '0' && value.integer != 0;
  return octal_of_old ? Outcome::malformed : outcome;
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

/// Reads up to `count` digits at `at`; nothing if fewer than `least` are there.
std::optional<std::uint32_t> read_code(std::string_view body, std::size_t& at, std::size_t least,
                                       std::size_t count, int radix) {
  std::uint32_t code = 0;
  std::size_t digits = 0;
  while (digits < count && at < body.size() && digit_value(body[at]) < radix) {
    code = code * static_cast<std::uint32_t>(radix) +
           static_cast<std::uint32_t>(digit_value(body[at++]));
    ++digits;
  }
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (digits < least || code > 0x10FFFF || surrogate) return std::nullopt;
  return code;
}

/// Replaces the escape whose backslash stands before `at`; false if there is no such escape.
bool decode_escape(std::string_view body, std::size_t& at, std::string& out) {
  constexpr std::string_view letters = "abfnrtv\\'\"";
  constexpr std::string_view values = "\a\b\f\n\r\t\v\\'\"";
  if (at >= body.size()) return false;
  const char c = body[at];
  if (const std::size_t i = letters.find(c); i != std::string_view::npos) {
    out += values[i];
    ++at;
    return true;
  }
  if (c == '\n' || c == '\r') {
    at += body.substr(at, 2) == "\r\n" ? 2 : 1;
    return true;
  }
  std::optional<std::uint32_t> code;
  if (digit_value(c) < 8) {
    code = read_code(body, at, 1, 3, 8);
  } else if (c == 'x' || c == 'u' || c == 'U') {
    const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
    code = read_code(body, ++at, digits, digits, 16);
  }
  if (code) append_utf8(out, *code);
  return code.has_value();
}

}  // namespace

std::optional<NumberValue> decode_number(std::string_view text, Span span,
                                         Diagnostics& diagnostics) {
  const auto digits = without_underscores(text);
  NumberValue value;
  const Outcome outcome = digits ? read_number(*digits, value) : Outcome::malformed;
  if (outcome == Outcome::fits) return value;
  if (outcome == Outcome::malformed) {
    diagnostics.report(span, messages::malformed_number, text.substr(0, 40));
  } else if (value.is_integer) {
    diagnostics.report(span, messages::integer_too_large);
  } else {
    diagnostics.report(span, messages::float_too_large);
  }
  return std::nullopt;
}

std::optional<std::string> decode_string(std::string_view text, Span span,
                                         Diagnostics& diagnostics) {
  const std::size_t prefix_length = text.find_first_of("'\"");
  bool is_raw = false;
  for (const char c : text.substr(0, prefix_length)) {
    is_raw = is_raw || c == 'r' || c == 'R';
    if (c == 'r' || c == 'R' || c == 'u' || c == 'U') continue;
    diagnostics.report(span, messages::string_prefix, std::string(1, c));
    return std::nullopt;
  }
  std::string_view body = text.substr(prefix_length);
  const bool is_triple = body.size() >= 6 && body[1] == body[0] && body[2] == body[0];
  const std::size_t quote_length = is_triple ? 3 : 1;
  body = body.substr(quote_length, body.size() - 2 * quote_length);
  std::string out;
  const std::size_t body_begin = span.begin + prefix_length + quote_length;
  for (std::size_t i = 0; i < body.size();) {
    if (body[i] == '\r') {  // each kind of line end is a newline
      out += '\n';
      i += body.substr(i, 2) == "\r\n" ? 2 : 1;
      continue;
    }
    if (is_raw || body[i] != '\\') {
      out += body[i++];
      continue;
    }
    const std::size_t begin = i++;
    if (decode_escape(body, i, out)) continue;
    const auto offset = static_cast<std::uint32_t>(body_begin + begin);
    diagnostics.report(Span{span.file, offset, offset + 2}, messages::unknown_escape,
                       body.substr(begin, 2));
    return std::nullopt;
  }
  return out;
}

}  // namespace septran::lang
