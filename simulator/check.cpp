// Checks of a whole program before it runs.
#include <fmt/format.h>

#include "compiler/base/count.h"
#include "simulator/resolve.h"
#include "targets/dsa/isa.h"

namespace septran::simulator {
namespace {

class Checker {
 public:
  Checker(const dsa::Program& program, const Machine& machine)
      : program_(program), limits_(machine.dsa.sequencer) {}

  Fault check(std::optional<std::uint32_t>& instruction) {
    for (std::size_t i = 0; i < program_.operands.size() && fault_.empty(); ++i) {
      if (const auto* tile = std::get_if<dsa::TileOperand>(&program_.operands[i])) {
        check_tile(*tile, i);
      } else if (const auto* integer = std::get_if<dsa::IntegerOperand>(&program_.operands[i])) {
        check_affine(integer->value);
      }
    }
    check_tables();
    for (std::size_t i = 0; i < program_.code.size() && fault_.empty(); ++i) {
      place_ = i;
      std::visit([this](const auto& node) { check_node(node); }, program_.code[i].node);
      if (!fault_.empty()) instruction = static_cast<std::uint32_t>(i);
    }
    return fault_;
  }

 private:
  template <typename... Args>
  void require(bool condition, fmt::format_string<Args...> text, Args&&... args) {
    if (!condition && fault_.empty()) fault_ = fmt::format(text, std::forward<Args>(args)...);
  }

  void check_tables() {
    require(!program_.code.empty() && std::holds_alternative<dsa::Halt>(program_.code.back().node),
            "the program does not end with halt");
    require(program_.code.size() <= static_cast<std::size_t>(limits_.instructions),
            "{:instruction}, but the instruction memory holds {}", Counted{program_.code.size()},
            limits_.instructions);
    require(program_.events.size() <= static_cast<std::size_t>(limits_.events),
            "{:event}, but a core has {:counter}", Counted{program_.events.size()},
            Counted{limits_.events});
    for (const dsa::EventInfo& event : program_.events) {
      require(event.credits >= 0 && event.credits <= limits_.event_maximum,
              "event {} starts at {}, but counters go from 0 to {}", event.name, event.credits,
              limits_.event_maximum);
    }
    for (const dsa::BarrierInfo& barrier : program_.barriers) {
      require(barrier.arrivals >= 1, "a barrier without arrivals");
    }
  }

  void check_register(std::int64_t number) {
    require(number >= 0 && number < limits_.registers, "register {} does not exist", number);
  }
  void check_target(dsa::Register number) {
    check_register(number);
    require(number >= dsa::first_free_register, "register {} is set by the hardware", number);
  }
  void check_source(const dsa::Source& source) {
    if (source.is_register) check_register(source.value);
  }
  void check_affine(const dsa::Affine& affine) {
    bool small = std::abs(affine.constant) <= dsa::max_magnitude;
    for (const auto& term : affine.terms) {
      check_register(term.reg);
      small = small && std::abs(term.coefficient) <= dsa::max_magnitude;
    }
    require(small, "a number of the operand table is too large");
  }
  void check_length(std::uint32_t length) {
    require(length >= 1 && place_ + length + 1 < program_.code.size(),
            "the {} instructions that follow are not all there", length);
  }

