// Tries edits of the mapping: each is compiled, and measured if it can be, before it is proposed.
#include <fmt/format.h>

#include <algorithm>

#include "compiler/explain/candidates.h"

namespace septran::explain {
namespace {

using tile::Program;

/// A program that an edit led to, or why the compiler refuses it.
struct Trial {
  std::optional<Program> program;
  std::string refusal;
  bool can_shrink = false;  // it is room that is missing
};

class Proposer {
 public:
  Proposer(const Subject& subject, const Options& options, Explanation& out)
      : subject_(subject), options_(options), out_(out) {}

  void run(const std::vector<Site>& sites) {
    if (options_.measure) out_.cycles = options_.measure(subject_.program);
    const auto add = [&](std::vector<Candidate> more) {
      std::move(more.begin(), more.end(), std::back_inserter(candidates_));
    };
    add(implementation_candidates(subject_));
    if (subject_.machine.engines.size() > 1) {  // otherwise nothing overlaps
      add(pipeline_candidates(subject_, sites, out_));
      add(rotate_candidates(subject_, sites));
      add(schedule_candidates(subject_, sites));
    }
    add(resident_candidates(subject_, sites));
    add(tunable_candidates(subject_));
    if (options_.measure) add(traversal_candidates(subject_));
    for (const Candidate& candidate : candidates_) consider(candidate);
    std::stable_sort(kept_.begin(), kept_.end(), [](const auto& a, const auto& b) {
      return a.first.cycles.value_or(0) < b.first.cycles.value_or(0);
    });
    combine();
    for (auto& [proposal, candidate] : kept_) out_.proposals.push_back(std::move(proposal));
  }

 private:
  [[nodiscard]] Trial attempt(const std::vector<const Candidate*>& edits) const;
  void consider(const Candidate& candidate);
  void consider_smaller(const Candidate& candidate, const std::string& refusal);
  void reject(const Candidate& candidate, const std::string& refusal);
  void combine();
  [[nodiscard]] std::optional<Proposal> judge(const std::vector<const Candidate*>& edits,
                                              const Program& program, Candidate::Needs needs) const;
  [[nodiscard]] std::string effect(const Explanation& with) const;
  [[nodiscard]] bool is_bound_by_memory() const;

  const Subject& subject_;
  const Options& options_;
  Explanation& out_;
  std::vector<Candidate> candidates_;
  std::vector<std::pair<Proposal, std::vector<const Candidate*>>> kept_;
  std::vector<const Candidate*> no_help_alone_;
};

Trial Proposer::attempt(const std::vector<const Candidate*>& edits) const {
  mapping::Mapping changed = subject_.mapping;
  for (const Candidate* candidate : edits) candidate->apply(changed);
  Diagnostics diagnostics;
  auto tree = passes::instantiate(subject_.module, subject_.entry, changed, subject_.machine,
                                  subject_.sources, diagnostics);
  Trial trial;
  if (tree) {
    trial.program = passes::run_passes(std::move(*tree), {subject_.machine, diagnostics});
  }
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    if (diagnostic.severity != Severity::error) continue;
    trial.program.reset();
    trial.can_shrink |= diagnostic.code == "does-not-fit";
    if (trial.refusal.empty()) trial.refusal = diagnostic.text;
  }
  return trial;
}

std::int64_t bytes_moved(const Explanation& e) {
  std::int64_t sum = 0;
  for (const TrafficNote& note : e.traffic) sum += note.moved.value;
  return sum;
}

/// The parts of an explanation that edits are judged by.
Explanation outline(const Subject& subject, const Program& program) {
  const Subject with{subject.module,  subject.entry,       subject.mapping, subject.machine,
                     subject.sources, subject.launch_tree, program};
  const std::vector<Site> sites = collect_sites(program, subject.machine.block_count());
  Explanation out;
  explain_buffers(with, sites, out);
  explain_copies(with, sites, out);
  explain_work(with, sites, out);
  return out;
}

double bound_cycles(const Explanation& e) {
  double most = 0;
  for (const WorkNote& note : e.work) most = std::max(most, note.cycles);
  return most;
}

std::string Proposer::effect(const Explanation& with) const {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < with.memories.size(); ++i) {
    const MemoryNote& now = with.memories[i];
    if (!now.is_private || now.peak_bytes == out_.memories[i].peak_bytes) continue;
    parts.push_back(fmt::format("{} {} of {} bytes", now.name, grouped(now.peak_bytes),
                                grouped(now.size_bytes)));
  }
  const std::int64_t before = bytes_moved(out_);
  const std::int64_t after = bytes_moved(with);
  if (before != after && before > 0) {
    parts.push_back(fmt::format(
        "GLOBAL traffic {} instead of {} bytes ({:+.0f} %)", grouped(after), grouped(before),
        100.0 * static_cast<double>(after - before) / static_cast<double>(before)));
  }
  return parts.empty() ? "" : fmt::format("then: {}", fmt::join(parts, "; "));
}

bool Proposer::is_bound_by_memory() const {
  for (const WorkNote& note : out_.work) {
    const bool moves = note.engine == "DRAM" || note.engine == "load" || note.engine == "store";
    if (!moves && note.cycles * 1.25 > bound_cycles(out_)) return false;
  }
  return true;
}

