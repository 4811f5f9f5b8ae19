#include "targets/cpu/transposed.h"

#include <algorithm>
#include <string>
#include <vector>

namespace septran::cpu {
namespace {

/// The lanes of two vectors, as one list, that a step of a transposition puts together: the upper
/// halves of blocks of `2 * half` lanes of the one change places with the lower ones of the other.
std::string lanes_text(std::int64_t lanes, std::int64_t half, bool upper) {
  std::string text;
  for (std::int64_t lane = 0; lane < lanes; ++lane) {
    const bool in_lower = (lane & half) == 0;
    const std::int64_t from =
        upper ? (in_lower ? lane + half : lanes + lane) : (in_lower ? lane : lanes + lane - half);
    text += fmt::format("{}{}", lane > 0 ? ", " : "", from);
  }
  return text;
}

/// The function for rows that are turned `most_rows` at a time, at most a vector's lanes.
class Turn {
 public:
  Turn(Writer& out, DType from, std::int64_t lanes, std::int64_t most_rows)
      : out_(out), type_(c_type(from)), element_(name(from)), lanes_(lanes), most_(most_rows) {}

  void write(const std::string& name) {
    out_.line("// to[c * to_step + r] = from[r * from_step + c]");
    out_.line("static __attribute__((noinline)) void {}(", name);
    out_.open(
        "    int64_t rows, int64_t columns, const {} *from, int64_t from_step, float *to, "
        "int64_t to_step)",
        type_);
    out_.open("for (int64_t r = 0; r < rows; r += {})", most_);
    out_.line("const int64_t height = min({}, rows - r);", most_);
    out_.open("for (int64_t c = 0; c < columns; c += {})", lanes_);
    out_.line("const int64_t width = min({}, columns - c);", lanes_);
    load();
    for (std::int64_t half = lanes_ / 2; half > 0; half /= 2) exchange(half);
    store();
    for (int open = 0; open < 3; ++open) out_.close();
  }

 private:
  void load() {
    out_.line("const {} *const x = from + r * from_step + c;", type_);
    for (std::int64_t row = 0; row < lanes_; ++row) out_.line("vector x{} = {{0}};", row);
    out_.open("if (height == {} && width == {})", most_, lanes_);
    for (std::int64_t row = 0; row < most_; ++row) {
      out_.line("x{0} = load_{1}_v(x + {0} * from_step);", row, element_);
    }
    out_.close();
    out_.open("else");
    for (std::int64_t row = 0; row < most_; ++row) {
      out_.line("if ({0} < height) x{0} = part_{1}_v(x + {0} * from_step, width);", row, element_);
    }
    out_.close();
    for (std::int64_t row = 0; row < lanes_; ++row) there_.push_back(row < most_);
  }

  /// Lanes whose number has the bit `half` change places with lanes of the vector whose number has
  /// it. Lanes of rows that are not there may hold anything.
  void exchange(std::int64_t half) {
    out_.open("{}", "");
    out_.line("const vector_i32 lower = {{{}}};", lanes_text(lanes_, half, false));
    out_.line("const vector_i32 upper = {{{}}};", lanes_text(lanes_, half, true));
    for (std::int64_t row = 0; row < lanes_; ++row) {
      if ((row & half) != 0 || !there_[static_cast<std::size_t>(row)]) continue;
      const auto other = static_cast<std::size_t>(row + half);
      const std::string both = fmt::format("x{}, x{}", row, row + half);
      if (there_[other]) {
        out_.line("const vector v{0} = __builtin_shuffle({1}, lower);", row, both);
      }
      out_.line("x{} = __builtin_shuffle({}, upper);", row + half, both);
      if (there_[other]) out_.line("x{0} = v{0};", row);
      there_[other] = true;
    }
    out_.close();
  }

  void store() {
    out_.line("float *const y = to + c * to_step + r;");
    if (most_ == lanes_) {
      out_.open("if (height == {0} && width == {0})", lanes_);
    } else {
      // What is too much of a column is overwritten by the next ones.
      out_.open("if (height == {0} && to_step == {0} && (c + {1}) * {0} + {2} <= columns * {0})",
                most_, lanes_, lanes_ - most_);
    }
    for (std::int64_t row = 0; row < lanes_; ++row) {
      out_.line("store_f32_v(y + {0} * to_step, x{0});", row);
    }
    out_.close();
    out_.open("else");
    for (std::int64_t row = 0; row < lanes_; ++row) {
      out_.line("if ({0} < width) store_part_f32_v(y + {0} * to_step, x{0}, height);", row);
    }
    out_.close();
  }

  Writer& out_;
  const char* type_;
  std::string element_;
  std::int64_t lanes_;
  std::int64_t most_;
  std::vector<bool> there_;  // whether a vector has rows or columns of the block
};

bool is_readable(const Access& dst, const Access& src) {
  const bool exact = dst.logical == DType::f32 || dst.logical == src.storage;
  const bool known = src.storage == DType::f32 || src.storage == DType::f16 ||
                     src.storage == DType::bf16 || src.storage == DType::i8;
  return dst.storage == DType::f32 && exact && known && src.axes.empty() && dst.axes.empty();
}

}  // namespace

bool emit_transposed(Emitter& emitter, const Access& dst, const Access& src) {
  if (!is_readable(dst, src) || dst.dims.size() != 2) return false;
  if (!src.is_linear(0) || !src.is_linear(1)) return false;
  for (const std::size_t along : {0U, 1U}) {  // what lies side by side in src
    const std::size_t across = 1 - along;
    const Access::Dim& rows = dst.dims[across];
    const bool panels = rows.steps.size() == 2 && rows.starts_at_zero();
    if (src.stride(along) != 1 || src.stride(across) == 1 || !dst.is_linear(along)) continue;
    if ((rows.steps.size() != 1 && !panels) || rows.steps.back().stride != 1) continue;
    const VarTable& vars = emitter.vars();
    const std::int64_t lanes = emitter.machine().cpu.vector_bytes / 4;
    const std::int64_t most_rows = panels ? std::min(lanes, rows.steps[1].extent) : lanes;
    const std::string function =
        emitter.function("turn", fmt::format("turn {} {}", name(src.storage), most_rows),
                         [&](Writer& out, const std::string& name) {
                           Turn(out, src.storage, lanes, most_rows).write(name);
                         });
    const std::string count = to_c(rows.extent, vars);
    const std::string columns = to_c(dst.dims[along].extent, vars);
    Writer& out = emitter.out();
    if (!panels) {
      out.line("{}({}, {}, {}, {}, {}, {});", function, count, columns, src.pointer,
               src.stride(across), dst.pointer, dst.stride(along));
      return true;
    }
    const std::int64_t width = rows.steps[1].extent;
    out.open("for (int64_t p = 0; p * {} < {}; ++p)", width, count);
    out.line("{0}(min({1}, {2} - p * {1}), {3}, {4} + p * {5}, {6}, {7} + p * {8}, {9});", function,
             width, factor(rows.extent, vars), columns, src.pointer, width * src.stride(across),
             src.stride(across), dst.pointer, rows.steps[0].stride, dst.stride(along));
    out.close();
    return true;
  }
  return false;
}

}  // namespace septran::cpu
