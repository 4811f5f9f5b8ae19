// Diagnostics: what a user is told about a fault in what they wrote.
#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/base/count.h"
#include "compiler/base/source.h"

namespace septran {

enum class Severity { note, warning, error };

/// One kind of message. All of them stand in messages.h; `text` and `hint` are fmt formats over
/// the same arguments ("{0}", "{1}", ... by position); integers may have a noun ("{0:byte}", see
/// count.h). An empty hint prints none.
struct Message {
  const char* code;
  Severity severity;
  const char* text;
  const char* hint = "";
};

struct DiagnosticNote {
  Span span;
  std::string text;
};

/// One fault: prints `file:line:col: error[code]: message`, the line, a caret under the range,
/// then the notes in the same form and the hint.
struct Diagnostic {
  std::string code;
  Severity severity = Severity::error;
  Span span;
  std::string text;
  std::string hint;
  std::vector<DiagnosticNote> notes;
};

/// Collects the diagnostics of a run. Functions that can fail take one by reference, report to it
/// and return an empty Result; they go on after an error where that finds more of them.
class Diagnostics {
 public:
  /// Reports a message at a span; the result may be given notes with `.notes`.
  template <typename... Args>
  Diagnostic& report(Span span, const Message& message, const Args&... args) {
    return add(Diagnostic{message.code,
                          message.severity,
                          span,
                          fmt::format(fmt::runtime(message.text), counted(args)...),
                          fmt::format(fmt::runtime(message.hint), counted(args)...),
                          {}});
  }
  Diagnostic& add(Diagnostic diagnostic);

  [[nodiscard]] bool has_errors() const { return error_count_ > 0; }
  [[nodiscard]] std::size_t error_count() const { return error_count_; }
  [[nodiscard]] const std::vector<Diagnostic>& all() const { return all_; }

 private:
  std::vector<Diagnostic> all_;
  std::size_t error_count_ = 0;
};

/// Text of one diagnostic, as Diagnostic describes it; `color` adds terminal escapes. A source line
/// over 200 columns is shown around the caret only.
std::string render(const Diagnostic& diagnostic, const SourceManager& sources, bool color);
/// All diagnostics, sorted by place within a file, notes and hints included; equal ones once.
std::string render(const Diagnostics& diagnostics, const SourceManager& sources, bool color);

/// The candidate with the smallest edit distance to `name`, if it is near enough to be meant.
std::optional<std::string> nearest_name(std::string_view name,
                                        const std::vector<std::string>& candidates);

/// A value, or nothing where the errors were reported to a Diagnostics.
template <typename T>
using Result = std::optional<T>;

/// A broken invariant: prints "this is a bug in SepTran" with the place and ends with exit code 5.
[[noreturn]] void bug(std::string_view what, const char* file, int line);

}  // namespace septran

#define SEPTRAN_BUG(what) ::septran::bug((what), __FILE__, __LINE__)
#define SEPTRAN_CHECK(condition)                                                       \
  do {                                                                                 \
    if (!(condition)) ::septran::bug("check failed: " #condition, __FILE__, __LINE__); \
  } while (false)
