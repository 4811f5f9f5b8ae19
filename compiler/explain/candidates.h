// Edits of a mapping that may help, before anything has tried them.
#pragma once

#include <vector>

#include "compiler/explain/parts.h"

namespace septran::explain {

struct Candidate {
  std::vector<Edit> edits;
  std::string reason;
  std::function<void(mapping::Mapping&)> apply;
  /// What must come of it for it to be proposed where nothing is measured: nothing, because
  /// something in the program says that it helps; clearly less traffic; or clearly less work for
  /// what bounds the run.
  enum class Needs { nothing, less_moved, less_work } needs = Needs::nothing;
  bool makes_room = false;  // it may be tried together with what has no room
};

/// Deeper rings where an engine waits for a slot that another still uses.
std::vector<Candidate> pipeline_candidates(const Subject& subject, const std::vector<Site>& sites,
                                           const Explanation& so_far);
std::vector<Candidate> rotate_candidates(const Subject& subject, const std::vector<Site>& sites);
/// Operands where the matrix array takes them.
std::vector<Candidate> implementation_candidates(const Subject& subject);
/// What is streamed again in each trip of a loop that it does not depend on.
std::vector<Candidate> resident_candidates(const Subject& subject, const std::vector<Site>& sites);
/// Each integer tunable that the mapping gives, doubled and halved.
std::vector<Candidate> tunable_candidates(const Subject& subject);
/// Traversal in groups; all processors.
std::vector<Candidate> traversal_candidates(const Subject& subject);
/// Launches of one trip that wait for each other from engine to engine and back.
std::vector<Candidate> schedule_candidates(const Subject& subject, const std::vector<Site>& sites);

}  // namespace septran::explain
