#include "tests/support/kernel.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <sstream>

#include "compiler/frontend/parser.h"
#include "compiler/reference/reference.h"
#include "compiler/tile/interpret.h"
#include "compiler/tile/parse.h"
#include "compiler/tile/text.h"
#include "compiler/tile/visit.h"
#include "runtime/tensor.h"
#include "tests/support/hazards.h"

namespace septran::testing_support {
namespace {

using Bytes = std::vector<std::byte>;

std::vector<lang::EntryTensor> tensors_of(const Kernel& kernel) {
  std::vector<lang::EntryTensor> tensors;
  for (const lang::EntryArgument& argument : kernel.entry->arguments) {
    if (const auto* tensor = std::get_if<lang::EntryTensor>(&argument)) tensors.push_back(*tensor);
  }
  return tensors;
}

runtime::HostTensor host_tensor(DType dtype, Bytes bytes) {
  const auto count = static_cast<std::int64_t>(bytes.size() / size_bytes(dtype));
  return {dtype, {count}, std::move(bytes)};
}

/// Removes an event's syncs from a block tree; false if there are none.
bool remove_event(tile::Block& block, tile::EventId event) {
  bool removed = false;
  for (std::size_t i = 0; i < block.size(); ++i) {
    if (auto* sync = std::get_if<tile::Sync>(&block[i].node)) {
      removed |= std::erase(sync->events, event) > 0;
      if (sync->events.empty()) {
        block.erase(block.begin() + static_cast<std::ptrdiff_t>(i--));
        continue;
      }
    }
    for (tile::Block* inner : tile::child_blocks(block[i])) removed |= remove_event(*inner, event);
  }
  return removed;
}

/// What is lost when a program is printed and read back; empty if nothing is.
std::string text_fault(const tile::Program& program) {
  const std::string text = tile::to_text(program);
  SourceManager sources;
  Diagnostics diagnostics;
  const FileId file = sources.add("printed.tile", text);
  const auto parsed = tile::parse_text(file, sources, diagnostics);
  if (!parsed) return render(diagnostics, sources, false);
  return tile::to_text(*parsed) == text ? "" : "another text after reading it back";
}

}  // namespace

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

void compile(const KernelText& text, Kernel& kernel) {
  const FileId logic = kernel.sources.add("kernel.py", text.logic);
  const FileId mapping_file = kernel.sources.add(text.mapping_file, text.mapping);
  kernel.module = lang::parse_module(logic, kernel.sources, kernel.diagnostics);
  kernel.machine = load_machine(text.target, {}, kernel.sources, kernel.diagnostics);
  const auto task = mapping::read_entry_task(mapping_file, kernel.sources, kernel.diagnostics);
  if (!kernel.module || !kernel.machine || !task) return;
  lang::EntryRequest request;
  request.definitions = text.definitions;
  request.default_dtype = text.dtype;
  request.dtypes = text.dtypes;
  kernel.entry = lang::bind_entry(*kernel.module, task->value, request, kernel.diagnostics);
  if (!kernel.entry) return;
  kernel.mapping =
      mapping::read_mapping(mapping_file, passes::make_environment(*kernel.entry, *kernel.machine),
                            *kernel.module, *kernel.machine, kernel.sources, kernel.diagnostics);
  if (!kernel.mapping) return;
  auto tree = passes::instantiate(*kernel.module, *kernel.entry, *kernel.mapping, *kernel.machine,
                                  kernel.sources, kernel.diagnostics);
  if (!tree) return;
  passes::RunOptions options;
  options.after = [&](std::string_view pass, const tile::Program& program) {
    kernel.stages.emplace_back(std::string(pass), program);
  };
  kernel.program =
      passes::run_passes(std::move(*tree), {*kernel.machine, kernel.diagnostics}, options);
}

std::vector<Bytes> make_arguments(const Kernel& kernel, bool integers) {
  std::vector<Bytes> arguments;
  std::uint64_t state = 1;
  for (const lang::EntryTensor& tensor : tensors_of(kernel)) {
    std::size_t count = 1;
    for (const std::int64_t extent : tensor.shape) count *= static_cast<std::size_t>(extent);
    runtime::HostTensor host = host_tensor(tensor.dtype, Bytes(count * size_bytes(tensor.dtype)));
    for (std::size_t i = 0; i < count; ++i) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      const auto draw = static_cast<std::int64_t>(state >> 40);
      const bool whole = integers || !is_float(tensor.dtype);
      runtime::store_element(
          host, i,
          whole ? static_cast<double>(draw % 7 - 3) : static_cast<double>(draw) / (1 << 23) - 1.0);
    }
    arguments.push_back(std::move(host.bytes));
  }
  return arguments;
}

