#include "compiler/passes/shares.h"

#include <fmt/format.h>

#include "compiler/passes/rewrite.h"
#include "compiler/passes/split.h"

namespace septran::passes {

using tile::Block;
using tile::Prim;
using tile::Statement;
using tile::TensorId;
using tile::TileRef;

/// The tensor in GLOBAL that holds the shares of all iterations: one dimension for each loop
/// around, one for the processors, then those of the sums.
TensorId ShareWriter::make_store(const Dealt& dealt, const Carried& carried,
                                 const std::vector<VarId>& vars, const CombinePlace& place) {
  tile::Tensor store;
  store.name = program_[carried.sums.tensor].name + "_shares";
  store.kind = tile::TensorKind::temporary;
  store.dtype = store.storage = carried.type;
  for (const VarId v : vars) {
    const VarInfo& info = program_.vars[v];
    store.shape.emplace_back(max_extent(program_, info.end - info.begin));
  }
  store.shape.emplace_back(dealt.processors);
  for (const Expr& extent : carried.sums.view.shape()) {
    store.shape.emplace_back(max_extent(program_, extent));
  }
  store.memory = "GLOBAL";
  store.origin = place.origin;
  store.origin.rule = fmt::format("shares of {}", dealt.key.name);
  return program_.add_tensor(std::move(store));
}

/// This iteration's shares in the store: the processors' dimension, then those of the sums.
TileRef ShareWriter::stored(TensorId store, const std::vector<VarId>& vars,
                            const std::vector<Expr>& extents) const {
  View view = full_view(program_[store].shape);
  for (const VarId v : vars) {
    view = index_dim(view, 0, Expr::var(v) - program_.vars[v].begin);
  }
  for (std::size_t d = 0; d < extents.size(); ++d) view = slice_dim(view, d + 1, 0, extents[d]);
  return {store, simplify(view, program_.vars)};
}

/// A processor's own sums: where the sums are, as deep.
TensorId ShareWriter::private_copy(const Carried& carried, const CombinePlace& place) {
  const tile::Tensor& sums = program_[carried.sums.tensor];
  tile::Tensor own;
  own.name = sums.name + "_share";
  own.kind = tile::TensorKind::temporary;
  own.dtype = own.storage = carried.type;
  for (const Expr& extent : carried.sums.view.shape()) {
    own.shape.emplace_back(max_extent(program_, extent));
  }
  own.memory = sums.memory;
  own.depth = carried.depth;
  own.origin = sums.origin;
  own.origin.rule = place.origin.rule;
  return program_.add_tensor(std::move(own));
}

/// Every `processors`-th trip, onto the processor's own sums.
void ShareWriter::share_of_loop(Statement statement, const Dealt& dealt, VarId processor,
                                const std::vector<TileRef>& own, const CombinePlace& place,
                                Block& out) {
  auto& loop = std::get<tile::Loop>(statement.node);
  const VarInfo info = program_.vars[loop.var];
  const Expr first = Expr::var(processor);
  const Expr trips = Expr::ceil_div(info.end - info.begin - first, dealt.processors);
  const VarId trip = program_.vars.add(info.name, 0, program_.vars.simplify(trips));
  std::map<VarId, Expr> values{{loop.var, info.begin + first + Expr::var(trip) * dealt.processors}};
  std::map<TensorId, TensorId> tensors;
  loop.var = trip;
  loop.body = fresh_copy(program_, loop.body, values, tensors);
  for_each_tile(loop.body, [&](TileRef& tile) {
    for (std::size_t i = 0; i < own.size(); ++i) {
      const TileRef& sums = dealt.carried[i].sums;
      if (tile.tensor != sums.tensor) continue;
      for (std::size_t axis = 0; axis < tile.view.base.size(); ++axis) {
        tile.view.base[axis] = tile.view.base[axis] - sums.view.base[axis];
      }
      const auto view = compose(own[i].view, tile.view);
      SEPTRAN_CHECK(view.has_value());  // own sums are a box, whole in every dimension
      tile = {own[i].tensor, simplify(*view, program_.vars)};
      return;
    }
  });
  statement.origin = place.origin;
  statement.origin.rule = fmt::format("share of {}", dealt.key.name);
  out.push_back(std::move(statement));
}

/// One chunk of the reduction, into the processor's own sums.
void ShareWriter::share_of_call(const Statement& call, const Dealt& dealt, VarId processor,
                                const TileRef& own, const CombinePlace& place, Block& out) {
  Prim prim = std::get<Prim>(call.node);
  prim.operands[0] = own;
  prim.attributes["accumulate"] = false;
  const IterationSpace space = iteration_space(prim);
  const Expr begin = Expr::var(processor) * dealt.chunk;
  const Expr left = space.dims[dealt.dim].extent - begin;
  const Expr extent = program_.vars.simplify(Expr::min(dealt.chunk, left));
  Statement part{cut_call(program_, prim, space, dealt.dim, begin, extent), "", call.origin};
  part.origin.rule = fmt::format("share of {}", dealt.key.name);
  if (program_.vars.range(left).lo >= 1) {
    out.push_back(std::move(part));
    return;
  }
  tile::If branch{Cond::ge(left, 1), {}, {}};
  branch.then.push_back(std::move(part));
  branch.otherwise = combiner_.clear(own, *dealt.carried[0].by, place);
  out.push_back({std::move(branch), "", place.origin});
}

/// What takes the marked statement's place in the first half.
Block ShareWriter::share(const Statement& marked, const std::vector<VarId>& vars,
                         const Dealt& dealt, VarId processor, const CombinePlace& place) {
  Block out;
  std::vector<TileRef> own;
  std::vector<TileRef> stores;
  for (std::size_t i = 0; i < dealt.carried.size(); ++i) {
    const Carried& carried = dealt.carried[i];
    const std::vector<Expr> extents = carried.sums.view.shape();
    TileRef store = stored(dealt.shares[i], vars, extents);
    store.view = simplify(index_dim(store.view, 0, Expr::var(processor)), program_.vars);
    stores.push_back(store);
    const MemorySpec* memory = machine_.find_memory(program_[carried.sums.tensor].memory);
    if (memory == nullptr || !memory->is_private) {
      own.push_back(store);
      continue;
    }
    const TensorId tensor = private_copy(carried, place);
    out.push_back({tile::Alloc{tensor}, "", place.origin});
    own.push_back({tensor, full_view(extents)});
  }
  if (std::holds_alternative<tile::Loop>(marked.node)) {
    for (std::size_t i = 0; i < own.size(); ++i) {
      for (Statement& statement : combiner_.clear(own[i], *dealt.carried[i].by, place)) {
        out.push_back(std::move(statement));
      }
    }
    share_of_loop(marked, dealt, processor, own, place, out);
  } else {
    share_of_call(marked, dealt, processor, own[0], place, out);
  }
  for (std::size_t i = 0; i < own.size(); ++i) {
    if (own[i].tensor == dealt.shares[i]) continue;
    tile::Origin origin = place.origin;
    origin.rule = fmt::format("store share of {}", dealt.key.name);
    out.push_back(Combiner::copy(stores[i], own[i], origin));
  }
  return out;
}

}  // namespace septran::passes
