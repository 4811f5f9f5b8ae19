#include "targets/cuda/wgmma.h"

#include "compiler/base/diagnostic.h"
#include "targets/cuda/products.h"

namespace septran::cuda {
namespace {

constexpr std::int64_t k_step_bytes = 32;
constexpr std::int64_t most_columns = 256;    // of an instruction
constexpr std::int64_t row_bytes = 128;       // of a panel
constexpr std::int64_t pattern_bytes = 1024;  // 8 rows: the period of the swizzle

std::int64_t bytes_of(DType type) { return static_cast<std::int64_t>(size_bytes(type)); }

/// Bytes from the start of a swizzled tile to the place where position (outer, k) starts, for an
/// `outer` that begins an instruction's rows or columns.
std::int64_t operand_offset(const tile::Tensor& tensor, bool by_k, std::int64_t outer,
                            std::int64_t k) {
  const std::int64_t rows = swizzled_rows(tensor.shape[0].offset());
  const std::int64_t width = panel_columns(bytes_of(tensor.storage));
  const std::int64_t row = by_k ? outer : k;
  const std::int64_t col = by_k ? k : outer;
  return col / width * rows * row_bytes + row * row_bytes + col % width * bytes_of(tensor.storage);
}

/// Byte distances of a descriptor: between panels of rows or columns (leading), and between groups
/// of 8 rows of the tile.
std::string descriptor(const std::string& pointer, const tile::Tensor& tensor, bool by_k) {
  const std::int64_t panel = swizzled_rows(tensor.shape[0].offset()) * row_bytes;
  return fmt::format("tile_descriptor({}, {}, {})", pointer, by_k ? 16 : panel, pattern_bytes);
}

/// The fragment of A for a step of k: pairs of registers.
std::string fragment(const RegisterTile& a, std::int64_t first) {
  return fmt::format("{}[{}], {}[{}], {}[{}], {}[{}]", a.name, first / 2, a.name, first / 2 + 1,
                     a.name, first / 2 + 2, a.name, first / 2 + 3);
}

/// The condition under which a warpgroup has rows of the tile that are not all beyond its edge;
/// empty: always. The same in all of a warp's threads.
std::string has_rows(const Emitter& e, const Expr& rows, std::int64_t steps) {
  const std::int64_t own = 64 * steps;
  if (e.vars().range(rows).lo > (e.kernel().warpgroups - 1) * own) return "";
  return fmt::format("__shfl_sync(0xffffffffu, thread / 128, 0) * {} < {}", own,
                     factor(e.vars().simplify(rows), e.vars()));
}

}  // namespace

void clear_beyond(Emitter& e, const RegisterTile& a, const std::vector<Expr>& extents) {
  if (e.vars().range(extents[1]).lo >= a.layout.room(1)) return;
  e.out().open("{}", "");
  e.register_nest(a.layout, true, [&](const std::vector<Point>& points) {
    const std::string number = Emitter::register_number(a.layout, {0, 1}, points[0]);
    const std::string limit = factor(extents[1], e.vars());
    e.out().line("if ({} >= {}) {}[({}) / 2] = 0;", points[0].at[1], limit, a.name, number);
    e.out().line("if ({0} < {2} && {1} >= {2}) {3}[({4}) / 2] &= 0xffffu;", points[0].at[1],
                 points[1].at[1], limit, a.name, number);
  });
  e.out().close();
}

std::string_view factor_name(DType type) { return type == DType::f32 ? "tf32" : name(type); }

std::string wgmma_name(const WgmmaShape& shape) {
  return fmt::format("wgmma_n{}_{}_{}_{}", shape.columns, factor_name(shape.type),
                     shape.a_in_registers ? "registers" : (shape.a_by_k ? "by_k" : "by_rows"),
                     shape.b_by_k ? "by_k" : "by_columns");
}

std::string wgmma_function(const WgmmaShape& shape) {
  const bool integers = shape.type == DType::i8;
  const std::int64_t sums = shape.columns / 2;
  std::string outputs;
  std::string numbers;
  for (std::int64_t i = 0; i < sums; ++i) {
    outputs += fmt::format("{}\"+{}\"(d[{}])", i > 0 ? ", " : "", integers ? "r" : "f", i);
    numbers += fmt::format("{}%{}", i > 0 ? ", " : "", i);
  }
  const std::int64_t a_count = shape.a_in_registers ? 4 : 1;
  std::string a_numbers = fmt::format("%{}", sums);
  if (shape.a_in_registers) {
    a_numbers = fmt::format("{{%{}, %{}, %{}, %{}}}", sums, sums + 1, sums + 2, sums + 3);
  }
  std::string type(integers ? "s8" : factor_name(shape.type));
  if (type.starts_with("f8")) type.erase(0, 2);
  // Factors 1 on both sides, and which of them are transposed: integers have neither, and only 16
  // bits the latter.
  std::string choices = integers ? "" : ", 1, 1";
  if (size_bytes(shape.type) == 2) {
    if (!shape.a_in_registers) choices += shape.a_by_k ? ", 0" : ", 1";
    choices += shape.b_by_k ? ", 0" : ", 1";
  }
  std::string text = fmt::format(
      "FUNCTION void {}({} *d, {}, uint64_t b, int accumulate) {{\n", wgmma_name(shape),
      integers ? "int32_t" : "float",
      shape.a_in_registers ? "uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3" : "uint64_t a");
  text += fmt::format(
      "  asm volatile(\"{{ .reg .pred p; setp.ne.b32 p, %{}, 0; \"\n"
      "               \"wgmma.mma_async.sync.aligned.m64n{}k{}.{}.{}.{} {{{}}}, \"\n"
      "               \"{}, %{}, p{}; }}\"\n",
      sums + a_count + 1, shape.columns, k_step_bytes / bytes_of(shape.type),
      integers ? "s32" : "f32", type, type, numbers, a_numbers, sums + a_count, choices);
  text += fmt::format("               : {}\n", outputs);
  text +=
      fmt::format("               : {}, \"l\"(b), \"r\"(accumulate));\n}}\n",
                  shape.a_in_registers ? "\"r\"(a0), \"r\"(a1), \"r\"(a2), \"r\"(a3)" : "\"l\"(a)");
  return text;
}

void emit_wgmma(Emitter& e, const tile::Mma& mma, const TensorCoreProduct& product,
                std::map<WgmmaShape, std::string>& shapes, bool may_skip) {
  Writer& out = e.out();
  const tile::Tensor& acc = e.program()[mma.acc.tensor];
  const tile::Tensor& a = e.program()[mma.a.tensor];
  const tile::Tensor& b = e.program()[mma.b.tensor];
  const RegisterTile sums = e.register_tile(mma.acc.tensor, true);
  const Operand left = e.operand(mma.a, "a");
  const Operand right = e.operand(mma.b, "b");
  const bool in_registers = left.kind == Operand::Kind::registers;
  const std::int64_t columns = acc.shape[1].offset();
  const std::int64_t parts = ceil_div(columns, most_columns);
  WgmmaShape shape{columns / parts, a.dtype, in_registers, product.a_by_k, product.b_by_k};
  if (in_registers) shape.a_by_k = true;
  std::string& function = shapes[shape];
  if (function.empty()) function = wgmma_function(shape);
  const std::int64_t depth = a.shape[product.a_by_k ? 1 : 0].offset();
  const std::int64_t k_step = k_step_bytes / bytes_of(a.dtype);
  const std::int64_t steps = sums.layout.dims[0][1].extent;  // of 64 rows
  const std::int64_t per_step = sums.layout.dims[0][1].offset;
  if (in_registers) {
    std::vector<Expr> extents = mma.a.view.shape();
    clear_beyond(e, left.tile, extents);
  } else {
    // A warpgroup's own rows.
    const std::int64_t own = operand_offset(a, product.a_by_k, 64 * steps, 0);
    out.line(
        "const uint64_t a_tile = {};",
        descriptor(fmt::format("(const char *)a + thread / 128 * {}", own), a, product.a_by_k));
  }
  out.line("const uint64_t b_tile = {};", descriptor("b", b, product.b_by_k));
  out.line("const int accumulate = {};", to_c(mma.accumulate, e.vars()));
  const std::string guard = may_skip ? has_rows(e, mma.acc.view.dims[0].extent, steps) : "";
  if (!guard.empty()) out.open("if ({})", guard);
  out.line("products_begin();");
  for (std::int64_t k = 0; k < depth; k += k_step) {
    for (std::int64_t s = 0; s < steps; ++s) {
      for (std::int64_t p = 0; p < parts; ++p) {
        const std::int64_t first = s * per_step + p * shape.columns / 2;
        std::string left_text;
        if (in_registers) {
          const std::int64_t a_step = left.tile.layout.dims[0][1].offset;
          left_text = fragment(left.tile, s * a_step + k / 2);
        } else {
          left_text = fmt::format("a_tile + {}", operand_offset(a, product.a_by_k, 64 * s, k) / 16);
        }
        out.line("{}({} + {}, {}, b_tile + {}, {});", wgmma_name(shape), sums.name, first,
                 left_text, operand_offset(b, product.b_by_k, p * shape.columns, k) / 16,
                 k == 0 ? "accumulate" : "1");
      }
    }
  }
  out.line("products_commit();");
  if (!guard.empty()) out.close();
}

void emit_scale(Emitter& e, tile::TensorId sums, double factor) {
  if (factor == 1.0) return;
  const RegisterTile tile = e.register_tile(sums, true);
  e.out().directive("#pragma unroll");
  e.out().line("for (int n = 0; n < {}; ++n) {}[n] *= {};", tile.layout.offsets(), tile.name,
               number(DType::f32, factor));
}

}  // namespace septran::cuda
