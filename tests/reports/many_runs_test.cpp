// Traces, comparisons and workloads, as septran-sim writes them.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/cli/run_tool.h"

namespace septran::reports {
namespace {

using cli::Arguments;
using cli::expect_refused;
using cli::in_source;
using cli::septran_sim;
using cli::TempFolder;
using cli::operator+;
using nlohmann::json;

Arguments gemm(const std::string& words, const std::string& target = "dsa_edge") {
  return cli::job(in_source("examples/gemm/gemm.py"),
                  in_source("mappings/gemm/" + target + ".yaml"), words);
}

const char* const small_sizes = "M=192 N=128 K=192 --dtype f16 --timing-only";

TEST(Trace, SlicesNestAndArrowsGoForward) {
  const TempFolder folder;
  const auto outcome = septran_sim(gemm(small_sizes) + Arguments{"--trace", folder / "t.json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const json trace = json::parse(cli::read_file(folder / "t.json"));
  std::map<int, std::vector<std::int64_t>> open;  // ends of slices, by track
  std::map<int, std::int64_t> started;            // arrows
  std::set<std::string> counters;
  std::size_t slices = 0;
  for (const json& event : trace["traceEvents"]) {
    const std::string kind = event["ph"];
    if (kind == "X") {
      auto& stack = open[event["tid"].get<int>()];
      const auto begin = event["ts"].get<std::int64_t>();
      const std::int64_t end = begin + event["dur"].get<std::int64_t>();
      while (!stack.empty() && stack.back() <= begin) stack.pop_back();
      if (!stack.empty()) {
        EXPECT_LE(end, stack.back()) << event;
      }
      stack.push_back(end);
      if (event["cat"] != "operation") continue;
      ++slices;
      EXPECT_NE(event["args"]["logic"].get<std::string>().find("gemm.py:"), std::string::npos);
    } else if (kind == "s") {
      started[event["id"].get<int>()] = event["ts"].get<std::int64_t>();
    } else if (kind == "f") {
      EXPECT_LE(started.at(event["id"].get<int>()), event["ts"].get<std::int64_t>()) << event;
    } else if (kind == "C") {
      counters.insert(event["name"].get<std::string>());
    }
  }
  // 2 x 2 blocks of 128 x 64, three parts along k: loads of A and B, products, and stores.
  EXPECT_EQ(slices, 4U * (3 * 2 + 3 + 1));
  // load to mma 12 (the wait for B implies that for A), mma to load 12 less the 3 slots, mma to
  // store 4, store to mma 4 less the 2 accumulators.
  EXPECT_EQ(started.size(), 12U + 9 + 4 + 2);
  EXPECT_TRUE(counters.contains("queue of mma"));
  EXPECT_TRUE(counters.contains("SHARED in use"));
  EXPECT_TRUE(counters.contains("bytes a cycle"));
}

// Busy cycles of each engine, counted from the changes of its state.
TEST(ValueChanges, AddUpToTheReport) {
  const TempFolder folder;
  const auto outcome = septran_sim(
      gemm(small_sizes) + Arguments{"--vcd", folder / "t.vcd", "--json", folder / "t.json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  std::istringstream text(cli::read_file(folder / "t.vcd"));
  std::map<std::string, std::string> engine_of;  // by the name of its state's variable
  std::map<std::string, std::pair<std::int64_t, bool>> state;
  std::map<std::string, std::int64_t> busy;
  std::string engine;
  std::int64_t now = 0;
  std::int64_t last = -1;
  for (std::string line; std::getline(text, line);) {
    std::istringstream words(line);
    std::string first, second, third, fourth, fifth;
    words >> first >> second >> third >> fourth >> fifth;
    if (first == "$scope") engine = third;
    if (first == "$var" && fifth == "state") engine_of[fourth] = engine;
    if (first.starts_with("#")) {
      const std::int64_t picoseconds = std::stoll(first.substr(1));
      EXPECT_GT(picoseconds, last);  // each time stands there once
      last = picoseconds;
      now = picoseconds / 1000;  // a cycle is 1 ns
    }
    if (!first.starts_with("b") || !engine_of.contains(second)) continue;
    auto& [since, is_busy] = state[second];
    if (is_busy) busy[engine_of[second]] += now - since;
    since = now;
    is_busy = first == "b1";
  }
  const json report = json::parse(cli::read_file(folder / "t.json"));
  for (const auto& [name, counted] : report["cores"][0]["engines"].items()) {
    EXPECT_EQ(busy[name], counted["busy"].get<std::int64_t>()) << name;
  }
}

TEST(Compare, SaysWhatChanged) {
  const TempFolder folder;
  septran_sim(gemm(small_sizes) + Arguments{"--json", folder / "a.json"});
  septran_sim(gemm(std::string(small_sizes) + " --target dsa_cloud") +
              Arguments{"--json", folder / "b.json"});
  const auto other =
      cli::run_program(SEPTRAN_SIM_EXECUTABLE, {"--compare", folder / "a.json", folder / "b.json"});
  EXPECT_EQ(other.code, 0) << other.err;
  for (const char* text : {"times as fast", "Most of the difference: mma busy", "machine cores",
                           "Where the cycles of mma went"}) {
    EXPECT_NE(other.out.find(text), std::string::npos) << text << "\n" << other.out;
  }
  const auto same =
      cli::run_program(SEPTRAN_SIM_EXECUTABLE, {"--compare", folder / "a.json", folder / "a.json"});
  EXPECT_NE(same.out.find("The cycles are the same."), std::string::npos) << same.out;
  EXPECT_NE(same.out.find("Work, traffic and machine are the same."), std::string::npos);
}

TEST(Compare, FilesThatAreNoReportsAreRefused) {
  const TempFolder folder;
  const auto compare = [&](const std::string& text) {
    const std::string path = folder.write("r.json", text);
    return cli::run_program(SEPTRAN_SIM_EXECUTABLE, {"--compare", path, path});
  };
  expect_refused(compare("{\n  \"a\": 1,\n  b\n}"),
                 {"r.json:3:", "error[report-not-json]", "hint:"});
  expect_refused(compare("{\"cycles\": 1e400}"), {"error[report-not-json]", "1e400"});
  expect_refused(compare("[1]"), {"r.json:1:1", "error[report-unusable]", "schema_version"});
  septran_sim(gemm(small_sizes) + Arguments{"--json", folder / "a.json"});
  json report = json::parse(cli::read_file(folder / "a.json"));
  report["cores"] = {1};
  expect_refused(compare(report.dump()), {"error[report-inconsistent]", "hint:"});
  expect_refused(cli::run_program(SEPTRAN_SIM_EXECUTABLE, {}), {"error[nothing-to-run]", "hint:"});
}

Arguments workload(const std::string& path) {
  return Arguments{in_source("examples/gemm/gemm.py"),
                   "--mapping",
                   in_source("mappings/gemm/dsa_edge.yaml"),
                   "--dtype",
                   "f16",
                   "--workload",
                   path};
}
cli::Outcome simulate(const Arguments& arguments) {
  return cli::run_program(SEPTRAN_SIM_EXECUTABLE, arguments);
}

// The second convolution has 5 x 5 outputs of 3 x 3 x 8 inputs each: M = 25, N = 16, K = 72.
TEST(Workload, LayersAreProductsAndConvolutions) {
  const TempFolder folder;
  const std::string products =
      folder.write("p.csv", "Layer,M,N,K,\none,64,64,64,\ntwo,64,32,64,\nagain,64,64,64,\n");
  const auto first = simulate(workload(products) + Arguments{"--json", folder / "p.json"});
  ASSERT_EQ(first.code, 0) << first.err;
  const json report = json::parse(cli::read_file(folder / "p.json"));
  EXPECT_EQ(report["layers"].size(), 3U);
  EXPECT_EQ(report["layers"][0]["cycles"], report["layers"][2]["cycles"]);
  EXPECT_EQ(report["layers"][0]["cycles"].get<std::int64_t>(),
            cli::cycles_of(septran_sim(gemm("M=64 N=64 K=64 --dtype f16 --timing-only"))));
  std::int64_t cycles = 0;
  for (const json& layer : report["layers"]) cycles += layer["cycles"].get<std::int64_t>();
  EXPECT_EQ(report["total"]["cycles"], cycles);
  EXPECT_EQ(report["total"]["macs"], 64 * 64 * (64 + 32 + 64));

  const std::string convolutions = folder.write(
      "c.csv",
      "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, "
      "Strides,\nconv, 11, 11, 3, 3, 8, 16, 2,\n");
  const auto second = simulate(workload(convolutions) + Arguments{"--csv", folder / "c_out.csv",
                                                                  "--html", folder / "c.html"});
  ASSERT_EQ(second.code, 0) << second.err;
  EXPECT_NE(second.out.find("M=25 N=16 K=72"), std::string::npos) << second.out;
  EXPECT_NE(cli::read_file(folder / "c_out.csv").find("conv,1,M=25 N=16 K=72,ok,"),
            std::string::npos);
  EXPECT_TRUE(cli::exists(folder / "c.html"));
}

// 4.09 G multiply-accumulates are what is published for ResNet-50 with an image of 224 x 224.
TEST(Workload, ShippedOnesRun) {
  const TempFolder folder;
  const auto resnet =
      simulate({in_source("examples/gemm/gemm.py"), "--mapping",
                in_source("mappings/gemm/dsa_cloud.yaml"), "--dtype", "f16", "--workload",
                in_source("workloads/resnet50.csv"), "--json", folder / "r.json"});
  EXPECT_EQ(resnet.code, 0) << resnet.err;
  EXPECT_EQ(json::parse(cli::read_file(folder / "r.json"))["total"]["macs"], 4'089'184'256);
  for (const char* name : {"bert_base", "llama3_8b_decode"}) {
    const auto outcome =
        simulate({"--workload", in_source(std::string("workloads/") + name + ".yaml")});
    EXPECT_EQ(outcome.code, 0) << name << "\n" << outcome.err;
  }
}

TEST(Workload, ListsInYamlNameTheirLogic) {
  const TempFolder folder;
  const std::string file =
      folder.write("w.yaml", R"(name: two kernels
dtype: f16
layers:
  - {name: product, logic: )" + in_source("examples/gemm/gemm.py") +
                                 ", mapping: " + in_source("mappings/gemm/dsa_edge.yaml") +
                                 R"(, sizes: {M: 64, N: 64, K: 64}, count: 3}
  - {name: rows, logic: )" + in_source("examples/softmax/softmax.py") +
                                 ", mapping: " + in_source("mappings/softmax/dsa_edge.yaml") +
                                 ", sizes: {M: 32, N: 100}}\n");
  const auto outcome = simulate({"--workload", file, "--json", folder / "w.json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const json report = json::parse(cli::read_file(folder / "w.json"));
  const json& layers = report["layers"];
  EXPECT_EQ(report["total"]["cycles"],
            3 * layers[0]["cycles"].get<std::int64_t>() + layers[1]["cycles"].get<std::int64_t>());
}

TEST(Workload, LayersThatFailAreNotInTheTotal) {
  const TempFolder folder;
  const std::string layer = "  - {name: ok, logic: " + in_source("examples/gemm/gemm.py") +
                            ", mapping: " + in_source("mappings/gemm/dsa_edge.yaml") +
                            ", sizes: {M: 64, N: 64, K: ";
  const std::string file = folder.write("w.yaml", "layers:\n" + layer + "64}}\n" + layer + "0}}\n");
  const auto outcome = simulate({"--workload", file, "--json", folder / "w.json"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.out.find("1 of 2 layers are not in it"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.err.find("error[bad-definition]"), std::string::npos) << outcome.err;
  const json report = json::parse(cli::read_file(folder / "w.json"));
  EXPECT_EQ(report["total"]["failed_layers"], 1);
  EXPECT_EQ(report["target"], "dsa_edge");
}

/// Sizes of the layers of a table, by name.
std::map<std::string, std::string> sizes_of(const Arguments& arguments) {
  const TempFolder folder;
  const auto outcome = simulate(arguments + Arguments{"--json", folder / "w.json"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  std::map<std::string, std::string> sizes;
  const json report = json::parse(cli::read_file(folder / "w.json"));
  for (const json& layer : report["layers"]) {
    sizes[layer["name"]] = layer["sizes"];
  }
  return sizes;
}

// Tables as they are found: other separators, line ends and marks, notes behind a line, names in
// quotation marks, strides of two directions, batches, dense sparsity.
TEST(Workload, TablesOfManyForms) {
  const TempFolder folder;
  const auto sizes = [&](const std::string& text) {
    return sizes_of(workload(folder.write("t.csv", text)));
  };
  using Sizes = std::map<std::string, std::string>;
  EXPECT_EQ(sizes("\xef\xbb\xbfLayer,M,N,K\r\n\"a, \"\"b\"\"\" ,8,16,24\r\n\r\n"),
            (Sizes{{"a, \"b\"", "M=8 N=16 K=24"}}));
  EXPECT_EQ(sizes("Layer\t M\t N\t K\t \nx y\t8\t16\t24\t\n"), (Sizes{{"x y", "M=8 N=16 K=24"}}));
  EXPECT_EQ(sizes("Layer;K;N;M\na,b;24;16;8"), (Sizes{{"a,b", "M=8 N=16 K=24"}}));
  EXPECT_EQ(sizes("# a network; of mine\n\nLayer,M,N,K\n#\n# two, three\n#1,8,16,24\n"),
            (Sizes{{"#1", "M=8 N=16 K=24"}}));
  EXPECT_EQ(sizes("Layer,M,N,K,Batch Size,Sparsity,\na,8,16,24,3,2 : 2,#note\nb,8,16,24,1\n"),
            (Sizes{{"a", "M=24 N=16 K=24"}, {"b", "M=8 N=16 K=24"}}));
  const std::string names =
      "Layer name,IFMAP height,IFMAP width,Filter height,Filter width,Channels,Num filter,";
  EXPECT_EQ(sizes(names + "Stride height,Stride width,\nc,11,11,3,3,8,16,2,1,\n"),
            (Sizes{{"c", "M=45 N=16 K=72"}}));
  const Arguments convolution{in_source("workloads/conv.py"),
                              "--mapping",
                              in_source("workloads/conv_cloud.yaml"),
                              "--dtype",
                              "f16",
                              "--workload"};
  EXPECT_EQ(
      sizes_of(convolution + Arguments{folder.write("i.csv", names + "Strides,Batch Size\n"
                                                                     "c,11,11,3,3,8,16,2,3\n")}),
      (Sizes{{"c", "M=75 N=3 H=11 W=11 C=8 KH=3 KW=3 O=16 stride=2"}}));
  expect_refused(
      simulate(convolution + Arguments{folder.write("i.csv", names + "Stride height,Stride width\n"
                                                                     "c,11,11,3,3,8,16,2,1\n")}),
      {"i.csv:2:1", "error[workload-two-strides]", "hint:"});
}

TEST(Workload, FaultsNameTheirPlace) {
  const TempFolder folder;
  const auto refuse = [&](const std::string& text, const std::vector<std::string>& expected) {
    expect_refused(simulate(workload(folder.write("w.csv", text))), expected);
  };
  refuse("", {"w.csv:1:1", "error[workload-empty]"});
  refuse("Layer,M,N\na,1,2\n", {"w.csv:1:1", "error[workload-columns]", "hint:"});
  refuse("Layer,M,N,K,M\na,1,2,3,4\n", {"w.csv:1:13", "error[workload-columns]"});
  refuse("Layer,M,N,K,Q\na,1,2,3,4\n", {"w.csv:1:13", "error[workload-unknown-column]", "'Q'"});
  refuse("Layer,M,N,K\na,1,2\nb,1,x,0\n",
         {"w.csv:2:1", "error[workload-short-line]", "w.csv:3:5", "error[workload-bad-size]",
          "w.csv:3:7", "error[workload-bad-size]"});
  refuse("Layer,M,N,K,\na,1,2,3,4\n", {"w.csv:2:9", "error[workload-long-line]", "'4'"});
  refuse("Layer,M,N,K,Sparsity\na,1,2,3,2:4\n", {"w.csv:2:9", "error[workload-sparse]", "2:4"});
  refuse("Layer,M,N,K\n\"a,1,2,3\n", {"w.csv:2:1", "error[workload-open-quote]", "hint:"});
  refuse(
      "L,IFMAP Height,IFMAP Width,Filter Height,Filter Width,Channels,Num Filter,Strides\n"
      "a,3,3,5,5,1,1,1\n",
      {"w.csv:2:1", "error[workload-large-filter]"});
  expect_refused(simulate({"--workload", folder.write("v.csv", "Layer,M,N,K\na,1,2,3\n")}),
                 {"error[workload-needs-logic]", "hint:"});
  expect_refused(simulate({"--workload", folder.write("v.yaml", "layers:\n  - {name: a}\n")}),
                 {"v.yaml:2:", "error[yaml-missing-key]"});
}

// A convolution by its windows: with a logic of images, the image (18 x 18 x 16 elements of 2 B)
// and the filters cross the edge of GLOBAL once, for there is one block of pixels; as a product the
// stored matrix of windows (256 x 144 elements) does, and the filters once a core.
TEST(Workload, ConvolutionsTakeWindowsFromTheImage) {
  const TempFolder folder;
  const std::string layers = folder.write(
      "conv.csv",
      "Layer name,IFMAP Height,IFMAP Width,Filter Height,Filter Width,Channels,Num Filter,Strides\n"
      "one,18,18,3,3,16,32,1\n");
  const auto bytes = [&](const Arguments& job) {
    const auto outcome =
        simulate(job + Arguments{"--workload", layers, "--json", folder / "w.json"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    const json row = json::parse(cli::read_file(folder / "w.json"))["layers"][0];
    EXPECT_EQ(row["macs"], 256 * 144 * 32);
    return row["global_bytes"].get<std::int64_t>();
  };
  const std::int64_t results = 256 * 32 * 2;
  EXPECT_EQ(bytes(cli::job(in_source("workloads/conv.py"), in_source("workloads/conv_cloud.yaml"),
                           "--dtype f16")),
            18 * 18 * 16 * 2 + 144 * 32 * 2 + results);
  EXPECT_EQ(bytes(gemm("--dtype f16", "dsa_cloud")), 256 * 144 * 2 + 4 * 144 * 32 * 2 + results);
}

TEST(Workload, ConvolutionsGiveTheReferencesAnswer) {
  for (const char* sizes : {"N=1 M=63 H=19 W=16 C=5 O=9 KH=3 KW=4 stride=2 --values integers",
                            "N=2 M=242 H=13 W=13 C=3 O=4 KH=3 KW=3 stride=1 --values integers"}) {
    const auto outcome =
        septran_sim(cli::job(in_source("workloads/conv.py"), in_source("workloads/conv_cloud.yaml"),
                             std::string(sizes) + " --dtype f16 --check-hazards"));
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_NE(outcome.out.find("result    ok"), std::string::npos) << outcome.out;
  }
}

}  // namespace
}  // namespace septran::reports
