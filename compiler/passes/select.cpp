// select_implementations: gives each primitive call what executes it (its binding's choice, or the
// first of the target's that fits), cuts it along the binding's `split`, and turns it into an mma,
// a vec or a dma_copy.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "compiler/base/messages.h"
#include "compiler/passes/fold_fill.h"
#include "compiler/passes/implementations.h"
#include "compiler/passes/rewrite.h"
#include "compiler/passes/split.h"

namespace septran::passes {
namespace {

using tile::Block;
using tile::Origin;
using tile::Prim;
using tile::Program;
using tile::Statement;
using tile::TileRef;

const TileRef* tile_of(const tile::Operand& operand) { return std::get_if<TileRef>(&operand); }

class Selector {
 public:
  Selector(Program& program, const PassContext& context)
      : program_(program), context_(context), machine_(context.machine) {}

  bool run() {
    tile::for_each_statement(program_.body, [&](const Statement& statement) {
      if (const auto* scope = std::get_if<tile::Scope>(&statement.node)) {
        for (const tile::ScopeArgument& a : scope->arguments) {
          if (a.placement == tile::Placement::parts) streamed_[a.parameter] = a.depth;
        }
      }
    });
    tile::for_each_statement(program_.body, [&](const Statement& statement) {
      if (const auto* prim = std::get_if<Prim>(&statement.node)) {
        streamed_gemms_ += prim->primitive->kind == PrimitiveKind::matrix ? 1 : 0;
      }
    });
    select_block(program_.body);
    if (fine_) return true;
    for (const auto& [call, prim] : without_engine_) {
      report_no_implementation(program_, context_, call, prim);
    }
    return false;
  }

 private:
  void select_block(Block& block);
  void select_prim(Statement statement, Block& out);
  const ImplementationSpec* first_fitting(const Prim& prim) const;
  const ImplementationSpec* check_binding(const Statement& statement, const Prim& prim,
                                          const ImplementationSpec& bound);
  void emit_without_engine(const Origin& origin, const Prim& prim, Block& out);
  [[nodiscard]] std::string misfit(const ImplementationSpec& implementation,
                                   const Prim& prim) const {
    return passes::misfit(program_, machine_, implementation, prim);
  }
  [[nodiscard]] bool executes_primitive(const Prim& prim) const;
  void emit_copy(const Statement& statement, const Prim& prim, Block& out);
  void emit_mma(const Statement& statement, Prim prim, const ImplementationSpec& implementation,
                Block& out);
  void emit_vec(const Statement& statement, Prim prim, const ImplementationSpec& implementation,
                Block& out);
  [[nodiscard]] std::optional<Cond> guard_of(const Prim& prim) const;
  std::vector<tile::Binding::Split> automatic_split(const Prim& prim,
                                                    const ImplementationSpec& implementation) const;
  std::vector<std::int64_t> native_tile(const Prim& prim,
                                        const ImplementationSpec& implementation) const;
  Statement make_mma(const Statement& statement, const Prim& prim,
                     const ImplementationSpec& implementation, const Cond& accumulate) const;

