// The promise of parallel_range: no iteration writes what another reads or writes.
#include <algorithm>
#include <set>

#include "compiler/base/messages.h"
#include "compiler/frontend/eval_access.h"

namespace septran::lang {
namespace {

/// An access inside the loop that is checked, with what stands between the two.
struct Item {
  const AccessNode* node = nullptr;
  std::vector<VarId> inner_vars;  // of loops inside, outermost first
  std::vector<Cond> conditions;   // all that hold there
};

/// One access in one iteration, all numbers known.
struct Instance {
  std::vector<std::int64_t> outer;      // values of variables outside the loop
  std::vector<std::int64_t> iteration;  // of the loop's variables
  Box box;
  const Item* item = nullptr;
  Point point;
};

enum class Outcome { independent, conflict, unknown };

class ParallelCheck {
 public:
  ParallelCheck(const AccessNode& loop, std::vector<Cond> conditions, const AccessRoots& roots,
                Checker& checker)
      : loop_(loop), roots_(roots), checker_(checker) {
    std::set<std::uint32_t> made_inside;
    std::vector<VarId> inner;
    collect(loop, inner, conditions, made_inside);
    for (const std::uint32_t root : made_inside) items_.erase(root);
  }

  void run() {
    for (const auto& [root, items] : items_) {
      const bool written = std::any_of(items.begin(), items.end(),
                                       [](const Item& item) { return item.node->is_write; });
      if (written && !check(root, items)) return;
    }
  }

 private:
  void collect(const AccessNode& node, std::vector<VarId>& inner, std::vector<Cond>& conditions,
               std::set<std::uint32_t>& made_inside) {
    for (const AccessNode& child : node.children) {
      if (child.kind == AccessNode::Kind::temporary) {
        made_inside.insert(child.root);
      } else if (child.kind == AccessNode::Kind::access) {
        add({&child, inner, conditions});
      } else if (child.kind == AccessNode::Kind::condition) {
        conditions.push_back(child.condition);
        collect(child, inner, conditions, made_inside);
        conditions.pop_back();
      } else {
        inner.insert(inner.end(), child.vars.begin(), child.vars.end());
        collect(child, inner, conditions, made_inside);
        inner.resize(inner.size() - child.vars.size());
      }
    }
  }

  /// Accesses that differ in nothing but their place count once.
  void add(Item item) {
    auto& items = items_[item.node->root];
    for (const Item& other : items) {
      if (other.node->view == item.node->view && other.inner_vars == item.inner_vars &&
          other.node->is_write == item.node->is_write && other.conditions == item.conditions) {
        return;
      }
    }
    items.push_back(std::move(item));
  }

  bool check(std::uint32_t root, const std::vector<Item>& items) {
    for (const Item& a : items) {
      for (const Item& b : items) {
        if ((a.node->is_write || b.node->is_write) && !proved(a, b)) {
          return enumerate_iterations(root, items, a, b);
        }
      }
    }
    return true;
  }

  /// Whether `a` and `b` touch different parts whenever b's iteration is later in some variable.
  bool proved(const Item& a, const Item& b) const {
    std::vector<AxisBounds> bounds_a = axis_bounds(a.node->view);
    std::vector<AxisBounds> bounds_b = axis_bounds(b.node->view);
    const std::vector<Expr>& shape = roots_.at(a.node->root).shape;
    for (const MergedDim& merged : merged_dims(a.node->view, shape)) {
      const ViewDim& dim = a.node->view.dims[merged.dim];
      const ViewDim* same = same_merged_dim(b.node->view, dim, shape);
      if (same == nullptr) continue;
      bounds_a.push_back(position_bounds(dim));
      bounds_b.push_back(position_bounds(*same));
    }
    for (std::size_t v = 0; v < loop_.vars.size(); ++v) {
      VarTable table = checker_.vars();
      std::map<VarId, Expr> later;
      const auto renamed = [&](VarId id) {
        const auto at = later.find(id);
        return at == later.end() ? Expr::var(id) : at->second;
      };
      for (std::size_t w = 0; w < loop_.vars.size(); ++w) {
        const VarInfo info = table[loop_.vars[w]];
        const Expr begin = w == v ? Expr::var(loop_.vars[w]) + 1 : info.begin;
        later[loop_.vars[w]] = Expr::var(table.add(info.name, begin, info.end));
      }
      for (const VarId id : b.inner_vars) {
        const VarInfo info = table[id];
        const Expr begin = info.begin.substitute(renamed);
        const Expr end = info.end.substitute(renamed);
        later[id] = Expr::var(table.add(info.name, begin, end));
      }
      bool apart = false;
      for (std::size_t axis = 0; axis < bounds_a.size() && !apart; ++axis) {
        const Expr lo = bounds_b[axis].lo.substitute(renamed);
        const Expr hi = bounds_b[axis].hi.substitute(renamed);
        apart = table.range(lo - bounds_a[axis].hi).lo >= 1 ||
                table.range(bounds_a[axis].lo - hi).lo >= 1;
      }
      if (!apart) return false;
    }
    return true;
  }

