// Dimensions, element types and scalars of the entry task, from the command line.
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <set>

#include "compiler/base/messages.h"
#include "compiler/frontend/evaluate.h"

namespace septran::lang {
namespace {

constexpr std::int64_t max_bytes = std::int64_t{1} << 61;

std::string joined(const std::vector<std::string>& names) {
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

/// Of integers on the command line.
constexpr std::int64_t integer_limit = std::int64_t{1} << 61;

std::optional<std::int64_t> parse_integer(const std::string& text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || at != end || value >= integer_limit || value <= -integer_limit) {
    return std::nullopt;
  }
  return value;
}

std::optional<double> parse_number(const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || at != end) return std::nullopt;
  return value;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::string annotation_text(const std::vector<Dimension>& shape) {
  std::vector<std::string> parts;
  for (const Dimension& d : shape) {
    parts.push_back(d.name.empty() ? std::to_string(d.value) : d.name);
  }
  return fmt::format("[{}]", fmt::join(parts, ", "));
}

class Binder {
 public:
  Binder(const Task& task, const EntryRequest& request, Diagnostics& diagnostics)
      : task_(task), request_(request), diagnostics_(diagnostics) {}

  Result<EntryBinding> run() {
    binding_.task = &task_;
    read_definitions();
    check_names();
    take_given_shapes();
    std::set<std::string> missing;
    for (const Parameter& parameter : task_.parameters) {
      if (parameter.kind == ParameterKind::tensor) {
        bind_tensor(parameter, missing);
      } else {
        bind_scalar(parameter);
      }
    }
    if (failed_) return std::nullopt;
    return std::move(binding_);
  }

 private:
  template <typename... Args>
  void fault(Span span, const Message& message, const Args&... args) {
    diagnostics_.report(span, message, args...);
    failed_ = true;
  }

  void read_definitions() {
    const std::vector<std::string> known = definable_names(task_);
    for (const auto& [name, value] : request_.definitions) {
      if (std::find(known.begin(), known.end(), name) == known.end()) {
        fault({}, messages::unknown_definition, name, task_.name, joined(known));
      } else if (!definitions_.emplace(name, value).second) {
        fault({}, messages::repeated_definition, name);
      } else if (std::none_of(task_.parameters.begin(), task_.parameters.end(),
                              [&name = name](const Parameter& p) { return p.name == name; })) {
        const auto extent = parse_integer(value);
        if (!extent || *extent < 1) {
          fault({}, messages::bad_definition, name, value,
                fmt::format("an integer from 1 to {}", integer_limit - 1));
          binding_.dimensions[name] = 1;  // so that it is not called missing too
        } else {
          binding_.dimensions[name] = *extent;
        }
      }
    }
  }

  void check_names() {
    std::vector<std::string> tensors;
    for (const Parameter& p : task_.parameters) {
      if (p.kind == ParameterKind::tensor) tensors.push_back(p.name);
    }
    std::set<std::string> given;
    for (const auto& [name, dtype] : request_.dtypes) given.insert(name);
    for (const auto& [name, argument] : request_.arguments) given.insert(name);
    for (const std::string& name : given) {
      if (std::find(tensors.begin(), tensors.end(), name) == tensors.end()) {
        fault({}, messages::unknown_entry_argument, name, task_.name, joined(tensors));
      }
    }
  }

  /// Shapes given for annotated parameters set their dimensions too.
  void take_given_shapes() {
    for (const Parameter& p : task_.parameters) {
      const auto at = request_.arguments.find(p.name);
      if (p.kind != ParameterKind::tensor || !p.shape || at == request_.arguments.end()) continue;
      const auto& shape = at->second.shape;
      bool agrees = shape.size() == p.shape->size();
      for (std::size_t d = 0; agrees && d < shape.size(); ++d) {
        const Dimension& dimension = (*p.shape)[d];
        if (dimension.name.empty()) {
          agrees = dimension.value == shape[d];
        } else {
          agrees =
              binding_.dimensions.try_emplace(dimension.name, shape[d]).first->second == shape[d];
        }
      }
      if (agrees) continue;
      std::string wanted = annotation_text(*p.shape);
      const char* separator = ", where";
      for (const auto& [name, value] : binding_.dimensions) {
        for (const Dimension& d : *p.shape) {
          if (d.name == name) {
            wanted += fmt::format("{} {} is {}", separator, name, value);
            separator = " and";
            break;
          }
        }
      }
      fault(p.span, messages::entry_shape_mismatch, p.name, shape_text(shape), wanted);
    }
  }

