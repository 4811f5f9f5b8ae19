#include "compiler/mapping/mapping.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "compiler/frontend/parser.h"
#include "compiler/mapping/expression.h"
#include "compiler/primitives/primitives.h"
#include "source_dir.h"
#include "tests/machine/golden.h"

namespace septran::mapping {
namespace {

namespace fs = std::filesystem;
const std::string here = SEPTRAN_SOURCE_DIR "/tests/mapping/";

/// A folder of its own, as `extends` reads from disk.
class Folder {
 public:
  Folder() : path_(fs::path(::testing::TempDir()) / fmt::format("septran_mapping_{}", getpid())) {
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string write(const std::string& name, const std::string& text) const {
    const fs::path path = path_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path.string();
  }
  /// The text without the folder's own path.
  std::string relative(std::string text) const {
    const std::string prefix = path_.string() + "/";
    for (std::size_t at = 0; (at = text.find(prefix, at)) != std::string::npos;) {
      text.erase(at, prefix.size());
    }
    return text;
  }

 private:
  fs::path path_;
};

Environment environment() {
  Environment e;
  e.values = {{"M", std::int64_t{512}},
              {"N", std::int64_t{512}},
              {"K", std::int64_t{512}},
              {"alpha", 0.5},
              {"causal", true}};
  e.dtypes = {{"A", DType::f16}, {"B", DType::f16}, {"C", DType::f16}};
  return e;
}

struct Outcome {
  std::optional<Mapping> mapping;
  std::string rendered;
};

struct Input {
  std::string mapping;
  std::string logic = golden::read_text(here + "logic.py");
  std::string machine = SEPTRAN_SOURCE_DIR "/tests/machine/base.yaml";
  Environment environment = mapping::environment();
};

Outcome read(const Folder& folder, const Input& input) {
  SourceManager sources;
  Diagnostics setup;
  const auto machine = load_machine(input.machine, {}, sources, setup);
  const FileId logic = sources.add("logic.py", input.logic);
  const auto module = lang::parse_module(logic, sources, setup);
  EXPECT_TRUE(machine && module) << render(setup, sources, false);
  Outcome outcome;
  if (!machine || !module) return outcome;
  const FileId file = *sources.load(folder.write("m.yaml", input.mapping));
  Diagnostics diagnostics;
  outcome.mapping = read_mapping(file, input.environment, *module, *machine, sources, diagnostics);
  EXPECT_EQ(outcome.mapping.has_value(), !diagnostics.has_errors());
  outcome.rendered = folder.relative(render(diagnostics, sources, false));
  return outcome;
}

std::string base() { return golden::read_text(here + "base.yaml"); }

TEST(MappingDiagnostics, Cases) {
  const Folder folder;
  golden::run_cases(here + "diagnostics.txt", [&](const golden::Case& one) {
    Input input;
    const std::string kind = one.parts.at(0).first;
    if (kind == "mapping") input.mapping = one.part("mapping");
    if (kind == "replace") input.mapping = golden::replaced(base(), one.part("replace"));
    if (kind == "append") input.mapping = base() + one.part("append");
    for (const auto& [title, text] : one.parts) {
      if (title.starts_with("file ")) folder.write(title.substr(5), text);
      if (title.starts_with("template ")) {
        folder.write(title.substr(9), golden::replaced(base(), text));
      }
      if (title != "dtypes") continue;
      std::istringstream lines(text);
      for (std::string line; std::getline(lines, line);) {
        input.environment.dtypes[line.substr(0, 1)] = *parse_dtype(line.substr(2));
      }
    }
    const Outcome outcome = read(folder, input);
    EXPECT_EQ(one.name.starts_with("fail_"), !outcome.mapping) << one.name;
    return outcome.rendered;
  });
}

TEST(Mapping, ReadsEveryField) {
  const Folder folder;
  const Outcome outcome = read(folder, {.mapping = base()});
  ASSERT_TRUE(outcome.mapping) << outcome.rendered;
  EXPECT_EQ(outcome.rendered, "");
  const Mapping& m = *outcome.mapping;
  EXPECT_EQ(m.target.value, "tiny");
  EXPECT_EQ(m.entrypoint.value, "top");
  EXPECT_FALSE(m.has_tune);
  EXPECT_EQ(m.find("none"), nullptr);
  const Instance& top = *m.find("top");
  EXPECT_EQ(top.name, "top");
  EXPECT_EQ(top.task_name.value, "host");
  EXPECT_EQ(top.processor.value, "HOST");
  EXPECT_EQ(top.mems.at("C").value, "GLOBAL");
  EXPECT_EQ(top.tunables.at("block_m").value, TunableValue(std::int64_t{64}));
  EXPECT_EQ(top.tunables.at("block_n").value, TunableValue(std::int64_t{64}));
  EXPECT_EQ(top.calls.at("block").value, "inner");
  EXPECT_EQ(top.workers.kind, Workers::Kind::all);
  EXPECT_FALSE(top.pipeline);
  ASSERT_EQ(top.order.loops.size(), 2U);
  EXPECT_EQ(top.order.loops[0].value, "j");
  EXPECT_EQ(top.order.group.at("i").value, 8);
  EXPECT_EQ(top.order.reverse.at(0).value, "i");
  const Instance& inner = *m.find("inner");
  EXPECT_EQ(inner.tunables.at("block_k").value, TunableValue(std::int64_t{64}));
  EXPECT_EQ(inner.pipeline->value, 3);
  EXPECT_EQ(inner.rotate.at("acc").value, 2);
  EXPECT_EQ(inner.resident.at(0).value, "A");
  EXPECT_EQ(inner.spread.at("k").value, 2);
  EXPECT_EQ(inner.workers.kind, Workers::Kind::unset);
  ASSERT_EQ(inner.schedule.size(), 2U);
  EXPECT_EQ(inner.schedule[0].callee, "gemm_leaf");
  EXPECT_EQ(inner.schedule[0].occurrence, 2);
  EXPECT_EQ(inner.schedule[1].trips_earlier, 1);
  ASSERT_TRUE(inner.gpu);
  EXPECT_EQ(inner.gpu->consumers, 2);
  EXPECT_EQ(inner.gpu->cluster, (std::vector<std::int64_t>{2, 1}));
  EXPECT_TRUE(inner.gpu->multicast);
  EXPECT_FALSE(top.gpu);
  const Binding& gemm = inner.leaf_task_bindings.at("gemm_leaf");
  EXPECT_EQ(gemm.implementation, "mma");
  EXPECT_EQ(gemm.tile.at(1).value, 4);
  ASSERT_EQ(gemm.split.size(), 2U);
  EXPECT_EQ(gemm.split[1].dim, "k");
  EXPECT_EQ(gemm.split[1].size, 16);
  EXPECT_TRUE(gemm.swap);
  EXPECT_EQ(inner.leaf_task_bindings.at("clear_leaf").implementation, "vector");
  EXPECT_EQ(m.leaf_task_bindings.at("store_leaf").implementation, "");
  EXPECT_EQ(m.leaf_task_bindings.at("store_leaf").split.at(0).dim, "d0");
}

TEST(Mapping, TheFirstCaseThatHoldsIsLaidOver) {
  const Folder folder;
  const std::string cases =
      "cases:\n"
      "  - {when: 'M <= 16', task_mappings: {top: {tunables: {block_m: 16}}}}\n"
      "  - {when: 'A.dtype == \"f16\"', task_mappings: {top: {tunables: {block_m: 128}},\n"
      "     inner: {leaf_task_bindings: {gemm_leaf: {split: {k: 8}}}}}}\n"
      "  - {when: true, task_mappings: {top: {tunables: {block_m: 256}}}}\n";
  const Outcome outcome = read(folder, {.mapping = base() + cases});
  ASSERT_TRUE(outcome.mapping) << outcome.rendered;
  const Instance& top = *outcome.mapping->find("top");
  EXPECT_EQ(top.tunables.at("block_m").value, TunableValue(std::int64_t{128}));
  EXPECT_EQ(top.tunables.at("block_n").value, TunableValue(std::int64_t{64}));
  const Binding& gemm = outcome.mapping->find("inner")->leaf_task_bindings.at("gemm_leaf");
  EXPECT_EQ(gemm.implementation, "mma");
  ASSERT_EQ(gemm.split.size(), 1U);
  EXPECT_EQ(gemm.split[0].size, 8);
}

TEST(Mapping, AFileWinsOverItsTemplateAndItsCases) {
  const Folder folder;
  folder.write("t.yaml", base() +
                             "cases: [{when: true, task_mappings: {inner: {pipeline: 5,\n"
                             "        rotate: {acc: 4}}}}]\n");
  folder.write("middle/u.yaml", "extends: ../t.yaml\ntask_mappings: {inner: {pipeline: '${d}'}}\n");
  const Outcome outcome = read(folder, {.mapping = "extends: middle/u.yaml\n"
                                                   "with: {d: '3 + 4'}\n"
                                                   "target: mine\n"});
  ASSERT_TRUE(outcome.mapping) << outcome.rendered;
  EXPECT_EQ(outcome.mapping->target.value, "mine");
  EXPECT_EQ(outcome.mapping->find("inner")->pipeline->value, 7);
  EXPECT_EQ(outcome.mapping->find("inner")->rotate.at("acc").value, 4);
}

TEST(Mapping, TemplatesCannotGrowWithoutEnd) {
  const Folder folder;
  std::string target = "target: ";
  for (int i = 0; i < 300; ++i) target += "${x} ";
  folder.write("t.yaml", target + "\n");
  const Outcome outcome =
      read(folder, {.mapping = "extends: t.yaml\nwith: {x: " + std::string(5000, 'y') + "}\n"});
  EXPECT_NE(outcome.rendered.find("error[mapping-template-too-large]"), std::string::npos);
}

TEST(Mapping, TuneTakesItsFirstValues) {
  const Folder folder;
  const std::string text =
      golden::replaced(base(),
                       "block_m: 64 => block_m: !tune {type: choice, values: [32, 64]}\n"
                       "pipeline: 3 => pipeline: !tune {type: range, min: 2, max: 4, step: 1}\n"
                       "workers: all => workers: !tune {type: pow2, min: 1, max: 2}\n");
  const Outcome outcome = read(folder, {.mapping = text});
  ASSERT_TRUE(outcome.mapping) << outcome.rendered;
  EXPECT_TRUE(outcome.mapping->has_tune);
  EXPECT_EQ(outcome.mapping->find("top")->tunables.at("block_m").value,
            TunableValue(std::int64_t{32}));
  EXPECT_EQ(outcome.mapping->find("inner")->pipeline->value, 2);
  EXPECT_EQ(outcome.mapping->find("top")->workers.number, 1);
}

TEST(Mapping, TunablesOfEveryType) {
  const Folder folder;
  const auto value = [&](const std::string& text) {
    const Outcome outcome =
        read(folder, {.mapping = golden::replaced(base(), "block_m: 64 => block_m: " + text)});
    EXPECT_TRUE(outcome.mapping) << outcome.rendered;
    return outcome.mapping ? outcome.mapping->find("top")->tunables.at("block_m").value
                           : TunableValue(std::string("fault"));
  };
  EXPECT_EQ(value("true"), TunableValue(true));
  EXPECT_EQ(value("0.5"), TunableValue(0.5));
  EXPECT_EQ(value("-7"), TunableValue(std::int64_t{-7}));
  EXPECT_EQ(value("N"), TunableValue(std::int64_t{512}));
  EXPECT_EQ(value("alpha"), TunableValue(0.5));
  EXPECT_EQ(value("tanh"), TunableValue(std::string("tanh")));
  EXPECT_EQ(value("bf16"), TunableValue(std::string("bf16")));
  EXPECT_EQ(value("[1, 'N // 2', K]"), TunableValue(std::vector<std::int64_t>{1, 256, 512}));
}

TEST(Mapping, ThePublishedFilesReadWithoutDiagnostics) {
  const Folder folder;
  for (const char* target : {"dsa_edge", "dsa_cloud"}) {
    const Outcome outcome = read(folder, {.mapping = golden::read_text(here + "published.yaml"),
                                          .logic = golden::read_text(here + "published.py"),
                                          .machine = target});
    ASSERT_TRUE(outcome.mapping) << outcome.rendered;
    EXPECT_EQ(outcome.rendered, "");
    EXPECT_EQ(outcome.mapping->target.value, "");
    EXPECT_EQ(outcome.mapping->find("gemm_block_gpu")->pipeline->value, 3);
  }
}

TEST(Mapping, QuickReadsGoThroughTemplates) {
  const Folder folder;
  folder.write("t.yaml",
               "target: ${which}\nentrypoint: top\n"
               "task_mappings: {top: {task_name: host}}\n");
  SourceManager sources;
  Diagnostics diagnostics;
  const std::string path = folder.write("m.yaml", "extends: t.yaml\nwith: {which: dsa_edge}\n");
  const FileId file = *sources.load(path);
  EXPECT_EQ(read_target_name(file, sources, diagnostics)->value, "dsa_edge");
  EXPECT_EQ(read_entry_task(file, sources, diagnostics)->value, "host");
  const FileId bare = sources.add("bare.yaml", "task_mappings: {a: {proc: HOST}}\n");
  EXPECT_EQ(read_target_name(bare, sources, diagnostics)->value, "");
  EXPECT_TRUE(diagnostics.all().empty());
  EXPECT_FALSE(read_entry_task(bare, sources, diagnostics));
  const FileId loose = sources.add("loose.yaml", "entrypoint: a\ntask_mappings: {a: {}}\n");
  EXPECT_FALSE(read_entry_task(loose, sources, diagnostics));
  const FileId broken = sources.add("broken.yaml", "target: [\n");
  EXPECT_FALSE(read_target_name(broken, sources, diagnostics));
  EXPECT_FALSE(read_entry_task(broken, sources, diagnostics));
  EXPECT_EQ(diagnostics.error_count(), 4U);
}

std::string evaluated(const std::string& text) {
  Diagnostics diagnostics;
  SourceManager sources;
  const FileId file = sources.add("e", text);
  const auto size = static_cast<std::uint32_t>(text.size());
  const auto value = evaluate(text, {{file, 0, size}, true}, environment(), diagnostics);
  if (!value) return diagnostics.all().at(0).code;
  if (const auto* number = std::get_if<std::int64_t>(&*value)) return fmt::format("{}", *number);
  if (const auto* number = std::get_if<double>(&*value)) return fmt::format("{:.4f}", *number);
  if (const auto* truth = std::get_if<bool>(&*value)) return *truth ? "true" : "false";
  return std::string(name(std::get<DType>(*value)));
}

TEST(MappingExpression, Values) {
  const std::vector<std::pair<const char*, const char*>> table{
      {"1 + 2 * 3", "7"},
      {"(1 + 2) * 3", "9"},
      {"2 ** 3 ** 2", "512"},
      {"-2 ** 2", "-4"},
      {"2 ** -1", "0.5000"},
      {"0 ** 0", "1"},
      {"(-1) ** 1000000000001", "-1"},
      {"7 // 2", "3"},
      {"-7 // 2", "-4"},
      {"7 // -2", "-4"},
      {"-7 % 3", "2"},
      {"7 % -3", "-2"},
      {"7 / 2", "3.5000"},
      {"-7.5 // 2", "-4.0000"},
      {"-7.5 % 2", "0.5000"},
      {"ceildiv(7, 2)", "4"},
      {"ceildiv(-7, 2)", "-3"},
      {"ceildiv(7.5, 2)", "4.0000"},
      {"ceildiv(5, -1)", "-5"},
      {"5 % -1", "0"},
      {"min(3, 1, 2)", "1"},
      {"max(3, 4.5)", "4.5000"},
      {"min(M, 64)", "64"},
      {"M * N - K", "261632"},
      {"1 < 2 <= 2", "true"},
      {"1 < 2 < 2", "false"},
      {"1 == 1.0", "true"},
      {"2 != 1.5", "true"},
      {"M > 511 and not causal", "false"},
      {"M < 5 or causal", "true"},
      {"causal == True", "true"},
      {"1 if M < 5 else 2 if N < 5 else 3", "3"},
      {"1 if True else 1 // 0", "1"},
      {"False and 1 // 0 == 1", "false"},
      {"dtype", "f16"},
      {"A.dtype == 'f16'", "true"},
      {"dtype != \"bf16\"", "true"},
      {"B.dtype == f16", "true"},
      {"0x10", "16"},
      {"1.5e1", "15.0000"},
      {"+M", "512"},
      {"9223372036854775807 + 1", "expression-overflow"},
      {"-9223372036854775807 - 2", "expression-overflow"},
      {"(-9223372036854775807 - 1) // -1", "expression-overflow"},
      {"-(-9223372036854775807 - 1)", "expression-overflow"},
      {"(-9223372036854775807 - 1) % -1", "0"},
      {"1e308 * 10", "expression-overflow"},
      {"1 / 0", "expression-division-by-zero"},
      {"1 2", "expression-syntax"},
      {"f(1)", "expression-unknown-name"},
      {"min()", "expression-syntax"},
      {"'f99'", "mapping-unknown-name"},
  };
  for (const auto& [text, expected] : table) EXPECT_EQ(evaluated(text), expected) << text;
}

TEST(MappingExpression, DeepNestingIsRefused) {
  const std::string deep = "mapping-expression-too-deep";
  EXPECT_EQ(evaluated(std::string(100000, '(') + "1"), deep);
  EXPECT_EQ(evaluated(std::string(100000, '-') + "1"), deep);
  std::string nots;
  std::string sums = "1";
  std::string powers = "1";
  std::string choices;
  for (int i = 0; i < 20000; ++i) {
    nots += "not ";
    sums += "+1";
    powers += "**1";
    choices += "1 if True else ";
  }
  EXPECT_EQ(evaluated(nots + "1"), deep);
  EXPECT_EQ(evaluated(sums), deep);
  EXPECT_EQ(evaluated(powers), deep);
  EXPECT_EQ(evaluated(choices + "1"), deep);
}

TEST(Mapping, HostileFilesAreReported) {
  const Folder folder;
  const std::vector<std::string> texts{std::string(10000, '['),
                                       std::string("a\0b", 3),
                                       "\xff\xfe\x00",
                                       "a: *b\n",
                                       "\t\t: x\n",
                                       "entrypoint: !!binary x\ntask_mappings: {x: {}}\n",
                                       "extends: /\n",
                                       "extends: ''\n",
                                       "extends: m.yaml/x\n",
                                       "? {a: b}\n: c\n",
                                       "task_mappings: {'': {}}\nentrypoint: ''\n"};
  for (const std::string& text : texts) EXPECT_FALSE(read(folder, {.mapping = text}).mapping);
}

TEST(ShippedMachines, NameOnlyKnownPrimitives) {
  for (const std::string& target : shipped_machines()) {
    SourceManager sources;
    Diagnostics diagnostics;
    const auto machine = load_machine(target, {}, sources, diagnostics);
    ASSERT_TRUE(machine) << render(diagnostics, sources, false);
    for (const ImplementationSpec& one : machine->implementations) {
      for (const std::string& primitive : one.primitives) {
        EXPECT_TRUE(primitive == "*" || find_primitive(primitive) != nullptr) << primitive;
      }
    }
    for (const auto& [primitive, rate] : machine->dsa.vector.rates) {
      EXPECT_TRUE(primitive == "default" || find_primitive(primitive) != nullptr) << primitive;
    }
  }
}

}  // namespace
}  // namespace septran::mapping
