// Each rule of the verifier, broken once.
#include <gtest/gtest.h>

#include "compiler/tile/verify.h"
#include "compiler/tile/visit.h"
#include "tests/tile/support.h"

namespace septran::tile {
namespace {

const char* const header =
    "argument %A : f16[64, 32] GLOBAL input\n"
    "argument %B : f16[32, 64] GLOBAL input\n"
    "argument %C : f32[64, 64] GLOBAL output\n";

std::string joined(const std::vector<std::string>& faults) {
  std::string out;
  for (const std::string& fault : faults) out += fault + "\n";
  return out;
}

/// Expects `count` faults, with this text in them.
void expect_fault(const Program& program, const std::string& part,
                  const VerifyOptions& options = {}, std::size_t count = 1) {
  const auto faults = verify(program, options);
  EXPECT_EQ(faults.size(), count) << part << "\n" << joined(faults);
  EXPECT_NE(joined(faults).find(part), std::string::npos) << joined(faults);
}
void expect_fault(const std::string& body, const std::string& part,
                  const VerifyOptions& options = {}, std::size_t count = 1) {
  expect_fault(parse(framed(header + body)), part, options, count);
}
void expect_right(const std::string& body, const VerifyOptions& options = {}) {
  EXPECT_EQ(joined(verify(parse(framed(header + body)), options)), "");
}

TEST(Verify, RightProgramsPass) {
  expect_right("prim.gemm %C, %A, %B");
  expect_right(
      "loop (i in 0..4) {\n"
      "loop (j in 0..i + 1) {\n"
      "dma_copy %C[16*i :+ 16, 16*j :+ 16], %C[16*i :+ 16, 0 :+ min(16, 64 - 16*j)]\n}\n}");
  expect_right("dma_copy %C[0 :+ 4, 0 :+ 4], %A view [-1, 0] (4 : 0) (4 : 1) zero_outside");
}

TEST(Verify, IdsInRange) {
  Program p = parse(framed(header + std::string("dma_copy %C, %C")));
  std::get<DmaCopy>(p.body[0].node).src.tensor = TensorId{9};
  expect_fault(p, "tensor id 9");
  p = parse(framed(header + std::string("dma_copy %C, %C")));
  std::get<DmaCopy>(p.body[0].node).src.view.base[0] = Expr::var(VarId{7});
  expect_fault(p, "variable id 7");
  p = parse(framed("event %e from a to a credits 1\na: sync wait %e ; sync signal %e"));
  std::get<Sync>(p.body[0].node).events[0] = EventId{3};
  expect_fault(p, "event id 3");
}

TEST(Verify, Variables) {
  expect_fault("var x in 0..4\ndma_copy %C[x, 0 :+ 4], %C[0, 0 :+ 4]", "outside its loop");
  expect_fault("var x in 0..4\nloop (y in 0..x) {\n}", "the bound of y uses x outside");
  Program p = parse(framed(header + std::string("loop (i in 0..4) {\nloop (j in 0..4) {\n}\n}")));
  p.vars[VarId{1}].end = Expr::var(VarId{1});
  expect_fault(p, "uses j outside", {}, 2);
  p = parse(framed("loop (i in 0..4) {\nloop (j in 0..4) {\n}\n}"));
  std::get<Loop>(std::get<Loop>(p.body[0].node).body[0].node).var = VarId{0};
  expect_fault(p, "the variable of two loops");
  p = parse(framed("loop (i in 0..4) {\nloop (j in 0..4) {\n}\n}"));
  Loop& outer = std::get<Loop>(p.body[0].node);
  std::swap(outer.var, std::get<Loop>(outer.body[0].node).var);
  p.vars[VarId{0}].end = Expr::var(VarId{1});
  expect_fault(p, "which was made after it");
}

TEST(Verify, Views) {
  expect_fault("dma_copy %C[64 :+ 1, 0 :+ 4], %A[0 :+ 1, 0 :+ 4]", "leaves its tensor");
  expect_fault("loop (i in 0..5) {\ndma_copy %C[16*i :+ 16, 0 :+ 4], %A[0 :+ 16, 0 :+ 4]\n}",
               "leaves its tensor along dimension 0");
  expect_fault("loop (i in 0..4) {\ndma_copy %C[0 :+ 1, 4*i - 1 :+ 4], %A[0 :+ 1, 0 :+ 4]\n}",
               "leaves its tensor along dimension 1");
  expect_right(
      "loop (i in 0..5) {\nif i < 4 {\n"
      "dma_copy %C[16*i :+ 16, 0 :+ 4], %A[0 :+ 16, 0 :+ 4]\n}\n}");
  Program p = parse(framed(header + std::string("dma_copy %C[0 :+ 4, 0], %C[0 :+ 4, 1]")));
  std::get<DmaCopy>(p.body[0].node).dst.view.base.pop_back();
  expect_fault(p, "1 coordinate of a tensor with 2");
  expect_fault("dma_copy %C view [0, 0] (4 : 0) zero_outside, %C[0 :+ 4, 0]",
               "a copy into a view of zeros");
}

TEST(Verify, Shapes) {
  expect_fault("dma_copy %C, %A", "differ in shape");
  expect_fault("prim.gemm %C, %A, %B[0 :+ 16, 0 :+ 64]", "gemm: ");
  expect_fault("prim.gemm %C, %A", "gemm lacks operand");
  expect_fault("prim.gemm %C, %A, 1.0", "cannot be a number");
  expect_fault("vec.add %C, %C, %A", "add: ");
  expect_fault("mma %C, %A[0 :+ 32, 0 :+ 32], %B", "the m of an mma is 64 here and 32 there");
  expect_right("mma %C, %B, %A transpose_a transpose_b");
  expect_fault("mma %C, %B[0 :+ 16, 0 :+ 64], %A transpose_a transpose_b", "the k of an mma");
  expect_fault("mma %C[0, 0 :+ 4], %A, %B", "not matrices");
  expect_fault("alloc %acc : f16[64, 64] REGISTER\nmma %acc, %A, %B", "is held in f16");
  Program p = parse(framed(header + std::string("prim.fill %C value=0.0")));
  std::get<Prim>(p.body[0].node).attributes.clear();
  std::get<Prim>(p.body[0].node).attributes["volume"] = 3.0;
  EXPECT_FALSE(verify(p).empty());
  std::get<Prim>(p.body[0].node).primitive = nullptr;
  expect_fault(p, "without a primitive");
}

TEST(Verify, Lifetimes) {
  expect_fault("buffer %b : f32[64, 64] SHARED\ndma_copy %b, %C", "where it is not allocated");
  expect_fault("if true {\nalloc %b : f32[64, 64] SHARED\n}\ndma_copy %C, %b",
               "where it is not allocated");
  expect_fault("alloc argument %b : f32[64, 64] SHARED", "alloc of %b, which is an argument");
  expect_right("temporary %t : f32[64, 64] GLOBAL\ndma_copy %t, %C");
  expect_fault("parameter %p : f32[64, 64]\ndma_copy %p, %C", "outside its scope");
  expect_fault("scope f as g @ BLOCK (\n%p : f32[64, 32] = %C never\n) {\n}", "differ in shape");
  expect_fault("scope f as g @ BLOCK (\nbuffer %p : f32[64, 64] = %C never\n) {\n}",
               "stands for an argument");
}

TEST(Verify, Declarations) {
  expect_fault("buffer %b : f32[4] SHARED held f16", "too narrow");
  expect_fault("buffer %b : f32[4] SHARED ring 0", "ring of 0 slots");
  expect_fault("buffer %b : f32[-4] SHARED", "negative extent");
  expect_fault("var x in 0..4\nbuffer %b : f32[x] SHARED", "not constant");
  expect_fault("loop (i in 0..4) workers -2 {\n}", "negative workers");
  expect_fault("parallel (i in 0..4) nest [1] {\n}", "does not name each variable once");
  expect_fault("parallel (i in 0..4) group [1, 1] {\n}", "one entry for each variable");
}

TEST(Verify, Stages) {
  VerifyOptions options;
  options.no_scopes = options.no_parallel = options.no_prims = options.engines_assigned = true;
  expect_fault("scope f as g @ BLOCK (\n) {\n}", "a scope stands", options);
  expect_fault("parallel (i in 0..4) {\n}", "a parallel stands", options);
  expect_fault("prim.gemm %C, %A, %B", "a prim stands", options);
  expect_fault("dma_copy %C, %C", "without an engine", options);
}

TEST(Verify, Placement) {
  VerifyOptions options;
  options.placed = true;
  options.memory = [](std::string_view name) -> std::optional<MemoryLimits> {
    if (name == "SHARED") return MemoryLimits{4096, 64};
    if (name == "GLOBAL") return MemoryLimits{1 << 30, 64};
    return std::nullopt;
  };
  const std::string b = "buffer %b : f32[8, 4] SHARED ring 2 ";
  expect_right(b + "strides [16, 4] at 0 slot 128", options);
  expect_fault(b, "has no place", options);
  expect_fault(b + "strides [16, 4] at 32 slot 128", "not aligned", options);
  expect_fault(b + "strides [16, 4] at 0 slot 144", "not aligned", options);
  expect_fault(b + "strides [32, 4] at 0 slot 192", "larger than its slot", options);
  expect_fault(b + "strides [16, 4] at 3968 slot 128", "does not fit", options);
  expect_fault("buffer %b : f32[] ELSEWHERE at 0 slot 4", "the machine does not have", options);
}

TEST(Verify, Syncs) {
  const std::string events =
      "event %full from load to mma\nevent %free from mma to load credits 1\n";
  expect_right(events +
               "loop (i in 0..4) {\nload: sync wait %free ; sync signal %full\n"
               "mma: sync wait %full ; sync signal %free\n}");
  expect_fault(events + "load: sync signal %full\nvector: sync wait %full", "belongs to 'mma'");
  expect_fault(events + "mma: sync signal %full ; sync wait %full", "engine 'mma' signals %full");
  expect_fault(events + "load: sync signal %full", "the program signals %full 1 time more");
  expect_fault(events + "if true {\nload: sync signal %full\n}\nmma: sync wait %full",
               "a branch signals %full 1 time more often", {}, 3);
  expect_fault(events + "loop (i in 0..4) {\nload: sync signal %full\n}", "a body signals %full");
  expect_fault(events + "mma: sync wait %full\nload: sync signal %full", "no signal before it");
  expect_fault("event %e from a to \"\"", "lacks an engine");
  Program p = parse(framed(events));
  p.events[0].credits = -1;
  expect_fault(p, "negative credits");
  p = parse(framed(events + "load: sync wait %free\nmma: sync signal %free"));
  std::get<Sync>(p.body[0].node).events.clear();
  std::get<Sync>(p.body[1].node).events.clear();
  EXPECT_EQ(verify(p).size(), 2u);
}

TEST(Visit, OperandsAndAccess) {
  Program p = parse(
      framed(header + std::string("mma %C, %A, %B overwrite\nmma %C, %A, %B\ndma_copy %C, %C\n"
                                  "vec.add %C, %C, 2.0\nprim.gemm %C, %A, %B accumulate=true")));
  const auto access = [&](std::size_t statement, std::size_t operand) {
    return operands(p.body[statement]).at(operand).access;
  };
  EXPECT_EQ(access(0, 0), Access::write);
  EXPECT_EQ(access(1, 0), Access::read_write);
  EXPECT_EQ(access(1, 2), Access::read);
  EXPECT_EQ(access(2, 0), Access::write);
  EXPECT_EQ(operands(p.body[3]).size(), 2u);
  EXPECT_EQ(access(4, 0), Access::read_write);
}

TEST(Visit, SubstituteReachesEveryExpression) {
  Program p = parse(framed(
      header +
      std::string("loop (i in 0..2) {\n"
                  "if i >= 1 {\n"
                  "mma %C[i :+ 1, 0 :+ 64], %A[i :+ 1, 0 :+ 32], %B accumulate if i >= 1\n"
                  "vec.fill %C[i, 0 :+ 64] value=0.0 if i >= 1\n"
                  "dma_copy %C[i, 0 :+ 4], %C[i, 4 :+ 4]\n"
                  "}\n"
                  "scope f as g @ BLOCK (\n%p : f32[1, 64] = %C[i :+ 1, 0 :+ 64] never\n) {\n"
                  "prim.fill %p[0 :+ 1, i :+ 1] value=0.0\n}\n"
                  "}")));
  Loop& loop = std::get<Loop>(p.body[0].node);
  substitute(loop.body, [](VarId) { return Expr(1); });
  std::vector<VarId> vars;
  for_each_statement(std::as_const(loop.body), [&](const Statement& s) { collect_vars(s, vars); });
  EXPECT_TRUE(vars.empty());
  EXPECT_EQ(bound_vars(p.body[0]), std::vector<VarId>{loop.var});
}

}  // namespace
}  // namespace septran::tile
