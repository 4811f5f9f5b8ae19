#include "simulator/hazards.h"

#include <fmt/format.h>

#include <algorithm>

#include "targets/dsa/assembly.h"
#include "targets/dsa/isa.h"

namespace septran::simulator {
namespace {

void join(Clock& clock, const Clock& other) {
  for (std::size_t i = 0; i < other.size(); ++i) clock[i] = std::max(clock[i], other[i]);
}

/// Whether the host gives the buffer its bytes: what an output holds before the run is the host's
/// too, and stays where the kernel does not write.
bool is_bound(const dsa::GlobalBuffer& buffer) { return buffer.is_input || buffer.is_output; }

/// By global buffer: whether the host gives it its bytes and no instruction writes it.
std::vector<bool> constant_buffers(const dsa::Program& program) {
  std::vector<bool> constant;
  for (const dsa::GlobalBuffer& buffer : program.globals) constant.push_back(is_bound(buffer));
  const auto written = [&](dsa::OperandId id) {
    const auto& tile = std::get<dsa::TileOperand>(program.operands[id]);
    if (tile.memory == dsa::MemoryId::global) constant[tile.buffer] = false;
  };
  for (const dsa::Instruction& instruction : program.code) {
    if (const auto* copy = std::get_if<dsa::DmaCopy>(&instruction.node)) written(copy->dst);
    if (const auto* mma = std::get_if<dsa::Mma>(&instruction.node)) written(mma->acc);
    if (const auto* vec = std::get_if<dsa::Vec>(&instruction.node)) written(vec->operands[0]);
  }
  return constant;
}

Hazard::Kind kind_of(const Access& first, const Access& second) {
  if (!first.writes) return Hazard::Kind::write_after_read;
  return second.writes ? Hazard::Kind::write_after_write : Hazard::Kind::read_after_write;
}

std::string hint_of(const Hazard& hazard) {
  if (hazard.kind == Hazard::Kind::unwritten) {
    return "write them before, or give the tile no more extent than what was written";
  }
  if (hazard.kind == Hazard::Kind::shared_event) {
    return "use an event of its own for each pair of a signalling and a waiting engine";
  }
  const Hazard::Side& first = hazard.first;
  const Hazard::Side& second = *hazard.second;
  if (first.core != second.core) {
    return fmt::format(
        "put a barrier between them: {} arrives behind instruction {}, {} awaits it before "
        "instruction {}",
        first.engine, first.instruction, second.engine, second.instruction);
  }
  return fmt::format(
      "let {} wait before instruction {} for an event that {} signals behind instruction {}",
      second.engine, second.instruction, first.engine, first.instruction);
}

}  // namespace

HazardDetector::HazardDetector(const dsa::Program& program, const GlobalLayout& layout,
                               int core_count)
    : program_(program),
      layout_(layout),
      constant_(constant_buffers(program)),
      events_(static_cast<std::size_t>(core_count)),
      generations_(program.barriers.size()),
      local_(2 * static_cast<std::size_t>(core_count)) {
  const std::size_t lanes = static_cast<std::size_t>(core_count) * dsa::engine_count;
  clocks_.assign(lanes, Clock(lanes));
  for (std::vector<Event>& events : events_) {
    events.resize(program.events.size());
    for (std::size_t e = 0; e < events.size(); ++e) {
      events[e].signals.resize(static_cast<std::size_t>(program.events[e].credits));
    }
  }
  for (std::size_t i = 0; i < program.globals.size(); ++i) {
    const std::int64_t begin = layout.address[i];
    if (is_bound(program.globals[i]) && !constant_[i] && layout.size_bytes[i] > 0) {
      global_.mark_written({begin, begin + layout.size_bytes[i]});
    }
  }
}

std::uint32_t HazardDetector::lane(const Step& step) const {
  return static_cast<std::uint32_t>(step.core * dsa::engine_count + static_cast<int>(step.engine));
}

HazardDetector::Event& HazardDetector::event(const Step& step, std::uint32_t id) {
  return events_[static_cast<std::size_t>(step.core)][id];
}

void HazardDetector::signal(const Step& step, std::uint32_t id) {
  use_event(event(step, id).signaller, step, id);
  event(step, id).signals.push_back(clock(step));
}

void HazardDetector::wait(const Step& step, std::uint32_t id) {
  use_event(event(step, id).waiter, step, id);
  std::deque<Clock>& signals = event(step, id).signals;
  join(clock(step), signals.front());
  signals.pop_front();
}

void HazardDetector::arrive(const Step& step, std::uint32_t barrier, std::size_t generation) {
  std::vector<Clock>& clocks = generations_[barrier];
  if (clocks.size() <= generation) clocks.resize(generation + 1, Clock(clocks_.size()));
  join(clocks[generation], clock(step));
}

void HazardDetector::await(const Step& step, std::uint32_t barrier, std::size_t generation) {
  join(clock(step), generations_[barrier][generation]);
}

void HazardDetector::use_event(std::optional<Step>& user, const Step& step, std::uint32_t id) {
  if (!user) user = step;
  if (user->engine == step.engine) return;
  Record& record = records_[{user->instruction, step.instruction, true}];
  Hazard& hazard = record.hazard;
  if (record.hazard.second) {
    ++hazard.count;
    return;
  }
  hazard.kind = Hazard::Kind::shared_event;
  hazard.first = side({lane(*user), user->instruction, user->sequence});
  hazard.second = side({lane(step), step.instruction, step.sequence});
  hazard.event = program_.events[id].name;
}

Access HazardDetector::begin(const Step& step) {
  ++operations_;
  counted_.clear();
  clock(step)[lane(step)] = step.sequence;
  return {lane(step), step.instruction, step.sequence};
}

void HazardDetector::operation(const Step& step, const DmaWork& work) {
  const Access access = begin(step);
  read(access, work.src);
  write(access, work.dst);
}

void HazardDetector::operation(const Step& step, const MmaWork& work) {
  const Access access = begin(step);
  read(access, work.a);
  read(access, work.b);
  write(access, work.acc, work.accumulate);
}

void HazardDetector::operation(const Step& step, const VecWork& work) {
  const Access access = begin(step);
  for (std::size_t i = 1; i < work.operands.size(); ++i) {
    if (const auto* tile = std::get_if<ResolvedTile>(&work.operands[i])) read(access, *tile);
  }
  write(access, std::get<ResolvedTile>(work.operands[0]), work.reads_output);
}

AccessMap& HazardDetector::memory(const Access& access, dsa::MemoryId id) {
  if (id == dsa::MemoryId::global) return global_;
  const std::size_t core = access.lane / dsa::engine_count;
  return local_[2 * core + (id == dsa::MemoryId::shared ? 0 : 1)];
}

void HazardDetector::read(const Access& access, const ResolvedTile& tile) {
  if (tile.memory == dsa::MemoryId::global && constant_[tile.buffer]) return;
  AccessMap& map = memory(access, tile.memory);
  for (const ByteRange& range : ranges_.of(tile)) {
    map.read(range, access, clocks_[access.lane], findings_);
  }
  note(access, tile.memory);
}

void HazardDetector::write(const Access& access, const ResolvedTile& tile, bool reads_too) {
  AccessMap& map = memory(access, tile.memory);
  Access writing = access;
  writing.writes = true;
  for (const ByteRange& range : ranges_.of(tile)) {
    map.write(range, writing, reads_too, clocks_[access.lane], findings_);
  }
  note(writing, tile.memory);
}

void HazardDetector::note(const Access& access, dsa::MemoryId memory) {
  for (const Finding& finding : findings_) {
    if (finding.kind == Finding::Kind::unwritten) {
      note_unwritten(finding, memory);
    } else {
      note_unordered(finding, access, memory);
    }
  }
  findings_.clear();
}

void HazardDetector::note_unordered(const Finding& finding, const Access& access,
                                    dsa::MemoryId memory) {
  const auto core = [](const Access& a) { return a.lane / dsa::engine_count; };
  const Access* first = &finding.earlier;
  const Access* second = &access;
  const bool swapped = core(*first) == core(*second)
                           ? first->sequence > second->sequence
                           : std::pair(first->instruction, first->lane) >
                                 std::pair(second->instruction, second->lane);
  if (swapped) std::swap(first, second);
  const Key key{first->instruction, second->instruction, false};
  const OperationId ids[] = {{first->lane, first->sequence}, {second->lane, second->sequence}};
  auto [at, is_new] = records_.try_emplace(key);
  Record& record = at->second;
  const bool counted = !counted_.insert({key, ids[swapped ? 1 : 0]}).second;
  if (is_new) {
    record = {describe(*first, *second), ids[0], ids[1], {}};
    widen(record.hazard, memory, finding.bytes);
    return;
  }
  if (!counted) ++record.hazard.count;
  const bool example = record.first == ids[0] && record.second == ids[1];
  if (example && record.hazard.memory == memory_name(memory)) {
    widen(record.hazard, memory, finding.bytes);
  }
}

void HazardDetector::note_unwritten(const Finding& finding, dsa::MemoryId memory) {
  const Access& access = finding.earlier;
  const OperationId id{access.lane, access.sequence};
  auto [at, is_new] = records_.try_emplace({access.instruction, access.instruction, true});
  Record& record = at->second;
  if (is_new) {
    record.hazard.kind = Hazard::Kind::unwritten;
    record.hazard.first = side(access);
    record.first = id;
  }
  std::int64_t& times = record.unwritten[id];
  record.hazard.count += std::max<std::int64_t>(times, access.times) - times - (is_new ? 1 : 0);
  times = std::max<std::int64_t>(times, access.times);
  if (is_new || (record.first == id && record.hazard.memory == memory_name(memory))) {
    widen(record.hazard, memory, finding.bytes);
  }
}

Hazard HazardDetector::describe(const Access& first, const Access& second) const {
  Hazard hazard;
  hazard.kind = kind_of(first, second);
  hazard.first = side(first);
  hazard.second = side(second);
  return hazard;
}

void HazardDetector::widen(Hazard& hazard, dsa::MemoryId memory, ByteRange bytes) const {
  ByteRange span = bytes;
  std::string names;
  if (memory == dsa::MemoryId::global) {
    std::size_t buffer = layout_.address.size() - 1;
    while (layout_.address[buffer] > bytes.begin) --buffer;
    span = {bytes.begin - layout_.address[buffer], bytes.end - layout_.address[buffer]};
    names = program_.globals[buffer].name;
  }
  if (!hazard.memory.empty()) {
    span = {std::min(span.begin, hazard.first_byte), std::max(span.end, hazard.last_byte + 1)};
  }
  for (const dsa::LocalBuffer& local : program_.locals) {
    const std::int64_t end = local.offset_bytes + local.size_bytes;
    if (local.memory != memory || local.offset_bytes >= span.end || end <= span.begin) continue;
    names += (names.empty() ? "" : ", ") + local.name;
  }
  hazard.memory = memory_name(memory);
  hazard.buffers = names;
  hazard.first_byte = span.begin;
  hazard.last_byte = span.end - 1;
}

Hazard::Side HazardDetector::side(const Access& access) const {
  const dsa::Instruction& instruction = program_.code[access.instruction];
  const auto engine = static_cast<dsa::EngineId>(access.lane % dsa::engine_count);
  Hazard::Side side;
  side.core = static_cast<int>(access.lane / dsa::engine_count);
  side.engine = std::string(dsa::name(engine));
  side.instruction = access.instruction;
  side.text = dsa::to_text(instruction.node);
  if (instruction.origin < program_.origins.size()) {
    side.origin = program_.origins[instruction.origin];
  }
  return side;
}

HazardReport HazardDetector::finish() {
  global_.finish(findings_);
  note({}, dsa::MemoryId::global);
  for (std::size_t i = 0; i < local_.size(); ++i) {
    local_[i].finish(findings_);
    note({}, i % 2 == 0 ? dsa::MemoryId::shared : dsa::MemoryId::accumulators);
  }
  HazardReport report{operations_, {}};
  for (auto& [key, record] : records_) {
    record.hazard.hint = hint_of(record.hazard);
    report.hazards.push_back(std::move(record.hazard));
  }
  return report;
}

}  // namespace septran::simulator
