// What the CUDA backend makes: a CUDA C++ translation unit and how its kernels are launched.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/base/dtype.h"

namespace septran::cuda {

/// A tensor that the caller passes, dense and row-major.
struct Parameter {
  std::string name;
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;
  bool is_input = false;
  bool is_output = false;
};

/// What the copy engine needs to know of a tensor in GLOBAL and the boxes that are cut from it,
/// innermost dimension first.
struct TensorMap {
  int parameter = -1;             // of Source::parameters; -1: the workspace
  std::int64_t workspace_at = 0;  // in the workspace
  DType dtype = DType::f16;
  std::vector<std::int64_t> extents;
  std::vector<std::int64_t> strides_bytes;  // of all dimensions but the first
  std::vector<std::int64_t> box;
  bool swizzled = true;  // in rows of 128 bytes
  bool to_tf32 = false;  // what is copied is rounded
  bool operator==(const TensorMap&) const = default;
};

/// One launch. Its parameters are a pointer for each of Source::parameters, the workspace's, and
/// its tensor maps.
struct KernelSource {
  std::string name;
  std::int64_t blocks = 1;
  int threads = 128;
  std::int64_t shared_bytes = 0;
  bool waits_for_grid = false;  // all of its blocks must run at once
  bool starts_early = false;    // it waits for the end of the launch before by itself
  std::vector<TensorMap> maps;
  std::string products;  // by what they are computed; empty: there are none
};

struct Source {
  std::string text;
  std::string architecture;  // "sm_90a"
  std::vector<Parameter> parameters;
  std::vector<KernelSource> kernels;  // in the order of their launches
  std::int64_t workspace_bytes = 0;   // its first 256 bytes are zero before the first launch
  /// What was decided against the fast way, and why; a line each.
  std::vector<std::string> notes;
};

/// The number of an architecture's name: 90 of "sm_90a".
int capability_of(const std::string& architecture);

}  // namespace septran::cuda