std::vector<Bytes> run_reference(Kernel& kernel, std::vector<Bytes> arguments) {
  std::vector<std::byte*> pointers(kernel.entry->arguments.size());
  std::size_t next = 0;
  for (std::size_t i = 0; i < pointers.size(); ++i) {
    if (std::holds_alternative<lang::EntryTensor>(kernel.entry->arguments[i])) {
      pointers[i] = arguments[next++].data();
    }
  }
  if (!reference::run(*kernel.module, *kernel.entry, pointers, {}, kernel.diagnostics)) return {};
  return arguments;
}

double difference(DType dtype, const Bytes& a, const Bytes& b) {
  const runtime::HostTensor x = host_tensor(dtype, a);
  const runtime::HostTensor y = host_tensor(dtype, b);
  double worst = 0;
  for (std::size_t i = 0; i < x.elements(); ++i) {
    const double u = runtime::load_element(x, i);
    const double v = runtime::load_element(y, i);
    if (u == v || (std::isnan(u) && std::isnan(v))) continue;
    const double scaled = std::abs(u - v) / std::max(1.0, std::abs(v));
    if (!(scaled <= worst)) worst = std::isnan(scaled) ? INFINITY : scaled;
  }
  return worst;
}

std::string compare_stages(Kernel& kernel, bool integers, double tolerance) {
  const std::vector<Bytes> arguments = make_arguments(kernel, integers);
  const std::vector<Bytes> golden = run_reference(kernel, arguments);
  if (golden.empty()) return "the reference failed:\n" + kernel.messages();
  const std::vector<lang::EntryTensor> tensors = tensors_of(kernel);
  for (const auto& [pass, program] : kernel.stages) {
    // A product that is split but not yet placed in its accumulators is rounded at every part.
    if (pass == "select" && !integers) continue;
    const std::string lost = text_fault(program);
    if (!lost.empty()) return fmt::format("after {}: {}\n{}", pass, lost, tile::to_text(program));
    std::vector<Bytes> results = arguments;
    std::vector<std::span<std::byte>> spans;
    for (Bytes& bytes : results) spans.emplace_back(bytes);
    tile::InterpretOptions options;
    options.placed = pass == "place-buffers" || pass.starts_with("insert-barriers") ||
                     pass.starts_with("insert-syncs");
    const auto fault = tile::interpret(program, spans, options);
    if (fault) return fmt::format("after {}: {}\n{}", pass, *fault, tile::to_text(program));
    for (std::size_t i = 0; i < results.size(); ++i) {
      const double error = difference(tensors[i].dtype, results[i], golden[i]);
      if (error > (integers ? 0 : tolerance)) {
        return fmt::format("after {}: argument {} is off by {}\n{}", pass, i, error,
                           tile::to_text(program));
      }
    }
  }
  return {};
}

tile::Program without_event(const tile::Program& program, tile::EventId event) {
  tile::Program without = program;
  SEPTRAN_CHECK(remove_event(without.body, event));
  return without;
}

std::string check_hazards(const tile::Program& program) {
  for (const tile::Hazard& hazard : tile::find_hazards(program)) {
    return fmt::format("hazard: {}\n{}", hazard.text, tile::to_text(program));
  }
  return {};
}

std::string check_syncs(const tile::Program& program, bool rings_wrap) {
  if (const std::string hazard = check_hazards(program); !hazard.empty()) return hazard;
  for (std::uint32_t e = 0; e < program.events.size(); ++e) {
    if (program.events[e].credits > 0 && !rings_wrap) continue;
    tile::Program without = program;
    if (!remove_event(without.body, tile::EventId{e})) return "an event that no sync uses";
    if (tile::find_hazards(without).empty()) {
      return fmt::format("event {} is not needed\n{}", program.events[e].name,
                         tile::to_text(program));
    }
  }
  return {};
}

}  // namespace septran::testing_support
