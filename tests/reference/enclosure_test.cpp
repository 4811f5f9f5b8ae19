// Bounds of what right machines may compute: tight where nothing rounds, as wide as the arithmetic
// makes them elsewhere.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "compiler/frontend/parser.h"
#include "compiler/reference/reference.h"

namespace septran::reference {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

/// Runs both meanings of a leaf that writes Y from the inputs A and B (all f32, except Y), one row
/// each. `shape` and `type` are Y's.
struct Bounds {
  Enclosure y;
  std::vector<float> values;  // if Y is f32
  std::string errors;
};
struct Y {
  std::string shape = "\"N\"";
  std::string type = "f32";
};
Bounds bounds_of(const std::string& calls, std::vector<float> a, std::vector<float> b, Y y = {}) {
  Bounds result;
  SourceManager sources;
  Diagnostics diagnostics;
  std::string logic = "\"\"\"A test.\"\"\"\nimport task_lang as task\n";
  logic += "@task.define(leaf=True)\ndef leaf(Y, A, B, T, U):\n" + calls;
  logic += fmt::format(
      "@task.define\ndef main(Y: task.{}[{}], A: task.f32[\"N\"], B: task.f32[\"N\"]):\n", y.type,
      y.shape);
  logic += "    T = task.tensor((N,), \"f32\")\n    U = task.tensor((N,), \"f16\")\n";
  logic += "    task.launch(leaf, Y, A, B, T, U)\n";
  const auto module = lang::parse_module(sources.add("logic.py", logic), sources, diagnostics);
  lang::EntryRequest request;
  request.definitions = {{"N", std::to_string(a.size())}};
  const auto entry =
      module ? lang::bind_entry(*module, "main", request, diagnostics) : std::nullopt;
  std::vector<double> out(a.size());  // room for any type
  const auto bytes = [](auto& values) { return reinterpret_cast<std::byte*>(values.data()); };
  const std::vector<std::byte*> tensors{bytes(out), bytes(a), bytes(b)};
  if (entry) {
    const std::vector<const std::byte*> inputs(tensors.begin(), tensors.end());
    auto bounds = enclose(*module, *entry, inputs, {}, diagnostics);
    if (bounds) result.y = std::move(bounds->front());
    run(*module, *entry, tensors, {}, diagnostics);
    const auto* values = reinterpret_cast<const float*>(out.data());
    if (y.type == "f32") result.values.assign(values, values + result.y.low.size());
  }
  result.errors = render(diagnostics, sources, false);
  EXPECT_EQ(result.errors, "");
  return result;
}

std::string call(const std::string& text) { return "    task.call_primitive(" + text + ")\n"; }

const std::vector<float> various{0.0f,  1.0f,    -1.0f, 0.5f,   -0.75f, -1.3f, 3.14159f,
                                 -20.f, 100.25f, 88.0f, -90.0f, 1e-20f, 7.7f,  0.1f};

TEST(Enclosure, HoldsTheReferenceItself) {
  const std::vector<float> others{2.0f, -3.0f, 1.1f,   0.3f, -0.75f, 5.5f, -2.71828f,
                                  0.1f, 0.01f, -88.0f, 4.0f, 1e10f,  7.7f, 0.3f};
  const std::string unaries[] = {"neg",  "exp",  "exp2", "abs",     "relu", "gelu",
                                 "silu", "tanh", "erf",  "sigmoid", "recip"};
  std::vector<std::string> all;
  for (const std::string& name : unaries) all.push_back(call("\"" + name + "\", Y, A"));
  for (const char* name : {"log", "sqrt", "rsqrt"}) {
    all.push_back(call("\"abs\", T, A") + call(fmt::format("\"{}\", Y, T", name)));
  }
  for (const char* name : {"add", "sub", "mul", "div", "max", "min"}) {
    all.push_back(call(fmt::format("\"{}\", Y, A, B", name)));
    all.push_back(call(fmt::format("\"{}\", Y, A, 3.7", name)));
  }
  all.push_back(call("\"gelu\", Y, A, approximate=\"tanh\""));
  all.push_back(call("\"div\", Y, A, B[3]"));
  all.push_back(call("\"fma\", Y, A, B[5], B"));
  all.push_back(call("\"fma\", Y, A, B, A"));
  all.push_back(call("\"clamp\", Y, A, -0.9, 2.7"));
  all.push_back(call("\"select\", Y, A, B, 0.3"));
  all.push_back(call("\"copy\", U, A") + call("\"mul\", U, U, 0.3") + call("\"exp\", Y, U"));
  for (const std::string& calls : all) {
    const Bounds bounds = bounds_of(calls, various, others);
    for (std::size_t i = 0; i < bounds.values.size(); ++i) {
      const double value = bounds.values[i];
      if (std::isnan(bounds.y.low[i])) continue;
      EXPECT_LE(bounds.y.low[i], value) << calls << " of " << various[i] << ", " << others[i];
      EXPECT_GE(bounds.y.high[i], value) << calls << " of " << various[i] << ", " << others[i];
    }
  }
}

/// Y's bounds are points, and these.
void expect_points(const Bounds& bounds, const std::vector<double>& values) {
  EXPECT_EQ(bounds.y.low, values);
  EXPECT_EQ(bounds.y.high, values);
}

TEST(Enclosure, WhatDoesNotRoundIsExact) {
  const std::vector<float> a{3, -4, 2, 0.5f};
  const std::vector<float> b{1, 4, -8, 0.25f};
  expect_points(bounds_of(call("\"add\", Y, A, B"), a, b), {4, 0, -6, 0.75});
  expect_points(bounds_of(call("\"mul\", Y, A, B"), a, b), {3, -16, -16, 0.125});
  expect_points(bounds_of(call("\"div\", Y, A, B"), a, b), {3, -1, -0.25, 2});
  expect_points(bounds_of(call("\"fma\", Y, A, B, 1.0"), a, b), {4, -15, -15, 1.125});
}

TEST(Enclosure, SumsThatRoundMayComeInAnyOrder) {
  const std::string sum =
      call("\"fill\", T, 0.0") + call("\"add\", T, A, 1e8") + call("\"sub\", Y, T, 1e8");
  const Bounds bounds = bounds_of(sum, {0.3f, 1000, -5, 0.0f}, {0, 0, 0, 0});
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_LE(bounds.y.high[i] - bounds.y.low[i], 4 * 1e8 * 0x1p-24 * 2) << i;
  }
  EXPECT_GT(bounds.y.high[0] - bounds.y.low[0], 1);
  EXPECT_EQ(bounds.y.high[3], bounds.y.low[3]) << "1e8 is a number of f32";
}

