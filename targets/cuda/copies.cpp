// Copies: between memories by all threads together, and between memory and registers by the threads
// that hold them; in pieces of up to 16 bytes where both sides allow.
#include <algorithm>

#include "compiler/base/diagnostic.h"
#include "targets/cpu/access.h"
#include "targets/cuda/emitter.h"
#include "targets/cuda/products.h"

namespace septran::cuda {
namespace {

constexpr std::int64_t largest_piece = 16;      // bytes
constexpr std::int64_t most_on_the_way = 32;    // bytes that a thread loads before it stores
constexpr std::int64_t shifted_on_the_way = 8;  // pieces likewise, of a thread of few

/// The most elements (a power of two, in at most 16 bytes) that lie side by side along dimension d,
/// starting at every multiple of that number.
std::int64_t piece_of(const Access& access, std::size_t d) {
  const auto bytes = static_cast<std::int64_t>(size_bytes(access.storage));
  std::int64_t piece = std::min(largest_piece / bytes, access.aligned_elements);
  if (!access.axes.empty() || !access.is_linear(d)) return 1;
  if (access.swizzled_rows > 0) return access.swizzled_dims[1] == d ? piece : 1;
  if (access.stride(d) != 1) return 1;
  for (std::size_t other = 0; other < access.dims.size(); ++other) {
    if (other == d) continue;
    for (const Access::Step& step : access.dims[other].steps) {
      while (piece > 1 && step.stride % piece != 0) piece /= 2;
    }
    if (!access.is_linear(other) && access.dims[other].start != Expr(0)) return 1;
  }
  return piece;
}

std::int64_t common_piece(const Expr& extent, std::int64_t piece) {
  while (piece > 1 && !is_multiple(extent, piece)) piece /= 2;
  return piece;
}

std::string bytes_type(std::int64_t bytes) { return fmt::format("Bytes{}", bytes); }

/// The dimension along which pieces are taken; SIZE_MAX where there is none.
std::size_t piece_dim(const Access& dst, const Access& src) {
  for (std::size_t d = dst.dims.size(); d-- > 0;) {
    if (std::min(piece_of(dst, d), piece_of(src, d)) > 1) return d;
  }
  return SIZE_MAX;
}

/// Elements that a copy between memories moves at a time.
std::int64_t copy_pieces(const Access& dst, const Access& src, const std::vector<Expr>& extents,
                         const std::vector<Expr>& zeros_to) {
  const std::size_t along = piece_dim(dst, src);
  if (along == SIZE_MAX || dst.storage != src.storage || dst.logical != src.logical) return 1;
  std::int64_t piece =
      common_piece(extents[along], std::min(piece_of(dst, along), piece_of(src, along)));
  if (!zeros_to.empty()) piece = common_piece(zeros_to[along], piece);
  return piece * static_cast<std::int64_t>(size_bytes(dst.storage)) < 4 ? 1 : piece;
}

/// Whether whole pieces of a swizzled tile can be taken from rows that begin anywhere in GLOBAL.
bool can_shift(const Access& dst, const Access& src, const std::vector<Expr>& zeros_to) {
  const auto bytes = static_cast<std::int64_t>(size_bytes(src.storage));
  const std::size_t d = dst.swizzled_dims[1];
  return d != SIZE_MAX && bytes <= 4 && src.storage == dst.storage && src.logical == dst.logical &&
         piece_of(dst, d) * bytes == largest_piece && src.axes.empty() && src.is_linear(d) &&
         src.stride(d) == 1 && is_multiple(zeros_to[d], largest_piece / bytes);
}

/// Copies such a tile: each piece from the two pieces of GLOBAL that it lies in.
void copy_shifted(Emitter& e, const Access& dst, const Access& src,
                  const std::vector<Expr>& extents, const std::vector<Expr>& zeros_to) {
  const auto bytes = static_cast<std::int64_t>(size_bytes(src.storage));
  const std::size_t along = dst.swizzled_dims[1];
  std::vector<Expr> walked = zeros_to;
  walked[along] = e.vars().simplify(Expr::floor_div(walked[along], largest_piece / bytes));
  const std::int64_t unrolled =
      e.kernel().threads() > 128 ? shifted_on_the_way / 2 : shifted_on_the_way;
  e.thread_nest(walked, &src, unrolled, [&](const Point& point) {
    Position at = point.at;
    at[along] = fmt::format("({} * {})", at[along], largest_piece / bytes);
    std::string valid = fmt::format("(int)min({} - {}, {}) * {}", factor(extents[along], e.vars()),
                                    at[along], largest_piece / bytes, bytes);
    for (std::size_t d = 0; d < extents.size(); ++d) {
      if (d == along || extents[d] == zeros_to[d]) continue;
      valid = fmt::format("{} < {} ? {} : 0", at[d], factor(extents[d], e.vars()), valid);
    }
    const std::string piece =
        fmt::format("shifted_piece({} + {}, {})", src.pointer, offset_of(src, at, e.vars()), valid);
    e.out().line("*(Bytes16*)({} + {}) = {};", dst.pointer, offset_of(dst, at, e.vars()),
                 dst.to_tf32 ? fmt::format("to_tf32({})", piece) : piece);
  });
}

/// Between memories. With `zeros_to`, positions up to there that lie beyond the extents get zeros.
void copy_in_memory(Emitter& e, const Access& dst, const Access& src,
                    const std::vector<Expr>& extents, const std::vector<Expr>& zeros_to) {
  Writer& out = e.out();
  const std::size_t along = piece_dim(dst, src);
  const std::int64_t piece = copy_pieces(dst, src, extents, zeros_to);
  const auto bytes = piece * static_cast<std::int64_t>(size_bytes(dst.storage));
  std::vector<Expr> walked = zeros_to.empty() ? extents : zeros_to;
  if (piece > 1) walked[along] = e.vars().simplify(Expr::floor_div(walked[along], piece));
  const Access& leading = dst.swizzled_rows > 0 ? src : dst;
  e.thread_nest(walked, &leading, most_on_the_way / bytes, [&](const Point& point) {
    Position at = point.at;
    if (piece > 1) at[along] = fmt::format("({} * {})", at[along], piece);
    std::string guard;
    for (std::size_t d = 0; d < extents.size() && !zeros_to.empty(); ++d) {
      if (extents[d] == zeros_to[d]) continue;
      guard += fmt::format("{}{} < {}", guard.empty() ? "" : " && ", at[d],
                           factor(extents[d], e.vars()));
    }
    if (piece == 1) {
      std::string value = raw(src, at, e.vars());
      if (!guard.empty())
        value = fmt::format("({}) ? {} : {}(0)", guard, value, cpu::c_type(src.storage));
      value = fmt::format("{}({})", dst.to_tf32 ? "to_tf32" : "", value);
      out.raw(store(dst, at, src.storage, value, e.vars()));
      return;
    }
    const std::string type = bytes_type(bytes);
    const std::string from =
        fmt::format("*(const {}*)({} + {})", type, src.pointer, offset_of(src, at, e.vars()));
    const std::string value =
        guard.empty() ? from : fmt::format("({}) ? {} : {}{{}}", guard, from, type);
    out.line("*({}*)({} + {}) = {};", type, dst.pointer, offset_of(dst, at, e.vars()),
             dst.to_tf32 ? fmt::format("to_tf32({})", value) : value);
  });
}

void copy_registers(Emitter& e, const RegisterTile& dst, const RegisterTile& src) {
  std::vector<std::size_t> dims(dst.layout.dims.size());
  for (std::size_t d = 0; d < dims.size(); ++d) dims[d] = d;
  e.register_nest(dst.layout, dst.paired, [&](const std::vector<Point>& points) {
    const std::string to = Emitter::register_number(dst.layout, dims, points[0]);
    const auto value = [&](const Point& point) {
      return read_register(src, Emitter::register_number(src.layout, dims, point), src.element);
    };
    if (dst.paired) {
      e.out().line("{}[({}) / 2] = f32_to_{}_pair({}, {});", dst.name, to, name(dst.element),
                   cpu::converted(src.element, DType::f32, value(points[0])),
                   cpu::converted(src.element, DType::f32, value(points[1])));
      return;
    }
    e.out().line("{}[{}] = {};", dst.name, to,
                 encoded(dst.logical, dst.element, src.element, value(points[0])));
  });
}

/// Whether values move between a register tile and memory of a type through words of 32 bits.
bool moves_by_words(const RegisterTile& tile, const Access& access) {
  const auto is_half = [](DType t) { return t == DType::f16 || t == DType::bf16; };
  const bool whole =
      (tile.element == DType::f32 || tile.element == DType::i32) && access.storage == tile.element;
  const bool widened = tile.element == DType::f32 && is_half(access.storage);
  const bool paired = tile.paired && access.storage == tile.element;
  return whole || widened || paired;
}

/// Copies between registers and memory, several neighbouring columns at a time.
class PieceCopy {
 public:
  PieceCopy(Emitter& e, const RegisterTile& tile, const Access& access,
            const std::vector<Expr>& extents)
      : e_(e), out_(e.out()), tile_(tile), access_(access), extents_(extents) {
    last_ = tile.layout.dims.size() - 1;
    if (last_ > 1 || !moves_by_words(tile, access)) return;
    const std::int64_t most = common_piece(extents[last_], piece_of(access, last_));
    by_fours_ = are_fragments() && most >= 8;
    const LayoutDigit& digit = tile.layout.dims[last_].back();
    if (digit.offset != 1 || digit.thread != 0) return;
    piece_ = by_fours_ ? 8 : std::min(digit.extent, most);
    bytes_ = piece_ * static_cast<std::int64_t>(size_bytes(access.storage));
    if (bytes_ < 4 || bytes_ > 16) piece_ = 1;
  }

