#include "targets/cuda/emitter.h"

#include <algorithm>
#include <numeric>

#include "compiler/base/diagnostic.h"
#include "targets/cpu/access.h"
#include "targets/cuda/products.h"

namespace septran::cuda {
namespace {

std::int64_t largest(const VarTable& vars, const Expr& extent) {
  return std::max<std::int64_t>(1, vars.range(extent).hi);
}

/// Largest power of two up to 16 that divides all that `terms` are multiples of.
std::int64_t common_alignment(const Expr& offset) {
  std::int64_t m = 16;
  while (m > 1 && !is_multiple(offset, m)) m /= 2;
  return m;
}

}  // namespace

std::string Emitter::parameters() const {
  std::string parameters;
  for (std::uint32_t i = 0; i < program_.tensors.size(); ++i) {
    const tile::Tensor& tensor = program_.tensors[i];
    if (tensor.kind != tile::TensorKind::argument) continue;
    parameters += fmt::format("{} *__restrict__ {}, ", cpu::c_type(tensor.storage),
                              tensor_name(tile::TensorId{i}));
  }
  return parameters + "char *workspace";
}

Operand Emitter::operand(const tile::TileRef& ref, const std::string& pointer, bool raw_values) {
  Operand result;
  if (in_registers(ref.tensor)) {
    result.kind = Operand::Kind::registers;
    result.tile = register_tile(ref.tensor, raw_values);
    result.scale = deferred_scale(ref.tensor);
  } else {
    result.kind = Operand::Kind::memory;
    result.access = declare(ref, pointer, raw_values);
  }
  return result;
}

RegisterTile Emitter::register_tile(tile::TensorId id, bool raw_values) const {
  const tile::Tensor& tensor = program_[id];
  const TilePlace& where = place(id);
  RegisterTile tile;
  tile.name = tensor_name(id);
  tile.layout = layout_of(*kernel_, where, tensor);
  tile.element = where.element;
  tile.logical = raw_values ? where.element : tensor.dtype;
  tile.paired = size_bytes(where.element) == 2 && tensor.shape.size() == 2;
  return tile;
}

Access Emitter::declare(const tile::TileRef& ref, const std::string& pointer, bool raw_values) {
  const tile::Tensor& tensor = program_[ref.tensor];
  const TilePlace& where = place(ref.tensor);
  const auto element = static_cast<std::int64_t>(size_bytes(tensor.storage));
  Access access;
  access.storage = tensor.storage;
  access.logical = raw_values ? tensor.storage : tensor.dtype;
  access.pointer = pointer;
  access.wide = tensor.slot_bytes / element > INT32_MAX;
  access.to_tf32 = where.to_tf32;
  Expr offset;
  for (std::size_t a = 0; a < ref.view.base.size(); ++a) {
    offset += ref.view.base[a] * (tensor.strides_bytes[a] / element);
    if (!ref.view.zero_outside) continue;
    access.axes.push_back(
        {factor(vars().simplify(ref.view.base[a]), vars()), vars().range(tensor.shape[a]).hi});
  }
  for (const ViewDim& dim : ref.view.dims) {
    Access::Dim& out = access.dims.emplace_back();
    out.extent = vars().simplify(dim.extent);
    out.start = vars().simplify(dim.start);
    for (const Digit& digit : dim.digits) {
      out.steps.push_back({digit.extent, digit.step * (tensor.strides_bytes[digit.axis] / element),
                           digit.axis, digit.step});
    }
  }
  std::string base = tensor_name(ref.tensor);
  if (tensor.depth > 1 && tensor.kind == tile::TensorKind::buffer) {
    const std::string slot = ref.age == 0 ? fmt::format("{}_slot", base)
                                          : fmt::format("({0}_slot + {1}) % {2}", base,
                                                        tensor.depth - ref.age, tensor.depth);
    base += fmt::format(" + ({}) * {}", slot, tensor.slot_bytes / element);
  }
  const Expr at = vars().simplify(offset);
  access.aligned_elements = common_alignment(at);
  if (where.kind == TilePlace::Kind::swizzled) {
    describe_swizzle(ref, access);
    out_.line("{0} *const {1} = {2};", cpu::c_type(tensor.storage), pointer, base);
    return access;
  }
  out_.line("{} *const {} = {}{};", cpu::c_type(tensor.storage), pointer, base,
            at == Expr(0) ? "" : " + (" + to_c(at, vars()) + ")");
  return access;
}

void Emitter::describe_swizzle(const tile::TileRef& ref, Access& access) const {
  const tile::Tensor& tensor = program_[ref.tensor];
  access.swizzled_rows = swizzled_rows(tensor.shape[0].offset());
  access.base_row = factor(vars().simplify(ref.view.base[0]), vars());
  access.base_col = factor(vars().simplify(ref.view.base[1]), vars());
  access.swizzled_dims.assign(2, SIZE_MAX);
  for (std::size_t d = 0; d < ref.view.dims.size(); ++d) {
    const ViewDim& dim = ref.view.dims[d];
    SEPTRAN_CHECK(dim.digits.size() == 1 && dim.digits[0].step == 1);
    access.swizzled_dims[dim.digits[0].axis] = d;
  }
}

Access Emitter::declare_spare(const Access& like, const std::string& pointer) {
  Access access;
  access.storage = like.storage;
  access.logical = like.logical;
  access.pointer = pointer;
  auto stride = std::int64_t{1};
  access.dims.resize(like.dims.size());
  for (std::size_t d = like.dims.size(); d-- > 0;) {
    access.dims[d] = {
        like.dims[d].extent, Expr(0), {{0, stride, static_cast<std::uint32_t>(d), 1}}};
    stride *= largest(vars(), like.dims[d].extent);
  }
  spare_bytes_ =
      std::max(spare_bytes_, stride * static_cast<std::int64_t>(size_bytes(like.storage)));
  barrier();  // an earlier operation may still use it
  out_.line("{0} *const {1} = ({0} *)spare;", cpu::c_type(like.storage), pointer);
  return access;
}

void Emitter::barrier() {
  if (async_) out_.line("fence_async();");
  out_.line("{}", by_roles_ ? "consumer_barrier<threads>(team);" : "block_barrier();");
}

void Emitter::thread_nest(const std::vector<Expr>& extents, const Access* leading,
                          std::int64_t unrolled, const std::function<void(const Point&)>& body) {
  std::vector<std::size_t> order(extents.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto step = [&](std::size_t d) {
    if (leading == nullptr || d >= leading->dims.size()) return std::int64_t{0};
    return std::abs(leading->dims[d].steps.back().stride);
  };
  if (leading != nullptr && leading->swizzled_rows == 0) {
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return step(a) > step(b); });
  }
  std::string total = "1";
  Point point;
  point.at.resize(extents.size());
  for (std::size_t d = 0; d < extents.size(); ++d) {
    out_.line("const int n{} = {};", d, to_c(extents[d], vars()));
    total = d == 0 ? "n0" : fmt::format("{} * n{}", total, d);
  }
  std::int64_t count = 1;  // 0: not known
  for (const Expr& extent : extents) count *= extent.constant().value_or(0);
  if (unrolled > 1 && count > 0 && count % kernel().threads() == 0) {
    out_.directive(fmt::format("#pragma unroll {}", unrolled));
    out_.open("for (int s = 0; s < {}; ++s)", count / kernel().threads());
    out_.line("const int e = thread + s * threads;");
  } else {
    out_.open("for (int e = thread; e < {}; e += threads)", total);
  }
  std::string rest = "e";
  for (std::size_t i = order.size(); i-- > 0;) {
    const std::size_t d = order[i];
    point.at[d] = fmt::format("i{}", d);
    if (i == 0) {
      out_.line("const int i{} = {};", d, rest);
    } else {
      out_.line("const int i{0} = ({1}) % n{0};", d, rest);
      rest = fmt::format("({}) / n{}", rest, d);
    }
  }
  body(point);
  out_.close();
}

