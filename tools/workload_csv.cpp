#include "tools/workload_csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "compiler/base/messages.h"

namespace septran::tools {
namespace {

struct Cell {
  std::string text;
  Span span;
};

using Cells = std::vector<Cell>;

/// Small letters and digits of a cell.
std::string plain(std::string_view text) {
  std::string made;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      made += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return made;
}

/// Cuts lines into cells: without blanks around them, or in quotation marks, two of which stand for
/// one. A comma at the end is no cell of its own. Without a comma in the first line that is no
/// note, tabs or semicolons separate cells.
class LineReader {
 public:
  LineReader(FileId file, std::string_view text, Diagnostics& diagnostics)
      : file_(file), text_(text), diagnostics_(diagnostics) {
    std::size_t begin = 0;
    while (text.substr(begin).starts_with('#') && text.find('\n', begin) != std::string::npos) {
      begin = text.find('\n', begin) + 1;
    }
    const std::string_view first = text.substr(begin, text.find('\n', begin) - begin);
    for (const char c : {';', '\t', ','}) {
      if (first.find(c) != std::string_view::npos) separator_ = c;
    }
  }

  /// The next line that has cells; nothing at the end.
  std::optional<Cells> next() {
    while (at_ < text_.size()) {
      const std::size_t end = std::min(text_.find('\n', at_), text_.size());
      Cells cells = split(at_, end);
      at_ = end + 1;
      if (!cells.empty()) return cells;
    }
    return std::nullopt;
  }

 private:
  [[nodiscard]] bool blank(std::size_t i) const {
    return text_[i] != separator_ && std::string_view(" \t\r").find(text_[i]) != std::string::npos;
  }

  Cells split(std::size_t begin, std::size_t end) {
    Cells cells;
    for (std::size_t at = begin; at <= end;) {
      while (at < end && blank(at)) ++at;
      Cell cell;
      cell.span = {file_, static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(at)};
      if (at < end && text_[at] == '"') at = quoted(at, end, cell);
      std::size_t last = std::min(text_.find(separator_, at), end);
      const std::size_t next = last + 1;
      while (last > at && blank(last - 1)) --last;
      cell.text += text_.substr(at, last - at);
      cell.span.end = static_cast<std::uint32_t>(last);
      cells.push_back(std::move(cell));
      at = next;
    }
    while (!cells.empty() && cells.back().text.empty()) cells.pop_back();
    return cells;
  }

  /// The place behind the quotation mark that ends the text.
  std::size_t quoted(std::size_t begin, std::size_t end, Cell& cell) {
    for (std::size_t at = begin + 1; at < end; ++at) {
      if (text_[at] != '"') {
        cell.text += text_[at];
      } else if (at + 1 < end && text_[at + 1] == '"') {
        cell.text += text_[at++];
      } else {
        return at + 1;
      }
    }
    const auto mark = static_cast<std::uint32_t>(begin);
    diagnostics_.report(Span{file_, mark, mark + 1}, messages::workload_open_quote);
    return end;
  }

  FileId file_;
  std::string_view text_;
  Diagnostics& diagnostics_;
  char separator_ = ',';
  std::size_t at_ = 0;
};

const std::vector<std::string> product_columns{"m", "n", "k"};
const std::vector<std::string> convolution_columns{"ifmapheight",  "ifmapwidth", "filterheight",
                                                   "filterwidth",  "channels",   "numfilter",
                                                   "strideheight", "stridewidth"};
const std::vector<std::string> further_columns{"batchsize", "sparsity"};

/// What a column of that name holds.
std::vector<std::string> meanings(const std::string& name) {
  static const std::map<std::string, std::vector<std::string>> others{
      {"numfilters", {"numfilter"}},
      {"numberfilters", {"numfilter"}},
      {"numberoffilters", {"numfilter"}},
      {"batch", {"batchsize"}},
      {"stride", {"strideheight", "stridewidth"}},
      {"strides", {"strideheight", "stridewidth"}}};
  const auto found = others.find(name);
  return found == others.end() ? std::vector{name} : found->second;
}

class TableReader {
 public:
  TableReader(const Options& options, bool takes_images, Workload& workload,
              Diagnostics& diagnostics)
      : options_(options),
        takes_images_(takes_images),
        workload_(workload),
        diagnostics_(diagnostics) {}

  bool header(const Cells& cells) {
    count_ = cells.size();
    for (std::size_t i = 1; i < cells.size(); ++i) {
      for (const std::string& name : meanings(plain(cells[i].text))) {
        if (columns_.emplace(name, i).second) continue;
        diagnostics_.report(cells[i].span, messages::workload_columns);  // twice
        return false;
      }
    }
    const auto has = [&](const std::vector<std::string>& names) {
      return std::all_of(names.begin(), names.end(),
                         [&](const std::string& name) { return columns_.contains(name); });
    };
    is_product_ = has(product_columns);
    if (!is_product_ && !has(convolution_columns)) {
      diagnostics_.report(line_of(cells), messages::workload_columns);
      return false;
    }
    for (std::size_t i = 1; i < cells.size(); ++i) {
      for (const std::string& name : meanings(plain(cells[i].text))) {
        if (is_among(needed(), name) || is_among(further_columns, name)) continue;
        diagnostics_.report(cells[i].span, messages::workload_unknown_column, cells[i].text);
      }
    }
    return true;
  }

