// Matrix products: blocks of C held in vector registers, fed by panels of A and B.
#include <algorithm>
#include <optional>

#include "compiler/base/diagnostic.h"
#include "targets/cpu/emitter.h"

namespace septran::cpu {
namespace {

/// How a micro-kernel walks one of its inputs: from one block to the next, from one row (column) of
/// a block to the next, and along k; in elements.
struct Walk {
  bool panels = false;
  std::int64_t next_block = 0;
  std::int64_t next = 0;
  std::int64_t along_k = 0;
  DType storage = DType::f32;
};

struct Micro {
  DType type = DType::f32;  // of the sums
  std::int64_t rows = 0;    // of a block
  std::int64_t cols = 0;
  std::int64_t lanes = 0;  // of a vector
  Walk a;
  Walk b;
  std::int64_t c_row = 0;
  double alpha = 1.0;
};

/// The walk over dimension d of a tile in blocks of `width`, if it is in panels of that width or
/// has one step; its other dimension must have one step.
std::optional<Walk> walk(const Access& access, std::size_t d, std::int64_t width) {
  if (!access.axes.empty() || !access.is_linear(1 - d)) return std::nullopt;
  const Access::Dim& dim = access.dims[d];
  Walk result;
  result.along_k = access.stride(1 - d);
  result.storage = access.storage;
  if (access.is_linear(d)) {
    result.next = dim.steps[0].stride;
    result.next_block = result.next * width;
    return result;
  }
  if (dim.steps.size() != 2 || !dim.starts_at_zero() || dim.steps[1].extent != width) {
    return std::nullopt;
  }
  result.panels = true;
  result.next = dim.steps[1].stride;
  result.next_block = dim.steps[0].stride;
  return result;
}

/// The micro-kernel for a product, if there is one.
std::optional<Micro> plan(const Product& product, const std::vector<std::int64_t>& tile,
                          int vector_bytes) {
  if (tile.size() != 2 || product.out.storage != product.type || !product.out.axes.empty()) {
    return std::nullopt;
  }
  if (!product.out.is_linear(0) || !product.out.is_linear(1) || product.out.stride(1) != 1) {
    return std::nullopt;
  }
  Micro micro;
  micro.type = product.type;
  micro.rows = tile[0];
  micro.cols = tile[1];
  micro.lanes = vector_bytes / static_cast<std::int64_t>(size_bytes(product.type));
  while (micro.lanes > 1 && micro.cols % micro.lanes != 0) micro.lanes /= 2;
  const auto a = walk(product.a, 0, tile[0]);
  const auto b = walk(product.b, 1, tile[1]);
  if (!a || !b || b->next != 1) return std::nullopt;
  const bool widens = b->storage == DType::i8 && product.type == DType::i32;
  if (b->storage != product.type && !widens) return std::nullopt;
  if (product.type == DType::i32 && product.alpha != 1.0) return std::nullopt;
  micro.a = *a;
  micro.b = *b;
  micro.c_row = product.out.stride(0);
  micro.alpha = product.alpha;
  return micro;
}

std::string key_of(const Micro& m) {
  const auto walk_key = [](const Walk& w) {
    return fmt::format("{} {} {} {} {}", w.panels, w.next_block, w.next, w.along_k,
                       name(w.storage));
  };
  return fmt::format("{} {}x{} {} a {} b {} c {} {}", name(m.type), m.rows, m.cols, m.lanes,
                     walk_key(m.a), walk_key(m.b), m.c_row, m.alpha);
}

class MicroWriter {
 public:
  MicroWriter(const Micro& micro, Writer& out, std::string name)
      : m_(micro), out_(out), name_(std::move(name)), type_(c_type(micro.type)) {}

  void write() {
    out_.line("typedef {} {}_vector __attribute__((vector_size({})));", type_, name_,
              m_.lanes * static_cast<std::int64_t>(size_bytes(m_.type)));
    out_.line("typedef {0} {1}_memory __attribute__((vector_size({2}), aligned({3})));",
              c_type(m_.b.storage), name_,
              m_.lanes * static_cast<std::int64_t>(size_bytes(m_.b.storage)),
              size_bytes(m_.b.storage));
    out_.line("typedef {0} {1}_sums __attribute__((vector_size({2}), aligned({3})));", type_, name_,
              m_.lanes * static_cast<std::int64_t>(size_bytes(m_.type)), size_bytes(m_.type));
    block();
    blocks();
    out_.raw("");
  }

