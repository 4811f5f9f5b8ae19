// Copies by vectors: rows, packing into panels, transposing. What these do not serve is copied
// element by element.
#include <algorithm>
#include <optional>

#include "targets/cpu/built_ins.h"
#include "targets/cpu/emitter.h"

namespace septran::cpu {
namespace {

/// A copy of an n x k matrix into panels of `width` positions along n, in which groups of `group`
/// along k lie side by side; all steps in elements. Without panels `width` is 0.
struct Packing {
  DType from = DType::f32;
  DType to = DType::f32;
  DType rounded = DType::f32;  // the type of the values, where it is narrower than `to`
  bool biased = false;
  bool across = false;     // the source's neighbours lie along k; otherwise along n
  std::int64_t apart = 0;  // from one row of the source to the next, along the other dimension
  std::int64_t width = 0;
  std::int64_t next_panel = 0;
  std::int64_t group = 1;
  std::int64_t next_group = 0;
  std::int64_t lanes = 0;
  std::string_view widening;  // see built_ins.h

  [[nodiscard]] std::string key() const {
    return fmt::format("{} {} {} {} {} {} {} {} {} {}", name(from), name(to), name(rounded), biased,
                       across, apart, width, next_panel, group, next_group);
  }
};

bool is_narrow_float(DType type) { return type == DType::f16 || type == DType::bf16; }

/// Whether vectors of 32-bit lanes hold both element types, as numbers or as groups of bytes.
bool fits_lanes(const Packing& p) {
  const std::size_t bytes = size_bytes(p.from);
  if (p.group > 1) return p.from == p.to && static_cast<std::int64_t>(bytes) * p.group == 4;
  if (p.from == p.to) return bytes == 4;
  const auto is_number = [](DType type) {
    return type == DType::f32 || is_narrow_float(type) || type == DType::i8;
  };
  return is_number(p.from) && is_number(p.to) && (p.from == DType::f32 || p.to == DType::f32);
}

/// The steps of dst's dimensions, where dimension `n` is cut into panels or lies side by side.
bool take_steps(const Access& dst, std::size_t n, Packing& p) {
  const Access::Dim& along = dst.dims[n];
  const Access::Dim& k = dst.dims[1 - n];
  if (k.steps.size() == 2) {
    if (!k.starts_at_zero() || k.steps[1].stride != 1) return false;
    p.group = k.steps[1].extent;
  } else if (k.steps.size() != 1) {
    return false;
  }
  p.next_group = k.steps[0].stride;
  if (along.steps.size() == 1) return p.group == 1 && along.steps[0].stride == 1;
  if (along.steps.size() != 2 || !along.starts_at_zero()) return false;
  p.width = along.steps[1].extent;
  p.next_panel = along.steps[0].stride;
  return along.steps[1].stride == p.group;
}

/// The packing that a copy is, and dst's dimension n.
std::optional<std::pair<Packing, std::size_t>> plan(const Access& dst, const Access& src,
                                                    const Machine& machine) {
  if (dst.dims.size() != 2 || !dst.axes.empty() || !src.axes.empty() || src.biased) {
    return std::nullopt;
  }
  if (!src.is_linear(0) || !src.is_linear(1)) return std::nullopt;
  for (const std::size_t n : {std::size_t{1}, std::size_t{0}}) {
    Packing p;
    p.from = src.storage;
    p.to = dst.storage;
    p.rounded = dst.logical;
    p.biased = dst.biased;
    p.lanes = machine.cpu.vector_bytes / 4;
    if (!take_steps(dst, n, p) || !fits_lanes(p)) continue;
    const bool rounds = p.rounded != p.to && p.rounded != p.from;
    if (rounds && (p.to != DType::f32 || !is_narrow_float(p.rounded))) continue;
    if (!rounds) p.rounded = p.to;
    p.across = src.stride(n) != 1;
    if (p.across && src.stride(1 - n) != 1) continue;
    p.apart = p.across ? src.stride(n) : src.stride(1 - n);
    if (p.group > 1) p.widening = widening(machine, size_bytes(p.from), false);
    return std::pair{p, n};
  }
  return std::nullopt;
}

class PackingWriter {
 public:
  PackingWriter(const Packing& packing, const std::string& name, Writer& out)
      : p_(packing), name_(name), out_(out), from_(c_type(packing.from)), to_(c_type(packing.to)) {}

