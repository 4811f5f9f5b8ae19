// The C++ interface: kernels on the caller's memory, from several threads, and errors as values.
#include "runtime/embed/septran.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <thread>

#include "source_dir.h"
#include "tests/cpu/support.h"

namespace septran::embed {
namespace {

using testing_support::TemporaryFolder;
using testing_support::Variable;

Request softmax(int m, int n) {
  Request request{SEPTRAN_SOURCE_DIR "/examples/softmax/softmax.py",
                  SEPTRAN_SOURCE_DIR "/mappings/softmax/cpu.yaml"};
  request.definitions = {{"M", std::to_string(m)}, {"N", std::to_string(n)}};
  return request;
}

class Embed : public testing::Test {
 protected:
  /// The kernel for 5 rows of 37 columns.
  Kernel kernel() {
    auto compiled = compile(softmax(5, 37));
    if (const auto* error = std::get_if<Error>(&compiled)) ADD_FAILURE() << error->text;
    return std::get<Kernel>(compiled);
  }
  static std::string code(const std::optional<Error>& error) {
    return error ? error->code : "no error";
  }
  static std::string code_of(const Request& request) {
    const auto compiled = compile(request);
    const auto* error = std::get_if<Error>(&compiled);
    return error == nullptr ? "no error" : error->code;
  }

  TemporaryFolder cache_{"embed"};
  Variable chosen_{"SEPTRAN_CACHE", cache_.path().string()};
};

/// How far the rows of y are from the softmax of those of x.
double worst(const float* y, const float* x, int rows, int columns) {
  double worst = 0;
  for (int r = 0; r < rows; ++r) {
    double sum = 0;
    for (int c = 0; c < columns; ++c) sum += std::exp(static_cast<double>(x[r * columns + c]));
    for (int c = 0; c < columns; ++c) {
      const double exact = std::exp(static_cast<double>(x[r * columns + c])) / sum;
      worst = std::max(worst, std::abs(y[r * columns + c] - exact));
    }
  }
  return worst;
}

std::vector<float> waves(std::size_t count, float phase) {
  std::vector<float> values;
  for (std::size_t i = 0; i < count; ++i) {
    values.push_back(3 * std::sin(static_cast<float>(i) + phase));
  }
  return values;
}

TEST_F(Embed, TellsItsTensors) {
  const Kernel softmax = kernel();
  ASSERT_EQ(softmax.tensors().size(), 2U);
  EXPECT_EQ(softmax.tensors()[0].name, "Y");
  EXPECT_TRUE(softmax.tensors()[0].is_output);
  EXPECT_FALSE(softmax.tensors()[0].is_input);
  EXPECT_EQ(softmax.tensors()[1].shape, (std::vector<std::int64_t>{5, 37}));
  EXPECT_TRUE(softmax.tensors()[1].is_input);
}

TEST_F(Embed, RunsOnMemoryOfAnyAlignmentAndTouchesNoOther) {
  const Kernel softmax = kernel();
  const std::vector<float> x = waves(5 * 37 + 8, 0);
  for (std::size_t shift = 0; shift < 8; ++shift) {
    std::vector<float> y(5 * 37 + 16, -7);
    float* inside = y.data() + 4 + shift;
    const std::array<std::int64_t, 2> shape{5, 37};
    const std::array<std::int64_t, 2> strides{37, 1};
    const float* from = x.data() + shift;
    ASSERT_EQ(code(softmax.call({{inside, shape, strides}, {const_cast<float*>(from)}})),
              "no error");
    EXPECT_LT(worst(inside, from, 5, 37), 1e-6);
    for (const float* p = y.data(); p < y.data() + y.size(); ++p) {
      if (p < inside || p >= inside + 5 * 37) {
        EXPECT_EQ(*p, -7);
      }
    }
  }
}

TEST_F(Embed, IsCalledByManyThreadsAtOnce) {
  const Kernel softmax = kernel();
  std::vector<double> errors(6, 1);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < errors.size(); ++t) {
    threads.emplace_back([&, t] {
      double largest = 0;
      for (int repetition = 0; repetition < 50; ++repetition) {
        std::vector<float> x =
            waves(5 * 37, static_cast<float>(t) + 0.1F * static_cast<float>(repetition));
        std::vector<float> y(5 * 37);
        if (softmax.call({{y.data()}, {x.data()}})) return;
        largest = std::max(largest, worst(y.data(), x.data(), 5, 37));
      }
      errors[t] = largest;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const double error : errors) EXPECT_LT(error, 1e-6);
}

TEST_F(Embed, RefusesWrongBuffersAndTouchesNothing) {
  const Kernel softmax = kernel();
  std::vector<float> x = waves(5 * 37, 0);
  std::vector<float> y(5 * 37 + 1, -7);
  const std::array<std::int64_t, 2> wrong_shape{37, 5};
  const std::array<std::int64_t, 2> wrong_strides{1, 5};
  auto* odd = reinterpret_cast<float*>(reinterpret_cast<char*>(y.data()) + 1);
  EXPECT_EQ(code(softmax.call({{y.data()}})), "buffer-count");
  EXPECT_EQ(code(softmax.call({{y.data()}, {nullptr}})), "buffer-null");
  EXPECT_EQ(code(softmax.call({{odd}, {x.data()}})), "buffer-alignment");
  EXPECT_EQ(code(softmax.call({{y.data(), wrong_shape}, {x.data()}})), "buffer-shape");
  EXPECT_EQ(code(softmax.call({{y.data(), {}, wrong_strides}, {x.data()}})), "buffer-strides");
  EXPECT_EQ(code(softmax.call({{x.data()}, {x.data()}})), "buffer-overlap");
  for (const float value : y) EXPECT_EQ(value, -7);
  EXPECT_EQ(x, waves(5 * 37, 0));
}

TEST_F(Embed, RefusesWhatCannotBeCompiled) {
  Request request = softmax(5, 37);
  request.logic = "/nowhere/softmax.py";
  EXPECT_EQ(code_of(request), "cannot-read");
  request = softmax(5, 37);
  request.definitions.pop_back();
  const auto compiled = compile(request);
  ASSERT_TRUE(std::holds_alternative<Error>(compiled));
  EXPECT_NE(std::get<Error>(compiled).text.find("'N'"), std::string::npos)
      << std::get<Error>(compiled).text;
  request = softmax(5, 37);
  request.target = "dsa_edge";
  EXPECT_EQ(code_of(request), "not-embedded");
  request = softmax(5, 37);
  request.mapping = SEPTRAN_SOURCE_DIR "/mappings/gemm/published.yaml";
  EXPECT_EQ(code_of(request), "no-target");
}

}  // namespace
}  // namespace septran::embed
