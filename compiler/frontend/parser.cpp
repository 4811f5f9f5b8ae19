#include "compiler/frontend/parser.h"

#include <algorithm>

#include "compiler/base/messages.h"
#include "compiler/frontend/check.h"
#include "compiler/frontend/language.h"
#include "compiler/frontend/parser_impl.h"

namespace septran::lang {

Parser::Parser(FileId file, const SourceManager& sources, Diagnostics& diagnostics)
    : file_(file), sources_(sources), diagnostics_(diagnostics), source_(sources.text(file)) {}

Module Parser::parse() {
  module_.file = file_;
  error_limit_ = diagnostics_.error_count() + max_errors;
  tokens_ = tokenize(file_, sources_, diagnostics_);
  find_alias();
  if (at(TokenKind::string)) {
    const Node docstring = string_atom();
    module_.docstring = std::get<StringLiteral>(docstring.expression->node).value;
    end_line();
  }
  while (!at(TokenKind::end)) {
    if (diagnostics_.error_count() >= error_limit_) {
      diagnostics_.report(span(peek()), messages::parse_too_many_errors, max_errors);
      break;
    }
    file_item();
  }
  return std::move(module_);
}

Token Parser::peek() const {
  const Token token = tokens_[position_];
  return panic_ ? Token{TokenKind::error, token.begin, token.begin} : token;
}

Token Parser::peek_next() const {
  return panic_ || position_ + 1 >= tokens_.size() ? peek() : tokens_[position_ + 1];
}

std::string_view Parser::text(Token token) const {
  return source_.substr(token.begin, token.end - token.begin);
}

bool Parser::at_op(std::string_view op) const { return at(TokenKind::op) && text(peek()) == op; }

bool Parser::at_word(std::string_view word) const {
  return at(TokenKind::name) && text(peek()) == word;
}

bool Parser::at_line_end() const {
  const TokenKind kind = peek().kind;
  return kind == TokenKind::newline || kind == TokenKind::end || kind == TokenKind::error;
}

Token Parser::take() {
  const Token token = peek();
  if (!panic_ && token.kind != TokenKind::end && token.kind != TokenKind::error) {
    ++position_;
    last_end_ = token.end;
  }
  return token;
}

bool Parser::accept_op(std::string_view op) {
  if (!at_op(op)) return false;
  take();
  return true;
}

bool Parser::accept_word(std::string_view word) {
  if (!at_word(word)) return false;
  take();
  return true;
}

void Parser::expect_op(std::string_view op) {
  if (!accept_op(op)) fail_expected(fmt::format("'{}'", op));
}

std::string Parser::expect_name(std::string_view what, Span& name_span) {
  const Token token = peek();
  name_span = span(token);
  if (token.kind != TokenKind::name) {
    fail_expected(what);
    return {};
  }
  std::string name(text(token));
  if (is_keyword(name)) {
    fail(span(token), messages::keyword_as_name, name);
    return {};
  }
  take();
  return name;
}

void Parser::fail_expected(std::string_view what) {
  const Token token = peek();
  std::string found = "the end of the file";
  Span where = span(token);
  switch (token.kind) {
    case TokenKind::newline:
      found = "the end of the line";
      where = {file_, token.begin, token.begin};
      break;
    case TokenKind::indent:
    case TokenKind::dedent:
      found = "a change of indentation";
      break;
    case TokenKind::end:
    case TokenKind::error:
      break;
    default:
      found = fmt::format("'{}'", text(token).substr(0, 40));
      break;
  }
  fail(where, messages::unexpected_token, what, found);
}

/// The end of a statement's line; leaves panic.
void Parser::end_line() {
  if (!panic_ && at_op(";")) {
    fail(span(peek()), messages::semicolon);
  } else if (!panic_ && !at(TokenKind::newline) && !at(TokenKind::end)) {
    reject_operator();
    fail_expected("the end of the line");
  }
  skip_line();
}

void Parser::skip_line() {
  panic_ = false;
  while (!at(TokenKind::newline) && !at(TokenKind::end)) ++position_;
  if (at(TokenKind::newline)) ++position_;
}

/// Skips an indented block, if one stands here.
void Parser::skip_block() {
  if (!at(TokenKind::indent)) return;
  std::size_t depth = 0;
  do {
    if (at(TokenKind::indent)) ++depth;
    if (at(TokenKind::dedent)) --depth;
    ++position_;
  } while (depth > 0 && !at(TokenKind::end));
}

/// The alias must be known before the first expression is read, also where the import stands too
/// late or is missing.
void Parser::find_alias() {
  module_.alias = "task";
  const auto is_language = [](std::string_view name) {
    return name == "task_lang" || name == "tasklang";
  };
  for (std::size_t i = 0; i + 3 < tokens_.size(); ++i) {
    const bool line_begin = i == 0 || tokens_[i - 1].kind == TokenKind::newline;
    if (!line_begin || text(tokens_[i]) != "import" || !is_language(text(tokens_[i + 1]))) continue;
    import_found_ = true;
    if (text(tokens_[i + 2]) != "as") continue;
    if (tokens_[i + 3].kind == TokenKind::name) module_.alias = std::string(text(tokens_[i + 3]));
    return;
  }
}

void Parser::file_item() {
  if (at(TokenKind::newline) || at(TokenKind::dedent)) {
    ++position_;
  } else if (at(TokenKind::indent)) {
    report(span(peek()), messages::unexpected_indentation);
    ++position_;
  } else if (at_word("import")) {
    import_item();
  } else if (at_op("@")) {
    decorated_task();
  } else if (at_word("def")) {
    const Token next = peek_next();
    report(span(next), messages::missing_decorator, text(next), module_.alias);
    task_definition(false);
  } else if (forbidden_statement()) {
    skip_line();
    skip_block();
  } else if (at_word("for") || at_word("if") || at_word("assert") || at_word("pass") ||
             at_word("elif") || at_word("else")) {
    fail(span(peek()), messages::outside_task, text(peek()));
    skip_line();
    skip_block();
  } else {
    constant_item();
  }
}

void Parser::import_item() {
  const std::uint32_t begin = take().begin;
  Span module_span;
  const std::string name = expect_name("the module name task_lang", module_span);
  if (!panic_ && name != "task_lang" && name != "tasklang") {
    fail(module_span, messages::unknown_import, name);
  } else if (!panic_ && !at_word("as")) {
    fail(span_from(begin), messages::import_without_alias, name);
  }
  accept_word("as");
  Span alias_span;
  const std::string alias = expect_name("an alias", alias_span);
  if (!panic_ && imported_) report(span_from(begin), messages::duplicate_import);
  if (!panic_ && !module_.tasks.empty() && !imported_) {
    report(span_from(begin), messages::late_import, module_.tasks.front().name);
  }
  imported_ = true;  // also a faulty one: it was reported
  end_line();
}

void Parser::constant_item() {
  const bool named = at(TokenKind::name);
  Node target = expression_list();
  const auto* name = std::get_if<NameRef>(&target.expression->node);
  if (!panic_ && at_op("=") && named && name != nullptr) {
    take();
    Constant constant{name->name, target.expression->span, nullptr};
    Node value = expression_list();
    if (at_op("=")) fail(span(peek()), messages::chained_assignment);
    reject_operator();
    if (panic_) value = missing();
    constant.value = std::move(value.expression);
    module_.constants.push_back(std::move(constant));
  } else if (!panic_ && at_op(":") && name != nullptr) {
    fail(span(peek()), messages::annotated_assignment);
  } else if (!panic_) {
    fail(target.expression->span, messages::file_level_statement);
  }
  end_line();
}

void Parser::decorated_task() {
  bool is_leaf = false;
  bool known = decorator(is_leaf);
  end_line();
  while (at_op("@")) {
    report(span(peek()), messages::second_decorator);
    skip_line();
    known = true;
  }
  if (at_word("def")) {
    task_definition(is_leaf);
  } else if (known) {
    fail_expected("a task definition after the decorator");
    skip_line();
    skip_block();
  }
}

/// `@alias.define` with `()`, `(leaf=True)` or nothing after it; false if it is something else.
bool Parser::decorator(bool& is_leaf) {
  const std::uint32_t begin = take().begin;
  Node node = postfix();
  const Span where = span_from(begin);
  if (panic_) return false;
  const auto* attribute = std::get_if<ModuleAttribute>(&node.expression->node);
  if (attribute != nullptr && attribute->name == "define") return true;
  const auto* call = std::get_if<Call>(&node.expression->node);
  if (call == nullptr || !call->from_module || call->function != "define") {
    report(where, messages::unknown_decorator, module_.alias);
    return false;
  }
  if (!call->arguments.empty()) {
    report(call->arguments[0]->span, messages::decorator_argument, module_.alias);
  }
  for (const KeywordArgument& keyword : call->keywords) {
    const auto* value = std::get_if<BoolLiteral>(&keyword.value->node);
    if (keyword.name != "leaf" || value == nullptr) {
      report(keyword.name_span, messages::decorator_argument, module_.alias);
    } else {
      is_leaf = value->value;
    }
  }
  return true;
}

void Parser::task_definition(bool is_leaf) {
  Task task;
  task.is_leaf = is_leaf;
  const std::uint32_t begin = take().begin;
  task.name = expect_name("the name of the task", task.name_span);
  expect_op("(");
  task.is_broken = panic_;
  task.parameters = parameters();
  expect_op(")");
  task.span = span_from(begin);
  if (at_op("->")) {
    const std::uint32_t arrow = take().begin;
    expression();
    report(span_from(arrow), messages::return_annotation);
  }
  if (!panic_ && !imported_ && !import_found_) {
    report(task.name_span, messages::missing_import, module_.alias);
    imported_ = true;  // once is enough
  }
  task.body = block("the task definition", task.span, &task.docstring);
  if (!task.name.empty()) module_.tasks.push_back(std::move(task));
}

std::vector<Parameter> Parser::parameters() {
  std::vector<Parameter> out;
  while (!at_op(")") && !panic_) {
    if (at_op("*") || at_op("**") || at_op("/")) {
      fail(span(peek()), messages::parameter_kind, text(peek()));
      break;
    }
    out.push_back(parameter());
    if (!at_op(")")) expect_op(",");
  }
  return out;
}

Parameter Parser::parameter() {
  Parameter out;
  out.name = expect_name("the name of a parameter", out.span);
  if (accept_op(":")) annotation(out);
  if (at_op("=")) {
    const std::uint32_t begin = take().begin;
    expression();
    report(span_from(begin), messages::parameter_default, out.name, module_.alias);
  }
  return out;
}

/// `int`, `float`, `bool`, `alias.Tensor` or `alias.<element type>`, the last two with a shape.
void Parser::annotation(Parameter& parameter) {
  const Token token = peek();
  if (token.kind != TokenKind::name || text(token) != module_.alias) {
    if (accept_word("int")) {
      parameter.kind = ParameterKind::integer;
    } else if (accept_word("float")) {
      parameter.kind = ParameterKind::floating;
    } else if (accept_word("bool")) {
      parameter.kind = ParameterKind::boolean;
    } else {
      const Node other = postfix();
      report(other.expression->span, messages::unknown_annotation, module_.alias,
             std::string("write int, float, bool, a tensor or an element type"));
    }
    return;
  }
  take();
  expect_op(".");
  Span name_span;
  const std::string type = expect_name("Tensor or an element type", name_span);
  parameter.dtype = parse_dtype(type);
  if (!parameter.dtype && type != "Tensor") {
    report(name_span, messages::unknown_annotation, module_.alias,
           suggest(type, annotation_names()));
  }
  if (at_op("[")) parameter.shape = dimensions();
}

std::vector<Dimension> Parser::dimensions() {
  std::vector<Dimension> out;
  expect_op("[");
  if (at_op("]")) fail_expected("a dimension");
  while (!at_op("]") && !panic_) {
    out.push_back(dimension());
    if (!at_op("]")) expect_op(",");
  }
  expect_op("]");
  return out;
}

Dimension Parser::dimension() {
  Dimension out;
  const Node node = expression();
  out.span = node.expression->span;
  if (const auto* name = std::get_if<StringLiteral>(&node.expression->node)) {
    out.name = name->value;
    if (!is_identifier(out.name) || is_keyword(out.name)) {
      report(out.span, messages::bad_dimension,
             std::string("a name in quotes is letters, digits and underscores"));
    }
  } else if (const auto* extent = std::get_if<IntegerLiteral>(&node.expression->node)) {
    out.value = extent->value;
    if (out.value < 1) {
      report(out.span, messages::bad_dimension, std::string("an extent is at least 1"));
    }
  } else if (const auto* bare = std::get_if<NameRef>(&node.expression->node)) {
    report(out.span, messages::bad_dimension,
           fmt::format("a dimension's name stands in quotes: \"{}\"", bare->name));
  } else if (const auto* tuple = std::get_if<TupleExpression>(&node.expression->node);
             tuple != nullptr && tuple->items.empty()) {
    report(out.span, messages::bad_dimension,
           std::string("a tensor has at least one; of S: task.Tensor[1], S[0] is a single value"));
  } else {
    report(out.span, messages::bad_dimension, std::string("it is a name in quotes or an integer"));
  }
  return out;
}

Result<Module> parse_module(FileId file, const SourceManager& sources, Diagnostics& diagnostics) {
  const std::size_t errors_before = diagnostics.error_count();
  Module module = Parser(file, sources, diagnostics).parse();
  if (diagnostics.error_count() < errors_before + max_errors) {
    check_module(module, errors_before + max_errors, diagnostics);
  }
  if (diagnostics.error_count() > errors_before) return std::nullopt;
  return module;
}

}  // namespace septran::lang
