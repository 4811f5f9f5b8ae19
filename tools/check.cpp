#include "tools/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "compiler/base/count.h"
#include "compiler/base/messages.h"
#include "runtime/backends/backends.h"
#include "runtime/file.h"
#include "tools/results.h"

namespace septran::tools {
namespace {

using Json = nlohmann::ordered_json;

/// What became of one mapping.
struct Row {
  std::string mapping;
  std::string target;
  int code = exit_bad_input;
  std::string verdict;
  std::optional<Verdict> errors;
  std::optional<runtime::Measurement> measured;
  std::vector<std::string> diagnostics;
};

/// Inputs and the reference's results, for all mappings whose entry and tunables agree.
struct Golden {
  std::string entry_task;
  std::vector<runtime::KernelTensor> tensors;
  UsedTunables tunables;
  std::vector<HostTensor> inputs;
  std::vector<HostTensor> results;
};

bool same_tensors(std::span<const runtime::KernelTensor> a,
                  std::span<const runtime::KernelTensor> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.name == y.name && x.dtype == y.dtype && x.shape == y.shape &&
           x.is_input == y.is_input && x.is_output == y.is_output;
  });
}

class Checker {
 public:
  Checker(const Options& options, const Request& request, SourceManager& sources)
      : options_(options), request_(request), sources_(sources) {}

  Row check(const std::string& mapping, Diagnostics& diagnostics) {
    Row row;
    row.mapping = mapping;
    run(row, diagnostics);
    if (row.verdict.empty()) row.verdict = "refused";
    for (const Diagnostic& diagnostic : diagnostics.all()) {
      if (row.verdict == "refused" && diagnostic.severity == Severity::error) {
        row.verdict += fmt::format(": error[{}]", diagnostic.code);
      }
      row.diagnostics.push_back(render(diagnostic, sources_, false));
    }
    return row;
  }

 private:
  void run(Row& row, Diagnostics& diagnostics);
  static void tell_not_loaded(Row& row, const Diagnostics& diagnostics);
  void compare(Row& row, const Compiled& compiled, std::span<const runtime::KernelTensor> tensors,
               const std::vector<HostTensor>& results, const Golden& golden,
               Diagnostics& diagnostics);
  const Golden* golden_for(const Compiled& compiled, std::span<const runtime::KernelTensor> tensors,
                           Diagnostics& diagnostics);

  const Options& options_;
  const Request& request_;
  SourceManager& sources_;
  std::vector<std::unique_ptr<Golden>> golden_;
};

const Golden* Checker::golden_for(const Compiled& compiled,
                                  std::span<const runtime::KernelTensor> tensors,
                                  Diagnostics& diagnostics) {
  for (const auto& known : golden_) {
    const bool same =
        known->entry_task == compiled.entry.task->name && same_tensors(known->tensors, tensors) &&
        std::all_of(known->tunables.begin(), known->tunables.end(), [&](const auto& entry) {
          return reference_tunable(compiled, entry.first) == entry.second;
        });
    if (same) return known.get();
  }
  auto fresh = std::make_unique<Golden>();
  fresh->entry_task = compiled.entry.task->name;
  fresh->tensors.assign(tensors.begin(), tensors.end());
  auto inputs = make_tensors(tensors, options_, request_, diagnostics);
  if (!inputs) return nullptr;
  fresh->inputs = std::move(*inputs);
  if (!options_.no_check) {
    fresh->results = fresh->inputs;
    auto used = run_reference(compiled, fresh->results, diagnostics);
    if (!used) return nullptr;
    fresh->tunables = std::move(*used);
  }
  golden_.push_back(std::move(fresh));
  return golden_.back().get();
}

void Checker::tell_not_loaded(Row& row, const Diagnostics& diagnostics) {
  if (lacks_component(diagnostics)) row.code = exit_missing_component;
  const bool no_gpu =
      std::any_of(diagnostics.all().begin(), diagnostics.all().end(),
                  [](const Diagnostic& one) { return one.code == messages::no_gpu.code; });
  if (no_gpu) row.verdict = "no GPU here";
}

void Checker::run(Row& row, Diagnostics& diagnostics) {
  Options one = options_;
  one.mappings = {row.mapping};
  const auto compiled = compile(one, request_, sources_, diagnostics);
  if (!compiled) return;
  row.target = compiled->machine.name;
  const runtime::Backend* backend = runtime::find_backend(compiled->machine.family);
  if (backend == nullptr || backend->load == nullptr) {
    diagnostics.report({}, messages::backend_missing, row.target,
                       backend == nullptr ? "a backend for it" : backend->needs);
    row.code = exit_missing_component;
    return;
  }
  const auto kernel = backend->load(compiled->tile, compiled->machine, diagnostics);
  if (!kernel) return tell_not_loaded(row, diagnostics);
  const auto tensors = (*kernel)->tensors();
  if (!check_names(tensors, request_, diagnostics)) return;
  const Golden* golden = nullptr;
  std::vector<HostTensor> host;
  if (!options_.timing_only) {
    golden = golden_for(*compiled, tensors, diagnostics);
    if (golden == nullptr) return;
    host = golden->inputs;
  }
  runtime::RunOptions run;
  run.timing_only = options_.timing_only;
  run.check_hazards = options_.check_hazards;
  const auto result = (*kernel)->run(host, run, diagnostics);
  if (!result) return;
  if (const auto* stopped = std::get_if<runtime::Stopped>(&*result)) {
    fmt::print(stderr, "{}: {}", row.mapping, stopped->text);
    row.diagnostics.push_back(stopped->text);
    row.verdict = stopped->kind;
    row.code = exit_trap;
    return;
  }
  row.measured = std::get<runtime::Measurement>(*result);
  row.code = exit_fine;
  row.verdict = "not checked";
  if (golden == nullptr || options_.no_check) return;
  compare(row, *compiled, tensors, host, *golden, diagnostics);
}

