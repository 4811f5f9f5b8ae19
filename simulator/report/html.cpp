#include "simulator/report/html.h"

#include <initializer_list>
#include <nlohmann/json.hpp>

#include "simulator/report/assets.h"

namespace septran::report {
namespace {

/// JSON that cannot end the script element that it stands in.
std::string embedded(const nlohmann::ordered_json& json) {
  const std::string text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::string safe;
  safe.reserve(text.size());
  for (const char c : text) {
    if (c == '<') {
      safe += "\\u003c";
    } else {
      safe += c;
    }
  }
  return safe;
}

std::string escaped(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    if (c == '<') {
      safe += "&lt;";
    } else if (c == '&') {
      safe += "&amp;";
    } else {
      safe += c;
    }
  }
  return safe;
}

std::string page(const std::string& title, const nlohmann::ordered_json& data,
                 std::initializer_list<std::string_view> scripts) {
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<link rel=\"icon\" href=\"data:,\">\n<title>";
  html += escaped(title) + "</title>\n<style>\n";
  html += page_css;
  html += "</style>\n</head>\n<body>\n<main></main>\n<div id=\"tip\" role=\"status\"></div>\n";
  html +=
      "<script type=\"application/json\" id=\"data\">" + embedded(data) + "</script>\n<script>\n";
  html += page_js;
  for (const std::string_view script : scripts) html += script;
  return html + "</script>\n</body>\n</html>\n";
}

}  // namespace

std::string run_page(const nlohmann::ordered_json& report) {
  const std::string program = report.value("program", "");
  const std::string title = (program.empty() ? "" : program + " on ") + report.value("target", "");
  return page(title, report, {timeline_js, report_js});
}

std::string workload_page(const nlohmann::ordered_json& report) {
  return page(report.value("workload", ""), report, {points_js});
}

std::string sweep_page(const nlohmann::ordered_json& report) {
  return page("Sweep of " + report.value("target", ""), report, {points_js});
}

}  // namespace septran::report
