#include "targets/host_cpu.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
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

/// The first word of a small file, such as those of /sys; empty where there is none.
std::string word_of(const std::string& path) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  return word;
}

/// "32768K", "1M", "512" as a number; 0 if it is none.
std::int64_t size_of(const std::string& text) {
  char* end = nullptr;
  const std::int64_t number = std::strtoll(text.c_str(), &end, 10);
  if (number <= 0) return 0;
  return *end == 'K' ? number << 10 : *end == 'M' ? number << 20 : number;
}

/// How many numbers a list such as "0-3,8" has.
int count_of(const std::string& list) {
  int count = 0;
  std::istringstream parts(list);
  for (std::string part; std::getline(parts, part, ',');) {
    const std::size_t dash = part.find('-');
    const auto number = [&](std::size_t at) { return std::atoi(part.c_str() + at); };
    count += dash == std::string::npos ? 1 : std::max(0, number(dash + 1) - number(0) + 1);
  }
  return std::max(count, 1);
}

/// Processors' time that the process's group may take, rounded up; 0: no limit.
int group_limit() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  double quota = 0;
  double period = 0;
  return file >> quota >> period && period > 0 ? static_cast<int>(std::ceil(quota / period)) : 0;
}

}  // namespace

int host_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  const bool known = sched_getaffinity(0, sizeof(set), &set) == 0;
  const int cores = known ? std::max(1, CPU_COUNT(&set)) : 1;
  const int limit = group_limit();
  return limit > 0 ? std::min(cores, limit) : cores;
}

Caches host_caches(const std::string& folder) {
  Caches caches;
  for (int index = 0;; ++index) {
    const std::string cache = folder + "/cpu0/cache/index" + std::to_string(index) + "/";
    const std::string level = word_of(cache + "level");
    if (level.empty()) return caches;
    if (word_of(cache + "type") == "Instruction") continue;
    const Cache one{size_of(word_of(cache + "size")), count_of(word_of(cache + "shared_cpu_list"))};
    if (level == "1") caches.level1 = one;
    if (level == "2") caches.level2 = one;
    if (level == "3") caches.level3 = one;
  }
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
  const Caches caches = host_caches();
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
