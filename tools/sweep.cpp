#include "tools/sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "compiler/base/messages.h"
#include "compiler/tile/text.h"
#include "runtime/file.h"
#include "simulator/report/html.h"
#include "targets/machine_fields.h"
#include "tools/points.h"

namespace septran::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t most_points = 100'000;

struct Axis {
  std::string field;
  std::vector<std::string> values;
};

/// "field=v1,v2"; commas within brackets do not part values.
std::optional<Axis> read_axis(const std::string& text, Diagnostics& diagnostics) {
  const std::size_t equals = text.find('=');
  Axis axis;
  if (equals != std::string::npos && equals > 0) {
    axis.field = text.substr(0, equals);
    int depth = 0;
    axis.values.emplace_back();
    for (const char c : text.substr(equals + 1)) {
      depth += c == '[' || c == '{' ? 1 : c == ']' || c == '}' ? -1 : 0;
      if (c == ',' && depth == 0) {
        axis.values.emplace_back();
      } else {
        axis.values.back() += c;
      }
    }
  }
  const auto bad = [](const std::string& value) {
    return value.empty() || value.find_first_of("\n\r#") != std::string::npos;
  };
  if (axis.values.empty() || std::any_of(axis.values.begin(), axis.values.end(), bad)) {
    diagnostics.report({}, messages::sweep_form, text);
    return std::nullopt;
  }
  return axis;
}

/// All combinations; the last axis changes fastest.
std::vector<FieldChanges> combine(const std::vector<Axis>& axes) {
  std::vector<FieldChanges> points{{}};
  for (const Axis& axis : axes) {
    std::vector<FieldChanges> longer;
    for (const FieldChanges& point : points) {
      for (const std::string& value : axis.values) {
        longer.push_back(point);
        longer.back().emplace_back(axis.field, value);
      }
    }
    points = std::move(longer);
  }
  return points;
}

/// A field's path without what may stand before it or not: one name for one field.
std::string_view plain(std::string_view field) {
  for (const std::string_view start : {"dsa.", "core."}) {
    if (field.starts_with(start)) return field.substr(start.size());
  }
  return field;
}

/// A field that two axes set would show values that its points do not have.
void check_repeated(const std::vector<Axis>& axes, Diagnostics& diagnostics) {
  std::set<std::string_view> known;
  for (const Axis& axis : axes) {
    if (known.insert(plain(axis.field)).second) continue;
    diagnostics.report({}, messages::option_repeated, "--sweep", axis.field);
  }
}

std::string name_of(const FieldChanges& point) {
  std::string name;
  for (const auto& [field, value] : point) {
    name += fmt::format("{}{}={}", name.empty() ? "" : " ", field, value);
  }
  return name;
}

/// What a point's result depends on beside its fields; `sources` are all files that were read.
std::string key_of(const Options& options, const Compiled& base, const SourceManager& sources) {
  std::string all = fmt::format("{} {:x} {} {}\n", SEPTRAN_VERSION, base.machine.hash,
                                options.cycle_limit, options.check_hazards);
  for (std::uint32_t file = 0; file < sources.size(); ++file) {
    all += fmt::format("{}\n{}\n", sources.name(FileId{file}), sources.text(FileId{file}));
  }
  return fmt::format("{:x}", std::hash<std::string>{}(all + tile::to_text(base.tile)));
}

/// Finished points in a file beside the output, a line each.
class Journal {
 public:
  Journal(const Options& options, const std::string& key, Diagnostics& diagnostics) {
    for (const std::string* path : {&options.json, &options.csv, &options.html}) {
      if (path_.empty() && !path->empty() && *path != runtime::standard_output &&
          !path->starts_with("/dev/")) {
        path_ = *path + ".partial";
      }
    }
    if (path_.empty()) return;
    std::ifstream in(path_);
    std::string line;
    const bool ours = std::getline(in, line) && line == key;
    while (ours && std::getline(in, line)) {
      Json entry = Json::parse(line, nullptr, false);  // the last line may be cut off
      if (entry.is_object() && entry.contains("point") && entry.contains("result")) {
        finished_[text_of(entry["point"])] = entry["result"];
      }
    }
    in.close();
    out_.open(path_, std::ios::trunc);
    out_ << key << "\n";
    for (const auto& [point, result] : finished_) {
      out_ << "{\"point\":" << point << ",\"result\":" << text_of(result) << "}\n";
    }
    out_.flush();
    // Before hours are spent on points that cannot be kept.
    if (!out_) {
      diagnostics.report({}, messages::file_not_written, path_,
                         std::generic_category().message(errno));
    }
  }

