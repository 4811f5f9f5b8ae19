// Statements of a task.
#include "compiler/base/messages.h"
#include "compiler/frontend/language.h"
#include "compiler/frontend/parser_impl.h"

namespace septran::lang {
namespace {

/// Call of a function of the language module, by name.
bool is_module_call(const Expression& expression, std::string_view function) {
  const auto* call = std::get_if<Call>(&expression.node);
  return call != nullptr && call->from_module && call->function == function;
}

}  // namespace

/// `: newline indent statements dedent`, or `: statement` on the same line. `docstring` is null
/// where the block cannot have one.
Block Parser::block(std::string_view owner, Span header, std::string* docstring) {
  Block out;
  if (!at_op(":")) fail_expected("':'");
  accept_op(":");
  if (!panic_ && !at(TokenKind::newline) && !at(TokenKind::error)) {
    simple_statement(out);
    return out;
  }
  const bool known = panic_ || at(TokenKind::error);
  skip_line();
  if (at(TokenKind::indent)) {
    ++position_;
    block_statements(out, docstring);
  } else if (!known && !at(TokenKind::error)) {
    diagnostics_.report(header, messages::missing_block, owner);
  }
  return out;
}

void Parser::block_statements(Block& out, std::string* docstring) {
  if (at(TokenKind::string) && docstring != nullptr && peek_next().kind == TokenKind::newline) {
    const Node node = string_atom();
    *docstring = std::get<StringLiteral>(node.expression->node).value;
    end_line();
  }
  std::size_t extra_indents = 0;
  while (!at(TokenKind::end) && diagnostics_.error_count() < error_limit_) {
    if (at(TokenKind::dedent)) {
      ++position_;
      if (extra_indents == 0) return;
      --extra_indents;
    } else if (at(TokenKind::indent)) {
      report(span(peek()), messages::unexpected_indentation);
      ++position_;
      ++extra_indents;
    } else {
      statement(out);
    }
  }
}

void Parser::statement(Block& out) {
  if (at_word("for")) {
    for_statement(out);
  } else if (at_word("if")) {
    if_statement(out);
  } else if (at_word("elif") || at_word("else")) {
    fail(span(peek()), messages::else_without_if, text(peek()));
    skip_line();
    skip_block();
  } else if (at_op("@")) {
    fail(span(peek()), messages::forbidden_statement, "a nested task", messages::nested_task_hint);
    while (at_op("@")) skip_line();
    skip_line();
    while (at_op("@")) skip_line();
    if (at_word("def")) skip_line();
    skip_block();
  } else if (forbidden_statement()) {
    skip_line();
    skip_block();
  } else {
    simple_statement(out);
  }
}

/// Reports a statement of Python that Task Lang has not.
bool Parser::forbidden_statement() {
  for (const messages::Forbidden& row : messages::forbidden_statements) {
    if (!at_word(row.word)) continue;
    fail(span(peek()), messages::forbidden_statement, fmt::format("'{}'", row.word), row.hint);
    return true;
  }
  return false;
}

void Parser::simple_statement(Block& out) {
  if (at_word("pass")) {
    take();
  } else if (at_word("assert")) {
    assert_statement(out);
  } else if (at_word("for") || at_word("if")) {
    fail_expected("a simple statement");
  } else if (!forbidden_statement()) {
    expression_statement(out);
  }
  end_line();
}

void Parser::for_statement(Block& out) {
  const std::uint32_t begin = take().begin;
  For loop;
  const bool parenthesised = accept_op("(");
  while (!panic_) {
    if (at_op("*")) fail(span(peek()), messages::starred, "*");
    NameTarget target;
    target.name = expect_name("a loop variable", target.span);
    if (!panic_) loop.targets.push_back(std::move(target));
    if (!accept_op(",") || at_word("in") || at_op(")")) break;
  }
  if (parenthesised) expect_op(")");
  if (!accept_word("in")) fail_expected("'in'");
  Node range = panic_ ? missing() : expression_list();
  if (!panic_) loop.kind = loop_range(loop, range);
  const Span header = span_from(begin);
  loop.body = std::make_unique<Block>(block("the loop", header, nullptr));
  if (at_word("else")) {
    fail(span(peek()), messages::loop_else);
    skip_line();
    skip_block();
  }
  out.push_back({header, std::move(loop)});
}

/// Takes the arguments out of `task.parallel_range(...)` or `task.sequential_range(...)`.
LoopKind Parser::loop_range(For& loop, Node& range) {
  loop.range_span = range.expression->span;
  const bool parallel = is_module_call(*range.expression, "parallel_range");
  if (!parallel && !is_module_call(*range.expression, "sequential_range")) {
    report(loop.range_span, messages::loop_over_other, module_.alias);
    return LoopKind::sequential;
  }
  auto& call = std::get<Call>(range.expression->node);
  for (const KeywordArgument& keyword : call.keywords) {
    report(keyword.name_span, messages::unknown_keyword, keyword.name, call.function,
           std::string("a range takes extents by position"));
  }
  const std::size_t targets = loop.targets.size();
  const std::size_t count = call.arguments.size();
  const auto* shape = count == 1 ? std::get_if<TupleExpression>(&call.arguments[0]->node) : nullptr;
  const std::size_t extents = shape != nullptr ? shape->items.size() : count;
  const bool start_and_stop = !parallel && targets == 1 && count == 2;
  const bool whole_shape = count == 1 && shape == nullptr;
  if (extents != targets && !start_and_stop && !whole_shape) {
    report(loop.range_span, messages::range_count, extents, targets, call.function,
           parallel ? "" : "; one variable may have a start and a stop");
  }
  loop.arguments = std::move(call.arguments);
  return parallel ? LoopKind::parallel : LoopKind::sequential;
}

void Parser::if_statement(Block& out) {
  const std::uint32_t begin = peek().begin;
  If statement;
  Span first_header;
  while (at_word("if") || at_word("elif")) {
    const Token word = take();
    IfBranch branch;
    Node condition = expression();
    if (at_op("=")) fail(span(peek()), messages::assignment_in_condition);
    if (at_op(":=")) fail(span(peek()), messages::walrus);
    if (panic_) condition = missing();
    branch.condition = std::move(condition.expression);
    const Span header = span_from(word.begin);
    if (statement.branches.empty()) first_header = header;
    branch.body = std::make_unique<Block>(block("the branch", header, nullptr));
    statement.branches.push_back(std::move(branch));
    if (!at_word("elif")) break;
  }
  if (at_word("else")) {
    const Span header = span(take());
    IfBranch branch;
    branch.body = std::make_unique<Block>(block("the branch", header, nullptr));
    statement.branches.push_back(std::move(branch));
  }
  first_header.begin = begin;
  out.push_back({first_header, std::move(statement)});
}

void Parser::assert_statement(Block& out) {
  const std::uint32_t begin = take().begin;
  Assert statement;
  statement.condition = expression().expression;
  const auto* tuple = std::get_if<TupleExpression>(&statement.condition->node);
  if (tuple != nullptr) report(statement.condition->span, messages::assert_tuple);
  if (accept_op(",")) {
    const Node message = expression();
    const auto* literal = std::get_if<StringLiteral>(&message.expression->node);
    if (literal != nullptr) {
      statement.message = literal->value;
    } else {
      report(message.expression->span, messages::assert_message);
    }
  }
  if (panic_) return;
  out.push_back({span_from(begin), std::move(statement)});
}

/// An assignment, a launch or a primitive call.
void Parser::expression_statement(Block& out) {
  const std::uint32_t begin = peek().begin;
  Node first = expression_list();
  if (panic_) return;
  if (at_op("=")) {
    assignment(out, std::move(first), begin);
    return;
  }
  const Token token = peek();
  const std::string_view op = text(token);
  const bool augmented =
      token.kind == TokenKind::op && op.size() >= 2 && op.back() == '=' && op != "==" && op != ":=";
  if (augmented) {
    const Span target = first.expression->span;
    fail(span(token), messages::augmented_assignment, op, op.substr(0, op.size() - 1),
         source_.substr(target.begin, std::min<std::uint32_t>(target.end - target.begin, 40)));
  } else if (at_op(":")) {
    fail(span(token), messages::annotated_assignment);
  } else if (at_op(":=")) {
    fail(span(token), messages::walrus);
  } else if (at_line_end() || at_op(";")) {
    call_statement(out, std::move(first));
  }
}

void Parser::assignment(Block& out, Node target, std::uint32_t begin) {
  Assign assign;
  const auto* tuple = std::get_if<TupleExpression>(&target.expression->node);
  const std::size_t target_count = tuple == nullptr ? 1 : tuple->items.size();
  assign.targets = assignment_targets(*target.expression, assign.unpack);
  take();
  Node value = expression_list();
  if (at_op("=")) fail(span(peek()), messages::chained_assignment);
  reject_operator();
  for (const std::string_view launching : {"launch", "call_primitive"}) {
    if (!is_module_call(*value.expression, launching)) continue;
    report(value.expression->span, messages::call_as_value, module_.alias, launching);
    value = missing();
  }
  const bool targets_lost = assign.unpack && assign.targets.size() != target_count;
  if (panic_ || targets_lost) value = missing();
  assign.value = std::move(value.expression);
  if (!assign.targets.empty()) out.push_back({span_from(begin), std::move(assign)});
}

std::vector<NameTarget> Parser::assignment_targets(const Expression& target, bool& unpack) {
  std::vector<NameTarget> out;
  const auto add = [&](const Expression& item) {
    if (const auto* name = std::get_if<NameRef>(&item.node)) {
      out.push_back({name->name, item.span});
    } else if (std::holds_alternative<Subscript>(item.node)) {
      report(item.span, messages::element_assignment, module_.alias);
    } else {
      report(item.span, messages::bad_target);
    }
  };
  const auto* tuple = std::get_if<TupleExpression>(&target.node);
  unpack = tuple != nullptr && !tuple->items.empty();
  if (!unpack) {
    add(target);
    return out;
  }
  for (const ExpressionPtr& item : tuple->items) add(*item);
  return out;
}

void Parser::call_statement(Block& out, Node value) {
  const Span where = value.expression->span;
  auto* call = std::get_if<Call>(&value.expression->node);
  if (call != nullptr && call->from_module && call->function == "launch") {
    launch_statement(out, std::move(*call), where);
  } else if (call != nullptr && call->from_module && call->function == "call_primitive") {
    primitive_statement(out, std::move(*call), where);
  } else {
    // An assignment to nothing: the checks report it, unless something in it is worse.
    out.push_back({where, Assign{{}, false, std::move(value.expression)}});
  }
}

void Parser::launch_statement(Block& out, Call call, Span where) {
  const auto* callee =
      call.arguments.empty() ? nullptr : std::get_if<NameRef>(&call.arguments[0]->node);
  if (callee == nullptr) {
    report(call.arguments.empty() ? call.function_span : call.arguments[0]->span,
           messages::launch_callee, module_.alias);
    return;
  }
  Launch launch{callee->name, call.arguments[0]->span, {}, std::move(call.keywords)};
  call.arguments.erase(call.arguments.begin());
  launch.arguments = std::move(call.arguments);
  out.push_back({where, std::move(launch)});
}

void Parser::primitive_statement(Block& out, Call call, Span where) {
  const auto* primitive =
      call.arguments.empty() ? nullptr : std::get_if<StringLiteral>(&call.arguments[0]->node);
  if (primitive == nullptr) {
    report(call.arguments.empty() ? call.function_span : call.arguments[0]->span,
           messages::primitive_name, module_.alias);
    return;
  }
  PrimitiveCall statement{primitive->value, call.arguments[0]->span, {}, std::move(call.keywords)};
  call.arguments.erase(call.arguments.begin());
  statement.arguments = std::move(call.arguments);
  out.push_back({where, std::move(statement)});
}

}  // namespace septran::lang
