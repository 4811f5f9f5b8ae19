#include "tools/workload.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "runtime/file.h"
#include "simulator/report/html.h"
#include "tools/points.h"
#include "tools/workload_file.h"

namespace septran::tools {
namespace {

using Json = nlohmann::ordered_json;

/// Equal layers have equal keys.
std::string key_of(const Options& options) {
  const auto& o = options;
  return fmt::format("{}\n{}\n{}\n{}\n{}\n{}", o.input, fmt::join(o.mappings, "\n"), o.target,
                     fmt::join(o.definitions, " "), fmt::join(o.dtypes, " "),
                     fmt::join(o.arguments, " "));
}

std::vector<Json> run_layers(const Workload& workload, const Options& options) {
  std::map<std::string, std::size_t> index;
  std::vector<const Options*> different;
  std::vector<std::size_t> of_layer;
  for (const Layer& layer : workload.layers) {
    const auto [at, is_new] = index.try_emplace(key_of(layer.options), different.size());
    if (is_new) different.push_back(&layer.options);
    of_layer.push_back(at->second);
  }
  std::vector<Json> results(different.size());
  std::size_t finished = 0;
  show_progress("layer", 0, different.size());
  run_in_processes(
      different.size(), job_count(options),
      [&](std::size_t i) {
        return run_point(*different[i]).dump(-1, ' ', false, Json::error_handler_t::replace);
      },
      [&](std::size_t i, std::optional<std::string> text) {
        Json result = text ? Json::parse(*text, nullptr, false) : Json();
        if (!result.is_object()) result = {{"status", "crashed"}, {"error", "its process ended"}};
        results[i] = std::move(result);
        show_progress("layer", ++finished, different.size());
      });
  std::vector<Json> all;
  for (const std::size_t i : of_layer) all.push_back(results[i]);
  return all;
}

/// The target of all layers that were run; empty where they differ.
std::string target_of(const std::vector<Json>& results) {
  std::set<std::string> targets;
  for (const Json& result : results) {
    if (result["status"] == "ok") targets.insert(result["target"].get<std::string>());
  }
  return targets.size() == 1 ? *targets.begin() : "";
}

Json report_of(const Workload& workload, const std::vector<Json>& results) {
  Json report = {
      {"schema_version", 1}, {"workload", workload.name}, {"target", target_of(results)}};
  Json layers = Json::array();
  double cycles = 0;
  double seconds = 0;
  double macs = 0;
  double useful = 0;
  double energy = 0;
  std::int64_t failed = 0;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Layer& layer = workload.layers[i];
    Json row = {{"name", layer.name}, {"count", layer.count}, {"sizes", layer.sizes}};
    row.update(results[i]);
    if (results[i]["status"] == "ok") {
      const auto count = static_cast<double>(layer.count);
      cycles += count * row["cycles"].get<double>();
      seconds += count * row["seconds_at_clock"].get<double>();
      macs += count * row["macs"].get<double>();
      useful += count * row["cycles"].get<double>() * row["mma_utilization"].get<double>();
      energy += count * row["energy_pj"].get<double>();
    } else {
      ++failed;
    }
    layers.push_back(std::move(row));
  }
  report["layers"] = std::move(layers);
  report["total"] = {{"cycles", cycles},    {"seconds_at_clock", seconds},
                     {"macs", macs},        {"mma_utilization", cycles > 0 ? useful / cycles : 0},
                     {"energy_pj", energy}, {"failed_layers", failed}};
  return report;
}

/// The longest text that the layers have there, and at least `least`.
std::size_t width_of(const Json& report, const char* key, std::size_t least) {
  for (const Json& row : report["layers"])
    least = std::max(least, row[key].get<std::string>().size());
  return least;
}

std::string table(const Json& report) {
  const std::size_t names = width_of(report, "name", 22) + 2;
  const std::size_t sizes = width_of(report, "sizes", 26) + 2;
  std::string text =
      fmt::format("{:<{}}{:>6}  {:<{}}{:>14}{:>8}{:>10}{:>10}\n", "layer", names, "count", "sizes",
                  sizes, "cycles each", "share", "mma util", "x bound");
  const double all = report["total"]["cycles"].get<double>();
  for (const Json& row : report["layers"]) {
    text += fmt::format("{:<{}}{:>6}  {:<{}}", row["name"].get<std::string>(), names,
                        row["count"].get<std::int64_t>(), row["sizes"].get<std::string>(), sizes);
    if (row["status"] != "ok") {
      text += fmt::format("{:>14}\n", row["status"].get<std::string>());
      continue;
    }
    const double cycles = row["cycles"].get<double>();
    const double bound = row["bound_cycles"].get<double>();
    text += fmt::format("{:>14.0f}{:>6.1f} %{:>8.1f} %{:>10.2f}\n", cycles,
                        100 * cycles * row["count"].get<double>() / all,
                        100 * row["mma_utilization"].get<double>(), bound > 0 ? cycles / bound : 0);
  }
  const Json& total = report["total"];
  text += fmt::format(
      "\ntotal: {:.0f} cycles, {:.3f} ms at the clock, {:.4g} macs, mma utilization {:.1f} %, "
      "energy {:.1f} uJ\n",
      all, total["seconds_at_clock"].get<double>() * 1e3, total["macs"].get<double>(),
      100 * total["mma_utilization"].get<double>(), total["energy_pj"].get<double>() * 1e-6);
  if (const auto failed = total["failed_layers"].get<std::int64_t>(); failed > 0) {
    text += fmt::format("{} of {} layers are not in it: they could not be run\n", failed,
                        report["layers"].size());
  }
  return text;
}

}  // namespace

int run_workload(const Options& options, SourceManager& sources, Diagnostics& diagnostics) {
  const auto request = read_request(options, diagnostics);
  const auto workload = read_workload(options, sources, diagnostics);
  if (!workload || !request) return exit_bad_input;
  std::vector<std::string> read;
  for (const Layer& layer : workload->layers) {
    read.push_back(layer.options.input);
    read.insert(read.end(), layer.options.mappings.begin(), layer.options.mappings.end());
  }
  if (!check_overwrites(options, read, diagnostics)) return exit_bad_input;
  const std::vector<Json> results = run_layers(*workload, options);
  const Json report = report_of(*workload, results);
  say(options, table(report));
  int code = exit_fine;
  for (const Json& row : report["layers"]) {
    if (row["status"] == "ok") continue;
    fmt::print(stderr, "layer '{}': {}\n{}", row["name"].get<std::string>(),
               row["status"].get<std::string>(), row["error"].get<std::string>());
    code = std::max<int>(code, row["status"] == "refused" ? exit_bad_input : exit_trap);
  }
  return write_points(report, "layers", report::workload_page(report), options, diagnostics)
             ? code
             : exit_bad_input;
}

}  // namespace septran::tools
