#include "core/pipeline/check_options.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/suggest.h"
#include "core/pipeline/option_schema.h"
#include "core/pipeline/sections.h"

namespace flame {

std::string list_expectation(const OptionSpec &option) {
  return option.list ? "a list, each item " + expectation(option) : expectation(option);
}

OptionChecker::OptionChecker(std::filesystem::path folder, std::vector<Diagnostic> &diagnostics)
    : folder_(std::move(folder)), diagnostics_(diagnostics) {}

void OptionChecker::check(const OptionSpec &option, std::string_view path, const YamlMember &member,
                          std::vector<OptionValue> &values) {
  if (!option.deprecated_by.empty()) {
    add_error(diagnostics_, "deprecated", member.place,
              fmt::format("'{}' is replaced by '{}'", option.name, option.deprecated_by))
        .severity = Severity::kWarning;
  }
  OptionValue value{option.name, option.list, {}};
  const YamlNode &node = *member.value;
  if (option.list && node.kind == YamlNode::Kind::kSequence) {
    for (const YamlNodePtr &item : node.items) check_scalar(option, path, *item, value);
    if (option.required && node.items.empty()) refuse(option, path, node, "is empty");
  } else {
    check_scalar(option, path, node, value);
  }
  values.push_back(std::move(value));
}

void OptionChecker::refuse(const OptionSpec &option, std::string_view path, const YamlNode &node,
                           std::string_view what) {
  Diagnostic &diagnostic = add_error(diagnostics_, "bad-value", node.place,
                                     fmt::format("'{}' {}", child_path(path, option.name), what));
  diagnostic.expected = list_expectation(option);
}

void OptionChecker::check_scalar(const OptionSpec &option, std::string_view path,
                                 const YamlNode &node, OptionValue &value) {
  if (node.kind == YamlNode::Kind::kNull) {
    refuse(option, path, node, "has no value");
    return;
  }
  if (node.kind != YamlNode::Kind::kScalar) {
    refuse(option, path, node, fmt::format("is {}", describe(node.kind)));
    return;
  }
  Result<Scalar> scalar = parse_scalar(option, node.text, node.quoted);
  if (!scalar.ok()) {
    Diagnostic &diagnostic =
        add_error(diagnostics_, "bad-value", node.place,
                  fmt::format("'{}': {}", child_path(path, option.name), scalar.error().what));
    diagnostic.expected = expectation(option);
    if (option.type == OptionType::kChoice) {
      diagnostic.suggestions = nearest(node.text, option.choices);
    } else {
      diagnostic.hint = scalar.error().hint;
    }
    return;
  }
  if (option.type == OptionType::kPath) *scalar = absolute_path(std::get<std::string>(*scalar));
  value.items.push_back(std::move(scalar).value());
}

void OptionChecker::add_defaults(const ComponentSpec &component,
                                 std::vector<OptionValue> &values) const {
  std::vector<OptionValue> ordered;
  for (const OptionSpec &option : component.options) {
    const auto given = std::find_if(values.begin(), values.end(), [&](const OptionValue &value) {
      return value.name == option.name;
    });
    if (given != values.end()) {
      ordered.push_back(std::move(*given));
    } else if (option.default_text) {
      ordered.push_back(default_value(option));
      if (option.type != OptionType::kPath) continue;
      for (Scalar &item : ordered.back().items) item = absolute_path(std::get<std::string>(item));
    }
  }
  values = std::move(ordered);
}

std::string OptionChecker::absolute_path(std::string_view text) const {
  return (folder_ / text).lexically_normal().string();
}

}  // namespace flame