  void bind_tensor(const Parameter& p, std::set<std::string>& missing) {
    EntryTensor tensor;
    const auto given = request_.arguments.find(p.name);
    const bool has_argument = given != request_.arguments.end();
    if (p.shape) {
      for (const Dimension& d : *p.shape) {
        const auto at = binding_.dimensions.find(d.name);
        if (d.name.empty()) {
          tensor.shape.push_back(d.value);
        } else if (at != binding_.dimensions.end()) {
          tensor.shape.push_back(at->second);
        } else {
          tensor.shape.push_back(1);
          if (missing.insert(d.name).second) {
            fault(d.span, messages::missing_definition, d.name, task_.name);
          }
        }
      }
    } else if (has_argument && !given->second.shape.empty()) {
      tensor.shape = given->second.shape;
    } else {
      fault(p.span, messages::missing_entry_shape, p.name);
      return;
    }
    bind_dtype(p, has_argument ? given->second.dtype : std::nullopt, tensor);
    auto bytes = static_cast<std::int64_t>(size_bytes(tensor.dtype));
    bool fits = !tensor.shape.empty();
    for (std::size_t d = 0; d < tensor.shape.size(); ++d) {
      if (tensor.shape[d] < 1) {
        fault(p.span, messages::extent_below_one, fmt::format("extent {} of '{}'", d, p.name),
              tensor.shape[d]);
        return;
      }
      fits = fits && !__builtin_mul_overflow(bytes, tensor.shape[d], &bytes) && bytes < max_bytes;
    }
    if (!fits) fault(p.span, messages::entry_too_large, p.name, shape_text(tensor.shape));
    binding_.arguments.emplace_back(std::move(tensor));
  }

  void bind_dtype(const Parameter& p, std::optional<DType> given, EntryTensor& tensor) {
    const auto option = request_.dtypes.find(p.name);
    std::optional<DType> chosen = given;
    if (option != request_.dtypes.end()) {
      if (chosen && *chosen != option->second) {
        fault(p.span, messages::entry_dtype_mismatch, p.name, name(option->second), name(*chosen));
      }
      chosen = option->second;
    }
    if (p.dtype) {
      if (chosen && *chosen != *p.dtype) {
        fault(p.span, messages::entry_dtype_mismatch, p.name, name(*chosen), name(*p.dtype));
      }
      chosen = p.dtype;
    }
    tensor.dtype = chosen.value_or(request_.default_dtype.value_or(DType::f32));
  }

  void bind_scalar(const Parameter& p) {
    const auto at = definitions_.find(p.name);
    if (at == definitions_.end()) {
      fault(p.span, messages::missing_definition, p.name, task_.name);
      return;
    }
    const std::string& text = at->second;
    if (p.kind == ParameterKind::integer) {
      if (const auto value = parse_integer(text)) {
        binding_.arguments.emplace_back(*value);
        return;
      }
    } else if (p.kind == ParameterKind::floating) {
      if (const auto value = parse_number(text)) {
        binding_.arguments.emplace_back(*value);
        return;
      }
    } else if (text == "true" || text == "false") {
      binding_.arguments.emplace_back(text == "true");
      return;
    }
    const char* expected = p.kind == ParameterKind::integer    ? "an integer"
                           : p.kind == ParameterKind::floating ? "a number"
                                                               : "true or false";
    fault({}, messages::bad_definition, p.name, text, expected);
  }

  const Task& task_;
  const EntryRequest& request_;
  Diagnostics& diagnostics_;
  std::map<std::string, std::string> definitions_;
  EntryBinding binding_;
  bool failed_ = false;
};

}  // namespace

std::vector<std::string> definable_names(const Task& task) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const Parameter& p : task.parameters) {
    if (!p.shape) continue;
    for (const Dimension& d : *p.shape) {
      if (!d.name.empty()) add(d.name);
    }
  }
  for (const Parameter& p : task.parameters) {
    if (p.kind != ParameterKind::tensor) add(p.name);
  }
  return names;
}

Result<EntryBinding> bind_entry(const Module& module, std::string_view task,
                                const EntryRequest& request, Diagnostics& diagnostics) {
  const Task* found = module.find(task);
  if (found == nullptr) {
    std::vector<std::string> names;
    for (const Task& t : module.tasks) names.push_back(t.name);
    const auto near = nearest_name(task, names);
    diagnostics.report(
        {}, messages::unknown_entry_task, task,
        near ? fmt::format("did you mean '{}'?", *near) : fmt::format("it has: {}", joined(names)));
    return std::nullopt;
  }
  return Binder(*found, request, diagnostics).run();
}

}  // namespace septran::lang
