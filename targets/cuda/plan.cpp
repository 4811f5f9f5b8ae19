#include "targets/cuda/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/tile/visit.h"
#include "targets/cuda/products.h"
#include "targets/cuda/register_room.h"
#include "targets/cuda/register_tiles.h"
#include "targets/cuda/roles.h"
#include "targets/cuda/source.h"
#include "targets/cuda/teams.h"

namespace septran::cuda {
namespace {

using tile::Block;
using tile::Program;
using tile::Statement;
using tile::Tensor;
using tile::TensorKind;

constexpr std::int64_t workspace_alignment = 256;

std::int64_t aligned(std::int64_t bytes) {
  return ceil_div(bytes, workspace_alignment) * workspace_alignment;
}

class Planner {
 public:
  /// `whole`: kernels whose warpgroups must work on each tile together.
  Planner(const Program& program, const Machine& machine,
          const std::map<std::string, std::string>& whole)
      : program_(program), machine_(machine), whole_(whole) {}

  Plan run() {
    cut_into_kernels();
    for (KernelPlan& kernel : plan_.kernels) {
      kernel.blocks = blocks_of(kernel);
      kernel.starts_early = !kernel.waits_for_grid &&
                            capability_of(machine_.cuda.architecture) >= first_with_early_starts;
      kernel.options = options_of(kernel);
      kernel.warpgroups = kernel.options.consumers;
      if (kernel.options.share_tiles && kernel.warpgroups > 1 && !whole_.contains(kernel.name)) {
        kernel.teams = kernel.warpgroups;
        kernel.warpgroups = 1;
      }
      choose_products(kernel);
      place_register_tiles(program_, machine_, kernel, plan_);
      if (kernel.warpgroups == 0) kernel.warpgroups = 1;
      if (auto misfit = register_misfit(program_, machine_, kernel, plan_)) {
        plan_.misfits.push_back(std::move(*misfit));
      }
      place_others(kernel);
      kernel.together = blocks_together(program_, machine_, kernel, plan_);
    }
    lay_out_workspace();
    return std::move(plan_);
  }

 private:
  /// At the barriers of the program's top, where nothing on chip lives across one.
  void cut_into_kernels() {
    std::vector<KernelPlan> kernels;
    kernels.emplace_back();
    for (std::size_t i = 0; i < program_.body.size(); ++i) {
      if (std::holds_alternative<tile::Barrier>(program_.body[i].node)) {
        kernels.back().end = i;
        kernels.emplace_back().begin = i + 1;
      }
    }
    kernels.back().end = program_.body.size();
    if (shares_buffers(kernels)) {
      KernelPlan all;
      all.end = program_.body.size();
      kernels = {all};
    }
    for (std::size_t k = 0; k < kernels.size(); ++k) {
      KernelPlan& kernel = kernels[k];
      kernel.warpgroups = 0;
      kernel.name = fmt::format("kernel_{}", k);
      for_each_statement(program_, kernel, [&](const Statement& statement) {
        kernel.waits_for_grid |= std::holds_alternative<tile::Barrier>(statement.node);
      });
    }
    plan_.kernels = std::move(kernels);
  }

  bool shares_buffers(const std::vector<KernelPlan>& kernels) const {
    std::map<std::uint32_t, std::size_t> user;
    bool shared = false;
    for (std::size_t k = 0; k < kernels.size(); ++k) {
      for_each_statement(program_, kernels[k], [&](const Statement& statement) {
        for (const auto& use : tile::operands(statement)) {
          if (program_[use.tile->tensor].kind != TensorKind::buffer) continue;
          const auto [at, is_new] = user.emplace(use.tile->tensor.value, k);
          shared |= at->second != k;
        }
      });
    }
    return shared;
  }

  /// The most workers that a share keeps busy.
  std::int64_t blocks_of(const KernelPlan& kernel) const {
    std::int64_t blocks = 1;
    for_each_statement(program_, kernel, [&](const Statement& statement) {
      const auto* loop = std::get_if<tile::Loop>(&statement.node);
      if (loop == nullptr || loop->workers == 0) return;
      const VarInfo& var = program_.vars[loop->var];
      const std::int64_t trips = program_.vars.range(var.end - var.begin).hi;
      blocks = std::max(blocks, std::min<std::int64_t>(loop->workers, trips));
    });
    return blocks;
  }

