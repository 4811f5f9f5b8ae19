#include "targets/cuda/lower.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "compiler/base/count.h"
#include "compiler/base/messages.h"
#include "compiler/tile/text_words.h"
#include "targets/cpu/access.h"
#include "targets/cuda/arrange.h"
#include "targets/cuda/emitter.h"
#include "targets/cuda/kernel_writer.h"
#include "targets/cuda/prelude.h"
#include "targets/cuda/store_place.h"

namespace septran::cuda {
namespace {

using tile::Program;
using tile::Tensor;
using tile::TensorKind;

constexpr std::int64_t grid_counter_bytes = 256;  // at the start of the workspace

class Lowering {
 public:
  Lowering(const Program& program, const Machine& machine)
      : arranged_(arrange(program, machine)),
        program_(arranged_.program),
        machine_(machine),
        plan_(make_plan(program_, machine)),
        e_(program_, machine, plan_) {}

  /// False where the plan cannot be carried out.
  bool check(Diagnostics& diagnostics) const {
    for (const RegisterMisfit& misfit : plan_.misfits) {
      Span place;
      std::vector<DiagnosticNote> notes;
      for (const auto& [id, words] : misfit.tiles) {
        const Tensor& tensor = program_.tensors[id];
        if (!place.valid()) place = tensor.origin.mapping_span;
        notes.push_back({tensor.origin.mapping_span,
                         fmt::format(messages::tile_registers_note, tensor.name,
                                     tile::extents_text(tensor.shape, program_.vars, " x "),
                                     name(tensor.dtype), Counted{words})});
      }
      diagnostics
          .report(place, messages::registers_do_not_fit, misfit.words, misfit.threads, misfit.most,
                  misfit.words - misfit.most)
          .notes = std::move(notes);
    }
    return plan_.misfits.empty();
  }

  Source run() {
    Source source;
    source.architecture = machine_.cuda.architecture;
    for (const Tensor& tensor : program_.tensors) {
      if (tensor.kind != TensorKind::argument) continue;
      Parameter& parameter = source.parameters.emplace_back();
      parameter = {tensor.name, tensor.storage, {}, tensor.is_input, tensor.is_output};
      for (const Expr& extent : tensor.shape) parameter.shape.push_back(extent.offset());
    }
    if (!arranged_.arrangements.empty()) source.kernels.push_back(lower_arranging());
    std::int64_t blocks = 1;
    for (const KernelPlan& kernel : plan_.kernels) {
      if (kernel.begin == kernel.end) continue;
      blocks = std::max(blocks, kernel.blocks);
      source.kernels.push_back(lower_kernel(kernel));
    }
    const std::int64_t block_bytes = ceil_div(plan_.block_bytes + e_.spare_bytes(), 256) * 256;
    source.workspace_bytes = grid_counter_bytes + plan_.common_bytes + blocks * block_bytes;
    source.text = fmt::format("// {} for {}, made by SepTran.\n", cpu::comment_text(program_.name),
                              cpu::comment_text(program_.target));
    source.text += prelude;
    const bool any_by_warps =
        std::any_of(plan_.products.begin(), plan_.products.end(),
                    [](const auto& product) { return !product.second.by_warps.empty(); });
    if (any_by_warps) source.text += warp_prelude;
    if (machine_.cuda.warpgroup_products) source.text += hopper_prelude;
    if (clusters_) source.text += cluster_prelude;
    if (stores_) source.text += store_prelude;
    if (!arranged_.arrangements.empty()) source.text += arrange_prelude;
    for (const auto& [shape, text] : shapes_) source.text += text;
    source.text += fmt::format(
        "constexpr int64_t own_bytes = {};  // of the workspace, a block\n\n", block_bytes);
    source.text += e_.out().text() + "}  // namespace septran\n";
    source.notes = notes();
    return source;
  }

