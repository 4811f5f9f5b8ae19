#include "targets/cuda/bulk_stores.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "compiler/tile/visit.h"
#include "targets/cuda/bulk_copies.h"

namespace septran::cuda {
namespace {

using tile::Program;
using tile::Statement;
using tile::Tensor;

constexpr std::int64_t panel_columns_of_halves = 64;  // 128 bytes
constexpr std::int64_t panel_bytes = warpgroup_rows * 128;
constexpr std::int64_t panel_registers = panel_columns_of_halves / 2;

class StorePlanner {
 public:
  StorePlanner(const Program& program, const Machine& machine, const Plan& plan,
               const KernelPlan& kernel)
      : program_(program), machine_(machine), plan_(plan), kernel_(kernel) {}

  StorePlan run(std::int64_t room) {
    if (!machine_.cuda.bulk_copies) return {};
    for_each_statement(program_, kernel_, [&](const Statement& statement) { look(statement); });
    std::erase_if(result_.stores, [&](const auto& one) {
      const auto& copy = std::get<tile::DmaCopy>(one.first->node);
      return touched_.contains(copy.dst.tensor.value);
    });
    if (!result_.stores.empty()) find_room(room);
    return std::move(result_);
  }

 private:
  void look(const Statement& statement) {
    const auto* copy = std::get_if<tile::DmaCopy>(&statement.node);
    std::string why;
    if (copy != nullptr && is_candidate(*copy)) {
      auto store = bulk_store(*copy, why);
      if (!store) result_.why = why;
      if (!store) store = row_store(*copy);
      if (store) {
        result_.stores[&statement] = std::move(*store);
        return;
      }
    }
    for (const auto& use : tile::operands(statement)) touched_.insert(use.tile->tensor.value);
  }

  /// Sums of products that are rounded to 16 bits in GLOBAL.
  bool is_candidate(const tile::DmaCopy& copy) const {
    const TilePlace& from = plan_.places.at(copy.src.tensor.value);
    const TilePlace& to = plan_.places.at(copy.dst.tensor.value);
    const Tensor& dst = program_[copy.dst.tensor];
    return from.kind == TilePlace::Kind::registers && to.kind == TilePlace::Kind::global &&
           kernel_.groups.at(static_cast<std::size_t>(from.group)).spread == Spread::accumulator &&
           program_[copy.src.tensor].shape.size() == 2 && from.element == DType::f32 &&
           (dst.storage == DType::f16 || dst.storage == DType::bf16);
  }

  std::optional<BulkStore> bulk_store(const tile::DmaCopy& copy, std::string& why) const {
    const Tensor& tile = program_[copy.src.tensor];
    const Tensor& dst = program_[copy.dst.tensor];
    const View& view = copy.dst.view;
    BulkStore store;
    const std::int64_t rows = tile.shape[0].offset();
    const std::int64_t cols = tile.shape[1].offset();
    if (!is_corner(copy.src.view) || !view.is_box() || view.dims.size() != 2 ||
        view.dims[0].digits[0].axis >= view.dims[1].digits[0].axis ||
        view.dims[1].digits[0].axis + 1 != dst.shape.size()) {
      return refuse(why, dst, "it is not a box of rows");
    }
    auto map = tensor_map(program_, plan_, copy.dst.tensor, why);
    if (!map) return refuse(why, dst, std::string(why));
    for (std::size_t a = dst.shape.size(); a-- > 0;) store.corner.push_back(view.base[a]);
    // Whole slabs: what they have beyond the tile must lie beyond the tensor's edge too.
    const std::int64_t own_rows = warpgroup_rows * kernel_.warpgroups;
    const bool few = rows < warpgroup_rows && kernel_.warpgroups == 1;
    const std::int64_t whole[] = {
        ceil_div(rows, own_rows) * own_rows,
        ceil_div(cols, panel_columns_of_halves) * panel_columns_of_halves};
    map->box.assign(dst.shape.size(), 1);
    for (std::size_t d = 0; d < 2; ++d) {
      const std::uint32_t axis = view.dims[d].digits[0].axis;
      const std::int64_t edge = program_.vars.range(dst.shape[axis]).hi;
      const auto ends = [&](std::int64_t extent) {
        return ends_at_edge(program_.vars, view.dims[d].extent, view.base[axis], extent, edge);
      };
      const bool fits = ends(whole[d]);
      if (!fits && !(d == 0 && few && ends(rows))) {
        return refuse(why, dst,
                      fmt::format("tiles of {} x {} are not of {} x {}, and end within it", rows,
                                  cols, own_rows, panel_columns_of_halves));
      }
      const std::size_t at = dst.shape.size() - 1 - axis;
      const std::int64_t box_rows = fits ? warpgroup_rows : rows;
      map->box[at] = d == 0 ? box_rows : panel_columns_of_halves;
      if (d == 0) store.row_axis = at;
    }
    store.map = std::move(*map);
    store.panels = whole[1] / panel_columns_of_halves;
    store.steps = ceil_div(rows, warpgroup_rows * kernel_.warpgroups);
    return store;
  }

