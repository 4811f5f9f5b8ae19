// The processor that this program runs on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "targets/host_topology.h"
#include "targets/machine.h"

namespace septran {

/// Instruction sets by the names of /proc/cpuinfo ("avx2", "f16c", "asimd"), sorted.
std::vector<std::string> host_instruction_sets();
/// The same from a text such as /proc/cpuinfo: the first processor's.
std::vector<std::string> parse_instruction_sets(std::string_view cpuinfo);
/// Cores that this thread may run on, or the share of them that its group is limited to; at
/// least 1.
int host_cores();
/// The data caches of one of these cores.
Caches host_caches();

/// Instruction sets that the machine's kernels may use and this processor lacks.
std::vector<std::string> missing_instruction_sets(const Machine& machine);

/// Puts this machine's number of cores, cache sizes and memory in the place of the description's.
void fill_from_host(Machine& machine);

}  // namespace septran
