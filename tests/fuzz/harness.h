// What is fuzzed: everything that reads what users write. One function a reader; each takes any
// bytes, follows them as far as they lead, and may not crash, hang, leak or ask for much memory.
#pragma once

#include <span>
#include <string_view>

namespace septran::fuzz {

/// Assembly; what can be read is printed, read again and encoded, and has to stay the same.
void assembly(std::string_view input);
/// A logic file and, after a line "==== mapping", a mapping file: all passes and the lowering.
void compile(std::string_view input);
/// A logic file: parsed, printed, every task bound to small sizes and evaluated.
void logic(std::string_view input);
/// A machine description.
void machine(std::string_view input);
/// A mapping file, held against a fixed logic file.
void mapping(std::string_view input);
/// A NumPy file.
void npy(std::string_view input);
/// A program file, with its size and checksum corrected so that more than these is reached:
/// decoded, validated, and what is valid runs under tight limits.
void program(std::string_view input);
/// The text of a tile program; what can be read is verified, printed and read again, and what
/// verifies is executed.
void tile(std::string_view input);

struct Harness {
  const char* name;
  void (*run)(std::string_view input);
};
std::span<const Harness> harnesses();

}  // namespace septran::fuzz
