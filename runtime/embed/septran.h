// SepTran inside another program: a kernel is compiled once and called any number of times on
// memory of the program's own.
//
//   septran::embed::Request request{"gemm.py", "cpu.yaml"};
//   request.definitions = {{"M", "512"}, {"N", "512"}, {"K", "512"}};
//   auto compiled = septran::embed::compile(request);
//   if (const auto* error = std::get_if<septran::embed::Error>(&compiled)) ...
//   const auto& gemm = std::get<septran::embed::Kernel>(compiled);
//   if (const auto error = gemm.call({{c}, {a}, {b}})) ...
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "compiler/base/dtype.h"

namespace septran::embed {

/// What to compile; as on the command line.
struct Request {
  std::string logic;        // path of the logic file
  std::string mapping;      // path of the mapping file, for a target of family cpu
  std::string target = {};  // name or path of a description; empty: the mapping's
  /// Dimensions and scalars of the entry task: {"M", "512"}.
  std::vector<std::pair<std::string, std::string>> definitions = {};
  DType dtype = DType::f32;                  // of parameters that their annotation leaves open
  std::map<std::string, DType> dtypes = {};  // of single parameters
};

/// Why something could not be done.
struct Error {
  std::string code;  // of the first error; stable, as documented by the messages
  std::string text;  // all that there is to say, with the places in the files
};

/// A tensor parameter of the entry task.
struct TensorInfo {
  std::string name;
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;
  bool is_input = false;   // its values are read
  bool is_output = false;  // its values are written
};

/// The caller's memory for one tensor. Shape and strides (in elements) are optional; what is given
/// is checked: kernels take the shape that they were compiled for, dense and row-major.
struct Buffer {
  void* data = nullptr;
  std::span<const std::int64_t> shape = {};
  std::span<const std::int64_t> strides = {};
};

/// A compiled kernel. Copies share it. It may be called from several threads at once.
class Kernel {
 public:
  /// The parameters, in the order in which call() takes their buffers.
  [[nodiscard]] std::span<const TensorInfo> tensors() const;

  /// Runs on these buffers, in place, without copies, and returns when all outputs are written.
  /// Buffers that are written overlap no other. An error means that nothing was touched: a wrong
  /// number of buffers, a null pointer for a tensor that is used, a pointer that is not aligned to
  /// its elements, another shape, other strides, an overlap.
  [[nodiscard]] std::optional<Error> call(std::span<const Buffer> buffers) const;
  [[nodiscard]] std::optional<Error> call(std::initializer_list<Buffer> buffers) const {
    return call(std::span(buffers.begin(), buffers.size()));
  }

 private:
  struct State;
  explicit Kernel(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  friend std::variant<Kernel, Error> compile(const Request& request);
  std::shared_ptr<const State> state_;
};

/// Compiles for this machine's processor. May be called from several threads at once. Compiled
/// kernels are kept on disk ($SEPTRAN_CACHE, default ~/.cache/septran).
[[nodiscard]] std::variant<Kernel, Error> compile(const Request& request);

}  // namespace septran::embed
