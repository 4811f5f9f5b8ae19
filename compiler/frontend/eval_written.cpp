// Temporaries have no value until written: every element that is read was written before.
#include <algorithm>
#include <set>

#include "compiler/base/messages.h"
#include "compiler/frontend/eval_access.h"

namespace septran::lang {
namespace {

using Path = std::vector<const AccessNode*>;  // loops and conditions, outermost first

struct Placed {
  const AccessNode* node = nullptr;
  Path path;  // below the place where the temporary is made
};

/// Elements of a tensor, as boxes.
class WrittenSet {
 public:
  void add(const Box& box) {
    std::vector<std::int64_t>& hi = boxes_[box.lo];
    if (hi.empty()) hi = box.hi;
    bool larger = true;
    for (std::size_t a = 0; a < hi.size(); ++a) larger = larger && box.hi[a] >= hi[a];
    if (larger) hi = box.hi;
    if (!larger && !covers_from(box, boxes_.find(box.lo))) extra_.push_back(box);
  }

  /// Whether every element of the box was added; `budget` bounds the comparisons.
  bool covers(const Box& box, std::int64_t& budget) const {
    for (std::size_t a = 0; a < box.lo.size(); ++a) {
      if (box.hi[a] < box.lo[a]) return true;
    }
    if (covers_from(box, boxes_.find(box.lo))) return true;
    for (const auto& [lo, hi] : boxes_) {
      if (budget-- <= 0) return false;
      const Box other{lo, hi, true};
      if (other.overlaps(box)) return rest_covered(box, other, budget);
    }
    for (const Box& other : extra_) {
      if (budget-- <= 0) return false;
      if (other.overlaps(box)) return rest_covered(box, other, budget);
    }
    return false;
  }

 private:
  using Boxes = std::map<std::vector<std::int64_t>, std::vector<std::int64_t>>;

  bool covers_from(const Box& box, Boxes::const_iterator at) const {
    return at != boxes_.end() && Box{at->first, at->second, true}.contains(box);
  }

  /// Whether what `other` leaves of the box is covered: cut off side by side.
  bool rest_covered(Box box, const Box& other, std::int64_t& budget) const {
    for (std::size_t a = 0; a < box.lo.size(); ++a) {
      if (box.lo[a] < other.lo[a]) {
        Box side = box;
        side.hi[a] = other.lo[a] - 1;
        if (!covers(side, budget)) return false;
        box.lo[a] = other.lo[a];
      }
      if (box.hi[a] > other.hi[a]) {
        Box side = box;
        side.lo[a] = other.hi[a] + 1;
        if (!covers(side, budget)) return false;
        box.hi[a] = other.hi[a];
      }
    }
    return true;
  }

  Boxes boxes_;
  std::vector<Box> extra_;  // smaller ones that begin where another does, and are not in it
};

/// Checks one temporary. `siblings` are what follows its making in the same block.
class WrittenCheck {
 public:
  WrittenCheck(std::span<const AccessNode> siblings, std::uint32_t root,
               std::vector<Cond> conditions, const AccessRoots& roots, Checker& checker)
      : siblings_(siblings),
        root_(root),
        conditions_(std::move(conditions)),
        roots_(roots),
        checker_(checker) {
    Path path;
    for (const AccessNode& node : siblings_) collect(node, path);
  }

  void run() {
    for (std::size_t r = 0; r < accesses_.size(); ++r) {
      if (!accesses_[r].node->is_read) continue;
      bool proved = false;
      for (std::size_t w = 0; w < accesses_.size() && !proved; ++w) {
        if (!accesses_[w].node->is_write || !accesses_[w].node->exact) continue;
        proved = (w < r && dominates(accesses_[w], accesses_[r])) ||
                 (w != r && in_first_iteration(accesses_[w], accesses_[r]));
      }
      if (proved) continue;
      replay();
      return;
    }
  }

 private:
  bool collect(const AccessNode& node, Path& path) {
    if (node.kind == AccessNode::Kind::temporary) return false;
    if (node.kind == AccessNode::Kind::access) {
      if (node.root != root_) return false;
      accesses_.push_back({&node, path});
      relevant_.insert(&node);
      return true;
    }
    bool any = false;
    path.push_back(&node);
    for (const AccessNode& child : node.children) any = collect(child, path) || any;
    path.pop_back();
    if (any) relevant_.insert(&node);
    return any;
  }

  /// What a write touches: bounds on the root's axes, then on positions of merged dimensions.
  struct Part {
    const View* view = nullptr;
    std::vector<AxisBounds> bounds;
    std::vector<MergedDim> merged;
  };

  Part part_of(const AccessNode& write) const {
    Part part{&write.view, {}, merged_dims(write.view, roots_.at(root_).shape)};
    View others = write.view;
    for (std::size_t i = part.merged.size(); i-- > 0;) {
      others.dims.erase(others.dims.begin() + static_cast<std::ptrdiff_t>(part.merged[i].dim));
    }
    part.bounds = axis_bounds(others);
    for (const MergedDim& merged : part.merged) {
      part.bounds.push_back(position_bounds(write.view.dims[merged.dim]));
    }
    return part;
  }

