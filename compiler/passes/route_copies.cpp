// route_copies: gives every copy the engine of the path it takes. A copy whose path leads through
// another memory becomes two, with a staging buffer between; so does one that has to convert on a
// path that cannot, which leaves that to the vector engine. A copy that the vector engine performs
// becomes a vec copy.
#include <fmt/format.h>

#include <algorithm>

#include "compiler/base/messages.h"
#include "compiler/passes/rewrite.h"

namespace septran::passes {
namespace {

using tile::Block;
using tile::Program;
using tile::Statement;

class Router {
 public:
  Router(Program& program, const PassContext& context)
      : program_(program), machine_(context.machine), diagnostics_(context.diagnostics) {}

  bool run() {
    route_block(program_.body);
    return fine_;
  }

 private:
  void route_block(Block& block);
  void route(Statement statement, Block& out);
  /// A buffer for the elements that the copy moves, in a memory; it is allocated in `out`.
  tile::TileRef stage(const tile::DmaCopy& copy, const std::string& memory, DType dtype,
                      const tile::Origin& origin, Block& out);
  [[nodiscard]] DType held_as(const std::string& memory, DType type) const;
  /// The vector engine that copies within a memory, converting; null where none does.
  [[nodiscard]] const EngineSpec* converter(const std::string& memory, DType from, DType to) const;
  bool convert(const Statement& statement, const tile::DmaCopy& copy, Block& out);
  void report(const Statement& statement, const tile::DmaCopy& copy, const std::string& hint);

