// Properties of the table, and attributes of calls.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "compiler/primitives/primitives.h"
#include "source_dir.h"

namespace septran {
namespace {

const Primitive& get(const char* name) {
  const Primitive* primitive = find_primitive(name);
  EXPECT_NE(primitive, nullptr) << name;
  return *primitive;
}

TEST(Table, HoldsEveryPrimitiveOfTheLanguage) {
  const std::vector<std::string> wanted = {
      "gemm",  "fill",   "copy",        "transpose",   "add",        "sub",        "mul",
      "div",   "max",    "min",         "fma",         "neg",        "exp",        "exp2",
      "log",   "sqrt",   "rsqrt",       "recip",       "abs",        "relu",       "gelu",
      "silu",  "tanh",   "sigmoid",     "erf",         "reduce_sum", "reduce_max", "reduce_min",
      "clamp", "select", "mask_causal", "mask_window", "iota",       "dequantize", "quantize"};
  std::vector<std::string> names;
  for (const Primitive& primitive : primitives()) names.push_back(primitive.name);
  EXPECT_EQ(names, wanted);  // the order is part of the machine code's format
}

TEST(Table, RowsAreComplete) {
  std::set<std::string> seen;
  for (const Primitive& primitive : primitives()) {
    EXPECT_TRUE(seen.insert(primitive.name).second) << primitive.name;
    EXPECT_FALSE(primitive.meaning.empty()) << primitive.name;
    EXPECT_GT(primitive.operations_per_point, 0) << primitive.name;
    ASSERT_FALSE(primitive.operands.empty());
    EXPECT_TRUE(writes(primitive.operands[0].access)) << primitive.name;
    std::set<std::string> arguments;
    for (std::size_t o = 0; o < primitive.operands.size(); ++o) {
      const OperandSpec& spec = primitive.operands[o];
      EXPECT_TRUE(arguments.insert(spec.name).second) << primitive.name << " " << spec.name;
      EXPECT_FALSE(spec.doc.empty()) << primitive.name << " " << spec.name;
      if (o > 0) {
        EXPECT_EQ(spec.access, Access::read) << primitive.name << " " << spec.name;
      }
    }
    for (const AttributeSpec& spec : primitive.attributes) {
      EXPECT_TRUE(arguments.insert(spec.name).second) << primitive.name << " " << spec.name;
      EXPECT_FALSE(spec.doc.empty()) << primitive.name << " " << spec.name;
      EXPECT_EQ(primitive.find_attribute(spec.name), &spec);
      EXPECT_FALSE(spec.optional && spec.default_value) << primitive.name << " " << spec.name;
    }
    if (primitive.combining()) {
      EXPECT_NE(primitive.find_attribute("accumulate"), nullptr);
    }
  }
}

TEST(Table, IndexIsTheRow) {
  for (std::size_t i = 0; i < primitives().size(); ++i) {
    EXPECT_EQ(primitive_index(primitives()[i]), i);
  }
  const Primitive copied = get("gemm");
  EXPECT_EQ(primitive_index(copied), 0);
  EXPECT_EQ(find_primitive("gem"), nullptr);
  EXPECT_EQ(nearest_primitive("gem"), "gemm");
  EXPECT_EQ(nearest_primitive("reduce_summ"), "reduce_sum");
}

TEST(Table, AccumulateMakesTheOutputAnInput) {
  Attributes attributes;
  ASSERT_TRUE(complete_attributes(get("gemm"), attributes).empty());
  EXPECT_EQ(operand_access(get("gemm"), attributes, 0), Access::write);
  EXPECT_EQ(operand_access(get("gemm"), attributes, 1), Access::read);
  attributes["accumulate"] = true;
  EXPECT_EQ(operand_access(get("gemm"), attributes, 0), Access::read_write);
  EXPECT_EQ(operand_access(get("gemm"), attributes, 2), Access::read);
  EXPECT_EQ(operand_access(get("mask_causal"), {}, 0), Access::read_write);
}

TEST(Attributes, DefaultsAreFilledIn) {
  Attributes gemm = {{"alpha", Expr(2)}};
  ASSERT_TRUE(complete_attributes(get("gemm"), gemm).empty());
  EXPECT_EQ(float_attribute(gemm, "alpha"), 2.0);
  EXPECT_FALSE(bool_attribute(gemm, "transpose_a"));
  EXPECT_FALSE(bool_attribute(gemm, "accumulate"));
  Attributes add;
  ASSERT_TRUE(complete_attributes(get("add"), add).empty());
  EXPECT_TRUE(add.empty());
  EXPECT_EQ(integer_attribute(add, "axis"), std::nullopt);
  Attributes gelu;
  ASSERT_TRUE(complete_attributes(get("gelu"), gelu).empty());
  EXPECT_EQ(choice_attribute(gelu, "approximate"), "none");
  Attributes iota = {{"axis", Expr(1)}};
  ASSERT_TRUE(complete_attributes(get("iota"), iota).empty());
  EXPECT_EQ(integer_attribute(iota, "start"), 0);
  EXPECT_EQ(expr_attribute(iota, "step"), Expr(1));
}

/// The only fault of a call.
AttributeFault fault_of(const char* name, Attributes attributes) {
  const auto faults = complete_attributes(get(name), attributes);
  EXPECT_EQ(faults.size(), 1U) << name;
  return faults.empty() ? AttributeFault{} : faults.front();
}

TEST(Attributes, FaultsNameTheNearest) {
  const AttributeFault unknown = fault_of("gemm", {{"transposed_a", true}});
  EXPECT_EQ(unknown.text, "gemm has no attribute 'transposed_a'");
  EXPECT_EQ(unknown.hint, "did you mean 'transpose_a'?");
  EXPECT_EQ(unknown.attribute, "transposed_a");
  EXPECT_FALSE(unknown.missing);
  const AttributeFault choice = fault_of("gelu", {{"approximate", std::string("tan")}});
  EXPECT_EQ(choice.text, "attribute 'approximate' of gelu cannot be 'tan': it is 'none' or 'tanh'");
  EXPECT_EQ(choice.hint, "did you mean 'tanh'?");
  const AttributeFault missing = fault_of("reduce_sum", {});
  EXPECT_EQ(missing.text, "reduce_sum needs the attribute 'axis'");
  EXPECT_TRUE(missing.missing);
}

TEST(Attributes, KindsAreChecked) {
  EXPECT_EQ(fault_of("gemm", {{"accumulate", Expr(1)}}).text,
            "attribute 'accumulate' of gemm must be True or False");
  EXPECT_EQ(fault_of("gemm", {{"alpha", std::string("x")}}).text,
            "attribute 'alpha' of gemm must be a number");
  EXPECT_EQ(fault_of("reduce_sum", {{"axis", 1.0}}).text,
            "attribute 'axis' of reduce_sum must be an integer that is known at compile time");
  EXPECT_EQ(fault_of("add", {{"axis", Expr::var(VarId{0})}}).text,
            "attribute 'axis' of add must be an integer that is known at compile time");
  EXPECT_EQ(fault_of("gelu", {{"approximate", true}}).text,
            "attribute 'approximate' of gelu must be 'none' or 'tanh'");
  EXPECT_EQ(fault_of("iota", {{"axis", Expr(0)}, {"start", 0.5}}).text,
            "attribute 'start' of iota must be an integer");
  EXPECT_EQ(fault_of("fill", {{"value", Expr::var(VarId{0})}}).text,
            "attribute 'value' of fill must be a number");
  Attributes position = {{"axis", Expr(0)}, {"start", Expr::var(VarId{3})}};
  EXPECT_TRUE(complete_attributes(get("iota"), position).empty());
}

TEST(Attributes, LimitsAreChecked) {
  EXPECT_EQ(fault_of("dequantize", {{"bits", Expr(5)}}).text,
            "attribute 'bits' of dequantize is 5, not 4 or 8");
  EXPECT_EQ(fault_of("dequantize", {{"group", Expr(0)}}).text,
            "attribute 'group' of dequantize is 0, not positive");
  EXPECT_EQ(fault_of("clamp", {{"low", 2.0}, {"high", Expr(1)}}).text,
            "clamp's low (2) is not below its high (1)");
  Attributes several = {{"a", true}, {"b", true}};
  EXPECT_EQ(complete_attributes(get("fill"), several).size(), 3U);
}

TEST(Markdown, ShowsEveryRow) {
  const std::string page = primitives_markdown();
  for (const Primitive& primitive : primitives()) {
    EXPECT_NE(page.find("## `" + primitive.name + "`\n"), std::string::npos) << primitive.name;
    EXPECT_NE(page.find(primitive.meaning), std::string::npos) << primitive.name;
  }
  EXPECT_NE(page.find("`gemm(C, A, B, transpose_a=False, transpose_b=False, accumulate=False, "
                      "alpha=1)`"),
            std::string::npos);
  EXPECT_NE(page.find("`dequantize(Y, Q, scale, zero=None, bits=8, group=None)`"),
            std::string::npos);
  EXPECT_NE(page.find("`gelu(Y, X, approximate=\"none\")`"), std::string::npos);
}

TEST(Markdown, ReferencePageIsUpToDate) {
  const std::string path = std::string(SEPTRAN_SOURCE_DIR) + "/docs/primitives.md";
  const char* update = std::getenv("SEPTRAN_UPDATE_EXPECTED");
  if (update != nullptr && std::string(update) == "1") std::ofstream(path) << primitives_markdown();
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  EXPECT_EQ(text.str(), primitives_markdown()) << "docs/primitives.md is made from the table";
}

}  // namespace
}  // namespace septran
