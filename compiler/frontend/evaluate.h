// Evaluates a task of a logic file: dimensions and scalars are numbers, integers are expressions.
//
// One evaluator serves two users through Visitor: the reference interpreter runs each loop's body
// with constant indices; the compiler makes loop variables, and visits each body once.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "compiler/base/diagnostic.h"
#include "compiler/base/dtype.h"
#include "compiler/base/expr.h"
#include "compiler/base/view.h"
#include "compiler/frontend/task_tree.h"
#include "compiler/primitives/primitives.h"

namespace septran::lang {

/// A tensor in a task: what `view` shows of a root. Roots are handles that the visitor gives out
/// (and that the caller of evaluate() gives the entry's tensors).
struct TensorValue {
  std::uint32_t root = 0;
  View view;
  DType dtype = DType::f32;
  bool read_only = false;  // an im2col view, or a view of one
};

/// The value of a tunable; the same type as mapping::TunableValue.
using TunableValue =
    std::variant<std::int64_t, double, bool, std::vector<std::int64_t>, std::string>;

/// A tensor, or a scalar: integer (may depend on loop variables), float, truth value (likewise).
using LaunchArgument = std::variant<TensorValue, Expr, double, Cond>;
/// Absent (a left-out optional operand), a tensor, or a number.
using OperandValue = std::variant<std::monostate, TensorValue, double>;

struct LoopRequest {
  const For& statement;
  LoopKind kind;
  std::vector<std::string> names;
  std::vector<Expr> begins;  // one a variable; of enclosing loops' variables only
  std::vector<Expr> ends;    // may lie below begin: no iterations
  Span span;
};
/// Runs the body with these values of the variables. False: enough errors were found, stop.
using LoopBody = std::function<bool(std::span<const Expr> indices)>;

struct LaunchRequest {
  const Task& caller;
  const Launch& launch;
  const Task& callee;
  std::vector<LaunchArgument> arguments;  // in the order of callee.parameters
  Span span;
};
/// Runs the callee. `arguments` are the request's, in which the visitor may have given tensors new
/// roots (a tensor that stands for all of the argument: then its view is the full_view of the
/// argument's shape).
using LaunchBody = std::function<void(std::span<const LaunchArgument> arguments)>;

struct PrimitiveRequest {
  const Task& task;
  const PrimitiveCall& call;
  const Primitive& primitive;
  std::vector<OperandValue> operands;  // in the table's order, one for each operand of the table
  Attributes attributes;               // defaults filled in; checked against the table
  Span span;
};

struct TunableRequest {
  std::string name;
  Span span;
  bool has_default = false;  // the logic file states one
};

/// What evaluate() calls back, in program order.
class Visitor {
 public:
  virtual ~Visitor() = default;

  /// `task.tensor`: a new root. `name` is what it is assigned to, empty if nothing.
  virtual std::uint32_t temporary(const std::string& name, const std::vector<Expr>& shape,
                                  DType dtype, Span span) = 0;
  /// Either calls the body for every point of the iteration space with constants (row-major order,
  /// the first variable slowest), or adds one variable a name to the VarTable given to evaluate(),
  /// with the bounds of the request, and calls it once with Expr::var of each.
  virtual void loop(const LoopRequest& request, const LoopBody& body) = 0;
  /// `if` on a condition that depends on loop variables (constant ones are decided before). Calls
  /// both, `then` first.
  virtual void branch(const Cond& condition, Span span, const std::function<void()>& then,
                      const std::function<void()>& otherwise) = 0;
  /// Calls the body once.
  virtual void launch(const LaunchRequest& request, const LaunchBody& body) = 0;
  virtual void primitive(const PrimitiveRequest& request) = 0;
  /// The value of a tunable in the task that is running. Nothing: the default of the logic file is
  /// used, and without one an error is reported, with tunable_notes() as its notes. Lookups of
  /// partitions (`block_size`, `block_shape_A`) come here too, the latter as `has_default`.
  virtual std::optional<TunableValue> tunable(const TunableRequest& request) = 0;
  /// Where the value that tunable() gives is written; nothing for a default.
  virtual std::optional<Span> tunable_place(const std::string& /*name*/) { return std::nullopt; }
  /// Where tunable() looked.
  virtual std::vector<DiagnosticNote> tunable_notes(const std::string& /*name*/) { return {}; }
};

/// A tensor parameter of the entry task: extents at least 1, size in bytes within 2^61.
struct EntryTensor {
  std::vector<std::int64_t> shape;
  DType dtype = DType::f32;
};
using EntryArgument = std::variant<EntryTensor, std::int64_t, double, bool>;
struct EntryBinding {
  const Task* task = nullptr;
  std::vector<EntryArgument> arguments;            // one a parameter
  std::map<std::string, std::int64_t> dimensions;  // the named dimensions of its signature
};

/// What the command line says about the entry task.
struct EntryRequest {
  std::vector<std::pair<std::string, std::string>> definitions;  // -D name=value
  std::optional<DType> default_dtype;                            // --dtype f16; none: f32
  std::map<std::string, DType> dtypes;                           // --dtype C=f32
  struct Argument {
    std::optional<DType> dtype;
    std::vector<std::int64_t> shape;
  };
  std::map<std::string, Argument> arguments;  // --arg A=f16[1024,512], or the shape of a file
};

/// Names of everything that `-D` may set for a task: dimensions, then scalar parameters.
std::vector<std::string> definable_names(const Task& task);

/// Resolves every dimension, element type and scalar of the entry task. Errors: unknown task,
/// unknown or missing or repeated name, a value that is not a number of the right kind, an extent
/// below 1, a shape that contradicts the annotation, a tensor that is too large.
Result<EntryBinding> bind_entry(const Module& module, std::string_view task,
                                const EntryRequest& request, Diagnostics& diagnostics);

struct EvaluateOptions {
  std::size_t max_errors = 50;
  /// Points that one check may enumerate, when it cannot be proved from ranges; past it: an error.
  std::int64_t enumeration_limit = 1'000'000;
  /// Statements that may be visited in all; 0: no limit. It bounds launch trees that double at
  /// every level.
  std::int64_t statement_limit = 1'000'000;
  /// Check that temporaries are written before they are read and that iterations of a
  /// parallel_range are independent. Only where loop variables are symbolic; the reference
  /// interpreter, which has constant ones, tracks written elements itself.
  bool check_accesses = true;
};

/// Walks the entry task. `roots[p]` is the handle of tensor parameter p (ignored for scalars).
/// `vars` is the table that the visitor adds its loop variables to.
///
/// Checked, for all iterations of the loops around: types, subscripts, slices, extents, integer
/// overflow, shape agreement of launches and primitives, writes to read-only views, asserts, that
/// temporaries are written before they are read and that iterations of a parallel_range are
/// independent (if asked for). What ranges cannot prove is enumerated up to the limit. Each fault
/// is reported once a source place. False if there were errors.
bool evaluate(const Module& module, const EntryBinding& entry, std::span<const std::uint32_t> roots,
              VarTable& vars, Visitor& visitor, Diagnostics& diagnostics,
              const EvaluateOptions& options = {});

}  // namespace septran::lang
