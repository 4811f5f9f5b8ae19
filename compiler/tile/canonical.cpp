#include "compiler/tile/canonical.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>

#include "compiler/tile/visit.h"

namespace septran::tile {
namespace {

/// Names with every character outside the grammar's replaced, each given once.
class NameSet {
 public:
  /// Tensors and events stand behind a '%': their names may have dots and be any word.
  explicit NameSet(bool behind_sign) : behind_sign_(behind_sign) {}

  std::string add(const std::string& wanted, const char* fallback) {
    std::string name;
    for (const char c : wanted) {
      const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
      name += plain || (behind_sign_ && c == '.') ? c : '_';
    }
    if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0])) != 0 || name[0] == '.') {
      name = fallback + name;
    }
    std::string unique = name;
    int& count = counts_[name];
    while ((!behind_sign_ && is_reserved(unique)) || !taken_.insert(unique).second) {
      unique = fmt::format("{}_{}", name, ++count);
    }
    return unique;
  }

 private:
  bool behind_sign_;
  std::set<std::string> taken_;
  std::map<std::string, int> counts_;
};

/// Walks a program as its text will be read and notes what each place declares.
class Planner {
 public:
  explicit Planner(const Program& program)
      : plan_{program, {}, {}},
        active_(program.vars.size()),
        declared_(program.tensors.size()),
        tensor_in_header_(program.tensors.size()) {
    // Ids that are out of range share one entry behind the others, if there are any.
    if (uses_unknown_vars()) {
      plan_.program.vars.add("unknown", 0, 0);
      active_.push_back(false);
    }
    in_header_.resize(active_.size());
    position_.resize(active_.size(), UINT32_MAX);
  }

  TextPlan run() {
    walk(plan_.program.body);
    for (std::uint32_t i = 0; i < declared_.size(); ++i) {
      if (!declared_[i]) need_in_header(TensorId{i});
    }
    renumber();
    for (std::uint32_t i = 0; i < declared_.size(); ++i) {
      if (tensor_in_header_[i]) plan_.header_tensors.push_back(TensorId{i});
    }
    make_unique();
    return std::move(plan_);
  }

 private:
  std::uint32_t slot(VarId var) const {
    return std::min(var.value, static_cast<std::uint32_t>(active_.size()) - 1);
  }

  bool uses_unknown_vars() const {
    std::vector<VarId> used;
    for (std::uint32_t i = 0; i < plan_.program.vars.size(); ++i) {
      plan_.program.vars[VarId{i}].begin.collect_vars(used);
      plan_.program.vars[VarId{i}].end.collect_vars(used);
    }
    for (const Tensor& tensor : plan_.program.tensors) {
      for (const Expr& extent : tensor.shape) extent.collect_vars(used);
    }
    for_each_statement(plan_.program.body, [&](const Statement& statement) {
      collect_vars(statement, used);
      for (const VarId var : bound_vars(statement)) used.push_back(var);
    });
    return std::any_of(used.begin(), used.end(),
                       [&](VarId var) { return var.value >= plan_.program.vars.size(); });
  }

  void use(const std::vector<VarId>& vars) {
    for (const VarId var : vars) {
      if (!active_[slot(var)]) need_in_header(VarId{slot(var)});
    }
  }
  void use(const Expr& e) {
    std::vector<VarId> vars;
    e.collect_vars(vars);
    use(vars);
  }
  void use(TensorId id) {
    if (id.value < declared_.size() && !declared_[id.value]) need_in_header(id);
  }

  void need_in_header(VarId var) {
    if (in_header_[var.value]) return;
    in_header_[var.value] = true;
    std::vector<VarId> bounds;
    plan_.program.vars[var].begin.collect_vars(bounds);
    plan_.program.vars[var].end.collect_vars(bounds);
    for (const VarId bound : bounds) need_in_header(VarId{slot(bound)});
  }
  void need_in_header(TensorId id) {
    declared_[id.value] = true;
    tensor_in_header_[id.value] = true;
    for (const Expr& extent : plan_.program[id].shape) {
      std::vector<VarId> vars;
      extent.collect_vars(vars);
      for (const VarId var : vars) need_in_header(VarId{slot(var)});
    }
  }
  void declare(TensorId id) {
    if (id.value >= declared_.size() || declared_[id.value]) return;
    declared_[id.value] = true;
    for (const Expr& extent : plan_.program[id].shape) use(extent);
  }
  void bind(VarId var) {
    var.value = slot(var);
    use(plan_.program.vars[var].begin);
    use(plan_.program.vars[var].end);
    if (position_[var.value] == UINT32_MAX) position_[var.value] = next_++;
  }

