#include "targets/cuda/register_tiles.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <numeric>

#include "targets/cuda/operands.h"
#include "targets/cuda/register_room.h"

namespace septran::cuda {
namespace {

using tile::Program;
using tile::Statement;
using tile::Tensor;

constexpr std::int64_t comfortable_registers = 64;  // where more threads are to be had
constexpr std::int64_t fewest_registers = 8;        // that are worth a thread
constexpr std::int64_t vector_bytes = 16;
constexpr std::int64_t plain_product_lanes = 16;
constexpr std::int64_t plain_product_width = 4;

std::int64_t power_of_two_from(std::int64_t n) {
  return static_cast<std::int64_t>(
      std::bit_ceil(static_cast<std::uint64_t>(std::max<std::int64_t>(n, 1))));
}

/// What is known of one REGISTER buffer.
struct Candidate {
  std::string fault;  // why it cannot be in registers
  int parent = -1;    // union-find, by tensor
  bool is_vector = false;
  std::optional<Along> along;
  bool is_sum = false;  // of a product
};

class Placer {
 public:
  Placer(const Program& program, const Machine& machine, KernelPlan& kernel, Plan& plan)
      : program_(program), machine_(machine), kernel_(kernel), plan_(plan) {}

  void run() {
    collect();
    bool changed = true;
    while (changed) {  // a tile that cannot be in registers takes products with it, and the reverse
      relate();
      changed = settle_products();
    }
    form_groups();
  }

 private:
  void collect() {
    for_each_statement(program_, kernel_, [&](const Statement& statement) {
      const auto dims = operation_dims(statement);
      if (!dims) return;
      for (const OperandDims& operand : dims->operands) {
        const Tensor& tensor = program_[operand.tile->tensor];
        if (tensor.memory != "REGISTER" || tensor.kind != tile::TensorKind::buffer) continue;
        Candidate& candidate = candidates_[operand.tile->tensor.value];
        candidate.is_vector = tensor.shape.size() == 1;
        if (tensor.shape.empty() || tensor.shape.size() > 2) {
          candidate.fault = fmt::format("{} has {} dimensions", tensor.name, tensor.shape.size());
        }
      }
    });
  }

  void fail(std::uint32_t tensor, const std::string& why) {
    Candidate& candidate = candidates_.at(tensor);
    if (candidate.fault.empty()) candidate.fault = why;
  }

  bool holds(std::uint32_t tensor) const {
    const auto at = candidates_.find(tensor);
    return at != candidates_.end() && at->second.fault.empty();
  }

  int root(int tensor) {
    int& parent = candidates_.at(static_cast<std::uint32_t>(tensor)).parent;
    return parent == tensor ? tensor : parent = root(parent);
  }

  void relate() {
    for (auto& [tensor, candidate] : candidates_) {
      candidate.parent = static_cast<int>(tensor);
      candidate.along.reset();
      candidate.is_sum = false;
    }
    // Vectors that meet only each other learn from the rest what they run along.
    for (int round = 0; round < 3; ++round) {
      for_each_statement(program_, kernel_, [&](const Statement& statement) { relate(statement); });
    }
  }

  void relate(const Statement& statement) {
    const auto dims = operation_dims(statement);
    if (!dims) return;
    const auto* mma = std::get_if<tile::Mma>(&statement.node);
    const auto* vec = std::get_if<tile::Vec>(&statement.node);
    const bool is_product =
        mma != nullptr || (vec != nullptr && vec->primitive->kind == PrimitiveKind::matrix);
    std::vector<std::uint32_t> members;
    std::optional<Along> common;
    for (std::size_t o = 0; o < dims->operands.size(); ++o) {
      const OperandDims& operand = dims->operands[o];
      const std::uint32_t id = operand.tile->tensor.value;
      if (!holds(id)) continue;
      const std::string why = why_not(operand, o, mma, is_product, dims->extents.size());
      if (!why.empty()) {
        fail(id, fmt::format("{} {}", program_[operand.tile->tensor].name, why));
        continue;
      }
      Candidate& candidate = candidates_.at(id);
      if (is_product && o == 0) candidate.is_sum = true;
      members.push_back(id);
      if (candidate.is_vector && dims->extents.size() > 1) {
        set_along(id, operand.dims[0] == 0 ? Along::rows : Along::columns);
      }
      if (candidate.is_vector && candidate.along) common = candidate.along;
    }
    if (dims->extents.size() == 1 && common) {
      for (const std::uint32_t id : members) set_along(id, *common);
    }
    unite(members);
  }

