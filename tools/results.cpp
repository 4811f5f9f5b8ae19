#include "tools/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "compiler/base/count.h"
#include "compiler/base/messages.h"
#include "compiler/reference/reference.h"
#include "compiler/tile/arithmetic.h"
#include "runtime/compare.h"
#include "runtime/npy.h"

namespace septran::tools {

bool check_names(std::span<const KernelTensor> tensors, const Request& request,
                 Diagnostics& diagnostics) {
  std::vector<std::string> known;  // a tensor that is not needed with these definitions too
  std::vector<std::string> outputs;
  for (const KernelTensor& tensor : tensors) {
    known.push_back(tensor.name);
    if (tensor.is_output) outputs.push_back(tensor.name);
  }
  const auto has = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  bool fine = true;
  const auto check = [&](const auto& files, const char* option) {
    for (const auto& [name, path] : files) {
      if (has(known, name)) continue;
      diagnostics.report({}, messages::unknown_tensor_option, option, name,
                         fmt::format("{}", fmt::join(known, ", ")));
      fine = false;
    }
  };
  check(request.inputs, "--in");
  check(request.outputs, "--out");
  for (const auto& [name, path] : request.outputs) {
    if (!has(known, name) || has(outputs, name)) continue;
    diagnostics.report(
        {}, messages::out_not_written, name,
        outputs.empty() ? std::string("nothing") : fmt::format("{}", fmt::join(outputs, ", ")));
    fine = false;
  }
  return fine;
}

std::optional<std::vector<HostTensor>> make_tensors(std::span<const KernelTensor> tensors,
                                                    const Options& options, const Request& request,
                                                    Diagnostics& diagnostics) {
  std::vector<HostTensor> made;
  for (const KernelTensor& tensor : tensors) {
    HostTensor& host = made.emplace_back();
    if (!tensor.is_used()) continue;
    const auto file = request.inputs.find(tensor.name);
    auto result = file != request.inputs.end()
                      ? runtime::read_npy(file->second, tensor.dtype, tensor.shape, diagnostics)
                      : runtime::make_tensor(tensor.dtype, tensor.shape, diagnostics);
    if (!result) return std::nullopt;
    host = std::move(*result);
    if (tensor.is_input && file == request.inputs.end()) {
      runtime::fill_random(host, request.values, options.seed, tensor.name);
    }
  }
  return made;
}

std::optional<lang::TunableValue> reference_tunable(const Compiled& compiled,
                                                    const std::string& name) {
  const auto at = compiled.tunables.find(name);
  return at == compiled.tunables.end() ? std::nullopt : std::optional(at->second);
}

namespace {

/// A pointer for each argument of the entry task; null for scalars and what is not used.
template <typename Pointer, typename Tensors>
std::vector<Pointer> pointers(const Compiled& compiled, Tensors& tensors) {
  std::vector<Pointer> result(compiled.entry.arguments.size());
  std::size_t next = 0;  // tensor arguments come first, in order
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (std::holds_alternative<lang::EntryTensor>(compiled.entry.arguments[i])) {
      auto& bytes = tensors[next++].bytes;
      if (!bytes.empty()) result[i] = bytes.data();
    }
  }
  return result;
}

/// Bounds of each tensor's elements; nothing if the reference found a fault.
std::optional<std::vector<reference::Enclosure>> enclose_results(
    const Compiled& compiled, std::span<const KernelTensor> tensors, const Options& options,
    const Request& request, Diagnostics& diagnostics) {
  const auto inputs = make_tensors(tensors, options, request, diagnostics);
  if (!inputs) return std::nullopt;
  reference::Options evaluation;
  evaluation.tunables = [&](const std::string& name) { return reference_tunable(compiled, name); };
  return reference::enclose(compiled.module, compiled.entry,
                            pointers<const std::byte*>(compiled, *inputs), evaluation, diagnostics);
}

}  // namespace

std::optional<UsedTunables> run_reference(const Compiled& compiled,
                                          std::vector<HostTensor>& tensors,
                                          Diagnostics& diagnostics) {
  UsedTunables used;
  reference::Options options;
  options.tunables = [&](const std::string& name) {
    return used[name] = reference_tunable(compiled, name);
  };
  const auto arguments = pointers<std::byte*>(compiled, tensors);
  if (!reference::run(compiled.module, compiled.entry, arguments, options, diagnostics)) {
    return std::nullopt;
  }
  return used;
}

std::string to_text(const Verdict& verdict) {
  std::string text = verdict.ok ? "ok" : "WRONG";
  if (verdict.incomparable_elements > 0) {
    text +=
        fmt::format("; {:element} cannot be compared, as {:~its/their} errors have no known bounds",
                    Counted{verdict.incomparable_elements}, Counted{verdict.incomparable_elements});
  }
  return text + fmt::format(" (max abs error {:.3g}, relative error {:.3g})", verdict.max_abs_error,
                            verdict.relative_error);
}

nlohmann::ordered_json to_json(const Verdict& verdict) {
  return {{"ok", verdict.ok},
          {"max_abs_error", verdict.max_abs_error},
          {"relative_error", verdict.relative_error},
          {"incomparable_elements", verdict.incomparable_elements}};
}

std::optional<Verdict> compare_outputs(const Compiled& compiled,
                                       std::span<const KernelTensor> tensors,
                                       const Options& options, const Request& request,
                                       const std::vector<HostTensor>& results,
                                       const std::vector<HostTensor>& golden,
                                       Diagnostics& diagnostics) {
  runtime::Arithmetic arithmetic;
  arithmetic.additions = compiled.arithmetic.additions;
  arithmetic.transcendentals = compiled.arithmetic.transcendentals;
  arithmetic.intermediates = compiled.arithmetic.intermediates;
  const tile::ShortProducts products = tile::short_products(compiled.tile);
  arithmetic.factor_bits = products.factor_bits;
  arithmetic.sum_bits = products.sum_bits;
  arithmetic.short_products = products.products;
  arithmetic.exact = request.values == runtime::Values::integers &&
                     arithmetic.transcendentals == 0 && arithmetic.intermediates.empty() &&
                     products.products <= 1 && products.sum_bits == 0;
  std::optional<std::vector<reference::Enclosure>> bounds;
  Verdict verdict;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (!tensors[i].is_output) continue;
    auto comparison = runtime::compare(results[i], golden[i], arithmetic);
    if (!comparison.ok) {
      if (!bounds) bounds = enclose_results(compiled, tensors, options, request, diagnostics);
      if (!bounds) return std::nullopt;
      const reference::Enclosure& mine = (*bounds)[i];
      comparison = runtime::compare(results[i], golden[i], arithmetic, mine.low, mine.high);
    }
    runtime::report_wrong_result(comparison, tensors[i].name, diagnostics);
    verdict.ok = verdict.ok && comparison.ok;
    verdict.incomparable_elements += comparison.incomparable_elements;
    verdict.max_abs_error = std::max(verdict.max_abs_error, comparison.max_abs_error);
    verdict.relative_error = std::max(verdict.relative_error, comparison.relative_error);
  }
  return verdict;
}

bool lacks_component(const Diagnostics& diagnostics) {
  return std::any_of(diagnostics.all().begin(), diagnostics.all().end(), [](const auto& one) {
    return one.code == messages::cpu_lacks.code || one.code == messages::no_c_compiler.code ||
           one.code == messages::no_gpu.code || one.code == messages::no_gpu_compiler.code ||
           one.code == messages::gpu_other_architecture.code;
  });
}

}  // namespace septran::tools
