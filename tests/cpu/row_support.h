// What tests of loops over vectors share.
#pragma once

#include <cstddef>
#include <string>

#include "targets/cpu/lower.h"
#include "tests/support/kernel.h"

namespace septran::testing_support {

/// As if the machine's caches were tiny.
void shrink_caches(Machine& machine);

/// How often a text stands in another.
std::size_t count(const std::string& text, const std::string& what);

/// What the kernel itself does, without the functions that it uses.
std::string work_of(const cpu::Source& source);

/// Runs a kernel natively and compares its results with the reference's; whether its code stores
/// past the caches, with caches that are tiny if it shall, is checked too.
void expect_right(const KernelText& text, bool past_caches);

}  // namespace septran::testing_support
