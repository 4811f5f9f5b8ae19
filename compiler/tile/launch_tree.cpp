#include <fmt/format.h>

#include "compiler/tile/canonical.h"
#include "compiler/tile/text.h"
#include "compiler/tile/text_words.h"
#include "compiler/tile/visit.h"

namespace septran::tile {
namespace {

class TreePrinter {
 public:
  explicit TreePrinter(const Program& program) : plan_(plan_text(program)) {}

  std::string run() {
    const Program& program = plan_.program;
    line(fmt::format("{} on {}", program.name, program.target));
    ++depth_;
    for (const Tensor& tensor : program.tensors) {
      if (tensor.kind != TensorKind::argument) continue;
      line(fmt::format("{} : {} {}{}{}", tensor.name, type_text(tensor, program.vars),
                       tensor.memory, tensor.is_input ? " input" : "",
                       tensor.is_output ? " output" : ""));
    }
    block(program.body);
    return std::move(out_);
  }

 private:
  void line(const std::string& text, const std::string& where = "") {
    out_.append(depth_ * 2, ' ');
    out_ += text;
    if (!where.empty()) out_ += "  " + where;
    out_ += '\n';
  }
  static std::string place(const std::string& logic, const std::string& mapping) {
    if (logic.empty() && mapping.empty()) return "";
    return "(" + logic + (logic.empty() || mapping.empty() ? "" : ", ") + mapping + ")";
  }
  /// A tile without the sign that marks tensors in program text.
  std::string tile(const TileRef& ref) const { return tile_text(ref, plan_.program).substr(1); }
  std::string binding(VarId var) const {
    const VarTable& vars = plan_.program.vars;
    return fmt::format("{} in {}..{}", vars[var].name, to_string(vars[var].begin, vars),
                       to_string(vars[var].end, vars));
  }

  void block(const Block& block) {
    for (const Statement& statement : block) {
      const std::string where = place(statement.origin.logic, statement.origin.mapping);
      std::visit([&](const auto& node) { print(node, statement, where); }, statement.node);
    }
  }
  void body(const Block& inner) {
    ++depth_;
    block(inner);
    --depth_;
  }

  void print(const Scope& scope, const Statement&, const std::string& where) {
    line(fmt::format("{} -> {} @ {}", scope.task, scope.instance, scope.processor), where);
    depth_ += 2;
    for (const ScopeArgument& argument : scope.arguments) {
      const std::uint32_t id = argument.parameter.value;
      if (id >= plan_.program.tensors.size()) continue;
      const Tensor& parameter = plan_.program[argument.parameter];
      std::string text =
          fmt::format("{} = {} : {} {}", parameter.name, tile(argument.source),
                      type_text(parameter, plan_.program.vars), placement_name(argument.placement));
      if (!argument.memory.empty()) text += " in " + argument.memory;
      if (argument.depth != 1) text += fmt::format(" ring {}", argument.depth);
      line(text, place("", argument.origin.mapping));
    }
    depth_ -= 2;
    body(scope.body);
  }
  void print(const Loop& loop, const Statement&, const std::string& where) {
    line(fmt::format("for {}", binding(loop.var)), where);
    body(loop.body);
  }
  void print(const Parallel& parallel, const Statement&, const std::string& where) {
    std::string text = "parallel";
    for (std::size_t i = 0; i < parallel.vars.size(); ++i) {
      text += (i > 0 ? ", " : " ") + binding(parallel.vars[i]);
    }
    if (!parallel.processor.empty()) text += " on " + parallel.processor;
    line(text, where);
    body(parallel.body);
  }
  void print(const If& branch, const Statement&, const std::string& where) {
    line("if " + to_string(branch.condition, plan_.program.vars), where);
    body(branch.then);
    if (branch.otherwise.empty()) return;
    line("else");
    body(branch.otherwise);
  }
  void print(const Alloc& alloc, const Statement&, const std::string& where) {
    if (alloc.tensor.value >= plan_.program.tensors.size()) return;
    const Tensor& tensor = plan_.program[alloc.tensor];
    std::string text =
        fmt::format("new {} : {}", tensor.name, type_text(tensor, plan_.program.vars));
    if (!tensor.memory.empty()) text += " " + tensor.memory;
    line(text, where);
  }
  void print(const Prim& prim, const Statement& statement, const std::string& where) {
    call(prim.primitive == nullptr ? "unknown" : prim.primitive->name, statement, where);
  }
  void print(const Vec& vec, const Statement& statement, const std::string& where) {
    call(vec.primitive == nullptr ? "unknown" : vec.primitive->name, statement, where);
  }
  void print(const Mma&, const Statement& statement, const std::string& where) {
    call("mma", statement, where);
  }
  void print(const DmaCopy&, const Statement& statement, const std::string& where) {
    call("dma_copy", statement, where);
  }
  void print(const Sync&, const Statement&, const std::string&) {}
  void print(const Barrier&, const Statement&, const std::string&) {}

  void call(std::string text, const Statement& statement, const std::string& where) {
    bool first = true;
    for (const auto& use : operands(statement)) {
      text += (first ? " " : ", ") + tile(*use.tile);
      first = false;
    }
    line(text, where);
  }

  TextPlan plan_;
  std::string out_;
  std::size_t depth_ = 0;
};

}  // namespace

std::string to_launch_tree(const Program& program) { return TreePrinter(program).run(); }

}  // namespace septran::tile
