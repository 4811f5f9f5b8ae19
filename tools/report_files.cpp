#include "tools/report_files.h"

#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>

#include "simulator/recording.h"
#include "simulator/report/html.h"
#include "simulator/report/trace.h"

namespace septran::tools {

bool wants_recording(const Options& options) {
  return !options.json.empty() || !options.html.empty() || wants_everything(options);
}

bool wants_everything(const Options& options) {
  return !options.trace.empty() || !options.vcd.empty();
}

std::map<std::string, std::string> line_texts(const simulator::SimulationResult& result) {
  std::map<std::string, std::string> texts;
  const auto* report = std::get_if<simulator::SimulationReport>(&result);
  if (report == nullptr) return texts;
  std::map<std::string, std::vector<std::string>> files;
  for (const simulator::LineReport& line : report->lines) {
    const std::size_t colon = line.logic.rfind(':');
    if (colon == std::string::npos) continue;
    std::size_t number = 0;
    std::from_chars(line.logic.data() + colon + 1, line.logic.data() + line.logic.size(), number);
    const auto [file, is_new] = files.try_emplace(line.logic.substr(0, colon));
    if (is_new) {
      std::ifstream in(file->first);
      for (std::string text; std::getline(in, text);) file->second.push_back(text);
    }
    if (number >= 1 && number <= file->second.size()) texts[line.logic] = file->second[number - 1];
  }
  return texts;
}

std::vector<std::pair<std::string, std::string>> report_files(
    const simulator::SimulationResult& result, const dsa::Program& program, const Machine& machine,
    const simulator::DriverResults& driver, const Options& options) {
  std::vector<std::pair<std::string, std::string>> files;
  if (!wants_recording(options)) return files;
  const auto json = simulator::to_json(result, machine.name, driver);
  if (!options.json.empty()) files.emplace_back(options.json, simulator::report_text(json));
  if (!options.html.empty()) files.emplace_back(options.html, report::run_page(json));
  if (driver.recording == nullptr || driver.recording->cores() == 0) return files;
  simulator::SimulationReport stopped;  // what traces tell of a run
  stopped.program = program.name;
  stopped.target = machine.name;
  stopped.cycles = driver.recording->cycles();
  stopped.machine.clock_hz = machine.clock_hz;
  const auto* run = std::get_if<simulator::SimulationReport>(&result);
  if (run == nullptr) run = &stopped;
  if (!options.trace.empty()) {
    files.emplace_back(
        options.trace,
        report::trace_events(*run, *driver.recording, options.window.value_or(report::Window{})));
  }
  if (!options.vcd.empty()) {
    files.emplace_back(
        options.vcd,
        report::value_changes(*run, *driver.recording, options.window.value_or(report::Window{})));
  }
  return files;
}

}  // namespace septran::tools
