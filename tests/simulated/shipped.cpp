#include "shipped.h"

#include "source_dir.h"
#include "targets/dsa/lower/lower.h"

namespace septran::testing_support {

const std::vector<Example>& shipped_examples() {
  static const std::vector<Example> examples{
      {"gemm_edge",
       "examples/gemm/gemm.py",
       "mappings/gemm/dsa_edge.yaml",
       {{"M", "700"}, {"N", "300"}, {"K", "500"}}},
      {"gemm_cloud",
       "examples/gemm/gemm.py",
       "mappings/gemm/dsa_cloud.yaml",
       {{"M", "1200"}, {"N", "700"}, {"K", "700"}}},
      {"published_edge",
       "examples/gemm/published.py",
       "mappings/gemm/published.yaml",
       {{"M", "700"}, {"N", "300"}, {"K", "500"}}},
      {"mlp_edge",
       "examples/mlp/mlp.py",
       "mappings/mlp/dsa_edge.yaml",
       {{"M", "300"}, {"K", "400"}, {"F", "350"}, {"N", "330"}}},
      {"mlp_cloud",
       "examples/mlp/mlp.py",
       "mappings/mlp/dsa_cloud.yaml",
       {{"M", "300"}, {"K", "400"}, {"F", "520"}, {"N", "520"}}},
      {"softmax_edge",
       "examples/softmax/softmax.py",
       "mappings/softmax/dsa_edge.yaml",
       {{"M", "60"}, {"N", "1000"}}},
      {"long_softmax_edge",
       "examples/softmax/softmax.py",
       "mappings/softmax/dsa_edge.yaml",
       {{"M", "5"}, {"N", "40000"}}},
      {"softmax_cloud",
       "examples/softmax/softmax.py",
       "mappings/softmax/dsa_cloud.yaml",
       {{"M", "700"}, {"N", "1000"}}},
      {"layernorm_edge",
       "examples/layernorm/layernorm.py",
       "mappings/layernorm/dsa_edge.yaml",
       {{"M", "60"}, {"N", "1000"}, {"eps", "1e-5"}}},
      {"layernorm_cloud",
       "examples/layernorm/layernorm.py",
       "mappings/layernorm/dsa_cloud.yaml",
       {{"M", "700"}, {"N", "1000"}, {"eps", "1e-5"}}},
      {"attention_edge",
       "examples/attention/attention.py",
       "mappings/attention/dsa_edge.yaml",
       {{"B", "1"},
        {"H", "2"},
        {"G", "1"},
        {"LQ", "256"},
        {"LK", "330"},
        {"D", "64"},
        {"causal", "false"}}},
      // The first of four cores always meets one block of keys, the last one two.
      {"causal_attention_cloud",
       "examples/attention/attention.py",
       "mappings/attention/dsa_cloud.yaml",
       {{"B", "1"},
        {"H", "6"},
        {"G", "1"},
        {"LQ", "1024"},
        {"LK", "1024"},
        {"D", "64"},
        {"causal", "true"}}},
      {"attention_cloud",
       "examples/attention/attention.py",
       "mappings/attention/dsa_cloud.yaml",
       {{"B", "2"},
        {"H", "4"},
        {"G", "2"},
        {"LQ", "600"},
        {"LK", "2100"},
        {"D", "64"},
        {"causal", "false"}}},
  };
  return examples;
}

namespace {

Example product(const char* name, const char* m, const char* n, const char* k) {
  return {name,
          "examples/gemm/gemm.py",
          "mappings/gemm/dsa_cloud.yaml",
          {{"M", m}, {"N", n}, {"K", k}}};
}

/// Of an image of `size` x `size` pixels with `channels` each; `m` is the number of results'
/// pixels.
Example convolution(const char* name, const char* m, const char* filters, const char* size,
                    const char* channels, const char* kernel, const char* stride) {
  return {name,
          "workloads/conv.py",
          "workloads/conv_cloud.yaml",
          {{"M", m},
           {"O", filters},
           {"N", "1"},
           {"H", size},
           {"W", size},
           {"C", channels},
           {"KH", kernel},
           {"KW", kernel},
           {"stride", stride}}};
}

}  // namespace

const std::vector<Example>& shipped_layers() {
  static const std::vector<Example> layers{
      convolution("conv2_1a_cloud", "3136", "64", "56", "64", "1", "1"),
      convolution("conv3_1c_cloud", "784", "512", "28", "128", "1", "1"),
      convolution("conv4_1c_cloud", "196", "1024", "14", "256", "1", "1"),
      convolution("conv4_2b_cloud", "196", "256", "16", "256", "3", "1"),
      convolution("conv5_2a_cloud", "49", "512", "7", "2048", "1", "1"),
      product("conv2_1c_product_cloud", "3136", "256", "64"),
      product("conv3_2a_product_cloud", "784", "128", "512"),
      product("conv4_2a_product_cloud", "196", "256", "1024"),
      product("conv5_1c_product_cloud", "49", "2048", "512"),
      product("fc_product_cloud", "1", "1000", "2048"),
      product("bert_output_cloud", "512", "768", "768"),
      {"bert_norm_cloud",
       "examples/layernorm/layernorm.py",
       "mappings/layernorm/dsa_cloud.yaml",
       {{"M", "512"}, {"N", "768"}, {"eps", "1e-12"}}},
      {"llama_attention_cloud",
       "examples/attention/attention.py",
       "mappings/attention/dsa_cloud.yaml",
       {{"B", "1"},
        {"H", "32"},
        {"G", "8"},
        {"LQ", "1"},
        {"LK", "512"},
        {"D", "128"},
        {"causal", "true"}}},
  };
  return layers;
}

void PrintTo(const Example& example, std::ostream* out) { *out << example.name; }

namespace {
std::string path(const std::string& file) { return SEPTRAN_SOURCE_DIR "/" + file; }

}  // namespace

std::optional<dsa::Program> lower(const Example& example, Kernel& kernel,
                                  const std::string& target) {
  KernelText text;
  text.logic = read_text(path(example.logic));
  text.mapping_file = path(example.mapping);
  text.mapping = read_text(text.mapping_file);
  const bool cloud = std::string(example.name).ends_with("cloud");
  text.target = !target.empty() ? target : cloud ? "dsa_cloud" : "dsa_edge";
  text.definitions = example.sizes;
  text.dtype = example.dtype;
  compile(text, kernel);
  if (!kernel.program) return std::nullopt;
  return dsa::lower_to_dsa(*kernel.program, *kernel.machine, kernel.diagnostics);
}

}  // namespace septran::testing_support
