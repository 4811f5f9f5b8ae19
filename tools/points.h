// Many simulations of one call: each in a process of its own, several at a time.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "tools/compile.h"

namespace septran::tools {

/// Runs work(0) .. work(count - 1), each in a child process, at most `jobs` at a time, and hands
/// what each gave to `done`, in the order in which they end; nothing for one that crashed. `done`
/// runs in this process.
void run_in_processes(std::size_t count, int jobs,
                      const std::function<std::string(std::size_t)>& work,
                      const std::function<void(std::size_t, std::optional<std::string>)>& done);

/// Compiles and simulates without values. The object has `status`: "ok" with cycles,
/// seconds_at_clock, macs, mma_utilization, bound_cycles, global_bytes, energy_pj, verdict and,
/// where the description states it, area_mm2; or "refused", "trap" or "deadlock" with `error`, the
/// text of what went wrong.
[[nodiscard]] nlohmann::ordered_json run_point(const Options& options);

/// How many processes to use: what was asked for, or as many as the machine has processors.
[[nodiscard]] int job_count(const Options& options);

/// Writes the files that were asked for: --json the object, --csv its list `rows`, --html the page.
bool write_points(const nlohmann::ordered_json& report, const char* rows, const std::string& page,
                  const Options& options, Diagnostics& diagnostics);

/// "12 of 40" on stderr, in place, if that is a terminal; nothing at the end of all.
void show_progress(const std::string& what, std::size_t done, std::size_t count);

}  // namespace septran::tools
