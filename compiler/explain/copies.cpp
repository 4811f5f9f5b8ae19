// What is copied, how often, by which path, and why just there; and what crosses GLOBAL's edge.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "compiler/explain/parts.h"

namespace septran::explain {
namespace {

using tile::Program;
using tile::Statement;
using tile::TileRef;

struct Copied {
  TileRef dst;
  TileRef src;
};

/// The tiles of a copy: of a dma_copy, or of a vec copy that a pass made.
std::optional<Copied> copied(const Site& site) {
  if (const auto* copy = site.as<tile::DmaCopy>()) return Copied{copy->dst, copy->src};
  const auto* vec = site.as<tile::Vec>();
  if (vec == nullptr || vec->primitive->kind != PrimitiveKind::copy) return std::nullopt;
  const std::string& rule = site.statement->origin.rule;
  const bool made = rule.starts_with("stream ") || rule.starts_with("load once ") ||
                    rule.starts_with("copy in ") || rule.starts_with("copy out ") ||
                    rule.starts_with("staging ") || rule.starts_with("convert ");
  const auto* dst = std::get_if<TileRef>(&vec->operands[0]);
  const auto* src = std::get_if<TileRef>(&vec->operands[1]);
  if (!made || dst == nullptr || src == nullptr) return std::nullopt;
  return Copied{*dst, *src};
}

std::string loop_text(const Program& program, const Statement& loop) {
  const std::string line = loop.origin.logic.empty() ? "" : fmt::format(" ({})", loop.origin.logic);
  return loop_title(program, std::get<tile::Loop>(loop.node)) + line;
}

bool keeps_order(const View& view) {
  if (!view.is_box()) return true;  // gathers
  std::vector<std::uint32_t> axes;
  for (const ViewDim& dim : view.dims) {
    for (const Digit& digit : dim.digits) axes.push_back(digit.axis);
  }
  return std::is_sorted(axes.begin(), axes.end());
}

std::string path_text(const Program& program, const Site& site, const Copied& copy) {
  const tile::Tensor& src = program[copy.src.tensor];
  const tile::Tensor& dst = program[copy.dst.tensor];
  std::string text = fmt::format("{} -> {} by {}", src.memory, dst.memory, site.statement->engine);
  if (src.storage != dst.storage) {
    text += fmt::format(", {} to {}", name(src.storage), name(dst.storage));
  }
  if (!keeps_order(copy.src.view) || !keeps_order(copy.dst.view)) text += ", transposing";
  if (copy.src.view.zero_outside) text += ", zeros outside";
  return text;
}

class CopyExplainer {
 public:
  CopyExplainer(const Subject& subject, const std::vector<Site>& sites)
      : program_(subject.program), sites_(sites) {}

  CopyNote note(const Site& site, const Copied& copy) const {
    const tile::Tensor& src = program_[copy.src.tensor];
    const tile::Tensor& dst = program_[copy.dst.tensor];
    CopyNote note;
    note.rule = site.statement->origin.rule;
    note.from = src.name;
    note.to = dst.name;
    note.from_memory = src.memory;
    note.to_memory = dst.memory;
    note.engine = site.statement->engine;
    note.path = path_text(program_, site, copy);
    const DType moved = src.memory == "GLOBAL" ? src.storage : dst.storage;
    note.run_bytes =
        most_elements(program_, copy.src.view) * static_cast<std::int64_t>(size_bytes(moved));
    note.runs = count_runs(program_, site);
    note.bytes = count_bytes(program_, site, copy.src.view, moved);
    const Statement* loop = innermost_loop(program_, site);
    note.where = loop == nullptr ? "outside all loops" : "in " + loop_text(program_, *loop);
    note.why = why(site, copy, note.rule);
    note.place = place_of(site.statement->origin);
    return note;
  }

