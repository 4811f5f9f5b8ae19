// `septran explain` as a user runs it: the whole text of two examples is held against
// expected/explain_*.txt (SEPTRAN_UPDATE_EXPECTED=1 rewrites them), and proposals are followed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "run_tool.h"

namespace septran::cli {
namespace {

const std::string gemm = in_source("examples/gemm/gemm.py");
const std::string edge = in_source("mappings/gemm/dsa_edge.yaml");

Arguments explain(const std::string& logic, const std::string& mapping, const std::string& words,
                  const Arguments& more = {}) {
  Arguments list = job(logic, mapping, words);
  list.insert(list.begin(), "explain");
  return list + more;
}

std::string replaced_all(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
    text.replace(at, from.size(), to);
    at += to.size();
  }
  return text;
}

void expect_text(const Outcome& outcome, const std::string& name) {
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  const std::string path = in_source("tests/cli/expected/" + name);
  const std::string actual = replaced_all(outcome.out, in_source(""), "");
  if (std::getenv("SEPTRAN_UPDATE_EXPECTED") != nullptr) std::ofstream(path) << actual;
  EXPECT_EQ(actual, read_file(path));
}

TEST(ExplainCommand, SaysWhyTheProductIsAsItIs) {
  expect_text(septran(explain(gemm, edge, "M=512 N=512 K=512 --dtype f16")), "explain_gemm.txt");
}

TEST(ExplainCommand, SaysWhyThePerceptronIsAsItIs) {
  expect_text(
      septran(explain(in_source("examples/mlp/mlp.py"), in_source("mappings/mlp/dsa_cloud.yaml"),
                      "M=512 K=512 F=1024 N=512 --dtype f16")),
      "explain_mlp.txt");
}

/// The product with tiny blocks, nothing deep.
std::string bad_mapping(const TempFolder& folder) {
  std::string text = read_file(edge);
  for (const auto& [from, to] :
       {std::pair{"block_m: 128, block_n: 64", "block_m: 32, block_n: 32"},
        std::pair{"block_k: 64", "block_k: 16"}, std::pair{"pipeline: 3 ", "pipeline: 1 "},
        std::pair{"    rotate: {acc: 2}\n", ""}}) {
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, std::string(from).size(), to);
  }
  return folder.write("bad.yaml", text);
}

TEST(ExplainCommand, MeasuredProposalsHoldWhatTheyPromise) {
  const TempFolder folder;
  const std::string bad = bad_mapping(folder);
  const std::string words = "M=256 N=256 K=256 --dtype f16";
  const Outcome outcome =
      septran(explain(gemm, bad, words, {"--measure", "--json", folder / "explanation.json"}));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  const auto json = nlohmann::json::parse(read_file(folder / "explanation.json"));
  EXPECT_EQ(json.at("cycles"), cycles_of(septran_sim(job(gemm, bad, words + " --timing-only"))));
  std::int64_t best = json.at("cycles").get<std::int64_t>();
  ASSERT_FALSE(json.at("proposals").empty());
  for (const auto& proposal : json.at("proposals")) {
    best = std::min(best, proposal.at("cycles").get<std::int64_t>());
    if (proposal.at("edits").size() != 1) continue;
    const auto& edit = proposal.at("edits")[0];
    if (edit.at("key") != "pipeline") continue;
    // Following it gives the very cycles.
    const std::string edited = folder.write(
        "edited.yaml", replaced_all(read_file(bad), "pipeline: 1 ",
                                    "pipeline: " + edit.at("value").get<std::string>() + " "));
    EXPECT_EQ(cycles_of(septran_sim(job(gemm, edited, words + " --timing-only"))),
              proposal.at("cycles").get<std::int64_t>());
  }
  EXPECT_LT(best * 3, json.at("cycles").get<std::int64_t>()) << outcome.out;
}

/// The mapping of the small accelerator with narrow parts and this pipeline.
std::string narrow_mapping(const TempFolder& folder, int pipeline) {
  std::string text = replaced_all(read_file(edge), "block_k: 64", "block_k: 16");
  text = replaced_all(text, "pipeline: 3 ", "pipeline: " + std::to_string(pipeline) + " ");
  return folder.write("narrow" + std::to_string(pipeline) + ".yaml", text);
}

