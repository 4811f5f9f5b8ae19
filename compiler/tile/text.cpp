#include "compiler/tile/text.h"

#include <fmt/format.h>

#include "compiler/tile/canonical.h"
#include "compiler/tile/text_words.h"

namespace septran::tile {
namespace {

std::string from_text(const Origin& origin) {
  return fmt::format(" from {} {} {}", quoted_text(origin.logic), quoted_text(origin.mapping),
                     quoted_text(origin.rule));
}

template <typename T>
std::string list_text(const std::vector<T>& values) {
  std::string out = "[";
  for (std::size_t i = 0; i < values.size(); ++i) {
    out += fmt::format("{}{}", i > 0 ? ", " : "", static_cast<std::int64_t>(values[i]));
  }
  return out + "]";
}

class Printer {
 public:
  explicit Printer(const Program& program)
      : plan_(plan_text(program)), program_(plan_.program), declared_(program_.tensors.size()) {}

  std::string run() {
    out_ = "program " + word_text(program_.name) + " target " + word_text(program_.target) + " {\n";
    depth_ = 1;
    for (const VarId var : plan_.header_vars) line("var " + binding(var));
    for (const TensorId id : plan_.header_tensors) {
      const Tensor& tensor = program_[id];
      line(std::string(tensor_kind_name(tensor.kind)) + " " + declaration(id, Origin{}));
    }
    for (const Event& event : program_.events) {
      std::string text = fmt::format("event %{} from {} to {}", event.name,
                                     word_text(event.signaller), word_text(event.waiter));
      if (event.credits != 0) text += fmt::format(" credits {}", event.credits);
      line(text);
    }
    block(program_.body);
    out_ += "}\n";
    return std::move(out_);
  }

 private:
  void line(const std::string& text, const Origin& origin = {}) {
    out_.append(depth_ * 2, ' ');
    out_ += text;
    const std::string comment = origin_comment(origin);
    if (!comment.empty()) out_ += "  " + comment;
    out_ += '\n';
  }

  std::string text(const Expr& e) const { return to_string(e, program_.vars); }
  std::string text(const TileRef& tile) const { return tile_text(tile, program_); }
  std::string text(const Operand& operand) const {
    if (const TileRef* tile = std::get_if<TileRef>(&operand)) return text(*tile);
    if (const double* scalar = std::get_if<double>(&operand)) return number_text(*scalar);
    return "none";
  }
  std::string tensor_name(TensorId id) const {
    return id.value < program_.tensors.size() ? "%" + program_[id].name : "%unknown";
  }

  std::string binding(VarId var) const {
    const VarInfo& info = program_.vars[var];
    std::string out = fmt::format("{} in {}..{}", info.name, text(info.begin), text(info.end));
    if (info.bounds) out += fmt::format(" within {}..{}", info.bounds->lo, info.bounds->hi);
    return out;
  }

  /// "%a : f16[64, 64] SHARED ring 2 ..."; `implied` is the origin that the line itself gives it.
  std::string declaration(TensorId id, const Origin& implied) {
    const Tensor& tensor = program_[id];
    declared_[id.value] = true;
    std::string out = fmt::format("%{} : {}", tensor.name, type_text(tensor, program_.vars));
    if (!tensor.memory.empty()) out += " " + word_text(tensor.memory);
    if (tensor.depth != 1) out += fmt::format(" ring {}", tensor.depth);
    if (tensor.storage != tensor.dtype) out += fmt::format(" held {}", name(tensor.storage));
    if (!tensor.strides_bytes.empty()) out += " strides " + list_text(tensor.strides_bytes);
    if (tensor.offset_bytes) out += fmt::format(" at {}", *tensor.offset_bytes);
    if (tensor.slot_bytes != 0) out += fmt::format(" slot {}", tensor.slot_bytes);
    if (tensor.is_input) out += " input";
    if (tensor.is_output) out += " output";
    if (tensor.origin != implied) out += from_text(tensor.origin);
    return out;
  }
  /// A tensor where a statement names it: its declaration the first time, with its kind where that
  /// is not the usual one.
  std::string declare_once(TensorId id, TensorKind usual, const Origin& implied) {
    if (id.value >= declared_.size() || declared_[id.value]) return tensor_name(id);
    const TensorKind kind = program_[id].kind;
    const std::string prefix = kind == usual ? "" : std::string(tensor_kind_name(kind)) + " ";
    return prefix + declaration(id, implied);
  }