  void set_along(std::uint32_t id, Along along) {
    Candidate& candidate = candidates_.at(id);
    if (candidate.along && *candidate.along != along) {
      fail(id, fmt::format("{} has values for rows here and for columns there",
                           program_.tensors[id].name));
    }
    candidate.along = along;
  }

  /// Why an operand cannot be in registers because of this operation.
  std::string why_not(const OperandDims& operand, std::size_t o, const tile::Mma* mma,
                      bool is_product, std::size_t rank) const {
    if (operand.tile->age != 0) return "is used across trips of its ring";
    if (!is_corner(operand.tile->view)) return "is used in parts or views";
    if (rank > 3 || (rank == 3 && !is_product)) return "is used in more than two dimensions";
    if (is_product && o > 0) {
      const bool fragment = o == 1 && mma != nullptr && plan_.products.contains(mma);
      return fragment ? "" : "is read across threads by a product";
    }
    for (std::size_t d = 0; d < operand.dims.size(); ++d) {
      const bool fits = operand.dims.size() == 1 ? operand.dims[d] <= 1 : operand.dims[d] == d;
      if (!fits) return "is used transposed, or as a whole";
    }
    return "";
  }

  /// Tiles of one operation share the spread of their rows, so these must agree.
  void unite(const std::vector<std::uint32_t>& members) {
    std::int64_t rows = -1;
    for (const std::uint32_t id : members) {
      const Candidate& candidate = candidates_.at(id);
      if (!candidate.fault.empty()) continue;
      if (!candidate.is_vector || candidate.along != Along::columns) {
        const std::int64_t own = program_.tensors[id].shape[0].offset();
        if (rows >= 0 && own != rows) {
          fail(id, fmt::format("{} has other rows than what it meets", program_.tensors[id].name));
          continue;
        }
        rows = own;
      }
      candidates_.at(static_cast<std::uint32_t>(root(static_cast<int>(id)))).parent =
          root(static_cast<int>(members[0]));
    }
  }

  /// Products whose sums or fragments are not in registers are plain ones. True if any became so.
  bool settle_products() {
    bool changed = false;
    for_each_statement(program_, kernel_, [&](const Statement& statement) {
      const auto* mma = std::get_if<tile::Mma>(&statement.node);
      if (mma == nullptr || !plan_.products.contains(mma)) return;
      std::string why;
      for (const tile::TileRef* tile : {&mma->acc, &mma->a}) {
        if (program_[tile->tensor].memory != "REGISTER" || holds(tile->tensor.value)) continue;
        why = candidates_.at(tile->tensor.value).fault;
      }
      if (why.empty()) return;
      plan_.products.erase(mma);
      plan_.plain[mma] = why;
      changed = true;
    });
    return changed;
  }

  struct Members {
    std::vector<std::uint32_t> tensors;
    bool by_tensor_cores = false;
    bool by_plain_products = false;
    std::int64_t rows = 1;
    std::int64_t cols = 1;
    std::int64_t narrowest = 8;  // bytes of an element of its matrices
  };

  void form_groups() {
    std::map<int, Members> groups;
    for (const auto& [id, candidate] : candidates_) {
      if (!candidate.fault.empty()) continue;
      Members& group = groups[root(static_cast<int>(id))];
      group.tensors.push_back(id);
      const Tensor& tensor = program_.tensors[id];
      const std::int64_t first = tensor.shape[0].offset();
      if (candidate.is_vector && candidate.along == Along::columns) {
        group.cols = std::max(group.cols, first);
        continue;
      }
      group.rows = first;
      if (candidate.is_vector) continue;
      group.cols = std::max(group.cols, tensor.shape[1].offset());
      group.narrowest =
          std::min(group.narrowest, static_cast<std::int64_t>(size_bytes(tensor.dtype)));
    }
    for_each_statement(program_, kernel_, [&](const Statement& statement) {
      const auto dims = operation_dims(statement);
      const auto* mma = std::get_if<tile::Mma>(&statement.node);
      if (!dims || dims->extents.size() != 3) return;
      const std::uint32_t acc = dims->operands[0].tile->tensor.value;
      if (!holds(acc)) return;
      Members& group = groups[root(static_cast<int>(acc))];
      (mma != nullptr && plan_.products.contains(mma) ? group.by_tensor_cores
                                                      : group.by_plain_products) = true;
    });
    choose_threads(groups);
    for (auto& [root, members] : groups) place(members);
    for (const auto& [id, candidate] : candidates_) {
      if (candidate.fault.empty()) continue;
      TilePlace& place = plan_.places[id];
      place.kind = TilePlace::Kind::workspace;
      place.element = program_.tensors[id].storage;
      place.reason = candidate.fault;
    }
  }