  void write() {
    elements();
    if (p_.across) {
      turn();
      tile();
    } else if (p_.group > 1) {
      join();
      groups();
    } else {
      run();
    }
    out_.open("static void {}(int64_t n, int64_t k, const {} *from, {} *to)", name_, from_, to_);
    if (p_.across) {
      all_tiles();
    } else {
      all_rows();
    }
    out_.close();
    out_.raw("");
  }

 private:
  [[nodiscard]] bool units() const { return p_.group > 1 || p_.from == p_.to; }

  /// Functions that read and write a vector of lanes, or the first of them.
  void elements() {
    const std::string load = units() ? "f32" : std::string(name(p_.from));
    const std::string store = units() ? "f32" : std::string(name(p_.to));
    const std::string c_load = units() ? "float" : from_;
    const std::string c_store = units() ? "float" : to_;
    std::string value = "x";
    if (p_.biased) value = "(vector)((vector_u32)x ^ 0x80808080u)";
    if (p_.rounded != p_.to) value = fmt::format("round_{}_v(x)", name(p_.rounded));
    out_.line("FUNCTION vector {}_load(const void *p) {{ return load_{}_v((const {} *)p); }}",
              name_, load, c_load);
    out_.line("FUNCTION void {}_store({} *p, vector x) {{ store_{}_v(({} *)p, {}); }}", name_, to_,
              store, c_store, value);
    out_.open("FUNCTION void {}_store_some({} *p, vector x, int64_t count)", name_, to_);
    // Panels are in a cache; see store_part_f32_v.
    const bool masks = p_.width > 0 && store == "f32";
    out_.line("store_{}_{}_v(({} *)p, {}, count);", masks ? "some" : "part", store, c_store, value);
    out_.close();
    // Elements of the source, which need not be whole groups.
    out_.open("FUNCTION vector {}_load_some(const {} *p, int64_t count)", name_, from_);
    if (p_.group > 1) {
      out_.line("vector x = {{0}};");
      out_.line("for (int64_t l = 0; l < count; ++l) (({} *)&x)[l] = p[l];", from_);
      out_.line("return x;");
    } else {
      out_.line("return part_{}_v((const {} *)p, count);", load, c_load);
    }
    out_.close();
  }

  /// Rows become columns, in a square of vectors.
  void turn() {
    out_.open("FUNCTION void {}_turn(vector *x)", name_);
    for (std::int64_t step = 1; step < p_.lanes; step *= 2) {
      std::string low;
      std::string high;
      for (std::int64_t l = 0; l < p_.lanes; ++l) {
        const bool second = (l & step) != 0;
        low += fmt::format("{}{}", l == 0 ? "" : ", ", second ? p_.lanes + l - step : l);
        high += fmt::format("{}{}", l == 0 ? "" : ", ", second ? p_.lanes + l : l + step);
      }
      for (std::int64_t i = 0; i < p_.lanes; ++i) {
        if ((i & step) != 0) continue;
        out_.open("{}", "");
        out_.line("const vector a = x[{}], b = x[{}];", i, i + step);
        out_.line("x[{}] = SHUFFLE(a, b, {});", i, low);
        out_.line("x[{}] = SHUFFLE(a, b, {});", i + step, high);
        out_.close();
      }
    }
    out_.close();
  }

