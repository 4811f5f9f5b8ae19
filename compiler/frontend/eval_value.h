// Values of expressions in a logic file.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "compiler/frontend/evaluate.h"

namespace septran::lang {

struct Value;
/// An error was reported where this value came from: uses of it say nothing more.
struct InvalidValue {};
struct NoneValue {};
/// A name that has no value at this place, and why.
struct UnavailableValue {
  std::string reason;
};
/// A tensor cut into blocks. A block extent that is not constant is that of the whole dimension.
struct PartitionValue {
  TensorValue tensor;
  std::vector<Expr> block;
  std::vector<Expr> grid;
};
using SequenceValue = std::vector<Value>;

struct Value {
  std::variant<InvalidValue, NoneValue, UnavailableValue, Expr, double, Cond, std::string, DType,
               TensorValue, PartitionValue, SequenceValue>
      data;

  template <typename T>
  [[nodiscard]] const T* get() const {
    return std::get_if<T>(&data);
  }
  [[nodiscard]] bool invalid() const { return std::holds_alternative<InvalidValue>(data); }
};

/// "an integer", "a tensor", ...: what diagnostics call it.
std::string describe(const Value& value);

}  // namespace septran::lang
