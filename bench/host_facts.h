// What a table of results says about the machine that it was measured on.
#pragma once

#include <string>

namespace septran::bench {

/// Date, processor, cores, caches and instruction sets of interest, in one line.
std::string describe_host();

}  // namespace septran::bench
