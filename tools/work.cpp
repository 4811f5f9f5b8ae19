#include "tools/work.h"

#include <vector>

#include "compiler/tile/visit.h"

namespace septran::tools {
namespace {

constexpr std::int64_t max_steps = 2'000'000;

/// Walks the loops with the values that their variables take.
class Counter {
 public:
  explicit Counter(const tile::Program& program)
      : program_(program),
        values_(program.vars.size()),
        value_([this](VarId id) { return values_[id.value]; }) {}

  std::optional<double> run() {
    walk(program_.body);
    return steps_ <= max_steps ? std::optional(operations_) : std::nullopt;
  }

 private:
  void walk(const tile::Block& block) {
    for (const tile::Statement& statement : block) {
      if (++steps_ > max_steps) return;
      if (const auto* loop = std::get_if<tile::Loop>(&statement.node)) {
        walk_loops({loop->var}, 0, loop->body);
      } else if (const auto* parallel = std::get_if<tile::Parallel>(&statement.node)) {
        walk_loops(parallel->vars, 0, parallel->body);
      } else if (const auto* branch = std::get_if<tile::If>(&statement.node)) {
        walk(branch->condition.evaluate(value_) ? branch->then : branch->otherwise);
      } else if (const auto* scope = std::get_if<tile::Scope>(&statement.node)) {
        walk(scope->body);
      } else if (const auto* prim = std::get_if<tile::Prim>(&statement.node)) {
        count(*prim);
      }
    }
  }

  void walk_loops(const std::vector<VarId>& vars, std::size_t level, const tile::Block& body) {
    if (level == vars.size()) return walk(body);
    const VarInfo& info = program_.vars[vars[level]];
    const std::int64_t end = info.end.evaluate(value_);
    for (std::int64_t v = info.begin.evaluate(value_); v < end && steps_ <= max_steps; ++v) {
      values_[vars[level].value] = v;
      walk_loops(vars, level + 1, body);
    }
  }

  void count(const tile::Prim& prim) {
    std::vector<std::optional<std::vector<Expr>>> shapes;
    for (const tile::Operand& operand : prim.operands) {
      const auto* tile = std::get_if<tile::TileRef>(&operand);
      shapes.push_back(tile == nullptr ? std::nullopt : std::optional(tile->view.shape()));
    }
    double points = prim.primitive->operations_per_point;
    for (const IterationDim& dim :
         resolve_shapes(*prim.primitive, prim.attributes, shapes).space.dims) {
      points *= static_cast<double>(dim.extent.evaluate(value_));
    }
    operations_ += points;
  }

  const tile::Program& program_;
  std::vector<std::int64_t> values_;
  std::function<std::int64_t(VarId)> value_;
  std::int64_t steps_ = 0;
  double operations_ = 0;
};

}  // namespace

std::optional<double> count_operations(const tile::Program& launch_tree) {
  return Counter(launch_tree).run();
}

}  // namespace septran::tools
