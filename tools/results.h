// A kernel's tensors and what becomes of them: inputs from files or random, the reference's result,
// the comparison with it.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/kernel.h"
#include "tools/compile.h"

namespace septran::tools {

using runtime::HostTensor;
using runtime::KernelTensor;

/// Whether the names given to --in and --out are tensors of the kernel, outputs written by it.
bool check_names(std::span<const KernelTensor> tensors, const Request& request,
                 Diagnostics& diagnostics);

/// Host tensors, one for each of the kernel's: from --in, else random, outputs zero. What the
/// kernel does not use stays empty.
std::optional<std::vector<HostTensor>> make_tensors(std::span<const KernelTensor> tensors,
                                                    const Options& options, const Request& request,
                                                    Diagnostics& diagnostics);

/// Tunables that the reference asked for, and the values that it was given.
using UsedTunables = std::map<std::string, std::optional<lang::TunableValue>>;

/// The value of a tunable for the reference: the mapping's, where its instances agree.
std::optional<lang::TunableValue> reference_tunable(const Compiled& compiled,
                                                    const std::string& name);

/// The reference's result in place of the tensors; nothing if it found a fault.
std::optional<UsedTunables> run_reference(const Compiled& compiled,
                                          std::vector<HostTensor>& tensors,
                                          Diagnostics& diagnostics);

struct Verdict {
  bool ok = true;
  double max_abs_error = 0;
  double relative_error = 0;
  std::int64_t incomparable_elements = 0;  // see runtime::Comparison
};
/// What users read: "ok", "WRONG", or how many elements could not be compared; and the errors.
std::string to_text(const Verdict& verdict);
/// The same for programs; `incomparable_elements` where there are some.
nlohmann::ordered_json to_json(const Verdict& verdict);
/// Compares every output; a wrong one is reported. Results that the sizes of the outputs do not
/// explain are held against bounds of every element, which takes several times as long as the
/// reference (and the inputs are made anew). Nothing if that failed, which is reported.
std::optional<Verdict> compare_outputs(const Compiled& compiled,
                                       std::span<const KernelTensor> tensors,
                                       const Options& options, const Request& request,
                                       const std::vector<HostTensor>& results,
                                       const std::vector<HostTensor>& golden,
                                       Diagnostics& diagnostics);

/// Whether what kept a kernel from being loaded is a component that this machine lacks.
bool lacks_component(const Diagnostics& diagnostics);

}  // namespace septran::tools
