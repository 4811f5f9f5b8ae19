#include "tests/fuzz/harness.h"

#include <sys/mman.h>
#include <unistd.h>

#include <bit>
#include <cstring>

#include "compiler/frontend/parser.h"
#include "compiler/frontend/print.h"
#include "compiler/mapping/mapping.h"
#include "compiler/passes/pass.h"
#include "compiler/tile/interpret.h"
#include "compiler/tile/parse.h"
#include "compiler/tile/text.h"
#include "compiler/tile/verify.h"
#include "runtime/npy.h"
#include "simulator/report.h"
#include "simulator/simulator.h"
#include "targets/dsa/assembly.h"
#include "targets/dsa/encode.h"
#include "targets/dsa/lower/lower.h"
#include "targets/dsa/validate.h"
#include "tests/frontend/evaluate_testing.h"

namespace septran::fuzz {
namespace {

/// What every reader is given. Messages are rendered at the end, as users would see them.
struct Session {
  SourceManager sources;
  Diagnostics diagnostics;
  Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { render(diagnostics, sources, false); }
  FileId add(const char* name, std::string_view text) {
    return sources.add(name, std::string(text));
  }
};

/// The machine that texts are compiled for and programs run on.
const Machine& edge() {
  static const Machine machine = [] {
    Session session;
    auto read = load_machine("dsa_edge", {}, session.sources, session.diagnostics);
    SEPTRAN_CHECK(read.has_value());
    return *read;
  }();
  return machine;
}

/// Sizes small enough for loops to be walked, odd enough for blocks to be clipped.
lang::EntryRequest small_sizes(const lang::Task& task) {
  lang::EntryRequest request;
  for (const std::string& name : lang::definable_names(task)) {
    request.definitions.emplace_back(name, "7");
  }
  for (const lang::Parameter& parameter : task.parameters) {
    request.arguments[parameter.name].shape = {7, 7};
  }
  return request;
}

/// The entry task with small sizes: where annotations say more than the request, without shapes.
Result<lang::EntryBinding> bind(const lang::Module& module, const lang::Task& task,
                                Diagnostics& diagnostics) {
  Diagnostics ignored;
  lang::EntryRequest request = small_sizes(task);
  if (auto entry = lang::bind_entry(module, task.name, request, ignored)) return entry;
  request.arguments.clear();
  return lang::bind_entry(module, task.name, request, diagnostics);
}

void evaluate(const lang::Module& module, const lang::Task& task, Session& session) {
  const auto entry = bind(module, task, session.diagnostics);
  if (!entry) return;
  VarTable vars;
  lang::RecordingVisitor visitor(vars, {{"block_size", std::int64_t{4}}});
  std::vector<std::uint32_t> roots;
  for (const lang::Parameter& p : task.parameters) roots.push_back(visitor.add_root(p.name));
  lang::EvaluateOptions options;
  options.statement_limit = 2000;
  options.enumeration_limit = 1000;
  lang::evaluate(module, *entry, roots, vars, visitor, session.diagnostics, options);
}

/// Bytes of all tensors that the host has to hold; nothing where that is too much for a run.
std::optional<std::int64_t> host_bytes(const dsa::Program& program) {
  std::int64_t total = 0;
  for (const dsa::GlobalBuffer& buffer : program.globals) {
    const auto bytes = dsa::buffer_bytes(buffer);
    constexpr std::int64_t limit = 1 << 20;
    if (!bytes || *bytes > limit || (total += *bytes) > limit) return std::nullopt;
  }
  return total;
}

void simulate(const dsa::Program& program) {
  simulator::SimulationOptions options;
  options.cycle_limit = 20'000;
  std::vector<simulator::HostBuffer> buffers(program.globals.size());
  std::vector<std::vector<double>> storage(program.globals.size());
  options.timing_only = !host_bytes(program).has_value();
  for (std::size_t i = 0; i < buffers.size() && !options.timing_only; ++i) {
    const dsa::GlobalBuffer& buffer = program.globals[i];
    if (!buffer.is_input && !buffer.is_output) continue;
    const auto bytes = static_cast<std::size_t>(*dsa::buffer_bytes(buffer));
    storage[i].resize(bytes / sizeof(double) + 1);
    buffers[i].bytes = std::as_writable_bytes(std::span(storage[i])).first(bytes);
  }
  const auto result = simulator::simulate(program, edge(), buffers, options);
  static_cast<void>(simulator::to_text(result));
}

}  // namespace

void assembly(std::string_view input) {
  Session session;
  const FileId file = session.add("fuzz.s", input);
  const auto program = dsa::parse_assembly(file, session.sources, session.diagnostics);
  if (!program) return;
  const FileId again = session.add("again.s", dsa::to_assembly(*program));
  SEPTRAN_CHECK(dsa::parse_assembly(again, session.sources, session.diagnostics) == program);
  const auto bytes = dsa::encode_program(*program, session.diagnostics);
  SEPTRAN_CHECK(bytes.has_value());
  SEPTRAN_CHECK(dsa::decode_program(*bytes, "fuzz.sdsa", session.diagnostics) == program);
}

void compile(std::string_view input) {
  constexpr std::string_view separator = "==== mapping\n";
  const std::size_t cut = input.find(separator);
  if (cut == std::string_view::npos) return;
  Session session;
  Diagnostics& diagnostics = session.diagnostics;
  const FileId logic_file = session.add("fuzz.py", input.substr(0, cut));
  const FileId mapping_file = session.add("fuzz.yaml", input.substr(cut + separator.size()));
  const auto module = lang::parse_module(logic_file, session.sources, diagnostics);
  const auto task = mapping::read_entry_task(mapping_file, session.sources, diagnostics);
  if (!module || !task) return;
  const lang::Task* entry_task = nullptr;
  for (const lang::Task& known : module->tasks) {
    if (known.name == task->value) entry_task = &known;
  }
  if (entry_task == nullptr) return;
  const auto entry = bind(*module, *entry_task, diagnostics);
  if (!entry) return;
  const auto mapping = mapping::read_mapping(mapping_file, passes::make_environment(*entry, edge()),
                                             *module, edge(), session.sources, diagnostics);
  if (!mapping) return;
  auto tree = passes::instantiate(*module, *entry, *mapping, edge(), session.sources, diagnostics);
  if (!tree) return;
  const auto tile = passes::run_passes(std::move(*tree), {edge(), diagnostics});
  if (!tile) return;
  const auto program = dsa::lower_to_dsa(*tile, edge(), diagnostics);
  if (program) simulate(*program);
}

void logic(std::string_view input) {
  Session session;
  const auto module =
      lang::parse_module(session.add("fuzz.py", input), session.sources, session.diagnostics);
  if (!module) return;
  lang::print(*module);
  for (const lang::Task& task : module->tasks) evaluate(*module, task, session);
}

void machine(std::string_view input) {
  Session session;
  read_machine(session.add("fuzz.yaml", input), session.sources, session.diagnostics);
}

void mapping(std::string_view input) {
  Session session;
  static constexpr const char* logic_text = R"(import task_lang as task

@task.define(leaf=True)
def gemm_leaf(C, A, B):
    task.call_primitive("gemm", C, A, B, accumulate=True)

@task.define
def block(C, A, B):
    acc = task.tensor(C.shape, "f32")
    Ap = task.partition(A, by="blocks", shape=(A.shape[0], task.tunable("block_k")))
    for k in task.sequential_range(Ap.shape[1]):
        task.launch(gemm_leaf, acc, Ap[0, k], B)

@task.define
def host(C: task.Tensor["M", "N"], A: task.Tensor["M", "K"], B: task.Tensor["K", "N"]):
    Cp = task.partition(C, by="blocks", shape=(task.tunable("block_m"), 64))
    for i, j in task.parallel_range(Cp.shape):
        task.launch(block, Cp[i, j], A, B)
)";
  const FileId logic_file = session.add("fuzz.py", logic_text);
  const auto module = lang::parse_module(logic_file, session.sources, session.diagnostics);
  SEPTRAN_CHECK(module.has_value());
  mapping::Environment environment;
  environment.values = {{"M", std::int64_t{512}}, {"N", 512.5}, {"K", true}};
  environment.dtypes = {{"A", DType::f16}, {"B", DType::f16}, {"C", DType::f32}};
  const FileId file = session.add("fuzz.yaml", input);
  mapping::read_target_name(file, session.sources, session.diagnostics);
  mapping::read_entry_task(file, session.sources, session.diagnostics);
  mapping::read_mapping(file, environment, *module, edge(), session.sources, session.diagnostics);
}

