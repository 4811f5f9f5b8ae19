#include "compiler/passes/implementations.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/base/messages.h"
#include "compiler/passes/rewrite.h"

namespace septran::passes {

using tile::Prim;
using tile::Program;
using tile::TileRef;

namespace {

const TileRef* tile_of(const tile::Operand& operand) { return std::get_if<TileRef>(&operand); }

}  // namespace

DType held_as(const Machine& machine, const std::string& memory, DType type) {
  const MemorySpec* spec = machine.find_memory(memory);
  if (spec == nullptr) return type;
  const auto at = spec->held_as.find(type);
  return at == spec->held_as.end() ? type : at->second;
}

bool is_copy_between_memories(const Program& program, const Machine& machine, const Prim& prim) {
  if (prim.primitive->kind != PrimitiveKind::copy &&
      prim.primitive->kind != PrimitiveKind::transpose) {
    return false;
  }
  const TileRef* dst = tile_of(prim.operands[0]);
  const TileRef* src = tile_of(prim.operands[1]);
  if (dst == nullptr || src == nullptr) return false;
  const PathSpec* path =
      machine.find_path(program[src->tensor].memory, program[dst->tensor].memory);
  if (path == nullptr) return false;
  const EngineSpec* engine = machine.find_engine(path->engine);
  return !path->via.empty() || (engine != nullptr && (engine->kind == EngineKind::dma ||
                                                      engine->kind == EngineKind::core));
}

const MatrixTypes* matrix_types(const Program& program, const Machine& machine,
                                const ImplementationSpec& implementation, const Prim& prim) {
  const TileRef* c = tile_of(prim.operands[0]);
  const TileRef* a = tile_of(prim.operands[1]);
  const TileRef* b = tile_of(prim.operands[2]);
  if (c == nullptr || a == nullptr || b == nullptr) return nullptr;
  const auto held = [&](const TileRef& tile) {
    const tile::Tensor& tensor = program[tile.tensor];
    return held_as(machine, tensor.memory, tensor.dtype);
  };
  // The simulated array takes what lies in the memory; others convert on the way to it.
  const bool as_held = machine.family == MachineFamily::dsa;
  const auto input = [&](const TileRef& tile) {
    return as_held ? held(tile) : program[tile.tensor].dtype;
  };
  for (const MatrixTypes& types : implementation.matrix_types) {
    if (!types.instruction_set.empty() && !machine.cpu.has(types.instruction_set)) continue;
    if (types.a == input(*a) && types.b == input(*b) && types.accumulator == held(*c)) {
      return &types;
    }
  }
  return nullptr;
}

std::string misfit(const Program& program, const Machine& machine,
                   const ImplementationSpec& implementation, const Prim& prim) {
  const auto& names = implementation.primitives;
  if (std::find(names.begin(), names.end(), prim.primitive->name) == names.end() &&
      std::find(names.begin(), names.end(), "*") == names.end()) {
    return fmt::format("it does not execute {}", prim.primitive->name);
  }
  for (std::size_t i = 0; i < prim.operands.size(); ++i) {
    const TileRef* tile = tile_of(prim.operands[i]);
    if (tile == nullptr) continue;
    const tile::Tensor& tensor = program[tile->tensor];
    if (!implementation.operand_memories.empty()) {
      const auto& allowed =
          implementation.operand_memories[std::min(i, implementation.operand_memories.size() - 1)];
      if (std::find(allowed.begin(), allowed.end(), tensor.memory) == allowed.end()) {
        return fmt::format("it takes {} in {}, but `mems` has it in {}", tensor.name,
                           fmt::join(allowed, " or "), tensor.memory);
      }
    }
    const auto& types = implementation.element_types;
    if (!types.empty() && std::find(types.begin(), types.end(), tensor.dtype) == types.end()) {
      return fmt::format("it has no {} arithmetic", name(tensor.dtype));
    }
  }
  if (!implementation.matrix_types.empty() &&
      matrix_types(program, machine, implementation, prim) == nullptr) {
    return "it does not multiply these element types";
  }
  return {};
}

void note_places(const Program& program, const Prim& prim, Diagnostic& diagnostic) {
  for (const tile::Operand& operand : prim.operands) {
    const TileRef* tile = tile_of(operand);
    if (tile == nullptr) continue;
    const tile::Tensor& tensor = program[tile->tensor];
    if (!tensor.origin.mapping_span.valid()) continue;
    diagnostic.notes.push_back({tensor.origin.mapping_span,
                                fmt::format(messages::placed_note, tensor.name, tensor.memory)});
  }
}

void report_no_implementation(const Program& program, const PassContext& context, Span call,
                              const Prim& prim) {
  std::string why;
  for (const ImplementationSpec& one : context.machine.implementations) {
    if (one.only_by_name()) continue;
    why += fmt::format("{}{}: {}", why.empty() ? "" : "; ", one.name,
                       misfit(program, context.machine, one, prim));
  }
  note_places(program, prim,
              context.diagnostics.report(call, messages::no_implementation, context.machine.name,
                                         prim.primitive->name,
                                         describe_operands(program, prim.operands), why));
}

}  // namespace septran::passes
