// A matrix product on machines unlike the shipped ones: descriptions made from dsa_edge's text.
#include <gtest/gtest.h>

#include "simulated.h"
#include "source_dir.h"
#include "targets/dsa/lower/lower.h"
#include "tests/support/changed_machine.h"

namespace septran {
namespace {

using testing_support::check_kernel;
using testing_support::compile;
using testing_support::DescriptionFile;
using testing_support::Kernel;
using testing_support::KernelText;
using testing_support::read_text;

using Replacements = std::vector<std::pair<std::string, std::string>>;

constexpr const char* vector_implementations = R"(  vector:
    aliases: [vec]
    primitives: ["*"]
    engine: vector
    element_types: [f16, bf16, f32, i8, i32]  # lanes are 32 bits wide: no f64
    operand_memories: [[SHARED, REGISTER]]
  gemm_plain:
    aliases: [gemm_leaf_simt]
    primitives: [gemm]
    engine: vector
    element_types: [f16, bf16, f32, i8, i32]
    operand_memories: [[SHARED, REGISTER]]
)";

/// The text of dsa_edge with each of these parts, which are there, replaced once.
std::string edge_with(const Replacements& replacements) {
  std::string text = read_text(SEPTRAN_SOURCE_DIR "/targets/dsa_edge.yaml");
  for (const auto& [from, to] : replacements) {
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    if (at != std::string::npos) text.replace(at, from.size(), to);
  }
  return text;
}

/// gemm.py in small blocks, without bindings.
KernelText product(const std::string& target, DType type) {
  KernelText text;
  text.logic = read_text(SEPTRAN_SOURCE_DIR "/examples/gemm/gemm.py");
  text.mapping = R"(entrypoint: gemm_host
task_mappings:
  gemm_host:
    task_name: gemm_host_logic
    proc: HOST
    mems: {C: GLOBAL, A: GLOBAL, B: GLOBAL}
    tunables: {block_m: 12, block_n: 8}
    workers: all
  gemm_block:
    task_name: gemm_block_logic
    proc: BLOCK
    mems: {C: GLOBAL, A: SHARED, B: SHARED, acc: REGISTER}
    tunables: {block_k: 24}
    pipeline: 2
    rotate: {acc: 2}
)";
  text.target = target;
  text.definitions = {{"M", "50"}, {"N", "37"}, {"K", "61"}};
  text.dtype = type;
  if (type == DType::i8) text.dtypes = {{"C", DType::i32}};
  return text;
}

/// Results of f16 are rounded in the copy out of the accumulators.
KernelText published(const std::string& target, DType type) {
  KernelText text = product(target, type);
  text.logic = read_text(SEPTRAN_SOURCE_DIR "/examples/gemm/published.py");
  text.mapping = read_text(SEPTRAN_SOURCE_DIR "/mappings/gemm/published.yaml");
  return text;
}

const Replacements no_vector_unit = {{vector_implementations, ""}};

struct Variant {
  const char* name;
  Replacements replacements;
};

const Variant variants[] = {
    {"NoVectorUnit", no_vector_unit},
    {"Tiny",
     {{"size_bytes: 262144", "size_bytes: 4096"},
      {"size_bytes: 65536", "size_bytes: 1024"},
      {"tiles: [[16, 16]]", "tiles: [[4, 4]]"},
      {"rows: 16 ", "rows: 4 "},
      {"cols: 16 ", "cols: 4 "},
      {"registers: 256", "registers: 32"},
      {"loop_depth: 16", "loop_depth: 8"},
      {"operands: 1024", "operands: 64"},
      {"instructions: 4096", "instructions: 512"},
      {"events: 64", "events: 12"},
      {"event_maximum: 63", "event_maximum: 3"}}},
    {"OddNumbers",
     {{"size_bytes: 262144", "size_bytes: 100001"},
      {"alignment_bytes: 64  # B; one bank word", "alignment_bytes: 48  # B; one bank word"},
      {"banks: 16            # banks; enough", "banks: 7  # banks; enough"},
      {"bytes_per_cycle: 64  # B/cycle of one port; a word of", "bytes_per_cycle: 48  #"},
      {"tiles: [[16, 16]]", "tiles: [[12, 20]]"},
      {"rows: 16 ", "rows: 12 "},
      {"cols: 16 ", "cols: 20 "},
      {"lanes: 16 ", "lanes: 7 "}}},
    {"BuffersBetweenElements",  // where elements of 4 bytes do not begin
     {{"alignment_bytes: 64  # B; one DRAM", "alignment_bytes: 3  # B; one DRAM"},
      {"alignment_bytes: 64  # B; one bank word", "alignment_bytes: 5  # B; one bank word"},
      {"alignment_bytes: 64  # B; one row", "alignment_bytes: 1  # B; one row"}}},
    {"OneElement",
     {{"tiles: [[16, 16]]", "tiles: [[1, 1]]"},
      {"rows: 16 ", "rows: 1 "},
      {"cols: 16 ", "cols: 1 "}}},
    {"OutputStationary", {{"output_stationary: false", "output_stationary: true"}}},
    {"ThirtyCores", {{"count: 1  # processors; a single core", "count: 30"}}},
};

