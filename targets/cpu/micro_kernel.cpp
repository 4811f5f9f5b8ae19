#include "targets/cpu/micro_kernel.h"

#include <algorithm>
#include <optional>
#include <set>

#include "targets/cpu/emitter.h"
#include "targets/cpu/inner_kernel.h"

namespace septran::cpu {
namespace {

constexpr std::size_t most_sizes = 4;       // that get kernels of their own
constexpr std::int64_t most_starts = 2048;  // of rows' sums, kept on the stack

/// What may remain of an expression after division by `step`; nothing if that is too much.
std::optional<std::set<std::int64_t>> residues(const Expr& e, std::int64_t step,
                                               const VarTable& vars) {
  using Residues = std::set<std::int64_t>;
  const auto reduced = [&](std::int64_t value) { return ((value % step) + step) % step; };
  const auto of_term = [&](const Term& term) -> std::optional<Residues> {
    Residues found;
    if (term.atom.kind == Atom::Kind::min || term.atom.kind == Atom::Kind::max) {
      for (const Expr& arg : term.atom.args) {
        const auto of_arg = residues(arg, step, vars);
        if (!of_arg) return std::nullopt;
        for (const std::int64_t r : *of_arg) found.insert(reduced(r * term.coefficient));
      }
      return found;
    }
    if (term.atom.kind != Atom::Kind::var) return std::nullopt;
    const Range range = vars.range(Expr::var(term.atom.var));
    const std::int64_t last = std::min(range.hi, range.lo + step);  // then they come again
    for (std::int64_t value = range.lo; value <= last; ++value) {
      found.insert(reduced(reduced(value) * reduced(term.coefficient)));
      if (found.size() > most_sizes) return std::nullopt;
    }
    return found;
  };
  Residues result{reduced(e.offset())};
  for (const Term& term : e.terms()) {
    if (term.coefficient % step == 0) continue;
    const auto more = of_term(term);
    if (!more) return std::nullopt;
    Residues sums;
    for (const std::int64_t r : *more) {
      for (const std::int64_t s : result) sums.insert(reduced(s + r));
    }
    if (sums.size() > most_sizes) return std::nullopt;
    result = std::move(sums);
  }
  return result;
}

std::string walk_key(const Walk& w) {
  return fmt::format("{} {} {} {} {}", w.panels, w.next_block, w.next, w.along_k, name(w.storage));
}

class ProductWriter {
 public:
  ProductWriter(const Micro& micro, Writer& out, const std::string& name)
      : m_(micro), out_(out), name_(name), type_(c_type(micro.type)) {}

  void write() {
    vector_type("vector", m_.type, m_.lanes, false);
    vector_type("sums", m_.type, m_.lanes, true);
    if (m_.dot == nullptr) {
      write_loads(name_, m_.b.storage, m_.type, m_.lanes, m_.is_whole, m_.widening, out_);
    } else {
      dot();
    }
    for (const std::int64_t height : m_.heights.known) {
      for (const std::int64_t width : m_.widths.known) {
        write_block(m_, name_, height, width, out_);
      }
    }
    if (m_.is_biased()) starts();
    blocks();
    out_.raw("");
  }

 private:
  [[nodiscard]] bool has_others() const { return m_.heights.others || m_.widths.others; }
  [[nodiscard]] std::string b_type() const { return c_type(m_.b.storage); }

  void vector_type(const char* what, DType type, std::int64_t lanes, bool anywhere) {
    const auto element = static_cast<std::int64_t>(size_bytes(type));
    out_.line("typedef {} {}_{} __attribute__((vector_size({}){}));", c_type(type), name_, what,
              lanes * element, anywhere ? fmt::format(", aligned({}), may_alias", element) : "");
  }

  /// Functions that read a group of A into every lane, or the first elements of one, and that
  /// multiply.
  void dot() {
    out_.line("typedef uint32_t {}_group __attribute__((vector_size({})));", name_, m_.lanes * 4);
    out_.line(
        "typedef uint32_t {}_groups_at __attribute__((vector_size({}), aligned(1), may_alias));",
        name_, m_.lanes * 4);
    for (const bool some : {false, true}) {
      out_.open("FUNCTION {0}_group {0}_{1}(const {2} *a{3})", name_, some ? "some" : "all",
                c_type(m_.a.storage), some ? ", int64_t count" : "");
      out_.line("uint32_t group = 0;");
      out_.line("memcpy(&group, a, {});", some ? "count * sizeof(*a)" : "4");
      out_.line("return ({}_group){{0}} + group;", name_);
      out_.close();
    }
    out_.open("FUNCTION {0}_vector {0}_dot({0}_vector sums, {0}_group b, {0}_group a)", name_);
    out_.line("__asm__(\"{}\" : \"+v\"(sums) : \"v\"(b), \"v\"(a));", m_.dot->spelling);
    out_.line("return sums;");
    out_.close();
  }

