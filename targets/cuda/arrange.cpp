#include "targets/cuda/arrange.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "compiler/tile/visit.h"
#include "targets/cuda/layout.h"
#include "targets/cuda/products.h"

namespace septran::cuda {
namespace {

using tile::Block;
using tile::DmaCopy;
using tile::Program;
using tile::Statement;
using tile::Tensor;
using tile::TensorId;
using tile::TensorKind;

constexpr std::int64_t copy_alignment = 16;    // bytes, of rows that the copy engine reads
constexpr std::int64_t pitch_alignment = 128;  // of a line of the cache
/// What a kernel brings to shared memory, for each byte that is arranged: less is not worth it.
constexpr std::int64_t least_use = 2;
constexpr std::int64_t warp_bytes = 1024;  // of a row that a warp copies at a time
constexpr std::int64_t tile_rows = 128;    // that a block transposes at a time

std::int64_t element_bytes(const Tensor& tensor) {
  return static_cast<std::int64_t>(size_bytes(tensor.storage));
}

std::int64_t extent_of(const Tensor& tensor, std::size_t axis) {
  return tensor.shape[axis].constant().value_or(0);
}

bool is_constant(const Tensor& tensor) {
  return std::all_of(tensor.shape.begin(), tensor.shape.end(),
                     [](const Expr& extent) { return extent.constant().has_value(); });
}

bool has_odd_rows(const Tensor& tensor) {
  for (std::size_t a = 0; a + 1 < tensor.shape.size(); ++a) {
    if (tensor.strides_bytes[a] % copy_alignment != 0) return true;
  }
  return false;
}

/// Dense, but for rows that take multiples of `pitch_alignment`.
void pad_rows(Tensor& tensor) {
  const std::size_t rank = tensor.shape.size();
  tensor.strides_bytes.assign(rank, element_bytes(tensor));
  std::int64_t stride =
      ceil_div(extent_of(tensor, rank - 1) * element_bytes(tensor), pitch_alignment) *
      pitch_alignment;
  for (std::size_t a = rank - 1; a-- > 0;) {
    tensor.strides_bytes[a] = stride;
    stride *= extent_of(tensor, a);
  }
  tensor.slot_bytes = stride;
}

void swap_axes(View& view, std::uint32_t first, std::uint32_t second) {
  std::swap(view.base[first], view.base[second]);
  for (ViewDim& dim : view.dims) {
    for (Digit& digit : dim.digits) {
      if (digit.axis == first) {
        digit.axis = second;
      } else if (digit.axis == second) {
        digit.axis = first;
      }
    }
  }
}

/// What one statement of the program's top, the loop of a kernel, wants arranged.
class Wishes {
 public:
  Wishes(Program& program, const Machine& machine, const std::set<std::uint32_t>& written)
      : program_(program), machine_(machine), written_(written) {}

  /// Bytes brought to shared memory from tensors that would be arranged, and bytes of these.
  std::int64_t brought_bytes = 0;
  std::int64_t arranged_bytes = 0;

  void collect(Statement& statement) {
    find_buffers(statement);
    count(statement, 1);
    for (const auto& [key, why] : tensors) {
      const Tensor& tensor = program_.tensors[key.first];
      if (tensor.kind == TensorKind::argument) arranged_bytes += tensor.slot_bytes;
    }
  }

  /// By tensor and whether it is transposed: why.
  std::map<std::pair<std::uint32_t, bool>, std::string> tensors;
  std::set<std::uint32_t> turned_buffers;  // whose axes change places
  std::vector<DmaCopy*> copies;

 private:
  /// Buffers of factors whose neighbours along k would have to lie side by side, and do not.
  void find_buffers(const Statement& statement) {
    std::set<std::uint32_t> kept;
    const auto look = [&](const Statement& s) {
      const auto* mma = std::get_if<tile::Mma>(&s.node);
      const auto* copy = std::get_if<DmaCopy>(&s.node);
      for (const auto& use : tile::operands(s)) {
        const std::uint32_t id = use.tile->tensor.value;
        const bool factor = mma != nullptr && use.index > 0;
        const bool filled = copy != nullptr && use.tile == &copy->dst &&
                            s.engine == copying_engine && can_turn(*copy);
        if (factor && wants_turn(*mma, use.index)) {
          turned_buffers.insert(id);
        } else if (!filled) {
          kept.insert(id);
        }
      }
    };
    tile::for_each_statement(statement, look);
    std::erase_if(turned_buffers, [&](std::uint32_t id) { return kept.contains(id); });
  }

