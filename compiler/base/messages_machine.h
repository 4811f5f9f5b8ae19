// Messages about YAML files in general and machine descriptions.
#pragma once

#include "compiler/base/diagnostic.h"

namespace septran::messages {

inline constexpr Message yaml_syntax{"yaml-syntax", Severity::error, "this is not valid YAML: {0}",
                                     "{1}"};
inline constexpr const char* yaml_tab_hint = "indent with spaces: YAML does not allow tabs there";
inline constexpr const char* yaml_parameter_hint =
    "within braces or brackets, a template parameter needs quotes: \"${name}\"";
inline constexpr Message yaml_empty{"yaml-empty", Severity::error, "the file is empty",
                                    "{0} starts with a line such as '{1}'"};
inline constexpr Message yaml_not_text{"yaml-not-text", Severity::error,
                                       "this is not a text file: it holds a NUL byte",
                                       "YAML files are UTF-8 text"};
inline constexpr Message yaml_too_large{"yaml-too-large", Severity::error,
                                        "the file has {0} bytes; at most {1} are read"};
inline constexpr Message yaml_too_deep{"yaml-too-deep", Severity::error,
                                       "this is nested more than {0} levels deep"};
inline constexpr Message yaml_too_many_nodes{
    "yaml-too-many-nodes", Severity::error,
    "the file holds more than {0} values once its aliases are expanded"};
inline constexpr Message yaml_recursive_alias{"yaml-recursive-alias", Severity::error,
                                              "this alias stands inside the value that it names"};
inline constexpr Message yaml_duplicate_key{"yaml-duplicate-key", Severity::error,
                                            "'{0}' is given twice", "keep one of the two"};
inline constexpr const char* yaml_duplicate_key_note = "first given here";
inline constexpr Message yaml_key_not_a_name{"yaml-key-not-a-name", Severity::error,
                                             "a key must be a name, not {0}"};
inline constexpr Message yaml_several_documents{
    "yaml-several-documents", Severity::error, "a second document starts here; a file holds one",
    "remove the line '---' and what follows, or make it a file of its own"};
inline constexpr Message yaml_wrong_type{"yaml-wrong-type", Severity::error,
                                         "{0} must be {1}, not {2}"};
inline constexpr Message yaml_out_of_range{"yaml-out-of-range", Severity::error,
                                           "{0} is {1}; it must be from {2} to {3}"};
inline constexpr Message yaml_missing_key{"yaml-missing-key", Severity::error, "{0} lacks '{1}'"};
inline constexpr Message yaml_unknown_key{"yaml-unknown-key", Severity::error,
                                          "unknown key '{0}' in {1}", "{2}"};
inline constexpr Message yaml_unknown_tag{"yaml-unknown-tag", Severity::error,
                                          "unknown tag '{0}' on {1}"};
inline constexpr const char* nearest_hint = "did you mean '{0}'?";
inline constexpr const char* known_hint = "known here: {0}";

inline constexpr Message machine_unknown_name{"machine-unknown-name", Severity::error,
                                              "unknown {0} '{1}'", "{2}"};
inline constexpr Message machine_duplicate_name{"machine-duplicate-name", Severity::error,
                                                "{0} '{1}' is described twice"};
inline constexpr Message machine_lacks{"machine-lacks", Severity::error,
                                       "a machine of family {0} needs the {1} '{2}'"};
inline constexpr Message machine_bad_path{"machine-bad-path", Severity::error,
                                          "the path from {0} to {1} {2}"};
inline constexpr const char* path_to_itself = "needs 'via': it starts and ends in one memory";
inline constexpr const char* path_without_engine = "needs an 'engine' or a 'via'";
inline constexpr const char* path_with_both =
    "has both 'engine' and 'via'; the hops' own paths name their engines";
inline constexpr const char* path_hop_missing =
    "goes via {0}, but there is no path from {1} to {2}";
inline constexpr Message machine_wrong_engine{"machine-wrong-engine", Severity::error,
                                              "engine '{0}' is of kind {1}; {2} needs one of {3}"};
inline constexpr Message machine_not_a_multiple{"machine-not-a-multiple", Severity::error,
                                                "{0} is {1}, which is no multiple of {2} ({3})"};
inline constexpr Message machine_narrower{"machine-narrower", Severity::error,
                                          "{0} cannot be held as {1}, which is narrower"};
inline constexpr Message machine_not_found{"machine-not-found", Severity::error,
                                           "there is no target '{0}'", "{1}"};
inline constexpr const char* machine_folder_hint = "{0} (shipped descriptions are in '{1}')";
inline constexpr Message machine_unreadable{"machine-unreadable", Severity::error,
                                            "cannot read the target description '{0}'",
                                            "give a readable file or the name of a shipped target"};

}  // namespace septran::messages