  Program& program_;
  const PassContext& context_;
  const Machine& machine_;
  std::map<tile::TensorId, int> streamed_;  // parameters that are streamed, with their depth
  std::int64_t streamed_gemms_ = 0;
  std::vector<VarId> sequential_;                      // of the loops around the statement in hand
  std::vector<std::pair<Span, Prim>> without_engine_;  // may be taken over by others
  bool fine_ = true;
};

bool Selector::executes_primitive(const Prim& prim) const {
  const ImplementationSpec* bound = machine_.find_implementation(prim.binding.implementation);
  SEPTRAN_CHECK(bound != nullptr);  // the mapping was checked against the machine
  const auto& names = bound->primitives;
  return std::find(names.begin(), names.end(), prim.primitive->name) != names.end() ||
         std::find(names.begin(), names.end(), "*") != names.end();
}

const ImplementationSpec* Selector::first_fitting(const Prim& prim) const {
  for (const ImplementationSpec& one : machine_.implementations) {
    if (!one.only_by_name() && misfit(one, prim).empty()) return &one;
  }
  return nullptr;
}

/// The implementation that a call is bound to, if it takes the call; reported if not.
const ImplementationSpec* Selector::check_binding(const Statement& statement, const Prim& prim,
                                                  const ImplementationSpec& bound) {
  const std::string why = misfit(bound, prim);
  if (why.empty()) return &bound;
  auto& diagnostic = context_.diagnostics.report(prim.binding.span, messages::binding_mismatch,
                                                 bound.name, prim.primitive->name,
                                                 describe_operands(program_, prim.operands), why);
  diagnostic.notes.push_back({statement.origin.logic_span, messages::for_call_note});
  note_places(program_, prim, diagnostic);
  fine_ = false;
  return nullptr;
}

/// A call that nothing here executes. A product may take a fill with zeros over, and a copy the
/// rounding of a product (passes fold-fill and drop-rounding): these get no engine, and are
/// reported if they are still there behind those passes.
void Selector::emit_without_engine(const Origin& origin, const Prim& prim, Block& out) {
  if (is_zero_fill(*prim.primitive, prim.operands, prim.attributes) ||
      origin.rule == rounding_rule) {
    without_engine_.emplace_back(origin.logic_span, prim);
    out.push_back(
        {tile::Vec{prim.primitive, prim.operands, prim.attributes, std::nullopt}, "", origin});
    return;
  }
  report_no_implementation(program_, context_, origin.logic_span, prim);
  fine_ = false;
}

void Selector::emit_copy(const Statement& statement, const Prim& prim, Block& out) {
  tile::DmaCopy copy{*tile_of(prim.operands[0]), *tile_of(prim.operands[1])};
  if (prim.primitive->kind == PrimitiveKind::transpose)
    copy.src.view = permute(copy.src.view, {1, 0});
  out.push_back({std::move(copy), "", statement.origin});
}

/// Where operands are streamed, k is cut so that all rings together take three quarters of their
/// memory, in whole rows of the array, and into parts of a few array heights, so that the first
/// product starts early. Parts that the logic cuts itself, by a loop, stay whole if they fit.
std::vector<tile::Binding::Split> Selector::automatic_split(
    const Prim& prim, const ImplementationSpec& implementation) const {
  const TileRef& c = *tile_of(prim.operands[0]);
  const std::int64_t m = max_extent(program_, c.view.dims[0].extent);
  const std::int64_t n = max_extent(program_, c.view.dims[1].extent);
  std::int64_t bytes_per_k = 0;
  std::int64_t budget = 0;
  bool cut_by_logic = false;
  for (std::size_t i = 1; i <= 2; ++i) {
    const TileRef& operand = *tile_of(prim.operands[i]);
    const auto depth = streamed_.find(operand.tensor);
    if (depth == streamed_.end()) continue;
    std::vector<VarId> used;
    collect_vars(operand.view, used);
    cut_by_logic |= std::any_of(sequential_.begin(), sequential_.end(), [&](VarId v) {
      return std::find(used.begin(), used.end(), v) != used.end();
    });
    const tile::Tensor& tensor = program_[operand.tensor];
    bytes_per_k +=
        (i == 1 ? m : n) * depth->second * static_cast<std::int64_t>(size_bytes(tensor.dtype));
    const MemorySpec* memory = machine_.find_memory(tensor.memory);
    if (memory != nullptr) budget = memory->size_bytes / 4 * 3 / streamed_gemms_;
  }
  if (bytes_per_k == 0 || !carries_partial_results(program_, prim)) return {};
  const std::int64_t rows = implementation.tiles.empty() ? 16 : implementation.tiles[0][0];
  const TileRef& a = *tile_of(prim.operands[1]);
  const bool transposed = bool_attribute(prim.attributes, "transpose_a");
  const std::int64_t k = max_extent(program_, a.view.dims[transposed ? 0 : 1].extent);
  if (cut_by_logic && k <= budget / bytes_per_k) return {};
  const std::int64_t depth = implementation.part_depth > 0 ? implementation.part_depth
                                                           : std::max<std::int64_t>(64, 2 * rows);
  std::int64_t size = std::min(budget / bytes_per_k, depth);
  size = std::max<std::int64_t>(1, size >= rows ? size / rows * rows : size);
  return {{"k", size}};
}

/// The binding's choice, else that of the element types, else the first.
std::vector<std::int64_t> Selector::native_tile(const Prim& prim,
                                                const ImplementationSpec& implementation) const {
  if (!prim.binding.tile.empty()) return prim.binding.tile;
  const MatrixTypes* types = matrix_types(program_, machine_, implementation, prim);
  std::vector<std::int64_t> chosen;
  if (!implementation.tiles.empty()) chosen = implementation.tiles[0];
  if (types != nullptr && !types->tile.empty()) chosen = types->tile;
  // A product of few rows takes the smallest tile that holds them; of some more, one that is no
  // smaller than the first and cuts them more evenly.
  const std::int64_t m = max_extent(program_, tile_of(prim.operands[0])->view.dims[0].extent);
  const auto rows_taken = [&](const std::vector<std::int64_t>& tile) {
    return ceil_div(m, tile[0]) * tile[0];
  };
  const std::vector<std::int64_t> first = chosen;
  for (const auto& tile : implementation.tiles) {
    const bool holds = tile[0] >= m && tile[0] < chosen[0];
    const bool is_even = m > first[0] && m <= 3 * first[0] &&
                         rows_taken(tile) < rows_taken(chosen) &&
                         tile[0] * tile[1] >= first[0] * first[1];
    if (holds || is_even) chosen = tile;
  }
  return chosen;
}

Statement Selector::make_mma(const Statement& statement, const Prim& prim,
                             const ImplementationSpec& implementation,
                             const Cond& accumulate) const {
  tile::Mma mma;
  mma.acc = *tile_of(prim.operands[0]);
  mma.a = *tile_of(prim.operands[1]);
  mma.b = *tile_of(prim.operands[2]);
  mma.transpose_a = std::get<bool>(prim.attributes.at("transpose_a"));
  mma.transpose_b = std::get<bool>(prim.attributes.at("transpose_b"));
  mma.alpha = std::get<double>(prim.attributes.at("alpha"));
  mma.accumulate = accumulate;
  if (implementation.panels) mma.tile = native_tile(prim, implementation);
  mma.factor_bits = implementation.factor_bits;
  mma.sum_bits = implementation.sum_bits;
  if (prim.binding.swap) {  // C^T = op(B)^T op(A)^T
    mma.acc.view = permute(mma.acc.view, {1, 0});
    std::swap(mma.a, mma.b);
    mma.transpose_a = !mma.transpose_a;
    mma.transpose_b = !mma.transpose_b;
    std::reverse(mma.tile.begin(), mma.tile.end());
    std::swap(mma.transpose_a, mma.transpose_b);
  }
  const MatrixTypes* types = matrix_types(program_, machine_, implementation, prim);
  if (!mma.tile.empty() && types->group > 1) mma.tile.push_back(types->group);
  if (mma.transpose_a && !implementation.transpose_a) {
    mma.a.view = permute(mma.a.view, {1, 0});
    mma.transpose_a = false;
  }
  if (mma.transpose_b && !implementation.transpose_b) {
    mma.b.view = permute(mma.b.view, {1, 0});
    mma.transpose_b = false;
  }
  return {std::move(mma), implementation.engine, statement.origin};
}

void Selector::emit_mma(const Statement& statement, Prim prim,
                        const ImplementationSpec& implementation, Block& out) {
  if (prim.binding.split.empty()) prim.binding.split = automatic_split(prim, implementation);
  const bool accumulate = std::get<bool>(prim.attributes.at("accumulate"));
  const auto emit = [&](const Prim& part, const Cond& first, Block& body) {
    const Cond condition = accumulate ? Cond(true) : first.negated();
    body.push_back(make_mma(statement, part, implementation, condition));
  };
  fine_ &= split_call(program_, statement, prim, false, emit, context_.diagnostics, out);

  const TileRef& c = *tile_of(prim.operands[0]);
  const tile::Tensor& tensor = program_[c.tensor];
  const DType held = held_as(machine_, tensor.memory, tensor.dtype);
  if (held == tensor.dtype) return;
  // The call's one rounding: what was summed in the accumulator type becomes values of C's type.
  Prim copy{find_primitive("copy"), {c, c}, {}, {}};
  tile::Origin origin = statement.origin;
  origin.rule = rounding_rule;
  const ImplementationSpec* rounding = first_fitting(copy);
  if (rounding == nullptr) return emit_without_engine(origin, copy, out);
  out.push_back({tile::Vec{copy.primitive, copy.operands, copy.attributes, std::nullopt},
                 rounding->engine, origin});
}

void Selector::select_prim(Statement statement, Block& out) {
  Prim prim = std::move(std::get<Prim>(statement.node));
  if (!prim.binding.implementation.empty() && !executes_primitive(prim)) {
    prim.binding.implementation.clear();  // it is for other primitives of the leaf
  }
  const bool by_dma = is_copy_between_memories(program_, machine_, prim);
  const ImplementationSpec* bound = prim.binding.implementation.empty()
                                        ? nullptr
                                        : machine_.find_implementation(prim.binding.implementation);
  const EngineSpec* bound_engine = bound == nullptr ? nullptr : machine_.find_engine(bound->engine);
  const bool bound_to_dma = bound_engine != nullptr && bound_engine->kind == EngineKind::dma;
  if (by_dma && (bound == nullptr || bound_to_dma)) return emit_copy(statement, prim, out);
  const ImplementationSpec* implementation =
      bound == nullptr ? first_fitting(prim) : check_binding(statement, prim, *bound);
  if (implementation == nullptr) {
    if (bound == nullptr) emit_without_engine(statement.origin, prim, out);
    return;
  }
  if (!implementation->matrix_types.empty()) {
    return emit_mma(statement, std::move(prim), *implementation, out);
  }
  emit_vec(statement, std::move(prim), *implementation, out);
}

/// Where a call has an effect; nothing if that is always or cannot be told.
std::optional<Cond> Selector::guard_of(const Prim& prim) const {
  std::vector<std::optional<std::vector<Expr>>> shapes;
  for (const tile::Operand& operand : prim.operands) {
    const TileRef* tile = tile_of(operand);
    shapes.push_back(tile == nullptr ? std::nullopt : std::optional(tile->view.shape()));
  }
  const Cond effect =
      no_effect(*prim.primitive, prim.attributes, shapes).negated().simplify(program_.vars);
  return effect.constant() == true ? std::nullopt : std::optional(effect);
}

/// A call on an engine that computes whole primitives. Where it is split along a reduction and its
/// output is narrower than its sums, these are kept in a wide tile until it is complete, so that
/// splitting adds no rounding.
void Selector::emit_vec(const Statement& statement, Prim prim,
                        const ImplementationSpec& implementation, Block& out) {
  const auto emit = [&](const Prim& part, const Cond& /*first*/, Block& body) {
    std::optional<Cond> guard = guard_of(part);
    if (guard && guard->constant() == false) return;
    body.push_back({tile::Vec{part.primitive, part.operands, part.attributes, std::move(guard)},
                    implementation.engine, statement.origin});
  };
  const TileRef output = *tile_of(prim.operands[0]);
  const tile::Tensor narrow = program_[output.tensor];
  if (!splits_reduction(prim) || arithmetic_type(narrow.dtype) == narrow.dtype) {
    fine_ &= split_call(program_, statement, prim, true, emit, context_.diagnostics, out);
    return;
  }
  tile::Tensor wide = narrow;
  wide.name += "_sum";
  wide.kind = tile::TensorKind::temporary;
  wide.dtype = wide.storage = arithmetic_type(narrow.dtype);
  wide.shape = output.view.shape();
  wide.depth = 1;
  wide.origin.rule = "sums of a split call";
  const tile::Origin origin = wide.origin;
  const TileRef sum{program_.add_tensor(std::move(wide)), full_view(output.view.shape())};
  const auto copy = [&](const TileRef& dst, const TileRef& src) {
    Statement moved{tile::Vec{find_primitive("copy"), {dst, src}, {}, std::nullopt},
                    implementation.engine, statement.origin};
    out.push_back(std::move(moved));
  };
  out.push_back({tile::Alloc{sum.tensor}, "", origin});
  if (bool_attribute(prim.attributes, "accumulate")) copy(sum, output);
  prim.operands[0] = sum;
  fine_ &= split_call(program_, statement, prim, true, emit, context_.diagnostics, out);
  copy(output, sum);
}

void Selector::select_block(Block& block) {
  Block out;
  for (Statement& statement : block) {
    if (std::holds_alternative<Prim>(statement.node)) {
      const std::string launch = statement.launch;
      const std::size_t first = out.size();
      select_prim(std::move(statement), out);
      for (std::size_t i = first; i < out.size(); ++i) out[i].launch = launch;
      continue;
    }
    const auto* loop = std::get_if<tile::Loop>(&statement.node);
    if (loop != nullptr) sequential_.push_back(loop->var);
    for (Block* inner : tile::child_blocks(statement)) select_block(*inner);
    if (loop != nullptr) sequential_.pop_back();
    out.push_back(std::move(statement));
  }
  block = std::move(out);
}

}  // namespace

Result<Program> select_implementations(Program program, const PassContext& context) {
  if (!Selector(program, context).run()) return std::nullopt;
  return program;
}

}  // namespace septran::passes
