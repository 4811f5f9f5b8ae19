#include "compiler/frontend/language.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "compiler/base/diagnostic.h"
#include "compiler/base/dtype.h"

namespace septran::lang {
namespace {

constexpr std::array<std::string_view, 35> keywords{
    "False", "None",     "True",  "and",    "as",   "assert", "async",  "await",    "break",
    "class", "continue", "def",   "del",    "elif", "else",   "except", "finally",  "for",
    "from",  "global",   "if",    "import", "in",   "is",     "lambda", "nonlocal", "not",
    "or",    "pass",     "raise", "return", "try",  "while",  "with",   "yield"};

FunctionParameter optional_keyword(std::string_view name) { return {name, false, true}; }

std::vector<Function> make_module_functions() {
  return {
      {"define", FunctionPlace::decorator, {}},
      {"launch", FunctionPlace::statement, {}},
      {"call_primitive", FunctionPlace::statement, {}},
      {"parallel_range", FunctionPlace::loop, {}},
      {"sequential_range", FunctionPlace::loop, {}},
      {"partition",
       FunctionPlace::task,
       {{"T"}, {"by", true, true}, optional_keyword("shape"), optional_keyword("shape_from")}},
      {"tensor", FunctionPlace::task, {{"shape"}, {"dtype"}}},
      {"tunable", FunctionPlace::task, {{"name"}, {"default", false}}},
      {"transpose", FunctionPlace::task, {{"T"}, {"axes"}}},
      {"reshape", FunctionPlace::task, {{"T"}, {"shape"}}},
      {"im2col",
       FunctionPlace::task,
       {{"X"},
        {"kernel", true, true},
        optional_keyword("stride"),
        optional_keyword("padding"),
        optional_keyword("dilation")}},
      {"ceildiv", FunctionPlace::value, {{"a"}, {"b"}}},
      {"sqrt", FunctionPlace::value, {{"x"}}},
      {"exp2", FunctionPlace::value, {{"x"}}},
  };
}

std::vector<std::string> dtype_names_after(std::string_view first) {
  std::vector<std::string> names{std::string(first)};
  for (const DType type : all_dtypes()) names.emplace_back(name(type));
  return names;
}

}  // namespace

bool is_keyword(std::string_view word) {
  return std::find(keywords.begin(), keywords.end(), word) != keywords.end();
}

const std::vector<Function>& module_functions() {
  static const std::vector<Function> functions = make_module_functions();
  return functions;
}

const std::vector<Function>& builtin_functions() {
  static const std::vector<Function> functions{{"min", FunctionPlace::value, {}, true},
                                               {"max", FunctionPlace::value, {}, true}};
  return functions;
}

const Function* find_function(const std::vector<Function>& functions, std::string_view name) {
  const auto found = std::find_if(functions.begin(), functions.end(),
                                  [&](const Function& f) { return f.name == name; });
  return found == functions.end() ? nullptr : &*found;
}

const std::vector<std::string>& module_values() {
  static const std::vector<std::string> names = dtype_names_after("inf");
  return names;
}

const std::vector<std::string>& annotation_names() {
  static const std::vector<std::string> names = dtype_names_after("Tensor");
  return names;
}

const std::vector<std::string>& tensor_attributes() {
  static const std::vector<std::string> names{"shape", "ndim", "dtype", "T"};
  return names;
}

std::string suggest(std::string_view name, const std::vector<std::string>& known) {
  constexpr std::size_t longest_name = 64;  // edit distance is quadratic
  constexpr std::size_t longest_list = 40;
  // One letter is near to every other.
  if (name.size() > 1 && name.size() <= longest_name) {
    if (const auto nearest = nearest_name(name, known)) {
      return fmt::format("did you mean '{}'?", *nearest);
    }
  }
  if (known.empty()) return "none is known here: leave it out";
  if (known.size() <= longest_list) return fmt::format("known: {}", fmt::join(known, ", "));
  return fmt::format("known are {}, such as {}", known.size(),
                     fmt::join(known.begin(), known.begin() + longest_list, ", "));
}

}  // namespace septran::lang
