// Where results go: files that are also read, pipes, streams that are full or closed.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "run_tool.h"

namespace septran::cli {
namespace {

const std::string gemm = in_source("examples/gemm/gemm.py");
const std::string gemm_mapping = in_source("mappings/gemm/dsa_edge.yaml");
const char* const sizes = " -D M=9 -D N=9 -D K=9 ";

/// A command as a user writes it, for the shell.
Outcome shell(const std::string& command) { return run_program("/bin/sh", {"-c", command}); }
std::string sim_command(const std::string& options) {
  return std::string(SEPTRAN_SIM_EXECUTABLE) + " " + gemm + " --mapping " + gemm_mapping + sizes +
         options;
}

TEST(Outputs, DoNotReplaceWhatIsRead) {
  const TempFolder folder;
  const std::string logic = folder.write("g.py", read_file(gemm));
  const std::string base = folder.write("base.yaml", read_file(gemm_mapping));
  const std::string mapping = folder.write("m.yaml", "extends: base.yaml\n");
  const std::string target = folder.write("t.yaml", read_file(in_source("targets/dsa_edge.yaml")));
  const Arguments run = job(logic, mapping, "M=9 N=9 K=9 --target " + target);
  const auto refused = [](const Outcome& outcome) {
    expect_refused(outcome, {"error[output-is-input]", "hint:"});
  };
  for (const std::string& file : {logic, base, mapping, target}) {
    SCOPED_TRACE(file);
    const std::string before = read_file(file);
    for (const char* option : {"--json", "--html", "--trace", "--vcd"}) {
      refused(septran_sim(run + Arguments{option, file}));
    }
    refused(septran_sim(run + Arguments{"--out", "C=" + file}));
    refused(septran_sim(run + Arguments{"--sweep", "dram.channels=1,2", "--csv", file}));
    refused(septran(Arguments{"compile"} + run + Arguments{"-o", file}));
    refused(septran(Arguments{"explain"} + run + Arguments{"--json", file}));
    EXPECT_EQ(read_file(file), before);
  }
  const std::string network = folder.write(
      "n.yaml",
      "layers:\n  - {name: a, logic: g.py, mapping: m.yaml, sizes: {M: 9, N: 9, K: 9}}\n");
  for (const std::string& file : {logic, network}) {
    refused(septran_sim({"--workload", network, "--json", file}));
  }
}

TEST(Outputs, OneFileUnderTwoNames) {
  const TempFolder folder;
  expect_refused(
      septran_sim(job(gemm, gemm_mapping,
                      "M=9 N=9 K=9 --json " + (folder / "x") + " --html " + (folder / "./x"))),
      {"error[one-output-file]"});
}

TEST(Outputs, NamesCountFromTheFolderTheUserIsIn) {
  const TempFolder folder;
  const std::string there = "cd " + (folder / "") + " && ";
  for (const char* options : {"--json r.json --html ./r.html --out C=c.npy", "--json r.json"}) {
    const Outcome outcome = shell(there + sim_command(options));
    EXPECT_EQ(outcome.code, 0) << outcome.err;
  }
  const Outcome compiled = shell(there + SEPTRAN_EXECUTABLE + " compile " + gemm + " --mapping " +
                                 gemm_mapping + sizes + "--emit bin -o gemm.sdsa");
  EXPECT_EQ(compiled.code, 0) << compiled.err;
  EXPECT_EQ(folder.files(), (std::vector<std::string>{"c.npy", "gemm.sdsa", "r.html", "r.json"}));
  expect_refused(shell(there + sim_command("--json x --html " + (folder / "x"))),
                 {"error[one-output-file]"});
  expect_refused(shell(there + sim_command("--json none/x")), {"its folder does not exist"});
}

// A pipe has no name but its own; what is printed comes before what is written.
TEST(Outputs, MayBeStandardOutput) {
  const Outcome outcome = shell(sim_command("--json /dev/stdout | cat"));
  EXPECT_EQ(outcome.err, "");
  const std::size_t begin = outcome.out.find("\n{");
  ASSERT_NE(begin, std::string::npos) << outcome.out;
  EXPECT_LT(outcome.out.find("result    ok"), begin);
  EXPECT_TRUE(nlohmann::json::accept(outcome.out.substr(begin)));
}

// A result that goes to `-` has the standard output for itself.
TEST(Outputs, HyphenIsTheStandardOutputAlone) {
  const auto json_alone = [](const std::string& command) {
    SCOPED_TRACE(command);
    const Outcome outcome = shell(command + " | cat");
    EXPECT_EQ(outcome.err, "");
    EXPECT_TRUE(nlohmann::json::accept(outcome.out)) << outcome.out;
  };
  const std::string kernel = gemm + std::string(" --mapping ") + gemm_mapping + sizes;
  json_alone(sim_command("--json - --check-hazards"));
  json_alone(sim_command("--trace -"));
  json_alone(sim_command("--sweep dram.channels=1,2 --json -"));
  for (const char* command : {" run ", " check ", " explain "}) {
    json_alone(SEPTRAN_EXECUTABLE + std::string(command) + kernel + " --json -");
  }
  EXPECT_TRUE(shell(sim_command("--vcd -")).out.starts_with("$"));
  EXPECT_TRUE(shell(sim_command("--html -")).out.starts_with("<!"));
  EXPECT_TRUE(shell(sim_command("--out C=-")).out.starts_with("\x93NUMPY"));
  EXPECT_EQ(count(shell(sim_command("--sweep dram.channels=1,2 --csv -")).out, "\n"), 3U);
  EXPECT_FALSE(std::filesystem::exists("-"));
  EXPECT_FALSE(std::filesystem::exists("-.partial"));
  // Code goes there anyway.
  const std::string compile = SEPTRAN_EXECUTABLE + std::string(" compile ") + kernel + " --emit ";
  EXPECT_EQ(shell(compile + "asm -o -").out, shell(compile + "asm").out);
  EXPECT_TRUE(shell(compile + "bin -o - | head -c 4").err.empty());
}

TEST(Outputs, OnlyOneHasTheStandardOutput) {
  expect_refused(septran_sim(job(gemm, gemm_mapping, "M=9 N=9 K=9 --json - --out C=-")),
                 {"error[one-output-file]: two results are to be written to '-'"});
  expect_refused(
      septran_sim(job(gemm, gemm_mapping, "M=9 N=9 K=9 --json - --print-after schedule")),
      {"error[one-output-file]: two results are to be written to '-'"});
}

TEST(StandardOutput, ThatIsFullIsAnError) {
  const TempFolder folder;
  const std::string compile = std::string(SEPTRAN_EXECUTABLE) + " compile " + gemm + " --mapping " +
                              gemm_mapping + sizes + "--emit ";
  const std::string commands[] = {
      sim_command("--json " + (folder / "a.json") + " --out C=" + (folder / "c.npy")),
      sim_command("--sweep dram.channels=1,2"),
      sim_command("--json -"),
      compile + "tile",
      compile + "asm",
      std::string(SEPTRAN_EXECUTABLE) + " targets",
      std::string(SEPTRAN_EXECUTABLE) + " targets dsa_edge",
      std::string(SEPTRAN_EXECUTABLE) + " --help",
      std::string(SEPTRAN_SIM_EXECUTABLE) + " --version",
  };
  for (const std::string& command : commands) {
    SCOPED_TRACE(command);
    const Outcome outcome = shell(command + " >/dev/full");
    EXPECT_EQ(outcome.code, 2);
    EXPECT_NE(outcome.err.find("error[output-not-printed]"), std::string::npos) << outcome.err;
    EXPECT_EQ(count(outcome.err, "error["), 1U) << outcome.err;
  }
  EXPECT_TRUE(folder.files().empty());
}

// The report's file does not get the number of a closed stream, and so none of its text.
TEST(StandardOutput, ThatIsClosedTakesNothing) {
  const TempFolder folder;
  const Outcome outcome =
      shell(sim_command("--sweep dram.channels=1,0 --csv " + (folder / "a.csv") + " --json " +
                        (folder / "a.json") + " >&- 2>&- <&-"));
  EXPECT_EQ(outcome.code, 2);  // of the second point
  EXPECT_TRUE(nlohmann::json::accept(read_file(folder / "a.json")));
  EXPECT_EQ(count(read_file(folder / "a.csv"), "\n"), 3U);
}

}  // namespace
}  // namespace septran::cli
