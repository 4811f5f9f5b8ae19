// Primitives that machine descriptions name.
#pragma once

#include <string>

#include "targets/yaml_reader.h"

namespace septran::yaml {

/// Whether there is a primitive of that name; reported if not.
bool check_primitive(const std::string& name, Span span, Diagnostics& diagnostics);

}  // namespace septran::yaml
