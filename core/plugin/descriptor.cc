// The rules of flame/descriptor.h, in one place for tables, manifests and sections of our own.
#include "core/plugin/descriptor.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "core/base/utf8.h"
#include "core/plugin/option_value.h"

namespace flame {
namespace {

constexpr size_t kMaxTextBytes = 4096;
constexpr size_t kMaxIdBytes = 64;
constexpr size_t kMaxPluginIdBytes = 128;
constexpr double kMaxExactInteger = 9007199254740992.0;  // 2^53: further a double skips numbers

constexpr std::array<std::string_view, 8> kTypeNames = {"int",  "float",  "bool", "string",
                                                        "path", "choice", "size", "duration"};

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Lower-case words of letters and digits joined by single '-' or '_', the first letter a letter.
bool is_words(std::string_view text) {
  if (text.empty() || !is_lower(text.front())) return false;
  bool joined = false;
  for (const char c : text) {
    const bool joint = c == '-' || c == '_';
    if (joint && joined) return false;
    if (!joint && !is_lower(c) && !is_digit(c)) return false;
    joined = joint;
  }
  return !joined;
}

bool is_reverse_domain(std::string_view text) {
  size_t labels = 0;
  for (;;) {
    const size_t dot = text.find('.');
    if (!is_words(text.substr(0, dot))) return false;
    ++labels;
    if (dot == std::string_view::npos) return labels >= 2;
    text.remove_prefix(dot + 1);
  }
}

bool is_version(std::string_view text) {
  for (int part = 0; part < 3; ++part) {
    size_t digits = 0;
    while (digits < text.size() && is_digit(text[digits])) ++digits;
    if (digits == 0 || digits > 9 || (digits > 1 && text.front() == '0')) return false;
    text.remove_prefix(digits);
    if (part == 2) return text.empty();
    if (text.empty() || text.front() != '.') return false;
    text.remove_prefix(1);
  }
  return false;
}

// Names joined by AND, OR and WITH, in balanced parentheses. Whether a licence of that name exists
// is not looked up.
bool is_spdx_expression(std::string_view text) {
  size_t depth = 0;
  bool operand_next = true;
  for (size_t at = 0; at < text.size();) {
    if (text[at] == ' ') {
      ++at;
    } else if (text[at] == '(') {
      if (!operand_next) return false;
      ++depth, ++at;
    } else if (text[at] == ')') {
      if (operand_next || depth == 0) return false;
      --depth, ++at;
    } else {
      const size_t end = std::min(text.find_first_of(" ()", at), text.size());
      const std::string_view word = text.substr(at, end - at);
      const bool is_operator = word == "AND" || word == "OR" || word == "WITH";
      const bool name = std::all_of(word.begin(), word.end(), [](char c) {
        return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z') ||
               std::string_view("-.+:").find(c) != std::string_view::npos;
      });
      if (!name || is_operator == operand_next) return false;
      operand_next = is_operator;
      at = end;
    }
  }
  return !operand_next && depth == 0;
}

// Where the rule was broken, in front of what was found and expected.
class Place {
 public:
  explicit Place(std::string text) : text_(std::move(text)) {}
  Place within(std::string_view what, std::string_view name) const {
    return Place(fmt::format("{}{}{} '{}'", text_, text_.empty() ? "" : ", ", what, name));
  }
  Error error(std::string_view problem) const {
    return plugin_error(text_.empty() ? std::string(problem)
                                      : fmt::format("{}: {}", text_, problem));
  }

  Status text(std::string_view field, std::string_view value, bool required) const {
    if (required && value.empty()) return error(fmt::format("{} is empty", field));
    if (value.size() > kMaxTextBytes) {
      return error(fmt::format("{} has {} bytes; at most {} are allowed", field, value.size(),
                               kMaxTextBytes));
    }
    if (const size_t bad = find_invalid_utf8(value); bad != std::string_view::npos) {
      return error(fmt::format("{} is not UTF-8: byte {} is wrong", field, bad));
    }
    if (has_control_characters(value)) {
      return error(
          fmt::format("{} holds a control character; it must be one line of plain text", field));
    }
    return {};
  }