 private:
  [[nodiscard]] std::int64_t vectors() const { return m_.cols / m_.lanes; }

  /// The block that registers hold.
  void block() {
    out_.line("// {} x {} of C, k deep.", m_.rows, m_.cols);
    out_.line("static __attribute__((noinline)) void {}_block(", name_);
    out_.open(
        "    int64_t k, const {0} *restrict a, const {1} *restrict b, {2} *restrict c, "
        "int64_t c_row, int accumulate)",
        c_type(m_.a.storage), c_type(m_.b.storage), type_);
    for (std::int64_t r = 0; r < m_.rows; ++r) {
      std::string line = fmt::format("{}_vector ", name_);
      for (std::int64_t v = 0; v < vectors(); ++v) {
        line += fmt::format("{}c{}_{} = {{0}}", v > 0 ? ", " : "", r, v);
      }
      out_.raw(line + ";");
    }
    out_.open("for (int64_t p = 0; p < k; ++p)");
    for (std::int64_t v = 0; v < vectors(); ++v) {
      const std::string from = fmt::format("*(const {}_memory *)(b + {})", name_, v * m_.lanes);
      out_.line("const {0}_vector b{1} = {2};", name_, v,
                m_.b.storage == m_.type
                    ? from
                    : fmt::format("__builtin_convertvector({}, {}_vector)", from, name_));
    }
    for (std::int64_t r = 0; r < m_.rows; ++r) {
      const std::string element = fmt::format("a[{}]", r * m_.a.next);
      std::string line =
          fmt::format("const {} a{} = {};", type_, r, converted(m_.a.storage, m_.type, element));
      for (std::int64_t v = 0; v < vectors(); ++v) {
        line += fmt::format(" c{0}_{1} += a{0} * b{1};", r, v);
      }
      out_.raw(line);
    }
    out_.line("a += {};", m_.a.along_k);
    out_.line("b += {};", m_.b.along_k);
    out_.close();
    for (const bool accumulates : {true, false}) {
      out_.open("{}", accumulates ? "if (accumulate)" : "else");
      for (std::int64_t r = 0; r < m_.rows; ++r) {
        for (std::int64_t v = 0; v < vectors(); ++v) {
          const std::string sum = m_.alpha == 1.0
                                      ? fmt::format("c{}_{}", r, v)
                                      : fmt::format("{} * c{}_{}", number(m_.type, m_.alpha), r, v);
          out_.line("*({}_sums *)(c + {} * c_row + {}) {} {};", name_, r, v * m_.lanes,
                    accumulates ? "+=" : "=", sum);
        }
      }
      out_.close();
    }
    out_.close();
  }

  /// All blocks of a product, those at the edges too.
  void blocks() {
    out_.line("static void {}(", name_);
    out_.open(
        "    int64_t m, int64_t n, int64_t k, const {0} *a, const {1} *b, {2} *c, "
        "int accumulate)",
        c_type(m_.a.storage), c_type(m_.b.storage), type_);
    out_.open("for (int64_t j = 0; j < n; j += {})", m_.cols);
    out_.open("for (int64_t i = 0; i < m; i += {})", m_.rows);
    out_.line("const {} *const from_a = a + i / {} * {};", c_type(m_.a.storage), m_.rows,
              m_.a.next_block);
    out_.line("const {} *const from_b = b + j / {} * {};", c_type(m_.b.storage), m_.cols,
              m_.b.next_block);
    out_.line("{} *const to = c + i * {} + j;", type_, m_.c_row);
    out_.open("if (i + {} <= m && j + {} <= n)", m_.rows, m_.cols);
    out_.line("{}_block(k, from_a, from_b, to, {}, accumulate);", name_, m_.c_row);
    out_.line("continue;");
    out_.close();
    out_.line("const int64_t rows = min({}, m - i);", m_.rows);
    out_.line("const int64_t cols = min({}, n - j);", m_.cols);
    if (m_.a.panels && m_.b.panels) {
      edge_of_panels();
    } else {
      edge();
    }
    out_.close();
    out_.close();
    out_.close();
  }

