#include "simulator/fault_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "compiler/base/count.h"
#include "simulator/report.h"

namespace septran::simulator {
namespace {

std::string side_text(const Hazard::Side& side) {
  return fmt::format("  core {}: {}, instruction {}: {} ({})\n", side.core, side.engine,
                     side.instruction, side.text, place_text(side.origin));
}

/// "bytes 0 to 63 of A in GLOBAL".
std::string bytes_text(const Hazard& hazard) {
  const std::string where =
      hazard.buffers.empty() ? hazard.memory : hazard.buffers + " in " + hazard.memory;
  return fmt::format("bytes {} to {} of {}", hazard.first_byte, hazard.last_byte, where);
}

const char* kind_name(Hazard::Kind kind) {
  switch (kind) {
    case Hazard::Kind::read_after_write:
      return "read_after_write";
    case Hazard::Kind::write_after_read:
      return "write_after_read";
    case Hazard::Kind::write_after_write:
      return "write_after_write";
    case Hazard::Kind::unwritten:
      return "unwritten";
    case Hazard::Kind::shared_event:
      return "shared_event";
  }
  return "";
}

std::string claim(const Hazard& hazard) {
  const std::string& first = hazard.first.engine;
  const std::string second = hazard.second ? hazard.second->engine : "";
  switch (hazard.kind) {
    case Hazard::Kind::read_after_write:
      return fmt::format("{} reads what {} writes, but may be first: {}", second, first,
                         bytes_text(hazard));
    case Hazard::Kind::write_after_read:
      return fmt::format("{} overwrites what {} reads, but may be first: {}", second, first,
                         bytes_text(hazard));
    case Hazard::Kind::write_after_write:
      return fmt::format("{} overwrites what {} writes, but may be first: {}", second, first,
                         bytes_text(hazard));
    case Hazard::Kind::unwritten:
      return fmt::format("{} reads what nothing has written: {}", first, bytes_text(hazard));
    case Hazard::Kind::shared_event:
      return fmt::format(
          "{} and {} both {} event {}: which wait takes which signal is left open", first, second,
          hazard.first.text.starts_with("sync.wait") ? "wait for" : "signal", hazard.event);
  }
  return "";
}

nlohmann::ordered_json side_json(const Hazard::Side& side) {
  return {{"core", side.core},
          {"engine", side.engine},
          {"instruction", side.instruction},
          {"text", side.text},
          {"origin", origin_json(side.origin)}};
}

nlohmann::ordered_json helper_json(const Deadlock::Helper& helper) {
  return {{"core", helper.core},
          {"engine", helper.engine},
          {"instructions", helper.instructions},
          {"stands", helper.stands}};
}

std::string helpers_text(const Deadlock::Waiter& waiter) {
  std::string text;
  for (const Deadlock::Helper& helper : waiter.helpers) {
    const std::string at = helper.instructions.empty()
                               ? "takes from it"
                               : fmt::format("could end this by {} {}",
                                             noun_for(helper.instructions.size(), "instruction"),
                                             fmt::join(helper.instructions, ", "));
    text +=
        fmt::format("    core {}: {} {}, but {}\n", helper.core, helper.engine, at, helper.stands);
  }
  return text;
}

}  // namespace

std::string place_text(const dsa::SourceOrigin& origin) {
  std::string text;
  for (const std::string* part : {&origin.logic, &origin.mapping, &origin.rule}) {
    if (!part->empty()) text += (text.empty() ? "" : ", ") + *part;
  }
  return text.empty() ? "no place known" : text;
}

std::string to_text(const Trap& trap) {
  const std::string at = trap.instruction ? fmt::format(" at instruction {} ({})",
                                                        *trap.instruction, place_text(trap.origin))
                                          : "";
  return fmt::format("trap in cycle {} on core {}{}: {}\n", trap.cycle, trap.core, at, trap.text);
}

std::string to_text(const Deadlock& deadlock) {
  std::string text = fmt::format("deadlock: nothing moves after cycle {}\n", deadlock.cycle);
  for (const Deadlock::Waiter& waiter : deadlock.waiters) {
    text += fmt::format("  core {}: {} waits for {} at instruction {}: {} ({})\n", waiter.core,
                        waiter.engine, waiter.waits_for, waiter.instruction, waiter.text,
                        place_text(waiter.origin));
    if (!waiter.count.empty()) text += fmt::format("    {}\n", waiter.count);
    text += helpers_text(waiter);
  }
  return text;
}

std::string to_text(const HazardReport& report) {
  std::string text;
  for (const Hazard& hazard : report.hazards) {
    const std::string times = hazard.count == 1 ? "" : fmt::format(" ({} times)", hazard.count);
    text += fmt::format("hazard: {}{}\n{}", claim(hazard), times, side_text(hazard.first));
    if (hazard.second) text += side_text(*hazard.second);
    text += fmt::format("  hint: {}\n", hazard.hint);
  }
  return text;
}

nlohmann::ordered_json origin_json(const dsa::SourceOrigin& origin) {
  return {{"logic", origin.logic}, {"mapping", origin.mapping}, {"rule", origin.rule}};
}

nlohmann::ordered_json trap_json(const Trap& trap) {
  nlohmann::ordered_json json;
  json["text"] = trap.text;
  json["core"] = trap.core;
  if (trap.instruction) json["instruction"] = *trap.instruction;
  json["origin"] = origin_json(trap.origin);
  json["cycle"] = trap.cycle;
  return json;
}

nlohmann::ordered_json deadlock_json(const Deadlock& deadlock) {
  nlohmann::ordered_json waiters = nlohmann::ordered_json::array();
  for (const Deadlock::Waiter& waiter : deadlock.waiters) {
    nlohmann::ordered_json helpers = nlohmann::ordered_json::array();
    for (const Deadlock::Helper& helper : waiter.helpers) helpers.push_back(helper_json(helper));
    waiters.push_back({{"core", waiter.core},
                       {"engine", waiter.engine},
                       {"waits_for", waiter.waits_for},
                       {"instruction", waiter.instruction},
                       {"text", waiter.text},
                       {"origin", origin_json(waiter.origin)},
                       {"count", waiter.count},
                       {"helpers", helpers}});
  }
  return {{"cycle", deadlock.cycle}, {"waiters", waiters}};
}

nlohmann::ordered_json hazards_json(const HazardReport& report) {
  nlohmann::ordered_json found = nlohmann::ordered_json::array();
  for (const Hazard& hazard : report.hazards) {
    nlohmann::ordered_json entry;
    entry["kind"] = kind_name(hazard.kind);
    entry["first"] = side_json(hazard.first);
    if (hazard.second) entry["second"] = side_json(*hazard.second);
    if (!hazard.memory.empty()) {
      entry["memory"] = hazard.memory;
      entry["buffers"] = hazard.buffers;
      entry["bytes"] = {hazard.first_byte, hazard.last_byte};
    }
    if (!hazard.event.empty()) entry["event"] = hazard.event;
    entry["count"] = hazard.count;
    entry["hint"] = hazard.hint;
    found.push_back(std::move(entry));
  }
  return {{"operations", report.operations}, {"found", found}};
}

}  // namespace septran::simulator
