// Where each buffer lies, how long it lives, and how full the memories are.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "compiler/explain/parts.h"
#include "compiler/tile/text_words.h"

namespace septran::explain {
namespace {

using tile::Program;
using tile::TensorId;

bool share_bytes(const tile::Tensor& a, const tile::Tensor& b) {
  return a.memory == b.memory && *a.offset_bytes < *b.offset_bytes + b.slot_bytes * b.depth &&
         *b.offset_bytes < *a.offset_bytes + a.slot_bytes * a.depth;
}

std::string lifetime(const Program& program, const Site& alloc) {
  const tile::Statement* inner = innermost_loop(program, alloc);
  if (inner == nullptr) return "while the kernel runs";
  const std::string trip = loop_title(program, std::get<tile::Loop>(inner->node));
  const tile::Tensor& tensor = program[alloc.as<tile::Alloc>()->tensor];
  if (tensor.depth == 1) return "a trip of " + trip;
  for (const tile::Statement* outer : alloc.around) {
    if (real_loop(program, *outer) == nullptr) continue;
    return fmt::format("as long as {}: a slot a trip of {}",
                       loop_title(program, std::get<tile::Loop>(outer->node)), trip);
  }
  return {};
}

BufferNote buffer_note(const Subject& subject, const std::vector<Site>& sites, const Site& alloc) {
  const Program& program = subject.program;
  const TensorId id = alloc.as<tile::Alloc>()->tensor;
  const tile::Tensor& tensor = program[id];
  BufferNote note;
  note.name = tensor.name;
  note.memory = tensor.memory;
  note.type = tile::type_text(tensor.storage, tensor.shape, program.vars);
  if (tensor.storage != tensor.dtype) note.held = name(tensor.dtype);
  note.slots = tensor.depth;
  note.bytes = tensor.slot_bytes * tensor.depth;
  note.address = *tensor.offset_bytes;
  note.made_for = alloc.statement->origin.rule;
  if (const auto key = depth_key(subject, tensor, is_written(sites, id))) {
    const bool once = note.made_for.starts_with("load once ");
    note.depth_key = once ? "1 deep: it is loaded once" : depth_text(*key, tensor.depth);
  }
  note.lives = lifetime(program, alloc);
  note.place = place_of(alloc.statement->origin);
  return note;
}

}  // namespace

bool is_written(const std::vector<Site>& sites, TensorId tensor) {
  return std::any_of(sites.begin(), sites.end(), [&](const Site& site) {
    const auto uses = tile::operands(*site.statement);
    return std::any_of(uses.begin(), uses.end(), [&](const auto& use) {
      if (use.tile->tensor != tensor || !writes(use.access)) return false;
      const std::string& rule = site.statement->origin.rule;
      return !rule.starts_with("stream ") && !rule.starts_with("load once ");
    });
  });
}

std::vector<const Site*> allocations(const std::vector<Site>& sites) {
  std::vector<const Site*> found;
  for (const Site& site : sites) {
    const auto* alloc = site.as<tile::Alloc>();
    if (alloc == nullptr) continue;
    const auto same = std::find_if(found.begin(), found.end(), [&](const Site* other) {
      return other->as<tile::Alloc>()->tensor == alloc->tensor;
    });
    if (same == found.end()) {
      found.push_back(&site);
    } else if (site.around.size() > (*same)->around.size()) {
      *same = &site;
    }
  }
  return found;
}

void explain_buffers(const Subject& subject, const std::vector<Site>& sites, Explanation& out) {
  const Program& program = subject.program;
  std::vector<TensorId> placed;
  for (const Site* site : allocations(sites)) {
    const auto* alloc = site->as<tile::Alloc>();
    if (!program[alloc->tensor].offset_bytes ||
        program[alloc->tensor].kind != tile::TensorKind::buffer) {
      continue;
    }
    BufferNote note = buffer_note(subject, sites, *site);
    const tile::Tensor& tensor = program[alloc->tensor];
    for (const TensorId other : placed) {
      if (!share_bytes(tensor, program[other])) continue;
      note.overlaps.push_back(program[other].name);
      for (BufferNote& earlier : out.buffers) {
        if (earlier.name == program[other].name) earlier.overlaps.push_back(note.name);
      }
    }
    placed.push_back(alloc->tensor);
    out.buffers.push_back(std::move(note));
  }
  std::stable_sort(out.buffers.begin(), out.buffers.end(), [](const auto& a, const auto& b) {
    return std::pair(a.memory, a.address) < std::pair(b.memory, b.address);
  });
  for (const MemorySpec& memory : subject.machine.memories) {
    MemoryNote note{memory.name, memory.size_bytes, 0, memory.is_private};
    if (memory.is_private) {
      for (const BufferNote& buffer : out.buffers) {
        if (buffer.memory != memory.name) continue;
        note.peak_bytes = std::max(note.peak_bytes, buffer.address + buffer.bytes);
      }
    } else {
      for (const tile::Tensor& tensor : program.tensors) {
        const bool there =
            tensor.kind == tile::TensorKind::argument || tensor.kind == tile::TensorKind::temporary;
        if (there && tensor.memory == memory.name) note.peak_bytes += tensor.slot_bytes;
      }
    }
    out.memories.push_back(std::move(note));
  }
}

}  // namespace septran::explain
