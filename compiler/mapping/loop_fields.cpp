// The fields of an instance that concern the loops of its task.
#include <algorithm>
#include <map>
#include <set>

#include "compiler/base/messages.h"
#include "compiler/mapping/instance_reader.h"

namespace septran::mapping {
namespace {

using lang::LoopKind;
using yaml::Entry;
using yaml::Fields;
using yaml::Node;

constexpr std::int64_t max_group = 1 << 20;
constexpr int max_trips_earlier = 16;
constexpr int max_occurrence = 1024;

class LoopFields {
 public:
  LoopFields(Fields& fields, const TaskNames* task, Instance& instance, const ReadContext& context)
      : fields_(fields),
        task_(task),
        instance_(instance),
        context_(context),
        diagnostics_(context.diagnostics) {}
  void read() {
    workers();
    order();
    spread();
    schedule();
  }

 private:
  void workers();
  void order();
  std::optional<int> processors(const Node& node, const std::string& what);
  std::vector<Spanned<std::string>> loop_list(Fields& fields, const char* key);
  bool check_loop(const std::string& name, Span span, LoopKind kind);
  bool check_has_loop(const char* field, Span span, LoopKind kind);
  void spread();
  void schedule();
  std::optional<ScheduleEntry> schedule_entry(const Node& node);
  void check_schedule(const Node& list);

