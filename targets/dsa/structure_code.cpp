// Checks of instructions.
#include <fmt/format.h>

#include "compiler/base/messages.h"
#include "targets/dsa/structure.h"

namespace septran::dsa {
namespace {

/// Registers become variables, so that sums are compared and folded like expressions.
Expr to_expr(const Affine& affine) {
  Expr e(affine.constant);
  for (const Affine::Term& term : affine.terms) {
    e += Expr::var(VarId{term.reg}) * term.coefficient;
  }
  return e;
}

std::vector<Expr> shape_of(const TileOperand& tile) {
  std::vector<Expr> shape;
  for (const OperandDim& dim : tile.dims) shape.push_back(to_expr(dim.extent));
  return shape;
}

}  // namespace

std::string instruction_place(std::size_t index, const InstructionNode& node) {
  return fmt::format("instruction {} ({})", index, info(opcode_of(node)).name);
}

std::string_view operand_kind(const Operand& operand) {
  if (std::holds_alternative<TileOperand>(operand)) return "a tile";
  return std::holds_alternative<ScalarOperand>(operand) ? "a floating-point number" : "an integer";
}

void StructureCheck::check_code() {
  for (index_ = 0; index_ < program_.code.size(); ++index_) {
    const Instruction& instruction = program_.code[index_];
    while (!open_.empty() && open_.back().end <= index_) open_.pop_back();
    here_ = {instruction_place(index_, instruction.node), span_at(places_.code, index_)};
    in_range(here_, "its origin", instruction.origin, 0,
             static_cast<std::int64_t>(program_.origins.size()) - 1);
    const std::size_t before = diagnostics_.error_count();
    check_fields(instruction.node);
    if (diagnostics_.error_count() != before) continue;
    std::visit([&](const auto& node) { check(node); }, instruction.node);
  }
  if (program_.code.empty() || !std::holds_alternative<Halt>(program_.code.back().node)) {
    report({"the program", places_.code.empty() ? Span{} : places_.code.back()},
           messages::dsa_no_halt);
  }
}

void StructureCheck::check_fields(const InstructionNode& node) {
  if (const Vec* vec = std::get_if<Vec>(&node)) {
    if (!in_range(here_, "its number of operands", static_cast<std::int64_t>(vec->operands.size()),
                  0, static_cast<std::int64_t>(max_vec_operands))) {
      return;
    }
  }
  const FieldValues fields = to_fields(node);
  const auto used = info(fields.opcode).used_fields();
  for (std::size_t i = 0; i < used.size(); ++i) {
    const FieldValue& value = fields.values[i];
    if (!field_fits(used[i], value)) {
      report(here_, messages::dsa_field_too_narrow, value.value, used[i].name);
    } else if ((used[i].kind == FieldKind::operand || used[i].kind == FieldKind::list_operand) &&
               value.value != no_operand && value.value != 0) {
      in_range(here_, used[i].name, value.value, 0,
               static_cast<std::int64_t>(program_.operands.size()) - 1);
    }
  }
}

void StructureCheck::check(const Halt& /*node*/) {
  if (index_ + 1 != program_.code.size()) report(here_, messages::dsa_early_halt);
}

void StructureCheck::open_block(std::size_t index, std::uint32_t length,
                                std::int64_t loop_register) {
  if (!in_range(here_, "its length", length, 1, max_code)) return;
  // The last instruction is the halt, which belongs to no block.
  const std::size_t outer = open_.empty() ? program_.code.size() - 1 : open_.back().end;
  const std::size_t left = outer > index ? outer - index - 1 : 0;
  if (length > left) {
    report(here_, messages::dsa_crosses_block, length, left);
    return;
  }
  if (open_.size() >= static_cast<std::size_t>(max_nesting)) {
    report(here_, messages::dsa_nesting_too_deep, max_nesting);
    return;
  }
  open_.push_back({index + 1 + length, loop_register});
}

void StructureCheck::check_writable(std::int64_t reg) {
  if (reg < first_free_register) {
    report(here_, messages::dsa_register_not_writable, reg, "which the hardware sets");
    return;
  }
  for (const OpenBlock& block : open_) {
    if (block.loop_register != reg) continue;
    report(here_, messages::dsa_register_not_writable, reg,
           "the variable of a loop around the instruction");
    return;
  }
}

void StructureCheck::check(const Loop& node) {
  check_writable(node.reg);
  if (!node.step.is_register) in_range(here_, "its step", node.step.value, 1, max_magnitude);
  open_block(index_, node.length, node.reg);
}

void StructureCheck::check(const Skip& node) { open_block(index_, node.length, -1); }

void StructureCheck::check(const Scalar& node) {
  check_writable(node.dst);
  const bool divides = node.op == ScalarOp::floor_div || node.op == ScalarOp::mod;
  if (divides && !node.b.is_register) {
    in_range(here_, "its divisor", node.b.value, 1, INT64_MAX);
  }
}

void StructureCheck::check(const Sync& node) {
  const bool is_event = node.op == SyncOp::wait || node.op == SyncOp::signal;
  const std::size_t count = is_event ? program_.events.size() : program_.barriers.size();
  in_range(here_, is_event ? "its event" : "its barrier", node.event, 0,
           static_cast<std::int64_t>(count) - 1);
}

const TileOperand* StructureCheck::tile_of(OperandId id, std::string_view role) {
  if (id == no_operand) {
    report(here_, messages::dsa_wrong_operand_kind, role, "left out", "a tile");
    return nullptr;
  }
  if (!in_range(here_, role, id, 0, static_cast<std::int64_t>(program_.operands.size()) - 1)) {
    return nullptr;
  }
  const Operand& operand = program_.operands[id];
  const auto* tile = std::get_if<TileOperand>(&operand);
  if (tile == nullptr) {
    report(here_, messages::dsa_wrong_operand_kind, role, operand_kind(operand), "a tile");
  }
  return tile;
}

const TileOperand* StructureCheck::written_tile(OperandId id, std::string_view role) {
  const TileOperand* tile = tile_of(id, role);
  if (tile != nullptr && !tile->axes.empty()) {
    report(here_, messages::dsa_writes_outside, role);
    return nullptr;
  }
  return tile;
}

void StructureCheck::require_equal(const Affine& a, const Affine& b, std::string_view what) {
  const auto difference = (to_expr(a) - to_expr(b)).constant();
  if (!difference || *difference == 0) return;
  report(here_, messages::dsa_shape_mismatch, what);
}

void StructureCheck::check(const DmaCopy& node) {
  const TileOperand* dst = written_tile(node.dst, "dst");
  const TileOperand* src = tile_of(node.src, "src");
  if (dst == nullptr || src == nullptr) return;
  if (dst->dims.size() != src->dims.size()) {
    report(here_, messages::dsa_rank_mismatch, "src", src->dims.size(), dst->dims.size());
    return;
  }
  for (std::size_t d = 0; d < dst->dims.size(); ++d) {
    require_equal(dst->dims[d].extent, src->dims[d].extent,
                  fmt::format("dst and src differ in the extent of dimension {}", d));
  }
}

void StructureCheck::check(const Mma& node) {
  const TileOperand* acc = written_tile(node.acc, "acc");
  const TileOperand* a = tile_of(node.a, "a");
  const TileOperand* b = tile_of(node.b, "b");
  if (acc == nullptr || a == nullptr || b == nullptr) return;
  bool ranks_fit = true;
  const auto check_rank = [&](const TileOperand& tile, std::string_view role) {
    if (tile.dims.size() == 2) return;
    report(here_, messages::dsa_rank_mismatch, role, tile.dims.size(), 2);
    ranks_fit = false;
  };
  check_rank(*acc, "acc");
  check_rank(*a, "a");
  check_rank(*b, "b");
  if (!ranks_fit) return;
  const std::size_t m_of_a = node.transpose_a ? 1 : 0;
  const std::size_t n_of_b = node.transpose_b ? 0 : 1;
  require_equal(acc->dims[0].extent, a->dims[m_of_a].extent, "acc and a differ in m");
  require_equal(acc->dims[1].extent, b->dims[n_of_b].extent, "acc and b differ in n");
  require_equal(a->dims[1 - m_of_a].extent, b->dims[1 - n_of_b].extent, "a and b differ in k");
}

bool StructureCheck::check_vec_operands(const Primitive& primitive, const Vec& vec) {
  const VecLayout layout = vec_layout(primitive);
  if (vec.operands.size() != layout.size()) {
    report(here_, messages::dsa_wrong_operand_count, primitive.name, layout.size(),
           vec.operands.size());
    return false;
  }
  const std::size_t before = diagnostics_.error_count();
  for (std::size_t i = 0; i < layout.tensors; ++i) {
    const OperandSpec& spec = primitive.operands[i];
    const OperandId id = vec.operands[i];
    if (id == no_operand && spec.optional) continue;
    const bool is_scalar = id < program_.operands.size() &&
                           std::holds_alternative<ScalarOperand>(program_.operands[id]);
    if (is_scalar && spec.scalar_allowed) continue;
    const TileOperand* tile = i == 0 ? written_tile(id, spec.name) : tile_of(id, spec.name);
    if (tile != nullptr && spec.only_dtype && tile->logical != *spec.only_dtype) {
      report(here_, messages::dsa_wrong_operand_kind, spec.name,
             fmt::format("a tile of {}", septran::name(tile->logical)),
             fmt::format("one of {}", septran::name(*spec.only_dtype)));
    }
  }
  for (std::size_t i = 0; i < layout.attributes.size(); ++i) {
    const AttributeSpec& spec = *layout.attributes[i];
    const OperandId id = vec.operands[layout.tensors + i];
    const bool is_float = spec.kind == AttributeKind::floating;
    const std::string_view needed = is_float ? "a floating-point number" : "an integer";
    if (id == no_operand) continue;  // a required one is missed by complete_attributes
    if (!in_range(here_, spec.name, id, 0,
                  static_cast<std::int64_t>(program_.operands.size()) - 1)) {
      continue;
    }
    const Operand& operand = program_.operands[id];
    if (operand_kind(operand) != needed) {
      report(here_, messages::dsa_wrong_operand_kind, spec.name, operand_kind(operand), needed);
    }
  }
  return diagnostics_.error_count() == before;
}

bool StructureCheck::check_vec_flags(const Primitive& primitive, const Vec& vec) {
  bool known = true;
  for (std::size_t i = 0; i < vec_flags.size(); ++i) {
    if ((vec.flags >> i & 1) == 0) continue;
    if (primitive.find_attribute(vec_flags[i].attribute) != nullptr) continue;
    report(here_, messages::dsa_unknown_flag, primitive.name, vec_flags[i].name);
    known = false;
  }
  const AttributeSpec* axis = primitive.find_attribute("axis");
  const bool is_given = vec.axis != no_axis;
  if (is_given != (axis != nullptr) && !(axis != nullptr && axis->optional)) {
    report(here_, messages::dsa_wrong_axis, primitive.name, is_given ? "does not take" : "needs");
    known = false;
  }
  return known;
}

void StructureCheck::check_vec_shapes(const Primitive& primitive, const Vec& vec) {
  Attributes attributes = vec_attributes(program_, vec, to_expr);
  const auto faults = complete_attributes(primitive, attributes);
  for (const AttributeFault& fault : faults) {
    report(here_, messages::dsa_shape_mismatch, fault.text);
  }
  if (!faults.empty()) return;
  std::vector<std::optional<std::vector<Expr>>> shapes;
  for (std::size_t i = 0; i < primitive.operands.size(); ++i) {
    const OperandId id = vec.operands[i];
    const auto* tile =
        id == no_operand ? nullptr : std::get_if<TileOperand>(&program_.operands[id]);
    shapes.push_back(tile == nullptr ? std::nullopt : std::optional(shape_of(*tile)));
  }
  const ShapeResult result = resolve_shapes(primitive, attributes, shapes);
  if (result.fault) report(here_, messages::dsa_shape_mismatch, result.fault->text);
  for (const ShapeEquality& equality : result.equalities) {
    const auto difference = (equality.left - equality.right).constant();
    if (difference && *difference != 0) {
      report(here_, messages::dsa_shape_mismatch, equality.fault.text);
    }
  }
}

void StructureCheck::check(const Vec& node) {
  if (!in_range(here_, "its primitive", node.primitive, 0,
                static_cast<std::int64_t>(primitives().size()) - 1)) {
    return;
  }
  const Primitive& primitive = primitives()[node.primitive];
  const bool operands_fit = check_vec_operands(primitive, node);
  if (check_vec_flags(primitive, node) && operands_fit) check_vec_shapes(primitive, node);
}

}  // namespace septran::dsa
