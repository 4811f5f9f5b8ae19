#include "simulator/report/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

namespace septran::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t shown_rows = 8;
constexpr double worth_saying = 0.01;  // of the value before

struct Row {
  std::string name;
  double before = 0;
  double after = 0;
  [[nodiscard]] double change() const { return after - before; }
};

/// Rows by name, in the order of their first mention.
class Rows {
 public:
  void add(const std::string& name, double value, bool is_after) {
    const auto [at, is_new] = index_.try_emplace(name, rows_.size());
    if (is_new) rows_.push_back({name, 0, 0});
    Row& row = rows_[at->second];
    (is_after ? row.after : row.before) += value;
  }
  [[nodiscard]] const std::vector<Row>& all() const { return rows_; }

 private:
  std::map<std::string, std::size_t> index_;
  std::vector<Row> rows_;
};

std::string relative(const Row& row) {
  if (row.before == 0) return "new";
  if (row.after == 0) return "gone";
  return fmt::format("{:+.1f} %", 100 * row.change() / row.before);
}

std::string number(double value) {
  return std::abs(value - std::round(value)) < 1e-9 ? fmt::format("{:.0f}", value)
                                                    : fmt::format("{:.3f}", value);
}

std::string lines(const std::vector<Row>& rows) {
  std::string text;
  for (const Row& row : rows) {
    text += fmt::format("  {:<40}{:>16}{:>16}  {}\n", row.name, number(row.before),
                        number(row.after), relative(row));
  }
  return text;
}

/// Mean cycles of a core, by engine and state.
Rows states(const Json& before, const Json& after) {
  Rows rows;
  for (const auto& [report, is_after] : {std::pair(&before, false), std::pair(&after, true)}) {
    const auto cores = static_cast<double>((*report).at("cores").size());
    for (const Json& core : (*report).at("cores")) {
      for (const auto& [name, engine] : core.at("engines").items()) {
        const auto add = [&, e = name](const std::string& state, const Json& cycles) {
          rows.add(e + " " + state, cycles.get<double>() / cores, is_after);
        };
        add("busy", engine.at("busy"));
        for (const auto& [cause, cycles] : engine.at("stalled").items())
          add("stalled." + cause, cycles);
        add("draining", engine.at("draining"));
        add("idle", engine.at("idle"));
      }
    }
  }
  return rows;
}

/// The engine that computes most in the run before.
std::string worker(const Json& report) {
  const Json& roofline = report.at("roofline");
  return roofline.at("vector_cycles") > roofline.at("mma_cycles") ? "vector" : "mma";
}

std::string where(const Json& before, const Json& after) {
  const std::string engine = worker(before);
  std::vector<Row> of_worker;
  std::vector<Row> others;
  const Rows changes = states(before, after);
  for (const Row& row : changes.all()) {
    if (std::abs(row.change()) < 0.5 || row.name.starts_with("sequencer")) continue;
    (row.name.starts_with(engine + " ") ? of_worker : others).push_back(row);
  }
  const auto larger = [](const Row& x, const Row& y) {
    return std::abs(x.change()) > std::abs(y.change());
  };
  std::stable_sort(of_worker.begin(), of_worker.end(), larger);
  std::stable_sort(others.begin(), others.end(), larger);
  if (others.size() > shown_rows) others.resize(shown_rows);
  std::string text;
  if (!of_worker.empty()) {
    const Row& most = of_worker.front();
    const double all = after.at("cycles").get<double>() - before.at("cycles").get<double>();
    text += fmt::format("Most of the difference: {} {} {:+.0f} cycles of {:+.0f}.\n", engine,
                        most.name.substr(engine.size() + 1), most.change(), all);
    text += fmt::format("\nWhere the cycles of {} went (mean of the cores):\n", engine);
    text += lines(of_worker);
  }
  if (!others.empty()) text += "\nOther engines, largest changes:\n" + lines(others);
  return text;
}

