// What a nest over rows finds for each row: its sum, its largest or its smallest element.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "targets/cpu/emitter.h"
#include "targets/cpu/vec_call.h"

namespace septran::cpu {

/// The function that a call applies, by the first part of its name; of a reduction, the one that
/// joins two elements.
std::string operation(const VecCall& call);

/// The reductions among the calls of a nest. Each has several results side by side while it goes
/// along a row. Where rows are short and many, the results of as many rows as a vector has lanes
/// are put aside and become one vector: to join the lanes of each row takes a good part of the time
/// that the row takes.
class RowResults {
 public:
  /// `accesses` by call and operand; `runs`: results side by side; `prefix`: of the C variables.
  RowResults(Emitter& emitter, const std::vector<VecCall>& calls,
             const std::vector<std::vector<Access>>& accesses, std::size_t runs,
             std::string prefix);

  /// Stores each row's results at once, where rows do not come in a loop of their own.
  void one_by_one() { gathered_.clear(); }

  /// Opens the loop over the rows: the dimension before the last, with variable `row`.
  void open_rows(const std::string& row);
  void close_rows(const std::vector<Position>& at);
  /// Before a row's first columns.
  void begin() const;
  /// Before those of another row.
  void restart() const;
  /// Takes in a vector of columns, of which only `rest` are there if it is a part.
  void add(std::size_t call, std::size_t run, std::string x, bool part) const;
  /// After a row's last columns; `at`: positions along all dimensions.
  void end(const std::vector<Position>& at) const;

 private:
  [[nodiscard]] bool can_gather(const VecCall& call, const Access& result) const;
  [[nodiscard]] bool is_gathered(std::size_t call) const;
  [[nodiscard]] std::vector<Position> position(std::size_t call,
                                               const std::vector<Position>& at) const;
  void store_row(std::size_t call, const std::vector<Position>& at, const std::string& all) const;
  void store_rows(std::vector<Position> at) const;

  [[nodiscard]] std::string run_name(std::size_t call, std::size_t run) const;

  const std::string prefix_;
  Writer& out_;
  const VarTable& vars_;
  const std::vector<VecCall>& calls_;
  const std::vector<std::vector<Access>>& accesses_;
  std::size_t runs_;
  std::int64_t lanes_;
  std::vector<std::size_t> reductions_;  // calls
  std::vector<std::size_t> gathered_;    // those of them that put rows aside
};

}  // namespace septran::cpu
