#include "compiler/mapping/instance_reader.h"

#include <algorithm>

#include "compiler/base/messages.h"

namespace septran::mapping {
namespace {

using yaml::Entry;
using yaml::Fields;
using yaml::Node;

constexpr int max_depth_of_rings = 16;

class InstanceReader {
 public:
  InstanceReader(const Entry& entry, const ReadContext& context)
      : context_(context),
        diagnostics_(context.diagnostics),
        fields_(entry.value, fmt::format("instance '{}'", entry.key), context.diagnostics) {
    instance_.name = entry.key;
    instance_.name_span = entry.key_span;
    instance_.span = entry.value.span;
  }
  Instance read();

 private:
  void task_name();
  void processor();
  void mems();
  void tunables();
  void calls();
  void call(const Entry& entry);
  void depths();
  void resident();
  bool check_operand(const std::string& name, Span span);
  const Node* map_field(const char* key);
  void note_task(Diagnostic& fault);

  const ReadContext& context_;
  Diagnostics& diagnostics_;
  Fields fields_;
  Instance instance_;
  std::set<std::string> placed_;     // names in 'mems', whether or not their memory is known
  const TaskNames* task_ = nullptr;  // null where the task is unknown
};

template <typename T>
std::vector<std::string> names_of(const std::vector<T>& all) {
  std::vector<std::string> names;
  for (const T& one : all) names.push_back(one.name);
  return names;
}

const Node* InstanceReader::map_field(const char* key) {
  const Node* node = fields_.optional(key);
  if (node == nullptr || !yaml::expect_map(*node, Fields::quoted(key), diagnostics_)) {
    return nullptr;
  }
  return node;
}

void InstanceReader::note_task(Diagnostic& fault) {
  fault.notes.push_back(
      {task_->task->name_span, fmt::format(messages::task_here_note, task_->task->name)});
}

void InstanceReader::task_name() {
  const Node* node = fields_.required("task_name");
  if (node == nullptr) return;
  const auto name = yaml::to_text(*node, "'task_name'", diagnostics_);
  if (!name) return;
  instance_.task_name = {*name, node->span};
  task_ = context_.logic.find(*name);
  if (task_ == nullptr) {
    diagnostics_.report(node->span, messages::mapping_unknown_name, "task", *name,
                        yaml::name_hint(*name, context_.logic.tasks()));
  }
}

void InstanceReader::processor() {
  // A leaf task's instance runs where it is launched, unless it says otherwise.
  const bool is_leaf = task_ != nullptr && task_->task->is_leaf;
  const Node* node = is_leaf ? fields_.optional("proc") : fields_.required("proc");
  if (node == nullptr) return;
  const auto name = yaml::to_text(*node, "'proc'", diagnostics_);
  if (!name) return;
  if (context_.machine.find_processor(*name) == nullptr) {
    diagnostics_.report(node->span, messages::mapping_unknown_name, "processor", *name,
                        yaml::name_hint(*name, names_of(context_.machine.processors)));
    return;
  }
  instance_.processor = {*name, node->span};
}

bool InstanceReader::check_operand(const std::string& name, Span span) {
  if (task_ == nullptr || task_->has_operand(name)) return true;
  if (const lang::Parameter* parameter = task_->find_parameter(name)) {
    Diagnostic& fault =
        diagnostics_.report(span, messages::mapping_scalar_operand, name, task_->task->name);
    fault.notes.push_back({parameter->span, messages::parameter_here_note});
    return false;
  }
  note_task(diagnostics_.report(span, messages::mapping_unknown_operand, task_->task->name, name,
                                yaml::name_hint(name, task_->operands())));
  return false;
}

void InstanceReader::mems() {
  const Node* node = map_field("mems");
  if (node == nullptr) return;
  std::vector<std::string> known = names_of(context_.machine.memories);
  known.emplace_back("NONE");
  for (const Entry& entry : node->entries) {
    check_operand(entry.key, entry.key_span);
    placed_.insert(entry.key);
    const auto memory = yaml::to_text(entry.value, Fields::quoted(entry.key), diagnostics_);
    if (!memory) continue;
    if (std::find(known.begin(), known.end(), *memory) == known.end()) {
      diagnostics_.report(entry.value.span, messages::mapping_unknown_name, "memory", *memory,
                          yaml::name_hint(*memory, known));
      continue;
    }
    // Temporaries of a HOST task may turn out to be used by one processor alone; the passes know.
    const MemorySpec* spec = context_.machine.find_memory(*memory);
    const bool is_parameter = task_ != nullptr && task_->find_parameter(entry.key) != nullptr;
    if (instance_.processor.value == "HOST" && is_parameter && spec != nullptr &&
        spec->is_private) {
      diagnostics_.report(entry.value.span, messages::mapping_private_memory, entry.key, *memory,
                          instance_.name);
    }
    instance_.mems[entry.key] = {*memory, entry.value.span};
  }
}

void InstanceReader::tunables() {
  const Node* node = map_field("tunables");
  if (node == nullptr) return;
  std::set<std::string> read;
  if (task_ != nullptr) {
    for (const std::string& name : context_.logic.reachable(task_->task->name)) {
      const TaskNames* task = context_.logic.find(name);
      if (task == nullptr) continue;
      read.insert(task->tunables.begin(), task->tunables.end());
    }
  }
  for (const Entry& entry : node->entries) {
    if (task_ != nullptr && read.count(entry.key) == 0) {
      const std::vector<std::string> known(read.begin(), read.end());
      note_task(diagnostics_.report(entry.key_span, messages::mapping_unknown_tunable,
                                    task_->task->name, entry.key,
                                    yaml::name_hint(entry.key, known)));
    }
    const std::string what = fmt::format("tunable '{}'", entry.key);
    if (auto value = context_.values.tunable(entry.value, what)) {
      instance_.tunables[entry.key] = {std::move(*value), entry.value.span};
    }
  }
}

void InstanceReader::call(const Entry& entry) {
  if (task_ != nullptr && !task_->launches_task(entry.key)) {
    std::vector<std::string> known;
    for (const LaunchSite& site : task_->callees()) known.push_back(site.callee);
    note_task(diagnostics_.report(entry.key_span, messages::mapping_call_not_launched,
                                  task_->task->name, entry.key, yaml::name_hint(entry.key, known)));
  }
  const auto name = yaml::to_text(entry.value, Fields::quoted(entry.key), diagnostics_);
  if (!name) return;
  const auto& known = context_.instance_names;
  if (std::find(known.begin(), known.end(), *name) == known.end()) {
    diagnostics_.report(entry.value.span, messages::mapping_unknown_name, "instance", *name,
                        yaml::name_hint(*name, known));
    return;
  }
  instance_.calls[entry.key] = {*name, entry.value.span};
}

void InstanceReader::calls() {
  if (const Node* node = map_field("calls")) {
    for (const Entry& entry : node->entries) call(entry);
  }
}

void InstanceReader::depths() {
  if (const Node* node = fields_.optional("pipeline")) {
    if (const auto depth = context_.values.integer(*node, "'pipeline'", 1, max_depth_of_rings)) {
      instance_.pipeline = Spanned<int>{static_cast<int>(*depth), node->span};
    }
  }
  const Node* rotate = map_field("rotate");
  if (rotate == nullptr) return;
  for (const Entry& entry : rotate->entries) {
    if (check_operand(entry.key, entry.key_span) && placed_.count(entry.key) == 0) {
      diagnostics_.report(entry.key_span, messages::mapping_rotate_not_placed, entry.key);
    }
    const std::string what = fmt::format("the depth of '{}'", entry.key);
    if (const auto depth = context_.values.integer(entry.value, what, 1, max_depth_of_rings)) {
      instance_.rotate[entry.key] = {static_cast<int>(*depth), entry.value.span};
    }
  }
}

void InstanceReader::resident() {
  for (const Node* node : fields_.optional_names("resident")) {
    if (check_operand(node->text, node->span)) {
      instance_.resident.push_back({node->text, node->span});
    }
  }
}

Instance InstanceReader::read() {
  if (!fields_.valid()) return std::move(instance_);
  task_name();
  processor();
  mems();
  tunables();
  calls();
  depths();
  resident();
  if (const Node* node = fields_.optional("leaf_task_bindings")) {
    instance_.leaf_task_bindings = read_bindings(*node, task_, context_);
  }
  read_loop_fields(fields_, task_, instance_, context_);
  read_gpu_fields(fields_, instance_, context_);
  check_family_fields(fields_, {"cpu", "dsa"}, context_);
  fields_.finish();
  return std::move(instance_);
}

}  // namespace

Instance read_instance(const Entry& entry, const ReadContext& context) {
  return InstanceReader(entry, context).read();
}

}  // namespace septran::mapping
