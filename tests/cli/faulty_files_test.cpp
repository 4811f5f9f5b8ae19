// Faulty tensors, program files and targets, and faults that need a logic file of their own.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <span>

#include "run_tool.h"
#include "targets/dsa/assembly.h"
#include "targets/dsa/encode.h"

namespace septran::cli {
namespace {

const std::string gemm = in_source("examples/gemm/gemm.py");
const std::string gemm_mapping = in_source("mappings/gemm/dsa_edge.yaml");

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

TEST(FaultyTensors, AreRefused) {
  const std::string good = npy("<f4", "(2, 2)", bytes_of<float>({1, 2, 3, 4}));
  struct Case {
    const char* name;
    std::string file;
    std::vector<std::string> expected;
  };
  const Case cases[] = {
      {"empty", "", {"error[npy-malformed]", "a.npy"}},
      {"no_magic", "NUMPY" + good, {"error[npy-malformed]", "a.npy"}},
      {"cut_header", good.substr(0, 40), {"error[npy-malformed]"}},
      {"cut_data", good.substr(0, good.size() - 1), {"error[npy-malformed]"}},
      {"more_data", good + "x", {"error[npy-malformed]"}},
      {"shape", npy("<f4", "(2, 3)", bytes_of<float>({1, 2, 3, 4, 5, 6})), {"error["}},
      {"huge_shape", npy("<f4", "(4611686018427387904, 2)", ""), {"error["}},
      {"negative_shape", npy("<f4", "(-2, 2)", ""), {"error["}},
      {"type",
       npy("<c8", "(2, 2)", std::string(32, '\0')),
       {"error[npy-unsupported-type]", "hint"}},
      {"big_endian", npy(">f4", "(2, 2)", std::string(16, '\0')), {"error["}},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    const TempFolder folder;
    const std::string a = folder.write("a.npy", one.file);
    expect_refused(septran_sim(job(gemm, gemm_mapping,
                                   "M=2 N=2 K=2 --in A=" + a + " --out C=" + (folder / "c.npy") +
                                       " --json " + (folder / "c.json"))),
                   one.expected);
    EXPECT_EQ(folder.files(), std::vector<std::string>{"a.npy"});
  }
}

TEST(FaultyTensors, TypeOfTheCommandLineHolds) {
  const TempFolder folder;
  const std::string a = folder.write("a.npy", npy("<f4", "(2, 2)", std::string(16, '\0')));
  expect_refused(septran_sim(job(gemm, gemm_mapping, "M=2 N=2 K=2 --dtype f16 --in A=" + a)),
                 {"error[npy-type-mismatch]", "a.npy", "hint:"});
}

/// gemm.py at 64 x 64 x 64 as a program file of a folder.
std::string compile_gemm(const TempFolder& folder, const std::string& more = "") {
  const std::string program = folder / "gemm.sdsa";
  const Outcome compiled =
      septran(Arguments{"compile"} + job(gemm, gemm_mapping, "M=64 N=64 K=64 " + more) +
              Arguments{"--emit", "bin", "-o", program});
  EXPECT_EQ(compiled.code, 0) << compiled.err;
  return program;
}

TEST(FaultyPrograms, DamageIsNoticed) {
  const TempFolder folder;
  const std::string program = compile_gemm(folder);
  const std::string good = read_file(program);
  ASSERT_GT(good.size(), 500U);
  const auto refuse = [&](const std::string& bytes, const std::vector<std::string>& expected) {
    folder.write("bad.sdsa", bytes);
    expect_refused(septran_sim({folder / "bad.sdsa", "--json", folder / "report.json"}), expected);
    EXPECT_FALSE(exists(folder / "report.json"));
  };
  for (const std::size_t size : {good.size() - 1, good.size() / 2, std::size_t{20}}) {
    SCOPED_TRACE(size);
    refuse(good.substr(0, size), {"error[dsa-file-", "bad.sdsa"});
  }
  refuse(good + "x", {"error[dsa-file-", "bad.sdsa"});
  std::string version = good;
  version[4] = static_cast<char>(version[4] + 1);  // after the four letters that name the format
  refuse(version, {"error["});
}

/// A program file's bytes with the checksum that belongs to its content.
std::string with_checksum(std::string bytes) {
  const auto content = std::as_bytes(std::span(bytes)).subspan(dsa::content_offset);
  const std::uint64_t sum = dsa::file_checksum(content);
  std::memcpy(bytes.data() + dsa::checksum_offset, &sum, sizeof sum);
  return bytes;
}

TEST(FaultyPrograms, FlippedBitsNeverCrash) {
  const TempFolder folder;
  const std::string good = read_file(compile_gemm(folder));
  ASSERT_EQ(with_checksum(good), good);
  const std::string json = folder / "report.json";
  std::map<int, int> times;  // an exit code was seen
  for (std::size_t i = 0; i < 160; ++i) {
    const std::size_t at = dsa::content_offset + i * 7919 % (good.size() - dsa::content_offset);
    SCOPED_TRACE(fmt::format("byte {}, bit {}", at, i % 8));
    std::string bytes = good;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << (i % 8)));
    folder.write("bad.sdsa", with_checksum(bytes));
    std::filesystem::remove(json);
    const Outcome outcome = septran_sim({folder / "bad.sdsa", "--json", json});
    ++times[outcome.code];
    EXPECT_TRUE(outcome.code == 0 || outcome.code == 2 || outcome.code == 3) << outcome.code << "\n"
                                                                             << outcome.err;
    EXPECT_EQ(outcome.err.empty(), outcome.code == 0) << outcome.err;
    EXPECT_EQ(exists(json), outcome.code != 2);
  }
  EXPECT_GT(times[0], 0);
  EXPECT_GT(times[2], 0);
}