  std::string call(const std::string& what, const std::vector<Operand>& operands,
                   const Attributes& attributes) const {
    std::string out = what;
    for (std::size_t i = 0; i < operands.size(); ++i) {
      out += (i > 0 ? ", " : " ") + text(operands[i]);
    }
    for (const auto& [key, value] : attributes) {
      out += " " + key + "=";
      if (const bool* truth = std::get_if<bool>(&value)) out += *truth ? "true" : "false";
      if (const Expr* e = std::get_if<Expr>(&value)) out += text(*e);
      if (const double* number = std::get_if<double>(&value)) out += number_text(*number);
      if (const auto* choice = std::get_if<std::string>(&value)) out += quoted_text(*choice);
    }
    return out;
  }

  static std::string text(const Binding& binding) {
    if (binding == Binding{}) return "";
    std::string out = " bind(";
    auto add = [&, first = true](const std::string& part) mutable {
      out += (first ? "" : ", ") + part;
      first = false;
    };
    if (!binding.implementation.empty()) {
      add("implementation " + word_text(binding.implementation));
    }
    if (!binding.tile.empty()) add("tile " + list_text(binding.tile));
    for (const Binding::Split& split : binding.split) {
      add(fmt::format("split {} {}", word_text(split.dim), split.size));
    }
    if (binding.swap) add("swap");
    for (const Binding::Split& spread : binding.spread) {
      add(fmt::format("spread {} {}", word_text(spread.dim), spread.size));
    }
    if (!binding.mapping_origin.empty()) add("origin " + quoted_text(binding.mapping_origin));
    return out + ")";
  }

  static std::string text(const GpuOptions& options) {
    std::vector<std::string> parts;
    if (options.consumers != 0) parts.push_back(fmt::format("consumers {}", options.consumers));
    if (options.share_tiles) parts.emplace_back("tiles");
    if (options.turns) parts.emplace_back("turns");
    if (options.producer_registers != 0 || options.consumer_registers != 0) {
      parts.push_back(
          fmt::format("registers {} {}", options.producer_registers, options.consumer_registers));
    }
    if (!options.cluster.empty()) parts.push_back("cluster " + list_text(options.cluster));
    if (!options.multicast) parts.emplace_back("apart");
    if (options.epilogue_columns != 0) {
      parts.push_back(fmt::format("epilogue {}", options.epilogue_columns));
    }
    return fmt::format(" gpu({})", fmt::join(parts, ", "));
  }

  void block(const Block& block) {
    for (const Statement& statement : block) {
      prefix_ = statement.launch.empty() ? "" : "@" + word_text(statement.launch) + " ";
      if (statement.part) {
        prefix_ += fmt::format("part({}, {}, {}{}) ", statement.part->family, statement.part->index,
                               statement.part->lag, statement.part->peeled ? ", peeled" : "");
      }
      if (!statement.engine.empty()) prefix_ += word_text(statement.engine) + ": ";
      std::visit([&](const auto& node) { print(node, statement.origin); }, statement.node);
    }
  }
  void body(const Block& inner) {
    ++depth_;
    block(inner);
    --depth_;
  }

