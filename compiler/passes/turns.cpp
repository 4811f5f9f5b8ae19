#include "compiler/passes/turns.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "compiler/tile/visit.h"

namespace septran::passes {
namespace {

using tile::Block;
using tile::Program;
using tile::Statement;

bool works(const Statement& statement) { return !tile::operands(statement).empty(); }

bool any_works(const Block& block) {
  return std::any_of(block.begin(), block.end(), [](const Statement& statement) {
    const auto inner = tile::child_blocks(statement);
    return works(statement) ||
           std::any_of(inner.begin(), inner.end(), [](const Block* b) { return any_works(*b); });
  });
}

class Turns {
 public:
  Turns(Program& program, std::vector<std::string> engines)
      : program_(program), engines_(std::move(engines)) {
    for (std::size_t i = 0; i < engines_.size(); ++i) {
      tile::Event event;
      event.name = fmt::format("{}.done", engines_[i]);
      event.signaller = engines_[i];
      event.waiter = engines_[next(i)];
      event.pairs = 1;
      event.merged = true;
      program_.events.push_back(std::move(event));
    }
  }

  /// A block begins and ends with the first engine's turn.
  void rewrite(Block& block) const {
    Block out;
    std::size_t turn = 0;
    for (Statement& statement : block) {
      const tile::Origin origin = statement.origin;
      for (Block* inner : tile::child_blocks(statement)) {
        if (!any_works(*inner)) continue;
        pass(turn, 0, origin, out);
        rewrite(*inner);
      }
      if (works(statement)) {
        const auto at = std::find(engines_.begin(), engines_.end(), statement.engine);
        pass(turn, static_cast<std::size_t>(at - engines_.begin()), origin, out);
      }
      out.push_back(std::move(statement));
    }
    if (turn != 0) {
      const tile::Origin origin = out.back().origin;
      pass(turn, 0, origin, out);
    }
    block = std::move(out);
  }

 private:
  [[nodiscard]] std::size_t next(std::size_t engine) const {
    return (engine + 1) % engines_.size();
  }

  void pass(std::size_t& from, std::size_t to, const tile::Origin& origin, Block& out) const {
    for (; from != to; from = next(from)) {
      const tile::EventId event{static_cast<std::uint32_t>(from)};
      for (const bool waits : {false, true}) {
        Statement sync{tile::Sync{waits ? tile::SyncKind::wait : tile::SyncKind::signal, {event}},
                       engines_[waits ? next(from) : from], origin};
        sync.origin.rule =
            fmt::format("{} {}", waits ? "needs" : "done with", program_.events[from].name);
        out.push_back(std::move(sync));
      }
    }
  }

  Program& program_;
  std::vector<std::string> engines_;  // in the order of their first work
};

}  // namespace

std::size_t take_turns(Program& program, std::size_t available) {
  std::vector<std::string> engines;
  tile::for_each_statement(program.body, [&](const Statement& statement) {
    if (!works(statement)) return;
    if (std::find(engines.begin(), engines.end(), statement.engine) != engines.end()) return;
    engines.push_back(statement.engine);
  });
  const std::size_t needed = engines.size() > 1 ? engines.size() : 0;
  if (needed > 0 && needed <= available) Turns(program, std::move(engines)).rewrite(program.body);
  return needed;
}

}  // namespace septran::passes