  void choose_threads(const std::map<int, Members>& groups) {
    std::int64_t steps = 0;  // of 64 rows, of products by the tensor cores
    bool plain = false;
    for (const auto& [root, members] : groups) {
      if (members.by_tensor_cores) steps = std::max(steps, ceil_div(members.rows, 64));
      plain |= members.by_plain_products;
    }
    const int chosen = kernel_.warpgroups;  // by the mapping
    const int most = machine_.cuda.most_consumers();
    if (steps > 0) {
      // Equal shares of whole steps: none works beyond the tile.
      kernel_.warpgroups = chosen > 0 ? chosen : most;
      while (steps % kernel_.warpgroups != 0) --kernel_.warpgroups;
      return;
    }
    if (chosen > 0) return;
    kernel_.warpgroups = plain ? std::min(2, most) : 1;
    const std::int64_t words = most_at_once(program_, kernel_,
                                            [&](std::uint32_t id) {
                                              return holds(id) ? thread_bytes(id) : std::int64_t{0};
                                            })
                                   .words /
                               4;
    // Where blocks leave multiprocessors idle, more threads of each have more on its way.
    const bool few_blocks = kernel_.blocks < machine_.block_count();
    const std::int64_t enough = few_blocks ? fewest_registers : comfortable_registers;
    while (2 * kernel_.warpgroups <= most && words / kernel_.threads() > enough) {
      kernel_.warpgroups *= 2;
    }
  }

  /// Of all threads together: what is narrower than f32 is kept so where it is no sum.
  std::int64_t thread_bytes(std::uint32_t id) const {
    const Tensor& tensor = program_.tensors[id];
    std::int64_t bytes =
        candidates_.at(id).is_sum || candidates_.at(id).is_vector
            ? 4
            : std::max<std::int64_t>(2, static_cast<std::int64_t>(size_bytes(tensor.dtype)));
    for (const Expr& extent : tensor.shape) bytes *= extent.offset();
    return bytes;
  }

  void place(const Members& members) {
    TileGroup group;
    group.rows = members.rows;
    const std::int64_t threads = kernel_.threads();
    if (members.by_tensor_cores) {
      group.spread = Spread::accumulator;
    } else if (members.by_plain_products) {
      group.lanes = plain_product_lanes;
      group.width = std::min(plain_product_width, power_of_two_from(ceil_div(members.cols, 16)));
    } else {
      group.width = std::min(vector_bytes / std::min<std::int64_t>(members.narrowest, vector_bytes),
                             power_of_two_from(members.cols));
      const std::int64_t pieces = power_of_two_from(ceil_div(members.cols, group.width));
      const std::int64_t fewest =
          std::max<std::int64_t>(1, threads / power_of_two_from(members.rows));
      group.lanes = std::clamp(pieces, fewest, std::max<std::int64_t>(fewest, 32));
    }
    kernel_.groups.push_back(group);
    for (const std::uint32_t id : members.tensors) {
      const Candidate& candidate = candidates_.at(id);
      const Tensor& tensor = program_.tensors[id];
      TilePlace& place = plan_.places[id];
      place.kind = TilePlace::Kind::registers;
      place.group = static_cast<int>(kernel_.groups.size()) - 1;
      place.along = candidate.along.value_or(Along::rows);
      const bool narrow = size_bytes(tensor.dtype) == 2 && !candidate.is_vector &&
                          !candidate.is_sum && is_paired(group);
      place.element = narrow ? tensor.dtype : tensor.storage;
    }
  }

  static bool is_paired(const TileGroup& group) {
    return group.spread == Spread::accumulator || group.width % 2 == 0;
  }

  const Program& program_;
  const Machine& machine_;
  KernelPlan& kernel_;
  Plan& plan_;
  std::map<std::uint32_t, Candidate> candidates_;
};

}  // namespace

void place_register_tiles(const Program& program, const Machine& machine, KernelPlan& kernel,
                          Plan& plan) {
  Placer(program, machine, kernel, plan).run();
}

}  // namespace septran::cuda
