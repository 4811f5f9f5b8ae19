// assign_layouts: gives every tensor its strides. All are row-major and dense; buffers that start
// at the memory's alignment.
#include "compiler/passes/rewrite.h"

namespace septran::passes {

Result<tile::Program> assign_layouts(tile::Program program, const PassContext& context) {
  for (tile::Tensor& tensor : program.tensors) {
    if (tensor.kind == tile::TensorKind::parameter) continue;
    tensor.strides_bytes.assign(tensor.shape.size(), 0);
    auto stride = static_cast<std::int64_t>(size_bytes(tensor.storage));
    for (std::size_t axis = tensor.shape.size(); axis-- > 0;) {
      tensor.strides_bytes[axis] = stride;
      stride *= max_extent(program, tensor.shape[axis]);
    }
    const MemorySpec* memory = context.machine.find_memory(tensor.memory);
    SEPTRAN_CHECK(memory != nullptr);
    tensor.slot_bytes = ceil_div(stride, memory->alignment_bytes) * memory->alignment_bytes;
  }
  return program;
}

}  // namespace septran::passes
