// Reading a machine description: the parts that every family has, and the checks between them.
#include <algorithm>
#include <functional>
#include <limits>

#include "compiler/base/messages.h"
#include "targets/machine.h"
#include "targets/machine_cpu.h"
#include "targets/machine_cuda.h"
#include "targets/machine_dsa.h"
#include "targets/machine_implementations.h"
#include "targets/machine_names.h"
#include "targets/presets.h"
#include "targets/primitive_names.h"
#include "targets/yaml_reader.h"

namespace septran {
namespace {

using yaml::Fields;
using yaml::Node;

constexpr std::int64_t max_memory_bytes = std::int64_t{1} << 48;
constexpr std::int64_t max_cycles = 1'000'000'000;
constexpr std::int64_t max_bytes_per_cycle = std::int64_t{1} << 24;
constexpr std::int64_t max_alignment_bytes = std::int64_t{1} << 20;

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3ULL;
  }
  return hash;
}

class Reader {
 public:
  explicit Reader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}
  Machine read(const Node& root);

 private:
  using ReadOne = std::function<void(const yaml::Entry&)>;

  void family(Fields& fields);
  void each(Fields& fields, const char* section, const char* kind, const ReadOne& read_one);
  void processor(const yaml::Entry& entry);
  void memory(const yaml::Entry& entry);
  void engine(const yaml::Entry& entry);
  void path(const Node& node);
  void check_path(const PathSpec& path, const Node& node);
  void check_hops(const Node& paths);
  void check_launches(const Node& root);
  void check_dsa(const Node& root);
  void check_complete(const Node& root);

  Diagnostics& diagnostics_;
  Machine machine_;
};

void Reader::family(Fields& fields) {
  const Node* node = fields.required("family");
  if (node == nullptr) return;
  const auto text = yaml::to_text(*node, "'family'", diagnostics_);
  if (!text) return;
  if (*text == "dsa") {
    machine_.family = MachineFamily::dsa;
  } else if (*text == "cpu") {
    machine_.family = MachineFamily::cpu;
  } else if (*text == "cuda") {
    machine_.family = MachineFamily::cuda;
  } else {
    diagnostics_.report(node->span, messages::machine_unknown_name, "family", *text,
                        yaml::name_hint(*text, {"dsa", "cpu", "cuda"}));
  }
}

void Reader::each(Fields& fields, const char* section, const char* kind, const ReadOne& read_one) {
  const Node* node = fields.required(section);
  if (node == nullptr || !yaml::expect_map(*node, Fields::quoted(section), diagnostics_)) return;
  for (const yaml::Entry& entry : node->entries) {
    if (entry.key.empty()) {
      diagnostics_.report(entry.key_span, messages::machine_unknown_name, kind, "", "");
      continue;
    }
    read_one(entry);
  }
}

void Reader::processor(const yaml::Entry& entry) {
  const std::string& name = entry.key;
  const Node& node = entry.value;
  Fields fields(node, fmt::format("processor '{}'", name), diagnostics_);
  ProcessorSpec spec;
  spec.name = name;
  fields.text("describes", spec.describes);
  fields.integer("count", 1, 1 << 16, spec.count);
  for (const Node* target : fields.optional_names("launches"))
    spec.launches.push_back(target->text);
  fields.finish();
  machine_.processors.push_back(std::move(spec));
}

