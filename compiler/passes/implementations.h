// Which of a target's implementations can execute a primitive call.
#pragma once

#include <string>

#include "compiler/passes/pass.h"

namespace septran::passes {

/// The element type that values of a type occupy in a memory.
DType held_as(const Machine& machine, const std::string& memory, DType type);

/// The element types of a matrix implementation that a call's operands have; null if it has none
/// such.
const MatrixTypes* matrix_types(const tile::Program& program, const Machine& machine,
                                const ImplementationSpec& implementation, const tile::Prim& prim);

/// Why an implementation does not take a call; empty if it does.
std::string misfit(const tile::Program& program, const Machine& machine,
                   const ImplementationSpec& implementation, const tile::Prim& prim);

/// Reports that nothing on the machine executes a call, what keeps each implementation from it, and
/// where the mapping places its operands.
void report_no_implementation(const tile::Program& program, const PassContext& context, Span call,
                              const tile::Prim& prim);

/// Notes where the mapping places a call's operands.
void note_places(const tile::Program& program, const tile::Prim& prim, Diagnostic& diagnostic);

/// Whether a primitive only moves data between memories that a DMA engine connects.
bool is_copy_between_memories(const tile::Program& program, const Machine& machine,
                              const tile::Prim& prim);

}  // namespace septran::passes