  [[nodiscard]] bool is_possible() const { return piece_ > 1; }

  void emit(bool to_memory) {
    const bool by_fours = to_memory && by_fours_;
    if (!by_fours && by_fours_) piece_ = 2, bytes_ = 4;
    // The same layout, its last dimension counted in pieces.
    Layout outer = tile_.layout;
    LayoutDim& last = outer.dims[last_];
    last.back().extent /= by_fours ? last.back().extent : piece_;
    if (by_fours) last.front().extent /= 4;
    e_.register_nest(outer, false, [&](const std::vector<Point>& points) {
      Point scaled = points[0];
      scaled.at[last_] = fmt::format("({} * {})", scaled.at[last_], piece_);
      const std::string guard = e_.within(tile_.layout, extents_, scaled);
      const std::string number = first_register(outer, points[0], by_fours);
      out_.line("{}Bytes{} piece;", by_fours ? "alignas(16) " : "", bytes_);
      if (by_fours) exchange(number);
      if (!guard.empty()) out_.open("if ({})", guard);
      const std::string pointer =
          fmt::format("({} + {})", access_.pointer, offset_of(access_, scaled.at, e_.vars()));
      if (to_memory && !by_fours) collect(number);
      if (to_memory) {
        out_.line("*(Bytes{}*){} = piece;", bytes_, pointer);
      } else {
        spread(pointer, number);
      }
      if (!guard.empty()) out_.close();
    });
  }

