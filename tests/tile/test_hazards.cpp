// The hazard finder on a pipelined gemm that is right, and with each of its syncs taken away.
#include <gtest/gtest.h>

#include "compiler/tile/verify.h"
#include "compiler/tile/visit.h"
#include "tests/support/hazards.h"
#include "tests/tile/support.h"

namespace septran::tile {
namespace {

const char* const pipelined =
    "argument %A : f16[256, 256] GLOBAL input\n"
    "argument %B : f16[256, 256] GLOBAL input\n"
    "argument %C : f32[256, 256] GLOBAL output\n"
    "event %a.free from mma to load credits 2\n"
    "event %a.full from load to mma\n"
    "event %acc.free from store to mma credits 2\n"
    "event %acc.full from mma to store\n"
    "loop (t in 0..16) workers 4 {\n"
    "alloc %acc : f32[64, 64] REGISTER ring 2 strides [256, 4] at 0 slot 16384\n"
    "mma: sync wait %acc.free\n"
    "loop (k in 0..4) {\n"
    "alloc %a : f16[64, 64] SHARED ring 2 strides [128, 2] at 0 slot 8192\n"
    "alloc %b : f16[64, 64] SHARED ring 2 strides [128, 2] at 16384 slot 8192\n"
    "load: sync wait %a.free\n"
    "load: dma_copy %a, %A[64*(t // 4) :+ 64, 64*k :+ 64]  # gemm.py:7\n"
    "load: dma_copy %b, %B[64*k :+ 64, 64*(t % 4) :+ 64]\n"
    "load: sync signal %a.full\n"
    "mma: sync wait %a.full\n"
    "mma: mma %acc, %a, %b accumulate if k >= 1  # gemm.py:9\n"
    "mma: sync signal %a.free\n"
    "}\n"
    "mma: sync signal %acc.full\n"
    "store: sync wait %acc.full\n"
    "store: dma_copy %C[64*(t // 4) :+ 64, 64*(t % 4) :+ 64], %acc\n"
    "store: sync signal %acc.free\n"
    "}";

std::string joined(const std::vector<Hazard>& hazards) {
  std::string out;
  for (const Hazard& hazard : hazards) out += hazard.text + "\n";
  return out;
}

TEST(Hazards, NoneInARightProgram) {
  const Program program = parse(framed(pipelined));
  const auto faults = verify(program);
  EXPECT_TRUE(faults.empty()) << faults.front();
  EXPECT_EQ(joined(find_hazards(program)), "");
}

/// Removes the n-th sync of a block; returns whether there was one.
bool remove_sync(Block& block, int& n) {
  for (std::size_t i = 0; i < block.size(); ++i) {
    if (std::holds_alternative<Sync>(block[i].node) && n-- == 0) {
      block.erase(block.begin() + static_cast<std::ptrdiff_t>(i));
      return true;
    }
    for (Block* child : child_blocks(block[i])) {
      if (remove_sync(*child, n)) return true;
    }
  }
  return false;
}

TEST(Hazards, EverySyncIsNeeded) {
  int removed = 0;
  for (;; ++removed) {
    Program program = parse(framed(pipelined));
    int n = removed;
    if (!remove_sync(program.body, n)) break;
    EXPECT_FALSE(find_hazards(program).empty()) << "sync " << removed;
  }
  EXPECT_EQ(removed, 8);
}

TEST(Hazards, AnEventWithTooManyCreditsIsARace) {
  Program program = parse(framed(pipelined));
  program.events[0].credits = 3;  // a third load would overwrite a slot that is being read
  const auto hazards = find_hazards(program);
  ASSERT_FALSE(hazards.empty());
  EXPECT_EQ(hazards[0].kind, Hazard::Kind::race);
  EXPECT_EQ(hazards[0].first.logic, "gemm.py:9");
  EXPECT_EQ(hazards[0].second.logic, "gemm.py:7");
  EXPECT_EQ(hazards[0].text,
            "engine 'mma' reads %a and engine 'load' writes %a in no order in SHARED");
}

TEST(Hazards, BuffersInEachOthersPlace) {
  Program program = parse(framed(pipelined));
  for (Tensor& tensor : program.tensors) {
    if (tensor.name == "b") tensor.offset_bytes = 8192;  // over the second slot of a
  }
  EXPECT_FALSE(find_hazards(program).empty());
}

TEST(Hazards, BoxesThatDoNotTouchAreNoHazard) {
  const auto run = [](const std::string& body) {
    return find_hazards(parse(framed("argument %C : f32[8, 8] GLOBAL\n" + body))).size();
  };
  EXPECT_EQ(run("load: dma_copy %C[0 :+ 4, 0 :+ 4], %C[0 :+ 4, 4 :+ 4]\n"
                "store: dma_copy %C[4 :+ 4, 0 :+ 4], %C[4 :+ 4, 4 :+ 4]"),
            0u);
  EXPECT_EQ(run("load: dma_copy %C[0 :+ 4, 0 :+ 4], %C[0 :+ 4, 4 :+ 4]\n"
                "store: dma_copy %C[4 :+ 4, 0 :+ 4], %C[3 :+ 4, 2 :+ 4]"),
            1u);
  EXPECT_EQ(run("load: dma_copy %C[0 :+ 4, 0 :+ 4], %C[0 :+ 4, 4 :+ 4]\n"
                "barrier load -> store\n"
                "store: dma_copy %C[4 :+ 4, 0 :+ 4], %C[3 :+ 4, 2 :+ 4]"),
            0u);
  EXPECT_EQ(run("load: dma_copy %C[0 :+ 4, 0 :+ 4], %C[0 :+ 4, 4 :+ 4]\n"
                "barrier load -> mma\n"
                "store: dma_copy %C[4 :+ 4, 0 :+ 4], %C[3 :+ 4, 2 :+ 4]"),
            1u);
  // A guard or branch that does not hold does nothing.
  EXPECT_EQ(run("load: dma_copy %C[0 :+ 4, 0 :+ 4], %C[0 :+ 4, 4 :+ 4]\n"
                "vector: vec.fill %C value=0.0 if false\n"
                "if false {\nvector: vec.fill %C value=0.0\n}"),
            0u);
}

TEST(Hazards, OrderPassesThroughAThirdEngine) {
  const std::string events =
      "argument %C : f32[8, 8] GLOBAL\nevent %x from load to mma\nevent %y from mma to store\n";
  EXPECT_TRUE(find_hazards(parse(framed(events + "load: vec.fill %C value=0.0 ; sync signal %x\n"
                                                 "mma: sync wait %x ; sync signal %y\n"
                                                 "store: sync wait %y ; vec.fill %C value=1.0")))
                  .empty());
  EXPECT_EQ(find_hazards(parse(framed(events + "load: vec.fill %C value=0.0 ; sync signal %x\n"
                                               "mma: sync signal %y ; sync wait %x\n"
                                               "store: sync wait %y ; vec.fill %C value=1.0")))
                .size(),
            1u);
}

TEST(Hazards, Deadlock) {
  const auto hazards = find_hazards(
      parse(framed("event %x from load to mma\nmma: sync wait %x\nload: sync signal %x")));
  ASSERT_EQ(hazards.size(), 1u);
  EXPECT_EQ(hazards[0].kind, Hazard::Kind::deadlock);
}

TEST(Hazards, LimitsEndTheSearch) {
  const Program program = parse(framed(pipelined));
  HazardLimits limits;
  limits.max_trips = 0;
  EXPECT_EQ(joined(find_hazards(program, limits)), "");
  Program broken = program;
  broken.events[0].credits = 100;
  limits.max_operations = 3;
  EXPECT_TRUE(find_hazards(broken, limits).empty());
  limits = {};
  limits.max_hazards = 1;
  EXPECT_EQ(find_hazards(broken, limits).size(), 1u);
}

}  // namespace
}  // namespace septran::tile
