// The loops over rows and vectors of columns that a group of calls shares.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "targets/cpu/emitter.h"
#include "targets/cpu/row_groups.h"
#include "targets/cpu/row_results.h"
#include "targets/cpu/row_stores.h"
#include "targets/cpu/streams.h"
#include "targets/cpu/vec_call.h"

namespace septran::cpu {

class RowNest {
 public:
  /// `prefix`: of the C variables, where another nest stands in the same block.
  RowNest(Emitter& emitter, const Streams& streams, const RowGroup& group, std::string prefix = "");

  /// The whole nest.
  void emit();

  // Parts of a nest over rows and columns, for a loop that goes through two of them. Its variables
  // are the prefix with i0, the row, and with j, the column.

  /// Pointers, and what is found for rows; `vectors` of columns are taken side by side.
  void prepare(std::size_t vectors);
  /// What is the same for all columns of a row but the results to begin with.
  void begin_row();
  void begin_results() const { results_->begin(); }
  /// Ends a row's results and begins those of the next one.
  void end_results() const;
  /// C expression of the columns before the first whole line of what the row's calls store.
  [[nodiscard]] std::string columns_before_line() const;
  /// Columns up to a C expression, fewer than a vector.
  void part(const std::string& end);
  /// The vectors side by side.
  void step();
  /// Columns up to a C expression, vector by vector.
  void remaining(const std::string& end);
  /// Asks for what the calls read further on in the rows, as they lie in memory.
  void fetch_ahead();

 private:
  /// Columns that the text below works on.
  struct Columns {
    std::string first;      // C expression
    std::size_t run = 0;    // which of the results side by side they are added to
    bool part = false;      // only `rest` of them are there
    std::int64_t all = 0;   // in one step of the loop
    bool puts_off = false;  // stores wait for the step's end
  };

  /// Pointers to all tiles, and which store of a tile is the last.
  void declare();
  /// How many operands of these calls are tiles of the tensor.
  [[nodiscard]] std::size_t uses_here(tile::TensorId tensor) const;

  /// Whether what these calls make of a tensor goes past the caches: nothing reads it, or only
  /// calls here that have it from those before them.
  [[nodiscard]] bool is_far(tile::TensorId tensor) const;

  struct Tile {
    const tile::TileRef* ref;
    Access access;
    std::string value;        // the C variable that has the current columns, if any
    std::size_t last_writer;  // index of a call; none where its elements are used here only
  };
  Tile& tile(const tile::TileRef& ref);

  [[nodiscard]] std::vector<Position> position(const VecCall& call, std::size_t operand,
                                               const std::string& column) const;
  [[nodiscard]] std::string offset(std::size_t c, std::size_t operand,
                                   const std::string& column) const;

  [[nodiscard]] std::string row_value(std::size_t c, std::size_t operand) const;

  /// Row r keeps columns r - ahead - left to r - ahead + right.
  void begin_mask(std::size_t c);

  /// Vectors side by side in one step: whole lines of what goes past the caches.
  [[nodiscard]] std::size_t unrolled() const;

  void columns();

  /// Takes the columns that lie before a whole line by themselves, of a tile that goes past the
  /// caches or comes from behind them. Whether there is such a tile.
  bool head(const std::string& end);
  /// That tile, as call and operand: one that is written before one that is read.
  [[nodiscard]] std::optional<std::pair<std::size_t, std::size_t>> leading() const;

  void body(const Columns& columns);

  std::string fresh();
  /// The C variable or expression that has an operand's columns.
  std::string value(std::size_t c, std::size_t operand, const Columns& columns);

  /// Asks for what the next trip of the loop around will read, all that belongs to one step of
  /// `vectors` at once: requests that stand together are served faster.
  void prefetch(std::size_t vectors);
  /// Of this reader's part of the columns, as many as the columns at hand are of all.
  void prefetch(std::size_t c, std::size_t operand, std::size_t vectors);
  /// How many columns ahead a reader fetches that goes through its row alone and in order; 0 where
  /// it fetches from the next trip's row what lies where it reads.
  [[nodiscard]] std::int64_t columns_ahead(std::size_t c, std::size_t operand) const;

  void elementwise(std::size_t c, const Columns& columns);

  void mask(std::size_t c, const Columns& columns);

  void write(std::size_t c, const Columns& columns, std::string text);
  /// Whether one of the calls behind this one uses what it makes.
  [[nodiscard]] bool is_read_after(std::size_t c) const;

  /// The function that rounds what a call makes. Exponentials smaller than the least normal number
  /// may become 0, as instructions that round to bf16 make them.
  [[nodiscard]] std::string encoding(std::size_t c, DType type) const;

  const std::string prefix_;  // of C variables
  const std::string column_;  // the C variable of the column
  Emitter& e_;
  Writer& out_;
  const VarTable& vars_;
  const Streams& streams_;
  const std::set<std::uint32_t>& ends_here_;  // tensors that nothing reads afterwards
  std::vector<VecCall> calls_;
  std::vector<std::vector<Access>> accesses_;  // by call and operand
  std::vector<Tile> tiles_;
  std::vector<Position> at_;
  std::optional<RowResults> results_;
  std::size_t vectors_ = 1;  // side by side
  RowStores put_off_;
  int next_ = 0;
};

}  // namespace septran::cpu
