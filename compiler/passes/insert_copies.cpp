// insert_copies: brings every argument to the memory that its launch asks for and takes the scopes
// away. Arguments that are written get a buffer for the part that the launch touches, filled before
// it where old values are needed and copied out after it. What is only read is copied by the parts
// that operations use, each just inside the innermost loop on whose variable it depends (so
// invariant copies leave their loops), in a ring as deep as `pipeline` says; equal copies are made
// once. Temporaries on chip become buffers.
#include <fmt/format.h>

#include <algorithm>

#include "compiler/base/messages.h"
#include "compiler/passes/region.h"
#include "compiler/passes/rewrite.h"

namespace septran::passes {
namespace {

using tile::Block;
using tile::Placement;
using tile::Program;
using tile::ScopeArgument;
using tile::Statement;
using tile::TensorId;
using tile::TileRef;

/// A copy that was made at some level and may serve other uses there.
struct MadeCopy {
  TileRef source;
  std::string memory;
  int depth = 1;
  TensorId buffer;
};

/// A block on the way from the program's top to the statement in hand.
struct Level {
  Block* out = nullptr;             // what has been written of it
  const Block* original = nullptr;  // as it was before this pass
  std::vector<VarId> vars;          // bound by the statement that owns it
  bool is_branch = false;           // copies do not leave it
  std::vector<MadeCopy> copies;
  std::vector<TensorId> allocated;  // buffers that live in it
  std::string launch;               // that the statement in hand is a part of

  void emit(Statement statement) {
    statement.launch = launch;
    out->push_back(std::move(statement));
  }
};

/// A parameter whose uses are copied one by one.
struct Streamed {
  TileRef source;
  const ScopeArgument* argument = nullptr;
};

class Inserter {
 public:
  Inserter(Program& program, const PassContext& context)
      : program_(program), machine_(context.machine), diagnostics_(context.diagnostics) {}

  bool run() {
    program_.body = process_block(std::move(program_.body), {}, false);
    return fine_;
  }

 private:
  Block process_block(Block block, std::vector<VarId> vars, bool is_branch);
  void process(Statement statement);
  void process_scope(Statement statement);
  void process_operation(Statement statement);
  void resolve(TileRef& use);
  void report_view(const ScopeArgument& argument);
  void place_written(ScopeArgument& argument, Block& body, Block& after);
  void allocate_temporary(Statement statement);
  void stream_use(TileRef& use, const Streamed& streamed);
  std::size_t copy_level(const TileRef& source) const;
  TensorId make_buffer(const ScopeArgument& argument, std::vector<std::int64_t> shape, int depth);
  void share(tile::Tensor& tensor);
  [[nodiscard]] bool is_one_trip(const tile::Parallel& parallel) const {
    return std::all_of(parallel.vars.begin(), parallel.vars.end(), [&](VarId v) {
      return program_.vars.range(program_.vars[v].end - program_.vars[v].begin).hi <= 1;
    });
  }
  [[nodiscard]] DType held_as(const std::string& memory, DType type) const;
  void relate(TileRef& tile) const { tile.view = simplify(tile.view, program_.vars); }

