#include "simulator/report/trace.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace septran::report {
namespace {

using simulator::Cycle;
using simulator::EngineRecord;
using simulator::EventUse;
using simulator::Recording;
using simulator::Slice;
using Json = nlohmann::ordered_json;

class TraceWriter {
 public:
  TraceWriter(const simulator::SimulationReport& report, const Recording& recording,
              const Window& window)
      : report_(report),
        recording_(recording),
        window_(window),
        memory_process_(recording.cores()) {}

  std::string run() {
    text_ = "{\"otherData\": ";
    text_ += dump({{"program", report_.program},
                   {"target", report_.target},
                   {"cycles", report_.cycles},
                   {"unit", "a microsecond stands for a cycle"}});
    text_ += ",\n\"traceEvents\": [\n";
    for (int core = 0; core < recording_.cores(); ++core) {
      name_process(core, "core " + std::to_string(core));
      for (std::size_t e = 0; e < simulator::recorded_engines; ++e) engine(core, e);
      live(core);
    }
    name_process(memory_process_, "GLOBAL");
    traffic();
    flows();
    text_.resize(text_.size() - 2);  // the last comma
    return text_ + "\n]}\n";
  }

 private:
  static std::string dump(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  void add(const Json& event) { text_ += dump(event) + ",\n"; }

  void name_process(int process, const std::string& name) {
    add({{"ph", "M"}, {"pid", process}, {"name", "process_name"}, {"args", {{"name", name}}}});
    add({{"ph", "M"},
         {"pid", process},
         {"name", "process_sort_index"},
         {"args", {{"sort_index", process}}}});
  }

  struct Timed {
    Cycle begin;
    Cycle end;
    Json event;
  };

  void engine(int core, std::size_t e) {
    const EngineRecord& record = recording_.engine(core, e);
    add({{"ph", "M"},
         {"pid", core},
         {"tid", e},
         {"name", "thread_name"},
         {"args", {{"name", record.name}}}});
    std::vector<Timed> events;
    for (const Slice& slice : record.slices) {
      if (!window_.meets(slice.begin, slice.end)) continue;
      events.push_back({slice.begin, slice.end, operation(slice, record.name)});
    }
    for (const simulator::StateInterval& one : record.exact) {
      if (!window_.meets(one.begin, one.end)) continue;
      // What operations do is said by themselves.
      if (one.state == "draining" || (one.state == "busy" && e != 0)) continue;
      const std::string name = one.state == "busy" ? "busy" : "stalled." + std::string(one.state);
      events.push_back({one.begin, one.end, {{"name", name}, {"cat", "state"}}});
    }
    std::stable_sort(events.begin(), events.end(), [](const Timed& x, const Timed& y) {
      return x.begin != y.begin ? x.begin < y.begin : x.end > y.end;
    });
    for (Timed& one : events) {
      one.event.update({{"ph", "X"},
                        {"pid", core},
                        {"tid", e},
                        {"ts", one.begin},
                        {"dur", one.end - one.begin}});
      add(one.event);
    }
    queue(core, record);
  }

  Json operation(const Slice& slice, const std::string& engine) const {
    const simulator::InstructionNote& note = recording_.notes()[slice.instruction];
    const char* amount = engine == "mma" ? "macs" : engine == "vector" ? "points" : "bytes";
    return {{"name", note.text},
            {"cat", "operation"},
            {"args",
             {{"instruction", slice.instruction},
              {"logic", note.origin.logic},
              {"mapping", note.origin.mapping},
              {"rule", note.origin.rule},
              {amount, slice.amount}}}};
  }

  void counter(int process, const std::string& name, Cycle at, const Json& values) {
    add({{"ph", "C"}, {"pid", process}, {"name", name}, {"ts", at}, {"args", values}});
  }

  void queue(int core, const EngineRecord& record) {
    std::vector<simulator::QueueChange> changes = record.queue;
    std::stable_sort(changes.begin(), changes.end(),
                     [](const auto& x, const auto& y) { return x.at < y.at; });
    int depth = 0;
    for (std::size_t i = 0; i < changes.size(); ++i) {
      depth += changes[i].change;
      const Cycle next = i + 1 < changes.size() ? changes[i + 1].at : report_.cycles + 1;
      if (next == changes[i].at || !window_.meets(changes[i].at, next)) continue;
      counter(core, "queue of " + record.name, changes[i].at, {{"commands", depth}});
    }
  }

  /// Counters for sums over stretches of time, where they change.
  void stretches(int process, const std::string& name,
                 const std::vector<std::pair<const char*, std::vector<std::int64_t>>>& lists) {
    Json last;
    for (std::size_t i = 0; i < lists.front().second.size(); ++i) {
      Json values;
      for (const auto& [key, list] : lists) values[key] = list[i];
      const Cycle begin = static_cast<Cycle>(i) * recording_.width();
      if (values == last || !window_.meets(begin, begin + recording_.width())) continue;
      last = values;
      counter(process, name, begin, values);
    }
  }

  void live(int core) {
    stretches(core, "SHARED in use", {{"bytes", recording_.live(core, dsa::MemoryId::shared)}});
    stretches(core, "REGISTER in use",
              {{"bytes", recording_.live(core, dsa::MemoryId::accumulators)}});
  }

  void traffic() {
    auto reads = recording_.traffic(true);
    auto writes = recording_.traffic(false);
    for (auto* list : {&reads, &writes}) {
      for (std::int64_t& bytes : *list) bytes /= recording_.width();
    }
    stretches(memory_process_, "bytes a cycle", {{"read", reads}, {"written", writes}});
  }

  /// Arrows from the operation before a signal to the operation behind the wait that it lets go.
  void flows() {
    std::map<std::pair<int, std::uint32_t>, std::vector<const EventUse*>> signals;
    std::map<std::pair<int, std::uint32_t>, std::size_t> waits;
    for (const EventUse& use : recording_.events()) {
      if (!use.is_wait) signals[{use.core, use.event}].push_back(&use);
    }
    for (const EventUse& use : recording_.events()) {
      if (!use.is_wait) continue;
      const dsa::EventInfo& info = recording_.event_infos()[use.event];
      const std::size_t turn = waits[{use.core, use.event}]++;
      const auto credits = static_cast<std::size_t>(info.credits);
      const auto& given = signals[{use.core, use.event}];
      if (turn < credits || turn - credits >= given.size()) continue;
      const EventUse& signal = *given[turn - credits];
      const EngineRecord& from = recording_.engine(use.core, signal.engine);
      const EngineRecord& to = recording_.engine(use.core, use.engine);
      if (signal.slice == 0 || use.slice >= to.slices.size()) continue;
      const Slice& before = from.slices[signal.slice - 1];
      const Slice& behind = to.slices[use.slice];
      if (!window_.meets(before.begin, before.end) || !window_.meets(behind.begin, behind.end)) {
        continue;
      }
      Json event = {{"ph", "s"},
                    {"id", ++flow_},
                    {"name", info.name},
                    {"cat", "event"},
                    {"pid", use.core},
                    {"tid", signal.engine},
                    {"ts", std::max(before.begin, before.end - 1)}};
      add(event);
      event["ph"] = "f";
      event["bp"] = "e";
      event["tid"] = use.engine;
      event["ts"] = behind.begin;
      add(event);
    }
  }

  const simulator::SimulationReport& report_;
  const Recording& recording_;
  const Window& window_;
  int memory_process_;
  int flow_ = 0;
  std::string text_;
};

}  // namespace

std::string trace_events(const simulator::SimulationReport& report,
                         const simulator::Recording& recording, const Window& window) {
  return TraceWriter(report, recording, window).run();
}

}  // namespace septran::report
