#include "targets/cpu/inner_kernel.h"

#include <algorithm>

#include "targets/cpu/built_ins.h"

namespace septran::cpu {
namespace {

constexpr std::int64_t most_rows = 4;   // at once
constexpr std::int64_t most_sums = 24;  // in registers
constexpr std::int64_t near_bytes = 2048;

bool has_vectors(DType from, DType type, std::int64_t lanes, int vector_bytes) {
  if (from == type || (from == DType::i8 && type == DType::i32)) return true;
  const bool narrow = from == DType::bf16 || from == DType::f16;
  return narrow && type == DType::f32 && lanes * 4 == vector_bytes;
}

std::string_view widening_of(const Machine& machine, DType from, DType type) {
  if (from == type || from == DType::f16) return {};
  return widening(machine, size_bytes(from), from == DType::i8);
}

/// Some rows of A with all, or the first, of B's `columns`.
class BlockOfInner {
 public:
  BlockOfInner(const Inner& inner, const std::string& name, Writer& out)
      : in_(inner),
        name_(name),
        out_(out),
        rows_(std::min(most_rows, most_sums / inner.columns)),
        // Side by side, so that no addition waits for the last one.
        runs_(rows_ * inner.columns < 8 ? 2 : 1) {}

  void write() {
    if (reads_near()) {
      const auto size = static_cast<std::int64_t>(size_bytes(in_.a));
      out_.line("const int64_t near = min({}, k);", near_bytes / size);
    }
    out_.open("for (int64_t i = 0; i < m; i += {})", rows_);
    for (std::int64_t r = 0; r < rows_; ++r) {
      out_.line("const {} *const a{} = a + min(i + {}, m - 1) * {};", c_type(in_.a), r, r,
                in_.a_row);
    }
    each_sum([&](const std::string& sum) { out_.line("{}_a_number {} = {{0}};", name_, sum); });
    const std::int64_t step = in_.lanes * runs_;
    out_.line("int64_t p = 0;");
    out_.open("for (; p + {0} <= k; p += {0})", step);
    fetch_ahead(step);
    for (std::int64_t run = 0; run < runs_; ++run) multiply(run, false);
    out_.close();
    out_.open("for (; p < k; p += {})", in_.lanes);
    out_.line("const int64_t count = min({}, k - p);", in_.lanes);
    multiply(0, true);
    out_.close();
    store();
    out_.close();
  }

 private:
  [[nodiscard]] bool reads_near() const { return 2 * in_.columns > rows_; }

  /// Asks for A further on. With few columns rows go by as fast as memory gives them: the same
  /// places in the next rows. With more, their products keep so many lines of B on the move that
  /// such requests are dropped, or their lines gone when they are needed: somewhat further on in
  /// the same rows and, where these end, at the beginning of the next.
  void fetch_ahead(std::int64_t step) {
    const auto size = static_cast<std::int64_t>(size_bytes(in_.a));
    const std::int64_t line = 64 / size;
    if (reads_near()) {
      out_.line("const int64_t q = p + near + (p + near < k ? 0 : {} - k);", rows_ * in_.a_row);
    }
    for (std::int64_t at = 0; at < step; at += line) {
      for (std::int64_t r = 0; r < rows_; ++r) {
        if (reads_near()) {
          out_.line("__builtin_prefetch(a{} + q + {});", r, at);
        } else {
          out_.line("__builtin_prefetch(a{} + {} + p, 0, 2);", r, rows_ * in_.a_row + at);
        }
      }
    }
  }

  static std::string sum_name(std::int64_t r, std::int64_t c, std::int64_t run) {
    return fmt::format("s{}_{}_{}", r, c, run);
  }
  template <typename F>
  void each_sum(F&& visit) const {
    for (std::int64_t r = 0; r < rows_; ++r) {
      for (std::int64_t c = 0; c < in_.columns; ++c) {
        for (std::int64_t run = 0; run < runs_; ++run) visit(sum_name(r, c, run));
      }
    }
  }

