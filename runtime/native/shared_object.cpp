#include "runtime/native/shared_object.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <system_error>

#include "compiler/base/messages.h"

extern char** environ;

namespace septran::runtime {
namespace {

namespace fs = std::filesystem;

constexpr const char* source_name = "kernel.c";
constexpr const char* object_name = "kernel.so";
constexpr const char* checksum_name = "checksum";
constexpr const char* log_name = "log";
constexpr std::chrono::hours abandoned_after{1};
constexpr std::int64_t default_limit_bytes = std::int64_t{1} << 30;

/// FNV-1a of 128 bits.
std::string digest(std::string_view text) {
  using Wide = unsigned __int128;
  constexpr Wide prime = (Wide{1} << 88) + 0x13b;
  Wide hash = (Wide{0x6c62272e07bb0142ULL} << 64) + 0x62b821756295c58dULL;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= prime;
  }
  return fmt::format("{:016x}{:016x}", static_cast<std::uint64_t>(hash >> 64),
                     static_cast<std::uint64_t>(hash));
}

std::optional<std::string> read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return std::nullopt;
  return std::move(text).str();
}

bool write_file(const fs::path& path, std::string_view content) {
  std::ofstream out(path, std::ios::binary);
  out << content;
  out.close();
  return out.good();
}

/// Names the very compiler: a new version has another size or another time.
std::string identity(const std::string& compiler) {
  std::error_code fault;
  const fs::path real = fs::canonical(compiler, fault);
  struct stat status {};
  if (fault || ::stat(real.c_str(), &status) != 0) return compiler;
  return fmt::format("{} {} {}", real.string(), status.st_size, status.st_mtime);
}

/// A folder that is removed with all that is in it.
class Folder {
 public:
  explicit Folder(fs::path path) : path_(std::move(path)) {}
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  [[nodiscard]] const fs::path& path() const { return path_; }
  void keep() { path_.clear(); }

 private:
  fs::path path_;
};

/// A new folder in `parent` that nobody else has; empty if it cannot be made. Its name was never
/// there before: the loader takes an object of the same path as one that is loaded for that one,
/// though its folder has another name now.
fs::path make_folder(const fs::path& parent) {
  std::error_code fault;
  fs::create_directories(parent, fault);
  std::string path = (parent / fmt::format("{}{}-XXXXXX", unfinished_prefix, ::getpid())).string();
  return ::mkdtemp(path.data()) == nullptr ? fs::path() : fs::path(path);
}

/// What processes left behind that were killed at work.
void remove_abandoned(const fs::path& cache) {
  std::error_code fault;
  const auto now = fs::file_time_type::clock::now();
  for (fs::directory_iterator at(cache, fault), end; !fault && at != end; at.increment(fault)) {
    if (!at->path().filename().string().starts_with(unfinished_prefix)) continue;
    std::error_code ignored;
    const auto time = fs::last_write_time(at->path(), ignored);
    if (!ignored && now - time > abandoned_after) fs::remove_all(at->path(), ignored);
  }
}

struct Entry {
  fs::path path;
  std::int64_t bytes = 0;
  fs::file_time_type used;
};

/// What is in the cache, the least recently used first.
std::vector<Entry> entries_of(const fs::path& cache) {
  std::vector<Entry> entries;
  std::error_code fault;
  for (fs::directory_iterator at(cache, fault), end; !fault && at != end; at.increment(fault)) {
    if (at->path().filename().string().starts_with(unfinished_prefix)) continue;
    Entry entry{at->path(), 0, fs::file_time_type::min()};
    std::error_code ignored;
    const bool is_file = at->is_regular_file(ignored);
    const fs::path last_touched = is_file ? entry.path : entry.path / checksum_name;
    const auto used = fs::last_write_time(last_touched, ignored);
    if (!ignored) entry.used = used;
    if (is_file) {
      const auto bytes = at->file_size(ignored);
      if (!ignored) entry.bytes = static_cast<std::int64_t>(bytes);
    }
    std::error_code inner;
    for (fs::directory_iterator file(entry.path, inner); !inner && file != fs::directory_iterator();
         file.increment(inner)) {
      const auto bytes = file->file_size(ignored);
      if (!ignored) entry.bytes += static_cast<std::int64_t>(bytes);
    }
    entries.push_back(std::move(entry));
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& a, const Entry& b) { return a.used < b.used; });
  return entries;
}

