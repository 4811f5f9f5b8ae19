// Executes a tile program, at any stage of its lowering, sequentially with the golden kernels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compiler/tile/program.h"

namespace septran::tile {

struct InterpretOptions {
  /// Tensors with an offset lie in one image of their memory, at their offset and slot and with
  /// their strides, so that buffers placed over each other overwrite each other. Without it every
  /// `alloc` makes fresh storage of its own.
  bool placed = false;
  /// Sizes of memories in bytes, for `placed`; a memory that is not named is as large as what lies
  /// in it.
  std::map<std::string, std::int64_t> memory_bytes;
  /// Operations and loop trips in all before the run is given up.
  std::int64_t max_steps = 100'000'000;
};

/// Runs the program on its arguments: those tensors of kind argument, in the order of the table,
/// each as dense row-major bytes of its storage type. Storage of temporaries and buffers starts
/// poisoned (all bits set: NaN in every float type). Parallel loops run in order, the workers of a
/// shared loop one after another; syncs and barriers do nothing. Returns nothing on success, else
/// what went wrong: an element outside its tensor, a buffer without storage, a view of a view that
/// cannot be said, shapes that do not fit.
std::optional<std::string> interpret(const Program& program,
                                     std::span<const std::span<std::byte>> arguments,
                                     const InterpretOptions& options = {});

/// Bytes of an argument or buffer as dense row-major elements of its storage type; nothing if its
/// shape is not constant, is negative or is too large for any memory.
std::optional<std::int64_t> dense_bytes(const Tensor& tensor);

}  // namespace septran::tile
