// spread: finds the parallel loops that are spread over processors. A BLOCK instance launched
// outside any parallel loop spreads its own; otherwise the parallel loops around its launch are
// spread. What a BLOCK instance does outside of parallel loops runs on one processor: a parallel
// loop of one trip. Host launches, which move nothing, are replaced by their bodies; so each spread
// loop's body holds what one iteration places.
#include <algorithm>

#include "compiler/base/messages.h"
#include "compiler/passes/rewrite.h"

namespace septran::passes {
namespace {

using tile::Block;
using tile::Program;
using tile::Statement;

constexpr const char* spread_processor = "BLOCK";

bool contains_parallel(const Block& block) {
  bool found = false;
  tile::for_each_statement(block, [&](const Statement& statement) {
    found |= std::holds_alternative<tile::Parallel>(statement.node);
  });
  return found;
}

bool contains_parallel(const Statement& statement) {
  const auto blocks = tile::child_blocks(statement);
  return std::holds_alternative<tile::Parallel>(statement.node) ||
         std::any_of(blocks.begin(), blocks.end(),
                     [](const Block* block) { return contains_parallel(*block); });
}

/// What is said of the blocks that run a spread loop: by the launch that it belongs to, or the
/// first one inside.
std::optional<GpuOptions> gpu_options(const Block& body, const Statement* own) {
  std::optional<GpuOptions> found;
  if (own != nullptr) found = std::get<tile::Scope>(own->node).gpu;
  tile::for_each_statement(body, [&](const Statement& statement) {
    const auto* scope = std::get_if<tile::Scope>(&statement.node);
    if (scope != nullptr && !found) found = scope->gpu;
  });
  return found;
}

class Spreader {
 public:
  Spreader(Program& program, Diagnostics& diagnostics)
      : program_(program), diagnostics_(diagnostics) {}

  bool run() {
    program_.body = spread_block(std::move(program_.body), nullptr);
    return fine_;
  }

 private:
  Block spread_block(Block block, const Statement* own);
  void spread_statement(Statement statement, const Statement* own, Block& out);
  void spread_scope(Statement statement, Block& out);
  Statement spread_parallel(Statement statement, const Statement* own);
  Statement one_trip(Block body, const tile::Origin& origin, const Statement* own);
  Block iteration_scope(Block body, const Statement& own);
  void flush(Block& run, const Statement* own, Block& out);