 private:
  /// Whether four threads side by side hold two columns each of every 8, as sums of products lie,
  /// in groups of four such: by exchange, each comes to hold 8 columns of one.
  [[nodiscard]] bool are_fragments() const {
    const LayoutDim& dim = tile_.layout.dims[last_];
    return last_ == 1 && dim.size() == 3 && dim[0].extent % 4 == 0 && dim[0].offset == 4 &&
           dim[1] == LayoutDigit{4, 1, 0} && dim[2] == LayoutDigit{2, 0, 1} && !tile_.paired &&
           tile_.element == DType::f32 && size_bytes(access_.storage) == 2;
  }

  /// The number of a piece's first register.
  [[nodiscard]] std::string first_register(const Layout& outer, const Point& point,
                                           bool by_fours) const {
    Layout counted = outer;
    if (by_fours) {
      counted.dims[last_].front().offset *= 4;
    } else {
      counted.dims[last_].back().offset *= piece_;
    }
    std::vector<std::size_t> dims{0, 1};
    dims.resize(last_ + 1);
    return Emitter::register_number(counted, dims, point);
  }

  void exchange(const std::string& number) {
    for (int w = 0; w < 4; ++w) {
      out_.line("piece.w[{}] = f32_to_{}_pair({}[{} + {}], {}[{} + {}]);", w, name(access_.storage),
                tile_.name, number, 4 * w, tile_.name, number, 4 * w + 1);
    }
    out_.line("exchange_by_fours(piece, thread);");
  }

