#include "targets/cuda/cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <set>

#include "compiler/tile/visit.h"
#include "targets/cuda/bulk_copies.h"

namespace septran::cuda {
namespace {

using tile::Block;
using tile::Loop;
using tile::Program;
using tile::Statement;

class ClusterPlanner {
 public:
  ClusterPlanner(const Program& program, const Plan& plan, const KernelPlan& kernel,
                 std::string& why)
      : program_(program), plan_(plan), kernel_(kernel), why_(why) {}

  Cluster run() {
    cluster_.blocks = static_cast<int>(kernel_.options.cluster_blocks());
    if (cluster_.blocks == 1) return {};
    cluster_.partners.assign(blocks(), 0);
    if (!kernel_.options.multicast) return refuse("no copy may be shared");
    if (kernel_.blocks % cluster_.blocks != 0) {
      return refuse(
          fmt::format("{} blocks run, not a multiple of {}", kernel_.blocks, cluster_.blocks));
    }
    for (std::size_t i = kernel_.begin; i < kernel_.end; ++i) look(program_.body[i]);
    if (!why_.empty()) return {};
    if (cluster_.sharers.empty()) return refuse("its blocks have no copy in common");
    for (const std::uint32_t mask : cluster_.partners) {
      if (std::popcount(mask) != std::popcount(cluster_.partners[0])) {
        return refuse("they share with unequal numbers of others");
      }
    }
    return std::move(cluster_);
  }

 private:
  [[nodiscard]] std::size_t blocks() const { return static_cast<std::size_t>(cluster_.blocks); }

  Cluster refuse(const std::string& reason) {
    why_ = fmt::format("blocks of {} run alone, not in clusters: {}", kernel_.name, reason);
    return {};
  }

  void look(const Statement& statement) {
    const auto* loop = std::get_if<Loop>(&statement.node);
    if (loop != nullptr && loop->workers > 0) {
      share_ = loop;
      for (const Statement& inner : loop->body) look(inner);
      share_ = nullptr;
      return;
    }
    if (loop != nullptr && share_ != nullptr && !trips_agree(*loop)) {
      refuse("their loops differ in length");
      return;
    }
    const auto* copy = std::get_if<tile::DmaCopy>(&statement.node);
    if (copy != nullptr && statement.engine == copying_engine) {
      if (share_ == nullptr || share_->workers % cluster_.blocks != 0) {
        refuse("what they copy is no share of a loop's");
        return;
      }
      share_copy(statement, *copy);
    }
    for (const Block* inner : tile::child_blocks(statement)) {
      for (const Statement& child : *inner) look(child);
    }
  }

  bool trips_agree(const Loop& loop) const {
    const VarInfo& info = program_.vars[loop.var];
    return !program_.vars.expand_values(info.end - info.begin).depends_on(share_->var);
  }

  /// The part of an expression that a share's position decides; false where it cannot be told from
  /// what other loops decide.
  bool position_part(const Expr& e, Expr& part) const {
    const Expr whole = program_.vars.expand_values(e);
    for (const Term& term : whole.terms()) {
      const Expr one = Expr::from_atom(term.atom) * term.coefficient;
      if (!one.depends_on(share_->var)) continue;
      std::vector<VarId> vars;
      one.collect_vars(vars);
      if (std::any_of(vars.begin(), vars.end(), [&](VarId v) { return v != share_->var; })) {
        return false;
      }
      part += one;
    }
    return true;
  }

  /// Ranks whose source is the same in every trip of the share.
  void share_copy(const Statement& statement, const tile::DmaCopy& copy) {
    std::vector<Expr> decided;
    for (const Expr& base : copy.src.view.base) {
      if (!position_part(base, decided.emplace_back())) return;
    }
    const VarInfo& info = program_.vars[share_->var];
    const Range trips{program_.vars.range(info.begin).lo, program_.vars.range(info.end - 1).hi};
    RankMasks masks(blocks(), (1U << blocks()) - 1);
    for (std::int64_t t = trips.lo; t <= trips.hi; t += cluster_.blocks) {
      std::vector<std::vector<std::int64_t>> corners(blocks());
      for (std::size_t r = 0; r < blocks(); ++r) {
        for (const Expr& e : decided) {
          corners[r].push_back(e.evaluate([&](VarId) { return t + static_cast<std::int64_t>(r); }));
        }
      }
      for (std::size_t a = 0; a < blocks(); ++a) {
        for (std::size_t b = 0; b < blocks(); ++b) {
          if (corners[a] != corners[b]) masks[a] &= ~(1U << b);
        }
      }
    }
    const int sharers = std::popcount(masks[0]);
    const bool even = std::all_of(masks.begin(), masks.end(), [&](std::uint32_t mask) {
      return std::popcount(mask) == sharers;
    });
    std::string ignored;
    if (sharers == 1 || !even || !bulk_copy(program_, plan_, copy, ignored, {.shares = sharers}))
      return;
    for (std::size_t r = 0; r < blocks(); ++r) cluster_.partners[r] |= masks[r];
    cluster_.sharers[&statement] = std::move(masks);
  }

  const Program& program_;
  const Plan& plan_;
  const KernelPlan& kernel_;
  std::string& why_;
  Cluster cluster_;
  const Loop* share_ = nullptr;
};

}  // namespace

std::string packed_masks(const RankMasks& masks) {
  std::uint64_t packed = 0;
  for (std::size_t r = 0; r < masks.size(); ++r) packed |= std::uint64_t{masks[r]} << (8 * r);
  return fmt::format("{:#x}ull", packed);
}

Cluster plan_cluster(const Program& program, const Plan& plan, const KernelPlan& kernel,
                     std::string& why) {
  return ClusterPlanner(program, plan, kernel, why).run();
}

}  // namespace septran::cuda
