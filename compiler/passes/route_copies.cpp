// route_copies: gives every copy the engine of the path it takes. A copy whose path leads through
// another memory becomes two, with a staging buffer between; a copy that the vector engine performs
// becomes a vec copy.
#include <fmt/format.h>

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
  void report(const Statement& statement, const tile::DmaCopy& copy, const std::string& hint);

  Program& program_;
  const Machine& machine_;
  Diagnostics& diagnostics_;
  bool fine_ = true;
};

void Router::report(const Statement& statement, const tile::DmaCopy& copy,
                    const std::string& hint) {
  const Span place = statement.origin.mapping_span.valid() ? statement.origin.mapping_span
                                                           : statement.origin.logic_span;
  auto& diagnostic =
      diagnostics_.report(place, messages::no_path, machine_.name, program_[copy.src.tensor].memory,
                          program_[copy.dst.tensor].memory, program_[copy.dst.tensor].name, hint);
  if (statement.origin.logic_span.valid()) {
    diagnostic.notes.push_back({statement.origin.logic_span, "moved for this"});
  }
  fine_ = false;
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
    tile::Tensor staging;
    staging.name = dst.name + "_staged";
    staging.kind = tile::TensorKind::buffer;
    staging.dtype = src.dtype;
    staging.memory = path->via;
    const MemorySpec* memory = machine_.find_memory(path->via);
    SEPTRAN_CHECK(memory != nullptr);
    const auto held = memory->held_as.find(src.dtype);
    staging.storage = held == memory->held_as.end() ? src.dtype : held->second;
    for (const ViewDim& dim : copy.src.view.dims) {
      staging.shape.emplace_back(max_extent(program_, dim.extent));
    }
    staging.origin = statement.origin;
    staging.origin.rule = fmt::format("staging through {}", path->via);
    const tile::Origin origin = staging.origin;
    const tile::TileRef middle{program_.add_tensor(std::move(staging)),
                               full_view(copy.src.view.shape())};
    out.push_back({tile::Alloc{middle.tensor}, "", origin});
    route({tile::DmaCopy{middle, copy.src}, "", origin}, out);
    route({tile::DmaCopy{copy.dst, middle}, "", origin}, out);
    return;
  }
  if (src.storage != dst.storage && !path->convert) {
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
      route(std::move(statement), out);
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
