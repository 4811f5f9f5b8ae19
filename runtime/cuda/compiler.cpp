#include "runtime/cuda/compiler.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <vector>

#include "compiler/base/messages.h"
#include "runtime/native/shared_object.h"

namespace septran::runtime {
namespace {

namespace fs = std::filesystem;

using Program = void*;

/// NVRTC's functions by their own names; 0 is success.
struct Nvrtc {
  // NOLINTBEGIN(readability-identifier-naming)
  int (*nvrtcVersion)(int* major, int* minor) = nullptr;
  int (*nvrtcCreateProgram)(Program*, const char* source, const char* name, int headers,
                            const char* const* texts, const char* const* names) = nullptr;
  int (*nvrtcCompileProgram)(Program, int options, const char* const*) = nullptr;
  int (*nvrtcDestroyProgram)(Program*) = nullptr;
  int (*nvrtcGetProgramLogSize)(Program, std::size_t*) = nullptr;
  int (*nvrtcGetProgramLog)(Program, char*) = nullptr;
  int (*nvrtcGetPTXSize)(Program, std::size_t*) = nullptr;
  int (*nvrtcGetPTX)(Program, char*) = nullptr;
  int (*nvrtcGetCUBINSize)(Program, std::size_t*) = nullptr;
  int (*nvrtcGetCUBIN)(Program, char*) = nullptr;
  // NOLINTEND(readability-identifier-naming)
  bool is_there = false;
  int major = 0;
  int minor = 0;
};

std::vector<std::string> library_names() {
  std::vector<std::string> names;
  if (const char* chosen = std::getenv("SEPTRAN_NVRTC"); chosen != nullptr && *chosen != '\0') {
    return {chosen};
  }
  for (const char* version : {"13", "12"}) names.push_back(fmt::format("libnvrtc.so.{}", version));
  std::vector<std::string> homes{"/usr/local/cuda"};
  for (const char* variable : {"CUDA_HOME", "CUDA_PATH"}) {
    if (const char* home = std::getenv(variable)) homes.insert(homes.begin(), home);
  }
  for (const std::string& home : homes) {
    for (const char* folder : {"lib64", "lib", "targets/x86_64-linux/lib"}) {
      for (const char* version : {"13", "12"}) {
        names.push_back(fmt::format("{}/{}/libnvrtc.so.{}", home, folder, version));
      }
    }
  }
  return names;
}

Nvrtc load() {
  Nvrtc n;
  void* library = nullptr;
  for (const std::string& name : library_names()) {
    library = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library != nullptr) break;
  }
  if (library == nullptr) return n;
  bool all = true;
  const auto take = [&](auto& function, const char* name) {
    function =
        reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, name));
    all &= function != nullptr;
  };
  take(n.nvrtcVersion, "nvrtcVersion");
  take(n.nvrtcCreateProgram, "nvrtcCreateProgram");
  take(n.nvrtcCompileProgram, "nvrtcCompileProgram");
  take(n.nvrtcDestroyProgram, "nvrtcDestroyProgram");
  take(n.nvrtcGetProgramLogSize, "nvrtcGetProgramLogSize");
  take(n.nvrtcGetProgramLog, "nvrtcGetProgramLog");
  take(n.nvrtcGetPTXSize, "nvrtcGetPTXSize");
  take(n.nvrtcGetPTX, "nvrtcGetPTX");
  take(n.nvrtcGetCUBINSize, "nvrtcGetCUBINSize");
  take(n.nvrtcGetCUBIN, "nvrtcGetCUBIN");
  n.is_there = all && n.nvrtcVersion(&n.major, &n.minor) == 0;
  return n;
}

const Nvrtc& nvrtc() {
  static const Nvrtc loaded = load();  // as long as the process
  return loaded;
}

std::uint64_t fnv1a(std::string_view text, std::uint64_t hash) {
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3ULL;
  }
  return hash;
}

std::string digest(std::string_view text) {
  return fmt::format("{:016x}{:016x}", fnv1a(text, 0xcbf29ce484222325ULL),
                     fnv1a(text, 0x9ae16a3b2f90404fULL));
}