  /// Boxes of every iteration, sorted and compared.
  bool enumerate_iterations(std::uint32_t root, const std::vector<Item>& items, const Item& a,
                            const Item& b) {
    std::vector<Instance> instances;
    const Instance* first = nullptr;
    const Instance* second = nullptr;
    Outcome outcome = Outcome::unknown;
    if (gather(items, instances)) outcome = sweep(instances, first, second);
    if (outcome == Outcome::independent) return true;
    const std::string& name = roots_.at(root).name;
    if (outcome == Outcome::unknown) {
      report(messages::parallel_unproved, a, b, name,
             std::to_string(checker_.options().enumeration_limit), "");
      return false;
    }
    report(messages::parallel_conflict, *first->item, *second->item, name, iteration_text(*first),
           iteration_text(*second));
    return false;
  }

  std::string iteration_text(const Instance& instance) const {
    Point point;
    for (std::size_t v = 0; v < loop_.vars.size(); ++v) {
      point.emplace_back(loop_.vars[v], instance.iteration[v]);
    }
    return lang::to_string(point, checker_.vars());
  }

  void report(const Message& message, const Item& a, const Item& b, const std::string& name,
              const std::string& at_a, const std::string& at_b) {
    const auto& place_a = a.node->chain[loop_.launch_depth];
    const auto& place_b = b.node->chain[loop_.launch_depth];
    Diagnostic* diagnostic =
        checker_.report(loop_.span, message, place_a.second, place_b.second, name, at_a, at_b);
    if (diagnostic == nullptr) return;
    const auto note = [&](const std::pair<Span, std::string>& place, const AccessNode& node) {
      diagnostic->notes.push_back({place.first, place.second});
      if (node.span != place.first) {
        diagnostic->notes.push_back(
            {node.span, node.is_write ? fmt::format(messages::which_writes_note, name)
                                      : fmt::format(messages::which_reads_note, name)});
      }
    };
    note(place_a, *a.node);
    note(place_b, *b.node);
  }

  bool gather(const std::vector<Item>& items, std::vector<Instance>& instances) const {
    std::set<VarId> used;
    std::set<VarId> inside(loop_.vars.begin(), loop_.vars.end());
    for (const Item& item : items) {
      std::vector<VarId> vars;
      collect_vars(item.node->view, vars);
      for (const VarId id : loop_.vars) {
        checker_.vars()[id].begin.collect_vars(vars);
        checker_.vars()[id].end.collect_vars(vars);
      }
      for (const VarId id : item.inner_vars) {
        checker_.vars()[id].begin.collect_vars(vars);
        checker_.vars()[id].end.collect_vars(vars);
        inside.insert(id);
      }
      for (const Cond& condition : item.conditions) condition.collect_vars(vars);
      used.insert(vars.begin(), vars.end());
    }
    std::vector<VarId> outer;
    for (const VarId id : used) {
      if (!inside.contains(id)) outer.push_back(id);
    }
    std::int64_t budget = checker_.options().enumeration_limit;
    for (const Item& item : items) {
      std::vector<VarId> wanted = outer;
      wanted.insert(wanted.end(), loop_.vars.begin(), loop_.vars.end());
      collect_vars(item.node->view, wanted);
      const bool complete =
          enumerate(checker_.vars(), wanted, item.conditions, budget, [&](const Point& point) {
            Instance instance;
            for (const VarId id : outer) instance.outer.push_back(value_at(point, id));
            for (const VarId id : loop_.vars) instance.iteration.push_back(value_at(point, id));
            const auto value = [&](VarId id) { return value_at(point, id); };
            instance.box = bounding_box(item.node->view, value);
            instance.item = &item;
            if (!instance.box.exact) instance.point = point;
            instances.push_back(std::move(instance));
            return true;
          });
      if (!complete) return false;
    }
    return true;
  }

