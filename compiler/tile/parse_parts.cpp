#include <fmt/format.h>

#include "compiler/base/messages.h"
#include "compiler/tile/canonical.h"
#include "compiler/tile/text_parser.h"

namespace septran::tile {
namespace {

constexpr std::int64_t max_size = std::int64_t{1} << 48;
constexpr std::int64_t max_ring_age = 1 << 20;
constexpr std::int64_t max_gpu_number = 1 << 20;

}  // namespace

std::optional<VarId> TextParser::find_variable(std::string_view name) const {
  const auto it = variables_.find(name);
  if (it == variables_.end() || !active_[it->second.value]) return std::nullopt;
  return it->second;
}

/// `name in begin..end within lo..hi` (both inclusive, VarInfo::bounds). A name that stood for a
/// variable with the same bounds stands for it again: a loop that a pass has copied keeps its
/// variable.
VarId TextParser::bind_variable(ActiveVars& active) {
  in_.skip_blanks();
  const std::size_t begin_position = in_.position();
  const std::string name = std::string(in_.bare_word());
  if (name.empty()) in_.expected("the name of a variable");
  if (is_reserved(name)) {
    in_.set_position(begin_position);
    in_.expected("the name of a variable");
  }
  const Span span = in_.span_from(begin_position);
  in_.expect_word("in");
  const Expr begin = expression();
  in_.expect("..");
  const Expr end = expression();
  std::optional<Range> bounds;
  if (in_.accept_word("within")) {
    const std::int64_t lowest = in_.integer(-max_size, max_size);
    in_.expect("..");
    bounds = Range{lowest, in_.integer(lowest, max_size)};
  }
  const auto it = variables_.find(name);
  if (it != variables_.end()) {
    const VarId old = it->second;
    const VarInfo& info = program_.vars[old];
    const bool same = info.begin == begin && info.end == end && info.bounds == bounds;
    if (active_[old.value] && !(in_header_[old.value] && same)) {
      in_.fail(span, messages::tile_shadowed_variable, name);
    }
    if (same) {
      if (!active_[old.value]) active.added.push_back(old);
      active_[old.value] = true;
      return old;
    }
  }
  const VarId id = program_.vars.add(name, begin, end);
  program_.vars[id].bounds = bounds;
  variables_[name] = id;
  active_.push_back(true);
  in_header_.push_back(false);
  active.added.push_back(id);
  return id;
}

void TextParser::header_variable() {
  ActiveVars active(*this);
  const VarId id = bind_variable(active);
  active.added.clear();  // stays for the whole text
  in_header_[id.value] = true;
}

void TextParser::header_tensor(TensorKind kind) { declare(kind, false); }

void TextParser::header_event() {
  in_.skip_blanks();
  const std::size_t begin = in_.position();
  Event event;
  event.name = in_.sigil_name();
  const Span span = in_.span_from(begin);
  in_.expect_word("from");
  event.signaller = in_.word("the signalling engine");
  in_.expect_word("to");
  event.waiter = in_.word("the waiting engine");
  if (in_.accept_word("credits")) event.credits = static_cast<int>(in_.integer(0, 1 << 20));
  const EventId id{static_cast<std::uint32_t>(program_.events.size())};
  if (!events_.emplace(event.name, id).second) {
    in_.fail(span, messages::tile_duplicate_name, "%" + event.name);
  }
  program_.events.push_back(std::move(event));
}

std::vector<std::int64_t> TextParser::integers(std::int64_t lowest, std::int64_t highest) {
  std::vector<std::int64_t> values;
  in_.expect("[");
  if (in_.accept("]")) return values;
  do {
    values.push_back(in_.integer(lowest, highest));
  } while (in_.accept(","));
  in_.expect("]");
  return values;
}

Origin TextParser::from() {
  Origin origin;
  origin.logic = in_.quoted();
  origin.mapping = in_.quoted();
  origin.rule = in_.quoted();
  return origin;
}

/// `f16[64, 64] SHARED ring 2 held f32 strides [128, 2] at 0 slot 8192 input output`.
Tensor TextParser::type() {
  const auto dtype = [this] {
    in_.skip_blanks();
    const std::size_t begin = in_.position();
    const std::string_view name = in_.bare_word();
    if (name.empty()) in_.expected("an element type");
    const auto type = parse_dtype(name);
    if (!type) in_.fail(in_.span_from(begin), messages::tile_unknown_dtype, name);
    return *type;
  };
  Tensor tensor;
  tensor.dtype = dtype();
  tensor.storage = tensor.dtype;
  tensor.shape = subscripts_of("the shape");
  in_.skip_blanks();
  const std::size_t begin = in_.position();
  if (in_.next_is_word_or_quote()) {
    const bool quoted = in_.peek() == '"';
    tensor.memory = in_.word("a memory");
    if (!quoted && is_reserved(tensor.memory)) {
      tensor.memory.clear();
      in_.set_position(begin);
    }
  }
  while (true) {
    if (in_.accept_word("ring")) {
      tensor.depth = static_cast<int>(in_.integer(INT32_MIN, INT32_MAX));
    } else if (in_.accept_word("held")) {
      tensor.storage = dtype();
    } else if (in_.accept_word("strides")) {
      tensor.strides_bytes = integers(-max_size, max_size);
    } else if (in_.accept_word("at")) {
      tensor.offset_bytes = in_.integer(-max_size, max_size);
    } else if (in_.accept_word("slot")) {
      tensor.slot_bytes = in_.integer(-max_size, max_size);
    } else if (in_.accept_word("input")) {
      tensor.is_input = true;
    } else if (in_.accept_word("output")) {
      tensor.is_output = true;
    } else {
      return tensor;
    }
  }
}

/// `%name : type from "..." "..." "..."`.
TensorId TextParser::declare(TensorKind kind, bool takes_line_origin) {
  in_.skip_blanks();
  const std::size_t begin = in_.position();
  const std::string name(in_.sigil_name());
  const Span span = in_.span_from(begin);
  in_.expect(":");
  Tensor tensor = type();
  tensor.name = name;
  tensor.kind = kind;
  const bool has_origin = in_.accept_word("from");
  if (has_origin) tensor.origin = from();
  if (tensors_.contains(name)) in_.fail(span, messages::tile_duplicate_name, "%" + name);
  const TensorId id = program_.add_tensor(std::move(tensor));
  tensors_.emplace(name, id);
  if (takes_line_origin && !has_origin) line_tensors_.push_back(id);
  return id;
}

TensorId TextParser::tensor() {
  in_.skip_blanks();
  const std::size_t begin = in_.position();
  const std::string_view name = in_.sigil_name();
  const auto it = tensors_.find(name);
  if (it == tensors_.end()) {
    in_.fail(in_.span_from(begin), messages::tile_unknown_tensor, name);
  }
  return it->second;
}

/// `[e, e, ...]`.
std::vector<Expr> TextParser::subscripts_of(std::string_view what) {
  std::vector<Expr> values;
  if (!in_.accept("[")) in_.expected(fmt::format("'[' of {}", what));
  if (in_.accept("]")) return values;
  do {
    values.push_back(expression());
  } while (in_.accept(","));
  in_.expect("]");
  return values;
}

TileRef TextParser::tile() {
  in_.skip_blanks();
  const std::size_t begin = in_.position();
  TileRef ref;
  ref.tensor = tensor();
  const Tensor& root = program_[ref.tensor];
  if (in_.accept("@")) ref.age = -static_cast<int>(in_.integer(-max_ring_age, -1));
  if (in_.accept("[")) {
    box(root, root.name, begin, ref.view);
  } else if (in_.accept_word("view")) {
    general_view(root, root.name, begin, ref.view);
  } else {
    ref.view = full_view(root.shape);
  }
  return ref;
}

/// `begin :+ extent, index]` behind the '['.
void TextParser::box(const Tensor& tensor, std::string_view name, std::size_t begin, View& view) {
  if (!in_.accept("]")) {
    do {
      const auto axis = static_cast<std::uint32_t>(view.base.size());
      view.base.push_back(expression());
      if (in_.accept(":+")) view.dims.push_back({expression(), 0, {{0, axis, 1}}});
    } while (in_.accept(","));
    in_.expect("]");
  }
  if (view.base.size() != tensor.shape.size()) {
    in_.fail(in_.span_from(begin), messages::tile_rank_mismatch, view.base.size(), name,
             tensor.shape.size());
  }
}

/// `[base, ...] (extent from start : axis step s extent e, ...) ... zero_outside`.
void TextParser::general_view(const Tensor& tensor, std::string_view name, std::size_t begin,
                              View& view) {
  view.base = subscripts_of("a view");
  if (view.base.size() != tensor.shape.size()) {
    in_.fail(in_.span_from(begin), messages::tile_rank_mismatch, view.base.size(), name,
             tensor.shape.size());
  }
  const std::int64_t axes = static_cast<std::int64_t>(view.base.size());
  while (in_.accept("(")) {
    ViewDim dim;
    dim.extent = expression();
    if (in_.accept_word("from")) dim.start = expression();
    in_.expect(":");
    do {
      Digit digit;
      digit.axis = static_cast<std::uint32_t>(in_.integer(0, axes - 1));
      if (in_.accept_word("step")) digit.step = in_.integer(-max_size, max_size);
      if (in_.accept_word("extent")) digit.extent = in_.integer(1, max_size);
      if (!dim.digits.empty() && digit.extent == 0) in_.expected("'extent' of a later digit");
      dim.digits.push_back(digit);
    } while (in_.accept(","));
    in_.expect(")");
    view.dims.push_back(std::move(dim));
  }
  view.zero_outside = in_.accept_word("zero_outside");
}

Operand TextParser::operand() {
  if (in_.accept_word("none")) return std::monostate{};
  if (in_.next_is("%")) return tile();
  return in_.number();
}

/// `%p : type = tile placement MEMORY ring n from ...`.
ScopeArgument TextParser::argument() {
  ScopeArgument argument;
  TensorKind kind = TensorKind::parameter;
  if (in_.accept_word("buffer")) kind = TensorKind::buffer;
  if (in_.accept_word("temporary")) kind = TensorKind::temporary;
  if (in_.accept_word("argument")) kind = TensorKind::argument;
  in_.skip_blanks();
  const std::size_t begin = in_.position();
  in_.sigil_name();
  const bool declares = in_.next_is(":");
  in_.set_position(begin);
  argument.parameter = declares ? declare(kind, false) : tensor();
  in_.expect("=");
  argument.source = tile();
  if (in_.accept_word("reference")) {
    argument.placement = Placement::reference;
  } else if (in_.accept_word("never")) {
    argument.placement = Placement::never;
  } else if (in_.accept_word("whole")) {
    argument.placement = Placement::whole;
  } else if (in_.accept_word("parts")) {
    argument.placement = Placement::parts;
  } else {
    in_.expected("a placement: reference, never, whole or parts");
  }
  if (in_.next_is_word_or_quote() && !in_.next_is_word("ring") && !in_.next_is_word("from")) {
    argument.memory = in_.word("a memory");
  }
  if (in_.accept_word("ring")) {
    argument.depth = static_cast<int>(in_.integer(INT32_MIN, INT32_MAX));
  }
  if (in_.accept_word("from")) argument.origin = from();
  return argument;
}

/// `name=value ...`, checked against the primitive's table.
Attributes TextParser::attributes(const Primitive& primitive) {
  Attributes given;
  const std::size_t begin = in_.position();
  while (in_.next_is_word_or_quote() && !in_.next_is_word("if") && !in_.next_is_word("bind")) {
    const std::size_t at = in_.position();
    const std::string name(in_.bare_word());
    in_.expect("=");
    AttributeValue value = false;
    if (in_.accept_word("true")) {
      value = true;
    } else if (in_.accept_word("false")) {
      value = false;
    } else if (in_.next_is("\"")) {
      value = in_.quoted();
    } else if (in_.next_is_floating()) {
      value = in_.number();
    } else {
      value = expression();
    }
    if (!given.emplace(name, std::move(value)).second) {
      in_.fail(in_.span_from(at), messages::tile_duplicate_name, name);
    }
  }
  Attributes complete = given;
  const auto faults = complete_attributes(primitive, complete);
  if (!faults.empty()) {
    for (const AttributeFault& fault : faults) {
      in_.diagnostics().report(in_.span_from(begin), messages::tile_bad_attribute, fault.text,
                               fault.hint.empty() ? std::string(primitive.meaning) : fault.hint);
    }
    throw LineFault{};
  }
  for (auto& [name, value] : given) value = complete.at(name);
  return given;
}

/// `bind(implementation x, tile [16, 16], split k 64, swap, spread k 4, origin "...")`.
Binding TextParser::binding() {
  Binding binding;
  if (!in_.accept_word("bind")) return binding;
  in_.expect("(");
  do {
    if (in_.accept_word("implementation")) {
      binding.implementation = in_.word("an implementation");
    } else if (in_.accept_word("tile")) {
      binding.tile = integers(-max_size, max_size);
    } else if (in_.accept_word("split")) {
      std::string dim = in_.word("a dimension");
      binding.split.push_back({std::move(dim), in_.integer(-max_size, max_size)});
    } else if (in_.accept_word("swap")) {
      binding.swap = true;
    } else if (in_.accept_word("spread")) {
      std::string dim = in_.word("a dimension");
      binding.spread.push_back({std::move(dim), in_.integer(0, max_size)});
    } else if (in_.accept_word("origin")) {
      binding.mapping_origin = in_.quoted();
    } else {
      in_.expected("implementation, tile, split, swap, spread or origin");
    }
  } while (in_.accept(","));
  in_.expect(")");
  return binding;
}

/// `gpu(consumers 2, tiles, turns, registers 40 232, cluster [2, 1], apart, epilogue 64)`, or
/// nothing.
std::optional<GpuOptions> TextParser::gpu_options() {
  if (!in_.accept_word("gpu")) return std::nullopt;
  GpuOptions options;
  in_.expect("(");
  if (in_.accept(")")) return options;
  do {
    if (in_.accept_word("consumers")) {
      options.consumers = static_cast<int>(in_.integer(0, max_gpu_number));
    } else if (in_.accept_word("tiles")) {
      options.share_tiles = true;
    } else if (in_.accept_word("turns")) {
      options.turns = true;
    } else if (in_.accept_word("registers")) {
      options.producer_registers = static_cast<int>(in_.integer(0, max_gpu_number));
      options.consumer_registers = static_cast<int>(in_.integer(0, max_gpu_number));
    } else if (in_.accept_word("cluster")) {
      options.cluster = integers(1, max_gpu_number);
    } else if (in_.accept_word("apart")) {
      options.multicast = false;
    } else if (in_.accept_word("epilogue")) {
      options.epilogue_columns = in_.integer(0, max_gpu_number);
    } else {
      in_.expected("consumers, tiles, turns, registers, cluster, apart or epilogue");
    }
  } while (in_.accept(","));
  in_.expect(")");
  return options;
}

}  // namespace septran::tile