  /// A vector of each row times one of each column. Those of which there are fewer stay in
  /// registers meanwhile.
  void multiply(std::int64_t run, bool part) {
    const char* how = part ? "part" : "load";
    const std::string at = fmt::format("p + {}{}", run * in_.lanes, part ? ", count" : "");
    const auto row = [&](std::int64_t r) {
      out_.line("const {0}_a_number x{1}_{2} = {0}_a_{3}(a{1} + {4});", name_, r, run, how, at);
    };
    const auto column = [&](std::int64_t c) {
      out_.line("const {0}_a_number y{1}_{2} = {0}_b_{3}(b + {4} + {5});", name_, c, run, how,
                c * in_.b_row, at);
    };
    const auto add = [&](std::int64_t r, std::int64_t c) {
      out_.line("{0} += x{1}_{2} * y{3}_{2};", sum_name(r, c, run), r, run, c);
    };
    if (rows_ < in_.columns) {
      for (std::int64_t r = 0; r < rows_; ++r) row(r);
      for (std::int64_t c = 0; c < in_.columns; ++c) {
        column(c);
        for (std::int64_t r = 0; r < rows_; ++r) add(r, c);
      }
    } else {
      for (std::int64_t c = 0; c < in_.columns; ++c) column(c);
      for (std::int64_t r = 0; r < rows_; ++r) {
        row(r);
        for (std::int64_t c = 0; c < in_.columns; ++c) add(r, c);
      }
    }
  }

  void store() {
    out_.line("const {}_a_number s[{}] = {{", name_, rows_ * in_.columns);
    for (std::int64_t r = 0; r < rows_; ++r) {
      for (std::int64_t c = 0; c < in_.columns; ++c) {
        const std::string more = runs_ > 1 ? " + " + sum_name(r, c, 1) : "";
        out_.line("    {}{},", sum_name(r, c, 0), more);
      }
    }
    out_.line("}};");
    out_.open("for (int64_t r = 0; r < {} && i + r < m; ++r)", rows_);
    out_.open("for (int64_t col = 0; col < {}; ++col)", in_.columns);
    const std::string all = fmt::format("s[r * {} + col]", in_.columns);
    if (in_.type == DType::f32 && in_.is_whole) {
      out_.line("const float sum = add_across({});", all);
    } else {
      out_.line("{} sum = 0;", c_type(in_.type));
      out_.line("for (int64_t l = 0; l < {}; ++l) sum += {}[l];", in_.lanes, all);
    }
    const std::string factor =
        in_.alpha == 1.0 ? "" : fmt::format("{} * ", number(in_.type, in_.alpha));
    out_.line("{} *const to = c + (i + r) * {} + col * {};", c_type(in_.type), in_.c_row,
              in_.c_col);
    out_.line("*to = (accumulate ? *to : 0) + {}sum;", factor);
    out_.close();
    out_.close();
  }

