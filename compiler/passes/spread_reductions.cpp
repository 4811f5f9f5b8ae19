// spread_reductions: deals the trips of a sequential loop, or the reduction of a call, to several
// processors. The iteration around it is cut in two. In the first half each processor has sums of
// its own, adds up its share, and stores it in GLOBAL; what the share needs of the statements
// before it is done by each of them again. In the second half one processor does the whole
// iteration, but in place of the loop it combines the shares, one after the other. The iteration is
// that of the outermost parallel loop around, or the launch on a BLOCK processor, or the loop
// itself where that stands on the host. Passes that follow see parallel loops with a dependence
// through GLOBAL, and place a barrier between them.
#include <fmt/format.h>

#include <algorithm>

#include "compiler/base/messages.h"
#include "compiler/passes/combine.h"
#include "compiler/passes/rewrite.h"
#include "compiler/passes/shares.h"
#include "compiler/passes/slice.h"
#include "compiler/passes/split.h"

namespace septran::passes {
namespace {

using tile::Block;
using tile::Prim;
using tile::Program;
using tile::Statement;
using tile::TensorId;
using tile::TileRef;

/// A statement by the blocks that lead to it, outermost first.
struct Step {
  Block* block = nullptr;
  std::size_t index = 0;
  [[nodiscard]] Statement& statement() const { return (*block)[index]; }
};
using Path = std::vector<Step>;

bool is_marked(const Statement& statement) {
  if (const auto* loop = std::get_if<tile::Loop>(&statement.node)) return loop->spread > 0;
  const auto* prim = std::get_if<Prim>(&statement.node);
  return prim != nullptr && !prim->binding.spread.empty();
}

bool find_marked(Block& block, Path& path) {
  for (std::size_t i = 0; i < block.size(); ++i) {
    path.push_back({&block, i});
    if (is_marked(block[i])) return true;
    for (Block* inner : tile::child_blocks(block[i])) {
      if (find_marked(*inner, path)) return true;
    }
    path.pop_back();
  }
  return false;
}

/// The way from the path's statement number `root` on, in a block that holds a copy of that one.
Path path_in_copy(const Path& path, std::size_t root, Block& copy) {
  Path found{{&copy, 0}};
  for (std::size_t d = root + 1; d < path.size(); ++d) {
    const auto originals = tile::child_blocks(path[d - 1].statement());
    const auto at = std::find(originals.begin(), originals.end(), path[d].block);
    const auto blocks = tile::child_blocks(found.back().statement());
    found.push_back({blocks[static_cast<std::size_t>(at - originals.begin())], path[d].index});
  }
  return found;
}

/// The statement whose iterations are cut in two.
std::size_t root_of(const Path& path) {
  for (std::size_t d = 0; d < path.size(); ++d) {
    if (std::holds_alternative<tile::Parallel>(path[d].statement().node)) return d;
  }
  for (std::size_t d = 0; d < path.size(); ++d) {
    const auto* scope = std::get_if<tile::Scope>(&path[d].statement().node);
    if (scope != nullptr && scope->processor == "BLOCK") return d;
  }
  return path.size() - 1;
}

/// The variables of the loops that a path leads through, its last statement's own left out.
std::vector<VarId> variables_along(const Path& path) {
  std::vector<VarId> vars;
  for (std::size_t d = 0; d + 1 < path.size(); ++d) {
    for (const VarId v : tile::bound_vars(path[d].statement())) vars.push_back(v);
  }
  return vars;
}

class Dealer {
 public:
  Dealer(Program& program, const PassContext& context)
      : program_(program),
        machine_(context.machine),
        diagnostics_(context.diagnostics),
        combiner_(program, context.machine),
        writer_(program, context.machine, combiner_) {}

  bool run() {
    for (Path path; find_marked(program_.body, path); path.clear()) deal(path);
    return fine_;
  }

 private:
  void deal(const Path& path);
  [[nodiscard]] int depth_of(const Path& path, TensorId tensor) const;
  std::optional<Dealt> take_mark(const Path& path);
  bool deal_loop(const Path& path, Dealt& dealt);
  bool deal_call(const Statement& statement, Dealt& dealt);
  void find_place(const Path& path, const Dealt& dealt);
  std::optional<Statement> make_shares(const Path& path, std::size_t root, Dealt dealt);
  void make_whole(const Path& path, std::size_t root, const Dealt& dealt);
  /// By loop variable: what a loop's body touches.
  using Around = std::map<VarId, Touched>;
  static Around loops_around(const Path& path, const Roots& roots);
  bool check_needs(const Block& half, const Around& around, const Roots& roots, const Dealt& dealt);
  void refuse_need(const Dealt& dealt, TensorId tensor, const char* why);
  [[nodiscard]] tile::Origin origin(const Statement& marked, const Dealt& dealt,
                                    std::string rule) const;

