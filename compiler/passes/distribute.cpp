// distribute: turns parallel loops into loops. A spread one becomes each worker's share of the
// flattened iterations, in the mapping's order; iteration t runs on worker t mod n. The others run
// in order on the processor that reaches them. Iterations of a cluster of blocks lie side by side:
// the order is that of clusters.
#include <algorithm>
#include <map>
#include <optional>

#include "compiler/base/count.h"
#include "compiler/base/messages.h"
#include "compiler/passes/rewrite.h"

namespace septran::passes {
namespace {

using tile::Block;
using tile::Loop;
using tile::Parallel;
using tile::Program;
using tile::Statement;

/// One flattened loop: which of its variables are dealt out, and the index that each takes.
struct Flattened {
  Expr trips = 1;
  std::vector<std::pair<VarId, Expr>> indices;  // from 0, as expressions of the position
};

Expr extent_of(const Program& program, VarId v) {
  return program.vars.simplify(Expr::max(program.vars[v].end - program.vars[v].begin, Expr(0)));
}

/// Splits `position` into mixed-radix digits, the last variable fastest.
void take_digits(const Expr& position, const std::vector<VarId>& nest,
                 const std::map<VarId, Expr>& extents, Flattened& out) {
  Expr rest = position;
  for (std::size_t i = nest.size(); i-- > 0;) {
    const auto extent = extents.at(nest[i]).constant();
    if (i == 0 || !extent) {
      out.indices.emplace_back(nest[i], rest);
      return;
    }
    out.indices.emplace_back(nest[i], Expr::mod(rest, *extent));
    rest = Expr::floor_div(rest, *extent);
  }
}

/// Groups of `group` consecutive values of one variable are outermost, the other variables follow,
/// the values within a group are innermost. The last group may be smaller: its two divisions by
/// another number are chosen by a maximum whose other side is far below zero.
void flatten_grouped(VarId grouped, std::int64_t group, const std::vector<VarId>& others,
                     const std::map<VarId, Expr>& extents, const Expr& position, Flattened& out) {
  std::int64_t rest_trips = 1;
  for (const VarId v : others) rest_trips *= *extents.at(v).constant();
  const std::int64_t n = *extents.at(grouped).constant();
  group = std::min(group, n);
  const std::int64_t last = n % group;
  const std::int64_t groups = ceil_div(n, group);
  const Expr which = Expr::floor_div(position, group * rest_trips);
  const Expr within = Expr::mod(position, group * rest_trips);
  Expr rest = Expr::floor_div(within, group);
  Expr inner = Expr::mod(within, group);
  if (last != 0) {
    const std::int64_t far = group * rest_trips * std::max(group, last);
    const Expr in_last = Expr::floor_div(which, groups - 1);  // 1 in the last group, else 0
    const Expr not_full = in_last * far;
    const Expr not_last = (Expr(1) - in_last) * far;
    rest = Expr::max(Expr::floor_div(within - not_full * group, group),
                     Expr::floor_div(within - not_last * last, last));
    inner = Expr::max(inner - not_full, Expr::mod(within, last) - not_last);
  }
  out.indices.emplace_back(grouped, which * group + inner);
  take_digits(rest, others, extents, out);
}

class Distributor {
 public:
  Distributor(Program& program, const PassContext& context)
      : program_(program), context_(context) {}

  bool run() {
    distribute_block(program_.body);
    return fine_;
  }

 private:
  void distribute_block(Block& block);
  static Statement in_order(const tile::Origin& origin, const std::vector<VarId>& vars, Block body);
  Statement share(Statement statement);
  static std::vector<VarId> dealt_variables(const Parallel& parallel,
                                            const std::map<VarId, Expr>& extents,
                                            std::vector<VarId>& inner_loops);
  std::optional<std::size_t> grouped_variable(const Statement& statement, const Parallel& parallel);
  void set_workers(Loop& loop, Parallel& parallel, const Expr& trips) const;
  void check_cluster(const Statement& statement, Parallel& parallel,
                     const std::map<VarId, Expr>& extents);
  Expr gather_cluster(Parallel& parallel, std::map<VarId, Expr>& extents, const Expr& position,
                      std::map<VarId, Expr>& within);
  void bind_index(VarId v, const Expr& index, bool reverse, const Expr& extent);

