// Workload files: the layers of a network, as CSV in the formats of SCALE-Sim or as YAML.
#pragma once

#include <string>
#include <vector>

#include "tools/compile.h"

namespace septran::tools {

/// A layer with what it takes to run it.
struct Layer {
  std::string name;
  std::int64_t count = 1;
  Options options;    // logic, mapping, sizes, types
  std::string sizes;  // for tables: "M=512 N=64 K=576"
};
struct Workload {
  std::string name;
  std::vector<Layer> layers;
};

/// Reads a file; every fault is reported at its place.
///
/// CSV: the first line names the columns. With M, N and K a line is a matrix product; with IFMAP
/// Height and Width, Filter Height and Width, Channels, Num Filter and Strides it is a convolution
/// (padding counted in the IFMAP); Batch Size multiplies M. Logic, mapping and types are those of
/// `options`. If the logic's tensors have dimensions KH and KW, a convolution gives it N (the
/// batch), H, W, C, KH, KW, O, M (output pixels) and `stride`; otherwise it is run as the product
/// of the stored matrix of its windows (M, K = filter height x width x channels) with its filters
/// (N).
///
/// YAML: `layers`, a list with `name`, `logic`, `mapping`, `sizes` and `count`, `dtype`; paths
/// start at the file. `options` gives what a layer leaves open, and the target if it names one.
Result<Workload> read_workload(const Options& options, SourceManager& sources,
                               Diagnostics& diagnostics);

}  // namespace septran::tools
