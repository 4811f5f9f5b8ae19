#include "targets/host_topology.h"

#include <sched.h>

#include <algorithm>
#include <memory>
#include <type_traits>

#ifdef SEPTRAN_HWLOC
#include <hwloc.h>
#include <unistd.h>

#include <cstdlib>
#endif

namespace septran {

#ifdef SEPTRAN_HWLOC
namespace {

struct Destroy {
  void operator()(hwloc_topology_t topology) const { hwloc_topology_destroy(topology); }
  void operator()(hwloc_bitmap_t bitmap) const { hwloc_bitmap_free(bitmap); }
};
using Machine = std::unique_ptr<std::remove_pointer_t<hwloc_topology_t>, Destroy>;
using Processors = std::unique_ptr<std::remove_pointer_t<hwloc_bitmap_t>, Destroy>;

/// Where the system does not describe its processors, as in a container without /sys, the library
/// writes so to stderr, where users read diagnostics; what it finds then serves, too. Environments
/// are shared by all threads of a program: elsewhere this one stays as it is.
void silence_where_nothing_is_described() {
  if (access("/sys/devices/system/cpu/cpu0/topology", F_OK) == 0) return;
  setenv("HWLOC_HIDE_ERRORS", "2", 0);
}

/// Cores and caches only, as the system itself describes them: asking each processor in turn, and
/// what else a machine has, takes longer than running a kernel.
Machine load(const std::string& synthetic) {
  silence_where_nothing_is_described();
  hwloc_topology_t raw = nullptr;
  if (hwloc_topology_init(&raw) != 0) return nullptr;
  Machine machine(raw);
  if (!synthetic.empty() && hwloc_topology_set_synthetic(raw, synthetic.c_str()) != 0) {
    return nullptr;
  }
  hwloc_topology_set_all_types_filter(raw, HWLOC_TYPE_FILTER_KEEP_NONE);
  hwloc_topology_set_type_filter(raw, HWLOC_OBJ_CORE, HWLOC_TYPE_FILTER_KEEP_ALL);
  hwloc_topology_set_cache_types_filter(raw, HWLOC_TYPE_FILTER_KEEP_ALL);
  hwloc_topology_set_components(raw, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, "x86");
#if HWLOC_API_VERSION >= 0x00020800
  hwloc_topology_set_flags(raw, HWLOC_TOPOLOGY_FLAG_NO_DISTANCES | HWLOC_TOPOLOGY_FLAG_NO_MEMATTRS |
                                    HWLOC_TOPOLOGY_FLAG_NO_CPUKINDS);
#endif
  return hwloc_topology_load(raw) == 0 ? std::move(machine) : nullptr;
}

/// Cores that have a processor among `processors`.
int count_cores(hwloc_topology_t machine, hwloc_const_bitmap_t processors) {
  int cores = 0;
  hwloc_obj_t core = nullptr;
  while ((core = hwloc_get_next_obj_by_type(machine, HWLOC_OBJ_CORE, core)) != nullptr) {
    cores += hwloc_bitmap_intersects(core->cpuset, processors);
  }
  return cores > 0 ? cores : std::max(1, hwloc_bitmap_weight(processors));
}

}  // namespace

bool has_topology() { return true; }

Topology read_topology(const std::string& synthetic) {
  Topology found;
  const Machine machine = load(synthetic);
  if (machine == nullptr) return found;
  const Processors usable(hwloc_bitmap_dup(hwloc_topology_get_allowed_cpuset(machine.get())));
  if (synthetic.empty()) {
    hwloc_get_cpubind(machine.get(), usable.get(), HWLOC_CPUBIND_THREAD);
  }
  found.cores = count_cores(machine.get(), usable.get());
  hwloc_obj_t object = hwloc_get_pu_obj_by_os_index(
      machine.get(), static_cast<unsigned>(std::max(0, hwloc_bitmap_first(usable.get()))));
  for (; object != nullptr; object = object->parent) {
    if (!hwloc_obj_type_is_dcache(object->type)) continue;
    const Cache cache{static_cast<std::int64_t>(object->attr->cache.size),
                      count_cores(machine.get(), object->cpuset)};
    if (object->attr->cache.depth == 1) found.caches.level1 = cache;
    if (object->attr->cache.depth == 2) found.caches.level2 = cache;
    if (object->attr->cache.depth == 3) found.caches.level3 = cache;
  }
  return found;
}

#else

bool has_topology() { return false; }

Topology read_topology(const std::string& /*synthetic*/) {
  cpu_set_t set;
  CPU_ZERO(&set);
  Topology found;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) found.cores = std::max(1, CPU_COUNT(&set));
  return found;
}

#endif

}  // namespace septran
