// The innermost part of a product: one block of C in vector registers.
#include "targets/cpu/emitter.h"
#include "targets/cpu/micro_kernel.h"

namespace septran::cpu {
namespace {

class BlockWriter {
 public:
  BlockWriter(const Micro& micro, const std::string& name, std::int64_t height, std::int64_t width,
              Writer& out)
      : m_(micro),
        name_(name),
        height_(height),
        width_(width),
        vectors_(ceil_div(width, micro.lanes)),
        tail_(width % micro.lanes),
        out_(out) {}

  void write() {
    out_.line("// {} x {} of C, k deep.", height_, width_);
    out_.line("static __attribute__((noinline)) void {}_{}x{}(", name_, height_, width_);
    out_.open(
        "    int64_t k, const {0} *restrict a, const {1} *restrict b, {2} *restrict c, "
        "int64_t c_row, int accumulate{3})",
        c_type(m_.a.storage), c_type(m_.b.storage), c_type(m_.c),
        m_.is_biased() ? ", const int32_t *start" : "");
    out_.line("if (k >= {0}) for (int64_t r = 0; r < {1}; ++r) {{", prefetch_depth, height_);
    for (std::int64_t v = 0; v < vectors_; ++v) {
      out_.line("  __builtin_prefetch(c + r * c_row + {}, 1);", v * m_.lanes);
    }
    out_.line("}}");
    clear();
    if (m_.prefetch_b) {
      out_.line("const {} *ahead = b + (k <= {} ? k * {} : {});", c_type(m_.b.storage), few_steps,
                m_.b.along_k, m_.b.next_block);
    }
    out_.open("for (int64_t p = 0; p < k{}; ++p)",
              m_.group() > 1 ? fmt::format(" / {}", m_.group()) : "");
    step(0);
    if (m_.prefetch_b) {
      const std::int64_t line = 64 / static_cast<std::int64_t>(size_bytes(m_.b.storage));
      for (std::int64_t at = 0; at < width_; at += line) {
        out_.line("__builtin_prefetch(ahead + {});", at);
      }
      out_.line("ahead += {};", m_.b.along_k);
    }
    out_.line("a += {};", m_.a.along_k);
    out_.line("b += {};", m_.b.along_k);
    out_.close();
    for (const std::int64_t rest : m_.group_rests) {
      out_.open("if (k % {} == {})", m_.group(), rest);
      step(rest);
      out_.close();
    }
    store_c();
    out_.close();
  }

 private:
  void clear() {
    for (std::int64_t r = 0; r < height_; ++r) {
      std::string line = fmt::format("{}_vector ", name_);
      const std::string value =
          m_.is_biased() ? fmt::format("({}_vector){{0}} + start[{}]", name_, r) : "{0}";
      for (std::int64_t v = 0; v < vectors_; ++v) {
        line += fmt::format("{}c{}_{} = {}", v > 0 ? ", " : "", r, v, value);
      }
      out_.raw(line + ";");
    }
  }

  /// One step along k; with `rest`, of a group of which only so many elements are there.
  void step(std::int64_t rest) {
    for (std::int64_t v = 0; v < vectors_; ++v) load_b(v, rest);
    for (std::int64_t r = 0; r < height_; ++r) {
      const std::string at = fmt::format("a + {}", r * m_.a.next);
      std::string line;
      if (m_.dot == nullptr) {
        const std::string element = fmt::format("a[{}]", r * m_.a.next);
        line = fmt::format("const {} a{} = {};", c_type(m_.type), r,
                           converted(m_.a.storage, m_.type, element));
      } else if (rest == 0) {
        line = fmt::format("const {0}_group a{1} = {0}_all({2});", name_, r, at);
      } else {
        line = fmt::format("const {0}_group a{1} = {0}_some({2}, {3});", name_, r, at, rest);
      }
      for (std::int64_t v = 0; v < vectors_; ++v) {
        line += m_.dot == nullptr
                    ? fmt::format(" c{0}_{1} += a{0} * b{1};", r, v)
                    : fmt::format(" c{0}_{1} = {2}_dot(c{0}_{1}, b{1}, a{0});", r, v, name_);
      }
      out_.raw(line);
    }
  }

