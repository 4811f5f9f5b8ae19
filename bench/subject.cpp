#include "bench/subject.h"

#include <fmt/format.h>

#include "bench/race.h"
#include "runtime/native/native.h"
#include "runtime/random.h"
#include "tools/compile.h"

namespace septran::bench {

void Subject::run() {
  Diagnostics diagnostics;
  const auto done = kernel->run(tensors, {}, diagnostics);
  SEPTRAN_CHECK(done);
}

std::optional<Subject> make_subject(const SubjectRequest& request) {
  const FewerProcessors few(request.threads);
  tools::Options options;
  options.input = request.logic;
  options.mappings = {request.mapping};
  options.target = request.target;
  options.definitions = request.definitions;
  options.dtypes = request.dtypes;
  SourceManager sources;
  Diagnostics diagnostics;
  Subject subject;
  const auto read = tools::read_request(options, diagnostics);
  if (read) {
    if (const auto compiled = tools::compile(options, *read, sources, diagnostics)) {
      auto loaded = runtime::load_native(compiled->tile, compiled->machine, diagnostics);
      if (loaded) subject.kernel = std::move(*loaded);
    }
  }
  if (subject.kernel == nullptr) {
    fmt::print(stderr, "{}", render(diagnostics, sources, false));
    return std::nullopt;
  }
  for (const runtime::KernelTensor& tensor : subject.kernel->tensors()) {
    subject.tensors.push_back(*runtime::make_tensor(tensor.dtype, tensor.shape, diagnostics));
    if (tensor.is_input) {
      runtime::fill_random(subject.tensors.back(), runtime::Values::uniform, 0, tensor.name);
    }
  }
  return subject;
}

}  // namespace septran::bench
