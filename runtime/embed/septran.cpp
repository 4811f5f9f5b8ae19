#include "runtime/embed/septran.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "compiler/base/messages.h"
#include "compiler/frontend/evaluate.h"
#include "compiler/frontend/parser.h"
#include "compiler/mapping/mapping.h"
#include "compiler/passes/pass.h"
#include "runtime/native/native.h"
#include "runtime/tensor.h"

namespace septran::embed {
namespace {

Error error_of(const Diagnostics& diagnostics, const SourceManager& sources) {
  Error error{"", render(diagnostics, sources, false)};
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    if (error.code.empty() && diagnostic.severity == Severity::error) error.code = diagnostic.code;
  }
  return error;
}

Result<FileId> load(const std::string& path, SourceManager& sources, Diagnostics& diagnostics) {
  const auto file = sources.load(path);
  if (!file) diagnostics.report({}, messages::cannot_read, path);
  return file;
}

Result<Machine> find_machine(const Request& request, FileId mapping, SourceManager& sources,
                             Diagnostics& diagnostics) {
  if (!request.target.empty()) return load_machine(request.target, {}, sources, diagnostics);
  const auto target = mapping::read_target_name(mapping, sources, diagnostics);
  if (!target) return std::nullopt;
  if (target->value.empty()) {
    diagnostics.report(Span{mapping, 0, 0}, messages::no_target);
    return std::nullopt;
  }
  return load_machine(target->value, target->span, sources, diagnostics);
}

Result<std::unique_ptr<runtime::Kernel>> load_kernel(const Request& request, SourceManager& sources,
                                                     Diagnostics& diagnostics) {
  const auto logic = load(request.logic, sources, diagnostics);
  const auto mapping_file = load(request.mapping, sources, diagnostics);
  if (!logic || !mapping_file) return std::nullopt;
  const auto module = lang::parse_module(*logic, sources, diagnostics);
  const auto machine = find_machine(request, *mapping_file, sources, diagnostics);
  const auto task = mapping::read_entry_task(*mapping_file, sources, diagnostics);
  if (!module || !machine || !task) return std::nullopt;
  if (machine->family != MachineFamily::cpu) {
    diagnostics.report({}, messages::not_embedded, machine->name);
    return std::nullopt;
  }
  lang::EntryRequest entry_request;
  entry_request.definitions = request.definitions;
  entry_request.default_dtype = request.dtype;
  entry_request.dtypes = request.dtypes;
  const auto entry = lang::bind_entry(*module, task->value, entry_request, diagnostics);
  if (!entry) return std::nullopt;
  const auto mapping =
      mapping::read_mapping(*mapping_file, passes::make_environment(*entry, *machine), *module,
                            *machine, sources, diagnostics);
  if (!mapping) return std::nullopt;
  auto tree = passes::instantiate(*module, *entry, *mapping, *machine, sources, diagnostics);
  if (!tree) return std::nullopt;
  const auto program = passes::run_passes(std::move(*tree), {*machine, diagnostics});
  if (!program) return std::nullopt;
  return runtime::load_native(*program, *machine, diagnostics);
}

std::vector<std::int64_t> dense_strides(const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> strides(shape.size());
  std::int64_t stride = 1;
  for (std::size_t d = shape.size(); d-- > 0;) {
    strides[d] = stride;
    stride *= shape[d];
  }
  return strides;
}

/// Strides of dimensions of one element do not matter.
bool is_dense(const TensorInfo& tensor, std::span<const std::int64_t> strides) {
  if (strides.size() != tensor.shape.size()) return false;
  const std::vector<std::int64_t> dense = dense_strides(tensor.shape);
  for (std::size_t d = 0; d < dense.size(); ++d) {
    if (tensor.shape[d] != 1 && strides[d] != dense[d]) return false;
  }
  return true;
}

std::string list(std::span<const std::int64_t> numbers) {
  return fmt::format("[{}]", fmt::join(numbers, ", "));
}

void check_buffer(const TensorInfo& tensor, const Buffer& buffer, Diagnostics& diagnostics) {
  const std::size_t element = size_bytes(tensor.dtype);
  if (buffer.data == nullptr && (tensor.is_input || tensor.is_output)) {
    diagnostics.report({}, messages::buffer_null, tensor.name);
  }
  if (reinterpret_cast<std::uintptr_t>(buffer.data) % element != 0) {
    diagnostics.report({}, messages::buffer_alignment, tensor.name, element);
  }
  if (!buffer.shape.empty() && !std::ranges::equal(buffer.shape, tensor.shape)) {
    diagnostics.report({}, messages::buffer_shape, tensor.name, list(buffer.shape),
                       list(tensor.shape));
  } else if (!buffer.strides.empty() && !is_dense(tensor, buffer.strides)) {
    diagnostics.report({}, messages::buffer_strides, tensor.name, list(buffer.strides),
                       list(dense_strides(tensor.shape)));
  }
}

bool overlap(const TensorInfo& a, const Buffer& of_a, const TensorInfo& b, const Buffer& of_b) {
  const auto first = [](const Buffer& buffer) {
    return reinterpret_cast<std::uintptr_t>(buffer.data);
  };
  const auto end = [&](const TensorInfo& tensor, const Buffer& buffer) {
    return first(buffer) + runtime::dense_size_bytes(tensor.dtype, tensor.shape).value_or(0);
  };
  return first(of_a) < end(b, of_b) && first(of_b) < end(a, of_a);
}

}  // namespace

struct Kernel::State {
  std::unique_ptr<runtime::Kernel> kernel;
  std::vector<TensorInfo> tensors;
};

std::span<const TensorInfo> Kernel::tensors() const { return state_->tensors; }

std::optional<Error> Kernel::call(std::span<const Buffer> buffers) const {
  const std::vector<TensorInfo>& tensors = state_->tensors;
  Diagnostics diagnostics;
  if (buffers.size() != tensors.size()) {
    diagnostics.report({}, messages::buffer_count, tensors.size(), buffers.size());
    return error_of(diagnostics, {});
  }
  std::vector<void*> pointers;
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    check_buffer(tensors[i], buffers[i], diagnostics);
    for (std::size_t other = 0; other < i; ++other) {
      const bool written = tensors[i].is_output || tensors[other].is_output;
      if (written && overlap(tensors[i], buffers[i], tensors[other], buffers[other])) {
        diagnostics.report({}, messages::buffer_overlap, tensors[other].name, tensors[i].name);
      }
    }
    pointers.push_back(buffers[i].data);
  }
  if (diagnostics.has_errors()) return error_of(diagnostics, {});
  state_->kernel->call(pointers);
  return std::nullopt;
}

std::variant<Kernel, Error> compile(const Request& request) {
  SourceManager sources;
  Diagnostics diagnostics;
  auto kernel = load_kernel(request, sources, diagnostics);
  if (!kernel) return error_of(diagnostics, sources);
  auto state = std::make_shared<Kernel::State>();
  for (const runtime::KernelTensor& tensor : (*kernel)->tensors()) {
    state->tensors.push_back(
        {tensor.name, tensor.dtype, tensor.shape, tensor.is_input, tensor.is_output});
  }
  state->kernel = std::move(*kernel);
  return Kernel(std::move(state));
}

}  // namespace septran::embed
