// Names in a machine description that must be known.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/base/dtype.h"
#include "compiler/base/messages.h"
#include "targets/yaml_reader.h"

namespace septran {

/// Whether a name is that of one of `known`, which have a `name`; reported if not.
template <typename T>
bool check_name(const yaml::Node& node, const char* kind, const std::vector<T>& known,
                Diagnostics& diagnostics) {
  std::vector<std::string> names;
  for (const T& one : known) names.push_back(one.name);
  if (std::find(names.begin(), names.end(), node.text) != names.end()) return true;
  diagnostics.report(node.span, messages::machine_unknown_name, kind, node.text,
                     yaml::name_hint(node.text, names));
  return false;
}

/// The element type that a node names; reported if there is none of that name.
std::optional<DType> read_dtype(const yaml::Node& node, std::string_view what,
                                Diagnostics& diagnostics);

/// Whether a type has all values of another.
bool holds_all(DType type, DType other);

}  // namespace septran
