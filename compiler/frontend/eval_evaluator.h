// The evaluator's state, shared by the files that hold its parts.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/frontend/eval_access.h"
#include "compiler/frontend/eval_check.h"
#include "compiler/frontend/eval_value.h"

namespace septran::lang {

/// A running task.
struct Frame {
  const Task* task = nullptr;
  std::map<std::string, Value, std::less<>> names;
  std::map<std::string, std::string, std::less<>> tunables;  // names assigned from task.tunable
};

class Evaluator {
 public:
  Evaluator(const Module& module, VarTable& vars, Visitor& visitor, Diagnostics& diagnostics,
            const EvaluateOptions& options);
  bool run(const EntryBinding& entry, std::span<const std::uint32_t> roots);

 private:
  /// What is known of a root that the visitor gave out.
  struct Root {
    std::string name;
    std::vector<Expr> shape;
    std::optional<TensorValue> parent;  // what it stands for, in the launching task
    std::size_t loop_depth = 0;         // loops around its making
  };
  struct ActiveLoop {
    LoopKind kind = LoopKind::sequential;
    std::vector<VarId> vars;  // empty where indices are constant
  };

  // Statements (evaluate.cpp)
  void run_block(const Block& block);
  void run_statement(const Statement& statement);
  void run_assign(const Assign& assign);
  void run_for(const For& loop, Span span);
  bool loop_bounds(const For& loop, std::vector<Expr>& begins, std::vector<Expr>& ends);
  bool run_iteration(const For& loop, std::span<const Expr> indices,
                     const std::vector<std::string>& assigned);
  void run_if(const If& statement, std::size_t branch, Span span);
  void run_symbolic_if(const If& statement, std::size_t branch, const Cond& condition, Span span);
  void run_assert(const Assert& statement);
  void evaluate_constants();

  // Launches (eval_launch.cpp)
  void run_launch(const Launch& launch, Span span);
  bool launch_arguments(const Launch& launch, const Task& callee,
                        std::vector<LaunchArgument>& arguments, std::vector<Span>& spans);
  std::optional<LaunchArgument> launch_argument(const Parameter& parameter, const Task& callee,
                                                const Value& value, Span span);
  bool bind_dimensions(const Task& callee, std::span<const LaunchArgument> arguments,
                       const std::vector<Span>& spans, Frame& frame);
  bool bind_dimension(const Parameter& parameter, std::size_t d, const Expr& extent, Span span,
                      Frame& frame, std::map<std::string, std::string>& first);
  void run_callee(const LaunchRequest& request, std::span<const LaunchArgument> arguments,
                  Frame frame);

  // Primitive calls (eval_primitive.cpp)
  struct PreparedCall;
  void run_primitive(const PrimitiveCall& call, Span span);
  bool prepare_operand(PreparedCall& prepared, std::size_t index, const Value& value, Span span);
  bool prepare_attribute(PreparedCall& prepared, const AttributeSpec& spec, const Value& value,
                         Span span);
  void split_conditions(PreparedCall& prepared, Span span);
  void emit_primitive(PreparedCall& prepared, Span span);
  bool check_shapes(const PreparedCall& prepared, Span span);
  bool check_writes(const PreparedCall& prepared, Span span);
  void warn_accumulation(const PreparedCall& prepared, Span span);
  void record_access(const TensorValue& tensor, Access access, Span span,
                     const std::string& primitive);

  // Expressions (eval_expression.cpp)
  Value eval(const Expression& e);
  Value eval_node(const Expression& e);
  Value eval_name(const std::string& name, Span span);
  Value eval_unary(const Unary& e, Span span);
  Value eval_binary(const Binary& e, Span span);
  Value eval_comparison(const Comparison& e);
  std::optional<Cond> compare(CompareOp op, const Value& a, const Value& b, Span span);
  Value eval_bool(const BoolOperation& e);
  Value eval_conditional(const Conditional& e, Span span);
  Value checked(const Expr& e, Span span);  // magnitude and complexity
  Value integer_binary(BinaryOp op, const Expr& a, const Expr& b, Span span);
  Value float_binary(BinaryOp op, double a, double b, Span span);
  Value integer_power(std::int64_t base, std::int64_t exponent, Span span);
  std::optional<Expr> product(const Expr& a, const Expr& b, Span span);

