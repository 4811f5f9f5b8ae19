// The primitives on tiles: each thread computes the elements that it holds, or its share of those
// in memory.
#include <algorithm>
#include <optional>

#include "compiler/base/diagnostic.h"
#include "compiler/primitives/call_type.h"
#include "targets/cpu/access.h"
#include "targets/cuda/emitter.h"
#include "targets/cuda/operands.h"
#include "targets/cuda/vec_writer.h"

namespace septran::cuda {

using tile::TileRef;
using tile::Vec;

VecWriter::VecWriter(Emitter& emitter, const Vec& vec, std::function<void()> before_write)
    : e_(emitter),
      out_(emitter.out()),
      vars_(emitter.vars()),
      vec_(vec),
      primitive_(*vec.primitive),
      attributes_(vec.attributes),
      before_write_(std::move(before_write)) {
  SEPTRAN_CHECK(complete_attributes(primitive_, attributes_).empty());
  std::vector<std::optional<std::vector<Expr>>> shapes(primitive_.operands.size());
  for (std::size_t o = 0; o < vec.operands.size(); ++o) {
    if (const TileRef* tile = tile_of(o)) shapes[o] = tile->view.shape();
  }
  space_ = resolve_shapes(primitive_, attributes_, shapes).space;
  for (const IterationDim& dim : space_.dims) extents_.push_back(vars_.simplify(dim.extent));
  type_ = call_type();
}

const TileRef* VecWriter::tile_of(std::size_t o) const {
  return o < vec_.operands.size() ? std::get_if<TileRef>(&vec_.operands[o]) : nullptr;
}

void VecWriter::emit() {
  const bool sums = primitive_.kind == PrimitiveKind::matrix;
  operands_.resize(primitive_.operands.size());
  for (std::size_t o = 0; o < operands_.size(); ++o) {
    if (const TileRef* tile = tile_of(o)) {
      operands_[o] = e_.operand(*tile, o == 0 ? "y" : fmt::format("x{}", o), sums && o == 0);
    } else if (o < vec_.operands.size() && std::holds_alternative<double>(vec_.operands[o])) {
      operands_[o].kind = Operand::Kind::scalar;
      operands_[o].scalar = std::get<double>(vec_.operands[o]);
    }
  }
  old_ = operands_[0];
  if (!overlaps()) return emit_kind();
  const Operand target = operands_[0];
  operands_[0].access = e_.declare_spare(target.access, "aside");
  emit_kind();
  e_.barrier();
  Operand plain = target;
  plain.access.logical = plain.access.storage;  // already rounded
  std::vector<Expr> shape;
  for (const Access::Dim& dim : plain.access.dims) shape.push_back(dim.extent);
  emit_copy(e_, plain, operands_[0], shape);
}

/// Whether an input in memory may be overwritten before it is read.
bool VecWriter::overlaps() const {
  if (operands_[0].kind != Operand::Kind::memory) return false;
  const bool by_elements =
      is_elementwise(primitive_.kind) || primitive_.kind == PrimitiveKind::copy;
  for (std::size_t o = 1; o < vec_.operands.size(); ++o) {
    const TileRef* tile = tile_of(o);
    if (tile == nullptr || tile->tensor != tile_of(0)->tensor) continue;
    if (!by_elements || tile->view != tile_of(0)->view) return true;
  }
  return false;
}

/// The type in which the call's arithmetic happens.
DType VecWriter::call_type() const {
  std::vector<OperandKind> kinds(vec_.operands.size());
  for (std::size_t o = 0; o < kinds.size(); ++o) {
    if (const auto* scalar = std::get_if<double>(&vec_.operands[o])) kinds[o] = *scalar;
    if (const TileRef* tile = tile_of(o)) kinds[o] = e_.program()[tile->tensor].dtype;
  }
  return septran::call_type(primitive_, kinds, attributes_);
}

void VecWriter::emit_kind() {
  switch (primitive_.kind) {
    case PrimitiveKind::matrix:
      return matrix();
    case PrimitiveKind::fill: {
      std::string constant = number(DType::f64, float_attribute(attributes_, "value"));
      return each([&](const Point&) { return constant; });
    }
    case PrimitiveKind::copy:
      return emit_copy(e_, operands_[0], operands_[1], extents_);
    case PrimitiveKind::transpose: {
      // Both are in memory: a transposed use keeps a tile out of registers.
      std::swap(operands_[1].access.dims[0], operands_[1].access.dims[1]);
      if (operands_[1].access.swizzled_rows > 0) {
        std::swap(operands_[1].access.swizzled_dims[0], operands_[1].access.swizzled_dims[1]);
      }
      std::vector<Expr> shape;
      for (const Access::Dim& dim : operands_[1].access.dims) shape.push_back(dim.extent);
      return emit_copy(e_, operands_[0], operands_[1], shape);
    }
    case PrimitiveKind::unary:
    case PrimitiveKind::binary:
    case PrimitiveKind::ternary:
      return elementwise();
    case PrimitiveKind::reduction:
      return reduction();
    case PrimitiveKind::mask:
      return mask();
    case PrimitiveKind::iota:
      return iota();
    case PrimitiveKind::quantization:
      return quantization();
  }
  SEPTRAN_BUG("a kind of primitive that the GPU has no code for");
}

std::string VecWriter::typed(const std::string& function) const {
  return fmt::format("{}_{}", function, name(type_));
}

Position VecWriter::position_of(std::size_t o, const Point& point) const {
  Position result;
  for (const std::size_t d : space_.operand_dims[o]) result.push_back(point.at[d]);
  return result;
}

std::string VecWriter::value(std::size_t o, const Point& point) const {
  using Kind = Operand::Kind;
  const Operand& operand = operands_[o];
  switch (operand.kind) {
    case Kind::absent:
      return number(type_, 0);
    case Kind::scalar:
      return number(type_, operand.scalar);
    case Kind::memory:
      return load(operand.access, position_of(o, point), type_, vars_);
    case Kind::registers:
      break;
  }
  return read_register(operand.tile,
                       Emitter::register_number(operand.tile.layout, space_.operand_dims[o], point),
                       type_);
}

std::optional<Layout> VecWriter::iteration_layout() const {
  std::optional<Layout> found;
  const TileGroup* group = nullptr;
  for (std::size_t o = 0; o < operands_.size(); ++o) {
    if (operands_[o].kind != Operand::Kind::registers) continue;
    const Layout& layout = operands_[o].tile.layout;
    if (layout.dims.size() == extents_.size()) return layout;
    const int number = e_.place(tile_of(o)->tensor).group;
    if (number >= 0) group = &e_.kernel().groups.at(static_cast<std::size_t>(number));
  }
  if (group == nullptr) return std::nullopt;
  // Only vectors are in registers: what they meet is walked as their group walks matrices.
  SEPTRAN_CHECK(extents_.size() == 2);
  return layout_of(e_.kernel(), *group, std::max(group->rows, vars_.range(extents_[0]).hi),
                   std::max<std::int64_t>(1, vars_.range(extents_[1]).hi));
}

void VecWriter::each(const std::function<std::string(const Point&)>& result,
                     const std::function<std::string(const Point&)>& only_where) {
  const std::optional<Layout> layout = iteration_layout();
  const Operand& y = operands_[0];
  if (!layout) {
    e_.thread_nest(extents_, &y.access, 1, [&](const Point& point) {
      const std::string condition = only_where ? only_where(point) : "";
      const std::string prefix = condition.empty() ? "" : fmt::format("if ({}) ", condition);
      out_.raw(prefix + store(y.access, position_of(0, point), type_, result(point), vars_));
    });
    return;
  }
  // Where several threads hold an element, one reads and writes it: the output may be an input too.
  const std::string once =
      y.kind == Operand::Kind::memory ? e_.holds_first_copy(*layout) : std::string();
  if (!once.empty()) out_.open("if ({})", once);
  gather();
  over_layout(*layout, result, only_where);
  if (!once.empty()) out_.close();
}

void VecWriter::over_layout(const Layout& layout,
                            const std::function<std::string(const Point&)>& result,
                            const std::function<std::string(const Point&)>& only_where) {
  const Operand target = operands_[0];
  const bool in_memory = target.kind == Operand::Kind::memory;
  if ((!in_memory && !before_write_) || only_where || type_ == DType::f64) {
    if (before_write_) before_write_();
    return over_registers(layout, result, only_where);
  }
  // Through registers: stores are then of neighbouring elements, or what is overwritten is still
  // needed.
  operands_[0].kind = Operand::Kind::registers;
  operands_[0].tile = {"results", layout, type_, type_, false};
  out_.line("{} results[{}];", cpu::c_type(type_), layout.offsets());
  out_.open("{}", "");
  over_registers(layout, result, only_where);
  out_.close();
  const Operand results = operands_[0];
  operands_[0] = target;
  if (before_write_) before_write_();
  emit_copy(e_, target, results, extents_);
}

void VecWriter::over_registers(const Layout& layout,
                               const std::function<std::string(const Point&)>& result,
                               const std::function<std::string(const Point&)>& only_where) {
  const Operand& y = operands_[0];
  const bool pairs = y.kind == Operand::Kind::registers && y.tile.paired;
  e_.register_nest(layout, pairs, [&](const std::vector<Point>& points) {
    const std::string guard = touches_memory() ? e_.within(layout, extents_, points[0]) : "";
    if (!guard.empty()) out_.open("if ({})", guard);
    write(points, result, only_where);
    if (!guard.empty()) out_.close();
  });
}

bool VecWriter::touches_memory() const {
  return std::any_of(operands_.begin(), operands_.end(),
                     [](const auto& operand) { return operand.kind == Operand::Kind::memory; });
}

void VecWriter::write(const std::vector<Point>& points,
                      const std::function<std::string(const Point&)>& result,
                      const std::function<std::string(const Point&)>& only_where) {
  const Operand& y = operands_[0];
  if (points.size() == 1) {
    const std::string condition = only_where ? only_where(points[0]) : "";
    const std::string prefix = condition.empty() ? "" : fmt::format("if ({}) ", condition);
    if (y.kind == Operand::Kind::memory) {
      out_.raw(prefix +
               store(y.access, position_of(0, points[0]), type_, result(points[0]), vars_));
      return;
    }
    out_.line("{}{}[{}] = {};", prefix, y.tile.name,
              Emitter::register_number(y.tile.layout, space_.operand_dims[0], points[0]),
              encoded(y.tile.logical, y.tile.element, type_, result(points[0])));
    return;
  }
  const std::string number =
      Emitter::register_number(y.tile.layout, space_.operand_dims[0], points[0]);
  std::string values[2];
  for (int i = 0; i < 2; ++i) {
    const Point& point = points[static_cast<std::size_t>(i)];
    values[i] = cpu::converted(type_, DType::f32, result(point));
    if (!only_where) continue;
    const std::string mine = Emitter::register_number(y.tile.layout, space_.operand_dims[0], point);
    values[i] = fmt::format("({}) ? {} : {}", only_where(point), values[i],
                            read_register(y.tile, mine, DType::f32));
  }
  out_.line("{}[({}) / 2] = f32_to_{}_pair({}, {});", y.tile.name, number, name(y.tile.element),
            values[0], values[1]);
}

void VecWriter::elementwise() {
  std::string function = primitive_.name;
  if (function == "gelu" && choice_attribute(attributes_, "approximate") == "tanh") {
    function = "gelu_tanh";
  }
  const double scale = operands_[1].scale;
  each([&](const Point& point) {
    std::string arguments = value(1, point);
    if (scale != 1.0) {  // of a sum or difference: see KernelWriter::absorbs_scale()
      return fmt::format("{}({}, {}, {}{})", typed("fma"), arguments, number(type_, scale),
                         function == "sub" ? "-" : "", value(2, point));
    }
    for (std::size_t o = 2; o < primitive_.operands.size(); ++o) {
      arguments += ", " + value(o, point);
    }
    if (function == "clamp") {
      for (const char* bound : {"low", "high"}) {
        arguments += ", " + number(type_, float_attribute(attributes_, bound));
      }
    }
    return fmt::format("{}({})", typed(function), arguments);
  });
}

void VecWriter::mask() {
  const std::size_t rank = extents_.size();
  // Row r keeps columns r - ahead - left to r - ahead + right.
  const Expr ahead =
      vars_.simplify(expr_attribute(attributes_, "col0") - expr_attribute(attributes_, "row0"));
  const bool window = primitive_.name == "mask_window";
  // The value is one of the tile's own type, whatever it is held in.
  const double given = float_attribute(attributes_, "value");
  type_ = arithmetic_type(e_.program()[tile_of(0)->tensor].dtype);
  out_.line("const int ahead = {};", to_c(ahead, vars_));
  const auto outside = [&](const Point& point) {
    const std::string& row = point.at[rank - 2];
    const std::string& col = point.at[rank - 1];
    if (!window) return fmt::format("{} > {} - ahead", col, row);
    return fmt::format("{0} > {1} - ahead + {2} || {0} < {1} - ahead - {3}", col, row,
                       factor(expr_attribute(attributes_, "right"), vars_),
                       factor(expr_attribute(attributes_, "left"), vars_));
  };
  each([&](const Point&) { return number(type_, given); }, outside);
}

void VecWriter::iota() {
  const auto axis = static_cast<std::size_t>(*integer_attribute(attributes_, "axis"));
  out_.line("const int64_t start = {};", to_c(expr_attribute(attributes_, "start"), vars_));
  const std::string step = factor(expr_attribute(attributes_, "step"), vars_);
  each([&](const Point& point) {
    return fmt::format("(double)(start + {} * (int64_t){})", step, point.at[axis]);
  });
}

/// Always in memory: operands are needed in groups.
void VecWriter::quantization() {
  const bool packs = primitive_.name == "quantize";
  const std::int64_t group = packs ? 0 : integer_attribute(attributes_, "group").value_or(0);
  const bool nibbles = !packs && integer_attribute(attributes_, "bits") == 4;
  const Access& y = operands_[0].access;
  std::vector<Expr> shape;
  for (const Access::Dim& dim : y.dims) shape.push_back(dim.extent);
  e_.thread_nest(shape, &y, 1, [&](const Point& point) {
    const std::string& col = point.at.back();
    const auto per_group = [&](std::size_t o) {
      if (operands_[o].kind != Operand::Kind::memory || operands_[o].access.dims.empty()) {
        return value(o, point);
      }
      Position where(point.at.begin(), point.at.end() - 1);
      if (operands_[o].access.dims.size() == point.at.size()) {
        where.push_back(group > 0 ? fmt::format("({} / {})", col, group) : "0");
      }
      return load(operands_[o].access, where, type_, vars_);
    };
    if (packs) {
      const char* round = type_ == DType::f32 ? "rintf" : "rint";
      const std::string x = load(operands_[1].access, point.at, type_, vars_);
      out_.raw(store(y, point.at, type_,
                     fmt::format("{}({} / {}) + {}", round, x, per_group(2), per_group(3)), vars_));
      return;
    }
    std::string q = load(operands_[1].access, point.at, type_, vars_);
    if (nibbles) {
      Position where = point.at;
      where.back() = fmt::format("({} / 2)", col);
      q = fmt::format("({})nibble({}, {} % 2)", cpu::c_type(type_),
                      raw(operands_[1].access, where, vars_), col);
    }
    out_.raw(store(y, point.at, type_, fmt::format("({} - {}) * {}", q, per_group(3), per_group(2)),
                   vars_));
  });
}

void emit_vec(Emitter& emitter, const Vec& vec, const std::function<void()>& before_write) {
  VecWriter(emitter, vec, before_write).emit();
}

}  // namespace septran::cuda
