// The primitives as loops.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "compiler/base/diagnostic.h"
#include "targets/cpu/emitter.h"
#include "targets/cpu/vec_call.h"

namespace septran::cpu {
namespace {

using tile::TileRef;
using tile::Vec;

constexpr std::int64_t lanes = 64;  // running values side by side

class VecEmitter {
 public:
  VecEmitter(Emitter& emitter, const Vec& vec)
      : e_(emitter),
        out_(emitter.out()),
        vars_(emitter.vars()),
        call_(emitter.program(), vec),
        vec_(vec),
        primitive_(*vec.primitive),
        attributes_(call_.attributes),
        space_(call_.space),
        type_(call_.type) {}

  void emit() {
    accesses_.resize(primitive_.operands.size());
    accesses_[0] = e_.declare(*tile_of(0), "y");
    for (std::size_t o = 1; o < vec_.operands.size(); ++o) {
      if (const TileRef* tile = tile_of(o)) accesses_[o] = e_.declare(*tile, fmt::format("x{}", o));
    }
    old_ = accesses_[0];
    const bool aside = call_.overlaps();
    const Access target = accesses_[0];
    if (aside) accesses_[0] = e_.declare_spare(target, "aside");
    emit_kind();
    if (!aside) return;
    Access values = accesses_[0];
    Access plain = target;
    plain.logical = plain.storage;  // already rounded
    emit_copy(e_, plain, values);
  }

 private:
  [[nodiscard]] const TileRef* tile_of(std::size_t o) const { return call_.tile(o); }
  [[nodiscard]] const double* scalar_of(std::size_t o) const { return call_.scalar(o); }

