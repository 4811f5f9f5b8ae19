// insert_barriers: where what one processor wrote to GLOBAL is used by another, or the reverse,
// after the parallel loop, a barrier stands between: engines that touched it arrive, engines that
// will touch it wait. Where nothing crosses, there is none.
#include <algorithm>
#include <set>

#include "compiler/passes/rewrite.h"

namespace septran::passes {
namespace {

using tile::Block;
using tile::Program;
using tile::Statement;

struct GlobalUse {
  tile::TensorId tensor;
  std::string engine;
  bool writes = false;
};

class BarrierInserter {
 public:
  BarrierInserter(Program& program, const Machine& machine)
      : program_(program), machine_(machine) {}
  void run() {
    find_private(program_.body, false);
    process(program_.body, false);
  }

 private:
  void find_private(const Block& block, bool in_share);
  std::vector<GlobalUse> uses(const Statement& statement) const;
  void process(Block& block, bool repeats);

  Program& program_;
  const Machine& machine_;
  std::set<tile::TensorId> private_;  // temporaries that each processor has a copy of
};

bool is_share(const Statement& statement) {
  const auto* loop = std::get_if<tile::Loop>(&statement.node);
  return loop != nullptr && loop->workers > 0;
}

void BarrierInserter::find_private(const Block& block, bool in_share) {
  for (const Statement& statement : block) {
    const auto* alloc = std::get_if<tile::Alloc>(&statement.node);
    if (alloc != nullptr && in_share) private_.insert(alloc->tensor);
    for (const Block* inner : tile::child_blocks(statement)) {
      find_private(*inner, in_share || is_share(statement));
    }
  }
}

std::vector<GlobalUse> BarrierInserter::uses(const Statement& statement) const {
  std::vector<GlobalUse> out;
  const auto add = [&](const Statement& s) {
    for (const auto& use : tile::operands(s)) {
      const MemorySpec* memory = machine_.find_memory(program_[use.tile->tensor].memory);
      if (memory != nullptr && memory->is_private) continue;
      if (private_.contains(use.tile->tensor)) continue;
      out.push_back({use.tile->tensor, s.engine, writes(use.access)});
    }
  };
  tile::for_each_statement(statement, add);
  return out;
}

/// Engines of `earlier` that must have finished before engines of `later` go on.
void conflicts(const std::vector<GlobalUse>& earlier, const std::vector<GlobalUse>& later,
               std::set<std::pair<std::string, std::string>>& out) {
  for (const GlobalUse& a : earlier) {
    for (const GlobalUse& b : later) {
      if (a.tensor == b.tensor && (a.writes || b.writes)) out.emplace(a.engine, b.engine);
    }
  }
}

Statement make_barrier(const std::set<std::pair<std::string, std::string>>& pairs) {
  std::set<std::string> arrive;
  std::set<std::string> wait;
  for (const auto& [a, b] : pairs) {
    arrive.insert(a);
    wait.insert(b);
  }
  Statement statement{
      tile::Barrier{{arrive.begin(), arrive.end()}, {wait.begin(), wait.end()}}, "", {}};
  statement.origin.rule = "end of a parallel loop";
  return statement;
}

void BarrierInserter::process(Block& block, bool repeats) {
  std::vector<std::vector<GlobalUse>> all;
  for (Statement& statement : block) {
    if (!is_share(statement)) {
      const bool loops = std::holds_alternative<tile::Loop>(statement.node);
      for (Block* inner : tile::child_blocks(statement)) process(*inner, loops);
    }
    all.push_back(uses(statement));
  }
  Block out;
  std::size_t since = 0;  // statements from here on are not behind a barrier yet
  for (std::size_t j = 0; j < block.size(); ++j) {
    std::set<std::pair<std::string, std::string>> pairs;
    for (std::size_t i = since; i < j; ++i) conflicts(all[i], all[j], pairs);
    if (!pairs.empty()) {
      // All that is to come waits here too, so that one barrier serves every later statement.
      for (std::size_t i = since; i < j; ++i) {
        for (std::size_t later = j + 1; later < block.size(); ++later) {
          conflicts(all[i], all[later], pairs);
        }
      }
      out.push_back(make_barrier(pairs));
      since = j;
    }
    out.push_back(std::move(block[j]));
  }
  if (repeats) {
    std::set<std::pair<std::string, std::string>> pairs;
    for (std::size_t i = since; i < all.size(); ++i) {
      for (const auto& first : all) conflicts(all[i], first, pairs);
    }
    if (since > 0) {  // what stands before a barrier is ordered by it, if its engines match
      for (std::size_t i = 0; i < since; ++i) {
        for (std::size_t j = 0; j <= std::min(i, since - 1); ++j) conflicts(all[i], all[j], pairs);
      }
    }
    if (!pairs.empty()) out.push_back(make_barrier(pairs));
  }
  block = std::move(out);
}

}  // namespace

Result<Program> insert_barriers(Program program, const PassContext& context) {
  BarrierInserter(program, context.machine).run();
  return program;
}

}  // namespace septran::passes
