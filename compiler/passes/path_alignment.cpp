#include "compiler/passes/path_alignment.h"

#include <fmt/format.h>

#include "compiler/base/count.h"
#include "compiler/base/messages.h"
#include "compiler/tile/visit.h"

namespace septran::passes {
namespace {

using tile::Program;
using tile::TileRef;

/// Why one side of a copy is not made of runs of such multiples; empty if it is.
std::string misalignment(const Program& program, const TileRef& ref, std::int64_t alignment) {
  const tile::Tensor& tensor = program[ref.tensor];
  const auto element_bytes = static_cast<std::int64_t>(size_bytes(tensor.storage));
  Expr begin;
  for (std::size_t a = 0; a < ref.view.base.size(); ++a) {
    begin += ref.view.base[a] * tensor.strides_bytes[a];
  }
  if (!is_multiple(program.vars.simplify(begin), alignment)) {
    return fmt::format(messages::misaligned_begin, tensor.name);
  }
  Expr run_bytes(element_bytes);
  for (const ViewDim& dim : ref.view.dims) {
    for (std::size_t i = 0; i < dim.digits.size(); ++i) {
      const Digit& digit = dim.digits[i];
      const std::int64_t step_bytes = digit.step * tensor.strides_bytes[digit.axis];
      if (step_bytes == element_bytes) {
        run_bytes = (i == 0 ? dim.extent : Expr(digit.extent)) * element_bytes;
      } else if (step_bytes % alignment != 0) {
        return fmt::format(messages::misaligned_rows, tensor.name, Counted{step_bytes});
      }
    }
  }
  if (is_multiple(program.vars.simplify(run_bytes), alignment)) return {};
  return fmt::format(messages::misaligned_runs, tensor.name);
}

}  // namespace

bool check_path_alignment(const Program& program, const PassContext& context) {
  bool fine = true;
  tile::for_each_statement(program.body, [&](const tile::Statement& statement) {
    const auto* copy = std::get_if<tile::DmaCopy>(&statement.node);
    if (copy == nullptr) return;
    const std::string& from = program[copy->src.tensor].memory;
    const std::string& to = program[copy->dst.tensor].memory;
    const PathSpec* path = context.machine.find_path(from, to);
    if (path == nullptr || path->alignment_bytes == 1) return;
    std::string why = misalignment(program, copy->src, path->alignment_bytes);
    if (why.empty()) why = misalignment(program, copy->dst, path->alignment_bytes);
    if (why.empty()) return;
    context.diagnostics.report(statement.origin.span(), messages::path_misaligned,
                               context.machine.name, from, to, path->alignment_bytes, why);
    fine = false;
  });
  return fine;
}

}  // namespace septran::passes