void Reader::memory(const yaml::Entry& entry) {
  const std::string& name = entry.key;
  const Node& node = entry.value;
  Fields fields(node, fmt::format("memory '{}'", name), diagnostics_);
  MemorySpec spec;
  spec.name = name;
  fields.text("describes", spec.describes);
  fields.integer("size_bytes", 1, max_memory_bytes, spec.size_bytes);
  fields.boolean("private", spec.is_private);
  fields.integer("alignment_bytes", 1, max_alignment_bytes, spec.alignment_bytes);
  if (machine_.family == MachineFamily::dsa) {  // what the simulator times
    fields.integer("banks", 1, 1 << 16, spec.banks);
    fields.integer("ports", 1, 1 << 10, spec.ports);
    fields.integer("bytes_per_cycle", 1, max_bytes_per_cycle, spec.bytes_per_cycle);
    fields.integer("latency_cycles", 0, max_cycles, spec.latency_cycles);
  }
  const Node* held = fields.optional("held_as");
  if (held != nullptr && yaml::expect_map(*held, "'held_as'", diagnostics_)) {
    for (const yaml::Entry& one : held->entries) {
      Node key;
      key.kind = yaml::Kind::scalar;
      key.text = one.key;
      key.span = one.key_span;
      const auto from = read_dtype(key, "a key of 'held_as'", diagnostics_);
      const auto to = read_dtype(one.value, Fields::quoted(one.key), diagnostics_);
      if (!from || !to) continue;
      if (!holds_all(*to, *from)) {
        diagnostics_.report(one.value.span, messages::machine_narrower, one.key, one.value.text);
      }
      spec.held_as[*from] = *to;
    }
  }
  fields.finish();
  machine_.memories.push_back(std::move(spec));
}

void Reader::engine(const yaml::Entry& entry) {
  const std::string& name = entry.key;
  const Node& node = entry.value;
  Fields fields(node, fmt::format("engine '{}'", name), diagnostics_);
  EngineSpec spec;
  spec.name = name;
  if (const Node* kind = fields.required("kind")) {
    const auto text = yaml::to_text(*kind, "'kind'", diagnostics_);
    if (text == "dma") {
      spec.kind = EngineKind::dma;
    } else if (text == "mma") {
      spec.kind = EngineKind::mma;
    } else if (text == "vector") {
      spec.kind = EngineKind::vector;
    } else if (text == "core") {
      spec.kind = EngineKind::core;
    } else if (text) {
      diagnostics_.report(kind->span, messages::machine_unknown_name, "engine kind", *text,
                          yaml::name_hint(*text, {"dma", "mma", "vector", "core"}));
    }
  }
  if (machine_.family == MachineFamily::dsa) {
    fields.integer("queue_depth", 1, 1 << 16, spec.queue_depth);
  }
  fields.finish();
  machine_.engines.push_back(std::move(spec));
}

void Reader::path(const Node& node) {
  Fields fields(node, "a path", diagnostics_);
  if (!fields.valid()) return;
  PathSpec spec;
  const auto memory = [&](const Node* name, std::string& out) {
    if (name != nullptr && yaml::to_text(*name, "a memory", diagnostics_) &&
        check_name(*name, "memory", machine_.memories, diagnostics_)) {
      out = name->text;
    }
  };
  memory(fields.required("from"), spec.from);
  memory(fields.required("to"), spec.to);
  memory(fields.optional("via"), spec.via);
  const Node* engine = fields.optional("engine");
  if (engine != nullptr && yaml::to_text(*engine, "'engine'", diagnostics_) &&
      check_name(*engine, "engine", machine_.engines, diagnostics_)) {
    spec.engine = engine->text;
  }
  fields.optional_boolean("convert", spec.convert);
  fields.optional_boolean("transpose", spec.transpose);
  fields.optional_boolean("fill", spec.fill);
  if (fields.optional("alignment_bytes") != nullptr) {
    fields.integer("alignment_bytes", 1, max_alignment_bytes, spec.alignment_bytes);
  }
  fields.finish();
  if (spec.from.empty() || spec.to.empty()) return;
  check_path(spec, node);
  machine_.paths.push_back(std::move(spec));
}

