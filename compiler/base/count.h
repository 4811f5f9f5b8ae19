// Numbers in sentences: one noun, singular or plural.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <type_traits>

namespace septran {

/// The noun for a number of things: "byte" gives "byte" or "bytes", "entry/entries" one of the two.
template <typename Number>
std::string noun_for(Number number, std::string_view noun) {
  const std::size_t slash = noun.find('/');
  if (slash != std::string_view::npos) {
    return std::string(number == 1 ? noun.substr(0, slash) : noun.substr(slash + 1));
  }
  return std::string(noun) + (number == 1 ? "" : "s");
}

/// A number that a format may give a noun: "{:byte}" prints "1 byte" or "2 bytes", "{:byte is/bytes
/// are}" also its verb, "{:~is/are}" the word alone. "{}" and the formats of integers print the
/// number.
template <typename Number>
struct Counted {
  Number value;
};
template <typename Number>
Counted(Number) -> Counted<Number>;

/// What a message's argument is formatted as: integers may have nouns.
template <typename Arg>
decltype(auto) counted(const Arg& arg) {
  if constexpr (std::is_integral_v<Arg> && !std::is_same_v<Arg, bool> &&
                !std::is_same_v<Arg, char>) {
    return Counted<Arg>{arg};
  } else {
    return (arg);
  }
}

}  // namespace septran

template <typename Number>
struct fmt::formatter<septran::Counted<Number>> : fmt::formatter<Number> {
  constexpr auto parse(format_parse_context& context) {
    const auto* const begin = context.begin();
    const auto* end = begin;
    while (end != context.end() && *end != '}') ++end;
    const std::string_view spec(begin, static_cast<std::size_t>(end - begin));
    // The formats of integers have one letter at most, at their end.
    is_alone_ = spec.starts_with('~');
    if (!is_alone_ && (spec.size() < 2 || !is_letter(spec[0]))) {
      return formatter<Number>::parse(context);
    }
    noun_ = spec.substr(is_alone_ ? 1 : 0);
    return end;
  }

  template <typename Context>
  auto format(const septran::Counted<Number>& number, Context& context) const {
    if (is_alone_) {
      return fmt::format_to(context.out(), "{}", septran::noun_for(number.value, noun_));
    }
    const auto end = formatter<Number>::format(number.value, context);
    if (noun_.empty()) return end;
    return fmt::format_to(end, " {}", septran::noun_for(number.value, noun_));
  }

 private:
  static constexpr bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  }

  std::string_view noun_;
  bool is_alone_ = false;
};
