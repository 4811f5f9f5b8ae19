// The task tree: what a logic file says, as parsed. Python syntax, resolved as far as names of
// statements go (loops, launches and primitive calls are statements of their own here).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "compiler/base/dtype.h"
#include "compiler/base/source.h"

namespace septran::lang {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct IntegerLiteral {
  std::int64_t value = 0;
};
struct FloatLiteral {
  double value = 0;
};
struct BoolLiteral {
  bool value = false;
};
struct StringLiteral {
  std::string value;
};
struct NoneLiteral {};
/// A name: a local variable, parameter, dimension of the signature, module constant or task.
struct NameRef {
  std::string name;
};
/// `object.name`.
struct Attribute {
  ExpressionPtr object;
  std::string name;
  Span name_span;
};
/// One item of a subscript: an index, or a slice with optional bounds (no step).
struct SubscriptItem {
  Span span;
  bool is_slice = false;
  ExpressionPtr index;  // not a slice
  ExpressionPtr begin;  // slice; null if left out
  ExpressionPtr end;
};
struct Subscript {
  ExpressionPtr object;
  std::vector<SubscriptItem> items;
};
struct KeywordArgument {
  std::string name;
  Span name_span;
  ExpressionPtr value;
};
/// A call of a function of the language module (`task.f(...)`, function = "f") or of one of the
/// builtins `min`, `max` (from_module = false).
struct Call {
  bool from_module = false;
  std::string function;
  Span function_span;
  std::vector<ExpressionPtr> arguments;
  std::vector<KeywordArgument> keywords;
};
/// `task.name` without a call: `task.inf`, `task.f32`.
struct ModuleAttribute {
  std::string name;
};
struct TupleExpression {
  std::vector<ExpressionPtr> items;
  bool is_list = false;
};
enum class UnaryOp { negate, plus, logical_not };
struct Unary {
  UnaryOp op = UnaryOp::negate;
  ExpressionPtr operand;
};
enum class BinaryOp { add, subtract, multiply, divide, floor_divide, modulo, power };
struct Binary {
  BinaryOp op = BinaryOp::add;
  ExpressionPtr left;
  ExpressionPtr right;
};
enum class CompareOp { eq, ne, lt, le, gt, ge };
/// `a < b <= c`: operands.size() == ops.size() + 1.
struct Comparison {
  std::vector<ExpressionPtr> operands;
  std::vector<CompareOp> ops;
};
struct BoolOperation {
  bool is_and = true;
  std::vector<ExpressionPtr> operands;
};
/// `then if condition else otherwise`.
struct Conditional {
  ExpressionPtr condition;
  ExpressionPtr then;
  ExpressionPtr otherwise;
};

struct Expression {
  Span span;
  std::variant<IntegerLiteral, FloatLiteral, BoolLiteral, StringLiteral, NoneLiteral, NameRef,
               Attribute, Subscript, Call, ModuleAttribute, TupleExpression, Unary, Binary,
               Comparison, BoolOperation, Conditional>
      node;
};

struct Statement;
using Block = std::vector<Statement>;

struct NameTarget {
  std::string name;
  Span span;
};
/// `name = value` or `a, b = value`.
struct Assign {
  std::vector<NameTarget> targets;
  bool unpack = false;  // a tuple of targets
  ExpressionPtr value;
};
enum class LoopKind { parallel, sequential };
/// `for i, j in task.parallel_range(...)`.
struct For {
  LoopKind kind = LoopKind::sequential;
  std::vector<NameTarget> targets;
  std::vector<ExpressionPtr> arguments;  // of the range call
  Span range_span;
  std::unique_ptr<Block> body;
};
struct IfBranch {
  ExpressionPtr condition;  // null for `else`
  std::unique_ptr<Block> body;
};
struct If {
  std::vector<IfBranch> branches;
};
struct Assert {
  ExpressionPtr condition;
  std::string message;
};
struct Launch {
  std::string callee;
  Span callee_span;
  std::vector<ExpressionPtr> arguments;
  std::vector<KeywordArgument> keywords;  // by the callee's parameter names
};
struct PrimitiveCall {
  std::string primitive;
  Span primitive_span;
  std::vector<ExpressionPtr> arguments;
  std::vector<KeywordArgument> attributes;
};

struct Statement {
  Span span;
  std::variant<Assign, For, If, Assert, Launch, PrimitiveCall> node;
};

/// A dimension of a parameter's annotation: a name or an integer.
struct Dimension {
  Span span;
  std::string name;  // empty for an integer
  std::int64_t value = 0;
};
enum class ParameterKind { tensor, integer, floating, boolean };
struct Parameter {
  std::string name;
  Span span;
  ParameterKind kind = ParameterKind::tensor;
  std::optional<DType> dtype;                   // tensors: fixed by the annotation
  std::optional<std::vector<Dimension>> shape;  // tensors: given by the annotation
};
struct Task {
  std::string name;
  Span name_span;
  Span span;
  bool is_leaf = false;
  bool is_broken = false;  // it has no list of parameters: names in the body cannot be judged
  std::string docstring;
  std::vector<Parameter> parameters;
  Block body;
};
/// `NAME = expression` at file level; evaluated in order, each may use the earlier ones.
struct Constant {
  std::string name;
  Span span;
  ExpressionPtr value;
};

struct Module {
  FileId file;
  std::string docstring;
  std::string alias;  // what `task_lang` is imported as
  std::vector<Constant> constants;
  std::vector<Task> tasks;

  [[nodiscard]] const Task* find(std::string_view name) const {
    for (const Task& task : tasks) {
      if (task.name == name) return &task;
    }
    return nullptr;
  }
};

}  // namespace septran::lang
