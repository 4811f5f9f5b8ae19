// The hazard detector as a user meets it: program files from which a sync has been taken.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "run_tool.h"
#include "targets/dsa/encode.h"

namespace septran::cli {
namespace {

/// The matrix product as a program file, without its first sync of that kind on the engine.
std::string gemm_without(dsa::SyncOp op, dsa::EngineId engine, const TempFolder& folder) {
  const std::string path = folder / "gemm.sdsa";
  const Outcome compiled =
      septran(Arguments{"compile"} +
              job(in_source("examples/gemm/gemm.py"), in_source("mappings/gemm/dsa_edge.yaml"),
                  "M=256 N=256 K=256 --dtype f16") +
              Arguments{"--emit", "bin", "-o", path});
  EXPECT_EQ(compiled.code, 0) << compiled.err;
  const std::string file = read_file(path);
  Diagnostics diagnostics;
  auto program =
      dsa::decode_program(std::as_bytes(std::span(file.data(), file.size())), path, diagnostics);
  EXPECT_TRUE(program.has_value());
  if (!program) return path;
  for (dsa::Instruction& instruction : program->code) {
    const auto* sync = std::get_if<dsa::Sync>(&instruction.node);
    if (sync == nullptr || sync->op != op || sync->engine != engine) continue;
    instruction.node = dsa::Scalar{dsa::ScalarOp::add, 60, {}, {}};  // of a register in no use
    break;
  }
  const auto bytes = dsa::encode_program(*program, diagnostics);
  EXPECT_TRUE(bytes.has_value());
  if (bytes)
    folder.write("gemm.sdsa", {reinterpret_cast<const char*>(bytes->data()), bytes->size()});
  return path;
}

TEST(Hazards, EndWithCodeThreeAndAReport) {
  const TempFolder folder;
  const std::string program = gemm_without(dsa::SyncOp::wait, dsa::EngineId::mma, folder);
  const std::string report = folder / "report.json";
  const std::string result = folder / "c.npy";
  const Outcome timed = septran_sim({program, "--timing-only"});
  const Outcome outcome = septran_sim({program, "--json", report, "--out", "C=" + result});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_EQ(timed.code, 3);
  EXPECT_EQ(timed.err, outcome.err);
  std::size_t at = 0;
  for (const char* word : {"hazard: ", "but may be first: bytes ", " of acc in REGISTER",
                           "core 0: ", "gemm.py:", "dsa_edge.yaml:", "hint: "}) {
    at = outcome.err.find(word, at);
    ASSERT_NE(at, std::string::npos) << word << " in\n" << outcome.err;
  }
  EXPECT_GT(cycles_of(outcome), 0) << outcome.out;
  EXPECT_FALSE(exists(result));
  const auto json = nlohmann::json::parse(read_file(report));
  EXPECT_EQ(json["result"]["ok"], false);
  EXPECT_GT(json["cycles"], 0);
  ASSERT_FALSE(json["hazards"]["found"].empty());
  EXPECT_EQ(json["hazards"]["found"][0]["memory"], "REGISTER");
}

TEST(Hazards, AreLookedForOnlyWhenAsked) {
  const TempFolder folder;
  const std::string program = gemm_without(dsa::SyncOp::wait, dsa::EngineId::mma, folder);
  const std::string report = folder / "report.json";
  const Outcome outcome = run_program(SEPTRAN_SIM_EXECUTABLE, {program, "--json", report});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(outcome.out.find("hazards"), std::string::npos);
  EXPECT_FALSE(nlohmann::json::parse(read_file(report)).contains("hazards"));
}

TEST(Hazards, DeadlocksAreReportedAlways) {
  const TempFolder folder;
  const std::string program = gemm_without(dsa::SyncOp::signal, dsa::EngineId::load, folder);
  const std::string report = folder / "report.json";
  const Outcome outcome = run_program(SEPTRAN_SIM_EXECUTABLE, {program, "--json", report});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_EQ(outcome.out, "");
  for (const char* word : {"deadlock: nothing moves after cycle ", "core 0: mma waits for event ",
                           "0 signals so far after 0 credits", "gemm.py:"}) {
    EXPECT_NE(outcome.err.find(word), std::string::npos) << word << " in\n" << outcome.err;
  }
  const auto json = nlohmann::json::parse(read_file(report));
  EXPECT_EQ(json["result"]["ok"], false);
  EXPECT_FALSE(json["deadlock"]["waiters"].empty());
}

}  // namespace
}  // namespace septran::cli