  GpuOptions options_of(const KernelPlan& kernel) const {
    std::optional<GpuOptions> options;
    for_each_statement(program_, kernel, [&](const Statement& statement) {
      const auto* loop = std::get_if<tile::Loop>(&statement.node);
      if (loop != nullptr && loop->workers > 0 && !options) options = loop->gpu;
    });
    return options.value_or(GpuOptions{});
  }

  void choose_products(const KernelPlan& kernel) {
    for_each_statement(program_, kernel, [&](const Statement& statement) {
      const auto* mma = std::get_if<tile::Mma>(&statement.node);
      if (mma == nullptr) return;
      TensorCoreProduct product;
      std::string why = why_not_tensor_cores(program_, machine_, *mma, product);
      if (why.empty()) {
        plan_.products[mma] = product;
      } else {
        plan_.plain[mma] = std::move(why);
      }
    });
  }

  void place_others(KernelPlan& kernel) {
    std::set<std::uint32_t> by_tensor_cores;
    std::set<std::uint32_t> to_tf32;
    for_each_statement(program_, kernel, [&](const Statement& statement) {
      const auto* mma = std::get_if<tile::Mma>(&statement.node);
      if (mma == nullptr || !plan_.products.contains(mma)) return;
      for (const tile::TileRef* tile : {&mma->a, &mma->b}) {
        by_tensor_cores.insert(tile->tensor.value);
        if (plan_.runs_on_its_own(mma) && by_tf32(program_, *mma)) {
          to_tf32.insert(tile->tensor.value);
        }
      }
    });
    bool any_f64 = false;
    bool reduces = false;
    const std::set<std::uint32_t> swizzled = met_by_sums(kernel);
    for_each_statement(program_, kernel, [&](const Statement& statement) {
      const auto* vec = std::get_if<tile::Vec>(&statement.node);
      reduces |= vec != nullptr && vec->primitive->kind == PrimitiveKind::reduction;
      for (const auto& use : tile::operands(statement)) {
        const std::uint32_t id = use.tile->tensor.value;
        const Tensor& tensor = program_[use.tile->tensor];
        any_f64 |= tensor.dtype == DType::f64;
        if (plan_.places.contains(id)) continue;
        TilePlace& place = plan_.places[id];
        place.element = tensor.storage;
        if (tensor.kind != TensorKind::buffer) continue;
        place.kind = by_tensor_cores.contains(id) || swizzled.contains(id)
                         ? TilePlace::Kind::swizzled
                         : TilePlace::Kind::shared;
        place.to_tf32 = to_tf32.contains(id);
        place.offset_bytes = tensor.offset_bytes.value();
        // Products take rows in steps of 64: the last may reach beyond the tile.
        const std::int64_t beyond =
            place.kind == TilePlace::Kind::swizzled ? (64 - tensor.shape[0].offset() % 64) % 64 : 0;
        kernel.shared_bytes =
            std::max(kernel.shared_bytes,
                     place.offset_bytes + tensor.depth * tensor.slot_bytes + beyond * 128);
      }
    });
    // Two halves that take turns, with a value of each thread.
    kernel.scratch_bytes = reduces ? 2 * kernel.threads() * (any_f64 ? 8 : 4) : 0;
  }

  /// Matrices of 16-bit elements in SHARED that only come there whole and meet sums of products:
  /// threads of a warp read eight rows of them at a time, which row-major lie in the same banks.
  std::set<std::uint32_t> met_by_sums(const KernelPlan& kernel) const {
    std::set<std::uint32_t> met;
    std::set<std::uint32_t> otherwise;
    for_each_statement(program_, kernel, [&](const Statement& statement) {
      const auto* copy = std::get_if<tile::DmaCopy>(&statement.node);
      const auto* vec = std::get_if<tile::Vec>(&statement.node);
      const auto uses = tile::operands(statement);
      const bool meets_sums = std::any_of(uses.begin(), uses.end(), [&](const auto& use) {
        const auto at = plan_.places.find(use.tile->tensor.value);
        return at != plan_.places.end() && at->second.kind == TilePlace::Kind::registers &&
               kernel.groups.at(static_cast<std::size_t>(at->second.group)).spread ==
                   Spread::accumulator;
      });
      for (const auto& use : uses) {
        const std::uint32_t id = use.tile->tensor.value;
        const bool filled = copy != nullptr && use.tile == &copy->dst;
        const bool read = vec != nullptr && meets_sums && !writes(use.access);
        if (read) met.insert(id);
        if (!is_corner(use.tile->view) || !(filled || read)) otherwise.insert(id);
      }
    });
    std::erase_if(met, [&](std::uint32_t id) {
      const Tensor& tensor = program_.tensors[id];
      return otherwise.contains(id) || tensor.shape.size() != 2 ||
             size_bytes(tensor.storage) != 2 || tensor.shape[0].offset() % 8 != 0 ||
             tensor.shape[1].offset() % panel_columns(2) != 0;
    });
    return met;
  }

