// Programs as assembly text; docs/isa.md describes the syntax. Text and binary hold the same:
// parse_assembly(to_assembly(p)) == p.
#pragma once

#include <string>
#include <string_view>

#include "compiler/base/diagnostic.h"
#include "targets/dsa/isa.h"
#include "targets/dsa/program.h"

namespace septran::dsa {

/// Assembly of a whole program, with comments that say where instructions came from and what
/// operands and events are called. The program has passed check_structure.
std::string to_assembly(const Program& program);

/// One instruction, or one operand, without comment; for listings and traces.
std::string to_text(const InstructionNode& node);
std::string to_text(const Operand& operand);
std::string to_text(const Affine& affine);

/// Whether a text begins as assembly does, with `.program` behind blanks and comments.
bool looks_like_assembly(std::string_view text);

/// Reads assembly; reports every fault with its place. The result has passed check_structure.
Result<Program> parse_assembly(FileId file, const SourceManager& sources, Diagnostics& diagnostics);

}  // namespace septran::dsa
