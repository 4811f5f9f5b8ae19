#include "simulator/core.h"

namespace septran::simulator {
namespace {

int queue_depth(const Machine& machine, const char* engine) {
  const EngineSpec* spec = machine.find_engine(engine);
  return spec == nullptr ? 1 : spec->queue_depth;
}

}  // namespace

Core::Core(const sc_core::sc_module_name& name, int index, Shared& shared,
           Interconnect& interconnect)
    : sc_module(name),
      shared_(shared),
      state_(index, shared),
      load_("load", shared, state_, dsa::EngineId::load, queue_depth(shared.machine, "load"),
            shared.machine.dsa.load, interconnect.arbiter),
      store_("store", shared, state_, dsa::EngineId::store, queue_depth(shared.machine, "store"),
             shared.machine.dsa.store, interconnect.arbiter),
      mma_(make_mma_engine("mma", shared, state_, queue_depth(shared.machine, "mma"))),
      vector_("vector", shared, state_, queue_depth(shared.machine, "vector")),
      sequencer_("sequencer", shared, state_, {&load_, &store_, mma_.get(), &vector_}) {
  load_.socket.bind(interconnect.socket);
  store_.socket.bind(interconnect.socket);
}

bool Core::is_done() const {
  for (const Engine* engine : engines()) {
    if (!engine->is_done()) return false;
  }
  return sequencer_.is_halted();
}

std::optional<std::size_t> Core::overflown_event() const {
  const auto maximum = static_cast<std::size_t>(shared_.machine.dsa.sequencer.event_maximum);
  for (std::size_t i = 0; i < state_.events.size(); ++i) {
    if (state_.events[i].fires.size() > maximum) return i;
  }
  return std::nullopt;
}

CoreReport Core::finish(Cycle until) {
  return {{sequencer_.finish(until), load_.finish(until), store_.finish(until), mma_->finish(until),
           vector_.finish(until)}};
}

}  // namespace septran::simulator