  void load_b(std::int64_t v, std::int64_t rest) {
    const std::string at = fmt::format("b + {}", v * m_.lanes * m_.group());
    if (m_.dot != nullptr) {
      const auto bits = rest * 8 * static_cast<std::int64_t>(size_bytes(m_.b.storage));
      const std::string mask = rest == 0 ? "" : fmt::format(" & {}", (std::int64_t{1} << bits) - 1);
      out_.line("const {0}_group b{1} = *(const {0}_groups_at *)({2}){3};", name_, v, at, mask);
      return;
    }
    const bool part = tail_ != 0 && v + 1 == vectors_ && !m_.b.panels;
    if (part) {
      out_.line("const {0}_vector b{1} = {0}_part({2}, {3});", name_, v, at, tail_);
    } else {
      out_.line("const {0}_vector b{1} = {0}_load({2});", name_, v, at);
    }
  }

  void store_c() {
    if (m_.rounds()) return store_rounded();
    for (const bool accumulates : {true, false}) {
      out_.open("{}", accumulates ? "if (accumulate)" : "else");
      for (std::int64_t r = 0; r < height_; ++r) {
        for (std::int64_t v = 0; v < vectors_; ++v) {
          const std::string sum = sum_of(r, v);
          if (tail_ != 0 && v + 1 == vectors_) {
            store_part(fmt::format("c + {} * c_row + {}", r, v * m_.lanes), sum, accumulates);
            continue;
          }
          out_.line("*({}_sums *)(c + {} * c_row + {}) {} {};", name_, r, v * m_.lanes,
                    accumulates ? "+=" : "=", sum);
        }
      }
      out_.close();
    }
  }

  [[nodiscard]] std::string sum_of(std::int64_t r, std::int64_t v) const {
    if (m_.alpha == 1.0) return fmt::format("c{}_{}", r, v);
    return fmt::format("{} * c{}_{}", number(m_.type, m_.alpha), r, v);
  }

  /// As a narrower type, in place of what C was. Branches would take the sums out of registers.
  void store_rounded() {
    // Instructions that multiply bf16 make no number smaller than the least normal one.
    const bool is_normal = m_.dot != nullptr && m_.alpha == 1.0;
    const char* round = m_.c == DType::f16 ? "v_to_f16"
                        : is_normal        ? "v_to_bf16_normal"
                                           : "v_to_bf16_by_bits";
    const auto element = static_cast<std::int64_t>(size_bytes(m_.c));
    out_.line("(void)accumulate;");
    for (std::int64_t r = 0; r < height_; ++r) {
      for (std::int64_t v = 0; v < vectors_; ++v) {
        const std::string codes = fmt::format("codes{}_{}", r, v);
        const bool part = tail_ != 0 && v + 1 == vectors_;
        out_.line("const vector_u16 {} = {}({});", codes, round, sum_of(r, v));
        out_.line("memcpy(c + {} * c_row + {}, &{}, {});", r, v * m_.lanes, codes,
                  (part ? tail_ : m_.lanes) * element);
      }
    }
  }

  /// The first elements of a vector.
  void store_part(const std::string& at, const std::string& sum, bool accumulates) {
    const auto bytes = tail_ * static_cast<std::int64_t>(size_bytes(m_.type));
    out_.open("{}", "");
    out_.line("{}_vector part = {{0}};", name_);
    if (accumulates) out_.line("memcpy(&part, {}, {});", at, bytes);
    out_.line("part += {};", sum);
    out_.line("memcpy({}, &part, {});", at, bytes);
    out_.close();
  }

  static constexpr int few_steps = 32;  // the next ones along k come soon; else the next block does
  static constexpr int prefetch_depth = 64;  // shallower blocks are over before C arrives

  const Micro& m_;
  const std::string& name_;
  std::int64_t height_;
  std::int64_t width_;
  std::int64_t vectors_;
  std::int64_t tail_;  // elements of the last vector, if it is not full
  Writer& out_;
};

}  // namespace

void write_block(const Micro& micro, const std::string& name, std::int64_t height,
                 std::int64_t width, Writer& out) {
  BlockWriter(micro, name, height, width, out).write();
}

}  // namespace septran::cpu
