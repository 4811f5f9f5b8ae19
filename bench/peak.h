// What a core can do at the most, measured.
#pragma once

namespace septran::bench {

/// f32 operations a second of one core (a fused multiply-add counts as two): the best of several
/// short runs of independent fused multiply-adds in registers.
__attribute__((visibility("default"))) double peak_f32_operations_per_second();

}  // namespace septran::bench
