#include "targets/machine_implementations.h"

#include <algorithm>

#include "compiler/base/messages.h"
#include "targets/machine_names.h"
#include "targets/primitive_names.h"

namespace septran {
namespace {

using yaml::Fields;
using yaml::Node;

class ImplementationReader {
 public:
  ImplementationReader(Machine& machine, Diagnostics& diagnostics)
      : machine_(machine), diagnostics_(diagnostics) {}
  void read(const yaml::Entry& entry);

 private:
  void names(const yaml::Entry& entry, Fields& fields, ImplementationSpec& spec);
  void primitives(Fields& fields, bool is_matrix, ImplementationSpec& spec);
  void check_engine(const Node& engine, const ImplementationSpec& spec, bool is_matrix);
  void matrix_types(const Node& list, ImplementationSpec& spec);
  void check_sums(const Node& item, const MatrixTypes& types);
  void check_speed(const Node& item, const MatrixTypes& types, const ImplementationSpec& spec);
  void tiles(const Node& list, ImplementationSpec& spec);
  std::vector<std::int64_t> tile(const Node& list);
  void operand_memories(const Node& list, ImplementationSpec& spec);

  Machine& machine_;
  Diagnostics& diagnostics_;
};

/// Products with matrix_types are an mma engine's; on the simulated core all else is the vector
/// unit's.
void ImplementationReader::check_engine(const Node& engine, const ImplementationSpec& spec,
                                        bool is_matrix) {
  const EngineSpec* used = machine_.find_engine(spec.engine);
  if (used == nullptr || used->kind == EngineKind::core) return;  // or that was told
  const EngineKind needed = is_matrix ? EngineKind::mma : EngineKind::vector;
  const bool matters = is_matrix || machine_.family == MachineFamily::dsa;
  if (!matters || used->kind == needed) return;
  const char* kind = used->kind == EngineKind::dma   ? "dma"
                     : used->kind == EngineKind::mma ? "mma"
                                                     : "vector";
  diagnostics_.report(
      engine.span, messages::machine_wrong_engine, used->name, kind,
      is_matrix ? "an implementation with matrix_types" : "an implementation without matrix_types",
      is_matrix ? "mma" : "vector");
}

void ImplementationReader::matrix_types(const Node& list, ImplementationSpec& spec) {
  if (!yaml::expect_sequence(list, "'matrix_types'", diagnostics_)) return;
  for (const Node& item : list.items) {
    Fields fields(item, "an item of 'matrix_types'", diagnostics_);
    if (!fields.valid()) continue;
    MatrixTypes types;
    const auto take = [&](const char* key, DType& out) {
      if (const Node* node = fields.required(key)) {
        out = read_dtype(*node, Fields::quoted(key), diagnostics_).value_or(out);
      }
    };
    take("a", types.a);
    take("b", types.b);
    take("accumulator", types.accumulator);
    check_sums(item, types);
    if (machine_.family == MachineFamily::dsa) {
      fields.number("macs_per_pe", 1e-6, 1024, types.macs_per_pe);
      check_speed(item, types, spec);
    }
    if (const Node* extents = fields.optional("tile")) types.tile = tile(*extents);
    if (machine_.family == MachineFamily::cpu) {
      if (fields.optional("group") != nullptr) fields.integer("group", 1, 64, types.group);
      const Node* set = fields.optional("instruction_set");
      if (set != nullptr && yaml::to_text(*set, "'instruction_set'", diagnostics_)) {
        types.instruction_set = set->text;
      }
    }
    fields.finish();
    spec.matrix_types.push_back(types);
  }
}

/// Sums of products have the type that the language gives them, or one that holds all its values.
void ImplementationReader::check_sums(const Node& item, const MatrixTypes& types) {
  DType sums = arithmetic_type(types.a);
  const DType other = arithmetic_type(types.b);
  if (is_float(other) && (!is_float(sums) || size_bytes(other) > size_bytes(sums))) sums = other;
  const Node* accumulator = item.find("accumulator");
  if (accumulator == nullptr || holds_all(types.accumulator, sums)) return;
  if (!parse_dtype(accumulator->text)) return;  // that was told
  diagnostics_.report(accumulator->span, messages::machine_wrong_sums, septran::name(types.a),
                      septran::name(types.b), septran::name(types.accumulator),
                      septran::name(sums));
}

/// The core has one array, whose instructions name element types only: these have one speed.
void ImplementationReader::check_speed(const Node& item, const MatrixTypes& types,
                                       const ImplementationSpec& spec) {
  const auto differs = [&](const MatrixTypes& other) {
    return other.a == types.a && other.b == types.b && other.accumulator == types.accumulator &&
           other.macs_per_pe != types.macs_per_pe;
  };
  const auto contradicts = [&](const ImplementationSpec& other) {
    return std::any_of(other.matrix_types.begin(), other.matrix_types.end(), differs);
  };
  const auto& all = machine_.implementations;
  if (!contradicts(spec) && std::none_of(all.begin(), all.end(), contradicts)) return;
  const Node* speed = item.find("macs_per_pe");
  diagnostics_.report(speed == nullptr ? item.span : speed->span, messages::yaml_duplicate_key,
                      fmt::format("macs_per_pe of {} x {} in {}", septran::name(types.a),
                                  septran::name(types.b), septran::name(types.accumulator)));
}

void ImplementationReader::tiles(const Node& list, ImplementationSpec& spec) {
  if (!yaml::expect_sequence(list, "'tiles'", diagnostics_)) return;
  for (const Node& item : list.items) spec.tiles.push_back(tile(item));
}

std::vector<std::int64_t> ImplementationReader::tile(const Node& list) {
  std::vector<std::int64_t> extents;
  if (!yaml::expect_sequence(list, "a tile", diagnostics_)) return extents;
  for (const Node& extent : list.items) {
    extents.push_back(
        yaml::to_integer(extent, "a tile's extent", 1, 1 << 20, diagnostics_).value_or(1));
  }
  if (extents.size() != 2) diagnostics_.report(list.span, messages::machine_bad_tile);
  return extents;
}

void ImplementationReader::operand_memories(const Node& list, ImplementationSpec& spec) {
  if (!yaml::expect_sequence(list, "'operand_memories'", diagnostics_)) return;
  for (const Node& item : list.items) {
    if (!yaml::expect_sequence(item, "an item of 'operand_memories'", diagnostics_)) continue;
    std::vector<std::string> memories;
    for (const Node& memory : item.items) {
      if (yaml::to_text(memory, "a memory", diagnostics_) &&
          check_name(memory, "memory", machine_.memories, diagnostics_)) {
        memories.push_back(memory.text);
        if (machine_.family == MachineFamily::dsa && memory.text == "GLOBAL") {
          diagnostics_.report(memory.span, messages::machine_unknown_name, "on-chip memory",
                              memory.text, yaml::name_hint(memory.text, {"SHARED", "REGISTER"}));
        }
      }
    }
    spec.operand_memories.push_back(std::move(memories));
  }
}

void ImplementationReader::names(const yaml::Entry& entry, Fields& fields,
                                 ImplementationSpec& spec) {
  spec.name = entry.key;
  for (const Node* alias : fields.optional_names("aliases")) {
    if (alias->text == spec.name || machine_.find_implementation(alias->text) != nullptr) {
      diagnostics_.report(alias->span, messages::machine_duplicate_name, "implementation",
                          alias->text);
    }
    spec.aliases.push_back(alias->text);
  }
  if (machine_.find_implementation(spec.name) != nullptr) {
    diagnostics_.report(entry.key_span, messages::machine_duplicate_name, "implementation",
                        spec.name);
  }
}

void ImplementationReader::primitives(Fields& fields, bool is_matrix, ImplementationSpec& spec) {
  if (fields.required("primitives") == nullptr) return;
  for (const Node* one : fields.optional_names("primitives")) {
    if (one->text != "*" && !yaml::check_primitive(one->text, one->span, diagnostics_)) continue;
    spec.primitives.push_back(one->text);
    if (is_matrix && one->text != "gemm") {
      diagnostics_.report(one->span, messages::machine_not_a_product, one->text);
    }
  }
}

void ImplementationReader::read(const yaml::Entry& entry) {
  Fields fields(entry.value, fmt::format("implementation '{}'", entry.key), diagnostics_);
  ImplementationSpec spec;
  names(entry, fields, spec);
  const Node* types = fields.optional("matrix_types");
  primitives(fields, types != nullptr, spec);
  const Node* engine = fields.required("engine");
  if (engine != nullptr && yaml::to_text(*engine, "'engine'", diagnostics_) &&
      check_name(*engine, "engine", machine_.engines, diagnostics_)) {
    spec.engine = engine->text;
  }
  if (types != nullptr) matrix_types(*types, spec);
  if (engine != nullptr) check_engine(*engine, spec, types != nullptr);
  for (const Node* type : fields.optional_names("element_types")) {
    if (const auto read = read_dtype(*type, "an element type", diagnostics_))
      spec.element_types.push_back(*read);
  }
  if (const Node* list = fields.optional("tiles")) tiles(*list, spec);
  if (const Node* list = fields.required("operand_memories")) operand_memories(*list, spec);
  fields.optional_boolean("transpose_a", spec.transpose_a);
  fields.optional_boolean("transpose_b", spec.transpose_b);
  fields.optional_boolean("panels", spec.panels);
  if (fields.optional("part_depth") != nullptr) {
    fields.integer("part_depth", 1, 1 << 20, spec.part_depth);
  }
  if (machine_.family == MachineFamily::cuda && fields.optional("factor_bits") != nullptr) {
    fields.integer("factor_bits", 1, 22, spec.factor_bits);
  }
  if (machine_.family == MachineFamily::cuda && fields.optional("sum_bits") != nullptr) {
    fields.integer("sum_bits", 1, 22, spec.sum_bits);
  }
  fields.finish();
  machine_.implementations.push_back(std::move(spec));
}

}  // namespace

void read_implementation(const yaml::Entry& entry, Machine& machine, Diagnostics& diagnostics) {
  ImplementationReader(machine, diagnostics).read(entry);
}

}  // namespace septran