  void find_own(const Block& block, bool in_share) {
    for (const Statement& statement : block) {
      const auto* alloc = std::get_if<tile::Alloc>(&statement.node);
      if (alloc != nullptr && in_share) plan_.own.insert(alloc->tensor.value);
      const auto* loop = std::get_if<tile::Loop>(&statement.node);
      for (const Block* inner : tile::child_blocks(statement)) {
        find_own(*inner, in_share || (loop != nullptr && loop->workers > 0));
      }
    }
  }

  void lay_out_workspace() {
    find_own(program_.body, false);
    for (std::uint32_t i = 0; i < program_.tensors.size(); ++i) {
      const Tensor& tensor = program_.tensors[i];
      const auto place = plan_.places.find(i);
      const bool kept =
          place != plan_.places.end() && place->second.kind == TilePlace::Kind::workspace;
      if (tensor.kind != TensorKind::temporary && !kept) continue;
      if (kept) plan_.own.insert(i);
      std::int64_t& end = plan_.own.contains(i) ? plan_.block_bytes : plan_.common_bytes;
      plan_.workspace[i] = end;
      end += aligned(tensor.slot_bytes * tensor.depth);
    }
  }

  const Program& program_;
  const Machine& machine_;
  const std::map<std::string, std::string>& whole_;
  Plan plan_;
};

}  // namespace

int capability_of(const std::string& architecture) {
  int number = 0;
  for (const char c : architecture) {
    if (c >= '0' && c <= '9') number = number * 10 + (c - '0');
  }
  return number;
}

Plan make_plan(const Program& program, const Machine& machine) {
  std::map<std::string, std::string> whole;
  while (true) {
    Plan plan = Planner(program, machine, whole).run();
    bool changed = false;
    for (const KernelPlan& kernel : plan.kernels) {
      if (kernel.teams == 1) continue;
      std::string why = why_no_teams(program, plan, kernel);
      if (why.empty() && !plan_roles(program, machine, plan, kernel, why) && why.empty()) {
        why = "it copies nothing";
      }
      if (why.empty()) continue;
      whole[kernel.name] = why;
      changed = true;
    }
    if (changed) continue;
    for (const auto& [name, why] : whole) {
      plan.notes.push_back(fmt::format("warpgroups of {} share each tile's rows: {}", name, why));
    }
    return plan;
  }
}

Layout layout_of(const KernelPlan& kernel, const TileGroup& group, std::int64_t rows,
                 std::int64_t cols) {
  if (group.spread == Spread::accumulator) return accumulator_layout(rows, cols, kernel.warpgroups);
  return grid_layout(rows, cols, kernel.threads(), group.lanes, group.width);
}

Layout layout_of(const KernelPlan& kernel, const TilePlace& place, const Tensor& tensor) {
  const TileGroup& group = kernel.groups.at(static_cast<std::size_t>(place.group));
  const std::int64_t first = tensor.shape[0].offset();
  if (tensor.shape.size() == 2) return layout_of(kernel, group, first, tensor.shape[1].offset());
  if (place.along == Along::rows) return layout_of(kernel, group, first, 1).vector_of(0);
  return layout_of(kernel, group, group.rows, first).vector_of(1);
}

bool is_corner_or_swapped(const View& view) {
  if (!view.is_box() || view.rank() != view.base.size()) return false;
  return std::all_of(view.base.begin(), view.base.end(),
                     [](const Expr& base) { return base == Expr(0); });
}

bool is_corner(const View& view) {
  if (!is_corner_or_swapped(view)) return false;
  for (std::size_t d = 0; d < view.rank(); ++d) {
    if (view.dims[d].digits[0].axis != d) return false;
  }
  return true;
}

}  // namespace septran::cuda
