#include "compiler/explain/walk.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace septran::explain {
namespace {

using tile::Block;
using tile::Program;
using tile::Statement;

/// Points that one sum looks at; more would make explanations of large problems slow.
constexpr std::int64_t most_points = 200'000;

void collect(const Block& block, const Site& around, std::vector<Site>& out) {
  for (std::size_t i = 0; i < block.size(); ++i) {
    const Statement& statement = block[i];
    Site site = around;
    site.statement = &statement;
    site.block = &block;
    site.index = i;
    out.push_back(site);
    Site inner = around;
    inner.around.push_back(&statement);
    const auto* loop = std::get_if<tile::Loop>(&statement.node);
    if (loop != nullptr && loop->workers > 0) inner.processors = 1;  // each has its own trips
    const auto blocks = tile::child_blocks(statement);
    for (std::size_t b = 0; b < blocks.size(); ++b) {
      Site branch = inner;
      branch.in_then.push_back(b == 0);
      collect(*blocks[b], branch, out);
    }
  }
}

bool is_value(const Program& program, const tile::Loop& loop) {
  return program.vars[loop.var].bounds.has_value();
}

/// Sums by enumerating only the variables that something depends on.
class Summer {
 public:
  Summer(const Program& program, const Site& site, const std::vector<VarId>& used,
         const std::function<std::int64_t(const Values&)>& value)
      : program_(program), site_(site), value_(value), needed_(used.begin(), used.end()) {
    for (std::size_t i = site.around.size(); i-- > 0;) {
      std::vector<VarId> more;
      if (const auto* loop = std::get_if<tile::Loop>(&site.around[i]->node)) {
        if (is_value(program, *loop) && !needed_.contains(loop->var)) continue;
        program.vars[loop->var].begin.collect_vars(more);
        program.vars[loop->var].end.collect_vars(more);
      } else if (const auto* branch = std::get_if<tile::If>(&site.around[i]->node)) {
        branch->condition.collect_vars(more);
      }
      needed_.insert(more.begin(), more.end());
    }
  }

  /// Nothing where it takes too long.
  std::optional<std::int64_t> run() {
    const std::int64_t sum = level(0);
    return points_ <= most_points ? std::optional(sum) : std::nullopt;
  }

 private:
  std::int64_t level(std::size_t depth) {
    if (points_ > most_points) return 0;
    if (depth == site_.around.size()) return value_(values_);
    const Statement& statement = *site_.around[depth];
    if (const auto* branch = std::get_if<tile::If>(&statement.node)) {
      const bool holds = branch->condition.evaluate([&](VarId v) { return values_.at(v); });
      return holds == site_.in_then[depth] ? level(depth + 1) : 0;
    }
    const auto* loop = std::get_if<tile::Loop>(&statement.node);
    if (loop == nullptr) return level(depth + 1);
    const VarInfo& info = program_.vars[loop->var];
    if (is_value(program_, *loop)) {
      if (needed_.contains(loop->var)) values_[loop->var] = evaluate(info.begin, values_);
      return level(depth + 1);
    }
    const std::int64_t begin = evaluate(info.begin, values_);
    const std::int64_t end = evaluate(info.end, values_);
    if (end <= begin) return 0;
    if (!needed_.contains(loop->var)) return (end - begin) * level(depth + 1);
    std::int64_t sum = 0;
    for (std::int64_t v = begin; v < end && points_ <= most_points; ++v) {
      ++points_;
      values_[loop->var] = v;
      sum += level(depth + 1);
    }
    return sum;
  }

  const Program& program_;
  const Site& site_;
  const std::function<std::int64_t(const Values&)>& value_;
  std::set<VarId> needed_;
  Values values_;
  std::int64_t points_ = 0;
};

std::int64_t most_runs(const Program& program, const Site& site) {
  std::int64_t runs = 1;
  for (const Statement* statement : site.around) {
    const tile::Loop* loop = real_loop(program, *statement);
    if (loop == nullptr) continue;
    const VarInfo& info = program.vars[loop->var];
    runs *= std::max<std::int64_t>(0, program.vars.range(info.end - info.begin).hi);
  }
  return runs;
}

}  // namespace

