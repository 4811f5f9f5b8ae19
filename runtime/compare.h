// Whether a backend's result is the reference's, within what the arithmetic explains.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/tensor.h"

namespace septran::runtime {

/// How much arithmetic stands between inputs and an output element, along the longest chain.
struct Arithmetic {
  std::int64_t additions = 1;             // lengths of its reductions, added up
  std::int64_t transcendentals = 0;       // calls of exp, tanh, gelu, ...
  std::vector<DType> intermediates = {};  // types narrower than arithmetic written on the way
  int factor_bits = 0;  // of the mantissa that factors of products are rounded to; 0: all
  int sum_bits = 0;     // of the mantissa that their sums keep behind every 16 products; 0: all
  std::int64_t short_products = 0;  // products of which either is so
  bool exact = false;               // inputs were chosen so that no sum rounds
};

struct WrongElement {
  std::vector<std::int64_t> index;
  double value = 0;
  double reference = 0;
};

struct Comparison {
  bool ok = true;
  double max_abs_error = 0;   // infinite where only one side is finite, or NaN
  double relative_error = 0;  // ||out - reference|| / ||reference||, over what is finite in both
  double tolerance = 0;       // of relative_error
  std::int64_t wrong_elements = 0;
  std::int64_t elements = 0;
  /// Those that miss the reference by more than element_tolerance() and of which no bounds are
  /// known.
  std::int64_t incomparable_elements = 0;
  std::optional<WrongElement> first_wrong;
};

/// Compares tensors of one type and shape. Infinities of one sign, and NaNs, in the same place are
/// equal; in one tensor only, they are wrong and make both errors infinite. Integers must agree
/// exactly. An element is wrong if it misses the reference by more than element_tolerance(); the
/// result is also not ok if relative_error exceeds norm_tolerance().
Comparison compare(const HostTensor& out, const HostTensor& reference,
                   const Arithmetic& arithmetic);

/// The same with bounds of every element (reference::enclose), for where the sizes of results do
/// not tell what their errors may be: an element is wrong if it lies outside, and the result is not
/// ok if any is. NaN bounds say that a finite reference may come out as anything: such an element
/// is not wrong, but incomparable if it misses the reference. `tolerance` stays 0.
Comparison compare(const HostTensor& out, const HostTensor& reference, const Arithmetic& arithmetic,
                   std::span<const double> low, std::span<const double> high);

/// Largest |out - reference| that an element may show, where it is `reference` in size and the
/// whole tensor `root_mean_square`; compare.cpp derives it.
double element_tolerance(DType dtype, const Arithmetic& arithmetic, double reference,
                         double root_mean_square);
/// Largest relative_error of a tensor of that size.
double norm_tolerance(DType dtype, const Arithmetic& arithmetic, double root_mean_square);

/// Tells the user what is wrong with the tensor `name`; nothing if the comparison is ok.
void report_wrong_result(const Comparison& comparison, std::string_view name,
                         Diagnostics& diagnostics);

}  // namespace septran::runtime