  Program& program_;
  const Machine& machine_;
  Diagnostics& diagnostics_;
  bool fine_ = true;
};

void Router::report(const Statement& statement, const tile::DmaCopy& copy,
                    const std::string& hint) {
  auto& diagnostic = diagnostics_.report(
      statement.origin.span(), messages::no_path, machine_.name, program_[copy.src.tensor].memory,
      program_[copy.dst.tensor].memory, program_[copy.dst.tensor].name, hint);
  if (statement.origin.logic_span.valid()) {
    diagnostic.notes.push_back({statement.origin.logic_span, messages::moved_for_note});
  }
  fine_ = false;
}

DType Router::held_as(const std::string& memory, DType type) const {
  const MemorySpec* spec = machine_.find_memory(memory);
  SEPTRAN_CHECK(spec != nullptr);
  const auto held = spec->held_as.find(type);
  return held == spec->held_as.end() ? type : held->second;
}

tile::TileRef Router::stage(const tile::DmaCopy& copy, const std::string& memory, DType dtype,
                            const tile::Origin& origin, Block& out) {
  tile::Tensor staging;
  staging.name = program_[copy.dst.tensor].name + "_staged";
  staging.kind = tile::TensorKind::buffer;
  staging.dtype = dtype;
  staging.memory = memory;
  staging.storage = held_as(memory, dtype);
  for (const ViewDim& dim : copy.src.view.dims) {
    staging.shape.emplace_back(max_extent(program_, dim.extent));
  }
  staging.origin = origin;
  const tile::TileRef tile{program_.add_tensor(std::move(staging)),
                           full_view(copy.src.view.shape())};
  out.push_back({tile::Alloc{tile.tensor}, "", origin});
  return tile;
}

const EngineSpec* Router::converter(const std::string& memory, DType from, DType to) const {
  const auto has = [](const auto& list, const auto& item) {
    return std::find(list.begin(), list.end(), item) != list.end();
  };
  for (const ImplementationSpec& implementation : machine_.implementations) {
    const EngineSpec* engine = machine_.find_engine(implementation.engine);
    if (engine == nullptr || engine->kind != EngineKind::vector) continue;
    const auto& types = implementation.element_types;
    const auto& memories = implementation.operand_memories;
    const bool copies =
        has(implementation.primitives, "*") || has(implementation.primitives, "copy");
    const bool converts = types.empty() || (has(types, from) && has(types, to));
    if (copies && converts &&
        std::all_of(memories.begin(), memories.end(),
                    [&](const auto& allowed) { return has(allowed, memory); })) {
      return engine;
    }
  }
  return nullptr;
}

/// Converts within the one of the two memories that the vector engine reaches. False if it reaches
/// neither, or the memory holds the type as another that the path cannot convert.
bool Router::convert(const Statement& statement, const tile::DmaCopy& copy, Block& out) {
  const tile::Tensor src = program_[copy.src.tensor];
  const tile::Tensor dst = program_[copy.dst.tensor];
  tile::Origin origin = statement.origin;
  const auto vec = [&](const EngineSpec& engine, const tile::TileRef& to,
                       const tile::TileRef& from) {
    tile::Vec node{find_primitive("copy"), {to, from}, {}, std::nullopt};
    out.push_back({std::move(node), engine.name, origin});
  };
  origin.rule = fmt::format("convert {} to {}", name(src.dtype), name(dst.dtype));
  const EngineSpec* before = converter(src.memory, src.dtype, dst.dtype);
  if (before != nullptr && held_as(src.memory, dst.dtype) == dst.storage) {
    const tile::TileRef middle = stage(copy, src.memory, dst.dtype, origin, out);
    vec(*before, middle, copy.src);
    route({tile::DmaCopy{copy.dst, middle}, "", origin}, out);
    return true;
  }
  const EngineSpec* after = converter(dst.memory, src.dtype, dst.dtype);
  if (after == nullptr || held_as(dst.memory, src.dtype) != src.storage) return false;
  const tile::TileRef middle = stage(copy, dst.memory, src.dtype, origin, out);
  route({tile::DmaCopy{middle, copy.src}, "", origin}, out);
  vec(*after, copy.dst, middle);
  return true;
}

void Router::route(Statement statement, Block& out) {
  auto& copy = std::get<tile::DmaCopy>(statement.node);
  const tile::Tensor& src = program_[copy.src.tensor];
  const tile::Tensor& dst = program_[copy.dst.tensor];
  const PathSpec* path = machine_.find_path(src.memory, dst.memory);
  if (path == nullptr) {
    std::string paths;
    for (const PathSpec& p : machine_.paths) {
      if (p.from == src.memory) paths += (paths.empty() ? "" : ", ") + p.to;
    }
    return report(statement, copy,
                  fmt::format("from {} there are paths to: {}", src.memory, paths));
  }
  if (!path->via.empty()) {
    tile::Origin origin = statement.origin;
    origin.rule = fmt::format("staging through {}", path->via);
    const tile::TileRef middle = stage(copy, path->via, src.dtype, origin, out);
    route({tile::DmaCopy{middle, copy.src}, "", origin}, out);
    route({tile::DmaCopy{copy.dst, middle}, "", origin}, out);
    return;
  }
  if (src.storage != dst.storage && !path->convert) {
    if (convert(statement, copy, out)) return;
    return report(
        statement, copy,
        fmt::format("the path does not convert {} to {}", name(src.storage), name(dst.storage)));
  }
  const EngineSpec* engine = machine_.find_engine(path->engine);
  SEPTRAN_CHECK(engine != nullptr);
  statement.engine = path->engine;
  if (engine->kind == EngineKind::vector) {
    tile::Vec vec{find_primitive("copy"), {copy.dst, copy.src}, {}, std::nullopt};
    statement.node = std::move(vec);
  }
  out.push_back(std::move(statement));
}

void Router::route_block(Block& block) {
  Block out;
  for (Statement& statement : block) {
    if (std::holds_alternative<tile::DmaCopy>(statement.node)) {
      const std::string launch = statement.launch;
      const std::size_t first = out.size();
      route(std::move(statement), out);
      for (std::size_t i = first; i < out.size(); ++i) out[i].launch = launch;
      continue;
    }
    for (Block* inner : tile::child_blocks(statement)) route_block(*inner);
    out.push_back(std::move(statement));
  }
  block = std::move(out);
}

}  // namespace

Result<Program> route_copies(Program program, const PassContext& context) {
  if (!Router(program, context).run()) return std::nullopt;
  return program;
}

}  // namespace septran::passes
