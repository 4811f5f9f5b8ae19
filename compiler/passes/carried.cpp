#include "compiler/passes/carried.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/base/messages.h"
#include "compiler/passes/region.h"
#include "compiler/passes/split.h"
#include "compiler/tile/visit.h"

namespace septran::passes {
namespace {

using tile::Block;
using tile::Prim;
using tile::Program;
using tile::Statement;
using tile::TensorId;
using tile::TileRef;

/// The primitive that combines shares of a call's output, if it adds to what is there; else null.
const Primitive* combines(const Statement& statement) {
  const auto* prim = std::get_if<Prim>(&statement.node);
  if (prim == nullptr || !prim->primitive->combining() ||
      !bool_attribute(prim->attributes, "accumulate")) {
    return nullptr;
  }
  return find_primitive(prim->primitive->combined_by);
}

std::string operation_name(const Statement& statement) {
  const auto* prim = std::get_if<Prim>(&statement.node);
  return prim == nullptr ? "dma_copy" : prim->primitive->name;
}

class LoopReader {
 public:
  LoopReader(const Program& program, const Block& loop, const Roots& around, const SpreadKey& key,
             Diagnostics& diagnostics)
      : program_(program),
        loop_(loop),
        around_(around),
        key_(key),
        diagnostics_(diagnostics),
        roots_(loop),
        own_(allocated_in(loop)) {}

  Result<std::vector<Carried>> run() {
    tile::for_each_statement(loop_, [&](const Statement& statement) { writes_of(statement); });
    tile::for_each_statement(loop_, [&](const Statement& statement) { reads_of(statement); });
    if (!fine_) return std::nullopt;
    std::vector<Carried> carried;
    for (const auto& [tensor, by] : found_) {
      const std::optional<Region> region = touched_region(program_, loop_, tensor);
      SEPTRAN_CHECK(region.has_value());
      View view = full_view(region->extent);
      view.base = region->begin;
      carried.push_back({{tensor, std::move(view)}, program_[tensor].dtype, by});
    }
    return carried;
  }

 private:
  void refuse(const Message& message, const Statement& statement, TensorId tensor,
              const std::string& what) {
    fine_ = false;
    diagnostics_.report(key_.span, message, key_.name, program_[tensor].name, what)
        .notes.push_back({statement.origin.logic_span, messages::carried_here_note});
  }

  void writes_of(const Statement& statement) {
    for (const auto& use : tile::operands(statement)) {
      const TensorId tensor = roots_.of(use.tile->tensor);
      if (!writes(use.access) || own_.contains(tensor)) continue;
      const Primitive* by = use.index == 0 ? combines(statement) : nullptr;
      if (by == nullptr) {
        refuse(messages::spread_not_combining, statement, tensor, operation_name(statement));
        return;
      }
      const auto [at, is_new] = found_.try_emplace(tensor, by);
      const DType type = program_[tensor].dtype;
      if (at->second != by) {
        refuse(messages::spread_mixed, statement, tensor, by->name);
      } else if (is_new && by->name == "add" && arithmetic_type(type) != type) {
        refuse(messages::spread_rounded, statement, tensor, std::string(name(type)));
      }
    }
  }

  void reads_of(const Statement& statement) {
    for (const auto& use : tile::operands(statement)) {
      const TensorId tensor = roots_.of(use.tile->tensor);
      if (use.index == 0 || !reads(use.access)) continue;
      for (const auto& [sums, by] : found_) {  // by this name or another
        if (around_.of(sums) != around_.of(tensor)) continue;
        refuse(messages::spread_reads_sums, statement, sums, operation_name(statement));
      }
    }
  }

  const Program& program_;
  const Block& loop_;
  const Roots& around_;
  const SpreadKey& key_;
  Diagnostics& diagnostics_;
  Roots roots_;
  std::set<TensorId> own_;  // made anew in each trip
  std::map<TensorId, const Primitive*> found_;
  bool fine_ = true;
};

}  // namespace

Result<std::vector<Carried>> carried_by(const Program& program, const Block& loop,
                                        const Roots& around, const SpreadKey& key,
                                        Diagnostics& diagnostics) {
  return LoopReader(program, loop, around, key, diagnostics).run();
}

Result<Carried> carried_by(const Program& program, const Statement& call, const SpreadKey& key,
                           Diagnostics& diagnostics) {
  const auto& prim = std::get<Prim>(call.node);
  if (!carries_partial_results(program, prim)) {
    diagnostics.report(key.span, messages::split_unsupported, prim.primitive->name, key.name)
        .notes.push_back({call.origin.logic_span, messages::for_call_note});
    return std::nullopt;
  }
  const TileRef& output = std::get<TileRef>(prim.operands[0]);
  const Primitive* by = find_primitive(prim.primitive->combined_by);
  const DType type = program[output.tensor].dtype;
  return Carried{output, by->name == "add" ? arithmetic_type(type) : type, by,
                 bool_attribute(prim.attributes, "accumulate")};
}

}  // namespace septran::passes