  /// At most LANES rows of the source, and LANES groups along k: columns of a panel.
  void tile() {
    const std::int64_t step = p_.lanes * p_.group;
    out_.open("FUNCTION void {}_tile(int64_t rows, int64_t k, const {} *from, {} *to)", name_,
              from_, to_);
    out_.line("vector x[LANES];");
    out_.open("for (int64_t p = 0; p < k; p += {})", step);
    out_.open("if (p + {} <= k)", step);
    out_.line(
        "for (int64_t r = 0; r < LANES; ++r) x[r] = {}_load(from + min(r, rows - 1) * {} + p);",
        name_, p_.apart);
    out_.close("} else {");
    out_.line(
        "  for (int64_t r = 0; r < LANES; ++r) "
        "x[r] = {}_load_some(from + min(r, rows - 1) * {} + p, k - p);",
        name_, p_.apart);
    out_.raw("}");
    out_.line("{}_turn(x);", name_);
    out_.line("{} *const q = to + p / {} * {};", to_, p_.group, p_.next_group);
    const std::string count =
        p_.group == 1 ? "k - p" : fmt::format("(k - p + {}) / {}", p_.group - 1, p_.group);
    out_.open("if (rows == LANES && p + {} <= k)", step);
    out_.line("for (int64_t l = 0; l < LANES; ++l) {}_store(q + l * {}, x[l]);", name_,
              p_.next_group);
    out_.close("} else {");
    out_.line("  const int64_t count = min(LANES, {});", count);
    out_.line("  for (int64_t l = 0; l < count; ++l) {}_store_some(q + l * {}, x[l], rows);", name_,
              p_.next_group);
    out_.raw("}");
    out_.close();
    out_.close();
  }

  void all_tiles() {
    if (p_.width == 0) {
      out_.open("for (int64_t j = 0; j < n; j += LANES)");
      out_.line("{}_tile(min(LANES, n - j), k, from + j * {}, to + j);", name_, p_.apart);
      out_.close();
      return;
    }
    out_.open("for (int64_t j = 0; j < n; j += {})", p_.width);
    out_.line("const {} *const rows = from + j * {};", from_, p_.apart);
    out_.line("{} *const panel = to + j / {} * {};", to_, p_.width, p_.next_panel);
    out_.line("const int64_t cols = min({}, n - j);", p_.width);
    out_.open("if (cols == {})", p_.width);  // known to the compiler
    tiles_of_panel(fmt::format("{}", p_.width));
    out_.close("} else {");
    tiles_of_panel("cols");
    out_.raw("}");
    out_.close();
  }

  void tiles_of_panel(const std::string& cols) {
    out_.line("for (int64_t c = 0; c < {}; c += LANES)", cols);
    out_.line("  {}_tile(min(LANES, {} - c), k, rows + c * {}, panel + c * {});", name_, cols,
              p_.apart, p_.group);
  }

  /// A run of a row.
  void run() {
    out_.open("FUNCTION void {}_run(int64_t cols, const {} *from, {} *to)", name_, from_, to_);
    out_.line("int64_t c = 0;");
    out_.line("for (; c + LANES <= cols; c += LANES) {0}_store(to + c, {0}_load(from + c));",
              name_);
    out_.line("if (c < cols) {0}_store_some(to + c, {0}_load_some(from + c, cols - c), cols - c);",
              name_);
    out_.close();
  }

  /// The lanes' groups from a vector of elements of each row of a group.
  void join() {
    const std::size_t bytes = size_bytes(p_.from);
    const char* type = bytes == 1 ? "uint8_t" : "uint16_t";
    out_.line("typedef {} {}_codes __attribute__((vector_size({}), aligned(1), may_alias));", type,
              name_, p_.lanes * static_cast<std::int64_t>(bytes));
    out_.open("FUNCTION vector_u32 {0}_widen({0}_codes x)", name_);
    if (p_.widening.empty()) {
      out_.line("return __builtin_convertvector(x, vector_u32);");
    } else {
      out_.line("vector_u32 y;");
      out_.line("__asm__(\"{}\" : \"=v\"(y) : \"v\"(x));", p_.widening);
      out_.line("return y;");
    }
    out_.close();
  }

  /// A run of the rows of one group, of which `rows` are there.
  void groups() {
    const std::size_t bits = size_bytes(p_.from) * 8;
    out_.open("FUNCTION void {}_run(int64_t rows, int64_t cols, const {} *from, {} *to)", name_,
              from_, to_);
    out_.line("for (int64_t c = 0; c < cols; c += LANES) {{");
    for (const bool whole : {true, false}) {
      out_.open("{}", whole ? "if (c + LANES <= cols)" : "else");
      out_.line("vector_u32 all = {{0}};");
      out_.open("for (int64_t r = 0; r < rows; ++r)");
      if (whole) {
        out_.line("const {0}_codes x = *(const {0}_codes *)(from + r * {1} + c);", name_, p_.apart);
      } else {
        out_.line("{}_codes x = {{0}};", name_);
        out_.line("for (int64_t l = 0; l < cols - c; ++l) x[l] = from[r * {} + c + l];", p_.apart);
      }
      out_.line("all |= {}_widen(x) << (uint32_t)(r * {});", name_, bits);
      out_.close();
      if (whole) {
        out_.line("{}_store(to + c * {}, (vector)all);", name_, p_.group);
      } else {
        out_.line("{}_store_some(to + c * {}, (vector)all, cols - c);", name_, p_.group);
      }
      out_.close();
    }
    out_.line("}}");
    out_.close();
  }