  // Functions of the language (eval_call.cpp)
  Value eval_call(const Call& e, Span span);
  static std::vector<const Expression*> call_arguments(const Call& call,
                                                       std::initializer_list<const char*> names);
  Value eval_min_max(const Call& e, Span span);
  Value eval_tunable(const Call& e, Span span);
  static const std::string& tunable_name(const Call& e);
  void note_tunable(const std::string& name, Span use);
  Value tunable_value(const std::string& name, Span span, bool has_default);
  Value call_tensor(const Call& e, Span span, const std::string& name);
  Value call_partition(const Call& e, Span span);
  std::optional<std::vector<Expr>> partition_blocks(const TensorValue& tensor,
                                                    const Expression* shape,
                                                    const Expression* shape_from, Span span);
  std::optional<std::vector<Expr>> block_extents(const Value& value, std::size_t rank, bool cut,
                                                 Span span);
  Value call_transpose(const Call& e);
  Value call_reshape(const Call& e, Span span);
  Value call_im2col(const Call& e, Span span);
  Value call_math(const Call& e, Span span);
  Value call_ceildiv(const Call& e, Span span);

  // Tensors (eval_tensor.cpp)
  Value eval_attribute(const Attribute& e, Span span);
  Value eval_subscript(const Subscript& e, Span span);
  Value subscript_sequence(const SequenceValue& sequence, const Subscript& e, Span span);
  Value subscript_tensor(const TensorValue& tensor, const Subscript& e);
  Value subscript_partition(const PartitionValue& partition, const Subscript& e);
  std::optional<std::pair<Expr, Expr>> slice_bounds(const SubscriptItem& item, const Expr& extent,
                                                    std::size_t dim);
  [[nodiscard]] Expr simplified(const Expr& e) const;
  [[nodiscard]] Expr simplified_extent(const Expr& extent) const;

  // Conversions: nothing where an error was reported (or before).
  std::optional<Expr> to_integer(const Value& value, Span span, const char* what = "an integer");
  std::optional<std::int64_t> to_constant(const Value& value, Span span, const char* what);
  std::optional<double> to_number(const Value& value, Span span, const char* what = "a number");
  std::optional<Cond> to_condition(const Value& value, Span span);
  std::optional<DType> to_dtype(const Value& value, Span span);
  std::optional<std::vector<Expr>> to_integers(const Value& value, Span span, const char* what);
  std::optional<TensorValue> to_tensor(const Value& value, Span span);
  Value wrong_type(const char* expected, const Value& found, Span span, const char* hint = "");

  /// The tensor as a view of a root of the entry task or a temporary. `exact` becomes false where
  /// no view can say it: then the result shows more.
  [[nodiscard]] TensorValue base_tensor(const TensorValue& tensor, bool& exact) const;
  [[nodiscard]] const std::vector<std::string>& assigned_names(const Block& block);
  Frame& frame() { return *frame_; }

  const Module& module_;
  VarTable& vars_;
  Visitor& visitor_;
  const EvaluateOptions& options_;
  Checker checker_;
  std::map<std::string, Value, std::less<>> constants_;
  Frame* frame_ = nullptr;
  std::vector<ActiveLoop> loops_;
  std::map<std::uint32_t, Root> roots_;
  std::map<const Block*, std::vector<std::string>> assigned_;  // names that a block assigns
  LaunchChain chain_;
  AccessNode accesses_;
  std::vector<AccessNode*> open_;  // innermost last
  std::int64_t statements_ = 0;
  std::size_t depth_ = 0;
};

}  // namespace septran::lang
