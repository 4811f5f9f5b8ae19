// The functions of generated C: conversions agree with compiler/kernels in every bit, functions
// keep the bounds of the table of primitives.
#include "targets/cpu/prelude.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "compiler/kernels/tile_access.h"
#include "runtime/native/shared_object.h"
#include "targets/cpu/access.h"
#include "targets/cpu/flags.h"
#include "targets/host_cpu.h"
#include "targets/machine.h"
#include "tests/cpu/support.h"

namespace septran::cpu {
namespace {

using testing_support::TemporaryFolder;
using testing_support::Variable;

constexpr const char* functions[] = {"exp",   "exp_close", "exp2", "log",     "sqrt", "rsqrt",
                                     "recip", "tanh",      "erf",  "sigmoid", "silu", "gelu"};

/// Loops over arrays, `y[i] = f(x[i])`, one for every conversion and every function of f32,
/// compiled with the flags of a machine's kernels.
class Loops {
 public:
  explicit Loops(const char* machine) {
    SourceManager sources;
    Diagnostics diagnostics;
    const auto described = load_machine(machine, {}, sources, diagnostics);
    std::string source = prelude(*described);
    for (const DType from : all_dtypes()) {
      for (const DType to : all_dtypes()) {
        const bool from_narrow = size_bytes(from) < 4;
        if (from == to || (from_narrow && to != DType::f32)) continue;
        source += loop(fmt::format("{}_to_{}_loop", name(from), name(to)), c_type(from), c_type(to),
                       converted(from, to, "x"));
      }
    }
    for (const char* function : functions) {
      source += loop(fmt::format("{}_loop", function), "float", "float",
                     fmt::format("{}_f32(x)", function));
      source += vectors(fmt::format("{}_vectors", function), DType::f32, DType::f32,
                        fmt::format("{}_v", function));
    }
    for (const DType type : {DType::f16, DType::bf16, DType::i8}) {
      source += vectors(fmt::format("f32_to_{}_vectors", name(type)), DType::f32, type, "");
      source += vectors(fmt::format("{}_to_f32_vectors", name(type)), type, DType::f32, "");
    }
    auto object =
        runtime::build_shared_object(source, compiler_flags(Source{}, *described), diagnostics);
    EXPECT_TRUE(object) << render(diagnostics, sources, false);
    if (object) object_.push_back(std::move(*object));
  }

  template <typename To, typename From>
  std::vector<To> run(const std::string& loop, const std::vector<From>& x) const {
    std::vector<To> y(x.size());
    if (object_.empty()) return y;
    const auto function =
        reinterpret_cast<void (*)(const From*, To*, std::int64_t)>(object_[0].find(loop.c_str()));
    EXPECT_NE(function, nullptr) << loop;
    if (function != nullptr) function(x.data(), y.data(), static_cast<std::int64_t>(x.size()));
    return y;
  }

 private:
  static std::string loop(const std::string& name, const char* from, const char* to,
                          const std::string& expression) {
    return fmt::format(
        "void {}(const {} *p, {} *q, int64_t n) {{\n  for (int64_t i = 0; i < n; ++i) {{\n"
        "    const {} x = p[i];\n    q[i] = {};\n  }}\n}}\n",
        name, from, to, from, expression);
  }

  /// The same over vectors, the last of them in part.
  static std::string vectors(const std::string& name, DType from, DType to,
                             const std::string& function) {
    const std::string load = std::string(septran::name(from));
    const std::string store = std::string(septran::name(to));
    return fmt::format(
        "void {0}(const {1} *p, {2} *q, int64_t n) {{\n  int64_t i = 0;\n"
        "  for (; i + LANES <= n; i += LANES) store_{4}_v(q + i, {5}(load_{3}_v(p + i)));\n"
        "  if (i < n) store_part_{4}_v(q + i, {5}(part_{3}_v(p + i, n - i)), n - i);\n}}\n",
        name, c_type(from), c_type(to), load, store, function);
  }

