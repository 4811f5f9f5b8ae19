// Faults of programs that assembly text cannot hold, or only at great length.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "targets/dsa/encode.h"
#include "targets/dsa/validate.h"
#include "tests/dsa/support.h"

namespace septran::dsa {
namespace {

Program minimal() {
  Program program;
  program.origins.push_back({});
  program.code.push_back({Halt{}, 0});
  return program;
}

std::string faults(const Program& program) {
  Diagnostics diagnostics;
  const bool ok = check_structure(program, {}, diagnostics);
  EXPECT_EQ(ok, !diagnostics.has_errors());
  Diagnostics of_encoder;
  EXPECT_EQ(encode_program(program, of_encoder).has_value(), ok);
  return render_all(diagnostics);
}

void expect_fault(const Program& program, const std::string& text) {
  const std::string all = faults(program);
  EXPECT_NE(all.find(text), std::string::npos) << "found: " << all;
}

TEST(Structure, AMinimalProgramIsSound) { EXPECT_EQ(faults(minimal()), ""); }

TEST(Structure, TablesAndNamesHaveLimits) {
  Program program = minimal();
  program.operands.resize(max_operands + 1, ScalarOperand{});
  expect_fault(program,
               "[dsa-table-too-long]: the operand table has 4096 entries; the format "
               "allows 4095");
  program = minimal();
  program.name.resize(max_name_bytes + 1, 'x');
  expect_fault(program, "[dsa-name-too-long]: the program: the name has 4097 bytes");
  program = minimal();
  program.origins[0].rule = "x";
  expect_fault(program, "[dsa-out-of-range]: origin s0");
  program.origins.clear();
  expect_fault(program, "[dsa-out-of-range]: origin s0");
}

TEST(Structure, EnumerationsAreChecked) {
  Program program = minimal();
  program.globals.push_back({"A", static_cast<DType>(8), {4}, false, false});
  expect_fault(program, "buffer g0: its element type is 8, outside 0 .. 7");
  program = minimal();
  TileOperand tile;
  tile.memory = static_cast<MemoryId>(3);
  tile.storage = static_cast<DType>(9);
  program.operands.emplace_back(tile);
  expect_fault(program, "operand o0: its memory is 3, outside 0 .. 2");
  expect_fault(program, "operand o0: its element type in memory is 9");
  program = minimal();
  Sync sync;
  sync.op = static_cast<SyncOp>(4);
  program.code.insert(program.code.begin(), {sync, 0});
  expect_fault(program, "[dsa-field-too-narrow]: instruction 0 (sync): 4 does not fit the field");
  Vec vec;
  vec.primitive = 255;
  program.code[0].node = vec;
  expect_fault(program, "its primitive is 255");
  vec.operands.resize(7);
  program.code[0].node = vec;
  expect_fault(program, "its number of operands is 7, outside 0 .. 6");
}

TEST(Structure, FieldsOfTheWordAreChecked) {
  Program program = minimal();
  Loop loop;
  loop.reg = 2;
  loop.end = {false, std::int64_t{1} << 29};
  loop.step = {false, 1};
  loop.length = 1;
  program.code.insert(program.code.begin(), {loop, 0});
  expect_fault(program,
               "[dsa-field-too-narrow]: instruction 0 (loop): 536870912 does not fit the "
               "field 'end'");
  loop.end = {true, max_register + 1};
  program.code[0].node = loop;
  expect_fault(program, "1024 does not fit the field 'end'");
}

TEST(Structure, NestingHasALimit) {
  Program program = minimal();
  program.code.clear();
  for (std::uint32_t i = 0; i <= max_nesting; ++i) {
    program.code.push_back({Skip{2, 2 * static_cast<std::uint32_t>(max_nesting) + 1 - 2 * i}, 0});
  }
  for (std::uint32_t i = 0; i <= max_nesting; ++i) {
    program.code.push_back({Scalar{ScalarOp::add, 2, {}, {}}, 0});
  }
  program.code.push_back({Halt{}, 0});
  expect_fault(program, "[dsa-nesting-too-deep]: instruction 256 (skip)");
}

TEST(Structure, TheAssemblerStopsAfterManyErrors) {
  std::string text = ".program \"p\"\n.code\n";
  for (int i = 0; i < 150; ++i) text += "nonsense\n";
  const std::string out = assemble_text(text);
  EXPECT_NE(out.find("[asm-too-many-errors]: 100 errors"), std::string::npos);
  EXPECT_EQ(out.find("test.s:110:"), std::string::npos);
}

TEST(Structure, NumbersKeepTheirBitsThroughText) {
  Program program = minimal();
  for (const double value : {0.1, -0.0, 1e-320, std::numeric_limits<double>::infinity(), 1e308,
                             std::nan("7"), -std::nan("")}) {
    program.operands.emplace_back(ScalarOperand{value});
  }
  const Program again = assemble(to_assembly(program));
  ASSERT_EQ(again.operands.size(), program.operands.size());
  for (std::size_t i = 0; i < program.operands.size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::uint64_t>(std::get<ScalarOperand>(again.operands[i]).value),
              std::bit_cast<std::uint64_t>(std::get<ScalarOperand>(program.operands[i]).value))
        << i;
  }
}

TEST(Structure, ExamplesOfTheReferencePageAssemble) {
  std::istringstream page(isa_markdown());
  std::string program = ".program \"p\"\n.globals\ng0 = \"A\" f16 [4]\n.operands\n";
  int examples = 0;
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("    o")) continue;
    program += line + "\n";
    ++examples;
  }
  EXPECT_EQ(examples, 4);
  EXPECT_EQ(assemble(program + ".code\nhalt\n").operands.size(), 4U);
}

TEST(Structure, ArbitraryTextNeverCrashesTheAssembler) {
  const std::string good = assemble_text(
      ".program \"p\"\n.operands\no0 = tile shared f16 at 0 [4: 0 by 2 axis 0 step 1] axes (0 : "
      "3)\n"
      ".code\nloop r2 = 0 .. 4 step 1 length 1\n  scalar.add r3 = r2, 1\nhalt\n");
  ASSERT_NE(good.find("scalar.add"), std::string::npos) << good;
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const char c : {'\0', '\n', '"', '#', '[', '-', '9', '\xff'}) {
      std::string changed = good;
      changed[i] = c;
      EXPECT_FALSE(assemble_text(changed).empty());
      EXPECT_FALSE(assemble_text(good.substr(0, i) + c).empty());
    }
  }
}

}  // namespace
}  // namespace septran::dsa