// Some orders of a sum go beyond the type, others do not.
TEST(Enclosure, SumsMayOverflowOnTheirWay) {
  const auto sum = [](const std::vector<float>& terms) {
    const Bounds bounds =
        bounds_of(call("\"reduce_sum\", Y[0], A, axis=0"), terms, terms, {"1", "f32"});
    return std::pair(bounds.y.low[0], bounds.y.high[0]);
  };
  const auto both = sum({3e38f, -3e38f, 3e38f, -3e38f});
  EXPECT_TRUE(std::isnan(both.first) && std::isnan(both.second)) << "infinity less infinity";
  const auto up = sum({3e38f, -3e38f, 3e38f});
  EXPECT_NEAR(up.first, 3e38, 1e33);
  EXPECT_EQ(up.second, infinity);
  const auto down = sum({-3e38f, 3e38f, -3e38f});
  EXPECT_EQ(down.first, -infinity);
  EXPECT_NEAR(down.second, -3e38, 1e33);
  EXPECT_EQ(sum({3e38f, 3e38f}), std::pair(infinity, infinity)) << "in every order";
  const auto within = sum({1e38f, -3e38f, 2e38f});
  EXPECT_TRUE(std::abs(within.first) < 1e33 && std::abs(within.second) < 1e33);
}