void npy(std::string_view input) {
  Session session;
  const int file = memfd_create("fuzz.npy", 0);
  SEPTRAN_CHECK(file >= 0);
  SEPTRAN_CHECK(write(file, input.data(), input.size()) == static_cast<ssize_t>(input.size()));
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  const auto header = runtime::read_npy_header(path, session.diagnostics);
  const auto tensor = runtime::read_npy(path, std::nullopt, std::nullopt, session.diagnostics);
  close(file);
  SEPTRAN_CHECK(header.has_value() == tensor.has_value());
  if (tensor) runtime::convert(*tensor, DType::f32, session.diagnostics);
}

void program(std::string_view input) {
  Session session;
  const auto given = std::as_bytes(std::span(input));
  dsa::looks_like_program(given);
  dsa::decode_program(given, "fuzz.sdsa", session.diagnostics);
  if (input.size() < dsa::content_offset) return;
  std::vector<std::byte> bytes(given.begin(), given.end());
  const auto put = [&](std::size_t offset, std::uint64_t value) {
    std::memcpy(bytes.data() + offset, &value, sizeof value);
  };
  put(8, bytes.size());
  put(dsa::checksum_offset, dsa::file_checksum(std::span(bytes).subspan(dsa::content_offset)));
  auto program = dsa::decode_program(bytes, "fuzz.sdsa", session.diagnostics);
  if (!program) return;
  const auto again = dsa::encode_program(*program, session.diagnostics);
  SEPTRAN_CHECK(again.has_value());
  program->target = edge().name;
  program->target_hash = edge().hash;
  if (dsa::validate(*program, edge(), session.diagnostics)) simulate(*program);
}

