// late-stores: on a processor, what a core writes past its caches waits in few places, and
// arithmetic waits for them. Where the trips of a parallel loop each end by storing rows that a
// reduction over them had to come before, a core takes a run of trips in order and stores the rows
// of each together with the calls of the next that have most to do, or that read it from main
// memory; a backend makes one loop of them.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "compiler/passes/rewrite.h"
#include "compiler/passes/rotate_loop.h"

namespace septran::passes {
namespace {

using tile::Block;
using tile::Parallel;
using tile::Program;
using tile::Statement;
using tile::TensorId;
using tile::TileRef;
using tile::Vec;

constexpr std::int64_t least_trips = 4;    // of a core
constexpr std::int64_t unary_work = 8;     // most are approximations of many steps
constexpr std::int64_t simple_work = 1;    // of other calls, on each element
constexpr int own_family = INT32_MAX - 1;  // of a loop; none of a mapping's schedule has it

/// What the caches of all cores hold together; what is larger and only written goes past them.
std::int64_t all_caches_bytes(const Machine& machine) {
  const MemorySpec* own = machine.find_memory("SHARED");
  return own == nullptr ? 0 : own->size_bytes * std::max(1, machine.block_count());
}

const TileRef* tile_of(const Vec& vec, std::size_t operand) {
  return operand < vec.operands.size() ? std::get_if<TileRef>(&vec.operands[operand]) : nullptr;
}

bool is_reduction(const Vec& vec) { return vec.primitive->kind == PrimitiveKind::reduction; }

/// The extents that a call runs over, of kinds of calls that have them in one operand.
std::vector<Expr> space_of(const Vec& vec) {
  const TileRef* whole = tile_of(vec, is_reduction(vec) ? 1 : 0);
  return whole == nullptr ? std::vector<Expr>{} : whole->view.shape();
}

/// The calls of one trip, by their places in its block.
class Trip {
 public:
  Trip(const Program& program, const Block& body, std::int64_t caches_bytes)
      : program_(program), body_(body), caches_bytes_(caches_bytes) {}

  /// Finds what is stored late and before what; false if there is nothing of the kind.
  bool find() {
    for (const Statement& statement : body_) {
      if (std::holds_alternative<tile::Alloc>(statement.node)) continue;
      const auto* vec = std::get_if<Vec>(&statement.node);
      if (vec == nullptr || vec->guard || tile_of(*vec, 0) == nullptr) return false;
    }
    if (!find_tail() || !needs_a_reduction()) return false;
    auto before = heaviest_run();
    if (!before) before = first_read();
    if (!before) return false;
    before_ = *before;
    return true;
  }

  /// The order of a trip's statements: all but Allocs, the stores one trip late.
  [[nodiscard]] std::vector<tile::ScheduleStep> schedule() const {
    std::vector<tile::ScheduleStep> steps;
    const auto add = [&](std::size_t begin, std::size_t end, int late) {
      for (std::size_t i = begin; i < end; ++i) {
        if (std::holds_alternative<tile::Alloc>(body_[i].node)) continue;
        steps.push_back({std::to_string(i), late, {}});
      }
    };
    add(0, before_, 0);
    add(tail_, body_.size(), 1);
    add(before_, tail_, 0);
    return steps;
  }

 private:
  [[nodiscard]] const Vec* call(std::size_t at) const { return std::get_if<Vec>(&body_[at].node); }

  /// The tail: the last calls on the same rows, which only store or make what stores need.
  bool find_tail() {
    tail_ = body_.size();
    if (last_call() == nullptr || !is_store(*last_call())) return false;
    for (; tail_ > 0; --tail_) {
      const Vec* vec = call(tail_ - 1);
      if (vec == nullptr) continue;
      const bool own = program_[tile_of(*vec, 0)->tensor].kind == tile::TensorKind::buffer;
      if (is_reduction(*vec) || space_of(*vec) != space_of(*last_call()) ||
          !(own || is_store(*vec))) {
        break;
      }
    }
    for (std::size_t i = body_.size(); i-- > tail_;) {
      if (call(i) != nullptr && is_used_before_tail(tile_of(*call(i), 0)->tensor)) tail_ = i + 1;
    }
    return tail_ < body_.size();
  }

