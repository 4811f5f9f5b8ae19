#include "targets/machine_cpu.h"

#include <algorithm>
#include <bit>

#include "compiler/base/messages.h"

namespace septran {

void read_cpu(const yaml::Node& node, CpuSpec& spec, Diagnostics& diagnostics) {
  yaml::Fields f(node, "'cpu'", diagnostics);
  f.integer("vector_bytes", 4, 256, spec.vector_bytes);
  if (!std::has_single_bit(static_cast<unsigned>(spec.vector_bytes))) {
    diagnostics.report(node.find("vector_bytes")->span, messages::machine_not_a_power,
                       "'vector_bytes'", spec.vector_bytes);
  }
  for (const yaml::Node* name : f.optional_names("instruction_sets")) {
    spec.instruction_sets.push_back(name->text);
  }
  for (const yaml::Node* name : f.optional_names("native_instruction_sets")) {
    spec.native_instruction_sets.push_back(name->text);
  }
  f.finish();
}

bool CpuSpec::has(std::string_view instruction_set) const {
  return std::find(instruction_sets.begin(), instruction_sets.end(), instruction_set) !=
         instruction_sets.end();
}

}  // namespace septran
