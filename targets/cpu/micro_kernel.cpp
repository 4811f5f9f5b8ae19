#include "targets/cpu/micro_kernel.h"

#include <algorithm>
#include <optional>
#include <set>

#include "targets/cpu/emitter.h"

namespace septran::cpu {
namespace {

constexpr std::size_t most_sizes = 4;  // that get kernels of their own

/// What remains of an expression after division by `step`, for all values of its variables.
std::optional<std::set<std::int64_t>> residues(const Expr& e, std::int64_t step) {
  const auto reduced = [&](std::int64_t value) { return ((value % step) + step) % step; };
  std::set<std::int64_t> result{reduced(e.offset())};
  for (const Term& term : e.terms()) {
    if (term.coefficient % step == 0) continue;
    if (term.atom.kind != Atom::Kind::min && term.atom.kind != Atom::Kind::max) {
      return std::nullopt;
    }
    std::set<std::int64_t> next;
    for (const Expr& arg : term.atom.args) {
      const auto of_arg = residues(arg, step);
      if (!of_arg) return std::nullopt;
      for (const std::int64_t r : *of_arg) {
        for (const std::int64_t s : result) next.insert(reduced(s + r * term.coefficient));
      }
    }
    if (next.size() > most_sizes) return std::nullopt;
    result = std::move(next);
  }
  return result;
}

std::string walk_key(const Walk& w) {
  return fmt::format("{} {} {} {} {}", w.panels, w.next_block, w.next, w.along_k, name(w.storage));
}

class ProductWriter {
 public:
  ProductWriter(const Micro& micro, Writer& out, std::string name)
      : m_(micro), out_(out), name_(std::move(name)), type_(c_type(micro.type)) {}

  void write() {
    const auto vector_type = [&](const char* what, DType type, bool anywhere) {
      const auto element = static_cast<std::int64_t>(size_bytes(type));
      out_.line("typedef {} {}_{} __attribute__((vector_size({}){}));", c_type(type), name_, what,
                m_.lanes * element, anywhere ? fmt::format(", aligned({})", element) : "");
    };
    vector_type("vector", m_.type, false);
    vector_type("memory", m_.b.storage, true);
    vector_type("sums", m_.type, true);
    for (const std::int64_t height : m_.heights.known) {
      for (const std::int64_t width : m_.widths.known) block(height, width);
    }
    blocks();
    out_.raw("");
  }

 private:
  [[nodiscard]] bool has_others() const { return m_.heights.others || m_.widths.others; }

  /// Elements of the last vector of a block `width` wide, if it is not full.
  [[nodiscard]] std::int64_t tail(std::int64_t width) const { return width % m_.lanes; }
  [[nodiscard]] std::int64_t vectors(std::int64_t width) const { return ceil_div(width, m_.lanes); }

  /// The function that computes one block in registers.
  void block(std::int64_t height, std::int64_t width) {
    out_.line("// {} x {} of C, k deep.", height, width);
    out_.line("static __attribute__((noinline)) void {}_{}x{}(", name_, height, width);
    out_.open(
        "    int64_t k, const {0} *restrict a, const {1} *restrict b, {2} *restrict c, "
        "int64_t c_row, int accumulate)",
        c_type(m_.a.storage), c_type(m_.b.storage), type_);
    out_.line("if (k >= {0}) for (int64_t r = 0; r < {1}; ++r) {{", prefetch_depth, height);
    for (std::int64_t v = 0; v < vectors(width); ++v) {
      out_.line("  __builtin_prefetch(c + r * c_row + {}, 1);", v * m_.lanes);
    }
    out_.line("}}");
    for (std::int64_t r = 0; r < height; ++r) {
      std::string line = fmt::format("{}_vector ", name_);
      for (std::int64_t v = 0; v < vectors(width); ++v) {
        line += fmt::format("{}c{}_{} = {{0}}", v > 0 ? ", " : "", r, v);
      }
      out_.raw(line + ";");
    }
    out_.open("for (int64_t p = 0; p < k; ++p)");
    for (std::int64_t v = 0; v < vectors(width); ++v) load_b(v, width);
    for (std::int64_t r = 0; r < height; ++r) {
      const std::string element = fmt::format("a[{}]", r * m_.a.next);
      std::string line =
          fmt::format("const {} a{} = {};", type_, r, converted(m_.a.storage, m_.type, element));
      for (std::int64_t v = 0; v < vectors(width); ++v) {
        line += fmt::format(" c{0}_{1} += a{0} * b{1};", r, v);
      }
      out_.raw(line);
    }
    if (m_.prefetch_b) {
      for (std::int64_t v = 0; v < vectors(width); ++v) {
        out_.line("__builtin_prefetch(b + {});", m_.b.next_block + v * m_.lanes);
      }
    }
    out_.line("a += {};", m_.a.along_k);
    out_.line("b += {};", m_.b.along_k);
    out_.close();
    store_c(height, width);
    out_.close();
  }