  [[nodiscard]] bool wants_turn(const tile::Mma& mma, std::size_t index) const {
    const tile::TileRef& tile = index == 1 ? mma.a : mma.b;
    const Tensor& tensor = program_[tile.tensor];
    if (tensor.memory != "SHARED" || element_bytes(tensor) == 2) return false;
    TensorCoreProduct product;
    if (!why_not_tensor_cores(program_, machine_, mma, product).empty()) return false;
    if (index == 1 ? product.a_by_k : product.b_by_k) return false;
    // As a tile of panels, it must still fit where it lies.
    return swizzled_bytes(swizzled_rows(extent_of(tensor, 1)), extent_of(tensor, 0),
                          element_bytes(tensor)) <= tensor.slot_bytes;
  }

  /// A box of the last two axes of an argument, as they are, into a matrix.
  [[nodiscard]] bool can_turn(const DmaCopy& copy) const {
    const Tensor& src = program_[copy.src.tensor];
    const std::size_t rank = src.shape.size();
    const auto axes = [](const View& view) {
      return std::pair(view.dims[0].digits[0].axis, view.dims[1].digits[0].axis);
    };
    return is_arrangeable(copy) && copy.src.view.rank() == 2 && copy.dst.view.rank() == 2 &&
           copy.dst.view.is_box() && axes(copy.dst.view) == std::pair(0U, 1U) &&
           axes(copy.src.view) == std::pair(static_cast<std::uint32_t>(rank - 2),
                                            static_cast<std::uint32_t>(rank - 1));
  }

  [[nodiscard]] bool is_arrangeable(const DmaCopy& copy) const {
    const Tensor& src = program_[copy.src.tensor];
    return src.kind == TensorKind::argument && src.memory == "GLOBAL" && is_constant(src) &&
           src.shape.size() >= 2 && !src.is_output && element_bytes(src) <= 4 &&
           !written_.contains(copy.src.tensor.value) && copy.src.view.is_box();
  }

  /// Whether padded rows would let the copy engine make the copy.
  [[nodiscard]] bool wants_rows(const DmaCopy& copy) const {
    const Tensor& src = program_[copy.src.tensor];
    if (!machine_.cuda.bulk_copies || src.memory != "GLOBAL" || src.shape.size() < 2) return false;
    if (!copy.src.view.is_box() || program_[copy.dst.tensor].memory != "SHARED") return false;
    return has_odd_rows(src) && src.storage == program_[copy.dst.tensor].storage &&
           (is_arrangeable(copy) || src.kind == TensorKind::temporary);
  }

  void count(Statement& statement, std::int64_t times) {
    std::int64_t inner = times;
    if (const auto* loop = std::get_if<tile::Loop>(&statement.node)) {
      const VarInfo& info = program_.vars[loop->var];
      inner *= std::max<std::int64_t>(1, program_.vars.range(info.end - info.begin).hi);
    }
    if (auto* copy = std::get_if<DmaCopy>(&statement.node)) {
      if (statement.engine == copying_engine) wish(*copy, times);
    }
    for (Block* block : tile::child_blocks(statement)) {
      for (Statement& child : *block) count(child, inner);
    }
  }

  void wish(DmaCopy& copy, std::int64_t times) {
    const Tensor& src = program_[copy.src.tensor];
    const bool turned = turned_buffers.contains(copy.dst.tensor.value);
    if (!turned && !wants_rows(copy)) return;
    brought_bytes += times * program_[copy.dst.tensor].slot_bytes;
    copies.push_back(&copy);
    tensors[{copy.src.tensor.value, turned}] =
        turned ? fmt::format("neighbours along k of {} do not lie side by side", src.name)
               : fmt::format("a row of {} takes {} bytes, not a multiple of {}", src.name,
                             src.strides_bytes[src.shape.size() - 2], copy_alignment);
  }

  Program& program_;
  const Machine& machine_;
  const std::set<std::uint32_t>& written_;
};

class Arranger {
 public:
  Arranger(Program program, const Machine& machine) : machine_(machine) {
    result_.program = std::move(program);
  }

  Arranged run() {
    Program& program = result_.program;
    std::set<std::uint32_t> written;
    std::int64_t taken = 0;
    for (const Tensor& tensor : program.tensors) {
      if (tensor.memory == "GLOBAL") taken += tensor.slot_bytes * tensor.depth;
    }
    tile::for_each_statement(program.body, [&](const Statement& statement) {
      for (const auto& use : tile::operands(statement)) {
        if (writes(use.access)) written.insert(use.tile->tensor.value);
      }
    });
    const MemorySpec* memory = machine_.find_memory("GLOBAL");
    for (Statement& statement : program.body) {
      Wishes wishes(program, machine_, written);
      wishes.collect(statement);
      const std::int64_t more = wishes.arranged_bytes * 2;  // rows may get longer
      if (wishes.copies.empty() || wishes.brought_bytes < least_use * wishes.arranged_bytes ||
          memory == nullptr || taken + more > memory->size_bytes) {
        continue;
      }
      taken += more;
      fulfil(wishes, statement);
    }
    return std::move(result_);
  }

