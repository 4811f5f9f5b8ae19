#include "targets/cpu/row_nest.h"

#include <algorithm>

namespace septran::cpu {
namespace {

using tile::Tensor;
using tile::TileRef;
using tile::Vec;

}  // namespace

RowNest::RowNest(Emitter& emitter, const Streams& streams, const RowGroup& group,
                 std::string prefix)
    : prefix_(std::move(prefix)),
      column_(prefix_ + "j"),
      e_(emitter),
      out_(emitter.out()),
      vars_(emitter.vars()),
      streams_(streams),
      ends_here_(group.ends_here) {
  for (const tile::Statement* statement : group.calls) {
    calls_.emplace_back(emitter.program(), std::get<Vec>(statement->node));
  }
}

void RowNest::emit() {
  declare();
  vectors_ = unrolled();
  results_.emplace(e_, calls_, accesses_, vectors_, prefix_);
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
  at_.push_back(simple(column_));
  begin_row();
  results_->begin();
  columns();
  results_->end(at_);
  if (dims.size() > 1) results_->close_rows(at_);
  for (std::size_t d = 0; d + 2 < dims.size(); ++d) out_.close();
}

void RowNest::prepare(std::size_t vectors) {
  declare();
  vectors_ = vectors;
  results_.emplace(e_, calls_, accesses_, vectors_, prefix_);
  results_->one_by_one();
  at_ = {simple(prefix_ + "i0"), simple(column_)};
}

void RowNest::end_results() const {
  results_->end(at_);
  results_->restart();
}

std::string RowNest::columns_before_line() const {
  const auto leader = leading();
  if (!leader) return "0";
  const auto [c, o] = *leader;
  return fmt::format("to_line({0} + {1}, sizeof(*{0}))", accesses_[c][o].pointer,
                     offset(c, o, "0"));
}

void RowNest::part(const std::string& end) {
  out_.open("if ({} < {})", column_, end);
  out_.line("const int64_t rest = {} - {};", end, column_);
  body({column_, 0, true, 0});
  out_.line("{} = {};", column_, end);
  out_.close();
}

void RowNest::step() {
  const std::int64_t lanes = lanes_of(e_);
  for (std::size_t run = 0; run < vectors_; ++run) {
    const std::int64_t first = static_cast<std::int64_t>(run) * lanes;
    body({run == 0 ? column_ : fmt::format("({} + {})", column_, first), run, false,
          static_cast<std::int64_t>(vectors_) * lanes, true});
  }
  put_off_.write(out_);
}

void RowNest::remaining(const std::string& end) {
  const std::int64_t lanes = lanes_of(e_);
  out_.open("for (; {0} + {1} <= {2}; {0} += {1})", column_, lanes, end);
  body({column_, 0, false, lanes});
  out_.close();
  part(end);
}

void RowNest::declare() {
  for (std::size_t c = 0; c < calls_.size(); ++c) {
    const VecCall& call = calls_[c];
    std::vector<Access>& own = accesses_.emplace_back(call.primitive.operands.size());
    for (std::size_t o = 0; o < call.vec.operands.size(); ++o) {
      const TileRef* ref = call.tile(o);
      if (ref == nullptr) continue;
      auto at = std::find_if(tiles_.begin(), tiles_.end(),
                             [&](const Tile& tile) { return *tile.ref == *ref; });
      if (at == tiles_.end()) {
        const std::string pointer = fmt::format("{}t{}", prefix_, tiles_.size());
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

std::size_t RowNest::uses_here(tile::TensorId tensor) const {
  std::size_t uses = 0;
  for (const VecCall& call : calls_) {
    for (std::size_t o = 0; o < call.vec.operands.size(); ++o) {
      uses += call.tile(o) != nullptr && call.tile(o)->tensor == tensor ? 1U : 0U;
    }
  }
  return uses;
}

bool RowNest::is_far(tile::TensorId tensor) const {
  if (streams_.is_far(tensor)) return true;
  if (!streams_.is_far_but_for(tensor, uses_here(tensor))) return false;
  const TileRef* written = nullptr;
  for (const VecCall& call : calls_) {
    const std::size_t first = call.primitive.kind == PrimitiveKind::mask ? 0 : 1;
    for (std::size_t o = first; o < call.vec.operands.size(); ++o) {
      const TileRef* ref = call.tile(o);
      if (ref == nullptr || ref->tensor != tensor) continue;
      if (written == nullptr || *written != *ref) return false;
    }
    const TileRef* to = call.tile(0);
    if (to->tensor != tensor) continue;
    if (call.primitive.kind == PrimitiveKind::reduction) return false;
    if (written != nullptr && *written != *to) return false;
    written = to;
  }
  return true;
}

RowNest::Tile& RowNest::tile(const TileRef& ref) {
  return *std::find_if(tiles_.begin(), tiles_.end(),
                       [&](const Tile& tile) { return *tile.ref == ref; });
}

std::vector<Position> RowNest::position(const VecCall& call, std::size_t operand,
                                        const std::string& column) const {
  std::vector<Position> result;
  for (const std::size_t d : call.space.operand_dims[operand]) {
    result.push_back(d + 1 == at_.size() ? simple(column) : at_[d]);
  }
  return result;
}

std::string RowNest::offset(std::size_t c, std::size_t operand, const std::string& column) const {
  return Element(accesses_[c][operand], position(calls_[c], operand, column), vars_).offset();
}

std::string RowNest::row_value(std::size_t c, std::size_t operand) const {
  return fmt::format("{}row{}_{}", prefix_, c, operand);
}

void RowNest::begin_row() {
  for (std::size_t c = 0; c < calls_.size(); ++c) {
    const VecCall& call = calls_[c];
    for (std::size_t o = 1; o < call.vec.operands.size(); ++o) {
      if (call.tile(o) == nullptr || call.along(o)) continue;
      out_.line("const vector {} = all_v({});", row_value(c, o),
                load(accesses_[c][o], position(call, o, ""), DType::f32, vars_));
    }
    if (call.primitive.kind == PrimitiveKind::mask) begin_mask(c);
  }
}

void RowNest::begin_mask(std::size_t c) {
  const VecCall& call = calls_[c];
  const Expr ahead = vars_.simplify(expr_attribute(call.attributes, "col0") -
                                    expr_attribute(call.attributes, "row0"));
  const Position& row = at_[at_.size() - 2];
  out_.line("const int64_t middle{} = {} - {};", c, row.whole, factor(ahead, vars_));
  const double value = float_attribute(call.attributes, "value");
  out_.line("const vector value{} = all_v({});", c,
            converted(DType::f64, DType::f32, number(DType::f64, value)));
}

std::size_t RowNest::unrolled() const {
  std::int64_t least = calls_.size() <= 4 ? 4 : 2;
  for (const VecCall& call : calls_) {
    const Tensor& y = e_.program()[call.tile(0)->tensor];
    if (!is_far(call.tile(0)->tensor)) continue;
    least = std::max(
        least, line_bytes / (lanes_of(e_) * static_cast<std::int64_t>(size_bytes(y.storage))));
  }
  return static_cast<std::size_t>(least);
}

void RowNest::columns() {
  const std::int64_t lanes = lanes_of(e_);
  const Expr extent = vars_.simplify(calls_[0].space.dims.back().extent);
  const std::string end = to_c(extent, vars_);
  const auto known = extent.constant();
  const auto many = static_cast<std::int64_t>(vectors_) * lanes;
  out_.line("int64_t j = 0;");
  const bool headed = head(end);
  out_.open("for (; j + {0} <= {1}; j += {0})", many, end);
  prefetch(vectors_);
  step();
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

bool RowNest::head(const std::string& end) {
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

std::optional<std::pair<std::size_t, std::size_t>> RowNest::leading() const {
  for (const bool written : {true, false}) {
    for (std::size_t c = 0; c < calls_.size(); ++c) {
      for (std::size_t o = 0; o < calls_[c].vec.operands.size(); ++o) {
        const TileRef* ref = calls_[c].tile(o);
        if (ref == nullptr || (o == 0) != written || !calls_[c].along(o)) continue;
        const bool passes =
            written ? is_far(ref->tensor) : streams_.next(calls_[c].vec, o).has_value();
        if (passes) return std::pair(c, o);
      }
    }
  }
  return std::nullopt;
}

void RowNest::body(const Columns& columns) {
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

std::string RowNest::fresh() { return fmt::format("{}v{}", prefix_, next_++); }

std::string RowNest::value(std::size_t c, std::size_t operand, const Columns& columns) {
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

void RowNest::elementwise(std::size_t c, const Columns& columns) {
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

void RowNest::mask(std::size_t c, const Columns& columns) {
  const VecCall& call = calls_[c];
  const std::string old = value(c, 0, columns);
  const std::string at = fmt::format("positions({})", columns.first);
  std::string outside = fmt::format("{} > (int32_t)middle{}", at, c);
  if (call.primitive.name == "mask_window") {
    outside = fmt::format("({0} > (int32_t)(middle{1} + {2})) | ({0} < (int32_t)(middle{1} - {3}))",
                          at, c, factor(expr_attribute(call.attributes, "right"), vars_),
                          factor(expr_attribute(call.attributes, "left"), vars_));
  }
  write(c, columns, fmt::format("pick_v({}, value{}, {})", outside, c, old));
}

void RowNest::write(std::size_t c, const Columns& columns, std::string text) {
  Tile& of = tile(*calls_[c].tile(0));
  const Access& y = of.access;
  const std::string type(name(y.storage));
  const std::string result = fresh();
  const bool stores = of.last_writer == c;
  // Rounded when it is stored, if nothing here reads it.
  const bool later =
      columns.puts_off && stores && encoding(c, y.storage) == "v_to_bf16" && !is_read_after(c);
  if (y.storage == DType::f32 || later) {
    if (y.logical != DType::f32 && !later) {
      text = fmt::format("{}_to_v({}({}))", name(y.logical), encoding(c, y.logical), text);
    }
    out_.line("const vector {} = {};", result, text);
    of.value = result;
  } else {
    out_.line("const {}_codes {} = {}({});", type, result, encoding(c, y.storage), text);
    of.value = fmt::format("{}_to_v({})", type, result);
  }
  if (!stores) return;
  const std::string place = fmt::format("{} + {}", y.pointer, offset(c, 0, columns.first));
  const bool codes = y.storage != DType::f32 && !later;
  if (columns.part) {
    return out_.line("store_part_{}_{}({}, {}, rest);", type, codes ? "codes" : "v", place, result);
  }
  // A line that is written in two halves would go past the caches twice.
  const bool lines =
      columns.all * static_cast<std::int64_t>(size_bytes(y.storage)) % line_bytes == 0;
  const RowStore store{place, result, type, codes, is_far(of.ref->tensor) && lines};
  if (!columns.puts_off) return out_.line("{}", store_text(store));
  put_off_.add(store);
}

bool RowNest::is_read_after(std::size_t c) const {
  return std::any_of(calls_.begin() + static_cast<std::ptrdiff_t>(c) + 1, calls_.end(),
                     [&](const VecCall& call) {
                       for (std::size_t o = 1; o < call.vec.operands.size(); ++o) {
                         const TileRef* ref = call.tile(o);
                         if (ref != nullptr && *ref == *calls_[c].tile(0)) return true;
                       }
                       return false;
                     });
}

std::string RowNest::encoding(std::size_t c, DType type) const {
  const std::string what = operation(calls_[c]);
  const bool flushes = type == DType::bf16 && (what == "exp" || what == "exp2");
  return fmt::format("v_to_{}{}", name(type), flushes ? "_normal" : "");
}

}  // namespace septran::cpu
