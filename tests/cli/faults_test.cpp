// Faulty input: exit code 2, a message with code, place and hint on stderr, and nothing else.
#include <gtest/gtest.h>

#include "run_tool.h"

namespace septran::cli {
namespace {

/// A change of a text: what stands for `from`; the text has to occur.
struct Edit {
  std::string from;
  std::string to;
};

std::string edited(std::string text, const std::vector<Edit>& edits) {
  for (const Edit& edit : edits) {
    const std::size_t at = text.find(edit.from);
    EXPECT_NE(at, std::string::npos) << edit.from;
    if (at != std::string::npos) text.replace(at, edit.from.size(), edit.to);
  }
  return text;
}

/// Fault of gemm.py, its mapping or the options of a run; the texts are found on stderr in order.
/// "PATH" in the words and the texts is the folder of the files.
struct Fault {
  std::string name;
  std::string words = "M=64 N=64 K=64";
  std::vector<Edit> logic = {};
  std::vector<Edit> mapping = {};
  std::vector<std::string> expected = {};
};

void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }

std::string with_folder(std::string text, const TempFolder& folder) {
  for (std::size_t at = text.find("PATH"); at != std::string::npos; at = text.find("PATH")) {
    text.replace(at, 4, folder / "");
  }
  return text;
}

class Faults : public testing::TestWithParam<Fault> {};

TEST_P(Faults, AreRefusedWithPlaceAndHint) {
  const Fault& fault = GetParam();
  const TempFolder folder;
  const std::string logic =
      folder.write("gemm.py", edited(read_file(in_source("examples/gemm/gemm.py")), fault.logic));
  const std::string mapping = folder.write(
      "gemm.yaml", edited(read_file(in_source("mappings/gemm/dsa_edge.yaml")), fault.mapping));
  const auto before = folder.files();
  const Outcome outcome = septran_sim(
      job(logic, mapping, with_folder(fault.words, folder)) +
      Arguments{"--json", folder / "report.json", "--out", "C=" + (folder / "result.npy")});
  std::vector<std::string> expected;
  for (const std::string& text : fault.expected) expected.push_back(with_folder(text, folder));
  expect_refused(outcome, expected);
  EXPECT_EQ(folder.files(), before);
}

const std::string mems = "mems: {C: GLOBAL, A: SHARED, B: SHARED, acc: REGISTER}";

std::vector<Fault> option_faults() {
  return {
      {.name = "missing_dimension",
       .words = "M=64 N=64",
       .expected = {"error[missing-definition]", "'K'", "hint: give it with -D K="}},
      {.name = "unknown_dimension",
       .words = "M=64 N=64 K=64 L=3",
       .expected = {"error[unknown-definition]", "-D L", "hint:", "M, N, K"}},
      {.name = "dimension_0",
       .words = "M=0 N=64 K=64",
       .expected = {"error[bad-definition]", "M=0"}},
      {.name = "dimension_no_number",
       .words = "M=64k N=64 K=64",
       .expected = {"error[bad-definition]", "M=64k"}},
      {.name = "dimension_huge",
       .words = "M=99999999999999999999 N=64 K=64",
       .expected = {"error[bad-definition]"}},
      {.name = "dimension_twice",
       .words = "M=64 N=64 K=64 K=65",
       .expected = {"error[repeated-definition]", "-D K"}},
      {.name = "no_pair",
       .words = "M=64 N=64 K=64 -D M",
       .expected = {"error[option-needs-pair]", "-D takes NAME=VALUE, not 'M'", "hint:"}},
      {.name = "dtype",
       .words = "M=64 N=64 K=64 --dtype f17",
       .expected = {"error[unknown-dtype-option]", "'f17'", "hint: element types are f16"}},
      {.name = "dtype_of_unknown",
       .words = "M=64 N=64 K=64 --dtype Q=f16",
       .expected = {"error[", "'Q'", "hint:"}},
      {.name = "arg",
       .words = "M=64 N=64 K=64 --arg A=f16[3;4]",
       .expected = {"error[bad-argument-option]", "hint: for example"}},
      {.name = "values",
       .words = "M=64 N=64 K=64 --values gaussian",
       .expected = {"error[unknown-values]", "'gaussian'", "hint: values are normal"}},
      {.name = "unknown_in",
       .words = "M=64 N=64 K=64 --in Q=PATHgemm.yaml",
       .expected = {"error[npy-malformed]", "PATHgemm.yaml"}},
      {.name = "unknown_out",
       .words = "M=64 N=64 K=64 --out Q=PATHq.npy",
       .expected = {"error[unknown-tensor]", "--out names 'Q'", "hint: its tensors are C, A, B"}},
      {.name = "out_of_input",
       .words = "M=64 N=64 K=64 --out A=PATHq.npy",
       .expected = {"error[not-an-output]", "'A'", "hint: it writes C"}},
      {.name = "no_in_file",
       .words = "M=64 N=64 K=64 --in A=PATHnone.npy",
       .expected = {"error[", "PATHnone.npy"}},
      {.name = "second_mapping",
       .words = "M=64 N=64 K=64 --mapping PATHgemm.yaml",
       .expected = {"error[one-mapping]", "2 are given", "hint:"}},
      {.name = "unknown_pass",
       .words = "M=64 N=64 K=64 --stop-after selekt",
       .expected = {"error[unknown-pass]", "'selekt'",
                    "hint: passes are instantiate, spread-reductions, spread, select"}},
      {.name = "unknown_target",
       .words = "M=64 N=64 K=64 --target dsa_edg",
       .expected = {"error[", "dsa_edg", "hint:"}},
      {.name = "unknown_option", .words = "M=64 N=64 K=64 --speed 3", .expected = {"--speed"}},
      {.name = "too_large_for_the_target",
       .words = "M=65536 N=65536 K=64",
       .expected = {"error[does-not-fit]", "GLOBAL of dsa_edge is too small", "hint:"}},
  };
}

std::vector<Fault> logic_faults() {
  return {
      {.name = "syntax", .logic = {{"acc, 0)", "acc, 0"}}, .expected = {"PATHgemm.py:1", "error["}},
      {.name = "unknown_primitive",
       .logic = {{"\"gemm\"", "\"gem\""}},
       .expected = {"PATHgemm.py:17:", "error[", "'gem'", "^", "hint: did you mean 'gemm'?"}},
      {.name = "unknown_attribute",
       .logic = {{"accumulate=True", "accumulat=True"}},
       .expected = {"PATHgemm.py:17:", "error[", "accumulat", "hint:"}},
      {.name = "unknown_task",
       .logic = {{"task.launch(store_leaf_logic", "task.launch(stor_leaf_logic"}},
       .expected = {"PATHgemm.py:35:17", "error[", "stor_leaf_logic", "hint:"}},
      {.name = "subscript_outside",
       .logic = {{"Ap[0, k]", "Ap[1, k]"}},
       .expected = {"PATHgemm.py:34:", "error["}},
      {.name = "shapes_disagree",
       .words = "M=64 N=64 K=128",
       .logic = {{"B: task.Tensor[\"K\", \"N\"]", "B: task.Tensor[\"N\", \"K\"]"}},
       .expected = {"PATHgemm.py:", "error["}},
      {.name = "read_before_write",
       .logic = {{"    task.launch(clear_leaf_logic, acc)\n", ""}},
       .expected = {"PATHgemm.py:", "error["}},
      {.name = "parallel_overlap",
       .words = "M=64 N=128 K=64",
       .logic = {{"task.launch(gemm_block_logic, Cp[i, j]",
                  "task.launch(gemm_block_logic, Cp[i, 0]"}},
       .expected = {"PATHgemm.py:", "error["}},
      {.name = "assertion",
       .logic = {{"    block_m = task", "    assert M > 64, \"too few rows\"\n    block_m = task"}},
       .expected = {"PATHgemm.py:", "error[assertion-failed]", "too few rows", "^"}},
      {.name = "recursion",
       .logic = {{"task.launch(store_leaf_logic, C, acc)",
                  "task.launch(gemm_host_logic, C, A, B)"}},
       .expected = {"PATHgemm.py:", "error["}},
  };
}

std::vector<Fault> mapping_faults() {
  return {
      {.name = "yaml_syntax",
       .mapping = {{"workers: all", "workers: [all"}},
       .expected = {"PATHgemm.yaml:", "error["}},
      {.name = "unknown_key",
       .mapping = {{"pipeline: 3", "pipelin: 3"}},
       .expected = {"PATHgemm.yaml:20:5", "error[yaml-unknown-key]",
                    "hint: did you mean 'pipeline'?"}},
      {.name = "pipeline_out_of_range",
       .mapping = {{"pipeline: 3", "pipeline: 17"}},
       .expected = {"PATHgemm.yaml:20:15", "error["}},
      {.name = "unknown_memory",
       .mapping = {{"B: SHARED", "B: SHARD"}},
       .expected = {"PATHgemm.yaml:18:", "error[", "SHARD", "hint: did you mean 'SHARED'?"}},
      {.name = "argument_of_the_host_on_a_core",
       .mapping = {{"mems: {C: GLOBAL, A: GLOBAL", "mems: {C: SHARED, A: REGISTER"}},
       .expected = {"PATHgemm.yaml:10:15", "error[mapping-private-memory]",
                    "'C' cannot lie in SHARED", "'gemm_host' runs on HOST", "^",
                    "hint: leave it in GLOBAL here", "PATHgemm.yaml:10:26",
                    "'A' cannot lie in REGISTER"}},
      {.name = "unknown_instance",
       .mapping = {{"gemm_block_logic: gemm_block}", "gemm_block_logic: gemm_blok}"}},
       .expected = {"PATHgemm.yaml:12:", "error[", "gemm_blok", "hint:"}},
      {.name = "unknown_entry_task",
       .mapping = {{"task_name: gemm_host_logic", "task_name: gemm_hots_logic"}},
       .expected = {"PATHgemm.yaml:8:", "error[", "gemm_hots_logic", "hint:"}},
      {.name = "no_target",
       .mapping = {{"target: dsa_edge\n", ""}},
       .expected = {"PATHgemm.yaml:", "error[no-target]", "hint: add `target: NAME`"}},
      {.name = "unknown_implementation",
       .mapping = {{"logic: mma", "logic: mmma"}},
       .expected = {"PATHgemm.yaml:23:", "error[", "mmma", "hint: did you mean 'mma'?"}},
      {.name = "no_tunable",
       .mapping = {{"tunables: {block_k: 64}", "tunables: {}"}},
       .expected = {"PATHgemm.py:28:", "error[", "block_k", "PATHgemm.yaml:"}},
      {.name = "too_many_workers",
       .mapping = {{"workers: all", "workers: 2"}},
       .expected = {"PATHgemm.yaml:13:", "error["}},
      {.name = "empty",
       .mapping = {{read_file(in_source("mappings/gemm/dsa_edge.yaml")), ""}},
       .expected = {"PATHgemm.yaml:1:1", "error["}},
      {.name = "temporary_without_memory",
       .mapping = {{", acc: REGISTER}", "}"}, {"    rotate: {acc: 2}\n", ""}},
       .expected = {"PATHgemm.py:31:", "error[temporary-without-memory]", "'acc'",
                    "PATHgemm.yaml:15:3: note", "hint: add `acc: MEMORY`"}},
      {.name = "no_instance",
       .mapping = {{"    calls: {gemm_block_logic: gemm_block}\n", ""},
                   {"task_name: gemm_block_logic", "task_name: gemm_host_logic"},
                   {mems, "mems: {}"},
                   {"    tunables: {block_k: 64}\n", ""},
                   {"    rotate: {acc: 2}\n", ""},
                   {"    leaf_task_bindings:\n      multiply_leaf_logic: mma\n", ""}},
       .expected = {"error[mapping-no-instance]", "'gemm_block_logic'",
                    "hint: add an instance with"}},
      {.name = "ambiguous_instance",
       .mapping = {{"    calls: {gemm_block_logic: gemm_block}\n", ""},
                   {"  gemm_block:\n",
                    "  other: {task_name: gemm_block_logic, proc: BLOCK}\n  gemm_block:\n"}},
       .expected = {"PATHgemm.yaml:7:3", "error[mapping-ambiguous-instance]", "other",
                    "PATHgemm.py:47:", "hint: choose one: calls:"}},
      {.name = "no_implementation",
       .mapping = {{mems, "mems: {C: GLOBAL, A: SHARED, B: SHARED, acc: GLOBAL}"},
                   {"    leaf_task_bindings:\n      multiply_leaf_logic: mma\n", ""},
                   {"    rotate: {acc: 2}\n", ""}},
       .expected = {"PATHgemm.py:12:", "error[no-implementation]", "PATHgemm.yaml:", "hint: mma:"}},
      {.name = "binding_mismatch",
       .mapping = {{"acc: REGISTER", "acc: SHARED"}},
       .expected = {"PATHgemm.yaml:23:28", "error[binding-mismatch]",
                    "PATHgemm.py:17:", "PATHgemm.yaml:18:", "acc is placed in SHARED here",
                    "hint: it takes acc in REGISTER"}},
      {.name = "unknown_split_dimension",
       .mapping = {{"logic: mma", "logic: {impl: mma, split: {q: 3}}"}},
       .expected = {"PATHgemm.yaml:23:", "error[", "'q'", "hint:"}},
      {.name = "no_path",
       .words = "M=64 N=64 K=64 --dtype f16 --dtype C=f64",
       .mapping = {{"acc: REGISTER", "acc: SHARED"}, {"logic: mma", "logic: gemm_plain"}},
       .expected = {"PATHgemm.yaml:", "error[no-path]", "from SHARED to GLOBAL",
                    "hint: the path does not convert f32 to f64"}},
      {.name = "does_not_fit",
       .words = "M=256 N=256 K=256",
       .mapping = {{"block_n: 64", "block_n: 128"}},
       .expected = {"error[does-not-fit]",
                    "REGISTER of dsa_edge is too small: 131072 bytes are needed, 65536 are there",
                    "PATHgemm.yaml:18:", "acc", "hint: use smaller tiles"}},
      {.name = "pipeline_does_not_fit",
       .words = "M=256 N=256 K=256",
       .mapping = {{"pipeline: 3", "pipeline: 6"},
                   {"logic: mma", "logic: {impl: mma, split: {k: 64}}"}},
       .expected = {"error[does-not-fit]", "SHARED of dsa_edge is too small",
                    "PATHgemm.yaml:18:", "hint:"}},
      {.name = "group_of_two",
       .mapping = {{"workers: all", "order: {group: {i: 2, j: 2}}"}},
       .expected = {"PATHgemm.yaml:", "error[group-needs-one-loop]", "2 are given", "hint:"}},
  };
}

std::string name_of(const testing::TestParamInfo<Fault>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(Options, Faults, testing::ValuesIn(option_faults()), name_of);
INSTANTIATE_TEST_SUITE_P(Logic, Faults, testing::ValuesIn(logic_faults()), name_of);
INSTANTIATE_TEST_SUITE_P(Mapping, Faults, testing::ValuesIn(mapping_faults()), name_of);

}  // namespace
}  // namespace septran::cli
