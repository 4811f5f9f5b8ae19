#include "compiler/passes/event_peaks.h"

#include <algorithm>
#include <functional>

#include "compiler/tile/visit.h"

namespace septran::passes {

using tile::Block;
using tile::Program;
using tile::Statement;

class CommandStream::Unroller {
 public:
  Unroller(const Program& program, const Machine& machine, int worker, std::size_t limit)
      : program_(program),
        machine_(machine),
        worker_(worker),
        limit_(limit),
        values_(program.vars.size()),
        value_([this](VarId id) { return values_.at(id.value); }) {}

  std::optional<CommandStream> run() {
    for (const tile::Event& event : program_.events) out_.credits_.push_back(event.credits);
    block(program_.body);
    if (steps_ > limit_) return std::nullopt;
    out_.by_engine_.resize(out_.engines_.size());
    for (std::size_t i = 0; i < out_.commands_.size(); ++i) {
      out_.by_engine_[out_.commands_[i].engine].push_back(i);
    }
    return std::move(out_);
  }

 private:
  void block(const Block& block) {
    for (const Statement& statement : block) {
      if (++steps_ > limit_) return;
      this->statement(statement);
    }
  }

  void statement(const Statement& statement) {
    if (const auto* loop = std::get_if<tile::Loop>(&statement.node)) {
      over(*loop);
    } else if (const auto* branch = std::get_if<tile::If>(&statement.node)) {
      block(branch->condition.evaluate(value_) ? branch->then : branch->otherwise);
    } else if (const auto* sync = std::get_if<tile::Sync>(&statement.node)) {
      const Kind kind = sync->kind == tile::SyncKind::wait ? Kind::wait : Kind::signal;
      for (const tile::EventId id : sync->events) add(kind, statement.engine, id.value);
    } else if (const auto* barrier = std::get_if<tile::Barrier>(&statement.node)) {
      const auto number = static_cast<std::uint32_t>(out_.arrivals_.size());
      out_.arrivals_.push_back(barrier->arrive.size());
      for (const std::string& engine : barrier->arrive) add(Kind::arrive, engine, number);
      for (const std::string& engine : barrier->wait) add(Kind::await, engine, number);
    } else if (!tile::operands(statement).empty()) {
      const auto* vec = std::get_if<tile::Vec>(&statement.node);
      const bool runs = vec == nullptr || !vec->guard || vec->guard->evaluate(value_);
      if (runs) add(Kind::work, statement.engine, 0);
    }
  }

  void over(const tile::Loop& loop) {
    if (loop.workers > 0 && worker_ >= loop.workers) return;
    const std::int64_t begin = program_.vars[loop.var].begin.evaluate(value_);
    const std::int64_t end = program_.vars[loop.var].end.evaluate(value_);
    const std::int64_t step = std::max(loop.workers, 1);
    for (std::int64_t v = begin + (loop.workers > 0 ? worker_ : 0); v < end; v += step) {
      if (++steps_ > limit_) return;
      values_[loop.var.value] = v;
      block(loop.body);
    }
  }

  void add(Kind kind, const std::string& engine, std::uint32_t number) {
    auto at = std::find(out_.engines_.begin(), out_.engines_.end(), engine);
    const auto index = static_cast<std::uint8_t>(at - out_.engines_.begin());
    if (at == out_.engines_.end()) {
      out_.engines_.push_back(engine);
      const EngineSpec* spec = machine_.find_engine(engine);
      out_.queue_depths_.push_back(spec == nullptr ? INT64_MAX / 2 : spec->queue_depth);
    }
    out_.commands_.push_back({kind, index, number});
  }

  const Program& program_;
  const Machine& machine_;
  int worker_;
  std::size_t limit_;
  std::size_t steps_ = 0;
  std::vector<std::int64_t> values_;
  std::function<std::int64_t(VarId)> value_;
  CommandStream out_;
};

class CommandStream::Run {
 public:
  Run(const CommandStream& stream, std::uint32_t event)
      : stream_(stream),
        event_(event),
        counts_(stream.credits_.begin(), stream.credits_.end()),
        arrived_(stream.arrivals_.size()),
        issued_(stream.engines_.size()),
        done_(stream.engines_.size()),
        peak_(counts_[event]) {
    for (const Command& command : stream.commands_) {
      if (command.kind == Kind::wait && command.number == event) waiter_ = command.engine;
    }
  }

  std::int64_t run() {
    if (waiter_ == SIZE_MAX) return peak_;  // of another processor's share
    do {
      while (others_move()) {
      }
    } while (step(waiter_));
    return peak_;
  }

 private:
  /// Fills the queues and lets all engines but the waiting one go on; false if none could.
  bool others_move() {
    const auto& commands = stream_.commands_;
    for (; next_ < commands.size(); ++next_) {
      const std::size_t engine = commands[next_].engine;
      const auto queued = static_cast<std::int64_t>(issued_[engine] - done_[engine]);
      if (queued > stream_.queue_depths_[engine]) break;  // one more is at work
      ++issued_[engine];
    }
    bool moved = false;
    for (std::size_t engine = 0; engine < issued_.size(); ++engine) {
      while (engine != waiter_ && step(engine)) moved = true;
    }
    return moved;
  }

  /// Does the engine's next command, if it is there and may be done.
  bool step(std::size_t engine) {
    if (done_[engine] == issued_[engine]) return false;
    const Command& command = stream_.commands_[stream_.by_engine_[engine][done_[engine]]];
    switch (command.kind) {
      case Kind::work:
        break;
      case Kind::wait:
        if (counts_[command.number] == 0) return false;
        --counts_[command.number];
        break;
      case Kind::signal:
        ++counts_[command.number];
        if (command.number == event_) peak_ = std::max(peak_, counts_[event_]);
        break;
      case Kind::arrive:
        ++arrived_[command.number];
        break;
      case Kind::await:
        if (arrived_[command.number] < stream_.arrivals_[command.number]) return false;
        break;
    }
    ++done_[engine];
    return true;
  }

  const CommandStream& stream_;
  std::uint32_t event_;
  std::size_t waiter_ = SIZE_MAX;
  std::vector<std::int64_t> counts_;
  std::vector<std::size_t> arrived_;
  std::vector<std::size_t> issued_;  // of each engine's commands
  std::vector<std::size_t> done_;
  std::size_t next_ = 0;
  std::int64_t peak_;
};

std::optional<CommandStream> CommandStream::of(const Program& program, const Machine& machine,
                                               int worker, std::size_t limit) {
  return Unroller(program, machine, worker, limit).run();
}

std::int64_t CommandStream::peak(tile::EventId event) const {
  return Run(*this, event.value).run();
}

int worker_count(const Program& program) {
  int most = 1;
  tile::for_each_statement(program.body, [&](const Statement& statement) {
    const auto* loop = std::get_if<tile::Loop>(&statement.node);
    if (loop != nullptr) most = std::max(most, loop->workers);
  });
  return most;
}

}  // namespace septran::passes
