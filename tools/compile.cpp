#include "tools/compile.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <set>

#include "compiler/base/messages.h"
#include "compiler/frontend/parser.h"
#include "compiler/tile/text.h"
#include "runtime/file.h"
#include "runtime/npy.h"
#include "targets/machine_fields.h"

namespace septran::tools {
namespace {

/// "name=value" apart; nothing (reported, with an example of a pair) without a name.
std::optional<std::pair<std::string, std::string>> split_pair(const std::string& text,
                                                              const char* option,
                                                              const char* example,
                                                              Diagnostics& diagnostics) {
  const std::size_t at = text.find('=');
  if (at == std::string::npos || at == 0) {
    diagnostics.report({}, messages::option_needs_pair, option, text, example);
    return std::nullopt;
  }
  return std::pair(text.substr(0, at), text.substr(at + 1));
}

std::optional<DType> to_dtype(const std::string& text, const char* option,
                              Diagnostics& diagnostics) {
  if (const auto type = parse_dtype(text)) return type;
  std::string known;
  for (const DType type : all_dtypes())
    known += (known.empty() ? "" : ", ") + std::string(name(type));
  diagnostics.report({}, messages::unknown_dtype_option, option, text, known);
  return std::nullopt;
}

/// "f16[1024,512]", "f16" or "[3,4]".
std::optional<lang::EntryRequest::Argument> to_argument(const std::string& text,
                                                        Diagnostics& diagnostics) {
  lang::EntryRequest::Argument argument;
  const std::size_t bracket = text.find('[');
  const std::string type = text.substr(0, bracket);
  if (!type.empty()) {
    argument.dtype = to_dtype(type, "--arg", diagnostics);
    if (!argument.dtype) return std::nullopt;
  }
  if (bracket == std::string::npos) return argument;
  const char* at = text.data() + bracket + 1;
  const char* const end = text.data() + text.size();
  bool fine = text.back() == ']';
  while (fine && at < end && *at != ']') {
    std::int64_t extent = 0;
    const auto [next, error] = std::from_chars(at, end, extent);
    fine = error == std::errc() && extent >= 1 && (*next == ',' || *next == ']');
    argument.shape.push_back(extent);
    at = *next == ',' ? next + 1 : next;
  }
  if (!fine || at + 1 != end || argument.shape.empty()) {
    diagnostics.report({}, messages::bad_argument_option, text);
    return std::nullopt;
  }
  return argument;
}

/// A file's element type and shape stand for what the command line leaves open.
void take_input_header(const std::string& parameter, const std::string& path, Request& request,
                       Diagnostics& diagnostics) {
  const auto header = runtime::read_npy_header(path, diagnostics);
  if (!header) return;
  auto& argument = request.entry.arguments[parameter];
  if (argument.shape.empty()) argument.shape = header->shape;
  const bool chosen = request.entry.default_dtype || request.entry.dtypes.contains(parameter);
  if (!argument.dtype && !chosen) argument.dtype = header->dtype;
}

std::map<std::string, lang::TunableValue> common_tunables(const mapping::Mapping& mapping) {
  std::map<std::string, lang::TunableValue> values;
  std::set<std::string> several;
  for (const auto& [instance_name, instance] : mapping.instances) {
    for (const auto& [name, tunable] : instance.tunables) {
      const auto [at, is_new] = values.emplace(name, tunable.value);
      if (!is_new && at->second != tunable.value) several.insert(name);
    }
  }
  for (const std::string& name : several) values.erase(name);
  return values;
}

namespace fs = std::filesystem;

/// The file that `path` leads to, from the root on: a link's target is what is replaced.
fs::path replaced_file(const std::string& path) {
  std::error_code fault;
  const fs::path absolute = fs::absolute(path, fault);
  const fs::path real = fs::weakly_canonical(absolute, fault);
  return fault ? absolute : real;
}

/// Faults that are better told before a long run than after it.
void check_output_path(const std::string& path, Diagnostics& diagnostics) {
  std::error_code ignored;
  const fs::path folder = replaced_file(path).parent_path();
  const bool is_device = fs::is_other(fs::status(path, ignored));
  if (!is_device && !fs::is_directory(folder, ignored)) {
    diagnostics.report({}, messages::file_not_written, path, "its folder does not exist");
  } else if (fs::is_directory(path, ignored)) {
    diagnostics.report({}, messages::file_not_written, path, "it is a folder");
  } else if (::access(is_device ? path.c_str() : folder.c_str(), W_OK) != 0) {
    diagnostics.report({}, messages::file_not_written, path,
                       std::generic_category().message(errno));
  }
}

/// The files that a command line says to write, those of --out and `-` included. Code goes to the
/// standard output anyway.
std::vector<std::string> outputs_of(const Options& options) {
  std::vector<std::string> paths;
  for (const std::string* path :
       {&options.json, &options.html, &options.trace, &options.vcd, &options.csv, &options.code}) {
    const bool is_default = path == &options.code && *path == runtime::standard_output;
    if (!path->empty() && !is_default) paths.push_back(*path);
  }
  for (const std::string& text : options.outputs) {
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos && equals + 1 < text.size()) {
      paths.push_back(text.substr(equals + 1));
    }
  }
  return paths;
}

/// Each result has a file of its own, and there is something to write to it.
void check_outputs(const Options& options, const Request& request, Diagnostics& diagnostics) {
  if (options.timing_only && !options.outputs.empty()) {
    diagnostics.report({}, messages::out_without_values);
  }
  for (const auto& [name, path] : request.outputs) {
    if (path.empty()) diagnostics.report({}, messages::empty_path, "--out " + name);
  }
  std::set<fs::path> paths;
  int printed = options.print_after.empty() ? 0 : 1;
  for (const std::string& path : outputs_of(options)) {
    if (path == runtime::standard_output) {
      if (++printed == 2) diagnostics.report({}, messages::one_output_file, path);
      continue;
    }
    check_output_path(path, diagnostics);
    std::error_code ignored;
    const bool is_device = fs::is_other(fs::status(path, ignored));
    if (!paths.insert(replaced_file(path)).second && !is_device) {
      diagnostics.report({}, messages::one_output_file, path);
    }
  }
  std::vector<std::string> read = options.mappings;
  for (const std::string* path : {&options.input, &options.target, &options.workload}) {
    read.push_back(*path);
  }
  check_overwrites(options, read, diagnostics);
}

/// Two files in the wrong order would give an error for every line of both.
bool check_file_names(const Options& options, Diagnostics& diagnostics) {
  const std::size_t errors = diagnostics.error_count();
  if (options.input.ends_with(".yaml") || options.input.ends_with(".yml")) {
    diagnostics.report({}, messages::not_a_logic_file, options.input);
  }
  if (options.mappings[0].ends_with(".py")) {
    diagnostics.report({}, messages::not_a_mapping_file, options.mappings[0]);
  }
  return diagnostics.error_count() == errors;
}

std::optional<FileId> load(const std::string& path, SourceManager& sources,
                           Diagnostics& diagnostics) {
  const auto file = sources.load(path);
  if (!file) diagnostics.report({}, messages::cannot_read, path);
  return file;
}

/// The target that the command line or the mapping names.
struct Target {
  std::string name;  // or path
  ChangedMachine described;
};
Result<Target> find_machine(const Options& options, FileId mapping_file, SourceManager& sources,
                            Diagnostics& diagnostics) {
  std::string name = options.target;
  Span place;
  if (name.empty()) {
    const auto target = mapping::read_target_name(mapping_file, sources, diagnostics);
    if (!target) return std::nullopt;
    if (target->value.empty()) {
      diagnostics.report(Span{mapping_file, 0, 0}, messages::no_target);
      return std::nullopt;
    }
    name = target->value;
    place = target->span;
  }
  auto described = load_changed_machine(name, place, options.fields, sources, diagnostics);
  if (!described) return std::nullopt;
  return Target{std::move(name), std::move(*described)};
}

bool check_pass_names(const Options& options, Diagnostics& diagnostics) {
  std::vector<std::string> names{"instantiate"};
  for (const passes::PassInfo& pass : passes::pass_table()) names.emplace_back(pass.name);
  std::vector<std::string> asked = options.print_after;
  if (!options.stop_after.empty()) asked.push_back(options.stop_after);
  bool fine = true;
  for (const std::string& pass : asked) {
    if (std::find(names.begin(), names.end(), pass) != names.end() || pass == "all") continue;
    diagnostics.report({}, messages::unknown_pass, pass, fmt::format("{}", fmt::join(names, ", ")));
    fine = false;
  }
  return fine;
}

void take_dtypes(const Options& options, Request& request, Diagnostics& diagnostics) {
  lang::EntryRequest& entry = request.entry;
  for (const std::string& text : options.dtypes) {
    if (text.find('=') == std::string::npos) {
      if (entry.default_dtype) {
        diagnostics.report({}, messages::option_repeated, "--dtype", "all parameters");
      }
      entry.default_dtype = to_dtype(text, "--dtype", diagnostics);
    } else if (const auto pair = split_pair(text, "--dtype", "C=f32", diagnostics)) {
      const auto type = to_dtype(pair->second, "--dtype", diagnostics);
      if (type && !entry.dtypes.emplace(pair->first, *type).second) {
        diagnostics.report({}, messages::option_repeated, "--dtype", pair->first);
      }
    }
  }
}

/// Takes over what is right of the options; every fault reported.
void fill_request(const Options& options, Request& request, Diagnostics& diagnostics) {
  for (const std::string& text : options.definitions) {
    if (auto pair = split_pair(text, "-D", "M=512", diagnostics)) {
      request.entry.definitions.push_back(std::move(*pair));
    }
  }
  take_dtypes(options, request, diagnostics);
  for (const std::string& text : options.arguments) {
    const auto pair = split_pair(text, "--arg", "A=f16[1024,512]", diagnostics);
    if (!pair) continue;
    const auto argument = to_argument(pair->second, diagnostics);
    if (argument && !request.entry.arguments.emplace(pair->first, *argument).second) {
      diagnostics.report({}, messages::option_repeated, "--arg", pair->first);
    }
  }
  for (const std::string& text : options.inputs) {
    const auto pair = split_pair(text, "--in", "A=a.npy", diagnostics);
    if (!pair) continue;
    if (!request.inputs.insert(*pair).second) {
      diagnostics.report({}, messages::option_repeated, "--in", pair->first);
    }
    take_input_header(pair->first, pair->second, request, diagnostics);
  }
  for (const std::string& text : options.outputs) {
    const auto pair = split_pair(text, "--out", "C=c.npy", diagnostics);
    if (pair && !request.outputs.insert(*pair).second) {
      diagnostics.report({}, messages::option_repeated, "--out", pair->first);
    }
  }
  check_outputs(options, request, diagnostics);
  if (const auto values = runtime::parse_values(options.values)) {
    request.values = *values;
  } else {
    diagnostics.report({}, messages::unknown_values, options.values);
  }
}

/// Reports faults of the files and of definitions that do not depend on the options that are
/// missing because they were refused.
void report_other_faults(const Options& options, const Request& request, SourceManager& sources,
                         Diagnostics& diagnostics) {
  const auto logic = load(options.input, sources, diagnostics);
  const auto module = logic ? lang::parse_module(*logic, sources, diagnostics) : std::nullopt;
  for (const std::string& mapping : options.mappings) {
    const auto file = load(mapping, sources, diagnostics);
    if (!file) continue;
    (void)find_machine(options, *file, sources, diagnostics);
    const auto entry = mapping::read_entry_task(*file, sources, diagnostics);
    if (!module || !entry || module->find(entry->value) == nullptr) continue;
    Diagnostics bound;
    (void)lang::bind_entry(*module, entry->value, request.entry, bound);
    for (const Diagnostic& diagnostic : bound.all()) {
      const bool is_missing = diagnostic.code == messages::missing_definition.code ||
                              diagnostic.code == messages::missing_entry_shape.code;
      if (!is_missing) diagnostics.add(diagnostic);
    }
  }
}

}  // namespace

