#include "targets/cpu/streams.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/tile/visit.h"

namespace septran::cpu {
namespace {

using tile::Tensor;
using tile::TileRef;

constexpr std::int64_t least_distance_bytes = 1024;  // what is nearer, processors fetch themselves

bool in_main_memory(const Tensor& tensor) { return tensor.kind != tile::TensorKind::buffer; }

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
    if (in_main_memory(tensor) && !tensor.is_input && bytes(tensor) > all_caches) far_.insert(i);
  }
  tile::for_each_statement(program.body, [&](const tile::Statement& statement) {
    for (const auto& use : tile::operands(statement)) {
      if (reads(use.access)) far_.erase(use.tile->tensor.value);
    }
  });
  std::vector<Around> loops;
  walk(program.body, loops);
}

std::optional<NextTrip> Streams::next(const tile::Vec& vec, std::size_t operand) const {
  const auto at = next_.find({&vec, operand});
  return at == next_.end() ? std::nullopt : std::optional(at->second);
}

void Streams::walk(const tile::Block& block, std::vector<Around>& loops) {
  for (const tile::Statement& statement : block) {
    if (const auto* vec = std::get_if<tile::Vec>(&statement.node)) look(*vec, loops);
    const auto* loop = std::get_if<tile::Loop>(&statement.node);
    if (loop != nullptr) loops.push_back({loop->var, loop->workers});
    for (const tile::Block* inner : tile::child_blocks(statement)) walk(*inner, loops);
    if (loop != nullptr) loops.pop_back();
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
    std::string key = fmt::format("{} {}", ref->tensor.value, to_string(place, program_.vars));
    for (const ViewDim& dim : ref->view.dims) {
      key += " " + to_string(expanded(dim.extent), program_.vars);
    }
    const auto known = last_.find(key);
    if (known != last_.end()) next_.erase(known->second);
    const auto around = std::find_if(loops.rbegin(), loops.rend(), [&](const Around& loop) {
      return place.depends_on(loop.var);
    });
    if (around == loops.rend()) continue;
    const Expr step = place.substitute(around->var, Expr::var(around->var) + Expr(1)) - place;
    const auto elements = step.constant();
    if (!elements || std::abs(*elements) * element < least_distance_bytes) continue;
    last_[key] = {&vec, o};
    next_[{&vec, o}] = {*elements, around->workers};
  }
}

/// Variables of loops of one trip replaced by their values.
Expr Streams::expanded(const Expr& e) const {
  Expr result = e;
  for (bool again = true; again;) {
    again = false;
    std::vector<VarId> vars;
    result.collect_vars(vars);
    for (const VarId var : vars) {
      const VarInfo& info = program_.vars[var];
      if (!(info.end == info.begin + Expr(1))) continue;
      result = result.substitute(var, info.begin);
      again = true;
    }
  }
  return program_.vars.simplify(result);
}

std::int64_t Streams::bytes(const Tensor& tensor) const {
  auto product = static_cast<std::int64_t>(size_bytes(tensor.storage));
  for (const Expr& extent : tensor.shape) product *= program_.vars.range(extent).hi;
  return product;
}

}  // namespace septran::cpu
