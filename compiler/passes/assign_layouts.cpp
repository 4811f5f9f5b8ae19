// assign_layouts: gives every tensor its strides; buffers start at the memory's alignment. All are
// row-major and dense. A buffer that copies fill and only products read, as the same operand of the
// same native tile, becomes one of panels first: [panel, position along the other axis, place
// within the panel], so that a native tile reads it from front to back.
#include <algorithm>
#include <map>
#include <set>

#include "compiler/passes/rewrite.h"

namespace septran::passes {
namespace {

using tile::Program;
using tile::Statement;
using tile::TensorId;
using tile::TileRef;

/// Panels of `width` neighbours along an axis of a matrix.
struct Panels {
  std::uint32_t axis = 0;
  std::int64_t width = 0;
  bool operator==(const Panels&) const = default;
};

/// Whether a view is a corner of a matrix, from its first element on.
bool is_corner(const View& view) {
  return view.is_box() && view.rank() == 2 && view.base.size() == 2 && view.base[0] == Expr(0) &&
         view.base[1] == Expr(0);
}

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
    const auto* mma = std::get_if<tile::Mma>(&statement.node);
    if (mma == nullptr || mma->tile.size() != 2 || index == 0) return forbid(ref.tensor);
    const std::size_t dim = index == 1 ? (mma->transpose_a ? 1 : 0) : (mma->transpose_b ? 0 : 1);
    const Panels panels{ref.view.dims[dim].digits[0].axis, mma->tile[index - 1]};
    const auto [at, is_new] = found_.emplace(ref.tensor, panels);
    if (!is_new && at->second != panels) forbid(ref.tensor);
  }

  void forbid(TensorId id) { found_[id] = Panels{0, 0}; }

  const Program& program_;
  std::map<TensorId, Panels> found_;
};

/// The same corner of the matrix, in panels.
View in_panels(const View& view, const Panels& panels) {
  View result;
  result.base = {0, 0, 0};
  for (const ViewDim& dim : view.dims) {
    ViewDim moved = dim;
    moved.digits = {{0, 1, 1}};
    if (dim.digits[0].axis == panels.axis) moved.digits = {{0, 0, 1}, {panels.width, 2, 1}};
    result.dims.push_back(std::move(moved));
  }
  return result;
}

void make_panels(Program& program) {
  const std::map<TensorId, Panels> found = PanelFinder(program).run();
  for_each_tile(program.body, [&](TileRef& ref) {
    const auto at = found.find(ref.tensor);
    if (at != found.end()) ref.view = in_panels(ref.view, at->second);
  });
  for (const auto& [id, panels] : found) {
    tile::Tensor& tensor = program[id];
    const std::int64_t along = max_extent(program, tensor.shape[panels.axis]);
    tensor.shape = {ceil_div(along, panels.width), tensor.shape[1 - panels.axis], panels.width};
  }
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
    tensor.slot_bytes = ceil_div(stride, memory->alignment_bytes) * memory->alignment_bytes;
  }
  return program;
}

}  // namespace septran::passes