bool takes_standard_output(const Options& options) {
  const std::vector<std::string> paths = outputs_of(options);
  return std::find(paths.begin(), paths.end(), runtime::standard_output) != paths.end();
}

void say(const Options& options, std::string_view text) {
  if (!takes_standard_output(options)) fmt::print("{}", text);
}

bool check_overwrites(const Options& options, std::span<const std::string> read,
                      Diagnostics& diagnostics) {
  bool fine = true;
  for (const std::string& path : outputs_of(options)) {
    if (path == runtime::standard_output) continue;
    const bool is_read = std::any_of(read.begin(), read.end(), [&](const std::string& name) {
      std::error_code ignored;
      return !name.empty() && fs::is_regular_file(path, ignored) &&
             fs::equivalent(path, name, ignored);
    });
    if (is_read) diagnostics.report({}, messages::output_is_input, path);
    fine = fine && !is_read;
  }
  return fine;
}

Result<Request> read_request(const Options& options, Diagnostics& diagnostics) {
  Request request;
  const std::size_t errors = diagnostics.error_count();
  fill_request(options, request, diagnostics);
  if (diagnostics.error_count() > errors) return std::nullopt;
  return request;
}

Result<Request> read_logic_request(const Options& options, SourceManager& sources,
                                   Diagnostics& diagnostics) {
  Request request;
  const std::size_t errors = diagnostics.error_count();
  fill_request(options, request, diagnostics);
  if (diagnostics.error_count() == errors) return request;
  report_other_faults(options, request, sources, diagnostics);
  return std::nullopt;
}

