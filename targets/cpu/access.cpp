#include "targets/cpu/access.h"

#include <algorithm>

#include "compiler/base/diagnostic.h"

namespace septran::cpu {
namespace {

std::string times(const std::string& value, std::int64_t factor) {
  return factor == 1 ? value : fmt::format("{} * {}", value, factor);
}

void add(std::string& sum, const std::string& term) { sum += sum.empty() ? term : " + " + term; }

/// The digits of a position in an access's own radix.
std::vector<std::string> digits_of(const Access::Dim& dim, const Position& at,
                                   const VarTable& vars) {
  if (dim.steps.size() == 1) return {at.whole};
  std::vector<std::int64_t> radix;
  for (std::size_t s = 1; s < dim.steps.size(); ++s) radix.push_back(dim.steps[s].extent);
  if (dim.starts_at_zero() && radix == at.radix) return at.digits;
  std::vector<std::string> digits(dim.steps.size());
  std::string rest =
      dim.starts_at_zero() ? at.whole : fmt::format("({} + {})", at.whole, to_c(dim.start, vars));
  for (std::size_t s = dim.steps.size(); s-- > 1;) {
    digits[s] = fmt::format("({} % {})", rest, dim.steps[s].extent);
    rest = fmt::format("({} / {})", rest, dim.steps[s].extent);
  }
  digits[0] = rest;
  return digits;
}

}  // namespace

const char* c_type(DType type) {
  switch (type) {
    case DType::f16:
    case DType::bf16:
      return "uint16_t";
    case DType::f32:
      return "float";
    case DType::f64:
      return "double";
    case DType::i8:
      return "int8_t";
    case DType::i32:
      return "int32_t";
    case DType::f8e4m3:
    case DType::f8e5m2:
      return "uint8_t";
  }
  SEPTRAN_BUG("an element type without a C type");
}

Element::Element(const Access& access, const std::vector<Position>& at, const VarTable& vars) {
  SEPTRAN_CHECK(at.size() == access.dims.size());
  std::vector<std::string> coordinates(access.axes.size());
  for (std::size_t d = 0; d < at.size(); ++d) {
    const Access::Dim& dim = access.dims[d];
    const std::vector<std::string> digits = digits_of(dim, at[d], vars);
    for (std::size_t s = 0; s < digits.size(); ++s) {
      const Access::Step& step = dim.steps[s];
      if (digits[s] == "0") continue;
      if (step.stride != 0) add(offset_, times(digits[s], step.stride));
      if (!access.axes.empty()) add(coordinates[step.axis], times(digits[s], step.coordinates));
    }
  }
  if (offset_.empty()) offset_ = "0";
  for (std::size_t a = 0; a < coordinates.size(); ++a) {
    if (coordinates[a].empty()) continue;
    // One comparison does for both ends.
    const std::string inside = fmt::format("(uint64_t)({} + {}) < {}", coordinates[a],
                                           access.axes[a].base, access.axes[a].extent);
    inside_ += inside_.empty() ? inside : " && " + inside;
  }
}

std::string raw(const Access& access, const std::vector<Position>& at, const VarTable& vars) {
  const Element element(access, at, vars);
  std::string value = fmt::format("{}[{}]", access.pointer, element.offset());
  if (access.biased) value = fmt::format("(int8_t)({} ^ -128)", value);
  if (element.inside().empty()) return value;
  return fmt::format("({} ? {} : 0)", element.inside(), value);
}

std::string converted(DType from, DType to, const std::string& value) {
  if (from == to) return value;
  const bool from_wide = from == DType::f64 || from == DType::i32;
  if (to == DType::f64) {
    if (from_wide || from == DType::f32 || from == DType::i8) {
      return fmt::format("(double){}", value);
    }
    return fmt::format("(double){}_to_f32({})", name(from), value);
  }
  if (from == DType::i8 && to == DType::i32) return fmt::format("(int32_t){}", value);
  if (from == DType::i32 && to == DType::f32) return fmt::format("(float){}", value);
  if (from == DType::i32 && to == DType::i8) return fmt::format("i32_to_i8({})", value);
  if (from == DType::i32) return fmt::format("f64_to_{}((double){})", name(to), value);
  if (from == DType::f64 || from == DType::f32 || to == DType::f32) {
    return fmt::format("{}_to_{}({})", name(from), name(to), value);
  }
  return fmt::format("f32_to_{}({}_to_f32({}))", name(to), name(from), value);
}

std::string load(const Access& access, const std::vector<Position>& at, DType type,
                 const VarTable& vars) {
  return converted(access.storage, type, raw(access, at, vars));
}

std::string encoded(const Access& access, DType type, const std::string& value) {
  const std::string code =
      converted(access.logical, access.storage, converted(type, access.logical, value));
  return access.biased ? fmt::format("(int8_t)({} ^ -128)", code) : code;
}

std::string store(const Access& access, const std::vector<Position>& at, DType type,
                  const std::string& value, const VarTable& vars) {
  const Element element(access, at, vars);
  return fmt::format("{}[{}] = {};", access.pointer, element.offset(),
                     encoded(access, type, value));
}

namespace {

/// One loop of a nest: over a whole dimension, or over one of its digits.
struct NestLoop {
  std::size_t dim = 0;
  std::size_t digit = 0;
  std::int64_t stride = 0;
};

class Nest {
 public:
  Nest(Writer& out, const std::vector<Expr>& extents, const Access& leading, const VarTable& vars,
       const std::function<void(const std::vector<Position>&)>& body)
      : out_(out), extents_(extents), vars_(vars), body_(body), at_(extents.size()) {
    for (std::size_t d = 0; d < extents.size(); ++d) {
      const Access::Dim& dim = leading.dims[d];
      // Two digits are walked by two loops; others are taken apart where they are used.
      const bool apart = dim.steps.size() == 2 && dim.starts_at_zero();
      at_[d].whole = fmt::format("i{}", d);
      loops_.push_back({d, 0, dim.steps[0].stride});
      if (!apart) continue;
      at_[d].radix = {dim.steps[1].extent};
      at_[d].digits = {fmt::format("p{}", d), fmt::format("r{}", d)};
      at_[d].whole = fmt::format("(p{0} * {1} + r{0})", d, dim.steps[1].extent);
      loops_.push_back({d, 1, dim.steps[1].stride});
    }
    std::stable_sort(loops_.begin(), loops_.end(), [](const NestLoop& a, const NestLoop& b) {
      return std::abs(a.stride) > std::abs(b.stride);
    });
    // The rest of a dimension is known only inside the loop over its first digit.
    for (std::size_t l = 0; l < loops_.size(); ++l) {
      if (loops_[l].digit != 0) continue;
      for (std::size_t m = 0; m < l; ++m) {
        if (loops_[m].dim == loops_[l].dim) std::swap(loops_[m], loops_[l]);
      }
    }
  }

