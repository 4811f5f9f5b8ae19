#include "tests/reports/schema.h"

#include <algorithm>

namespace septran::reports {
namespace {

using nlohmann::json;

class Check {
 public:
  explicit Check(const json& root) : root_(root) {}

  void value(const json& schema, const json& value, const std::string& at) {
    for (const auto& [key, rule] : schema.items()) keyword(key, rule, schema, value, at);
  }
  std::vector<std::string> faults;

 private:
  void fault(const std::string& at, const std::string& what) { faults.push_back(at + ": " + what); }

  void keyword(const std::string& key, const json& rule, const json& schema, const json& value,
               const std::string& at) {
    if (key == "type") {
      if (!has_type(rule, value)) fault(at, "is no " + rule.get<std::string>());
    } else if (key == "enum") {
      if (std::find(rule.begin(), rule.end(), value) == rule.end()) fault(at, "is " + value.dump());
    } else if (key == "minimum") {
      if (!value.is_number() || value < rule) fault(at, "is less than " + rule.dump());
    } else if (key == "required") {
      for (const json& name : rule) {
        if (!value.contains(name)) fault(at, "lacks " + name.dump());
      }
    } else if (key == "properties") {
      for (const auto& [name, inner] : rule.items()) {
        if (value.contains(name)) this->value(inner, value[name], at + "/" + name);
      }
    } else if (key == "additionalProperties") {
      others(rule, schema, value, at);
    } else if (key == "items") {
      for (std::size_t i = 0; i < value.size(); ++i) {
        this->value(rule, value[i], at + "/" + std::to_string(i));
      }
    } else if (key == "$ref") {
      const std::string name = rule.get<std::string>().substr(std::string("#/$defs/").size());
      this->value(root_["$defs"][name], value, at);
    } else if (key != "$schema" && key != "$defs" && key != "title" && key != "description") {
      fault(at, "the schema says " + key);
    }
  }

  void others(const json& rule, const json& schema, const json& value, const std::string& at) {
    if (!value.is_object()) return;
    for (const auto& [name, inner] : value.items()) {
      if (schema.contains("properties") && schema["properties"].contains(name)) continue;
      if (rule == false) {
        fault(at, "has an unknown '" + name + "'");
      } else if (rule.is_object()) {
        this->value(rule, inner, at + "/" + name);
      }
    }
  }

  static bool has_type(const json& type, const json& value) {
    if (type == "integer") return value.is_number_integer();
    if (type == "number") return value.is_number();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_boolean();
    if (type == "array") return value.is_array();
    return type == "object" && value.is_object();
  }

  const json& root_;
};

}  // namespace

std::vector<std::string> faults(const json& schema, const json& value) {
  Check check(schema);
  check.value(schema, value, "");
  return check.faults;
}

}  // namespace septran::reports
