// Helpers of the tile program's tests.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "compiler/tile/parse.h"

namespace septran::tile {

/// The program of a text that must be right; an empty one, with a failed expectation, if it is not.
inline Program parse(const std::string& text) {
  SourceManager sources;
  Diagnostics diagnostics;
  const FileId file = sources.add("test.tile", text);
  auto program = parse_text(file, sources, diagnostics);
  EXPECT_TRUE(program) << render(diagnostics, sources, false);
  return program ? std::move(*program) : Program{};
}

/// `body` inside a program's frame.
inline std::string framed(const std::string& body) {
  return "program p target t {\n" + body + "\n}\n";
}

}  // namespace septran::tile
