// The class behind check_structure (validate.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "targets/dsa/isa.h"
#include "targets/dsa/validate.h"

namespace septran::dsa {

class StructureCheck {
 public:
  StructureCheck(const Program& program, const Places& places, Diagnostics& diagnostics)
      : program_(program), places_(places), diagnostics_(diagnostics) {}
  /// Everything; true if there is no fault.
  bool run();

 private:
  /// A row of the program, as messages name it.
  struct Where {
    std::string text;
    Span span;
  };
  /// A loop or skip that is open while the code is walked.
  struct OpenBlock {
    std::size_t end = 0;  // first instruction after it
    std::int64_t loop_register = -1;
  };

  // structure.cpp: tables
  void check_sizes();
  void check_tables();
  void check_name(const Where& where, const std::string& name);
  void check_affine(const Where& where, std::string_view what, const Affine& affine,
                    bool is_extent = false);
  void check_operand(const Where& where, const TileOperand& tile);
  void check_operand(const Where& where, const IntegerOperand& operand);
  void check_operand(const Where& /*where*/, const ScalarOperand& /*operand*/) {}
  bool in_range(const Where& where, std::string_view what, std::int64_t value, std::int64_t low,
                std::int64_t high);

  // structure_code.cpp: instructions
  void check_code();
  void open_block(std::size_t index, std::uint32_t length, std::int64_t loop_register);
  void check_fields(const InstructionNode& node);
  void check_writable(std::int64_t reg);
  void check(const Halt& node);
  void check(const Loop& node);
  void check(const Skip& node);
  void check(const Scalar& node);
  void check(const Sync& node);
  void check(const DmaCopy& node);
  void check(const Mma& node);
  void check(const Vec& node);
  bool check_vec_operands(const Primitive& primitive, const Vec& vec);
  bool check_vec_flags(const Primitive& primitive, const Vec& vec);
  void check_vec_shapes(const Primitive& primitive, const Vec& vec);
  /// The tile, or null after a message; `role` is the operand's name.
  const TileOperand* tile_of(OperandId id, std::string_view role);
  const TileOperand* written_tile(OperandId id, std::string_view role);
  void require_equal(const Affine& a, const Affine& b, std::string_view what);

  static Span span_at(const std::vector<Span>& spans, std::size_t index) {
    return index < spans.size() ? spans[index] : Span{};
  }
  template <typename... Args>
  void report(const Where& where, const Message& message, const Args&... args) {
    std::string text = where.text;
    if (!places_.file.empty() && !where.span.valid()) text = places_.file + ": " + text;
    diagnostics_.report(where.span, message, text, args...);
  }

  const Program& program_;
  const Places& places_;
  Diagnostics& diagnostics_;
  // While the code is walked:
  std::size_t index_ = 0;
  Where here_;
  std::vector<OpenBlock> open_;
};

/// An instruction as messages name it.
std::string instruction_place(std::size_t index, const InstructionNode& node);
/// How messages name what an operand is: "a tile", "a number", ...
std::string_view operand_kind(const Operand& operand);

}  // namespace septran::dsa
