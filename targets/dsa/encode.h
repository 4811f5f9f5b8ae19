// Program files (.sdsa): programs as bytes. docs/isa.md describes the layout.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "compiler/base/diagnostic.h"
#include "targets/dsa/program.h"

namespace septran::dsa {

/// The bytes of a program file; reports whatever check_structure finds.
Result<std::vector<std::byte>> encode_program(const Program& program, Diagnostics& diagnostics);

/// Reads a program file; `name` is the file's, for messages. Nothing in it is trusted: what comes
/// back has passed check_structure. A machine's limits are checked by validate().
Result<Program> decode_program(std::span<const std::byte> bytes, const std::string& name,
                               Diagnostics& diagnostics);

/// Whether bytes begin like a program file (a tool tells it from a source file by this).
bool looks_like_program(std::span<const std::byte> bytes);

/// The hash that a file holds at `checksum_offset`, over the bytes from `content_offset` on.
inline constexpr std::size_t checksum_offset = 16;
inline constexpr std::size_t content_offset = 24;
std::uint64_t file_checksum(std::span<const std::byte> content);

}  // namespace septran::dsa
