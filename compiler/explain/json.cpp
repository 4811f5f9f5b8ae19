// An explanation as JSON; docs/explain.md lists the keys.
#include <nlohmann/json.hpp>

#include "compiler/explain/explain.h"

namespace septran::explain {
namespace {

using Json = nlohmann::ordered_json;

void put(Json& json, const Place& place) {
  if (!place.logic.empty()) json["logic"] = place.logic;
  if (!place.mapping.empty()) json["mapping"] = place.mapping;
}

Json to_json(const Count& count) { return {{"value", count.value}, {"exact", count.exact}}; }

/// An array of what `make` gives for each element.
template <typename T, typename Make>
Json list(const std::vector<T>& elements, Make make) {
  Json json = Json::array();
  for (const T& element : elements) json.push_back(make(element));
  return json;
}

Json launch(const LaunchNote& note) {
  Json json{{"level", note.level},
            {"task", note.task},
            {"instance", note.instance},
            {"processor", note.processor},
            {"around", note.around}};
  put(json, note.place);
  json["tensors"] = list(note.arguments, [](const ArgumentNote& a) {
    Json tensor{{"name", a.name},           {"type", a.type},   {"memory", a.memory},
                {"placement", a.placement}, {"depth", a.depth}, {"why", a.why}};
    put(tensor, a.place);
    return tensor;
  });
  return json;
}

Json call(const CallNote& note) {
  Json json{{"call", note.text},
            {"implementation", note.implementation},
            {"engine", note.engine},
            {"why", note.why}};
  json["rejected"] = Json::object();
  for (const auto& [name, why] : note.rejected) json["rejected"][name] = why;
  if (!note.cut.empty()) json["cut"] = note.cut;
  put(json, note.place);
  return json;
}

Json buffer(const BufferNote& note) {
  Json json{{"name", note.name},        {"memory", note.memory},       {"type", note.type},
            {"slots", note.slots},      {"bytes", note.bytes},         {"address", note.address},
            {"rule", note.made_for},    {"depth_key", note.depth_key}, {"lives", note.lives},
            {"overlaps", note.overlaps}};
  put(json, note.place);
  return json;
}

Json copy(const CopyNote& note) {
  Json json{{"rule", note.rule},
            {"from", note.from},
            {"to", note.to},
            {"from_memory", note.from_memory},
            {"to_memory", note.to_memory},
            {"engine", note.engine},
            {"path", note.path},
            {"run_bytes", note.run_bytes},
            {"runs", to_json(note.runs)},
            {"bytes", to_json(note.bytes)},
            {"where", note.where},
            {"why", note.why}};
  put(json, note.place);
  return json;
}

Json event(const EventNote& note) {
  return {{"name", note.name},       {"signaller", note.signaller}, {"waiter", note.waiter},
          {"credits", note.credits}, {"pairs", note.pairs},         {"merged", note.merged},
          {"orders", note.orders},   {"along", note.along}};
}

Json proposal(const Proposal& note) {
  Json json;
  json["edits"] = list(note.edits, [](const Edit& edit) {
    return Json{{"instance", edit.instance},
                {"key", edit.key},
                {"value", edit.value},
                {"mapping", edit.place}};
  });
  json["reason"] = note.reason;
  json["effect"] = note.effect;
  if (note.cycles) json["cycles"] = *note.cycles;
  return json;
}

Json remark(const Remark& note) {
  Json json{{"text", note.text}};
  put(json, note.place);
  return json;
}

}  // namespace

std::string to_json(const Explanation& e) {
  Json json;
  json["schema_version"] = 1;
  json["program"] = e.program;
  json["target"] = e.target;
  json["processors"] = e.processors;
  json["launches"] = list(e.launches, launch);
  json["spread"] = list(e.spread, [](const SpreadNote& note) {
    return Json{{"loop", note.loop},
                {"iterations", note.iterations},
                {"processors", note.processors},
                {"most", note.most()}};
  });
  json["calls"] = list(e.calls, call);
  json["memories"] = list(e.memories, [](const MemoryNote& note) {
    return Json{{"name", note.name},
                {"size_bytes", note.size_bytes},
                {"peak_bytes", note.peak_bytes},
                {"free_bytes", note.free_bytes()}};
  });
  json["buffers"] = list(e.buffers, buffer);
  json["copies"] = list(e.copies, copy);
  json["traffic"] = list(e.traffic, [](const TrafficNote& note) {
    return Json{{"tensor", note.tensor},
                {"direction", note.is_read ? "read" : "written"},
                {"bytes", to_json(note.moved)},
                {"minimum_bytes", note.minimum}};
  });
  json["events"] = list(e.events, event);
  json["barriers"] = list(e.barriers, [](const BarrierNote& note) {
    return Json{{"arrive", note.arrive}, {"wait", note.wait}, {"why", note.why}};
  });
  json["run_ahead"] = list(e.ahead, [](const AheadNote& note) {
    return Json{{"buffer", note.buffer},
                {"slots", note.slots},
                {"slots_that_the_queue_allows", note.useful},
                {"engine", note.engine},
                {"queue_depth", note.queue_depth},
                {"commands_a_trip", note.commands},
                {"loop", note.loop},
                {"limit", note.queue_limits() ? "queue" : "slots"}};
  });
  json["work"] = list(e.work, [](const WorkNote& note) {
    return Json{
        {"engine", note.engine}, {"operations", note.operations.value}, {"cycles", note.cycles}};
  });
  json["remarks"] = list(e.remarks, remark);
  if (e.cycles) json["cycles"] = *e.cycles;
  json["proposals"] = list(e.proposals, proposal);
  json["rejected"] = list(e.rejected, remark);
  // Names come from files: bytes that are no UTF-8 are replaced.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace septran::explain
