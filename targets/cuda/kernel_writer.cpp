#include "targets/cuda/kernel_writer.h"

#include <algorithm>

#include "compiler/base/diagnostic.h"
#include "compiler/tile/text_words.h"
#include "compiler/tile/visit.h"
#include "targets/cpu/access.h"
#include "targets/cuda/sync_plan.h"

namespace septran::cuda {

using tile::Statement;
using tile::Tensor;
using tile::TensorKind;

KernelWriter::KernelWriter(Emitter& emitter, const KernelPlan& kernel,
                           const std::optional<Roles>& roles, const StorePlan& stores,
                           std::map<WgmmaShape, std::string>& shapes)
    : e_(emitter),
      out_(emitter.out()),
      program_(emitter.program()),
      plan_(emitter.plan()),
      kernel_(kernel),
      roles_(roles),
      stores_(stores),
      shapes_(shapes) {}

void KernelWriter::write(std::int64_t grid_counter_bytes) {
  bool async = roles_.has_value();
  for_each_statement(program_, kernel_, [&](const Statement& statement) {
    const auto* mma = std::get_if<tile::Mma>(&statement.node);
    async |= mma != nullptr && plan_.runs_on_its_own(mma);
  });
  e_.begin_kernel(kernel_, roles_.has_value(), async);
  barriers_ = find_barriers(program_, plan_, kernel_, stores_, roles_ ? "consumer" : "");
  slabs_at_ = ceil_div(kernel_.shared_bytes, slab_alignment) * slab_alignment;
  scratch_at_ = stores_.stores.empty() ? kernel_.shared_bytes : slabs_at_ + stores_.bytes;
  barriers_at_ = ceil_div(scratch_at_ + kernel_.teams * kernel_.scratch_bytes, barrier_alignment) *
                 barrier_alignment;
  shared_bytes_ = barriers_at_ + (roles_ ? roles_->barrier_bytes : 0);
  // Tensor maps are parameters: what they are is known only once the copies are written.
  const Writer before = out_;
  out_ = Writer();
  out_.set_depth(1);
  if (roles_) {
    write_roles();
  } else {
    declare_rings();
    declare_registers();
    if (!stores_.stores.empty()) declare_slabs();
    for (std::size_t i = kernel_.begin; i < kernel_.end; ++i) lower(program_.body[i]);
    if (!stores_.stores.empty()) out_.line("if (thread % 128 == 0) stores_wait();");
  }
  const std::string body = out_.text();
  out_ = before;
  signature(grid_counter_bytes);
  declare_memory();
  if (roles_) declare_barriers();
  write_start();
  out_.directive(body);
  out_.close();
  out_.raw("");
}

void KernelWriter::signature(std::int64_t grid_counter_bytes) {
  std::string parameters = e_.parameters();
  for (std::size_t m = 0; m < maps_.size(); ++m) {
    parameters += fmt::format(", const __grid_constant__ TensorMap map_{}", m);
  }
  const std::string cluster =
      cluster_blocks() > 1 ? fmt::format("__cluster_dims__({}, 1, 1) ", cluster_blocks()) : "";
  out_.line("extern \"C\" __global__ void {}__launch_bounds__({}, {})", cluster, threads(),
            kernel_.together);
  out_.open("{}({})", kernel_.name, parameters);
  out_.line("constexpr int threads = {};  // that work on {}", kernel_.threads(),
            kernel_.teams > 1 ? "a tile" : "tiles");
  out_.line("const int thread = threadIdx.x{};", kernel_.teams > 1 ? " % threads" : "");
  out_.line("const int team = {};", kernel_.teams > 1 ? "threadIdx.x / threads" : "0");
  out_.line("const int64_t worker = blockIdx.x, workers = gridDim.x;");
  out_.line("extern __shared__ __align__(1024) char shared[];");
  out_.line("char *const scratch = shared + {} + team * {};", scratch_at_, kernel_.scratch_bytes);
  out_.line("int turn = 0;  // the half of it that is next");
  out_.line("char *const common = workspace + {};", grid_counter_bytes);
  out_.line("char *const own = common + {} + worker * own_bytes;", plan_.common_bytes);
  out_.line("char *const spare = own + {};", plan_.block_bytes);
  if (kernel_.waits_for_grid) out_.line("uint32_t passed = 0;");
  out_.line(
      "(void)threads, (void)thread, (void)worker, (void)workers, (void)scratch, (void)turn, "
      "(void)spare, (void)team;");
}

/// What a launch costs passes while the one before is still at work: from here on that has ended.
void KernelWriter::write_start() {
  if (kernel_.starts_early) out_.line("wait_for_previous(), let_next_start();");
}

/// Pointers to what lies in the workspace and in shared memory.
void KernelWriter::declare_memory() {
  for (const auto& [id, place] : plan_.places) {
    if (!uses(id, Role::all)) continue;
    const Tensor& tensor = program_.tensors[id];
    const std::string name = e_.tensor_name(tile::TensorId{id});
    const char* type = cpu::c_type(tensor.storage);
    if (const auto at = plan_.workspace.find(id); at != plan_.workspace.end()) {
      out_.line("{0} *const {1} = ({0} *)({2} + {3});  // {4}", type, name,
                plan_.own.contains(id) ? "own" : "common", at->second, shape_text(tensor));
    } else if (place.in_shared()) {
      out_.line("{0} *const {1} = ({0} *)(shared + {2});  // {3}{4}{5}", type, name,
                place.offset_bytes, shape_text(tensor),
                place.kind == TilePlace::Kind::swizzled ? ", swizzled" : "",
                tensor.depth > 1 ? fmt::format(", {} deep", tensor.depth) : "");
    }
  }
}

void KernelWriter::declare_barriers() {
  for (const EventPlan& plan : roles_->events) {
    out_.line("uint64_t *const {}_barriers = (uint64_t *)(shared + {});  // {}",
              event_name(plan.event), barriers_at_ + plan.offset_bytes,
              cpu::comment_text(program_.events[plan.event.value].name));
  }
  out_.open("if (threadIdx.x == 0)");
  for (const EventPlan& plan : roles_->events) {
    out_.line("for (int i = 0; i < {}; ++i) barrier_init({}_barriers + i, {});", plan.count,
              event_name(plan.event), plan.arrivals);
  }
  out_.line("barriers_ready();");
  out_.close();
  if (cluster_blocks() == 1) {
    out_.line("__syncthreads();");
    return;
  }
  const RankMasks& partners = roles_->cluster.partners;
  out_.line("const uint32_t rank = cluster_rank();");
  out_.line("const uint32_t partners = mask_of({}, rank);  // that copies are shared with",
            packed_masks(partners));
  out_.line("cluster_barrier();");
}

/// A warpgroup's slabs, and the number of its barrier.
void KernelWriter::declare_slabs() {
  out_.line("const int warpgroup = threadIdx.x / 128;");
  if (stores_.place) return;
  out_.line("char *const slabs = shared + {} + warpgroup * {};", slabs_at_,
            stores_.slabs * stores_.slab_bytes);
}

/// Skips what other teams' trips wait for and tell.
void KernelWriter::pass_other_trips(const tile::Loop& share) {
  const auto counts = count_trip(program_, share);
  SEPTRAN_CHECK(counts.has_value());
  out_.open("if (trip % {} != team)", kernel_.teams);
  for (const EventPlan& plan : roles_->events) {
    const auto count = counts->events.find(plan.event.value);
    if (count == counts->events.end()) continue;
    out_.line("{}.pass((int)({}), {});", event_name(plan.event), to_c(count->second, program_.vars),
              plan.count);
  }
  for (const auto& [id, count] : counts->rings) {
    if (!counts_slots(id)) continue;
    out_.line("{0}_slot = (int)(({0}_slot + {1}) % {2});", e_.tensor_name(tile::TensorId{id}),
              factor(count, program_.vars), program_.tensors[id].depth);
  }
  out_.line("continue;");
  out_.close();
}

void KernelWriter::pass_turn() { out_.line("turn_pass<threads>((team + 1) % {});", kernel_.teams); }

void KernelWriter::declare_rings() {
  for (const auto& [id, place] : plan_.places) {
    if (!counts_slots(id)) continue;
    out_.line("int {}_slot = {};", e_.tensor_name(tile::TensorId{id}),
              program_.tensors[id].depth - 1);
  }
}

/// Whether a tensor is a ring of buffers, of which the role in hand counts the slots.
bool KernelWriter::counts_slots(std::uint32_t tensor) const {
  const auto place = plan_.places.find(tensor);
  return place != plan_.places.end() && place->second.kind != TilePlace::Kind::registers &&
         program_.tensors[tensor].kind == TensorKind::buffer &&
         program_.tensors[tensor].depth > 1 && uses(tensor, role_);
}

void KernelWriter::declare_registers() {
  for (const auto& [id, place] : plan_.places) {
    if (place.kind != TilePlace::Kind::registers || !uses(id, Role::all)) continue;
    const RegisterTile tile = e_.register_tile(tile::TensorId{id});
    const std::int64_t count = tile.layout.offsets();
    out_.line("{} {}[{}];  // a thread's part of {}",
              tile.paired ? "uint32_t" : cpu::c_type(tile.element), tile.name,
              tile.paired ? ceil_div(count, 2) : count, shape_text(program_.tensors[id]));
  }
}

void KernelWriter::write_roles() {
  const RoleRegisters registers = role_registers(kernel_);
  const int workers = kernel_.teams * kernel_.threads();
  out_.open("if (threadIdx.x >= {})", workers);
  out_.line("// One thread has the copy engine fill shared memory.");
  if (registers.producer > 0) out_.line("give_registers<{}>();", registers.producer);
  out_.open("if (threadIdx.x == {})", workers);
  write_role(Role::producer);
  out_.close();
  out_.close();
  out_.open("else");
  out_.line("// {} warpgroups work on {}.", kernel_.teams * kernel_.warpgroups,
            kernel_.teams > 1 ? "tiles of their own" : "tiles");
  if (registers.consumer > 0) out_.line("take_registers<{}>();", registers.consumer);
  write_role(Role::consumer);
  out_.close();
  role_ = Role::all;
  if (cluster_blocks() > 1) {
    out_.line("// Others may still reach this block's shared memory.");
    out_.line("cluster_barrier();");
  }
}

void KernelWriter::write_role(Role role) {
  role_ = role;
  for (const EventPlan& plan : roles_->events) {
    // A wait that credits allow finds its barrier one phase before the first.
    const bool waits = plan.to_consumers == (role == Role::consumer);
    out_.line("Event {} = {{0, {}}};", event_name(plan.event),
              waits && program_.events[plan.event.value].credits > 0 ? 1 : 0);
  }
  declare_rings();
  if (role == Role::consumer) {
    declare_registers();
    if (!stores_.stores.empty()) declare_slabs();
  }
  for (std::size_t i = kernel_.begin; i < kernel_.end; ++i) lower(program_.body[i]);
  if (role != Role::consumer) return;
  finish_products();
  if (!stores_.stores.empty()) out_.line("if (thread % 128 == 0) stores_wait();");
}

bool KernelWriter::is_mine(const Statement& statement) const {
  if (role_ == Role::all || statement.engine.empty()) return true;
  return (statement.engine == copying_engine) == (role_ == Role::producer);
}

bool KernelWriter::uses(std::uint32_t tensor, Role role) const {
  bool found = false;
  for_each_statement(program_, kernel_, [&](const Statement& statement) {
    const bool copies = statement.engine == copying_engine;
    if (role != Role::all && copies != (role == Role::producer)) return;
    for (const auto& use : tile::operands(statement)) found |= use.tile->tensor.value == tensor;
  });
  return found;
}

/// Whether a statement holds anything that the role does.
bool KernelWriter::concerns(const Statement& statement) const {
  if (role_ == Role::all) return true;
  const auto acts = [&](const Statement& s) {
    const bool acting = std::holds_alternative<tile::Sync>(s.node) || !tile::operands(s).empty();
    return acting && is_mine(s);
  };
  bool found = false;
  tile::for_each_statement(statement, [&](const Statement& s) { found |= acts(s); });
  return found;
}

std::string KernelWriter::shape_text(const Tensor& tensor) const {
  return cpu::comment_text(tensor.name) + " " + tile::type_text(tensor, program_.vars);
}

void KernelWriter::comment(const Statement& statement) {
  const std::string text = tile::origin_line(statement.origin);
  if (!text.empty()) out_.line("// {}", cpu::comment_text(text));
}

}  // namespace septran::cuda
