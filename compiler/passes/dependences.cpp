#include "compiler/passes/dependences.h"

#include <algorithm>
#include <map>

#include "compiler/passes/region.h"
#include "compiler/passes/rewrite.h"

namespace septran::passes {

using tile::Block;
using tile::Program;
using tile::Statement;

bool is_value(const Program& program, const tile::Loop& loop) {
  return program.vars[loop.var].bounds.has_value();
}

DependenceGraph::DependenceGraph(Program& program, const Machine& machine)
    : program_(program), machine_(machine) {
  int position = 0;
  BlockNode top;
  top.block = &program.body;
  walk(program.body, top, position);
  widen();
}

void DependenceGraph::widen() {
  widened_ = program_.vars;
  for (const BlockNode& node : blocks_) {
    const auto* loop = node.owner == nullptr ? nullptr : std::get_if<tile::Loop>(&node.owner->node);
    if (loop == nullptr) continue;
    int most = 0;
    for (const Statement& statement : *node.block) {
      if (statement.part && !statement.part->peeled) most = std::max(most, statement.part->lag);
    }
    widened_[loop->var].begin += -most;
    widened_[loop->var].end += most;
  }
}

void DependenceGraph::walk(Block& block, BlockNode node, int& position) {
  const int index = static_cast<int>(blocks_.size());
  blocks_.push_back(std::move(node));
  for (int child = 0; child < static_cast<int>(block.size()); ++child) {
    Statement& statement = block[static_cast<std::size_t>(child)];
    const int begin = position++;
    blocks_[static_cast<std::size_t>(index)].begins.push_back(begin);
    for (Block* inner : tile::child_blocks(statement)) {
      BlockNode next = blocks_[static_cast<std::size_t>(index)];
      next.begins.clear();
      next.ends.clear();
      next.block = inner;
      next.parent = index;
      next.child = child;
      next.owner = &statement;
      if (statement.part) next.part = statement.part;
      next.is_branch = std::holds_alternative<tile::If>(statement.node);
      next.runs_once_at_least = !next.is_branch;
      if (const auto* loop = std::get_if<tile::Loop>(&statement.node)) {
        if (!is_value(program_, *loop)) next.loop = static_cast<int>(blocks_.size());
        next.in_share = next.in_share || loop->workers > 0;
        const VarInfo& info = program_.vars[loop->var];
        next.least_trips = is_value(program_, *loop) ? 1
                           : loop->workers > 0       ? 0
                                               : program_.vars.range(info.end - info.begin).lo;
        next.runs_once_at_least = next.least_trips >= 1;
      }
      walk(*inner, next, position);
    }
    const int end = position++;
    blocks_[static_cast<std::size_t>(index)].ends.push_back(end);
    if (const auto* alloc = std::get_if<tile::Alloc>(&statement.node)) {
      allocs_[alloc->tensor].push_back({index, begin});
    }
    for (const auto& use : tile::operands(std::as_const(statement))) {
      sites_.push_back(
          {index, child, begin, end, statement.engine, *use.tile, writes(use.access),
           statement.part ? statement.part : blocks_[static_cast<std::size_t>(index)].part});
    }
  }
}

bool DependenceGraph::is_inside(int block, int ancestor) const {
  while (block != -1 && block != ancestor) block = blocks_[static_cast<std::size_t>(block)].parent;
  return block == ancestor;
}

int DependenceGraph::child_in(int ancestor, int block, int child) const {
  while (block != ancestor) {
    child = blocks_[static_cast<std::size_t>(block)].child;
    block = blocks_[static_cast<std::size_t>(block)].parent;
  }
  return child;
}

bool DependenceGraph::is_global(const Site& site) const {
  const MemorySpec* memory = machine_.find_memory(program_[site.tile.tensor].memory);
  if (memory != nullptr && memory->is_private) return false;
  const auto at = allocs_.find(site.tile.tensor);
  if (at == allocs_.end()) return true;
  return !blocks_[static_cast<std::size_t>(at->second.front().block)].in_share;
}

/// The one Alloc of a tensor that each trip of the loop passes once; nothing where there is none
/// inside it, or where the generations of a trip are not that easily counted.
std::optional<DependenceGraph::AllocSite> DependenceGraph::only_alloc(tile::TensorId tensor,
                                                                      int loop) const {
  const auto at = allocs_.find(tensor);
  SEPTRAN_CHECK(at != allocs_.end());
  std::optional<AllocSite> only;
  for (const AllocSite& site : at->second) {
    if (!is_inside(site.block, loop)) continue;
    if (only) return std::nullopt;
    only = site;
  }
  if (only && blocks_[static_cast<std::size_t>(only->block)].loop != loop) return std::nullopt;
  return only;
}

/// Whether two uses of one ring surely meet different slots: every Alloc from the first to the
/// second stands in their common block itself, and the generations that these count lie apart.
bool DependenceGraph::slots_differ(const Site& first, const Site& second, int common) const {
  const BlockNode& block = blocks_[static_cast<std::size_t>(common)];
  const auto from = static_cast<std::size_t>(child_in(common, first.block, first.child));
  const auto to = static_cast<std::size_t>(child_in(common, second.block, second.child));
  int generations = first.tile.age - second.tile.age;
  for (const AllocSite& site : allocs_.at(first.tile.tensor)) {
    if (site.begin < block.begins[from] || site.begin > block.ends[to]) continue;
    if (site.block != common) return false;
    ++generations;
  }
  return generations % program_[first.tile.tensor].depth != 0;
}

bool DependenceGraph::addresses_overlap(const Site& a, const Site& b) const {
  const tile::Tensor& x = program_[a.tile.tensor];
  const tile::Tensor& y = program_[b.tile.tensor];
  if (x.memory != y.memory) return false;
  if (a.tile.tensor == b.tile.tensor) return true;
  if (!x.offset_bytes || !y.offset_bytes) return false;  // each in GLOBAL for itself
  return *x.offset_bytes < *y.offset_bytes + y.slot_bytes * y.depth &&
         *y.offset_bytes < *x.offset_bytes + x.slot_bytes * x.depth;
}

/// Boxes of one tensor that never meet in different trips of a loop: along some axis both move with
/// the loop's variable alone, by at least their extents.
bool DependenceGraph::disjoint_across_trips(const Site& a, const Site& b, int loop) const {
  const View& x = a.tile.view;
  const View& y = b.tile.view;
  if (!x.is_box() || !y.is_box()) return false;
  const auto* owner = std::get_if<tile::Loop>(&blocks_[static_cast<std::size_t>(loop)].owner->node);
  SEPTRAN_CHECK(owner != nullptr);
  std::set<VarId> inner = bound_inside(owner->body);
  const auto step_of = [&](const Expr& e) -> std::int64_t {
    std::vector<VarId> used;
    e.collect_vars(used);
    if (std::any_of(used.begin(), used.end(), [&](VarId v) { return inner.contains(v); })) return 0;
    for (const Term& term : e.terms()) {
      if (term.atom.kind == Atom::Kind::var && term.atom.var == owner->var) return term.coefficient;
    }
    return 0;
  };
  for (std::uint32_t axis = 0; axis < x.base.size(); ++axis) {
    const std::int64_t step = step_of(x.base[axis]);
    const auto offset = (y.base[axis] - x.base[axis]).constant();
    if (step <= 0 || step_of(y.base[axis]) != step || !offset) continue;
    const std::int64_t x_extent = program_.vars.range(x.box_extent(axis)).hi;
    const std::int64_t y_extent = program_.vars.range(y.box_extent(axis)).hi;
    if (step + *offset >= x_extent && step - *offset >= y_extent) return true;
  }
  return false;
}

/// The block in which syncs of a dependence carried by a loop stand: the loop's body, behind the
/// values that are computed first.
int DependenceGraph::carrying_scope(int loop, int block) const {
  int scope = block;
  int candidate = loop;
  std::vector<int> chain;
  for (; scope != loop; scope = blocks_[static_cast<std::size_t>(scope)].parent) {
    chain.push_back(scope);
  }
  for (std::size_t i = chain.size(); i-- > 0;) {
    const auto* inner =
        std::get_if<tile::Loop>(&blocks_[static_cast<std::size_t>(chain[i])].owner->node);
    if (inner == nullptr || !is_value(program_, *inner)) break;
    candidate = chain[i];
  }
  return candidate;
}

void DependenceGraph::add_carried(std::size_t source, std::size_t target, int loop, int distance,
                                  std::vector<Dependence>& out) const {
  const Site& from = sites_[source];
  const Site& to = sites_[target];
  if (from.part && to.part && from.part->family == to.part->family) {
    distance = std::max(distance, to.part->lag - from.part->lag);  // of one trip, or later
  }
  int scope = carrying_scope(loop, from.block);
  while (!is_inside(to.block, scope)) scope = blocks_[static_cast<std::size_t>(scope)].parent;
  out.push_back({source, target, scope, child_in(scope, from.block, from.child),
                 child_in(scope, to.block, to.child), loop, distance});
}

/// Dependences through GLOBAL inside one worker's share. Those that cross it are a barrier's.
void DependenceGraph::relate_global(std::size_t first, std::size_t second, int common,
                                    std::vector<Dependence>& out) const {
  const Site& a = sites_[first];
  const Site& b = sites_[second];
  if (!blocks_[static_cast<std::size_t>(common)].in_share) return;
  for (int loop = blocks_[static_cast<std::size_t>(common)].loop; loop != -1;) {
    const BlockNode& body = blocks_[static_cast<std::size_t>(loop)];
    const auto& owner = std::get<tile::Loop>(body.owner->node);
    if (owner.workers > 0) break;
    if (!owner.independent && !disjoint_across_trips(a, b, loop)) {
      add_carried(second, first, loop, 1, out);
      add_carried(first, second, loop, 1, out);
    }
    loop = blocks_[static_cast<std::size_t>(body.parent)].loop;
  }
}

void DependenceGraph::relate(std::size_t first, std::size_t second,
                             std::vector<Dependence>& out) const {
  const Site& a = sites_[first];
  const Site& b = sites_[second];
  if (a.engine == b.engine || (!a.writes && !b.writes) || !addresses_overlap(a, b)) return;
  // Dependences between two statements of a rotated loop hold for their peeled trips too.
  const bool family =
      a.part && b.part && a.part->family == b.part->family && a.part->index != b.part->index;
  if (family && (a.part->peeled || b.part->peeled)) return;
  int common = a.block;
  while (!is_inside(b.block, common)) common = blocks_[static_cast<std::size_t>(common)].parent;
  const bool same = a.tile.tensor == b.tile.tensor;
  const bool global = is_global(a);
  const bool apart = same && disjoint(family ? widened_ : program_.vars, a.tile.view, b.tile.view);
  const int loop = blocks_[static_cast<std::size_t>(common)].loop;
  // Branches of one `if`: never in the same trip.
  const bool exclusive = a.block != b.block &&
                         child_in(common, a.block, a.child) == child_in(common, b.block, b.child);
  int distance = 0;  // trips from `first` to the one in which `second` touches the same slot
  int back = 1;      // and from `second` to `first`
  if (same && !global && loop != -1) {
    if (const auto alloc = only_alloc(a.tile.tensor, loop)) {
      const int depth = program_[a.tile.tensor].depth;
      const auto generations_ago = [&](const Site& site) {
        return site.tile.age + (site.begin < alloc->begin ? 1 : 0);
      };
      distance = (generations_ago(b) - generations_ago(a)) % depth;
      if (distance < 0) distance += depth;
      back = depth - distance;
    }
  }
  if (distance > 0) {
    add_carried(first, second, loop, distance, out);
  } else if (!apart && !exclusive && !(same && !global && slots_differ(a, b, common)) &&
             (!global || blocks_[static_cast<std::size_t>(common)].in_share)) {
    out.push_back({first, second, common, child_in(common, a.block, a.child),
                   child_in(common, b.block, b.child), loop, 0});
  }
  if (global) return relate_global(first, second, common, out);
  if (loop == -1) return;
  if (same && apart) {
    std::vector<VarId> used;
    collect_vars(a.tile.view, used);
    collect_vars(b.tile.view, used);
    if (used.empty()) return;
  }
  add_carried(second, first, loop, back, out);
}

std::vector<Dependence> DependenceGraph::dependences() const {
  std::vector<Dependence> out;
  for (std::size_t i = 0; i < sites_.size(); ++i) {
    for (std::size_t j = i + 1; j < sites_.size(); ++j) {
      const bool ordered = sites_[i].begin <= sites_[j].begin;
      relate(ordered ? i : j, ordered ? j : i, out);
    }
  }
  return out;
}

}  // namespace septran::passes
