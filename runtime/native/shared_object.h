// From C to a loaded shared object: the system's compiler, with a cache on disk.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/base/diagnostic.h"

namespace septran::runtime {

/// A shared object that is loaded as long as this lives.
class SharedObject {
 public:
  explicit SharedObject(void* handle) : handle_(handle) {}
  SharedObject(SharedObject&& other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }
  SharedObject& operator=(SharedObject&& other) noexcept;
  SharedObject(const SharedObject&) = delete;
  SharedObject& operator=(const SharedObject&) = delete;
  ~SharedObject();
  /// Address of an exported function or object, or null.
  [[nodiscard]] void* find(const char* symbol) const;

 private:
  void* handle_;
};

/// The C compiler: $SEPTRAN_CC, else cc in $PATH; empty if there is none.
std::string find_c_compiler();
/// Where compiled kernels are kept: $SEPTRAN_CACHE, else $XDG_CACHE_HOME/septran, else
/// ~/.cache/septran; empty if none of these is set.
std::string cache_folder();
/// How much may lie there: $SEPTRAN_CACHE_LIMIT in MiB, 1024 if that is not set or no number.
std::int64_t cache_limit_bytes();

/// Removes from the cache what processes left unfinished that were killed, and beyond the limit
/// what was not used for the longest time, by the times of entries that are files and of the
/// checksums of those that are folders. The entry `kept` stays.
void tidy_cache(const std::string& cache, const std::string& kept);
/// What the names of unfinished entries begin with; who makes an entry renames it at the end.
inline constexpr const char* unfinished_prefix = "unfinished-";

/// Compiles `source` with `flags` and loads it. A result is kept under a name made from source,
/// flags and compiler, and is only taken from there if the source is the very same and the object
/// has the checksum that was written with it; so broken entries are made anew, and processes that
/// make one entry at once do not disturb each other. Beyond the limit, what was not used for the
/// longest time is removed. Where the cache cannot be written, the object is made in a temporary
/// folder.
Result<SharedObject> build_shared_object(const std::string& source,
                                         const std::vector<std::string>& flags,
                                         Diagnostics& diagnostics);

}  // namespace septran::runtime