std::optional<Compiled> compile(const Options& options, const Request& request,
                                SourceManager& sources, Diagnostics& diagnostics) {
  const auto start = std::chrono::steady_clock::now();
  if (!check_pass_names(options, diagnostics)) return std::nullopt;
  if (options.mappings.size() != 1) {
    diagnostics.report({}, messages::one_mapping, options.mappings.size());
    return std::nullopt;
  }
  if (!check_file_names(options, diagnostics)) return std::nullopt;
  const auto logic_file = load(options.input, sources, diagnostics);
  const auto mapping_file = load(options.mappings[0], sources, diagnostics);
  if (!logic_file || !mapping_file) return std::nullopt;
  auto module = lang::parse_module(*logic_file, sources, diagnostics);
  auto target = find_machine(options, *mapping_file, sources, diagnostics);
  const auto entry_task = mapping::read_entry_task(*mapping_file, sources, diagnostics);
  if (!module || !target || !entry_task) return std::nullopt;
  if (module->find(entry_task->value) == nullptr) {
    std::vector<std::string> names;
    for (const lang::Task& task : module->tasks) names.push_back(task.name);
    diagnostics.report(entry_task->span, messages::undefined_entry_task, entry_task->value,
                       sources.name(*logic_file), fmt::format("{}", fmt::join(names, ", ")));
    return std::nullopt;
  }
  Compiled compiled{std::move(*module),
                    {},
                    std::move(target->described.machine),
                    {},
                    {},
                    {},
                    {},
                    {},
                    0,
                    target->name,
                    target->described.area_mm2};
  auto entry = lang::bind_entry(compiled.module, entry_task->value, request.entry, diagnostics);
  if (!entry) return std::nullopt;
  compiled.entry = std::move(*entry);
  auto mapping = mapping::read_mapping(*mapping_file,
                                       passes::make_environment(compiled.entry, compiled.machine),
                                       compiled.module, compiled.machine, sources, diagnostics);
  if (!mapping) return std::nullopt;
  std::vector<std::string> read;  // templates and presets among them
  for (std::uint32_t file = 0; file < sources.size(); ++file) {
    read.emplace_back(sources.name(FileId{file}));
  }
  if (!check_overwrites(options, read, diagnostics)) return std::nullopt;
  compiled.tunables = common_tunables(*mapping);
  auto launch_tree = passes::instantiate(compiled.module, compiled.entry, *mapping,
                                         compiled.machine, sources, diagnostics);
  if (!launch_tree) return std::nullopt;
  compiled.mapping = std::move(*mapping);
  compiled.launch_tree = *launch_tree;
  compiled.arithmetic = tile::arithmetic_of(compiled.launch_tree);
  passes::RunOptions run;
  run.stop_after = options.stop_after;
  run.after = [&](std::string_view pass, const tile::Program& program) {
    const bool wanted =
        std::any_of(options.print_after.begin(), options.print_after.end(),
                    [&](const auto& name) { return name == pass || name == "all"; });
    if (wanted) fmt::print("# after {}\n{}", pass, tile::to_text(program));
  };
  auto program = passes::run_passes(std::move(*launch_tree), {compiled.machine, diagnostics}, run);
  if (!program) return std::nullopt;
  compiled.tile = std::move(*program);
  compiled.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return compiled;
}

}  // namespace septran::tools
