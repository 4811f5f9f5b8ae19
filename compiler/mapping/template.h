// Template parameters of mapping files.
#pragma once

#include <string>

#include "targets/yaml_reader.h"

namespace septran::mapping {

/// Replaces `${name}` in every key and scalar of a file. A scalar that is nothing but `${name}`
/// becomes the parameter's value, whatever that is; within longer text the value must be a scalar.
/// Reported: parameters without a value, and values that the file does not use. `parameters` is
/// null for a file that nobody extends; `place` is where the file is extended.
void substitute_parameters(yaml::Node& root, const std::string& file_name,
                           const yaml::Node* parameters, Span place, Diagnostics& diagnostics);

}  // namespace septran::mapping
