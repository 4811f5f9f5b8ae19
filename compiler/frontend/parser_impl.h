// The recursive-descent parser behind parse_module.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/base/diagnostic.h"
#include "compiler/frontend/lexer.h"
#include "compiler/frontend/task_tree.h"

namespace septran::lang {

/// The tree of an expression may be this high, so that functions over it may recurse.
inline constexpr int max_expression_height = 1000;

/// Parses tokens into a Module. Faults put the parser into panic: it then sees the end of the line
/// everywhere, so that all functions return at once, and the statement level goes on at the next
/// line. What was read of a faulty statement stays in the tree (its targets above all), with
/// NoneLiteral in the place of what is missing: the checks then still know the names.
class Parser {
 public:
  Parser(FileId file, const SourceManager& sources, Diagnostics& diagnostics);
  Module parse();

 private:
  /// An expression and the height of its tree.
  struct Node {
    ExpressionPtr expression;
    int height = 1;
  };
  struct Arguments {
    std::vector<ExpressionPtr> positional;
    std::vector<KeywordArgument> keywords;
    int height = 0;
  };
  /// Counts recursion that brackets do not bound.
  class DepthGuard {
   public:
    explicit DepthGuard(Parser& parser) : parser_(parser) { ++parser_.depth_; }
    ~DepthGuard() { --parser_.depth_; }
    DepthGuard(const DepthGuard&) = delete;
    DepthGuard& operator=(const DepthGuard&) = delete;

   private:
    Parser& parser_;
  };

  // Tokens (parser.cpp).
  [[nodiscard]] Token peek() const;
  [[nodiscard]] Token peek_next() const;
  [[nodiscard]] std::string_view text(Token token) const;
  [[nodiscard]] Span span(Token token) const { return {file_, token.begin, token.end}; }
  /// From `begin` to the end of the last token that was taken.
  [[nodiscard]] Span span_from(std::uint32_t begin) const { return {file_, begin, last_end_}; }
  [[nodiscard]] bool at(TokenKind kind) const { return peek().kind == kind; }
  [[nodiscard]] bool at_op(std::string_view op) const;
  [[nodiscard]] bool at_word(std::string_view word) const;
  [[nodiscard]] bool at_line_end() const;
  Token take();
  bool accept_op(std::string_view op);
  bool accept_word(std::string_view word);
  void expect_op(std::string_view op);
  std::string expect_name(std::string_view what, Span& name_span);
  /// Reports, unless in panic or at a token that was reported already, and panics.
  template <typename... Args>
  Diagnostic* fail(Span where, const Message& message, const Args&... args) {
    const bool known = panic_ || tokens_[position_].kind == TokenKind::error;
    panic_ = true;
    return known ? nullptr : &diagnostics_.report(where, message, args...);
  }
  void fail_expected(std::string_view what);
  /// Reports where parsing can go on undisturbed.
  template <typename... Args>
  void report(Span where, const Message& message, const Args&... args) {
    if (!panic_) diagnostics_.report(where, message, args...);
  }
  void end_line();
  void skip_line();
  void skip_block();

  // File level (parser.cpp).
  void find_alias();
  void file_item();
  void import_item();
  void constant_item();
  void decorated_task();
  bool decorator(bool& is_leaf);
  void task_definition(bool is_leaf);
  std::vector<Parameter> parameters();
  Parameter parameter();
  void annotation(Parameter& parameter);
  std::vector<Dimension> dimensions();
  Dimension dimension();

  // Statements (parser_statements.cpp).
  Block block(std::string_view owner, Span header, std::string* docstring);
  void block_statements(Block& out, std::string* docstring);
  void statement(Block& out);
  void simple_statement(Block& out);
  bool forbidden_statement();
  void for_statement(Block& out);
  LoopKind loop_range(For& loop, Node& range);
  void if_statement(Block& out);
  void assert_statement(Block& out);
  void expression_statement(Block& out);
  void assignment(Block& out, Node target, std::uint32_t begin);
  std::vector<NameTarget> assignment_targets(const Expression& target, bool& unpack);
  void call_statement(Block& out, Node value);
  void launch_statement(Block& out, Call call, Span where);
  void primitive_statement(Block& out, Call call, Span where);

  // Expressions (parser_expressions.cpp).
  Node expression_list();
  Node expression();
  Node or_expression();
  Node and_expression();
  Node bool_operation(bool is_and);
  Node not_expression();
  Node comparison();
  Node sum();
  Node term();
  Node unary();
  Node power();
  Node postfix();
  Node atom();
  Node number_atom();
  Node string_atom();
  Node name_atom();
  Node bracketed(bool is_list);
  Node attribute(Node object);
  Node call(Node callee);
  Node subscript(Node object);
  SubscriptItem subscript_item(int& height);
  Arguments arguments();
  void argument(Arguments& out);
  Node binary(BinaryOp op, Node left, Node right);
  Node missing();
  void reject_in_brackets();
  void reject_operator();
  /// A node of the tree, unless the tree becomes too high.
  template <typename T>
  Node make(Span where, T node, int height) {
    if (height > max_expression_height) {
      fail_too_deep(where);
      return missing();
    }
    return {std::make_unique<Expression>(Expression{where, std::move(node)}), height};
  }
  void fail_too_deep(Span where);

  FileId file_;
  const SourceManager& sources_;
  Diagnostics& diagnostics_;
  std::string_view source_;
  std::vector<Token> tokens_;
  std::size_t position_ = 0;
  std::uint32_t last_end_ = 0;
  bool panic_ = false;
  bool imported_ = false;
  bool import_found_ = false;
  int depth_ = 0;
  std::size_t error_limit_ = 0;
  Module module_;
};

}  // namespace septran::lang
