// Entries of a mapping that do nothing, however often their instance runs.
#pragma once

#include <map>
#include <string>

#include "compiler/base/diagnostic.h"
#include "compiler/mapping/mapping.h"

namespace septran::passes {

/// What a `rotate` or `resident` entry comes to at one launch.
enum class FieldUse { effective, reads_only, written, in_place, outside_loops };

/// Collects what the entries of all instances come to, launch by launch. One that does something at
/// one launch of its instance may be idle at others.
class IdleFields {
 public:
  /// Depths of one are what holds without the entry, and need no use.
  void note_rotate(const mapping::Instance& instance, const std::string& name, FieldUse use);
  void note_resident(const mapping::Instance& instance, const std::string& name, FieldUse use);

  /// Warns of entries that were noted and never do anything.
  void report(Diagnostics& diagnostics) const;

 private:
  struct Entry {
    const mapping::Instance* instance = nullptr;
    std::string name;
    bool is_rotate = true;
    FieldUse use = FieldUse::effective;  // the first that was noted, or effective if one was
  };
  void note(Span span, Entry entry);

  std::map<Span, Entry> entries_;
};

}  // namespace septran::passes