  /// Any box of rows of GLOBAL, whose elements lie side by side.
  std::optional<BulkStore> row_store(const tile::DmaCopy& copy) const {
    const Tensor& tile = program_[copy.src.tensor];
    const View& view = copy.dst.view;
    if (!is_corner(copy.src.view) || !view.is_box() || view.dims.size() != 2 ||
        view.dims[1].digits[0].axis + 1 != program_[copy.dst.tensor].shape.size()) {
      return std::nullopt;
    }
    BulkStore store;
    store.by_warps = true;
    store.panels = ceil_div(tile.shape[1].offset(), panel_columns_of_halves);
    store.steps = ceil_div(tile.shape[0].offset(), warpgroup_rows * kernel_.warpgroups);
    return store;
  }

  static std::nullopt_t refuse(std::string& why, const Tensor& dst, const std::string& text) {
    why = fmt::format("{} is not stored by the copy engine: {}", dst.name, text);
    return std::nullopt;
  }

  /// As many slabs as there is room for, of those that a tile has. All stores share them.
  void find_room(std::int64_t room) {
    std::int64_t panels = 0;  // common to all rows
    std::int64_t most = 0;    // of a tile
    for (const auto& [statement, store] : result_.stores) {
      panels = std::gcd(panels, store.panels);
      most = std::max(most, store.panels * store.steps);
    }
    const std::int64_t wanted =
        std::max<std::int64_t>(1, kernel_.options.epilogue_columns / panel_columns_of_halves);
    result_.panels = std::gcd(wanted, panels);
    result_.slab_bytes = result_.panels * panel_bytes;
    const std::int64_t warpgroups = kernel_.teams * kernel_.warpgroups;
    const std::int64_t fit = room / (result_.slab_bytes * warpgroups);
    if (fit < 1) {
      result_.why = fmt::format(
          "tiles are not stored by the copy engine: slabs of {} bytes for {} "
          "warpgroups do not fit into {} of shared memory",
          result_.slab_bytes, warpgroups, room);
      result_.stores.clear();
      return;
    }
    result_.slabs = std::min(fit, most / result_.panels);
    const auto divides = [&](const auto& one) {
      return one.second.panels * one.second.steps / result_.panels % result_.slabs == 0;
    };
    while (!std::all_of(result_.stores.begin(), result_.stores.end(), divides)) --result_.slabs;
    result_.bytes = result_.slabs * result_.slab_bytes * warpgroups;
  }

