#include "tests/cuda/support.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <sstream>
#include <stdexcept>

#include "source_dir.h"

namespace septran::testing_support {

#define IN_CASES(name) "tests/cli/cases/" name ".py", "tests/cli/cases/" name ".yaml"

const std::vector<GpuCase> fast_cases{
    {"examples/gemm/gemm.py", "tests/cuda/turns.yaml", "M=512 N=512 K=512 dtype=f16"},
    {"bench/kernels/dual_gemm.py", "bench/kernels/dual_gemm.yaml", "M=512 N=512 K=512 dtype=f16"},
    {"bench/kernels/batched_gemm.py", "bench/kernels/batched_gemm.yaml",
     "H=3 M=256 N=512 K=256 dtype=bf16"},
    {"bench/kernels/linear.py", "bench/kernels/linear.yaml",
     "M=512 N=512 K=512 residual=true dtype=f16"},
    {"tests/cuda/late_operands.py", "tests/cuda/late_operands.yaml",
     "M=512 N=512 K=512 residual=true dtype=bf16"},
    {EXAMPLE("gemm"), "M=4096 N=4096 K=4096 dtype=f16"},
    {EXAMPLE("gemm"), "M=1000 N=1000 K=1000 dtype=bf16"},
    {EXAMPLE("gemm"), "M=16 N=4096 K=4096 dtype=f16"},
    {EXAMPLE("gemm"), "M=1 N=14336 K=4096 dtype=bf16"},
    {EXAMPLE("gemm"), "M=128 N=6144 K=4096 dtype=f16"},
    {EXAMPLE("mlp"), "M=512 N=512 K=512 F=1024 dtype=f16"},
    {EXAMPLE("attention"), "B=1 H=2 G=1 LQ=512 LK=512 D=128 causal=true dtype=f16"},
    {EXAMPLE("attention"), "B=1 H=2 G=2 LQ=512 LK=512 D=64 causal=false dtype=bf16"},
    {EXAMPLE("attention"), "B=1 H=2 G=2 LQ=512 LK=512 D=72 causal=false dtype=f16"},
};

#define TF32_GEMM "examples/gemm/gemm.py", "mappings/gemm/nvidia_h100_tf32.yaml"

const std::vector<GpuCase> arranged_cases{
    {EXAMPLE("gemm"), "M=4095 N=4095 K=4095 dtype=f16"},
    {EXAMPLE("gemm"), "M=513 N=513 K=513 dtype=bf16"},
    {EXAMPLE("gemm"), "M=197 N=300 K=130 dtype=f16"},
    {EXAMPLE("gemm"), "M=4096 N=4096 K=4096 dtype=i8 C=i32"},
    {EXAMPLE("gemm"), "M=600 N=515 K=777 dtype=i8 C=i32"},
    {TF32_GEMM, "M=4096 N=4096 K=4096"},
    {TF32_GEMM, "M=600 N=515 K=777"},
    {"examples/gemm/gemm.py", "mappings/gemm/nvidia_h100_f8.yaml",
     "M=4096 N=4096 K=4096 dtype=f8e4m3 C=f32"},
    {"examples/gemm/gemm.py", "mappings/gemm/nvidia_h100_f8.yaml",
     "M=600 N=515 K=777 dtype=f8e5m2 C=f16"},
    {EXAMPLE("mlp"), "M=1000 N=776 K=515 F=333 dtype=f16"},
};

const std::vector<GpuCase> other_cases{
    {EXAMPLE("softmax"), "M=197 N=4096 dtype=f16"},
    {EXAMPLE("softmax"), "M=7 N=20001"},
    {EXAMPLE("layernorm"), "M=33 N=1024 eps=1e-5 dtype=bf16"},
    {EXAMPLE("gemm"), "M=16 N=4095 K=4095 dtype=f16"},
    {EXAMPLE("gemm"), "M=197 N=300 K=130"},
    {TF32_GEMM, "M=100 N=256 K=256"},
    {EXAMPLE("gemm"), "M=33 N=70 K=513 dtype=i8 C=i32"},
    {EXAMPLE("gemm"), "M=256 N=256 K=256 dtype=f16", "nvidia_a100"},
    {EXAMPLE("gemm"), "M=256 N=256 K=256 dtype=f16", "nvidia_h200"},
    {EXAMPLE("gemm"), "M=256 N=256 K=256 dtype=i8 C=i32"},
    {EXAMPLE("gemm"), "M=256 N=256 K=256 dtype=f8e4m3 C=f16"},
    {EXAMPLE("gemm"), "M=197 N=300 K=130 dtype=f8e5m2"},
    {EXAMPLE("attention"), "B=1 H=2 G=1 LQ=37 LK=45 D=20 causal=true dtype=f64"},
    {"examples/gemm/gemm.py", "mappings/gemm/nvidia_a100.yaml", "M=256 N=256 K=256 dtype=i8 C=i32",
     "nvidia_a100"},
    {"examples/gemm/gemm.py", "mappings/gemm/nvidia_a100.yaml", "M=197 N=300 K=130 dtype=bf16",
     "nvidia_a100"},
    {"examples/attention/attention.py", "mappings/attention/nvidia_a100.yaml",
     "B=1 H=2 G=1 LQ=200 LK=200 D=128 causal=true dtype=f16", "nvidia_a100"},
    {EXAMPLE("attention"), "B=1 H=1 G=1 LQ=50 LK=70 D=20 causal=true"},
    {"examples/gemm/published.py", "mappings/gemm/published.yaml", "M=300 N=131 K=517"},
    {"examples/gemm/gemm.py", "mappings/gemm/dsa_edge.yaml", "M=65 N=129 K=70 dtype=f16"},
    {IN_CASES("batched_gemm"), "H=4 G=2 M=37 N=19 K=23 dtype=f16"},
    {IN_CASES("gemm_options"), "M=37 N=65 K=50 dtype=bf16"},
    {IN_CASES("elementwise"), "M=33 N=70 gain=1.5"},
    {IN_CASES("two_kernels"), "M=45 N=37 K=50 dtype=f16"},
    {IN_CASES("transposes"), "M=35 N=21 K=18 dtype=f16"},
    {IN_CASES("branches"), "S=3 M=22 N=17 factor=3 flip=true"},
    {IN_CASES("convolution"), "N=2 H=9 W=7 C=5 KH=3 KW=3 O=6 OH=5 OW=4 dtype=f16"},
    {IN_CASES("vector_unit"), "M=13 N=29"},
    {IN_CASES("one_value"), "M=5 N=19"},
};

bool has_note(const cuda::Source& source, const std::string& text) {
  return std::any_of(source.notes.begin(), source.notes.end(),
                     [&](const std::string& note) { return note.find(text) != std::string::npos; });
}

bool has(const cuda::Source& source, const std::string& text) {
  return source.text.find(text) != std::string::npos;
}

Output output_of(const std::string& command) {
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return {"it cannot be run", false};
  Output output;
  std::array<char, 4096> part{};
  while (std::fgets(part.data(), part.size(), pipe) != nullptr) output.text += part.data();
  output.succeeded = ::pclose(pipe) == 0;
  return output;
}

std::optional<cuda::Source> lower(const GpuCase& one, std::string& messages) {
  const auto path = [](const std::string& name) { return SEPTRAN_SOURCE_DIR "/" + name; };
  KernelText text;
  text.logic = read_text(path(one.logic));
  text.mapping = read_text(path(one.mapping));
  text.mapping_file = path(one.mapping);
  text.target = one.target;
  std::istringstream in(one.words);
  for (std::string word; in >> word;) {
    const std::size_t at = word.find('=');
    const std::string name = word.substr(0, at);
    const std::string value = word.substr(at + 1);
    const auto dtype = parse_dtype(value);
    if (name == "dtype") {
      text.dtype = *dtype;
    } else if (dtype) {
      text.dtypes[name] = *dtype;
    } else {
      text.definitions.emplace_back(name, value);
    }
  }
  Kernel kernel;
  compile(text, kernel);
  messages = kernel.messages();
  if (!kernel.program) return std::nullopt;
  auto source = cuda::lower_to_cuda(*kernel.program, *kernel.machine, kernel.diagnostics);
  messages = kernel.messages();
  return source;
}

cuda::Source lowered(const GpuCase& one) {
  std::string messages;
  auto source = lower(one, messages);
  if (!source) throw std::runtime_error(messages);
  return *std::move(source);
}

}  // namespace septran::testing_support
