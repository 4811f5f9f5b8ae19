#include "runtime/npy_header.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>

namespace septran::runtime {
namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::optional<NpyDictionary> dictionary() {
    NpyDictionary result;
    bool seen_descr = false;
    bool seen_order = false;
    bool seen_shape = false;
    if (!expect('{')) return std::nullopt;
    while (!accept('}')) {
      const std::optional<std::string> key = string();
      if (!key || !expect(':')) return std::nullopt;
      if (*key == "descr") {
        if (!once(seen_descr, *key) || !descr(result.descr)) return std::nullopt;
      } else if (*key == "fortran_order") {
        if (!once(seen_order, *key) || !boolean(result.fortran_order)) return std::nullopt;
      } else if (*key == "shape") {
        if (!once(seen_shape, *key) || !shape(result.shape)) return std::nullopt;
      } else {
        return fail(fmt::format("unknown key '{}'", *key)), std::nullopt;
      }
      if (!accept(',')) {
        if (!expect('}')) return std::nullopt;
        break;
      }
    }
    skip_space();
    if (at_ != text_.size()) return fail("text after the dictionary"), std::nullopt;
    if (!seen_descr || !seen_order || !seen_shape) {
      return fail("'descr', 'fortran_order' and 'shape' are not all there"), std::nullopt;
    }
    return result;
  }

  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  bool fail(std::string what) {
    if (fault_.empty()) fault_ = std::move(what);
    return false;
  }

  void skip_space() {
    while (at_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }

  bool accept(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool expect(char c) {
    return accept(c) || fail(fmt::format("'{}' is missing at byte {} of the header", c, at_));
  }

  bool once(bool& seen, std::string_view key) {
    if (seen) return fail(fmt::format("'{}' stands there twice", key));
    return seen = true;
  }

  std::optional<std::string> string() {
    skip_space();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    const std::size_t end =
        quote == '\'' || quote == '"' ? text_.find(quote, at_ + 1) : std::string_view::npos;
    if (end == std::string_view::npos) {
      return fail(fmt::format("a string is missing at byte {} of the header", at_)), std::nullopt;
    }
    std::string value(text_.substr(at_ + 1, end - at_ - 1));
    for (char& c : value) {
      if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
    }
    at_ = end + 1;
    return value;
  }

  bool descr(std::string& value) {
    skip_space();
    if (at_ < text_.size() && text_[at_] == '[') return fail("its elements are records");
    const std::optional<std::string> text = string();
    if (text) value = *text;
    return text.has_value();
  }

  bool boolean(bool& value) {
    skip_space();
    for (const bool candidate : {false, true}) {
      const std::string_view word = candidate ? "True" : "False";
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        value = candidate;
        return true;
      }
    }
    return fail("'fortran_order' is neither True nor False");
  }

  bool shape(std::vector<std::int64_t>& extents) {
    if (!expect('(')) return false;
    while (!accept(')')) {
      skip_space();
      std::int64_t extent = 0;
      const char* const begin = text_.data() + at_;
      const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), extent);
      if (error != std::errc{}) return fail("an extent of 'shape' is not a 64-bit integer");
      if (extent < 1) return fail(fmt::format("an extent of 'shape' is {}", extent));
      at_ += static_cast<std::size_t>(end - begin);
      static_cast<void>(accept('L'));  // Python 2 wrote long integers so
      extents.push_back(extent);
      if (!accept(',')) return expect(')');
    }
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string fault_;
};

}  // namespace

std::optional<NpyDictionary> parse_npy_dictionary(std::string_view text, std::string& fault) {
  Reader reader(text);
  std::optional<NpyDictionary> result = reader.dictionary();
  if (!result) fault = reader.fault();
  return result;
}

std::string format_npy_header(std::string_view descr, const std::vector<std::int64_t>& shape) {
  std::string dictionary =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}", descr,
                  fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  const bool is_long = dictionary.size() > 65000;
  const std::size_t length_bytes = is_long ? 4 : 2;
  while ((8 + length_bytes + dictionary.size() + 1) % 64 != 0) dictionary += ' ';
  dictionary += '\n';
  std::string header("\x93NUMPY", 6);
  header += is_long ? '\x02' : '\x01';
  header += '\0';
  for (std::size_t i = 0; i < length_bytes; ++i) {
    header += static_cast<char>((dictionary.size() >> (8 * i)) & 0xff);
  }
  return header + dictionary;
}

}  // namespace septran::runtime
