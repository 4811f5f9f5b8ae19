// What the writers of single operations share: the program, the text in the making, helper
// functions and pointers to tiles.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "compiler/tile/program.h"
#include "targets/cpu/access.h"
#include "targets/machine.h"

namespace septran::cpu {

/// Buffers of i8 that only copies fill and only products read, by an instruction that takes the
/// elements of its vector operand with 128 added.
std::set<std::uint32_t> find_biased(const tile::Program& program, const Machine& machine);

class Emitter {
 public:
  Emitter(const tile::Program& program, const Machine& machine)
      : program_(program), machine_(machine), biased_(find_biased(program, machine)) {}

  [[nodiscard]] const tile::Program& program() const { return program_; }
  [[nodiscard]] const Machine& machine() const { return machine_; }
  [[nodiscard]] const VarTable& vars() const { return program_.vars; }
  Writer& out() { return out_; }

  /// C variable that points to element 0 of a tensor.
  [[nodiscard]] std::string tensor_name(tile::TensorId id) const {
    return identifier(program_[id].name, id.value);
  }
  /// Declares a pointer to a tile and returns the way to its elements. With `raw_values`, what is
  /// written is not rounded to a type narrower than the storage.
  Access declare(const tile::TileRef& ref, const std::string& pointer, bool raw_values = false);
  /// Declares a pointer to memory of the worker for a dense tile like `like`.
  Access declare_spare(const Access& like, const std::string& pointer);
  /// Bytes that declare_spare() has given out at once, at most.
  [[nodiscard]] std::int64_t spare_bytes() const { return spare_bytes_; }

  /// Name of a helper function, by what makes it unique; `write` is called once to write it.
  std::string function(const std::string& prefix, const std::string& key,
                       const std::function<void(Writer&, const std::string& name)>& write);
  [[nodiscard]] const std::string& functions() const { return functions_; }

 private:
  const tile::Program& program_;
  const Machine& machine_;
  std::set<std::uint32_t> biased_;  // tensors whose bytes lie there with 128 added
  Writer out_;
  std::map<std::string, std::string> function_names_;
  std::string functions_;
  std::int64_t spare_bytes_ = 0;
};

void emit_vec(Emitter& emitter, const tile::Vec& vec);
void emit_mma(Emitter& emitter, const tile::Mma& mma);
void emit_dma_copy(Emitter& emitter, const tile::DmaCopy& copy);

/// dst = src, element by element.
void emit_copy(Emitter& emitter, const Access& dst, const Access& src);

/// A product by plain loops, in arithmetic type `type`: out = alpha * a * b, plus `old` where the C
/// condition `accumulate` holds. Dimensions of a are m, k, of b are k, n.
struct Product {
  Access out;
  Access old;
  Access a;
  Access b;
  DType type = DType::f32;
  double alpha = 1.0;
  std::string accumulate = "0";
};
void emit_product(Emitter& emitter, const Product& product);

/// A number as a C constant of f32, f64 or i32.
std::string number(DType type, double value);

}  // namespace septran::cpu
