// Constants that the writer and the reader of program files share.
#pragma once

#include <cstddef>
#include <cstdint>

namespace septran::dsa::file_format {

inline constexpr std::uint32_t magic = 0x41534453;  // "SDSA"
inline constexpr std::size_t size_offset = 8;
inline constexpr std::uint8_t input_flag = 1;
inline constexpr std::uint8_t output_flag = 2;

}  // namespace septran::dsa::file_format
