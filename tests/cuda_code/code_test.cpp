// Generated code as the CUDA compiler takes it: without spills, within the registers and shared
// memory of a block, with the instructions that were meant, and without ptxas's complaints about
// products that wait for each other or registers that are not given.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <regex>

#include "runtime/cuda/compiler.h"
#include "runtime/cuda/gpu.h"
#include "source_dir.h"
#include "tests/cpu/support.h"
#include "tests/cuda/support.h"

namespace septran::testing_support {
namespace {

namespace fs = std::filesystem;

struct Compiled {
  Output log;
  std::string ptx;
};

Compiled compile_code(const cuda::Source& source) {
  const TemporaryFolder temporary("code");
  const fs::path& folder = temporary.path();
  std::ofstream(folder / "kernel.cu") << source.text;
  const std::string arch = source.architecture.substr(3);
  Compiled result;
  result.log = output_of(
      fmt::format("{} -std=c++17 -gencode=arch=compute_{},code=sm_{} -cubin -keep -keep-dir {} "
                  "-diag-suppress 177,550 -Xptxas -v -o {} {}",
                  SEPTRAN_NVCC, arch, arch, folder.string(), (folder / "kernel.cubin").string(),
                  (folder / "kernel.cu").string()));
  std::ifstream ptx(folder / "kernel.ptx");
  result.ptx.assign(std::istreambuf_iterator<char>(ptx), {});
  return result;
}

void expect_good(const cuda::Source& source, const Compiled& compiled) {
  const std::string& log = compiled.log.text;
  EXPECT_TRUE(compiled.log.succeeded) << log;
  EXPECT_FALSE(std::regex_search(log, std::regex("C75(08|1[0-9])"))) << log;
  const std::regex used("Used ([0-9]+) registers");
  std::size_t kernels = 0;
  for (std::sregex_iterator at(log.begin(), log.end(), used), end; at != end; ++at) {
    ++kernels;
    EXPECT_LE(std::stoi((*at)[1]), 255);
  }
  EXPECT_EQ(kernels, source.kernels.size());
  for (const cuda::KernelSource& kernel : source.kernels) EXPECT_LE(kernel.shared_bytes, 232448);
}

void expect_no_spills(const Compiled& compiled) {
  const std::string& log = compiled.log.text;
  EXPECT_FALSE(std::regex_search(log, std::regex("[1-9][0-9]* bytes spill"))) << log;
}

TEST(CudaCode, FastCasesCompileWithoutSpills) {
  for (const GpuCase& one : fast_cases) {
    SCOPED_TRACE(fmt::format("{} {}", one.logic, one.words));
    const cuda::Source source = lowered(one);
    const Compiled compiled = compile_code(source);
    expect_good(source, compiled);
    expect_no_spills(compiled);
    EXPECT_NE(compiled.ptx.find("wgmma.mma_async"), std::string::npos);
    EXPECT_NE(compiled.ptx.find("cp.async.bulk.tensor"), std::string::npos);
    const bool stores = source.text.find("  bulk_store(&") != std::string::npos;
    EXPECT_EQ(compiled.ptx.find("stmatrix.sync") != std::string::npos, stores);
    EXPECT_EQ(compiled.ptx.find(".global.shared::cta.bulk_group") != std::string::npos, stores);
    const bool shared = source.text.find("__cluster_dims__") != std::string::npos;
    EXPECT_EQ(compiled.ptx.find(".multicast::cluster") != std::string::npos, shared);
  }
}

const std::vector<std::pair<std::string, std::string>> instructions_of_types{
    {"dtype=f16", "k16.f32.f16.f16"},
    {"dtype=bf16", "k16.f32.bf16.bf16"},
    {"dtype=i8", "k32.s32.s8.s8"},
    {"dtype=f8e4m3", "k32.f32.e4m3.e4m3"},
    {"dtype=f8e5m2", "k32.f32.e5m2.e5m2"}};

TEST(CudaCode, ArrangedCasesCompileWithoutSpills) {
  for (const GpuCase& one : arranged_cases) {
    SCOPED_TRACE(fmt::format("{} {}", one.mapping, one.words));
    const cuda::Source source = lowered(one);
    const Compiled compiled = compile_code(source);
    expect_good(source, compiled);
    expect_no_spills(compiled);
    std::string wanted = "k8.f32.tf32.tf32";
    for (const auto& [type, instruction] : instructions_of_types) {
      if (std::string(one.words).find(type) != std::string::npos) wanted = instruction;
    }
    EXPECT_NE(compiled.ptx.find(wanted), std::string::npos) << wanted;
    EXPECT_NE(compiled.ptx.find("cp.async.bulk.tensor"), std::string::npos);
  }
}

TEST(CudaCode, OtherCasesCompile) {
  for (const GpuCase& one : other_cases) {
    SCOPED_TRACE(fmt::format("{} {} {}", one.logic, one.words, one.target));
    const cuda::Source source = lowered(one);
    expect_good(source, compile_code(source));
  }
}

std::string codes(const Diagnostics& diagnostics) {
  std::string text;
  for (const Diagnostic& one : diagnostics.all()) text += one.code + std::string(" ");
  return text;
}

TEST(CudaCode, WhatCannotBeCompiledIsReported) {
  Diagnostics diagnostics;
  EXPECT_FALSE(runtime::compile_gpu_code("__global__ void f() { nonsense }", "sm_90a",
                                         runtime::GpuCode::cubin, diagnostics));
  EXPECT_EQ(codes(diagnostics), "gpu-compiler-failed ");
}

/// Compiles in a process of its own, whose files may have that many bytes; whether it got code.
bool compiles_with_files_of(rlim_t bytes, const std::string& source) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, bytes};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    Diagnostics diagnostics;
    const auto code =
        runtime::compile_gpu_code(source, "sm_90a", runtime::GpuCode::cubin, diagnostics);
    ::_exit(code ? 0 : 1);
  }
  int status = 1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status == 0;
}

