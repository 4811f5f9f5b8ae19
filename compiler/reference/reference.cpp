#include "compiler/reference/reference.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <set>

#include "compiler/base/messages.h"
#include "compiler/kernels/kernels.h"
#include "compiler/reference/written_map.h"

namespace septran::reference {
namespace {

struct Freer {
  void operator()(std::byte* memory) const { std::free(memory); }
};

/// A tensor that tiles can be cut from: of the entry task, or a temporary.
struct Root {
  std::string name;
  DType dtype = DType::f32;
  std::byte* data = nullptr;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides_bytes;
  Usage usage;
  std::unique_ptr<std::byte, Freer> owned;  // temporaries
  std::optional<WrittenMap> written;        // temporaries
};

Root make_root(std::string name, DType dtype, std::vector<std::int64_t> shape) {
  Root root{std::move(name), dtype, nullptr, std::move(shape), {}, {}, nullptr, std::nullopt};
  root.strides_bytes.resize(root.shape.size());
  auto stride = static_cast<std::int64_t>(size_bytes(dtype));
  for (std::size_t axis = root.shape.size(); axis-- > 0;) {
    root.strides_bytes[axis] = stride;
    stride *= root.shape[axis];
  }
  return root;
}

double machine_memory_bytes() {
  return static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE));
}

/// Executes at once what it is told.
class Interpreter : public lang::Visitor {
 public:
  Interpreter(const Options& options, Diagnostics& diagnostics)
      : options_(options),
        diagnostics_(diagnostics),
        errors_before_(diagnostics.error_count()),
        memory_left_bytes_(machine_memory_bytes()) {}

  std::vector<std::uint32_t> add_parameters(const lang::EntryBinding& entry,
                                            std::span<std::byte* const> tensors) {
    std::vector<std::uint32_t> handles;
    for (std::size_t p = 0; p < entry.arguments.size(); ++p) {
      handles.push_back(static_cast<std::uint32_t>(roots_.size()));
      const auto* tensor = std::get_if<lang::EntryTensor>(&entry.arguments[p]);
      const std::string& name = entry.task->parameters[p].name;
      roots_.push_back(tensor != nullptr ? make_root(name, tensor->dtype, tensor->shape)
                                         : make_root(name, DType::f32, {}));
      roots_.back().data = tensors[p];
    }
    return handles;
  }

  [[nodiscard]] std::vector<Usage> usage(std::size_t parameters) const {
    std::vector<Usage> result;
    for (std::size_t p = 0; p < parameters; ++p) result.push_back(roots_[p].usage);
    return result;
  }

  std::uint32_t temporary(const std::string& name, const std::vector<Expr>& shape, DType dtype,
                          Span span) override {
    std::vector<std::int64_t> extents;
    for (const Expr& extent : shape) extents.push_back(*extent.constant());
    Root root = make_root(name, dtype, extents);
    const std::int64_t bytes = root.strides_bytes[0] * extents[0];
    memory_left_bytes_ -= static_cast<double>(bytes);
    if (memory_left_bytes_ > 0 && !failed()) {
      root.owned.reset(static_cast<std::byte*>(std::calloc(1, static_cast<std::size_t>(bytes))));
    }
    root.data = root.owned.get();
    if (root.data == nullptr && !failed()) report(span, messages::temporary_memory, name, bytes);
    root.written.emplace(std::move(extents));
    roots_.push_back(std::move(root));
    return static_cast<std::uint32_t>(roots_.size() - 1);
  }

  void loop(const lang::LoopRequest& request, const lang::LoopBody& body) override {
    std::vector<std::int64_t> begins;
    std::vector<std::int64_t> ends;
    for (std::size_t i = 0; i < request.begins.size(); ++i) {
      begins.push_back(*request.begins[i].constant());
      ends.push_back(*request.ends[i].constant());
      if (begins[i] >= ends[i]) return;
    }
    std::vector<std::int64_t> at = begins;
    for (;;) {
      const std::vector<Expr> indices(at.begin(), at.end());
      const std::size_t outer_roots = roots_.size();
      const bool go_on = body(indices);
      release(outer_roots);
      if (!go_on || failed()) return;  // what follows a fault is not worth its time
      std::size_t d = at.size();
      while (d > 0 && ++at[d - 1] == ends[d - 1]) {
        --d;
        at[d] = begins[d];
      }
      if (d == 0) return;
    }
  }

