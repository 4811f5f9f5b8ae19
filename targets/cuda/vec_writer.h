// The writer of one call of a primitive.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "targets/cuda/emitter.h"

namespace septran::cuda {

class VecWriter {
 public:
  VecWriter(Emitter& emitter, const tile::Vec& vec, std::function<void()> before_write);
  void emit();

 private:
  [[nodiscard]] const tile::TileRef* tile_of(std::size_t o) const;
  [[nodiscard]] bool overlaps() const;
  [[nodiscard]] DType call_type() const;
  [[nodiscard]] std::string typed(const std::string& function) const;
  [[nodiscard]] bool touches_memory() const;
  /// Position of an operand's dimensions among those of the iteration.
  [[nodiscard]] Position position_of(std::size_t o, const Point& point) const;
  /// Operand o at a point, as a value of the call's type; 0 if it is absent.
  [[nodiscard]] std::string value(std::size_t o, const Point& point) const;
  /// How the call's elements are spread over threads, if any of its tiles are in registers.
  [[nodiscard]] std::optional<Layout> iteration_layout() const;
  /// y = result(point) for every point, or for those where a condition holds.
  void each(const std::function<std::string(const Point&)>& result,
            const std::function<std::string(const Point&)>& only_where = {});
  /// each(), where elements are in registers.
  void over_layout(const Layout& layout, const std::function<std::string(const Point&)>& result,
                   const std::function<std::string(const Point&)>& only_where);
  void gather();
  [[nodiscard]] bool has_room(std::int64_t registers) const;
  void over_registers(const Layout& layout, const std::function<std::string(const Point&)>& result,
                      const std::function<std::string(const Point&)>& only_where);
  void write(const std::vector<Point>& points,
             const std::function<std::string(const Point&)>& result,
             const std::function<std::string(const Point&)>& only_where);

  void emit_kind();
  void matrix();
  void elementwise();
  void mask();
  void iota();
  void quantization();
  void reduction();
  void reduce_in_memory(const std::string& op, const std::string& neutral, std::size_t axis);
  void reduce_registers(const Layout& layout, const std::string& op, const std::string& neutral,
                        std::size_t axis);
  void combine_lanes(const Layout& layout, const std::string& op, std::size_t axis,
                     std::int64_t values);
  void store_reduced(const Layout& layout, const std::string& op, std::size_t axis);

  Emitter& e_;
  Writer& out_;
  const VarTable& vars_;
  const tile::Vec& vec_;
  const Primitive& primitive_;
  Attributes attributes_;
  IterationSpace space_;
  std::vector<Expr> extents_;
  DType type_ = DType::f32;
  std::vector<Operand> operands_;
  Operand old_;  // the output as it was
  std::function<void()> before_write_;
};

}  // namespace septran::cuda
