// Evaluates logic files given as text, with symbolic loop variables.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compiler/frontend/evaluate.h"
#include "compiler/frontend/parser.h"

namespace septran::lang {

/// Makes loop variables and writes down what it is told, one line an event.
class RecordingVisitor : public Visitor {
 public:
  RecordingVisitor(VarTable& vars, std::map<std::string, TunableValue> tunables)
      : vars_(vars), tunables_(std::move(tunables)) {}

  std::uint32_t temporary(const std::string& name, const std::vector<Expr>& shape, DType dtype,
                          Span /*span*/) override {
    std::string text;
    for (const Expr& extent : shape) text += " " + septran::to_string(extent, vars_);
    names_.push_back(name);
    line("temporary {} {}{}", name, septran::name(dtype), text);
    return static_cast<std::uint32_t>(names_.size() - 1);
  }
  void loop(const LoopRequest& request, const LoopBody& body) override {
    std::vector<Expr> indices;
    std::string text;
    for (std::size_t i = 0; i < request.names.size(); ++i) {
      text +=
          fmt::format(" {}={}..{}", request.names[i], septran::to_string(request.begins[i], vars_),
                      septran::to_string(request.ends[i], vars_));
      indices.push_back(Expr::var(vars_.add(request.names[i], request.begins[i], request.ends[i])));
    }
    line("{}{}", request.kind == LoopKind::parallel ? "parallel" : "sequential", text);
    nested([&] { body(indices); });
  }
  void branch(const Cond& condition, Span /*span*/, const std::function<void()>& then,
              const std::function<void()>& otherwise) override {
    line("if {}", septran::to_string(condition, vars_));
    nested(then);
    line("else");
    nested(otherwise);
  }
  void launch(const LaunchRequest& request, const LaunchBody& body) override {
    std::vector<LaunchArgument> arguments = request.arguments;
    std::string text;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      const std::string& parameter = request.callee.parameters[i].name;
      if (auto* tensor = std::get_if<TensorValue>(&arguments[i])) {
        text += fmt::format(" {}={}", parameter, view_text(*tensor));
        if (new_roots) {
          names_.push_back(parameter);
          tensor->root = static_cast<std::uint32_t>(names_.size() - 1);
          tensor->view = full_view(tensor->view.shape());
        }
      } else if (const auto* e = std::get_if<Expr>(&arguments[i])) {
        text += fmt::format(" {}={}", parameter, septran::to_string(*e, vars_));
      }
    }
    line("launch {}{}", request.callee.name, text);
    nested([&] { body(arguments); });
  }
  void primitive(const PrimitiveRequest& request) override {
    std::string text;
    for (const OperandValue& operand : request.operands) {
      if (const auto* tensor = std::get_if<TensorValue>(&operand)) {
        text += " " + view_text(*tensor);
      } else if (const auto* number = std::get_if<double>(&operand)) {
        text += fmt::format(" {}", *number);
      } else {
        text += " -";
      }
    }
    for (const auto& [name, value] : request.attributes) {
      if (const bool* truth = std::get_if<bool>(&value)) {
        if (*truth) text += " " + name;
      } else if (const Expr* e = std::get_if<Expr>(&value)) {
        text += fmt::format(" {}={}", name, septran::to_string(*e, vars_));
      } else if (const double* number = std::get_if<double>(&value)) {
        text += fmt::format(" {}={}", name, *number);
      }
    }
    line("{}{}", request.primitive.name, text);
  }
  std::optional<TunableValue> tunable(const TunableRequest& request) override {
    const auto at = tunables_.find(request.name);
    if (at == tunables_.end()) return std::nullopt;
    return at->second;
  }
  std::vector<DiagnosticNote> tunable_notes(const std::string& name) override {
    return {{{}, "looked for " + name}};
  }

  std::uint32_t add_root(const std::string& name) {
    names_.push_back(name);
    return static_cast<std::uint32_t>(names_.size() - 1);
  }

  std::string log;
  bool new_roots = false;  // give parameters of launches roots of their own

 private:
  template <typename... Args>
  void line(const char* format, const Args&... args) {
    log += std::string(depth_ * 2, ' ') + fmt::format(fmt::runtime(format), args...) + "\n";
  }
  void nested(const std::function<void()>& body) {
    ++depth_;
    body();
    --depth_;
  }
  /// "A[64*i:64, 0:K]": base and extent along each axis; other views by their extents.
  [[nodiscard]] std::string view_text(const TensorValue& tensor) const {
    std::string text;
    for (std::uint32_t axis = 0; axis < tensor.view.base.size(); ++axis) {
      text += axis == 0 ? "" : ", ";
      text += septran::to_string(tensor.view.base[axis], vars_);
      if (tensor.view.is_box()) {
        text += ":" + septran::to_string(tensor.view.box_extent(axis), vars_);
      }
    }
    return fmt::format("{}{}[{}]", names_[tensor.root], tensor.view.is_box() ? "" : "*", text);
  }

  VarTable& vars_;
  std::map<std::string, TunableValue> tunables_;
  std::vector<std::string> names_;
  std::size_t depth_ = 0;
};

struct Evaluated {
  bool good = false;
  std::string log;
  std::string errors;              // as printed
  std::vector<Diagnostic> faults;  // as reported
  std::vector<std::string> lines;  // the source line of each

  [[nodiscard]] bool has(const std::string& code) const {
    for (const Diagnostic& d : faults) {
      if (d.code == code) return true;
    }
    return false;
  }
};

struct EvaluateCase {
  std::string logic;  // without docstring and import
  std::string entry = "main";
  EntryRequest request;
  std::map<std::string, TunableValue> tunables;
  EvaluateOptions options;
  bool new_roots = false;
};

/// -D name=value for each.
inline EntryRequest sizes(std::vector<std::pair<std::string, std::string>> definitions) {
  EntryRequest request;
  request.definitions = std::move(definitions);
  return request;
}

inline Evaluated evaluate_text(const EvaluateCase& c) {
  SourceManager sources;
  Diagnostics diagnostics;
  const FileId file =
      sources.add("logic.py", "\"\"\"A test.\"\"\"\nimport task_lang as task\n" + c.logic);
  Evaluated result;
  if (const auto module = parse_module(file, sources, diagnostics)) {
    if (const auto entry = bind_entry(*module, c.entry, c.request, diagnostics)) {
      VarTable vars;
      RecordingVisitor visitor(vars, c.tunables);
      visitor.new_roots = c.new_roots;
      std::vector<std::uint32_t> roots;
      for (const Parameter& p : entry->task->parameters) roots.push_back(visitor.add_root(p.name));
      result.good = evaluate(*module, *entry, roots, vars, visitor, diagnostics, c.options);
      result.log = visitor.log;
    }
  }
  result.errors = render(diagnostics, sources, false);
  result.faults = diagnostics.all();
  for (const Diagnostic& d : result.faults) {
    result.lines.push_back(d.span.valid()
                               ? std::string(sources.line(
                                     d.span.file, sources.position(d.span.file, d.span.begin).line))
                               : "");
  }
  return result;
}

}  // namespace septran::lang
