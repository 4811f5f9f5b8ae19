#include "compiler/base/diagnostic.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <set>

#include "compiler/base/utf8.h"

namespace septran {
namespace {

constexpr std::size_t max_shown_columns = 200;

std::string_view severity_name(Severity severity) {
  switch (severity) {
    case Severity::note:
      return "note";
    case Severity::warning:
      return "warning";
    case Severity::error:
      return "error";
  }
  return "error";
}

std::string paint(std::string_view text, const char* code, bool color) {
  return color ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

/// Whether a byte continues a UTF-8 character.
bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// How many columns a text takes: its characters.
std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !continues_character(c); }));
}

/// The text as a terminal or a JSON file may have it: '?' for bytes that are no UTF-8, a blank for
/// control characters but the end of a line. Bytes keep their places.
std::string printable(std::string_view text) {
  std::string out(text);
  for (std::size_t i = 0; i < out.size();) {
    const std::size_t bytes = utf8_length(std::string_view(out).substr(i));
    const auto c = static_cast<unsigned char>(out[i]);
    if (bytes == 0) out[i] = '?';
    if (bytes == 1 && ((c < 0x20 && c != '\n') || c == 0x7F)) out[i] = ' ';
    i += std::max<std::size_t>(bytes, 1);
  }
  return out;
}

/// The part of a line that is shown: at most max_shown_columns bytes around a place in it, cut
/// between characters.
std::pair<std::size_t, std::size_t> shown_part(std::string_view line, std::size_t place) {
  if (line.size() <= max_shown_columns) return {0, line.size()};
  std::size_t from = place > max_shown_columns / 2 ? place - max_shown_columns / 2 : 0;
  std::size_t to = std::min(from + max_shown_columns, line.size());
  while (from < place && continues_character(line[from])) ++from;
  while (to > place && to < line.size() && continues_character(line[to])) --to;
  return {from, to};
}

/// The source line of a span with a caret under its range. Long lines are cut around the caret.
std::string render_line(Span span, const SourceManager& sources) {
  const LineColumn at = sources.position(span.file, span.begin);
  const std::string line = printable(sources.line(span.file, at.line));
  const std::size_t place = std::min<std::size_t>(at.column - 1, line.size());
  const auto [from, to] = shown_part(line, place);
  const std::size_t length = span.end > span.begin ? span.end - span.begin : 1;
  const std::string_view shown = std::string_view(line).substr(from, to - from);
  const std::size_t indent = columns(shown.substr(0, place - from));
  const std::size_t carets = std::max<std::size_t>(1, columns(shown.substr(place - from, length)));
  return fmt::format("  {}\n  {}{}\n", shown, std::string(indent, ' '), std::string(carets, '^'));
}

std::string render_place(Span span, const SourceManager& sources) {
  if (!span.valid()) return "septran: ";
  const LineColumn at = sources.position(span.file, span.begin);
  return fmt::format("{}:{}:{}: ", sources.name(span.file), at.line, at.column);
}

}  // namespace

Diagnostic& Diagnostics::add(Diagnostic diagnostic) {
  if (diagnostic.severity == Severity::error) ++error_count_;
  all_.push_back(std::move(diagnostic));
  return all_.back();
}

std::string render(const Diagnostic& diagnostic, const SourceManager& sources, bool color) {
  const char* paint_code = diagnostic.severity == Severity::error ? "1;31" : "1;35";
  const std::string label =
      fmt::format("{}[{}]:", severity_name(diagnostic.severity), diagnostic.code);
  std::string out = fmt::format("{}{} {}\n", render_place(diagnostic.span, sources),
                                paint(label, paint_code, color), printable(diagnostic.text));
  if (diagnostic.span.valid()) out += render_line(diagnostic.span, sources);
  for (const DiagnosticNote& note : diagnostic.notes) {
    out += fmt::format("{}{} {}\n", render_place(note.span, sources), paint("note:", "1;36", color),
                       printable(note.text));
    if (note.span.valid()) out += render_line(note.span, sources);
  }
  if (!diagnostic.hint.empty()) {
    out += fmt::format("  {} {}\n", paint("hint:", "1;32", color), printable(diagnostic.hint));
  }
  return out;
}

std::string render(const Diagnostics& diagnostics, const SourceManager& sources, bool color) {
  std::vector<const Diagnostic*> order;
  order.reserve(diagnostics.all().size());
  for (const Diagnostic& d : diagnostics.all()) order.push_back(&d);
  std::stable_sort(order.begin(), order.end(), [](const Diagnostic* a, const Diagnostic* b) {
    return std::pair(a->span.file, a->span.begin) < std::pair(b->span.file, b->span.begin);
  });
  // A file that is read in several steps may be told the same fault in each.
  std::set<std::string> told;
  std::string out;
  for (const Diagnostic* d : order) {
    std::string text = render(*d, sources, color);
    if (told.insert(text).second) out += text;
  }
  return out;
}

namespace {

/// How many characters have to be put in, taken out, replaced, or swapped with their neighbour.
std::size_t edit_distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> before(to.size() + 1);  // rows of the table: two characters ago, ...
  std::vector<std::size_t> last(to.size() + 1);
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= from.size(); ++i) {
    before.swap(last);
    last.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row.back();
}

}  // namespace

std::optional<std::string> nearest_name(std::string_view name,
                                        const std::vector<std::string>& candidates) {
  std::optional<std::string> best;
  // One edit in three characters at most, and never all of them.
  std::size_t best_distance = std::min(std::max<std::size_t>(1, name.size() / 3) + 1, name.size());
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(name, candidate);
    if (distance >= best_distance) continue;
    best_distance = distance;
    best = candidate;
  }
  return best;
}

void bug(std::string_view what, const char* file, int line) {
  std::fputs(
      fmt::format("septran: this is a bug in SepTran: {} ({}:{})\n", what, file, line).c_str(),
      stderr);
  std::fflush(nullptr);
  std::_Exit(5);
}

}  // namespace septran
