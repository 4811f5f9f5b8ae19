#include "tools/compare_runs.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "compiler/base/messages.h"
#include "simulator/report/compare.h"

namespace septran::tools {
namespace {

using Json = nlohmann::ordered_json;

/// What the parser says, without its own prefix and place.
std::string plain(const std::string& what) {
  const std::size_t place = what.find("column ");
  const std::size_t colon = place == std::string::npos ? place : what.find(": ", place);
  return colon == std::string::npos ? what : what.substr(colon + 2);
}

std::optional<Json> read_report(const std::string& path, SourceManager& sources,
                                Diagnostics& diagnostics) {
  const auto file = sources.load(path);
  if (!file) {
    diagnostics.report({}, messages::cannot_read, path);
    return std::nullopt;
  }
  const std::string_view text = sources.text(*file);
  Json report;
  try {
    report = Json::parse(text);
  } catch (const Json::parse_error& error) {
    const auto end = static_cast<std::uint32_t>(std::min(error.byte, text.size()));
    diagnostics.report(Span{*file, end > 0 ? end - 1 : 0, end}, messages::report_not_json,
                       plain(error.what()));
    return std::nullopt;
  } catch (const Json::out_of_range& error) {  // a number that no type holds
    diagnostics.report(Span{*file, 0, 0}, messages::report_not_json, error.what());
    return std::nullopt;
  }
  const std::string fault = report::fault_of(report);
  if (fault.empty()) return report;
  diagnostics.report(Span{*file, 0, 0}, messages::report_unusable, fault);
  return std::nullopt;
}

}  // namespace

int compare_reports(const Options& options, SourceManager& sources, Diagnostics& diagnostics) {
  const auto before = read_report(options.compare[0], sources, diagnostics);
  const auto after = read_report(options.compare[1], sources, diagnostics);
  if (!before || !after) return exit_bad_input;
  try {
    fmt::print("{}", report::compare_runs(*before, *after));
  } catch (const Json::exception& error) {  // a key within has another type
    diagnostics.report({}, messages::report_inconsistent, options.compare[0], options.compare[1],
                       error.what());
    return exit_bad_input;
  }
  return exit_fine;
}

}  // namespace septran::tools