/// What an edit sets: two edits of one thing cannot be made together.
std::string target_of(const Edit& edit) {
  return fmt::format("{} {} {}", edit.instance, edit.key,
                     edit.value.substr(0, edit.value.find(':')));
}

/// Adds an edit; entries of one map are written together.
void add_edit(const Edit& edit, std::vector<Edit>& edits) {
  const auto same = std::find_if(edits.begin(), edits.end(), [&](const Edit& e) {
    return e.instance == edit.instance && e.key == edit.key && e.value.starts_with("{");
  });
  if (same == edits.end()) {
    edits.push_back(edit);
  } else {
    same->value =
        fmt::format("{}, {}", same->value.substr(0, same->value.size() - 1), edit.value.substr(1));
  }
}

std::optional<Proposal> Proposer::judge(const std::vector<const Candidate*>& edits,
                                        const Program& program, Candidate::Needs needs) const {
  Proposal proposal;
  std::vector<std::string> reasons;
  for (const Candidate* candidate : edits) {
    for (const Edit& edit : candidate->edits) add_edit(edit, proposal.edits);
    reasons.push_back(candidate->reason);
  }
  proposal.reason = fmt::format("{}", fmt::join(reasons, "; "));
  const Explanation with = outline(subject_, program);
  proposal.effect = effect(with);
  if (options_.measure && out_.cycles) {
    proposal.cycles = options_.measure(program);
    // Less than a hundredth is not worth an edit.
    if (!proposal.cycles || *proposal.cycles * 100 > *out_.cycles * 99) return std::nullopt;
    return proposal;
  }
  if (needs == Candidate::Needs::nothing) return proposal;
  const bool moves_less = bytes_moved(with) * 10 <= bytes_moved(out_) * 9;
  if (needs == Candidate::Needs::less_moved) {
    return moves_less ? std::optional(proposal) : std::nullopt;
  }
  const bool less_work = bound_cycles(out_) > 0 && bound_cycles(with) <= 0.9 * bound_cycles(out_);
  if (!(moves_less && is_bound_by_memory()) && !less_work) return std::nullopt;
  proposal.reason += less_work
                         ? fmt::format(": the engine that bounds the run has {:.0f} % less to do",
                                       100 * (1 - bound_cycles(with) / bound_cycles(out_)))
                         : ": memory bounds the run, and less is moved";
  return proposal;
}

void Proposer::consider(const Candidate& candidate) {
  const Trial trial = attempt({&candidate});
  if (!trial.program) {
    if (candidate.needs == Candidate::Needs::less_work) return;
    if (trial.can_shrink) return consider_smaller(candidate, trial.refusal);
    reject(candidate, trial.refusal);
    return;
  }
  if (auto proposal = judge({&candidate}, *trial.program, candidate.needs)) {
    kept_.emplace_back(std::move(*proposal), std::vector<const Candidate*>{&candidate});
  } else if (options_.measure) {
    no_help_alone_.push_back(&candidate);
  }
}

/// An edit that helps but does not fit may fit together with smaller parts.
void Proposer::consider_smaller(const Candidate& candidate, const std::string& refusal) {
  for (const Candidate& other : candidates_) {
    if (!other.makes_room) continue;
    const Trial trial = attempt({&candidate, &other});
    if (!trial.program) continue;
    if (auto proposal = judge({&candidate, &other}, *trial.program, Candidate::Needs::nothing)) {
      kept_.emplace_back(std::move(*proposal), std::vector<const Candidate*>{&candidate, &other});
      return;
    }
  }
  reject(candidate, refusal);
}

void Proposer::reject(const Candidate& candidate, const std::string& refusal) {
  const Edit& edit = candidate.edits.front();
  out_.rejected.push_back(
      {fmt::format("{}: {}: {}: {}", edit.instance, edit.key, edit.value, refusal),
       {"", edit.place}});
}

/// All that help, together: the best first, each further one if it still helps.
void Proposer::combine() {
  if (kept_.empty()) return;
  std::vector<const Candidate*> together = kept_[0].second;
  std::optional<Proposal> best;
  std::vector<std::vector<const Candidate*>> further;
  for (std::size_t i = 1; i < kept_.size(); ++i) further.push_back(kept_[i].second);
  for (const Candidate* candidate : no_help_alone_) further.push_back({candidate});
  for (const auto& edits : further) {
    std::vector<const Candidate*> more = together;
    for (const Candidate* candidate : edits) {
      const bool clashes = std::any_of(more.begin(), more.end(), [&](const Candidate* c) {
        return target_of(c->edits[0]) == target_of(candidate->edits[0]);
      });
      if (!clashes) more.push_back(candidate);
    }
    if (more.size() == together.size()) continue;
    const Trial trial = attempt(more);
    if (!trial.program) continue;
    auto proposal = judge(more, *trial.program, Candidate::Needs::nothing);
    const Proposal& so_far = best ? *best : kept_[0].first;
    if (!proposal || (proposal->cycles && *proposal->cycles * 100 > *so_far.cycles * 99)) continue;
    best = std::move(proposal);
    together = std::move(more);
  }
  if (!best) return;
  best->reason = "these edits together";
  kept_.emplace(kept_.begin(), std::move(*best), together);
}

}  // namespace

void propose(const Subject& subject, const std::vector<Site>& sites, const Options& options,
             Explanation& out) {
  Proposer(subject, options, out).run(sites);
}

}  // namespace septran::explain
