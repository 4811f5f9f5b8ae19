#include "targets/cpu/flags.h"

#include <algorithm>

namespace septran::cpu {
namespace {

/// The flag for an instruction set of /proc/cpuinfo; empty where the compiler has it always.
std::string flag_of(std::string set) {
  if (set.starts_with("asimd") || set == "fp") return "";
  if (set.starts_with("sse4_")) {
    std::replace(set.begin(), set.end(), '_', '.');
  } else {
    std::erase(set, '_');
  }
  return "-m" + set;
}

}  // namespace

std::vector<std::string> compiler_flags(const Source& source, const Machine& machine) {
  std::vector<std::string> flags{"-std=gnu11",
                                 "-O3",
                                 "-fwrapv",
                                 "-fno-strict-aliasing",
                                 "-fno-math-errno",
                                 "-fno-trapping-math",
                                 "-ffp-contract=fast",
                                 "-fno-semantic-interposition"};
  for (const std::string& set : machine.cpu.instruction_sets) {
    if (std::string flag = flag_of(set); !flag.empty()) flags.push_back(std::move(flag));
  }
  if (machine.cpu.vector_bytes >= 64) flags.emplace_back("-mprefer-vector-width=512");
  if (source.workers > 1) flags.emplace_back("-fopenmp");
  return flags;
}

}  // namespace septran::cpu