  Status words(std::string_view field, std::string_view value) const {
    FLAME_TRY(text(field, value, true));
    if (value.size() <= kMaxIdBytes && is_words(value)) return {};
    return error(
        fmt::format("{} '{}': expected lower-case words joined by '-' or '_', at most {} "
                    "letters, such as 'weight_decay'",
                    field, value, kMaxIdBytes));
  }

 private:
  std::string text_;
};

bool is_number(OptionType type) {
  return type == OptionType::kInt || type == OptionType::kFloat || type == OptionType::kSize ||
         type == OptionType::kDuration;
}

Status check_bound(const OptionSpec &option, const Place &place, std::string_view which,
                   double bound) {
  if (!is_number(option.type)) {
    return place.error(fmt::format("a {} is set, but the type is {}; only numbers have one", which,
                                   name_of(option.type)));
  }
  if (!std::isfinite(bound)) return place.error(fmt::format("the {} is not finite", which));
  const bool whole = option.type == OptionType::kInt || option.type == OptionType::kSize;
  if (whole && (bound != std::floor(bound) || std::fabs(bound) > kMaxExactInteger)) {
    return place.error(
        fmt::format("the {} {} of a whole number is not a whole number within 2^53", which, bound));
  }
  return {};
}

Status check_range(const OptionSpec &option, const Place &place) {
  if (option.minimum) FLAME_TRY(check_bound(option, place, "minimum", *option.minimum));
  if (option.maximum) FLAME_TRY(check_bound(option, place, "maximum", *option.maximum));
  if (option.exclusive_minimum && !option.minimum) {
    return place.error("the minimum is exclusive, but there is none");
  }
  if (!option.minimum || !option.maximum) return {};
  const bool empty = option.exclusive_minimum ? *option.minimum >= *option.maximum
                                              : *option.minimum > *option.maximum;
  if (empty) {
    return place.error(fmt::format("no number lies between the minimum {} and the maximum {}",
                                   *option.minimum, *option.maximum));
  }
  return {};
}

Status check_choices(const OptionSpec &option, const Place &place) {
  if (option.type != OptionType::kChoice) {
    if (option.choices.empty()) return {};
    return place.error(
        fmt::format("choices are given, but the type is {} and not choice", name_of(option.type)));
  }
  if (option.choices.empty()) return place.error("the type is choice, but there are no choices");
  std::set<std::string_view> seen;
  for (const std::string &choice : option.choices) {
    FLAME_TRY(place.text("a choice", choice, true));
    if (!seen.insert(choice).second) {
      return place.error(fmt::format("the choice '{}' stands twice", choice));
    }
  }
  return {};
}

Status check_option(const OptionSpec &option, const Place &component) {
  FLAME_TRY(component.words("the option", option.name));
  const Place place = component.within("option", option.name);
  if (option.name == "use") return place.error("this name is the pipeline's own; choose another");
  FLAME_TRY(place.text("the help", option.help, true));
  FLAME_TRY(place.text("the unit", option.unit, false));
  if (!option.since.empty() && !is_version(option.since)) {
    FLAME_TRY(place.text("since", option.since, false));
    return place.error(fmt::format("since '{}': expected MAJOR.MINOR.PATCH", option.since));
  }
  if (option.list && option.type == OptionType::kBool) {
    return place.error("a list of bool; there are no such lists");
  }
  FLAME_TRY(check_range(option, place));
  FLAME_TRY(check_choices(option, place));
  for (const std::string &alias : option.aliases) FLAME_TRY(place.text("an alias", alias, true));
  if (!option.default_text) return {};
  if (option.required) return place.error("it must be given, so it can have no default");
  FLAME_TRY(place.text("the default", *option.default_text, false));
  for (const std::string_view item : default_items(option)) {
    const Result<Scalar> value = parse_scalar(option, item, false);
    if (!value.ok()) return place.error("the default: " + value.error().what);
  }
  return {};
}

// Names and aliases of one component, seen together.
Status check_names(const ComponentSpec &component, const Place &place) {
  std::set<std::string_view> names;
  for (const OptionSpec &option : component.options) {
    if (!names.insert(option.name).second) {
      return place.error(fmt::format("the option '{}' stands twice", option.name));
    }
  }
  std::set<std::string_view> taken = names;
  for (const OptionSpec &option : component.options) {
    const Place here = place.within("option", option.name);
    for (const std::string &alias : option.aliases) {
      if (taken.insert(alias).second) continue;
      return here.error(
          fmt::format("the alias '{}' is {}", alias,
                      names.contains(alias) ? "the name of an option" : "an alias already"));
    }
    if (option.deprecated_by.empty()) continue;
    FLAME_TRY(here.text("deprecated_by", option.deprecated_by, false));
    if (option.deprecated_by == option.name || !names.contains(option.deprecated_by)) {
      return here.error(fmt::format("deprecated_by '{}': expected another option of '{}'",
                                    option.deprecated_by, component.id));
    }
  }
  return {};
}

Status check_component_at(const ComponentSpec &component, const Place &outer) {
  FLAME_TRY(outer.words("the component's kind", component.kind));
  FLAME_TRY(outer.words("the component", component.id));
  const Place place = outer.within("component", component.id);
  FLAME_TRY(place.text("the summary", component.summary, true));
  for (const OptionSpec &option : component.options) FLAME_TRY(check_option(option, place));
  return check_names(component, place);
}

Status check_identity(const PluginSpec &spec, const Place &nowhere) {
  FLAME_TRY(nowhere.text("the plugin's id", spec.id, true));
  if (spec.id.size() > kMaxPluginIdBytes || !is_reverse_domain(spec.id)) {
    return nowhere.error(
        fmt::format("the plugin's id '{}': expected a reverse domain name in lower case, at most "
                    "{} letters, such as 'org.example.fast-adamw'",
                    spec.id, kMaxPluginIdBytes));
  }
  const Place place = nowhere.within("plugin", spec.id);
  FLAME_TRY(place.text("the version", spec.version, true));
  if (!is_version(spec.version)) {
    return place.error(
        fmt::format("the version '{}': expected MAJOR.MINOR.PATCH, such as '1.0.0'", spec.version));
  }
  FLAME_TRY(place.text("the vendor", spec.vendor, false));
  FLAME_TRY(place.text("the summary", spec.summary, true));
  FLAME_TRY(place.text("the licence", spec.license, true));
  if (!is_spdx_expression(spec.license)) {
    return place.error(fmt::format(
        "the licence '{}': expected an SPDX expression, such as 'Apache-2.0'", spec.license));
  }
  return {};
}

}  // namespace

std::string_view name_of(OptionType type) {
  return kTypeNames[static_cast<size_t>(type)];
}

std::optional<OptionType> option_type_named(std::string_view name) {
  const auto at = std::find(kTypeNames.begin(), kTypeNames.end(), name);
  if (at == kTypeNames.end()) return std::nullopt;
  return static_cast<OptionType>(at - kTypeNames.begin());
}

const OptionSpec *ComponentSpec::find_option(std::string_view name) const {
  for (const OptionSpec &option : options) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

Status check_component(const ComponentSpec &spec) {
  return check_component_at(spec, Place({}));
}

Status check_descriptor(const PluginSpec &spec) {
  const Place nowhere({});
  FLAME_TRY(check_identity(spec, nowhere));
  const Place place = nowhere.within("plugin", spec.id);
  for (const std::string &library : spec.requirements) {
    FLAME_TRY(place.text("a requirement", library, true));
    if (library.find('/') != std::string::npos) {
      return place.error(fmt::format(
          "the requirement '{}': expected a library's name, such as 'libcuda.so.1'", library));
    }
  }
  if (spec.components.empty()) return place.error("it has no components");
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const ComponentSpec &component : spec.components) {
    FLAME_TRY(check_component_at(component, place));
    if (!seen.emplace(component.kind, component.id).second) {
      return place.error(fmt::format("the {} '{}' stands twice", component.kind, component.id));
    }
  }
  return {};
}

}  // namespace flame
