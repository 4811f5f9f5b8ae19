// The fields of an instance under `cuda:`.
#include <algorithm>

#include "compiler/base/messages.h"
#include "compiler/mapping/instance_reader.h"

namespace septran::mapping {
namespace {

using yaml::Fields;
using yaml::Node;

constexpr std::int64_t max_cluster_blocks = 8;  // that every GPU with clusters runs
constexpr std::int64_t fewest_registers = 24;
constexpr std::int64_t most_registers = 240;
constexpr std::int64_t register_step = 8;
constexpr std::int64_t warpgroup_threads = 128;
constexpr std::int64_t most_columns = 256;

class GpuFields {
 public:
  GpuFields(const Node& node, GpuOptions& options, const ReadContext& context)
      : fields_(node, Fields::quoted("cuda"), context.diagnostics),
        options_(options),
        context_(context) {}

  void read() {
    consumers();
    registers();
    cluster();
    flag(fields_, "multicast", options_.multicast);
    if (const Node* node = fields_.optional("epilogue")) {
      Fields parts(*node, Fields::quoted("epilogue"), context_.diagnostics);
      number(parts, "columns", 8, most_columns, 8, options_.epilogue_columns);
      parts.finish();
    }
    fields_.finish();
  }

 private:
  template <typename T>
  void number(Fields& fields, const char* key, std::int64_t lo, std::int64_t hi, std::int64_t step,
              T& out) {
    const Node* node = fields.optional(key);
    if (node == nullptr) return;
    const auto value = context_.values.integer(*node, Fields::quoted(key), lo, hi);
    if (!value) return;
    if (*value % step != 0) {
      context_.diagnostics.report(node->span, messages::mapping_not_a_multiple, key, *value, step);
      return;
    }
    out = static_cast<T>(*value);
  }

  void flag(Fields& fields, const char* key, bool& out) {
    const Node* node = fields.optional(key);
    if (node == nullptr) return;
    if (const auto value = context_.values.boolean(*node, Fields::quoted(key))) out = *value;
  }

  void consumers() {
    const Node* node = fields_.optional("consumers");
    if (node == nullptr) return;
    Fields parts(*node, Fields::quoted("consumers"), context_.diagnostics);
    number(parts, "count", 1, context_.machine.cuda.most_consumers(), 1, options_.consumers);
    if (const Node* share = parts.optional("share")) {
      const auto text = context_.values.text(*share, Fields::quoted("share"));
      if (text && *text != "rows" && *text != "tiles") {
        context_.diagnostics.report(share->span, messages::mapping_unknown_name, "share", *text,
                                    yaml::name_hint(*text, {"rows", "tiles"}));
      }
      options_.share_tiles = text == "tiles";
    }
    const Node* turns = parts.optional("turns");
    if (turns != nullptr) {
      options_.turns = context_.values.boolean(*turns, Fields::quoted("turns")).value_or(false);
      if (options_.turns && !options_.share_tiles) {
        context_.diagnostics.report(turns->span, messages::mapping_turns_need_tiles);
      }
    }
    parts.finish();
  }

  void registers() {
    const Node* node = fields_.optional("registers");
    if (node == nullptr) return;
    Fields parts(*node, Fields::quoted("registers"), context_.diagnostics);
    number(parts, "producer", fewest_registers, most_registers, register_step,
           options_.producer_registers);
    number(parts, "consumer", fewest_registers, most_registers, register_step,
           options_.consumer_registers);
    parts.finish();
    const std::int64_t consumers = std::max(options_.consumers, 1);
    const std::int64_t all = context_.machine.cuda.registers_per_block;
    const std::int64_t taken =
        (options_.producer_registers + consumers * options_.consumer_registers) * warpgroup_threads;
    if (taken > all) {
      context_.diagnostics.report(node->span, messages::mapping_too_many_registers, consumers,
                                  options_.consumer_registers, options_.producer_registers, taken,
                                  all);
    }
  }

  void cluster() {
    const Node* node = fields_.optional("cluster");
    if (node == nullptr) return;
    if (!yaml::expect_sequence(*node, Fields::quoted("cluster"), context_.diagnostics)) return;
    for (const Node& item : node->items) {
      const auto blocks =
          context_.values.integer(item, Fields::quoted("cluster"), 1, max_cluster_blocks);
      options_.cluster.push_back(blocks.value_or(1));
    }
    if (options_.cluster_blocks() > max_cluster_blocks) {
      context_.diagnostics.report(node->span, messages::mapping_cluster_too_large,
                                  options_.cluster_blocks(), max_cluster_blocks);
    }
  }

  Fields fields_;
  GpuOptions& options_;
  const ReadContext& context_;
};

}  // namespace

void read_gpu_fields(yaml::Fields& fields, Instance& instance, const ReadContext& context) {
  const Node* node = fields.optional("cuda");
  if (node == nullptr) return;
  GpuFields(*node, instance.gpu.emplace(), context).read();
}

}  // namespace septran::mapping
