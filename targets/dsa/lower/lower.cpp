#include "targets/dsa/lower/lower.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/base/messages.h"
#include "targets/dsa/isa.h"
#include "targets/dsa/lower/tables.h"
#include "targets/dsa/lower/values.h"
#include "targets/dsa/validate.h"

namespace septran::dsa {
namespace {

using Code = std::vector<Instruction>;

void append(Code& code, Code more) {
  code.insert(code.end(), std::make_move_iterator(more.begin()),
              std::make_move_iterator(more.end()));
}

class Lowering {
 public:
  /// `sparing`: rings share registers where they can, which takes scaling at each use.
  Lowering(const tile::Program& program, const Machine& machine, bool sparing,
           Diagnostics& diagnostics)
      : program_(program),
        machine_(machine),
        diagnostics_(diagnostics),
        values_(std::min(machine.dsa.sequencer.registers, static_cast<int>(max_register) + 1)),
        tables_(program, std::max(1, machine.block_count()), sparing, values_, out_),
        told_registers_(!sparing) {}

  /// Whether there were too few registers. Said in a message only of one that is sparing.
  [[nodiscard]] bool out_of_registers() const { return values_.out_of_registers(); }

  Result<Program> run() {
    const std::size_t before = diagnostics_.error_count();
    out_.name = program_.name;
    out_.target = machine_.name;
    out_.target_hash = machine_.hash;
    Code body;
    lower_block(program_.body, body);
    out_.code = values_.close_program();
    append(out_.code, std::move(body));
    out_.code.push_back({Halt{}, 0});
    tables_.add_locals();
    if (diagnostics_.error_count() != before || out_of_registers()) return std::nullopt;
    if (!validate(out_, machine_, diagnostics_, places())) return std::nullopt;
    return std::move(out_);
  }

 private:
  /// Where what the program is made of comes from.
  Places places() const {
    Places places;
    places.operands = operand_places_;
    for (const Instruction& instruction : out_.code) {
      places.code.push_back(tables_.place_of(instruction.origin));
      if (!places.program.valid()) places.program = places.code.back();
    }
    return places;
  }

  void lower_block(const tile::Block& block, Code& code) {
    ++depth_;
    for (const tile::Statement& statement : block) lower_statement(statement, code);
    --depth_;
  }

  void lower_statement(const tile::Statement& statement, Code& code) {
    const tile::Statement* outer = statement_;
    statement_ = &statement;
    origin_ = tables_.origin(statement.origin);
    values_.set_origin(origin_);
    if (depth_ > max_nesting) {
      not_final("nesting this deep");
    } else {
      std::visit([&](const auto& node) { lower(node, code); }, statement.node);
    }
    check_values();
    statement_ = outer;
  }

  void check_values() {
    if (values_.out_of_registers() && !told_registers_) {
      told_registers_ = true;
      report(messages::dsa_out_of_registers, machine_.dsa.sequencer.registers - first_free_register,
             machine_.name);
    }
    const auto unknown = values_.unknown_variable();
    if (unknown && !told_variable_) {
      told_variable_ = true;
      const bool is_known = unknown->value < program_.vars.size();
      not_final(fmt::format("a use of variable {} outside its loop",
                            is_known ? program_.vars[*unknown].name : "?"));
    }
  }

  template <typename... Args>
  Diagnostic& report(const Message& message, const Args&... args) {
    const tile::Origin& origin = statement_->origin;
    std::string where = origin.rule.empty() ? "the program" : origin.rule;
    if (!origin.logic.empty()) where += fmt::format(" ({})", origin.logic);
    return diagnostics_.report(origin.span(), message, where, args...);
  }
  void not_final(const std::string& what) { report(messages::dsa_not_final, what); }

  void emit(Code& code, InstructionNode node) { code.push_back({std::move(node), origin_}); }

  // Structure.

  void lower(const tile::Alloc& node, Code& code) {
    const Tables::Slots slots = tables_.moved_by(node.tensor);
    for (const Register slot : slots.registers) {
      const Source here{true, slot};
      emit(code, Scalar{ScalarOp::add, slot, here, {false, slots.step}});
      emit(code, Scalar{ScalarOp::mod, slot, here, {false, slots.end}});
    }
  }

