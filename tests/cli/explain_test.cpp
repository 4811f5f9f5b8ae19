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
