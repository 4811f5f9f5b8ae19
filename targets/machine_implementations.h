// Reading the section `implementations:` of a machine description.
#pragma once

#include "targets/machine.h"
#include "targets/yaml_reader.h"

namespace septran {

/// Adds what an entry describes to `machine`, whose family, memories and engines are there by now.
/// Every fault is reported.
void read_implementation(const yaml::Entry& entry, Machine& machine, Diagnostics& diagnostics);

}  // namespace septran
