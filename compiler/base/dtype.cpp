#include "compiler/base/dtype.h"

#include <array>

#include "compiler/base/diagnostic.h"

namespace septran {
namespace {

struct Row {
  DType type;
  std::string_view name;
  std::size_t size_bytes;
  bool is_float;
};
constexpr std::array<Row, 8> rows{{{DType::f16, "f16", 2, true},
                                   {DType::bf16, "bf16", 2, true},
                                   {DType::f32, "f32", 4, true},
                                   {DType::f64, "f64", 8, true},
                                   {DType::i8, "i8", 1, false},
                                   {DType::i32, "i32", 4, false},
                                   {DType::f8e4m3, "f8e4m3", 1, true},
                                   {DType::f8e5m2, "f8e5m2", 1, true}}};

const Row& row(DType type) {
  const auto index = static_cast<std::size_t>(type);
  SEPTRAN_CHECK(index < rows.size() && rows[index].type == type);
  return rows[index];
}

}  // namespace

std::size_t size_bytes(DType type) { return row(type).size_bytes; }
std::string_view name(DType type) { return row(type).name; }
bool is_float(DType type) { return row(type).is_float; }

DType arithmetic_type(DType type) {
  if (type == DType::f64) return DType::f64;
  return is_float(type) ? DType::f32 : DType::i32;
}

std::optional<DType> parse_dtype(std::string_view name) {
  for (const Row& r : rows) {
    if (r.name == name) return r.type;
  }
  return std::nullopt;
}

const std::vector<DType>& all_dtypes() {
  static const std::vector<DType> types = [] {
    std::vector<DType> all;
    for (const Row& r : rows) all.push_back(r.type);
    return all;
  }();
  return types;
}

}  // namespace septran
