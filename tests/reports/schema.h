// Checks JSON against a JSON Schema, as far as docs/report.schema.json needs it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace septran::reports {

/// What does not fit, one line each: "cores/0/engines/mma: lacks 'busy'". A keyword of the schema
/// that is not known here does not fit either.
std::vector<std::string> faults(const nlohmann::json& schema, const nlohmann::json& value);

}  // namespace septran::reports