  Program& program_;
  Diagnostics& diagnostics_;
  bool fine_ = true;
};

/// Wraps the body of a spread iteration in a scope of its own, whose arguments are placed by what
/// the iteration touches. `own` is the launch of the instance that the loop belongs to.
Block Spreader::iteration_scope(Block body, const Statement& own) {
  tile::Scope scope = std::get<tile::Scope>(own.node);
  for (tile::ScopeArgument& argument : scope.arguments) {
    const tile::TensorId outer = argument.parameter;
    tile::Tensor tensor = program_[outer];
    argument.source = {outer, full_view(tensor.shape)};
    argument.parameter = program_.add_tensor(std::move(tensor));
    for_each_tile(body, [&](tile::TileRef& tile) {
      if (tile.tensor == outer) tile.tensor = argument.parameter;
    });
  }
  scope.body = std::move(body);
  Block result;
  result.push_back({std::move(scope), "", own.origin});
  return result;
}

Statement Spreader::spread_parallel(Statement statement, const Statement* own) {
  auto& parallel = std::get<tile::Parallel>(statement.node);
  parallel.processor = spread_processor;
  // Parallel loops directly inside, with bounds of their own, are dealt out together with this one.
  while (parallel.body.size() == 1) {
    auto* inner = std::get_if<tile::Parallel>(&parallel.body[0].node);
    if (inner == nullptr) break;
    if (!bounds_independent(program_, parallel, *inner)) break;
    tile::TraversalOrder& order = parallel.order;
    if (!order.nest.empty() || !inner->order.nest.empty()) {
      if (order.nest.empty()) {
        for (std::size_t i = 0; i < parallel.vars.size(); ++i) order.nest.push_back(i);
      }
      for (std::size_t i = 0; i < inner->vars.size(); ++i) {
        const std::size_t from = inner->order.nest.empty() ? i : inner->order.nest[i];
        order.nest.push_back(parallel.vars.size() + from);
      }
    }
    order.group.insert(order.group.end(), inner->order.group.begin(), inner->order.group.end());
    order.reverse.insert(order.reverse.end(), inner->order.reverse.begin(),
                         inner->order.reverse.end());
    parallel.vars.insert(parallel.vars.end(), inner->vars.begin(), inner->vars.end());
    if (parallel.workers == 0) parallel.workers = inner->workers;
    Block body = std::move(inner->body);
    parallel.body = std::move(body);
  }
  parallel.gpu = gpu_options(parallel.body, own);
  if (own != nullptr) parallel.body = iteration_scope(std::move(parallel.body), *own);
  return statement;
}

Statement Spreader::one_trip(Block body, const tile::Origin& origin, const Statement* own) {
  tile::Parallel parallel;
  parallel.vars.push_back(program_.vars.add("once", 0, 1));
  parallel.processor = spread_processor;
  parallel.order.group.assign(1, 0);
  parallel.order.reverse.assign(1, false);
  parallel.gpu = gpu_options(body, own);
  parallel.body = own != nullptr ? iteration_scope(std::move(body), *own) : std::move(body);
  Statement statement{std::move(parallel), "", origin};
  statement.origin.rule = "runs on one processor";
  return statement;
}

/// Wraps the operations collected so far, if there are any, in a loop of one trip.
void Spreader::flush(Block& run, const Statement* own, Block& out) {
  const bool works = std::any_of(run.begin(), run.end(), [](const Statement& statement) {
    return !std::holds_alternative<tile::Alloc>(statement.node);
  });
  if (works) {
    const tile::Origin origin = run.front().origin;
    // A buffer made here that later statements use must stand outside.
    out.push_back(one_trip(std::move(run), origin, own));
  } else {
    for (Statement& statement : run) out.push_back(std::move(statement));
  }
  run.clear();
}

void Spreader::spread_scope(Statement statement, Block& out) {
  auto& scope = std::get<tile::Scope>(statement.node);
  if (scope.processor != spread_processor) {  // on the host: nothing is moved for it
    for (const tile::ScopeArgument& argument : scope.arguments) {
      fine_ &= substitute_argument(program_, scope.body, argument, diagnostics_);
    }
    for (Statement& inner : spread_block(std::move(scope.body), nullptr)) {
      out.push_back(std::move(inner));
    }
    return;
  }
  if (!contains_parallel(scope.body)) {
    Block body;
    const tile::Origin origin = statement.origin;
    body.push_back(std::move(statement));
    out.push_back(one_trip(std::move(body), origin, nullptr));
    return;
  }
  // The launch itself passes by reference; each iteration places its parts.
  Block body = spread_block(std::move(scope.body), &statement);
  for (const tile::ScopeArgument& argument : scope.arguments) {
    fine_ &= substitute_argument(program_, body, argument, diagnostics_);
  }
  for (Statement& inner : body) out.push_back(std::move(inner));
}

Block Spreader::spread_block(Block block, const Statement* own) {
  Block out;
  Block run;
  for (Statement& statement : block) {
    const auto* alloc = std::get_if<tile::Alloc>(&statement.node);
    const bool is_scope = std::holds_alternative<tile::Scope>(statement.node);
    const bool structure = contains_parallel(statement) || (is_scope && own == nullptr);
    const bool global = alloc != nullptr && program_[alloc->tensor].memory == "GLOBAL";
    const auto blocks = tile::child_blocks(statement);
    const bool around_launch =
        own == nullptr && std::any_of(blocks.begin(), blocks.end(), [](const Block* inner) {
          bool found = false;
          tile::for_each_statement(*inner, [&](const Statement& s) {
            found |= std::holds_alternative<tile::Scope>(s.node);
          });
          return found;
        });
    if (!structure && !around_launch && !global) {
      run.push_back(std::move(statement));
      continue;
    }
    flush(run, own, out);
    spread_statement(std::move(statement), own, out);
  }
  flush(run, own, out);
  return out;
}

void Spreader::spread_statement(Statement statement, const Statement* own, Block& out) {
  if (std::holds_alternative<tile::Parallel>(statement.node)) {
    // Host launches between parallel loops vanish first, so that nested loops are seen.
    auto& parallel = std::get<tile::Parallel>(statement.node);
    if (own == nullptr) {
      Block body;
      for (Statement& inner : parallel.body) {
        auto* scope = std::get_if<tile::Scope>(&inner.node);
        if (scope == nullptr || scope->processor == spread_processor) {
          body.push_back(std::move(inner));
          continue;
        }
        for (const tile::ScopeArgument& argument : scope->arguments) {
          fine_ &= substitute_argument(program_, scope->body, argument, diagnostics_);
        }
        for (Statement& s : scope->body) body.push_back(std::move(s));
      }
      parallel.body = std::move(body);
    }
    out.push_back(spread_parallel(std::move(statement), own));
  } else if (std::holds_alternative<tile::Scope>(statement.node) && own == nullptr) {
    spread_scope(std::move(statement), out);
  } else {
    for (Block* block : tile::child_blocks(statement)) {
      *block = spread_block(std::move(*block), own);
    }
    out.push_back(std::move(statement));
  }
}

/// Temporaries in memories that each processor has for itself must not be used by several.
bool check_private_temporaries(const Program& program, const PassContext& context,
                               const Block& block) {
  bool fine = true;
  for (const Statement& statement : block) {
    if (std::holds_alternative<tile::Parallel>(statement.node)) continue;
    if (const auto* alloc = std::get_if<tile::Alloc>(&statement.node)) {
      const tile::Tensor& tensor = program[alloc->tensor];
      const MemorySpec* memory = context.machine.find_memory(tensor.memory);
      if (memory != nullptr && memory->is_private &&
          (reads_tensor(block, alloc->tensor) || writes_tensor(block, alloc->tensor))) {
        context.diagnostics.report(tensor.origin.logic_span, messages::private_temporary_shared,
                                   tensor.name, tensor.memory);
        fine = false;
      }
    }
    for (const Block* inner : tile::child_blocks(statement)) {
      fine &= check_private_temporaries(program, context, *inner);
    }
  }
  return fine;
}

}  // namespace

Result<Program> spread(Program program, const PassContext& context) {
  if (!Spreader(program, context.diagnostics).run()) return std::nullopt;
  if (!check_private_temporaries(program, context, program.body)) return std::nullopt;
  return program;
}

}  // namespace septran::passes
