// Which elements of a temporary have been written.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/base/view.h"

namespace septran::reference {

/// One mark an element. Views have constant extents and lie inside the tensor where they are
/// written; elements outside, which read as zero, count as written.
class WrittenMap {
 public:
  explicit WrittenMap(std::vector<std::int64_t> shape);
  void write(const View& view);
  [[nodiscard]] bool is_written(const View& view) const;

 private:
  /// Calls `visit(first, count)` with runs of element numbers; stops where it returns false.
  template <typename F>
  bool for_each_run(const View& view, const F& visit) const;
  template <typename F>
  bool for_each_run_of_box(const View& view, const F& visit) const;

  std::vector<std::int64_t> shape_;
  std::int64_t missing_ = 1;         // elements not written yet
  std::vector<std::uint8_t> marks_;  // empty until the first write of a part
};

}  // namespace septran::reference
