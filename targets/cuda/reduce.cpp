// Reductions: along what a thread holds, then across the threads that share a row or column.
#include <cmath>

#include "compiler/base/diagnostic.h"
#include "targets/cpu/access.h"
#include "targets/cuda/vec_writer.h"

namespace septran::cuda {

void VecWriter::reduction() {
  const auto axis = static_cast<std::size_t>(*integer_attribute(attributes_, "axis"));
  const std::string kind = primitive_.name.substr(std::string("reduce_").size());
  const std::string op = typed(kind == "sum" ? "add" : kind);
  const std::string neutral = number(type_, kind == "sum"   ? 0
                                            : kind == "max" ? -INFINITY
                                                            : INFINITY);
  if (const auto layout = iteration_layout()) return reduce_registers(*layout, op, neutral, axis);
  reduce_in_memory(op, neutral, axis);
}

/// A warp an output element.
void VecWriter::reduce_in_memory(const std::string& op, const std::string& neutral,
                                 std::size_t axis) {
  std::vector<std::size_t> kept;
  std::string total = "1";
  for (std::size_t d = 0; d < extents_.size(); ++d) {
    out_.line("const int n{} = {};", d, to_c(extents_[d], vars_));
    if (d == axis) continue;
    kept.push_back(d);
    total = kept.size() == 1 ? fmt::format("n{}", d) : fmt::format("{} * n{}", total, d);
  }
  out_.open("for (int o = thread / 32; o < {}; o += threads / 32)", total);
  Point point;
  point.at.resize(extents_.size());
  std::string rest = "o";
  for (std::size_t i = kept.size(); i-- > 0;) {
    const std::size_t d = kept[i];
    point.at[d] = fmt::format("i{}", d);
    out_.line("const int i{0} = ({1}) % n{0};", d, rest);
    rest = fmt::format("({}) / n{}", rest, d);
  }
  point.at[axis] = "j";
  out_.line("{} run = {};", cpu::c_type(type_), neutral);
  out_.line("for (int j = thread % 32; j < n{}; j += 32) run = {}(run, {});", axis, op,
            value(1, point));
  out_.line("for (int mask = 16; mask > 0; mask /= 2) run = {}(run, lane_xor(run, mask));", op);
  std::string result = "run";
  if (bool_attribute(attributes_, "accumulate")) {
    result = fmt::format("{}({}, run)", op, load(old_.access, position_of(0, point), type_, vars_));
  }
  // Lanes other than the first may not write before it has read.
  out_.line("if (thread % 32 == 0) {}",
            store(operands_[0].access, position_of(0, point), type_, result, vars_));
  out_.close();
}

void VecWriter::reduce_registers(const Layout& layout, const std::string& op,
                                 const std::string& neutral, std::size_t axis) {
  const std::size_t kept = 1 - axis;
  const Layout vector = layout.vector_of(kept);
  const std::int64_t values = vector.offsets();
  const char* type = cpu::c_type(type_);
  // Several partial results side by side, so that operations need not wait for each other.
  const Layout along = layout.vector_of(axis);
  std::int64_t ways = 4;
  while (along.offsets() % ways != 0) ways /= 2;
  out_.line("{} partial[{}];", type, values * ways);
  out_.directive("#pragma unroll");
  out_.line("for (int n = 0; n < {}; ++n) partial[n] = {};", values * ways, neutral);
  out_.open("{}", "");
  e_.register_nest(layout, false, [&](const std::vector<Point>& points) {
    const std::string guard = e_.within(layout, extents_, points[0]);
    const std::string at =
        fmt::format("({}) * {} + ({}) % {}", Emitter::register_number(vector, {kept}, points[0]),
                    ways, Emitter::register_number(along, {axis}, points[0]), ways);
    out_.line("{0}partial[{1}] = {2}(partial[{1}], {3});",
              guard.empty() ? "" : fmt::format("if ({}) ", guard), at, op, value(1, points[0]));
  });
  out_.close();
  out_.line("{} part[{}];", type, values);
  out_.directive("#pragma unroll");
  out_.open("for (int n = 0; n < {}; ++n)", values);
  out_.line("part[n] = partial[n * {}];", ways);
  out_.directive("#pragma unroll");
  out_.line("for (int w = 1; w < {0}; ++w) part[n] = {1}(part[n], partial[n * {0} + w]);", ways,
            op);
  if (operands_[1].scale != 1.0) out_.line("part[n] *= {};", number(type_, operands_[1].scale));
  out_.close();
  combine_lanes(layout, op, axis, values);
  out_.open("{}", "");
  store_reduced(layout, op, axis);
  out_.close();
}

/// Every thread gets what all threads of its row (column) have together.
void VecWriter::combine_lanes(const Layout& layout, const std::string& op, std::size_t axis,
                              std::int64_t values) {
  for (const LayoutDigit& digit : layout.dims[axis]) {
    if (digit.thread == 0) continue;
    for (std::int64_t bit = 1; bit < digit.extent && bit * digit.thread < 32; bit *= 2) {
      out_.directive("#pragma unroll");
      out_.line("for (int n = 0; n < {}; ++n) part[n] = {}(part[n], lane_xor(part[n], {}));",
                values, op, bit * digit.thread);
    }
    // Across warps through shared memory.
    const std::int64_t first = std::max<std::int64_t>(digit.thread, 32);
    const std::int64_t warps = digit.extent * digit.thread / first;
    if (warps <= 1) continue;
    out_.directive("#pragma unroll");
    out_.open("for (int n = 0; n < {}; ++n)", values);
    // The halves of the scratch take turns: one barrier then parts writers from earlier readers.
    out_.line("{0} *const shares = ({0} *)(scratch + turn * {1});", cpu::c_type(type_),
              e_.kernel().scratch_bytes / 2);
    out_.line("const int base = thread - thread / {} % {} * {};", first, warps, first);
    out_.line("turn ^= 1;");
    out_.line("shares[thread] = part[n];");
    e_.barrier();
    out_.line("part[n] = shares[base];");
    out_.directive("#pragma unroll");
    out_.line("for (int w = 1; w < {}; ++w) part[n] = {}(part[n], shares[base + w * {}]);", warps,
              op, first);
    out_.close();
  }
}

void VecWriter::store_reduced(const Layout& layout, const std::string& op, std::size_t axis) {
  const std::size_t kept = 1 - axis;
  const Layout vector = layout.vector_of(kept);
  const bool accumulates = bool_attribute(attributes_, "accumulate");
  const Operand& y = operands_[0];
  e_.register_nest(vector, false, [&](const std::vector<Point>& points) {
    const std::string number = Emitter::register_number(vector, {0}, points[0]);
    std::string result = fmt::format("part[{}]", number);
    if (y.kind == Operand::Kind::registers) {
      if (accumulates) {
        result = fmt::format("{}({}, {})", op, read_register(y.tile, number, type_), result);
      }
      out_.line("{}[{}] = {};", y.tile.name, number,
                encoded(y.tile.logical, y.tile.element, type_, result));
      return;
    }
    if (accumulates) {
      result = fmt::format("{}({}, {})", op, load(old_.access, points[0].at, type_, vars_), result);
    }
    std::string guard = e_.within(vector, {extents_[kept]}, points[0]);
    for (const LayoutDigit& digit : layout.dims[axis]) {  // one of those that hold it
      if (digit.thread == 0 || digit.extent == 1) continue;
      guard += fmt::format("{}thread / {} % {} == 0", guard.empty() ? "" : " && ", digit.thread,
                           digit.extent);
    }
    out_.line("{}{}", guard.empty() ? "" : fmt::format("if ({}) ", guard),
              store(y.access, points[0].at, type_, result, vars_));
  });
}

}  // namespace septran::cuda
