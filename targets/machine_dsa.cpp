#include "targets/machine_dsa.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compiler/base/messages.h"
#include "targets/primitive_names.h"

namespace septran {
namespace {

using yaml::Fields;
using yaml::Node;

constexpr std::int64_t max_cycles = 1'000'000'000;
constexpr std::int64_t max_bytes = std::int64_t{1} << 24;
constexpr double least_rate = 1e-3;  // bytes a cycle of buses
constexpr auto most_rate = static_cast<double>(max_bytes);
constexpr std::int64_t max_count = 1 << 24;

void read_sequencer(const Node& node, SequencerSpec& out, Diagnostics& diagnostics) {
  Fields f(node, "'sequencer'", diagnostics);
  f.integer("registers", 4, 1 << 16, out.registers);
  f.integer("loop_depth", 1, 256, out.loop_depth);
  f.integer("operands", 1, 4095, out.operands);  // an operand's number has 12 bits; one is "none"
  f.integer("instructions", 1, max_count, out.instructions);
  f.integer("events", 1, 1 << 16, out.events);
  f.integer("event_maximum", 1, max_count, out.event_maximum);
  f.integer("issue_cycles", 1, max_cycles, out.issue_cycles);
  f.integer("scalar_cycles", 0, max_cycles, out.scalar_cycles);
  f.integer("sync_cycles", 0, max_cycles, out.sync_cycles);
  f.integer("barrier_cycles", 0, max_cycles, out.barrier_cycles);
  f.integer("launch_cycles", 0, max_cycles, out.launch_cycles);
  f.finish();
}

void read_mma(const Node& node, MmaTiming& out, Diagnostics& diagnostics) {
  Fields f(node, "'mma'", diagnostics);
  f.optional("preset");  // its settings stand beside the others by now
  f.integer("rows", 1, 1 << 14, out.rows);
  f.integer("cols", 1, 1 << 14, out.cols);
  f.boolean("output_stationary", out.output_stationary);
  f.boolean("preload_hidden", out.preload_hidden);
  f.boolean("drain_overlap", out.drain_overlap);
  f.integer("hop_cycles", 0, 1 << 16, out.hop_cycles);
  f.integer("element_cycles", 0, 1 << 16, out.element_cycles);
  f.integer("minimum_interval", 1, 1 << 20, out.minimum_interval);
  f.finish();
}

void read_vector(const Node& node, VectorTiming& out, Diagnostics& diagnostics) {
  Fields f(node, "'vector'", diagnostics);
  f.integer("lanes", 1, 1 << 16, out.lanes);
  f.integer("startup_cycles", 0, max_cycles, out.startup_cycles);
  const Node* rates = f.required("rates");
  if (rates != nullptr && yaml::expect_map(*rates, "'rates'", diagnostics)) {
    for (const yaml::Entry& entry : rates->entries) {
      Fields rate(entry.value, fmt::format("the rate of '{}'", entry.key), diagnostics);
      if (entry.key != "default") yaml::check_primitive(entry.key, entry.key_span, diagnostics);
      VectorTiming::Rate& r = out.rates[entry.key];
      rate.number("cycles_per_group", 0.01, 1e6, r.cycles_per_group);
      rate.integer("latency_cycles", 0, max_cycles, r.latency_cycles);
      rate.finish();
    }
    if (rates->find("default") == nullptr) {
      diagnostics.report(rates->span, messages::yaml_missing_key, "'rates'", "default");
    }
  }
  f.finish();
}

void read_dma(const Node& node, const char* name, DmaTiming& out, Diagnostics& diagnostics) {
  Fields f(node, Fields::quoted(name), diagnostics);
  f.integer("setup_cycles", 0, max_cycles, out.setup_cycles);
  f.integer("burst_bytes", 1, max_bytes, out.burst_bytes);
  f.integer("outstanding_bursts", 1, 1 << 16, out.outstanding_bursts);
  f.integer("bytes_per_cycle", 1, max_bytes, out.bytes_per_cycle);
  f.finish();
}

void read_links(const Node& node, InterconnectTiming& out, Diagnostics& diagnostics) {
  if (!yaml::expect_sequence(node, "'links'", diagnostics)) return;
  for (const Node& one : node.items) {
    InterconnectTiming::Link link;
    Fields f(one, "a link", diagnostics);
    f.integer("latency_cycles", 0, max_cycles, link.latency_cycles);
    f.number("bytes_per_cycle", least_rate, most_rate, link.bytes_per_cycle);
    f.finish();
    out.links.push_back(link);
  }
}

/// `text` as one of `names`; their number. Others are reported.
std::optional<std::size_t> one_of(const Node& node, const char* what,
                                  const std::vector<std::string>& names, Diagnostics& diagnostics) {
  const auto text = yaml::to_text(node, what, diagnostics);
  if (!text) return std::nullopt;
  const auto found = std::find(names.begin(), names.end(), *text);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  diagnostics.report(node.span, messages::machine_unknown_name, what, *text,
                     yaml::name_hint(*text, names));
  return std::nullopt;
}

void read_arbitration(Fields& f, InterconnectTiming& out, Diagnostics& diagnostics) {
  const Node* priority = f.optional("priority");
  const Node* kind = f.required("arbitration");
  if (kind == nullptr) return;
  const auto number =
      one_of(*kind, "arbitration", {"first_come", "round_robin", "priority"}, diagnostics);
  if (!number) return;
  out.arbitration = static_cast<Arbitration>(*number);
  if (out.arbitration == Arbitration::priority && priority == nullptr) {
    diagnostics.report(kind->span, messages::yaml_missing_key, "'interconnect'", "priority");
  }
  if (priority == nullptr || !yaml::expect_sequence(*priority, "'priority'", diagnostics)) return;
  for (const Node& engine : priority->items) {
    const std::vector<std::string> movers{"load", "store"};
    if (const auto at = one_of(engine, "dma engine", movers, diagnostics)) {
      out.priority.push_back(movers[*at]);
    }
  }
}

void read_interconnect(const Node& node, InterconnectTiming& out, Diagnostics& diagnostics) {
  Fields f(node, "'interconnect'", diagnostics);
  f.integer("latency_cycles", 0, max_cycles, out.latency_cycles);
  f.number("bytes_per_cycle_per_link", least_rate, most_rate, out.bytes_per_cycle_per_link);
  f.number("bytes_per_cycle_total", 0, most_rate, out.bytes_per_cycle_total);
  const Node* total = node.find("bytes_per_cycle_total");
  if (total != nullptr && out.bytes_per_cycle_total > 0 && out.bytes_per_cycle_total < least_rate) {
    diagnostics.report(total->span, messages::yaml_out_of_range, "'bytes_per_cycle_total'",
                       total->text, least_rate, most_rate);
  }
  if (const Node* links = f.optional("links")) read_links(*links, out, diagnostics);
  read_arbitration(f, out, diagnostics);
  f.integer("grant_bursts", 1, 1 << 16, out.grant_bursts);
  f.integer("queue_bursts", 1, 1 << 24, out.queue_bursts);
  f.finish();
}

void read_sharing(const Node& node, Sharing& out, Diagnostics& diagnostics) {
  Fields f(node, "'sharing'", diagnostics);
  f.integer("cores_per_link", 1, 1 << 16, out.cores_per_link);
  f.integer("cores_per_scratchpad", 1, 1 << 16, out.cores_per_scratchpad);
  f.finish();
}

/// `key` must be a multiple of `unit`: the address mapping divides without remainder.
void check_multiple(const Node& node, const char* key, std::int64_t value, std::int64_t unit,
                    const char* unit_name, Diagnostics& diagnostics) {
  const Node* place = node.find(key);
  if (place == nullptr || value % unit == 0) return;
  diagnostics.report(place->span, messages::machine_not_a_multiple, Fields::quoted(key), value,
                     unit, unit_name);
}

/// A time in nanoseconds has no second value in cycles.
void check_once(const Node& node, const std::string& name, Fields& f, Diagnostics& diagnostics) {
  const Node* in_cycles = f.optional(name + "_cycles");
  if (in_cycles == nullptr) return;
  const Node* in_ns = node.find(name + "_ns");
  diagnostics.report(in_cycles->span, messages::yaml_duplicate_key, name)
      .notes.push_back({in_ns->span, messages::in_nanoseconds_note});
}

/// The scheduler with its queues; all of it may be left out.
void read_scheduler(const Node& node, Fields& f, DramTiming& out, Diagnostics& diagnostics) {
  if (const Node* kind = f.optional("scheduler")) {
    const auto number = one_of(*kind, "scheduler", {"fcfs", "fr_fcfs"}, diagnostics);
    if (number) out.scheduler = static_cast<DramScheduler>(*number);
  }
  constexpr std::int64_t most = 1 << 12;
  const auto count = [&](const char* key, std::int64_t low, std::int64_t high, int& value) {
    if (node.find(key) != nullptr) f.integer(key, low, high, value);
  };
  count("read_queue_bursts", 1, most, out.read_queue_bursts);
  count("write_queue_bursts", 1, most, out.write_queue_bursts);
  out.write_high_watermark = std::min(out.write_high_watermark, out.write_queue_bursts);
  count("write_high_watermark", 1, out.write_queue_bursts, out.write_high_watermark);
  out.write_low_watermark = std::min(out.write_low_watermark, out.write_high_watermark - 1);
  count("write_low_watermark", 0, out.write_high_watermark - 1, out.write_low_watermark);
  count("age_limit_bursts", 1, max_count, out.age_limit_bursts);
  if (node.find("posted_writes") != nullptr) f.boolean("posted_writes", out.posted_writes);
  constexpr int most_postponed = 8;  // by JEDEC's standards
  count("refresh_postponed", 0, most_postponed, out.refresh_postponed);
}

/// A time of DRAM: `name`_cycles, or `name`_ns, rounded up to cycles of the core's clock.
void read_time(const Node& node, const std::string& name, std::int64_t least, double clock_hz,
               Fields& f, Diagnostics& diagnostics, std::int64_t& out) {
  const std::string in_ns = name + "_ns";
  if (node.find(in_ns) == nullptr) return f.integer(name + "_cycles", least, max_cycles, out);
  check_once(node, name, f, diagnostics);
  double ns = 0;
  f.number(in_ns, 0, 1e9, ns);
  constexpr double rounding = 1e-6;  // of the product, of a cycle
  const double cycles = std::ceil(ns * 1e-9 * clock_hz - rounding);
  out = std::clamp(static_cast<std::int64_t>(std::min(cycles, 1e9)), least, max_cycles);
}

/// The same, with parts of a cycle.
void read_exact_time(const Node& node, const std::string& name, double clock_hz, Fields& f,
                     Diagnostics& diagnostics, double& out) {
  const std::string in_ns = name + "_ns";
  if (node.find(in_ns) == nullptr) return f.number(name + "_cycles", 0, 1e9, out);
  check_once(node, name, f, diagnostics);
  f.number(in_ns, 0, 1e9, out);
  out = std::min(out * 1e-9 * clock_hz, 1e9);
}

void read_rate(const Node& node, double clock_hz, Fields& f, double& out) {
  const char* by_second = "bytes_per_second_per_channel";
  if (node.find(by_second) == nullptr) {
    return f.number("bytes_per_cycle_per_channel", least_rate, 1e6, out);
  }
  double rate = 0;
  f.number(by_second, 1, 1e18, rate);
  out = std::clamp(rate / clock_hz, least_rate, 1e6);
}

void read_dram(const Node& node, double clock_hz, DramTiming& out, Diagnostics& diagnostics) {
  Fields f(node, "'dram'", diagnostics);
  f.optional("preset");
  read_scheduler(node, f, out, diagnostics);
  f.integer("channels", 1, 1 << 12, out.channels);
  f.integer("banks", 1, 1 << 12, out.banks);
  f.integer("bank_groups", 1, 1 << 12, out.bank_groups);
  f.integer("row_bytes", 1, max_bytes, out.row_bytes);
  f.integer("burst_bytes", 1, max_bytes, out.burst_bytes);
  f.integer("interleave_bytes", 1, max_bytes, out.interleave_bytes);
  f.integer("group_interleave_bytes", 1, max_bytes, out.group_interleave_bytes);
  f.boolean("interleave_hash", out.interleave_hash);
  read_rate(node, clock_hz, f, out.bytes_per_cycle_per_channel);
  const auto time = [&](const char* name, std::int64_t least, std::int64_t& cycles) {
    read_time(node, name, least, clock_hz, f, diagnostics, cycles);
  };
  time("activate", 0, out.activate_cycles);
  time("precharge", 0, out.precharge_cycles);
  time("column", 0, out.column_cycles);
  time("row_cycle", 0, out.row_cycle_cycles);
  time("activate_spacing", 0, out.activate_spacing_cycles);
  time("activate_spacing_group", 0, out.activate_spacing_group_cycles);
  time("activate_window", 0, out.activate_window_cycles);
  read_exact_time(node, "column_spacing_group", clock_hz, f, diagnostics,
                  out.column_spacing_group_cycles);
  time("read_to_precharge", 0, out.read_to_precharge_cycles);
  time("write_recovery", 0, out.write_recovery_cycles);
  time("write_to_read", 0, out.write_to_read_cycles);
  time("read_to_write", 0, out.read_to_write_cycles);
  time("refresh_interval", 1, out.refresh_interval_cycles);
  time("refresh", 0, out.refresh_cycles);
  f.finish();
  check_multiple(node, "row_bytes", out.row_bytes, out.burst_bytes, "'burst_bytes'", diagnostics);
  check_multiple(node, "interleave_bytes", out.interleave_bytes, out.burst_bytes, "'burst_bytes'",
                 diagnostics);
  check_multiple(node, "group_interleave_bytes", out.group_interleave_bytes, out.burst_bytes,
                 "'burst_bytes'", diagnostics);
  if (out.row_bytes % out.burst_bytes == 0) {  // or that was told
    check_multiple(node, "row_bytes", out.row_bytes, out.group_interleave_bytes,
                   "'group_interleave_bytes'", diagnostics);
  }
  check_multiple(node, "banks", out.banks, out.bank_groups, "'bank_groups'", diagnostics);
  const Node* refresh = node.find("refresh_cycles");
  if (refresh == nullptr) refresh = node.find("refresh_ns");
  if (refresh != nullptr && out.refresh_cycles >= out.refresh_interval_cycles) {
    diagnostics.report(refresh->span, messages::yaml_out_of_range, "'refresh_cycles'",
                       out.refresh_cycles, 0, out.refresh_interval_cycles - 1);
  }
}

/// Prices that only load_changed_machine uses; checked here with the rest.
void check_area(const Node& node, Diagnostics& diagnostics) {
  Fields f(node, "'area'", diagnostics);
  double ignored = 0;
  for (const char* key : {"core", "pe", "lane", "shared.byte", "register.byte", "dram.channel"}) {
    f.number(key, 0, 1e12, ignored);
  }
  f.finish();
}

void read_energy(const Node& node, EnergyTable& out, Diagnostics& diagnostics) {
  if (!yaml::expect_map(node, "'energy'", diagnostics)) return;
  std::vector<std::string> known{"vector.element",    "dram.byte",   "dram.activate",
                                 "interconnect.byte", "shared.byte", "register.byte",
                                 "instruction",       "static.cycle"};
  for (const DType type : all_dtypes()) known.push_back(fmt::format("mac.{}", name(type)));
  for (const yaml::Entry& entry : node.entries) {
    if (std::find(known.begin(), known.end(), entry.key) == known.end()) {
      diagnostics.report(entry.key_span, messages::yaml_unknown_key, entry.key, "'energy'",
                         yaml::name_hint(entry.key, known));
    }
    const auto value =
        yaml::to_number(entry.value, Fields::quoted(entry.key), 0, 1e12, diagnostics);
    if (value) out[entry.key] = *value;
  }
}

}  // namespace

void read_dsa(const Node& node, double clock_hz, DsaSpec& spec, Diagnostics& diagnostics) {
  Fields f(node, "'dsa'", diagnostics);
  if (const Node* n = f.required("sequencer")) read_sequencer(*n, spec.sequencer, diagnostics);
  if (const Node* n = f.required("mma")) read_mma(*n, spec.mma, diagnostics);
  if (const Node* n = f.required("vector")) read_vector(*n, spec.vector, diagnostics);
  if (const Node* n = f.required("load")) read_dma(*n, "load", spec.load, diagnostics);
  if (const Node* n = f.required("store")) read_dma(*n, "store", spec.store, diagnostics);
  if (const Node* n = f.required("interconnect")) {
    read_interconnect(*n, spec.interconnect, diagnostics);
  }
  if (const Node* n = f.required("sharing")) read_sharing(*n, spec.sharing, diagnostics);
  if (const Node* n = f.required("dram")) read_dram(*n, clock_hz, spec.dram, diagnostics);
  if (const Node* n = f.required("energy")) read_energy(*n, spec.energy, diagnostics);
  if (const Node* n = f.optional("area")) check_area(*n, diagnostics);
  f.finish();
}

}  // namespace septran
