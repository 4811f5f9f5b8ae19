// The report files of a run: JSON, HTML, trace events, VCD.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "simulator/report.h"
#include "tools/compile.h"

namespace septran::tools {

/// Whether a file was asked for that says what happens over time.
[[nodiscard]] bool wants_recording(const Options& options);
/// Whether one was asked for that needs all that happens, one by one.
[[nodiscard]] bool wants_everything(const Options& options);
/// Source lines of the places that the result names ("gemm.py:17"), those that can be read.
[[nodiscard]] std::map<std::string, std::string> line_texts(
    const simulator::SimulationResult& result);
/// Path and content of each file that was asked for. Traces of a run that was stopped go as far as
/// that came; of a program that was refused there are none.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> report_files(
    const simulator::SimulationResult& result, const dsa::Program& program, const Machine& machine,
    const simulator::DriverResults& driver, const Options& options);

}  // namespace septran::tools
