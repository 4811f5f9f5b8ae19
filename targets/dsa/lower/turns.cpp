#include "targets/dsa/lower/turns.h"

#include <algorithm>
#include <set>
#include <vector>

#include "compiler/tile/visit.h"

namespace septran::dsa {
namespace {

using tile::Block;
using tile::Program;
using tile::Statement;
using tile::TensorId;

class Finder {
 public:
  explicit Finder(const Program& program) : program_(program) {
    tile::for_each_statement(program.body, [&](const Statement& statement) {
      const auto* alloc = std::get_if<tile::Alloc>(&statement.node);
      if (alloc != nullptr) ++allocs_[alloc->tensor];
    });
  }

  std::map<TensorId, TensorId> run() {
    walk(program_.body);
    return std::move(leaders_);
  }

 private:
  /// The first ring of some depth in a block, and what has been used since it moved on.
  struct Group {
    int depth = 0;
    TensorId leader;
    std::set<TensorId> used;
  };

  void walk(const Block& block) {
    std::vector<Group> groups;
    for (const Statement& statement : block) {
      if (const auto* alloc = std::get_if<tile::Alloc>(&statement.node)) {
        join(groups, alloc->tensor);
        continue;
      }
      if (!groups.empty()) {
        tile::for_each_statement(statement, [&](const Statement& inner) {
          for (const auto& use : tile::operands(inner)) {
            for (Group& group : groups) group.used.insert(use.tile->tensor);
          }
        });
      }
      for (const Block* inner : tile::child_blocks(statement)) walk(*inner);
    }
  }

  void join(std::vector<Group>& groups, TensorId id) {
    const tile::Tensor& tensor = program_[id];
    if (tensor.depth <= 1) return;
    leaders_[id] = id;
    if (allocs_[id] > 1) return;
    const auto group = std::find_if(groups.begin(), groups.end(), [&](const Group& g) {
      return g.depth == tensor.depth && !g.used.contains(id);
    });
    if (group == groups.end()) {
      groups.push_back({tensor.depth, id, {}});
    } else {
      leaders_[id] = group->leader;
    }
  }

  const Program& program_;
  std::map<TensorId, int> allocs_;
  std::map<TensorId, TensorId> leaders_;
};

}  // namespace

std::map<TensorId, TensorId> rings_in_step(const Program& program) { return Finder(program).run(); }

}  // namespace septran::dsa