  [[nodiscard]] bool is_used_before_tail(TensorId tensor) const {
    return std::any_of(body_.begin(), body_.begin() + static_cast<std::ptrdiff_t>(tail_),
                       [&](const Statement& statement) {
                         return !std::holds_alternative<tile::Alloc>(statement.node) &&
                                uses_tensor(statement, tensor);
                       });
  }
  [[nodiscard]] const Vec* last_call() const { return call(body_.size() - 1); }

  /// Whether a call only writes what no cache holds and nothing reads.
  [[nodiscard]] bool is_store(const Vec& vec) const {
    const TensorId id = tile_of(vec, 0)->tensor;
    const tile::Tensor& to = program_[id];
    if (is_reduction(vec) || to.kind != tile::TensorKind::argument || to.is_input) return false;
    if (bytes_of(to) <= caches_bytes_ || reads_tensor(program_.body, id)) return false;
    const std::vector<Expr> space = space_of(vec);
    return std::all_of(space.begin(), space.end(), [](const Expr& e) { return e.is_constant(); });
  }

  /// Whether the stores need something that a reduction over the same rows has found.
  [[nodiscard]] bool needs_a_reduction() const {
    const std::vector<Expr> space = space_of(*last_call());
    std::set<TensorId> found;
    for (std::size_t i = 0; i < body_.size(); ++i) {
      const Vec* vec = call(i);
      if (vec == nullptr) continue;
      bool needs = is_reduction(*vec) && space_of(*vec) == space;
      for (std::size_t o = 1; o < vec->operands.size(); ++o) {
        const TileRef* from = tile_of(*vec, o);
        needs |= from != nullptr && found.contains(from->tensor);
      }
      if (!needs) continue;
      if (i >= tail_) return true;
      found.insert(tile_of(*vec, 0)->tensor);
    }
    return false;
  }

  /// The second of the calls on such rows that have most to do between two ends of rows, where
  /// there are two; of equals the last. Right before the first the stores might go with the calls
  /// before.
  [[nodiscard]] std::optional<std::size_t> heaviest_run() const {
    const std::vector<Expr> space = space_of(*last_call());
    std::optional<std::size_t> heaviest;
    std::int64_t most = unary_work;  // less is done before the stores would have to wait
    std::size_t begin = 0;
    int calls = 0;
    std::int64_t work = 0;
    std::set<TensorId> ended;  // what the run's reductions find
    for (std::size_t i = 0; i < tail_; ++i) {
      const Vec* vec = call(i);
      if (vec == nullptr || space_of(*vec) != space) continue;
      bool begins = work == 0;
      for (std::size_t o = 1; o < vec->operands.size(); ++o) {
        const TileRef* from = tile_of(*vec, o);
        begins |= from != nullptr && ended.contains(from->tensor);
      }
      // What small calls make of a reduction's result ends a run, too.
      begins |= i > 0 && call(i - 1) != nullptr && space_of(*call(i - 1)) != space;
      if (begins) {
        begin = i;
        calls = 0;
        work = 0;
        ended.clear();
      }
      if (++calls == 2) begin = i;
      work += vec->primitive->kind == PrimitiveKind::unary ? unary_work : simple_work;
      if (is_reduction(*vec)) ended.insert(tile_of(*vec, 0)->tensor);
      if (work < most) continue;
      most = work;
      heaviest = begin;
    }
    return heaviest;
  }

