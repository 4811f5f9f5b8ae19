// Writes random programs into a folder, for runs where the tests themselves cannot be built:
// NAME.py, NAME.yaml and NAME.words, which holds the rest of a command line.
//
//   write_random_programs FOLDER FIRST_SEED COUNT
//
// COUNT of each of the three families, in bf16, f32 and f16 in turn; those that dependences forbid
// are left out.
#include <cstdio>
#include <cstdlib>

#include "runtime/file.h"
#include "tests/support/generator.h"
#include "tests/support/pipeline_generator.h"
#include "tests/support/spread_generator.h"

namespace {

using septran::testing_support::Kernel;
using septran::testing_support::KernelText;

constexpr septran::DType dtypes[] = {septran::DType::bf16, septran::DType::f32,
                                     septran::DType::f16};

std::string words_of(const KernelText& text) {
  std::string words = fmt::format("--dtype {}", septran::name(text.dtype));
  for (const auto& [parameter, dtype] : text.dtypes) {
    words += fmt::format(" --dtype {}={}", parameter, septran::name(dtype));
  }
  for (const auto& [name, value] : text.definitions) words += fmt::format(" -D {}={}", name, value);
  return words + "\n";
}

template <typename Generated>
bool write(const std::string& folder, const char* family, unsigned first, unsigned count) {
  for (unsigned seed = first; seed < first + count; ++seed) {
    KernelText text = Generated(seed).make();
    text.dtype = dtypes[seed % std::size(dtypes)];
    Kernel kernel;
    if (Generated::may_be_impossible) {
      compile(text, kernel);
      if (!kernel.program) continue;
    }
    const std::string path = fmt::format("{}/{}{}", folder, family, seed);
    const std::string words = words_of(text);
    const septran::runtime::OutputFile files[] = {
        {path + ".py", text.logic}, {path + ".yaml", text.mapping}, {path + ".words", words}};
    if (septran::runtime::write_files_atomically(files, kernel.diagnostics)) continue;
    std::fputs(kernel.messages().c_str(), stderr);
    return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  namespace support = septran::testing_support;
  if (argc != 4) {
    std::fputs("usage: write_random_programs FOLDER FIRST_SEED COUNT\n", stderr);
    return 2;
  }
  const auto first = static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10));
  const auto count = static_cast<unsigned>(std::strtoul(argv[3], nullptr, 10));
  const bool written = write<support::Generator>(argv[1], "blocks", first, count) &&
                       write<support::SpreadGenerator>(argv[1], "spread", first, count) &&
                       write<support::PipelineGenerator>(argv[1], "pipeline", first, count);
  return written ? 0 : 1;
}
