// An explanation for a terminal: one section a subject, one or two lines an entry.
#include <fmt/format.h>

#include <algorithm>

#include "compiler/base/count.h"
#include "compiler/explain/walk.h"

namespace septran::explain {
namespace {

std::string place_text(const Place& place) {
  if (place.logic.empty()) return place.mapping;
  return place.mapping.empty() ? place.logic : place.logic + ", " + place.mapping;
}

std::string count_text(const Count& count) {
  return (count.exact ? "" : "at most ") + grouped(count.value);
}

class Writer {
 public:
  explicit Writer(const Explanation& e) : e_(e) {}

  std::string run() {
    out_ = fmt::format("{} on {}: {:processor}\n", e_.program, e_.target, Counted{e_.processors});
    launches();
    calls();
    buffers();
    copies();
    traffic();
    order();
    ahead();
    work();
    remarks();
    proposals();
    return std::move(out_);
  }

 private:
  void title(const char* text) { out_ += fmt::format("\n{}\n", text); }
  void line(int level, const std::string& text) {
    out_ += fmt::format("{:{}}{}\n", "", 2 * level, text);
  }
  void place(int level, const Place& place) {
    if (!place_text(place).empty()) line(level, "at " + place_text(place));
  }
  void launches();
  void calls();
  void buffers();
  void memory(const MemoryNote& memory);
  void copies();
  void traffic();
  void order();
  void ahead();
  void work();
  void remarks();
  void proposals();
  void proposal(const Proposal& proposal);