  void lower(const tile::Loop& node, Code& code) {
    const std::uint32_t origin = origin_;
    if (node.var.value >= program_.vars.size()) return not_final("a loop without a variable");
    const VarInfo& var = program_.vars[node.var];
    const bool is_share = node.workers > 0;
    if (!is_share && var.is_value()) {
      values_.bind(node.var, var.begin);
      return lower_block(node.body, code);
    }
    Loop loop;
    loop.begin = is_share ? values_.plus_core(var.begin)
                          : values_.source(var.begin, field(Opcode::loop, loop_begin_field));
    loop.end = values_.source(var.end, field(Opcode::loop, loop_end_field));
    loop.step = {false, 1};
    const bool some_idle = is_share && node.workers < machine_.block_count();
    if (is_share)
      loop.step = some_idle ? Source{false, node.workers} : Source{true, cores_register};
    Skip idle;
    if (some_idle) idle.reg = values_.core_below(node.workers);

    loop.reg = values_.open_loop(node.var);
    Code body;
    lower_block(node.body, body);
    Code whole = values_.close_loop();
    append(whole, std::move(body));
    if (whole.empty()) return;
    loop.length = static_cast<std::uint32_t>(whole.size());
    idle.length = loop.length + 1;
    if (some_idle) code.push_back({idle, origin});
    code.push_back({loop, origin});
    append(code, std::move(whole));
  }

  /// `then`, skipped where the register is zero; `origin` is that of the skip.
  static void append_guarded(Register condition, Code then, Code& code, std::uint32_t origin) {
    const auto length = static_cast<std::uint32_t>(then.size());
    code.push_back({Skip{condition, length}, origin});
    append(code, std::move(then));
  }

  void lower(const tile::If& node, Code& code) {
    const std::uint32_t origin = origin_;
    if (const auto constant = node.condition.constant()) {
      return lower_block(*constant ? node.then : node.otherwise, code);
    }
    Code then;
    lower_block(node.then, then);
    Code otherwise;
    lower_block(node.otherwise, otherwise);
    values_.set_origin(origin);
    if (!then.empty()) {
      append_guarded(values_.condition(node.condition), std::move(then), code, origin);
    }
    if (!otherwise.empty()) {
      append_guarded(values_.negation(node.condition), std::move(otherwise), code, origin);
    }
  }

  void lower(const tile::Parallel& /*node*/, Code& /*code*/) { not_final("a parallel loop"); }
  void lower(const tile::Scope& /*node*/, Code& /*code*/) { not_final("a launch"); }
  void lower(const tile::Prim& /*node*/, Code& /*code*/) {
    not_final("a primitive without an engine");
  }

  // Operations.

  std::optional<EngineId> engine(const std::string& name) {
    const auto id = engine_from_name(name);
    if (!id) not_final(fmt::format("engine '{}'", name));
    return id;
  }
  bool runs_on(EngineId needed) {
    const auto id = engine(statement_->engine);
    if (id && *id != needed) not_final(fmt::format("this operation on {}", name(*id)));
    return id == needed;
  }
  std::optional<OperandId> tile(const tile::TileRef& ref) {
    if (ref.tensor.value >= program_.tensors.size()) {
      not_final("a tile of no tensor");
      return std::nullopt;
    }
    const tile::Tensor& tensor = program_[ref.tensor];
    if (!memory_from_abstract_name(tensor.memory)) {
      report(messages::dsa_unknown_memory, tensor.name, tensor.memory);
      return std::nullopt;
    }
    std::string fault;
    const auto id = tables_.tile(ref, fault);
    if (!id) not_final(fault);
    operand_places_.resize(out_.operands.size(), tables_.place_of(origin_));
    return id;
  }

  void lower(const tile::DmaCopy& node, Code& code) {
    const auto on = engine(statement_->engine);
    const auto dst = tile(node.dst);
    const auto src = tile(node.src);
    if (on && dst && src) emit(code, DmaCopy{*on, *dst, *src});
  }

  void lower(const tile::Mma& node, Code& code) {
    const bool fits = runs_on(EngineId::mma);
    const auto acc = tile(node.acc);
    const auto a = tile(node.a);
    const auto b = tile(node.b);
    if (!fits || !acc || !a || !b) return;
    Mma mma{*acc,
            *a,
            *b,
            node.transpose_a,
            node.transpose_b,
            AccumulateMode::overwrite,
            0,
            static_cast<float>(node.alpha)};
    if (const auto constant = node.accumulate.constant()) {
      if (*constant) mma.mode = AccumulateMode::accumulate;
    } else {
      mma.mode = AccumulateMode::if_register;
      mma.reg = values_.condition(node.accumulate);
    }
    emit(code, mma);
  }

