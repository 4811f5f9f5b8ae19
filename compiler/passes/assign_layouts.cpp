// assign_layouts: gives every tensor its strides; buffers start at the memory's alignment. All are
// row-major and dense. A buffer that copies fill and only products read, as the same operand of the
// same native tile, becomes one of panels first: [panel, position along the other axis, place
// within the panel], so that a native tile reads it from front to back. For instructions that add
// up several neighbours along k, [panel, group along k, place within the panel, place within the
// group], in the element type that they take. What such an instruction reads by rows is in that
// type, too, where the buffer's memory would keep a wider one.
#include <algorithm>
#include <map>
#include <set>

#include "compiler/passes/path_alignment.h"
#include "compiler/passes/rewrite.h"

namespace septran::passes {
namespace {

using tile::Mma;
using tile::Program;
using tile::Statement;
using tile::TensorId;
using tile::TileRef;

/// Panels of `width` neighbours along an axis of a matrix, groups of `group` along the other.
struct Panels {
  std::uint32_t axis = 0;
  std::int64_t width = 0;
  std::int64_t group = 1;
  bool operator==(const Panels&) const = default;
};

/// Whether a view is a corner of a matrix, from its first element on.
bool is_corner(const View& view) {
  return view.is_box() && view.rank() == 2 && view.base.size() == 2 && view.base[0] == Expr(0) &&
         view.base[1] == Expr(0);
}

/// The dimension of operand 1 (A) or 2 (B) that runs along the native tile; the other one is k.
std::size_t tile_dim(const Mma& mma, std::size_t index) {
  return index == 1 ? (mma.transpose_a ? 1 : 0) : (mma.transpose_b ? 0 : 1);
}

std::int64_t group_of(const Mma& mma) { return mma.tile.size() > 2 ? mma.tile[2] : 1; }

class PanelFinder {
 public:
  explicit PanelFinder(const Program& program) : program_(program) {}

  /// The buffers that may become panels.
  std::map<TensorId, Panels> run() {
    tile::for_each_statement(program_.body, [&](const Statement& statement) {
      for (const auto& use : tile::operands(statement)) visit(statement, *use.tile, use.index);
    });
    std::erase_if(found_, [](const auto& entry) { return entry.second.width == 0; });
    return std::move(found_);
  }

 private:
  void visit(const Statement& statement, const TileRef& ref, std::size_t index) {
    const tile::Tensor& tensor = program_[ref.tensor];
    if (tensor.kind != tile::TensorKind::buffer || tensor.shape.size() != 2) return;
    if (!is_corner(ref.view)) return forbid(ref.tensor);
    if (std::holds_alternative<tile::DmaCopy>(statement.node) && index == 0) return;
    const auto* mma = std::get_if<Mma>(&statement.node);
    if (mma == nullptr || mma->tile.size() < 2 || index == 0) return forbid(ref.tensor);
    const Panels panels{ref.view.dims[tile_dim(*mma, index)].digits[0].axis, mma->tile[index - 1],
                        group_of(*mma)};
    const auto [at, is_new] = found_.emplace(ref.tensor, panels);
    if (!is_new && at->second != panels) forbid(ref.tensor);
  }

  void forbid(TensorId id) { found_[id] = Panels{0, 0, 1}; }

