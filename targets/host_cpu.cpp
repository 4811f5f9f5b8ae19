#include "targets/host_cpu.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
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

namespace {

/// Processors' time that the process's group may take, rounded up; 0: no limit.
int group_limit() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  double quota = 0;
  double period = 0;
  return file >> quota >> period && period > 0 ? static_cast<int>(std::ceil(quota / period)) : 0;
}

int limited(int cores) {
  const int limit = group_limit();
  return limit > 0 ? std::min(cores, limit) : cores;
}

}  // namespace

int host_cores() { return limited(read_topology().cores); }

Caches host_caches() { return read_topology().caches; }

std::vector<std::string> missing_instruction_sets(const Machine& machine) {
  const std::vector<std::string> present = host_instruction_sets();
  std::vector<std::string> missing;
  for (const std::string& set : machine.cpu.instruction_sets) {
    if (!std::binary_search(present.begin(), present.end(), set)) missing.push_back(set);
  }
  return missing;
}

void fill_from_host(Machine& machine) {
  const std::vector<std::string> present = host_instruction_sets();
  for (const std::string& set : machine.cpu.native_instruction_sets) {
    if (std::binary_search(present.begin(), present.end(), set)) {
      machine.cpu.instruction_sets.push_back(set);
    }
  }
  const Topology topology = read_topology();
  const int cores = limited(topology.cores);
  for (ProcessorSpec& processor : machine.processors) {
    if (processor.name == "BLOCK") processor.count = cores;
  }
  const Caches& caches = topology.caches;
  for (MemorySpec& memory : machine.memories) {
    std::int64_t bytes = 0;
    if (memory.name == "GLOBAL") {
      bytes = sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    } else if (memory.name == "SHARED" && caches.level2.bytes > 0) {
      bytes = caches.level2.share() + caches.level3.share();
    } else if (memory.name == "REGISTER") {
      bytes = caches.level2.share();
    }
    if (bytes > 0) memory.size_bytes = bytes;
  }
}

}  // namespace septran
