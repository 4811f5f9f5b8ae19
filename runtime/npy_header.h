// The header of a .npy file: a Python dictionary with three keys.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace septran::runtime {

struct NpyDictionary {
  std::string descr;
  bool fortran_order = false;
  std::vector<std::int64_t> shape;  // each extent at least 1
};

/// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`, keys in any order;
/// otherwise says in `fault` what is wrong.
std::optional<NpyDictionary> parse_npy_dictionary(std::string_view text, std::string& fault);

/// All that stands in front of the data: magic, version, length and the dictionary, padded so that
/// the data starts at a multiple of 64 bytes.
std::string format_npy_header(std::string_view descr, const std::vector<std::int64_t>& shape);

}  // namespace septran::runtime
