// What an explanation counts, notices and proposes.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "support.h"

namespace septran::explain {
namespace {

using testing_support::KernelText;

KernelText gemm(const std::string& dims,
                const std::vector<std::pair<std::string, std::string>>& mapping_edits = {}) {
  KernelText text;
  text.logic = source("examples/gemm/gemm.py");
  text.mapping = source("mappings/gemm/dsa_edge.yaml");
  for (const auto& [from, to] : mapping_edits) text.mapping = replaced(text.mapping, from, to);
  text.definitions = definitions(dims);
  return text;
}

const std::pair<std::string, std::string> shallow{"pipeline: 3 ", "pipeline: 1 "};
const std::pair<std::string, std::string> no_rotate{"    rotate: {acc: 2}\n", ""};

const CopyNote* copy_of(const Explanation& e, const std::string& rule) {
  const auto at = std::find_if(e.copies.begin(), e.copies.end(),
                               [&](const CopyNote& note) { return note.rule == rule; });
  return at == e.copies.end() ? nullptr : &*at;
}

bool proposes(const Explanation& e, const std::string& instance, const std::string& key,
              const std::string& value) {
  return std::any_of(e.proposals.begin(), e.proposals.end(), [&](const Proposal& proposal) {
    return std::any_of(proposal.edits.begin(), proposal.edits.end(), [&](const Edit& edit) {
      return edit.instance == instance && edit.key == key && edit.value == value;
    });
  });
}

TEST(Explain, CountsRunsAndBytesOfClippedBlocks) {
  Explained explained;
  explain_kernel(gemm("M=300 N=130 K=200"), explained);
  // Blocks of 128 x 64: 3 x 3 of them, each with 4 parts of k; A is loaded once for each of the
  // three columns, B once for each of the three rows.
  const CopyNote* a = copy_of(explained.explanation, "stream A");
  const CopyNote* b = copy_of(explained.explanation, "stream B");
  ASSERT_TRUE(a != nullptr && b != nullptr);
  EXPECT_EQ(a->runs.value, 9 * 4);
  EXPECT_TRUE(a->runs.exact);
  EXPECT_EQ(a->bytes.value, 3 * 300 * 200 * 4);
  EXPECT_TRUE(a->bytes.exact);
  EXPECT_EQ(b->bytes.value, 3 * 200 * 130 * 4);
  for (const TrafficNote& note : explained.explanation.traffic) {
    EXPECT_EQ(note.moved.value, (note.tensor == "C" ? 1 : 3) * note.minimum) << note.tensor;
  }
}

TEST(Explain, SaysWhatKeepsAFill) {
  KernelText text = gemm("M=64 N=64 K=64");
  text.logic = replaced(text.logic, "task.sequential_range(Ap.shape[1])",
                        "task.sequential_range(M - 64, Ap.shape[1])");
  text.logic = replaced(text.logic,
                        "def gemm_block_logic(C, A, B):", "def gemm_block_logic(C, A, B, M: int):");
  text.logic = replaced(text.logic, "Ap[i, :], Bp[:, j])", "Ap[i, :], Bp[:, j], 64 + i)");
  text.definitions = definitions("M=300 N=64 K=64");
  Explained explained;
  explain_kernel(text, explained);
  ASSERT_TRUE(explained.kernel.program) << explained.kernel.messages();
  const auto& calls = explained.explanation.calls;
  const auto fill = std::find_if(calls.begin(), calls.end(), [](const CallNote& note) {
    return note.text.starts_with("fill");
  });
  ASSERT_NE(fill, calls.end());
  EXPECT_TRUE(
      fill->why.ends_with("; the fill stays: the loop behind it, over k, may run zero times"))
      << fill->why;
}

TEST(Explain, SaysThatOneEngineCollapsesPipelines) {
  KernelText text = gemm("M=64 N=64 K=130");
  text.target = "cpu_generic";
  Explained explained;
  explain_kernel(text, explained);
  ASSERT_TRUE(explained.kernel.program) << explained.kernel.messages();
  const std::string written = to_text(explained.explanation);
  EXPECT_NE(written.find("1 deep: `pipeline: 3` of gemm_block (kernel.yaml:20) collapses, as one "
                         "engine overlaps nothing"),
            std::string::npos)
      << written;
  EXPECT_EQ(written.find("nan"), std::string::npos) << written;
}

TEST(Explain, SaysWhatIsDealtOut) {
  KernelText text = gemm("M=64 N=64 K=640", {{"    rotate: {acc: 2}\n", "    spread: {k: 4}\n"}});
  text.target = "dsa_cloud";
  Explained explained;
  explain_kernel(text, explained);
  ASSERT_TRUE(explained.kernel.program) << explained.kernel.messages();
  const std::string written = to_text(explained.explanation);
  EXPECT_NE(written.find("combine shares of k"), std::string::npos) << written;
  EXPECT_NE(written.find("store share of k"), std::string::npos) << written;
}

TEST(Explain, CountsTriangles) {
  KernelText text;
  text.logic = source("tests/cli/cases/attention.py");
  text.mapping = source("tests/cli/cases/attention.yaml");
  text.definitions = definitions("H=2 L=64 D=32");
  Explained explained;
  explain_kernel(text, explained);
  // Four blocks of rows, each with the blocks up to its own: 1 + 2 + 3 + 4 a head.
  const CopyNote* k = copy_of(explained.explanation, "stream K");
  ASSERT_NE(k, nullptr);
  EXPECT_EQ(k->runs.value, 2 * 10);
  EXPECT_EQ(k->bytes.value, 2 * 10 * 16 * 32 * 4);
}

TEST(Explain, BoundsWhatTakesTooLongToCount) {
  Explained explained;
  explain_kernel(gemm("M=16001 N=16001 K=1000"), explained);
  const CopyNote* a = copy_of(explained.explanation, "stream A");
  ASSERT_NE(a, nullptr);
  EXPECT_TRUE(a->runs.exact);
  EXPECT_FALSE(a->bytes.exact);
  // 126 x 251 blocks, 16 parts of k, 128 x 64 elements at most.
  EXPECT_EQ(a->bytes.value, std::int64_t{126} * 251 * 16 * 128 * 64 * 4);
  EXPECT_NE(to_text(explained.explanation).find("at most 16,581,132,288"), std::string::npos);
}

TEST(Explain, SaysWhenTheQueueLimitsRunAhead) {
  Explained explained;
  explain_kernel(
      gemm("M=256 N=256 K=256", {{"pipeline: 3 ", "pipeline: 8 "}, {"block_k: 64", "block_k: 16"}}),
      explained);
  // The mma engine is given wait, mma, signal each trip. While it works on one trip, 16 / 3 = 5
  // further ones fit into its queue, and the loads of one more go out: 7 slots are in use at most.
  const auto& ahead = explained.explanation.ahead;
  const auto a = std::find_if(ahead.begin(), ahead.end(),
                              [](const AheadNote& note) { return note.buffer == "A_3"; });
  ASSERT_NE(a, ahead.end());
  EXPECT_EQ(a->commands, 3);
  EXPECT_EQ(a->useful, 7);
  EXPECT_TRUE(a->queue_limits());
  EXPECT_NE(to_text(explained.explanation).find("A_3: queue depth, not its 8 slots"),
            std::string::npos);
  EXPECT_FALSE(proposes(explained.explanation, "gemm_block", "pipeline", "9"));
}

TEST(Explain, ProposesDeeperRingsWhereAnEngineWaits) {
  Explained explained;
  explain_kernel(gemm("M=256 N=256 K=256", {shallow, no_rotate}), explained);
  EXPECT_TRUE(proposes(explained.explanation, "gemm_block", "pipeline", "2"));
  EXPECT_TRUE(proposes(explained.explanation, "gemm_block", "rotate", "{acc: 2}"));
  Explained deep;
  explain_kernel(gemm("M=256 N=256 K=256"), deep);
  EXPECT_TRUE(deep.explanation.proposals.empty());
}

TEST(Explain, WhatDoesNotFitIsProposedWithSmallerParts) {
  Explained explained;
  explain_kernel(gemm("M=512 N=512 K=512", {no_rotate, {"block_m: 128", "block_m: 256"}}),
                 explained);
  ASSERT_TRUE(explained.kernel.program.has_value()) << explained.kernel.messages();
  const auto& proposals = explained.explanation.proposals;
  const auto rotated = std::find_if(proposals.begin(), proposals.end(), [](const Proposal& p) {
    return p.edits.size() == 2 && p.edits[0].key == "rotate";
  });
  ASSERT_NE(rotated, proposals.end()) << to_text(explained.explanation);
  EXPECT_EQ(rotated->edits[1].key, "tunables");
}

TEST(Explain, ProposesLargerBlocksWhereMemoryBounds) {
  Explained explained;
  KernelText text =
      gemm("M=512 N=512 K=512", {{"block_m: 128, block_n: 64", "block_m: 32, block_n: 32"}});
  text.dtype = DType::f16;
  explain_kernel(text, explained);
  EXPECT_TRUE(proposes(explained.explanation, "gemm_host", "tunables", "{block_m: 64}"))
      << to_text(explained.explanation);
}

TEST(Explain, MeasuredProposalsTakeFewerCycles) {
  Explained explained;
  Options options;
  // As if only the ring of A and B mattered.
  options.measure = [](const tile::Program& program) {
    int depth = 1;
    for (const tile::Tensor& tensor : program.tensors) {
      if (tensor.kind == tile::TensorKind::buffer && tensor.memory == "SHARED") {
        depth = tensor.depth;
      }
    }
    return std::optional<std::int64_t>(depth == 1 ? 1000 : 900);
  };
  explain_kernel(gemm("M=256 N=256 K=256", {shallow, no_rotate}), explained, options);
  EXPECT_EQ(explained.explanation.cycles, 1000);
  ASSERT_EQ(explained.explanation.proposals.size(), 1U) << to_text(explained.explanation);
  EXPECT_EQ(explained.explanation.proposals[0].cycles, 900);
  EXPECT_EQ(explained.explanation.proposals[0].edits[0].key, "pipeline");
  EXPECT_NE(to_text(explained.explanation).find("900 cycles instead of 1,000 (-10.0 %)"),
            std::string::npos);
}

TEST(Explain, ProposesOperandsWhereTheArrayTakesThem) {
  Explained explained;
  explain_kernel(
      gemm("M=64 N=64 K=64", {{"acc: REGISTER}", "acc: SHARED}"},
                              {"    leaf_task_bindings:\n      multiply_leaf_logic: mma\n", ""}}),
      explained);
  ASSERT_TRUE(explained.kernel.program.has_value()) << explained.kernel.messages();
  EXPECT_TRUE(proposes(explained.explanation, "gemm_block", "mems", "{acc: REGISTER}"));
  const auto& calls = explained.explanation.calls;
  const auto product = std::find_if(calls.begin(), calls.end(), [](const CallNote& note) {
    return note.text.starts_with("gemm ");
  });
  ASSERT_NE(product, calls.end());
  ASSERT_FALSE(product->rejected.empty());
  EXPECT_EQ(product->rejected[0].first, "mma");
  EXPECT_NE(product->rejected[0].second.find("it takes acc in REGISTER"), std::string::npos);
}

/// Two products of the rows of X, in loops of their own; `fused` in one.
KernelText two_products(bool fused) {
  KernelText text;
  text.logic = R"(import task_lang as task


@task.define(leaf=True)
def clear(P, Q):
    task.call_primitive("fill", P, 0)
    task.call_primitive("fill", Q, 0)


@task.define(leaf=True)
def first(P, X, W):
    task.call_primitive("gemm", P, X, W, accumulate=True)


@task.define(leaf=True)
def second(Q, X, V):
    task.call_primitive("gemm", Q, X, V, accumulate=True)


@task.define(leaf=True)
def store(Y, Z, P, Q):
    task.call_primitive("copy", Y, P)
    task.call_primitive("copy", Z, Q)


@task.define
def block(Y, Z, X, W, V):
    Xp = task.partition(X, by="blocks", shape=(X.shape[0], 32))
    Wp = task.partition(W, by="blocks", shape=(32, W.shape[1]))
    Vp = task.partition(V, by="blocks", shape=(32, V.shape[1]))
    P = task.tensor(Y.shape, "f32")
    Q = task.tensor(Z.shape, "f32")
    task.launch(clear, P, Q)
    for k in task.sequential_range(Xp.shape[1]):
        task.launch(first, P, Xp[0, k], Wp[k, 0])
LOOP        task.launch(second, Q, Xp[0, KK], Vp[KK, 0])
    task.launch(store, Y, Z, P, Q)


@task.define
def host(Y: task.Tensor["M", "N"], Z: task.Tensor["M", "N"], X: task.Tensor["M", "K"],
         W: task.Tensor["K", "N"], V: task.Tensor["K", "N"]):
    task.launch(block, Y, Z, X, W, V)
)";
  const std::string loop = fused ? "" : "    for l in task.sequential_range(Xp.shape[1]):\n";
  text.logic = replaced(text.logic, "LOOP", loop);
  for (int i = 0; i < 2; ++i) text.logic = replaced(text.logic, "KK", fused ? "k" : "l");
  text.mapping =
      "entrypoint: host\ntask_mappings:\n"
      "  host: {task_name: host, proc: HOST, mems: {Y: GLOBAL, Z: GLOBAL, X: GLOBAL, W: GLOBAL, "
      "V: GLOBAL}}\n"
      "  block: {task_name: block, proc: BLOCK, mems: {Y: GLOBAL, Z: GLOBAL, X: SHARED, W: SHARED, "
      "V: SHARED, P: REGISTER, Q: REGISTER}, pipeline: 2}\n";
  text.definitions = definitions("M=32 N=32 K=128");
  return text;
}

TEST(Explain, RemarksPanelsThatAreStreamedTwice) {
  Explained apart;
  explain_kernel(two_products(false), apart);
  ASSERT_TRUE(apart.kernel.program.has_value()) << apart.kernel.messages();
  ASSERT_EQ(apart.explanation.remarks.size(), 1U) << to_text(apart.explanation);
  const std::string& text = apart.explanation.remarks[0].text;
  EXPECT_NE(text.find("X is streamed 2 times, in loop k (kernel.py:34) and in loop l"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("16,384 bytes each time"), std::string::npos) << text;
  Explained fused;
  explain_kernel(two_products(true), fused);
  ASSERT_TRUE(fused.kernel.program.has_value()) << fused.kernel.messages();
  EXPECT_TRUE(fused.explanation.remarks.empty()) << to_text(fused.explanation);
}

TEST(Explain, SaysWhichEventsAreShared) {
  KernelText text;
  text.logic = source("tests/cli/cases/attention.py");
  text.mapping = source("tests/cli/cases/attention.yaml");
  text.definitions = definitions("H=2 L=64 D=32");
  Explained plenty;
  explain_kernel(text, plenty);
  const std::string few = testing::TempDir() + "few_events.yaml";
  std::ofstream(few) << replaced(source("targets/dsa_edge.yaml"), "events: 64 ", "events: 9 ");
  text.target = few;
  Explained scarce;
  explain_kernel(text, scarce);
  ASSERT_TRUE(scarce.kernel.program.has_value()) << scarce.kernel.messages();
  const auto is_shared = [](const EventNote& note) { return note.pairs > 1 || note.merged; };
  const auto& many = plenty.explanation.events;
  const auto& merged = scarce.explanation.events;
  EXPECT_TRUE(std::none_of(many.begin(), many.end(), is_shared));
  EXPECT_TRUE(std::any_of(merged.begin(), merged.end(), is_shared));
  EXPECT_NE(to_text(scarce.explanation).find("there are not enough counters"), std::string::npos);
}

TEST(Explain, EveryEventSaysWhatItOrders) {
  Explained explained;
  explain_kernel(gemm("M=256 N=256 K=256"), explained);
  ASSERT_FALSE(explained.explanation.events.empty());
  for (const EventNote& event : explained.explanation.events) {
    EXPECT_FALSE(event.orders.empty()) << event.name;
    EXPECT_EQ(event.pairs, 1) << event.name;
  }
}

TEST(Explain, SaysWhichKeyMakesABufferDeep) {
  const DepthKey asked{"block", "pipeline", "A", 3, "kernel.yaml:20"};
  EXPECT_EQ(depth_text(asked, 3), "3 deep: `pipeline: 3` of block (kernel.yaml:20)");
  EXPECT_EQ(depth_text(asked, 1),
            "1 deep, not more as `pipeline: 3` of block asks (kernel.yaml:20): nothing can overlap "
            "here");
  EXPECT_EQ(depth_text(asked, 4),
            "4 deep: its uses are so many trips apart, beyond `pipeline: 3` of block "
            "(kernel.yaml:20)");
  const DepthKey silent{"block", "rotate", "acc", 1, ""};
  EXPECT_EQ(depth_text(silent, 1), "1 deep: block has no `rotate` for it");
  EXPECT_EQ(depth_text(silent, 2), "2 deep: its uses are so many trips apart");
}

TEST(Explain, ProposesTheOrderOfATrip) {
  KernelText text;
  text.logic = source("tests/cli/cases/attention.py");
  text.mapping = source("tests/cli/cases/attention.yaml");
  text.definitions = definitions("H=2 L=64 D=32");
  Explained explained;
  explain_kernel(text, explained);
  const std::string all = to_text(explained.explanation);
  EXPECT_NE(all.find("schedule: [scores_logic, values_logic@-1, online_logic]"), std::string::npos)
      << all;
}

TEST(Explain, ListsBuffersOfPeeledTripsOnce) {
  KernelText text;
  text.logic = source("tests/cli/cases/attention.py");
  text.mapping =
      replaced(source("tests/cli/cases/attention.yaml"), "    pipeline: 2\n",
               "    pipeline: 2\n    schedule: [scores_logic, values_logic@-1, online_logic]\n");
  text.definitions = definitions("H=2 L=64 D=32");
  Explained explained;
  explain_kernel(text, explained);
  ASSERT_TRUE(explained.kernel.program.has_value()) << explained.kernel.messages();
  std::vector<std::string> names;
  for (const BufferNote& note : explained.explanation.buffers) {
    names.push_back(note.name);
    EXPECT_TRUE(note.overlaps.empty()) << note.name;
  }
  EXPECT_EQ(std::count(names.begin(), names.end(), "K_3"), 1);
  EXPECT_FALSE(proposes(explained.explanation, "block", "schedule",
                        "[scores_logic, values_logic@-1, online_logic]"));
}

}  // namespace
}  // namespace septran::explain
