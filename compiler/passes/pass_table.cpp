#include <fmt/format.h>

#include "compiler/passes/pass.h"

namespace septran::passes {

const std::vector<PassInfo>& pass_table() {
  using Options = tile::VerifyOptions;
  static const std::vector<PassInfo> table{
      {"spread-reductions", "deal a reduction to processors, and combine their shares",
       spread_reductions},
      {"spread", "find the parallel loops that are spread over processors", spread},
      {"select", "choose what executes each primitive, split it, turn it into an operation",
       select_implementations, [](Options& o) { o.no_prims = true; }},
      {"insert-copies", "place arguments and temporaries; copy in, out, and by parts",
       insert_copies, [](Options& o) { o.no_scopes = true; }},
      {"place-in-destination", "make temporaries in GLOBAL where they would be copied to",
       place_in_destination},
      {"route-copies", "give each copy its path and engine", route_copies},
      {"fold-fill", "let a first product overwrite instead of adding to zeros", fold_fill},
      {"drop-rounding", "leave rounding to the copies that convert", drop_rounding,
       [](Options& o) { o.engines_assigned = true; }},
      {"schedule", "put each trip's launches into the mapping's order, across trips", schedule},
      {"late-stores", "on processors, store the rows of one trip while the next one computes",
       late_stores},
      {"distribute", "turn parallel loops into each worker's share", distribute,
       [](Options& o) { o.no_parallel = true; }},
      {"assign-layouts", "give every tensor its strides", assign_layouts},
      {"place-buffers", "give every buffer its address", place_buffers,
       [](Options& o) { o.placed = true; }},
      {"insert-barriers", "order processors across parallel loops", insert_barriers},
      {"insert-syncs", "order the engines of a processor by events", insert_syncs},
  };
  return table;
}

const PassInfo* find_pass(std::string_view name) {
  for (const PassInfo& pass : pass_table()) {
    if (pass.name == name) return &pass;
  }
  return nullptr;
}

Result<tile::Program> run_passes(tile::Program program, const PassContext& context,
                                 const RunOptions& options) {
  tile::VerifyOptions verified;
  verified.memory = [&](std::string_view name) -> std::optional<tile::MemoryLimits> {
    const MemorySpec* memory = context.machine.find_memory(name);
    if (memory == nullptr) return std::nullopt;
    return tile::MemoryLimits{memory->size_bytes, memory->start_bytes()};
  };
  const auto check = [&](std::string_view pass) {
    const std::vector<std::string> faults = tile::verify(program, verified);
    if (!faults.empty()) {
      SEPTRAN_BUG(fmt::format("after pass {}: {}", pass, faults.front()));
    }
    if (options.after) options.after(pass, program);
  };
  check("instantiate");
  if (options.stop_after == "instantiate") return program;
  for (const PassInfo& pass : pass_table()) {
    Result<tile::Program> result = pass.run(std::move(program), context);
    if (!result) return std::nullopt;
    program = std::move(*result);
    if (pass.establishes != nullptr) pass.establishes(verified);
    check(pass.name);
    if (options.stop_after == pass.name) break;
  }
  return program;
}

}  // namespace septran::passes
