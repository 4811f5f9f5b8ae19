#include "targets/cpu/rows.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include "targets/cpu/row_results.h"
#include "targets/cpu/vec_call.h"

namespace septran::cpu {
namespace {

using tile::Statement;
using tile::Tensor;
using tile::TileRef;
using tile::Vec;

constexpr std::int64_t line_bytes = 64;

/// Columns that the text below works on.
struct Columns {
  std::string first;     // C expression
  std::size_t run = 0;   // which of the results side by side they are added to
  bool part = false;     // only `rest` of them are there
  std::int64_t all = 0;  // in one step of the loop
};

class RowNest {
 public:
  RowNest(Emitter& emitter, const Streams& streams, const RowGroup& group)
      : e_(emitter),
        out_(emitter.out()),
        vars_(emitter.vars()),
        streams_(streams),
        ends_here_(group.ends_here) {
    for (const Statement* statement : group.calls) {
      calls_.emplace_back(emitter.program(), std::get<Vec>(statement->node));
    }
  }

  void emit() {
    declare();
    results_.emplace(e_, calls_, accesses_, unrolled());
    const std::vector<IterationDim>& dims = calls_[0].space.dims;
    for (std::size_t d = 0; d + 1 < dims.size(); ++d) {
      at_.push_back(simple(fmt::format("i{}", d)));
      if (d + 2 == dims.size()) {
        results_->open_rows(at_[d].whole);
      } else {
        out_.open("for (int64_t {0} = 0; {0} < {1}; ++{0})", at_[d].whole,
                  to_c(vars_.simplify(dims[d].extent), vars_));
      }
    }
    at_.push_back(simple("j"));
    begin_row();
    columns();
    results_->end(at_);
    if (dims.size() > 1) results_->close_rows(at_);
    for (std::size_t d = 0; d + 2 < dims.size(); ++d) out_.close();
  }

 private:
  /// Pointers to all tiles, and which store of a tile is the last.
  void declare() {
    for (std::size_t c = 0; c < calls_.size(); ++c) {
      const VecCall& call = calls_[c];
      std::vector<Access>& own = accesses_.emplace_back(call.primitive.operands.size());
      for (std::size_t o = 0; o < call.vec.operands.size(); ++o) {
        const TileRef* ref = call.tile(o);
        if (ref == nullptr) continue;
        auto at = std::find_if(tiles_.begin(), tiles_.end(),
                               [&](const Tile& tile) { return *tile.ref == *ref; });
        if (at == tiles_.end()) {
          const std::string pointer = fmt::format("t{}", tiles_.size());
          at = tiles_.insert(at, {ref, e_.declare(*ref, pointer), "", SIZE_MAX});
        }
        own[o] = at->access;
        if (o == 0) at->last_writer = c;
      }
    }
    for (Tile& tile : tiles_) {
      const bool only_here = streams_.uses(tile.ref->tensor) == uses_here(tile.ref->tensor);
      if (only_here || ends_here_.contains(tile.ref->tensor.value)) tile.last_writer = SIZE_MAX;
    }
  }
  /// How many operands of these calls are tiles of the tensor.
  [[nodiscard]] std::size_t uses_here(tile::TensorId tensor) const {
    std::size_t uses = 0;
    for (const VecCall& call : calls_) {
      for (std::size_t o = 0; o < call.vec.operands.size(); ++o) {
        uses += call.tile(o) != nullptr && call.tile(o)->tensor == tensor ? 1U : 0U;
      }
    }
    return uses;
  }

  struct Tile {
    const TileRef* ref;
    Access access;
    std::string value;        // the C variable that has the current columns, if any
    std::size_t last_writer;  // index of a call; none where its elements are used here only
  };
  Tile& tile(const TileRef& ref) {
    return *std::find_if(tiles_.begin(), tiles_.end(),
                         [&](const Tile& tile) { return *tile.ref == ref; });
  }