/// Compiles gemm.py, changes a line of its assembly and writes the program file.
std::string change_assembly(const TempFolder& folder, const std::string& from,
                            const std::string& to) {
  const Outcome compiled =
      septran(Arguments{"compile"} + job(gemm, gemm_mapping, "M=64 N=64 K=64 --emit asm"));
  SourceManager sources;
  Diagnostics diagnostics;
  const FileId file = sources.add("gemm.s", replaced(compiled.out, from, to));
  const auto program = dsa::parse_assembly(file, sources, diagnostics);
  EXPECT_TRUE(program.has_value()) << render(diagnostics, sources, false);
  const auto bytes = dsa::encode_program(program.value(), diagnostics);
  EXPECT_TRUE(bytes.has_value()) << render(diagnostics, sources, false);
  const auto* begin = reinterpret_cast<const char*>(bytes.value().data());
  return folder.write("changed.sdsa", {begin, bytes->size()});
}

TEST(FaultyPrograms, TrapsAndDeadlocksEndWithCode3) {
  struct Case {
    const char* from;
    const char* to;
    const char* kind;
    const char* text;
  };
  // Accumulators far outside of REGISTER; a store that waits for a signal that never comes.
  const Case cases[] = {
      {"scalar.mod r2 = r2, 32768", "scalar.add r2 = r2, 65536", "trap", "trap in cycle"},
      {"sync.signal mma e2", "sync.signal mma e0", "deadlock", "store waits for"}};
  for (const Case& one : cases) {
    SCOPED_TRACE(one.kind);
    const TempFolder folder;
    const std::string program = change_assembly(folder, one.from, one.to);
    const Outcome outcome = septran_sim(
        {program, "--json", folder / "report.json", "--out", "C=" + (folder / "c.npy")});
    EXPECT_EQ(outcome.code, 3) << outcome.out;
    EXPECT_EQ(outcome.out, "");
    EXPECT_NE(outcome.err.find(one.text), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("instruction "), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("gemm.py:"), std::string::npos) << outcome.err;
    EXPECT_FALSE(exists(folder / "c.npy"));
    const auto report = nlohmann::json::parse(read_file(folder / "report.json"));
    EXPECT_EQ(report.at("result").at("ok"), false);
    EXPECT_TRUE(report.contains(one.kind));
    const Outcome timed = septran_sim(
        {program, "--timing-only", "--trace", folder / "trace.json", "--vcd", folder / "run.vcd"});
    EXPECT_EQ(timed.code, 3);
    EXPECT_EQ(timed.err, outcome.err);
    // What was done until then: loads came before the fault, and nothing is behind it.
    const auto trace = nlohmann::json::parse(read_file(folder / "trace.json"));
    const auto until = trace.at("otherData").at("cycles").get<std::int64_t>();
    EXPECT_GE(until, report.at(one.kind).at("cycle").get<std::int64_t>());
    int slices = 0;
    for (const auto& event : trace.at("traceEvents")) {
      if (event.at("ph") != "X") continue;
      ++slices;
      EXPECT_LE(event.at("ts").get<std::int64_t>(), until);
    }
    EXPECT_GT(slices, 0);
    EXPECT_NE(read_file(folder / "run.vcd").find("$enddefinitions"), std::string::npos);
  }
}

