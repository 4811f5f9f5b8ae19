// place_buffers: gives every buffer its address. Buffers that live at different times may share
// addresses: always where one ends before the statement of the program's top in which the other
// lives, and within such a statement only where there is not enough room otherwise, since sharing
// makes engines wait for each other. Rings live as long as the loops around them, because they run
// ahead.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "compiler/base/count.h"
#include "compiler/base/messages.h"
#include "compiler/passes/rewrite.h"
#include "compiler/tile/text_words.h"

namespace septran::passes {
namespace {

using tile::Block;
using tile::Program;
using tile::Statement;
using tile::TensorId;

/// When a buffer holds something, in positions of a walk over the program.
struct Lifetime {
  TensorId tensor;
  int begin = 0;
  int end = 0;
  int top_begin = 0;  // of the top-level statement that holds its Alloc
  int top_end = 0;
};

class LifetimeWalk {
 public:
  explicit LifetimeWalk(const Program& program) : program_(program) {}

  std::vector<Lifetime> run() {
    for (const Statement& statement : program_.body) {
      const std::size_t first = lifetimes_.size();
      const int begin = position_;
      walk(program_.body, statement);
      for (std::size_t i = first; i < lifetimes_.size(); ++i) {
        lifetimes_[i].top_begin = begin;
        lifetimes_[i].top_end = position_;
      }
    }
    join_generations();
    for (Lifetime& life : lifetimes_) {
      life.top_begin = std::min(life.top_begin, life.begin);
      life.top_end = std::max(life.top_end, life.end);
      if (program_[life.tensor].depth > 1) {
        life.begin = life.top_begin;
        life.end = life.top_end;
      }
    }
    return std::move(lifetimes_);
  }

 private:
  /// A buffer that is allocated at several places (a loop's peeled trips) lives from the first to
  /// the last of them.
  void join_generations() {
    std::vector<Lifetime> joined;
    for (const Lifetime& life : lifetimes_) {
      const auto same = std::find_if(joined.begin(), joined.end(), [&](const Lifetime& other) {
        return other.tensor == life.tensor;
      });
      if (same == joined.end()) {
        joined.push_back(life);
        continue;
      }
      same->begin = std::min(same->begin, life.begin);
      same->end = std::max(same->end, life.end);
      same->top_begin = std::min(same->top_begin, life.top_begin);
      same->top_end = std::max(same->top_end, life.top_end);
    }
    lifetimes_ = std::move(joined);
  }

  void walk(const Block& block, const Statement& statement) {
    const int begin = position_++;
    if (const auto* alloc = std::get_if<tile::Alloc>(&statement.node)) {
      lifetimes_.push_back({alloc->tensor, begin, last_use(block, alloc->tensor, begin), 0, 0});
    }
    for (const Block* inner : tile::child_blocks(statement)) {
      for (const Statement& child : *inner) walk(*inner, child);
    }
    ++position_;
  }

  /// Position behind the last statement of the block that uses the tensor; positions are counted as
  /// walk() does, from the Alloc at `begin`.
  int last_use(const Block& block, TensorId tensor, int begin) const {
    int position = begin;
    int last = begin;
    bool seen = false;
    for (const Statement& statement : block) {
      const auto* alloc = std::get_if<tile::Alloc>(&statement.node);
      if (!seen) {
        seen = alloc != nullptr && alloc->tensor == tensor;
        if (seen) position += 2;
        continue;
      }
      position += width(statement);
      if (uses_tensor(statement, tensor)) last = position;
    }
    return last;
  }

  static int width(const Statement& statement) {
    int sum = 2;
    for (const Block* inner : tile::child_blocks(statement)) {
      for (const Statement& child : *inner) sum += width(child);
    }
    return sum;
  }

