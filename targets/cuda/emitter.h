// What the writers of single operations share: the program and its plan, the text in the making,
// and the ways to elements in memory and in registers.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "targets/cuda/access.h"
#include "targets/cuda/plan.h"

namespace septran::cuda {

/// A tile in registers.
struct RegisterTile {
  std::string name;
  Layout layout;
  DType element = DType::f32;  // as it is kept
  DType logical = DType::f32;  // values are rounded to it when written
  bool paired = false;         // two neighbours of 16 bits share a register
};

/// An operand as code meets it.
struct Operand {
  enum class Kind { absent, scalar, memory, registers } kind = Kind::absent;
  double scalar = 0;
  Access access;
  RegisterTile tile;
  double scale = 1.0;  // what a register tile's values are still to be multiplied by
};

/// One element of an operation's iteration: its position, and in nests over registers the digits of
/// each dimension (empty text for those that threads are dealt).
struct Point {
  Position at;
  std::vector<std::vector<std::string>> digits;
};

/// The part of the tiles of sums that code goes through: their columns in `column_parts` equal
/// parts, of which the one that `column_part` names, and, if not empty, of each warpgroup's steps
/// of 64 rows the one that `step` names (C expressions).
struct TilePart {
  std::int64_t column_parts = 1;
  std::string column_part;
  std::string step;
};

class Emitter {
 public:
  Emitter(const tile::Program& program, const Machine& machine, const Plan& plan)
      : program_(program), machine_(machine), plan_(plan) {}

  [[nodiscard]] const tile::Program& program() const { return program_; }
  [[nodiscard]] const Machine& machine() const { return machine_; }
  [[nodiscard]] const Plan& plan() const { return plan_; }
  [[nodiscard]] const VarTable& vars() const { return program_.vars; }
  [[nodiscard]] const KernelPlan& kernel() const { return *kernel_; }
  Writer& out() { return out_; }
  /// `by_roles`: one thread copies, the others work on tiles; `async`: what these write to shared
  /// memory is read by the tensor cores or the copy engine.
  void begin_kernel(const KernelPlan& kernel, bool by_roles, bool async) {
    kernel_ = &kernel;
    by_roles_ = by_roles;
    async_ = async;
  }

  [[nodiscard]] const TilePlace& place(tile::TensorId id) const {
    return plan_.places.at(id.value);
  }
  [[nodiscard]] bool in_registers(tile::TensorId id) const {
    return place(id).kind == TilePlace::Kind::registers;
  }
  /// The variable that holds a tensor's registers, or points to its element 0.
  [[nodiscard]] std::string tensor_name(tile::TensorId id) const {
    return identifier(program_[id].name, id.value);
  }
  /// The parameters that all kernels have: the arguments and the workspace.
  [[nodiscard]] std::string parameters() const;
  /// The tile as an operand; one in memory gets a pointer. With `raw_values`, what is written is
  /// not rounded to a type narrower than the storage.
  Operand operand(const tile::TileRef& ref, const std::string& pointer, bool raw_values = false);
  [[nodiscard]] RegisterTile register_tile(tile::TensorId id, bool raw_values = false) const;
  /// A pointer to memory of the block for a dense tile like `like`.
  Access declare_spare(const Access& like, const std::string& pointer);
  /// A factor of sums in registers that is to be applied where they are used; operand() tells.
  void defer_scale(tile::TensorId sums, double factor) { scales_[sums.value] = factor; }
  [[nodiscard]] double deferred_scale(tile::TensorId sums) const {
    const auto at = scales_.find(sums.value);
    return at == scales_.end() ? 1.0 : at->second;
  }
  [[nodiscard]] bool any_deferred_scale() const {
    return std::any_of(scales_.begin(), scales_.end(),
                       [](const auto& one) { return one.second != 1.0; });
  }
  [[nodiscard]] std::int64_t spare_bytes() const { return spare_bytes_; }

  /// Waits until all threads that work on tiles are here, and sees what they wrote.
  void barrier();

  /// Condition under which a thread is the one, of all that hold copies of the same elements of
  /// such a tile, that writes them; empty if there are no copies.
  [[nodiscard]] std::string holds_first_copy(const Layout& layout) const;

  /// Loops over the elements of `extents`, one thread each; the dimension that `leading` walks in
  /// the smallest steps is fastest. `body` writes what stands inside. Where all threads have
  /// equally many, up to `unrolled` of a thread's stand side by side: loads need not wait for each
  /// other.
  void thread_nest(const std::vector<Expr>& extents, const Access* leading, std::int64_t unrolled,
                   const std::function<void(const Point&)>& body);
  /// Until it is taken back, loops over registers are over this part of each tile.
  void restrict_to(std::optional<TilePart> part) { part_ = std::move(part); }
  /// Loops over the registers that a thread holds of a layout. With `pairs`, two neighbours of the
  /// last dimension at a time.
  void register_nest(const Layout& layout, bool pairs,
                     const std::function<void(const std::vector<Point>&)>& body);
  /// The condition that a point of a layout lies within extents; empty: always.
  [[nodiscard]] std::string within(const Layout& layout, const std::vector<Expr>& extents,
                                   const Point& point) const;
  /// Number of the register that holds a point; dims[d]: which of the point's dimensions it is.
  static std::string register_number(const Layout& layout, const std::vector<std::size_t>& dims,
                                     const Point& point);

 private:
  Access declare(const tile::TileRef& ref, const std::string& pointer, bool raw_values);
  void describe_swizzle(const tile::TileRef& ref, Access& access) const;
  /// First and last but one of the counts of a layout's digit that loops go through.
  [[nodiscard]] std::pair<std::string, std::string> counts_of(const Layout& layout, std::size_t dim,
                                                              std::size_t digit) const;

  const tile::Program& program_;
  const Machine& machine_;
  const Plan& plan_;
  const KernelPlan* kernel_ = nullptr;
  bool by_roles_ = false;
  bool async_ = false;
  Writer out_;
  std::int64_t spare_bytes_ = 0;
  std::map<std::uint32_t, double> scales_;
  std::optional<TilePart> part_;
};

/// `before_write`, if given, writes what has to stand between an elementwise operation's arithmetic
/// and the overwriting of its tile in registers.
void emit_vec(Emitter& emitter, const tile::Vec& vec,
              const std::function<void()>& before_write = {});
void emit_mma(Emitter& emitter, const tile::Mma& mma);
void emit_dma_copy(Emitter& emitter, const tile::DmaCopy& copy);

/// dst = src, element by element or in larger pieces where both sides allow.
void emit_copy(Emitter& emitter, const Operand& dst, const Operand& src,
               const std::vector<Expr>& extents);

/// A product of tiles by ordinary arithmetic in type `type`: out = alpha * a * b, plus `old` where
/// the C condition `accumulate` holds. Dimensions of a are m, k, of b k, n.
struct Product {
  Operand out;
  Access a;
  Access b;
  std::vector<Expr> extents;  // m, n, k
  DType type = DType::f32;
  double alpha = 1.0;
  std::string accumulate = "0";
};
void emit_product(Emitter& emitter, const Product& product);

/// Element `number` of a register tile as a value of `type`.
std::string read_register(const RegisterTile& tile, const std::string& number, DType type);

}  // namespace septran::cuda
