// A machine description with some of its fields changed, for sweeps; and its area.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "targets/machine.h"

namespace septran {

/// Path of a field ("dsa.mma.rows") and its new value, as YAML writes it. A path may begin below
/// `dsa`, or with `core` in the place of `dsa`; list items are numbers from 0.
using FieldChanges = std::vector<std::pair<std::string, std::string>>;

struct ChangedMachine {
  Machine machine;
  /// Sum of what the description's table `dsa.area` (um2) says of processing elements, lanes, bytes
  /// of on-chip memories, cores and DRAM channels; nothing where it has none.
  std::optional<double> area_mm2;
};

/// As load_machine, with the changes written into the description's text before it is read, and
/// checked with it. Where the size of the matrix array changes, native tiles of exactly that size
/// follow it, unless they are changed as well. A field that is not there is reported.
Result<ChangedMachine> load_changed_machine(const std::string& name_or_path, Span place,
                                            const FieldChanges& changes, SourceManager& sources,
                                            Diagnostics& diagnostics);

/// Whether a description has a field of that path; reported if not.
bool check_field(const std::string& name_or_path, const std::string& field, SourceManager& sources,
                 Diagnostics& diagnostics);

}  // namespace septran