  bool contains(const AxisBounds& written, const AxisBounds& wanted) const {
    return written.exact && checker_.vars().range(wanted.lo - written.lo).lo >= 0 &&
           checker_.vars().range(written.hi - wanted.hi).lo >= 0;
  }

  /// The read part lies inside the written part for all values of the variables.
  bool contains(const Part& written, const AccessNode& read) const {
    const std::vector<Expr>& shape = roots_.at(root_).shape;
    auto wanted = axis_bounds(read.view);
    std::set<std::uint32_t> merged_axes;
    for (std::size_t i = 0; i < written.merged.size(); ++i) {
      const MergedDim& merged = written.merged[i];
      merged_axes.insert(merged.axes.begin(), merged.axes.end());
      const ViewDim* same = same_merged_dim(read.view, written.view->dims[merged.dim], shape);
      const AxisBounds all{0, merged.positions - 1};
      if (!contains(written.bounds[wanted.size() + i],
                    same == nullptr ? all : position_bounds(*same))) {
        return false;
      }
    }
    for (std::uint32_t axis = 0; axis < wanted.size(); ++axis) {
      if (read.view.zero_outside) {  // elements outside read as zero
        wanted[axis].lo = Expr::max(wanted[axis].lo, 0);
        wanted[axis].hi = Expr::min(wanted[axis].hi, shape[axis] - 1);
      }
      if (!merged_axes.contains(axis) && !contains(written.bounds[axis], wanted[axis])) {
        return false;
      }
    }
    return true;
  }

  static std::size_t shared_path(const Placed& write, const Placed& read) {
    std::size_t shared = 0;
    while (shared < write.path.size() && shared < read.path.size() &&
           write.path[shared] == read.path[shared]) {
      ++shared;
    }
    return shared;
  }

  /// The write, with all the iterations of loops around it alone, stands earlier in a block around
  /// the read.
  bool dominates(const Placed& write, const Placed& read) const {
    Part written = part_of(*write.node);
    const std::size_t shared = shared_path(write, read);
    for (std::size_t i = write.path.size(); i-- > shared;) {
      const AccessNode& around = *write.path[i];
      if (around.kind == AccessNode::Kind::condition) {
        if (around.condition.decide(checker_.vars()) != true) return false;
        continue;
      }
      for (std::size_t v = around.vars.size(); v-- > 0;) {
        if (!widen_over(written.bounds, around.vars[v], checker_.vars())) return false;
      }
    }
    return contains(written, *read.node);
  }

  /// The write happens in the first iteration of a loop around both, the read only in later ones
  /// (`accumulate=k > 0`).
  bool in_first_iteration(const Placed& write, const Placed& read) const {
    const std::size_t shared = shared_path(write, read);
    if (shared == 0) return false;
    const AccessNode& loop = *write.path[shared - 1];
    if (loop.kind != AccessNode::Kind::loop || loop.vars.size() != 1) return false;
    const VarId var = loop.vars[0];
    const Expr begin = checker_.vars()[var].begin;
    const auto first = [&](VarId id) { return id == var ? begin : Expr::var(id); };
    for (std::size_t i = shared; i < write.path.size(); ++i) {
      if (write.path[i]->kind != AccessNode::Kind::condition) return false;
      if (write.path[i]->condition.substitute(first).decide(checker_.vars()) != true) return false;
    }
    bool skipped = false;
    for (std::size_t i = shared; i < read.path.size(); ++i) {
      skipped =
          skipped || (read.path[i]->kind == AccessNode::Kind::condition &&
                      read.path[i]->condition.substitute(first).decide(checker_.vars()) == false);
    }
    std::vector<VarId> used;
    collect_vars(write.node->view, used);
    const bool fixed = std::find(used.begin(), used.end(), var) == used.end();
    return skipped && fixed && contains(part_of(*write.node), *read.node);
  }

  /// Runs all accesses for every value of the variables around.
  void replay() {
    std::vector<VarId> used;
    std::set<VarId> inside;
    for (const Placed& placed : accesses_) {
      collect_vars(placed.node->view, used);
      for (const AccessNode* node : placed.path) {
        node->condition.collect_vars(used);
        for (const VarId id : node->vars) {
          checker_.vars()[id].begin.collect_vars(used);
          checker_.vars()[id].end.collect_vars(used);
          inside.insert(id);
        }
      }
    }
    for (const Expr& extent : roots_.at(root_).shape) extent.collect_vars(used);
    std::erase_if(used, [&](VarId id) { return inside.contains(id); });
    budget_ = checker_.options().enumeration_limit;
    comparisons_ = budget_ * 64;
    std::int64_t outer_budget = budget_;
    bool failed = false;
    const bool complete =
        enumerate(checker_.vars(), used, conditions_, outer_budget, [&](const Point& point) {
          point_ = point;
          written_ = {};
          for (const AccessNode& node : siblings_) {
            if (execute(node)) continue;
            failed = true;
            return false;
          }
          return true;
        });
    if (failed) return;
    if (!complete) unproved(*accesses_.front().node);
  }

