// Which task runs as which instance, and where each of its tensors is.
#include <fmt/format.h>

#include <algorithm>

#include "compiler/explain/parts.h"
#include "compiler/tile/text_words.h"

namespace septran::explain {
namespace {

using tile::Block;
using tile::Placement;
using tile::Program;
using tile::Statement;

std::string range_text(const Program& program, VarId var) {
  const VarInfo& info = program.vars[var];
  return fmt::format("{} in {}..{}", info.name, to_string(info.begin, program.vars),
                     to_string(info.end, program.vars));
}

class LaunchWalk {
 public:
  LaunchWalk(const Subject& subject, Explanation& out) : subject_(subject), out_(out) {}

  void run() { walk(subject_.launch_tree.body, 0, {}, nullptr); }

 private:
  const Program& tree() const { return subject_.launch_tree; }
  void walk(const Block& block, int level, const std::string& around, std::size_t* current);
  void launch(const Statement& statement, const tile::Scope& scope, int level,
              const std::string& around);
  ArgumentNote argument(const tile::Scope& scope, const tile::ScopeArgument& given) const;
  void temporary(const tile::Tensor& tensor, std::size_t launch);
  std::string why(const mapping::Instance& instance, const tile::Tensor& parameter,
                  const tile::ScopeArgument& given) const;