TEST(FaultyPrograms, BelongToOneDescription) {
  const TempFolder folder;
  const std::string changed =
      folder.write("changed.yaml", replaced(read_file(in_source("targets/dsa_edge.yaml")),
                                            "clock_hz: 1.0e9", "clock_hz: 2.0e9"));
  const std::string program = compile_gemm(folder, "--target " + changed);
  expect_refused(septran_sim({program}),
                 {"error[target-changed]", "'dsa_edge'", "hint: compile it again"});
  EXPECT_EQ(septran_sim({program, "--target", changed}).code, 0);
  expect_refused(septran_sim({program, "--target", "dsa_cloud"}),
                 {"error[dsa-wrong-target]", "hint: compile it again"});
}

TEST(FaultyPrograms, HaveNoOptionsOfALogicFile) {
  const TempFolder folder;
  const std::string program = compile_gemm(folder);
  expect_refused(septran_sim({program, "-D", "M=3", "--mapping", gemm_mapping}),
                 {"error[option-needs-logic]", "--mapping has no meaning",
                  "hint:", "error[option-needs-logic]", "-D has no meaning", "hint:"});
}

TEST(FaultyTargets, AreRefused) {
  const TempFolder folder;
  const std::string good = read_file(in_source("targets/dsa_edge.yaml"));
  const auto refuse = [&](const std::string& text, const std::vector<std::string>& expected) {
    const std::string target = folder.write("target.yaml", text);
    expect_refused(septran_sim(job(gemm, gemm_mapping, "M=64 N=64 K=64 --target " + target)),
                   expected);
  };
  refuse("", {"target.yaml:1:1", "error["});
  refuse(replaced(good, "clock_hz", "clok_hz"), {"target.yaml:", "error[", "hint:"});
  refuse(replaced(good, "events: 64 ", "events: 2 "), {"error[too-many-events]", "dsa_edge has 2"});
  const std::string processor = read_file(in_source("targets/cpu_generic.yaml"));
  refuse(processor, {"error[wrong-family]", "hint:"});
  refuse(replaced(processor, "vector_bytes: 16", "vector_bytes: 24"),
         {"error[machine-not-a-power]", "is 24", "hint:"});
  refuse(good + "# \xff\n", {"error[yaml-not-utf8]", "byte 0xff", "  # ?\n", "hint:"});
  expect_refused(septran({"targets", folder / "none.yaml"}), {"error[", "none.yaml", "hint:"});
}

TEST(FaultyCommands, AreRefused) {
  expect_refused(septran({}), {"error[bad-option-value]", "subcommand", "hint:"});
  expect_refused(septran({"compil"}), {"error[unknown-command]", "hint: did you mean 'compile'"});
  expect_refused(septran_sim({}), {"error[nothing-to-run]", "hint:"});
  expect_refused(septran_sim(job("nothing.py", gemm_mapping, "")), {"error[cannot-read]", "hint:"});
  expect_refused(septran_sim(job(gemm, "nothing.yaml", "")), {"error[cannot-read]", "hint:"});
  expect_refused(septran_sim({gemm}), {"error[one-mapping]", "0 are given", "hint:"});
  const Arguments compile = Arguments{"compile"} + job(gemm, gemm_mapping, "M=8 N=8 K=8");
  expect_refused(septran(compile + Arguments{"--emit", "bin"}),
                 {"error[emit-needs-output]", "hint: for example -o"});
  expect_refused(septran(compile + Arguments{"--emit", "cubin"}), {"--emit"});
  expect_refused(septran(compile + Arguments{"--emit", "c"}), {"error[emit-not-of-target]"});
  expect_refused(septran(compile + Arguments{"-o", "/nowhere/at/all"}), {"error[", "/nowhere/"});
  const TempFolder folder;
  const std::string hots =
      folder.write("hots.yaml", replaced(read_file(gemm_mapping), "gemm_host_logic", "gemm_hots"));
  expect_refused(
      septran_sim(job(gemm, hots, "M=8 N=8 K=8")),
      {"hots.yaml:8:16", "error[undefined-entry-task]", "'gemm_hots'", "^", "hint: its tasks are"});
}

