// Checks of tables: sizes, names, numbers and the records of operands.
#include "targets/dsa/structure.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/base/messages.h"
#include "targets/dsa/isa.h"

namespace septran::dsa {
namespace {

constexpr std::int64_t max_dtype = static_cast<std::int64_t>(DType::f8e5m2);

}  // namespace

bool StructureCheck::in_range(const Where& where, std::string_view what, std::int64_t value,
                              std::int64_t low, std::int64_t high) {
  if (value >= low && value <= high) return true;
  report(where, messages::dsa_out_of_range, what, value, low, high);
  return false;
}

bool StructureCheck::run() {
  const std::size_t before = diagnostics_.error_count();
  check_sizes();
  if (diagnostics_.error_count() != before) return false;
  check_tables();
  for (std::size_t i = 0; i < program_.operands.size(); ++i) {
    const Where where{fmt::format("operand o{}", i), span_at(places_.operands, i)};
    std::visit([&](const auto& operand) { check_operand(where, operand); }, program_.operands[i]);
  }
  // Instructions look into operands, so these come first.
  if (diagnostics_.error_count() == before) check_code();
  return diagnostics_.error_count() == before;
}

void StructureCheck::check_sizes() {
  const auto check = [&](std::string_view what, std::size_t size, std::int64_t limit) {
    if (size <= static_cast<std::size_t>(limit)) return;
    report({std::string(what), {}}, messages::dsa_table_too_long, size, limit);
  };
  check("the buffer table", program_.globals.size(), max_table);
  check("the table of locals", program_.locals.size(), max_table);
  check("the event table", program_.events.size(), max_events);
  check("the barrier table", program_.barriers.size(), max_events);
  check("the operand table", program_.operands.size(), max_operands);
  check("the table of origins", program_.origins.size(), max_origins);
  check("the code", program_.code.size(), max_code);
}

void StructureCheck::check_name(const Where& where, const std::string& name) {
  if (name.size() <= static_cast<std::size_t>(max_name_bytes)) return;
  report(where, messages::dsa_name_too_long, name.size(), max_name_bytes);
}

void StructureCheck::check_tables() {
  check_name({"the program", {}}, program_.name);
  check_name({"the target", {}}, program_.target);
  for (std::size_t i = 0; i < program_.globals.size(); ++i) {
    const GlobalBuffer& buffer = program_.globals[i];
    const Where where{fmt::format("buffer g{}", i), span_at(places_.globals, i)};
    check_name(where, buffer.name);
    in_range(where, "its element type", static_cast<std::int64_t>(buffer.dtype), 0, max_dtype);
    in_range(where, "its rank", static_cast<std::int64_t>(buffer.shape.size()), 0, max_rank);
    for (const std::int64_t extent : buffer.shape) {
      in_range(where, "an extent", extent, 1, max_magnitude);
    }
    const auto dtype = static_cast<std::int64_t>(buffer.dtype);
    if (dtype < 0 || dtype > max_dtype) continue;
    const bool positive = std::all_of(buffer.shape.begin(), buffer.shape.end(),
                                      [](std::int64_t extent) { return extent >= 1; });
    if (positive && !buffer_bytes(buffer)) {
      report(where, messages::dsa_out_of_range, "its size in bytes", "too large", 1, max_magnitude);
    }
  }
  for (std::size_t i = 0; i < program_.locals.size(); ++i) {
    const LocalBuffer& local = program_.locals[i];
    const Where where{fmt::format("local l{}", i), span_at(places_.locals, i)};
    check_name(where, local.name);
    in_range(where, "its memory", static_cast<std::int64_t>(local.memory), 1, memory_count - 1);
    in_range(where, "its offset", local.offset_bytes, 0, max_magnitude);
    in_range(where, "its size", local.size_bytes, 0, max_magnitude);
  }
  for (std::size_t i = 0; i < program_.events.size(); ++i) {
    const Where where{fmt::format("event e{}", i), span_at(places_.events, i)};
    check_name(where, program_.events[i].name);
    in_range(where, "its number of credits", program_.events[i].credits, 0, INT32_MAX);
  }
  for (std::size_t i = 0; i < program_.barriers.size(); ++i) {
    const Where where{fmt::format("barrier b{}", i), span_at(places_.barriers, i)};
    in_range(where, "its number of arrivals", program_.barriers[i].arrivals, 1, engine_count);
  }
  for (std::size_t i = 0; i < program_.origins.size(); ++i) {
    const SourceOrigin& origin = program_.origins[i];
    const Where where{fmt::format("origin s{}", i), span_at(places_.origins, i)};
    check_name(where, origin.logic);
    check_name(where, origin.mapping);
    check_name(where, origin.rule);
  }
  if (program_.origins.empty() || program_.origins[0] != SourceOrigin{}) {
    report({"origin s0", {}}, messages::dsa_out_of_range, "row 0", "a place", "no", "place");
  }
}

void StructureCheck::check_affine(const Where& where, std::string_view what, const Affine& affine,
                                  bool is_extent) {
  const std::int64_t low = is_extent && affine.terms.empty() ? 0 : -max_magnitude;
  in_range(where, what, affine.constant, low, max_magnitude);
  in_range(where, fmt::format("the number of registers in {}", what),
           static_cast<std::int64_t>(affine.terms.size()), 0, max_affine_terms);
  for (const Affine::Term& term : affine.terms) {
    in_range(where, fmt::format("a register in {}", what), term.reg, 0, max_register);
    in_range(where, fmt::format("a coefficient in {}", what), term.coefficient, -max_magnitude,
             max_magnitude);
  }
}

void StructureCheck::check_operand(const Where& where, const IntegerOperand& operand) {
  check_affine(where, "its value", operand.value);
}

void StructureCheck::check_operand(const Where& where, const TileOperand& tile) {
  in_range(where, "its memory", static_cast<std::int64_t>(tile.memory), 0, memory_count - 1);
  const bool is_global = tile.memory == MemoryId::global;
  in_range(where, "its buffer", tile.buffer, 0,
           is_global ? static_cast<std::int64_t>(program_.globals.size()) - 1 : 0);
  in_range(where, "its element type in memory", static_cast<std::int64_t>(tile.storage), 0,
           max_dtype);
  in_range(where, "its element type", static_cast<std::int64_t>(tile.logical), 0, max_dtype);
  check_affine(where, "its address", tile.address);
  const auto axes = static_cast<std::int64_t>(tile.axes.size());
  in_range(where, "its number of dimensions", static_cast<std::int64_t>(tile.dims.size()), 0,
           max_rank);
  in_range(where, "its number of axes", axes, 0, max_rank);
  for (std::size_t d = 0; d < tile.dims.size(); ++d) {
    const OperandDim& dim = tile.dims[d];
    const std::string which = fmt::format("of dimension {}", d);
    check_affine(where, "the extent " + which, dim.extent, true);
    check_affine(where, "the start " + which, dim.start);
    in_range(where, "the number of digits " + which, static_cast<std::int64_t>(dim.digits.size()),
             1, max_rank);
    for (std::size_t i = 0; i < dim.digits.size(); ++i) {
      const OperandDigit& digit = dim.digits[i];
      in_range(where, "a digit's extent " + which, digit.extent, i == 0 ? 0 : 1, max_magnitude);
      in_range(where, "a digit's stride " + which, digit.stride_bytes, -max_magnitude,
               max_magnitude);
      in_range(where, "a digit's axis " + which, digit.axis, -1, axes - 1);
      in_range(where, "a digit's step " + which, digit.step, -max_magnitude, max_magnitude);
    }
  }
  for (const OperandAxis& axis : tile.axes) {
    check_affine(where, "the base of an axis", axis.base);
    in_range(where, "the extent of an axis", axis.extent, 0, max_magnitude);
  }
}

bool check_structure(const Program& program, const Places& places, Diagnostics& diagnostics) {
  return StructureCheck(program, places, diagnostics).run();
}

std::optional<std::int64_t> buffer_bytes(const GlobalBuffer& buffer) {
  auto bytes = static_cast<std::int64_t>(septran::size_bytes(buffer.dtype));
  for (const std::int64_t extent : buffer.shape) {
    if (extent < 1 || bytes > max_magnitude / extent) return std::nullopt;
    bytes *= extent;
  }
  return bytes;
}

}  // namespace septran::dsa
