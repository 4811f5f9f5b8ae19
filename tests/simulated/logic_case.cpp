#include "logic_case.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <sstream>

#include "simulated.h"

namespace septran::testing_support {
namespace {

constexpr const char* prelude = R"(import task_lang as task


@task.define(leaf=True)
def twice(Y, X):
    task.call_primitive("mul", Y, X, 2)


@task.define(leaf=True)
def add_to(Y, X):
    task.call_primitive("add", Y, Y, X)


@task.define(leaf=True)
def negate(Y, X):
    task.call_primitive("neg", Y, X)


@task.define(leaf=True)
def sevens(Y):
    task.call_primitive("fill", Y, 7)

)";

constexpr const char* block_of_its_own = "\n@task.define\ndef block(";
constexpr const char* usual_block = R"(
@task.define
def block(Y, X):
    task.launch(twice, Y, X)
)";

void define(const std::string& words, KernelText& text) {
  std::istringstream stream(words);
  for (std::string word; stream >> word;) {
    if (word == "--dtype") {
      stream >> word;
      text.dtype = parse_dtype(word).value();
      continue;
    }
    const std::size_t equals = word.find('=');
    text.definitions.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
}

}  // namespace

void check(const LogicCase& one) {
  for (const std::string& size : one.sizes) {
    for (const std::string& target : one.targets) {
      KernelText text;
      const bool has_block = one.logic.find(block_of_its_own) != std::string::npos;
      text.logic = prelude + std::string(has_block ? "" : usual_block) + one.logic;
      text.mapping = fmt::format(
          "entrypoint: host\ntask_mappings:\n"
          "  host:\n    task_name: host\n    proc: HOST\n    mems: {{{}}}\n"
          "  block:\n    task_name: block\n    proc: BLOCK\n    mems: {{{}}}\n{}",
          one.host, one.block, one.more);
      text.target = target;
      define(size, text);
      EXPECT_EQ(check_kernel(text, true, 0, true), "") << size << " on " << target;
    }
  }
}

}  // namespace septran::testing_support
