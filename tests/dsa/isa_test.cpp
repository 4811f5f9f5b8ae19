// The table of instructions and what is made from it.
#include "targets/dsa/isa.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "source_dir.h"
#include "targets/dsa/assembly.h"

namespace septran::dsa {
namespace {

TEST(Isa, OpcodesAreFewAndNamesAreUnique) {
  EXPECT_LE(opcodes.size(), 16U);
  std::set<std::string> names;
  for (const OpcodeInfo& opcode : opcodes) {
    EXPECT_TRUE(names.insert(opcode.name).second) << opcode.name;
    EXPECT_NE(std::string(opcode.doc), "");
    std::set<std::string> fields;
    for (const Field& field : opcode.used_fields()) {
      EXPECT_TRUE(fields.insert(field.name).second) << opcode.name << " " << field.name;
      EXPECT_NE(std::string(field.doc), "");
    }
  }
}

/// Values at the ends of a field's range, encodable ones only.
std::vector<FieldValue> corner_values(const Field& field) {
  std::vector<FieldValue> corners;
  const int below_sign = std::max(field.width - 2, 0);
  for (const std::int64_t value :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{2}, max_register, std::int64_t{no_operand},
        (std::int64_t{1} << (field.width - 1)) - 1, (std::int64_t{1} << field.width) - 1,
        (std::int64_t{1} << below_sign) - 1, -(std::int64_t{1} << below_sign), std::int64_t{-1}}) {
    for (const bool is_register : {false, true}) {
      const FieldValue corner{value, is_register && field.kind == FieldKind::source};
      if (field_fits(field, corner)) corners.push_back(corner);
    }
  }
  return corners;
}

TEST(Isa, EveryFieldOfEveryOpcodeKeepsItsCornerValues) {
  for (const OpcodeInfo& opcode : opcodes) {
    for (std::size_t i = 0; i < opcode.field_count; ++i) {
      for (const FieldValue& corner : corner_values(opcode.fields.at(i))) {
        FieldValues fields{opcode.opcode, {}};
        // Operands beyond the count are zero.
        if (opcode.opcode == Opcode::vec) fields.values[3].value = 6;
        fields.values.at(i) = corner;
        if (opcode.fields.at(i).kind == FieldKind::operand_count && corner.value > 6) continue;
        WordFault fault;
        const auto decoded = decode_word(encode_word(fields), fault);
        ASSERT_TRUE(decoded) << opcode.name << " " << opcode.fields.at(i).name << fault.text;
        EXPECT_EQ(*decoded, fields) << opcode.name << " " << opcode.fields.at(i).name;
        EXPECT_EQ(to_fields(from_fields(fields)).opcode, opcode.opcode);
      }
    }
  }
}

TEST(Isa, FieldsSayWhatFits) {
  const Field& begin = field(Opcode::loop, loop_begin_field);
  EXPECT_TRUE(immediate_fits(begin, (1 << 29) - 1));
  EXPECT_FALSE(immediate_fits(begin, 1 << 29));
  EXPECT_TRUE(immediate_fits(begin, -(1 << 29)));
  EXPECT_FALSE(immediate_fits(begin, -(1 << 29) - 1));
  EXPECT_FALSE(field_fits(begin, {max_register + 1, true}));
  EXPECT_FALSE(field_fits(field(Opcode::sync, 0), {-1, false}));
  EXPECT_FALSE(field_fits(field(Opcode::scalar, 0), {9, false}));
  EXPECT_TRUE(field_fits(field(Opcode::scalar, 0), {8, false}));
}

TEST(Isa, DecodingRefusesWordsThatMeanNothing) {
  WordFault fault;
  EXPECT_FALSE(decode_word({opcode_count, 0}, fault));
  EXPECT_EQ(fault.text, "unknown opcode 8");
  EXPECT_FALSE(decode_word({std::uint64_t{1} << 60, 0}, fault));  // halt with stray bits
  EXPECT_EQ(fault.text, "bits are set that belong to no field");
  const auto scalar = static_cast<std::uint64_t>(Opcode::scalar);
  EXPECT_FALSE(decode_word({scalar | 15U << 4, 0}, fault));
  EXPECT_EQ(fault.field, "op");
  const auto vec = static_cast<std::uint64_t>(Opcode::vec);
  EXPECT_FALSE(decode_word({vec | std::uint64_t{1} << 24 | std::uint64_t{5} << 39, 0}, fault));
  EXPECT_EQ(fault.text, "an operand beyond the list");
  EXPECT_FALSE(decode_word({vec | std::uint64_t{7} << 24, 0}, fault));
  EXPECT_EQ(fault.field, "count");
}

TEST(Isa, EveryPrimitiveFitsAnInstruction) {
  EXPECT_LE(primitives().size(), 256U);
  for (const Primitive& primitive : primitives()) {
    EXPECT_LE(vec_layout(primitive).size(), max_vec_operands) << primitive.name;
    for (const AttributeSpec& attribute : primitive.attributes) {
      if (attribute.kind != AttributeKind::boolean && attribute.kind != AttributeKind::choice) {
        continue;
      }
      bool has_flag = false;
      for (const VecFlag& flag : vec_flags) has_flag = has_flag || flag.attribute == attribute.name;
      EXPECT_TRUE(has_flag) << primitive.name << " " << attribute.name;
      if (attribute.kind == AttributeKind::choice) {
        EXPECT_EQ(attribute.choices.size(), 2U) << primitive.name;
      }
    }
  }
}

TEST(Isa, AttributesOfAVecComeBackFromItsOperands) {
  Program program;
  program.operands = {IntegerOperand{{4, {}}}, ScalarOperand{0.5}, IntegerOperand{{7, {{3, 2}}}}};
  const auto integer = [](const Affine& affine) { return Expr(affine.constant); };
  const auto index = [](const char* name) { return primitive_index(*find_primitive(name)); };

  Attributes gemm =
      vec_attributes(program, {index("gemm"), 0b1001, no_axis, {0, 0, 0, 1}}, integer);
  EXPECT_EQ(std::get<bool>(gemm.at("accumulate")), true);
  EXPECT_EQ(std::get<bool>(gemm.at("transpose_a")), false);
  EXPECT_EQ(std::get<bool>(gemm.at("transpose_b")), true);
  EXPECT_EQ(std::get<double>(gemm.at("alpha")), 0.5);

  Attributes gelu = vec_attributes(program, {index("gelu"), 0b10, no_axis, {0, 0}}, integer);
  EXPECT_EQ(std::get<std::string>(gelu.at("approximate")), "tanh");

  Attributes iota = vec_attributes(program, {index("iota"), 0, 1, {0, 2, no_operand}}, integer);
  EXPECT_EQ(std::get<Expr>(iota.at("axis")), Expr(1));
  EXPECT_EQ(std::get<Expr>(iota.at("start")), Expr(7));
  EXPECT_FALSE(iota.contains("step"));
}

TEST(Isa, ReferencePageIsUpToDate) {
  const std::string path = std::string(SEPTRAN_SOURCE_DIR) + "/docs/isa.md";
  const char* update = std::getenv("SEPTRAN_UPDATE_EXPECTED");
  if (update != nullptr && std::string(update) == "1") std::ofstream(path) << isa_markdown();
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  EXPECT_EQ(text.str(), isa_markdown()) << "docs/isa.md is made from the instruction table";
}

}  // namespace
}  // namespace septran::dsa