void Checker::compare(Row& row, const Compiled& compiled,
                      std::span<const runtime::KernelTensor> tensors,
                      const std::vector<HostTensor>& results, const Golden& golden,
                      Diagnostics& diagnostics) {
  row.errors =
      compare_outputs(compiled, tensors, options_, request_, results, golden.results, diagnostics);
  if (!row.errors) {
    row.verdict.clear();
    row.code = exit_bad_input;
    return;
  }
  row.verdict = !row.errors->ok                         ? "WRONG"
                : row.errors->incomparable_elements > 0 ? "not comparable"
                                                        : "ok";
  row.code = row.errors->ok ? exit_fine : exit_wrong_result;
}

std::string or_dash(bool known, const std::string& text) { return known ? text : "-"; }

std::string line(std::size_t width, const Row& row) {
  const auto& m = row.measured;
  std::string time = "-";
  if (m && m->cycles) time = fmt::format("{:cycle}", Counted{*m->cycles});
  if (m && !m->cycles && m->seconds) time = fmt::format("{:.3f} ms", *m->seconds * 1e3);
  return fmt::format(
      "{:<{}}  {:<12} {:>13} {:>14} {:>16} {:>8}  {}\n", row.mapping, width,
      or_dash(!row.target.empty(), row.target),
      row.errors ? fmt::format("{:.3g}", row.errors->max_abs_error) : "-",
      row.errors ? fmt::format("{:.3g}", row.errors->relative_error) : "-", time,
      m && m->mma_utilization ? fmt::format("{:.1f} %", 100 * *m->mma_utilization) : "-",
      row.verdict);
}

Json to_json(const Row& row) {
  Json json;
  json["mapping"] = row.mapping;
  if (!row.target.empty()) json["target"] = row.target;
  json["verdict"] = row.verdict;
  json["exit_code"] = row.code;
  if (row.errors) {
    json["result"] = to_json(*row.errors);
  }
  if (row.measured) {
    if (row.measured->cycles) json["cycles"] = *row.measured->cycles;
    if (row.measured->seconds) json["seconds"] = *row.measured->seconds;
    if (row.measured->mma_utilization) json["mma_utilization"] = *row.measured->mma_utilization;
  }
  json["diagnostics"] = row.diagnostics;
  return json;
}

/// Hands the rows' diagnostics on; what several mappings have in common is said once.
void collect(const Diagnostics& from, const Row& row, const SourceManager& sources,
             std::set<std::string>& said, Diagnostics& to) {
  for (const Diagnostic& diagnostic : from.all()) {
    Diagnostic copy = diagnostic;
    if (!copy.span.valid()) copy.text = fmt::format("{}: {}", row.mapping, copy.text);
    if (said.insert(render(copy, sources, false)).second) to.add(std::move(copy));
  }
}

}  // namespace

int check_command(const Options& options, SourceManager& sources, Diagnostics& diagnostics) {
  const auto request = read_logic_request(options, sources, diagnostics);
  if (options.mappings.empty()) diagnostics.report({}, messages::check_needs_mapping);
  if (!request || options.mappings.empty()) return exit_bad_input;
  std::size_t width = std::string_view("mapping").size();
  for (const std::string& mapping : options.mappings) width = std::max(width, mapping.size());
  say(options,
      fmt::format("{:<{}}  {:<12} {:>13} {:>14} {:>16} {:>8}  verdict\n", "mapping", width,
                  "target", "max abs error", "relative error", "cycles or time", "mma util"));
  Checker checker(options, *request, sources);
  std::set<std::string> said;
  Json json;
  json["schema_version"] = 1;
  json["logic"] = options.input;
  json["exit_code"] = exit_fine;
  json["rows"] = Json::array();
  int worst = exit_fine;
  bool any_ran = false;
  for (const std::string& mapping : options.mappings) {
    Diagnostics own;
    const Row row = checker.check(mapping, own);
    say(options, line(width, row));
    std::fflush(stdout);
    collect(own, row, sources, said, diagnostics);
    json["rows"].push_back(to_json(row));
    worst = std::max(worst, row.code);
    any_ran |= row.code == exit_fine || row.code == exit_wrong_result || row.code == exit_trap;
  }
  json["exit_code"] = worst;
  if (options.json.empty() || !any_ran) return worst;
  // Names come from files: bytes that are no UTF-8 are replaced.
  const std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  const bool written = runtime::write_file_atomically(options.json, text, diagnostics);
  return written ? worst : std::max<int>(worst, exit_bad_input);
}

}  // namespace septran::tools