void add_work(const Json& report, bool is_after, Rows& rows) {
  const auto add = [&](const std::string& name, const Json& value) {
    if (value.is_number()) rows.add(name, value.get<double>(), is_after);
  };
  add("macs", report.at("macs"));
  add("vector elements", report.at("vector_elements"));
  add("instructions", report.at("instructions"));
  add("mma utilization, %", 100 * report.at("mma_utilization").get<double>());
  add("roofline bound, cycles", report.at("roofline").at("bound_cycles"));
  for (const auto& [edge, entry] : report.at("memory").items())
    add(edge + ", bytes", entry.at("bytes"));
  for (const Json& one : report.at("tensors")) {
    add(one.at("tensor").get<std::string>() +
            (one.at("direction") == "read" ? " read, bytes" : " written, bytes"),
        one.at("bytes"));
  }
  for (const auto& [memory, entry] : report.at("occupancy").items()) {
    add(memory + " used, bytes", entry.at("high_water_bytes"));
  }
  const double bursts = report.at("dram").at("row_hits").get<double>() +
                        report.at("dram").at("row_misses").get<double>();
  if (bursts > 0) {
    add("DRAM row hits, %", 100 * report.at("dram").at("row_hits").get<double>() / bursts);
  }
  double energy = 0;
  for (const Json& part : report.at("energy_pj")) energy += part.get<double>();
  add("energy, uJ", energy * 1e-6);
  for (const char* key : {"cores", "array_rows", "array_cols", "lanes", "global_bytes_per_cycle"}) {
    add(std::string("machine ") + key, report.at("machine")[key]);
  }
}

std::string work(const Json& before, const Json& after) {
  Rows rows;
  add_work(before, false, rows);
  add_work(after, true, rows);
  std::vector<Row> changed;
  for (const Row& row : rows.all()) {
    if (std::abs(row.change()) > worth_saying * std::abs(row.before)) changed.push_back(row);
  }
  return changed.empty() ? "\nWork, traffic and machine are the same.\n"
                         : "\nWork, traffic and machine:\n" + lines(changed);
}

std::string tiles(const Json& report) {
  std::string text;
  for (const Json& tile : report.at("mma_tiles")) {
    if (!text.empty()) return text + ", ...";
    text = fmt::format("{} x {} x {}", tile.at("m").get<std::int64_t>(),
                       tile.at("n").get<std::int64_t>(), tile.at("k").get<std::int64_t>());
  }
  return text.empty() ? "none" : text;
}

}  // namespace

std::string fault_of(const Json& report) {
  if (!report.is_object() || !report.contains("schema_version")) return "it has no schema_version";
  if (report.at("schema_version") != 1) return "its schema_version is not 1";
  if (report.contains("trap") || report.contains("deadlock")) return "its run did not end";
  using Type = nlohmann::json::value_t;
  const std::pair<const char*, Type> needed[] = {{"program", Type::string},
                                                 {"target", Type::string},
                                                 {"verdict", Type::string},
                                                 {"cycles", Type::number_unsigned},
                                                 {"cores", Type::array},
                                                 {"tensors", Type::array},
                                                 {"mma_tiles", Type::array},
                                                 {"memory", Type::object},
                                                 {"occupancy", Type::object},
                                                 {"roofline", Type::object},
                                                 {"dram", Type::object},
                                                 {"machine", Type::object},
                                                 {"energy_pj", Type::object},
                                                 {"macs", Type::number_unsigned},
                                                 {"instructions", Type::number_unsigned},
                                                 {"vector_elements", Type::number_unsigned}};
  for (const auto& [key, type] : needed) {
    if (!report.contains(key) || report[key].type() != type) {
      return fmt::format("it lacks '{}'", key);
    }
  }
  return "";
}

std::string compare_runs(const Json& before, const Json& after) {
  const auto name = [](const Json& report) {
    return fmt::format("{} on {}: {} cycles. {}", report.at("program").get<std::string>(),
                       report.at("target").get<std::string>(),
                       report.at("cycles").get<std::int64_t>(),
                       report.at("verdict").get<std::string>());
  };
  std::string text = fmt::format("before  {}\nafter   {}\n\n", name(before), name(after));
  if (before.at("program") != after.at("program")) {
    text += "These are different programs: the comparison is of their machines' use only.\n";
  }
  const double old_cycles = before.at("cycles").get<double>();
  const double new_cycles = after.at("cycles").get<double>();
  if (old_cycles == new_cycles) {
    text += "The cycles are the same.\n";
  } else if (old_cycles > 0 && new_cycles > 0) {
    const bool faster = new_cycles < old_cycles;
    text += fmt::format("After takes {:+.1f} % cycles: {:.2f} times as {}.\n",
                        100 * (new_cycles - old_cycles) / old_cycles,
                        faster ? old_cycles / new_cycles : new_cycles / old_cycles,
                        faster ? "fast" : "slow");
  }
  if (tiles(before) != tiles(after)) {
    text += fmt::format("The array's tiles were {}, now {}.\n", tiles(before), tiles(after));
  }
  return text + where(before, after) + work(before, after);
}

}  // namespace septran::report
