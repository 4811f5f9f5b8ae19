// Products of few rows or few columns whose inputs both lie with their neighbours along k side by
// side: inner products by vectors along k.
#pragma once

#include <optional>
#include <string>

#include "targets/cpu/emitter.h"

namespace septran::cpu {

/// Products of so many rows or columns at most may be inner products; with more, blocks are faster.
inline constexpr std::int64_t few_inner_products = 8;

/// One element of C after the other, several rows of `rows` at a time; steps in elements.
struct Inner {
  DType type = DType::f32;   // of the sums
  std::int64_t lanes = 0;    // of a vector
  std::int64_t columns = 1;  // of B, all of them where their number is known
  bool is_whole = false;     // vectors of f32 are the prelude's
  DType a = DType::f32;
  DType b = DType::f32;
  std::int64_t a_row = 0;
  std::int64_t b_row = 0;
  std::int64_t c_row = 0;  // of C, from one of A's rows to the next
  std::int64_t c_col = 0;
  double alpha = 1.0;
  std::string_view a_widening;  // see built_ins.h
  std::string_view b_widening;
  bool swapped = false;  // A and B have changed places: A is the one of more rows

  [[nodiscard]] std::string key() const;
};

/// How to compute a product so, if it is one of that kind.
std::optional<Inner> plan_inner(const Product& product, const Machine& machine,
                                const VarTable& vars);

/// Writes `static void NAME(m, n, k, a, b, c, accumulate)`: c = (accumulate ? c : 0) + alpha * a *
/// b, where A has m rows and B n.
void write_inner(const Inner& inner, const std::string& name, Writer& out);

/// Writes the functions NAME_load and NAME_part that read a vector of `lanes` elements of a type,
/// or the first of them, as numbers of `type` (NAME_number). `is_whole`: 32-bit lanes fill the
/// machine's vectors, as the prelude's do.
void write_loads(const std::string& name, DType from, DType type, std::int64_t lanes, bool is_whole,
                 std::string_view widening, Writer& out);

}  // namespace septran::cpu
