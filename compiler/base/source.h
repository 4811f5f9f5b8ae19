// Source files and places in them.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace septran {

/// Index of a file in a SourceManager.
struct FileId {
  std::uint32_t value = UINT32_MAX;
  [[nodiscard]] bool valid() const { return value != UINT32_MAX; }
  auto operator<=>(const FileId&) const = default;
};

/// A half-open range of bytes [begin, end) of one file. A default span names no place.
struct Span {
  FileId file;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  [[nodiscard]] bool valid() const { return file.valid(); }
  auto operator<=>(const Span&) const = default;
};

/// A place as people read it; lines and columns count from 1, columns in bytes.
struct LineColumn {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
};

/// Owns the text of every file that is read, so that spans stay valid for a whole run.
class SourceManager {
 public:
  /// Adds a text under the name that diagnostics shall show.
  FileId add(std::string name, std::string text);
  /// Reads a file from disk; nothing if it cannot be read (a folder, no permission, too large, a
  /// pipe into which nobody writes).
  std::optional<FileId> load(const std::string& path);

  /// How many files there are: FileId{0}, FileId{1}, ...
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(files_.size()); }
  [[nodiscard]] std::string_view name(FileId file) const;
  [[nodiscard]] std::string_view text(FileId file) const;
  [[nodiscard]] LineColumn position(FileId file, std::uint32_t offset) const;
  /// The text of a line (from 1) without its line ending.
  [[nodiscard]] std::string_view line(FileId file, std::uint32_t line) const;
  /// Byte offset of a line and column (from 1), clipped to the text.
  [[nodiscard]] std::uint32_t offset(FileId file, std::uint32_t line, std::uint32_t column) const;
  /// "file:line" of a span, empty for an invalid one; what origins in the tile program show.
  [[nodiscard]] std::string file_line(Span span) const;

 private:
  struct File {
    std::string name;
    std::string text;
    std::vector<std::uint32_t> line_starts;
  };
  std::vector<File> files_;
};

}  // namespace septran