/// Removes what was not used for the longest time until the rest is within the limit; `kept` stays.
/// An entry gets another name first: nobody finds half of one, and who has loaded it keeps it.
void make_room(const fs::path& cache, const fs::path& kept) {
  const std::int64_t limit = cache_limit_bytes();
  const std::vector<Entry> entries = entries_of(cache);
  std::int64_t total = 0;
  for (const Entry& entry : entries) total += entry.bytes;
  for (const Entry& entry : entries) {
    if (total <= limit) return;
    if (entry.path == kept) continue;
    const fs::path away = cache / fmt::format("{}{}-{}", unfinished_prefix, ::getpid(),
                                              entry.path.filename().string());
    if (::rename(entry.path.c_str(), away.c_str()) != 0) continue;
    std::error_code ignored;
    fs::remove_all(away, ignored);
    total -= entry.bytes;
  }
}

/// Exit code of a program, with its output in a file; -1 if it could not be run.
int run_program(const std::vector<std::string>& command, const fs::path& log) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t child = 0;
  const int error = posix_spawn(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return -1;
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// Loads an object. The OpenMP runtime that came with it stays for good: its idle threads do, too.
void* open_object(const fs::path& path) {
  void* handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return nullptr;
  void* of_runtime = ::dlsym(handle, "omp_get_num_threads");
  Dl_info where{};
  if (of_runtime != nullptr && ::dladdr(of_runtime, &where) != 0) {
    static_cast<void>(::dlopen(where.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE));
  }
  return handle;
}

class Builder {
 public:
  Builder(const std::string& source, const std::vector<std::string>& flags,
          Diagnostics& diagnostics)
      : flags_(flags), compiler_(find_c_compiler()), diagnostics_(diagnostics) {
    text_ = fmt::format("// {}\n// {}\n{}", identity(compiler_), fmt::join(flags, " "), source);
    name_ = digest(text_);
  }

  Result<SharedObject> run() {
    const fs::path cache = cache_folder();
    if (!cache.empty()) {
      if (auto known = take(cache / name_)) return known;
    }
    if (compiler_.empty()) {
      diagnostics_.report({}, messages::no_c_compiler);
      return std::nullopt;
    }
    if (!cache.empty()) {
      remove_abandoned(cache);
      Folder folder(make_folder(cache));
      if (!folder.path().empty() && compile(folder.path())) {
        auto object = publish(folder, cache / name_);
        tidy_cache(cache.string(), (cache / name_).string());
        return object;
      }
    }
    // No cache, or no room in it.
    std::error_code fault;
    const fs::path temporary = fs::temp_directory_path(fault);
    Folder folder(fault ? fs::path() : make_folder(temporary));
    if (folder.path().empty()) {
      diagnostics_.report({}, messages::no_build_folder, cache.string(), temporary.string());
      return std::nullopt;
    }
    if (!compile(folder.path())) {
      diagnostics_.report({}, messages::c_compiler_failed, compiler_,
                          read_file(folder.path() / log_name).value_or(""));
      return std::nullopt;
    }
    return load(folder.path());
  }

 private:
  /// An entry of the cache, if it is whole and of this very source.
  [[nodiscard]] std::optional<SharedObject> take(const fs::path& entry) const {
    const auto checksum = read_file(entry / checksum_name);
    if (!checksum || read_file(entry / source_name) != text_) return std::nullopt;
    const auto object = read_file(entry / object_name);
    if (!object || digest(*object) != *checksum) return std::nullopt;
    void* handle = open_object(entry / object_name);
    if (handle == nullptr) return std::nullopt;
    ::utimensat(AT_FDCWD, (entry / checksum_name).c_str(), nullptr, 0);  // used just now
    return SharedObject(handle);
  }

  [[nodiscard]] bool compile(const fs::path& folder) const {
    if (!write_file(folder / source_name, text_)) return false;
    std::vector<std::string> command{compiler_};
    command.insert(command.end(), flags_.begin(), flags_.end());
    for (const std::string& word :
         {std::string("-shared"), std::string("-fPIC"), std::string("-pipe"), std::string("-o"),
          (folder / object_name).string(), (folder / source_name).string(), std::string("-lm")}) {
      command.push_back(word);
    }
    if (run_program(command, folder / log_name) != 0) return false;
    const auto object = read_file(folder / object_name);
    return object && write_file(folder / checksum_name, digest(*object));
  }

  /// Gives a folder its name in the cache, in one step. Whoever was faster has made the same.
  Result<SharedObject> publish(Folder& folder, const fs::path& entry) {
    auto loaded = load(folder.path());
    if (!loaded) return loaded;
    if (::rename(folder.path().c_str(), entry.c_str()) == 0) {
      folder.keep();
      return loaded;
    }
    const bool is_whole = take(entry).has_value();
    if (is_whole) return loaded;
    // What stands there is broken: it makes room.
    const fs::path away = folder.path().string() + "-old";
    if (::rename(entry.c_str(), away.c_str()) == 0) {
      const Folder removed(away);
      if (::rename(folder.path().c_str(), entry.c_str()) == 0) folder.keep();
    }
    return loaded;
  }

  Result<SharedObject> load(const fs::path& folder) {
    void* handle = open_object(folder / object_name);
    if (handle != nullptr) return SharedObject(handle);
    const char* why = ::dlerror();
    diagnostics_.report({}, messages::object_not_loaded, why == nullptr ? "unknown" : why);
    return std::nullopt;
  }

  const std::vector<std::string>& flags_;
  std::string compiler_;
  Diagnostics& diagnostics_;
  std::string text_;
  std::string name_;
};

}  // namespace

