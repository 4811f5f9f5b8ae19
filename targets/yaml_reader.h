// Strict reading of YAML files: a plain tree of values with the place of each, and typed access
// that reports every fault. Machine descriptions and mapping files are read through it; only the
// .cpp sees yaml-cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "compiler/base/diagnostic.h"

namespace septran::yaml {

enum class Kind { null, scalar, sequence, map };

struct Entry;
/// A value of a file. Aliases are expanded: a copy keeps the place of what it was copied from.
struct Node {
  Kind kind = Kind::null;
  Span span;
  std::string text;            // scalar
  bool quoted = false;         // scalar
  std::string tag;             // "!tune"; empty where none is written
  std::vector<Node> items;     // sequence
  std::vector<Entry> entries;  // map, in the file's order, each key once

  /// The value of a key of a map, or null.
  [[nodiscard]] const Node* find(std::string_view key) const;
  [[nodiscard]] const Entry* find_entry(std::string_view key) const;
};
struct Entry {
  std::string key;
  Span key_span;
  Node value;
};

/// Parses a file into a tree. Reported: syntax errors, an empty file (at 1:1), several documents,
/// NUL bytes, too many bytes, levels or values, keys that are no names, and duplicate keys (the
/// first is kept, and the tree is returned). `what` and `example` are for the message about an
/// empty file: "a mapping file", "entrypoint: NAME".
Result<Node> parse(FileId file, const SourceManager& sources, std::string_view what,
                   std::string_view example, Diagnostics& diagnostics);

/// The tree as one line with sorted keys, without comments and layout: what hashes are made from.
std::string canonical(const Node& node);

/// "a number", "a list", ...: what a value is, for messages.
std::string_view describe(const Node& node);

/// "did you mean 'x'?" or the list of what is known (none beyond 24 names).
std::string name_hint(std::string_view name, const std::vector<std::string>& known);

/// Typed values; a wrong type or a value out of [lo, hi] is reported under the name `what`.
/// Integers are decimal or 0x hexadecimal.
std::optional<std::int64_t> to_integer(const Node& node, std::string_view what, std::int64_t lo,
                                       std::int64_t hi, Diagnostics& diagnostics);
std::optional<double> to_number(const Node& node, std::string_view what, double lo, double hi,
                                Diagnostics& diagnostics);
std::optional<bool> to_boolean(const Node& node, std::string_view what, Diagnostics& diagnostics);
std::optional<std::string> to_text(const Node& node, std::string_view what,
                                   Diagnostics& diagnostics);
/// Whether the node is a map or a list; reported if not.
bool expect_map(const Node& node, std::string_view what, Diagnostics& diagnostics);
bool expect_sequence(const Node& node, std::string_view what, Diagnostics& diagnostics);

/// The text as an integer, a finite float or a boolean, if it is one.
std::optional<std::int64_t> parse_integer(std::string_view text);
std::optional<double> parse_number(std::string_view text);
std::optional<bool> parse_boolean(std::string_view text);

/// The fields of one map. Each access by key makes the key known; `finish` reports the others.
class Fields {
 public:
  /// `what` names the map in messages: "memory 'SHARED'".
  Fields(const Node& node, std::string what, Diagnostics& diagnostics);

  [[nodiscard]] bool valid() const { return valid_; }
  /// The value, or null if absent.
  const Node* optional(std::string_view key);
  /// The value; its absence is reported.
  const Node* required(std::string_view key);

  /// Required fields. On a fault `out` keeps its value.
  template <typename T>
  void integer(std::string_view key, std::int64_t lo, std::int64_t hi, T& out) {
    static_assert(std::is_integral_v<T>);
    if (const Node* node = required(key)) {
      if (const auto value = to_integer(*node, quoted(key), lo, hi, diagnostics_)) {
        out = static_cast<T>(*value);
      }
    }
  }
  void number(std::string_view key, double lo, double hi, double& out);
  void boolean(std::string_view key, bool& out);
  void text(std::string_view key, std::string& out);
  /// Fields that may be absent, in which case `out` keeps its value.
  void optional_boolean(std::string_view key, bool& out);
  void optional_text(std::string_view key, std::string& out);
  /// A list of names; absent or of a wrong type: nothing.
  std::vector<const Node*> optional_names(std::string_view key);

  /// Reports every key that was not asked for.
  void finish();
  static std::string quoted(std::string_view key);

 private:
  const Node& node_;
  std::string what_;
  Diagnostics& diagnostics_;
  bool valid_ = false;
  std::vector<std::string> known_;
};

}  // namespace septran::yaml