  Fields& fields_;
  const TaskNames* task_;
  Instance& instance_;
  const ReadContext& context_;
  Diagnostics& diagnostics_;
};

const char* word(LoopKind kind) { return kind == LoopKind::parallel ? "parallel" : "sequential"; }

bool LoopFields::check_has_loop(const char* field, Span span, LoopKind kind) {
  if (task_ == nullptr || task_->has_loop(kind)) return true;
  Diagnostic& fault =
      diagnostics_.report(span, messages::mapping_no_loop, field, word(kind), task_->task->name);
  fault.notes.push_back(
      {task_->task->name_span, fmt::format(messages::task_here_note, task_->task->name)});
  return false;
}

bool LoopFields::check_loop(const std::string& name, Span span, LoopKind kind) {
  if (task_ == nullptr) return true;
  const std::vector<std::string> known = task_->loop_names(kind);
  if (std::find(known.begin(), known.end(), name) != known.end()) return true;
  Diagnostic& fault = diagnostics_.report(span, messages::mapping_unknown_loop, task_->task->name,
                                          word(kind), name, yaml::name_hint(name, known));
  for (const LoopVariable& loop : task_->loops) {
    if (loop.name != name) continue;
    fault.notes.push_back(
        {loop.span, fmt::format(messages::loop_here_note, name, word(loop.kind))});
    break;
  }
  return false;
}

void LoopFields::workers() {
  const Node* tagged = fields_.optional("workers");
  if (tagged == nullptr) return;
  check_has_loop("workers", tagged->span, LoopKind::parallel);
  const Node* node = context_.values.first_value(*tagged, "'workers'");
  if (node == nullptr) return;
  Workers& workers = instance_.workers;
  workers.span = tagged->span;
  if (node->kind == yaml::Kind::scalar && (node->text == "grid" || node->text == "all")) {
    workers.kind = node->text == "grid" ? Workers::Kind::grid : Workers::Kind::all;
    return;
  }
  const bool is_word = node->kind == yaml::Kind::scalar && !node->quoted &&
                       !yaml::parse_number(node->text) &&
                       node->text.find_first_of(" (+-*/%") == std::string::npos;
  if (is_word || node->kind != yaml::Kind::scalar) {
    diagnostics_.report(node->span, messages::mapping_bad_workers,
                        is_word ? node->text : std::string(yaml::describe(*node)));
    return;
  }
  if (const auto number = processors(*node, "'workers'")) {
    workers.kind = Workers::Kind::number;
    workers.number = *number;
  }
}

/// A number of BLOCK processors that the machine has.
std::optional<int> LoopFields::processors(const Node& node, const std::string& what) {
  const auto number = context_.values.integer(node, what, 1, 1 << 20);
  if (!number) return std::nullopt;
  const int most = std::max(1, context_.machine.block_count());
  if (*number > most) {
    diagnostics_.report(node.span, messages::mapping_processor_count, what, *number,
                        context_.machine.name, most);
    return std::nullopt;
  }
  return static_cast<int>(*number);
}

std::vector<Spanned<std::string>> LoopFields::loop_list(Fields& fields, const char* key) {
  std::vector<Spanned<std::string>> list;
  const Node* tagged = fields.optional(key);
  const Node* node =
      tagged == nullptr ? nullptr : context_.values.first_value(*tagged, Fields::quoted(key));
  if (node == nullptr || !yaml::expect_sequence(*node, Fields::quoted(key), diagnostics_)) {
    return list;
  }
  for (const Node& item : node->items) {
    const auto name = context_.values.text(item, fmt::format("an item of '{}'", key));
    if (!name || !check_loop(*name, item.span, LoopKind::parallel)) continue;
    const bool repeated =
        std::any_of(list.begin(), list.end(), [&](const auto& one) { return one.value == *name; });
    if (repeated) {
      diagnostics_.report(item.span, messages::mapping_repeated_loop, *name, key);
    } else {
      list.push_back({*name, item.span});
    }
  }
  return list;
}

void LoopFields::order() {
  const Node* node = fields_.optional("order");
  if (node == nullptr) return;
  Fields fields(*node, "'order'", diagnostics_);
  if (!fields.valid()) return;
  Order& order = instance_.order;
  order.span = node->span;
  order.loops = loop_list(fields, "loops");
  order.reverse = loop_list(fields, "reverse");
  const Node* group = fields.optional("group");
  if (group != nullptr && yaml::expect_map(*group, "'group'", diagnostics_)) {
    for (const Entry& entry : group->entries) {
      if (!check_loop(entry.key, entry.key_span, LoopKind::parallel)) continue;
      const std::string what = fmt::format("the group of '{}'", entry.key);
      if (const auto size = context_.values.integer(entry.value, what, 1, max_group)) {
        order.group[entry.key] = {*size, entry.value.span};
      }
    }
  }
  fields.finish();
}

void LoopFields::spread() {
  const Node* node = fields_.optional("spread");
  if (node == nullptr || !yaml::expect_map(*node, "'spread'", diagnostics_)) return;
  std::vector<std::string> known;
  if (task_ != nullptr) {
    known = task_->loop_names(LoopKind::sequential);
    // A leaf's reduction dimensions count too: those of the task itself or of what it launches.
    std::vector<const TaskNames*> leaves{task_};
    for (const LaunchSite& site : task_->callees()) {
      if (const TaskNames* callee = context_.logic.find(site.callee)) leaves.push_back(callee);
    }
    for (const TaskNames* leaf : leaves) {
      for (const PrimitiveSite& site : leaf->primitives) {
        for (const std::string& dim : reduction_dims(site.primitive)) known.push_back(dim);
      }
    }
  }
  for (const Entry& entry : node->entries) {
    if (task_ != nullptr && std::find(known.begin(), known.end(), entry.key) == known.end()) {
      diagnostics_.report(entry.key_span, messages::mapping_unknown_loop, task_->task->name,
                          "sequential or reduction", entry.key, yaml::name_hint(entry.key, known));
      continue;
    }
    if (const auto count = processors(entry.value, fmt::format("the spread of '{}'", entry.key))) {
      instance_.spread[entry.key] = {*count, entry.value.span};
    }
  }
}

/// callee[#occurrence][@-trips]
std::optional<ScheduleEntry> LoopFields::schedule_entry(const Node& node) {
  const auto text = yaml::to_text(node, "an item of 'schedule'", diagnostics_);
  if (!text) return std::nullopt;
  ScheduleEntry entry;
  entry.span = node.span;
  std::string rest = *text;
  bool right = true;
  const auto cut = [&](std::string_view mark, int most) -> std::optional<int> {
    const std::size_t at = rest.find(mark[0]);
    if (at == std::string::npos) return std::nullopt;
    const std::string number = rest.substr(std::min(rest.size(), at + mark.size()));
    const auto value = number.empty() || number[0] < '0' || number[0] > '9'
                           ? std::nullopt
                           : yaml::parse_integer(number);
    if (rest.compare(at, mark.size(), mark) != 0 || !value || *value < 1 || *value > most) {
      right = false;
    }
    rest.resize(at);
    return right ? static_cast<int>(*value) : 1;
  };
  entry.trips_earlier = cut("@-", max_trips_earlier).value_or(0);
  entry.occurrence = cut("#", max_occurrence).value_or(1);
  entry.callee = rest;
  if (right && !rest.empty()) return entry;
  diagnostics_.report(node.span, messages::mapping_schedule_syntax, *text);
  return std::nullopt;
}

std::string launch_name(const std::string& callee, int occurrence) {
  return occurrence == 1 ? callee : fmt::format("{}#{}", callee, occurrence);
}

void LoopFields::check_schedule(const Node& list) {
  std::map<std::string, Span> launches;  // inside a sequential loop
  std::vector<std::string> order;
  std::map<std::string, int> count;
  for (const LaunchSite& site : task_->launches) {
    if (!site.in_sequential_loop) continue;
    order.push_back(launch_name(site.callee, ++count[site.callee]));
    launches[order.back()] = site.span;
  }
  std::set<std::string> seen;
  bool unknown = false;
  for (const ScheduleEntry& entry : instance_.schedule) {
    const std::string name = launch_name(entry.callee, entry.occurrence);
    if (launches.count(name) == 0) {
      unknown = true;
      diagnostics_.report(entry.span, messages::mapping_schedule_unknown, task_->task->name, name,
                          yaml::name_hint(name, order));
    } else if (!seen.insert(name).second) {
      diagnostics_.report(entry.span, messages::mapping_schedule_repeated, name);
    }
  }
  if (unknown) return;  // it may be the one that seems to be missing
  for (const std::string& name : order) {
    if (seen.count(name) != 0) continue;
    diagnostics_.report(list.span, messages::mapping_schedule_missing, name)
        .notes.push_back({launches[name], messages::launch_here_note});
  }
}

void LoopFields::schedule() {
  const Node* node = fields_.optional("schedule");
  if (node == nullptr || !yaml::expect_sequence(*node, "'schedule'", diagnostics_)) return;
  bool right = check_has_loop("schedule", node->span, LoopKind::sequential);
  for (const Node& item : node->items) {
    if (const auto entry = schedule_entry(item)) {
      instance_.schedule.push_back(*entry);
    } else {
      right = false;
    }
  }
  if (right && task_ != nullptr) check_schedule(*node);
}

}  // namespace

void read_loop_fields(Fields& fields, const TaskNames* task, Instance& instance,
                      const ReadContext& context) {
  LoopFields(fields, task, instance, context).read();
}

}  // namespace septran::mapping
