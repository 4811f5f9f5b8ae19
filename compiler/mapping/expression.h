// Expressions in a mapping file: integers over the entry's dimensions and scalars.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "compiler/base/diagnostic.h"
#include "compiler/base/dtype.h"
#include "compiler/mapping/mapping.h"

namespace septran::mapping {

using ExpressionValue = std::variant<std::int64_t, double, bool, DType>;

/// Where an expression's text stands. With `exact`, span covers just the text, byte for byte, so
/// that faults can be marked inside it; otherwise they mark the whole span.
struct ExpressionPlace {
  Span span;
  bool exact = true;
};

/// Evaluates Python-like text: + - * / // % **, comparisons, and, or, not, `a if c else b`, min,
/// max, ceildiv; names of dimensions, scalars and element types; `dtype` (that which all the
/// entry's tensors share), `A.dtype`. Element types may be written in quotes. Division `//` and `%`
/// round down, `/` gives a float. Faults are reported.
Result<ExpressionValue> evaluate(std::string_view text, ExpressionPlace place,
                                 const Environment& environment, Diagnostics& diagnostics);

/// Whether the text is one name, and one that `evaluate` does not know: then it is just a word.
bool is_unknown_word(std::string_view text, const Environment& environment);

/// "an integer", ...: for messages.
std::string_view describe(const ExpressionValue& value);

}  // namespace septran::mapping
