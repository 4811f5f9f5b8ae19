#include "targets/cuda/register_room.h"

#include <algorithm>

#include "compiler/tile/visit.h"

namespace septran::cuda {
namespace {

using tile::Block;
using tile::Statement;

constexpr std::int64_t most_registers = 255;      // that an instruction can name
constexpr std::int64_t register_granularity = 8;  // that threads are given
constexpr std::int64_t streaming_registers = 64;  // of a thread of a kernel that moves much
constexpr std::int64_t spare_registers = 12;  // of these, for addresses and values in the making
constexpr std::int64_t most_unbounded = 128;  // registers that a compiler takes if it may
constexpr std::int64_t enough_together = 4;   // blocks of a multiprocessor that overlap well

/// First and last statement that uses a tensor, by number.
struct Life {
  int begin = 0;
  int end = 0;
};

class LifeWalk {
 public:
  LifeWalk(const tile::Program& program, const std::function<std::int64_t(std::uint32_t)>& words)
      : program_(program), words_(words) {}

  void walk(const Statement& statement) {
    const int begin = ++now_;
    for (const auto& use : tile::operands(statement)) {
      const std::uint32_t id = use.tile->tensor.value;
      if (words_(id) > 0) lives_.try_emplace(id, Life{now_, now_}).first->second.end = now_;
    }
    for (const Block* inner : tile::child_blocks(statement)) {
      for (const Statement& child : *inner) walk(child);
    }
    if (!repeats(statement)) return;
    // What comes into a loop and is used there is kept for all its trips.
    for (auto& [id, life] : lives_) {
      if (life.begin < begin && life.end > begin) life.end = now_;
    }
  }

  [[nodiscard]] RegisterUse most() const {
    RegisterUse most;
    for (const auto& [first, from] : lives_) {  // the most begins where some tile begins
      RegisterUse use;
      for (const auto& [id, life] : lives_) {
        if (from.begin < life.begin || from.begin > life.end) continue;
        use.words += words_(id);
        use.tensors.push_back(id);
      }
      if (use.words > most.words) most = std::move(use);
    }
    return most;
  }

 private:
  bool repeats(const Statement& statement) const {
    const auto* loop = std::get_if<tile::Loop>(&statement.node);
    return loop != nullptr && !program_.vars[loop->var].is_value();
  }

  const tile::Program& program_;
  const std::function<std::int64_t(std::uint32_t)>& words_;
  std::map<std::uint32_t, Life> lives_;
  int now_ = 0;
};

}  // namespace

RegisterUse most_at_once(const tile::Program& program, const KernelPlan& kernel,
                         const std::function<std::int64_t(std::uint32_t)>& words) {
  LifeWalk walk(program, words);
  for (std::size_t i = kernel.begin; i < kernel.end; ++i) walk.walk(program.body[i]);
  return walk.most();
}

std::int64_t register_words(const tile::Program& program, const KernelPlan& kernel,
                            const TilePlace& place, std::uint32_t tensor) {
  const tile::Tensor& tile = program.tensors[tensor];
  const std::int64_t count = layout_of(kernel, place, tile).offsets();
  const auto bytes = static_cast<std::int64_t>(size_bytes(place.element));
  const bool paired = bytes == 2 && tile.shape.size() == 2;
  return paired ? ceil_div(count, 2) : count * ceil_div(bytes, 4);
}

namespace {

RegisterUse registers_at_once(const tile::Program& program, const KernelPlan& kernel,
                              const Plan& plan) {
  return most_at_once(program, kernel, [&](std::uint32_t id) {
    const auto place = plan.places.find(id);
    const bool held =
        place != plan.places.end() && place->second.kind == TilePlace::Kind::registers;
    return held ? register_words(program, kernel, place->second, id) : std::int64_t{0};
  });
}

bool has_products(const tile::Program& program, const KernelPlan& kernel) {
  bool found = false;
  const auto look = [&](const Statement& statement) {
    const auto* vec = std::get_if<tile::Vec>(&statement.node);
    found |= std::holds_alternative<tile::Mma>(statement.node) ||
             (vec != nullptr && vec->primitive->kind == PrimitiveKind::matrix);
  };
  for_each_statement(program, kernel, look);
  return found;
}

}  // namespace

int blocks_together(const tile::Program& program, const Machine& machine, const KernelPlan& kernel,
                    const Plan& plan) {
  if (kernel.blocks <= machine.block_count() || has_products(program, kernel)) return 1;
  // Small blocks are several anyway, and may take registers for what they load ahead.
  const std::int64_t registers = machine.cuda.registers_per_block;
  if (registers / (most_unbounded * kernel.threads()) >= enough_together) return 1;
  const std::int64_t words = registers_at_once(program, kernel, plan).words;
  if (words == 0 || words + spare_registers > streaming_registers) return 1;
  const std::int64_t bytes = kernel.shared_bytes + kernel.scratch_bytes;
  const std::int64_t fit = machine.cuda.shared_bytes_per_block / std::max<std::int64_t>(1, bytes);
  const std::int64_t wanted = registers / (streaming_registers * kernel.threads());
  return static_cast<int>(std::max<std::int64_t>(1, std::min(wanted, fit)));
}

std::optional<RegisterMisfit> register_misfit(const tile::Program& program, const Machine& machine,
                                              const KernelPlan& kernel, const Plan& plan) {
  const RegisterUse use = registers_at_once(program, kernel, plan);
  const std::int64_t each = machine.cuda.registers_per_block / kernel.threads();
  RegisterMisfit misfit;
  misfit.most = std::min(most_registers, each / register_granularity * register_granularity);
  if (use.words <= misfit.most) return std::nullopt;
  misfit.threads = kernel.threads();
  misfit.words = use.words;
  for (const std::uint32_t id : use.tensors) {
    misfit.tiles.emplace_back(id, register_words(program, kernel, plan.places.at(id), id));
  }
  return misfit;
}

}  // namespace septran::cuda
