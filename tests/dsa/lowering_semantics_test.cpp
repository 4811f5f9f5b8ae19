// Random tile programs: what the sequencer resolves at each instruction, on every core, is what the
// tile program says there.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "compiler/tile/text.h"
#include "targets/dsa/lower/lower.h"
#include "tests/dsa/support.h"

namespace septran::dsa {
namespace {

constexpr int cores = 3;

/// A tile program of loops, branches, rings and operations with random expressions.
class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}

  tile::Program run() {
    program_.name = "random";
    program_.target = "dsa_edge";
    source_ = add_tensor("A", "GLOBAL", 1);
    program_[source_].kind = tile::TensorKind::argument;
    ring_ = add_tensor("ring", "SHARED", 3);
    buffer_ = add_tensor("buffer", "SHARED", 1);
    program_.body.push_back({tile::Alloc{buffer_}, "", {}});
    program_.body.push_back({tile::Alloc{ring_}, "", {}});
    block(program_.body, 0, true);
    return std::move(program_);
  }

 private:
  std::int64_t pick(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }
  tile::TensorId add_tensor(const std::string& name, const std::string& memory, int depth) {
    tile::Tensor tensor;
    tensor.name = name;
    tensor.memory = memory;
    tensor.dtype = tensor.storage = DType::f16;
    tensor.shape = {Expr(100), Expr(50)};
    tensor.depth = depth;
    if (memory != "GLOBAL") {
      tensor.strides_bytes = {100, 2};
      tensor.offset_bytes = depth > 1 ? 0 : 40000;
      tensor.slot_bytes = 10000;
    }
    return program_.add_tensor(std::move(tensor));
  }

  Expr expr(int depth) {
    const std::int64_t choice = depth == 0 ? pick(0, 2) : pick(0, 7);
    if (choice == 0 || vars_.empty()) return Expr(pick(-20, 20));
    if (choice <= 2) {
      return Expr::var(vars_[static_cast<std::size_t>(pick(0, std::ssize(vars_) - 1))]);
    }
    const Expr a = expr(depth - 1);
    if (choice == 3) return Expr::floor_div(a, pick(2, 5));
    if (choice == 4) return a * pick(-3, 3);
    const Expr b = expr(depth - 1);
    if (choice == 5) return Expr::min(a, b);
    if (choice == 6) return Expr::max(a, b);
    return a + b;
  }
  Cond cond(int depth) {
    const std::int64_t choice = depth == 0 ? pick(0, 1) : pick(0, 4);
    if (choice == 0) return Cond::ge(expr(2), expr(1));
    if (choice == 1) return Cond::eq(Expr::mod(expr(1), 3), expr(0));
    if (choice == 2) return Cond::all({cond(depth - 1), cond(depth - 1)});
    if (choice == 3) return Cond::any({cond(depth - 1), cond(depth - 1)});
    return cond(depth - 1).negated();
  }

  tile::TileRef tile(tile::TensorId id) {
    View view;
    view.base = {expr(2), expr(1)};
    view.dims = {{extent_, Expr(), {{0, 0, 1}}}, {Expr(8), expr(1), {{0, 0, 1}, {4, 1, 2}}}};
    return {id, view};
  }
  void operation(tile::Block& block) {
    extent_ = Expr::max(expr(2), Expr(0));
    const tile::TensorId on_chip = pick(0, 1) == 0 ? ring_ : buffer_;
    if (pick(0, 1) == 0) {
      block.push_back({tile::DmaCopy{tile(on_chip), tile(source_)}, "load", {}});
      return;
    }
    tile::Vec vec;
    vec.primitive = find_primitive("neg");
    vec.operands = {tile(buffer_), tile(on_chip)};
    if (pick(0, 1) == 0) vec.guard = cond(1);
    block.push_back({std::move(vec), "vector", {}});
  }

