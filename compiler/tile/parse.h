// Reads the text form of a tile program (text.h).
#pragma once

#include "compiler/base/diagnostic.h"
#include "compiler/base/source.h"
#include "compiler/tile/program.h"

namespace septran::tile {

/// Reads what to_text prints, and the freer forms that people write: several statements on a line
/// separated by ';' under one engine, comment lines that start with '#'. Faults of the text are
/// reported, line by line; whether the program makes sense is verify's business.
Result<Program> parse_text(FileId file, const SourceManager& sources, Diagnostics& diagnostics);

}  // namespace septran::tile
