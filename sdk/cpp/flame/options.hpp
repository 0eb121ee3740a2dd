// Typed options: one struct whose members are bound in one function, from which both the
// descriptor and the values are made. An option outside that function cannot be read.
//
//   struct Options {
//     double momentum = 0.9;  // the default that users see
//     void describe(flame::OptionTable &table) {
//       table.number("momentum", momentum, "How much of the last step is kept.").range(0, 1);
//     }
//   };
//
// Members may be scalars, std::vector of them (a list) or std::optional (unset when not given).
#pragma once

#include <cmath>
#include <deque>
#include <functional>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "flame/attribute.hpp"
#include "flame/descriptor.h"

namespace flame {
inline namespace sdk {

// One option of the table. The functions add to it and may be chained.
class Option {
 public:
  Option &unit(std::string_view unit) { return set(unit_, unit); }
  // The plugin's version that brought it.
  Option &since(std::string_view version) { return set(since_, version); }
  // The option to use instead.
  Option &deprecated_by(std::string_view name) { return set(deprecated_by_, name); }
  // What other programs call it; users of that name are told this one.
  Option &alias(std::string_view name) {
    aliases_.emplace_back(name);
    return *this;
  }
  // The user must give it; the member's first value is no default.
  Option &required() {
    flags_ |= FLAME_OPTION_REQUIRED;
    return *this;
  }
  Option &minimum(double least) {
    flags_ |= FLAME_OPTION_MINIMUM;
    minimum_ = least;
    return *this;
  }
  Option &maximum(double most) {
    flags_ |= FLAME_OPTION_MAXIMUM;
    maximum_ = most;
    return *this;
  }
  Option &range(double least, double most) { return minimum(least).maximum(most); }
  // More than `bound`, which is not allowed itself.
  Option &above(double bound) {
    flags_ |= FLAME_OPTION_EXCLUSIVE_MINIMUM;
    return minimum(bound);
  }

  const std::string &name() const { return name_; }

 private:
  friend class OptionTable;
  friend class OptionDescriptor;

  Option &set(std::string &member, std::string_view value) {
    member = value;
    return *this;
  }

  void check(double number) const {
    const bool low =
        flags_ & FLAME_OPTION_EXCLUSIVE_MINIMUM ? number <= minimum_ : number < minimum_;
    if (((flags_ & FLAME_OPTION_MINIMUM) && low) ||
        ((flags_ & FLAME_OPTION_MAXIMUM) && number > maximum_) || !std::isfinite(number)) {
      throw invalid_argument("option '", name_, "': ", number, " is out of its range");
    }
  }

  void check(std::string_view choice) const {
    if (type_ != FLAME_OPTION_CHOICE) return;
    for (const std::string &allowed : choices_) {
      if (allowed == choice) return;
    }
    throw invalid_argument("option '", name_, "': '", choice, "' is none of its choices");
  }

  uint32_t type_ = 0;
  uint32_t flags_ = 0;
  std::string name_, unit_, help_, since_, deprecated_by_;
  std::optional<std::string> default_text_;
  double minimum_ = 0;
  double maximum_ = 0;
  std::vector<std::string> choices_;
  std::vector<std::string> aliases_;
  std::function<void(const flame_attribute &)> assign_;
};

namespace detail {

// What a member's type says of its option.
template <typename Member>
struct MemberOf {
  using Scalar = Member;
  static constexpr bool kList = false;
  static constexpr bool kOptional = false;
};
template <typename Element>
struct MemberOf<std::vector<Element>> {
  using Scalar = Element;
  static constexpr bool kList = true;
  static constexpr bool kOptional = false;
};
template <typename Member>
struct MemberOf<std::optional<Member>> {
  using Scalar = typename MemberOf<Member>::Scalar;
  static constexpr bool kList = MemberOf<Member>::kList;
  static constexpr bool kOptional = true;
};

inline std::string size_text(uint64_t bytes) {
  constexpr std::pair<uint64_t, const char *> kUnits[] = {
      {uint64_t{1} << 40, "TiB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}};
  for (const auto &[factor, unit] : kUnits) {
    if (bytes != 0 && bytes % factor == 0) return text(bytes / factor, unit);
  }
  return text(bytes, "B");
}

inline std::string option_text(uint32_t type, int64_t value) {
  return type == FLAME_OPTION_SIZE ? size_text(static_cast<uint64_t>(value)) : text(value);
}
inline std::string option_text(uint32_t type, double value) {
  return type == FLAME_OPTION_DURATION ? text(value, "s") : text(value);
}
inline std::string option_text(uint32_t, bool value) {
  return text(value);
}
inline std::string option_text(uint32_t, const std::string &value) {
  return value;
}

}  // namespace detail

// The options of one component. Each function binds one member; its value at that moment is the
// default.
class OptionTable {
 public:
  // Members of any integer type; the value is checked to fit.
  template <typename Member>
  Option &integer(std::string_view name, Member &member, std::string_view help) {
    return bind<int64_t>(FLAME_OPTION_INT, name, member, help);
  }
  template <typename Member>
  Option &number(std::string_view name, Member &member, std::string_view help) {
    return bind<double>(FLAME_OPTION_FLOAT, name, member, help);
  }
  template <typename Member>
  Option &flag(std::string_view name, Member &member, std::string_view help) {
    return bind<bool>(FLAME_OPTION_BOOL, name, member, help);
  }
  template <typename Member>
  Option &string(std::string_view name, Member &member, std::string_view help) {
    return bind<std::string>(FLAME_OPTION_STRING, name, member, help);
  }
  // Arrives absolute; relative ones start at the pipeline file.
  template <typename Member>
  Option &path(std::string_view name, Member &member, std::string_view help) {
    return bind<std::string>(FLAME_OPTION_PATH, name, member, help);
  }
  // An integer member, in bytes; users write 22GiB.
  template <typename Member>
  Option &size(std::string_view name, Member &member, std::string_view help) {
    return bind<int64_t>(FLAME_OPTION_SIZE, name, member, help);
  }
  // A double member, in seconds; users write 90s.
  template <typename Member>
  Option &duration(std::string_view name, Member &member, std::string_view help) {
    return bind<double>(FLAME_OPTION_DURATION, name, member, help);
  }
  // A std::string member.
  template <typename Member>
  Option &choice(std::string_view name, Member &member,
                 std::initializer_list<std::string_view> choices, std::string_view help) {
    Option &option = bind<std::string>(FLAME_OPTION_CHOICE, name, member, help);
    option.choices_.assign(choices.begin(), choices.end());
    return option;
  }
  // A member of an enumeration.
  template <typename Enum>
  Option &choice(std::string_view name, Enum &member,
                 std::initializer_list<std::pair<std::string_view, Enum>> choices,
                 std::string_view help) {
    static_assert(std::is_enum_v<Enum>);
    Option &option = add(FLAME_OPTION_CHOICE, name, help);
    std::vector<Enum> values;
    for (const auto &[word, value] : choices) {
      option.choices_.emplace_back(word);
      values.push_back(value);
      if (value == member) option.default_text_ = word;
    }
    option.assign_ = [&option, &member, values](const flame_attribute &given) {
      const std::string_view word = Attributes(&given, 1).string(option.name_);
      for (size_t i = 0; i < values.size(); ++i) {
        if (option.choices_[i] == word) {
          member = values[i];
          return;
        }
      }
      option.check(word);
    };
    return option;
  }

  // Fills the members from what the host gives. What is not given keeps its default.
  void read(Attributes given) {
    for (const Option &option : options_) {
      const flame_attribute *value = given.find(option.name_);
      if (value) option.assign_(*value);
      if (!value && (option.flags_ & FLAME_OPTION_REQUIRED)) {
        throw invalid_argument("option '", option.name_, "' is missing; it must be given");
      }
    }
    for (const flame_attribute &value : given) {
      if (!knows(view(value.name))) {
        throw invalid_argument("there is no option '", view(value.name),
                               "' in this component's table");
      }
    }
  }

  // The options that `describe` adds stand in files that come with a model, such as its config.json:
  // files for people to start from leave them out.
  template <typename Describe>
  void configuration(const Describe &describe) {
    in_configuration_ = true;
    describe();
    in_configuration_ = false;
  }

  const std::deque<Option> &options() const { return options_; }

 private:
  template <typename Wire, typename Member>
  Option &bind(uint32_t type, std::string_view name, Member &member, std::string_view help) {
    using Type = detail::MemberOf<Member>;
    using Scalar = typename Type::Scalar;
    static_assert(std::is_same_v<Wire, int64_t>
                      ? std::is_integral_v<Scalar> && !std::is_same_v<Scalar, bool>
                      : (std::is_same_v<Wire, Scalar> ||
                         (std::is_same_v<Wire, double> && std::is_same_v<Scalar, float>)),
                  "the member's type does not fit the option's");
    static_assert(!(Type::kList && std::is_same_v<Scalar, bool>), "lists of flags do not exist");
    Option &option = add(type, name, help);
    if (Type::kList) option.flags_ |= FLAME_OPTION_LIST;
    if constexpr (Type::kOptional) {
      if (member) option.default_text_ = default_of<Wire>(type, *member);
    } else {
      option.default_text_ = default_of<Wire>(type, member);
    }
    option.assign_ = [&option, &member](const flame_attribute &given) {
      take<Wire>(option, Attributes(&given, 1), member);
    };
    return option;
  }

  template <typename Wire, typename Scalar>
  static std::string default_of(uint32_t type, const Scalar &value) {
    if constexpr (detail::MemberOf<Scalar>::kList) {
      std::string out;
      for (const auto &item : value) {
        out += text(out.empty() ? "" : ", ", detail::option_text(type, static_cast<Wire>(item)));
      }
      return out;
    } else if constexpr (std::is_same_v<Scalar, float>) {
      return detail::option_text(type, std::stod(text(value)));  // 0.1, not 0.10000000149011612
    } else {
      return detail::option_text(type, static_cast<Wire>(value));
    }
  }

  template <typename Wire, typename Member>
  static void take(const Option &option, Attributes given, Member &member) {
    using Type = detail::MemberOf<Member>;
    if constexpr (Type::kList) {
      std::vector<typename Type::Scalar> items;
      for (const Wire &item : list<Wire>(option, given)) {
        items.push_back(convert<typename Type::Scalar>(option, item));
      }
      member = std::move(items);
    } else {
      member = convert<typename Type::Scalar>(option, scalar<Wire>(option, given));
    }
  }

  template <typename Wire>
  static Wire scalar(const Option &option, Attributes given) {
    if constexpr (std::is_same_v<Wire, int64_t>) return given.integer(option.name_);
    if constexpr (std::is_same_v<Wire, double>) return given.number(option.name_);
    if constexpr (std::is_same_v<Wire, bool>) return given.flag(option.name_);
    if constexpr (std::is_same_v<Wire, std::string>) return Wire(given.string(option.name_));
  }

  template <typename Wire>
  static std::vector<Wire> list(const Option &option, Attributes given) {
    if constexpr (std::is_same_v<Wire, int64_t>) return given.integers(option.name_);
    if constexpr (std::is_same_v<Wire, double>) return given.numbers(option.name_);
    if constexpr (std::is_same_v<Wire, std::string>) return given.strings(option.name_);
  }

  template <typename Scalar, typename Wire>
  static Scalar convert(const Option &option, const Wire &value) {
    if constexpr (std::is_same_v<Wire, int64_t>) {
      option.check(static_cast<double>(value));
      const bool fits = std::is_signed_v<Scalar>
                            ? value >= static_cast<int64_t>(std::numeric_limits<Scalar>::min())
                            : value >= 0;
      if (!fits || (sizeof(Scalar) < sizeof value &&
                    value > static_cast<int64_t>(std::numeric_limits<Scalar>::max()))) {
        throw invalid_argument("option '", option.name_, "': ", value, " is out of its range");
      }
      return static_cast<Scalar>(value);
    } else if constexpr (std::is_same_v<Wire, double>) {
      option.check(value);
      return static_cast<Scalar>(value);
    } else if constexpr (std::is_same_v<Wire, std::string>) {
      option.check(std::string_view(value));
      return value;
    } else {
      return value;
    }
  }

  Option &add(uint32_t type, std::string_view name, std::string_view help) {
    Option &option = options_.emplace_back();
    option.type_ = type;
    if (in_configuration_) option.flags_ |= FLAME_OPTION_CONFIGURATION;
    option.name_ = name;
    option.help_ = help;
    return option;
  }

  bool knows(std::string_view name) const {
    for (const Option &option : options_) {
      if (option.name_ == name) return true;
    }
    return false;
  }

  bool in_configuration_ = false;
  std::deque<Option> options_;  // stays where it is: the closures point into it
};

// The C table of one option. Owns its text; neither copied nor moved, since the table points in.
class OptionDescriptor {
 public:
  explicit OptionDescriptor(const Option &option) : option_(option) {
    option_.assign_ = nullptr;  // the members that it was bound to are gone
    for (const std::string &choice : option_.choices_) choices_.push_back(borrow(choice));
    for (const std::string &alias : option_.aliases_) aliases_.push_back(borrow(alias));
    table_.struct_size = sizeof table_;
    table_.type = option_.type_;
    table_.flags = option_.flags_;
    table_.choice_count = static_cast<uint32_t>(choices_.size());
    table_.alias_count = static_cast<uint32_t>(aliases_.size());
    table_.name = borrow(option_.name_);
    table_.unit = borrow(option_.unit_);
    table_.help = borrow(option_.help_);
    table_.since = borrow(option_.since_);
    table_.deprecated_by = borrow(option_.deprecated_by_);
    const bool has_default = option_.default_text_ && !(option_.flags_ & FLAME_OPTION_REQUIRED);
    if (has_default) table_.default_text = borrow(*option_.default_text_);
    table_.minimum = option_.minimum_;
    table_.maximum = option_.maximum_;
    table_.choices = choices_.data();
    table_.aliases = aliases_.data();
  }
  OptionDescriptor(const OptionDescriptor &) = delete;
  OptionDescriptor &operator=(const OptionDescriptor &) = delete;

  const flame_option *get() const { return &table_; }

 private:
  Option option_;
  std::vector<flame_str> choices_, aliases_;
  flame_option table_ = {};
};

}  // namespace sdk
}  // namespace flame
