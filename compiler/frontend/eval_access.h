// What a program reads and writes, as a tree of loops and conditions: made while it is evaluated
// with symbolic loop variables, checked afterwards.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "compiler/frontend/eval_check.h"

namespace septran::lang {

/// The launches (or the primitive call, last) through which a place was reached, outermost first.
using LaunchChain = std::vector<std::pair<Span, std::string>>;

struct AccessNode {
  enum class Kind { loop, condition, access, temporary };
  Kind kind = Kind::loop;
  Span span;

  // loop and condition
  std::vector<VarId> vars;
  bool parallel = false;
  std::size_t launch_depth = 0;  // of a loop: index into the chains of what it contains
  Cond condition;
  std::vector<AccessNode> children;

  // access and temporary
  std::uint32_t root = 0;  // of the entry task or a temporary, never a parameter's
  View view;               // relative to that root
  bool exact = true;       // false: the view shows more than is accessed
  bool is_read = false;
  bool is_write = false;
  LaunchChain chain;
};

struct AccessRoot {
  std::string name;
  std::vector<Expr> shape;
};
using AccessRoots = std::map<std::uint32_t, AccessRoot>;

/// An error for every parallel loop where an iteration writes what another reads or writes.
void check_parallel_loops(const AccessNode& program, const AccessRoots& roots, Checker& checker);

/// An error for every place that reads elements of a temporary that are not written yet.
void check_written_before_read(const AccessNode& program, const AccessRoots& roots,
                               Checker& checker);

/// A view with every number known: what it touches of the root's axes, bounds inclusive.
struct Box {
  std::vector<std::int64_t> lo;
  std::vector<std::int64_t> hi;
  bool exact = true;  // every element of the box is touched
  [[nodiscard]] bool overlaps(const Box& other) const;
  [[nodiscard]] bool contains(const Box& other) const;
};
Box bounding_box(const View& view, const std::function<std::int64_t(VarId)>& value);
/// Calls `visit` with the coordinates of every element; false: `budget` was not enough.
bool for_each_element(const View& view, const std::function<std::int64_t(VarId)>& value,
                      std::int64_t& budget,
                      const std::function<void(const std::vector<std::int64_t>&)>& visit);

/// Bounds of a view on one axis of its root: [lo, hi] inclusive.
struct AxisBounds {
  Expr lo;
  Expr hi;
  bool exact = true;  // every coordinate between occurs with every one of the other axes
};
std::vector<AxisBounds> axis_bounds(const View& view);
/// A dimension that a reshape merged from whole axes of the root, each with a digit of its own.
struct MergedDim {
  std::size_t dim = 0;
  std::vector<std::uint32_t> axes;
  std::int64_t positions = 1;  // that there are, all axes together
};
std::vector<MergedDim> merged_dims(const View& view, const std::vector<Expr>& root_shape);
/// Bounds of the positions that a view shows of a dimension.
AxisBounds position_bounds(const ViewDim& dim);
/// The view's dimension of these digits, if it has one; null if not.
const ViewDim* same_merged_dim(const View& view, const ViewDim& dim,
                               const std::vector<Expr>& root_shape);
/// Widens bounds to what they cover together for all values of a loop variable. False where that is
/// not certain: the loop may not run, or neighbouring values' parts leave gaps or move along
/// several axes.
bool widen_over(std::vector<AxisBounds>& bounds, VarId var, const VarTable& vars);

}  // namespace septran::lang