  std::vector<runtime::SharedObject> object_;
};

/// Floats of every exponent, ends and middles of roundings to narrower types, and what is no
/// number.
std::vector<float> interesting_floats() {
  std::vector<float> values;
  for (std::uint32_t exponent = 0; exponent < 256; ++exponent) {
    for (const std::uint32_t mantissa :
         {0x0u, 0x1u, 0x7fffu, 0x8000u, 0x8001u, 0xfffu, 0x1000u, 0x1001u, 0x3000u, 0x2fffu,
          0x18000u, 0x7fffffu, 0x7fe000u, 0x7ff000u, 0x400000u, 0x123456u}) {
      for (const std::uint32_t sign : {0u, 0x80000000u}) {
        values.push_back(std::bit_cast<float>(sign | exponent << 23 | mantissa));
      }
    }
  }
  for (int i = -300; i <= 300; ++i) values.push_back(static_cast<float>(i) * 0.5f);
  return values;
}

template <typename T>
std::vector<T> codes() {
  std::vector<T> all;
  for (std::uint32_t i = 0; i < (1u << (8 * sizeof(T))); ++i) all.push_back(static_cast<T>(i));
  return all;
}

/// Compares bits, but takes all NaNs of a type for one.
template <typename To, typename From>
void expect_same(const Loops& loops, DType from, DType to, const std::vector<From>& x,
                 const char* kind = "loop") {
  SCOPED_TRACE(fmt::format("{} to {}, {}", name(from), name(to), kind));
  const auto y = loops.run<To>(fmt::format("{}_to_{}_{}", name(from), name(to), kind), x);
  std::vector<To> expected(x.size());
  kernels::convert(from, reinterpret_cast<const std::byte*>(x.data()), to,
                   reinterpret_cast<std::byte*>(expected.data()),
                   static_cast<std::int64_t>(x.size()));
  std::vector<double> a(x.size());
  std::vector<double> b(x.size());
  const auto count = static_cast<std::int64_t>(x.size());
  kernels::convert(to, reinterpret_cast<const std::byte*>(y.data()), DType::f64,
                   reinterpret_cast<std::byte*>(a.data()), count);
  kernels::convert(to, reinterpret_cast<const std::byte*>(expected.data()), DType::f64,
                   reinterpret_cast<std::byte*>(b.data()), count);
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    ASSERT_EQ(std::bit_cast<std::uint64_t>(a[i]), std::bit_cast<std::uint64_t>(b[i]))
        << "element " << i << ": " << a[i] << ", not " << b[i];
  }
}

void check_conversions(const Loops& loops) {
  const std::vector<float> f32 = interesting_floats();
  for (const char* kind : {"loop", "vectors"}) {
    expect_same<std::uint16_t>(loops, DType::f32, DType::f16, f32, kind);
    expect_same<std::uint16_t>(loops, DType::f32, DType::bf16, f32, kind);
    expect_same<std::int8_t>(loops, DType::f32, DType::i8, f32, kind);
    expect_same<float>(loops, DType::f16, DType::f32, codes<std::uint16_t>(), kind);
    expect_same<float>(loops, DType::bf16, DType::f32, codes<std::uint16_t>(), kind);
    expect_same<float>(loops, DType::i8, DType::f32, codes<std::int8_t>(), kind);
  }
  expect_same<std::uint8_t>(loops, DType::f32, DType::f8e4m3, f32);
  expect_same<std::uint8_t>(loops, DType::f32, DType::f8e5m2, f32);
  expect_same<std::int32_t>(loops, DType::f32, DType::i32, f32);
  std::vector<double> f64(f32.begin(), f32.end());
  for (const double x : {1.0 + 0x1p-11 + 0x1p-40, 65519.99999, 65520.0, 0x1p-25, 0x1.8p-25, 2.5,
                         2147483647.5, -2147483648.5, 127.5, 1e300, -1e-300}) {
    f64.push_back(x);
  }
  expect_same<std::uint16_t>(loops, DType::f64, DType::f16, f64);
  expect_same<std::uint16_t>(loops, DType::f64, DType::bf16, f64);
  expect_same<float>(loops, DType::f64, DType::f32, f64);
  expect_same<std::int8_t>(loops, DType::f64, DType::i8, f64);
  expect_same<std::int32_t>(loops, DType::f64, DType::i32, f64);
  expect_same<float>(loops, DType::f8e4m3, DType::f32, codes<std::uint8_t>());
  expect_same<float>(loops, DType::f8e5m2, DType::f32, codes<std::uint8_t>());
  const std::vector<std::int32_t> i32{0,     1,          -1,        127,  128,       -128,
                                      -129,  65504,      65520,     2049, 16777217,  -16777219,
                                      70000, 2147483647, INT32_MIN, 257,  1073741825};
  expect_same<std::uint16_t>(loops, DType::i32, DType::f16, i32);
  expect_same<std::uint16_t>(loops, DType::i32, DType::bf16, i32);
  expect_same<std::int8_t>(loops, DType::i32, DType::i8, i32);
  expect_same<float>(loops, DType::i32, DType::f32, i32);
}

/// f(x) is exact(x) within error(x, exact(x)).
template <typename Exact, typename Error>
void expect_close(const Loops& loops, const std::string& kind, const std::string& function,
                  Exact exact, Error error) {
  SCOPED_TRACE(function + " " + kind);
  std::vector<float> x = interesting_floats();
  for (int i = -20000; i <= 20000; ++i) x.push_back(static_cast<float>(i) * 0.005f);
  const auto y = loops.run<float>(function + "_" + kind, x);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double truth = exact(static_cast<double>(x[i]));
    const auto rounded = static_cast<float>(truth);
    if (std::isnan(truth)) {
      ASSERT_TRUE(std::isnan(y[i])) << x[i] << " gives " << y[i];
    } else if (std::isinf(rounded)) {
      ASSERT_EQ(y[i], rounded) << x[i];
    } else {
      // Where e^x is subnormal it may flush.
      const double tiny = std::abs(truth) < 0x1p-118 ? 0x1p-118 : 0;
      const double bound = std::isinf(x[i]) ? 0 : error(static_cast<double>(x[i]), truth);
      ASSERT_LE(std::abs(y[i] - truth), bound + tiny)
          << x[i] << " gives " << y[i] << ", not " << truth;
    }
  }
}