  /// Whether a line says something to people only: with all columns, '#' begins a layer's name.
  [[nodiscard]] bool is_note(const Cells& cells) const {
    return cells.front().text.starts_with('#') && cells.size() < std::max<std::size_t>(count_, 2);
  }

  void layer(const Cells& cells) {
    if (cells.size() > count_ && !cells[count_].text.starts_with('#')) {
      diagnostics_.report(cells[count_].span, messages::workload_long_line, cells[count_].text);
      return;
    }
    if (is_sparse(cells)) return;
    std::vector<std::int64_t> sizes;
    bool complete = true;
    for (const std::string& column : needed()) {
      const auto value = size(cells, column);
      complete = complete && value.has_value();
      sizes.push_back(value.value_or(1));
    }
    const auto batch = columns_.contains("batchsize") ? size(cells, "batchsize") : 1;
    if (!complete || !batch) return;
    if (is_product_) {
      add(cells, *batch * sizes[0], sizes[1], sizes[2], {});
    } else {
      convolution(cells, *batch, sizes);
    }
  }

 private:
  [[nodiscard]] const std::vector<std::string>& needed() const {
    return is_product_ ? product_columns : convolution_columns;
  }
  static bool is_among(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  }
  static Span line_of(const Cells& cells) {
    return {cells.front().span.file, cells.front().span.begin, cells.back().span.end};
  }

  std::optional<std::int64_t> size(const Cells& cells, const std::string& column) {
    const std::size_t i = columns_.at(column);
    if (i >= cells.size()) {
      diagnostics_.report(line_of(cells), messages::workload_short_line, column);
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

  /// Whether of `N:M` only N values are there (reported).
  bool is_sparse(const Cells& cells) {
    const auto column = columns_.find("sparsity");
    if (column == columns_.end() || column->second >= cells.size()) return false;
    const Cell& cell = cells[column->second];
    const std::size_t colon = cell.text.find(':');
    if (cell.text.empty()) return false;
    if (colon != std::string::npos &&
        plain(cell.text.substr(0, colon)) == plain(cell.text.substr(colon + 1))) {
      return false;
    }
    diagnostics_.report(cell.span, messages::workload_sparse, cell.text);
    return true;
  }

  /// `sizes` in the order of the columns. Windows that do not lie in the input are left out.
  void convolution(const Cells& cells, std::int64_t batch, const std::vector<std::int64_t>& sizes) {
    const auto [height, width] = std::pair(sizes[0], sizes[1]);
    const auto [tall, wide] = std::pair(sizes[2], sizes[3]);
    const auto [down, right] = std::pair(sizes[6], sizes[7]);
    if (tall > height || wide > width) {
      diagnostics_.report(line_of(cells), messages::workload_large_filter, tall, wide, height,
                          width);
      return;
    }
    if (takes_images_ && down != right) {
      diagnostics_.report(line_of(cells), messages::workload_two_strides, down, right);
      return;
    }
    const std::int64_t pixels = ((height - tall) / down + 1) * ((width - wide) / right + 1);
    if (pixels > largest_size || tall * wide > largest_size) return too_large(cells);
    std::vector<std::string> image;
    if (takes_images_) {
      image = {fmt::format("N={}", batch),    fmt::format("H={}", height),
               fmt::format("W={}", width),    fmt::format("C={}", sizes[4]),
               fmt::format("KH={}", tall),    fmt::format("KW={}", wide),
               fmt::format("O={}", sizes[5]), fmt::format("stride={}", down)};
    }
    add(cells, batch * pixels, sizes[5], tall * wide * sizes[4], std::move(image));
  }

  void too_large(const Cells& cells) {
    diagnostics_.report(cells.front().span, messages::workload_bad_size, "the product's size",
                        cells.front().text, largest_size);
  }

  /// A layer of an image's sizes, or, if there are none, of a product's.
  void add(const Cells& cells, std::int64_t m, std::int64_t n, std::int64_t k,
           std::vector<std::string> image) {
    if (std::max({m, n, k}) > largest_size) return too_large(cells);
    std::vector<std::string> definitions{fmt::format("M={}", m)};
    if (image.empty()) {
      definitions.push_back(fmt::format("N={}", n));
      definitions.push_back(fmt::format("K={}", k));
    }
    for (std::string& one : image) definitions.push_back(std::move(one));
    Layer made{cells.front().text, 1, options_, fmt::format("{}", fmt::join(definitions, " "))};
    for (std::string& one : definitions) made.options.definitions.push_back(std::move(one));
    workload_.layers.push_back(std::move(made));
  }

  const Options& options_;
  bool takes_images_;  // the logic does, not the matrix of windows
  Workload& workload_;
  Diagnostics& diagnostics_;
  std::map<std::string, std::size_t> columns_;
  std::size_t count_ = 0;  // columns
  bool is_product_ = false;
};

}  // namespace

void read_csv(FileId file, const Options& options, bool takes_images, const SourceManager& sources,
              Workload& workload, Diagnostics& diagnostics) {
  LineReader lines(file, sources.text(file), diagnostics);
  TableReader table(options, takes_images, workload, diagnostics);
  auto first = lines.next();
  while (first && table.is_note(*first)) first = lines.next();
  if (first && !table.header(*first)) return;
  while (const auto line = lines.next()) {
    if (!table.is_note(*line)) table.layer(*line);
  }
  if (workload.layers.empty() && !diagnostics.has_errors()) {
    diagnostics.report(Span{file, 0, 0}, messages::workload_empty);
  }
}

}  // namespace septran::tools
