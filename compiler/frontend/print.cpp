#include "compiler/frontend/print.h"

#include <fmt/format.h>

#include <array>

namespace septran::lang {
namespace {

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string print_or_nothing(const ExpressionPtr& expression) {
  return expression ? print(*expression) : std::string();
}

std::string join(const std::vector<ExpressionPtr>& items) {
  std::string out;
  for (const ExpressionPtr& item : items) out += (out.empty() ? "" : ", ") + print(*item);
  return out;
}

std::string join(const std::vector<NameTarget>& targets) {
  std::string out;
  for (const NameTarget& target : targets) out += (out.empty() ? "" : ", ") + target.name;
  return out;
}

std::string arguments(const std::vector<ExpressionPtr>& positional,
                      const std::vector<KeywordArgument>& keywords) {
  std::string out = join(positional);
  for (const KeywordArgument& keyword : keywords) {
    out += (out.empty() ? "" : ", ") + keyword.name + "=" + print(*keyword.value);
  }
  return out;
}

struct ExpressionPrinter {
  std::string operator()(const IntegerLiteral& e) const { return fmt::format("{}", e.value); }
  std::string operator()(const FloatLiteral& e) const {
    std::string out = fmt::format("{}", e.value);
    if (out.find_first_of(".en") == std::string::npos) out += ".0";
    return out;
  }
  std::string operator()(const BoolLiteral& e) const { return e.value ? "True" : "False"; }
  std::string operator()(const StringLiteral& e) const { return quote(e.value); }
  std::string operator()(const NoneLiteral&) const { return "None"; }
  std::string operator()(const NameRef& e) const { return e.name; }
  std::string operator()(const Attribute& e) const { return print(*e.object) + "." + e.name; }
  std::string operator()(const Subscript& e) const {
    std::string items;
    for (const SubscriptItem& item : e.items) {
      items += items.empty() ? "" : ", ";
      items += item.is_slice ? print_or_nothing(item.begin) + ":" + print_or_nothing(item.end)
                             : print(*item.index);
    }
    return print(*e.object) + "[" + items + "]";
  }
  std::string operator()(const Call& e) const {
    return (e.from_module ? "task." : "") + e.function + "(" + arguments(e.arguments, e.keywords) +
           ")";
  }
  std::string operator()(const ModuleAttribute& e) const { return "task." + e.name; }
  std::string operator()(const TupleExpression& e) const {
    const std::string items = join(e.items) + (e.items.size() == 1 && !e.is_list ? "," : "");
    return e.is_list ? "[" + items + "]" : "(" + items + ")";
  }
  std::string operator()(const Unary& e) const {
    constexpr std::array<const char*, 3> ops{"-", "+", "not "};
    return "(" + std::string(ops.at(static_cast<std::size_t>(e.op))) + print(*e.operand) + ")";
  }
  std::string operator()(const Binary& e) const {
    constexpr std::array<const char*, 7> ops{"+", "-", "*", "/", "//", "%", "**"};
    return fmt::format("({} {} {})", print(*e.left), ops.at(static_cast<std::size_t>(e.op)),
                       print(*e.right));
  }
  std::string operator()(const Comparison& e) const {
    constexpr std::array<const char*, 6> ops{"==", "!=", "<", "<=", ">", ">="};
    std::string out = "(" + print(*e.operands[0]);
    for (std::size_t i = 0; i < e.ops.size(); ++i) {
      out += fmt::format(" {} {}", ops.at(static_cast<std::size_t>(e.ops[i])),
                         print(*e.operands[i + 1]));
    }
    return out + ")";
  }
  std::string operator()(const BoolOperation& e) const {
    std::string out = "(" + print(*e.operands[0]);
    for (std::size_t i = 1; i < e.operands.size(); ++i) {
      out += (e.is_and ? " and " : " or ") + print(*e.operands[i]);
    }
    return out + ")";
  }
  std::string operator()(const Conditional& e) const {
    return fmt::format("({} if {} else {})", print(*e.then), print(*e.condition),
                       print(*e.otherwise));
  }
};

class StatementPrinter {
 public:
  StatementPrinter(std::string& out, std::size_t depth) : out_(out), depth_(depth) {}

  void block(const Block& block) {
    for (const Statement& statement : block) std::visit(*this, statement.node);
  }
  void operator()(const Assign& s) {
    line(join(s.targets) + (s.unpack && s.targets.size() == 1 ? "," : "") + " = " +
         print(*s.value));
  }
  void operator()(const For& s) {
    line(fmt::format("for {} in {}({})", join(s.targets),
                     s.kind == LoopKind::parallel ? "parallel" : "sequential", join(s.arguments)));
    StatementPrinter(out_, depth_ + 1).block(*s.body);
  }
  void operator()(const If& s) {
    for (std::size_t i = 0; i < s.branches.size(); ++i) {
      const IfBranch& branch = s.branches[i];
      line(branch.condition ? (i == 0 ? "if " : "elif ") + print(*branch.condition) : "else");
      StatementPrinter(out_, depth_ + 1).block(*branch.body);
    }
  }
  void operator()(const Assert& s) {
    line("assert " + print(*s.condition) + (s.message.empty() ? "" : ", " + quote(s.message)));
  }
  void operator()(const Launch& s) {
    line("launch " + s.callee + "(" + arguments(s.arguments, s.keywords) + ")");
  }
  void operator()(const PrimitiveCall& s) {
    line("primitive " + s.primitive + "(" + arguments(s.arguments, s.attributes) + ")");
  }

 private:
  void line(const std::string& text) { out_ += std::string(2 * depth_, ' ') + text + "\n"; }

  std::string& out_;
  std::size_t depth_;
};

std::string print_parameter(const Parameter& parameter) {
  if (parameter.kind == ParameterKind::integer) return parameter.name + ": int";
  if (parameter.kind == ParameterKind::floating) return parameter.name + ": float";
  if (parameter.kind == ParameterKind::boolean) return parameter.name + ": bool";
  std::string out = parameter.name;
  if (parameter.dtype) out += fmt::format(": {}", name(*parameter.dtype));
  if (!parameter.shape) return out;
  std::string shape;
  for (const Dimension& dimension : *parameter.shape) {
    shape += shape.empty() ? "" : ", ";
    shape += dimension.name.empty() ? fmt::format("{}", dimension.value) : dimension.name;
  }
  return out + (parameter.dtype ? "" : ": Tensor") + "[" + shape + "]";
}

}  // namespace

std::string print(const Expression& expression) {
  return std::visit(ExpressionPrinter{}, expression.node);
}

std::string print(const Module& module) {
  std::string out = "module " + module.alias + "\n";
  if (!module.docstring.empty()) out += "docstring " + quote(module.docstring) + "\n";
  for (const Constant& constant : module.constants) {
    out += "constant " + constant.name + " = " + print(*constant.value) + "\n";
  }
  for (const Task& task : module.tasks) {
    std::string parameters;
    for (const Parameter& parameter : task.parameters) {
      parameters += (parameters.empty() ? "" : ", ") + print_parameter(parameter);
    }
    out += fmt::format("{} {}({})\n", task.is_leaf ? "leaf" : "task", task.name, parameters);
    if (!task.docstring.empty()) out += "  docstring " + quote(task.docstring) + "\n";
    StatementPrinter(out, 1).block(task.body);
  }
  return out;
}

}  // namespace septran::lang