  void load_b(std::int64_t v, std::int64_t width) {
    const bool part = tail(width) != 0 && v + 1 == vectors(width) && !m_.b.panels;
    std::string from = fmt::format("*(const {}_memory *)(b + {})", name_, v * m_.lanes);
    if (part) {
      const auto element = static_cast<std::int64_t>(size_bytes(m_.b.storage));
      out_.line("{}_memory part = {{0}};", name_);
      out_.line("memcpy(&part, b + {}, {});", v * m_.lanes, tail(width) * element);
      from = "part";
    }
    if (m_.b.storage != m_.type) {
      from = fmt::format("__builtin_convertvector({}, {}_vector)", from, name_);
    }
    out_.line("const {}_vector b{} = {};", name_, v, from);
  }

  void store_c(std::int64_t height, std::int64_t width) {
    for (const bool accumulates : {true, false}) {
      out_.open("{}", accumulates ? "if (accumulate)" : "else");
      for (std::int64_t r = 0; r < height; ++r) {
        for (std::int64_t v = 0; v < vectors(width); ++v) {
          const std::string sum = m_.alpha == 1.0
                                      ? fmt::format("c{}_{}", r, v)
                                      : fmt::format("{} * c{}_{}", number(m_.type, m_.alpha), r, v);
          if (tail(width) != 0 && v + 1 == vectors(width)) {
            store_part(fmt::format("c + {} * c_row + {}", r, v * m_.lanes), sum, tail(width),
                       accumulates);
            continue;
          }
          out_.line("*({}_sums *)(c + {} * c_row + {}) {} {};", name_, r, v * m_.lanes,
                    accumulates ? "+=" : "=", sum);
        }
      }
      out_.close();
    }
  }

  /// The first elements of a vector.
  void store_part(const std::string& at, const std::string& sum, std::int64_t count,
                  bool accumulates) {
    const auto bytes = count * static_cast<std::int64_t>(size_bytes(m_.type));
    out_.open("{}", "");
    out_.line("{}_vector part = {{0}};", name_);
    if (accumulates) out_.line("memcpy(&part, {}, {});", at, bytes);
    out_.line("part += {};", sum);
    out_.line("memcpy({}, &part, {});", at, bytes);
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
    out_.line("const {} *const from_b = b + j / {} * {};", c_type(m_.b.storage), m_.cols,
              m_.b.next_block);
    out_.line("const int64_t cols = min({}, n - j);", m_.cols);
    out_.open("for (int64_t i = 0; i < m; i += {})", m_.rows);
    out_.line("const {} *const from_a = a + i / {} * {};", c_type(m_.a.storage), m_.rows,
              m_.a.next_block);
    out_.line("{} *const to = c + i * {} + j;", type_, m_.c_row);
    out_.line("const int64_t rows = min({}, m - i);", m_.rows);
    for (const std::int64_t height : m_.heights.known) {
      for (const std::int64_t width : m_.widths.known) {
        out_.open("if (rows == {} && cols == {})", height, width);
        out_.line("{}_{}x{}(k, from_a, from_b, to, {}, accumulate);", name_, height, width,
                  m_.c_row);
        out_.line("continue;");
        out_.close();
      }
    }
    if (has_others()) edge();
    out_.close();
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

  static constexpr int prefetch_depth = 64;  // shallower blocks are over before C arrives

  const Micro& m_;
  Writer& out_;
  std::string name_;
  const char* type_;
};

}  // namespace

BlockSizes block_sizes(const Expr& extent, std::int64_t step, const VarTable& vars) {
  BlockSizes sizes;
  const Range range = vars.range(extent);
  if (range.hi >= step) sizes.known.push_back(step);
  const auto rests = residues(extent, step);
  if (!rests) {
    sizes.others = true;
    return sizes;
  }
  for (auto rest = rests->rbegin(); rest != rests->rend(); ++rest) {
    if (*rest > 0 && *rest <= range.hi) sizes.known.push_back(*rest);
  }
  return sizes;
}

std::string Micro::key() const {
  const auto sizes = [](const BlockSizes& s) {
    return fmt::format("{}{}", fmt::join(s.known, ","), s.others ? "+" : "");
  };
  return fmt::format("{} {}x{} {} {} {} a {} b {} {} c {} {}", name(type), rows, cols, lanes,
                     sizes(heights), sizes(widths), walk_key(a), walk_key(b), prefetch_b, c_row,
                     alpha);
}

void write_product(const Micro& micro, const std::string& name, Writer& out) {
  ProductWriter(micro, out, name).write();
}

}  // namespace septran::cpu
