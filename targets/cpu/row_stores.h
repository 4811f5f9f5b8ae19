// The stores of all vectors of a step of a nest, behind all its loads.
#pragma once

#include <string>
#include <vector>

#include "targets/cpu/text.h"

namespace septran::cpu {

/// A vector's store: C expressions of the place and of what is stored there.
struct RowStore {
  std::string place;
  std::string value;
  std::string type;    // of the elements
  bool codes = false;  // the value has codes of this type; a vector of f32 otherwise
  bool far = false;    // past the caches
};

/// A load that shares the end of its address with a part of what was stored shortly before waits
/// for it, for long where that goes past the caches.
class RowStores {
 public:
  void add(RowStore store) { (store.far ? far_ : near_).push_back(std::move(store)); }
  /// Writes them, first what goes past the caches, and forgets them. Whether some of many numbers
  /// are too small for the instruction that rounds to bf16 is asked once for all.
  void write(Writer& out);

 private:
  std::vector<RowStore> far_;
  std::vector<RowStore> near_;
};

/// The text of one.
std::string store_text(const RowStore& store);

}  // namespace septran::cpu