  [[nodiscard]] std::vector<Position> position(const VecCall& call, std::size_t operand,
                                               const std::string& column) const {
    std::vector<Position> result;
    for (const std::size_t d : call.space.operand_dims[operand]) {
      result.push_back(d + 1 == at_.size() ? simple(column) : at_[d]);
    }
    return result;
  }
  [[nodiscard]] std::string offset(std::size_t c, std::size_t operand,
                                   const std::string& column) const {
    return Element(accesses_[c][operand], position(calls_[c], operand, column), vars_).offset();
  }

  static std::string row_value(std::size_t c, std::size_t operand) {
    return fmt::format("row{}_{}", c, operand);
  }

  /// What is the same for all columns, and the results to begin with.
  void begin_row() {
    for (std::size_t c = 0; c < calls_.size(); ++c) {
      const VecCall& call = calls_[c];
      for (std::size_t o = 1; o < call.vec.operands.size(); ++o) {
        if (call.tile(o) == nullptr || call.along(o)) continue;
        out_.line("const vector {} = all_v({});", row_value(c, o),
                  load(accesses_[c][o], position(call, o, ""), DType::f32, vars_));
      }
      if (call.primitive.kind == PrimitiveKind::mask) begin_mask(c);
    }
    results_->begin();
  }

  /// Row r keeps columns r - ahead - left to r - ahead + right.
  void begin_mask(std::size_t c) {
    const VecCall& call = calls_[c];
    const Expr ahead = vars_.simplify(expr_attribute(call.attributes, "col0") -
                                      expr_attribute(call.attributes, "row0"));
    const Position& row = at_[at_.size() - 2];
    out_.line("const int64_t middle{} = {} - {};", c, row.whole, factor(ahead, vars_));
    const double value = float_attribute(call.attributes, "value");
    out_.line("const vector value{} = all_v({});", c,
              converted(DType::f64, DType::f32, number(DType::f64, value)));
  }

  /// Vectors side by side in one step: whole lines of what goes past the caches.
  [[nodiscard]] std::size_t unrolled() const {
    std::int64_t least = calls_.size() <= 4 ? 4 : 2;
    for (const VecCall& call : calls_) {
      const Tensor& y = e_.program()[call.tile(0)->tensor];
      if (!streams_.is_far(call.tile(0)->tensor)) continue;
      least = std::max(
          least, line_bytes / (lanes_of(e_) * static_cast<std::int64_t>(size_bytes(y.storage))));
    }
    return static_cast<std::size_t>(least);
  }

  void columns() {
    const std::int64_t lanes = lanes_of(e_);
    const Expr extent = vars_.simplify(calls_[0].space.dims.back().extent);
    const std::string end = to_c(extent, vars_);
    const auto known = extent.constant();
    const auto many = static_cast<std::int64_t>(unrolled()) * lanes;
    out_.line("int64_t j = 0;");
    const bool headed = head(end);
    out_.open("for (; j + {0} <= {1}; j += {0})", many, end);
    prefetch(unrolled());
    for (std::size_t run = 0; run < unrolled(); ++run) {
      const auto first = static_cast<std::int64_t>(run) * lanes;
      body({run == 0 ? "j" : fmt::format("(j + {})", first), run, false, many});
    }
    out_.close();
    if (headed || !known || *known % many >= lanes) {
      out_.open("for (; j + {0} <= {1}; j += {0})", lanes, end);
      prefetch(1);
      body({"j", 0, false, lanes});
      out_.close();
    }
    if (!headed && known && *known % lanes == 0) return;
    out_.open("if (j < {})", end);
    out_.line("const int64_t rest = {} - j;", factor(extent, vars_));
    body({"j", 0, true, 0});
    out_.close();
  }