  void walk(const Block& block) {
    for (const Statement& statement : block) {
      std::vector<VarId> own;
      collect_vars(statement, own);
      use(own);
      for (const auto& operand : operands(statement)) use(operand.tile->tensor);
      if (const Alloc* alloc = std::get_if<Alloc>(&statement.node)) declare(alloc->tensor);
      if (const Scope* scope = std::get_if<Scope>(&statement.node)) {
        for (const ScopeArgument& argument : scope->arguments) {
          use(argument.source.tensor);
          declare(argument.parameter);
        }
      }
      const std::vector<VarId> bound = bound_vars(statement);
      std::vector<VarId> added;
      for (const VarId var : bound) {
        bind(var);
        if (!active_[slot(var)]) added.push_back(VarId{slot(var)});
        active_[slot(var)] = true;
      }
      for (const Block* child : child_blocks(statement)) walk(*child);
      for (const VarId var : added) active_[var.value] = false;
    }
  }

  /// Appends a variable behind those that its bounds use, unless it is there already.
  void list_after_bounds(VarId var, std::vector<bool>& seen, std::vector<VarId>& out) const {
    if (seen[var.value]) return;
    seen[var.value] = true;
    std::vector<VarId> bounds;
    plan_.program.vars[var].begin.collect_vars(bounds);
    plan_.program.vars[var].end.collect_vars(bounds);
    for (const VarId bound : bounds) {
      if (in_header_[slot(bound)]) list_after_bounds(VarId{slot(bound)}, seen, out);
    }
    out.push_back(var);
  }

  /// Header variables first, each behind those that its bounds use, then the others as the text
  /// binds them; those that nothing uses are left out of the text.
  void renumber() {
    std::vector<std::pair<std::uint64_t, VarId>> order;
    std::vector<VarId> header;
    std::vector<bool> seen(position_.size());
    for (std::uint32_t i = 0; i < position_.size(); ++i) {
      if (in_header_[i]) {
        list_after_bounds(VarId{i}, seen, header);
      } else if (position_[i] != UINT32_MAX) {
        order.emplace_back((std::uint64_t{1} << 32) + position_[i], VarId{i});
      }
    }
    for (std::size_t i = 0; i < header.size(); ++i) order.emplace_back(i, header[i]);
    std::sort(order.begin(), order.end());
    std::vector<VarId> renamed(position_.size());
    for (std::uint32_t i = 0; i < order.size(); ++i) renamed[order[i].second.value] = VarId{i};
    const auto value = [&](VarId var) { return Expr::var(renamed[slot(var)]); };

    Program& program = plan_.program;
    VarTable vars;
    for (const auto& [key, old] : order) {
      const VarInfo& info = program.vars[old];
      const VarId id =
          vars.add(info.name, info.begin.substitute(value), info.end.substitute(value));
      vars[id].bounds = info.bounds;
      if (in_header_[old.value]) plan_.header_vars.push_back(id);
    }
    program.vars = std::move(vars);
    for (Tensor& tensor : program.tensors) {
      for (Expr& extent : tensor.shape) extent = extent.substitute(value);
    }
    substitute(program.body, value);
    for_each_statement(program.body, [&](Statement& statement) {
      if (Loop* loop = std::get_if<Loop>(&statement.node)) loop->var = renamed[slot(loop->var)];
      if (Parallel* parallel = std::get_if<Parallel>(&statement.node)) {
        for (VarId& var : parallel->vars) var = renamed[slot(var)];
      }
    });
  }

  void make_unique() {
    NameSet tensors(true);
    NameSet events(true);
    NameSet vars(false);
    for (Tensor& tensor : plan_.program.tensors) tensor.name = tensors.add(tensor.name, "t");
    for (Event& event : plan_.program.events) event.name = events.add(event.name, "e");
    for (std::uint32_t i = 0; i < plan_.program.vars.size(); ++i) {
      VarInfo& info = plan_.program.vars[VarId{i}];
      info.name = vars.add(info.name, "v");
    }
  }

  TextPlan plan_;
  std::vector<bool> active_;  // variables
  std::vector<bool> in_header_;
  std::vector<std::uint32_t> position_;  // when the text binds it
  std::vector<bool> declared_;
  std::vector<bool> tensor_in_header_;
  std::uint32_t next_ = 0;
};

}  // namespace

TextPlan plan_text(const Program& program) { return Planner(program).run(); }

bool is_reserved(std::string_view word) {
  static constexpr auto words = std::to_array<std::string_view>(
      {"ring", "held",  "strides",  "at",        "slot",      "input",  "output", "from",
       "var",  "event", "argument", "temporary", "parameter", "buffer", "min",    "max",
       "and",  "or",    "not",      "true",      "false",     "inf",    "nan"});
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace septran::tile
