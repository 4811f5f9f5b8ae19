// Where the elements of a tile lie: one representation for tiles spread over the registers of a
// block's threads (fragments of warpgroup products, rows of memory-bound kernels, vectors of one
// value a row) and for tiles in shared memory (swizzled for the tensor cores and the copy engine).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace septran::cuda {

/// One digit of a dimension's mixed-radix position: how far a count of it moves the owner and the
/// offset within the owner (a register's number, or bytes of shared memory).
struct LayoutDigit {
  std::int64_t extent = 1;
  std::int64_t thread = 0;
  std::int64_t offset = 0;
  bool operator==(const LayoutDigit&) const = default;
};

/// A dimension: its digits, the slowest first. Their extents multiply to at least the dimension's.
using LayoutDim = std::vector<LayoutDigit>;

/// Bits of an offset that others are xored onto: `bits` of them, from bit `from` on onto bit
/// `onto`.
struct Swizzle {
  int bits = 0;
  int from = 0;
  int onto = 0;
  [[nodiscard]] std::int64_t apply(std::int64_t offset) const {
    const std::int64_t mask = (std::int64_t{1} << bits) - 1;
    return offset ^ (((offset >> from) & mask) << onto);
  }
  bool operator==(const Swizzle&) const = default;
};

struct Place {
  std::int64_t thread = 0;
  std::int64_t offset = 0;
  auto operator<=>(const Place&) const = default;
};

struct Layout {
  std::vector<LayoutDim> dims;
  Swizzle swizzle{};

  /// Product of a dimension's digits: positions that it has room for.
  [[nodiscard]] std::int64_t room(std::size_t dim) const;
  /// Offsets that one owner holds.
  [[nodiscard]] std::int64_t offsets() const;
  /// The owner with the lowest number, and the offset there. Threads that differ in no digit of
  /// these dimensions hold copies.
  [[nodiscard]] Place at(const std::vector<std::int64_t>& position) const;
  /// The layout of what has one value for each position of one dimension only: the same owners,
  /// offsets renumbered densely.
  [[nodiscard]] Layout vector_of(std::size_t dim) const;
  bool operator==(const Layout&) const = default;
};

/// The accumulators of products of warpgroups: `rows` (a multiple of 64 * warpgroups) are dealt to
/// `warpgroups`, a contiguous share each; `cols` is a multiple of 8. Register r of a thread is
/// number r of the fragment of m64nNk16 for each 64 rows. With 16-bit elements it is the fragment
/// of A as well, for each 16 columns.
Layout accumulator_layout(std::int64_t rows, std::int64_t cols, std::int64_t warpgroups);

/// A grid of threads / lanes rows and `lanes` threads along each, which hold `width` neighbouring
/// columns at a time.
Layout grid_layout(std::int64_t rows, std::int64_t cols, std::int64_t threads, std::int64_t lanes,
                   std::int64_t width);

/// Row-major in shared memory, in panels of 128 bytes of columns, each row's 16-byte pieces xored
/// with its number modulo 8: what bulk copies write and the tensor cores read without bank
/// conflicts. Offsets are bytes. `rows` is a multiple of 8.
Layout swizzled_layout(std::int64_t rows, std::int64_t cols, std::int64_t element_bytes);

/// Bytes that a tile in swizzled_layout takes.
std::int64_t swizzled_bytes(std::int64_t rows, std::int64_t cols, std::int64_t element_bytes);

/// Element columns of a 128-byte panel.
inline std::int64_t panel_columns(std::int64_t element_bytes) { return 128 / element_bytes; }

}  // namespace septran::cuda
