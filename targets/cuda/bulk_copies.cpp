// What the copy engine can copy: boxes of tensors.
#include "targets/cuda/bulk_copies.h"

#include <fmt/format.h>

#include <algorithm>

#include "targets/cuda/products.h"

namespace septran::cuda {
namespace {

using tile::Program;
using tile::Tensor;
using tile::TensorKind;

constexpr std::int64_t most_box_extent = 256;
constexpr std::int64_t copy_alignment = 16;
constexpr std::size_t most_map_rank = 5;
constexpr std::int64_t pattern_rows = 8;  // of the swizzle

class BulkPlanner {
 public:
  BulkPlanner(const Program& program, const Plan& plan, const tile::DmaCopy& copy, std::string& why,
              BulkCuts cuts)
      : program_(program), plan_(plan), copy_(copy), why_(why), cuts_(cuts) {}

  std::optional<BulkCopy> run() {
    const Tensor& src = program_[copy_.src.tensor];
    const Tensor& dst = program_[copy_.dst.tensor];
    element_ = static_cast<std::int64_t>(size_bytes(src.storage));
    if (src.storage != dst.storage) return refuse("it converts");
    if (!is_corner(copy_.dst.view) || !copy_.src.view.is_box()) {
      return refuse("it is not a box of one tensor into a whole buffer");
    }
    std::uint32_t last = 0;
    for (std::size_t d = 0; d < copy_.src.view.dims.size(); ++d) {
      const std::uint32_t axis = copy_.src.view.dims[d].digits[0].axis;
      if (d > 0 && axis < last) return refuse("it transposes");
      last = axis;
    }
    std::string fault;
    const auto map = tensor_map(program_, plan_, copy_.src.tensor, fault);
    if (!map) return refuse(fault);
    result_.map = *map;
    result_.map.to_tf32 = plan_.places.at(copy_.dst.tensor.value).to_tf32;
    return cut_boxes(src, dst);
  }

 private:
  std::nullopt_t refuse(const std::string& text) {
    why_ = fmt::format("the copy to {} is not the copy engine's: {}",
                       program_[copy_.dst.tensor].name, text);
    return std::nullopt;
  }

  /// Extents of what is copied, by axis of the source.
  std::optional<std::vector<std::int64_t>> find_box(const Tensor& src, const Tensor& dst,
                                                    bool swizzled) {
    const View& view = copy_.src.view;
    std::vector<std::int64_t> box(src.shape.size(), 1);
    for (std::size_t d = 0; d < view.dims.size(); ++d) {
      const std::uint32_t axis = view.dims[d].digits[0].axis;
      box[axis] = dst.shape[d].offset();
      if (!ends_at_edge(program_.vars, view.dims[d].extent, view.base[axis], box[axis],
                        program_.vars.range(src.shape[axis]).hi)) {
        return refuse("it ends where its tensor goes on");
      }
    }
    const std::size_t inner = src.shape.size() - 1;
    if (view.dims.empty() || view.dims.back().digits[0].axis != inner) {
      return refuse("its elements do not lie side by side");
    }
    const std::int64_t edge = program_.vars.range(src.shape[inner]).hi;
    if (swizzled && padded_columns(dst) != box[inner] &&
        program_.vars.simplify(view.base[inner]) + Expr(box[inner]) != Expr(edge)) {
      return refuse("zeros must follow its rows, which go on");
    }
    return box;
  }

