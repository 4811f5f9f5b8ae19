// Presets: named settings of a section of a description, each a file in a folder beside the shipped
// descriptions.
#pragma once

#include "targets/yaml_reader.h"

namespace septran {

/// Puts the settings of presets in their places: a section (`dsa.mma`, `dsa.dram`) with
/// `preset: NAME` gets each key of NAME.yaml (in the folder `mma` or `dram` of machines_folder())
/// that it does not have itself; `x_ns` and `x_cycles` are one key. What is wrong with such a
/// setting is reported in the preset's file. Reported here: presets that do not exist, and files
/// that are no maps.
void expand_presets(yaml::Node& root, SourceManager& sources, Diagnostics& diagnostics);

}  // namespace septran