  void emit() { emit(0); }

 private:
  void emit(std::size_t level) {
    if (level == loops_.size()) return body_(at_);
    const NestLoop& loop = loops_[level];
    const Position& at = at_[loop.dim];
    const Expr& extent = extents_[loop.dim];
    if (at.radix.empty()) return emit_loop(level, at.whole, to_c(extent, vars_));
    const std::int64_t radix = at.radix[0];
    if (loop.digit == 1) return emit_loop(level, at.digits[1], rest_[loop.dim]);
    const Expr whole_panels = vars_.simplify(Expr::floor_div(extent, radix));
    const Expr panels = vars_.simplify(Expr::ceil_div(extent, radix));
    const std::string& p = at.digits[0];
    rest_[loop.dim] = fmt::format("{}", radix);
    if (!(panels == Expr(0)) && vars_.range(whole_panels).hi > 0) {
      out_.open("for (int64_t {0} = 0; {0} < {1}; ++{0})", p, to_c(whole_panels, vars_));
      emit(level + 1);
      out_.close();
    }
    if (whole_panels == panels) return;
    // The last panel is narrower.
    rest_[loop.dim] = fmt::format("rest{}", loop.dim);
    out_.open("for (int64_t {0} = {1}; {0} < {2}; ++{0})", p, to_c(whole_panels, vars_),
              to_c(panels, vars_));
    out_.line("const int64_t rest{} = {} - {} * {};", loop.dim, to_c(extent, vars_), p, radix);
    emit(level + 1);
    out_.close();
  }

  void emit_loop(std::size_t level, const std::string& name, const std::string& end) {
    if (level + 1 == loops_.size()) out_.directive("#pragma GCC ivdep");
    out_.open("for (int64_t {0} = 0; {0} < {1}; ++{0})", name, end);
    emit(level + 1);
    out_.close();
  }

  Writer& out_;
  const std::vector<Expr>& extents_;
  const VarTable& vars_;
  const std::function<void(const std::vector<Position>&)>& body_;
  std::vector<Position> at_;
  std::vector<NestLoop> loops_;
  std::vector<std::string> rest_ = std::vector<std::string>(extents_.size());
};

}  // namespace

void emit_nest(Writer& out, const std::vector<Expr>& extents, const Access& leading,
               const VarTable& vars,
               const std::function<void(const std::vector<Position>&)>& body) {
  Nest(out, extents, leading, vars, body).emit();
}

}  // namespace septran::cpu