std::pair<std::string, std::string> Emitter::counts_of(const Layout& layout, std::size_t dim,
                                                       std::size_t digit) const {
  const std::int64_t extent = layout.dims[dim][digit].extent;
  if (part_ && dim + 1 == layout.dims.size() && digit == 0) {
    SEPTRAN_CHECK(extent % part_->column_parts == 0);
    const std::int64_t count = extent / part_->column_parts;
    return {fmt::format("{} * {}", part_->column_part, count),
            fmt::format("{} * {} + {}", part_->column_part, count, count)};
  }
  if (part_ && !part_->step.empty() && dim + 1 < layout.dims.size() && digit == 1) {
    return {part_->step, part_->step + " + 1"};
  }
  return {"0", std::to_string(extent)};
}

void Emitter::register_nest(const Layout& layout, bool pairs,
                            const std::function<void(const std::vector<Point>&)>& body) {
  Point point;
  int depth = 0;
  std::vector<std::string> text(layout.dims.size());
  std::string last;  // of the digit that pairs are taken from
  for (std::size_t d = 0; d < layout.dims.size(); ++d) {
    std::string thread_part = "0";
    std::string register_part;
    std::int64_t weight = layout.room(d);
    point.digits.emplace_back();
    for (const LayoutDigit& digit : layout.dims[d]) {
      weight /= digit.extent;
      std::string& name = point.digits.back().emplace_back();
      if (digit.extent == 1) continue;
      if (digit.thread != 0) {
        thread_part += fmt::format(" + thread / {} % {} * {}", digit.thread, digit.extent, weight);
        continue;
      }
      name = fmt::format("q{}", depth++);
      register_part += fmt::format(" + {} * {}", name, weight);
    }
    out_.line("const int t{} = {};", d, thread_part);
    text[d] = fmt::format("t{}{}", d, register_part);
  }
  int opened = 0;
  for (std::size_t d = 0; d < layout.dims.size(); ++d) {
    for (std::size_t i = 0; i < layout.dims[d].size(); ++i) {
      const std::string& name = point.digits[d][i];
      if (name.empty()) continue;
      const bool by_two = pairs && d + 1 == layout.dims.size() && i + 1 == layout.dims[d].size();
      if (by_two) last = name;
      out_.directive("#pragma unroll");
      const auto [begin, end] = counts_of(layout, d, i);
      out_.open("for (int {0} = {1}; {0} < {2}; {0} += {3})", name, begin, end, by_two ? 2 : 1);
      ++opened;
    }
  }
  for (const std::string& position : text) point.at.push_back("(" + position + ")");
  std::vector<Point> points{point};
  if (pairs) {
    SEPTRAN_CHECK(!last.empty());
    Point& next = points.emplace_back(point);
    next.at.back() = fmt::format("({} + 1)", text.back());
    next.digits.back().back() = fmt::format("({} + 1)", last);
  }
  body(points);
  for (int i = 0; i < opened; ++i) out_.close();
}

