// The passes from a launch tree to a tile program that a backend can take.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/base/diagnostic.h"
#include "compiler/frontend/evaluate.h"
#include "compiler/mapping/mapping.h"
#include "compiler/tile/program.h"
#include "compiler/tile/verify.h"
#include "targets/machine.h"

namespace septran::passes {

/// What every pass may look at.
struct PassContext {
  const Machine& machine;
  Diagnostics& diagnostics;
};

using Pass = Result<tile::Program> (*)(tile::Program, const PassContext&);
struct PassInfo {
  const char* name;
  const char* purpose;
  Pass run;
  /// What holds of programs from this pass on, beyond what held before.
  void (*establishes)(tile::VerifyOptions&) = nullptr;
};

/// All passes in the order in which they run.
const std::vector<PassInfo>& pass_table();
const PassInfo* find_pass(std::string_view name);

/// What a mapping's expressions may use: the entry's dimensions, scalars, element types; `cores`.
mapping::Environment make_environment(const lang::EntryBinding& entry, const Machine& machine);

/// The launch tree of task and mapping, as a tile program in its first form: scopes for launches,
/// primitive calls, nothing placed yet. Walks the entry task with symbolic loop variables;
/// instances, bindings, tunables and placements come from the mapping.
Result<tile::Program> instantiate(const lang::Module& module, const lang::EntryBinding& entry,
                                  const mapping::Mapping& mapping, const Machine& machine,
                                  const SourceManager& sources, Diagnostics& diagnostics);

struct RunOptions {
  std::string stop_after;  // a pass's name, or empty
  /// Called with each pass's name and result.
  std::function<void(std::string_view, const tile::Program&)> after;
};
/// Runs all passes, verifying the program after each; a program that does not verify is a bug.
Result<tile::Program> run_passes(tile::Program program, const PassContext& context,
                                 const RunOptions& options = {});

/// What the rule of an operation of a trip that `schedule` peels off its loop ends with.
inline constexpr std::string_view peeled_suffix = ", a peeled trip";

// The passes; what each does stands above its implementation.
Result<tile::Program> spread_reductions(tile::Program program, const PassContext& context);
Result<tile::Program> spread(tile::Program program, const PassContext& context);
Result<tile::Program> select_implementations(tile::Program program, const PassContext& context);
Result<tile::Program> fold_fill(tile::Program program, const PassContext& context);
Result<tile::Program> insert_copies(tile::Program program, const PassContext& context);
Result<tile::Program> place_in_destination(tile::Program program, const PassContext& context);
Result<tile::Program> route_copies(tile::Program program, const PassContext& context);
Result<tile::Program> drop_rounding(tile::Program program, const PassContext& context);
Result<tile::Program> schedule(tile::Program program, const PassContext& context);
Result<tile::Program> late_stores(tile::Program program, const PassContext& context);
Result<tile::Program> distribute(tile::Program program, const PassContext& context);
Result<tile::Program> assign_layouts(tile::Program program, const PassContext& context);
Result<tile::Program> place_buffers(tile::Program program, const PassContext& context);
Result<tile::Program> insert_barriers(tile::Program program, const PassContext& context);
Result<tile::Program> insert_syncs(tile::Program program, const PassContext& context);

}  // namespace septran::passes
