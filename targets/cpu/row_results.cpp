#include "targets/cpu/row_results.h"

#include <algorithm>
#include <limits>

#include "targets/cpu/row_groups.h"

namespace septran::cpu {
namespace {

constexpr std::int64_t short_row = 64;  // vectors

double neutral(const VecCall& call) {
  const std::string what = operation(call);
  const double infinity = std::numeric_limits<double>::infinity();
  return what == "add" ? 0 : what == "max" ? -infinity : infinity;
}

}  // namespace

std::string operation(const VecCall& call) {
  const std::string& name = call.primitive.name;
  if (call.primitive.kind == PrimitiveKind::reduction) {
    const std::string what = name.substr(std::string("reduce_").size());
    return what == "sum" ? "add" : what;
  }
  if (name == "gelu" && choice_attribute(call.attributes, "approximate") == "tanh") {
    return "gelu_tanh";
  }
  return name;
}

RowResults::RowResults(Emitter& emitter, const std::vector<VecCall>& calls,
                       const std::vector<std::vector<Access>>& accesses, std::size_t runs,
                       std::string prefix)
    : prefix_(std::move(prefix)),
      out_(emitter.out()),
      vars_(emitter.vars()),
      calls_(calls),
      accesses_(accesses),
      runs_(runs),
      lanes_(lanes_of(emitter)) {
  for (std::size_t c = 0; c < calls.size(); ++c) {
    if (calls[c].primitive.kind != PrimitiveKind::reduction) continue;
    reductions_.push_back(c);
    if (can_gather(calls[c], accesses[c][0])) gathered_.push_back(c);
  }
}

/// Whether there may be as many short rows as lanes, whose results lie side by side.
bool RowResults::can_gather(const VecCall& call, const Access& result) const {
  const auto& dims = call.space.dims;
  if (dims.size() < 2 || result.storage != DType::f32 || result.logical != DType::f32) return false;
  const std::size_t rows = dims.size() - 2;
  if (vars_.range(dims[rows].extent).hi < lanes_) return false;
  if (vars_.range(dims.back().extent).hi > short_row * lanes_) return false;
  const auto& own = call.space.operand_dims[0];
  const auto at = std::find(own.begin(), own.end(), rows);
  const auto dim = static_cast<std::size_t>(at - own.begin());
  return at != own.end() && result.is_linear(dim) && result.stride(dim) == 1;
}

bool RowResults::is_gathered(std::size_t call) const {
  return std::find(gathered_.begin(), gathered_.end(), call) != gathered_.end();
}

std::vector<Position> RowResults::position(std::size_t call,
                                           const std::vector<Position>& at) const {
  std::vector<Position> result;
  for (const std::size_t d : calls_[call].space.operand_dims[0]) result.push_back(at[d]);
  return result;
}

void RowResults::open_rows(const std::string& row) {
  const auto& dims = calls_[0].space.dims;
  const Expr extent = vars_.simplify(dims[dims.size() - 2].extent);
  if (gathered_.empty()) {
    out_.open("for (int64_t {0} = 0; {0} < {1}; ++{0})", row, to_c(extent, vars_));
    return;
  }
  out_.open("for (int64_t first = 0; first < {}; first += {})", to_c(extent, vars_), lanes_);
  out_.line("const int64_t rows = min({}, {} - first);", lanes_, factor(extent, vars_));
  for (const std::size_t c : gathered_) out_.line("vector rows{}[{}];", c, lanes_);
  out_.open("for (int64_t {0} = first; {0} < first + rows; ++{0})", row);
}

void RowResults::close_rows(const std::vector<Position>& at) {
  out_.close();
  if (gathered_.empty()) return;
  store_rows(at);
  out_.close();
}

void RowResults::begin() const {
  for (const std::size_t c : reductions_) {
    for (std::size_t run = 0; run < runs_; ++run) {
      out_.line("vector {} = all_v({});", run_name(c, run), number(DType::f32, neutral(calls_[c])));
    }
  }
}

void RowResults::restart() const {
  for (const std::size_t c : reductions_) {
    for (std::size_t run = 0; run < runs_; ++run) {
      out_.line("{} = all_v({});", run_name(c, run), number(DType::f32, neutral(calls_[c])));
    }
  }
}

std::string RowResults::run_name(std::size_t call, std::size_t run) const {
  return fmt::format("{}run{}_{}", prefix_, call, run);
}

void RowResults::add(std::size_t call, std::size_t run, std::string x, bool part) const {
  const std::string none = fmt::format("all_v({})", number(DType::f32, neutral(calls_[call])));
  if (part) x = fmt::format("first_v(rest, {}, {})", x, none);
  out_.line("{0} = {1}_v({2}, {0});", run_name(call, run), operation(calls_[call]), x);
}

/// One vector from those side by side, and one number from that.
void RowResults::end(const std::vector<Position>& at) const {
  for (const std::size_t c : reductions_) {
    std::vector<std::string> runs;
    for (std::size_t run = 0; run < runs_; ++run) runs.push_back(run_name(c, run));
    while (runs.size() > 1) {
      std::vector<std::string> pairs;
      for (std::size_t r = 0; r < runs.size(); r += 2) {
        pairs.push_back(fmt::format("{}_v({}, {})", operation(calls_[c]), runs[r], runs[r + 1]));
      }
      runs = pairs;
    }
    if (is_gathered(c)) {
      out_.line("rows{}[{} - first] = {};", c, at[at.size() - 2].whole, runs[0]);
    } else {
      store_row(c, at, runs[0]);
    }
  }
}

void RowResults::store_row(std::size_t call, const std::vector<Position>& at,
                           const std::string& all) const {
  const std::string op = operation(calls_[call]);
  const Access& to = accesses_[call][0];
  std::string result = fmt::format("{}_across({})", op, all);
  if (bool_attribute(calls_[call].attributes, "accumulate")) {
    result =
        fmt::format("{}_f32({}, {})", op, load(to, position(call, at), DType::f32, vars_), result);
  }
  out_.raw(store(to, position(call, at), DType::f32, result, vars_));
}

/// The results that were put aside: as a vector if there are as many as lanes.
void RowResults::store_rows(std::vector<Position> at) const {
  const std::string row = at[at.size() - 2].whole;
  const Expr extent = vars_.simplify(calls_[0].space.dims[at.size() - 2].extent);
  at[at.size() - 2] = simple("first");
  out_.open("if (rows == {})", lanes_);
  for (const std::size_t c : gathered_) {
    const std::string op = operation(calls_[c]);
    const Access& to = accesses_[c][0];
    const std::string place =
        fmt::format("{} + {}", to.pointer, Element(to, position(c, at), vars_).offset());
    std::string result = fmt::format("{}_rows(rows{})", op, c);
    if (bool_attribute(calls_[c].attributes, "accumulate")) {
      result = fmt::format("{}_v(load_f32_v({}), {})", op, place, result);
    }
    out_.line("store_f32_v({}, {});", place, result);
  }
  if (extent.constant() && *extent.constant() % lanes_ == 0) return out_.close();
  out_.close("} else {");
  at[at.size() - 2] = simple(row);
  out_.raw(fmt::format("  for (int64_t {0} = first; {0} < first + rows; ++{0}) {{", row));
  for (const std::size_t c : gathered_) {
    store_row(c, at, fmt::format("rows{}[{} - first]", c, row));
  }
  out_.raw("  }");
  out_.raw("}");
}

}  // namespace septran::cpu
