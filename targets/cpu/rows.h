// Primitives on rows of contiguous f32 values, as loops over vectors.
#pragma once

#include <cstddef>
#include <span>

#include "compiler/tile/program.h"
#include "targets/cpu/emitter.h"
#include "targets/cpu/streams.h"

namespace septran::cpu {

/// How many of the statements, from the first on, one loop nest over vectors can do together: calls
/// in f32 whose tiles are contiguous along the last dimension of one iteration space, and that
/// depend on each other element by element at most; allocations may stand between them. 0 if the
/// first is none of these.
std::size_t count_rows(const Emitter& emitter, std::span<const tile::Statement> statements);

/// Writes that nest, for so many statements. Their buffers have been declared.
void emit_rows(Emitter& emitter, const Streams& streams,
               std::span<const tile::Statement> statements);

}  // namespace septran::cpu
