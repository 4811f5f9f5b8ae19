// The entry point of one fuzzer; SEPTRAN_HARNESS says of which.
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "tests/fuzz/harness.h"

/// A broken invariant ends a program with exit code 5; here it has to count as a crash.
extern "C" void _Exit(int code) {
  if (code == 5) std::abort();
  for (;;) syscall(SYS_exit_group, code);
}

/// SystemC keeps blocks of events for ever; a few that were pending when a run was given up are no
/// longer in its list.
extern "C" const char* __lsan_default_suppressions() {  // NOLINT: the sanitizer's name
  return "leak:sc_core::sc_event_timed::allocate\n";
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  septran::fuzz::SEPTRAN_HARNESS({reinterpret_cast<const char*>(data), size});
  return 0;
}