  /// The operand of an attribute's value; its default, or none, where it is not given.
  OperandId attribute(const tile::Vec& node, const AttributeSpec& spec) {
    const auto given = node.attributes.find(spec.name);
    std::optional<AttributeValue> value = spec.default_value;
    if (given != node.attributes.end()) value = given->second;
    if (!value) return no_operand;
    if (const auto* number = std::get_if<double>(&*value)) return tables_.scalar(*number);
    const auto* expr = std::get_if<Expr>(&*value);
    if (expr == nullptr) return no_operand;
    if (spec.kind == AttributeKind::floating && expr->is_constant()) {
      return tables_.scalar(static_cast<double>(expr->offset()));
    }
    return tables_.integer(*expr);
  }

  /// Flags and axis from the attributes that are given; others are off by default.
  void set_flags(const tile::Vec& node, Vec& vec) {
    for (std::size_t i = 0; i < vec_flags.size(); ++i) {
      const auto given = node.attributes.find(vec_flags[i].attribute);
      if (given == node.attributes.end()) continue;
      const auto* is_set = std::get_if<bool>(&given->second);
      const auto* choice = std::get_if<std::string>(&given->second);
      if ((is_set != nullptr && *is_set) || (choice != nullptr && *choice == vec_flags[i].choice)) {
        vec.flags = static_cast<std::uint8_t>(vec.flags | 1U << i);
      }
    }
    const auto axis = integer_attribute(node.attributes, "axis");
    if (!axis) return;
    if (*axis >= 0 && *axis < max_rank) {
      vec.axis = static_cast<std::uint8_t>(*axis);
    } else {
      not_final(fmt::format("axis {}", *axis));
    }
  }

  void lower(const tile::Vec& node, Code& code) {
    if (node.guard && node.guard->constant() == false) return;
    const bool fits = runs_on(EngineId::vector);
    if (node.primitive == nullptr) return not_final("a vec without a primitive");
    Vec vec;
    vec.primitive = primitive_index(*node.primitive);
    set_flags(node, vec);
    const VecLayout layout = vec_layout(*node.primitive);
    if (layout.size() > max_vec_operands || node.operands.size() > layout.tensors) {
      return not_final(fmt::format("vec.{} with so many operands", node.primitive->name));
    }
    for (std::size_t i = 0; i < layout.tensors; ++i) {
      OperandId id = no_operand;
      const tile::Operand operand = i < node.operands.size() ? node.operands[i] : tile::Operand{};
      if (const auto* ref = std::get_if<tile::TileRef>(&operand)) {
        const auto found = tile(*ref);
        if (!found) return;
        id = *found;
      } else if (const auto* number = std::get_if<double>(&operand)) {
        id = tables_.scalar(*number);
      }
      vec.operands.push_back(id);
    }
    for (const AttributeSpec* spec : layout.attributes) {
      vec.operands.push_back(attribute(node, *spec));
    }
    if (!fits) return;
    Code guarded;
    emit(guarded, std::move(vec));
    if (node.guard && !node.guard->constant()) {
      append_guarded(values_.condition(*node.guard), std::move(guarded), code, origin_);
    } else {
      append(code, std::move(guarded));
    }
  }

  void lower(const tile::Sync& node, Code& code) {
    const auto on = engine(statement_->engine);
    if (!on) return;
    const SyncOp op = node.kind == tile::SyncKind::wait ? SyncOp::wait : SyncOp::signal;
    for (const tile::EventId event : node.events) emit(code, Sync{op, *on, event.value});
  }

  void lower(const tile::Barrier& node, Code& code) {
    if (node.arrive.empty()) return;  // nothing to wait for
    const std::uint32_t barrier = tables_.barrier(node.arrive, node.wait);
    for (const std::string& name : node.arrive) {
      if (const auto on = engine(name)) emit(code, Sync{SyncOp::arrive, *on, barrier});
    }
    for (const std::string& name : node.wait) {
      if (const auto on = engine(name)) emit(code, Sync{SyncOp::await, *on, barrier});
    }
  }

  const tile::Program& program_;
  const Machine& machine_;
  Diagnostics& diagnostics_;
  Program out_;
  Values values_;
  Tables tables_;
  const tile::Statement* statement_ = nullptr;
  std::uint32_t origin_ = 0;
  std::int64_t depth_ = 0;
  std::vector<Span> operand_places_;
  bool told_registers_;
  bool told_variable_ = false;
};

}  // namespace

Result<Program> lower_to_dsa(const tile::Program& program, const Machine& machine,
                             Diagnostics& diagnostics) {
  const std::size_t before = diagnostics.error_count();
  Lowering ample(program, machine, false, diagnostics);
  Result<Program> result = ample.run();
  if (!ample.out_of_registers() || diagnostics.error_count() != before) return result;
  return Lowering(program, machine, true, diagnostics).run();
}

}  // namespace septran::dsa
