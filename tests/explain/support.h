// Kernels from the tree's files, compiled and explained.
#pragma once

#include <string>

#include "compiler/explain/explain.h"
#include "compiler/explain/parts.h"
#include "source_dir.h"
#include "tests/support/kernel.h"

namespace septran::explain {

/// A kernel and the explanation of it; `kernel` must outlive `subject`.
struct Explained {
  testing_support::Kernel kernel;
  Explanation explanation;

  [[nodiscard]] Subject subject() const {
    return {*kernel.module,  *kernel.entry,  *kernel.mapping,
            *kernel.machine, kernel.sources, kernel.stages.front().second,
            *kernel.program};
  }
};

inline std::string source(const std::string& path) {
  return testing_support::read_text(std::string(SEPTRAN_SOURCE_DIR) + "/" + path);
}

/// "M=64 N=64" as definitions.
inline std::vector<std::pair<std::string, std::string>> definitions(const std::string& words) {
  std::vector<std::pair<std::string, std::string>> list;
  std::istringstream in(words);
  for (std::string word; in >> word;) {
    const std::size_t at = word.find('=');
    list.emplace_back(word.substr(0, at), word.substr(at + 1));
  }
  return list;
}

inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  if (at == std::string::npos) return "no '" + from + "' to replace";
  return text.replace(at, from.size(), to);
}

/// Fills `out`; its `program` is empty where the compiler refused.
inline void explain_kernel(const testing_support::KernelText& text, Explained& out,
                           const Options& options = {}) {
  testing_support::compile(text, out.kernel);
  if (out.kernel.program) out.explanation = explain(out.subject(), options);
}

}  // namespace septran::explain