/// A disk that is full, at once or in the middle of an entry.
TEST(CudaCode, TheCacheSurvivesAFullDisk) {
  const TemporaryFolder cache("gpu");
  const Variable chosen("SEPTRAN_CACHE", cache.path().string());
  const std::string small = "__global__ void f(int *x) { *x = 7; }";
  const std::string large = small + "\n// " + std::string(20000, 'x');
  for (const std::string& source : {small, large}) {
    for (const rlim_t bytes : {rlim_t{0}, rlim_t{100}, rlim_t{source.size() + 500}}) {
      EXPECT_TRUE(compiles_with_files_of(bytes, source)) << bytes;
      EXPECT_TRUE(fs::is_empty(cache.path())) << bytes;
    }
  }
  EXPECT_TRUE(compiles_with_files_of(RLIM_INFINITY, small));
  EXPECT_FALSE(fs::is_empty(cache.path()));
}

TEST(CudaCode, ADriverThatFailsIsReported) {
  ::setenv("SEPTRAN_CUDA_DRIVER", SEPTRAN_FAKE_DRIVER, 1);
  const TemporaryFolder cache("gpu");
  const Variable chosen("SEPTRAN_CACHE", cache.path().string());
  KernelText text;
  text.logic = read_text(SEPTRAN_SOURCE_DIR "/examples/gemm/gemm.py");
  text.mapping = read_text(SEPTRAN_SOURCE_DIR "/mappings/gemm/nvidia_h100.yaml");
  text.target = "nvidia_h100";
  text.dtype = DType::f16;
  text.definitions = {{"M", "64"}, {"N", "64"}, {"K", "64"}};
  Kernel kernel;
  compile(text, kernel);
  ASSERT_TRUE(kernel.program) << kernel.messages();
  EXPECT_FALSE(runtime::load_gpu(*kernel.program, *kernel.machine, kernel.diagnostics));
  EXPECT_EQ(codes(kernel.diagnostics), "gpu-failed ");
  // What was compiled is in the cache; a broken entry is made anew.
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(cache.path())) entries.push_back(entry.path());
  ASSERT_EQ(entries.size(), 1U);
  const auto size = fs::file_size(entries[0]);
  fs::resize_file(entries[0], size / 2);
  EXPECT_FALSE(runtime::load_gpu(*kernel.program, *kernel.machine, kernel.diagnostics));
  EXPECT_EQ(fs::file_size(entries[0]), size);
}

}  // namespace
}  // namespace septran::testing_support
