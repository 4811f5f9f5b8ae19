#include "compiler/tile/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <type_traits>

#include "compiler/tile/known_view.h"
#include "compiler/tile/text_words.h"
#include "compiler/tile/visit.h"

namespace septran::tile {
namespace {

constexpr std::size_t max_faults = 100;

class Verifier {
 public:
  Verifier(const Program& program, const VerifyOptions& options)
      : program_(program),
        options_(options),
        active_(program.vars.size()),
        live_(program.tensors.size()),
        allocated_somewhere_(program.tensors.size()) {}

  std::vector<std::string> run() {
    check_ids();
    if (!faults_.empty()) return std::move(faults_);  // nothing else could be looked up
    check_declarations();
    block(program_.body);
    const auto append = [&](std::vector<std::string> more) {
      faults_.insert(faults_.end(), more.begin(), more.end());
    };
    append(verify_syncs(program_));
    append(verify_placement(program_, options_));
    if (faults_.size() > max_faults) faults_.resize(max_faults);
    return std::move(faults_);
  }

 private:
  void fault(const std::string& text, const Origin& origin) {
    if (faults_.size() >= max_faults) return;
    const std::string where = origin_comment(origin);
    faults_.push_back(where.empty() ? text : text + "  " + where);
  }
  std::string tensor_name(TensorId id) const { return "%" + program_[id].name; }
  std::string text(const TileRef& tile) const { return tile_text(tile, program_); }

  // Ids, before anything is looked up by one.

  void check_var_ids(const std::vector<VarId>& vars, const Origin& origin) {
    for (const VarId var : vars) {
      if (var.value >= program_.vars.size()) {
        fault(fmt::format("variable id {} is out of range", var.value), origin);
      }
    }
  }
  void check_tensor_id(TensorId id, const Origin& origin) {
    if (id.value >= program_.tensors.size()) {
      fault(fmt::format("tensor id {} is out of range", id.value), origin);
    }
  }
  void check_ids() {
    std::vector<VarId> vars;
    for (std::uint32_t i = 0; i < program_.vars.size(); ++i) {
      program_.vars[VarId{i}].begin.collect_vars(vars);
      program_.vars[VarId{i}].end.collect_vars(vars);
    }
    for (const Tensor& tensor : program_.tensors) {
      for (const Expr& extent : tensor.shape) extent.collect_vars(vars);
    }
    check_var_ids(vars, {});
    for_each_statement(program_.body, [&](const Statement& statement) {
      std::vector<VarId> own = bound_vars(statement);
      collect_vars(statement, own);
      check_var_ids(own, statement.origin);
      for (const auto& use : operands(statement)) {
        check_tensor_id(use.tile->tensor, statement.origin);
      }
      if (const Alloc* alloc = std::get_if<Alloc>(&statement.node)) {
        check_tensor_id(alloc->tensor, statement.origin);
        if (alloc->tensor.value < allocated_somewhere_.size()) {
          allocated_somewhere_[alloc->tensor.value] = true;
        }
      }
      if (const Scope* scope = std::get_if<Scope>(&statement.node)) {
        for (const ScopeArgument& argument : scope->arguments) {
          check_tensor_id(argument.parameter, statement.origin);
          check_tensor_id(argument.source.tensor, statement.origin);
        }
      }
      if (const Sync* sync = std::get_if<Sync>(&statement.node)) {
        for (const EventId event : sync->events) {
          if (event.value >= program_.events.size()) {
            fault(fmt::format("event id {} is out of range", event.value), statement.origin);
          }
        }
      }
    });
  }

  void check_declarations() {
    for (const Tensor& tensor : program_.tensors) {
      if (size_bytes(tensor.storage) < size_bytes(tensor.dtype) ||
          is_float(tensor.storage) != is_float(tensor.dtype)) {
        fault(fmt::format("%{} holds {} in {}, which is too narrow", tensor.name,
                          name(tensor.dtype), name(tensor.storage)),
              tensor.origin);
      }
      if (tensor.depth < 1) {
        fault(fmt::format("%{} is a ring of {} slots", tensor.name, tensor.depth), tensor.origin);
      }
      for (const Expr& extent : tensor.shape) {
        if (program_.vars.range(extent).hi < 0) {
          fault(fmt::format("%{} has a negative extent", tensor.name), tensor.origin);
        }
        if (!extent.is_constant() &&
            (tensor.kind == TensorKind::argument || tensor.kind == TensorKind::buffer)) {
          fault(fmt::format("%{} has an extent that is not constant", tensor.name), tensor.origin);
        }
      }
    }
  }

