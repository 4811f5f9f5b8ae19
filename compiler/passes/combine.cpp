#include "compiler/passes/combine.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "compiler/passes/implementations.h"
#include "compiler/passes/rewrite.h"

namespace septran::passes {
namespace {

using tile::Block;
using tile::Operand;
using tile::Statement;
using tile::TileRef;

constexpr const char* core = "BLOCK";
// Of the memory in which shares are combined, one piece takes this part: sums, their wide form and
// a ring of shares fit together.
constexpr std::int64_t pieces_in_memory = 8;

Statement call(const Primitive& primitive, std::vector<Operand> operands, Attributes attributes,
               const tile::Origin& origin) {
  tile::Prim prim;
  prim.primitive = &primitive;
  prim.operands = std::move(operands);
  prim.attributes = std::move(attributes);
  const auto faults = complete_attributes(primitive, prim.attributes);
  SEPTRAN_CHECK(faults.empty());
  prim.binding.mapping_origin = origin.mapping;
  prim.binding.span = origin.mapping_span;
  return {std::move(prim), "", origin};
}

TileRef piece_of(const TileRef& tile, std::size_t first_dim, const std::vector<Expr>& begins,
                 const std::vector<Expr>& extents, const VarTable& vars) {
  View view = tile.view;
  for (std::size_t d = 0; d < begins.size(); ++d) {
    view = slice_dim(view, first_dim + d, begins[d], extents[d]);
  }
  return {tile.tensor, simplify(view, vars)};
}

TileRef share(const TileRef& shares, const Expr& index) {
  return {shares.tensor, index_dim(shares.view, 0, index)};
}

}  // namespace

Statement Combiner::copy(const TileRef& to, const TileRef& from, const tile::Origin& origin) {
  return call(*find_primitive("copy"), {to, from}, {}, origin);
}

bool Combiner::computes(const Primitive& by, DType type, const std::string& sums,
                        const std::string& shares) const {
  tile::Program probe;
  tile::Tensor tensor;
  tensor.dtype = tensor.storage = type;
  tensor.memory = sums;
  const TileRef at_sums{probe.add_tensor(tensor), {}};
  tensor.memory = shares;
  const TileRef at_shares{probe.add_tensor(tensor), {}};
  const tile::Prim prim{&by, {at_sums, at_sums, at_shares}, {}, {}};
  return std::any_of(
      machine_.implementations.begin(), machine_.implementations.end(),
      [&](const ImplementationSpec& one) { return misfit(probe, machine_, one, prim).empty(); });
}

Combiner::Workplace Combiner::workplace(const Primitive& by, DType type,
                                        const std::string& sums) const {
  if (computes(by, type, sums, "GLOBAL")) return {"GLOBAL"};
  std::vector<const MemorySpec*> reached;  // the largest first
  for (const MemorySpec& memory : machine_.memories) {
    if (memory.is_private && machine_.find_path("GLOBAL", memory.name) != nullptr) {
      reached.push_back(&memory);
    }
  }
  std::stable_sort(reached.begin(), reached.end(), [](const MemorySpec* a, const MemorySpec* b) {
    return a->size_bytes > b->size_bytes;
  });
  for (const MemorySpec* memory : reached) {
    if (computes(by, type, sums, memory->name)) return {memory->name};
  }
  for (const MemorySpec* memory : reached) {
    if (computes(by, type, memory->name, memory->name)) return {memory->name, true};
  }
  return {sums};  // that nothing computes there is reported where implementations are chosen
}

Combiner::Pieces Combiner::cut(const std::vector<Expr>& extents, std::int64_t most_elements) {
  Pieces pieces;
  std::vector<std::int64_t> sizes(extents.size());
  std::int64_t room = std::max<std::int64_t>(1, most_elements);
  for (std::size_t d = extents.size(); d-- > 0;) {
    sizes[d] = std::min(max_extent(program_, extents[d]), room);
    room /= sizes[d];
  }
  for (std::size_t d = 0; d < extents.size(); ++d) {
    if (sizes[d] == max_extent(program_, extents[d])) {
      pieces.begins.emplace_back(0);
      pieces.extents.push_back(extents[d]);
      continue;
    }
    const VarId var =
        program_.vars.add("piece", 0, program_.vars.simplify(Expr::ceil_div(extents[d], sizes[d])));
    pieces.loops.push_back(var);
    pieces.begins.push_back(Expr::var(var) * sizes[d]);
    pieces.extents.push_back(
        program_.vars.simplify(Expr::min(sizes[d], extents[d] - pieces.begins.back())));
  }
  return pieces;
}

/// On the host the pieces are dealt out, elsewhere one processor takes one after the other.
Block Combiner::wrap(const Pieces& pieces, Block body, const CombinePlace& place) {
  if (pieces.loops.empty()) return body;
  if (place.on_host) {
    tile::Parallel parallel;
    parallel.vars = pieces.loops;
    parallel.workers = -1;
    parallel.order.group.assign(pieces.loops.size(), 0);
    parallel.order.reverse.assign(pieces.loops.size(), false);
    parallel.body = std::move(body);
    Block out;
    out.push_back({std::move(parallel), "", place.origin});
    return out;
  }
  for (std::size_t i = pieces.loops.size(); i-- > 0;) {
    tile::Loop loop;
    loop.var = pieces.loops[i];
    loop.body = std::exchange(body, Block{});
    body.push_back({std::move(loop), "", place.origin});
  }
  return body;
}

TileRef Combiner::bring(tile::Scope& scope, const TileRef& source, tile::Placement placement,
                        const std::string& memory, const CombinePlace& place) {
  tile::Tensor parameter;
  const tile::Tensor& shown = program_[source.tensor];
  parameter.name = shown.name;
  parameter.kind = tile::TensorKind::parameter;
  parameter.dtype = parameter.storage = shown.dtype;
  parameter.shape = source.view.shape();
  parameter.memory = memory;
  parameter.origin = place.origin;
  tile::ScopeArgument argument;
  argument.parameter = program_.add_tensor(std::move(parameter));
  argument.source = source;
  argument.placement = placement;
  argument.memory = memory;
  argument.depth = placement == tile::Placement::parts ? place.depth : 1;
  argument.origin = place.origin;
  scope.arguments.push_back(argument);
  return {argument.parameter, full_view(source.view.shape())};
}

tile::TensorId Combiner::temporary(const std::string& name, DType type,
                                   const std::vector<Expr>& shape, const std::string& memory,
                                   const tile::Origin& origin) {
  tile::Tensor tensor;
  tensor.name = name;
  tensor.kind = tile::TensorKind::temporary;
  tensor.dtype = tensor.storage = type;
  for (const Expr& extent : shape) tensor.shape.emplace_back(max_extent(program_, extent));
  tensor.memory = memory;
  tensor.origin = origin;
  return program_.add_tensor(std::move(tensor));
}

Block Combiner::clear(const TileRef& tile, const Primitive& by, const CombinePlace& place) {
  const tile::Tensor& tensor = program_[tile.tensor];
  const double identity = combining_identity(by, tensor.dtype);
  const auto fill = [&](const TileRef& at) {
    return call(*find_primitive("fill"), {at}, {{"value", identity}}, place.origin);
  };
  const Workplace at = workplace(by, tensor.dtype, tensor.memory);
  Block body;
  if (!at.moves_sums) {
    body.push_back(fill(tile));
    return body;
  }
  const MemorySpec* memory = machine_.find_memory(at.memory);
  const auto element_bytes = static_cast<std::int64_t>(size_bytes(tensor.dtype));
  const Pieces pieces =
      cut(tile.view.shape(), memory->size_bytes / pieces_in_memory / element_bytes);
  const TileRef piece = piece_of(tile, 0, pieces.begins, pieces.extents, program_.vars);
  tile::Scope scope{place.task, place.instance, core, {}, {}};
  scope.body.push_back(fill(bring(scope, piece, tile::Placement::whole, at.memory, place)));
  body.push_back({std::move(scope), "", place.origin});
  return wrap(pieces, std::move(body), {place.task, place.instance, 1, false, place.origin});
}

/// A sum that is narrower than its shares is rounded once, in the end.
void Combiner::combine_piece(const Carried& carried, const TileRef& sums, const TileRef& shares,
                             std::int64_t processors, const tile::Origin& origin, Block& out) {
  const tile::Tensor& narrow = program_[sums.tensor];
  TileRef total = sums;
  const bool is_rounded = narrow.dtype != carried.type;
  if (is_rounded) {
    const std::vector<Expr> shape = sums.view.shape();
    const tile::TensorId wide =
        temporary(narrow.name + "_sum", carried.type, shape, narrow.memory, origin);
    out.push_back({tile::Alloc{wide}, "", origin});
    total = {wide, full_view(shape)};
  }
  if (!carried.onto_old) {
    out.push_back(copy(total, share(shares, 0), origin));
  } else if (is_rounded) {
    out.push_back(copy(total, sums, origin));
  }
  tile::Loop loop;
  loop.var = program_.vars.add("share", carried.onto_old ? 0 : 1, processors);
  const TileRef next = share(shares, Expr::var(loop.var));
  loop.body.push_back(call(*carried.by, {total, total, next}, {}, origin));
  out.push_back({std::move(loop), "", origin});
  if (is_rounded) out.push_back(copy(sums, total, origin));
}

Block Combiner::combine(const Carried& carried, const TileRef& shares, std::int64_t processors,
                        const CombinePlace& place) {
  const Workplace at = workplace(*carried.by, carried.type, program_[carried.sums.tensor].memory);
  const MemorySpec* memory = machine_.find_memory(at.memory);
  const bool by_reference = at.memory == "GLOBAL";
  const auto element_bytes = static_cast<std::int64_t>(size_bytes(carried.type));
  const std::int64_t most =
      by_reference || memory == nullptr
          ? INT64_MAX
          : memory->size_bytes / pieces_in_memory / place.depth / element_bytes;
  const Pieces pieces = cut(carried.sums.view.shape(), most);
  const TileRef sums = piece_of(carried.sums, 0, pieces.begins, pieces.extents, program_.vars);
  const TileRef some = piece_of(shares, 1, pieces.begins, pieces.extents, program_.vars);
  Block body;
  if (by_reference && !place.on_host) {
    combine_piece(carried, sums, some, processors, place.origin, body);
    return wrap(pieces, std::move(body), place);
  }
  tile::Scope scope{place.task, place.instance, core, {}, {}};
  const TileRef near_sums =
      at.moves_sums ? bring(scope, sums, tile::Placement::whole, at.memory, place) : sums;
  const TileRef near =
      by_reference ? some : bring(scope, some, tile::Placement::parts, at.memory, place);
  combine_piece(carried, near_sums, near, processors, place.origin, scope.body);
  body.push_back({std::move(scope), "", place.origin});
  return wrap(pieces, std::move(body), place);
}

}  // namespace septran::passes