  void collect(const std::string& number) {
    const bool narrow = tile_.element == DType::f32 && access_.storage != DType::f32;
    for (std::int64_t w = 0; w < bytes_ / 4; ++w) {
      std::string word;
      if (tile_.paired) {
        word = fmt::format("{}[({}) / 2 + {}]", tile_.name, number, w);
      } else if (narrow) {
        word = fmt::format("f32_to_{0}_pair({1}[{2} + {3}], {1}[{2} + {4}])", name(access_.storage),
                           tile_.name, number, 2 * w, 2 * w + 1);
      } else {
        word = fmt::format("bits_of({}[{} + {}])", tile_.name, number, w);
      }
      out_.line("piece.w[{}] = {};", w, word);
    }
  }

  void spread(const std::string& pointer, const std::string& number) {
    out_.line("piece = *(const Bytes{}*){};", bytes_, pointer);
    const bool widens = tile_.element == DType::f32 && access_.storage != DType::f32;
    for (std::int64_t w = 0; w < bytes_ / 4; ++w) {
      if (tile_.paired) {
        out_.line("{}[({}) / 2 + {}] = piece.w[{}];", tile_.name, number, w, w);
      } else if (widens) {
        for (int half = 0; half < 2; ++half) {
          out_.line("{}[{} + {}] = {}_to_f32(half_of(piece.w[{}], {}));", tile_.name, number,
                    2 * w + half, name(access_.storage), w, half);
        }
      } else {
        out_.line("{}[{} + {}] = {}(piece.w[{}]);", tile_.name, number, w,
                  tile_.element == DType::i32 ? "(int32_t)" : "float_of", w);
      }
    }
  }

