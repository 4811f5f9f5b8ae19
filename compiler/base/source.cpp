#include "compiler/base/source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>

namespace septran {
namespace {

/// A file that is open for reading.
class Descriptor {
 public:
  explicit Descriptor(const std::string& path)
      : number_(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

/// Reads on until the end; nothing on errors, beyond `most` bytes, or where nothing comes for that
/// long at first (-1: any time). In pieces: what is not a regular file may have no size and no end.
std::optional<std::string> read_all(int file, std::size_t most, int patience_ms) {
  std::string text;
  std::array<char, 1 << 16> piece;
  for (;;) {
    pollfd state{file, POLLIN, 0};
    const int ready = ::poll(&state, 1, text.empty() ? patience_ms : -1);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return std::nullopt;
    const ssize_t size = ::read(file, piece.data(), piece.size());
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (size < 0) return std::nullopt;
    if (size == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(size));
    if (text.size() > most) return std::nullopt;
  }
}

}  // namespace

FileId SourceManager::add(std::string name, std::string text) {
  File file{std::move(name), std::move(text), {0}};
  for (std::uint32_t i = 0; i < file.text.size(); ++i) {
    if (file.text[i] == '\n') file.line_starts.push_back(i + 1);
  }
  files_.push_back(std::move(file));
  return FileId{static_cast<std::uint32_t>(files_.size() - 1)};
}

std::optional<FileId> SourceManager::load(const std::string& path) {
  constexpr std::size_t max_source_bytes = std::size_t{64} << 20;
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return std::nullopt;
  const auto status = std::filesystem::status(path, ignored);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    // A pipe gives its text once.
    const auto read = std::find_if(files_.begin(), files_.end(),
                                   [&](const File& file) { return file.name == path; });
    if (read != files_.end()) return FileId{static_cast<std::uint32_t>(read - files_.begin())};
  }
  const Descriptor file(path);
  if (file.number() < 0) return std::nullopt;
  // A pipe with a name may have nobody at its other end; one of the shell's has.
  constexpr int patience_ms = 2000;
  const bool is_named = std::filesystem::is_fifo(std::filesystem::symlink_status(path, ignored));
  auto text = read_all(file.number(), max_source_bytes, is_named ? patience_ms : -1);
  if (!text) return std::nullopt;
  return add(path, std::move(*text));
}

std::string_view SourceManager::name(FileId file) const { return files_.at(file.value).name; }

std::string_view SourceManager::text(FileId file) const { return files_.at(file.value).text; }

LineColumn SourceManager::position(FileId file, std::uint32_t offset) const {
  const auto& starts = files_.at(file.value).line_starts;
  const auto next = std::upper_bound(starts.begin(), starts.end(), offset);
  const auto line = static_cast<std::uint32_t>(next - starts.begin());
  return {line, offset - starts[line - 1] + 1};
}

std::string_view SourceManager::line(FileId file, std::uint32_t line) const {
  const File& f = files_.at(file.value);
  if (line == 0 || line > f.line_starts.size()) return {};
  const std::uint32_t begin = f.line_starts[line - 1];
  std::size_t end = line < f.line_starts.size() ? f.line_starts[line] - 1 : f.text.size();
  if (end > begin && f.text[end - 1] == '\r') --end;
  return std::string_view(f.text).substr(begin, end - begin);
}

std::uint32_t SourceManager::offset(FileId file, std::uint32_t line, std::uint32_t column) const {
  const File& f = files_.at(file.value);
  if (line == 0) return 0;
  if (line > f.line_starts.size()) return static_cast<std::uint32_t>(f.text.size());
  const std::size_t at = std::size_t{f.line_starts[line - 1]} + (column == 0 ? 0 : column - 1);
  return static_cast<std::uint32_t>(std::min(at, f.text.size()));
}

std::string SourceManager::file_line(Span span) const {
  if (!span.valid()) return {};
  return fmt::format("{}:{}", name(span.file), position(span.file, span.begin).line);
}

}  // namespace septran