  // Variables.

  void check_active(const std::vector<VarId>& vars, const std::string& what, const Origin& origin) {
    for (const VarId var : vars) {
      if (!active_[var.value]) {
        fault(fmt::format("{} uses {} outside its loop", what, program_.vars[var].name), origin);
      }
    }
  }
  void bind(VarId var, const Origin& origin) {
    const VarInfo& info = program_.vars[var];
    if (active_[var.value]) {
      fault(fmt::format("{} is the variable of two loops, one in the other", info.name), origin);
    }
    std::vector<VarId> used;
    info.begin.collect_vars(used);
    info.end.collect_vars(used);
    check_active(used, "the bound of " + info.name, origin);
    for (const VarId other : used) {
      // What a known range bounds is never replaced by its bounds, so it may use any variable.
      if (other.value >= var.value && !info.bounds) {
        fault(fmt::format("the bound of {} uses {}, which was made after it", info.name,
                          program_.vars[other].name),
              origin);
      }
    }
    active_[var.value] = true;
  }

  // Blocks.

  void block(const Block& block) {
    std::vector<TensorId> allocated;
    for (const Statement& statement : block) {
      if (const Alloc* alloc = std::get_if<Alloc>(&statement.node)) {
        this->alloc(*alloc, statement);
        if (!live_[alloc->tensor.value]) allocated.push_back(alloc->tensor);
        live_[alloc->tensor.value] = true;
        continue;
      }
      check_stage(statement);
      std::vector<VarId> own;
      collect_vars(statement, own);
      check_active(own, "a statement", statement.origin);
      const Vec* vec = std::get_if<Vec>(&statement.node);
      const int outer = uncertain_;
      if (vec != nullptr && vec->guard) ++uncertain_;
      for (const auto& use : operands(statement)) tile(*use.tile, statement.origin);
      uncertain_ = outer;
      std::visit([&](const auto& node) { check(node, statement); }, statement.node);
    }
    for (const TensorId id : allocated) live_[id.value] = false;
  }

  void alloc(const Alloc& alloc, const Statement& statement) {
    const Tensor& tensor = program_[alloc.tensor];
    if (tensor.kind == TensorKind::argument || tensor.kind == TensorKind::parameter) {
      fault(fmt::format("alloc of %{}, which is an {}", tensor.name, tensor_kind_name(tensor.kind)),
            statement.origin);
    }
    std::vector<VarId> used;
    for (const Expr& extent : tensor.shape) extent.collect_vars(used);
    check_active(used, "the shape of " + tensor_name(alloc.tensor), statement.origin);
  }

  void check_stage(const Statement& statement) {
    const auto gone = [&](bool flag, const char* what) {
      if (flag) fault(fmt::format("a {} stands where all are lowered", what), statement.origin);
    };
    if (std::holds_alternative<Scope>(statement.node)) gone(options_.no_scopes, "scope");
    if (std::holds_alternative<Parallel>(statement.node)) gone(options_.no_parallel, "parallel");
    if (std::holds_alternative<Prim>(statement.node)) gone(options_.no_prims, "prim");
    const bool runs_on_engine = std::holds_alternative<DmaCopy>(statement.node) ||
                                std::holds_alternative<Mma>(statement.node) ||
                                std::holds_alternative<Vec>(statement.node);
    if (options_.engines_assigned && runs_on_engine && statement.engine.empty()) {
      fault("an operation without an engine", statement.origin);
    }
  }

  void nested(const Block& inner, bool certain) {
    const int outer = uncertain_;
    if (!certain) ++uncertain_;
    block(inner);
    uncertain_ = outer;
  }
  /// Whether a loop surely runs all values between constant bounds.
  bool runs_all(VarId var) const {
    const VarInfo& info = program_.vars[var];
    return info.begin.is_constant() && info.end.is_constant() &&
           info.begin.offset() < info.end.offset();
  }