  /// What the sums of each row of C start with, as B has 128 added to its elements.
  void starts() {
    const Walk& a = m_.a;
    out_.open("static void {}_starts(int64_t m, int64_t k, const {} *a, int32_t *start)", name_,
              c_type(a.storage));
    if (a.along_k == m_.group()) {
      starts_of_some(a);
      out_.close();
      return;
    }
    out_.open("for (int64_t i = 0; i < m; ++i)");
    out_.line("const {} *row = a + i / {} * {} + i % {} * {};", c_type(a.storage), m_.rows,
              a.next_block, m_.rows, a.next);
    out_.line("int32_t sum = 0;");
    out_.line("for (int64_t p = 0; p < k; ++p) sum += row[p / {0} * {1} + p % {0}];", m_.group(),
              a.along_k);
    out_.line("start[i] = -128 * sum;");
    out_.close();
    out_.close();
  }

  /// A few rows side by side, so that no addition waits for the last one.
  void starts_of_some(const Walk& a) {
    constexpr int side_by_side = 4;
    out_.open("for (int64_t i = 0; i < m; i += {})", side_by_side);
    for (int r = 0; r < side_by_side; ++r) {
      out_.line("const int64_t i{0} = min(i + {0}, m - 1);", r);
      out_.line("const {0} *row{1} = a + i{1} / {2} * {3} + i{1} % {2} * {4};", c_type(a.storage),
                r, m_.rows, a.next_block, a.next);
      out_.line("{}_vector sums{} = {{0}};", name_, r);
      out_.line("int32_t sum{} = 0;", r);
    }
    out_.line("const {0}_group ones = ({0}_group){{0}} + 0x01010101u;", name_);
    out_.line("int64_t p = 0;");
    out_.open("for (; p + {0} <= k; p += {0})", m_.lanes * 4);
    // These are the first to read A: the hardware does not foresee rows that begin elsewhere.
    for (int r = 0; !a.panels && r < side_by_side; ++r) {
      out_.line("__builtin_prefetch(row{} + {} + p);", r, side_by_side * a.next);
    }
    for (int r = 0; r < side_by_side; ++r) {
      out_.line("sums{1} = {0}_dot(sums{1}, ones, *(const {0}_groups_at *)(row{1} + p));", name_,
                r);
    }
    out_.close();
    for (int r = 0; r < side_by_side; ++r) {
      out_.line("for (int64_t q = p; q < k; ++q) sum{0} += row{0}[q];", r);
      out_.line("for (int64_t l = 0; l < {1}; ++l) sum{0} += sums{0}[l];", r, m_.lanes);
      out_.line("start[i{0}] = -128 * sum{0};", r);  // the last row perhaps more than once
    }
    out_.close();
  }

