// What a path moves: multiples of its alignment, from and to multiples of it.
#pragma once

#include "compiler/passes/pass.h"

namespace septran::passes {

/// Reports every dma_copy of a program with layouts that its path does not move, where a run of
/// neighbouring elements does not surely begin at, or take, a multiple of the path's
/// alignment_bytes. True if there is none. Buffers themselves begin at such multiples: the reader
/// of machine descriptions sees to that.
bool check_path_alignment(const tile::Program& program, const PassContext& context);

}  // namespace septran::passes
