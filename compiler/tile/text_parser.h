// The state of reading a tile program's text, shared by parse.cpp (statements) and parse_parts.cpp
// (declarations, tiles, attributes).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compiler/tile/program.h"
#include "compiler/tile/scan.h"

namespace septran::tile {

class TextParser {
 public:
  TextParser(FileId file, std::string_view text, Diagnostics& diagnostics)
      : in_(file, text, diagnostics) {
    lookup_ = [this](std::string_view name) { return find_variable(name); };
  }

  /// The whole text. Faults are reported; the program is of no use then.
  Program run();

 private:
  /// Variables of a loop leave scope with it, also when a fault leaves the loop early.
  struct ActiveVars {
    explicit ActiveVars(TextParser& parser) : parser(parser) {}
    ~ActiveVars() {
      for (const VarId id : added) parser.active_[id.value] = false;
    }
    ActiveVars(const ActiveVars&) = delete;
    ActiveVars& operator=(const ActiveVars&) = delete;
    TextParser& parser;
    std::vector<VarId> added;
  };
  /// Thrown when so many errors were reported that more would not help.
  struct TooManyErrors {};

  // Statements (parse.cpp).
  void block(Block& out);
  void body(Block& out, Origin& origin);
  void close_block();
  void line(Block& out);
  void end_of_line(Block& out, std::size_t first);
  bool header_line();
  bool statement(Statement& out);
  void loop(Statement& out);
  void parallel(Statement& out);
  void branch(Statement& out);
  void scope(Statement& out);
  void alloc(Statement& out);
  void mma(Statement& out);
  void sync(Statement& out);
  void barrier(Statement& out);
  template <typename Call>
  void call(Call& out);

  // Parts (parse_parts.cpp).
  std::optional<VarId> find_variable(std::string_view name) const;
  VarId bind_variable(ActiveVars& active);
  void header_variable();
  void header_tensor(TensorKind kind);
  void header_event();
  Tensor type();
  TensorId declare(TensorKind kind, bool takes_line_origin);
  TensorId tensor();
  std::vector<Expr> subscripts_of(std::string_view what);
  TripPart trip_part();
  TileRef tile();
  void box(const Tensor& tensor, std::string_view name, std::size_t begin, View& view);
  void general_view(const Tensor& tensor, std::string_view name, std::size_t begin, View& view);
  Operand operand();
  ScopeArgument argument();
  Attributes attributes(const Primitive& primitive);
  Binding binding();
  std::optional<GpuOptions> gpu_options();
  Origin from();
  std::vector<std::int64_t> integers(std::int64_t lowest, std::int64_t highest);
  Expr expression() { return scan_expression(in_, lookup_); }

  Scanner in_;
  VariableLookup lookup_;
  Program program_;
  std::map<std::string, VarId, std::less<>> variables_;  // the last one of each name
  std::vector<bool> active_;
  std::vector<bool> in_header_;
  std::map<std::string, TensorId, std::less<>> tensors_;
  std::map<std::string, EventId, std::less<>> events_;
  std::vector<TensorId> line_tensors_;  // take the origin that ends the line
  int depth_ = 0;
  bool end_reported_ = false;
};

}  // namespace septran::tile