  void print(const Alloc& alloc, const Origin& origin) {
    line(prefix_ + "alloc " + declare_once(alloc.tensor, TensorKind::buffer, origin), origin);
  }
  void print(const Loop& loop, const Origin& origin) {
    std::string head = prefix_ + "loop (" + binding(loop.var) + ")";
    if (loop.independent) head += " independent";
    if (loop.workers != 0) head += fmt::format(" workers {}", loop.workers);
    if (loop.spread != 0) head += fmt::format(" spread {}", loop.spread);
    if (loop.gpu) head += text(*loop.gpu);
    for (std::size_t i = 0; i < loop.schedule.size(); ++i) {
      const ScheduleStep& step = loop.schedule[i];
      head += (i > 0 ? ", " : " schedule ") + word_text(step.launch);
      if (step.trips_earlier != 0) head += fmt::format("@-{}", step.trips_earlier);
    }
    line(head + " {", origin);
    body(loop.body);
    line("}");
  }
  void print(const Parallel& parallel, const Origin& origin) {
    std::string head = prefix_ + "parallel ";
    if (!parallel.processor.empty()) head += word_text(parallel.processor) + " ";
    for (std::size_t i = 0; i < parallel.vars.size(); ++i) {
      head += (i > 0 ? ", " : "(") + binding(parallel.vars[i]);
    }
    head += parallel.vars.empty() ? "()" : ")";
    if (parallel.workers == -1) head += " workers all";
    if (parallel.workers != 0 && parallel.workers != -1) {
      head += fmt::format(" workers {}", parallel.workers);
    }
    if (!parallel.order.nest.empty()) head += " nest " + list_text(parallel.order.nest);
    if (!parallel.order.group.empty()) head += " group " + list_text(parallel.order.group);
    if (!parallel.order.reverse.empty()) head += " reverse " + list_text(parallel.order.reverse);
    if (parallel.gpu) head += text(*parallel.gpu);
    line(head + " {", origin);
    body(parallel.body);
    line("}");
  }
  void print(const If& branch, const Origin& origin) {
    line(prefix_ + "if " + to_string(branch.condition, program_.vars) + " {", origin);
    body(branch.then);
    if (!branch.otherwise.empty()) {
      line("} else {");
      body(branch.otherwise);
    }
    line("}");
  }
  void print(const Scope& scope, const Origin& origin) {
    line(fmt::format("{}scope {} as {} @ {} (", prefix_, word_text(scope.task),
                     word_text(scope.instance), word_text(scope.processor)));
    ++depth_;
    for (const ScopeArgument& argument : scope.arguments) {
      std::string out = declare_once(argument.parameter, TensorKind::parameter, Origin{});
      out += " = " + text(argument.source);
      out += " " + std::string(placement_name(argument.placement));
      if (!argument.memory.empty()) out += " " + word_text(argument.memory);
      if (argument.depth != 1) out += fmt::format(" ring {}", argument.depth);
      if (argument.origin != Origin{}) out += from_text(argument.origin);
      line(out);
    }
    --depth_;
    line(")" + (scope.gpu ? text(*scope.gpu) : std::string()) + " {", origin);
    body(scope.body);
    line("}");
  }
  void print(const Prim& prim, const Origin& origin) {
    const std::string name = prim.primitive == nullptr ? "unknown" : prim.primitive->name;
    line(prefix_ + call("prim." + name, prim.operands, prim.attributes) + text(prim.binding),
         origin);
  }
  void print(const DmaCopy& copy, const Origin& origin) {
    line(prefix_ + "dma_copy " + text(copy.dst) + ", " + text(copy.src), origin);
  }
  void print(const Mma& mma, const Origin& origin) {
    std::string out = prefix_ + "mma " + text(mma.acc) + ", " + text(mma.a) + ", " + text(mma.b);
    if (mma.transpose_a) out += " transpose_a";
    if (mma.transpose_b) out += " transpose_b";
    if (mma.alpha != 1.0) out += " alpha " + number_text(mma.alpha);
    if (!mma.tile.empty()) out += fmt::format(" tile [{}]", fmt::join(mma.tile, ", "));
    if (mma.factor_bits != 0) out += fmt::format(" factor_bits {}", mma.factor_bits);
    if (mma.sum_bits != 0) out += fmt::format(" sum_bits {}", mma.sum_bits);
    if (mma.accumulate == Cond(false)) {
      out += " overwrite";
    } else if (!(mma.accumulate == Cond(true))) {
      out += " accumulate if " + to_string(mma.accumulate, program_.vars);
    }
    line(out, origin);
  }
  void print(const Vec& vec, const Origin& origin) {
    const std::string name = vec.primitive == nullptr ? "unknown" : vec.primitive->name;
    std::string out = prefix_ + call("vec." + name, vec.operands, vec.attributes);
    if (vec.guard) out += " if " + to_string(*vec.guard, program_.vars);
    line(out, origin);
  }
  void print(const Sync& sync, const Origin& origin) {
    std::string out = prefix_ + "sync " + (sync.kind == SyncKind::wait ? "wait" : "signal");
    for (std::size_t i = 0; i < sync.events.size(); ++i) {
      const std::uint32_t id = sync.events[i].value;
      const bool known = id < program_.events.size();
      out += (i > 0 ? ", %" : " %") + (known ? program_.events[id].name : "unknown");
    }
    line(out, origin);
  }
  void print(const Barrier& barrier, const Origin& origin) {
    std::string out = prefix_ + "barrier";
    for (std::size_t i = 0; i < barrier.arrive.size(); ++i) {
      out += (i > 0 ? ", " : " ") + word_text(barrier.arrive[i]);
    }
    out += " ->";
    for (std::size_t i = 0; i < barrier.wait.size(); ++i) {
      out += (i > 0 ? ", " : " ") + word_text(barrier.wait[i]);
    }
    line(out, origin);
  }

  TextPlan plan_;
  const Program& program_;
  std::vector<bool> declared_;
  std::string out_;
  std::string prefix_;
  std::size_t depth_ = 0;
};

}  // namespace

std::string to_text(const Program& program) { return Printer(program).run(); }

}  // namespace septran::tile
