#include "runtime/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "compiler/base/messages.h"

namespace septran::runtime {
namespace {

std::string error_text(int error) { return std::generic_category().message(error); }

/// Writes all of `content` and closes the file; 0 or the error's number.
int write_and_close(int file, std::string_view content, bool flush) {
  int error = 0;
  while (!content.empty() && error == 0) {
    const ssize_t written = ::write(file, content.data(), content.size());
    if (written >= 0) {
      content.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      error = errno;
    }
  }
  // Without this a crash of the system could leave the new name with none of the content.
  if (flush && error == 0 && ::fsync(file) != 0) error = errno;
  if (::close(file) != 0 && error == 0) error = errno;
  return error;
}

/// A new, empty file next to `path`; its name is left in `name`. The file or -1.
int create_beside(const std::string& path, mode_t mode, std::string& name) {
  for (int attempt = 0; attempt < 1000; ++attempt) {
    name = fmt::format("{}.{}-{}.tmp", path, ::getpid(), attempt);
    const int file = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (file >= 0 || errno != EEXIST) return file;
  }
  return -1;
}

/// Replaces or makes the regular file `path`; 0 or the error's number.
int replace_file(const std::string& path, std::string_view content, const struct stat* existing) {
  std::string temporary;
  const int file = create_beside(path, 0666, temporary);
  if (file < 0) return errno;
  // A replaced file keeps its permissions; where that is refused, those of a new file do.
  if (existing != nullptr) static_cast<void>(::fchmod(file, existing->st_mode & 0777) == 0);
  int error = write_and_close(file, content, true);
  if (error == 0 && std::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) ::unlink(temporary.c_str());
  return error;
}

int write_file(const std::string& path, std::string_view content) {
  // A link's target is replaced, not the link.
  std::error_code unresolved;
  const std::string target = std::filesystem::weakly_canonical(path, unresolved).string();
  if (unresolved) return unresolved.value();
  struct stat existing {};
  if (::stat(target.c_str(), &existing) != 0) {
    return errno == ENOENT ? replace_file(target, content, nullptr) : errno;
  }
  if (S_ISDIR(existing.st_mode)) return EISDIR;
  if (S_ISREG(existing.st_mode)) return replace_file(target, content, &existing);
  const int file = ::open(target.c_str(), O_WRONLY | O_CLOEXEC);
  return file < 0 ? errno : write_and_close(file, content, false);
}

}  // namespace

bool write_file_atomically(const std::string& path, std::string_view content,
                           Diagnostics& diagnostics) {
  const int error = path.empty() ? ENOENT : write_file(path, content);
  if (error != 0) diagnostics.report({}, messages::file_not_written, path, error_text(error));
  return error == 0;
}

}  // namespace septran::runtime
