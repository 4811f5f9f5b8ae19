#include "compiler/passes/pass.h"

namespace septran::passes {

mapping::Environment make_environment(const lang::EntryBinding& entry, const Machine& machine) {
  mapping::Environment environment;
  environment.values["cores"] = std::int64_t{machine.block_count()};
  for (const auto& [name, extent] : entry.dimensions) environment.values[name] = extent;
  for (std::size_t i = 0; i < entry.arguments.size(); ++i) {
    const std::string& name = entry.task->parameters[i].name;
    if (const auto* tensor = std::get_if<lang::EntryTensor>(&entry.arguments[i])) {
      environment.dtypes[name] = tensor->dtype;
    } else if (const auto* integer = std::get_if<std::int64_t>(&entry.arguments[i])) {
      environment.values[name] = *integer;
    } else if (const auto* number = std::get_if<double>(&entry.arguments[i])) {
      environment.values[name] = *number;
    } else {
      environment.values[name] = std::get<bool>(entry.arguments[i]);
    }
  }
  return environment;
}

}  // namespace septran::passes