  void block(tile::Block& out, int depth, bool may_share) {
    for (std::int64_t i = pick(1, 4); i > 0; --i) {
      const std::int64_t choice = pick(0, 6);
      if (choice <= 2 && depth < 4) {
        const bool is_share = may_share && pick(0, 1) == 0;
        const Expr begin = expr(1);
        const Expr end = pick(0, 4) == 0 ? begin + Expr(1) : begin + expr(1) + Expr(pick(0, 3));
        tile::Loop loop;
        loop.var = program_.vars.add(fmt::format("v{}", program_.vars.size()), begin,
                                     Expr::min(end, begin + Expr(5)));
        loop.workers = is_share ? static_cast<int>(pick(1, cores + 1)) : 0;
        vars_.push_back(loop.var);
        block(loop.body, depth + 1, false);
        vars_.pop_back();
        out.push_back({std::move(loop), "", {}});
      } else if (choice == 3 && depth < 5) {
        tile::If branch;
        branch.condition = cond(2);
        block(branch.then, depth + 1, false);
        if (pick(0, 1) == 0) block(branch.otherwise, depth + 1, false);
        out.push_back({std::move(branch), "", {}});
      } else if (choice == 4) {
        out.push_back({tile::Alloc{ring_}, "", {}});
      } else {
        operation(out);
      }
    }
  }

  std::mt19937 random_;
  tile::Program program_;
  tile::TensorId source_, ring_, buffer_;
  std::vector<VarId> vars_;
  Expr extent_;
};

/// What a tile program does on one core, an operation a line.
class TileWalk {
 public:
  TileWalk(const tile::Program& program, int core) : program_(program), core_(core) {}
  std::vector<std::string> run() {
    walk(program_.body);
    return std::move(lines_);
  }

 private:
  std::int64_t value(const Expr& e) const {
    return e.evaluate([&](VarId var) { return vars_.at(var); });
  }
  bool holds(const Cond& c) const {
    return c.evaluate([&](VarId var) { return vars_.at(var); });
  }
  std::string text(const tile::TileRef& ref) const {
    const tile::Tensor& tensor = program_[ref.tensor];
    std::int64_t address = 100 * value(ref.view.base[0]) + 2 * value(ref.view.base[1]);
    if (tensor.memory != "GLOBAL") address += *tensor.offset_bytes;
    if (tensor.depth > 1) address += slot_ * tensor.slot_bytes;
    std::string out = fmt::format("{} {}", tensor.memory, address);
    for (const ViewDim& dim : ref.view.dims) {
      out += fmt::format(" [{} from {}]", value(dim.extent), value(dim.start));
    }
    return out;
  }

  void walk(const tile::Block& block) {
    for (const tile::Statement& statement : block) {
      if (std::holds_alternative<tile::Alloc>(statement.node)) {
        const auto& alloc = std::get<tile::Alloc>(statement.node);
        if (program_[alloc.tensor].depth > 1) slot_ = (slot_ + 1) % 3;
      } else if (const auto* loop = std::get_if<tile::Loop>(&statement.node)) {
        walk_loop(*loop);
      } else if (const auto* branch = std::get_if<tile::If>(&statement.node)) {
        walk(holds(branch->condition) ? branch->then : branch->otherwise);
      } else if (const auto* copy = std::get_if<tile::DmaCopy>(&statement.node)) {
        lines_.push_back(fmt::format("copy {} {}", text(copy->dst), text(copy->src)));
      } else if (const auto* vec = std::get_if<tile::Vec>(&statement.node)) {
        if (vec->guard && !holds(*vec->guard)) continue;
        lines_.push_back(fmt::format("vec {} {}", text(std::get<tile::TileRef>(vec->operands[0])),
                                     text(std::get<tile::TileRef>(vec->operands[1]))));
      }
    }
  }
  void walk_loop(const tile::Loop& loop) {
    const VarInfo& var = program_.vars[loop.var];
    const std::int64_t end = value(var.end);
    const bool is_share = loop.workers > 0;
    const int workers = is_share ? std::min(loop.workers, cores) : 1;
    if (is_share && core_ >= workers) return;
    for (std::int64_t i = value(var.begin) + (is_share ? core_ : 0); i < end; i += workers) {
      vars_[loop.var] = i;
      walk(loop.body);
    }
    vars_.erase(loop.var);
  }

  const tile::Program& program_;
  int core_;
  std::int64_t slot_ = 2;
  std::map<VarId, std::int64_t> vars_;
  std::vector<std::string> lines_;
};

/// The same for machine code.
class CodeWalk {
 public:
  CodeWalk(const Program& program, int core) : program_(program), registers_(256) {
    registers_[core_register] = core;
    registers_[cores_register] = cores;
  }
  std::vector<std::string> run() {
    walk(0, program_.code.size());
    return std::move(lines_);
  }

