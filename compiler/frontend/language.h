// The vocabulary of Task Lang: keywords, functions and attributes of the language module.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace septran::lang {

/// Keywords of Python: none may be a name.
[[nodiscard]] bool is_keyword(std::string_view word);

/// Where a function of the language may be called.
enum class FunctionPlace {
  value,      // in any expression of a task or a constant
  task,       // in an expression of a task only
  statement,  // launch, call_primitive: a statement of its own
  loop,       // the ranges: after `in` of a loop only
  decorator   // define
};
struct FunctionParameter {
  std::string_view name;
  bool required = true;
  bool keyword_only = false;
};
struct Function {
  std::string_view name;
  FunctionPlace place = FunctionPlace::value;
  std::vector<FunctionParameter> parameters;
  /// Takes any number of arguments from two on (`min`, `max`); `parameters` is empty.
  bool variadic = false;
};

/// Functions of the language module (`task.f`).
const std::vector<Function>& module_functions();
/// Functions without a prefix: `min`, `max`.
const std::vector<Function>& builtin_functions();
const Function* find_function(const std::vector<Function>& functions, std::string_view name);

/// Names after the module's alias that are values: `inf` and the element types.
const std::vector<std::string>& module_values();
/// Names after the module's alias that may annotate a parameter.
const std::vector<std::string>& annotation_names();
/// Attributes of tensors and partitions.
const std::vector<std::string>& tensor_attributes();

/// "did you mean 'x'?", or the whole list where it is short, or nothing.
std::string suggest(std::string_view name, const std::vector<std::string>& known);

}  // namespace septran::lang
