#include "targets/host_cpu.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace septran {

std::vector<std::string> parse_instruction_sets(std::string_view cpuinfo) {
  std::vector<std::string> sets;
  std::istringstream lines{std::string(cpuinfo)};
  for (std::string line; std::getline(lines, line);) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    if (!line.starts_with("flags") && !line.starts_with("Features")) continue;
    std::istringstream words(line.substr(colon + 1));
    for (std::string word; words >> word;) sets.push_back(word);
    break;
  }
  std::sort(sets.begin(), sets.end());
  return sets;
}

std::vector<std::string> host_instruction_sets() {
  std::ifstream file("/proc/cpuinfo");
  // The first processor's lines are enough; the file is long on large machines.
  std::string text;
  for (std::string line; std::getline(file, line) && !line.empty();) text += line + "\n";
  return parse_instruction_sets(text);
}

int host_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

CacheSizes host_caches() {
  const auto size = [](int name) { return std::max<std::int64_t>(0, sysconf(name)); };
  return {size(_SC_LEVEL1_DCACHE_SIZE), size(_SC_LEVEL2_CACHE_SIZE), size(_SC_LEVEL3_CACHE_SIZE)};
}

std::vector<std::string> missing_instruction_sets(const Machine& machine) {
  const std::vector<std::string> present = host_instruction_sets();
  std::vector<std::string> missing;
  for (const std::string& set : machine.cpu.instruction_sets) {
    if (!std::binary_search(present.begin(), present.end(), set)) missing.push_back(set);
  }
  return missing;
}

void fill_from_host(Machine& machine) {
  const int cores = host_cores();
  for (ProcessorSpec& processor : machine.processors) {
    if (processor.name == "BLOCK") processor.count = cores;
  }
  const CacheSizes caches = host_caches();
  for (MemorySpec& memory : machine.memories) {
    std::int64_t bytes = 0;
    if (memory.name == "GLOBAL") {
      bytes = sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    } else if (memory.name == "SHARED" && caches.level2 > 0) {
      bytes = caches.level2 + caches.level3 / cores;
    } else if (memory.name == "REGISTER") {
      bytes = caches.level2;
    }
    if (bytes > 0) memory.size_bytes = bytes;
  }
}

}  // namespace septran
