// What a nest over rows asks memory for before its loops read it.
#include <fmt/format.h>

#include <algorithm>

#include "targets/cpu/row_nest.h"

namespace septran::cpu {
namespace {

// How far ahead of a row that comes from main memory, found by trial: while rows are stored,
// processors do not always fetch ahead by themselves, and a whole row further on may be too far.
constexpr std::int64_t ahead_bytes = 8192;

}  // namespace

void RowNest::fetch_ahead() {
  for (std::size_t c = 0; c < calls_.size(); ++c) {
    for (std::size_t o = 1; o < calls_[c].vec.operands.size(); ++o) {
      if (!streams_.next(calls_[c].vec, o) || !calls_[c].along(o)) continue;
      const auto size = static_cast<std::int64_t>(size_bytes(accesses_[c][o].storage));
      const std::int64_t step = std::max(line_bytes / size, lanes_of(e_));
      const std::int64_t columns = static_cast<std::int64_t>(vectors_) * lanes_of(e_);
      for (std::int64_t at = 0; at < columns; at += step) {
        out_.line("__builtin_prefetch({} + {} + {});", accesses_[c][o].pointer,
                  offset(c, o, column_), ahead_bytes / size + at);
      }
    }
  }
}

void RowNest::prefetch(std::size_t vectors) {
  for (std::size_t c = 0; c < calls_.size(); ++c) {
    for (std::size_t o = 1; o < calls_[c].vec.operands.size(); ++o) prefetch(c, o, vectors);
  }
}

void RowNest::prefetch(std::size_t c, std::size_t operand, std::size_t vectors) {
  const auto next = streams_.next(calls_[c].vec, operand);
  if (!next || !calls_[c].along(operand) || next->end == next->begin) return;
  const auto share = static_cast<std::size_t>(next->end - next->begin);
  const std::size_t fetches = (vectors * share + NextTrip::all - 1) / NextTrip::all;
  const std::string end = factor(vars_.simplify(calls_[c].space.dims.back().extent), vars_);
  const std::string step =
      next->workers > 0 ? fmt::format(" * min({}, workers)", next->workers) : "";
  std::string column = "j";
  std::string further = fmt::format("{}{}", next->elements, step);
  if (share < NextTrip::all) {
    column = fmt::format("({} * {} + {} * j) / {}", next->begin, end, share, NextTrip::all);
  } else if (const std::int64_t near = columns_ahead(c, operand); near > 0) {
    further = fmt::format("(j + {0} < {1} ? {0} : {0} - {1} + {2})", near, end, further);
  }
  for (std::size_t fetch = 0; fetch < fetches; ++fetch) {
    const auto first = static_cast<std::int64_t>(fetch) * lanes_of(e_);
    const std::string at = fetch == 0 ? column : fmt::format("{} + {}", column, first);
    out_.line("__builtin_prefetch({} + {} + {});", accesses_[c][operand].pointer,
              offset(c, operand, "(" + at + ")"), further);
  }
}

std::int64_t RowNest::columns_ahead(std::size_t c, std::size_t operand) const {
  const std::vector<IterationDim>& dims = calls_[c].space.dims;
  const auto extent = [&](const IterationDim& dim) {
    return vars_.simplify(dim.extent).constant();
  };
  const bool one_row =
      std::all_of(dims.begin(), dims.end() - 1, [&](const auto& dim) { return extent(dim) == 1; });
  const auto columns = extent(dims.back());
  const auto near =
      ahead_bytes / static_cast<std::int64_t>(size_bytes(accesses_[c][operand].storage));
  return one_row && columns && *columns > near ? near : 0;
}

}  // namespace septran::cpu
