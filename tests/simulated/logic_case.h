// A kernel of a few tasks with its mapping, checked at several sizes on both accelerators.
#pragma once

#include <string>
#include <vector>

namespace septran::testing_support {

/// A host task `host` that launches `block` on a core. There are leaf tasks for it to use:
/// twice(Y, X), add_to(Y, X), negate(Y, X) and sevens(Y); unless the logic has a `block` of its
/// own, that is block(Y, X), which launches twice(Y, X).
struct LogicCase {
  std::string logic;
  std::string host = "Y: GLOBAL, X: GLOBAL";   // its mems
  std::string block = "Y: SHARED, X: SHARED";  // its mems
  std::string more = "";                       // lines that follow in the mapping
  /// "M=3 N=5", with " --dtype f16" behind it for another type than f32.
  std::vector<std::string> sizes;
  std::vector<std::string> targets = {"dsa_edge", "dsa_cloud"};
};

/// Expects every pass's program and the simulation to give the reference's results, on small
/// integers and exactly.
void check(const LogicCase& one);

}  // namespace septran::testing_support
