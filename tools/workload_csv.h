// Workloads in the form of SCALE-Sim's topologies.
#pragma once

#include "tools/workload_file.h"

namespace septran::tools {

/// The largest extent of a layer.
inline constexpr std::int64_t largest_size = std::int64_t{1} << 31;

/// Adds the layers of a table to `workload`, each with `options` and its sizes. Columns are found
/// by their names; those of convolutions give a product's sizes or, where the logic `takes_images`,
/// an image's. Every fault is reported.
void read_csv(FileId file, const Options& options, bool takes_images, const SourceManager& sources,
              Workload& workload, Diagnostics& diagnostics);

}  // namespace septran::tools
