#include "targets/machine_cuda.h"

#include <algorithm>

#include "compiler/base/messages.h"

namespace septran {
namespace {

using yaml::Fields;
using yaml::Node;

/// "sm_90a": digits and at most one letter behind "sm_".
bool is_architecture(const std::string& text) {
  if (!text.starts_with("sm_") || text.size() < 5 || text.size() > 7) return false;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return std::all_of(text.begin() + 3, text.end() - 1, is_digit) &&
         (is_digit(text.back()) || text.back() == 'a' || text.back() == 'f');
}

void read_rates(const Node& node, CudaSpec& spec, Diagnostics& diagnostics) {
  if (!yaml::expect_map(node, "'flops_per_second'", diagnostics)) return;
  std::vector<std::string> known;
  for (const DType type : all_dtypes()) known.emplace_back(name(type));
  for (const yaml::Entry& entry : node.entries) {
    const auto type = parse_dtype(entry.key);
    if (!type) {
      diagnostics.report(entry.key_span, messages::machine_unknown_name, "element type", entry.key,
                         yaml::name_hint(entry.key, known));
      continue;
    }
    const auto rate =
        yaml::to_number(entry.value, Fields::quoted(entry.key), 1e6, 1e18, diagnostics);
    if (rate) spec.flops_per_second[*type] = *rate;
  }
}

}  // namespace

int CudaSpec::most_consumers() const {
  constexpr int warpgroup_threads = 128;
  constexpr int most = 4;  // more would leave each too few registers for its sums
  return std::clamp(threads_per_block / warpgroup_threads - (bulk_copies ? 1 : 0), 1, most);
}

void read_cuda(const Node& node, CudaSpec& spec, Diagnostics& diagnostics) {
  Fields f(node, "'cuda'", diagnostics);
  f.text("architecture", spec.architecture);
  const Node* architecture = node.find("architecture");
  if (architecture != nullptr && !spec.architecture.empty() &&
      !is_architecture(spec.architecture)) {
    diagnostics.report(architecture->span, messages::machine_bad_architecture, spec.architecture);
  }
  f.boolean("warpgroup_products", spec.warpgroup_products);
  f.boolean("bulk_copies", spec.bulk_copies);
  f.integer("registers_per_block", 1024, 1 << 20, spec.registers_per_block);
  f.integer("threads_per_block", 256, 4096, spec.threads_per_block);
  f.integer("shared_bytes_per_block", 1024, 1 << 24, spec.shared_bytes_per_block);
  f.integer("l2_bytes", 1, std::int64_t{1} << 40, spec.l2_bytes);
  f.number("bytes_per_second", 1e6, 1e18, spec.bytes_per_second);
  if (const Node* rates = f.required("flops_per_second")) read_rates(*rates, spec, diagnostics);
  f.finish();
}

}  // namespace septran
