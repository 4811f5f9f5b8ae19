#include "compiler/explain/explain.h"

#include <fmt/format.h>

#include "compiler/explain/parts.h"
#include "compiler/tile/canonical.h"

namespace septran::explain {

Explanation explain(const Subject& subject, const Options& options) {
  // The names that the text of the program has, which are unique.
  const tile::Program named = tile::plan_text(subject.program).program;
  const Subject with_names{
      subject.module,      subject.entry, subject.mapping, subject.machine, subject.sources,
      subject.launch_tree, named};
  const std::vector<Site> sites = collect_sites(named, subject.machine.block_count());
  Explanation out;
  out.program = named.name;
  out.target = named.target;
  out.processors = subject.machine.block_count();
  explain_launches(with_names, out);
  explain_buffers(with_names, sites, out);
  explain_copies(with_names, sites, out);
  explain_calls(with_names, sites, out);
  explain_order(with_names, sites, out);
  explain_ahead(with_names, sites, out);
  explain_work(with_names, sites, out);
  remark_repeated_streams(with_names, sites, out);
  propose(with_names, sites, options, out);
  return out;
}

}  // namespace septran::explain
