// Copies that turn rows into columns, by blocks of vectors.
#pragma once

#include "targets/cpu/access.h"
#include "targets/cpu/emitter.h"

namespace septran::cpu {

/// Writes dst = src where the rows of one are the columns of the other, or panels of these, and the
/// elements of dst are f32. False, and nothing written, where the copy is none of these.
bool emit_transposed(Emitter& emitter, const Access& dst, const Access& src);

}  // namespace septran::cpu
