// What this machine can do at the most, measured, to compare kernels with.
#pragma once

#include "compiler/base/diagnostic.h"
#include "targets/machine.h"

namespace septran::runtime {

struct Peak {
  double operations_per_second = 0;  // f32, a multiply-add counts as two
  double bytes_per_second = 0;       // read and written while copying what no cache holds
  int cores = 1;                     // all at once
};

/// Measures for as many cores as the machine has (and this process may use), with its instruction
/// sets: multiply-adds on vectors in registers, and copies of memory; the best of a few runs. Takes
/// about a tenth of a second. Reports what keeps the loop from being built.
Result<Peak> measure_peak(const Machine& machine, Diagnostics& diagnostics);

}  // namespace septran::runtime
