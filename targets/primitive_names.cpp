#include "targets/primitive_names.h"

#include "compiler/base/messages.h"
#include "compiler/primitives/primitives.h"

namespace septran::yaml {

bool check_primitive(const std::string& name, Span span, Diagnostics& diagnostics) {
  if (find_primitive(name) != nullptr) return true;
  std::vector<std::string> known;
  for (const Primitive& primitive : primitives()) known.push_back(primitive.name);
  diagnostics.report(span, messages::machine_unknown_name, "primitive", name,
                     name_hint(name, known));
  return false;
}

}  // namespace septran::yaml