  [[nodiscard]] const Json* find(const std::string& point) const {
    const auto found = finished_.find(text_of(point));
    return found == finished_.end() ? nullptr : &found->second;
  }
  void add(const std::string& point, const Json& result) {
    if (!out_.is_open()) return;
    out_ << text_of({{"point", point}, {"result", result}}) << "\n";
    out_.flush();
  }
  /// All is done and written.
  void remove() {
    if (!out_.is_open()) return;
    out_.close();
    std::remove(path_.c_str());
  }

 private:
  /// Values may be no UTF-8.
  static std::string text_of(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

  std::string path_;
  std::map<std::string, Json> finished_;
  std::ofstream out_;
};

std::vector<Json> run_points(const std::vector<FieldChanges>& points, const Options& options,
                             Journal& journal) {
  std::vector<Json> results(points.size());
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (const Json* known = journal.find(name_of(points[i]))) {
      results[i] = *known;
    } else {
      open.push_back(i);
    }
  }
  std::size_t finished = points.size() - open.size();
  show_progress("point", finished, points.size());
  run_in_processes(
      open.size(), job_count(options),
      [&](std::size_t i) {
        Options one = options;
        one.fields = points[open[i]];
        return run_point(one).dump(-1, ' ', false, Json::error_handler_t::replace);
      },
      [&](std::size_t i, std::optional<std::string> text) {
        Json result = text ? Json::parse(*text, nullptr, false) : Json();
        if (!result.is_object()) result = {{"status", "crashed"}, {"error", "its process ended"}};
        if (result["status"] != "crashed") journal.add(name_of(points[open[i]]), result);
        results[open[i]] = std::move(result);
        show_progress("point", ++finished, points.size());
      });
  return results;
}

std::string table(const std::vector<FieldChanges>& points, const std::vector<Json>& results) {
  std::size_t width = 8;
  for (const FieldChanges& point : points) width = std::max(width, name_of(point).size());
  std::string text = fmt::format("{:<{}}{:>14}{:>10}{:>12}{:>12}\n", "point", width + 2, "cycles",
                                 "mma util", "energy uJ", "area mm2");
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Json& result = results[i];
    text += fmt::format("{:<{}}", name_of(points[i]), width + 2);
    if (result["status"] != "ok") {
      text += fmt::format("{:>14}\n", result["status"].get<std::string>());
      continue;
    }
    text += fmt::format(
        "{:>14}{:>8.1f} %{:>12.2f}{:>12}\n", result["cycles"].get<std::int64_t>(),
        100 * result["mma_utilization"].get<double>(), result["energy_pj"].get<double>() * 1e-6,
        result.contains("area_mm2") ? fmt::format("{:.3f}", result["area_mm2"].get<double>())
                                    : "-");
  }
  return text;
}

}  // namespace

int run_sweep(const Options& options, SourceManager& sources, Diagnostics& diagnostics) {
  std::vector<Axis> axes;
  std::size_t count = 1;
  for (const std::string& text : options.sweeps) {
    if (auto axis = read_axis(text, diagnostics)) {
      count *= std::min(axis->values.size(), most_points);
      axes.push_back(std::move(*axis));
    }
    if (count > most_points) diagnostics.report({}, messages::sweep_too_large, most_points);
    if (count > most_points) return exit_bad_input;
  }
  check_repeated(axes, diagnostics);
  if (diagnostics.has_errors()) return exit_bad_input;
  // Faults that all points share are said once, before any is run.
  const std::vector<FieldChanges> points = combine(axes);
  const auto request = read_request(options, diagnostics);
  if (!request) return exit_bad_input;
  const auto base = compile(options, *request, sources, diagnostics);
  if (!base) return exit_bad_input;
  for (const Axis& axis : axes) {
    check_field(base->target_file, axis.field, sources, diagnostics);
  }
  if (diagnostics.has_errors()) return exit_bad_input;

  Journal journal(options, key_of(options, *base, sources), diagnostics);
  if (diagnostics.has_errors()) return exit_bad_input;
  const std::vector<Json> results = run_points(points, options, journal);
  Json report = {{"schema_version", 1},
                 {"program", base->launch_tree.name},
                 {"target", base->machine.name},
                 {"points", Json::array()}};
  Json rows = Json::array();
  int code = exit_fine;
  for (std::size_t i = 0; i < points.size(); ++i) {
    Json fields = Json::object();
    for (const auto& [field, value] : points[i]) fields[field] = value;
    Json point = {{"fields", fields}};
    point.update(results[i]);
    report["points"].push_back(std::move(point));
    if (results[i]["status"] == "ok") continue;
    fmt::print(stderr, "{}: {}\n{}", name_of(points[i]), results[i]["status"].get<std::string>(),
               results[i]["error"].get<std::string>());
    code = std::max<int>(code, results[i]["status"] == "refused" ? exit_bad_input : exit_trap);
  }
  say(options, table(points, results));
  if (!write_points(report, "points", report::sweep_page(report), options, diagnostics)) {
    return exit_bad_input;
  }
  journal.remove();
  return code;
}

}  // namespace septran::tools
