// Texts of web/, embedded by the build.
#pragma once

#include <string_view>

namespace septran::report {

extern const std::string_view page_css;
extern const std::string_view page_js;
extern const std::string_view timeline_js;
extern const std::string_view report_js;
extern const std::string_view points_js;

}  // namespace septran::report
