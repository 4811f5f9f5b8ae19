#include "tools/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "compiler/base/count.h"
#include "compiler/base/messages.h"
#include "runtime/backends/backends.h"
#include "runtime/file.h"
#include "runtime/native/peak.h"
#include "runtime/npy.h"
#include "tools/results.h"
#include "tools/work.h"

namespace septran::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr double timing_seconds = 0.3;  // what the repetitions take together
constexpr int most_repetitions = 1000;
constexpr int fewest_repetitions = 5;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// What is reported about a run.
struct Report {
  std::string target;
  std::optional<Verdict> verdict;
  runtime::Measurement measured;
  int repetitions = 1;
  std::optional<double> operations;
  double bytes = 0;  // of all inputs and outputs, each moved once
  double compile_seconds = 0;
  double load_seconds = 0;
  std::optional<runtime::Peak> peak;  // of the processor, where the time is one on it
};

std::string scaled(double value, const char* unit) {
  constexpr const char* prefixes[] = {"", "k", "M", "G", "T", "P"};
  std::size_t p = 0;
  while (value >= 1000 && p + 1 < std::size(prefixes)) {
    value /= 1000;
    ++p;
  }
  return fmt::format("{:.4g} {}{}", value, prefixes[p], unit);
}

void print(const Report& report) {
  fmt::print("target    {}\n", report.target);
  if (report.measured.cycles) fmt::print("cycles    {}\n", *report.measured.cycles);
  if (const auto seconds = report.measured.seconds) {
    fmt::print("time      {:.6g} ms", *seconds * 1e3);
    if (report.repetitions > 1) fmt::print(" (median of {})", report.repetitions);
    fmt::print("\n");
    if (report.operations) {
      const double speed = *report.operations / *seconds;
      fmt::print("speed     {}", scaled(speed, "FLOP/s"));
      if (const auto& peak = report.peak) {
        fmt::print(" ({:.1f} % of {}, measured in f32 on {:core})",
                   100 * speed / peak->operations_per_second,
                   scaled(peak->operations_per_second, "FLOP/s"), Counted{peak->cores});
      }
      fmt::print("\n");
    }
    const double traffic = report.bytes / *seconds;
    fmt::print("traffic   {} (inputs and outputs once", scaled(traffic, "B/s"));
    if (const auto& peak = report.peak) {
      fmt::print("; {:.1f} % of a copy's {}", 100 * traffic / peak->bytes_per_second,
                 scaled(peak->bytes_per_second, "B/s"));
    }
    fmt::print(")\n");
  }
  fmt::print("compile   {:.3g} ms, build and load {:.3g} ms\n", report.compile_seconds * 1e3,
             report.load_seconds * 1e3);
  if (const auto& costs = report.measured.device_costs) {
    fmt::print("device    started in {:.3g} ms, code in {:.3g} ms, loaded in {:.3g} ms",
               costs->start * 1e3, costs->code * 1e3, costs->load * 1e3);
    if (costs->launch > 0) fmt::print("; a launch takes the host {:.3g} us", costs->launch * 1e6);
    fmt::print("\n");
  }
  if (report.verdict) {
    fmt::print("result    {}\n", to_text(*report.verdict));
  } else {
    fmt::print("result    not checked\n");
  }
}

Json to_json(const Report& report) {
  Json json;
  json["schema_version"] = 1;
  json["target"] = report.target;
  if (report.verdict) {
    json["result"] = to_json(*report.verdict);
  }
  if (report.measured.cycles) json["cycles"] = *report.measured.cycles;
  if (const auto seconds = report.measured.seconds) {
    json["seconds"] = {{"median", *seconds}, {"repetitions", report.repetitions}};
    if (report.operations) json["flops_per_second"] = *report.operations / *seconds;
    json["bytes_per_second"] = report.bytes / *seconds;
  }
  if (report.operations) json["operations"] = *report.operations;
  if (report.peak) {
    json["peak"] = {{"flops_per_second", report.peak->operations_per_second},
                    {"bytes_per_second", report.peak->bytes_per_second},
                    {"cores", report.peak->cores}};
  }
  if (report.measured.mma_utilization) json["mma_utilization"] = *report.measured.mma_utilization;
  json["wall_seconds"] = {{"compile", report.compile_seconds}, {"load", report.load_seconds}};
  if (const auto& costs = report.measured.device_costs) {
    json["device_seconds"] = {{"start", costs->start},
                              {"code", costs->code},
                              {"load", costs->load},
                              {"launch", costs->launch}};
  }
  return json;
}

class Runner {
 public:
  Runner(const Options& options, const Request& request, const Compiled& compiled,
         Diagnostics& diagnostics)
      : options_(options), request_(request), compiled_(compiled), diagnostics_(diagnostics) {}

