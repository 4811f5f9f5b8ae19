#include <fmt/format.h>

#include "compiler/base/count.h"
#include "compiler/tile/text_words.h"
#include "compiler/tile/verify.h"
#include "compiler/tile/visit.h"

namespace septran::tile {
namespace {

/// Since every loop body and branch gives an event as often as it takes it, one walk in program
/// order sees every state that any run can be in: a loop's next trip starts as its first one did.
class SyncVerifier {
 public:
  explicit SyncVerifier(const Program& program) : program_(program) {
    for (const Event& event : program.events) counts_.push_back(event.credits);
    dry_.resize(program.events.size());
  }

  std::vector<std::string> run() {
    for (const Event& event : program_.events) {
      if (event.credits < 0) fault(fmt::format("event %{} has negative credits", event.name), {});
      if (event.signaller.empty() || event.waiter.empty()) {
        fault(fmt::format("event %{} lacks an engine", event.name), {});
      }
    }
    block(program_.body, "the program", {});
    return std::move(faults_);
  }

 private:
  void fault(const std::string& text, const Origin& origin) {
    const std::string where = origin_comment(origin);
    faults_.push_back(where.empty() ? text : text + "  " + where);
  }

  void block(const Block& block, const char* what, const Origin& origin) {
    const std::vector<std::int64_t> before = counts_;
    for (const Statement& statement : block) {
      if (const Sync* s = std::get_if<Sync>(&statement.node)) {
        sync(*s, statement);
      } else if (std::holds_alternative<If>(statement.node)) {
        for (const Block* branch : child_blocks(statement)) {
          this->block(*branch, "a branch", statement.origin);
        }
      } else {
        for (const Block* body : child_blocks(statement)) {
          this->block(*body, "a body", statement.origin);
        }
      }
    }
    for (std::size_t e = 0; e < counts_.size(); ++e) {
      if (counts_[e] == before[e]) continue;
      fault(fmt::format("{} signals %{} {:time} more often than it waits for it", what,
                        program_.events[e].name, Counted{counts_[e] - before[e]}),
            origin);
    }
    counts_ = before;
  }

  void sync(const Sync& sync, const Statement& statement) {
    const bool waits = sync.kind == SyncKind::wait;
    for (const EventId id : sync.events) {
      const Event& event = program_.events[id.value];
      const std::string& owner = waits ? event.waiter : event.signaller;
      if (statement.engine != owner) {
        fault(fmt::format("engine '{}' {} %{}, which belongs to '{}'", statement.engine,
                          waits ? "waits for" : "signals", event.name, owner),
              statement.origin);
      }
      counts_[id.value] += waits ? -1 : 1;
      if (counts_[id.value] < 0 && !dry_[id.value]) {
        dry_[id.value] = true;
        fault(fmt::format("a wait for %{} has no signal before it", event.name), statement.origin);
      }
    }
  }

  const Program& program_;
  std::vector<std::int64_t> counts_;
  std::vector<bool> dry_;
  std::vector<std::string> faults_;
};

}  // namespace

std::vector<std::string> verify_syncs(const Program& program) {
  return SyncVerifier(program).run();
}

std::vector<std::string> verify_placement(const Program& program, const VerifyOptions& options) {
  std::vector<std::string> faults;
  const auto fault = [&](const Tensor& tensor, const std::string& text) {
    faults.push_back(fmt::format("%{} {}", tensor.name, text));
  };
  for (const Tensor& tensor : program.tensors) {
    std::optional<MemoryLimits> limits;
    if (options.memory && !tensor.memory.empty() && tensor.memory != "NONE") {
      limits = options.memory(tensor.memory);
      if (!limits) fault(tensor, "lies in " + tensor.memory + ", which the machine does not have");
    }
    if (!options.placed || tensor.kind != TensorKind::buffer) continue;
    if (!tensor.offset_bytes || tensor.strides_bytes.size() != tensor.shape.size()) {
      fault(tensor, "has no place or no strides");
      continue;
    }
    __int128 bytes = static_cast<__int128>(size_bytes(tensor.storage));
    for (std::size_t a = 0; a < tensor.shape.size(); ++a) {
      bytes += static_cast<__int128>(program.vars.range(tensor.shape[a]).hi - 1) *
               tensor.strides_bytes[a];
    }
    if (bytes > tensor.slot_bytes) fault(tensor, "is larger than its slot");
    if (!limits) continue;
    const std::int64_t alignment = std::max<std::int64_t>(limits->alignment_bytes, 1);
    if (*tensor.offset_bytes % alignment != 0 ||
        (tensor.depth > 1 && tensor.slot_bytes % alignment != 0)) {
      fault(tensor, fmt::format("is not aligned to {} bytes", alignment));
    }
    const __int128 end =
        *tensor.offset_bytes + static_cast<__int128>(std::max(tensor.depth, 1)) * tensor.slot_bytes;
    if (*tensor.offset_bytes < 0 || end > limits->size_bytes) {
      fault(tensor,
            fmt::format("does not fit into the {} bytes of {}", limits->size_bytes, tensor.memory));
    }
  }
  return faults;
}

}  // namespace septran::tile