  void check(const Alloc&, const Statement&) {}
  void check(const Loop& loop, const Statement& statement) {
    bind(loop.var, statement.origin);
    if (loop.workers < 0) fault("a loop of negative workers", statement.origin);
    nested(loop.body, runs_all(loop.var));
    active_[loop.var.value] = false;
  }
  void check(const Parallel& parallel, const Statement& statement) {
    bool certain = true;
    for (const VarId var : parallel.vars) {
      bind(var, statement.origin);
      certain = certain && runs_all(var);
    }
    check_order(parallel, statement);
    nested(parallel.body, certain);
    for (const VarId var : parallel.vars) active_[var.value] = false;
  }
  void check_order(const Parallel& parallel, const Statement& statement) {
    const TraversalOrder& order = parallel.order;
    const std::set<std::size_t> nest(order.nest.begin(), order.nest.end());
    const std::size_t count = parallel.vars.size();
    const bool permutes = nest.size() == count && (nest.empty() || *nest.rbegin() == count - 1);
    if (!order.nest.empty() && (order.nest.size() != count || !permutes)) {
      fault("the nest of a parallel does not name each variable once", statement.origin);
    }
    if ((!order.group.empty() && order.group.size() != count) ||
        (!order.reverse.empty() && order.reverse.size() != count)) {
      fault("group or reverse of a parallel has not one entry for each variable", statement.origin);
    }
  }
  void check(const If& branch, const Statement&) {
    nested(branch.then, false);
    nested(branch.otherwise, false);
  }

  void check(const Scope& scope, const Statement& statement) {
    for (const ScopeArgument& argument : scope.arguments) {
      tile(argument.source, statement.origin);
      const Tensor& parameter = program_[argument.parameter];
      if (parameter.kind != TensorKind::parameter) {
        fault(fmt::format("%{} stands for an argument, but is a {}", parameter.name,
                          tensor_kind_name(parameter.kind)),
              statement.origin);
      }
      same_shape(parameter.shape, argument.source.view.shape(),
                 "%" + parameter.name + " and " + text(argument.source), statement.origin);
    }
    std::vector<TensorId> added;
    for (const ScopeArgument& argument : scope.arguments) {
      if (!live_[argument.parameter.value]) added.push_back(argument.parameter);
      live_[argument.parameter.value] = true;
    }
    block(scope.body);
    for (const TensorId id : added) live_[id.value] = false;
  }

  // Operations.

  template <typename Call>
  void call(const Call& call, const Statement& statement) {
    if (auto wrong = call_fault(call.primitive, call.operands)) {
      return fault(*wrong, statement.origin);
    }
    Attributes attributes = call.attributes;
    const auto wrong = complete_attributes(*call.primitive, attributes);
    for (const AttributeFault& attribute : wrong) fault(attribute.text, statement.origin);
    if (!wrong.empty()) return;
    std::vector<std::optional<std::vector<Expr>>> shapes(call.primitive->operands.size());
    for (std::size_t i = 0; i < call.operands.size(); ++i) {
      const TileRef* tile = std::get_if<TileRef>(&call.operands[i]);
      if (tile != nullptr) shapes[i] = tile->view.shape();
    }
    const ShapeResult result = resolve_shapes(*call.primitive, attributes, shapes);
    if (result.fault) fault(call.primitive->name + ": " + result.fault->text, statement.origin);
    for (const ShapeEquality& equality : result.equalities) {
      if (differ(equality.left, equality.right)) {
        fault(call.primitive->name + ": " + equality.fault.text, statement.origin);
      }
    }
  }
  void check(const Prim& prim, const Statement& statement) { call(prim, statement); }
  void check(const Vec& vec, const Statement& statement) { call(vec, statement); }

  void check(const DmaCopy& copy, const Statement& statement) {
    same_shape(copy.dst.view.shape(), copy.src.view.shape(),
               text(copy.dst) + " and " + text(copy.src), statement.origin);
    if (copy.dst.view.zero_outside) fault("a copy into a view of zeros", statement.origin);
  }

  void check(const Mma& mma, const Statement& statement) {
    if (mma.acc.view.rank() != 2 || mma.a.view.rank() != 2 || mma.b.view.rank() != 2) {
      return fault("an mma of tiles that are not matrices", statement.origin);
    }
    const std::size_t ta = mma.transpose_a ? 1 : 0;
    const std::size_t tb = mma.transpose_b ? 1 : 0;
    const auto extent = [](const TileRef& tile, std::size_t d) { return tile.view.dims[d].extent; };
    const auto agree = [&](const char* dim, const Expr& left, const Expr& right) {
      if (differ(left, right)) {
        fault(fmt::format("the {} of an mma is {} here and {} there", dim,
                          to_string(left, program_.vars), to_string(right, program_.vars)),
              statement.origin);
      }
    };
    agree("m", extent(mma.acc, 0), extent(mma.a, ta));
    agree("n", extent(mma.acc, 1), extent(mma.b, 1 - tb));
    agree("k", extent(mma.a, 1 - ta), extent(mma.b, tb));
    const DType held = program_[mma.acc.tensor].storage;
    if (program_[mma.acc.tensor].kind == TensorKind::buffer && arithmetic_type(held) != held) {
      fault(fmt::format("the accumulator {} of an mma is held in {}", text(mma.acc), name(held)),
            statement.origin);
    }
  }