 private:
  void fulfil(const Wishes& wishes, Statement& statement) {
    Program& program = result_.program;
    std::map<std::pair<std::uint32_t, bool>, TensorId> to;
    for (const auto& [key, why] : wishes.tensors) {
      if (program.tensors[key.first].kind == TensorKind::temporary) {
        if (has_odd_rows(program.tensors[key.first])) pad_rows(program.tensors[key.first]);
      } else {
        to[key] = arranged(TensorId{key.first}, key.second, why);
      }
    }
    for (DmaCopy* copy : wishes.copies) {
      const bool turned = wishes.turned_buffers.contains(copy->dst.tensor.value);
      const auto at = to.find({copy->src.tensor.value, turned});
      if (at == to.end()) continue;
      copy->src.tensor = at->second;
      if (!turned) continue;
      const auto last = static_cast<std::uint32_t>(copy->src.view.base.size() - 1);
      swap_axes(copy->src.view, last - 1, last);
      std::swap(copy->src.view.dims[0], copy->src.view.dims[1]);
      std::swap(copy->dst.view.dims[0], copy->dst.view.dims[1]);  // and its axes below
    }
    for (const std::uint32_t id : wishes.turned_buffers) turn(id, statement);
  }

  void turn(std::uint32_t id, Statement& statement) {
    Tensor& tensor = result_.program.tensors[id];
    std::swap(tensor.shape[0], tensor.shape[1]);
    tensor.strides_bytes = {extent_of(tensor, 1) * element_bytes(tensor), element_bytes(tensor)};
    const auto look = [&](Statement& s) {
      for (const auto& use : tile::operands(s)) {
        if (use.tile->tensor.value == id) swap_axes(use.tile->view, 0, 1);
      }
    };
    tile::for_each_statement(statement, look);
  }

  TensorId arranged(TensorId from, bool transposed, const std::string& why) {
    for (const Arrangement& one : result_.arrangements) {
      if (one.from == from && one.transposed == transposed) return one.to;
    }
    Tensor tensor = result_.program[from];
    tensor.kind = TensorKind::temporary;
    tensor.is_input = tensor.is_output = false;
    tensor.name += transposed ? "_turned" : "_rows";
    const std::size_t rank = tensor.shape.size();
    if (transposed) std::swap(tensor.shape[rank - 2], tensor.shape[rank - 1]);
    pad_rows(tensor);
    const TensorId to = result_.program.add_tensor(std::move(tensor));
    result_.arrangements.push_back({from, to, transposed, why});
    return to;
  }

  const Machine& machine_;
  Arranged result_;
};

/// Of the tensor that is arranged: matrices, and rows and columns of each.
struct Extents {
  std::int64_t matrices = 1;
  std::int64_t rows = 1;
  std::int64_t columns = 1;
};

Extents extents_of(const Tensor& tensor) {
  Extents extents;
  const std::size_t rank = tensor.shape.size();
  for (std::size_t a = 0; a + 2 < rank; ++a) extents.matrices *= extent_of(tensor, a);
  extents.rows = extent_of(tensor, rank - 2);
  extents.columns = extent_of(tensor, rank - 1);
  return extents;
}

}  // namespace

Arranged arrange(Program program, const Machine& machine) {
  return Arranger(std::move(program), machine).run();
}

std::string arranging_text(const Program& program, const Arrangement& one, const std::string& from,
                           const std::string& to) {
  const Tensor& tensor = program[one.from];
  const Tensor& result = program[one.to];
  const Extents e = extents_of(tensor);
  const std::int64_t bytes = element_bytes(tensor);
  const std::int64_t pitch = result.strides_bytes[result.shape.size() - 2];
  if (one.transposed) {
    return fmt::format("turn_rows<{}>({}, (const char *){}, {}, {}, {}, {}, tile);", bytes, to,
                       from, e.matrices, e.rows, e.columns, pitch);
  }
  return fmt::format("pad_rows({}, (const char *){}, {}, {}, {});", to, from, e.matrices * e.rows,
                     e.columns * bytes, pitch);
}

std::int64_t arranging_blocks(const Program& program, const Machine& machine,
                              const std::vector<Arrangement>& arrangements) {
  std::int64_t most = 1;
  for (const Arrangement& one : arrangements) {
    const Tensor& tensor = program[one.from];
    const Extents e = extents_of(tensor);
    const std::int64_t bytes = element_bytes(tensor);
    const std::int64_t tiles =
        e.matrices * ceil_div(e.rows, tile_rows) * ceil_div(e.columns * bytes, pitch_alignment);
    const std::int64_t warps = e.matrices * e.rows * ceil_div(e.columns * bytes, warp_bytes);
    most = std::max(most, one.transposed ? tiles : ceil_div(warps, arranging_threads / 32));
  }
  return std::min<std::int64_t>(most, arranging_together * machine.block_count());
}

}  // namespace septran::cuda
