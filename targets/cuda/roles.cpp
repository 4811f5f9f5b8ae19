#include "targets/cuda/roles.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/tile/visit.h"
#include "targets/cuda/products.h"

namespace septran::cuda {
namespace {

using tile::Block;
using tile::Program;
using tile::Statement;
using tile::Tensor;
using tile::TensorKind;

constexpr std::int64_t most_box_extent = 256;
constexpr std::int64_t copy_alignment = 16;
constexpr int most_map_rank = 5;
constexpr const char* copying_engine = "load";

/// Whether the extent ends at the tensor's edge wherever it is smaller than `most`: there the copy
/// engine gives zeros.
bool ends_at_edge(const VarTable& vars, const Expr& extent, const Expr& base, std::int64_t most,
                  std::int64_t edge) {
  if (extent == Expr(most)) return true;
  return vars.simplify(Expr::min(Expr(most), Expr(edge) - base)) == vars.simplify(extent);
}

class BulkPlanner {
 public:
  BulkPlanner(const Program& program, const Plan& plan, const tile::DmaCopy& copy, std::string& why)
      : program_(program), plan_(plan), copy_(copy), why_(why) {}

  std::optional<BulkCopy> run() {
    const Tensor& src = program_[copy_.src.tensor];
    const Tensor& dst = program_[copy_.dst.tensor];
    element_ = static_cast<std::int64_t>(size_bytes(src.storage));
    if (src.storage != dst.storage) return refuse("it converts");
    if (!is_corner(copy_.dst.view) || !copy_.src.view.is_box()) {
      return refuse("it is not a box of one tensor into a whole buffer");
    }
    if (plan_.own.contains(copy_.src.tensor.value)) return refuse("its source is a block's own");
    if (src.shape.size() > most_map_rank) return refuse("its source has too many dimensions");
    std::uint32_t last = 0;
    for (std::size_t d = 0; d < copy_.src.view.dims.size(); ++d) {
      const std::uint32_t axis = copy_.src.view.dims[d].digits[0].axis;
      if (d > 0 && axis < last) return refuse("it transposes");
      last = axis;
    }
    if (!map_tensor(src)) return std::nullopt;
    if (!cut_boxes(src, dst)) return std::nullopt;
    return result_;
  }

 private:
  std::nullopt_t refuse(const std::string& text) {
    why_ = fmt::format("the copy to {} is not the copy engine's: {}",
                       program_[copy_.dst.tensor].name, text);
    return std::nullopt;
  }

  bool map_tensor(const Tensor& src) {
    TensorMap& map = result_.map;
    map.dtype = src.storage;
    if (src.kind == TensorKind::argument) {
      map.parameter = 0;
      for (std::uint32_t i = 0; i < copy_.src.tensor.value; ++i) {
        map.parameter += program_.tensors[i].kind == TensorKind::argument ? 1 : 0;
      }
    } else {
      map.workspace_at = plan_.workspace.at(copy_.src.tensor.value);
    }
    for (std::size_t a = src.shape.size(); a-- > 0;) {
      map.extents.push_back(program_.vars.range(src.shape[a]).hi);
      if (a + 1 == src.shape.size()) continue;
      if (src.strides_bytes[a] % copy_alignment != 0) {
        refuse(fmt::format("a row of {} takes {} bytes, not a multiple of {}", src.name,
                           src.strides_bytes[a], copy_alignment));
        return false;
      }
      map.strides_bytes.push_back(src.strides_bytes[a]);
    }
    return true;
  }

