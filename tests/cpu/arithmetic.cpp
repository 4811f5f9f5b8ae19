#include "tests/cpu/arithmetic.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tools/compile.h"

namespace septran::testing_support {

runtime::Arithmetic arithmetic_of(const KernelText& text, const std::string& logic_file) {
  tools::Options options;
  options.input = logic_file;
  options.mappings = {text.mapping_file};
  options.target = text.target;
  for (const auto& [name, value] : text.definitions)
    options.definitions.push_back(name + "=" + value);
  options.dtypes.emplace_back(name(text.dtype));
  for (const auto& [tensor, dtype] : text.dtypes) {
    options.dtypes.push_back(fmt::format("{}={}", tensor, name(dtype)));
  }
  SourceManager sources;
  Diagnostics diagnostics;
  const auto request = tools::read_request(options, diagnostics);
  SEPTRAN_CHECK(request);
  const auto compiled = tools::compile(options, *request, sources, diagnostics);
  if (!compiled) {
    ADD_FAILURE() << render(diagnostics, sources, false);
    return {};
  }
  const tools::ArithmeticChain& chain = compiled->arithmetic;
  return {chain.additions, chain.transcendentals, chain.intermediates};
}

}  // namespace septran::testing_support