  void check_tile(const dsa::TileOperand& tile, std::size_t index) {
    require(tile.memory <= dsa::MemoryId::accumulators, "operand {}: unknown memory", index);
    require(tile.memory != dsa::MemoryId::global || tile.buffer < program_.globals.size(),
            "operand {}: buffer {} does not exist", index, tile.buffer);
    require(tile.dims.size() <= static_cast<std::size_t>(dsa::max_rank) &&
                tile.axes.size() <= static_cast<std::size_t>(dsa::max_rank),
            "operand {}: too many dimensions", index);
    check_affine(tile.address);
    for (const dsa::OperandDim& dim : tile.dims) {
      check_affine(dim.extent);
      check_affine(dim.start);
      for (std::size_t i = 0; i < dim.digits.size(); ++i) {
        const dsa::OperandDigit& digit = dim.digits[i];
        require(digit.axis >= -1 && digit.axis < static_cast<std::int32_t>(tile.axes.size()),
                "operand {}: axis {} does not exist", index, digit.axis);
        require(i == 0 || (digit.extent >= 1 && digit.extent <= dsa::max_magnitude),
                "operand {}: a digit of extent {}", index, digit.extent);
        require(std::abs(digit.stride_bytes) <= dsa::max_magnitude &&
                    std::abs(digit.step) <= dsa::max_magnitude,
                "operand {}: a stride or step is too large", index);
        require(digit.stride_bytes % static_cast<std::int64_t>(size_bytes(tile.storage)) == 0,
                "operand {}: a stride of {} bytes for elements of {}", index, digit.stride_bytes,
                size_bytes(tile.storage));
      }
    }
    for (const dsa::OperandAxis& axis : tile.axes) {
      check_affine(axis.base);
      require(axis.extent >= 0 && axis.extent <= dsa::max_magnitude,
              "operand {}: an axis of extent {}", index, axis.extent);
    }
  }
  void check_tile_id(dsa::OperandId id) {
    require(id < program_.operands.size() &&
                std::holds_alternative<dsa::TileOperand>(program_.operands[id]),
            "operand {} is not a tile", id);
  }

  void check_node(const dsa::Halt&) {
    require(place_ + 1 == program_.code.size(), "halt before the end");
  }
  void check_node(const dsa::Loop& loop) {
    check_target(loop.reg);
    check_source(loop.begin);
    check_source(loop.end);
    check_source(loop.step);
    check_length(loop.length);
  }
  void check_node(const dsa::Skip& skip) {
    check_register(skip.reg);
    check_length(skip.length);
  }
  void check_node(const dsa::Scalar& scalar) {
    check_target(scalar.dst);
    check_source(scalar.a);
    check_source(scalar.b);
  }
  void check_node(const dsa::Sync& sync) {
    require(static_cast<int>(sync.engine) < dsa::engine_count, "unknown engine");
    const bool barrier = sync.op == dsa::SyncOp::arrive || sync.op == dsa::SyncOp::await;
    require(sync.event < (barrier ? program_.barriers.size() : program_.events.size()),
            "{} {} does not exist", barrier ? "barrier" : "event", sync.event);
  }
  void check_node(const dsa::DmaCopy& copy) {
    require(copy.engine == dsa::EngineId::load || copy.engine == dsa::EngineId::store,
            "this engine has no dma_copy");
    check_tile_id(copy.dst);
    check_tile_id(copy.src);
  }
  void check_node(const dsa::Mma& mma) {
    check_tile_id(mma.acc);
    check_tile_id(mma.a);
    check_tile_id(mma.b);
    if (mma.mode == dsa::AccumulateMode::if_register) check_register(mma.reg);
  }
  void check_node(const dsa::Vec& vec) {
    require(vec.primitive < primitives().size(), "primitive {} does not exist", vec.primitive);
    if (!fault_.empty()) return;
    const Primitive& primitive = primitives()[vec.primitive];
    const dsa::VecLayout layout = dsa::vec_layout(primitive);
    require(vec.operands.size() == layout.size(), "{} takes {} operands, not {}", primitive.name,
            layout.size(), vec.operands.size());
    for (std::size_t i = 0; i < vec.operands.size() && fault_.empty(); ++i) {
      if (vec.operands[i] == dsa::no_operand) {
        require(i < layout.tensors ? primitive.operands[i].optional
                                   : layout.attributes[i - layout.tensors]->optional,
                "operand {} of {} is missing", i, primitive.name);
      } else if (i == 0) {
        check_tile_id(vec.operands[i]);
      } else {
        require(vec.operands[i] < program_.operands.size(), "operand {} does not exist",
                vec.operands[i]);
      }
    }
  }

  const dsa::Program& program_;
  const SequencerSpec& limits_;
  std::size_t place_ = 0;
  Fault fault_;
};

}  // namespace

Fault check_program(const dsa::Program& program, const Machine& machine,
                    std::optional<std::uint32_t>& instruction) {
  return Checker(program, machine).check(instruction);
}

}  // namespace septran::simulator