  bool cut_boxes(const Tensor& src, const Tensor& dst) {
    const View& view = copy_.src.view;
    const bool swizzled = plan_.places.at(copy_.dst.tensor.value).kind == TilePlace::Kind::swizzled;
    std::vector<std::int64_t> box(src.shape.size(), 1);
    for (std::size_t d = 0; d < view.dims.size(); ++d) {
      const std::uint32_t axis = view.dims[d].digits[0].axis;
      box[axis] = dst.shape[d].offset();
      if (!ends_at_edge(program_.vars, view.dims[d].extent, view.base[axis], box[axis],
                        program_.vars.range(src.shape[axis]).hi)) {
        refuse("it ends where its tensor goes on");
        return false;
      }
    }
    const std::size_t inner = src.shape.size() - 1;
    if (view.dims.empty() || view.dims.back().digits[0].axis != inner) {
      refuse("its elements do not lie side by side");
      return false;
    }
    std::int64_t panels = 1;
    if (swizzled) {
      const std::int64_t width = panel_columns(element_);
      panels = ceil_div(box[inner], width);
      box[inner] = width;
    }
    result_.map.swizzled = swizzled;
    result_.box_bytes = element_;
    for (const std::int64_t extent : box) {
      result_.box_bytes *= extent;
      if (extent <= most_box_extent) continue;
      refuse(fmt::format("it is {} elements wide, more than {}", extent, most_box_extent));
      return false;
    }
    if (box[inner] * element_ % copy_alignment != 0) {
      refuse(fmt::format("its rows take {} bytes", box[inner] * element_));
      return false;
    }
    for (std::size_t a = src.shape.size(); a-- > 0;) result_.map.box.push_back(box[a]);
    const std::int64_t panel_bytes = swizzled ? swizzled_rows(dst.shape[0].offset()) * 128 : 0;
    for (std::int64_t p = 0; p < panels; ++p) {
      BulkBox one;
      one.shared_offset = p * panel_bytes;
      for (std::size_t a = src.shape.size(); a-- > 0;) {
        one.corner.push_back(a == inner ? view.base[a] + Expr(p * box[inner]) : view.base[a]);
      }
      result_.boxes.push_back(std::move(one));
    }
    return true;
  }

  const Program& program_;
  const Plan& plan_;
  const tile::DmaCopy& copy_;
  std::string& why_;
  std::int64_t element_ = 1;
  BulkCopy result_;
};

class RolePlanner {
 public:
  RolePlanner(const Program& program, const Plan& plan, const KernelPlan& kernel, std::string& why)
      : program_(program), plan_(plan), kernel_(kernel), why_(why) {}

  std::optional<Roles> run() {
    for (std::size_t i = kernel_.begin; i < kernel_.end && why_.empty(); ++i) {
      look(program_.body[i]);
    }
    if (!why_.empty() || !any_copy_) return std::nullopt;
    collect_events(program_.body, kernel_.begin, kernel_.end);
    if (why_.empty()) tell_copies();
    if (!why_.empty()) return std::nullopt;
    for (EventPlan& plan : roles_.events) {
      plan.offset_bytes = roles_.barrier_bytes;
      roles_.barrier_bytes += 8 * plan.count;
    }
    return roles_;
  }

 private:
  void look(const Statement& statement) {
    if (std::holds_alternative<tile::Barrier>(statement.node)) why_ = "blocks wait for each other";
    if (const auto* branch = std::get_if<tile::If>(&statement.node)) {
      for (const Block* block : {&branch->then, &branch->otherwise}) {
        tile::for_each_statement(*block, [&](const Statement& s) {
          if (s.engine == copying_engine) why_ = "a copy stands under a condition";
        });
      }
    }
    if (statement.engine == copying_engine && !tile::operands(statement).empty()) {
      const auto* copy = std::get_if<tile::DmaCopy>(&statement.node);
      any_copy_ = true;
      if (copy == nullptr) {
        why_ = "the copying engine does more than copy";
      } else {
        bulk_copy(program_, plan_, *copy, why_);
      }
    }
    for (const Block* inner : tile::child_blocks(statement)) {
      for (const Statement& child : *inner) {
        if (why_.empty()) look(child);
      }
    }
  }

  EventPlan& plan_of(tile::EventId id) {
    for (EventPlan& plan : roles_.events) {
      if (plan.event == id) return plan;
    }
    const tile::Event& event = program_.events.at(id.value);
    EventPlan& plan = roles_.events.emplace_back();
    plan.event = id;
    plan.to_consumers = event.signaller == copying_engine;
    plan.arrivals = plan.to_consumers ? 1 : kernel_.warpgroups * 4;
    plan.count = std::max(1, event.credits);
    if (!plan.to_consumers && event.credits == 0) {
      why_ = "a copy waits for what no ring bounds";
    }
    if (plan.to_consumers && event.credits != 0) why_ = "a copy's event starts with credits";
    return plan;
  }

