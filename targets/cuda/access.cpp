#include "targets/cuda/access.h"

#include <algorithm>
#include <cmath>

#include "compiler/base/diagnostic.h"
#include "targets/cpu/access.h"

namespace septran::cuda {
namespace {

std::string times(const std::string& value, std::int64_t factor) {
  return factor == 1 ? value : fmt::format("{} * {}", value, factor);
}

void add(std::string& sum, const std::string& term) { sum += sum.empty() ? term : " + " + term; }

/// The digits of a position in an access's own radix.
std::vector<std::string> digits_of(const Access::Dim& dim, const std::string& at,
                                   const VarTable& vars) {
  if (dim.steps.size() == 1) return {at};
  std::vector<std::string> digits(dim.steps.size());
  std::string rest =
      dim.start == Expr(0) ? at : fmt::format("(({}) + {})", at, to_c(dim.start, vars));
  for (std::size_t s = dim.steps.size(); s-- > 1;) {
    digits[s] = fmt::format("({} % {})", rest, dim.steps[s].extent);
    rest = fmt::format("({} / {})", rest, dim.steps[s].extent);
  }
  digits[0] = rest;
  return digits;
}

std::string swizzled_offset(const Access& access, const Position& at) {
  const auto element = static_cast<std::int64_t>(size_bytes(access.storage));
  const auto along = [&](std::size_t dim, const std::string& base) {
    if (dim == SIZE_MAX) return base;
    return base == "0" ? at[dim] : fmt::format("(int)({} + {})", base, at[dim]);
  };
  return fmt::format("swizzled<{}, {}>({}, {})", access.swizzled_rows, element,
                     along(access.swizzled_dims[0], access.base_row),
                     along(access.swizzled_dims[1], access.base_col));
}

}  // namespace

std::string offset_of(const Access& access, const Position& at, const VarTable& vars) {
  SEPTRAN_CHECK(at.size() == access.dims.size());
  if (access.swizzled_rows > 0) return swizzled_offset(access, at);
  std::string offset;
  for (std::size_t d = 0; d < at.size(); ++d) {
    const std::vector<std::string> digits = digits_of(access.dims[d], at[d], vars);
    for (std::size_t s = 0; s < digits.size(); ++s) {
      const std::int64_t stride = access.dims[d].steps[s].stride;
      if (digits[s] == "0" || stride == 0) continue;
      add(offset, times(access.wide ? "(int64_t)" + digits[s] : digits[s], stride));
    }
  }
  return offset.empty() ? "0" : offset;
}

std::string inside(const Access& access, const Position& at, const VarTable& vars) {
  if (access.axes.empty()) return "";
  std::vector<std::string> coordinates(access.axes.size());
  for (std::size_t d = 0; d < at.size(); ++d) {
    const std::vector<std::string> digits = digits_of(access.dims[d], at[d], vars);
    for (std::size_t s = 0; s < digits.size(); ++s) {
      const Access::Step& step = access.dims[d].steps[s];
      if (digits[s] != "0") add(coordinates[step.axis], times(digits[s], step.coordinates));
    }
  }
  std::string condition;
  for (std::size_t a = 0; a < coordinates.size(); ++a) {
    if (coordinates[a].empty()) coordinates[a] = "0";
    // One comparison does for both ends.
    const std::string part = fmt::format("(uint64_t)({} + {}) < {}", coordinates[a],
                                         access.axes[a].base, access.axes[a].extent);
    condition += condition.empty() ? part : " && " + part;
  }
  return condition;
}

std::string raw(const Access& access, const Position& at, const VarTable& vars) {
  const std::string value = fmt::format("{}[{}]", access.pointer, offset_of(access, at, vars));
  const std::string condition = inside(access, at, vars);
  if (condition.empty()) return value;
  return fmt::format("({} ? {} : {}(0))", condition, value, cpu::c_type(access.storage));
}

std::string load(const Access& access, const Position& at, DType type, const VarTable& vars) {
  return cpu::converted(access.storage, type, raw(access, at, vars));
}

std::string encoded(DType logical, DType storage, DType type, const std::string& value) {
  return cpu::converted(logical, storage, cpu::converted(type, logical, value));
}

std::string store(const Access& access, const Position& at, DType type, const std::string& value,
                  const VarTable& vars) {
  return fmt::format("{}[{}] = {};", access.pointer, offset_of(access, at, vars),
                     encoded(access.logical, access.storage, type, value));
}

std::string number(DType type, double value) {
  if (type == DType::i32) {
    if (std::isnan(value)) return "0";
    const double limited = std::clamp(std::nearbyint(value), -2147483648.0, 2147483647.0);
    return fmt::format("(int32_t)({}LL)", static_cast<std::int64_t>(limited));
  }
  const bool is_f32 = type == DType::f32;
  if (is_f32) value = static_cast<double>(static_cast<float>(value));
  if (std::isnan(value)) {
    return is_f32 ? "__int_as_float(0x7fffffff)" : "__longlong_as_double(0x7ff8000000000000LL)";
  }
  if (std::isinf(value)) {
    return fmt::format(
        "({}{})", value < 0 ? "-" : "",
        is_f32 ? "__int_as_float(0x7f800000)" : "__longlong_as_double(0x7ff0000000000000LL)");
  }
  const char* suffix = is_f32 ? "f" : "";
  if (value == std::floor(value) && std::abs(value) < 1e6 && !std::signbit(value)) {
    return fmt::format("{}.0{}", static_cast<std::int64_t>(value), suffix);
  }
  return fmt::format("({:a}{})", value, suffix);
}

}  // namespace septran::cuda
