// Helpers of the instruction set's tests.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "targets/dsa/assembly.h"
#include "targets/machine.h"

namespace septran::dsa {

/// What parsing a text as assembly gives: the program's assembly, or the diagnostics.
inline std::string assemble_text(const std::string& text) {
  SourceManager sources;
  Diagnostics diagnostics;
  const auto program = parse_assembly(sources.add("test.s", text), sources, diagnostics);
  return program ? to_assembly(*program) : render(diagnostics, sources, false);
}

/// The program of assembly that must be right.
inline Program assemble(const std::string& text) {
  SourceManager sources;
  Diagnostics diagnostics;
  auto program = parse_assembly(sources.add("test.s", text), sources, diagnostics);
  EXPECT_TRUE(program) << render(diagnostics, sources, false);
  return program ? std::move(*program) : Program{};
}

inline std::string render_all(const Diagnostics& diagnostics) {
  return render(diagnostics, SourceManager{}, false);
}

/// The shipped description of that name, with `cores` cores and a hash that does not change with
/// it.
inline Machine test_machine(const std::string& name, int cores = 1) {
  SourceManager sources;
  Diagnostics diagnostics;
  auto machine = load_machine(name, {}, sources, diagnostics);
  EXPECT_TRUE(machine) << render(diagnostics, sources, false);
  if (!machine) return {};
  machine->hash = 0x1234;
  for (ProcessorSpec& processor : machine->processors) {
    if (processor.name == "BLOCK") processor.count = cores;
  }
  return std::move(*machine);
}

}  // namespace septran::dsa
