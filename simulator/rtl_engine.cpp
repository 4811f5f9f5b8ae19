#include "simulator/rtl_engine.h"

#include <fmt/format.h>

#include <algorithm>

namespace septran::simulator {
namespace {

kernels::Tile dense(void* data, DType type, std::int64_t rows, std::int64_t cols) {
  const auto width = static_cast<std::int64_t>(size_bytes(type));
  kernels::Tile tile;
  tile.data = static_cast<std::byte*>(data);
  tile.storage = tile.logical = type;
  for (const auto& [extent, stride] : {std::pair(rows, cols * width), std::pair(cols, width)}) {
    kernels::TileDim dim;
    dim.extent = extent;
    dim.digits = {{extent, stride, -1, 0}};
    tile.dims.push_back(dim);
  }
  return tile;
}

std::vector<std::int8_t> gathered(const kernels::Tile& tile) {
  std::vector<std::int8_t> values(static_cast<std::size_t>(tile.elements()));
  kernels::run_copy(dense(values.data(), DType::i8, tile.dims[0].extent, tile.dims[1].extent),
                    tile);
  return values;
}

/// Elements (row, col), (row, col + 1), ... of a rows x cols matrix, or of its transpose. Beyond
/// its edge there is no telling what a scratchpad gives.
std::vector<std::int8_t> row_of(const std::vector<std::int8_t>& matrix, std::int64_t rows,
                                std::int64_t cols, bool transposed, const RtlArray::Access& access,
                                int count) {
  constexpr std::int8_t outside = 0x55;
  std::vector<std::int8_t> values(static_cast<std::size_t>(count), outside);
  for (std::int64_t i = 0; i < count && access.col + i < cols && access.row < rows; ++i) {
    const std::int64_t at =
        transposed ? (access.col + i) * rows + access.row : access.row * cols + access.col + i;
    values[static_cast<std::size_t>(i)] = matrix[static_cast<std::size_t>(at)];
  }
  return values;
}

}  // namespace

RtlMmaEngine::RtlMmaEngine(const sc_core::sc_module_name& name, Shared& shared, CoreState& core,
                           int queue_depth)
    : MmaEngine(name, shared, core, queue_depth),
      array_(make_rtl_array(shared.machine.dsa.mma.rows, shared.machine.dsa.mma.cols)),
      reset_edges_(2 * (shared.machine.dsa.mma.rows + shared.machine.dsa.mma.cols)) {
  SC_HAS_PROCESS(RtlMmaEngine);
  SC_METHOD(tick);
}

Engine::Next RtlMmaEngine::start(Command& head, Cycle eligible, Cycle now) {
  const auto& work = std::get<MmaWork>(head.work);
  const ArraySchedule schedule = schedule_of(work);
  if (schedule.passes == 0) {
    return products_.empty() ? MmaEngine::start(head, eligible, now) : until_woken();
  }
  if (!ready_ || command_) return until_woken();
  if (!held_until_) {
    stall(head.instruction, eligible, now, "array");
    const Plan plan = reserve_ports(work, schedule, now);
    held_until_ =
        plan.delay == 0 ? now : std::max(now, plan.stream + plan.delay - schedule.preload_cycles);
    stall(head.instruction, now, *held_until_, plan.cause);
    foresee(plan, schedule);
  }
  if (*held_until_ > now) return sleep_until(*held_until_);
  held_until_.reset();
  timeline_.settle(now);
  observe(head, work);
  give(head, now);
  front_ = now;
  pop();
  return again();
}

void RtlMmaEngine::give(Command& head, Cycle now) {
  Product product;
  product.tag = static_cast<unsigned>(started_ % RtlArray::tags);
  product.instruction = head.instruction;
  product.work = std::move(std::get<MmaWork>(head.work));
  count(product.work);
  ++cost(head.instruction).executed;
  ++operations_;
  ++started_;
  // With a factor the sums of this product alone are wanted first.
  const MmaWork& work = product.work;
  command_ = {product.tag, work.m, work.n, work.k, work.accumulate && work.factor == 1};
  given_ = now;
  if (shared_.with_values) stage(product);
  products_.push_back(std::move(product));
  if (clock_runs_) return;
  clock_runs_ = true;
  clock_start_.notify(cycles(1));
}

void RtlMmaEngine::stage(Product& product) {
  product.a = gathered(shared_.bind(product.work.a, core_));
  product.b = gathered(shared_.bind(product.work.b, core_));
  product.sums.resize(static_cast<std::size_t>(product.work.m * product.work.n));
}

void RtlMmaEngine::fire(const dsa::Sync& sync, std::size_t generation, Cycle pass) {
  if (products_.empty()) return MmaEngine::fire(sync, generation, pass);
  deferred_.push_back({sync, generation, pass, started_});
}

void RtlMmaEngine::tick() {
  const Cycle now = current_cycle();
  switch (phase_) {
    case Phase::reset:
      return reset_step();
    case Phase::drive:  // the inputs of the cycle that ends now
      inputs_.command.reset();
      if (command_ && given_ < now) inputs_.command = command_;
      array_->drive(inputs_);
      phase_ = Phase::settle;
      break;
    case Phase::settle:
      phase_ = Phase::edge;
      break;
    case Phase::edge:
      write_sums(now);
      if (inputs_.command) command_.reset();
      array_->clock(true);
      phase_ = Phase::low;
      break;
    case Phase::low:
      array_->clock(false);
      phase_ = Phase::read;
      break;
    case Phase::read:
      answer();
      read_outputs(now);
      phase_ = Phase::drive;
      if (!products_.empty()) return next_trigger(cycles(1));
      clock_runs_ = false;
      return next_trigger(clock_start_);
  }
  next_trigger(sc_core::SC_ZERO_TIME);
}

/// Edges follow each other within time 0.
void RtlMmaEngine::reset_step() {
  inputs_.reset = reset_edges_ > 0;
  array_->drive(inputs_);
  array_->clock(reset_edges_ % 2 != 0);
  if (reset_edges_-- > 0) return next_trigger(sc_core::SC_ZERO_TIME);
  ready_ = true;
  phase_ = Phase::drive;
  wake();
  next_trigger(clock_start_);
}

void RtlMmaEngine::write_sums(Cycle now) {
  const RtlArray::SumWrite write = array_->sum_write();
  if (!write.valid) return;
  Product& of = product(write.tag);
  if (shared_.with_values) {
    const std::int64_t first = write.row * of.work.n + write.col;
    std::copy_n(write.sums.begin(), write.lanes, of.sums.begin() + first);
  }
  if (write.last) end_product(of, now);
}

void RtlMmaEngine::end_product(Product& product, Cycle now) {
  SEPTRAN_CHECK(&product == &products_.front());
  if (shared_.with_values) store_sums(product);
  note_use(product.work, product.instruction, product.begin, product.begin, product.end, now);
  products_.pop_front();
  ++ended_;
  complete(now);
  while (!deferred_.empty() && deferred_.front().after <= ended_) {
    const Deferred next = deferred_.front();
    deferred_.pop_front();
    MmaEngine::fire(next.sync, next.generation, next.pass);
  }
  wake();
}

void RtlMmaEngine::store_sums(Product& product) {
  const MmaWork& work = product.work;
  const kernels::Tile acc = shared_.bind(work.acc, core_);
  kernels::Tile sums = dense(product.sums.data(), DType::i32, work.m, work.n);
  if (work.factor == 1) {
    kernels::Tile plain = acc;
    plain.logical = plain.storage;
    return kernels::run_copy(plain, sums);
  }
  // The factor, a unit of its own behind the array: times the identity, in one product.
  std::vector<std::int32_t> identity(static_cast<std::size_t>(work.n * work.n));
  for (std::int64_t i = 0; i < work.n; ++i)
    identity[static_cast<std::size_t>(i * (work.n + 1))] = 1;
  kernels::run_mma(acc, sums, dense(identity.data(), DType::i32, work.n, work.n), false, false,
                   work.accumulate, work.factor);
}

void RtlMmaEngine::answer() {
  if (!shared_.with_values) return;
  const MmaTiming& timing = shared_.machine.dsa.mma;
  if (outputs_.weight_read.valid) {
    const Product& of = product(outputs_.weight_read.tag);
    inputs_.weights =
        row_of(of.b, of.work.k, of.work.n, of.work.transpose_b, outputs_.weight_read, timing.cols);
  }
  if (outputs_.element_read.valid) {
    const Product& of = product(outputs_.element_read.tag);
    inputs_.elements =
        row_of(of.a, of.work.m, of.work.k, of.work.transpose_a, outputs_.element_read, timing.rows);
  }
  if (outputs_.sum_read.valid) {
    Product& of = product(outputs_.sum_read.tag);
    const MmaWork& work = of.work;
    if (!of.has_old_sums && work.accumulate && work.factor == 1) {
      kernels::run_copy(dense(of.sums.data(), DType::i32, work.m, work.n),
                        shared_.bind(work.acc, core_));
    }
    of.has_old_sums = true;
    const std::int64_t col = outputs_.sum_read.col;
    const auto first = of.sums.begin() + outputs_.sum_read.row * work.n + col;
    inputs_.old_sums.assign(first, first + std::min<std::int64_t>(timing.cols, work.n - col));
  }
}

void RtlMmaEngine::read_outputs(Cycle now) {
  outputs_ = array_->outputs();
  if (outputs_.busy) {
    timeline_.busy(now, now + 1);
    const bool streams = outputs_.element_read.valid;
    const unsigned tag = streams ? outputs_.element_read.tag : outputs_.weight_read.tag;
    Product& of = product(tag);
    if (of.begin < 0) of.begin = now;
    of.end = now + 1;
    ++cost(of.instruction).busy;
  }
  if (!products_.empty()) timeline_.drain(now + 1);
  if (outputs_.ready && !ready_) wake();
  ready_ = outputs_.ready;
}

RtlMmaEngine::Product& RtlMmaEngine::product(unsigned tag) {
  const auto found = std::find_if(products_.begin(), products_.end(),
                                  [tag](const Product& one) { return one.tag == tag; });
  SEPTRAN_CHECK(found != products_.end());
  return *found;
}

Fault rtl_fault(const dsa::Program& program, const Machine& machine) {
  const MmaTiming& timing = machine.dsa.mma;
  if (timing.output_stationary) return "its weights stay, the described array's outputs do";
  const auto storage = [&](dsa::OperandId id) {
    const auto* tile = id < program.operands.size()
                           ? std::get_if<dsa::TileOperand>(&program.operands[id])
                           : nullptr;
    return tile == nullptr ? DType::i8 : tile->storage;
  };
  for (std::size_t i = 0; i < program.code.size(); ++i) {
    const auto* mma = std::get_if<dsa::Mma>(&program.code[i].node);
    if (mma == nullptr) continue;
    for (const dsa::OperandId id : {mma->a, mma->b}) {
      if (storage(id) != DType::i8) {
        return fmt::format("it multiplies i8 only, and instruction {} has {}", i,
                           name(storage(id)));
      }
    }
  }
  for (const ImplementationSpec& implementation : machine.implementations) {
    for (const MatrixTypes& types : implementation.matrix_types) {
      if (types.a == DType::i8 && types.b == DType::i8 && types.macs_per_pe != 1) {
        return "it does one multiply-accumulate a cycle and element";
      }
    }
  }
  return {};
}

}  // namespace septran::simulator
