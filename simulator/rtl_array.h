// The matrix unit of simulator/rtl, which Verilator makes into a SystemC module, behind an
// interface without widths.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace septran::simulator {

/// One unit of ROWS x COLS elements: inputs are driven, outputs read, as signals of the simulation,
/// so a change is seen a delta cycle later, and what depends on it another one later.
class RtlArray {
 public:
  struct Command {
    unsigned tag = 0;  // below `tags`
    std::int64_t m = 0;
    std::int64_t n = 0;
    std::int64_t k = 0;
    bool accumulate = false;
  };
  struct Inputs {
    bool reset = false;
    std::optional<Command> command;
    std::vector<std::int8_t> weights;    // COLS
    std::vector<std::int8_t> elements;   // ROWS
    std::vector<std::int32_t> old_sums;  // COLS
  };
  /// A row of a matrix of a product, from column `col` on.
  struct Access {
    bool valid = false;
    unsigned tag = 0;
    std::int64_t row = 0;
    std::int64_t col = 0;
  };
  /// What depends on the state alone.
  struct Outputs {
    bool ready = false;
    bool busy = false;
    Access weight_read;
    Access element_read;
    Access sum_read;
  };
  /// What depends on the old sums too.
  struct SumWrite : Access {
    std::int64_t lanes = 0;
    bool last = false;
    std::vector<std::int32_t> sums;  // COLS
  };
  static constexpr unsigned tags = 16;

  virtual ~RtlArray() = default;
  virtual void drive(const Inputs& inputs) = 0;
  virtual void clock(bool level) = 0;
  [[nodiscard]] virtual Outputs outputs() const = 0;
  [[nodiscard]] virtual SumWrite sum_write() const = 0;
};

/// A unit of that size, or null if this build has none.
std::unique_ptr<RtlArray> make_rtl_array(int rows, int cols);

}  // namespace septran::simulator