  Emitter& e_;
  Writer& out_;
  const RegisterTile& tile_;
  const Access& access_;
  const std::vector<Expr>& extents_;
  std::size_t last_ = 0;  // dimension along which pieces lie
  bool by_fours_ = false;
  std::int64_t piece_ = 1;  // columns
  std::int64_t bytes_ = 0;
};

/// Whether two by two, elements of a swizzled tile come to the places where sums of products lie:
/// the matrices of 8 rows of 16 bytes that a warp loads together.
bool comes_by_matrices(const Emitter& e, const RegisterTile& dst, const Access& src,
                       const std::vector<Expr>& extents) {
  if (!dst.paired || dst.element != src.storage || dst.layout.dims.size() != 2) return false;
  const LayoutDim& rows = dst.layout.dims[0];
  const LayoutDim& columns = dst.layout.dims[1];
  const bool sums = rows.size() == 5 && rows[2] == LayoutDigit{4, 32, 0} &&
                    rows[3] == LayoutDigit{2, 0, 2} && rows[4] == LayoutDigit{8, 4, 0} &&
                    columns.size() == 3 && columns[0].offset == 4 &&
                    columns[1] == LayoutDigit{4, 1, 0} && columns[2] == LayoutDigit{2, 0, 1};
  const bool whole =
      extents[0] == Expr(dst.layout.room(0)) && extents[1] == Expr(dst.layout.room(1));
  return sums && whole && e.machine().cuda.warpgroup_products && columns[0].extent % 2 == 0 &&
         src.swizzled_rows > 0 && src.swizzled_dims == std::vector<std::size_t>{0, 1} &&
         piece_of(src, 1) == 8;
}

/// Four matrices at a time: of 16 rows and 16 columns, of which each lane names a row's half.
void copy_by_matrices(Emitter& e, const RegisterTile& dst, const Access& src) {
  Layout lanes = dst.layout;
  lanes.dims[0].resize(3);
  lanes.dims[0].push_back({16, 1, 0});
  lanes.dims[1] = {{dst.layout.dims[1][0].extent / 2, 0, 8}, {2, 16, 0}};
  e.register_nest(lanes, false, [&](const std::vector<Point>& points) {
    Position at = points[0].at;
    at[1] = fmt::format("({} * 8)", at[1]);
    e.out().line("uint32_t piece[4];");
    e.out().line("load_matrices(piece, shared_address({} + {}));", src.pointer,
                 offset_of(src, at, e.vars()));
    const std::string number = Emitter::register_number(lanes, {0, 1}, points[0]);
    for (int w = 0; w < 4; ++w)
      e.out().line("{}[({}) / 2 + {}] = piece[{}];", dst.name, number, w, w);
  });
}

void copy_to_registers(Emitter& e, const RegisterTile& dst, const Access& src,
                       const std::vector<Expr>& extents) {
  if (comes_by_matrices(e, dst, src, extents)) return copy_by_matrices(e, dst, src);
  PieceCopy pieces(e, dst, src, extents);
  const bool keeps = dst.logical == dst.element || dst.logical == src.storage;
  if (pieces.is_possible() && keeps) return pieces.emit(false);
  std::vector<std::size_t> dims{0, 1};
  dims.resize(dst.layout.dims.size());
  e.register_nest(dst.layout, dst.paired, [&](const std::vector<Point>& points) {
    const std::string number = Emitter::register_number(dst.layout, dims, points[0]);
    const auto value = [&](const Point& point) {
      const std::string guard = e.within(dst.layout, extents, point);
      const std::string read = raw(src, point.at, e.vars());
      return guard.empty()
                 ? read
                 : fmt::format("(({}) ? {} : {}(0))", guard, read, cpu::c_type(src.storage));
    };
    if (dst.paired) {
      const auto narrow = [&](const Point& point) {
        return cpu::converted(src.storage, dst.element, value(point));
      };
      e.out().line("{}[({}) / 2] = pair({}, {});", dst.name, number, narrow(points[0]),
                   narrow(points[1]));
      return;
    }
    e.out().line("{}[{}] = {};", dst.name, number,
                 encoded(dst.logical, dst.element, src.storage, value(points[0])));
  });
}

void copy_from_registers(Emitter& e, const Access& dst, const RegisterTile& src,
                         const std::vector<Expr>& extents) {
  PieceCopy pieces(e, src, dst, extents);
  if (pieces.is_possible() && dst.logical == dst.storage) return pieces.emit(true);
  std::vector<std::size_t> dims{0, 1};
  dims.resize(src.layout.dims.size());
  e.register_nest(src.layout, false, [&](const std::vector<Point>& points) {
    const std::string guard = e.within(src.layout, extents, points[0]);
    const std::string number = Emitter::register_number(src.layout, dims, points[0]);
    e.out().line(
        "{}{}", guard.empty() ? "" : fmt::format("if ({}) ", guard),
        store(dst, points[0].at, src.element, read_register(src, number, src.element), e.vars()));
  });
}

}  // namespace

void emit_copy(Emitter& emitter, const Operand& dst, const Operand& src,
               const std::vector<Expr>& extents) {
  const bool to_registers = dst.kind == Operand::Kind::registers;
  const bool from_registers = src.kind == Operand::Kind::registers;
  if (to_registers && from_registers) return copy_registers(emitter, dst.tile, src.tile);
  if (to_registers) return copy_to_registers(emitter, dst.tile, src.access, extents);
  if (from_registers) return copy_from_registers(emitter, dst.access, src.tile, extents);
  copy_in_memory(emitter, dst.access, src.access, extents, {});
}

void emit_dma_copy(Emitter& emitter, const tile::DmaCopy& copy) {
  const Operand dst = emitter.operand(copy.dst, "to");
  const Operand src = emitter.operand(copy.src, "from");
  std::vector<Expr> extents;
  for (const ViewDim& dim : copy.dst.view.dims)
    extents.push_back(emitter.vars().simplify(dim.extent));
  if (copy.dst.tensor == copy.src.tensor && dst.kind == Operand::Kind::memory) {
    // The two may overlap.
    Operand spare = src;
    spare.access.logical = src.access.storage;
    spare.access = emitter.declare_spare(spare.access, "aside");
    emitter.out().open("{}", "");
    emit_copy(emitter, spare, src, extents);
    emitter.out().close();
    emitter.barrier();
    return emit_copy(emitter, dst, spare, extents);
  }
  const bool for_tensor_cores =
      emitter.place(copy.dst.tensor).kind == TilePlace::Kind::swizzled && is_corner(copy.dst.view);
  if (for_tensor_cores && src.kind == Operand::Kind::memory) {
    // Beyond the edge there are zeros, which add nothing to sums.
    const tile::Tensor& tensor = emitter.program()[copy.dst.tensor];
    const std::vector<Expr> whole{swizzled_rows(tensor.shape[0].offset()), padded_columns(tensor)};
    const bool global = emitter.place(copy.src.tensor).kind == TilePlace::Kind::global;
    if (global && copy_pieces(dst.access, src.access, extents, whole) == 1 &&
        can_shift(dst.access, src.access, whole)) {
      return copy_shifted(emitter, dst.access, src.access, extents, whole);
    }
    return copy_in_memory(emitter, dst.access, src.access, extents, whole);
  }
  emit_copy(emitter, dst, src, extents);
}

}  // namespace septran::cuda