void Reader::check_path(const PathSpec& path, const Node& node) {
  const auto report = [&](const Node& place, std::string_view fault) {
    diagnostics_.report(place.span, messages::machine_bad_path, path.from, path.to, fault);
  };
  const Node* engine = node.find("engine");
  const Node* via = node.find("via");
  if (machine_.find_path(path.from, path.to) != nullptr) {
    diagnostics_.report(node.span, messages::machine_duplicate_name, "the path",
                        path.from + " to " + path.to);
  }
  if (engine == nullptr && via == nullptr) {
    report(node, path.from == path.to ? messages::path_to_itself : messages::path_without_engine);
  } else if (engine != nullptr && via != nullptr) {
    report(*engine, messages::path_with_both);
  }
  const EngineSpec* used = machine_.find_engine(path.engine);
  if (used != nullptr && via == nullptr && path.from == path.to && used->kind != EngineKind::core) {
    report(node, messages::path_to_itself);
  }
  for (const std::string& name : {path.from, path.to}) {
    const MemorySpec* memory = machine_.find_memory(name);
    if (memory == nullptr || memory->start_bytes() % path.alignment_bytes == 0) continue;
    report(*node.find("alignment_bytes"),
           fmt::format(messages::path_alignment_of_memory, path.alignment_bytes, name,
                       memory->start_bytes()));
  }
  if (used != nullptr && used->kind == EngineKind::mma) {
    diagnostics_.report(engine->span, messages::machine_wrong_engine, used->name, "mma", "a path",
                        "dma or vector");
  }
  const bool is_global = path.from == "GLOBAL" || path.to == "GLOBAL";
  if (machine_.family == MachineFamily::dsa && used != nullptr && is_global &&
      used->kind == EngineKind::vector) {
    diagnostics_.report(engine->span, messages::machine_wrong_engine, used->name, "vector",
                        "a path from or to GLOBAL", "dma");
  }
}

void Reader::check_hops(const Node& paths) {
  for (const Node& node : paths.items) {
    const Node* via = node.find("via");
    const Node* from = node.find("from");
    const Node* to = node.find("to");
    if (via == nullptr || from == nullptr || to == nullptr) continue;
    if (machine_.find_memory(via->text) == nullptr) continue;
    const auto check = [&](const std::string& a, const std::string& b) {
      const PathSpec* hop = machine_.find_path(a, b);
      if (hop != nullptr && hop->via.empty()) return;
      diagnostics_.report(via->span, messages::machine_bad_path, from->text, to->text,
                          fmt::format(messages::path_hop_missing, via->text, a, b));
    };
    check(from->text, via->text);
    check(via->text, to->text);
  }
}

void Reader::check_launches(const Node& root) {
  const Node* processors = root.find("processors");
  if (processors == nullptr) return;
  for (const yaml::Entry& entry : processors->entries) {
    const Node* launches = entry.value.find("launches");
    if (launches == nullptr) continue;
    for (const Node& name : launches->items) {
      if (name.kind == yaml::Kind::scalar)
        check_name(name, "processor", machine_.processors, diagnostics_);
    }
  }
}

/// The simulated core has four engines, each of its kind, and copies between GLOBAL and on-chip
/// memories are the dma engines'.
void Reader::check_dsa(const Node& root) {
  const std::vector<std::pair<const char*, const char*>> engines{
      {"load", "dma"}, {"store", "dma"}, {"mma", "mma"}, {"vector", "vector"}};
  const auto is_kind = [](const std::string& text) {  // others were told
    return text == "dma" || text == "mma" || text == "vector" || text == "core";
  };
  if (const Node* section = root.find("engines")) {
    for (const yaml::Entry& entry : section->entries) {
      const auto known = std::find_if(engines.begin(), engines.end(),
                                      [&](const auto& one) { return one.first == entry.key; });
      const Node* kind = entry.value.find("kind");
      if (known == engines.end()) {
        diagnostics_.report(entry.key_span, messages::machine_unknown_name, "engine of family dsa",
                            entry.key,
                            yaml::name_hint(entry.key, {"load", "store", "mma", "vector"}));
      } else if (kind != nullptr && is_kind(kind->text) && kind->text != known->second) {
        diagnostics_.report(kind->span, messages::machine_wrong_engine, entry.key, kind->text,
                            "the simulated core", known->second);
      }
    }
  }
  for (const MemorySpec& memory : machine_.memories) {
    const bool is_own = memory.name == "SHARED" || memory.name == "REGISTER";
    if ((!is_own && memory.name != "GLOBAL") || memory.is_private == is_own) continue;
    const Node* flag = root.find("memories")->find(memory.name)->find("private");
    if (flag == nullptr || flag->text != (memory.is_private ? "true" : "false")) continue;  // told
    diagnostics_.report(flag->span, messages::machine_bad_private, "dsa", memory.name,
                        memory.is_private);
  }
}

