// The processor that this program runs on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "targets/machine.h"

namespace septran {

/// Instruction sets by the names of /proc/cpuinfo ("avx2", "f16c", "asimd"), sorted.
std::vector<std::string> host_instruction_sets();
/// The same from a text such as /proc/cpuinfo: the first processor's.
std::vector<std::string> parse_instruction_sets(std::string_view cpuinfo);
/// Cores that this process may run on, or the share of them that its group is limited to; at least
/// 1.
int host_cores();
/// A data cache.
struct Cache {
  std::int64_t bytes = 0;  // 0 where unknown
  int cores = 1;           // that have it together
  [[nodiscard]] std::int64_t share() const { return bytes / cores; }
};
struct Caches {
  Cache level1;
  Cache level2;
  Cache level3;
};
/// From Linux's description of the processors in `folder`.
Caches host_caches(const std::string& folder = "/sys/devices/system/cpu");

/// Instruction sets that the machine's kernels may use and this processor lacks.
std::vector<std::string> missing_instruction_sets(const Machine& machine);

/// Puts this machine's number of cores, cache sizes and memory in the place of the description's.
void fill_from_host(Machine& machine);

}  // namespace septran
