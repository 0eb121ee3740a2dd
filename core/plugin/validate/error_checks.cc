// Wrong arguments: each is refused with a code and one reason, and nothing else happens.
#include <fmt/core.h>

#include <cmath>

#include "core/plugin/validate/for_each.h"

namespace flame {
namespace {

// Tries to create a component with one list of options; what is made in spite of all is destroyed.
Status expect_refusal(Subject &subject, const CheckedComponent &component, flame_str id,
                      const AttributeList &options, std::string_view because,
                      std::initializer_list<flame_status> allowed) {
  CheckedCall call;
  void *object = nullptr;
  const std::string function = fmt::format("creating '{}'", component.spec.id);
  subject.at(fmt::format("{}, although {}", function, because));
  const flame_status status = component.kind->create(component.table, call.get(), id,
                                                     options.data(), options.size(), &object);
  if (status == FLAME_OK && object) subject.destroy(component, object);
  return call.expect_failure(function, status, because, allowed);
}

Result<Done> unknown_component(Subject &subject) {
  return for_each_component(
      subject, {},
      [&](const CheckedComponent &component) -> Status {
        GuardedTexts texts;
        for (const std::string &id : {std::string("no-such-component"), component.spec.id + "x",
                                      component.spec.id.substr(0, component.spec.id.size() - 1)}) {
          FLAME_TRY(expect_refusal(subject, component, texts.add(id), component.options,
                                   fmt::format("the plugin has no component '{}'", id),
                                   {FLAME_ERROR_NOT_FOUND, FLAME_ERROR_INVALID_ARGUMENT}));
        }
        return expect_refusal(subject, component, flame_str{nullptr, 0}, component.options,
                              "the component's id is empty",
                              {FLAME_ERROR_NOT_FOUND, FLAME_ERROR_INVALID_ARGUMENT});
      },
      Incomplete::kTry);
}

Result<Done> unknown_option(Subject &subject) {
  return for_each_component(
      subject, {},
      [&](const CheckedComponent &component) -> Status {
        AttributeList options;
        options.add_int("no-such-option", 1);
        return expect_refusal(subject, component, component.id(), options,
                              "there is no option 'no-such-option'",
                              {FLAME_ERROR_INVALID_ARGUMENT});
      },
      Incomplete::kTry);
}

// An option of each type, given as what it is not.
Result<Done> wrong_types(Subject &subject) {
  bool tried = false;
  FLAME_ASSIGN(const Done done,
               for_each_component(
                   subject, {},
                   [&](const CheckedComponent &component) -> Status {
                     for (const OptionSpec &option : component.spec.options) {
                       AttributeList options;
                       const bool is_text = option.type == OptionType::kString ||
                                            option.type == OptionType::kPath ||
                                            option.type == OptionType::kChoice;
                       if (is_text) options.add_int(option.name, 1);
                       if (!is_text) options.add_string(option.name, "text");
                       tried = true;
                       FLAME_TRY(expect_refusal(
                           subject, component, component.id(), options,
                           fmt::format("the option '{}' is of another type", option.name),
                           {FLAME_ERROR_INVALID_ARGUMENT}));
                     }
                     return {};
                   },
                   Incomplete::kTry));
  if (!done.skipped.empty()) return done;
  return tried ? passed() : skipped("the plugin has no options");
}

void add_number(AttributeList &options, const OptionSpec &option, double value) {
  const bool whole = option.type == OptionType::kInt || option.type == OptionType::kSize;
  if (whole) options.add_int(option.name, static_cast<int64_t>(value));
  if (!whole) options.add_float(option.name, value);
}

// One list of options for each bound that a value can break.
std::vector<AttributeList> out_of_range(const OptionSpec &option) {
  std::vector<AttributeList> lists;
  if (option.list) return lists;
  if (option.minimum) {
    const double below = option.exclusive_minimum ? *option.minimum : *option.minimum - 1;
    add_number(lists.emplace_back(), option, below);
  }
  if (option.maximum) add_number(lists.emplace_back(), option, *option.maximum + 1);
  if (option.type == OptionType::kFloat || option.type == OptionType::kDuration) {
    add_number(lists.emplace_back(), option, std::nan(""));
  }
  if (option.type == OptionType::kChoice) lists.emplace_back().add_string(option.name, "no choice");
  return lists;
}

Result<Done> values_out_of_range(Subject &subject) {
  bool tried = false;
  FLAME_ASSIGN(const Done done,
               for_each_component(
                   subject, {},
                   [&](const CheckedComponent &component) -> Status {
                     for (const OptionSpec &option : component.spec.options) {
                       for (const AttributeList &options : out_of_range(option)) {
                         tried = true;
                         FLAME_TRY(expect_refusal(
                             subject, component, component.id(), options,
                             fmt::format("the value of '{}' is none that its descriptor allows",
                                         option.name),
                             {FLAME_ERROR_INVALID_ARGUMENT}));
                       }
                     }
                     return {};
                   },
                   Incomplete::kTry));
  if (!done.skipped.empty()) return done;
  return tried ? passed() : skipped("no option of the plugin has a range or choices");
}

// A refusal leaves the plugin able to do what is right.
Result<Done> works_after_refusal(Subject &subject) {
  return for_each_component(subject, {}, [&](const CheckedComponent &component) -> Status {
    for (int i = 0; i < 3; ++i) {
      CheckedCall call;
      void *object = nullptr;
      subject.at("creating 'no-such-component'");
      const flame_str id = FLAME_STR("no-such-component");
      const flame_status status =
          component.kind->create(component.table, call.get(), id, component.options.data(),
                                 component.options.size(), &object);
      FLAME_TRY(call.judge("creating 'no-such-component'", status));
      if (status == FLAME_OK && object) subject.destroy(component, object);
      FLAME_ASSIGN(void *good, subject.create(component));
      subject.destroy(component, good);
    }
    return {};
  });
}

Result<Done> message_names_the_cause(Subject &subject) {
  return for_each_component(
      subject, {},
      [&](const CheckedComponent &component) -> Status {
        AttributeList options;
        options.add_int("no-such-option", 1);
        CheckedCall call;
        void *object = nullptr;
        subject.at("creating with an option that does not exist");
        const flame_status status = component.kind->create(
            component.table, call.get(), component.id(), options.data(), options.size(), &object);
        if (status == FLAME_OK && object) subject.destroy(component, object);
        FLAME_TRY(call.judge("creating with an option that does not exist", status));
        if (call.message().find("option") != std::string_view::npos) return {};
        return broken("a message that says that an option is wrong",
                      fmt::format("the message '{}'", call.message()));
      },
      Incomplete::kTry);
}

Result<Done> log_is_text(Subject &subject) {
  FLAME_TRY(subject.live_once());
  const size_t bad = subject.host().bad_log_lines();
  if (bad == 0) return passed();
  return broken("lines of UTF-8 at a level that flame/host.h names",
                fmt::format("{} lines are not", bad));
}

constexpr Check kChecks[] = {
    {"errors.unknown-component",
     "flame/abi.h: a function that fails returns its status and calls fail once", Stage::kStarted,
     unknown_component},
    {"errors.unknown-option", "flame/descriptor.h: no option exists outside the table",
     Stage::kStarted, unknown_option},
    {"errors.wrong-types",
     "flame/descriptor.h: each type of option arrives as one kind of attribute", Stage::kStarted,
     wrong_types},
    {"errors.values-out-of-range", "flame/abi.h: INVALID_ARGUMENT for a value that is out of range",
     Stage::kStarted, values_out_of_range},
    {"errors.works-after-refusal", "flame/abi.h: a call that fails leaves everything as it was",
     Stage::kStarted, works_after_refusal},
    {"errors.message-names-the-cause",
     "flame/call.h: the message says what is wrong, where, and what was expected", Stage::kStarted,
     message_names_the_cause},
    {"errors.log-is-text", "flame/abi.h: text is UTF-8", Stage::kStarted, log_is_text},
};

}  // namespace

std::span<const Check> error_checks() {
  return kChecks;
}

}  // namespace flame