class Variants : public testing::TestWithParam<Variant> {};

TEST_P(Variants, MultiplyAsTheReference) {
  const DescriptionFile description(edge_with(GetParam().replacements));
  for (const DType type : {DType::f16, DType::f32, DType::i8}) {
    EXPECT_EQ(check_kernel(product(description.path(), type), true, 0), "") << name(type);
  }
}

INSTANTIATE_TEST_SUITE_P(Machines, Variants, testing::ValuesIn(variants),
                         [](const auto& info) { return std::string(info.param.name); });

void expect_told(const KernelText& text, const std::string& words) {
  Kernel kernel;
  compile(text, kernel);
  if (kernel.program) {
    dsa::lower_to_dsa(*kernel.program, *kernel.machine, kernel.diagnostics);
  }
  EXPECT_NE(kernel.messages().find(words), std::string::npos) << kernel.messages();
}

// A description may have more memories than the instructions reach.
TEST(Machines, MemoriesThatInstructionsDoNotReachAreTold) {
  const DescriptionFile description(edge_with(
      {{"engines:\n",
        "  L2:\n    describes: a second level\n    size_bytes: 1048576\n    private: true\n"
        "    alignment_bytes: 64\n    banks: 16\n    ports: 1\n    bytes_per_cycle: 64\n"
        "    latency_cycles: 4\nengines:\n"},
       {"  - {from: GLOBAL, to: SHARED, engine: load, convert: false,",
        "  - {from: GLOBAL, to: L2, engine: load}\n"
        "  - {from: L2, to: SHARED, engine: load}\n"
        "  - {from: GLOBAL, to: SHARED, via: L2, convert: false,"},
       {"  - {from: GLOBAL, to: GLOBAL, via: SHARED}\n", ""}}));
  expect_told(product(description.path(), DType::f16),
              "A_staged lies in L2, which the accelerator's instructions do not reach");
}

// Accumulators hold f16 in f32, which the array does not multiply by f16: told, and no trap.
TEST(Machines, OperandsAreMultipliedAsTheyAreHeld) {
  const DescriptionFile description(
      edge_with({{"operand_memories: [[REGISTER], [SHARED], [SHARED]]",
                  "operand_memories: [[REGISTER], [SHARED, REGISTER], "
                  "[SHARED]]"}}));
  KernelText text = product(description.path(), DType::f16);
  const std::string place = "A: SHARED";
  text.mapping.replace(text.mapping.find(place), place.size(), "A: REGISTER");
  text.mapping += "    leaf_task_bindings: {multiply_leaf_logic: mma}\n";
  expect_told(text, "it does not multiply these element types");
  text.dtype = DType::f32;
  EXPECT_EQ(check_kernel(text, true, 0), "");
}

// A product takes the fill of its accumulators over, and the copy out its rounding: neither needs a
// vector unit.
TEST(WithoutVectorUnit, RoundingIsTheCopys) {
  const DescriptionFile description(edge_with(no_vector_unit));
  KernelText text = published(description.path(), DType::f16);
  text.definitions = {{"M", "130"}, {"N", "37"}, {"K", "61"}};
  EXPECT_EQ(check_kernel(text, true, 0, true), "");
}

TEST(WithoutVectorUnit, AFillThatNothingTakesOverIsRefused) {
  const DescriptionFile description(edge_with(no_vector_unit));
  KernelText text = product(description.path(), DType::f16);
  const std::string loop = "    for k in task.sequential_range(Ap.shape[1]):";
  text.logic.replace(text.logic.find(loop), loop.size(),
                     "    for k in task.sequential_range(1, Ap.shape[1]):");
  text.definitions = {{"M", "50"}, {"N", "37"}, {"K", "20"}};  // one block of K: no trip
  Kernel kernel;
  compile(text, kernel);
  EXPECT_FALSE(kernel.program.has_value());
  EXPECT_NE(kernel.messages().find("error[no-implementation]: nothing on dsa_edge executes `fill`"),
            std::string::npos)
      << kernel.messages();
}

// Together with other faults it is told at once.
TEST(WithoutVectorUnit, AllThatIsMissingIsTold) {
  const DescriptionFile description(edge_with(no_vector_unit));
  Kernel kernel;
  compile(product(description.path(), DType::f64), kernel);
  EXPECT_NE(kernel.messages().find("executes `fill`"), std::string::npos) << kernel.messages();
  EXPECT_NE(kernel.messages().find("executes `gemm`"), std::string::npos) << kernel.messages();
}

}  // namespace
}  // namespace septran