  /// Takes the columns that lie before a whole line by themselves, of a tile that goes past the
  /// caches or comes from behind them. Whether there is such a tile.
  bool head(const std::string& end) {
    const auto leader = leading();
    if (!leader) return false;
    const auto [c, o] = *leader;
    out_.line("const int64_t head = min(to_line({0} + {1}, sizeof(*{0})), {2});",
              accesses_[c][o].pointer, offset(c, o, "0"), end);
    out_.open("while (j < head)");
    out_.line("const int64_t rest = min(head - j, {});", lanes_of(e_));
    body({"j", 0, true, 0});
    out_.line("j += rest;");
    out_.close();
    return true;
  }
  /// That tile, as call and operand: one that is written before one that is read.
  [[nodiscard]] std::optional<std::pair<std::size_t, std::size_t>> leading() const {
    for (const bool written : {true, false}) {
      for (std::size_t c = 0; c < calls_.size(); ++c) {
        for (std::size_t o = 0; o < calls_[c].vec.operands.size(); ++o) {
          const TileRef* ref = calls_[c].tile(o);
          if (ref == nullptr || (o == 0) != written || !calls_[c].along(o)) continue;
          const bool passes =
              written ? streams_.is_far(ref->tensor) : streams_.next(calls_[c].vec, o).has_value();
          if (passes) return std::pair(c, o);
        }
      }
    }
    return std::nullopt;
  }

  void body(const Columns& columns) {
    for (Tile& tile : tiles_) tile.value.clear();
    for (std::size_t c = 0; c < calls_.size(); ++c) {
      const VecCall& call = calls_[c];
      if (call.primitive.kind == PrimitiveKind::mask) {
        mask(c, columns);
      } else if (call.primitive.kind == PrimitiveKind::reduction) {
        results_->add(c, columns.run, value(c, 1, columns), columns.part);
      } else {
        elementwise(c, columns);
      }
    }
  }

  std::string fresh() { return fmt::format("v{}", next_++); }

  /// The C variable or expression that has an operand's columns.
  std::string value(std::size_t c, std::size_t operand, const Columns& columns) {
    const VecCall& call = calls_[c];
    if (const double* scalar = call.scalar(operand)) {
      return fmt::format("all_v({})", number(DType::f32, *scalar));
    }
    const TileRef* ref = call.tile(operand);
    if (ref == nullptr) return "all_v(0.0f)";
    if (!call.along(operand)) return row_value(c, operand);
    Tile& of = tile(*ref);
    if (!of.value.empty()) return of.value;
    of.value = fresh();
    const std::string at =
        fmt::format("{} + {}", of.access.pointer, offset(c, operand, columns.first));
    out_.line("const vector {} = {}_{}_v({}{});", of.value, columns.part ? "part" : "load",
              name(of.access.storage), at, columns.part ? ", rest" : "");
    return of.value;
  }

  /// Asks for what the next trip of the loop around will read, all that belongs to one step of
  /// `vectors` at once: requests that stand together are served faster.
  void prefetch(std::size_t vectors) {
    for (std::size_t c = 0; c < calls_.size(); ++c) {
      for (std::size_t o = 1; o < calls_[c].vec.operands.size(); ++o) prefetch(c, o, vectors);
    }
  }
  /// Of this reader's part of the columns, as many as the columns at hand are of all.
  void prefetch(std::size_t c, std::size_t operand, std::size_t vectors) {
    const auto next = streams_.next(calls_[c].vec, operand);
    if (!next || !calls_[c].along(operand) || next->end == next->begin) return;
    const auto share = static_cast<std::size_t>(next->end - next->begin);
    const std::size_t fetches = (vectors * share + NextTrip::all - 1) / NextTrip::all;
    const std::string end = factor(vars_.simplify(calls_[c].space.dims.back().extent), vars_);
    const std::string step =
        next->workers > 0 ? fmt::format(" * min({}, workers)", next->workers) : "";
    for (std::size_t fetch = 0; fetch < fetches; ++fetch) {
      std::string column = "j";
      if (share < NextTrip::all) {
        column = fmt::format("({} * {} + {} * j) / {}", next->begin, end, share, NextTrip::all);
      }
      if (fetch > 0)
        column += fmt::format(" + {}", static_cast<std::int64_t>(fetch) * lanes_of(e_));
      out_.line("__builtin_prefetch({} + {} + {}{});", accesses_[c][operand].pointer,
                offset(c, operand, "(" + column + ")"), next->elements, step);
    }
  }

