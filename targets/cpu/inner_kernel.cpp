#include "targets/cpu/inner_kernel.h"

#include <algorithm>

#include "targets/cpu/built_ins.h"

namespace septran::cpu {
namespace {

constexpr std::int64_t rows_at_once = 4;
constexpr int sums_of_a_row = 2;  // side by side, so that no addition waits for the last one

bool has_vectors(DType from, DType type, std::int64_t lanes, int vector_bytes) {
  if (from == type || (from == DType::i8 && type == DType::i32)) return true;
  const bool narrow = from == DType::bf16 || from == DType::f16;
  return narrow && type == DType::f32 && lanes * 4 == vector_bytes;
}

std::string_view widening_of(const Machine& machine, DType from, DType type) {
  if (from == type || from == DType::f16) return {};
  return widening(machine, size_bytes(from), from == DType::i8);
}

void write_row(const Inner& inner, const std::string& name, Writer& out) {
  const char* type = c_type(inner.type);
  out.open("for (int64_t i = 0; i < m; i += {})", rows_at_once);
  for (std::int64_t r = 0; r < rows_at_once; ++r) {
    out.line("const {} *const a{} = a + min(i + {}, m - 1) * {};", c_type(inner.a), r, r,
             inner.a_row);
  }
  for (std::int64_t r = 0; r < rows_at_once; ++r) {
    for (int s = 0; s < sums_of_a_row; ++s) {
      out.line("{}_a_number s{}_{} = {{0}};", name, r, s);
    }
  }
  const std::int64_t step = inner.lanes * sums_of_a_row;
  out.line("int64_t p = 0;");
  out.open("for (; p + {0} <= k; p += {0})", step);
  const auto bytes = static_cast<std::int64_t>(size_bytes(inner.a));
  for (std::int64_t at = 0; at < step; at += 64 / bytes) {
    for (std::int64_t r = 0; r < rows_at_once; ++r) {
      out.line("__builtin_prefetch(a{} + {} + p, 0, 2);", r, rows_at_once * inner.a_row + at);
    }
  }
  for (int s = 0; s < sums_of_a_row; ++s) {
    out.line("const {0}_a_number y{1} = {0}_b_load(b + p + {2});", name, s, s * inner.lanes);
    for (std::int64_t r = 0; r < rows_at_once; ++r) {
      out.line("s{1}_{2} += {0}_a_load(a{1} + p + {3}) * y{2};", name, r, s, s * inner.lanes);
    }
  }
  out.close();
  out.open("for (; p < k; p += {})", inner.lanes);
  out.line("const int64_t count = min({}, k - p);", inner.lanes);
  out.line("const {0}_a_number y = {0}_b_part(b + p, count);", name);
  for (std::int64_t r = 0; r < rows_at_once; ++r) {
    out.line("s{1}_0 += {0}_a_part(a{1} + p, count) * y;", name, r);
  }
  out.close();
  out.line("const {}_a_number s[{}] = {{", name, rows_at_once);
  for (std::int64_t r = 0; r < rows_at_once; ++r) out.line("    s{0}_0 + s{0}_1,", r);
  out.line("}};");
  out.open("for (int64_t r = 0; r < {} && i + r < m; ++r)", rows_at_once);
  out.line("{} sum = 0;", type);
  out.line("for (int64_t l = 0; l < {}; ++l) sum += s[r][l];", inner.lanes);
  const std::string factor =
      inner.alpha == 1.0 ? "" : fmt::format("{} * ", number(inner.type, inner.alpha));
  out.line("{} *const to = c + (i + r) * {};", type, inner.c_row);
  out.line("*to = (accumulate ? *to : 0) + {}sum;", factor);
  out.close();
  out.close();
}

}  // namespace

std::string Inner::key() const {
  return fmt::format("inner {} {} {} {} {} {} {} {} {}", name(type), lanes, name(a), name(b), a_row,
                     b_row, c_row, c_col, alpha);
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
  write_loads(name + "_a", inner.a, inner.type, inner.lanes, inner.a_widening, out);
  write_loads(name + "_b", inner.b, inner.type, inner.lanes, inner.b_widening, out);
  out.line("static void {}(", name);
  out.open("    int64_t m, int64_t n, int64_t k, const {} *a, const {} *b, {} *c, int accumulate)",
           c_type(inner.a), c_type(inner.b), c_type(inner.type));
  out.open("for (int64_t j = 0; j < n; ++j, b += {}, c += {})", inner.b_row, inner.c_col);
  write_row(inner, name, out);
  out.close();
  out.close();
  out.raw("");
}

void write_loads(const std::string& name, DType from, DType type, std::int64_t lanes,
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
  out.line("{}_memory x = {{0}};", name);
  out.line("memcpy(&x, p, (uint64_t)count * sizeof(*p));");
  out.line("return {};", value);
  out.close();
}

}  // namespace septran::cpu