  Outcome sweep(std::vector<Instance>& instances, const Instance*& first,
                const Instance*& second) const {
    std::sort(instances.begin(), instances.end(), [](const Instance& x, const Instance& y) {
      return std::tie(x.outer, x.box.lo) < std::tie(y.outer, y.box.lo);
    });
    std::int64_t comparisons = checker_.options().enumeration_limit * 64;
    std::int64_t elements = checker_.options().enumeration_limit;
    std::vector<const Instance*> active;  // those that may reach along the first axis
    for (const Instance& next : instances) {
      std::erase_if(active, [&](const Instance* other) {
        return other->outer != next.outer ||
               (!next.box.lo.empty() && other->box.hi[0] < next.box.lo[0]);
      });
      comparisons -= static_cast<std::int64_t>(active.size());
      if (comparisons < 0) return Outcome::unknown;
      for (const Instance* other : active) {
        if (!other->item->node->is_write && !next.item->node->is_write) continue;
        if (other->iteration == next.iteration || !other->box.overlaps(next.box)) continue;
        if (!other->box.exact || !next.box.exact) {
          const Outcome detail = compare_elements(*other, next, elements);
          if (detail == Outcome::unknown) return detail;
          if (detail == Outcome::independent) continue;
        }
        first = other->iteration < next.iteration ? other : &next;
        second = first == other ? &next : other;
        return Outcome::conflict;
      }
      active.push_back(&next);
    }
    return Outcome::independent;
  }

  static Outcome compare_elements(const Instance& a, const Instance& b, std::int64_t& budget) {
    std::set<std::vector<std::int64_t>> touched;
    bool overlap = false;
    const auto all_of = [&](const Instance& instance, const auto& visit) {
      const auto value = [&](VarId id) { return value_at(instance.point, id); };
      if (!instance.box.exact)
        return for_each_element(instance.item->node->view, value, budget, visit);
      View box;
      for (std::uint32_t axis = 0; axis < instance.box.lo.size(); ++axis) {
        box.base.emplace_back(instance.box.lo[axis]);
        box.dims.push_back({instance.box.hi[axis] - instance.box.lo[axis] + 1, 0, {{0, axis, 1}}});
      }
      return for_each_element(box, value, budget, visit);
    };
    const bool complete =
        all_of(a, [&](const std::vector<std::int64_t>& at) { touched.insert(at); }) &&
        all_of(b, [&](const std::vector<std::int64_t>& at) {
          overlap = overlap || touched.contains(at);
        });
    if (overlap) return Outcome::conflict;
    return complete ? Outcome::independent : Outcome::unknown;
  }

  const AccessNode& loop_;
  const AccessRoots& roots_;
  Checker& checker_;
  std::map<std::uint32_t, std::vector<Item>> items_;
};

void check_below(const AccessNode& node, std::vector<Cond>& conditions, const AccessRoots& roots,
                 Checker& checker) {
  for (const AccessNode& child : node.children) {
    const bool condition = child.kind == AccessNode::Kind::condition;
    if (condition) conditions.push_back(child.condition);
    if (child.kind == AccessNode::Kind::loop && child.parallel && !child.vars.empty()) {
      ParallelCheck(child, conditions, roots, checker).run();
    }
    check_below(child, conditions, roots, checker);
    if (condition) conditions.pop_back();
  }
}

}  // namespace

void check_parallel_loops(const AccessNode& program, const AccessRoots& roots, Checker& checker) {
  std::vector<Cond> conditions;
  check_below(program, conditions, roots, checker);
}

}  // namespace septran::lang