 private:
  std::int64_t value(const Source& source) const {
    return source.is_register ? registers_.at(static_cast<std::size_t>(source.value))
                              : source.value;
  }
  std::int64_t value(const Affine& affine) const {
    std::int64_t sum = affine.constant;
    for (const Affine::Term& term : affine.terms) sum += registers_.at(term.reg) * term.coefficient;
    return sum;
  }
  std::int64_t value(const Scalar& s) const {
    const std::int64_t a = value(s.a);
    const std::int64_t b = value(s.b);
    switch (s.op) {
      case ScalarOp::add:
        return a + b;
      case ScalarOp::sub:
        return a - b;
      case ScalarOp::mul:
        return a * b;
      case ScalarOp::floor_div:
        return floor_div(a, b);
      case ScalarOp::mod:
        return a - b * floor_div(a, b);
      case ScalarOp::min:
        return std::min(a, b);
      case ScalarOp::max:
        return std::max(a, b);
      case ScalarOp::less:
        return a < b ? 1 : 0;
      case ScalarOp::equal:
        return a == b ? 1 : 0;
    }
    return 0;
  }
  std::string text(OperandId id) const {
    const auto& operand = std::get<TileOperand>(program_.operands.at(id));
    std::string out = fmt::format("{} {}", abstract_name(operand.memory), value(operand.address));
    for (const OperandDim& dim : operand.dims) {
      out += fmt::format(" [{} from {}]", value(dim.extent), value(dim.start));
    }
    return out;
  }

  void walk(std::size_t at, std::size_t end) {
    for (; at < end; ++at) {
      const InstructionNode& node = program_.code[at].node;
      if (const auto* loop = std::get_if<Loop>(&node)) {
        const std::int64_t last = value(loop->end);
        const std::int64_t step = value(loop->step);
        for (std::int64_t i = value(loop->begin); i < last; i += step) {
          registers_[loop->reg] = i;
          walk(at + 1, at + 1 + loop->length);
          ASSERT_EQ(registers_[loop->reg], i) << "a loop's variable was overwritten";
        }
        at += loop->length;
      } else if (const auto* skip = std::get_if<Skip>(&node)) {
        if (registers_[skip->reg] == 0) at += skip->length;
      } else if (const auto* scalar = std::get_if<Scalar>(&node)) {
        registers_[scalar->dst] = value(*scalar);
      } else if (const auto* copy = std::get_if<DmaCopy>(&node)) {
        lines_.push_back(fmt::format("copy {} {}", text(copy->dst), text(copy->src)));
      } else if (const auto* vec = std::get_if<Vec>(&node)) {
        lines_.push_back(fmt::format("vec {} {}", text(vec->operands[0]), text(vec->operands[1])));
      }
    }
  }

  const Program& program_;
  std::vector<std::int64_t> registers_;
  std::vector<std::string> lines_;
};

TEST(LoweringSemantics, CodeResolvesToWhatTheTileProgramSays) {
  Machine machine = test_machine("dsa_edge", cores);
  // Random operands are not meant to lie within anything.
  for (MemorySpec& memory : machine.memories) memory.size_bytes = 1 << 30;
  std::size_t compared = 0;
  for (std::uint32_t seed = 0; seed < 150; ++seed) {
    const tile::Program source = Generator(seed).run();
    Diagnostics diagnostics;
    const auto program = lower_to_dsa(source, machine, diagnostics);
    if (!program) {
      // A constant address may be negative, or beyond the buffer.
      EXPECT_NE(render_all(diagnostics).find("dsa-outside-memory"), std::string::npos)
          << seed << render_all(diagnostics) << tile::to_text(source);
      continue;
    }
    for (int core = 0; core < cores; ++core) {
      const auto expected = TileWalk(source, core).run();
      EXPECT_EQ(CodeWalk(*program, core).run(), expected)
          << "seed " << seed << "\n"
          << tile::to_text(source) << to_assembly(*program);
      compared += expected.size();
    }
    if (HasFailure()) break;
  }
  EXPECT_GT(compared, 1000U);
}

}  // namespace
}  // namespace septran::dsa
