#include "targets/cpu/streams.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compiler/tile/visit.h"

namespace septran::cpu {
namespace {

using tile::Tensor;
using tile::TileRef;

constexpr std::int64_t least_distance_bytes = 1024;  // what is nearer, processors fetch themselves
constexpr std::int64_t least_share = NextTrip::all / 10;  // of what is fetched

bool in_main_memory(const Tensor& tensor) { return tensor.kind != tile::TensorKind::buffer; }

/// How much a call is to do, roughly: most functions of one operand are approximations of many
/// steps, and what the first level of caches does not hold has to come from the second.
double work_of(const tile::Program& program, const tile::Vec& vec, std::int64_t own_cache_bytes) {
  constexpr double smaller_first_level = 32;  // than a core's own cache, at least
  double most = 1;
  double far = 0;
  for (const tile::Operand& operand : vec.operands) {
    const auto* ref = std::get_if<TileRef>(&operand);
    if (ref == nullptr) continue;
    double elements = 1;
    for (const ViewDim& dim : ref->view.dims) {
      elements *= static_cast<double>(std::max<std::int64_t>(1, program.vars.range(dim.extent).hi));
    }
    most = std::max(most, elements);
    const auto bytes = elements * static_cast<double>(size_bytes(program[ref->tensor].storage));
    if (bytes * smaller_first_level > static_cast<double>(own_cache_bytes)) far = most;
  }
  return (vec.primitive->kind == PrimitiveKind::unary ? 8 * most : most) + far;
}

}  // namespace

Streams::Streams(const tile::Program& program, const Machine& machine) : program_(program) {
  std::int64_t all_caches = 0;
  for (const MemorySpec& memory : machine.memories) {
    if (memory.name == "SHARED") all_caches = memory.size_bytes;
    if (memory.name == "REGISTER") own_cache_bytes_ = memory.size_bytes;
  }
  for (const ProcessorSpec& processor : machine.processors) {
    if (processor.name == "BLOCK") all_caches *= processor.count;
  }
  for (std::uint32_t i = 0; i < program.tensors.size(); ++i) {
    const Tensor& tensor = program.tensors[i];
    const bool only_read = tensor.is_input && !tensor.is_output;
    if (!in_main_memory(tensor) || only_read || bytes(tensor) <= all_caches) continue;
    large_.insert(i);
    if (!tensor.is_input) far_.insert(i);
  }
  tile::for_each_statement(program.body, [&](const tile::Statement& statement) {
    for (const auto& use : tile::operands(statement)) {
      if (reads(use.access)) far_.erase(use.tile->tensor.value);
      ++uses_[use.tile->tensor.value];
    }
  });
  std::vector<Around> loops;
  walk(program.body, loops);
  for (const auto& [key, readers] : readers_) {
    if (is_read_ahead(readers.front())) {
      for (const Reader& reader : readers) next_.erase({reader.vec, reader.operand});
    } else if (is_simple(readers)) {
      NextTrip& next = next_.at({readers.front().vec, readers.front().operand});
      next.begin = next.end;
    } else {
      share(readers);
    }
  }
}

/// Whether a trip does little but one elementwise operation: processors fetch ahead by themselves
/// what comes in order, and requests only take their time.
bool Streams::is_simple(const std::vector<Reader>& readers) const {
  constexpr double few = 4;  // operations like this one
  const Reader& reader = readers.front();
  const PrimitiveKind kind = reader.vec->primitive->kind;
  if (readers.size() > 1 || kind == PrimitiveKind::unary || kind == PrimitiveKind::reduction) {
    return false;
  }
  return work_after_.at(reader.loop) - reader.work <=
         few * work_of(program_, *reader.vec, own_cache_bytes_);
}

/// Whether another reader of the same loop is a trip ahead.
bool Streams::is_read_ahead(const Reader& reader) const {
  const auto ahead = readers_.find(reader.key_ahead);
  return ahead != readers_.end() && ahead->second.front().loop == reader.loop;
}

/// Deals the columns of one tile to those that read it in one trip, by the time until the next
/// one; equally where what goes past the caches goes there meanwhile, which takes that time, too.
void Streams::share(const std::vector<Reader>& readers) {
  constexpr double much = 0.25;  // of a trip's work, after such a store
  const double begin = readers.front().work;
  const double end = work_after_.at(readers.back().loop);
  const bool stores = std::any_of(far_stores_.begin(), far_stores_.end(), [&](double work) {
    return work >= begin && work < end && end - work >= much * (end - begin);
  });
  const auto place = [&](std::size_t r) {
    const double part = stores ? static_cast<double>(r) / static_cast<double>(readers.size())
                               : (readers[r].work - begin) / (end - begin);
    return std::llround(part * static_cast<double>(NextTrip::all));
  };
  for (std::size_t r = 0; r < readers.size(); ++r) {
    NextTrip& next = next_.at({readers[r].vec, readers[r].operand});
    next.begin = r > 0 ? next_.at({readers[r - 1].vec, readers[r - 1].operand}).end : 0;
    next.end = r + 1 == readers.size() ? NextTrip::all : place(r + 1);
    // Who does little has no time to fetch: the next one does it, too.
    if (next.end - next.begin < least_share) next.end = next.begin;
  }
}

std::size_t Streams::uses(tile::TensorId id) const {
  const auto at = uses_.find(id.value);
  const bool is_buffer = program_[id].kind == tile::TensorKind::buffer;
  return is_buffer && at != uses_.end() ? at->second : SIZE_MAX;
}

std::optional<NextTrip> Streams::next(const tile::Vec& vec, std::size_t operand) const {
  const auto at = next_.find({&vec, operand});
  return at == next_.end() ? std::nullopt : std::optional(at->second);
}

void Streams::fetches_no_more(const tile::Vec& vec) {
  for (const auto& [key, readers] : readers_) {
    const bool is_here = std::any_of(readers.begin(), readers.end(),
                                     [&](const Reader& reader) { return reader.vec == &vec; });
    if (!is_here) continue;
    for (const Reader& reader : readers) {
      const auto next = next_.find({reader.vec, reader.operand});
      if (next != next_.end()) next->second.begin = next->second.end;
    }
  }
}

void Streams::walk(const tile::Block& block, std::vector<Around>& loops) {
  for (const tile::Statement& statement : block) {
    if (const auto* vec = std::get_if<tile::Vec>(&statement.node)) {
      look(*vec, loops);
      const auto* to = std::get_if<TileRef>(vec->operands.data());
      if (to != nullptr && is_far(to->tensor)) far_stores_.push_back(work_);
      work_ += work_of(program_, *vec, own_cache_bytes_);
    }
    const auto* loop = std::get_if<tile::Loop>(&statement.node);
    if (loop != nullptr) loops.push_back({loop->var, loop->workers});
    for (const tile::Block* inner : tile::child_blocks(statement)) walk(*inner, loops);
    if (loop == nullptr) continue;
    work_after_[loop->var] = work_;
    loops.pop_back();
  }
}

void Streams::look(const tile::Vec& vec, const std::vector<Around>& loops) {
  for (std::size_t o = 1; o < vec.operands.size(); ++o) {
    const auto* ref = std::get_if<TileRef>(&vec.operands[o]);
    if (ref == nullptr) continue;
    const Tensor& tensor = program_[ref->tensor];
    const bool only_read = tensor.kind == tile::TensorKind::argument && !tensor.is_output;
    if (!only_read || bytes(tensor) <= own_cache_bytes_) continue;
    Expr place;
    const auto element = static_cast<std::int64_t>(size_bytes(tensor.storage));
    for (std::size_t a = 0; a < ref->view.base.size(); ++a) {
      place += ref->view.base[a] * (tensor.strides_bytes[a] / element);
    }
    place = expanded(place);
    const auto key = [&](const Expr& at) {
      std::string text = fmt::format("{} {}", ref->tensor.value, to_string(at, program_.vars));
      for (const ViewDim& dim : ref->view.dims) {
        text += " " + to_string(expanded(dim.extent), program_.vars);
      }
      return text;
    };
    const auto around = std::find_if(loops.rbegin(), loops.rend(), [&](const Around& loop) {
      return place.depends_on(loop.var);
    });
    if (around == loops.rend()) continue;
    const Expr step = place.substitute(around->var, Expr::var(around->var) + Expr(1)) - place;
    const auto elements = step.constant();
    if (!elements || std::abs(*elements) * element < least_distance_bytes) continue;
    const std::string key_ahead = key(program_.vars.simplify(place + step));
    readers_[key(place)].push_back({&vec, o, around->var, work_, key_ahead});
    next_[{&vec, o}] = {*elements, around->workers};
  }
}

/// Variables of loops of one trip replaced by their values.
Expr Streams::expanded(const Expr& e) const {
  return program_.vars.simplify(program_.vars.expand_values(e));
}

std::int64_t Streams::bytes(const Tensor& tensor) const {
  auto product = static_cast<std::int64_t>(size_bytes(tensor.storage));
  for (const Expr& extent : tensor.shape) product *= program_.vars.range(extent).hi;
  return product;
}

}  // namespace septran::cpu