  /// Panels go on to their full width, so that a whole block may be computed.
  void edge_of_panels() {
    out_.line("{} part[{}];", type_, m_.rows * m_.cols);
    out_.line("{}_block(k, from_a, from_b, part, {}, 0);", name_, m_.cols);
    out_.open("for (int64_t r = 0; r < rows; ++r)");
    out_.open("for (int64_t s = 0; s < cols; ++s)");
    out_.line("to[r * {0} + s] = (accumulate ? to[r * {0} + s] : 0) + part[r * {1} + s];", m_.c_row,
              m_.cols);
    out_.close();
    out_.close();
  }

  void edge() {
    out_.open("for (int64_t r = 0; r < rows; ++r)");
    out_.line("{} sum[{}] = {{0}};", type_, m_.cols);
    out_.open("for (int64_t p = 0; p < k; ++p)");
    const std::string x = fmt::format("from_a[r * {} + p * {}]", m_.a.next, m_.a.along_k);
    const std::string y = fmt::format("from_b[p * {} + s]", m_.b.along_k);
    out_.line("const {} x = {};", type_, converted(m_.a.storage, m_.type, x));
    out_.line("for (int64_t s = 0; s < cols; ++s) sum[s] += x * {};",
              converted(m_.b.storage, m_.type, y));
    out_.close();
    out_.open("for (int64_t s = 0; s < cols; ++s)");
    const std::string factor =
        m_.alpha == 1.0 ? "" : fmt::format("{} * ", number(m_.type, m_.alpha));
    out_.line("to[r * {0} + s] = (accumulate ? to[r * {0} + s] : 0) + {1}sum[s];", m_.c_row,
              factor);
    out_.close();
    out_.close();
  }

  const Micro& m_;
  Writer& out_;
  std::string name_;
  const char* type_;
};

}  // namespace

void emit_mma(Emitter& emitter, const tile::Mma& mma) {
  Product product;
  product.out = emitter.declare(mma.acc, "c", true);
  product.a = emitter.declare(mma.a, "a");
  product.b = emitter.declare(mma.b, "b");
  if (mma.transpose_a) std::swap(product.a.dims[0], product.a.dims[1]);
  if (mma.transpose_b) std::swap(product.b.dims[0], product.b.dims[1]);
  product.old = product.out;
  product.type = arithmetic_type(product.out.storage);
  product.alpha = mma.alpha;
  product.accumulate = to_c(mma.accumulate, emitter.vars());
  std::vector<std::int64_t> tile = mma.tile;
  // C transposed, where its columns are what lies side by side.
  const bool by_columns = product.out.is_linear(0) && product.out.stride(0) == 1 &&
                          !(product.out.is_linear(1) && product.out.stride(1) == 1);
  if (by_columns) {
    std::swap(product.a, product.b);
    for (Access* access : {&product.out, &product.old, &product.a, &product.b}) {
      std::swap(access->dims[0], access->dims[1]);
    }
    std::reverse(tile.begin(), tile.end());
  }
  const bool aside = mma.acc.tensor == mma.a.tensor || mma.acc.tensor == mma.b.tensor;
  if (aside) {  // C is an input of its own product
    const Access target = product.out;
    product.out = emitter.declare_spare(target, "aside");
    emit_product(emitter, product);
    return emit_copy(emitter, target, product.out);
  }
  const auto micro = plan(product, tile, emitter.machine().cpu.vector_bytes);
  if (!micro) return emit_product(emitter, product);
  const std::string name =
      emitter.function("mma", key_of(*micro), [&](Writer& out, const std::string& function) {
        MicroWriter(*micro, out, function).write();
      });
  const VarTable& vars = emitter.vars();
  emitter.out().line("{}({}, {}, {}, {}, {}, {}, {});", name,
                     to_c(product.out.dims[0].extent, vars), to_c(product.out.dims[1].extent, vars),
                     to_c(product.a.dims[1].extent, vars), product.a.pointer, product.b.pointer,
                     product.out.pointer, product.accumulate);
}

}  // namespace septran::cpu
