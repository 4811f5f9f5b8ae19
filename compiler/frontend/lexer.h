// From the text of a logic file to Python tokens.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/base/diagnostic.h"
#include "compiler/base/source.h"

namespace septran::lang {

/// Brackets and indentation may nest this deep; the limits keep recursion over the tree bounded.
inline constexpr std::size_t max_bracket_depth = 200;
inline constexpr std::size_t max_indentation_depth = 100;
/// Reading a file stops after this many errors in it.
inline constexpr std::size_t max_errors = 100;

/// `error` stands where something was reported already: the parser drops the line silently.
enum class TokenKind : std::uint8_t {
  name,  // keywords too
  number,
  string,  // with its prefix and quotes
  op,
  newline,
  indent,
  dedent,
  end,
  error
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

/// Splits a file into tokens by the rules of Python: indentation (tabs and spaces must agree),
/// lines joined within brackets and by a backslash, comments, both kinds of line ends, a byte order
/// mark. Never fails: faults are reported and leave an `error` token. The last token is `end`, with
/// a `newline` and all `dedent`s before it.
std::vector<Token> tokenize(FileId file, const SourceManager& sources, Diagnostics& diagnostics);

/// The value of a number token: an int64_t or a double, and nothing if it is malformed or does not
/// fit (reported).
struct NumberValue {
  bool is_integer = false;
  std::int64_t integer = 0;
  double floating = 0;
};
std::optional<NumberValue> decode_number(std::string_view text, Span span,
                                         Diagnostics& diagnostics);

/// The value of a string token, escapes replaced; nothing (reported) for an f-string, a byte string
/// or an escape that Python does not know.
std::optional<std::string> decode_string(std::string_view text, Span span,
                                         Diagnostics& diagnostics);

[[nodiscard]] bool is_identifier(std::string_view text);

}  // namespace septran::lang
