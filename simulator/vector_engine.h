// The vector unit: primitives on tiles, a group of lanes at a time.
#pragma once

#include "simulator/engine.h"

namespace septran::simulator {

class VectorEngine : public Engine {
 public:
  VectorEngine(const sc_core::sc_module_name& name, Shared& shared, CoreState& core,
               int queue_depth);

 protected:
  Next start(Command& head, Cycle eligible, Cycle now) override;

 private:
  struct Write {
    dsa::MemoryId memory;
    std::int64_t low;
    std::int64_t high;
    Cycle done;
  };
  /// When the last result that the operation reads will have been written.
  Cycle operands_ready(const VecWork& work) const;
  void run(VecWork& work);

  Cycle issue_free_ = 0;
  std::vector<Write> in_flight_;
};

}  // namespace septran::simulator