  /// Where there is little arithmetic: right behind the first reduction over such rows, if what it
  /// reads comes from main memory and the stores need operands that all of several rows share.
  /// Reading and storing then overlap, and a backend can store by blocks of columns whose operands
  /// stay close.
  [[nodiscard]] std::optional<std::size_t> first_read() const {
    const std::vector<Expr> space = space_of(*last_call());
    if (space.size() != 2 || space[0].constant() == 1 || !tail_shares_operands()) {
      return std::nullopt;
    }
    bool reads = false;
    for (std::size_t i = 0; i < tail_; ++i) {
      const Vec* vec = call(i);
      if (vec == nullptr || space_of(*vec) != space) continue;
      for (std::size_t o = 1; o < vec->operands.size(); ++o) {
        const TileRef* from = tile_of(*vec, o);
        reads |= from != nullptr && is_far_input(program_[from->tensor]);
      }
      if (is_reduction(*vec)) return reads ? std::optional(i + 1) : std::nullopt;
    }
    return std::nullopt;
  }
  [[nodiscard]] bool is_far_input(const tile::Tensor& tensor) const {
    return tensor.kind == tile::TensorKind::argument && !tensor.is_output &&
           bytes_of(tensor) > caches_bytes_;
  }
  [[nodiscard]] bool tail_shares_operands() const {
    const Expr columns = space_of(*last_call()).back();
    for (std::size_t i = tail_; i < body_.size(); ++i) {
      const Vec* vec = call(i);
      for (std::size_t o = 1; vec != nullptr && o < vec->operands.size(); ++o) {
        const TileRef* from = tile_of(*vec, o);
        if (from != nullptr && from->view.shape() == std::vector<Expr>{columns}) return true;
      }
    }
    return false;
  }

  [[nodiscard]] std::int64_t bytes_of(const tile::Tensor& tensor) const {
    auto bytes = static_cast<std::int64_t>(size_bytes(tensor.storage));
    for (const Expr& extent : tensor.shape) bytes *= max_extent(program_, extent);
    return bytes;
  }

  const Program& program_;
  const Block& body_;
  std::int64_t caches_bytes_;
  std::size_t tail_ = 0;    // of the first store
  std::size_t before_ = 0;  // of the call that they go before
};

/// Whether a statement begins a new generation of a buffer.
bool is_alloc_of(const Statement& statement, TensorId tensor) {
  const auto* alloc = std::get_if<tile::Alloc>(&statement.node);
  return alloc != nullptr && alloc->tensor == tensor;
}

/// Whether statements use a tensor before they begin a generation of their own.
bool uses_earlier(const Block& block, std::size_t begin, std::size_t end, TensorId tensor) {
  for (std::size_t i = begin; i < end; ++i) {
    if (is_alloc_of(block[i], tensor)) return false;
    if (uses_tensor(block[i], tensor)) return true;
  }
  return false;
}

/// Gives the trips that are peeled off a loop buffers of their own where no value goes from them to
/// the loop or from the loop to them, so that a buffer still belongs to one block.
class Renaming {
 public:
  explicit Renaming(Program& program) : program_(program) {}

  void run(Block& block) {
    for (std::size_t i = 0; i < block.size(); ++i) {
      if (auto* loop = std::get_if<tile::Loop>(&block[i].node)) return around(block, i, *loop);
      for (Block* inner : tile::child_blocks(block[i])) run(*inner);
    }
  }

 private:
  void around(Block& block, std::size_t at, const tile::Loop& loop) {
    for (const Statement& statement : loop.body) {
      const auto* alloc = std::get_if<tile::Alloc>(&statement.node);
      if (alloc == nullptr || program_[alloc->tensor].depth > 1) continue;
      const TensorId tensor = alloc->tensor;
      if (uses_earlier(loop.body, 0, loop.body.size(), tensor) ||
          uses_earlier(block, at + 1, block.size(), tensor)) {
        continue;
      }
      rename(block, 0, at, tensor);
      rename(block, at + 1, block.size(), tensor);
    }
  }

  void rename(Block& block, std::size_t begin, std::size_t end, TensorId tensor) {
    TensorId own = tensor;
    for (std::size_t i = begin; i < end; ++i) {
      if (is_alloc_of(block[i], tensor)) {
        own = program_.add_tensor(program_[tensor]);
        block[i].node = tile::Alloc{own};
      }
      for (const auto& use : tile::operands(block[i])) {
        if (use.tile->tensor == tensor) use.tile->tensor = own;
      }
    }
  }

  Program& program_;
};

class LateStores {
 public:
  LateStores(Program& program, const PassContext& context) : program_(program), context_(context) {}

  void run() {
    if (!has_room()) return;
    for (Statement& statement : program_.body) visit(statement);
  }