TEST(Enclosure, FunctionsSaturate) {
  // T is 1e6 times a number that is not certain.
  const std::string wide = call("\"mul\", T, A, 0.1") + call("\"mul\", T, T, 1000000.0");
  const std::vector<float> a{0.3f, -0.3f};
  expect_points(bounds_of(wide + call("\"clamp\", Y, T, -1.0, 1.0"), a, a), {1, -1});
  expect_points(bounds_of(wide + call("\"relu\", T, T") + call("\"min\", Y, T, 5.0"), a, a),
                {5, 0});
  const Bounds exp = bounds_of(wide + call("\"exp\", Y, T"), a, a);
  EXPECT_EQ(exp.y.low, (std::vector<double>{infinity, 0}));
}

TEST(Enclosure, NarrowValuesAreRoundedWhereTheyAreWritten) {
  // Far from the middle between two numbers of f16 an uncertain value rounds to one number.
  const std::string calls = call("\"mul\", T, A, 0.1") + call("\"copy\", U, T");
  expect_points(bounds_of(calls + call("\"copy\", Y, U"), {20480, 1.0f}, {0, 0}),
                {2048, 0.0999755859375});
  const std::string middle = call("\"div\", T, A, 0.3") + call("\"mul\", T, T, 0.3") +
                             call("\"copy\", U, T") + call("\"copy\", Y, U");
  const Bounds between = bounds_of(middle, {2049, 2048}, {0, 0});
  EXPECT_EQ(between.y.low, (std::vector<double>{2048, 2048}));
  EXPECT_EQ(between.y.high, (std::vector<double>{2050, 2048}));
}

TEST(Enclosure, DecisionsMayFallEitherWayOnlyNearTheirLimit) {
  const std::string third = call("\"div\", T, A, 3.0") + call("\"mul\", T, T, 3.0");
  const Bounds rounded =
      bounds_of(third + call("\"quantize\", Y, T, 1.0"), {0.5f, 1.7f, -3}, {}, {"\"N\"", "i8"});
  EXPECT_EQ(rounded.y.low, (std::vector<double>{0, 2, -3}));
  EXPECT_EQ(rounded.y.high, (std::vector<double>{1, 2, -3}));
  const Bounds chosen = bounds_of(
      third + call("\"sub\", T, T, A") + call("\"select\", Y, T, 10.0, 20.0"), {0.1f, 4}, {});
  EXPECT_EQ(chosen.y.low[0], 10);
  EXPECT_EQ(chosen.y.high[0], 20);
}

TEST(Enclosure, NothingIsSaidBeyondTheDomain) {
  // A - A / 3 * 3 may be a little below zero.
  const std::string zero =
      call("\"div\", T, A, 3.0") + call("\"mul\", T, T, 3.0") + call("\"sub\", T, A, T");
  for (const char* name : {"sqrt", "log", "rsqrt", "recip"}) {
    const Bounds bounds = bounds_of(zero + call(fmt::format("\"{}\", Y, T", name)), {0.1f}, {0});
    EXPECT_TRUE(std::isnan(bounds.y.low[0]) && std::isnan(bounds.y.high[0])) << name;
  }
  const Bounds passed_on =
      bounds_of(call("\"max\", T, A, 1.0") + call("\"add\", Y, T, 1.0"), {nan}, {0});
  EXPECT_TRUE(std::isnan(passed_on.y.low[0]));
  const Bounds square =
      bounds_of(zero + call("\"mul\", T, T, T") + call("\"sqrt\", Y, T"), {0.1f}, {0});
  EXPECT_EQ(square.y.low[0], 0) << "a square is not negative";
}

}  // namespace
}  // namespace septran::reference
