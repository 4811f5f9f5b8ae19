#include "simulator/sequencer.h"

#include <fmt/format.h>

#include <algorithm>

namespace septran::simulator {
namespace {

/// Instructions after which the sequencer lets the simulation's time catch up with its own.
constexpr int instructions_ahead = 4096;

std::int64_t wrap(std::uint64_t value) { return static_cast<std::int64_t>(value); }

/// The result; nothing for a division by less than one.
std::optional<std::int64_t> compute(dsa::ScalarOp op, std::int64_t a, std::int64_t b) {
  const auto x = static_cast<std::uint64_t>(a);
  const auto y = static_cast<std::uint64_t>(b);
  switch (op) {
    case dsa::ScalarOp::add:
      return wrap(x + y);
    case dsa::ScalarOp::sub:
      return wrap(x - y);
    case dsa::ScalarOp::mul:
      return wrap(x * y);
    case dsa::ScalarOp::floor_div:
      if (b < 1) return std::nullopt;
      return floor_div(a, b);
    case dsa::ScalarOp::mod:
      if (b < 1) return std::nullopt;
      return (a % b + b) % b;
    case dsa::ScalarOp::min:
      return std::min(a, b);
    case dsa::ScalarOp::max:
      return std::max(a, b);
    case dsa::ScalarOp::less:
      return a < b ? 1 : 0;
    case dsa::ScalarOp::equal:
      return a == b ? 1 : 0;
  }
  return std::nullopt;
}

}  // namespace

Sequencer::Sequencer(const sc_core::sc_module_name& name, Shared& shared, CoreState& core,
                     const std::array<Engine*, dsa::engine_count>& engines)
    : sc_module(name),
      shared_(shared),
      core_(core),
      engines_(engines),
      spec_(shared.machine.dsa.sequencer),
      registers_(static_cast<std::size_t>(std::max(2, spec_.registers))) {
  registers_[dsa::core_register] = core.index;
  registers_[dsa::cores_register] = shared.core_count;
  for (Engine* engine : engines_) engine->set_feeder(*this);
  time_ = spec_.launch_cycles;
  if (shared.recording != nullptr) {
    EngineRecord& record = shared.recording->engine(core.index, 0);
    record.name = basename();
    timeline_.record(*shared.recording, record);
  }
  timeline_.stall(0, time_, "launch");
  SC_HAS_PROCESS(Sequencer);
  SC_METHOD(step);
}

void Sequencer::step() {
  if (shared_.trap || halted_) return next_trigger(wake_);
  const Cycle now = current_cycle();
  for (int count = 0; count < instructions_ahead; ++count) {
    if (!execute(now)) break;
    if (halted_) return next_trigger(wake_);
  }
  if (!fault_.empty() && time_ <= now) {
    shared_.stop(fault_, core_.index, pc_, time_);
    return next_trigger(wake_);
  }
  timeline_.settle(std::min(now, time_));
  if (time_ > now) {
    next_trigger(cycles(time_ - now));
  } else if (pending_) {
    next_trigger(wake_);
  } else {
    next_trigger(sc_core::SC_ZERO_TIME);
  }
}

bool Sequencer::execute(Cycle now) {
  if (!fault_.empty()) return false;
  if (!pending_) {
    close_loops();
    const bool went_on =
        std::visit([this](const auto& node) { return run(node); }, shared_.program.code[pc_].node);
    if (!went_on) return false;
  }
  return !pending_ || deliver(now);
}

bool Sequencer::deliver(Cycle now) {
  if (!target_->has_room()) return false;
  if (now > time_) {
    timeline_.stall(time_, now, "queue_full");
    time_ = now;
  }
  pending_->ready = time_;
  target_->push(std::move(*pending_));
  pending_.reset();
  ++pc_;
  return true;
}

void Sequencer::spend(Cycle count) {
  timeline_.busy(time_, time_ + count);
  time_ += count;
  ++executed_;
  shared_.complete(time_);
}

void Sequencer::close_loops() {
  while (!loops_.empty() && pc_ >= loops_.back().end) {
    ActiveLoop& loop = loops_.back();
    std::int64_t& counter = registers_[loop.reg];
    if (loop.limit - counter > loop.step) {
      counter += loop.step;
      pc_ = loop.first;
      return;
    }
    loops_.pop_back();
  }
}

std::int64_t Sequencer::value(const dsa::Source& source) const {
  return source.is_register ? registers_[static_cast<std::size_t>(source.value)] : source.value;
}

bool Sequencer::counts_loop(dsa::Register reg) const {
  return std::any_of(loops_.begin(), loops_.end(),
                     [reg](const ActiveLoop& loop) { return loop.reg == reg; });
}

bool Sequencer::run(const dsa::Halt&) {
  spend(spec_.issue_cycles);
  halted_ = true;
  return true;
}

bool Sequencer::run(const dsa::Loop& loop) {
  const std::int64_t begin = value(loop.begin);
  const std::int64_t limit = value(loop.end);
  const std::int64_t step = value(loop.step);
  constexpr std::int64_t bound = std::int64_t{1} << 61;
  spend(spec_.issue_cycles);
  if (step < 1 || std::max(std::abs(begin), std::abs(limit)) > bound || step > bound) {
    fault_ = fmt::format("a loop from {} to {} in steps of {}", begin, limit, step);
    return false;
  }
  if (begin >= limit) {
    pc_ += loop.length + 1;
    return true;
  }
  const std::uint32_t end = pc_ + loop.length + 1;
  if (loops_.size() >= static_cast<std::size_t>(spec_.loop_depth)) {
    fault_ = fmt::format("loops nested deeper than {}", spec_.loop_depth);
  } else if (counts_loop(loop.reg)) {
    fault_ = "the body of a loop writes the loop's register";
  } else if (!loops_.empty() && end > loops_.back().end) {
    fault_ = "a loop reaches beyond the one around it";
  }
  if (!fault_.empty()) return false;
  registers_[loop.reg] = begin;
  loops_.push_back({pc_ + 1, end, loop.reg, limit, step});
  ++pc_;
  return true;
}

bool Sequencer::run(const dsa::Skip& skip) {
  spend(spec_.issue_cycles);
  if (registers_[skip.reg] != 0) {
    ++pc_;
    return true;
  }
  if (!loops_.empty() && pc_ + skip.length + 1 > loops_.back().end) {
    fault_ = "a skip reaches beyond the loop around it";
    return false;
  }
  pc_ += skip.length + 1;
  return true;
}

bool Sequencer::run(const dsa::Scalar& scalar) {
  spend(spec_.scalar_cycles);
  if (counts_loop(scalar.dst)) fault_ = "the body of a loop writes the loop's register";
  const auto result = compute(scalar.op, value(scalar.a), value(scalar.b));
  if (!result) fault_ = fmt::format("division by {}", value(scalar.b));
  if (!fault_.empty()) return false;
  registers_[scalar.dst] = *result;
  ++pc_;
  return true;
}

bool Sequencer::issue(dsa::EngineId engine, Command command, const Fault& fault) {
  spend(spec_.issue_cycles);
  fault_ = fault;
  if (!fault_.empty()) return false;
  command.instruction = pc_;
  command.sequence = executed_;
  target_ = engines_[static_cast<std::size_t>(engine)];
  pending_ = std::move(command);
  return true;
}

void Sequencer::note_use(const ResolvedTile& tile) {
  if (tile.memory == dsa::MemoryId::global) return;
  LocalMemory& memory = core_.memory(tile.memory);
  memory.high_water = std::max(memory.high_water, tile.high);
}

bool Sequencer::run(const dsa::Sync& sync) { return issue(sync.engine, {0, 0, sync}, {}); }

bool Sequencer::run(const dsa::DmaCopy& copy) {
  DmaWork work;
  const Fault fault = shared_.resolver.resolve(copy, registers_, work);
  note_use(work.dst);
  note_use(work.src);
  return issue(copy.engine, {0, 0, std::move(work)}, fault);
}

bool Sequencer::run(const dsa::Mma& mma) {
  MmaWork work;
  const Fault fault = shared_.resolver.resolve(mma, registers_, work);
  note_use(work.acc);
  note_use(work.a);
  note_use(work.b);
  return issue(dsa::EngineId::mma, {0, 0, std::move(work)}, fault);
}

bool Sequencer::run(const dsa::Vec& vec) {
  VecWork work;
  const Fault fault = shared_.resolver.resolve(vec, pc_, registers_, work);
  for (const auto& operand : work.operands) {
    if (const auto* tile = std::get_if<ResolvedTile>(&operand)) note_use(*tile);
  }
  return issue(dsa::EngineId::vector, {0, 0, std::move(work)}, fault);
}

}  // namespace septran::simulator
