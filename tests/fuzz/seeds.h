// Inputs to start from, made from the examples and the cases of other tests.
#pragma once

#include <string>
#include <vector>

namespace septran::fuzz {

struct Seed {
  std::string name;
  std::string content;
};

/// Sound inputs of a harness, then those of its folder in tests/fuzz/corpus (which once failed).
std::vector<Seed> seeds(const std::string& harness);

}  // namespace septran::fuzz
