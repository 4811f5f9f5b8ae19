// Reading `leaf_task_bindings` and the fields of target families.
#include <algorithm>

#include "compiler/base/messages.h"
#include "compiler/mapping/instance_reader.h"
#include "compiler/primitives/primitives.h"

namespace septran::mapping {
namespace {

using yaml::Entry;
using yaml::Fields;
using yaml::Kind;
using yaml::Node;

constexpr std::int64_t max_extent = std::int64_t{1} << 40;
constexpr int max_rank = 8;

class BindingReader {
 public:
  BindingReader(const std::string& leaf, const ReadContext& context)
      : context_(context), diagnostics_(context.diagnostics), leaf_(context.logic.find(leaf)) {}
  Binding read(const Node& node);

 private:
  void implementation(const Node& node);
  void check_executes(const ImplementationSpec& spec, Span span);
  bool executes(const ImplementationSpec& spec, const std::string& primitive) const;
  void tile(const Node& node);
  void split(const Node& node);
  void split_item(const Entry& entry);
  std::vector<std::string> dims() const;

  const ReadContext& context_;
  Diagnostics& diagnostics_;
  const TaskNames* leaf_;
  Binding binding_;
};

bool BindingReader::executes(const ImplementationSpec& spec, const std::string& primitive) const {
  const auto lists = [&](const ImplementationSpec& one, const std::string& name) {
    return std::find(one.primitives.begin(), one.primitives.end(), name) != one.primitives.end();
  };
  if (lists(spec, primitive)) return true;
  if (!lists(spec, "*")) return false;
  // "*": all primitives but those that some implementation names.
  return std::none_of(context_.machine.implementations.begin(),
                      context_.machine.implementations.end(),
                      [&](const ImplementationSpec& one) { return lists(one, primitive); });
}

void BindingReader::check_executes(const ImplementationSpec& spec, Span span) {
  if (leaf_ == nullptr || leaf_->primitives.empty()) return;
  std::vector<std::string> wanted;
  for (const PrimitiveSite& site : leaf_->primitives) {
    if (executes(spec, site.primitive)) return;
    if (std::find(wanted.begin(), wanted.end(), site.primitive) == wanted.end()) {
      wanted.push_back(site.primitive);
    }
  }
  std::vector<std::string> able;
  for (const ImplementationSpec& one : context_.machine.implementations) {
    const bool fits = std::any_of(wanted.begin(), wanted.end(),
                                  [&](const std::string& name) { return executes(one, name); });
    if (fits) able.push_back(one.name);
  }
  diagnostics_
      .report(
          span, messages::mapping_wrong_implementation, spec.name, leaf_->task->name,
          fmt::join(wanted, ", "),
          able.empty() ? "" : fmt::format(messages::implementations_hint, fmt::join(able, ", ")))
      .notes.push_back({leaf_->primitives[0].span, messages::primitive_here_note});
}

void BindingReader::implementation(const Node& tagged) {
  const Node* node = context_.values.first_value(tagged, "an implementation");
  if (node == nullptr) return;
  const auto name = yaml::to_text(*node, "an implementation", diagnostics_);
  if (!name) return;
  binding_.implementation = *name;
  if (const ImplementationSpec* spec = context_.machine.find_implementation(*name)) {
    check_executes(*spec, node->span);
    return;
  }
  std::vector<std::string> known;
  for (const ImplementationSpec& one : context_.machine.implementations) {
    known.push_back(one.name);
    known.insert(known.end(), one.aliases.begin(), one.aliases.end());
  }
  diagnostics_.report(node->span, messages::mapping_unknown_name, "implementation", *name,
                      yaml::name_hint(*name, known));
}

void BindingReader::tile(const Node& tagged) {
  const Node* node = context_.values.first_value(tagged, "'tile'");
  if (node == nullptr || !yaml::expect_sequence(*node, "'tile'", diagnostics_)) return;
  std::vector<std::int64_t> extents;
  bool right = true;
  for (const Node& item : node->items) {
    const auto extent = context_.values.integer(item, "an item of 'tile'", 1, max_extent);
    right = right && extent;
    if (!extent) continue;
    binding_.tile.push_back({*extent, item.span});
    extents.push_back(*extent);
  }
  const ImplementationSpec* spec = context_.machine.find_implementation(binding_.implementation);
  if (!right || spec == nullptr) return;
  if (std::find(spec->tiles.begin(), spec->tiles.end(), extents) != spec->tiles.end()) return;
  std::vector<std::string> known;
  for (const auto& one : spec->tiles) known.push_back(fmt::format("[{}]", fmt::join(one, ", ")));
  diagnostics_.report(node->span, messages::mapping_wrong_tile, spec->name,
                      fmt::join(extents, ", "),
                      known.empty() ? std::string(messages::no_tiles_hint)
                                    : fmt::format(messages::known_hint, fmt::join(known, ", ")));
}

std::vector<std::string> BindingReader::dims() const {
  std::vector<std::string> known;
  for (const PrimitiveSite& site : leaf_->primitives) {
    for (std::string& dim : iteration_dims(site.primitive)) {
      if (std::find(known.begin(), known.end(), dim) == known.end()) {
        known.push_back(std::move(dim));
      }
    }
  }
  return known;
}

void BindingReader::split_item(const Entry& entry) {
  if (leaf_ != nullptr) {
    const std::vector<std::string> known = dims();
    if (std::find(known.begin(), known.end(), entry.key) == known.end()) {
      diagnostics_.report(entry.key_span, messages::mapping_unknown_name, "dimension", entry.key,
                          yaml::name_hint(entry.key, known));
      return;
    }
  }
  const std::string what = fmt::format("the split of '{}'", entry.key);
  if (const auto size = context_.values.integer(entry.value, what, 1, max_extent)) {
    binding_.split.push_back({entry.key, *size, entry.value.span});
  }
}

void BindingReader::split(const Node& tagged) {
  const Node* node = context_.values.first_value(tagged, "'split'");
  if (node == nullptr) return;
  if (node->kind == Kind::map) {
    for (const Entry& entry : node->entries) split_item(entry);
    return;
  }
  if (!yaml::expect_sequence(*node, "'split'", diagnostics_)) return;
  // A dimension may be split twice, by an outer and an inner size: a list is no map.
  for (const Node& item : node->items) {
    if (item.kind != Kind::map || item.entries.size() != 1) {
      diagnostics_.report(item.span, messages::mapping_bad_split);
    } else {
      split_item(item.entries[0]);
    }
  }
}

Binding BindingReader::read(const Node& node) {
  binding_.span = node.span;
  if (node.kind == Kind::scalar || node.tag == "!tune") {
    implementation(node);
    return std::move(binding_);
  }
  Fields fields(node, "a binding", diagnostics_);
  if (!fields.valid()) return std::move(binding_);
  if (const Node* name = fields.optional("impl")) implementation(*name);
  if (const Node* extents = fields.optional("tile")) tile(*extents);
  if (const Node* parts = fields.optional("split")) split(*parts);
  if (const Node* swap = fields.optional("swap")) {
    binding_.swap = context_.values.boolean(*swap, "'swap'").value_or(false);
    if (binding_.swap && leaf_ != nullptr &&
        std::none_of(leaf_->primitives.begin(), leaf_->primitives.end(),
                     [](const PrimitiveSite& site) { return site.primitive == "gemm"; })) {
      diagnostics_.report(swap->span, messages::mapping_swaps_nothing, leaf_->task->name)
          .notes.push_back(
              {leaf_->task->name_span, fmt::format(messages::task_here_note, leaf_->task->name)});
    }
  }
  check_family_fields(fields, {"cuda", "cpu", "dsa"}, context_);
  fields.finish();
  return std::move(binding_);
}

void check_leaf(const Entry& entry, const TaskNames* task, const ReadContext& context) {
  const TaskNames* leaf = context.logic.find(entry.key);
  if (leaf == nullptr) {
    context.diagnostics.report(entry.key_span, messages::mapping_unknown_name, "leaf task",
                               entry.key, yaml::name_hint(entry.key, context.logic.leaf_tasks()));
  } else if (!leaf->task->is_leaf) {
    context.diagnostics.report(entry.key_span, messages::mapping_not_a_leaf, entry.key)
        .notes.push_back(
            {leaf->task->name_span, fmt::format(messages::task_here_note, leaf->task->name)});
  } else if (task != nullptr && context.logic.reachable(task->task->name).count(entry.key) == 0) {
    context.diagnostics.report(entry.key_span, messages::mapping_binding_unused, task->task->name,
                               entry.key);
  }
}

}  // namespace

std::vector<std::string> iteration_dims(const std::string& primitive) {
  const Primitive* found = find_primitive(primitive);
  if (found == nullptr) return {};
  if (found->kind == PrimitiveKind::matrix) return {"m", "n", "k"};
  std::vector<std::string> dims;
  for (int d = 0; d < max_rank; ++d) dims.push_back(fmt::format("d{}", d));
  return dims;
}

std::vector<std::string> reduction_dims(const std::string& primitive) {
  const Primitive* found = find_primitive(primitive);
  if (found == nullptr) return {};
  if (found->kind == PrimitiveKind::matrix) return {"k"};
  return found->kind == PrimitiveKind::reduction ? iteration_dims(primitive)
                                                 : std::vector<std::string>{};
}

std::map<std::string, Binding> read_bindings(const Node& node, const TaskNames* task,
                                             const ReadContext& context) {
  std::map<std::string, Binding> bindings;
  if (!yaml::expect_map(node, "'leaf_task_bindings'", context.diagnostics)) return bindings;
  for (const Entry& entry : node.entries) {
    check_leaf(entry, task, context);
    bindings[entry.key] = BindingReader(entry.key, context).read(entry.value);
  }
  return bindings;
}

void check_family_fields(Fields& fields, std::initializer_list<const char*> families,
                         const ReadContext& context) {
  for (const char* family : families) {
    const Node* section = fields.optional(family);
    if (section == nullptr) continue;
    Fields(*section, Fields::quoted(family), context.diagnostics).finish();
  }
}

}  // namespace septran::mapping