  /// All blocks of a product, those at the edges too.
  void blocks() {
    out_.line("static void {}(", name_);
    out_.open(
        "    int64_t m, int64_t n, int64_t k, const {0} *a, const {1} *b, {2} *c, "
        "int accumulate)",
        c_type(m_.a.storage), c_type(m_.b.storage), c_type(m_.c));
    if (m_.is_biased()) {
      const std::int64_t most = most_starts / m_.rows * m_.rows;
      if (m_.most_rows > most) {
        out_.open("if (m > {})", most);
        out_.open("for (int64_t i = 0; i < m; i += {})", most);
        out_.line("{}(min({}, m - i), n, k, a + i / {} * {}, b, c + i * {}, accumulate);", name_,
                  most, m_.rows, m_.a.next_block, m_.c_row);
        out_.close();
        out_.line("return;");
        out_.close();
      }
      out_.line("int32_t start[{}];", std::min(m_.most_rows, most));
      out_.line("{}_starts(m, k, a, start);", name_);
    }
    out_.open("for (int64_t j = 0; j < n; j += {})", m_.cols);
    out_.line("const {} *const from_b = b + j / {} * {};", c_type(m_.b.storage), m_.cols,
              m_.b.next_block);
    out_.line("const int64_t cols = min({}, n - j);", m_.cols);
    out_.open("for (int64_t i = 0; i < m; i += {})", m_.rows);
    out_.line("const {} *const from_a = a + i / {} * {};", c_type(m_.a.storage), m_.rows,
              m_.a.next_block);
    out_.line("{} *const to = c + i * {} + j;", c_type(m_.c), m_.c_row);
    out_.line("const int64_t rows = min({}, m - i);", m_.rows);
    for (const std::int64_t height : m_.heights.known) {
      for (const std::int64_t width : m_.widths.known) {
        out_.open("if (rows == {} && cols == {})", height, width);
        out_.line("{}_{}x{}(k, from_a, from_b, to, {}, accumulate{});", name_, height, width,
                  m_.c_row, m_.is_biased() ? ", start + i" : "");
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
    const std::int64_t group = m_.group();
    const auto along = [&](const Walk& walk) {
      return group == 1 ? fmt::format("p * {}", walk.along_k)
                        : fmt::format("p / {0} * {1} + p % {0}", group, walk.along_k);
    };
    out_.open("for (int64_t r = 0; r < rows; ++r)");
    out_.line("{} sum[{}] = {{0}};", type_, m_.cols);
    out_.open("for (int64_t p = 0; p < k; ++p)");
    const std::string x = fmt::format("from_a[r * {} + {}]", m_.a.next, along(m_.a));
    const std::string y = fmt::format("from_b[{} + s * {}]", along(m_.b), m_.b.next);
    out_.line("const {} x = {};", type_, converted(m_.a.storage, m_.type, x));
    const std::string element = m_.is_biased() ? fmt::format("(int8_t)({} ^ -128)", y) : y;
    out_.line("for (int64_t s = 0; s < cols; ++s) sum[s] += x * {};",
              converted(m_.b.storage, m_.type, element));
    out_.close();
    out_.open("for (int64_t s = 0; s < cols; ++s)");
    const std::string factor =
        m_.alpha == 1.0 ? "" : fmt::format("{} * ", number(m_.type, m_.alpha));
    if (m_.rounds()) {
      out_.line("to[r * {} + s] = {};", m_.c_row, converted(m_.type, m_.c, factor + "sum[s]"));
    } else {
      out_.line("to[r * {0} + s] = (accumulate ? to[r * {0} + s] : 0) + {1}sum[s];", m_.c_row,
                factor);
    }
    out_.close();
    out_.close();
  }

  const Micro& m_;
  Writer& out_;
  const std::string& name_;
  const char* type_;
};

}  // namespace

BlockSizes block_sizes(const Expr& extent, std::int64_t step, const VarTable& vars) {
  BlockSizes sizes;
  const Range range = vars.range(extent);
  if (range.hi >= step) sizes.known.push_back(step);
  const auto rests = residues(extent, step, vars);
  if (!rests) {
    sizes.others = true;
    return sizes;
  }
  for (const std::int64_t rest : std::vector(rests->rbegin(), rests->rend())) {
    if (rest > 0 && rest <= range.hi) sizes.known.push_back(rest);
  }
  return sizes;
}

std::vector<std::int64_t> rests_of(const Expr& extent, std::int64_t step, const VarTable& vars) {
  std::vector<std::int64_t> rests;
  const BlockSizes sizes = block_sizes(extent, step, vars);
  for (std::int64_t rest = 1; rest < step; ++rest) {
    const auto& known = sizes.known;
    if (sizes.others || std::find(known.begin(), known.end(), rest) != known.end()) {
      rests.push_back(rest);
    }
  }
  return rests;
}

std::string Micro::key() const {
  const auto sizes = [](const BlockSizes& s) {
    return fmt::format("{}{}", fmt::join(s.known, ","), s.others ? "+" : "");
  };
  return fmt::format("{} {}x{} {} {} {} a {} b {} {} c {} {} {} {} {} {}", name(type), rows, cols,
                     lanes, sizes(heights), sizes(widths), walk_key(a), walk_key(b), prefetch_b,
                     name(c), c_row, alpha, group(), fmt::join(group_rests, ","),
                     is_biased() ? most_rows : 0);
}

void write_product(const Micro& micro, const std::string& name, Writer& out) {
  ProductWriter(micro, out, name).write();
}

}  // namespace septran::cpu