  Program& program_;
  const Machine& machine_;
  Diagnostics& diagnostics_;
  Combiner combiner_;
  ShareWriter writer_;
  CombinePlace place_;
  bool fine_ = true;
};

bool Dealer::deal_loop(const Path& path, Dealt& dealt) {
  const auto& loop = std::get<tile::Loop>(path.back().statement().node);
  const VarInfo& info = program_.vars[loop.var];
  const std::int64_t trips = program_.vars.range(info.end - info.begin).hi;
  dealt.processors = std::min(dealt.processors, trips);
  Roots around;
  for (std::size_t d = 0; d + 1 < path.size(); ++d) {
    if (const auto* scope = std::get_if<tile::Scope>(&path[d].statement().node)) around.add(*scope);
  }
  const Block alone{path.back().statement()};
  auto carried = carried_by(program_, alone, around, dealt.key, diagnostics_);
  if (!carried) return false;
  dealt.carried = std::move(*carried);
  return true;
}

bool Dealer::deal_call(const Statement& statement, Dealt& dealt) {
  const auto& prim = std::get<Prim>(statement.node);
  const IterationSpace space = iteration_space(prim);
  const auto at = std::find_if(space.dims.begin(), space.dims.end(),
                               [&](const IterationDim& d) { return d.name == dealt.key.name; });
  SEPTRAN_CHECK(at != space.dims.end());
  dealt.dim = static_cast<std::size_t>(at - space.dims.begin());
  const std::int64_t extent = max_extent(program_, at->extent);
  dealt.chunk = ceil_div(extent, dealt.processors);
  for (const tile::Binding::Split& split : prim.binding.split) {  // whole parts
    if (split.dim == dealt.key.name) dealt.chunk = ceil_div(dealt.chunk, split.size) * split.size;
  }
  dealt.processors = ceil_div(extent, dealt.chunk);
  auto carried = carried_by(program_, statement, dealt.key, diagnostics_);
  if (!carried) return false;
  dealt.carried.push_back(std::move(*carried));
  return true;
}

/// Takes the mark off a statement. Nothing where it is refused, or there is nothing to deal.
std::optional<Dealt> Dealer::take_mark(const Path& path) {
  Statement& marked = path.back().statement();
  Dealt dealt;
  bool fine = false;
  if (auto* loop = std::get_if<tile::Loop>(&marked.node)) {
    dealt.key = {program_.vars[loop->var].name, marked.origin.mapping_span};
    dealt.processors = std::exchange(loop->spread, 0);
    fine = deal_loop(path, dealt);
  } else {
    auto& binding = std::get<Prim>(marked.node).binding;
    dealt.key = {binding.spread.back().dim, binding.spread_span};
    dealt.processors = binding.spread.back().size;
    binding.spread.pop_back();
    fine = deal_call(marked, dealt);
  }
  fine_ &= fine;
  if (!fine || dealt.processors <= 1 || dealt.carried.empty()) return std::nullopt;
  return dealt;
}

tile::Origin Dealer::origin(const Statement& marked, const Dealt& dealt, std::string rule) const {
  tile::Origin out = marked.origin;
  out.mapping_span = dealt.key.span;
  out.rule = std::move(rule);
  return out;
}

void Dealer::find_place(const Path& path, const Dealt& dealt) {
  place_ = CombinePlace{};
  place_.on_host = true;
  for (std::size_t d = 0; d + 1 < path.size(); ++d) {
    const auto* scope = std::get_if<tile::Scope>(&path[d].statement().node);
    if (scope == nullptr) continue;
    place_.task = scope->task;
    place_.instance = scope->instance;
    place_.on_host &= scope->processor != "BLOCK";
    for (const tile::ScopeArgument& argument : scope->arguments) {
      if (argument.placement == tile::Placement::parts) {
        place_.depth = std::max(place_.depth, argument.depth);
      }
    }
  }
  place_.origin =
      origin(path.back().statement(), dealt, fmt::format("combine shares of {}", dealt.key.name));
}

void Dealer::refuse_need(const Dealt& dealt, TensorId tensor, const char* why) {
  fine_ = false;
  auto& diagnostic = diagnostics_.report(dealt.key.span, messages::spread_needs_shared,
                                         dealt.key.name, program_[tensor].name, why);
  if (program_[tensor].origin.logic_span.valid()) {
    diagnostic.notes.push_back({program_[tensor].origin.logic_span, messages::tensor_here_note});
  }
}

/// What the loops around the marked statement write, before anything is taken away.
Dealer::Around Dealer::loops_around(const Path& path, const Roots& roots) {
  Around around;
  for (std::size_t d = 0; d + 1 < path.size(); ++d) {
    const auto* loop = std::get_if<tile::Loop>(&path[d].statement().node);
    if (loop != nullptr) around[loop->var] = touched(loop->body, roots);
  }
  return around;
}

/// Whether the first half may be done ahead of all else: it writes only what belongs to its own
/// iteration, and no trip of a loop around leaves it anything that only the second half writes.
bool Dealer::check_needs(const Block& half, const Around& around, const Roots& roots,
                         const Dealt& dealt) {
  const std::set<TensorId> own = allocated_in(half);
  for (const auto& [tensor, count] : touched(half, roots).writes) {
    const bool is_store =
        std::find(dealt.shares.begin(), dealt.shares.end(), tensor) != dealt.shares.end();
    if (own.contains(tensor) || is_store) continue;
    refuse_need(dealt, tensor, messages::spread_written_before);
    return false;
  }
  bool fine = true;
  tile::for_each_statement(half, [&](const Statement& statement) {
    const auto* loop = std::get_if<tile::Loop>(&statement.node);
    if (!fine || loop == nullptr || !around.contains(loop->var)) return;
    const Touched& all = around.at(loop->var);
    const std::set<TensorId> made = allocated_in(loop->body);  // anew in each trip
    const Touched kept = touched(loop->body, roots);
    for (const auto& [tensor, count] : kept.reads) {
      const auto count_in = [&, id = tensor](const std::map<TensorId, int>& writes) {
        const auto at = writes.find(id);
        return at == writes.end() ? 0 : at->second;
      };
      if (made.contains(tensor) || count_in(all.writes) == count_in(kept.writes)) continue;
      refuse_need(dealt, tensor, messages::spread_written_later);
      fine = false;
      return;
    }
  });
  return fine;
}

/// The first half: a parallel loop over iterations and processors. Nothing after an error.
std::optional<Statement> Dealer::make_shares(const Path& path, std::size_t root, Dealt dealt) {
  Block original{path[root].statement()};
  std::map<VarId, Expr> values;
  std::map<TensorId, TensorId> tensors;
  Block half = fresh_copy(program_, original, values, tensors);
  const Path inside = path_in_copy(path, root, half);
  for (Carried& carried : dealt.carried) {
    const auto at = tensors.find(carried.sums.tensor);
    if (at != tensors.end()) carried.sums.tensor = at->second;
    tile::substitute(carried.sums, [&](VarId v) {
      const auto value = values.find(v);
      return value == values.end() ? Expr::var(v) : value->second;
    });
  }
  const VarId processor = program_.vars.add("share", 0, dealt.processors);

  Roots roots(half);
  for (std::size_t d = 0; d < root; ++d) {
    if (const auto* scope = std::get_if<tile::Scope>(&path[d].statement().node)) roots.add(*scope);
  }
  const Around around = loops_around(inside, roots);
  Block shares =
      writer_.share(inside.back().statement(), variables_along(inside), dealt, processor, place_);
  roots.add(shares);
  if (inside.size() == 1) {
    half = std::move(shares);
  } else {
    for (const Step& step : inside)
      step.block->erase(step.block->begin() + static_cast<std::ptrdiff_t>(step.index) + 1,
                        step.block->end());  // what follows runs once

    inside.back().block->pop_back();
    for (Statement& statement : shares) inside.back().block->push_back(std::move(statement));
    keep_needed(half, roots, {dealt.shares.begin(), dealt.shares.end()});
    if (!check_needs(half, around, roots, dealt)) return std::nullopt;
  }
  SEPTRAN_CHECK(!half.empty());
  tile::Origin where = place_.origin;
  where.rule = fmt::format("shares of {}", dealt.key.name);
  if (auto* parallel = std::get_if<tile::Parallel>(&half[0].node); inside.size() > 1 && parallel) {
    if (!parallel->order.nest.empty()) parallel->order.nest.push_back(parallel->vars.size());
    parallel->vars.push_back(processor);
    parallel->order.group.resize(parallel->vars.size(), 0);
    parallel->order.reverse.resize(parallel->vars.size(), false);
    return std::move(half[0]);
  }
  tile::Parallel parallel;
  parallel.vars.push_back(processor);
  parallel.workers = -1;
  parallel.order.group.assign(1, 0);
  parallel.order.reverse.assign(1, false);
  parallel.body = std::move(half);
  return Statement{std::move(parallel), "", std::move(where)};
}

/// The second half, in place: the marked statement becomes the combination of its shares.
void Dealer::make_whole(const Path& path, std::size_t root, const Dealt& dealt) {
  Block combined;
  const Path from_root(path.begin() + static_cast<std::ptrdiff_t>(root), path.end());
  const std::vector<VarId> vars = variables_along(from_root);
  for (std::size_t i = 0; i < dealt.carried.size(); ++i) {
    const Carried& carried = dealt.carried[i];
    const TileRef shares = writer_.stored(dealt.shares[i], vars, carried.sums.view.shape());
    for (Statement& statement : combiner_.combine(carried, shares, dealt.processors, place_)) {
      combined.push_back(std::move(statement));
    }
  }
  const Step& marked = path.back();
  for (Statement& statement : combined) statement.launch = marked.statement().launch;
  const auto at = marked.block->begin() + static_cast<std::ptrdiff_t>(marked.index);
  marked.block->insert(marked.block->erase(at), std::make_move_iterator(combined.begin()),
                       std::make_move_iterator(combined.end()));
  if (root + 1 == path.size()) return;
  Block whole;
  whole.push_back(std::move(path[root].statement()));
  Roots roots(whole);
  const std::set<TensorId> own = allocated_in(whole);
  std::set<TensorId> needed;  // all that is seen outside
  for (const auto& [tensor, count] : touched(whole, roots).writes) {
    if (!own.contains(tensor)) needed.insert(tensor);
  }
  keep_needed(whole, roots, std::move(needed));
  if (whole.empty()) {  // it computes nothing that is seen
    path[root].block->erase(path[root].block->begin() +
                            static_cast<std::ptrdiff_t>(path[root].index));
  } else {
    path[root].statement() = std::move(whole[0]);
  }
}

/// How many slots a tensor has, or gets where a launch around places it.
int Dealer::depth_of(const Path& path, TensorId tensor) const {
  for (const Step& step : path) {
    const auto* scope = std::get_if<tile::Scope>(&step.statement().node);
    if (scope == nullptr) continue;
    for (const tile::ScopeArgument& argument : scope->arguments) {
      if (argument.parameter == tensor) return argument.depth;
    }
  }
  return program_[tensor].depth;
}

void Dealer::deal(const Path& path) {
  std::optional<Dealt> dealt = take_mark(path);
  if (!dealt) return;
  find_place(path, *dealt);
  for (Carried& carried : dealt->carried) carried.depth = depth_of(path, carried.sums.tensor);
  const std::size_t root = root_of(path);
  const Path from_root(path.begin() + static_cast<std::ptrdiff_t>(root), path.end());
  Block halves;
  for (const Carried& carried : dealt->carried) {
    dealt->shares.push_back(
        writer_.make_store(*dealt, carried, variables_along(from_root), place_));
    tile::Origin where = program_[dealt->shares.back()].origin;
    halves.push_back({tile::Alloc{dealt->shares.back()}, "", std::move(where)});
  }
  std::optional<Statement> shares = make_shares(path, root, *dealt);
  if (!shares) {
    fine_ = false;
    return;
  }
  halves.push_back(std::move(*shares));
  make_whole(path, root, *dealt);
  Block& block = *path[root].block;
  block.insert(block.begin() + static_cast<std::ptrdiff_t>(path[root].index),
               std::make_move_iterator(halves.begin()), std::make_move_iterator(halves.end()));
}

}  // namespace

Result<Program> spread_reductions(Program program, const PassContext& context) {
  if (!Dealer(program, context).run()) return std::nullopt;
  return program;
}

}  // namespace septran::passes