  Program& program_;
  const PassContext& context_;
  bool fine_ = true;
};

/// Ordinary loops over the variables, the first outermost.
Statement Distributor::in_order(const tile::Origin& origin, const std::vector<VarId>& vars,
                                Block body) {
  for (std::size_t i = vars.size(); i-- > 0;) {
    Loop loop;
    loop.var = vars[i];
    loop.independent = true;
    loop.body = std::move(body);
    body = Block{};
    body.push_back({std::move(loop), "", origin});
  }
  return std::move(body[0]);
}

/// A variable of one trip whose value is computed from the worker's position.
void Distributor::bind_index(VarId v, const Expr& index, bool reverse, const Expr& extent) {
  VarInfo& info = program_.vars[v];
  const Range range{program_.vars.range(info.begin).lo, program_.vars.range(info.end - 1).hi};
  const Expr forward = reverse ? extent - 1 - index : index;
  info.begin = info.begin + forward;
  info.end = info.begin + 1;
  info.bounds = range;
}

/// Clusters need whole numbers of them along each variable; else blocks stay alone.
void Distributor::check_cluster(const Statement& statement, Parallel& parallel,
                                const std::map<VarId, Expr>& extents) {
  if (!parallel.gpu || parallel.gpu->cluster.empty()) return;
  std::vector<std::int64_t>& cluster = parallel.gpu->cluster;
  const bool too_many = cluster.size() > parallel.vars.size();
  cluster.resize(parallel.vars.size(), 1);
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    const VarId v = parallel.vars[i];
    const auto extent = extents.at(v).constant();
    if (!too_many && (cluster[i] == 1 || (extent && *extent % cluster[i] == 0))) continue;
    context_.diagnostics.report(statement.origin.mapping_span, messages::cluster_uneven,
                                fmt::join(parallel.gpu->cluster, " x "),
                                too_many ? "" : program_.vars[v].name,
                                extent ? fmt::format(messages::iterations_known, Counted{*extent})
                                       : messages::iterations_vary);
    cluster.clear();
    return;
  }
}

/// The extents become those of clusters, whose number at a position is returned; `within`: each
/// variable's place in its cluster.
Expr Distributor::gather_cluster(Parallel& parallel, std::map<VarId, Expr>& extents,
                                 const Expr& position, std::map<VarId, Expr>& within) {
  if (!parallel.gpu || parallel.gpu->cluster_blocks() == 1) return position;
  Expr rest = Expr::mod(position, parallel.gpu->cluster_blocks());
  for (std::size_t i = parallel.vars.size(); i-- > 0;) {
    const std::int64_t blocks = parallel.gpu->cluster[i];
    if (blocks == 1) continue;
    const VarId v = parallel.vars[i];
    within[v] = Expr::mod(rest, blocks);
    rest = Expr::floor_div(rest, blocks);
    extents[v] = Expr(*extents[v].constant() / blocks);
    std::int64_t& group = parallel.order.group[i];
    group = ceil_div(group, blocks);
  }
  return Expr::floor_div(position, parallel.gpu->cluster_blocks());
}

/// The variables that are dealt out, outermost first. Only one variable's extent may depend on
/// outer loops, the outermost's; the others with such extents come to `inner_loops`.
std::vector<VarId> Distributor::dealt_variables(const Parallel& parallel,
                                                const std::map<VarId, Expr>& extents,
                                                std::vector<VarId>& inner_loops) {
  std::vector<VarId> nest;
  for (const std::size_t i : parallel.order.nest) nest.push_back(parallel.vars[i]);
  for (const VarId v : parallel.vars) {
    if (std::find(nest.begin(), nest.end(), v) == nest.end()) nest.push_back(v);
  }
  std::stable_partition(nest.begin(), nest.end(),
                        [&](VarId v) { return !extents.at(v).is_constant(); });
  while (nest.size() > 1 && !extents.at(nest[1]).is_constant()) {
    inner_loops.push_back(nest[1]);
    nest.erase(nest.begin() + 1);
  }
  return nest;
}

/// The variable that the mapping groups, by number; nothing if there is none.
std::optional<std::size_t> Distributor::grouped_variable(const Statement& statement,
                                                         const Parallel& parallel) {
  std::vector<std::size_t> grouped;
  for (std::size_t i = 0; i < parallel.vars.size(); ++i) {
    if (parallel.order.group[i] > 0) grouped.push_back(i);
  }
  if (grouped.size() > 1) {  // groups of one are none, beside others
    std::erase_if(grouped, [&](std::size_t i) { return parallel.order.group[i] == 1; });
  }
  if (grouped.size() > 1) {
    context_.diagnostics.report(statement.origin.mapping_span, messages::group_needs_one,
                                grouped.size());
    fine_ = false;
  }
  return grouped.size() == 1 ? std::optional(grouped[0]) : std::nullopt;
}

/// How many workers run the loop, in whole clusters.
void Distributor::set_workers(Loop& loop, Parallel& parallel, const Expr& trips) const {
  const int count = context_.machine.block_count();
  loop.workers = parallel.workers > 0 ? std::min(parallel.workers, count) : count;
  if (parallel.workers == 0 && context_.machine.schedules_iterations()) {
    const std::int64_t most = std::max<std::int64_t>(1, program_.vars.range(trips).hi);
    loop.workers = static_cast<int>(std::min<std::int64_t>(most, INT32_MAX));
  }
  if (!parallel.gpu) return;
  const auto cluster = static_cast<int>(parallel.gpu->cluster_blocks());
  if (loop.workers < cluster) parallel.gpu->cluster.clear();
  if (loop.workers >= cluster) loop.workers -= loop.workers % cluster;
  loop.gpu = std::move(parallel.gpu);
}

Statement Distributor::share(Statement statement) {
  Parallel parallel = std::move(std::get<Parallel>(statement.node));
  std::map<VarId, Expr> extents;
  for (const VarId v : parallel.vars) extents[v] = extent_of(program_, v);
  const std::map<VarId, Expr> all = extents;
  check_cluster(statement, parallel, extents);
  std::vector<VarId> inner_loops;
  const std::vector<VarId> nest = dealt_variables(parallel, extents, inner_loops);

  Flattened flat;
  for (const VarId v : nest) flat.trips = *Expr::product(flat.trips, extents[v]);
  const VarId position = program_.vars.add("t", 0, flat.trips);
  std::map<VarId, Expr> in_cluster;
  const Expr at = gather_cluster(parallel, extents, Expr::var(position), in_cluster);
  const auto grouped = grouped_variable(statement, parallel);
  if (grouped && extents[nest[0]].is_constant()) {
    std::vector<VarId> others = nest;
    std::erase(others, parallel.vars[*grouped]);
    flatten_grouped(parallel.vars[*grouped], parallel.order.group[*grouped], others, extents, at,
                    flat);
  } else {
    take_digits(at, nest, extents, flat);
  }

  Block body = std::move(parallel.body);
  if (!inner_loops.empty()) {
    Statement inner = in_order(statement.origin, inner_loops, std::move(body));
    body = Block{};
    body.push_back(std::move(inner));
  }
  for (const auto& [v, index] : flat.indices) {
    const auto i = static_cast<std::size_t>(
        std::find(parallel.vars.begin(), parallel.vars.end(), v) - parallel.vars.begin());
    const auto place = in_cluster.find(v);
    const Expr whole =
        place == in_cluster.end() ? index : index * parallel.gpu->cluster[i] + place->second;
    bind_index(v, whole, parallel.order.reverse[i], all.at(v));
    Loop value;
    value.var = v;
    value.body = std::move(body);
    body = Block{};
    body.push_back({std::move(value), "", statement.origin});
  }
  Loop loop;
  loop.var = position;
  loop.independent = true;
  set_workers(loop, parallel, flat.trips);
  loop.body = std::move(body);
  Statement result{std::move(loop), "", statement.origin};
  result.origin.rule = "each worker's share";
  return result;
}

void Distributor::distribute_block(Block& block) {
  for (Statement& statement : block) {
    for (Block* inner : tile::child_blocks(statement)) distribute_block(*inner);
    auto* parallel = std::get_if<Parallel>(&statement.node);
    if (parallel == nullptr) continue;
    if (!parallel->processor.empty()) {
      statement = share(std::move(statement));
    } else {
      const std::vector<VarId> vars = parallel->vars;
      Block body = std::move(parallel->body);
      const tile::Origin origin = statement.origin;
      const auto part = statement.part;
      statement = in_order(origin, vars, std::move(body));
      statement.part = part;
    }
  }
}

}  // namespace

Result<Program> distribute(Program program, const PassContext& context) {
  if (!Distributor(program, context).run()) return std::nullopt;
  return program;
}

}  // namespace septran::passes