void check_functions(const Loops& loops, const std::string& kind) {
  const auto by_argument = [](double factor) {
    return [=](double x, double y) { return factor * (1 + std::abs(x)) * std::abs(y); };
  };
  const auto relative = [](double factor) {
    return [=](double, double y) { return factor * std::abs(y); };
  };
  const auto absolute = [](double factor) { return [=](double, double) { return factor; }; };
  expect_close(
      loops, kind, "exp", [](double x) { return std::exp(x); }, by_argument(0x1p-21));
  expect_close(  // as float_functions.cpp says
      loops, kind, "exp", [](double x) { return std::exp(x); }, by_argument(0x1p-23));
  expect_close(
      loops, kind, "exp_close", [](double x) { return std::exp(x); }, by_argument(0x1p-23));
  expect_close(
      loops, kind, "exp2", [](double x) { return std::exp2(x); }, by_argument(0x1p-21));
  expect_close(
      loops, kind, "log", [](double x) { return std::log(x); },
      [](double, double y) { return 0x1p-21 * (1 + std::abs(y)); });
  expect_close(
      loops, kind, "sqrt", [](double x) { return std::sqrt(x); }, relative(0x1p-22));
  expect_close(
      loops, kind, "rsqrt", [](double x) { return 1 / std::sqrt(x); }, relative(0x1p-21));
  expect_close(
      loops, kind, "recip", [](double x) { return 1 / x; }, relative(0x1p-22));
  expect_close(
      loops, kind, "tanh", [](double x) { return std::tanh(x); }, absolute(0x1p-20));
  expect_close(
      loops, kind, "tanh", [](double x) { return std::tanh(x); }, relative(0x1p-20));
  expect_close(
      loops, kind, "erf", [](double x) { return std::erf(x); }, absolute(0x1p-20));
  expect_close(
      loops, kind, "erf", [](double x) { return std::erf(x); }, relative(0x1p-20));
  expect_close(
      loops, kind, "sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); },
      by_argument(0x1p-20));
  expect_close(
      loops, kind, "silu", [](double x) { return x / (1 + std::exp(-x)); }, by_argument(0x1p-20));
  expect_close(
      loops, kind, "gelu",
      [](double x) { return 0.5 * x * (1 + std::erf(x * std::numbers::sqrt2 / 2)); },
      [](double x, double) { return 0x1p-20 * (1 + std::abs(x)); });
}

