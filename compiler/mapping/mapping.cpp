#include "compiler/mapping/mapping.h"

#include <algorithm>

#include "compiler/base/messages.h"
#include "compiler/mapping/document.h"
#include "compiler/mapping/instance_reader.h"
#include "compiler/mapping/launches.h"

namespace septran::mapping {
namespace {

using yaml::Entry;
using yaml::Node;

const Node* instances_of(const Node& root, Diagnostics& diagnostics) {
  const Node* node = root.find("task_mappings");
  if (node == nullptr) {
    diagnostics.report(root.span, messages::yaml_missing_key, "a mapping file", "task_mappings");
    return nullptr;
  }
  return yaml::expect_map(*node, "'task_mappings'", diagnostics) ? node : nullptr;
}

/// The entry point's instance in the tree; reported if the file does not say, or it is not there.
const Entry* find_entry_point(const Node& root, const Node& instances, Diagnostics& diagnostics,
                              Spanned<std::string>& name) {
  std::vector<std::string> known;
  for (const Entry& entry : instances.entries) known.push_back(entry.key);
  const Node* node = root.find("entrypoint");
  if (node == nullptr) {
    const std::string example =
        known.empty() ? "" : fmt::format(messages::entrypoint_of, known.front());
    diagnostics.report(root.span, messages::mapping_no_entrypoint, example);
    return nullptr;
  }
  const auto text = yaml::to_text(*node, "'entrypoint'", diagnostics);
  if (!text) return nullptr;
  name = {*text, node->span};
  const Entry* entry = instances.find_entry(*text);
  if (entry == nullptr) {
    diagnostics.report(node->span, messages::mapping_unknown_name, "instance", *text,
                       yaml::name_hint(*text, known));
  }
  return entry;
}

void read_target(const Node& root, Spanned<std::string>& target, Diagnostics& diagnostics) {
  const Node* node = root.find("target");
  if (node == nullptr) return;
  if (const auto text = yaml::to_text(*node, "'target'", diagnostics)) target = {*text, node->span};
}

/// Reports an instance without a task that a case or an extending file lays over the others: such a
/// one changes an instance that is there, so its name is wrong, unless it looks like a new one.
bool is_misnamed(const Node& instances, const Entry& entry, Diagnostics& diagnostics) {
  const Span& own = instances.span;  // of the map that the others were laid over
  const bool is_laid_over = entry.key_span.file != own.file || entry.key_span.begin < own.begin ||
                            entry.key_span.begin >= own.end;
  if (!is_laid_over || entry.value.kind != yaml::Kind::map || entry.value.find("task_name")) {
    return false;
  }
  std::vector<std::string> known;
  for (const Entry& other : instances.entries) {
    if (other.value.find("task_name") != nullptr) known.push_back(other.key);
  }
  if (entry.value.find("proc") != nullptr && !nearest_name(entry.key, known)) return false;
  diagnostics.report(entry.key_span, messages::mapping_unknown_name, "instance", entry.key,
                     yaml::name_hint(entry.key, known));
  return true;
}

void read_instances(const Node& instances, Mapping& mapping, const ReadContext& context) {
  for (const Entry& entry : instances.entries) {
    if (is_misnamed(instances, entry, context.diagnostics)) continue;
    mapping.instances.emplace(entry.key, read_instance(entry, context));
  }
}

}  // namespace

const Instance* Mapping::find(const std::string& name) const {
  const auto found = instances.find(name);
  return found == instances.end() ? nullptr : &found->second;
}

Result<Spanned<std::string>> read_target_name(FileId file, SourceManager& sources,
                                              Diagnostics& diagnostics) {
  const std::size_t errors_before = diagnostics.error_count();
  const auto root = read_document(file, nullptr, sources, diagnostics);
  if (!root) return std::nullopt;
  Spanned<std::string> target;
  read_target(*root, target, diagnostics);
  if (diagnostics.error_count() > errors_before) return std::nullopt;
  return target;
}

Result<Spanned<std::string>> read_entry_task(FileId file, SourceManager& sources,
                                             Diagnostics& diagnostics) {
  const std::size_t errors_before = diagnostics.error_count();
  const auto root = read_document(file, nullptr, sources, diagnostics);
  if (!root) return std::nullopt;
  const Node* instances = instances_of(*root, diagnostics);
  if (instances == nullptr) return std::nullopt;
  Spanned<std::string> name;
  const Entry* entry = find_entry_point(*root, *instances, diagnostics, name);
  if (entry == nullptr) return std::nullopt;
  const std::string what = fmt::format("instance '{}'", entry->key);
  if (!yaml::expect_map(entry->value, what, diagnostics)) return std::nullopt;
  const Node* task = entry->value.find("task_name");
  if (task == nullptr) {
    diagnostics.report(entry->value.span, messages::yaml_missing_key, what, "task_name");
    return std::nullopt;
  }
  const auto text = yaml::to_text(*task, "'task_name'", diagnostics);
  if (!text || diagnostics.error_count() > errors_before) return std::nullopt;
  return Spanned<std::string>{*text, task->span};
}

namespace {

/// The mapping that a tree says, with faults reported.
Mapping read_tree(const Node& root, FileId file, Values& values, const lang::Module& module,
                  const Machine& machine, Diagnostics& diagnostics) {
  const LogicNames logic(module);
  Mapping mapping;
  mapping.file = file;
  read_target(root, mapping.target, diagnostics);
  const Node* instances = instances_of(root, diagnostics);
  std::vector<std::string> names;
  if (instances != nullptr) {
    for (const Entry& entry : instances->entries) names.push_back(entry.key);
  }
  const ReadContext context{values, logic, machine, names, diagnostics};
  if (instances != nullptr) {
    find_entry_point(root, *instances, diagnostics, mapping.entrypoint);
    read_instances(*instances, mapping, context);
  }
  if (const Node* node = root.find("leaf_task_bindings")) {
    mapping.leaf_task_bindings = read_bindings(*node, nullptr, context);
  }
  check_launches(mapping, logic, machine, diagnostics);
  mapping.has_tune = values.has_tune();
  return mapping;
}

/// Reports faults of cases that are for other sizes, as far as they do not depend on these.
void check_other_cases(const Cases& cases, FileId file, const Environment& environment,
                       const lang::Module& module, const Machine& machine, SourceManager& sources,
                       Diagnostics& diagnostics) {
  for (const Cases::Other& other : cases.others) {
    Diagnostics faults;
    Cases only{other.number, {}};
    const auto root = read_document(file, &environment, sources, faults, &only);
    if (!root) continue;
    Values values(environment, sources, faults, true);
    (void)read_tree(*root, file, values, module, machine, faults);
    for (const Diagnostic& fault : faults.all()) {
      const bool is_its_own =
          fault.severity == Severity::error && fault.span.file == other.span.file &&
          fault.span.begin >= other.span.begin && fault.span.end <= other.span.end;
      const auto& known = diagnostics.all();
      const bool is_known = std::any_of(known.begin(), known.end(), [&](const Diagnostic& one) {
        return one.text == fault.text && one.span == fault.span;
      });
      if (is_its_own && !is_known) diagnostics.add(fault);
    }
  }
}

}  // namespace

Result<Mapping> read_mapping(FileId file, const Environment& environment,
                             const lang::Module& module, const Machine& machine,
                             SourceManager& sources, Diagnostics& diagnostics) {
  const std::size_t errors_before = diagnostics.error_count();
  Cases cases;
  const auto root = read_document(file, &environment, sources, diagnostics, &cases);
  if (!root) return std::nullopt;
  Values values(environment, sources, diagnostics);
  Mapping mapping = read_tree(*root, file, values, module, machine, diagnostics);
  check_other_cases(cases, file, environment, module, machine, sources, diagnostics);
  if (diagnostics.error_count() > errors_before) return std::nullopt;
  return mapping;
}

}  // namespace septran::mapping