  const Program& program_;
  int position_ = 0;
  std::vector<Lifetime> lifetimes_;
};

/// First fit, larger buffers first. Returns the bytes needed.
std::int64_t fit(Program& program, std::vector<Lifetime> lives, bool share_within_statements) {
  const auto bytes = [&](const Lifetime& life) {
    return program[life.tensor].slot_bytes * program[life.tensor].depth;
  };
  std::stable_sort(lives.begin(), lives.end(),
                   [&](const Lifetime& a, const Lifetime& b) { return bytes(a) > bytes(b); });
  std::int64_t needed = 0;
  std::vector<const Lifetime*> placed;
  for (const Lifetime& life : lives) {
    std::vector<std::pair<std::int64_t, std::int64_t>> taken;
    for (const Lifetime* other : placed) {
      const bool apart = share_within_statements
                             ? other->end <= life.begin || life.end <= other->begin
                             : other->top_end <= life.top_begin || life.top_end <= other->top_begin;
      if (!apart) {
        const std::int64_t at = *program[other->tensor].offset_bytes;
        taken.emplace_back(at, at + bytes(*other));
      }
    }
    std::sort(taken.begin(), taken.end());
    std::int64_t offset = 0;
    for (const auto& [begin, end] : taken) {
      if (offset + bytes(life) <= begin) break;
      offset = std::max(offset, end);
    }
    program[life.tensor].offset_bytes = offset;
    needed = std::max(needed, offset + bytes(life));
    placed.push_back(&life);
  }
  return needed;
}

void report_occupancy(const Program& program, const PassContext& context, const MemorySpec& memory,
                      const std::vector<TensorId>& tensors, std::int64_t needed) {
  Span place;
  for (const TensorId id : tensors) {
    if (!place.valid()) place = program[id].origin.span();
  }
  auto& diagnostic = context.diagnostics.report(
      place, messages::does_not_fit, memory.name, context.machine.name, needed, memory.size_bytes,
      needed - memory.size_bytes,
      memory.is_private ? messages::smaller_tiles_hint : messages::smaller_problem_hint);
  for (const TensorId id : tensors) {
    const tile::Tensor& tensor = program[id];
    diagnostic.notes.push_back(
        {tensor.origin.span(),
         fmt::format(
             messages::buffer_bytes_note, tensor.name,
             tile::extents_text(tensor.shape, program.vars, " x "), name(tensor.dtype),
             tensor.storage == tensor.dtype ? "" : fmt::format(" held as {}", name(tensor.storage)),
             tensor.depth > 1 ? fmt::format(", {} deep", tensor.depth) : "",
             Counted{tensor.slot_bytes * tensor.depth})});
  }
}

/// What was placed beyond the memory's end, each time with what lives beside it: the highest first,
/// and of what has been shown no more.
void report_misfits(const Program& program, const PassContext& context, const MemorySpec& memory,
                    const std::vector<Lifetime>& lives) {
  const auto end_of = [&](const Lifetime& life) {
    const tile::Tensor& tensor = program[life.tensor];
    return *tensor.offset_bytes + tensor.slot_bytes * tensor.depth;
  };
  std::set<TensorId> shown;
  while (true) {
    const Lifetime* highest = nullptr;
    for (const Lifetime& life : lives) {
      if (end_of(life) <= memory.size_bytes || shown.contains(life.tensor)) continue;
      if (highest == nullptr || end_of(life) > end_of(*highest)) highest = &life;
    }
    if (highest == nullptr) return;
    std::vector<TensorId> beside;
    for (const Lifetime& life : lives) {
      if (life.end <= highest->begin || highest->end <= life.begin) continue;
      beside.push_back(life.tensor);
      shown.insert(life.tensor);
    }
    report_occupancy(program, context, memory, beside, end_of(*highest));
  }
}

/// Arguments and temporaries in GLOBAL must fit there together.
bool check_global(const Program& program, const PassContext& context, const MemorySpec& memory) {
  __int128 needed = 0;
  std::vector<TensorId> tensors;
  for (std::uint32_t i = 0; i < program.tensors.size(); ++i) {
    const tile::Tensor& tensor = program.tensors[i];
    const bool there =
        tensor.kind == tile::TensorKind::argument || tensor.kind == tile::TensorKind::temporary;
    if (!there || tensor.memory != memory.name) continue;
    needed += tensor.slot_bytes;
    tensors.push_back(TensorId{i});
  }
  if (needed <= memory.size_bytes) return true;
  report_occupancy(program, context, memory, tensors,
                   static_cast<std::int64_t>(std::min<__int128>(needed, INT64_MAX)));
  return false;
}

}  // namespace

Result<Program> place_buffers(Program program, const PassContext& context) {
  const std::vector<Lifetime> lives = LifetimeWalk(program).run();
  bool fine = true;
  for (const MemorySpec& memory : context.machine.memories) {
    if (!memory.is_private) {
      fine &= check_global(program, context, memory);
      continue;
    }
    std::vector<Lifetime> here;
    for (const Lifetime& life : lives) {
      if (program[life.tensor].memory == memory.name) here.push_back(life);
    }
    if (fit(program, here, false) <= memory.size_bytes) continue;
    if (fit(program, here, true) <= memory.size_bytes) continue;
    report_misfits(program, context, memory, here);
    fine = false;
  }
  if (!fine) return std::nullopt;
  return program;
}

}  // namespace septran::passes
