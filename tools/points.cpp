#include "tools/points.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "compiler/base/messages.h"
#include "runtime/file.h"
#include "simulator/report.h"
#include "targets/dsa/lower/lower.h"

namespace septran::tools {
namespace {

struct Child {
  std::size_t index = 0;
  pid_t process = -1;
  int pipe = -1;
  std::string text;
};

/// What the child of `parent` does: never returns.
[[noreturn]] void be_child(const std::function<std::string(std::size_t)>& work, std::size_t index,
                           int pipe, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // nobody would take the result
  if (getppid() != parent) _exit(1);
  const int nowhere = open("/dev/null", O_WRONLY);
  dup2(nowhere, STDOUT_FILENO);
  dup2(nowhere, STDERR_FILENO);
  int code = 1;
  try {
    const std::string text = work(index);
    std::size_t at = 0;
    while (at < text.size()) {
      const ssize_t written = write(pipe, text.data() + at, text.size() - at);
      if (written < 0 && errno != EINTR) break;
      if (written > 0) at += static_cast<std::size_t>(written);
    }
    code = at == text.size() ? 0 : 1;
  } catch (const std::exception&) {
    code = 1;
  }
  _exit(code);
}

/// Nothing if no process could be started.
std::optional<Child> start(const std::function<std::string(std::size_t)>& work, std::size_t index) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  std::fflush(nullptr);  // or the child has what is buffered, too
  const pid_t parent = getpid();
  const pid_t process = fork();
  if (process == 0) {
    close(ends[0]);
    be_child(work, index, ends[1], parent);
  }
  close(ends[1]);
  if (process < 0) {
    close(ends[0]);
    return std::nullopt;
  }
  return Child{index, process, ends[0], {}};
}

/// Takes what a child has written; false at the end of it.
bool read_some(Child& child) {
  char buffer[4096];
  const ssize_t size = read(child.pipe, buffer, sizeof buffer);
  if (size > 0) child.text.append(buffer, static_cast<std::size_t>(size));
  return size > 0 || (size < 0 && errno == EINTR);
}

nlohmann::ordered_json summary(const simulator::SimulationReport& report,
                               std::optional<double> area_mm2) {
  double energy = 0;
  for (const auto& [component, amount] : report.energy_pj) energy += amount;
  std::int64_t bytes = 0;
  for (const simulator::TensorReport& tensor : report.tensors) bytes += tensor.bytes;
  nlohmann::ordered_json json = {{"status", "ok"},
                                 {"cycles", report.cycles},
                                 {"seconds_at_clock", report.seconds_at_clock},
                                 {"macs", report.macs},
                                 {"mma_utilization", report.mma_utilization},
                                 {"bound_cycles", report.roofline.bound()},
                                 {"global_bytes", bytes},
                                 {"energy_pj", energy},
                                 {"verdict", report.verdict},
                                 {"target", report.target}};
  if (area_mm2) json["area_mm2"] = *area_mm2;
  return json;
}

nlohmann::ordered_json failure(const char* status, std::string error) {
  return {{"status", status}, {"error", std::move(error)}};
}

}  // namespace

void run_in_processes(std::size_t count, int jobs,
                      const std::function<std::string(std::size_t)>& work,
                      const std::function<void(std::size_t, std::optional<std::string>)>& done) {
  std::vector<Child> children;
  std::size_t next = 0;
  while (next < count || !children.empty()) {
    while (next < count && children.size() < static_cast<std::size_t>(jobs)) {
      auto child = start(work, next);
      if (!child && !children.empty()) break;  // later, when others have ended
      if (!child) {
        done(next++, std::nullopt);
        continue;
      }
      children.push_back(std::move(*child));
      ++next;
    }
    std::vector<pollfd> waiting;
    for (const Child& child : children) waiting.push_back({child.pipe, POLLIN, 0});
    if (poll(waiting.data(), waiting.size(), -1) < 0) continue;
    for (std::size_t i = children.size(); i-- > 0;) {
      if (waiting[i].revents == 0 || read_some(children[i])) continue;
      Child ended = std::move(children[i]);
      children.erase(children.begin() + static_cast<std::ptrdiff_t>(i));
      close(ended.pipe);
      int status = 0;
      while (waitpid(ended.process, &status, 0) < 0 && errno == EINTR) continue;
      const bool fine = WIFEXITED(status) && WEXITSTATUS(status) == 0;
      done(ended.index, fine ? std::optional(std::move(ended.text)) : std::nullopt);
    }
  }
}