 private:
  KernelSource lower_kernel(const KernelPlan& kernel) {
    std::string why;
    const std::optional<Roles> roles = plan_roles(program_, machine_, plan_, kernel, why);
    if (!why.empty()) {
      roles_notes_.push_back(
          fmt::format("all threads copy, and wait for each copy, in {}: {}", kernel.name, why));
    }
    if (roles && !roles->alone.empty()) roles_notes_.push_back(roles->alone);
    const std::int64_t barriers = roles ? roles->barrier_bytes : 0;
    const std::int64_t taken = ceil_div(kernel.shared_bytes, slab_alignment) * slab_alignment;
    const std::int64_t room = machine_.cuda.shared_bytes_per_block - taken -
                              kernel.teams * kernel.scratch_bytes - barriers - barrier_alignment;
    StorePlan stores = plan_stores(program_, machine_, plan_, kernel, room);
    if (roles) stores.place = find_store_place(program_, plan_, kernel, *roles, stores);
    if (stores.place) stores.bytes = 0;
    if (!stores.why.empty()) roles_notes_.push_back(stores.why);
    stores_ |= !stores.stores.empty();
    clusters_ |= roles && roles->cluster.blocks > 1;
    KernelWriter writer(e_, kernel, roles, stores, shapes_);
    writer.write(grid_counter_bytes);
    KernelSource source{
        kernel.name,           kernel.blocks,       writer.threads(), writer.shared_bytes(),
        kernel.waits_for_grid, kernel.starts_early, writer.maps(),    {}};
    source.products = products_of(kernel);
    for (TensorMap& map : source.maps) {
      if (map.parameter < 0) map.workspace_at += grid_counter_bytes;
    }
    return source;
  }

  /// The kernel that copies tensors, before all others, as these want them.
  KernelSource lower_arranging() {
    Writer& out = e_.out();
    const bool early = capability_of(machine_.cuda.architecture) >= first_with_early_starts;
    out.open("extern \"C\" __global__ void __launch_bounds__({}, {}) {}({})", arranging_threads,
             arranging_together, arranging_kernel, e_.parameters());
    out.line("__shared__ uint32_t tile[4096];");
    out.line("(void)tile;");
    if (early) out.line("wait_for_previous(), let_next_start();");
    for (const Arrangement& one : arranged_.arrangements) {
      const std::string to =
          fmt::format("workspace + {}", grid_counter_bytes + plan_.workspace.at(one.to.value));
      out.line("{}", arranging_text(program_, one, e_.tensor_name(one.from), to));
    }
    out.close();
    out.raw("");
    KernelSource source;
    source.name = arranging_kernel;
    source.blocks = arranging_blocks(program_, machine_, arranged_.arrangements);
    source.threads = arranging_threads;
    source.starts_early = early;
    return source;
  }

  /// The ways that a kernel's products take.
  std::string products_of(const KernelPlan& kernel) const {
    std::set<std::string> ways;
    const auto look = [&](const tile::Statement& statement) {
      const auto* mma = std::get_if<tile::Mma>(&statement.node);
      if (mma == nullptr) return;
      const auto at = plan_.products.find(mma);
      if (at == plan_.products.end()) {
        ways.insert("ordinary arithmetic");
      } else {
        ways.insert(at->second.by_warps.empty() ? "wgmma" : "mma.sync");
      }
    };
    for_each_statement(program_, kernel, look);
    return fmt::format("{}", fmt::join(ways, ", "));
  }

  std::vector<std::string> notes() const {
    std::vector<std::string> notes;
    for (const Arrangement& one : arranged_.arrangements) {
      const Tensor& tensor = program_[one.to];
      notes.push_back(fmt::format("{} is {} before, to rows {} bytes apart: {}",
                                  program_[one.from].name, one.transposed ? "transposed" : "copied",
                                  tensor.strides_bytes[tensor.shape.size() - 2], one.why));
    }
    notes.insert(notes.end(), plan_.notes.begin(), plan_.notes.end());
    notes.insert(notes.end(), roles_notes_.begin(), roles_notes_.end());
    for (const auto& [id, place] : plan_.places) {
      if (place.kind != TilePlace::Kind::workspace) continue;
      notes.push_back(fmt::format("{} is kept in memory, not in registers: {}",
                                  program_.tensors[id].name, place.reason));
    }
    for (const auto& [mma, product] : plan_.products) {
      if (product.by_warps.empty()) continue;
      notes.push_back(fmt::format("the product {} is computed by each warp (mma.sync): {}",
                                  program_[mma->acc.tensor].name, product.by_warps));
    }
    for (const auto& [mma, why] : plan_.plain) {
      notes.push_back(fmt::format("the product {} is computed without tensor cores: {}",
                                  program_[mma->acc.tensor].name, why));
    }
    return notes;
  }

  const Arranged arranged_;
  const Program& program_;
  const Machine& machine_;
  Plan plan_;
  Emitter e_;
  std::map<WgmmaShape, std::string> shapes_;
  std::vector<std::string> roles_notes_;
  bool clusters_ = false;
  bool stores_ = false;
};

}  // namespace

Result<Source> lower_to_cuda(const Program& program, const Machine& machine,
                             Diagnostics& diagnostics) {
  Lowering lowering(program, machine);
  if (!lowering.check(diagnostics)) return std::nullopt;
  return lowering.run();
}

}  // namespace septran::cuda