TEST(FaultyCommands, MessagesHaveNoColourOffATerminal) {
  const Outcome outcome = septran_sim(job(gemm, gemm_mapping, "M=8 N=8"));
  EXPECT_EQ(outcome.err.find('\x1b'), std::string::npos);
  const Outcome plain =
      run_program(SEPTRAN_SIM_EXECUTABLE, job(gemm, gemm_mapping, "M=8 N=8"), {{"NO_COLOR", "1"}});
  EXPECT_EQ(plain.err, outcome.err);
}

/// A leaf `copy(Y, X)` that a block task launches; the texts are the two bodies and signatures.
struct Kernel {
  std::string leaf = "task.call_primitive(\"copy\", Y, X)";
  std::string block = "task.launch(leaf_logic, Y, X)";
  std::string signature = "Y: task.f32[4, 6], X: task.f32[4, 6]";
  std::string host = "task.launch(block_logic, Y, X)";
  std::string host_mems = "X: GLOBAL, Y: GLOBAL";
  std::string block_fields = "mems: {X: SHARED, Y: SHARED}";
};

Outcome run_kernel(const Kernel& kernel) {
  const TempFolder folder;
  const std::string logic = folder.write(
      "k.py", "import task_lang as task\n\n\n@task.define(leaf=True)\ndef leaf_logic(Y, X):\n    " +
                  kernel.leaf + "\n\n\n@task.define\ndef block_logic(Y, X):\n    " + kernel.block +
                  "\n\n\n@task.define\ndef host_logic(" + kernel.signature + "):\n    " +
                  kernel.host + "\n");
  const std::string mapping = folder.write("k.yaml",
                                           "target: dsa_cloud\nentrypoint: host\ntask_mappings:\n"
                                           "  host: {task_name: host_logic, proc: HOST, mems: {" +
                                               kernel.host_mems +
                                               "}}\n"
                                               "  block: {task_name: block_logic, proc: BLOCK, " +
                                               kernel.block_fields + "}\n");
  return septran_sim(job(logic, mapping, ""));
}

TEST(FaultyPlacements, AreRefused) {
  expect_ok(run_kernel({}));
  // The same twice in one memory is one buffer, in two memories none.
  expect_ok(run_kernel({.signature = "Y: task.f32[4, 6]",
                        .host = "task.launch(block_logic, Y, Y)",
                        .host_mems = "Y: GLOBAL"}));
  expect_refused(run_kernel({.signature = "Y: task.f32[4, 6]",
                             .host = "task.launch(block_logic, Y, Y)",
                             .host_mems = "Y: GLOBAL",
                             .block_fields = "mems: {X: REGISTER, Y: SHARED}"}),
                 {"k.yaml:5:", "error[overlapping-arguments]", "'Y' and 'X'", "^", "k.py:16:5",
                  "hint: place both"});
  expect_refused(run_kernel({.block = "task.launch(leaf_logic, Y, task.reshape(X, (4, 5)))",
                             .signature = "Y: task.f32[4, 5], X: task.f32[4, 6]",
                             .host = "task.launch(block_logic, Y, task.reshape(X, (24,))[3:23])",
                             .block_fields = "mems: {X: GLOBAL, Y: SHARED}"}),
                 {"k.py:10:", "error[view-not-expressible]", "'X'", "^", "hint: take it from"});
  expect_refused(
      run_kernel({.host = "T = task.tensor((4, 6), \"f32\")\n"
                          "    for i in task.parallel_range(4):\n"
                          "        task.launch(block_logic, T[i], X[i])\n"
                          "    for i in task.parallel_range(4):\n"
                          "        task.launch(block_logic, Y[i], T[i])",
                  .host_mems = "X: GLOBAL, Y: GLOBAL, T: SHARED"}),
      {"k.py:16:", "error[private-temporary-shared]", "'T' lies in SHARED", "^", "hint: make it"});
  expect_refused(run_kernel({.leaf = "task.call_primitive(\"copy\", Y, X)\n"
                                     "    task.call_primitive(\"iota\", Y, 0)",
                             .block_fields = "mems: {X: SHARED, Y: SHARED}, leaf_task_bindings: "
                                             "{leaf_logic: {impl: vector, split: {d0: 2}}}"}),
                 {"k.yaml:5:", "error[split-unsupported]", "`iota` cannot be split along 'd0'",
                  "k.py:7:", "hint:"});
}

}  // namespace
}  // namespace septran::cli
