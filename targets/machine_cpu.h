// Reading the section `cpu:` of a machine description.
#pragma once

#include "targets/machine.h"
#include "targets/yaml_reader.h"

namespace septran {

/// Fills `spec`; every fault is reported.
void read_cpu(const yaml::Node& node, CpuSpec& spec, Diagnostics& diagnostics);

}  // namespace septran