nlohmann::ordered_json run_point(const Options& options) {
  SourceManager sources;
  Diagnostics diagnostics;
  const auto refused = [&] { return failure("refused", render(diagnostics, sources, false)); };
  const auto request = read_request(options, diagnostics);
  if (!request) return refused();
  const auto compiled = compile(options, *request, sources, diagnostics);
  if (!compiled) return refused();
  if (compiled->machine.family != MachineFamily::dsa) {
    diagnostics.report({}, messages::wrong_family, compiled->machine.name);
    return refused();
  }
  const auto program = dsa::lower_to_dsa(compiled->tile, compiled->machine, diagnostics);
  if (!program) return refused();
  std::vector<simulator::HostBuffer> none(program->globals.size());
  simulator::SimulationOptions simulation;
  simulation.timing_only = true;
  simulation.cycle_limit = options.cycle_limit;
  simulator::HazardReport hazards;
  const auto result = simulator::simulate(*program, compiled->machine, none, simulation,
                                          options.check_hazards ? &hazards : nullptr);
  if (!hazards.hazards.empty()) return failure("hazard", simulator::to_text(hazards));
  if (const auto* report = std::get_if<simulator::SimulationReport>(&result)) {
    return summary(*report, compiled->area_mm2);
  }
  const bool trapped = std::holds_alternative<simulator::Trap>(result);
  return failure(trapped ? "trap" : "deadlock", simulator::to_text(result));
}

int job_count(const Options& options) {
  if (options.jobs > 0) return options.jobs;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

/// A value as a cell: quoted where it holds a comma, a quote or a line's end.
std::string csv_cell(const nlohmann::ordered_json& value) {
  constexpr auto replace = nlohmann::json::error_handler_t::replace;
  if (!value.is_string()) return value.dump(-1, ' ', false, replace);
  auto text = value.get<std::string>();
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

/// The row with the keys of objects in it in their place, and without texts of errors.
nlohmann::ordered_json flat(const nlohmann::ordered_json& row) {
  nlohmann::ordered_json made = nlohmann::ordered_json::object();
  for (const auto& [key, value] : row.items()) {
    if (value.is_object()) {
      made.update(value);
    } else if (key != "error") {
      made[key] = value;
    }
  }
  return made;
}

std::string csv(const nlohmann::ordered_json& rows) {
  std::vector<nlohmann::ordered_json> flat_rows;
  std::vector<std::string> columns;
  for (const auto& row : rows) {
    flat_rows.push_back(flat(row));
    for (const auto& [key, value] : flat_rows.back().items()) {
      if (std::find(columns.begin(), columns.end(), key) == columns.end()) columns.push_back(key);
    }
  }
  std::vector<std::string> heads;
  for (const std::string& column : columns) heads.push_back(csv_cell(column));
  std::string text = fmt::format("{}\n", fmt::join(heads, ","));
  for (const auto& row : flat_rows) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) text += ",";
      if (row.contains(columns[i])) text += csv_cell(row[columns[i]]);
    }
    text += "\n";
  }
  return text;
}

bool write_points(const nlohmann::ordered_json& report, const char* rows, const std::string& page,
                  const Options& options, Diagnostics& diagnostics) {
  const std::string json =
      report.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  const std::string table = csv(report[rows]);
  std::vector<runtime::OutputFile> files;
  if (!options.json.empty()) files.push_back({options.json, json});
  if (!options.csv.empty()) files.push_back({options.csv, table});
  if (!options.html.empty()) files.push_back({options.html, page});
  return runtime::write_files_atomically(files, diagnostics);
}

void show_progress(const std::string& what, std::size_t done, std::size_t count) {
  if (isatty(STDERR_FILENO) == 0) return;
  if (done < count) {
    fmt::print(stderr, "\r{} {} of {}", what, done, count);
  } else {
    fmt::print(stderr, "\r\033[K");
  }
  std::fflush(stderr);
}

}  // namespace septran::tools