  /// Signals of copies are as far ahead of their waits as the rings that they fill are deep, if
  /// each tells of a new generation.
  void collect_events(const Block& block, std::size_t begin, std::size_t end) {
    int depth = 0;  // of the rings filled in this block
    for (std::size_t i = begin; i < end; ++i) {
      const Statement& statement = block[i];
      const auto* copy = std::get_if<tile::DmaCopy>(&statement.node);
      if (copy != nullptr && statement.engine == copying_engine) {
        const bool fresh = std::any_of(block.begin(), block.end(), [&](const Statement& other) {
          const auto* alloc = std::get_if<tile::Alloc>(&other.node);
          return alloc != nullptr && alloc->tensor == copy->dst.tensor;
        });
        if (!fresh) why_ = "a buffer is filled in several places";
        depth = std::max(depth, program_[copy->dst.tensor].depth);
      }
      if (const auto* sync = std::get_if<tile::Sync>(&statement.node)) {
        for (const tile::EventId id : sync->events) {
          EventPlan& plan = plan_of(id);
          const bool signals = sync->kind == tile::SyncKind::signal;
          if (!plan.to_consumers || !signals || statement.engine != copying_engine) continue;
          if (depth == 0) why_ = "copies are told of where none is made";
          plan.count = std::max(plan.count, depth);
        }
      }
      for (const Block* inner : tile::child_blocks(statement)) {
        collect_events(*inner, 0, inner->size());
      }
    }
  }

  /// Each copy completes on the barrier of the event that is signalled next. The threads that read
  /// the copy must have waited for just that one.
  void tell_copies() {
    std::vector<const Statement*> order;
    for (std::size_t i = kernel_.begin; i < kernel_.end; ++i) {
      order.push_back(&program_.body[i]);
      for (const Block* inner : tile::child_blocks(program_.body[i])) {
        tile::for_each_statement(*inner, [&](const Statement& s) { order.push_back(&s); });
      }
    }
    for (std::size_t i = 0; i < order.size(); ++i) {
      const auto* copy = std::get_if<tile::DmaCopy>(&order[i]->node);
      if (copy == nullptr || order[i]->engine != copying_engine) continue;
      const auto event = next_signal(order, i);
      if (!event) {
        why_ = "a copy is told of by no event";
        return;
      }
      roles_.told_by[order[i]] = *event;
      if (!is_waited_for(order, i, copy->dst.tensor, *event)) {
        why_ = fmt::format("{} is waited for by another copy's event",
                           program_[copy->dst.tensor].name);
      }
    }
  }

  static std::optional<tile::EventId> next_signal(const std::vector<const Statement*>& order,
                                                  std::size_t from) {
    for (std::size_t i = from; i < order.size(); ++i) {
      const auto* sync = std::get_if<tile::Sync>(&order[i]->node);
      if (sync == nullptr || order[i]->engine != copying_engine) continue;
      if (sync->kind == tile::SyncKind::signal) return sync->events[0];
    }
    return std::nullopt;
  }

  static bool is_waited_for(const std::vector<const Statement*>& order, std::size_t from,
                            tile::TensorId tensor, tile::EventId event) {
    for (std::size_t i = from + 1; i < order.size(); ++i) {
      const auto* sync = std::get_if<tile::Sync>(&order[i]->node);
      if (sync != nullptr && order[i]->engine != copying_engine &&
          std::find(sync->events.begin(), sync->events.end(), event) != sync->events.end() &&
          sync->kind == tile::SyncKind::wait) {
        return true;
      }
      if (order[i]->engine == copying_engine) continue;
      for (const auto& use : tile::operands(*order[i])) {
        if (use.tile->tensor == tensor) return false;
      }
    }
    return true;
  }

  const Program& program_;
  const Plan& plan_;
  const KernelPlan& kernel_;
  std::string& why_;
  bool any_copy_ = false;
  Roles roles_;
};

}  // namespace

std::optional<BulkCopy> bulk_copy(const Program& program, const Plan& plan,
                                  const tile::DmaCopy& copy, std::string& why) {
  return BulkPlanner(program, plan, copy, why).run();
}

std::optional<Roles> plan_roles(const Program& program, const Machine& machine, const Plan& plan,
                                const KernelPlan& kernel, std::string& why) {
  why.clear();
  if (!machine.cuda.bulk_copies) {
    why = "this GPU has no copy engine for boxes of tensors";
    return std::nullopt;
  }
  return RolePlanner(program, plan, kernel, why).run();
}

/// Together no more than all threads have at the launch: what one role takes, the other must give.
RoleRegisters role_registers(int warpgroups) {
  switch (warpgroups) {
    case 2:
      return {40, 232};
    case 3:
      return {32, 160};
    case 4:
      return {24, 112};
    default:
      return {};
  }
}

}  // namespace septran::cuda