  Program& program_;
  const Machine& machine_;
  Diagnostics& diagnostics_;
  bool fine_ = true;
  std::vector<Level> levels_;
  std::map<TensorId, Streamed> streamed_;
};

DType Inserter::held_as(const std::string& memory, DType type) const {
  const MemorySpec* spec = machine_.find_memory(memory);
  SEPTRAN_CHECK(spec != nullptr);
  const auto at = spec->held_as.find(type);
  return at == spec->held_as.end() ? type : at->second;
}

TensorId Inserter::make_buffer(const ScopeArgument& argument, std::vector<std::int64_t> shape,
                               int depth) {
  const tile::Tensor& parameter = program_[argument.parameter];
  tile::Tensor buffer;
  buffer.name = parameter.name;
  buffer.kind = tile::TensorKind::buffer;
  buffer.dtype = parameter.dtype;
  buffer.memory = argument.memory;
  buffer.storage = held_as(buffer.memory, buffer.dtype);
  buffer.shape.assign(shape.begin(), shape.end());
  buffer.depth = depth;
  buffer.origin = argument.origin;
  const MemorySpec* memory = machine_.find_memory(buffer.memory);
  SEPTRAN_CHECK(memory != nullptr);
  if (!memory->is_private) share(buffer);
  return program_.add_tensor(std::move(buffer));
}

/// What lies in a memory that processors share is a part of the kernel's workspace.
void Inserter::share(tile::Tensor& tensor) {
  tensor.kind = tile::TensorKind::temporary;
  if (tensor.depth <= 1) return;
  diagnostics_.report(tensor.origin.mapping_span, messages::rotate_not_private, tensor.name,
                      tensor.memory);
  fine_ = false;
}

void Inserter::report_view(const ScopeArgument& argument) {
  diagnostics_.report(argument.origin.logic_span, messages::view_not_expressible,
                      program_[argument.parameter].name);
  fine_ = false;
}

/// Gives an argument that the launch writes a buffer of its own for the region that is touched.
void Inserter::place_written(ScopeArgument& argument, Block& body, Block& after) {
  const std::optional<Region> touched = touched_region(program_, body, argument.parameter);
  if (!touched) return;
  const Region& region = *touched;
  const bool needs_old = !written_before_read(program_, body, argument.parameter, region);
  std::vector<std::int64_t> shape;
  for (const Expr& extent : region.extent) shape.push_back(max_extent(program_, extent));
  const TensorId buffer = make_buffer(argument, std::move(shape), argument.depth);

  View part = full_view(region.extent);
  part.base = region.begin;
  const auto source_view = compose(argument.source.view, part);
  if (!source_view) {
    return report_view(argument);
  }
  const TileRef outside{argument.source.tensor, simplify(*source_view, program_.vars)};
  const TileRef inside{buffer, full_view(region.extent)};
  tile::Origin origin = argument.origin;
  Level& level = levels_.back();
  level.emit({tile::Alloc{buffer}, "", origin});
  level.allocated.push_back(buffer);
  const std::string& name = program_[buffer].name;
  if (needs_old) {
    origin.rule = fmt::format("copy in {}", name);
    level.emit({tile::DmaCopy{inside, outside}, "", origin});
  }
  for_each_tile(body, [&](TileRef& tile) {
    if (tile.tensor != argument.parameter) return;
    tile.tensor = buffer;
    for (std::size_t axis = 0; axis < tile.view.base.size(); ++axis) {
      tile.view.base[axis] = tile.view.base[axis] - region.begin[axis];
    }
    relate(tile);
  });
  origin.rule = fmt::format("copy out {}", name);
  after.push_back({tile::DmaCopy{outside, inside}, "", origin});
}

/// The outermost level where a copy of this source may stand: inside every loop that it depends on,
/// every branch, and wherever its source is made or written.
std::size_t Inserter::copy_level(const TileRef& source) const {
  std::vector<VarId> used;
  collect_vars(source.view, used);
  std::size_t level = levels_.size() - 1;
  while (level > 0) {
    const Level& at = levels_[level];
    const bool bound = std::any_of(at.vars.begin(), at.vars.end(), [&](VarId v) {
      return std::find(used.begin(), used.end(), v) != used.end();
    });
    const bool made =
        std::find(at.allocated.begin(), at.allocated.end(), source.tensor) != at.allocated.end();
    if (bound || made || at.is_branch || writes_tensor(*at.original, source.tensor)) break;
    --level;
  }
  return level;
}

/// Replaces a use of a streamed argument by a buffer that holds the part it shows.
void Inserter::stream_use(TileRef& use, const Streamed& streamed) {
  const ScopeArgument& argument = *streamed.argument;
  View part = use.view;  // what is copied, in the argument's coordinates
  if (argument.placement == Placement::whole) part = full_view(program_[argument.parameter].shape);
  const bool box = use.view.is_box();
  if (box && argument.placement == Placement::parts) {
    // The axes that are left, in the argument's own order, so that transposed uses share the copy.
    std::sort(part.dims.begin(), part.dims.end(), [](const ViewDim& a, const ViewDim& b) {
      return a.digits[0].axis < b.digits[0].axis;
    });
  }
  const auto composed = compose(streamed.source.view, part);
  if (!composed) {
    return report_view(argument);
  }
  const TileRef source{streamed.source.tensor, simplify(*composed, program_.vars)};
  const std::size_t at = copy_level(source);
  Level& level = levels_[at];
  const bool in_loop =
      std::any_of(levels_.begin(), levels_.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                  [](const Level& l) { return !l.vars.empty(); });
  const int depth = in_loop ? argument.depth : 1;
  const bool rewritten = writes_tensor(*level.original, source.tensor);
  const auto made = std::find_if(level.copies.begin(), level.copies.end(), [&](const MadeCopy& c) {
    return c.source == source && c.memory == argument.memory && c.depth == depth;
  });
  TensorId buffer;
  const std::vector<Expr> extents = part.shape();
  if (made != level.copies.end() && !rewritten) {
    buffer = made->buffer;
  } else {
    std::vector<std::int64_t> shape;
    for (const Expr& extent : extents) shape.push_back(max_extent(program_, extent));
    buffer = make_buffer(argument, std::move(shape), depth);
    tile::Origin origin = argument.origin;
    origin.rule = fmt::format("{} {}", in_loop ? "stream" : "load once", program_[buffer].name);
    level.emit({tile::Alloc{buffer}, "", origin});
    level.emit({tile::DmaCopy{{buffer, full_view(extents)}, source}, "", std::move(origin)});
    level.copies.push_back({source, argument.memory, depth, buffer});
    level.allocated.push_back(buffer);
  }
  View inside = use.view;
  if (argument.placement == Placement::parts) {
    inside = full_view(extents);
    if (box) {  // the use's own order of dimensions
      std::vector<std::size_t> axes;
      for (const ViewDim& dim : use.view.dims) {
        std::size_t position = 0;
        while (part.dims[position].digits[0].axis != dim.digits[0].axis) ++position;
        axes.push_back(position);
      }
      inside = permute(inside, axes);
    }
  }
  use = {buffer, std::move(inside)};
  relate(use);
}

void Inserter::allocate_temporary(Statement statement) {
  const TensorId id = std::get<tile::Alloc>(statement.node).tensor;
  tile::Tensor& tensor = program_[id];
  const MemorySpec* memory = machine_.find_memory(tensor.memory);
  SEPTRAN_CHECK(memory != nullptr);
  if (memory->is_private) {
    for (Expr& extent : tensor.shape) extent = max_extent(program_, extent);
    tensor.kind = tile::TensorKind::buffer;
    tensor.storage = held_as(tensor.memory, tensor.dtype);
  } else {
    share(tensor);
  }
  levels_.back().allocated.push_back(id);
  levels_.back().emit(std::move(statement));
}

void Inserter::process_scope(Statement statement) {
  auto& scope = std::get<tile::Scope>(statement.node);
  Block after;
  std::vector<TensorId> streamed_here;
  for (ScopeArgument& argument : scope.arguments) {
    if (argument.placement == Placement::reference || argument.placement == Placement::never) {
      fine_ &= substitute_argument(program_, scope.body, argument, diagnostics_);
    } else if (writes_tensor(scope.body, argument.parameter)) {
      place_written(argument, scope.body, after);
    }
  }
  if (!fine_) return;
  for (const ScopeArgument& argument : scope.arguments) {
    if (argument.placement != Placement::whole && argument.placement != Placement::parts) continue;
    streamed_[argument.parameter] = {argument.source, &argument};
    streamed_here.push_back(argument.parameter);
  }
  for (Statement& inner : scope.body) {
    if (fine_) process(std::move(inner));
  }
  for (const TensorId id : streamed_here) streamed_.erase(id);
  for (Statement& copy : after) levels_.back().emit(std::move(copy));
}

/// Brings a tile of a streamed argument here. Its source may itself be a part of an argument that
/// is streamed further out.
void Inserter::resolve(TileRef& use) {
  const auto at = streamed_.find(use.tensor);
  if (at == streamed_.end() || !fine_) return;
  Streamed streamed = at->second;
  if (streamed_.contains(streamed.source.tensor)) {
    if (streamed.argument->placement == Placement::parts) {  // only what is used of it
      const auto composed = compose(streamed.source.view, use.view);
      if (!composed) return report_view(*streamed.argument);
      streamed.source.view = *composed;
      use.view = full_view(use.view.shape());
    }
    resolve(streamed.source);
  }
  if (fine_) stream_use(use, streamed);
}

void Inserter::process_operation(Statement statement) {
  for (const auto& use : tile::operands(statement)) resolve(*use.tile);
  levels_.back().emit(std::move(statement));
}

void Inserter::process(Statement statement) {
  if (std::holds_alternative<tile::Scope>(statement.node)) {
    process_scope(std::move(statement));
  } else if (std::holds_alternative<tile::Alloc>(statement.node)) {
    allocate_temporary(std::move(statement));
  } else if (tile::child_blocks(statement).empty()) {
    process_operation(std::move(statement));
  } else {
    // What runs on one processor only is not done by all of them beforehand.
    const auto* parallel = std::get_if<tile::Parallel>(&statement.node);
    const bool is_branch = std::holds_alternative<tile::If>(statement.node) ||
                           (parallel != nullptr && is_one_trip(*parallel));
    for (Block* block : tile::child_blocks(statement)) {
      *block = process_block(std::move(*block), tile::bound_vars(statement), is_branch);
    }
    levels_.back().emit(std::move(statement));
  }
}

Block Inserter::process_block(Block block, std::vector<VarId> vars, bool is_branch) {
  Block out;
  const Block original = block;
  levels_.push_back({&out, &original, std::move(vars), is_branch, {}, {}, {}});
  for (Statement& statement : block) {
    levels_.back().launch = statement.launch;
    if (fine_) process(std::move(statement));
  }
  levels_.pop_back();
  return out;
}

}  // namespace

Result<Program> insert_copies(Program program, const PassContext& context) {
  if (!Inserter(program, context).run()) return std::nullopt;
  return program;
}

}  // namespace septran::passes