std::vector<Site> collect_sites(const Program& program, int processors) {
  std::vector<Site> sites;
  Site top;
  top.processors = processors;
  collect(program.body, top, sites);
  return sites;
}

const tile::Loop* real_loop(const Program& program, const Statement& statement) {
  const auto* loop = std::get_if<tile::Loop>(&statement.node);
  return loop == nullptr || is_value(program, *loop) ? nullptr : loop;
}

const Statement* innermost_loop(const Program& program, const Site& site) {
  for (std::size_t i = site.around.size(); i-- > 0;) {
    if (real_loop(program, *site.around[i]) != nullptr) return site.around[i];
  }
  return nullptr;
}

std::int64_t evaluate(const Expr& e, const Values& values) {
  return e.evaluate([&](VarId v) {
    const auto at = values.find(v);
    SEPTRAN_CHECK(at != values.end());
    return at->second;
  });
}

Count sum_over_runs(const Program& program, const Site& site, const std::vector<VarId>& used,
                    const std::function<std::int64_t(const Values&)>& value, std::int64_t at_most) {
  const std::int64_t times = site.processors;
  if (const auto exact = Summer(program, site, used, value).run()) return {times * *exact, true};
  return {times * most_runs(program, site) * at_most, false};
}

Count count_runs(const Program& program, const Site& site) {
  return sum_over_runs(
      program, site, {}, [](const Values&) { return 1; }, 1);
}

Count count_bytes(const Program& program, const Site& site, const View& view, DType dtype) {
  std::vector<VarId> used;
  for (const ViewDim& dim : view.dims) dim.extent.collect_vars(used);
  const auto size = static_cast<std::int64_t>(size_bytes(dtype));
  const auto bytes = [&](const Values& values) {
    std::int64_t product = size;
    for (const ViewDim& dim : view.dims) product *= evaluate(dim.extent, values);
    return product;
  };
  Count count = sum_over_runs(program, site, used, bytes, most_elements(program, view) * size);
  count.exact = count.exact && !view.zero_outside;
  return count;
}

std::int64_t most_elements(const Program& program, const View& view) {
  std::int64_t elements = 1;
  for (const ViewDim& dim : view.dims) {
    elements *= std::max<std::int64_t>(0, program.vars.range(dim.extent).hi);
  }
  return elements;
}

std::vector<VarId> dependent_vars(const Program& program, const View& view) {
  std::vector<VarId> open;
  collect_vars(view, open);
  std::set<VarId> found;
  while (!open.empty()) {
    const VarId v = open.back();
    open.pop_back();
    if (!found.insert(v).second || !program.vars[v].bounds) continue;
    program.vars[v].begin.collect_vars(open);
  }
  return {found.begin(), found.end()};
}

std::string loop_title(const Program& program, const tile::Loop& loop) {
  if (loop.workers == 0) return "loop " + program.vars[loop.var].name;
  std::vector<std::string> names;
  const Block* body = &loop.body;
  while (body->size() == 1) {
    const auto* inner = std::get_if<tile::Loop>(&body->front().node);
    if (inner == nullptr || !is_value(program, *inner)) break;
    names.push_back(program.vars[inner->var].name);
    body = &inner->body;
  }
  return fmt::format("parallel loop {}", fmt::join(names, ", "));
}

std::string loop_title(const Program& program, const std::vector<Site>& sites,
                       const std::string& var) {
  for (const Site& site : sites) {
    const auto* loop = site.as<tile::Loop>();
    if (loop != nullptr && program.vars[loop->var].name == var) return loop_title(program, *loop);
  }
  return "loop " + var;
}

std::string grouped(std::int64_t number) {
  std::string text = fmt::format("{}", number);
  const std::size_t digits = number < 0 ? 1 : 0;  // where they begin
  for (std::size_t at = text.size(); at > digits + 3;) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

Place place_of(const tile::Origin& origin) { return {origin.logic, origin.mapping}; }

}  // namespace septran::explain
