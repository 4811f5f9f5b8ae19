#include "compiler/passes/idle_fields.h"

#include <algorithm>

#include "compiler/base/messages.h"

namespace septran::passes {
namespace {

const messages::Idle& reason(bool is_rotate, FieldUse use) {
  switch (use) {
    case FieldUse::reads_only:
      return messages::idle_read;
    case FieldUse::written:
      return messages::idle_written;
    case FieldUse::in_place:
      return is_rotate ? messages::idle_depth : messages::idle_copy;
    case FieldUse::outside_loops:
      return messages::idle_once;
    case FieldUse::effective:
      break;
  }
  SEPTRAN_BUG("an effective entry has no reason to be idle");
}

}  // namespace

void IdleFields::note(Span span, Entry entry) {
  const auto [at, is_new] = entries_.emplace(span, entry);
  if (!is_new && entry.use == FieldUse::effective) at->second.use = entry.use;
}

void IdleFields::note_rotate(const mapping::Instance& instance, const std::string& name,
                             FieldUse use) {
  const auto at = instance.rotate.find(name);
  if (at == instance.rotate.end() || at->second.value <= 1) return;
  note(at->second.span, {&instance, name, true, use});
}

void IdleFields::note_resident(const mapping::Instance& instance, const std::string& name,
                               FieldUse use) {
  const auto at = std::find_if(instance.resident.begin(), instance.resident.end(),
                               [&](const auto& entry) { return entry.value == name; });
  if (at != instance.resident.end()) note(at->span, {&instance, name, false, use});
}

void IdleFields::report(Diagnostics& diagnostics) const {
  for (const auto& [span, entry] : entries_) {
    if (entry.use == FieldUse::effective) continue;
    const messages::Idle& idle = reason(entry.is_rotate, entry.use);
    const Message& message =
        entry.is_rotate ? messages::rotate_without_effect : messages::resident_without_effect;
    diagnostics.report(span, message, entry.name, entry.instance->name, idle.why, idle.hint);
  }
}

}  // namespace septran::passes
