// Reading the section `cuda:` of a machine description.
#pragma once

#include "targets/machine.h"
#include "targets/yaml_reader.h"

namespace septran {

/// Fills `spec`; every fault is reported.
void read_cuda(const yaml::Node& node, CudaSpec& spec, Diagnostics& diagnostics);

}  // namespace septran