std::string Emitter::within(const Layout& layout, const std::vector<Expr>& extents,
                            const Point& point) const {
  std::string condition;
  for (std::size_t d = 0; d < layout.dims.size(); ++d) {
    if (vars().range(extents[d]).lo >= layout.room(d)) continue;
    condition += fmt::format("{}{} < {}", condition.empty() ? "" : " && ", point.at[d],
                             factor(extents[d], vars()));
  }
  return condition;
}

std::string Emitter::holds_first_copy(const Layout& layout) const {
  std::vector<LayoutDigit> digits;
  for (const LayoutDim& dim : layout.dims) {
    for (const LayoutDigit& digit : dim) {
      if (digit.thread > 0 && digit.extent > 1) digits.push_back(digit);
    }
  }
  std::sort(digits.begin(), digits.end(),
            [](const LayoutDigit& a, const LayoutDigit& b) { return a.thread < b.thread; });
  std::string condition;
  std::int64_t next = 1;  // threads that differ by less are told apart, or hold copies
  for (const LayoutDigit& digit : digits) {
    if (digit.thread > next) {
      condition += fmt::format("{}thread / {} % {} == 0", condition.empty() ? "" : " && ", next,
                               digit.thread / next);
    }
    next = std::max(next, digit.thread * digit.extent);
  }
  if (next < kernel().threads()) {
    condition += fmt::format("{}thread < {}", condition.empty() ? "" : " && ", next);
  }
  return condition;
}

std::string Emitter::register_number(const Layout& layout, const std::vector<std::size_t>& dims,
                                     const Point& point) {
  std::string number;
  for (std::size_t d = 0; d < layout.dims.size(); ++d) {
    for (std::size_t i = 0; i < layout.dims[d].size(); ++i) {
      const LayoutDigit& digit = layout.dims[d][i];
      const std::string& name = point.digits[dims[d]].at(i);
      if (name.empty() || digit.thread != 0 || digit.extent == 1) continue;
      number += fmt::format("{}{} * {}", number.empty() ? "" : " + ", name, digit.offset);
    }
  }
  return number.empty() ? "0" : number;
}

std::string read_register(const RegisterTile& tile, const std::string& number, DType type) {
  if (!tile.paired) {
    return cpu::converted(tile.element, type, fmt::format("{}[{}]", tile.name, number));
  }
  return cpu::converted(tile.element, type,
                        fmt::format("half_of({0}[({1}) / 2], ({1}) % 2)", tile.name, number));
}

}  // namespace septran::cuda