/// The largest error of a function for arguments in [low, high], in units of the last place of the
/// exact result; its normal numbers only.
double largest_error_ulp(const Loops& loops, const std::string& loop,
                         long double (*exact)(long double), float low, float high) {
  std::vector<float> x;
  constexpr std::uint32_t step = 5003;  // through the floats' codes
  for (std::uint32_t code = 0; code < 0x7f800000u; code += step) {
    for (const float one : {std::bit_cast<float>(code), -std::bit_cast<float>(code)}) {
      if (one >= low && one <= high) x.push_back(one);
    }
  }
  const auto y = loops.run<float>(loop, x);
  double largest = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const long double truth = exact(static_cast<long double>(x[i]));
    if (std::fabs(truth) < 0x1p-126L || std::fabs(truth) >= 0x1p128L) continue;
    const int exponent = std::ilogb(truth);
    const double ulp = std::ldexp(1.0, exponent - 23);
    largest = std::max(largest, static_cast<double>(std::fabs(y[i] - truth)) / ulp);
  }
  return largest;
}

void check_last_places(const Loops& loops, const std::string& kind) {
  const struct {
    const char* name;
    long double (*exact)(long double);
    float low, high;
    double most_ulp;  // as float_functions.cpp says
  } cases[] = {
      {"exp_close", [](long double x) { return std::exp(x); }, -87.33654F, 88.72283F, 1.1},
      {"exp2", [](long double x) { return std::exp2(x); }, -126.0F, 127.99999F, 1.5},
      {"log", [](long double x) { return std::log(x); }, 0x1p-126F, 0x1.fffffep127F, 1.1},
      {"tanh", [](long double x) { return std::tanh(x); }, -100.0F, 100.0F, 1.3},
      {"erf", [](long double x) { return std::erf(x); }, -100.0F, 100.0F, 2.4},
  };
  for (const auto& one : cases) {
    const double found =
        largest_error_ulp(loops, one.name + ("_" + kind), one.exact, one.low, one.high);
    EXPECT_LE(found, one.most_ulp) << one.name << " " << kind;
  }
}

class Prelude : public testing::TestWithParam<const char*> {};

TEST_P(Prelude, AgreesWithTheKernelsAndTheTable) {
  SourceManager sources;
  Diagnostics diagnostics;
  const auto machine = load_machine(GetParam(), {}, sources, diagnostics);
  ASSERT_TRUE(machine);
  if (!missing_instruction_sets(*machine).empty()) GTEST_SKIP() << "this processor is none";
  const TemporaryFolder folder("prelude");
  const Variable chosen("SEPTRAN_CACHE", folder.path().string());
  const Loops loops(GetParam());
  check_conversions(loops);
  for (const char* kind : {"loop", "vectors"}) {
    check_functions(loops, kind);
    check_last_places(loops, kind);
  }
}

INSTANTIATE_TEST_SUITE_P(Machines, Prelude,
                         testing::Values("cpu_native", "cpu_avx2", "cpu_generic"));

}  // namespace
}  // namespace septran::cpu
