#include "compiler/reference/reference.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <set>

#include "compiler/base/messages.h"
#include "compiler/kernels/enclosure.h"
#include "compiler/kernels/kernels.h"
#include "compiler/kernels/tile_access.h"
#include "compiler/reference/written_map.h"

namespace septran::reference {
namespace {

struct Freer {
  void operator()(std::byte* memory) const { std::free(memory); }
};

/// What is computed: values, or bounds of what any right machine may compute.
enum class Meaning { values, bounds };

/// A tensor that tiles can be cut from: of the entry task, or a temporary. Values lie at `data` in
/// their own type. Bounds are f64: the low ends at `data`, all high ends behind all low ones,
/// unless they are a parameter's.
struct Root {
  std::string name;
  DType dtype = DType::f32;
  DType storage = DType::f32;
  std::byte* data = nullptr;
  std::byte* high = nullptr;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides_bytes;
  Usage usage;
  std::unique_ptr<std::byte, Freer> owned;  // temporaries
  std::int64_t owned_bytes = 0;
  std::optional<WrittenMap> written;  // temporaries
};

Root make_root(std::string name, DType dtype, DType storage, std::vector<std::int64_t> shape) {
  Root root;
  root.name = std::move(name);
  root.dtype = dtype;
  root.storage = storage;
  root.shape = std::move(shape);
  root.strides_bytes.resize(root.shape.size());
  auto stride = static_cast<std::int64_t>(size_bytes(storage));
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
  Interpreter(Meaning meaning, const Options& options, Diagnostics& diagnostics)
      : meaning_(meaning),
        options_(options),
        diagnostics_(diagnostics),
        errors_before_(diagnostics.error_count()),
        memory_left_bytes_(machine_memory_bytes()) {}

  /// `high` is of bounds only.
  std::vector<std::uint32_t> add_parameters(const lang::EntryBinding& entry,
                                            std::span<std::byte* const> tensors,
                                            std::span<std::byte* const> high = {}) {
    std::vector<std::uint32_t> handles;
    for (std::size_t p = 0; p < entry.arguments.size(); ++p) {
      handles.push_back(static_cast<std::uint32_t>(roots_.size()));
      const auto* tensor = std::get_if<lang::EntryTensor>(&entry.arguments[p]);
      const std::string& name = entry.task->parameters[p].name;
      roots_.push_back(tensor != nullptr
                           ? make_root(name, tensor->dtype, storage(tensor->dtype), tensor->shape)
                           : make_root(name, DType::f32, DType::f32, {}));
      roots_.back().data = tensors[p];
      if (!high.empty()) roots_.back().high = high[p];
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
    Root root = make_root(name, dtype, storage(dtype), extents);
    const std::int64_t one_bytes = root.strides_bytes[0] * extents[0];
    const std::int64_t bytes = meaning_ == Meaning::values ? one_bytes : 2 * one_bytes;
    root.owned_bytes = bytes;
    memory_left_bytes_ -= static_cast<double>(bytes);
    if (memory_left_bytes_ > 0 && !failed()) {
      root.owned.reset(static_cast<std::byte*>(std::calloc(1, static_cast<std::size_t>(bytes))));
    }
    root.data = root.owned.get();
    if (root.data != nullptr) root.high = root.data + (bytes - one_bytes);
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
    for (std::size_t i = 0; i < request.operands.size(); ++i) {
      if (const auto* tensor = std::get_if<lang::TensorValue>(&request.operands[i])) {
        note_access(*tensor, operand_access(request.primitive, request.attributes, i));
      }
    }
    if (meaning_ == Meaning::values) {
      const auto tiles = arguments<kernels::Argument>(
          request, [&](const lang::TensorValue& tensor) { return tile(tensor); });
      kernels::run_primitive(request.primitive, tiles, request.attributes);
    } else {
      const auto tiles = arguments<kernels::EnclosedArgument>(
          request, [&](const lang::TensorValue& tensor) { return enclosed_tile(tensor); });
      kernels::enclose_primitive(request.primitive, tiles, request.attributes);
    }
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
      memory_left_bytes_ += static_cast<double>(roots_[r].owned_bytes);
    }
    roots_.erase(roots_.begin() + static_cast<std::ptrdiff_t>(count), roots_.end());
  }

  [[nodiscard]] DType storage(DType dtype) const {
    return meaning_ == Meaning::values ? dtype : DType::f64;
  }

  /// A call's operands as the kernels take them; `tensor` makes the tiles.
  template <typename Argument, typename F>
  static std::vector<Argument> arguments(const lang::PrimitiveRequest& request, F tensor) {
    std::vector<Argument> result;
    for (const lang::OperandValue& operand : request.operands) {
      if (const auto* value = std::get_if<lang::TensorValue>(&operand)) {
        result.emplace_back(tensor(*value));
      } else if (const auto* scalar = std::get_if<double>(&operand)) {
        result.emplace_back(*scalar);
      } else {
        result.emplace_back(std::monostate{});
      }
    }
    return result;
  }

  kernels::Tile tile(const lang::TensorValue& tensor) {
    const Root& root = roots_[tensor.root];
    return kernels::make_tile(
        root.data, root.storage, root.storage, tensor.view, root.strides_bytes, root.shape,
        [](VarId) -> std::int64_t { SEPTRAN_BUG("the reference has no loop variables"); });
  }
  kernels::EnclosedTile enclosed_tile(const lang::TensorValue& tensor) {
    const Root& root = roots_[tensor.root];
    kernels::EnclosedTile both{tile(tensor), {}, root.dtype};
    both.high = both.low;
    both.high.data += root.high - root.data;
    return both;
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

  Meaning meaning_;
  const Options& options_;
  Diagnostics& diagnostics_;
  std::size_t errors_before_;
  double memory_left_bytes_;
  std::vector<Root> roots_;
  std::set<std::pair<Span, std::string>> reported_;
};

/// Evaluates the entry task; false after errors.
bool evaluate(const lang::Module& module, const lang::EntryBinding& entry,
              const std::vector<std::uint32_t>& roots, Interpreter& interpreter,
              Diagnostics& diagnostics) {
  const std::size_t errors_before = diagnostics.error_count();
  VarTable no_variables;
  lang::EvaluateOptions evaluation;
  evaluation.statement_limit = 0;
  evaluation.check_accesses = false;
  const bool good =
      lang::evaluate(module, entry, roots, no_variables, interpreter, diagnostics, evaluation);
  return good && diagnostics.error_count() == errors_before;
}

}  // namespace

Result<std::vector<Usage>> run(const lang::Module& module, const lang::EntryBinding& entry,
                               std::span<std::byte* const> tensors, const Options& options,
                               Diagnostics& diagnostics) {
  SEPTRAN_CHECK(tensors.size() == entry.arguments.size());
  Interpreter interpreter(Meaning::values, options, diagnostics);
  const auto roots = interpreter.add_parameters(entry, tensors);
  if (!evaluate(module, entry, roots, interpreter, diagnostics)) return std::nullopt;
  return interpreter.usage(entry.arguments.size());
}

Result<std::vector<Enclosure>> enclose(const lang::Module& module, const lang::EntryBinding& entry,
                                       std::span<const std::byte* const> tensors,
                                       const Options& options, Diagnostics& diagnostics) {
  SEPTRAN_CHECK(tensors.size() == entry.arguments.size());
  std::vector<Enclosure> result(tensors.size());
  std::vector<std::byte*> low(tensors.size());
  std::vector<std::byte*> high(tensors.size());
  for (std::size_t p = 0; p < tensors.size(); ++p) {
    const auto* tensor = std::get_if<lang::EntryTensor>(&entry.arguments[p]);
    if (tensor == nullptr || tensors[p] == nullptr) continue;
    std::int64_t count = 1;
    for (const std::int64_t extent : tensor->shape) count *= extent;
    result[p].low.resize(static_cast<std::size_t>(count));
    low[p] = reinterpret_cast<std::byte*>(result[p].low.data());
    kernels::convert(tensor->dtype, tensors[p], DType::f64, low[p], count);
    result[p].high = result[p].low;
    high[p] = reinterpret_cast<std::byte*>(result[p].high.data());
  }
  Interpreter interpreter(Meaning::bounds, options, diagnostics);
  const auto roots = interpreter.add_parameters(entry, low, high);
  if (!evaluate(module, entry, roots, interpreter, diagnostics)) return std::nullopt;
  return result;
}

}  // namespace septran::reference
