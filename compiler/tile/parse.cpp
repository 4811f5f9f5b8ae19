#include "compiler/tile/parse.h"

#include <fmt/format.h>

#include "compiler/base/messages.h"
#include "compiler/tile/canonical.h"
#include "compiler/tile/text_parser.h"
#include "compiler/tile/text_words.h"

namespace septran::tile {
namespace {

constexpr int max_block_depth = 100;
constexpr std::size_t max_errors = 20;
constexpr std::int64_t max_workers = 1 << 20;

}  // namespace

Program TextParser::run() {
  try {
    in_.skip_lines();
    in_.expect_word("program");
    program_.name = in_.word("the program's name");
    in_.expect_word("target");
    program_.target = in_.word("the target's name");
    in_.expect("{");
    block(program_.body);
    close_block();
    in_.skip_lines();
    if (!in_.at_end()) in_.expected("the end of the text");
  } catch (const LineFault&) {
    // Reported; what follows a broken frame would be reported for no good.
  } catch (const TooManyErrors&) {
    in_.diagnostics().report(in_.span_from(in_.position()), messages::tile_too_many_errors);
  }
  return std::move(program_);
}

/// Statements up to a '}' or the end of the text.
void TextParser::block(Block& out) {
  while (true) {
    in_.skip_lines();
    if (in_.at_end() || in_.next_is("}")) return;
    const std::size_t begin = in_.position();
    try {
      line(out);
    } catch (const LineFault&) {
      if (in_.diagnostics().error_count() >= max_errors) throw TooManyErrors{};
      in_.set_position(begin);
      in_.skip_statement();
    }
  }
}

void TextParser::close_block() {
  in_.skip_lines();
  if (in_.at_end()) {  // said once, not for every block that is open
    if (end_reported_) return;
    end_reported_ = true;
  }
  in_.expect("}");
}

/// `{  # origin`, statements, `}`.
void TextParser::body(Block& out, Origin& origin) {
  in_.expect("{");
  in_.skip_blanks();
  if (in_.peek() == '#') origin = parse_origin_comment(in_.take_line().substr(1));
  if (depth_ >= max_block_depth) {
    in_.fail(in_.span_from(in_.position()), messages::tile_too_deep, "blocks", max_block_depth);
  }
  ++depth_;
  block(out);
  --depth_;
  close_block();
}

/// One or several statements separated by ';', under one engine; the comment at the end of the line
/// is their origin.
void TextParser::line(Block& out) {
  line_tensors_.clear();
  if (depth_ == 0 && header_line()) {
    return end_of_line(out, out.size());
  }
  std::string launch;
  if (in_.accept("@")) launch = in_.word("a launch");
  std::optional<TripPart> part;
  if (in_.accept_word("part")) part = trip_part();
  std::string engine;
  in_.skip_blanks();
  const std::size_t begin = in_.position();
  if (in_.next_is_word_or_quote()) {
    engine = in_.word("an engine");
    if (!in_.accept(":")) {
      engine.clear();
      in_.set_position(begin);
    }
  }
  const std::size_t first = out.size();
  do {
    Statement next;
    next.engine = engine;
    next.launch = launch;
    next.part = part;
    const bool is_block = statement(next);
    if (is_block) {
      out.push_back(std::move(next));
      in_.skip_blanks();
      if (in_.peek() == '#') in_.take_line();
      return end_of_line(out, out.size());
    }
    out.push_back(std::move(next));
  } while (in_.accept(";"));
  end_of_line(out, first);
}

/// `(family, index, lag)` or `(family, index, lag, peeled)`.
TripPart TextParser::trip_part() {
  TripPart part;
  in_.expect("(");
  part.family = static_cast<int>(in_.integer(0, max_workers));
  in_.expect(",");
  part.index = static_cast<int>(in_.integer(0, max_workers));
  in_.expect(",");
  part.lag = static_cast<int>(in_.integer(0, max_workers));
  if (in_.accept(",")) {
    in_.expect_word("peeled");
    part.peeled = true;
  }
  in_.expect(")");
  return part;
}

/// The origin of the statements from `first` on, and the line's end.
void TextParser::end_of_line(Block& out, std::size_t first) {
  in_.skip_blanks();
  if (in_.peek() == '#') {
    const Origin origin = parse_origin_comment(in_.take_line().substr(1));
    for (std::size_t i = first; i < out.size(); ++i) out[i].origin = origin;
    for (const TensorId id : line_tensors_) program_[id].origin = origin;
    return;
  }
  if (in_.accept(";") || in_.at_end() || in_.peek() == '\n' || in_.peek() == '}') return;
  in_.expected("the end of the line");
}

/// A declaration of the header, if one comes next.
bool TextParser::header_line() {
  if (in_.accept_word("var")) {
    header_variable();
  } else if (in_.accept_word("event")) {
    header_event();
  } else if (in_.accept_word("argument")) {
    header_tensor(TensorKind::argument);
  } else if (in_.accept_word("temporary")) {
    header_tensor(TensorKind::temporary);
  } else if (in_.accept_word("parameter")) {
    header_tensor(TensorKind::parameter);
  } else if (in_.accept_word("buffer")) {
    header_tensor(TensorKind::buffer);
  } else {
    return false;
  }
  return true;
}

/// One statement; returns whether it has blocks of its own.
bool TextParser::statement(Statement& out) {
  in_.skip_blanks();
  const std::size_t begin = in_.position();
  const std::string_view word = in_.bare_word();
  if (word == "alloc") return alloc(out), false;
  if (word == "loop") return loop(out), true;
  if (word == "parallel") return parallel(out), true;
  if (word == "if") return branch(out), true;
  if (word == "scope") return scope(out), true;
  if (word == "sync") return sync(out), false;
  if (word == "barrier") return barrier(out), false;
  if (word == "mma") return mma(out), false;
  if (word == "dma_copy") {
    DmaCopy copy;
    copy.dst = tile();
    in_.expect(",");
    copy.src = tile();
    out.node = std::move(copy);
    return false;
  }
  if (word == "prim" && in_.peek() == '.') {
    Prim prim;
    call(prim);
    prim.binding = binding();
    out.node = std::move(prim);
    return false;
  }
  if (word == "vec" && in_.peek() == '.') {
    Vec vec;
    call(vec);
    if (in_.accept_word("if")) vec.guard = scan_condition(in_, lookup_);
    out.node = std::move(vec);
    return false;
  }
  if (word.empty()) in_.expected("a statement");
  in_.fail(in_.span_from(begin), messages::tile_unknown_statement, word);
}

void TextParser::alloc(Statement& out) {
  TensorKind kind = TensorKind::buffer;
  if (in_.accept_word("temporary")) kind = TensorKind::temporary;
  if (in_.accept_word("parameter")) kind = TensorKind::parameter;
  if (in_.accept_word("argument")) kind = TensorKind::argument;
  in_.skip_blanks();
  const std::size_t begin = in_.position();
  in_.sigil_name();
  const bool declares = in_.next_is(":");
  in_.set_position(begin);
  out.node = Alloc{declares ? declare(kind, true) : tensor()};
}

void TextParser::loop(Statement& out) {
  ActiveVars active(*this);
  Loop loop;
  in_.expect("(");
  loop.var = bind_variable(active);
  in_.expect(")");
  loop.independent = in_.accept_word("independent");
  if (in_.accept_word("workers")) {
    loop.workers = static_cast<int>(in_.integer(-max_workers, max_workers));
  }
  if (in_.accept_word("spread")) loop.spread = static_cast<int>(in_.integer(0, max_workers));
  loop.gpu = gpu_options();
  if (in_.accept_word("schedule")) {
    do {
      ScheduleStep step;
      step.launch = in_.word("a launch");
      if (in_.accept("@")) step.trips_earlier = -static_cast<int>(in_.integer(-max_workers, -1));
      loop.schedule.push_back(std::move(step));
    } while (in_.accept(","));
  }
  body(loop.body, out.origin);
  out.node = std::move(loop);
}

void TextParser::parallel(Statement& out) {
  ActiveVars active(*this);
  Parallel parallel;
  if (!in_.next_is("(")) parallel.processor = in_.word("a processor or '('");
  in_.expect("(");
  if (!in_.accept(")")) {
    do {
      parallel.vars.push_back(bind_variable(active));
    } while (in_.accept(","));
    in_.expect(")");
  }
  if (in_.accept_word("workers")) {
    parallel.workers =
        in_.accept_word("all") ? -1 : static_cast<int>(in_.integer(-max_workers, max_workers));
  }
  if (in_.accept_word("nest")) {
    for (const std::int64_t index : integers(0, 1 << 20)) {
      parallel.order.nest.push_back(static_cast<std::size_t>(index));
    }
  }
  if (in_.accept_word("group")) parallel.order.group = integers(0, std::int64_t{1} << 48);
  if (in_.accept_word("reverse")) {
    for (const std::int64_t value : integers(0, 1)) parallel.order.reverse.push_back(value != 0);
  }
  parallel.gpu = gpu_options();
  body(parallel.body, out.origin);
  out.node = std::move(parallel);
}

void TextParser::branch(Statement& out) {
  If branch;
  branch.condition = scan_condition(in_, lookup_);
  body(branch.then, out.origin);
  if (in_.accept_word("else")) {
    Origin ignored;
    body(branch.otherwise, ignored);
  }
  out.node = std::move(branch);
}

void TextParser::scope(Statement& out) {
  Scope scope;
  scope.task = in_.word("the name of a task");
  in_.expect_word("as");
  scope.instance = in_.word("the name of an instance");
  in_.expect("@");
  scope.processor = in_.word("a processor");
  in_.expect("(");
  while (true) {
    in_.skip_lines();
    if (in_.accept(")")) break;
    scope.arguments.push_back(argument());
    in_.accept(",");
  }
  scope.gpu = gpu_options();
  body(scope.body, out.origin);
  out.node = std::move(scope);
}

void TextParser::mma(Statement& out) {
  Mma mma;
  mma.acc = tile();
  in_.expect(",");
  mma.a = tile();
  in_.expect(",");
  mma.b = tile();
  mma.transpose_a = in_.accept_word("transpose_a");
  mma.transpose_b = in_.accept_word("transpose_b");
  if (in_.accept_word("alpha")) mma.alpha = in_.number();
  if (in_.accept_word("tile")) mma.tile = integers(1, 1 << 20);
  if (in_.accept_word("factor_bits")) mma.factor_bits = static_cast<int>(in_.integer(1, 22));
  if (in_.accept_word("sum_bits")) mma.sum_bits = static_cast<int>(in_.integer(1, 22));
  if (in_.accept_word("overwrite")) {
    mma.accumulate = false;
  } else if (in_.accept_word("accumulate")) {
    in_.expect_word("if");
    mma.accumulate = scan_condition(in_, lookup_);
  }
  out.node = std::move(mma);
}

void TextParser::sync(Statement& out) {
  Sync sync;
  if (in_.accept_word("signal")) {
    sync.kind = SyncKind::signal;
  } else if (!in_.accept_word("wait")) {
    in_.expected("wait or signal");
  }
  do {
    in_.skip_blanks();
    const std::size_t begin = in_.position();
    const std::string_view name = in_.sigil_name();
    const auto it = events_.find(name);
    if (it == events_.end()) {
      in_.fail(in_.span_from(begin), messages::tile_unknown_event, name);
    }
    sync.events.push_back(it->second);
  } while (in_.accept(","));
  out.node = std::move(sync);
}

void TextParser::barrier(Statement& out) {
  Barrier barrier;
  if (!in_.next_is("->")) {
    do {
      barrier.arrive.push_back(in_.word("an engine"));
    } while (in_.accept(","));
  }
  in_.expect("->");
  if (in_.next_is_word_or_quote()) {
    do {
      barrier.wait.push_back(in_.word("an engine"));
    } while (in_.accept(","));
  }
  out.node = std::move(barrier);
}

/// `.name operand, operand, ... attribute=value ...`.
template <typename Call>
void TextParser::call(Call& out) {
  in_.expect(".");
  const std::size_t begin = in_.position();
  const std::string_view name = in_.bare_word();
  out.primitive = find_primitive(name);
  if (out.primitive == nullptr) {
    const auto nearest = nearest_primitive(name);
    in_.fail(in_.span_from(begin), messages::tile_unknown_primitive, name,
             nearest ? "did you mean '" + *nearest + "'?"
                     : std::string("no primitive has a name like it"));
  }
  in_.skip_blanks();
  const bool more = !in_.at_end() && in_.peek() != '\n' && in_.peek() != '#' && in_.peek() != ';';
  const std::size_t operands = in_.position();
  if (more) {
    do {
      out.operands.push_back(operand());
    } while (in_.accept(","));
  }
  if (out.operands.size() > out.primitive->operands.size()) {
    in_.fail(in_.span_from(operands), messages::tile_too_many_operands, out.primitive->name,
             out.primitive->operands.size(), out.operands.size());
  }
  out.attributes = attributes(*out.primitive);
}

Result<Program> parse_text(FileId file, const SourceManager& sources, Diagnostics& diagnostics) {
  const std::size_t before = diagnostics.error_count();
  TextParser parser(file, sources.text(file), diagnostics);
  Program program = parser.run();
  if (diagnostics.error_count() > before) return std::nullopt;
  return program;
}

}  // namespace septran::tile
