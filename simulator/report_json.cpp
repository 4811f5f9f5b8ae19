// The report of a run as JSON: docs/report.schema.json describes it.
#include <nlohmann/json.hpp>
#include <set>

#include "simulator/fault_report.h"
#include "simulator/recording.h"
#include "simulator/report.h"
#include "simulator/resolve.h"

namespace septran::simulator {
namespace {

nlohmann::ordered_json engine_json(const EngineReport& engine) {
  nlohmann::ordered_json json;
  json["busy"] = engine.busy;
  json["stalled"] = nlohmann::ordered_json::object();
  for (const auto& [cause, count] : engine.stalled) json["stalled"][cause] = count;
  json["draining"] = engine.draining;
  json["idle"] = engine.idle;
  json["operations"] = engine.operations;
  return json;
}

nlohmann::ordered_json machine_json(const MachineReport& machine) {
  nlohmann::ordered_json json = {{"cores", machine.cores},
                                 {"clock_hz", machine.clock_hz},
                                 {"array_rows", machine.array_rows},
                                 {"array_cols", machine.array_cols},
                                 {"lanes", machine.lanes},
                                 {"global_bytes_per_cycle", machine.global_bytes_per_cycle},
                                 {"macs_per_cycle", machine.macs_per_cycle},
                                 {"vector_elements_per_cycle", machine.vector_elements_per_cycle}};
  return json;
}

void add_advice(nlohmann::ordered_json& json, const SimulationReport& report) {
  json["advice"] = nlohmann::ordered_json::array();
  for (const Advice& advice : report.advice) {
    nlohmann::ordered_json entry = {
        {"share", advice.share}, {"problem", advice.problem}, {"change", advice.change}};
    if (!advice.origin.mapping.empty()) entry["origin"] = origin_json(advice.origin);
    json["advice"].push_back(std::move(entry));
  }
}

/// What was done, and where each engine's cycles went.
void add_work(nlohmann::ordered_json& json, const SimulationReport& report) {
  json["machine"] = machine_json(report.machine);
  json["macs"] = report.macs;
  json["mma_utilization"] = report.mma_utilization;
  json["arithmetic_intensity"] = report.arithmetic_intensity;
  json["roofline"] = {{"bound_cycles", report.roofline.bound()},
                      {"mma_cycles", report.roofline.mma_cycles},
                      {"vector_cycles", report.roofline.vector_cycles},
                      {"memory_cycles", report.roofline.memory_cycles},
                      {"binding", report.roofline.binding()}};
  json["vector_elements"] = report.vector_elements;
  json["instructions"] = report.instructions;
  json["mma_tiles"] = nlohmann::ordered_json::array();
  for (const MmaTileReport& tile : report.mma_tiles) {
    json["mma_tiles"].push_back({{"m", tile.m},
                                 {"n", tile.n},
                                 {"k", tile.k},
                                 {"executed", tile.executed},
                                 {"busy", tile.busy}});
  }
  json["cores"] = nlohmann::ordered_json::array();
  for (const CoreReport& core : report.cores) {
    nlohmann::ordered_json engines;
    for (const EngineReport& engine : core.engines) engines[engine.name] = engine_json(engine);
    json["cores"].push_back({{"engines", engines}});
  }
}

void add_traffic(nlohmann::ordered_json& json, const SimulationReport& report) {
  json["memory"] = nlohmann::ordered_json::object();
  for (const EdgeReport& edge : report.edges) {
    nlohmann::ordered_json& entry = json["memory"][edge.from + "->" + edge.to];
    entry = {{"bytes", edge.useful_bytes}, {"bus_bytes", edge.bus_bytes}};
    if (edge.minimum_bytes) entry["minimum_bytes"] = *edge.minimum_bytes;
    const CopiedElements& copied = edge.copied;
    if (copied.written + copied.dropped > 0) {
      entry["elements"] = {{"read", copied.read},
                           {"filled", copied.filled},
                           {"written", copied.written},
                           {"dropped", copied.dropped}};
    }
  }
  json["tensors"] = nlohmann::ordered_json::array();
  for (const TensorReport& tensor : report.tensors) {
    json["tensors"].push_back({{"tensor", tensor.tensor},
                               {"direction", tensor.is_read ? "read" : "write"},
                               {"bytes", tensor.bytes},
                               {"minimum_bytes", tensor.minimum_bytes}});
  }
  json["occupancy"] = nlohmann::ordered_json::object();
  for (const MemoryReport& memory : report.memories) {
    json["occupancy"][memory.name] = {{"high_water_bytes", memory.high_water_bytes},
                                      {"size_bytes", memory.size_bytes}};
  }
  json["dram"] = {
      {"row_hit_rate", report.dram.row_hit_rate()}, {"row_hits", report.dram.row_hits},
      {"row_misses", report.dram.row_misses},       {"row_conflicts", report.dram.row_conflicts},
      {"turnarounds", report.dram.turnarounds},     {"refreshes", report.dram.refreshes}};
  json["energy_pj"] = nlohmann::ordered_json::object();
  for (const auto& [component, energy] : report.energy_pj) json["energy_pj"][component] = energy;
}

/// `texts`: source lines by place, as far as they are known.
void add_places(nlohmann::ordered_json& json, const SimulationReport& report,
                const std::map<std::string, std::string>& texts) {
  json["lines"] = nlohmann::ordered_json::array();
  for (const LineReport& line : report.lines) {
    nlohmann::ordered_json entry = {{"logic", line.logic}};
    const auto text = texts.find(line.logic);
    if (text != texts.end()) entry["text"] = text->second;
    entry["executed"] = line.executed;
    entry["busy"] = line.busy;
    entry["stalled"] = line.stalled;
    entry["engines"] = nlohmann::ordered_json::object();
    for (const auto& [engine, busy] : line.engines) entry["engines"][engine] = busy;
    json["lines"].push_back(std::move(entry));
  }
  json["origins"] = nlohmann::ordered_json::array();
  for (const OriginReport& row : report.origins) {
    nlohmann::ordered_json entry = origin_json(row.origin);
    entry["instruction"] = row.instruction;
    entry["executed"] = row.executed;
    entry["busy"] = row.busy;
    entry["stalled"] = row.stalled;
    json["origins"].push_back(std::move(entry));
  }
}

void add_report(nlohmann::ordered_json& json, const SimulationReport& report,
                const std::map<std::string, std::string>& texts) {
  json["program"] = report.program;
  json["timing_only"] = report.timing_only;
  json["cycles"] = report.cycles;
  json["seconds_at_clock"] = report.seconds_at_clock;
  json["verdict"] = report.verdict;
  add_advice(json, report);
  add_work(json, report);
  add_traffic(json, report);
  add_places(json, report, texts);
}

/// What instructions are, for those that the recorded operations name.
nlohmann::ordered_json instructions_json(const Recording& recording,
                                         const std::vector<InstructionNote>& notes) {
  std::set<std::uint32_t> used;
  for (int core = 0; core < recording.cores(); ++core) {
    for (std::size_t e = 0; e < recorded_engines; ++e) {
      for (const Slice& slice : recording.engine(core, e).slices) used.insert(slice.instruction);
    }
  }
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const std::uint32_t index : used) {
    if (index >= notes.size()) continue;
    nlohmann::ordered_json entry = origin_json(notes[index].origin);
    entry["text"] = notes[index].text;
    json[std::to_string(index)] = std::move(entry);
  }
  return json;
}

nlohmann::ordered_json timeline_json(const Recording& recording) {
  nlohmann::ordered_json json;
  json["bucket_cycles"] = recording.width();
  auto engines = nlohmann::ordered_json::array();
  auto occupancy = nlohmann::ordered_json::array();
  for (int core = 0; core < recording.cores(); ++core) {
    for (std::size_t e = 0; e < recorded_engines; ++e) {
      const EngineRecord& record = recording.engine(core, e);
      nlohmann::ordered_json entry = {{"core", core}, {"engine", record.name}};
      entry["states"] = nlohmann::ordered_json::object();
      for (const auto& [state, series] : record.states) {
        entry["states"][std::string(state)] = series.sums(recording.width(), recording.cycles());
      }
      auto rows = nlohmann::ordered_json::array();
      for (const Slice& slice : record.slices) {
        if (slice.end == slice.begin) continue;
        if (slice.begin >= recording.slices_until().value_or(recording.cycles())) break;
        for (const std::int64_t value : {slice.begin, slice.end - slice.begin,
                                         std::int64_t{slice.instruction}, slice.amount}) {
          rows.push_back(value);
        }
      }
      entry["operations"] = std::move(rows);
      engines.push_back(std::move(entry));
    }
    for (const auto memory : {dsa::MemoryId::shared, dsa::MemoryId::accumulators}) {
      occupancy.push_back({{"core", core},
                           {"memory", memory_name(memory)},
                           {"bytes", recording.live(core, memory)}});
    }
  }
  json["engines"] = std::move(engines);
  json["occupancy"] = std::move(occupancy);
  json["traffic"] = {{"read_bytes", recording.traffic(true)},
                     {"write_bytes", recording.traffic(false)}};
  if (recording.slices_until()) json["operations_until"] = *recording.slices_until();
  json["instructions"] = instructions_json(recording, recording.notes());
  return json;
}

}  // namespace