void Reader::check_complete(const Node& root) {
  const bool is_dsa = machine_.family == MachineFamily::dsa;
  const char* family = is_dsa ? "dsa" : machine_.family == MachineFamily::cpu ? "cpu" : "cuda";
  const auto need = [&](const char* section, const char* kind, const char* name, bool present) {
    const yaml::Entry* entry = root.find_entry(section);
    if (present || entry == nullptr) return;
    diagnostics_.report(entry->key_span, messages::machine_lacks, family, kind, name);
  };
  for (const char* name : {"HOST", "BLOCK"}) {
    need("processors", "processor", name, machine_.find_processor(name) != nullptr);
  }
  need("memories", "memory", "GLOBAL", machine_.find_memory("GLOBAL") != nullptr);
  if (!is_dsa) return;
  for (const char* name : {"SHARED", "REGISTER"}) {
    need("memories", "memory", name, machine_.find_memory(name) != nullptr);
  }
  // The simulated core has these four, in this order of their numbers in machine code.
  for (const char* name : {"load", "store", "mma", "vector"}) {
    need("engines", "engine", name, machine_.find_engine(name) != nullptr);
  }
  check_dsa(root);
}

Machine Reader::read(const Node& root) {
  Fields fields(root, "a machine description", diagnostics_);
  if (!fields.valid()) return {};
  fields.text("name", machine_.name);
  fields.text("describes", machine_.describes);
  family(fields);
  if (machine_.family == MachineFamily::cpu && fields.optional("native_of") != nullptr) {
    for (const Node* name : fields.optional_names("native_of")) {
      machine_.native_of.push_back(name->text);
    }
    if (machine_.native_of.empty()) {
      diagnostics_.report(root.span, messages::no_native_machine, "[]");
    }
    fields.finish();
    return std::move(machine_);
  }
  fields.number("clock_hz", 1e3, 1e12, machine_.clock_hz);
  each(fields, "processors", "processor", [&](const yaml::Entry& entry) { processor(entry); });
  each(fields, "memories", "memory", [&](const yaml::Entry& entry) { memory(entry); });
  each(fields, "engines", "engine", [&](const yaml::Entry& entry) { engine(entry); });
  const Node* paths = fields.required("paths");
  if (paths != nullptr && yaml::expect_sequence(*paths, "'paths'", diagnostics_)) {
    for (const Node& node : paths->items) path(node);
    check_hops(*paths);
  }
  each(fields, "implementations", "implementation",
       [&](const yaml::Entry& entry) { read_implementation(entry, machine_, diagnostics_); });
  if (machine_.family == MachineFamily::dsa) {
    if (const Node* dsa = fields.required("dsa"))
      read_dsa(*dsa, machine_.clock_hz, machine_.dsa, diagnostics_);
  }
  if (machine_.family == MachineFamily::cpu) {
    if (const Node* cpu = fields.required("cpu")) read_cpu(*cpu, machine_.cpu, diagnostics_);
  }
  if (machine_.family == MachineFamily::cuda) {
    if (const Node* cuda = fields.required("cuda")) read_cuda(*cuda, machine_.cuda, diagnostics_);
  }
  fields.finish();
  check_launches(root);
  check_complete(root);
  machine_.hash = fnv1a(yaml::canonical(root));
  return std::move(machine_);
}

}  // namespace

Result<Machine> read_machine(FileId file, SourceManager& sources, Diagnostics& diagnostics) {
  const std::size_t errors_before = diagnostics.error_count();
  auto root = yaml::parse(file, sources, "a machine description", "name: dsa_edge", diagnostics);
  if (!root) return std::nullopt;
  if (const yaml::Entry* entry = root->find_entry("task_mappings")) {
    diagnostics.report(entry->key_span, messages::yaml_other_file, "a mapping file",
                       "a machine description", messages::give_mapping_hint);
    return std::nullopt;
  }
  expand_presets(*root, sources, diagnostics);
  Machine machine = Reader(diagnostics).read(*root);
  if (diagnostics.error_count() > errors_before) return std::nullopt;
  return machine;
}

}  // namespace septran
