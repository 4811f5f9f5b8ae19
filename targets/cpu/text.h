// Writing C: lines with indentation, and integer expressions and conditions as C.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

#include "compiler/base/expr.h"

namespace septran::cpu {

/// Lines of C, indented by the braces that are open.
class Writer {
 public:
  template <typename... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    raw(fmt::format(format, std::forward<Args>(args)...));
  }
  /// A line that ends with an opening brace.
  template <typename... Args>
  void open(fmt::format_string<Args...> format, Args&&... args) {
    const std::string head = fmt::format(format, std::forward<Args>(args)...);
    raw(head.empty() ? "{" : head + " {");
    ++depth_;
  }
  void close(const char* end = "}");
  /// A preprocessor line, not indented.
  void directive(const std::string& text) { out_ += text + "\n"; }
  void raw(const std::string& text);
  void set_depth(int depth) { depth_ = depth; }
  [[nodiscard]] int depth() const { return depth_; }
  [[nodiscard]] const std::string& text() const { return out_; }

 private:
  std::string out_;
  int depth_ = 0;
};

/// C identifier from a name of the logic file: other characters become '_', a number keeps apart
/// what has one name.
std::string identifier(const std::string& name, std::uint32_t number);
/// The C variable of a loop variable.
std::string variable(VarId id, const VarTable& vars);

/// An expression over C variables of type int64_t. Floor division that may meet negative numbers is
/// a function of the prelude.
std::string to_c(const Expr& e, const VarTable& vars);
std::string to_c(const Cond& c, const VarTable& vars);
/// The same, in parentheses unless it is a number or a name.
std::string factor(const Expr& e, const VarTable& vars);

/// What may stand in a comment: no end of comment, no line break.
std::string comment_text(const std::string& text);

}  // namespace septran::cpu
