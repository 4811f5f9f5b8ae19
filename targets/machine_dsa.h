// Reading the section `dsa:` of a machine description.
#pragma once

#include "targets/machine.h"
#include "targets/yaml_reader.h"

namespace septran {

/// Fills `spec`; every fault is reported. Every timing field is required: no number has a second
/// place in the code. Times in nanoseconds become cycles of `clock_hz`.
void read_dsa(const yaml::Node& node, double clock_hz, DsaSpec& spec, Diagnostics& diagnostics);

}  // namespace septran
