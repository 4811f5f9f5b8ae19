// One kernel's text: its structure, and what each role does of it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "targets/cuda/bulk_stores.h"
#include "targets/cuda/emitter.h"
#include "targets/cuda/late_copies.h"
#include "targets/cuda/roles.h"
#include "targets/cuda/teams.h"
#include "targets/cuda/wgmma.h"

namespace septran::cuda {

class KernelWriter {
 public:
  /// `shapes` collects the instructions that products need.
  KernelWriter(Emitter& emitter, const KernelPlan& kernel, const std::optional<Roles>& roles,
               const StorePlan& stores, std::map<WgmmaShape, std::string>& shapes);
  /// Writes the kernel behind what the emitter has; bytes of shared memory and tensor maps are then
  /// known.
  void write(std::int64_t grid_counter_bytes);
  [[nodiscard]] std::int64_t shared_bytes() const { return shared_bytes_; }
  [[nodiscard]] const std::vector<TensorMap>& maps() const { return maps_; }
  [[nodiscard]] int threads() const {
    return kernel_.teams * kernel_.threads() + (roles_ ? 128 : 0);
  }

 private:
  enum class Role { all, producer, consumer };
  /// A product that runs on its own, and what waits for it.
  struct Running {
    const tile::Mma* mma = nullptr;
    std::vector<tile::EventId> signals;
  };

  /// Statements of a block up to a store. Waits come before all calls and signals behind them.
  struct Epilogue {
    std::vector<const tile::Statement*> before;
    std::vector<const tile::Statement*> calls;
    std::vector<const tile::Statement*> signals;
    std::size_t store = 0;  // in the block
  };

  void signature(std::int64_t grid_counter_bytes);
  void write_start();
  void declare_memory();
  void declare_barriers();
  void declare_slabs();
  void pass_other_trips(const tile::Loop& share);
  void pass_turn();
  void declare_rings();
  [[nodiscard]] bool counts_slots(std::uint32_t tensor) const;
  void declare_registers();
  void write_roles();
  void write_role(Role role);
  [[nodiscard]] bool uses(std::uint32_t tensor, Role role) const;
  [[nodiscard]] bool is_mine(const tile::Statement& statement) const;
  [[nodiscard]] bool concerns(const tile::Statement& statement) const;
  [[nodiscard]] std::string shape_text(const tile::Tensor& tensor) const;
  void comment(const tile::Statement& statement);

  void lower(const tile::Statement& statement);
  void lower_block(const tile::Block& block);
  [[nodiscard]] std::optional<Epilogue> find_epilogue(const tile::Block& block,
                                                      std::size_t at) const;
  void lower_epilogue(const Epilogue& epilogue, const tile::Statement& store);
  [[nodiscard]] bool works_by_slabs(const tile::Statement& statement, const Layout& sums) const;
  void emit(const tile::Statement& statement);
  void lower_node(const tile::Alloc& node, const tile::Statement& statement);
  void lower_node(const tile::Loop& node, const tile::Statement& statement);
  void lower_node(const tile::If& node, const tile::Statement& statement);
  void lower_node(const tile::DmaCopy& node, const tile::Statement& statement);
  void lower_node(const tile::Mma& node, const tile::Statement& statement);
  void lower_node(const tile::Vec& node, const tile::Statement& statement);
  void lower_node(const tile::Barrier& node, const tile::Statement& statement);
  void lower_node(const tile::Sync& node, const tile::Statement& statement);
  template <typename Other>
  void lower_node(const Other& node, const tile::Statement& statement);

  void open_share(const tile::Loop& loop, const tile::Statement& statement);
  void open_trips(const tile::Loop& loop, const tile::Statement& statement);
  [[nodiscard]] bool deals_to_and_fro(const tile::Loop& loop) const;
  [[nodiscard]] bool is_short(const tile::Loop& loop) const;

  // Copies by the copy engine, and events.
  void bulk_copy_of(const tile::DmaCopy& copy, const tile::Statement& statement);
  void lower_with(const tile::Statement& statement, const LateCopies& late);
  void late_piece_of(const LateCopies::Copy& copy, std::int64_t first, std::int64_t end);
  void bulk_store_of(const tile::DmaCopy& copy, const BulkStore& store,
                     const std::function<void()>& work = {});
  std::ptrdiff_t map_number(const TensorMap& map);
  [[nodiscard]] int cluster_blocks() const { return roles_ ? roles_->cluster.blocks : 1; }
  [[nodiscard]] const EventPlan& plan_of(tile::EventId id) const;
  [[nodiscard]] std::string event_name(tile::EventId id) const;
  void wait_for(tile::EventId id);
  void signal(tile::EventId id);

  // Products that run on their own.
  void settle_before(const tile::Statement& statement);
  void settle_late();
  void settle(std::size_t left_running);
  [[nodiscard]] std::size_t products_needed(const tile::Statement& statement, bool fragments) const;
  [[nodiscard]] bool is_value(const tile::Statement& statement) const;
  void finish_products();
  // Their factors, applied where sums are used.
  void scale_before(const tile::Statement& statement);
  [[nodiscard]] bool absorbs_scale(const tile::Statement& statement, tile::TensorId sums) const;
  void apply_scale(tile::TensorId sums);
  void apply_scales();
  void forget_scales(const tile::Vec& vec);
  [[nodiscard]] bool only_products(const tile::Loop& loop) const;
  void lower_product_loop(const tile::Loop& loop, bool ends_turn);

  Emitter& e_;
  Writer& out_;
  const tile::Program& program_;
  const Plan& plan_;
  const KernelPlan& kernel_;
  const std::optional<Roles>& roles_;
  const StorePlan& stores_;
  std::map<WgmmaShape, std::string>& shapes_;
  std::set<const tile::Statement*> barriers_;
  std::vector<TensorMap> maps_;
  std::vector<Running> running_;
  std::size_t late_ = 0;  // of these, how many an operation waits for before it writes
  bool in_product_loop_ = false;
  Turn turn_;  // what teams do one after the other
  bool turn_passed_ = false;
  Role role_ = Role::all;
  std::int64_t shared_bytes_ = 0;
  std::int64_t slabs_at_ = 0;
  std::int64_t scratch_at_ = 0;
  std::int64_t barriers_at_ = 0;
};

}  // namespace septran::cuda
