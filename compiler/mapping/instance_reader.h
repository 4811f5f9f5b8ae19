// Reading instances and bindings, checked against the logic file and the machine.
#pragma once

#include <string>
#include <vector>

#include "compiler/mapping/logic_names.h"
#include "compiler/mapping/mapping.h"
#include "compiler/mapping/values.h"

namespace septran::mapping {

struct ReadContext {
  Values& values;
  const LogicNames& logic;
  const Machine& machine;
  const std::vector<std::string>& instance_names;
  Diagnostics& diagnostics;
};

Instance read_instance(const yaml::Entry& entry, const ReadContext& context);

/// `task` is the launching instance's task, or null for the defaults of all instances.
std::map<std::string, Binding> read_bindings(const yaml::Node& node, const TaskNames* task,
                                             const ReadContext& context);

/// Names of the iteration dimensions that a primitive may have, or of the reductions among them;
/// empty for a name that is no primitive. The rank of an elementwise call is known only later.
std::vector<std::string> iteration_dims(const std::string& primitive);
std::vector<std::string> reduction_dims(const std::string& primitive);

/// `cuda:`.
void read_gpu_fields(yaml::Fields& fields, Instance& instance, const ReadContext& context);

/// Sections of families that have no fields here.
void check_family_fields(yaml::Fields& fields, std::initializer_list<const char*> families,
                         const ReadContext& context);

/// `order`, `workers`, `spread` and `schedule`: what concerns the loops of an instance's task.
void read_loop_fields(yaml::Fields& fields, const TaskNames* task, Instance& instance,
                      const ReadContext& context);

}  // namespace septran::mapping
