// Whole-file input and output.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "compiler/base/diagnostic.h"

namespace septran::runtime {

/// The name that stands for the standard output, of whatever it is.
inline constexpr std::string_view standard_output = "-";

struct OutputFile {
  std::string path;
  std::string_view content;
};

/// Writes files, all of them or none, each as write_file_atomically does. Every failure is
/// reported.
bool write_files_atomically(std::span<const OutputFile> files, Diagnostics& diagnostics);

/// Writes a file whole or not at all: into a new file in the same folder, which then takes the name
/// in one step. A device or pipe (such as /dev/stdout), and `-`, are written to directly. Returns
/// whether it worked; a failure is reported, and what stood there before stays as it was.
bool write_file_atomically(const std::string& path, std::string_view content,
                           Diagnostics& diagnostics);

}  // namespace septran::runtime
