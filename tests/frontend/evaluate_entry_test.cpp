// Binding of the entry task's dimensions, element types and scalars.
#include <gtest/gtest.h>

#include "tests/frontend/evaluate_testing.h"

namespace septran::lang {
namespace {

const char* const logic = R"(
@task.define
def main(C: task.Tensor["M", 8], A: task.f16["M", "K"], X, s: float, n: int, b: bool):
    assert M == 4 and K == 3 and s == 0.5 and n == -2 and b
    assert C.dtype == "bf16" and A.dtype == "f16" and X.dtype == "i8" and X.shape == (5,)
)";

EntryRequest complete() {
  EntryRequest request;
  request.definitions = {{"M", "4"}, {"K", "3"}, {"s", "0.5"}, {"n", "-2"}, {"b", "true"}};
  request.dtypes = {{"C", DType::bf16}};
  request.arguments = {{"X", {DType::i8, {5}}}};
  return request;
}

Evaluated bind(const EntryRequest& request, const std::string& entry = "main") {
  return evaluate_text(
      {.logic = logic, .entry = entry, .request = request, .tunables = {}, .options = {}});
}

TEST(BindEntry, Complete) {
  const auto r = bind(complete());
  EXPECT_TRUE(r.good) << r.errors;
  auto request = complete();
  request.definitions.erase(request.definitions.begin());
  request.arguments["C"] = {std::nullopt, {4, 8}};
  EXPECT_TRUE(bind(request).good) << "a shape sets the dimensions that its annotation names";
}

TEST(BindEntry, NamesThatMayBeDefined) {
  Task task;
  Parameter tensor;
  tensor.name = "A";
  tensor.shape = std::vector<Dimension>{{{}, "M", 0}, {{}, "", 3}, {{}, "M", 0}};
  Parameter scalar;
  scalar.name = "s";
  scalar.kind = ParameterKind::floating;
  task.parameters = {scalar, tensor};
  EXPECT_EQ(definable_names(task), (std::vector<std::string>{"M", "s"}));
}

void expect_fault(const EntryRequest& request, const std::string& code, const std::string& text,
                  const std::string& entry = "main") {
  const auto r = bind(request, entry);
  EXPECT_FALSE(r.good);
  EXPECT_TRUE(r.has(code)) << code << "\n" << r.errors;
  EXPECT_NE(r.errors.find(text), std::string::npos) << text << "\n" << r.errors;
}

TEST(BindEntry, Faults) {
  const auto with = [](const auto& change) {
    EntryRequest request = complete();
    change(request);
    return request;
  };
  expect_fault(complete(), "unknown-entry-task", "did you mean 'main'?", "mains");
  expect_fault(with([](auto& r) { r.definitions.emplace_back("Q", "1"); }), "unknown-definition",
               "it has: M, K, s, n, b");
  expect_fault(with([](auto& r) { r.definitions.emplace_back("M", "4"); }), "repeated-definition",
               "-D M");
  expect_fault(with([](auto& r) { r.definitions.erase(r.definitions.begin() + 1); }),
               "missing-definition", "'K'");
  expect_fault(with([](auto& r) { r.definitions.pop_back(); }), "missing-definition", "'b'");
  expect_fault(with([](auto& r) { r.definitions[0].second = "0"; }), "bad-definition",
               "an integer from 1 to");
  expect_fault(with([](auto& r) { r.definitions[0].second = "99999999999999999999"; }),
               "bad-definition", "an integer");
  expect_fault(with([](auto& r) { r.definitions[2].second = "half"; }), "bad-definition",
               "a number");
  expect_fault(with([](auto& r) { r.definitions[3].second = "1.5"; }), "bad-definition",
               "an integer");
  expect_fault(with([](auto& r) { r.definitions[4].second = "1"; }), "bad-definition",
               "true or false");
  expect_fault(with([](auto& r) { r.dtypes["Z"] = DType::f16; }), "unknown-entry-argument",
               "it has: C, A, X");
  expect_fault(with([](auto& r) { r.arguments.erase("X"); }), "missing-entry-shape", "--arg X");
  expect_fault(with([](auto& r) {
                 r.arguments["C"] = {std::nullopt, {5, 8}};
               }),
               "entry-shape-mismatch", "where M is 4");
  expect_fault(with([](auto& r) {
                 r.arguments["C"] = {std::nullopt, {4, 9}};
               }),
               "entry-shape-mismatch", "[M, 8]");
  expect_fault(with([](auto& r) { r.dtypes["A"] = DType::f32; }), "entry-dtype-mismatch",
               "fixed to f16");
  expect_fault(with([](auto& r) { r.dtypes["X"] = DType::f32; }), "entry-dtype-mismatch", "i8");
  expect_fault(with([](auto& r) { r.arguments["X"].shape = {0}; }), "extent-below-one",
               "extent 0 of 'X'");
  expect_fault(with([](auto& r) { r.definitions[0].second = "2000000000000000000"; }),
               "entry-too-large", "'C'");
}

}  // namespace
}  // namespace septran::lang
