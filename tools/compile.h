// From the files and options of a command line to a compiled program.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/frontend/evaluate.h"
#include "compiler/mapping/mapping.h"
#include "compiler/passes/pass.h"
#include "compiler/tile/arithmetic.h"
#include "runtime/random.h"
#include "simulator/report/trace.h"
#include "simulator/simulator.h"
#include "targets/dsa/program.h"

namespace septran::tools {

/// What a command ends with; cli.md's table.
enum ExitCode : int {
  exit_fine = 0,
  exit_wrong_result = 1,
  exit_bad_input = 2,
  exit_trap = 3,
  exit_missing_component = 4,
  exit_bug = 5
};

/// The options that mean the same in every command.
struct Options {
  std::string input;  // logic file, or program file
  std::vector<std::string> mappings;
  std::vector<std::string> definitions;  // -D name=value
  std::vector<std::string> dtypes;       // --dtype f16, --dtype C=f32
  std::vector<std::string> arguments;    // --arg A=f16[1024,512]
  std::string target;
  std::vector<std::string> inputs;   // --in A=a.npy
  std::vector<std::string> outputs;  // --out C=c.npy
  std::uint64_t seed = 0;
  std::string values = "normal";
  bool no_check = false;
  bool timing_only = false;
  bool check_hazards = false;
  std::string json;
  std::string html;
  std::string trace;  // trace events
  std::string vcd;
  std::string code;                      // a stage of compilation (-o)
  std::optional<report::Window> window;  // of trace and vcd
  std::int64_t cycle_limit = simulator::default_cycle_limit;
  std::string csv;                   // of a sweep or workload
  std::vector<std::string> compare;  // two reports
  std::string workload;
  std::vector<std::string> sweeps;                          // --sweep field=value,...
  std::vector<std::pair<std::string, std::string>> fields;  // of the description, changed
  int jobs = 0;                                             // processes; 0: one a processor
  std::string mma = "model";                                // what stands for the matrix array
  int repetitions = 0;  // of a timed run; 0: enough for a steady median
  std::vector<std::string> print_after;
  std::string stop_after;
};

/// Options as the libraries take them; every fault reported. Paths by parameter name.
struct Request {
  lang::EntryRequest entry;
  std::map<std::string, std::string> inputs;
  std::map<std::string, std::string> outputs;
  runtime::Values values = runtime::Values::normal;
};
Result<Request> read_request(const Options& options, Diagnostics& diagnostics);
/// The same for a logic file. After a fault in the options, what is wrong with the files that they
/// name is reported too, as far as it does not depend on the options.
Result<Request> read_logic_request(const Options& options, SourceManager& sources,
                                   Diagnostics& diagnostics);

/// Whether one of the results is to go to the standard output (a file `-`), which then holds it
/// alone.
bool takes_standard_output(const Options& options);
/// Prints a part of what people read, unless the standard output is a result's.
void say(const Options& options, std::string_view text);

/// Whether no file that the options say to write is one of those `read`; each that is, is reported.
bool check_overwrites(const Options& options, std::span<const std::string> read,
                      Diagnostics& diagnostics);

struct Compiled {
  lang::Module module;
  lang::EntryBinding entry;
  Machine machine;
  std::optional<mapping::Mapping> mapping;
  tile::Program launch_tree;
  tile::Program tile;
  tile::ArithmeticChain arithmetic;
  /// Tunables to which all instances that have them give one value.
  std::map<std::string, lang::TunableValue> tunables;
  double seconds = 0;              // all of compiling
  std::string target_file;         // name or path of the description
  std::optional<double> area_mm2;  // as the description prices it
};

/// Reads the files and runs all passes (or those up to --stop-after). Prints the tile program after
/// the passes that --print-after names, on stdout.
std::optional<Compiled> compile(const Options& options, const Request& request,
                                SourceManager& sources, Diagnostics& diagnostics);

}  // namespace septran::tools