  void all_rows() {
    out_.open("for (int64_t p = 0; p < k; p += {})", p_.group);
    const std::string row = fmt::format("from + p * {}", p_.apart);
    const std::string place = fmt::format("to + p / {} * {}", p_.group, p_.next_group);
    if (p_.width == 0) {
      out_.line("{}_run(n, {}, {});", name_, row, place);
    } else {
      out_.open("for (int64_t j = 0; j < n; j += {})", p_.width);
      out_.line("{} *const panel = {} + j / {} * {};", to_, place, p_.width, p_.next_panel);
      fetch_ahead();
      run_of_panel(row + " + j");
      out_.close();
    }
    out_.close();
  }

  /// Asks for later rows: parts of rows far apart are too short for the processor to foresee.
  void fetch_ahead() {
    out_.line("const {} *const next = from + (p + {}) * {} + j;", from_, p_.group * groups_ahead,
              p_.apart);
    out_.line("for (int64_t c = 0; c < {}; c += {})", p_.width,
              64 / static_cast<std::int64_t>(size_bytes(p_.from)));
    out_.line("  for (int64_t r = 0; r < {}; ++r) __builtin_prefetch(next + r * {} + c);", p_.group,
              p_.apart);
  }

  void run_of_panel(const std::string& from) {
    if (p_.group == 1) {
      out_.line("if (n - j >= {0}) {1}_run({0}, {2}, panel);", p_.width, name_, from);
      out_.line("else {}_run(n - j, {}, panel);", name_, from);
      return;
    }
    out_.line("if (n - j >= {0} && k - p >= {1}) {2}_run({1}, {0}, {3}, panel);", p_.width,
              p_.group, name_, from);
    out_.line("else {}_run(min(k - p, {}), min({}, n - j), {}, panel);", name_, p_.group, p_.width,
              from);
  }

  static constexpr std::int64_t groups_ahead = 8;

  const Packing& p_;
  const std::string& name_;
  Writer& out_;
  std::string from_;
  std::string to_;
};

/// dst = src, element by element.
void copy_elements(Emitter& emitter, const Access& dst, const Access& src) {
  std::vector<Expr> extents;
  for (const Access::Dim& dim : dst.dims) extents.push_back(dim.extent);
  const VarTable& vars = emitter.vars();
  emit_nest(emitter.out(), extents, dst, vars, [&](const std::vector<Position>& at) {
    emitter.out().raw(store(dst, at, src.storage, raw(src, at, vars), vars));
  });
}

}  // namespace

void emit_copy(Emitter& emitter, const Access& dst, const Access& src) {
  const auto planned = plan(dst, src, emitter.machine());
  if (!planned) return copy_elements(emitter, dst, src);
  const auto& [packing, n] = *planned;
  const std::string name = emitter.function(
      "copy", packing.key(), [&packing = packing](Writer& out, const std::string& function) {
        PackingWriter(packing, function, out).write();
      });
  const VarTable& vars = emitter.vars();
  emitter.out().line("{}({}, {}, {}, {});", name, to_c(dst.dims[n].extent, vars),
                     to_c(dst.dims[1 - n].extent, vars), src.pointer, dst.pointer);
}

void emit_dma_copy(Emitter& emitter, const tile::DmaCopy& copy) {
  const Access dst = emitter.declare(copy.dst, "to");
  const Access src = emitter.declare(copy.src, "from");
  if (copy.dst.tensor != copy.src.tensor) return emit_copy(emitter, dst, src);
  // The two may overlap.
  Access like = dst;
  like.storage = like.logical = src.storage;
  const Access spare = emitter.declare_spare(like, "aside");
  emit_copy(emitter, spare, src);
  emit_copy(emitter, dst, spare);
}

}  // namespace septran::cpu
