// Primitives on rows of contiguous f32 values, as loops over vectors.
#pragma once

#include "targets/cpu/emitter.h"
#include "targets/cpu/row_groups.h"
#include "targets/cpu/streams.h"

namespace septran::cpu {

/// Writes the loop nest of a group. Its buffers have been declared.
void emit_rows(Emitter& emitter, Streams& streams, const RowGroup& group);

}  // namespace septran::cpu