/// One file an entry: the key, a line with the code's digest, the code.
class CubinCache {
 public:
  explicit CubinCache(std::string key) : key_(std::move(key)) {
    const std::string folder = cache_folder();
    if (!folder.empty()) path_ = fs::path(folder) / ("gpu-" + digest(key_));
  }

  [[nodiscard]] std::optional<std::string> find() const {
    if (path_.empty()) return std::nullopt;
    std::ifstream in(path_, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) return std::nullopt;
    const std::string all = std::move(text).str();
    constexpr std::size_t line = 33;  // a digest and the end of its line
    if (all.size() < key_.size() + line || all.compare(0, key_.size(), key_) != 0) {
      return std::nullopt;
    }
    std::string code = all.substr(key_.size() + line);
    if (all.compare(key_.size(), line, digest(code) + "\n") != 0) return std::nullopt;
    ::utimensat(AT_FDCWD, path_.c_str(), nullptr, 0);  // used just now
    return code;
  }

  /// In one step; where that fails, there is no entry.
  void keep(const std::string& code) const {
    if (path_.empty()) return;
    std::error_code fault;
    const fs::path folder = path_.parent_path();
    fs::create_directories(folder, fault);
    std::string unfinished =
        (folder / fmt::format("{}{}-XXXXXX", unfinished_prefix, ::getpid())).string();
    const int file = ::mkstemp(unfinished.data());
    if (file < 0) return;
    ::close(file);
    std::ofstream out(unfinished, std::ios::binary);
    out << key_ << digest(code) << "\n" << code;
    out.close();
    if (out.good()) fs::rename(unfinished, path_, fault);
    if (!out.good() || fault) fs::remove(unfinished, fault);
    tidy_cache(folder.string(), path_.string());
  }

 private:
  std::string key_;
  fs::path path_;
};

std::string log_of(const Nvrtc& n, Program program) {
  std::size_t size = 0;
  if (n.nvrtcGetProgramLogSize(program, &size) != 0 || size == 0) return "";
  std::string log(size, '\0');
  n.nvrtcGetProgramLog(program, log.data());
  while (!log.empty() && log.back() == '\0') log.pop_back();
  return log;
}

std::optional<std::string> code_of(const Nvrtc& n, Program program, GpuCode kind) {
  std::size_t size = 0;
  const bool is_ptx = kind == GpuCode::ptx;
  if ((is_ptx ? n.nvrtcGetPTXSize : n.nvrtcGetCUBINSize)(program, &size) != 0) return std::nullopt;
  std::string code(size, '\0');
  if ((is_ptx ? n.nvrtcGetPTX : n.nvrtcGetCUBIN)(program, code.data()) != 0) return std::nullopt;
  if (is_ptx && !code.empty() && code.back() == '\0') code.pop_back();
  return code;
}

}  // namespace

Result<std::string> compile_gpu_code(const std::string& source, const std::string& architecture,
                                     GpuCode kind, Diagnostics& diagnostics) {
  const Nvrtc& n = nvrtc();
  if (!n.is_there) {
    diagnostics.report({}, messages::no_gpu_compiler);
    return std::nullopt;
  }
  const CubinCache cache(fmt::format("// NVRTC {}.{} {} {}\n{}", n.major, n.minor, architecture,
                                     kind == GpuCode::ptx ? "ptx" : "cubin", source));
  if (auto known = cache.find()) return known;
  Program program = nullptr;
  if (n.nvrtcCreateProgram(&program, source.c_str(), "kernel.cu", 0, nullptr, nullptr) != 0) {
    diagnostics.report({}, messages::gpu_compiler_failed, "it takes no program");
    return std::nullopt;
  }
  const std::string target = "--gpu-architecture=" + architecture;
  const char* const options[] = {target.c_str(), "--std=c++17",
                                 "--device-as-default-execution-space", "--disable-warnings"};
  const int fault = n.nvrtcCompileProgram(program, 3, options);
  std::optional<std::string> code;
  if (fault == 0) code = code_of(n, program, kind);
  if (!code) diagnostics.report({}, messages::gpu_compiler_failed, log_of(n, program));
  n.nvrtcDestroyProgram(&program);
  if (!code) return std::nullopt;
  cache.keep(*code);
  return code;
}

}  // namespace septran::runtime