  void check(const Sync& sync, const Statement& statement) {
    if (sync.events.empty()) fault("a sync without events", statement.origin);
  }
  void check(const Barrier&, const Statement&) {}

  // Tiles.

  bool differ(const Expr& left, const Expr& right) const {
    const Range difference = program_.vars.range(left - right);
    return difference.lo > 0 || difference.hi < 0;
  }
  void same_shape(const std::vector<Expr>& left, const std::vector<Expr>& right,
                  const std::string& what, const Origin& origin) {
    bool same = left.size() == right.size();
    for (std::size_t i = 0; same && i < left.size(); ++i) same = !differ(left[i], right[i]);
    if (!same) fault(what + " differ in shape", origin);
  }

  void tile(const TileRef& ref, const Origin& origin) {
    const Tensor& tensor = program_[ref.tensor];
    const bool needs_alloc =
        tensor.kind == TensorKind::buffer ||
        (tensor.kind == TensorKind::temporary && allocated_somewhere_[ref.tensor.value]);
    if (needs_alloc && !live_[ref.tensor.value]) {
      fault(fmt::format("%{} is used where it is not allocated", tensor.name), origin);
    }
    if (tensor.kind == TensorKind::parameter && !live_[ref.tensor.value]) {
      fault(fmt::format("%{} is used outside its scope", tensor.name), origin);
    }
    if (ref.age < 0 || ref.age >= tensor.depth) {
      fault(fmt::format("{} in a ring of {} slots", text(ref), tensor.depth), origin);
    }
    if (auto wrong = view_structure_fault(ref.view, tensor.shape.size())) {
      return fault(fmt::format("%{}: {}", tensor.name, *wrong), origin);
    }
    if (!ref.view.zero_outside) inside(ref, tensor, origin);
  }

  /// Whether some value of the variables surely leaves the tensor: all do, or the expression is
  /// affine in variables that surely take all values of constant ranges, so that its range is met.
  bool exceeds(const Expr& beyond) const {
    const Range range = program_.vars.range(beyond);
    if (range.lo > 0) return true;
    if (range.hi <= 0 || uncertain_ > 0) return false;
    return std::all_of(beyond.terms().begin(), beyond.terms().end(), [&](const Term& term) {
      return term.atom.kind == Atom::Kind::var && runs_all(term.atom.var) &&
             !program_.vars[term.atom.var].bounds;
    });
  }

  void inside(const TileRef& ref, const Tensor& tensor, const Origin& origin) {
    for (const ViewDim& dim : ref.view.dims) {
      if (program_.vars.range(dim.extent).lo <= 0) return;  // may have no elements
    }
    for (std::uint32_t axis = 0; axis < ref.view.base.size(); ++axis) {
      // Single digits of positive step only: what several digits reach is not an expression.
      Expr last = ref.view.base[axis];
      bool known = true;
      for (const ViewDim& dim : ref.view.dims) {
        for (const Digit& digit : dim.digits) {
          if (digit.axis != axis) continue;
          known = known && dim.digits.size() == 1 && digit.step > 0;
          last += (dim.start + dim.extent - Expr(1)) * digit.step;
        }
      }
      if (!known) continue;
      if (exceeds(-ref.view.base[axis]) || exceeds(last - tensor.shape[axis] + Expr(1))) {
        fault(fmt::format("{} leaves its tensor along dimension {}", text(ref), axis), origin);
      }
    }
  }

  const Program& program_;
  const VerifyOptions& options_;
  std::vector<std::string> faults_;
  std::vector<bool> active_;
  std::vector<bool> live_;
  std::vector<bool> allocated_somewhere_;
  int uncertain_ = 0;  // blocks around this one that may not run
};

}  // namespace

std::vector<std::string> verify(const Program& program, const VerifyOptions& options) {
  return Verifier(program, options).run();
}

}  // namespace septran::tile
