#include "runtime/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

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

/// A file on its way: what is written stands beside it until all files of the same call are.
class Pending {
 public:
  /// Writes `content` beside the file that `path` leads to; 0 or the error's number. A device or
  /// pipe is only opened.
  int stage(const std::string& path, std::string_view content);
  /// Gives it its name; 0 or the error's number.
  int commit();
  /// Takes away what commit() has not named.
  ~Pending();
  Pending() = default;
  Pending(Pending&& other) noexcept
      : target_(std::move(other.target_)),
        temporary_(std::exchange(other.temporary_, {})),
        device_(std::exchange(other.device_, -1)),
        content_(other.content_) {}
  Pending& operator=(Pending&&) = delete;

 private:
  std::string target_;
  std::string temporary_;
  int device_ = -1;
  std::string_view content_;  // for a device
};

int Pending::stage(const std::string& path, std::string_view content) {
  if (path.empty()) return ENOENT;
  if (path == standard_output) {
    content_ = content;
    device_ = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    return device_ < 0 ? errno : 0;
  }
  struct stat existing {};
  const bool exists = ::stat(path.c_str(), &existing) == 0;
  if (!exists && errno != ENOENT) return errno;
  if (exists && S_ISDIR(existing.st_mode)) return EISDIR;
  if (exists && !S_ISREG(existing.st_mode)) {
    content_ = content;
    // By its own name: what /dev/stdout leads to may be a pipe, which has no other.
    device_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    return device_ < 0 ? errno : 0;
  }
  // A link's target is replaced, not the link.
  std::error_code unresolved;
  target_ = std::filesystem::weakly_canonical(path, unresolved).string();
  if (unresolved) return unresolved.value();
  const int file = create_beside(target_, 0666, temporary_);
  if (file < 0) {
    temporary_.clear();
    return errno;
  }
  // A replaced file keeps its permissions; where that is refused, those of a new file do.
  if (exists) static_cast<void>(::fchmod(file, existing.st_mode & 0777) == 0);
  return write_and_close(file, content, true);
}

int Pending::commit() {
  if (device_ >= 0) return write_and_close(std::exchange(device_, -1), content_, false);
  if (std::rename(temporary_.c_str(), target_.c_str()) != 0) return errno;
  temporary_.clear();
  return 0;
}

Pending::~Pending() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  if (device_ >= 0) ::close(device_);
}

}  // namespace

bool write_files_atomically(std::span<const OutputFile> files, Diagnostics& diagnostics) {
  const std::size_t errors = diagnostics.error_count();
  // What was printed comes first, if a file is the standard output; and no file is written beside
  // text that is lost.
  if (std::fflush(stdout) != 0) {
    diagnostics.report({}, messages::output_not_printed, error_text(errno));
    return false;
  }
  const auto check = [&](int error, const std::string& path) {
    if (error == 0) return;
    if (path == standard_output) {
      diagnostics.report({}, messages::output_not_printed, error_text(error));
    } else {
      diagnostics.report({}, messages::file_not_written, path, error_text(error));
    }
  };
  std::vector<Pending> pending(files.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    check(pending[i].stage(files[i].path, files[i].content), files[i].path);
  }
  if (diagnostics.error_count() > errors) return false;
  for (std::size_t i = 0; i < files.size(); ++i) check(pending[i].commit(), files[i].path);
  return diagnostics.error_count() == errors;
}

bool write_file_atomically(const std::string& path, std::string_view content,
                           Diagnostics& diagnostics) {
  const OutputFile file{path, content};
  return write_files_atomically(std::span(&file, 1), diagnostics);
}

}  // namespace septran::runtime