 private:
  /// Whether all buffers would fit twice: what is stored late stays a trip longer.
  [[nodiscard]] bool has_room() const {
    std::map<std::string, std::int64_t> bytes;
    tile::for_each_statement(program_.body, [&](const Statement& statement) {
      const auto* alloc = std::get_if<tile::Alloc>(&statement.node);
      if (alloc == nullptr) return;
      const tile::Tensor& tensor = program_[alloc->tensor];
      std::int64_t one = static_cast<std::int64_t>(size_bytes(tensor.storage)) * tensor.depth;
      for (const Expr& extent : tensor.shape) one *= max_extent(program_, extent);
      const MemorySpec* memory = context_.machine.find_memory(tensor.memory);
      bytes[tensor.memory] += one + (memory == nullptr ? 0 : memory->alignment_bytes);
    });
    return std::all_of(bytes.begin(), bytes.end(), [&](const auto& entry) {
      const MemorySpec* memory = context_.machine.find_memory(entry.first);
      return memory != nullptr && 2 * entry.second <= memory->size_bytes;
    });
  }

  void visit(Statement& statement) {
    auto* parallel = std::get_if<Parallel>(&statement.node);
    if (parallel == nullptr) {
      for (Block* inner : tile::child_blocks(statement)) {
        for (Statement& child : *inner) visit(child);
      }
    } else if (is_plain(*parallel)) {
      rotate(*parallel, statement.origin);
    }
  }

  /// Whether cores take the trips in order, each its share.
  static bool is_plain(const Parallel& parallel) {
    const auto& order = parallel.order;
    const auto none = [](const auto& all) {
      return std::all_of(all.begin(), all.end(), [](auto one) { return !one; });
    };
    return !parallel.processor.empty() && parallel.workers != 0 && parallel.vars.size() == 1 &&
           !parallel.gpu && none(order.group) && none(order.reverse);
  }

  /// A block's statements with those of loops of one trip among them.
  Block flattened(const Block& block) {
    Block flat;
    for (const Statement& statement : block) {
      const auto* loop = std::get_if<tile::Loop>(&statement.node);
      const bool once =
          loop != nullptr && loop->workers == 0 && loop->schedule.empty() && loop->spread == 0 &&
          program_.vars.simplify(program_.vars[loop->var].end - program_.vars[loop->var].begin)
                  .constant() == 1;
      if (!once) {
        flat.push_back(statement);
        continue;
      }
      const Expr begin = program_.vars[loop->var].begin;
      for (const Statement& inner : flattened(loop->body)) {
        flat.push_back(copy_statement(program_, inner, loop->var, begin));
      }
    }
    return flat;
  }

  void rotate(Parallel& parallel, const tile::Origin& origin) {
    const VarId var = parallel.vars[0];
    const VarInfo info = program_.vars[var];
    const auto trips = program_.vars.simplify(info.end - info.begin).constant();
    const int cores = context_.machine.block_count();
    const int workers = parallel.workers > 0 ? std::min(parallel.workers, cores) : cores;
    if (!trips || *trips < least_trips * workers) return;
    const Block body = flattened(parallel.body);
    Trip trip(program_, body, all_caches_bytes(context_.machine));
    if (!trip.find()) return;
    tile::Loop loop;
    const VarId part = program_.vars.add("part", 0, workers);
    const Expr begin = info.begin + Expr::floor_div(Expr::var(part) * *trips, workers);
    const Expr end = info.begin + Expr::floor_div((Expr::var(part) + 1) * *trips, workers);
    loop.var = program_.vars.add(info.name, begin, end);
    loop.schedule = trip.schedule();
    for (std::size_t i = 0; i < body.size(); ++i) {
      loop.body.push_back(copy_statement(program_, body[i], var, Expr::var(loop.var)));
      loop.body.back().launch = std::to_string(i);
    }
    Diagnostics refused;  // what cannot be moved stays
    Result<Block> rotated = rotate_loop(program_, std::move(loop), origin, own_family, refused);
    if (!rotated) return;
    tile::for_each_statement(*rotated, [](Statement& statement) { statement.part.reset(); });
    Renaming(program_).run(*rotated);
    parallel.vars = {part};
    parallel.order = {{}, {0}, {false}};
    parallel.body = std::move(*rotated);
  }

  Program& program_;
  const PassContext& context_;
};

}  // namespace

Result<Program> late_stores(Program program, const PassContext& context) {
  if (context.machine.family == MachineFamily::cpu) LateStores(program, context).run();
  return program;
}

}  // namespace septran::passes