  const Program& program_;
  std::map<TensorId, Panels> found_;
};

/// The same corner of the matrix, in panels.
View in_panels(const View& view, const Panels& panels) {
  View result;
  result.base = {0, 0, 0};
  if (panels.group > 1) result.base.emplace_back(0);
  for (const ViewDim& dim : view.dims) {
    ViewDim moved = dim;
    moved.digits = {{0, 1, 1}};
    if (dim.digits[0].axis == panels.axis) {
      moved.digits = {{0, 0, 1}, {panels.width, 2, 1}};
    } else if (panels.group > 1) {
      moved.digits.push_back({panels.group, 3, 1});
    }
    result.dims.push_back(std::move(moved));
  }
  return result;
}

/// Tensors that hold no sums: elements of buffers may be as narrow as their values.
std::set<TensorId> find_narrow(const Program& program) {
  std::set<TensorId> narrow;
  for (std::uint32_t i = 0; i < program.tensors.size(); ++i) {
    const tile::Tensor& tensor = program.tensors[i];
    const bool is_buffer = tensor.kind == tile::TensorKind::buffer;
    if (is_buffer || tensor.storage == tensor.dtype) narrow.insert(TensorId{i});
  }
  tile::for_each_statement(program.body, [&](const Statement& statement) {
    const auto* mma = std::get_if<Mma>(&statement.node);
    if (mma == nullptr) return;
    const tile::Tensor& sums = program[mma->acc.tensor];
    if (sums.storage != sums.dtype) narrow.erase(mma->acc.tensor);
  });
  return narrow;
}

/// The tensors of a program by what the grouping of products needs to know of them.
struct Grouping {
  std::map<TensorId, Panels> found;  // those that become panels
  std::set<TensorId> narrow;         // those whose elements are or may be as narrow as their type
};

/// Whether neighbours along k of a product's operand lie, or will lie, side by side as the
/// instruction takes them.
bool is_grouped(const Program& program, const Grouping& grouping, const Mma& mma,
                const TileRef& ref, std::size_t index) {
  if (grouping.found.contains(ref.tensor)) return true;
  const tile::Tensor& tensor = program[ref.tensor];
  const auto& digits = ref.view.dims[1 - tile_dim(mma, index)].digits;
  return grouping.narrow.contains(ref.tensor) && !ref.view.zero_outside && digits.size() == 1 &&
         digits[0].step == 1 && digits[0].axis + 1 == tensor.shape.size();
}

/// The operand that is read by vectors: B, or A where C's columns lie side by side and not its
/// rows.
const TileRef& vector_operand(const Program& program, const Mma& mma) {
  const auto runs = [&](std::size_t dim) {
    const auto& digits = mma.acc.view.dims[dim].digits;
    return digits.size() == 1 && digits[0].axis + 1 == program[mma.acc.tensor].shape.size();
  };
  return runs(0) && !runs(1) ? mma.a : mma.b;
}

/// Products keep their groups where the operand that is read by vectors is in panels and the other
/// one is grouped too, however it lies. Taking the groups from one product may take the panels from
/// others.
std::map<TensorId, Panels> settle_groups(Program& program) {
  Grouping grouping;
  grouping.narrow = find_narrow(program);
  while (true) {
    grouping.found = PanelFinder(program).run();
    bool settled = true;
    for_each_statement(program.body, [&](Statement& statement) {
      auto* mma = std::get_if<Mma>(&statement.node);
      if (mma == nullptr || group_of(*mma) == 1) return;
      const bool packed = grouping.found.contains(vector_operand(program, *mma).tensor);
      if (packed && is_grouped(program, grouping, *mma, mma->a, 1) &&
          is_grouped(program, grouping, *mma, mma->b, 2)) {
        return;
      }
      mma->tile.resize(2);
      settled = false;
    });
    if (settled) return std::move(grouping.found);
  }
}

void make_panels(Program& program) {
  const std::map<TensorId, Panels> found = settle_groups(program);
  for_each_tile(program.body, [&](TileRef& ref) {
    const auto at = found.find(ref.tensor);
    if (at != found.end()) ref.view = in_panels(ref.view, at->second);
  });
  for (const auto& [id, panels] : found) {
    tile::Tensor& tensor = program[id];
    const std::int64_t along = max_extent(program, tensor.shape[panels.axis]);
    const std::int64_t across = max_extent(program, tensor.shape[1 - panels.axis]);
    tensor.shape = {ceil_div(along, panels.width), ceil_div(across, panels.group), panels.width};
    if (panels.group == 1) continue;
    tensor.shape.emplace_back(panels.group);
  }
  tile::for_each_statement(program.body, [&](const Statement& statement) {
    const auto* mma = std::get_if<Mma>(&statement.node);
    if (mma == nullptr || group_of(*mma) == 1) return;
    for (const TileRef* ref : {&mma->a, &mma->b}) {
      program[ref->tensor].storage = program[ref->tensor].dtype;
    }
  });
}

/// Bytes of the panels in which a GPU's tensor cores read a matrix: as wide and as high as the
/// memory's alignment, the period of its swizzle, says. The last may be partly empty.
std::int64_t swizzled_bytes(const Program& program, const tile::Tensor& tensor,
                            const MemorySpec& memory) {
  constexpr std::int64_t rows_of_period = 8;
  const std::int64_t width = memory.alignment_bytes / rows_of_period;
  const std::int64_t rows = max_extent(program, tensor.shape[0]);
  const std::int64_t row_bytes =
      max_extent(program, tensor.shape[1]) * static_cast<std::int64_t>(size_bytes(tensor.storage));
  return ceil_div(rows, rows_of_period) * rows_of_period * ceil_div(row_bytes, width) * width;
}

/// What products read from a memory on chip.
std::set<TensorId> factors(const Program& program) {
  std::set<TensorId> found;
  tile::for_each_statement(program.body, [&](const Statement& statement) {
    const auto* mma = std::get_if<tile::Mma>(&statement.node);
    if (mma == nullptr) return;
    for (const TileRef* ref : {&mma->a, &mma->b}) {
      const tile::Tensor& tensor = program[ref->tensor];
      const bool on_chip = tensor.memory == "SHARED" && tensor.kind == tile::TensorKind::buffer;
      if (on_chip && tensor.shape.size() == 2) found.insert(ref->tensor);
    }
  });
  return found;
}

}  // namespace

Result<tile::Program> assign_layouts(tile::Program program, const PassContext& context) {
  make_panels(program);
  std::set<TensorId> swizzled;
  if (context.machine.family == MachineFamily::cuda) swizzled = factors(program);
  for (std::uint32_t i = 0; i < program.tensors.size(); ++i) {
    tile::Tensor& tensor = program.tensors[i];
    if (tensor.kind == tile::TensorKind::parameter) continue;
    tensor.strides_bytes.assign(tensor.shape.size(), 0);
    auto stride = static_cast<std::int64_t>(size_bytes(tensor.storage));
    for (std::size_t axis = tensor.shape.size(); axis-- > 0;) {
      tensor.strides_bytes[axis] = stride;
      stride *= max_extent(program, tensor.shape[axis]);
    }
    const MemorySpec* memory = context.machine.find_memory(tensor.memory);
    SEPTRAN_CHECK(memory != nullptr);
    if (swizzled.contains(TensorId{i})) {
      stride = std::max(stride, swizzled_bytes(program, tensor, *memory));
    }
    tensor.slot_bytes = ceil_div(stride, memory->start_bytes()) * memory->start_bytes();
  }
  if (!check_path_alignment(program, context)) return std::nullopt;
  return program;
}

}  // namespace septran::passes
