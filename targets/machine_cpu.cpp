#include "targets/machine_cpu.h"

namespace septran {

void read_cpu(const yaml::Node& node, CpuSpec& spec, Diagnostics& diagnostics) {
  yaml::Fields f(node, "'cpu'", diagnostics);
  f.integer("vector_bytes", 4, 256, spec.vector_bytes);
  for (const yaml::Node* name : f.optional_names("instruction_sets")) {
    spec.instruction_sets.push_back(name->text);
  }
  f.finish();
}

}  // namespace septran