void tile(std::string_view input) {
  Session session;
  const auto program = septran::tile::parse_text(session.add("fuzz.tile", input), session.sources,
                                                 session.diagnostics);
  if (!program) return;
  const std::string text = septran::tile::to_text(*program);
  septran::tile::to_launch_tree(*program);
  const auto again = septran::tile::parse_text(session.add("again.tile", text), session.sources,
                                               session.diagnostics);
  SEPTRAN_CHECK(again.has_value());
  SEPTRAN_CHECK(septran::tile::to_text(*again) == text);
  septran::tile::VerifyOptions options;
  options.memory = [](std::string_view name) -> std::optional<septran::tile::MemoryLimits> {
    const MemorySpec* memory = edge().find_memory(name);
    if (memory == nullptr) return std::nullopt;
    return septran::tile::MemoryLimits{memory->size_bytes, memory->alignment_bytes};
  };
  if (!septran::tile::verify(*program, options).empty()) return;
  std::vector<std::vector<double>> storage;
  std::vector<std::span<std::byte>> arguments;
  for (const septran::tile::Tensor& tensor : program->tensors) {
    const auto bytes = septran::tile::dense_bytes(tensor);
    constexpr std::int64_t limit = 1 << 20;
    if (!bytes || *bytes > limit) return;
    if (tensor.kind != septran::tile::TensorKind::argument) continue;
    storage.emplace_back(static_cast<std::size_t>(*bytes) / sizeof(double) + 1);
    arguments.push_back(
        std::as_writable_bytes(std::span(storage.back())).first(static_cast<std::size_t>(*bytes)));
  }
  septran::tile::InterpretOptions limits;
  limits.max_steps = 200;
  septran::tile::interpret(*program, arguments, limits);
}

std::span<const Harness> harnesses() {
  static constexpr Harness all[] = {{"assembly", assembly}, {"compile", compile}, {"logic", logic},
                                    {"machine", machine},   {"mapping", mapping}, {"npy", npy},
                                    {"program", program},   {"tile", tile}};
  return all;
}

}  // namespace septran::fuzz