  void emit_kind() {
    switch (primitive_.kind) {
      case PrimitiveKind::matrix:
        return matrix();
      case PrimitiveKind::fill:
        return fill(number(DType::f64, float_attribute(attributes_, "value")));
      case PrimitiveKind::copy:
        return emit_copy(e_, accesses_[0], accesses_[1]);
      case PrimitiveKind::transpose: {
        Access source = accesses_[1];
        std::swap(source.dims[0], source.dims[1]);
        return emit_copy(e_, accesses_[0], source);
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
    SEPTRAN_BUG("a kind of primitive that the CPU has no loops for");
  }

  [[nodiscard]] std::vector<Expr> extents() const {
    std::vector<Expr> result;
    for (const IterationDim& dim : space_.dims) result.push_back(vars_.simplify(dim.extent));
    return result;
  }
  [[nodiscard]] std::string typed(const std::string& function) const {
    return fmt::format("{}_{}", function, name(type_));
  }
  /// Positions of an operand's dimensions among those of the iteration.
  [[nodiscard]] std::vector<Position> of(std::size_t o, const std::vector<Position>& at) const {
    std::vector<Position> result;
    for (const std::size_t d : space_.operand_dims[o]) result.push_back(at[d]);
    return result;
  }
  /// Operand o at a position of the iteration, as a value of the call's type; 0 if it is absent.
  [[nodiscard]] std::string value(std::size_t o, const std::vector<Position>& at) const {
    if (const double* scalar = scalar_of(o)) return number(type_, *scalar);
    if (tile_of(o) == nullptr) return number(type_, 0);
    return load(accesses_[o], of(o, at), type_, vars_);
  }
  void store_y(const std::vector<Position>& at, const std::string& text) {
    out_.raw(store(accesses_[0], at, type_, text, vars_));
  }

  void matrix() {
    Product product{accesses_[0], old_, accesses_[1], accesses_[2], type_, 1.0, "0"};
    if (bool_attribute(attributes_, "transpose_a")) std::swap(product.a.dims[0], product.a.dims[1]);
    if (bool_attribute(attributes_, "transpose_b")) std::swap(product.b.dims[0], product.b.dims[1]);
    product.alpha = float_attribute(attributes_, "alpha");
    if (bool_attribute(attributes_, "accumulate")) product.accumulate = "1";
    emit_product(e_, product);
  }

  void fill(const std::string& constant) {
    out_.line("const {} value = {};", c_type(accesses_[0].storage),
              encoded(accesses_[0], DType::f64, constant));
    emit_nest(out_, extents(), accesses_[0], vars_, [&](const std::vector<Position>& at) {
      out_.line("y[{}] = value;", Element(accesses_[0], at, vars_).offset());
    });
  }

  void elementwise() {
    std::string function = primitive_.name;
    if (function == "gelu" && choice_attribute(attributes_, "approximate") == "tanh") {
      function = "gelu_tanh";
    }
    emit_nest(out_, extents(), accesses_[0], vars_, [&](const std::vector<Position>& at) {
      std::string arguments = value(1, at);
      for (std::size_t o = 2; o < primitive_.operands.size(); ++o) {
        arguments += ", " + value(o, at);
      }
      if (function == "clamp") {
        for (const char* bound : {"low", "high"}) {
          arguments += ", " + number(type_, float_attribute(attributes_, bound));
        }
      }
      store_y(of(0, at), fmt::format("{}({})", typed(function), arguments));
    });
  }

  /// Where the reduced dimension is the last, partial results run along it side by side; otherwise
  /// along the last dimension of the output.
  void reduction() {
    const auto axis = static_cast<std::size_t>(*integer_attribute(attributes_, "axis"));
    const std::size_t rank = space_.dims.size();
    const bool along = axis + 1 == rank;
    const std::size_t inner = along ? axis : rank - 1;
    const std::string op = typed(primitive_.name.substr(std::string("reduce_").size()) == "sum"
                                     ? "add"
                                     : primitive_.name.substr(std::string("reduce_").size()));
    const double infinity = std::numeric_limits<double>::infinity();
    const std::string neutral = primitive_.name == "reduce_sum"   ? number(type_, 0)
                                : primitive_.name == "reduce_max" ? number(type_, -infinity)
                                                                  : number(type_, infinity);
    std::vector<Position> at(rank);
    for (std::size_t d = 0; d < rank; ++d) {
      at[d] = simple(d == inner ? "(j + l)" : fmt::format("i{}", d));
      if (d == inner || d == axis) continue;
      out_.open("for (int64_t {0} = 0; {0} < {1}; ++{0})", at[d].whole,
                to_c(space_.dims[d].extent, vars_));
    }
    const std::string x = value(1, at);
    const std::string width = to_c(space_.dims[inner].extent, vars_);
    if (along) {
      reduce_along(op, neutral, x, width, at);
    } else {
      reduce_across(op, neutral, x, width, at, axis);
    }
    for (std::size_t d = 0; d < rank; ++d) {
      if (d != inner && d != axis) out_.close();
    }
  }

  void store_reduced(const std::string& op, const std::string& result,
                     const std::vector<Position>& at) {
    std::string text = result;
    if (bool_attribute(attributes_, "accumulate")) {
      text = fmt::format("{}({}, {})", op, load(old_, of(0, at), type_, vars_), result);
    }
    store_y(of(0, at), text);
  }

  void reduce_along(const std::string& op, const std::string& neutral, const std::string& x,
                    const std::string& width, const std::vector<Position>& at) {
    const char* type = c_type(type_);
    out_.line("{} run[{}];", type, lanes);
    out_.line("for (int64_t l = 0; l < {}; ++l) run[l] = {};", lanes, neutral);
    out_.line("int64_t j = 0;");
    out_.open("for (; j + {0} <= {1}; j += {0})", lanes, width);
    out_.directive("#pragma GCC ivdep");
    out_.line("for (int64_t l = 0; l < {}; ++l) run[l] = {}(run[l], {});", lanes, op, x);
    out_.close();
    out_.line("for (int64_t l = 0; j + l < {}; ++l) run[l] = {}(run[l], {});", width, op, x);
    for (std::int64_t half = lanes / 2; half > 0; half /= 2) {
      out_.line("for (int64_t l = 0; l < {0}; ++l) run[l] = {1}(run[l], run[l + {0}]);", half, op);
    }
    store_reduced(op, "run[0]", at);
  }

  void reduce_across(const std::string& op, const std::string& neutral, const std::string& x,
                     const std::string& width, const std::vector<Position>& at, std::size_t axis) {
    out_.open("for (int64_t j = 0; j < {}; j += {})", width, lanes);
    out_.line("const int64_t width = min({}, {} - j);", lanes, width);
    out_.line("{} run[{}];", c_type(type_), lanes);
    out_.line("for (int64_t l = 0; l < width; ++l) run[l] = {};", neutral);
    out_.open("for (int64_t {0} = 0; {0} < {1}; ++{0})", at[axis].whole,
              to_c(space_.dims[axis].extent, vars_));
    out_.directive("#pragma GCC ivdep");
    out_.line("for (int64_t l = 0; l < width; ++l) run[l] = {}(run[l], {});", op, x);
    out_.close();
    out_.open("for (int64_t l = 0; l < width; ++l)");
    store_reduced(op, "run[l]", at);
    out_.close();
    out_.close();
  }

  void mask() {
    const Access& s = accesses_[0];
    const std::size_t rank = s.dims.size();
    // Row r keeps columns r - ahead - left to r - ahead + right.
    const Expr ahead =
        vars_.simplify(expr_attribute(attributes_, "col0") - expr_attribute(attributes_, "row0"));
    const bool window = primitive_.name == "mask_window";
    // The value is one of the tile's own type, whatever it is held in.
    out_.line("const {} value = {};", c_type(s.storage),
              encoded(s, DType::f64, number(DType::f64, float_attribute(attributes_, "value"))));
    out_.line("const int64_t ahead = {};", to_c(ahead, vars_));
    emit_nest(out_, extents(), s, vars_, [&](const std::vector<Position>& at) {
      const std::string& row = at[rank - 2].whole;
      const std::string& col = at[rank - 1].whole;
      std::string outside = fmt::format("{} > {} - ahead", col, row);
      if (window) {
        outside = fmt::format("{0} > {1} - ahead + {2} || {0} < {1} - ahead - {3}", col, row,
                              factor(expr_attribute(attributes_, "right"), vars_),
                              factor(expr_attribute(attributes_, "left"), vars_));
      }
      out_.line("if ({}) y[{}] = value;", outside, Element(s, at, vars_).offset());
    });
  }

  void iota() {
    const auto axis = static_cast<std::size_t>(*integer_attribute(attributes_, "axis"));
    out_.line("const int64_t start = {};", to_c(expr_attribute(attributes_, "start"), vars_));
    const std::string step = factor(expr_attribute(attributes_, "step"), vars_);
    emit_nest(out_, extents(), accesses_[0], vars_, [&](const std::vector<Position>& at) {
      store_y(at, fmt::format("(double)(start + {} * {})", step, at[axis].whole));
    });
  }

  void quantization() {
    const bool packs = primitive_.name == "quantize";
    const std::int64_t group = packs ? 0 : integer_attribute(attributes_, "group").value_or(0);
    const bool nibbles = !packs && integer_attribute(attributes_, "bits") == 4;
    std::vector<Expr> shape;
    for (const Access::Dim& dim : accesses_[0].dims) shape.push_back(dim.extent);
    emit_nest(out_, shape, accesses_[0], vars_, [&](const std::vector<Position>& at) {
      const std::string& col = at.back().whole;
      const auto per_group = [&](std::size_t o) {
        if (tile_of(o) == nullptr || accesses_[o].dims.empty()) return value(o, at);
        std::vector<Position> where(at.begin(), at.end() - 1);
        if (accesses_[o].dims.size() == at.size()) {
          where.push_back(simple(group > 0 ? fmt::format("({} / {})", col, group) : "0"));
        }
        return load(accesses_[o], where, type_, vars_);
      };
      if (packs) {
        const char* rint = type_ == DType::f32 ? "__builtin_rintf" : "__builtin_rint";
        const std::string x = load(accesses_[1], at, type_, vars_);
        return store_y(at, fmt::format("{}({} / {}) + {}", rint, x, per_group(2), per_group(3)));
      }
      std::string q = load(accesses_[1], at, type_, vars_);
      if (nibbles) {
        std::vector<Position> where = at;
        where.back() = simple(fmt::format("({} / 2)", col));
        q = fmt::format("({})nibble({}, {} % 2)", c_type(type_), raw(accesses_[1], where, vars_),
                        col);
      }
      store_y(at, fmt::format("({} - {}) * {}", q, per_group(3), per_group(2)));
    });
  }

  Emitter& e_;
  Writer& out_;
  const VarTable& vars_;
  VecCall call_;
  const Vec& vec_;
  const Primitive& primitive_;
  const Attributes& attributes_;
  const IterationSpace& space_;
  const DType type_;
  std::vector<Access> accesses_;
  Access old_;  // the output as it was
};

}  // namespace

void emit_vec(Emitter& emitter, const Vec& vec) { VecEmitter(emitter, vec).emit(); }

}  // namespace septran::cpu
