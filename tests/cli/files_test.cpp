// Files in and out: tensors, reports, program files and the stages of compilation.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <thread>

#include "run_tool.h"

namespace septran::cli {
namespace {

const std::string gemm = in_source("examples/gemm/gemm.py");
const std::string gemm_mapping = in_source("mappings/gemm/dsa_edge.yaml");

TEST(Tensors, ComeFromAndGoToFiles) {
  const TempFolder folder;
  // A is 2 x 3, B is 3 x 2 in Fortran order (its columns are 1 2 3 and 4 5 6).
  const std::string a =
      folder.write("a.npy", npy("<f4", "(2, 3)", bytes_of<float>({1, 2, 3, -1, 0, 1})));
  const std::string b =
      folder.write("b.npy", npy("<f4", "(3, 2)", bytes_of<float>({1, 2, 3, 4, 5, 6}), true));
  const Outcome outcome = septran_sim(
      job(gemm, gemm_mapping,
          "M=2 N=2 K=3 --in A=" + a + " --in B=" + b + " --out C=" + (folder / "c.npy")));
  expect_ok(outcome);
  const std::string c = read_file(folder / "c.npy");
  EXPECT_EQ(npy_data(c), bytes_of<float>({14, 32, 2, 2}));
  EXPECT_NE(c.find("'descr': '<f4'"), std::string::npos);
  EXPECT_NE(c.find("(2, 2)"), std::string::npos);
}

TEST(Tensors, OneThatIsNotNeededMayBeGiven) {
  const TempFolder folder;
  const std::string logic = folder.write("k.py",
                                         "import task_lang as task\n\n\n"
                                         "@task.define(leaf=True)\n"
                                         "def leaf(Y, X, M, masked: bool):\n"
                                         "    task.call_primitive(\"copy\", Y, X)\n"
                                         "    if masked:\n"
                                         "        task.call_primitive(\"mul\", Y, Y, M)\n\n\n"
                                         "@task.define\n"
                                         "def host(Y: task.f32[2], X: task.f32[2], M: task.f32[2], "
                                         "masked: bool):\n"
                                         "    task.launch(leaf, Y, X, M, masked)\n");
  const std::string mapping = folder.write(
      "k.yaml",
      "target: dsa_edge\nentrypoint: h\ntask_mappings:\n"
      "  h: {task_name: host, proc: BLOCK, mems: {Y: SHARED, X: SHARED, M: SHARED}}\n");
  const std::string x = folder.write("x.npy", npy("<f4", "(2,)", bytes_of<float>({2, 3})));
  const std::string m = folder.write("m.npy", npy("<f4", "(2,)", bytes_of<float>({0, 2})));
  const auto masked = [&](const std::string& value) {
    const std::string y = folder / (value + ".npy");
    expect_ok(septran_sim(job(
        logic, mapping, "masked=" + value + " --in X=" + x + " --in M=" + m + " --out Y=" + y)));
    return npy_data(read_file(y));
  };
  EXPECT_EQ(masked("true"), bytes_of<float>({0, 6}));
  EXPECT_EQ(masked("false"), bytes_of<float>({2, 3}));
  expect_refused(septran_sim(job(logic, mapping, "masked=false --out M=" + (folder / "o.npy"))),
                 {"error[not-an-output]", "hint: it writes Y"});
}

TEST(Tensors, AnOpenParameterTakesItsFilesType) {
  const TempFolder folder;
  const std::string a = folder.write(
      "a.npy", npy("<f2", "(1, 2)", bytes_of<std::uint16_t>({0x3c00, 0x4000})));  // 1, 2
  const std::string b = folder.write(
      "b.npy", npy("<f2", "(2, 1)", bytes_of<std::uint16_t>({0x4200, 0x4400})));  // 3, 4
  const Outcome outcome = septran_sim(
      job(gemm, gemm_mapping,
          "M=1 N=1 K=2 --in A=" + a + " --in B=" + b + " --out C=" + (folder / "c.npy")));
  expect_ok(outcome);
  EXPECT_EQ(npy_data(read_file(folder / "c.npy")), bytes_of<float>({11}));
}

TEST(Tensors, EveryTypeGoesInAndComesOut) {
  const TempFolder folder;
  struct Type {
    const char* options;
    const char* description;
    std::string one_to_four;  // A = B = [[1, 2], [3, 4]]
    std::string out_description;
    std::string product;  // [[7, 10], [15, 22]]
  };
  const Type types[] = {
      {"--dtype f16", "<f2", bytes_of<std::uint16_t>({0x3c00, 0x4000, 0x4200, 0x4400}), "<f2",
       bytes_of<std::uint16_t>({0x4700, 0x4900, 0x4b80, 0x4d80})},
      {"--dtype bf16", "<u2", bytes_of<std::uint16_t>({0x3f80, 0x4000, 0x4040, 0x4080}), "<u2",
       bytes_of<std::uint16_t>({0x40e0, 0x4120, 0x4170, 0x41b0})},
      {"--dtype f32", "<f4", bytes_of<float>({1, 2, 3, 4}), "<f4",
       bytes_of<float>({7, 10, 15, 22})},
      {"--dtype i8 --dtype C=i32", "|i1", bytes_of<std::int8_t>({1, 2, 3, 4}), "<i4",
       bytes_of<std::int32_t>({7, 10, 15, 22})},
  };
  for (const Type& type : types) {
    SCOPED_TRACE(type.options);
    const std::string in =
        folder.write("in.npy", npy(type.description, "(2, 2)", type.one_to_four));
    expect_ok(septran_sim(job(gemm, gemm_mapping,
                              "M=2 N=2 K=2 --in A=" + in + " --in B=" + in + " " + type.options +
                                  " --out C=" + (folder / "out.npy"))));
    const std::string out = read_file(folder / "out.npy");
    EXPECT_EQ(npy_data(out), type.product);
    EXPECT_NE(out.find(type.out_description), std::string::npos);
  }
}

TEST(Tensors, AnOutputServesAsInput) {
  const TempFolder folder;
  const std::string sizes = "M=33 N=33 K=33 --dtype f16 ";
  expect_ok(septran_sim(job(gemm, gemm_mapping, sizes + "--out C=" + (folder / "c.npy"))));
  const std::string with_c = sizes + "--in A=" + (folder / "c.npy") + " --out C=";
  expect_ok(septran_sim(job(gemm, gemm_mapping, with_c + (folder / "d.npy"))));
  EXPECT_NE(read_file(folder / "d.npy"), read_file(folder / "c.npy"));
}

TEST(Tensors, SeedsMakeThem) {
  const TempFolder folder;
  const auto output = [&](const char* options) {
    expect_ok(septran_sim(
        job(gemm, gemm_mapping, "M=5 N=5 K=5 --out C=" + (folder / "c.npy") + " " + options)));
    return read_file(folder / "c.npy");
  };
  const std::string first = output("--seed 7");
  EXPECT_EQ(output("--seed 7"), first);
  EXPECT_NE(output("--seed 8"), first);
  EXPECT_NE(output("--seed 7 --values uniform"), first);
  EXPECT_NE(output(""), first);
}

TEST(Report, JsonHoldsWhatItPromises) {
  const TempFolder folder;
  const Outcome outcome = septran_sim(
      job(gemm, gemm_mapping, "M=65 N=70 K=130 --dtype f16 --json " + (folder / "report.json")));
  expect_ok(outcome);
  EXPECT_EQ(folder.files(), std::vector<std::string>{"report.json"});
  const auto json = nlohmann::json::parse(read_file(folder / "report.json"));
  EXPECT_TRUE(json.at("schema_version").is_number_integer());
  EXPECT_EQ(json.at("target"), "dsa_edge");
  EXPECT_EQ(json.at("result").at("ok"), true);
  EXPECT_GE(json.at("result").at("max_abs_error").get<double>(), 0);
  EXPECT_LT(json.at("result").at("relative_error").get<double>(), 1e-3);
  const auto cycles = json.at("cycles").get<std::int64_t>();
  EXPECT_EQ(cycles, cycles_of(outcome));
  EXPECT_DOUBLE_EQ(json.at("seconds_at_clock").get<double>(), static_cast<double>(cycles) * 1e-9);
  EXPECT_EQ(json.at("macs").get<std::int64_t>(), 65 * 70 * 130);
  // 16 x 16 multiply-accumulates a cycle.
  EXPECT_NEAR(json.at("mma_utilization").get<double>(),
              65.0 * 70 * 130 / (256 * static_cast<double>(cycles)), 1e-9);
  EXPECT_GT(json.at("wall_seconds").at("compile").get<double>(), 0);
  EXPECT_GT(json.at("wall_seconds").at("simulate").get<double>(), 0);
  EXPECT_GE(json.at("memory").at("GLOBAL->SHARED").at("bytes").get<std::int64_t>(),
            2 * (65 * 130 + 130 * 70));
  EXPECT_EQ(json.at("memory").at("REGISTER->GLOBAL").at("bytes").get<std::int64_t>(), 2 * 65 * 70);
  ASSERT_EQ(json.at("cores").size(), 1U);
  for (const char* name : {"load", "store", "mma", "vector", "sequencer"}) {
    SCOPED_TRACE(name);
    const auto& engine = json.at("cores")[0].at("engines").at(name);
    std::int64_t sum = engine.at("busy").get<std::int64_t>() +
                       engine.at("idle").get<std::int64_t>() +
                       engine.value("draining", std::int64_t{0});
    for (const auto& [cause, stalled] : engine.at("stalled").items()) {
      sum += stalled.get<std::int64_t>();
    }
    EXPECT_EQ(sum, cycles);
  }
}

TEST(Report, JsonOfAnUncheckedRunSaysNothingOfErrors) {
  const TempFolder folder;
  const Outcome outcome = septran_sim(
      job(gemm, gemm_mapping, "M=9 N=9 K=9 --timing-only --json " + (folder / "report.json")));
  EXPECT_EQ(outcome.code, 0);
  const auto json = nlohmann::json::parse(read_file(folder / "report.json"));
  EXPECT_EQ(json.at("cycles").get<std::int64_t>(), cycles_of(outcome));
  EXPECT_FALSE(json.contains("result") && json.at("result").contains("relative_error"));
}

TEST(Report, JsonIsTextWhateverFilesAreCalled) {
  const TempFolder folder;
  const std::string logic = folder.write("gemm\xe9.py", read_file(gemm));  // no UTF-8
  expect_ok(
      septran_sim(job(logic, gemm_mapping, "M=9 N=9 K=9 --json " + (folder / "report.json"))));
  EXPECT_TRUE(nlohmann::json::accept(read_file(folder / "report.json")));
}

TEST(Stages, ProgramFileRunsLikeItsSource) {
  const TempFolder folder;
  for (const std::string target : {"dsa_edge", "dsa_cloud"}) {
    SCOPED_TRACE(target);
    const Arguments source =
        job(gemm, in_source("mappings/gemm/" + target + ".yaml"), "M=65 N=70 K=130 --dtype f16");
    const std::string program = folder / (target + ".sdsa");
    const Outcome compiled =
        septran(Arguments{"compile"} + source + Arguments{"--emit", "bin", "-o", program});
    EXPECT_EQ(compiled.code, 0) << compiled.err;
    EXPECT_EQ(compiled.out + compiled.err, "");
    const Outcome direct = septran_sim(source + Arguments{"--out", "C=" + (folder / "1.npy")});
    expect_ok(direct);
    const Outcome again =
        septran_sim({program, "--out", "C=" + (folder / "2.npy"), "--json", folder / "2.json"});
    EXPECT_EQ(again.code, 0) << again.err;
    EXPECT_EQ(cycles_of(again), cycles_of(direct));
    EXPECT_EQ(read_file(folder / "2.npy"), read_file(folder / "1.npy"));
    EXPECT_EQ(nlohmann::json::parse(read_file(folder / "2.json")).at("cycles"), cycles_of(direct));
    const Outcome timed = septran_sim({program, "--timing-only"});
    EXPECT_EQ(cycles_of(timed), cycles_of(direct));
  }
}

TEST(Stages, AssemblyRunsLikeItsSource) {
  const TempFolder folder;
  const Arguments source = job(gemm, gemm_mapping, "M=65 N=70 K=130 --dtype f16");
  const std::string assembly = folder / "program.s";
  ASSERT_EQ(
      septran(Arguments{"compile"} + source + Arguments{"--emit", "asm", "-o", assembly}).code, 0);
  const std::string text = read_file(assembly);
  folder.write("program.s", "# changed by hand\n\n  # twice\n" + text);
  const Outcome direct = septran_sim(source + Arguments{"--out", "C=" + (folder / "1.npy")});
  const Outcome again = septran_sim({assembly, "--out", "C=" + (folder / "2.npy")});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(cycles_of(again), cycles_of(direct));
  EXPECT_EQ(read_file(folder / "2.npy"), read_file(folder / "1.npy"));
  const std::size_t halt = text.rfind("halt");
  folder.write("program.s", std::string(text).replace(halt, 4, "hold"));
  expect_refused(septran_sim({assembly}), {"program.s:", "error[asm-unknown-name]", "'hold'"});
  expect_refused(septran_sim({assembly, "-D", "M=3"}), {"error[option-needs-logic]"});
}

TEST(Stages, ProgramComesThroughAPipeToo) {
  const TempFolder folder;
  const Arguments source = job(gemm, gemm_mapping, "M=65 N=70 K=130 --dtype f16");
  const std::string program = folder / "program.sdsa";
  ASSERT_EQ(septran(Arguments{"compile"} + source + Arguments{"--emit", "bin", "-o", program}).code,
            0);
  const std::string pipe = folder / "pipe.sdsa";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::thread writer([&] { std::ofstream(pipe, std::ios::binary) << read_file(program); });
  const Outcome outcome = septran_sim({pipe});
  writer.join();
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(cycles_of(outcome), cycles_of(septran_sim({program})));
  const Outcome idle = septran_sim({pipe});  // into which nobody writes
  EXPECT_EQ(idle.code, 2);
  EXPECT_NE(idle.err.find("error[cannot-read]"), std::string::npos) << idle.err;
}

TEST(Stages, AreText) {
  const Arguments source = job(gemm, gemm_mapping, "M=65 N=70 K=130 --dtype f16");
  const std::pair<const char*, std::vector<const char*>> stages[] = {
      {"launch-tree", {"gemm_host", "gemm_block", "parallel", "gemm acc"}},
      {"tile", {"alloc", "loop", "dma_copy", "mma", "sync wait", "sync signal"}},
      {"asm", {".program", ".code", "dma_copy", "mma", "halt"}}};
  const TempFolder folder;
  for (const auto& [kind, words] : stages) {
    SCOPED_TRACE(kind);
    const Arguments command = Arguments{"compile"} + source + Arguments{"--emit", kind};
    const Outcome printed = septran(command);
    EXPECT_EQ(printed.code, 0) << printed.err;
    EXPECT_EQ(printed.err, "");
    for (const char* word : words) {
      EXPECT_NE(printed.out.find(word), std::string::npos) << word << "\n" << printed.out;
    }
    const Outcome written = septran(command + Arguments{"-o", folder / kind});
    EXPECT_EQ(written.out, "");
    EXPECT_EQ(read_file(folder / kind), printed.out);
  }
}

TEST(Stages, CodeDoesNotGrowWithTheProblem) {
  for (const std::string target : {"dsa_edge", "dsa_cloud"}) {
    const auto instructions = [&](const std::string& extent) {
      const Outcome outcome =
          septran(Arguments{"compile"} +
                  job(gemm, in_source("mappings/gemm/" + target + ".yaml"),
                      "M=" + extent + " N=" + extent + " K=" + extent + " --dtype f16") +
                  Arguments{"--emit", "asm"});
      EXPECT_EQ(outcome.code, 0) << outcome.err;
      return count(outcome.out.substr(outcome.out.find(".code")), "\n");
    };
    EXPECT_GT(instructions("1024"), 10U);
    EXPECT_EQ(instructions("4096"), instructions("1024")) << target;
  }
}

TEST(Stages, PassesCanBeWatched) {
  const Arguments source = job(gemm, gemm_mapping, "M=65 N=70 K=130");
  const Outcome watched =
      septran_sim(source + Arguments{"--print-after", "select", "--print-after", "insert-syncs"});
  expect_ok(watched);
  EXPECT_NE(watched.out.find("# after select\n"), std::string::npos);
  EXPECT_NE(watched.out.find("# after insert-syncs\n"), std::string::npos);
  EXPECT_EQ(watched.out.find("# after place-buffers\n"), std::string::npos);
  const Outcome all =
      septran(Arguments{"compile"} + source + Arguments{"--print-after", "all", "-o", "/dev/null"});
  EXPECT_EQ(all.code, 0) << all.err;
  EXPECT_NE(all.out.find("# after place-buffers\n"), std::string::npos);
  const Outcome stopped =
      septran(Arguments{"compile"} + source + Arguments{"--stop-after", "select"});
  EXPECT_EQ(stopped.code, 0) << stopped.err;
  EXPECT_EQ(stopped.out.find("sync wait"), std::string::npos);
}

TEST(Commands, TargetsAreListedAndShown) {
  const Outcome list = septran({"targets"});
  EXPECT_EQ(list.code, 0);
  EXPECT_NE(list.out.find("dsa_edge"), std::string::npos) << list.out;
  EXPECT_NE(list.out.find("dsa_cloud"), std::string::npos);
  const Outcome one = septran({"targets", "dsa_edge"});
  EXPECT_EQ(one.code, 0);
  EXPECT_EQ(one.out, read_file(in_source("targets/dsa_edge.yaml")));
  EXPECT_EQ(septran({"targets", in_source("targets/dsa_cloud.yaml")}).out,
            read_file(in_source("targets/dsa_cloud.yaml")));
}

TEST(Commands, HelpShowsOptionsAndAnExample) {
  const std::pair<Arguments, std::vector<const char*>> helps[] = {
      {{"--help"}, {"compile", "check", "explain", "targets", "--version", "Example:"}},
      {{"compile", "--help"}, {"--mapping", "-D", "--emit", "-o", "--stop-after", "Example:"}},
      {{"check", "--help"},
       {"--mapping", "-D", "--dtype", "--arg", "--target", "--in", "--seed", "--values", "normal",
        "--no-check", "--timing-only", "--json", "Example:"}},
      {{"explain", "--help"},
       {"--mapping", "-D", "--dtype", "--arg", "--target", "--in", "--measure", "--json",
        "Example:"}},
      {{"targets", "--help"}, {"Example:"}}};
  for (const auto& [arguments, words] : helps) {
    const Outcome help = septran(arguments);
    EXPECT_EQ(help.code, 0);
    EXPECT_EQ(help.err, "");
    for (const char* word : words) EXPECT_NE(help.out.find(word), std::string::npos) << word;
  }
  const Outcome help = septran_sim({"--help"});
  EXPECT_EQ(help.code, 0);
  for (const char* word : {"-D", "--dtype", "--arg", "--target", "--in", "--out", "--seed",
                           "--values", "normal", "--no-check", "--timing-only", "--check-hazards",
                           "--json", "--print-after", "--stop-after", "--version", "Example:"}) {
    EXPECT_NE(help.out.find(word), std::string::npos) << word;
  }
}

TEST(Commands, VersionsSayWhatIsBuiltIn) {
  for (const Outcome& version : {septran({"--version"}), septran_sim({"--version"})}) {
    EXPECT_EQ(version.code, 0);
    EXPECT_EQ(version.out.rfind("septran", 0), 0U) << version.out;
    EXPECT_NE(version.out.find("SystemC"), std::string::npos);
    EXPECT_EQ(version.err, "");
  }
}

TEST(Commands, TargetOptionOverridesTheMapping) {
  const Outcome outcome =
      septran_sim(job(gemm, gemm_mapping, "M=65 N=70 K=130 --target dsa_cloud"));
  expect_ok(outcome);
  EXPECT_NE(outcome.out.find("on dsa_cloud:"), std::string::npos);
  const Outcome by_file = septran_sim(
      job(gemm, gemm_mapping, "M=65 N=70 K=130 --target " + in_source("targets/dsa_cloud.yaml")));
  EXPECT_EQ(by_file.out, outcome.out);
}

TEST(Commands, ArgGivesShapesThatTheLogicLeavesOpen) {
  const TempFolder folder;
  const std::string logic = folder.write("copy.py",
                                         "import task_lang as task\n\n\n"
                                         "@task.define(leaf=True)\n"
                                         "def copy_logic(Y, X):\n"
                                         "    task.call_primitive(\"copy\", Y, X)\n\n\n"
                                         "@task.define\n"
                                         "def block_logic(Y, X):\n"
                                         "    task.launch(copy_logic, Y, X)\n\n\n"
                                         "@task.define\n"
                                         "def host_logic(Y, X):\n"
                                         "    task.launch(block_logic, Y, X)\n");
  const std::string mapping = folder.write(
      "copy.yaml",
      "entrypoint: host\ntarget: dsa_edge\ntask_mappings:\n"
      "  host: {task_name: host_logic, proc: HOST, mems: {X: GLOBAL, Y: GLOBAL}}\n"
      "  block: {task_name: block_logic, proc: BLOCK, mems: {X: SHARED, Y: SHARED}}\n");
  expect_ok(
      septran_sim(job(logic, mapping, "--arg X=f16[3,5,7] --arg Y=f16[3,5,7] --values integers")));
  const Outcome open = septran_sim(job(logic, mapping, ""));
  EXPECT_EQ(open.code, 2);
  EXPECT_NE(open.err.find("--arg"), std::string::npos) << open.err;
}

}  // namespace
}  // namespace septran::cli