  const Program& program_;
  const Machine& machine_;
  const Plan& plan_;
  const KernelPlan& kernel_;
  StorePlan result_;
  std::set<std::uint32_t> touched_;  // otherwise than by such stores
};

}  // namespace

StorePlan plan_stores(const Program& program, const Machine& machine, const Plan& plan,
                      const KernelPlan& kernel, std::int64_t room) {
  return StorePlanner(program, machine, plan, kernel).run(room);
}

namespace {

/// How a tile goes through slabs: `a_row` of them along its rows.
struct Slabs {
  std::int64_t a_row = 1;
  std::int64_t count = 1;
  std::int64_t row_registers = 0;   // of 64 rows
  std::int64_t panel_distance = 0;  // bytes between a slab's panels
};

Slabs slabs_of(const StorePlan& plan, const BulkStore& store, const RegisterTile& tile) {
  const std::int64_t a_row = store.panels / plan.panels;
  return {a_row, a_row * store.steps, tile.layout.dims[1][0].extent * 4,
          plan.place ? plan.place->panel_bytes : panel_bytes};
}

/// A loop over slabs, with a lane's row of 16 bytes in each 16 rows of 16 columns and its place in
/// the pattern of the swizzle.
void open_slabs(Emitter& e, const Slabs& slabs) {
  Writer& out = e.out();
  out.line("const int slab_row = thread % 128 / 32 * 16 + thread % 16;");
  out.line("const int piece = thread % 32 / 16;");
  out.directive("#pragma unroll");
  out.open("for (int slab = 0; slab < {}; ++slab)", slabs.count);
}

/// The slab `at` gets a warp's rows of fragments.
void write_fragments(Emitter& e, const StorePlan& plan, const BulkStore& store,
                     const RegisterTile& tile, DType type) {
  Writer& out = e.out();
  const Slabs slabs = slabs_of(plan, store, tile);
  const bool overhangs = slabs.row_registers < store.panels * panel_registers;
  out.directive("#pragma unroll");
  out.open("for (int n = 0; n < {}; ++n)", 4 * plan.panels);
  out.line("const int first = slab % {} * {} + n * 8;", slabs.a_row, plan.panels * panel_registers);
  out.line("const float *const from = {} + slab / {} * {} + first;", tile.name, slabs.a_row,
           slabs.row_registers);
  std::string words;
  for (int w = 0; w < 4; ++w) {
    const std::string pair =
        fmt::format("f32_to_{}_pair(from[{}], from[{}])", name(type), 2 * w, 2 * w + 1);
    // Of a row's last slab, what lies beyond the tile.
    words += overhangs ? fmt::format(", first + {} < {} ? {} : 0", 2 * w, slabs.row_registers, pair)
                       : ", " + pair;
  }
  out.line(
      "store_fragment(shared_address(at) + n / 4 * {} + slab_row * 128 + ((n % 4 * 2 + piece) "
      "^ slab_row % 8) * 16{});",
      slabs.panel_distance, words);
  out.close();
}

}  // namespace

void emit_row_store(Emitter& e, const StorePlan& plan, const BulkStore& store,
                    const RegisterTile& tile, const tile::DmaCopy& copy) {
  Writer& out = e.out();
  const Slabs slabs = slabs_of(plan, store, tile);
  const Access to = e.operand(copy.dst, "to").access;
  const std::string rows = factor(e.vars().simplify(copy.dst.view.dims[0].extent), e.vars());
  const std::string columns = factor(e.vars().simplify(copy.dst.view.dims[1].extent), e.vars());
  const bool shared = std::any_of(plan.stores.begin(), plan.stores.end(),
                                  [](const auto& one) { return !one.second.by_warps; });
  if (shared) {
    out.line("if (thread % 128 == 0) stores_wait_read<0>();");
    out.line("warpgroup_barrier(warpgroup);");
  }
  open_slabs(e, slabs);
  out.line("char *const at = slabs + slab % {} * {};", plan.slabs, plan.slab_bytes);
  write_fragments(e, plan, store, tile, to.storage);
  out.line("__syncwarp();  // a warp reads the rows that it has written");
  out.line("const int first_row = (thread / 128 * {} + slab / {}) * {} + thread % 128 / 32 * 16;",
           store.steps, slabs.a_row, warpgroup_rows);
  out.directive("#pragma unroll");
  out.open("for (int p = 0; p < {}; ++p)", plan.panels);
  out.line("const int column = (slab % {} * {} + p) * {};", slabs.a_row, plan.panels,
           panel_columns_of_halves);
  out.line("const int rows = (int)min({} - first_row, 16), columns = (int)min({} - column, {});",
           rows, columns, panel_columns_of_halves);
  out.line("store_rows(to + {}, {}, at + p * {} + thread % 128 / 32 * 2048, rows, columns);",
           offset_of(to, {"first_row", "column"}, e.vars()), to.dims[0].steps[0].stride,
           slabs.panel_distance);
  out.close();
  out.line("__syncwarp();");
  out.close();
}

bool has_equal_slabs(const BulkStore& store, const RegisterTile& tile) {
  return tile.layout.dims[1][0].extent * 4 == store.panels * panel_registers;
}

void emit_bulk_store(Emitter& e, const StorePlan& plan, const BulkStore& store,
                     const RegisterTile& tile, DType type, std::ptrdiff_t map,
                     const std::function<void()>& work) {
  Writer& out = e.out();
  const Slabs slabs = slabs_of(plan, store, tile);
  const bool reuses = plan.slabs < slabs.count;
  std::string corner;
  for (std::size_t a = 0; a < store.corner.size(); ++a) {
    const std::string base = to_c(e.vars().simplify(store.corner[a]), e.vars());
    const std::string more = a == 0 ? " + column" : a == store.row_axis ? " + row" : "";
    corner += fmt::format(", (int)({}){}", base, more);
  }
  open_slabs(e, slabs);
  if (plan.place) {
    out.line("char *const at = (char *){} + slab * {} + warpgroup * {};",
             e.tensor_name(plan.place->tile), plan.panels * slabs.panel_distance, panel_bytes);
  } else {
    out.line("char *const at = slabs + slab % {} * {};", plan.slabs, plan.slab_bytes);
    out.line("// Its last content has been read.");
    if (!reuses) out.open("if (slab == 0)");
    out.line("if (thread % 128 == 0) stores_wait_read<{}>();", reuses ? plan.slabs - 1 : 0);
    out.line("warpgroup_barrier(warpgroup);");
    if (!reuses) out.close();
  }
  if (work) {
    e.restrict_to(TilePart{slabs.a_row, fmt::format("(slab % {})", slabs.a_row),
                           store.steps > 1 ? fmt::format("slab / {}", slabs.a_row) : ""});
    work();
    e.restrict_to(std::nullopt);
  }
  if (plan.place) {
    out.line("// Each warp has read its rows of {0}, and now fills them.",
             e.program()[plan.place->tile].name);
    out.line("{}__syncwarp();", work ? "" : "if (slab == 0) ");
  }
  write_fragments(e, plan, store, tile, type);
  out.line("fence_async();");
  out.line("warpgroup_barrier(warpgroup);");
  out.open("if (thread % 128 == 0)");
  out.line("const int row = (thread / 128 * {} + slab / {}) * {};", store.steps, slabs.a_row,
           warpgroup_rows);
  out.open("for (int p = 0; p < {}; ++p)", plan.panels);
  out.line("const int column = (slab % {} * {} + p) * {};", slabs.a_row, plan.panels,
           panel_columns_of_halves);
  out.line("bulk_store(&map_{}, at + p * {}{});", map, slabs.panel_distance, corner);
  out.close();
  out.line("stores_commit();");
  out.close();
  out.close();
}

}  // namespace septran::cuda