 private:
  std::string why(const Site& site, const Copied& copy, const std::string& rule) const {
    if (rule.starts_with("copy out ")) return "the launch has written it";
    if (rule.starts_with("copy in ")) {
      return "the launch may read elements before it has written them";
    }
    if (rule.starts_with("staging ")) return "no path leads there directly";
    if (rule.starts_with("convert ")) return "the path of the copy does not convert";
    if (!rule.starts_with("stream ") && !rule.starts_with("load once ")) {
      return "the logic copies, and a path does it";
    }
    if (rule.ends_with(passes::peeled_suffix)) {
      return "a trip that `schedule` peels off its loop, before or behind it";
    }
    const std::string left = hoisted_from(site, copy);
    if (innermost_loop(program_, site) == nullptr && !left.empty()) {
      return "it does not change in " + left;
    }
    std::string text = moves_with(site, copy);
    if (!left.empty()) text += fmt::format("; outside {}, where it does not change", left);
    return text;
  }

  /// Why the copy does not stand further out.
  std::string moves_with(const Site& site, const Copied& copy) const {
    const Statement* inner = innermost_loop(program_, site);
    if (inner == nullptr) return "it does not change while the kernel runs";
    const std::vector<VarId> used = dependent_vars(program_, copy.src.view);
    const VarId var = std::get<tile::Loop>(inner->node).var;
    if (std::find(used.begin(), used.end(), var) == used.end()) {
      return fmt::format(
          "it stays in {} because its source is made or written there, or a condition or one "
          "processor's part stands around it",
          loop_title(program_, std::get<tile::Loop>(inner->node)));
    }
    std::vector<std::string> direct;  // the variables that the user knows
    for (const Statement* around : site.around) {
      const auto* loop = std::get_if<tile::Loop>(&around->node);
      if (loop == nullptr || loop->workers > 0) continue;
      if (std::find(used.begin(), used.end(), loop->var) != used.end()) {
        direct.push_back(program_.vars[loop->var].name);
      }
    }
    if (direct.empty()) return "another part for each iteration";
    return fmt::format("another part for each {}", fmt::join(direct, ", "));
  }

  /// Loops between the copy and the uses of what it brings.
  std::string hoisted_from(const Site& site, const Copied& copy) const {
    std::vector<std::string> loops;
    for (const Site& use : sites_) {
      if (use.statement == site.statement) continue;
      const auto operands = tile::operands(*use.statement);
      const bool uses = std::any_of(operands.begin(), operands.end(), [&](const auto& operand) {
        return operand.tile->tensor == copy.dst.tensor;
      });
      if (!uses) continue;
      for (std::size_t i = site.around.size(); i < use.around.size(); ++i) {
        if (real_loop(program_, *use.around[i]) == nullptr) continue;
        const std::string text = loop_text(program_, *use.around[i]);
        if (std::find(loops.begin(), loops.end(), text) == loops.end()) loops.push_back(text);
      }
    }
    return fmt::format("{}", fmt::join(loops, " and "));
  }