  void branch(const Cond& /*condition*/, Span /*span*/, const std::function<void()>& /*then*/,
              const std::function<void()>& /*otherwise*/) override {
    SEPTRAN_BUG("a condition is not constant though all loop variables are");
  }

  void launch(const lang::LaunchRequest& request, const lang::LaunchBody& body) override {
    const std::size_t outer_roots = roots_.size();
    body(request.arguments);
    release(outer_roots);
  }

  void primitive(const lang::PrimitiveRequest& request) override {
    if (failed() || !check_written(request)) return;
    std::vector<kernels::Argument> arguments;
    for (std::size_t i = 0; i < request.operands.size(); ++i) {
      const lang::OperandValue& operand = request.operands[i];
      if (const auto* tensor = std::get_if<lang::TensorValue>(&operand)) {
        arguments.emplace_back(tile(*tensor));
        const Access access = operand_access(request.primitive, request.attributes, i);
        note_access(*tensor, access);
      } else if (const auto* scalar = std::get_if<double>(&operand)) {
        arguments.emplace_back(*scalar);
      } else {
        arguments.emplace_back(std::monostate{});
      }
    }
    kernels::run_primitive(request.primitive, arguments, request.attributes);
  }

  std::optional<lang::TunableValue> tunable(const lang::TunableRequest& request) override {
    if (options_.tunables) {
      if (auto value = options_.tunables(request.name)) return value;
    }
    if (request.has_default) return std::nullopt;
    return fallback_tunable;
  }

 private:
  [[nodiscard]] bool failed() const { return diagnostics_.error_count() > errors_before_; }

  template <typename... Args>
  void report(Span span, const Message& message, const Args&... args) {
    if (reported_.emplace(span, message.code).second) diagnostics_.report(span, message, args...);
  }

  /// Frees the temporaries made since there were `count` roots.
  void release(std::size_t count) {
    for (std::size_t r = count; r < roots_.size(); ++r) {
      memory_left_bytes_ +=
          static_cast<double>(roots_[r].strides_bytes[0]) * static_cast<double>(roots_[r].shape[0]);
    }
    roots_.erase(roots_.begin() + static_cast<std::ptrdiff_t>(count), roots_.end());
  }

  kernels::Tile tile(const lang::TensorValue& tensor) {
    const Root& root = roots_[tensor.root];
    return kernels::make_tile(
        root.data, root.dtype, root.dtype, tensor.view, root.strides_bytes, root.shape,
        [](VarId) -> std::int64_t { SEPTRAN_BUG("the reference has no loop variables"); });
  }

  /// Inputs are read before the output is written.
  bool check_written(const lang::PrimitiveRequest& request) {
    bool good = true;
    for (std::size_t i = 0; i < request.operands.size(); ++i) {
      const auto* tensor = std::get_if<lang::TensorValue>(&request.operands[i]);
      if (tensor == nullptr) continue;
      const Root& root = roots_[tensor->root];
      const Access access = operand_access(request.primitive, request.attributes, i);
      if (!root.written || !reads(access) || root.written->is_written(tensor->view)) continue;
      report(request.span, messages::read_before_write, root.name);
      good = false;
    }
    return good;
  }

  void note_access(const lang::TensorValue& tensor, Access access) {
    Root& root = roots_[tensor.root];
    root.usage.is_read = root.usage.is_read || reads(access);
    root.usage.is_written = root.usage.is_written || writes(access);
    if (root.written && writes(access)) root.written->write(tensor.view);
  }

  const Options& options_;
  Diagnostics& diagnostics_;
  std::size_t errors_before_;
  double memory_left_bytes_;
  std::vector<Root> roots_;
  std::set<std::pair<Span, std::string>> reported_;
};

}  // namespace

Result<std::vector<Usage>> run(const lang::Module& module, const lang::EntryBinding& entry,
                               std::span<std::byte* const> tensors, const Options& options,
                               Diagnostics& diagnostics) {
  SEPTRAN_CHECK(tensors.size() == entry.arguments.size());
  Interpreter interpreter(options, diagnostics);
  const std::size_t errors_before = diagnostics.error_count();
  const auto roots = interpreter.add_parameters(entry, tensors);
  VarTable no_variables;
  lang::EvaluateOptions evaluation;
  evaluation.statement_limit = 0;
  evaluation.check_accesses = false;
  const bool good =
      lang::evaluate(module, entry, roots, no_variables, interpreter, diagnostics, evaluation);
  if (!good || diagnostics.error_count() > errors_before) return std::nullopt;
  return interpreter.usage(entry.arguments.size());
}

}  // namespace septran::reference