  const Subject& subject_;
  Explanation& out_;
};

void LaunchWalk::walk(const Block& block, int level, const std::string& around,
                      std::size_t* current) {
  for (const Statement& statement : block) {
    std::string inner = around;
    const auto add = [&](const std::string& text) { inner += (inner.empty() ? "" : ", ") + text; };
    if (const auto* scope = std::get_if<tile::Scope>(&statement.node)) {
      launch(statement, *scope, level, around);
      continue;
    }
    if (const auto* alloc = std::get_if<tile::Alloc>(&statement.node)) {
      if (current != nullptr) temporary(tree()[alloc->tensor], *current);
    } else if (const auto* parallel = std::get_if<tile::Parallel>(&statement.node)) {
      std::vector<std::string> vars;
      for (const VarId v : parallel->vars) vars.push_back(range_text(tree(), v));
      add(fmt::format("parallel {}", fmt::join(vars, ", ")));
    } else if (const auto* loop = std::get_if<tile::Loop>(&statement.node)) {
      add(fmt::format("loop {}", range_text(tree(), loop->var)));
      if (loop->spread > 1) inner += fmt::format(", dealt to {} processors", loop->spread);
    } else if (std::holds_alternative<tile::If>(statement.node)) {
      add("if");
    }
    for (const Block* child : tile::child_blocks(statement)) walk(*child, level, inner, current);
  }
}

void LaunchWalk::launch(const Statement& statement, const tile::Scope& scope, int level,
                        const std::string& around) {
  LaunchNote note;
  note.level = level;
  note.task = scope.task;
  note.instance = scope.instance;
  note.processor = scope.processor;
  note.around = around;
  note.place = place_of(statement.origin);
  for (const tile::ScopeArgument& given : scope.arguments) {
    note.arguments.push_back(argument(scope, given));
  }
  out_.launches.push_back(std::move(note));
  std::size_t index = out_.launches.size() - 1;
  walk(scope.body, level + 1, {}, &index);
}

std::string LaunchWalk::why(const mapping::Instance& instance, const tile::Tensor& parameter,
                            const tile::ScopeArgument& given) const {
  const bool listed = instance.mems.contains(parameter.name);
  switch (given.placement) {
    case Placement::reference:
      return listed ? "it is where `mems` wants it"
                    : "`mems` does not name it: it stays where it is";
    case Placement::never:
      return "`mems` says NONE: only its parts are placed, further in";
    case Placement::whole: {
      const bool resident =
          std::any_of(instance.resident.begin(), instance.resident.end(),
                      [&](const auto& entry) { return entry.value == parameter.name; });
      if (resident) return "`resident` asks for all of it at once";
      return "it is written: a buffer holds what the launch touches, and is copied out";
    }
    case Placement::parts:
      return "it is only read: each part is copied where it is used";
  }
  return {};
}

ArgumentNote LaunchWalk::argument(const tile::Scope& scope,
                                  const tile::ScopeArgument& given) const {
  const tile::Tensor& parameter = tree()[given.parameter];
  const mapping::Instance* instance = subject_.mapping.find(scope.instance);
  SEPTRAN_CHECK(instance != nullptr);
  ArgumentNote note;
  note.name = parameter.name;
  note.type = tile::type_text(parameter, tree().vars);
  note.memory = given.memory;
  note.depth = given.depth;
  note.place = place_of(given.origin);
  note.why = why(*instance, parameter, given);
  switch (given.placement) {
    case Placement::reference:
      note.placement = "reference";
      break;
    case Placement::never:
      note.placement = "never";
      break;
    case Placement::whole:
      note.placement = "whole";
      break;
    case Placement::parts:
      note.placement = "parts";
      break;
  }
  const bool is_buffered =
      given.placement == Placement::whole || given.placement == Placement::parts;
  if (is_buffered) {
    const auto key = depth_key(subject_, parameter, given.placement == Placement::whole);
    if (key) note.why += "; " + depth_text(*key, note.depth);
  }
  return note;
}

void LaunchWalk::temporary(const tile::Tensor& tensor, std::size_t launch) {
  ArgumentNote note;
  note.name = tensor.name;
  note.type = tile::type_text(tensor, tree().vars);
  note.memory = tensor.memory;
  note.placement = "temporary";
  note.depth = tensor.depth;
  note.place = place_of(tensor.origin);
  note.why = "made by the task";
  if (const auto key = depth_key(subject_, tensor, true))
    note.why += "; " + depth_text(*key, note.depth);
  out_.launches[launch].arguments.push_back(std::move(note));
}

/// The instance that launches another in a loop of its own, if that one streams.
const mapping::Instance* launching_pipeline(const Subject& subject, const std::string& instance) {
  const mapping::Instance* found = nullptr;
  const std::function<void(const Block&, const mapping::Instance*, bool)> walk =
      [&](const Block& block, const mapping::Instance* around, bool in_loop) {
        for (const Statement& statement : block) {
          const auto* scope = std::get_if<tile::Scope>(&statement.node);
          const bool loops = std::holds_alternative<tile::Loop>(statement.node) ||
                             std::holds_alternative<tile::Parallel>(statement.node);
          if (scope != nullptr && scope->instance == instance && in_loop && around != nullptr &&
              around->pipeline && found == nullptr) {
            found = around;
          }
          for (const Block* child : tile::child_blocks(statement)) {
            if (scope != nullptr) {
              walk(*child, subject.mapping.find(scope->instance), false);
            } else {
              walk(*child, around, in_loop || loops);
            }
          }
        }
      };
  walk(subject.launch_tree.body, nullptr, false);
  return found;
}

}  // namespace

Placed placed_by(const mapping::Mapping& mapping, const tile::Origin& origin) {
  if (!origin.mapping_span.valid()) return {};
  for (const auto& [name, instance] : mapping.instances) {
    for (const auto& [tensor, memory] : instance.mems) {
      if (memory.span == origin.mapping_span) return {&instance, tensor};
    }
  }
  return {};
}

std::optional<DepthKey> depth_key(const Subject& subject, const tile::Tensor& tensor,
                                  bool written) {
  const Placed placed = placed_by(subject.mapping, tensor.origin);
  if (placed.instance == nullptr) return std::nullopt;
  DepthKey key;
  key.instance = placed.instance->name;
  key.name = placed.name;
  key.key = written ? "rotate" : "pipeline";
  key.overlaps = subject.machine.overlaps();
  if (written) {
    const auto at = placed.instance->rotate.find(placed.name);
    if (at == placed.instance->rotate.end()) return key;
    key.value = at->second.value;
    key.place = subject.sources.file_line(at->second.span);
    return key;
  }
  const mapping::Instance* from = placed.instance;
  if (!from->pipeline) from = launching_pipeline(subject, from->name);
  if (from == nullptr) return key;
  key.instance = from->name;
  key.value = from->pipeline->value;
  key.place = subject.sources.file_line(from->pipeline->span);
  return key;
}

std::string depth_text(const DepthKey& key, int depth) {
  const std::string what = key.key == "rotate"
                               ? fmt::format("`rotate: {{{}: {}}}`", key.name, key.value)
                               : fmt::format("`pipeline: {}`", key.value);
  if (key.place.empty() && depth == 1) {
    return fmt::format("1 deep: {} has no `{}` for it", key.instance, key.key);
  }
  if (key.place.empty()) return fmt::format("{} deep: its uses are so many trips apart", depth);
  if (depth < key.value && !key.overlaps) {
    return fmt::format("{} deep: {} of {} ({}) collapses, as one engine overlaps nothing", depth,
                       what, key.instance, key.place);
  }
  if (depth < key.value) {
    return fmt::format("{} deep, not more as {} of {} asks ({}): nothing can overlap here", depth,
                       what, key.instance, key.place);
  }
  if (depth > key.value) {
    return fmt::format("{} deep: its uses are so many trips apart, beyond {} of {} ({})", depth,
                       what, key.instance, key.place);
  }
  return fmt::format("{} deep: {} of {} ({})", key.value, what, key.instance, key.place);
}

void explain_launches(const Subject& subject, Explanation& out) {
  LaunchWalk(subject, out).run();
  for (const Site& site : collect_sites(subject.program)) {
    const auto* loop = site.as<tile::Loop>();
    if (loop == nullptr || loop->workers == 0) continue;
    const VarInfo& info = subject.program.vars[loop->var];
    SpreadNote note;
    note.loop = loop_title(subject.program, *loop);
    note.iterations = subject.program.vars.range(info.end - info.begin).hi;
    note.processors = loop->workers;
    note.place = place_of(site.statement->origin);
    out.spread.push_back(std::move(note));
  }
}

}  // namespace septran::explain