  const Inner& in_;
  const std::string& name_;
  Writer& out_;
  std::int64_t rows_;
  std::int64_t runs_;
};

}  // namespace

std::string Inner::key() const {
  return fmt::format("inner {} {} {} {} {} {} {} {} {} {}", name(type), lanes, name(a), name(b),
                     a_row, b_row, c_row, c_col, alpha, columns);
}

std::optional<Inner> plan_inner(const Product& product, const Machine& machine,
                                const VarTable& vars) {
  const Access* a = &product.a;
  const Access* b = &product.b;
  for (const Access* one : {a, b, &product.out}) {
    const bool plain = one->axes.empty() && one->is_linear(0) && one->is_linear(1) && !one->biased;
    if (!plain) return std::nullopt;
  }
  if (product.out.storage != product.type || a->stride(1) != 1 || b->stride(0) != 1) {
    return std::nullopt;
  }
  const std::int64_t m = vars.range(a->dims[0].extent).hi;
  const std::int64_t n = vars.range(b->dims[1].extent).hi;
  if (std::min(m, n) > few_inner_products) return std::nullopt;
  if (product.type == DType::i32 && product.alpha != 1.0) return std::nullopt;
  Inner inner;
  inner.type = product.type;
  inner.lanes = machine.cpu.vector_bytes / static_cast<std::int64_t>(size_bytes(product.type));
  inner.a_row = a->stride(0);
  inner.b_row = b->stride(1);
  inner.c_row = product.out.stride(0);
  inner.c_col = product.out.stride(1);
  inner.alpha = product.alpha;
  inner.swapped = m < n;
  inner.is_whole = inner.lanes * 4 == machine.cpu.vector_bytes;
  const Expr& few = inner.swapped ? a->dims[0].extent : b->dims[1].extent;
  inner.columns = vars.simplify(few).constant().value_or(1);
  if (inner.swapped) {
    std::swap(a, b);
    std::swap(inner.a_row, inner.b_row);
    std::swap(inner.c_row, inner.c_col);
  }
  inner.a = a->storage;
  inner.b = b->storage;
  for (const DType from : {inner.a, inner.b}) {
    if (!has_vectors(from, inner.type, inner.lanes, machine.cpu.vector_bytes)) return std::nullopt;
  }
  inner.a_widening = widening_of(machine, inner.a, inner.type);
  inner.b_widening = widening_of(machine, inner.b, inner.type);
  return inner;
}

void write_inner(const Inner& inner, const std::string& name, Writer& out) {
  write_loads(name + "_a", inner.a, inner.type, inner.lanes, inner.is_whole, inner.a_widening, out);
  write_loads(name + "_b", inner.b, inner.type, inner.lanes, inner.is_whole, inner.b_widening, out);
  out.line("static void {}(", name);
  out.open("    int64_t m, int64_t n, int64_t k, const {} *a, const {} *b, {} *c, int accumulate)",
           c_type(inner.a), c_type(inner.b), c_type(inner.type));
  out.open("for (int64_t j = 0; j < n; j += {0}, b += {1}, c += {2})", inner.columns,
           inner.columns * inner.b_row, inner.columns * inner.c_col);
  BlockOfInner(inner, name, out).write();
  out.close();
  out.close();
  out.raw("");
}

void write_loads(const std::string& name, DType from, DType type, std::int64_t lanes, bool is_whole,
                 std::string_view widening, Writer& out) {
  const auto bytes = [&](DType of) { return lanes * static_cast<std::int64_t>(size_bytes(of)); };
  out.line("typedef {} {}_number __attribute__((vector_size({})));", c_type(type), name,
           bytes(type));
  out.line("typedef {} {}_memory __attribute__((vector_size({}), aligned({}), may_alias));",
           c_type(from), name, bytes(from), size_bytes(from));
  std::string value = "x";
  if (from != type && !widening.empty()) {
    out.line("typedef uint32_t {}_wide __attribute__((vector_size({})));", name, lanes * 4);
    out.open("FUNCTION {0}_wide {0}_widen({0}_memory x)", name);
    out.line("{}_wide y;", name);
    out.line("__asm__(\"{}\" : \"=v\"(y) : \"v\"(x));", widening);
    out.line("return y;");
    out.close();
    value = fmt::format("({0}_number)({0}_widen(x){1})", name, from == DType::bf16 ? " << 16" : "");
  } else if (from == DType::i8 && type == DType::i32) {
    value = fmt::format("__builtin_convertvector(x, {}_number)", name);
  } else if (from != type) {
    value = fmt::format("{}_to_v(x)", septran::name(from));
  }
  out.open("FUNCTION {0}_number {0}_load(const {1} *p)", name, c_type(from));
  out.line("const {0}_memory x = *(const {0}_memory *)p;", name);
  out.line("return {};", value);
  out.close();
  out.open("FUNCTION {0}_number {0}_part(const {1} *p, int64_t count)", name, c_type(from));
  if (from == DType::f32 && type == DType::f32 && is_whole) {
    out.line("return part_f32_v(p, count);");
    out.close();
    return;
  }
  out.line("{}_memory x = {{0}};", name);
  out.line("memcpy(&x, p, (uint64_t)count * sizeof(*p));");
  out.line("return {};", value);
  out.close();
}

}  // namespace septran::cpu