  int run() {
    const runtime::Backend* backend = runtime::find_backend(compiled_.machine.family);
    if (backend == nullptr || backend->load == nullptr) {
      diagnostics_.report({}, messages::backend_missing, compiled_.machine.name,
                          backend == nullptr ? "a backend for it" : backend->needs);
      return exit_missing_component;
    }
    if (options_.check_hazards && compiled_.machine.family != MachineFamily::dsa) {
      diagnostics_.report({}, messages::no_hazards_here, compiled_.machine.name);
      return exit_bad_input;
    }
    const auto start = std::chrono::steady_clock::now();
    auto kernel = backend->load(compiled_.tile, compiled_.machine, diagnostics_);
    if (!kernel) return lacks_component(diagnostics_) ? exit_missing_component : exit_bad_input;
    report_.load_seconds = seconds_since(start);
    report_.target = compiled_.machine.name;
    report_.compile_seconds = compiled_.seconds;
    report_.operations = count_operations(compiled_.launch_tree);
    return execute(**kernel);
  }

 private:
  int execute(runtime::Kernel& kernel) {
    const auto tensors = kernel.tensors();
    if (!check_names(tensors, request_, diagnostics_)) return exit_bad_input;
    std::vector<HostTensor> host;
    if (!options_.timing_only) {
      auto made = make_tensors(tensors, options_, request_, diagnostics_);
      if (!made) return exit_bad_input;
      host = std::move(*made);
    }
    for (const HostTensor& tensor : host) report_.bytes += static_cast<double>(tensor.bytes.size());
    std::vector<HostTensor> golden;
    const bool check = !options_.no_check && !options_.timing_only;
    if (check) {
      golden = host;
      if (!run_reference(compiled_, golden, diagnostics_)) return exit_bad_input;
    }
    std::vector<HostTensor> results = host;
    runtime::RunOptions once;
    once.timing_only = options_.timing_only;
    once.check_hazards = options_.check_hazards;
    once.report = !options_.json.empty();
    const auto first = kernel.run(results, once, diagnostics_);
    if (!first) return exit_bad_input;
    if (const auto* stopped = std::get_if<runtime::Stopped>(&*first)) {
      fmt::print(stderr, "{}", stopped->text);
      return stopped->report.empty() || write_report(simulated(stopped->report)) ? exit_trap
                                                                                 : exit_bad_input;
    }
    report_.measured = std::get<runtime::Measurement>(*first);
    if (!time(kernel, host)) return exit_bad_input;
    if (check) {
      report_.verdict =
          compare_outputs(compiled_, tensors, options_, request_, results, golden, diagnostics_);
      if (!report_.verdict) return exit_bad_input;
    }
    return finish(tensors, results);
  }

  /// Repeats the run where time is real.
  bool time(runtime::Kernel& kernel, std::vector<HostTensor>& host) {
    if (report_.measured.cycles || !report_.measured.seconds) return true;
    const double expected = std::max(*report_.measured.seconds, 1e-7);
    runtime::RunOptions repeated;
    repeated.repetitions =
        options_.repetitions > 0
            ? options_.repetitions
            : static_cast<int>(std::clamp<double>(timing_seconds / expected, fewest_repetitions,
                                                  most_repetitions));
    const auto result = kernel.run(host, repeated, diagnostics_);
    if (!result) return false;
    report_.measured = std::get<runtime::Measurement>(*result);
    report_.repetitions = repeated.repetitions;
    if (compiled_.machine.family != MachineFamily::cpu || repeated.repetitions == 1) return true;
    auto peak = runtime::measure_peak(compiled_.machine, diagnostics_);
    if (!peak) return false;
    report_.peak = *peak;
    return true;
  }

  /// The simulator's report with what is known here.
  [[nodiscard]] Json simulated(const std::string& report) const {
    Json json = Json::parse(report);
    if (report_.verdict) json["result"] = to_json(*report_.verdict);
    json["wall_seconds"]["compile"] = report_.compile_seconds;
    if (compiled_.area_mm2 && json.contains("machine")) {
      json["machine"]["area_mm2"] = *compiled_.area_mm2;
    }
    return json;
  }

  bool write_report(const Json& json) {
    const std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
    return runtime::write_file_atomically(options_.json, text, diagnostics_);
  }

  int finish(std::span<const runtime::KernelTensor> tensors,
             const std::vector<HostTensor>& results) {
    if (!takes_standard_output(options_)) print(report_);
    for (std::size_t i = 0; i < results.size(); ++i) {
      const auto file = request_.outputs.find(tensors[i].name);
      if (file == request_.outputs.end()) continue;
      if (!runtime::write_npy(file->second, results[i], diagnostics_)) return exit_bad_input;
    }
    const std::string& simulation = report_.measured.report;
    if (!options_.json.empty() &&
        !write_report(simulation.empty() ? to_json(report_) : simulated(simulation))) {
      return exit_bad_input;
    }
    return !report_.verdict || report_.verdict->ok ? exit_fine : exit_wrong_result;
  }

  const Options& options_;
  const Request& request_;
  const Compiled& compiled_;
  Diagnostics& diagnostics_;
  Report report_;
};

}  // namespace

int run_kernel(const Options& options, SourceManager& sources, Diagnostics& diagnostics) {
  const auto request = read_logic_request(options, sources, diagnostics);
  if (!request) return exit_bad_input;
  const auto compiled = compile(options, *request, sources, diagnostics);
  if (!compiled) return exit_bad_input;
  return Runner(options, *request, *compiled, diagnostics).run();
}

}  // namespace septran::tools
