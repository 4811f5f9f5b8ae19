// The reference interpreter: runs a logic file sequentially, with no mapping. Its result is what
// every backend is held against.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compiler/base/diagnostic.h"
#include "compiler/frontend/evaluate.h"

namespace septran::reference {

/// Without a mapping, a tunable is what `tunables` gives for its name (if there is such a
/// function), else the default that the logic file states, else this integer. Results do not depend
/// on tunables; this one makes leaf calls large enough to be quick.
inline constexpr std::int64_t fallback_tunable = 128;

struct Options {
  std::function<std::optional<lang::TunableValue>(const std::string& name)> tunables;
};

/// What the program does with a tensor parameter.
struct Usage {
  bool is_read = false;
  bool is_written = false;
};

/// Runs the entry task. `tensors[p]` points to the elements of tensor parameter p in row-major
/// order without gaps, as `entry` describes them, and is null for scalars; written parameters are
/// changed in place. Gives one Usage a parameter. Errors: those of lang::evaluate, a temporary that
/// is read before it is written or that this machine has no memory for.
Result<std::vector<Usage>> run(const lang::Module& module, const lang::EntryBinding& entry,
                               std::span<std::byte* const> tensors, const Options& options,
                               Diagnostics& diagnostics);

/// Bounds between which each element of a tensor lies, on any backend that does what the language
/// says (see compiler/kernels/enclosure.h); NaN where nothing is known.
struct Enclosure {
  std::vector<double> low;
  std::vector<double> high;
};

/// Bounds of what the entry task leaves in its tensor parameters, one Enclosure a parameter, empty
/// for scalars and where `tensors` has a null. `tensors` are as run() takes them, and not changed.
/// Errors as of run(). Takes several times as long as run(), and 16 bytes an element.
Result<std::vector<Enclosure>> enclose(const lang::Module& module, const lang::EntryBinding& entry,
                                       std::span<const std::byte* const> tensors,
                                       const Options& options, Diagnostics& diagnostics);

}  // namespace septran::reference
