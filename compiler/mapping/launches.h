// How the instances of a mapping hang together.
#pragma once

#include "compiler/mapping/logic_names.h"
#include "compiler/mapping/mapping.h"

namespace septran::mapping {

/// Walks the launches from the entry point: each launched task's instance (`calls`, or the only
/// one), and whether the processor may launch that of the instance. Reported too: instances that
/// nothing reaches, as warnings.
void check_launches(const Mapping& mapping, const LogicNames& logic, const Machine& machine,
                    Diagnostics& diagnostics);

}  // namespace septran::mapping