  const Program& program_;
  const std::vector<Site>& sites_;
};

void add(Count& sum, const Count& more) {
  sum.value += more.value;
  sum.exact = sum.exact && more.exact;
}

/// Where the operations stand that read a buffer, in the logic.
std::string readers_of(const std::vector<Site>& sites, tile::TensorId tensor) {
  std::set<std::string> lines;
  for (const Site& site : sites) {
    for (const auto& use : tile::operands(*site.statement)) {
      if (use.tile->tensor == tensor && reads(use.access)) {
        lines.insert(site.statement->origin.logic);
      }
    }
  }
  return fmt::format("{}", fmt::join(lines, " "));
}

/// Whether two statements stand in different branches of one condition.
bool exclude_each_other(const Site& a, const Site& b) {
  for (std::size_t i = 0; i < std::min(a.around.size(), b.around.size()); ++i) {
    if (a.around[i] != b.around[i]) return false;
    const bool branches = std::holds_alternative<tile::If>(a.around[i]->node);
    if (branches && a.in_then[i] != b.in_then[i]) return true;
  }
  return false;
}

/// What two copies stream alike: source, and the part of it in terms of the loops' positions.
std::string panel(const Program& program, const Site& site, const TileRef& source) {
  std::map<VarId, Expr> names;
  VarTable canonical;
  for (const Statement* around : site.around) {
    const auto* loop = std::get_if<tile::Loop>(&around->node);
    if (loop == nullptr) continue;
    const VarInfo& info = program.vars[loop->var];
    const bool shared = loop->workers > 0 || info.bounds;  // common to all that lies in it
    const std::string name = shared ? info.name : fmt::format("loop{}", names.size());
    const auto rename = [&](VarId v) {
      const auto at = names.find(v);
      return at == names.end() ? Expr::var(v) : at->second;
    };
    names[loop->var] =
        Expr::var(canonical.add(name, info.begin.substitute(rename), info.end.substitute(rename)));
  }
  const View view = substitute(source.view, [&](VarId v) {
    const auto at = names.find(v);
    return at == names.end() ? Expr::var(v) : at->second;
  });
  std::string text = program[source.tensor].name;
  for (const Expr& base : view.base) text += " " + to_string(base, canonical);
  for (const ViewDim& dim : view.dims) text += " +" + to_string(dim.extent, canonical);
  return text;
}

}  // namespace

void explain_copies(const Subject& subject, const std::vector<Site>& sites, Explanation& out) {
  const Program& program = subject.program;
  const CopyExplainer explainer(subject, sites);
  std::map<std::pair<std::uint32_t, bool>, Count> moved;  // tensor, is_read
  for (const Site& site : sites) {
    const auto copy = copied(site);
    if (!copy) continue;
    out.copies.push_back(explainer.note(site, *copy));
    const CopyNote& note = out.copies.back();
    if (program[copy->src.tensor].memory == "GLOBAL") {
      add(moved[{copy->src.tensor.value, true}], note.bytes);
    }
    if (program[copy->dst.tensor].memory == "GLOBAL") {
      add(moved[{copy->dst.tensor.value, false}], note.bytes);
    }
  }
  for (const auto& [key, count] : moved) {
    const tile::Tensor& tensor = program.tensors[key.first];
    const bool needed = key.second ? tensor.is_input : tensor.is_output;
    out.traffic.push_back({tensor.name, key.second, count, needed ? tensor.slot_bytes : 0});
    if (needed) {
      std::int64_t elements = 1;
      for (const Expr& extent : tensor.shape) elements *= program.vars.range(extent).hi;
      out.traffic.back().minimum = elements * static_cast<std::int64_t>(size_bytes(tensor.storage));
    }
  }
}

void remark_repeated_streams(const Subject& subject, const std::vector<Site>& sites,
                             Explanation& out) {
  const Program& program = subject.program;
  std::map<std::string, std::vector<const Site*>> panels;
  std::vector<std::string> order;
  std::set<std::pair<std::string, std::string>> known;  // panel, and what reads it
  for (const Site& site : sites) {
    const auto copy = copied(site);
    if (!copy || program[copy->src.tensor].memory != "GLOBAL") continue;
    const std::string key = panel(program, site, copy->src);
    // Trips that are peeled off a loop have copies of their own for the same readers.
    if (!known.emplace(key, readers_of(sites, copy->dst.tensor)).second) continue;
    auto& same = panels[key];
    if (same.empty()) order.push_back(key);
    const bool alone = std::none_of(same.begin(), same.end(), [&](const Site* other) {
      return exclude_each_other(*other, site);
    });
    if (alone) same.push_back(&site);
  }
  for (const std::string& key : order) {
    const auto& uses = panels[key];
    if (uses.size() < 2) continue;
    const auto copy = copied(*uses[0]);
    const Statement* first = innermost_loop(program, *uses[0]);
    std::vector<std::string> loops;
    for (const Site* use : uses) {
      const Statement* loop = innermost_loop(program, *use);
      loops.push_back(loop == nullptr ? "outside loops" : "in " + loop_text(program, *loop));
    }
    Remark remark;
    remark.text = fmt::format(
        "{} is streamed {} times, {}, {} bytes each time", program[copy->src.tensor].name,
        uses.size(), fmt::join(loops, " and "),
        grouped(count_bytes(program, *uses[0], copy->src.view, program[copy->src.tensor].storage)
                    .value));
    if (first != nullptr) {
      remark.text += ": one loop that does both in each trip would stream it once";
    }
    remark.place = place_of(uses[1]->statement->origin);
    out.remarks.push_back(std::move(remark));
  }
}

}  // namespace septran::explain