nlohmann::ordered_json to_json(const SimulationResult& result, const std::string& target,
                               const DriverResults& driver) {
  nlohmann::ordered_json json;
  json["schema_version"] = report_schema_version;
  json["target"] = target;
  const bool finished = std::holds_alternative<SimulationReport>(result);
  if (!finished || (driver.hazards && !driver.hazards->hazards.empty())) {
    json["result"]["ok"] = false;
  } else if (driver.ok) {
    json["result"]["ok"] = *driver.ok;
  }
  const auto add = [&](const char* group, const char* key, const std::optional<double>& value) {
    if (value) json[group][key] = *value;
  };
  add("result", "max_abs_error", driver.max_abs_error);
  add("result", "relative_error", driver.relative_error);
  if (driver.incomparable_elements) {
    json["result"]["incomparable_elements"] = *driver.incomparable_elements;
  }
  add("wall_seconds", "compile", driver.compile_seconds);
  add("wall_seconds", "simulate", driver.simulate_seconds);
  if (finished) {
    add_report(json, std::get<SimulationReport>(result), driver.line_texts);
    if (driver.area_mm2) json["machine"]["area_mm2"] = *driver.area_mm2;
    if (driver.recording != nullptr) json["timeline"] = timeline_json(*driver.recording);
  } else if (const auto* trap = std::get_if<Trap>(&result)) {
    json["trap"] = trap_json(*trap);
  } else {
    json["deadlock"] = deadlock_json(std::get<Deadlock>(result));
  }
  if (driver.hazards) json["hazards"] = hazards_json(*driver.hazards);
  return json;
}

std::string report_text(const nlohmann::ordered_json& report) {
  constexpr auto replace = nlohmann::json::error_handler_t::replace;
  nlohmann::ordered_json rest = report;
  rest.erase("timeline");
  std::string text = rest.dump(2, ' ', false, replace);
  if (report.contains("timeline")) {
    text.resize(text.find_last_of('}'));
    text.resize(text.find_last_not_of(" \n") + 1);
    text += ",\n  \"timeline\": {";
    const char* comma = "\n";
    for (const auto& [key, value] : report["timeline"].items()) {
      text += comma;
      text += "    \"" + key + "\": " + value.dump(-1, ' ', false, replace);
      comma = ",\n";
    }
    text += "\n  }\n}";
  }
  return text + "\n";
}

std::string json_text(const SimulationResult& result, const std::string& target,
                      const DriverResults& driver) {
  return report_text(to_json(result, target, driver));
}

}  // namespace septran::simulator
