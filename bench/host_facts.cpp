#include "bench/host_facts.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <fstream>

#include "targets/host_cpu.h"

namespace septran::bench {

std::string describe_host() {
  std::string model = "unknown processor";
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) {
      model = line.substr(line.find(':') + 2);
      break;
    }
  }
  std::string sets;
  for (const std::string& set : host_instruction_sets()) {
    const bool of_interest = set == "avx2" || set == "fma" || set == "f16c" ||
                             set.starts_with("avx512") || set.starts_with("avx_vnni") ||
                             set.starts_with("amx") || set.starts_with("asimd");
    if (of_interest) sets += " " + set;
  }
  const Caches caches = host_caches();
  return fmt::format("{:%Y-%m-%d}, {}, {} cores, caches {} KiB + {} KiB + {} KiB,{}",
                     fmt::gmtime(std::time(nullptr)), model, host_cores(),
                     caches.level1.bytes / 1024, caches.level2.bytes / 1024,
                     caches.level3.bytes / 1024, sets);
}

}  // namespace septran::bench
