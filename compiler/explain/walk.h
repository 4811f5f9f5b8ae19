// The operations of a program with what stands around them, and sums over their runs.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "compiler/explain/explain.h"
#include "compiler/tile/visit.h"

namespace septran::explain {

/// A statement with the loops and conditions around it, outermost first.
struct Site {
  const tile::Statement* statement = nullptr;
  std::vector<const tile::Statement*> around;
  std::vector<bool> in_then;           // of an `if` around: in which branch
  const tile::Block* block = nullptr;  // in which it stands
  std::size_t index = 0;               // its place there
  int processors = 1;                  // that run it whenever it is reached

  template <typename T>
  [[nodiscard]] const T* as() const {
    return std::get_if<T>(&statement->node);
  }
};

/// Every statement, in program order. What stands outside of workers' shares is run by all the
/// processors.
std::vector<Site> collect_sites(const tile::Program& program, int processors = 1);

/// A loop that repeats something: not one that only names a value.
const tile::Loop* real_loop(const tile::Program& program, const tile::Statement& statement);
/// The innermost real loop around a site; null if there is none.
const tile::Statement* innermost_loop(const tile::Program& program, const Site& site);

/// Values of loop variables.
using Values = std::map<VarId, std::int64_t>;
std::int64_t evaluate(const Expr& e, const Values& values);

/// The sum of `value` over all runs of a site on all processors. `value` may use only the variables
/// in `used`. Where there are too many runs to look at, an upper bound: the greatest number of runs
/// times `at_most`.
Count sum_over_runs(const tile::Program& program, const Site& site, const std::vector<VarId>& used,
                    const std::function<std::int64_t(const Values&)>& value, std::int64_t at_most);
Count count_runs(const tile::Program& program, const Site& site);
/// Bytes of the tile over all runs, in elements of this type; at most where some lie outside the
/// tensor and read as zero.
Count count_bytes(const tile::Program& program, const Site& site, const View& view, DType dtype);
/// Elements of a view at most.
std::int64_t most_elements(const tile::Program& program, const View& view);

/// The variables that the expressions of a view depend on, values resolved to what they are made
/// of.
std::vector<VarId> dependent_vars(const tile::Program& program, const View& view);

Place place_of(const tile::Origin& origin);

/// "loop k", or "parallel loop i, j" for a worker's share of one, by the variables that the logic
/// has.
std::string loop_title(const tile::Program& program, const tile::Loop& loop);
/// The same for the loop of a variable's name.
std::string loop_title(const tile::Program& program, const std::vector<Site>& sites,
                       const std::string& var);
/// "12,582,912".
std::string grouped(std::int64_t number);

}  // namespace septran::explain
