// Operands in memory that come to registers before an operation on tiles there.
#include "targets/cpu/access.h"
#include "targets/cuda/roles.h"
#include "targets/cuda/vec_writer.h"

namespace septran::cuda {
namespace {

constexpr std::int64_t registers_for_code = 24;  // of a thread: addresses, values in the making
constexpr std::int64_t most_registers = 128;     // of a thread whose share nobody has set

}  // namespace

/// What lies in memory and meets tiles comes to registers first, if there it is loaded side by
/// side: values a column, and matrices. Beside sums of products, that takes room in registers.
void VecWriter::gather() {
  for (std::size_t o = 1; o < operands_.size(); ++o) {
    const std::optional<Layout> layout = iteration_layout();
    if (operands_[o].kind != Operand::Kind::memory || type_ != DType::f32) continue;
    const DType storage = operands_[o].access.storage;
    const bool narrow = size_bytes(storage) == 2;  // two in a register
    const std::int64_t width = extents_.size() == 2 ? layout->dims[1].back().extent : 1;
    if (width < 2 || (width == 2 && !narrow)) continue;
    const bool columns = space_.operand_dims[o] == std::vector<std::size_t>{1};
    if (!columns && space_.operand_dims[o] != std::vector<std::size_t>{0, 1}) continue;
    if (width == 2 && !has_room((columns ? layout->vector_of(1) : *layout).offsets() / 2)) continue;
    const DType kept = narrow ? storage : type_;
    Operand gathered;
    gathered.kind = Operand::Kind::registers;
    gathered.tile = {fmt::format("gathered{}", o), columns ? layout->vector_of(1) : *layout, kept,
                     kept, narrow};
    const std::int64_t count = gathered.tile.layout.offsets();
    out_.line("{} {}[{}];", narrow ? "uint32_t" : cpu::c_type(type_), gathered.tile.name,
              narrow ? ceil_div(count, 2) : count);
    out_.open("{}", "");
    emit_copy(e_, gathered, operands_[o], columns ? std::vector<Expr>{extents_[1]} : extents_);
    out_.close();
    operands_[o] = gathered;
  }
}

/// Whether threads that hold this operation's tiles have so many registers left.
bool VecWriter::has_room(std::int64_t registers) const {
  std::int64_t taken = registers + registers_for_code;
  for (const Operand& operand : operands_) {
    if (operand.kind != Operand::Kind::registers || operand.tile.layout.dims.size() != 2) continue;
    const std::int64_t count = operand.tile.layout.offsets();
    taken += operand.tile.paired ? ceil_div(count, 2) : count;
    if (&operand != operands_.data() && operand.tile.name == operands_[0].tile.name) taken -= count;
  }
  const int most = role_registers(e_.kernel()).consumer;
  return most > 0 ? taken <= most : taken <= most_registers;
}

}  // namespace septran::cuda
