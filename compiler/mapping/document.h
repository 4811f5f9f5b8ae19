// From a mapping file to one tree: templates merged in, parameters filled in, a case laid over.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "compiler/base/diagnostic.h"
#include "compiler/mapping/mapping.h"
#include "targets/yaml_reader.h"

namespace septran::mapping {

/// Cases of a file and those that it extends, counted in the order in which they are read.
struct Cases {
  std::optional<std::size_t> instead;  // laid over in place of the one whose condition holds
  struct Other {
    std::size_t number = 0;
    Span span;
  };
  std::vector<Other> others;  // that do not hold, or stand behind one that does
};

/// Reads a file and those that it extends. Each file is made whole (its case laid over it) before
/// the file that extends it is laid over that, so that what a file says itself wins over what its
/// template says. Maps merge key by key; everything else, and `split`, is replaced. Values keep
/// the places where they are written. Without an environment, cases are left out; `cases` says
/// which others there are, or which one to take. Faults are reported; nothing is returned where
/// there is no tree to go on with.
Result<yaml::Node> read_document(FileId file, const Environment* environment,
                                 SourceManager& sources, Diagnostics& diagnostics,
                                 Cases* cases = nullptr);

/// The place of a scalar's text, for expressions in it.
bool is_exact_text(const yaml::Node& node, const SourceManager& sources, Span& text_span);

/// `base` with `over` laid over it.
void merge(yaml::Node& base, const yaml::Node& over);

}  // namespace septran::mapping
