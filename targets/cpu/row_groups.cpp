#include "targets/cpu/row_groups.h"

#include <algorithm>
#include <utility>

#include "compiler/tile/visit.h"
#include "targets/cpu/vec_call.h"

namespace septran::cpu {
namespace {

using tile::Statement;
using tile::Tensor;
using tile::TileRef;
using tile::Vec;

constexpr std::size_t most_calls = 16;  // of a nest: registers are few
constexpr std::size_t most_looked_at = 24;

bool has_vectors(DType type) {
  return type == DType::f32 || type == DType::f16 || type == DType::bf16 || type == DType::i8;
}

/// Whether the operand has an element for each point of the iteration, in order.
bool is_pointwise(const VecCall& call, std::size_t operand) {
  const auto& dims = call.space.operand_dims[operand];
  if (dims.size() != call.space.dims.size()) return false;
  for (std::size_t d = 0; d < dims.size(); ++d) {
    if (dims[d] != d) return false;
  }
  return true;
}

bool is_row_tile(const Emitter& emitter, const VecCall& call, std::size_t operand) {
  const TileRef& ref = *call.tile(operand);
  const Tensor& tensor = emitter.program()[ref.tensor];
  if (!has_vectors(tensor.storage) || !has_vectors(tensor.dtype)) return false;
  if (tensor.storage != tensor.dtype && tensor.storage != DType::f32) return false;
  if (ref.view.zero_outside) return false;
  for (const ViewDim& dim : ref.view.dims) {
    if (dim.digits.size() != 1) return false;
  }
  const auto last = call.along(operand);
  if (!last) return true;
  const Digit& digit = ref.view.dims[*last].digits[0];
  return digit.step * tensor.strides_bytes[digit.axis] ==
         static_cast<std::int64_t>(size_bytes(tensor.storage));
}

bool is_row_call(const Emitter& emitter, const VecCall& call) {
  const PrimitiveKind kind = call.primitive.kind;
  const bool reduces = kind == PrimitiveKind::reduction;
  if (!call.is_elementwise() && !reduces && kind != PrimitiveKind::mask) return false;
  const DType type = kind == PrimitiveKind::mask ? DType::f32 : call.type;
  if (type != DType::f32 || call.space.dims.empty() || call.overlaps()) return false;
  const Expr& extent = call.space.dims.back().extent;
  if (emitter.vars().range(extent).hi < lanes_of(emitter)) return false;
  if (reduces && !call.space.dims.back().reduction) return false;
  if (!reduces && !is_pointwise(call, 0)) return false;
  for (std::size_t o = 0; o < call.vec.operands.size(); ++o) {
    if (call.tile(o) != nullptr && !is_row_tile(emitter, call, o)) return false;
  }
  return true;
}

/// Whether two tiles of different tensors may lie at the same addresses.
bool share_addresses(const Tensor& a, const Tensor& b) {
  if (a.kind != tile::TensorKind::buffer || b.kind != tile::TensorKind::buffer) return false;
  if (a.memory != b.memory) return false;
  const auto end = [](const Tensor& t) { return *t.offset_bytes + t.depth * t.slot_bytes; };
  return *a.offset_bytes < end(b) && *b.offset_bytes < end(a);
}

/// Whether one operand is a row's value that is read before the row begins, and the other that of
/// the same row, written after it ends.
bool is_row_value(const VecCall& earlier, std::size_t read, const VecCall& later,
                  std::size_t written) {
  return read != 0 && written == 0 && later.primitive.kind == PrimitiveKind::reduction &&
         !earlier.along(read) && *earlier.tile(read) == *later.tile(written) &&
         earlier.space.operand_dims[read] == later.space.operand_dims[written];
}

/// Whether `later` may do its part for an element as soon as `earlier` has done its own.
bool can_follow(const Emitter& emitter, const VecCall& earlier, const VecCall& later) {
  const auto& dims = earlier.space.dims;
  const bool same_space =
      std::equal(dims.begin(), dims.end(), later.space.dims.begin(), later.space.dims.end(),
                 [&](const IterationDim& a, const IterationDim& b) {
                   return emitter.vars().simplify(a.extent) == emitter.vars().simplify(b.extent);
                 });
  if (!same_space) return false;
  for (std::size_t a = 0; a < earlier.vec.operands.size(); ++a) {
    for (std::size_t b = 0; b < later.vec.operands.size(); ++b) {
      const TileRef* first = earlier.tile(a);
      const TileRef* second = later.tile(b);
      if (first == nullptr || second == nullptr || (a != 0 && b != 0)) continue;
      const bool same = first->tensor == second->tensor;
      if (!same &&
          !share_addresses(emitter.program()[first->tensor], emitter.program()[second->tensor])) {
        continue;
      }
      if (same && first->age != second->age) continue;  // two slots of a ring
      if (same && is_row_value(earlier, a, later, b)) continue;
      if (!same || *first != *second || !is_pointwise(earlier, a) || !is_pointwise(later, b)) {
        return false;
      }
    }
  }
  return true;
}

/// Whether the order of two operations matters.
bool conflict(const Emitter& emitter, const Statement& a, const Statement& b) {
  const auto uses_of_b = tile::operands(b);
  for (const auto& one : tile::operands(a)) {
    for (const auto& two : uses_of_b) {
      if (!writes(one.access) && !writes(two.access)) continue;
      const tile::TensorId first = one.tile->tensor;
      const tile::TensorId second = two.tile->tensor;
      if (first == second || share_addresses(emitter.program()[first], emitter.program()[second])) {
        return true;
      }
    }
  }
  return false;
}

/// Whether one call writes what the other uses.
bool depend(const Emitter& emitter, const VecCall& a, const VecCall& b) {
  for (std::size_t one = 0; one < a.vec.operands.size(); ++one) {
    for (std::size_t two = 0; two < b.vec.operands.size(); ++two) {
      const TileRef* first = a.tile(one);
      const TileRef* second = b.tile(two);
      if (first == nullptr || second == nullptr || (one != 0 && two != 0)) continue;
      if (first->tensor == second->tensor ? first->age == second->age
                                          : share_addresses(emitter.program()[first->tensor],
                                                            emitter.program()[second->tensor])) {
        return true;
      }
    }
  }
  return false;
}

bool uses(const RowGroup& group, tile::TensorId tensor) {
  for (const auto* statements : {&group.calls, &group.before}) {
    for (const Statement* statement : *statements) {
      for (const auto& use : tile::operands(*statement)) {
        if (use.tile->tensor == tensor) return true;
      }
    }
  }
  return false;
}

/// The calls of a group that its reductions need, and these.
std::set<const Vec*> needed_by_reductions(const std::vector<VecCall>& calls) {
  std::set<const Vec*> needed;
  for (std::size_t c = calls.size(); c-- > 0;) {
    bool is_needed = calls[c].primitive.kind == PrimitiveKind::reduction;
    for (std::size_t later = c + 1; later < calls.size() && !is_needed; ++later) {
      for (std::size_t o = 1; o < calls[later].vec.operands.size(); ++o) {
        const TileRef* from = calls[later].tile(o);
        is_needed |=
            from != nullptr && *from == *calls[c].tile(0) && needed.contains(&calls[later].vec);
      }
    }
    if (is_needed) needed.insert(&calls[c].vec);
  }
  return needed;
}

/// Whether a call needs nothing of its rows but their columns.
bool needs_only_columns(const VecCall& call) {
  if (call.primitive.kind == PrimitiveKind::mask) return false;
  for (std::size_t o = 1; o < call.vec.operands.size(); ++o) {
    if (call.tile(o) != nullptr && !call.along(o)) return false;
  }
  return true;
}

bool comes_from_main_memory(const Streams& streams, const VecCall& call) {
  for (std::size_t o = 1; o < call.vec.operands.size(); ++o) {
    if (streams.next(call.vec, o)) return true;
  }
  return false;
}

/// Whether a vector is a whole line of all that calls store or have from main memory.
bool go_by_lines(const Emitter& emitter, const std::vector<VecCall>& calls) {
  return std::all_of(calls.begin(), calls.end(), [&](const VecCall& call) {
    for (std::size_t o = 0; o < call.vec.operands.size(); ++o) {
      const TileRef* ref = call.tile(o);
      if (ref == nullptr || !call.along(o)) continue;
      const Tensor& tensor = emitter.program()[ref->tensor];
      const auto bytes = lanes_of(emitter) * static_cast<std::int64_t>(size_bytes(tensor.storage));
      if (tensor.kind != tile::TensorKind::buffer && bytes % line_bytes != 0) return false;
    }
    return true;
  });
}

/// Whether an operand of a call has the same columns for all rows.
bool shares_columns(const VecCall& call) {
  for (std::size_t o = 1; o < call.vec.operands.size(); ++o) {
    if (call.tile(o) != nullptr && call.along(o) && call.space.operand_dims[o].size() == 1) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::optional<RowTurns> find_turns(const Emitter& emitter, const Streams& streams,
                                   const RowGroup& group) {
  // Found by trial. Loads whose addresses end like those of stores shortly before them wait for
  // these; the longer a piece, the more do. But to change rows takes time, too.
  constexpr std::int64_t few_columns = 64;
  constexpr std::int64_t many_columns = 256;  // where fewer bytes belong to an instruction
  std::vector<VecCall> calls;
  for (const Statement* statement : group.calls) {
    calls.emplace_back(emitter.program(), std::get<Vec>(statement->node));
  }
  const std::set<const Vec*> needed = needed_by_reductions(calls);
  std::vector<VecCall> stores;
  std::vector<VecCall> reads;
  RowTurns turns;
  turns.stores.ends_here = group.ends_here;
  turns.reads.ends_here = group.ends_here;
  bool far = false;
  bool shares = false;
  bool comes = false;
  for (std::size_t c = 0; c < calls.size(); ++c) {
    const bool reduces = needed.contains(&calls[c].vec);
    if (reduces && !needs_only_columns(calls[c])) return std::nullopt;
    far |= !reduces && streams.is_far(calls[c].tile(0)->tensor);
    shares |= !reduces && shares_columns(calls[c]);
    comes |= reduces && comes_from_main_memory(streams, calls[c]);
    (reduces ? turns.reads : turns.stores).calls.push_back(group.calls[c]);
    (reduces ? reads : stores).push_back(std::move(calls[c]));
  }
  if (!far || !shares || !comes) return std::nullopt;
  const auto& dims = stores[0].space.dims;
  if (dims.size() != 2) return std::nullopt;
  const auto rows = emitter.vars().simplify(dims[0].extent).constant();
  const auto columns = emitter.vars().simplify(dims[1].extent).constant();
  if (!rows || !columns || *rows < 2) return std::nullopt;
  for (const VecCall& read : reads) {
    for (const VecCall& store : stores) {
      if (depend(emitter, store, read)) return std::nullopt;
    }
  }
  turns.rows = *rows;
  turns.columns = *columns;
  turns.by_lines = go_by_lines(emitter, stores) && go_by_lines(emitter, reads);
  turns.piece = turns.by_lines ? few_columns : many_columns;
  return turns;
}

RowGroup find_rows(const Emitter& emitter, std::span<const Statement* const> statements) {
  RowGroup group;
  std::vector<VecCall> calls;
  RowGroup so_far;  // with what stands between the calls and one more that may follow
  for (std::size_t i = 0; i < std::min(statements.size(), most_looked_at); ++i) {
    const Statement& statement = *statements[i];
    const auto* alloc = std::get_if<tile::Alloc>(&statement.node);
    if (alloc != nullptr && !calls.empty()) {
      // The slot of a ring moves on, from which what stands before may take its own.
      if (emitter.program()[alloc->tensor].depth > 1 && uses(so_far, alloc->tensor)) break;
      so_far.allocs.push_back(&statement);
      continue;
    }
    const auto* vec = std::get_if<Vec>(&statement.node);
    // What has a condition stands alone.
    if (vec == nullptr || (vec->guard && !calls.empty())) break;
    VecCall call(emitter.program(), *vec);
    const bool joins = calls.size() < most_calls && is_row_call(emitter, call) &&
                       std::all_of(calls.begin(), calls.end(), [&](const VecCall& earlier) {
                         return can_follow(emitter, earlier, call);
                       });
    if (joins) {
      calls.push_back(std::move(call));
      so_far.calls.push_back(&statement);
      so_far.count = i + 1;
      group = so_far;
      if (vec->guard) break;
      continue;
    }
    // Others go first, unless they need what the calls do.
    const bool can_go_first =
        !calls.empty() &&
        std::none_of(so_far.calls.begin(), so_far.calls.end(), [&](const Statement* earlier) {
          return conflict(emitter, *earlier, statement);
        });
    if (!can_go_first) break;
    so_far.before.push_back(&statement);
  }
  return group;
}

}  // namespace septran::cpu
