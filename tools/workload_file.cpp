#include "tools/workload_file.h"

#include <fmt/format.h>

#include <filesystem>
#include <set>

#include "compiler/base/messages.h"
#include "compiler/frontend/parser.h"
#include "targets/yaml_reader.h"
#include "tools/workload_csv.h"

namespace septran::tools {
namespace {

namespace fs = std::filesystem;

/// Whether some task's tensors have the dimensions KH and KW of filters. What is wrong with the
/// file is told when it is compiled.
bool takes_images(const std::string& logic, SourceManager& sources) {
  const auto file = sources.load(logic);
  if (!file) return false;
  Diagnostics untold;
  const auto module = lang::parse_module(*file, sources, untold);
  if (!module) return false;
  std::set<std::string> names;
  for (const lang::Task& task : module->tasks) {
    for (const lang::Parameter& parameter : task.parameters) {
      if (!parameter.shape) continue;
      for (const lang::Dimension& one : *parameter.shape) names.insert(one.name);
    }
  }
  return names.contains("KH") && names.contains("KW");
}

/// One text or several.
std::vector<std::string> texts(const yaml::Node& node, const char* key, Diagnostics& diagnostics) {
  std::vector<std::string> made;
  if (node.kind == yaml::Kind::sequence) {
    for (const yaml::Node& item : node.items) {
      if (const auto text = yaml::to_text(item, yaml::Fields::quoted(key), diagnostics)) {
        made.push_back(*text);
      }
    }
  } else if (const auto text = yaml::to_text(node, yaml::Fields::quoted(key), diagnostics)) {
    made.push_back(*text);
  }
  return made;
}

void read_yaml_layer(const yaml::Node& node, const fs::path& folder, const Options& defaults,
                     Workload& workload, Diagnostics& diagnostics) {
  yaml::Fields fields(node, "a layer", diagnostics);
  if (!fields.valid()) return;
  Layer layer;
  layer.options = defaults;
  fields.text("name", layer.name);
  if (const yaml::Node* count = fields.optional("count")) {
    layer.count = yaml::to_integer(*count, "'count'", 1, largest_size, diagnostics).value_or(1);
  }
  std::string path;
  fields.optional_text("logic", path);
  if (!path.empty()) layer.options.input = (folder / path).lexically_normal().string();
  path.clear();
  fields.optional_text("mapping", path);
  if (!path.empty()) layer.options.mappings = {(folder / path).lexically_normal().string()};
  if (const yaml::Node* types = fields.optional("dtype")) {
    layer.options.dtypes = texts(*types, "dtype", diagnostics);
  }
  if (const yaml::Node* sizes = fields.required("sizes")) {
    if (yaml::expect_map(*sizes, "'sizes'", diagnostics)) {
      for (const yaml::Entry& entry : sizes->entries) {
        const auto value = yaml::to_text(entry.value, yaml::Fields::quoted(entry.key), diagnostics);
        if (!value) continue;
        layer.options.definitions.push_back(entry.key + "=" + *value);
        layer.sizes += (layer.sizes.empty() ? "" : " ") + layer.options.definitions.back();
      }
    }
  }
  fields.finish();
  if (layer.options.input.empty()) {
    diagnostics.report(node.span, messages::yaml_missing_key, "the layer", "logic");
  }
  workload.layers.push_back(std::move(layer));
}

void read_yaml(FileId file, const Options& options, const SourceManager& sources,
               Workload& workload, Diagnostics& diagnostics) {
  const auto root = yaml::parse(file, sources, "a workload", "layers:", diagnostics);
  if (!root) return;
  yaml::Fields fields(*root, "the workload", diagnostics);
  if (!fields.valid()) return;
  Options defaults = options;
  fields.optional_text("name", workload.name);
  if (const yaml::Node* types = fields.optional("dtype"); types != nullptr) {
    if (defaults.dtypes.empty()) defaults.dtypes = texts(*types, "dtype", diagnostics);
  }
  const yaml::Node* layers = fields.required("layers");
  fields.finish();
  if (layers == nullptr || !yaml::expect_sequence(*layers, "'layers'", diagnostics)) return;
  const fs::path folder = fs::path(sources.name(file)).parent_path();
  for (const yaml::Node& layer : layers->items) {
    read_yaml_layer(layer, folder, defaults, workload, diagnostics);
  }
  if (layers->items.empty()) diagnostics.report(layers->span, messages::workload_empty);
}

}  // namespace

Result<Workload> read_workload(const Options& options, SourceManager& sources,
                               Diagnostics& diagnostics) {
  const auto file = sources.load(options.workload);
  if (!file) {
    diagnostics.report({}, messages::cannot_read, options.workload);
    return std::nullopt;
  }
  Workload workload;
  workload.name = fs::path(options.workload).stem().string();
  Options plain_options = options;
  plain_options.workload.clear();
  plain_options.json.clear();
  plain_options.html.clear();
  plain_options.csv.clear();
  plain_options.timing_only = true;
  const std::size_t errors = diagnostics.error_count();
  if (options.workload.ends_with(".yaml") || options.workload.ends_with(".yml")) {
    read_yaml(*file, plain_options, sources, workload, diagnostics);
  } else {
    if (options.input.empty() || options.mappings.empty()) {
      diagnostics.report({}, messages::workload_needs_logic);
      return std::nullopt;
    }
    const bool images = takes_images(options.input, sources);
    read_csv(*file, plain_options, images, sources, workload, diagnostics);
  }
  if (diagnostics.error_count() != errors) return std::nullopt;
  return workload;
}

}  // namespace septran::tools
