// The matrix engine with the RTL in place of the behavioural array.
#pragma once

#include "simulator/mma_engine.h"
#include "simulator/rtl_array.h"

namespace septran::simulator {

/// Gives operations to the RTL, answers its reads and writes its sums; when operations begin, go on
/// and end is the RTL's. The clock runs while an operation is under way. Cycle t lasts from time t
/// to t + 1; its inputs are driven and its clock edge comes at t + 1, so what other processes
/// decide at time t belongs to it, in whatever order they run.
class RtlMmaEngine : public MmaEngine {
 public:
  RtlMmaEngine(const sc_core::sc_module_name& name, Shared& shared, CoreState& core,
               int queue_depth);

  [[nodiscard]] bool is_done() const override { return MmaEngine::is_done() && products_.empty(); }

 protected:
  Next start(Command& head, Cycle eligible, Cycle now) override;
  void fire(const dsa::Sync& sync, std::size_t generation, Cycle pass) override;

 private:
  /// An operation that the RTL works on.
  struct Product {
    unsigned tag = 0;
    std::uint32_t instruction = 0;
    MmaWork work;
    std::vector<std::int8_t> a;      // as it lies in memory, dense
    std::vector<std::int8_t> b;      // likewise
    std::vector<std::int32_t> sums;  // m x n
    bool has_old_sums = false;
    Cycle begin = -1;  // it occupied the array from here ...
    Cycle end = -1;    // ... to here
  };
  /// A signal that passed while operations before it were under way.
  struct Deferred {
    dsa::Sync sync;
    std::size_t generation = 0;
    Cycle pass = 0;
    std::int64_t after = 0;  // fires when so many products have ended
  };
  enum class Phase { reset, drive, settle, edge, low, read };

  void give(Command& head, Cycle now);
  void stage(Product& product);
  void tick();
  void reset_step();
  void write_sums(Cycle now);
  void end_product(Product& product, Cycle now);
  void store_sums(Product& product);
  /// Data that the reads of the cycle before asked for.
  void answer();
  void read_outputs(Cycle now);
  Product& product(unsigned tag);

  std::unique_ptr<RtlArray> array_;
  Phase phase_ = Phase::reset;
  int reset_edges_ = 0;
  bool ready_ = false;
  bool clock_runs_ = false;
  sc_core::sc_event clock_start_;
  std::optional<RtlArray::Command> command_;
  Cycle given_ = 0;
  std::optional<Cycle> held_until_;  // the head waits for ports
  RtlArray::Inputs inputs_;
  RtlArray::Outputs outputs_;
  std::deque<Product> products_;
  std::int64_t started_ = 0;
  std::int64_t ended_ = 0;
  std::deque<Deferred> deferred_;
};

}  // namespace septran::simulator
