// NumPy's .npy files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/tensor.h"

namespace septran::runtime {

/// What a file says about itself. 16-bit integers and 2-byte voids are bit patterns of bf16.
struct NpyHeader {
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;
  bool fortran_order = false;
  std::uint64_t data_offset = 0;
};

/// Reads and checks the header of a file (format versions 1, 2 and 3, little-endian; f16, f32, f64,
/// i8, i32, bf16 as patterns); the file must hold exactly the data that the header announces.
Result<NpyHeader> read_npy_header(const std::string& path, Diagnostics& diagnostics);

/// Reads a file; data in Fortran order is rearranged. `dtype` and `shape`, if given, are what the
/// file must hold. Nothing is allocated that the file is not long enough to fill.
Result<HostTensor> read_npy(const std::string& path, std::optional<DType> dtype,
                            const std::optional<std::vector<std::int64_t>>& shape,
                            Diagnostics& diagnostics);

/// The bytes of a file; bf16 as '<u2', 8-bit floats as '|u1'.
std::string format_npy(const HostTensor& tensor);
/// Writes a file, whole or not at all; bf16 as '<u2', 8-bit floats as '|u1'.
bool write_npy(const std::string& path, const HostTensor& tensor, Diagnostics& diagnostics);

}  // namespace septran::runtime