  void unproved(const AccessNode& node) {
    checker_.report(node.span, messages::read_before_write_unproved, roots_.at(root_).name,
                    checker_.options().enumeration_limit);
  }

  /// False where an error was reported.
  bool execute(const AccessNode& node) {
    if (!relevant_.contains(&node)) return true;
    if (budget_-- <= 0) {
      unproved(*accesses_.front().node);
      return false;
    }
    const auto value = [&](VarId id) { return value_at(point_, id); };
    if (node.kind == AccessNode::Kind::access) return access(node);
    if (node.kind == AccessNode::Kind::condition && !node.condition.evaluate(value)) return true;
    if (node.kind == AccessNode::Kind::loop) return iterate(node, 0);
    return children(node);
  }

  bool children(const AccessNode& node) {
    for (const AccessNode& child : node.children) {
      if (!execute(child)) return false;
    }
    return true;
  }

  bool iterate(const AccessNode& loop, std::size_t v) {
    if (v == loop.vars.size()) return children(loop);
    const auto value = [&](VarId id) { return value_at(point_, id); };
    const VarInfo& info = checker_.vars()[loop.vars[v]];
    const std::int64_t end = info.end.evaluate(value);
    for (std::int64_t i = info.begin.evaluate(value); i < end; ++i) {
      point_.emplace_back(loop.vars[v], i);
      const bool good = iterate(loop, v + 1);
      point_.pop_back();
      if (!good) return false;
      if (budget_-- <= 0) {
        unproved(*accesses_.front().node);
        return false;
      }
    }
    return true;
  }

  bool access(const AccessNode& node) {
    const auto value = [&](VarId id) { return value_at(point_, id); };
    if (node.is_read && !read(node, value)) return false;
    if (!node.is_write || !node.exact) return true;
    const Box box = bounding_box(node.view, value);
    if (box.exact) {
      written_.add(box);
      return true;
    }
    if (for_each_element(node.view, value, budget_, [&](const std::vector<std::int64_t>& at) {
          written_.add({at, at, true});
        })) {
      return true;
    }
    unproved(node);
    return false;
  }

  bool read(const AccessNode& node, const std::function<std::int64_t(VarId)>& value) {
    Box box = bounding_box(node.view, value);
    std::vector<std::int64_t> last;
    for (const Expr& extent : roots_.at(root_).shape) last.push_back(extent.evaluate(value) - 1);
    for (std::size_t a = 0; a < box.lo.size(); ++a) {
      box.lo[a] = std::max<std::int64_t>(box.lo[a], 0);
      box.hi[a] = std::min(box.hi[a], last[a]);
    }
    bool covered = written_.covers(box, comparisons_);
    bool complete = true;
    if (!covered && !box.exact && node.exact) {  // element by element
      covered = true;
      complete =
          for_each_element(node.view, value, budget_, [&](const std::vector<std::int64_t>& at) {
            bool outside = false;
            for (std::size_t a = 0; a < at.size(); ++a) {
              outside = outside || at[a] < 0 || at[a] > last[a];
            }
            covered = covered && (outside || written_.covers({at, at, true}, comparisons_));
          });
    }
    if (covered && complete) return true;
    if (!complete || comparisons_ <= 0 || !node.exact) {
      unproved(node);
      return false;
    }
    Diagnostic* diagnostic =
        checker_.report(node.span, messages::read_before_write, roots_.at(root_).name);
    if (diagnostic != nullptr) {
      if (!point_.empty()) {
        diagnostic->notes.push_back(
            {node.span,
             fmt::format(messages::in_iteration_note, lang::to_string(point_, checker_.vars()))});
      }
      for (auto at = node.chain.rbegin() + 1; at != node.chain.rend(); ++at) {
        diagnostic->notes.push_back({at->first, fmt::format(messages::in_place_note, at->second)});
      }
    }
    return false;
  }

  std::span<const AccessNode> siblings_;
  std::uint32_t root_;
  std::vector<Cond> conditions_;
  const AccessRoots& roots_;
  Checker& checker_;
  std::vector<Placed> accesses_;  // in program order
  std::set<const AccessNode*> relevant_;
  Point point_;
  WrittenSet written_;
  std::int64_t budget_ = 0;
  std::int64_t comparisons_ = 0;
};

void check_below(const AccessNode& node, std::vector<Cond>& conditions, const AccessRoots& roots,
                 Checker& checker) {
  const std::span<const AccessNode> children(node.children);
  for (std::size_t i = 0; i < children.size(); ++i) {
    const AccessNode& child = children[i];
    if (child.kind == AccessNode::Kind::temporary) {
      WrittenCheck(children.subspan(i + 1), child.root, conditions, roots, checker).run();
    }
    const bool condition = child.kind == AccessNode::Kind::condition;
    if (condition) conditions.push_back(child.condition);
    check_below(child, conditions, roots, checker);
    if (condition) conditions.pop_back();
  }
}

}  // namespace

void check_written_before_read(const AccessNode& program, const AccessRoots& roots,
                               Checker& checker) {
  std::vector<Cond> conditions;
  check_below(program, conditions, roots, checker);
}

}  // namespace septran::lang
