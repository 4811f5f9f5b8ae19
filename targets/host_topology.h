// Cores and caches of the machine that this program runs on, as hwloc finds them.
#pragma once

#include <cstdint>
#include <string>

namespace septran {

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

struct Topology {
  int cores = 1;  // that this thread may run on; two threads of a core are one
  Caches caches;  // of the first of them
};

/// Whether this build has hwloc. Without it, each processor that the system shows is a core, and
/// caches are unknown.
bool has_topology();

/// Of this machine; or of the one that `synthetic` describes, in hwloc's words ("l2:2 core:1
/// pu:2").
Topology read_topology(const std::string& synthetic = {});

}  // namespace septran