  void elementwise(std::size_t c, const Columns& columns) {
    const VecCall& call = calls_[c];
    std::vector<std::string> arguments;
    for (std::size_t o = 1; o < call.primitive.operands.size(); ++o) {
      arguments.push_back(value(c, o, columns));
    }
    if (call.primitive.name == "clamp") {
      for (const char* bound : {"low", "high"}) {
        arguments.push_back(
            fmt::format("all_v({})", number(DType::f32, float_attribute(call.attributes, bound))));
      }
    }
    write(c, columns,
          call.primitive.kind == PrimitiveKind::copy
              ? arguments[0]
              : fmt::format("{}_v({})", operation(call), fmt::join(arguments, ", ")));
  }

  void mask(std::size_t c, const Columns& columns) {
    const VecCall& call = calls_[c];
    const std::string old = value(c, 0, columns);
    const std::string at = fmt::format("positions({})", columns.first);
    std::string outside = fmt::format("{} > (int32_t)middle{}", at, c);
    if (call.primitive.name == "mask_window") {
      outside =
          fmt::format("({0} > (int32_t)(middle{1} + {2})) | ({0} < (int32_t)(middle{1} - {3}))", at,
                      c, factor(expr_attribute(call.attributes, "right"), vars_),
                      factor(expr_attribute(call.attributes, "left"), vars_));
    }
    write(c, columns, fmt::format("pick_v({}, value{}, {})", outside, c, old));
  }

  void write(std::size_t c, const Columns& columns, std::string text) {
    Tile& of = tile(*calls_[c].tile(0));
    const Access& y = of.access;
    const std::string type(name(y.storage));
    const std::string result = fresh();
    if (y.storage == DType::f32) {
      if (y.logical != y.storage) {
        text = fmt::format("{}_to_v({}({}))", name(y.logical), encoding(c, y.logical), text);
      }
      out_.line("const vector {} = {};", result, text);
      of.value = result;
    } else {
      out_.line("const {}_codes {} = {}({});", type, result, encoding(c, y.storage), text);
      of.value = fmt::format("{}_to_v({})", type, result);
    }
    if (of.last_writer != c) return;
    const std::string place = fmt::format("{} + {}", y.pointer, offset(c, 0, columns.first));
    // A line that is written in two halves would go past the caches twice.
    const bool lines =
        columns.all * static_cast<std::int64_t>(size_bytes(y.storage)) % line_bytes == 0;
    const bool far = streams_.is_far(of.ref->tensor) && !columns.part && lines;
    const char* how = columns.part ? "part_" : far ? "far_" : "";
    out_.line("store_{}{}_{}({}, {}{});", how, type, y.storage == DType::f32 ? "v" : "codes", place,
              result, columns.part ? ", rest" : "");
  }

  /// The function that rounds what a call makes. Exponentials smaller than the least normal number
  /// may become 0, as instructions that round to bf16 make them.
  [[nodiscard]] std::string encoding(std::size_t c, DType type) const {
    const std::string what = operation(calls_[c]);
    const bool flushes = type == DType::bf16 && (what == "exp" || what == "exp2");
    return fmt::format("v_to_{}{}", name(type), flushes ? "_normal" : "");
  }

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
  int next_ = 0;
};

}  // namespace

void emit_rows(Emitter& emitter, const Streams& streams, const RowGroup& group) {
  RowNest(emitter, streams, group).emit();
}

}  // namespace septran::cpu
