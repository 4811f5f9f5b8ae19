// Text of the tile program: what is printed reads back as the same program.
#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <random>
#include <sstream>

#include "compiler/tile/text.h"
#include "compiler/tile/verify.h"
#include "compiler/tile/visit.h"
#include "source_dir.h"
#include "tests/tile/support.h"

namespace septran::tile {
namespace {

std::string read_case(const std::string& name) {
  std::ifstream file(std::string(SEPTRAN_SOURCE_DIR) + "/tests/tile/cases/" + name);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_FALSE(text.str().empty()) << name;
  return text.str();
}

TEST(TileText, CasesReadAndPrintAsWritten) {
  for (const char* name : {"gemm_lowered.tile", "gemm_scopes.tile"}) {
    const std::string text = read_case(name);
    EXPECT_EQ(to_text(parse(text)), text) << name;
  }
}

TEST(TileText, FieldsAreKept) {
  const Program p = parse(read_case("gemm_lowered.tile"));
  ASSERT_EQ(p.tensors.size(), 6u);
  EXPECT_TRUE(p.tensors[0].is_input);
  EXPECT_EQ(p.tensors[2].kind, TensorKind::argument);
  const Tensor& acc = p.tensors[3];
  EXPECT_EQ(acc.kind, TensorKind::buffer);
  EXPECT_EQ(acc.storage, DType::f32);
  EXPECT_EQ(acc.depth, 2);
  EXPECT_EQ(acc.strides_bytes, (std::vector<std::int64_t>{256, 4}));
  EXPECT_EQ(acc.offset_bytes, 0);
  EXPECT_EQ(acc.slot_bytes, 16384);
  EXPECT_EQ(acc.origin.rule, "copy out C");
  EXPECT_EQ(p.tensors[4].origin, Origin{});
  EXPECT_EQ(p.tensors[5].origin.rule, "stream B");
  ASSERT_EQ(p.events.size(), 4u);
  EXPECT_EQ(p.events[0].credits, 2);
  EXPECT_EQ(p.vars[VarId{1}].bounds, (Range{0, 15}));
  const Loop& t = std::get<Loop>(p.body.back().node);
  EXPECT_TRUE(t.independent);
  EXPECT_EQ(t.workers, 4);
  std::vector<const Mma*> mmas;
  std::vector<std::string> rules;
  for_each_statement(p.body, [&](const Statement& s) {
    if (const Mma* mma = std::get_if<Mma>(&s.node)) mmas.push_back(mma);
    if (!s.origin.rule.empty()) rules.push_back(s.origin.rule);
  });
  ASSERT_EQ(mmas.size(), 2u);
  EXPECT_EQ(mmas[0]->alpha, 0.125);
  EXPECT_TRUE(mmas[1]->transpose_a && mmas[1]->transpose_b);
  EXPECT_EQ(mmas[1]->accumulate.constant(), false);
  EXPECT_EQ(rules, (std::vector<std::string>{"copy out C", "stream A", "a | b"}));
}

TEST(TileText, RoundedFactorsAreKept) {
  const std::string text =
      to_text(parse(framed("argument %C : f32[4, 4] output\nargument %A : f32[4, 4] input\n"
                           "mma %C, %A, %A factor_bits 10 sum_bits 13 accumulate if 0 >= 1")));
  EXPECT_NE(text.find("mma %C, %A, %A factor_bits 10 sum_bits 13 overwrite"), std::string::npos)
      << text;
  EXPECT_EQ(to_text(parse(text)), text);
}

TEST(TileText, SeveralStatementsOnALineShareEngineAndOrigin) {
  const Program p =
      parse(framed("event %e from load to load credits 1\n"
                   "# a comment\n"
                   "argument %A : f16[4]\n"
                   "load: sync wait %e ; dma_copy %A[0 :+ 2], %A[2 :+ 2] ; sync signal %e  # "
                   "a.py:1 | b.yaml:2"));
  ASSERT_EQ(p.body.size(), 3u);
  for (const Statement& s : p.body) {
    EXPECT_EQ(s.engine, "load");
    EXPECT_EQ(s.origin.mapping, "b.yaml:2");
  }
}

TEST(TileText, NamesAreMadeUniqueAndVariablesOrdered) {
  Program p;
  p.name = "two words";
  p.target = "ring";
  const VarId inner = p.vars.add("k", 0, 4);
  const VarId outer = p.vars.add("k", 0, 8);
  Tensor tensor;
  tensor.kind = TensorKind::argument;
  tensor.name = "A";
  tensor.shape = {32};
  const TensorId a = p.add_tensor(tensor);
  const TensorId b = p.add_tensor(tensor);
  TileRef to{a, full_view({32})};
  TileRef from{b, full_view({32})};
  to.view = slice_dim(to.view, 0, Expr::var(inner) + Expr::var(outer) * 4, 1);
  from.view = to.view;
  Statement copy;
  copy.node = DmaCopy{to, from};
  Statement in;
  in.node = Loop{inner, {copy}};
  Statement out;
  out.node = Loop{outer, {in}};
  p.body = {out};
  const std::string text = to_text(p);
  EXPECT_NE(text.find("loop (k in 0..8)"), std::string::npos) << text;
  EXPECT_NE(text.find("loop (k_1 in 0..4)"), std::string::npos) << text;
  EXPECT_NE(text.find("dma_copy %A[4*k + k_1 :+ 1], %A_1[4*k + k_1 :+ 1]"), std::string::npos)
      << text;
  EXPECT_EQ(to_text(parse(text)), text);
}

TEST(TileText, BrokenProgramsStillPrint) {
  Program p;
  Statement copy;
  copy.node = DmaCopy{};
  Statement sync;
  sync.node = Sync{SyncKind::wait, {EventId{}}};
  Statement alloc;
  alloc.node = Alloc{TensorId{3}};
  Statement loop;
  loop.node = Loop{VarId{5}, {copy, sync, alloc}};
  p.body = {loop};
  EXPECT_NE(to_text(p).find("dma_copy"), std::string::npos);
}

TEST(TileText, NumbersReadBack) {
  const Program p =
      parse(framed("argument %Y : f32[4]\n"
                   "prim.fill %Y value=-inf\nprim.fill %Y value=inf\nprim.fill %Y value=nan\n"
                   "prim.fill %Y value=1e+30\nprim.fill %Y value=0.1\nprim.fill %Y value=2"));
  const auto value = [&](std::size_t i) {
    return std::get<double>(std::get<Prim>(p.body[i].node).attributes.at("value"));
  };
  EXPECT_EQ(value(0), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(value(1), std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(value(2)));
  EXPECT_EQ(value(3), 1e30);
  EXPECT_EQ(value(4), 0.1);
  EXPECT_EQ(value(5), 2.0);
  EXPECT_EQ(to_text(parse(to_text(p))), to_text(p));
}

TEST(TileText, LaunchTree) {
  EXPECT_EQ(to_launch_tree(parse(read_case("gemm_scopes.tile"))), read_case("gemm_scopes.tree"));
}

/// Every text either reads and prints, or is refused with an error that has a place.
TEST(TileText, DamagedTextsAreRefusedOrRead) {
  std::mt19937 random(7);
  const std::string alphabet = "%{}()[]:+-*/,.;#\"\\ \n09azk_<>=";
  for (const char* name : {"gemm_lowered.tile", "gemm_scopes.tile"}) {
    const std::string good = read_case(name);
    for (int round = 0; round < 300; ++round) {
      std::string text = good;
      for (int edits = 0; edits < 1 + round % 4; ++edits) {
        const std::size_t at = random() % text.size();
        if (random() % 3 == 0) {
          text.erase(at, 1 + random() % 20);
        } else if (random() % 2 == 0) {
          text[at] = alphabet[random() % alphabet.size()];
        } else {
          text.insert(at, good.substr(random() % good.size(), random() % 30));
        }
      }
      SourceManager sources;
      Diagnostics diagnostics;
      const auto program = parse_text(sources.add("damaged.tile", text), sources, diagnostics);
      EXPECT_EQ(program.has_value(), !diagnostics.has_errors());
      if (program) {
        const std::string printed = to_text(*program);
        EXPECT_EQ(to_text(parse(printed)), printed);
        EXPECT_EQ(verify(*program).size(), verify(parse(printed)).size());
      }
      for (const Diagnostic& d : diagnostics.all()) EXPECT_TRUE(d.span.valid());
    }
  }
}

}  // namespace
}  // namespace septran::tile