SharedObject& SharedObject::operator=(SharedObject&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}

SharedObject::~SharedObject() {
  if (handle_ != nullptr) ::dlclose(handle_);
}

void* SharedObject::find(const char* symbol) const { return ::dlsym(handle_, symbol); }

std::string find_c_compiler() {
  const char* chosen = std::getenv("SEPTRAN_CC");
  const std::string name = chosen != nullptr && *chosen != '\0' ? chosen : "cc";
  const auto runs = [](const fs::path& path) { return ::access(path.c_str(), X_OK) == 0; };
  if (name.find('/') != std::string::npos) return runs(name) ? name : "";
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const fs::path candidate = fs::path(folder.empty() ? "." : folder) / name;
    std::error_code ignored;
    if (fs::is_regular_file(candidate, ignored) && runs(candidate)) return candidate.string();
  }
  return "";
}

std::string cache_folder() {
  const auto value = [](const char* name) -> std::string {
    const char* text = std::getenv(name);
    return text == nullptr ? "" : text;
  };
  if (std::string chosen = value("SEPTRAN_CACHE"); !chosen.empty()) return chosen;
  if (const std::string base = value("XDG_CACHE_HOME"); !base.empty()) return base + "/septran";
  if (const std::string home = value("HOME"); !home.empty()) return home + "/.cache/septran";
  return "";
}

void tidy_cache(const std::string& cache, const std::string& kept) {
  remove_abandoned(cache);
  make_room(cache, kept);
}

std::int64_t cache_limit_bytes() {
  const char* text = std::getenv("SEPTRAN_CACHE_LIMIT");
  if (text == nullptr) return default_limit_bytes;
  char* end = nullptr;
  errno = 0;
  const std::int64_t mebibytes = std::strtoll(text, &end, 10);
  const bool fine = end != text && *end == '\0' && errno == 0 && mebibytes >= 0;
  return fine ? std::min(mebibytes, std::int64_t{1} << 40) << 20 : default_limit_bytes;
}

Result<SharedObject> build_shared_object(const std::string& source,
                                         const std::vector<std::string>& flags,
                                         Diagnostics& diagnostics) {
  return Builder(source, flags, diagnostics).run();
}

}  // namespace septran::runtime