TEST(ExplainCommand, SlotsBeyondWhatTheQueueAllowsSaveNothing) {
  // Memory is so far away that run-ahead is all that counts; queue depths that three commands a
  // trip divide and do not divide.
  const TempFolder folder;
  std::string far = read_file(in_source("targets/dsa_edge.yaml"));
  far = replaced_all(far, "latency_cycles: 10 ", "latency_cycles: 1500 ");
  far = replaced_all(far, "outstanding_bursts: 64 ", "outstanding_bursts: 4096 ");
  far = replaced_all(far, "queue_bursts: 128 ", "queue_bursts: 8192 ");
  // Refresh would meet trips at random.
  far = replaced_all(far, "preset: lpddr5_6400 ", "preset: lpddr5_6400\n    refresh_cycles: 0 ");
  for (const auto& [depth, slots] : {std::pair{4, 3}, std::pair{5, 3}, std::pair{6, 4}}) {
    const std::string target =
        folder.write("far.yaml", replaced_all(far, "kind: mma, queue_depth: 16",
                                              "kind: mma, queue_depth: " + std::to_string(depth)));
    const std::string words = "M=128 N=128 K=512 --dtype f16 --target " + target;
    const auto cycles = [&](int pipeline) {
      return cycles_of(
          septran_sim(job(gemm, narrow_mapping(folder, pipeline), words + " --timing-only")));
    };
    // A further slot changes addresses and the first trips' loads, which is worth a few hundred
    // cycles (0.2 %); one that lets a trip more run ahead is worth fifty times that.
    EXPECT_LT(cycles(slots) * 10, cycles(slots - 1) * 9) << depth;
    EXPECT_GT(cycles(slots + 1) * 1000, cycles(slots) * 997) << depth;
    const std::string allowed = "a trip of loop k) allows " + std::to_string(slots);
    const Outcome enough = septran(explain(gemm, narrow_mapping(folder, slots), words));
    EXPECT_NE(enough.out.find(allowed), std::string::npos) << enough.out;
    EXPECT_EQ(enough.out.find("queue depth, not"), std::string::npos) << enough.out;
    const Outcome more = septran(explain(gemm, narrow_mapping(folder, slots + 1), words));
    EXPECT_NE(more.out.find("A_3: queue depth, not its"), std::string::npos) << more.out;
  }
}

TEST(ExplainCommand, CountsTheBytesThatTheSimulatorMoves) {
  const TempFolder folder;
  const std::pair<const char*, const char*> cases[] = {
      {"batched_gemm", "H=3 G=1 M=37 N=19 K=23 --dtype f16"},
      {"causal", "L=50 D=20 --dtype f16"},
      {"two_kernels", "M=45 N=37 K=50"},
      {"nested", "M=70 N=37 K=21"},
      {"triangle", "M=28 N=13"},
      {"branches", "S=3 M=22 N=17 factor=3 flip=true"},
      {"steps", "T=4 M=24 N=17"},
      {"convolution", "N=2 H=9 W=7 C=5 KH=3 KW=3 O=6 OH=5 OW=4"},
      {"attention", "H=3 L=50 D=20 --dtype f16"}};
  for (const auto& [name, words] : cases) {
    for (const char* target : {"dsa_edge", "dsa_cloud"}) {
      SCOPED_TRACE(std::string(name) + " " + target);
      const std::string stem = in_source(std::string("tests/cli/cases/") + name);
      const std::string report = folder / "report.json";
      const Arguments more{"--target", target, "--json", report};
      const Outcome explained = septran(explain(stem + ".py", stem + ".yaml", words, more));
      ASSERT_EQ(explained.code, 0) << explained.err;
      std::int64_t counted = 0;
      bool exact = true;
      const auto explanation = nlohmann::json::parse(read_file(report));
      for (const auto& note : explanation.at("traffic")) {
        exact = exact && note.at("bytes").at("exact").get<bool>();
        counted += note.at("bytes").at("value").get<std::int64_t>();
      }
      const Outcome run =
          septran_sim(job(stem + ".py", stem + ".yaml", words) + Arguments{"--timing-only"} + more);
      ASSERT_EQ(run.code, 0) << run.err;
      std::int64_t moved = 0;
      const auto simulated = nlohmann::json::parse(read_file(report));
      for (const auto& [edge_name, note] : simulated.at("memory").items()) {
        if (edge_name.find("GLOBAL") == std::string::npos) continue;
        moved += note.at("bytes").get<std::int64_t>();
      }
      // Of an im2col view, what lies outside the image is counted, but not moved.
      EXPECT_EQ(exact, std::string(name) != "convolution");
      if (exact) {
        EXPECT_EQ(counted, moved);
      }
      EXPECT_GE(counted, moved);
    }
  }
}

TEST(ExplainCommand, IsTheSameEveryTime) {
  const TempFolder folder;
  const Arguments arguments =
      explain(gemm, bad_mapping(folder), "M=128 N=128 K=128", {"--measure"});
  const Outcome first = septran(arguments);
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_EQ(septran(arguments).out, first.out);
}

TEST(ExplainCommand, FaultsAreDiagnosticsAndNothingIsWritten) {
  const TempFolder folder;
  expect_refused(septran(explain(gemm, edge, "M=64 N=64", {"--json", folder / "e.json"})),
                 {"error[missing-definition]", "'K'"});
  expect_refused(septran({"explain", gemm}), {"error[one-mapping]"});
  expect_refused(septran(explain(gemm, edge, "M=64 N=64 K=64", {"--measur"})),
                 {"error[unknown-option]", "hint: did you mean '--measure'?"});
  EXPECT_TRUE(folder.files().empty());
}

}  // namespace
}  // namespace septran::cli
