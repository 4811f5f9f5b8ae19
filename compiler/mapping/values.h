// Values of a mapping file: numbers, expressions, and the first value of a `!tune`.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "compiler/base/diagnostic.h"
#include "compiler/mapping/expression.h"
#include "compiler/mapping/mapping.h"
#include "targets/yaml_reader.h"

namespace septran::mapping {

class Values {
 public:
  /// `other_sizes`: the values are of a case for other sizes than those of `environment`, so that
  /// what an expression gives is not judged, only how it is written.
  Values(const Environment& environment, const SourceManager& sources, Diagnostics& diagnostics,
         bool other_sizes = false)
      : environment_(environment),
        sources_(sources),
        diagnostics_(diagnostics),
        other_sizes_(other_sizes) {}

  /// The value itself, or the first that a `!tune` offers; null where the `!tune` is faulty.
  const yaml::Node* first_value(const yaml::Node& node, std::string_view what);
  /// A number or an expression that gives an integer, from lo to hi.
  std::optional<std::int64_t> integer(const yaml::Node& node, std::string_view what,
                                      std::int64_t lo, std::int64_t hi);
  std::optional<bool> boolean(const yaml::Node& node, std::string_view what);
  std::optional<std::string> text(const yaml::Node& node, std::string_view what);
  std::optional<TunableValue> tunable(const yaml::Node& node, std::string_view what);

  [[nodiscard]] bool has_tune() const { return has_tune_; }

 private:
  void check_other_integers(const yaml::Node& tune, std::string_view what, std::int64_t lo,
                            std::int64_t hi);
  const yaml::Node* first_of_choice(const yaml::Node& node);
  const yaml::Node* first_of_range(const yaml::Node& node, bool powers_of_two);
  std::optional<ExpressionValue> evaluated(const yaml::Node& node);
  std::optional<std::int64_t> bound(const yaml::Node& node, const char* key, bool power_of_two);

  const Environment& environment_;
  const SourceManager& sources_;
  Diagnostics& diagnostics_;
  bool other_sizes_;
  bool has_tune_ = false;
};

}  // namespace septran::mapping
