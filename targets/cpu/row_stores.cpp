#include "targets/cpu/row_stores.h"

#include <fmt/format.h>

#include <algorithm>

namespace septran::cpu {
namespace {

bool is_rounded_here(const RowStore& store) { return !store.codes && store.type == "bf16"; }

/// A store of what `function` makes of the vector.
std::string rounded(RowStore store, const char* function) {
  store.value = fmt::format("{}({})", function, store.value);
  store.codes = true;
  return store_text(store);
}

void write_rounded(Writer& out, const std::vector<RowStore>& stores) {
  std::string any;
  for (const RowStore& store : stores) {
    any += fmt::format("{}has_subnormal({})", any.empty() ? "" : " | ", store.value);
  }
  out.open("if (__builtin_expect({}, 0))", any);
  for (const RowStore& store : stores) out.line("{}", rounded(store, "v_to_bf16_by_bits"));
  out.close();
  out.open("else");
  for (const RowStore& store : stores) out.line("{}", rounded(store, "v_to_bf16_normal"));
  out.close();
}

}  // namespace

std::string store_text(const RowStore& store) {
  return fmt::format("store_{}{}_{}({}, {});", store.far ? "far_" : "", store.type,
                     store.codes ? "codes" : "v", store.place, store.value);
}

void RowStores::write(Writer& out) {
  for (std::vector<RowStore>* stores : {&far_, &near_}) {
    const auto here = std::stable_partition(stores->begin(), stores->end(),
                                            [](const RowStore& s) { return !is_rounded_here(s); });
    for (auto store = stores->begin(); store != here; ++store) out.line("{}", store_text(*store));
    if (here != stores->end()) write_rounded(out, {here, stores->end()});
    stores->clear();
  }
}

}  // namespace septran::cpu