  std::optional<BulkCopy> cut_boxes(const Tensor& src, const Tensor& dst) {
    const bool swizzled = plan_.places.at(copy_.dst.tensor.value).kind == TilePlace::Kind::swizzled;
    auto found = find_box(src, dst, swizzled);
    if (!found) return std::nullopt;
    std::vector<std::int64_t>& box = *found;
    std::int64_t panels = 1;
    if (swizzled) {
      const std::int64_t width = panel_columns(element_);
      panels = ceil_div(box.back(), width);
      box.back() = width;
    }
    result_.map.swizzled = swizzled;
    result_.box_bytes = element_;
    for (const std::int64_t extent : box) {
      result_.box_bytes *= extent;
      if (extent <= most_box_extent) continue;
      return refuse(fmt::format("it is {} elements wide, more than {}", extent, most_box_extent));
    }
    if (box.back() * element_ % copy_alignment != 0) {
      return refuse(fmt::format("its rows take {} bytes", box.back() * element_));
    }
    // Where panels do not suffice for all shares, rows are cut, in whole patterns of the swizzle.
    std::int64_t& rows = box[copy_.src.view.dims[0].digits[0].axis];
    std::int64_t cuts = panels % cuts_.shares == 0 ? 1 : cuts_.shares;
    if (cuts_.cuts > 0) cuts = cuts_.cuts;
    if (cuts > 1 && (!swizzled || rows % (pattern_rows * cuts) != 0)) {
      return refuse("it cannot be cut into shares");
    }
    result_.cuts = cuts;
    rows /= cuts;
    result_.box_bytes /= cuts;
    result_.map.box.assign(box.rbegin(), box.rend());
    place_boxes(box, panels, swizzled ? swizzled_rows(dst.shape[0].offset()) * 128 : 0);
    return result_;
  }

  void place_boxes(const std::vector<std::int64_t>& box, std::int64_t panels,
                   std::int64_t panel_bytes) {
    const View& view = copy_.src.view;
    const std::uint32_t outer = view.dims[0].digits[0].axis;
    for (std::int64_t p = 0; p < panels * result_.cuts; ++p) {
      const std::int64_t panel = p / result_.cuts;
      const std::int64_t cut = p % result_.cuts;
      BulkBox one;
      one.shared_offset = panel * panel_bytes + cut * box[outer] * 128;
      for (std::size_t a = box.size(); a-- > 0;) {
        one.corner.push_back(view.base[a]);
        if (a + 1 == box.size()) one.corner.back() += Expr(panel * box[a]);
        if (a == outer && result_.cuts > 1) one.corner.back() += Expr(cut * box[a]);
      }
      result_.boxes.push_back(std::move(one));
    }
  }

  const Program& program_;
  const Plan& plan_;
  const tile::DmaCopy& copy_;
  std::string& why_;
  BulkCuts cuts_;
  std::int64_t element_ = 1;
  BulkCopy result_;
};

}  // namespace

bool ends_at_edge(const VarTable& vars, const Expr& extent, const Expr& base, std::int64_t most,
                  std::int64_t edge) {
  if (extent == Expr(most)) return true;
  return vars.simplify(Expr::min(Expr(most), Expr(edge) - base)) == vars.simplify(extent);
}

std::optional<TensorMap> tensor_map(const Program& program, const Plan& plan, tile::TensorId id,
                                    std::string& why) {
  const Tensor& tensor = program[id];
  if (plan.own.contains(id.value)) {
    why = fmt::format("{} is a block's own", tensor.name);
    return std::nullopt;
  }
  if (tensor.shape.empty() || tensor.shape.size() > most_map_rank) {
    why = fmt::format("{} has {} dimensions", tensor.name, tensor.shape.size());
    return std::nullopt;
  }
  TensorMap map;
  map.dtype = tensor.storage;
  if (tensor.kind == TensorKind::argument) {
    map.parameter = 0;
    for (std::uint32_t i = 0; i < id.value; ++i) {
      map.parameter += program.tensors[i].kind == TensorKind::argument ? 1 : 0;
    }
  } else {
    map.workspace_at = plan.workspace.at(id.value);
  }
  for (std::size_t a = tensor.shape.size(); a-- > 0;) {
    map.extents.push_back(program.vars.range(tensor.shape[a]).hi);
    if (a + 1 == tensor.shape.size()) continue;
    if (tensor.strides_bytes[a] % copy_alignment != 0) {
      why = fmt::format("a row of {} takes {} bytes, not a multiple of {}", tensor.name,
                        tensor.strides_bytes[a], copy_alignment);
      return std::nullopt;
    }
    map.strides_bytes.push_back(tensor.strides_bytes[a]);
  }
  return map;
}

std::optional<BulkCopy> bulk_copy(const Program& program, const Plan& plan,
                                  const tile::DmaCopy& copy, std::string& why, BulkCuts cuts) {
  return BulkPlanner(program, plan, copy, why, cuts).run();
}

}  // namespace septran::cuda
