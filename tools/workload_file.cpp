#include "tools/workload_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <map>
#include <set>

#include "compiler/base/messages.h"
#include "compiler/frontend/parser.h"
#include "targets/yaml_reader.h"

namespace septran::tools {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t largest_size = std::int64_t{1} << 31;

struct Cell {
  std::string text;
  Span span;
};

/// Small letters and digits of a column's name.
std::string plain(std::string_view text) {
  std::string made;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      made += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return made;
}

class CsvReader {
 public:
  CsvReader(FileId file, const Options& options, bool takes_images, const SourceManager& sources,
            Diagnostics& diagnostics)
      : file_(file),
        options_(options),
        text_(sources.text(file)),
        takes_images_(takes_images),
        diagnostics_(diagnostics) {}

  void read(Workload& workload) {
    std::size_t at = 0;
    bool has_header = false;
    while (at < text_.size()) {
      const std::size_t end = std::min(text_.find('\n', at), text_.size());
      const std::vector<Cell> cells = split(at, end);
      at = end + 1;
      if (cells.empty()) continue;
      if (!has_header) {
        if (!header(cells)) return;
        has_header = true;
      } else {
        layer(cells, workload);
      }
    }
    if (!has_header || (workload.layers.empty() && !diagnostics_.has_errors())) {
      diagnostics_.report(Span{file_, 0, 0}, messages::workload_empty);
    }
  }

 private:
  /// The cells of a line without blanks around them; a comma at the end is no cell of its own.
  std::vector<Cell> split(std::size_t begin, std::size_t end) const {
    std::vector<Cell> cells;
    for (std::size_t at = begin; at <= end;) {
      const std::size_t comma = std::min(text_.find(',', at), end);
      std::size_t first = at;
      std::size_t last = comma;
      const auto blank = [&](std::size_t i) {
        return std::string(" \t\r\"").find(text_[i]) != std::string::npos;
      };
      while (first < last && blank(first)) ++first;
      while (last > first && blank(last - 1)) --last;
      cells.push_back(
          {std::string(text_.substr(first, last - first)),
           {file_, static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(last)}});
      at = comma + 1;
    }
    while (!cells.empty() && cells.back().text.empty()) cells.pop_back();
    return cells;
  }

  bool header(const std::vector<Cell>& cells) {
    const std::map<std::string, std::string> aliases{{"numfilters", "numfilter"},
                                                     {"stride", "strides"},
                                                     {"numberfilters", "numfilter"},
                                                     {"numberoffilters", "numfilter"}};
    for (std::size_t i = 1; i < cells.size(); ++i) {
      std::string name = plain(cells[i].text);
      if (const auto alias = aliases.find(name); alias != aliases.end()) name = alias->second;
      columns_[name] = i;
    }
    const auto has = [&](const std::vector<std::string>& names) {
      return std::all_of(names.begin(), names.end(),
                         [&](const std::string& name) { return columns_.contains(name); });
    };
    is_product_ = has(product_);
    if (!is_product_ && !has(convolution_)) {
      diagnostics_.report(Span{file_, cells.front().span.begin, cells.back().span.end},
                          messages::workload_columns);
      return false;
    }
    const auto& known = is_product_ ? product_ : convolution_;
    for (std::size_t i = 1; i < cells.size(); ++i) {
      const std::string name = plain(cells[i].text);
      const std::string column = aliases.contains(name) ? aliases.at(name) : name;
      if (std::find(known.begin(), known.end(), column) == known.end()) {
        diagnostics_.report(cells[i].span, messages::workload_unknown_column, cells[i].text);
      }
    }
    return true;
  }

  std::optional<std::int64_t> size(const std::vector<Cell>& cells, const std::string& column) {
    const std::size_t i = columns_.at(column);
    if (i >= cells.size()) {
      diagnostics_.report(Span{file_, cells.front().span.begin, cells.back().span.end},
                          messages::workload_short_line, column);
      return std::nullopt;
    }
    const Cell& cell = cells[i];
    std::int64_t value = 0;
    const char* end = cell.text.data() + cell.text.size();
    const auto [at, error] = std::from_chars(cell.text.data(), end, value);
    if (error == std::errc() && at == end && value >= 1 && value <= largest_size) return value;
    diagnostics_.report(cell.span, messages::workload_bad_size, column, cell.text, largest_size);
    return std::nullopt;
  }

  void layer(const std::vector<Cell>& cells, Workload& workload) {
    std::vector<std::int64_t> sizes;
    bool complete = true;
    for (const std::string& column : is_product_ ? product_ : convolution_) {
      const auto value = size(cells, column);
      complete = complete && value.has_value();
      sizes.push_back(value.value_or(1));
    }
    if (!complete) return;
    std::array<std::int64_t, 3> mnk{};
    if (is_product_) {
      mnk = {sizes[0], sizes[1], sizes[2]};
    } else {
      const auto [height, width] = std::pair(sizes[0], sizes[1]);
      const auto [tall, wide] = std::pair(sizes[2], sizes[3]);
      if (tall > height || wide > width) {
        diagnostics_.report(Span{file_, cells.front().span.begin, cells.back().span.end},
                            messages::workload_large_filter, tall, wide, height, width);
        return;
      }
      const std::int64_t step = sizes[6];
      mnk = {((height - tall) / step + 1) * ((width - wide) / step + 1), sizes[5],
             tall * wide * sizes[4]};
    }
    if (*std::max_element(mnk.begin(), mnk.end()) > largest_size) {
      diagnostics_.report(cells.front().span, messages::workload_bad_size, "the product's size",
                          fmt::format("{} x {} x {}", mnk[0], mnk[1], mnk[2]), largest_size);
      return;
    }
    std::vector<std::string> definitions{fmt::format("M={}", mnk[0]), fmt::format("N={}", mnk[1]),
                                         fmt::format("K={}", mnk[2])};
    if (!is_product_ && takes_images_) {
      definitions = {fmt::format("M={}", mnk[0]),       "N=1",
                     fmt::format("H={}", sizes[0]),     fmt::format("W={}", sizes[1]),
                     fmt::format("C={}", sizes[4]),     fmt::format("KH={}", sizes[2]),
                     fmt::format("KW={}", sizes[3]),    fmt::format("O={}", sizes[5]),
                     fmt::format("stride={}", sizes[6])};
    }
    Layer made{cells.front().text, 1, options_, fmt::format("{}", fmt::join(definitions, " "))};
    for (std::string& one : definitions) made.options.definitions.push_back(std::move(one));
    workload.layers.push_back(std::move(made));
  }

  FileId file_;
  const Options& options_;
  std::string_view text_;
  bool takes_images_;  // the logic does, not the matrix of windows
  Diagnostics& diagnostics_;
  std::map<std::string, std::size_t> columns_;
  bool is_product_ = false;
  const std::vector<std::string> product_{"m", "n", "k"};
  const std::vector<std::string> convolution_{"ifmapheight", "ifmapwidth", "filterheight",
                                              "filterwidth", "channels",   "numfilter",
                                              "strides"};
};

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
    CsvReader(*file, plain_options, images, sources, diagnostics).read(workload);
  }
  if (diagnostics.error_count() != errors) return std::nullopt;
  return workload;
}

}  // namespace septran::tools