  const Explanation& e_;
  std::string out_;
};

void Writer::launches() {
  title("LAUNCHES: which task runs where, and where each tensor is then");
  for (const LaunchNote& launch : e_.launches) {
    const int level = launch.level + 1;
    if (!launch.around.empty()) line(level, launch.around);
    line(level, fmt::format("{} as {} on {}  ({})", launch.task, launch.instance, launch.processor,
                            place_text(launch.place)));
    std::size_t width = 1;
    for (const ArgumentNote& a : launch.arguments) width = std::max(width, a.name.size());
    for (const ArgumentNote& a : launch.arguments) {
      line(level + 1,
           fmt::format("{:<{}}  {} in {}, {}", a.name, width, a.type, a.memory, a.placement));
      line(level + 2, fmt::format("{}{}", a.why,
                                  a.place.mapping.empty() ? "" : "  (" + a.place.mapping + ")"));
    }
  }
  for (const SpreadNote& note : e_.spread) {
    const std::int64_t idle = note.most() * note.processors - note.iterations;
    line(1, fmt::format(
                "{}: {} {} on {:processor}, {} each at most{}  ({})", note.loop,
                grouped(note.iterations), noun_for(note.iterations, "iteration"),
                Counted{note.processors}, grouped(note.most()),
                idle == 0 ? "" : fmt::format("; in the last round {:has/have} none", Counted{idle}),
                place_text(note.place)));
  }
}

void Writer::calls() {
  title("CALLS: what executes each primitive");
  for (const CallNote& call : e_.calls) {
    line(1, fmt::format("{}  ({})", call.text, place_text(call.place)));
    line(2, call.implementation.empty()
                ? call.why
                : fmt::format("{} on {}: {}", call.implementation, call.engine, call.why));
    for (const auto& [name, why] : call.rejected) line(2, fmt::format("not {}: {}", name, why));
    if (!call.cut.empty()) line(2, call.cut);
  }
}

void Writer::memory(const MemoryNote& memory) {
  line(1, fmt::format("{}: {} of {} bytes used, {} free{}", memory.name, grouped(memory.peak_bytes),
                      grouped(memory.size_bytes), grouped(memory.free_bytes()),
                      memory.is_private ? "" : " (arguments and workspace)"));
  for (const BufferNote& buffer : e_.buffers) {
    if (buffer.memory != memory.name) continue;
    line(2, fmt::format("{:>8} .. {:<8} {}  {}{}{}", buffer.address, buffer.address + buffer.bytes,
                        buffer.name, buffer.type,
                        buffer.held.empty() ? "" : fmt::format(" holding {}", buffer.held),
                        buffer.slots == 1 ? "" : fmt::format(" x {} slots", buffer.slots)));
    line(3, fmt::format("{}; lives {}", buffer.made_for, buffer.lives));
    if (!buffer.depth_key.empty()) line(3, buffer.depth_key);
    if (!buffer.overlaps.empty()) {
      line(3, fmt::format("shares addresses with {}, which live at other times",
                          fmt::join(buffer.overlaps, ", ")));
    }
    place(3, buffer.place);
  }
}

void Writer::buffers() {
  title("MEMORIES: what lies where on each processor");
  for (const MemoryNote& note : e_.memories) memory(note);
}

void Writer::copies() {
  title("COPIES: what moves when, and why there");
  for (const CopyNote& copy : e_.copies) {
    line(1,
         fmt::format("{}: {} to {}  ({})", copy.rule, copy.from, copy.to, place_text(copy.place)));
    line(2, copy.path);
    line(2, fmt::format("{}: {}", copy.where, copy.why));
    line(2, fmt::format("{} {} of up to {} {}, {} {} in all", count_text(copy.runs),
                        noun_for(copy.runs.value, "run"), grouped(copy.run_bytes),
                        noun_for(copy.run_bytes, "byte"), count_text(copy.bytes),
                        noun_for(copy.bytes.value, "byte")));
  }
}

void Writer::traffic() {
  title("GLOBAL TRAFFIC: bytes against the least possible, each element once");
  std::int64_t all = 0;
  std::int64_t least = 0;
  for (const TrafficNote& note : e_.traffic) {
    all += note.moved.value;
    least += note.minimum;
    std::string times;
    if (note.minimum > 0) {
      times = fmt::format(", {:.2f} times the {} of the tensor",
                          static_cast<double>(note.moved.value) / static_cast<double>(note.minimum),
                          grouped(note.minimum));
    }
    line(1, fmt::format("{} {}: {}{}", note.is_read ? "read" : "written", note.tensor,
                        count_text(note.moved), times));
  }
  if (least > 0) {
    line(1, fmt::format("in all: {}, {:.2f} times the least of {}", grouped(all),
                        static_cast<double>(all) / static_cast<double>(least), grouped(least)));
  }
}

void Writer::order() {
  title("EVENTS: what waits for what");
  for (const EventNote& event : e_.events) {
    line(1, fmt::format("{}: {} signals, {} waits{}", event.name, event.signaller, event.waiter,
                        event.credits == 0
                            ? ""
                            : fmt::format("; {:credit} at the start", Counted{event.credits})));
    for (const std::string& text : event.orders) line(2, text);
    for (const std::string& text : event.along) line(2, "also " + text);
    if (event.pairs > 1) {
      line(2, fmt::format("{} pairs of places share this counter: there are not enough counters",
                          event.pairs));
    }
    if (event.merged)
      line(2, "merged from several: there are not enough counters, it waits longer");
  }
  if (e_.events.empty()) line(1, "none");
  for (const BarrierNote& barrier : e_.barriers) {
    line(1, fmt::format("barrier: {} of every processor arrive, {} wait: {}", barrier.arrive,
                        barrier.wait, barrier.why));
  }
}

void Writer::ahead() {
  if (e_.ahead.empty()) return;
  title("RUN-AHEAD: what limits how far an engine gets ahead");
  for (const AheadNote& note : e_.ahead) {
    const std::string queue =
        fmt::format("the queue of {} ({:command}, {} a trip of {}) allows {}", note.engine,
                    Counted{note.queue_depth}, note.commands, note.loop, note.useful);
    if (note.queue_limits()) {
      line(1, fmt::format("{}: queue depth, not its {:slot}: {}", note.buffer, Counted{note.slots},
                          queue));
    } else {
      line(1, fmt::format("{}: its {:slot}; {}", note.buffer, Counted{note.slots}, queue));
    }
  }
}

void Writer::work() {
  title("WORK: cycles that each engine of a processor needs at least");
  double most = 0.5;
  for (const WorkNote& note : e_.work) most = std::max(most, note.cycles);
  for (const WorkNote& note : e_.work) {
    line(1,
         fmt::format("{:<7} {:>14} cycles for {} {}{}", note.engine,
                     grouped(static_cast<std::int64_t>(note.cycles)), count_text(note.operations),
                     note.engine == "DRAM" ? "bytes, all processors together"
                                           : noun_for(note.operations.value, "operation"),
                     note.cycles == most ? "  <- bounds the run" : ""));
  }
  if (e_.cycles) line(1, fmt::format("the run takes {} cycles", grouped(*e_.cycles)));
}

void Writer::remarks() {
  if (e_.remarks.empty()) return;
  title("REMARKS");
  for (const Remark& remark : e_.remarks) {
    line(1, remark.text);
    place(2, remark.place);
  }
}

void Writer::proposal(const Proposal& proposal) {
  for (const Edit& edit : proposal.edits) {
    line(1, fmt::format("{}: {}: {}{}", edit.instance, edit.key, edit.value,
                        edit.place.empty() ? "" : fmt::format("  ({})", edit.place)));
  }
  line(2, proposal.reason);
  if (!proposal.effect.empty()) line(2, proposal.effect);
  if (proposal.cycles && e_.cycles) {
    const double change = 100.0 * static_cast<double>(*proposal.cycles - *e_.cycles) /
                          static_cast<double>(*e_.cycles);
    line(2, fmt::format("measured: {} cycles instead of {} ({:+.1f} %)", grouped(*proposal.cycles),
                        grouped(*e_.cycles), change));
  }
}

void Writer::proposals() {
  title("PROPOSALS: edits of the mapping; each compiles and fits");
  for (const Proposal& p : e_.proposals) proposal(p);
  if (e_.proposals.empty()) line(1, "none");
  for (const Remark& remark : e_.rejected) line(1, "not possible: " + remark.text);
}

}  // namespace

std::string to_text(const Explanation& explanation) { return Writer(explanation).run(); }

}  // namespace septran::explain
