#include "core/plugin/descriptor.h"

#include <gmock/gmock.h>

#include <functional>
#include <limits>

#include "tests/unit/plugin/samples.h"

namespace flame {
namespace {

using test::sample_option;
using test::sample_spec;
using testing::AllOf;
using testing::HasSubstr;

// The message of the first broken rule after `change`, or "" if none is broken.
std::string broken_rule(const std::function<void(PluginSpec &)> &change) {
  PluginSpec spec = sample_spec();
  change(spec);
  const Status checked = check_descriptor(spec);
  return checked.ok() ? "" : checked.error().what;
}
std::string broken_option_rule(const std::function<void(OptionSpec &)> &change) {
  return broken_rule([&](PluginSpec &spec) { change(spec.components[0].options[0]); });
}

TEST(Descriptor, TakesASoundSpec) {
  EXPECT_EQ(broken_rule([](PluginSpec &) {}), "");
}

TEST(Descriptor, WantsAPluginIdThatIsAReverseDomain) {
  for (const char *id : {"", "adamw", "Org.example.x", "org..x", ".org.x", "org.x.", "org.-x",
                         "org.x y", "org.x/y", "../org.x", "org.1", "1org.x", "org.x--y"}) {
    EXPECT_NE(broken_rule([&](PluginSpec &s) { s.id = id; }), "") << id;
  }
  EXPECT_NE(broken_rule([&](PluginSpec &s) { s.id = "org." + std::string(200, 'x'); }), "");
  EXPECT_EQ(broken_rule([&](PluginSpec &s) { s.id = "org.example.fast_2-x"; }), "");
}

TEST(Descriptor, WantsComponentIdsAndOptionNamesInLowerCaseWords) {
  for (const char *name : {"", "LR", "l r", "-lr", "lr-", "l--r", "l_-r", "2lr", "l.r", "é"}) {
    EXPECT_NE(broken_option_rule([&](OptionSpec &o) { o.name = name; }), "") << name;
    EXPECT_NE(broken_rule([&](PluginSpec &s) { s.components[0].id = name; }), "") << name;
  }
  EXPECT_NE(broken_option_rule([&](OptionSpec &o) { o.name = std::string(65, 'x'); }), "");
  EXPECT_EQ(broken_option_rule([&](OptionSpec &o) { o.name = std::string(64, 'x'); }), "");
  EXPECT_EQ(broken_option_rule([&](OptionSpec &o) { o.name = "weight_decay-2"; }), "");
}

TEST(Descriptor, NamesPluginComponentAndOptionInAnError) {
  EXPECT_THAT(broken_option_rule([](OptionSpec &o) { o.help.clear(); }),
              AllOf(HasSubstr("org.example.fast-adamw"), HasSubstr("component 'adamw'"),
                    HasSubstr("option 'lr'"), HasSubstr("the help is empty")));
}

TEST(Descriptor, KeepsTheNameUseForThePipeline) {
  EXPECT_THAT(broken_option_rule([](OptionSpec &o) { o.name = "use"; }),
              HasSubstr("the pipeline's own"));
}

TEST(Descriptor, WantsThreeNumbersAsAVersion) {
  for (const char *version : {"", "1", "1.0", "1.0.0.0", "1.0.x", "01.0.0", "1.0.0-rc1", "v1.0.0",
                              "1..0", "1.0.", "99999999999.0.0"}) {
    EXPECT_NE(broken_rule([&](PluginSpec &s) { s.version = version; }), "") << version;
  }
  EXPECT_EQ(broken_rule([](PluginSpec &s) { s.version = "0.10.200"; }), "");
}

TEST(Descriptor, WantsALicenceThatIsAnSpdxExpression) {
  for (const char *license :
       {"", "AND", "MIT OR", "MIT MIT", "(MIT", "MIT)", "MIT,BSD", "()", "my own licence!"}) {
    EXPECT_NE(broken_rule([&](PluginSpec &s) { s.license = license; }), "") << license;
  }
  for (const char *license : {"MIT", "GPL-2.0-or-later WITH Classpath-exception-2.0",
                              "(MIT OR Apache-2.0) AND BSD-3-Clause", "LicenseRef-own"}) {
    EXPECT_EQ(broken_rule([&](PluginSpec &s) { s.license = license; }), "") << license;
  }
}

TEST(Descriptor, RefusesDuplicateComponentsOptionsChoicesAndAliases) {
  EXPECT_THAT(broken_rule([](PluginSpec &s) { s.components.push_back(s.components[0]); }),
              HasSubstr("optimizer 'adamw' stands twice"));
  EXPECT_THAT(broken_rule([](PluginSpec &s) {
                s.components[0].options.push_back(s.components[0].options[0]);
              }),
              HasSubstr("option 'lr' stands twice"));
  EXPECT_THAT(broken_rule([](PluginSpec &s) {
                s.components[0].options[1].choices = {"plain", "plain"};
              }),
              HasSubstr("'plain' stands twice"));
  EXPECT_THAT(
      broken_rule([](PluginSpec &s) { s.components[0].options[1].aliases = {"learning_rate"}; }),
      HasSubstr("an alias already"));
  EXPECT_THAT(broken_rule([](PluginSpec &s) { s.components[0].options[1].aliases = {"lr"}; }),
              HasSubstr("the name of an option"));
}

TEST(Descriptor, LetsTwoKindsShareAnId) {
  EXPECT_EQ(broken_rule([](PluginSpec &s) {
              s.components.push_back(s.components[0]);
              s.components[1].kind = "sampler";
            }),
            "");
}

TEST(Descriptor, WantsAComponent) {
  EXPECT_THAT(broken_rule([](PluginSpec &s) { s.components.clear(); }), HasSubstr("no components"));
}

TEST(Descriptor, RefusesRangesThatHoldNoNumber) {
  EXPECT_NE(broken_option_rule([](OptionSpec &o) { o.maximum = -1; }), "");
  EXPECT_NE(broken_option_rule([](OptionSpec &o) { o.maximum = 0; }), "");
  EXPECT_NE(broken_option_rule([](OptionSpec &o) { o.minimum = std::nan(""); }), "");
  EXPECT_NE(broken_option_rule(
                [](OptionSpec &o) { o.minimum = std::numeric_limits<double>::infinity(); }),
            "");
  EXPECT_NE(broken_option_rule([](OptionSpec &o) { o.minimum.reset(); }), "");
  EXPECT_NE(broken_option_rule([](OptionSpec &o) {
              o.type = OptionType::kInt;
              o.minimum = 0.5;
              o.default_text = "1";
            }),
            "");
  EXPECT_THAT(broken_option_rule([](OptionSpec &o) { o.type = OptionType::kString; }),
              HasSubstr("only numbers have one"));
}

TEST(Descriptor, WantsChoicesForAChoiceAndForNothingElse) {
  EXPECT_NE(broken_option_rule([](OptionSpec &o) { o.choices = {"a"}; }), "");
  EXPECT_NE(broken_rule([](PluginSpec &s) { s.components[0].options[1].choices.clear(); }), "");
}

TEST(Descriptor, RefusesAListOfBool) {
  EXPECT_NE(broken_rule([](PluginSpec &s) {
              s.components[0].options.push_back(sample_option("flags", OptionType::kBool));
              s.components[0].options.back().list = true;
            }),
            "");
}

TEST(Descriptor, RefusesADefaultOfARequiredOption) {
  EXPECT_THAT(broken_option_rule([](OptionSpec &o) { o.required = true; }),
              HasSubstr("no default"));
}

TEST(Descriptor, WantsADefaultThatItsOwnTypeRangeAndChoicesAllow) {
  for (const char *text : {"fast", "0", "-1", "", "1,2"}) {
    EXPECT_THAT(broken_option_rule([&](OptionSpec &o) { o.default_text = text; }),
                HasSubstr("the default: "))
        << text;
  }
  EXPECT_THAT(broken_rule([](PluginSpec &s) { s.components[0].options[1].default_text = "fest"; }),
              HasSubstr("one of plain, fused"));
  EXPECT_EQ(broken_option_rule([&](OptionSpec &o) {
              o.list = true;
              o.default_text = "0.1, 0.2";
            }),
            "");
  EXPECT_NE(broken_option_rule([&](OptionSpec &o) {
              o.list = true;
              o.default_text = "0.1, -0.2";
            }),
            "");
}

TEST(Descriptor, WantsDeprecatedByToNameAnotherOption) {
  EXPECT_NE(broken_option_rule([](OptionSpec &o) { o.deprecated_by = "lr"; }), "");
  EXPECT_NE(broken_option_rule([](OptionSpec &o) { o.deprecated_by = "rate"; }), "");
  EXPECT_EQ(broken_option_rule([](OptionSpec &o) { o.deprecated_by = "mode"; }), "");
}

TEST(Descriptor, RefusesTextThatIsNoPlainLine) {
  for (const char *text : {"a\nb", "\x1b[31m", "\xff", "\xc2\x9b"}) {
    EXPECT_NE(broken_option_rule([&](OptionSpec &o) { o.help = text; }), "");
    EXPECT_NE(broken_rule([&](PluginSpec &s) { s.summary = text; }), "");
    EXPECT_NE(broken_rule([&](PluginSpec &s) { s.vendor = text; }), "");
    EXPECT_NE(broken_rule([&](PluginSpec &s) { s.requirements = {text}; }), "");
  }
  EXPECT_NE(broken_rule([](PluginSpec &s) { s.summary = std::string(5000, 'x'); }), "");
}

TEST(Descriptor, ComesBackFromJsonAsItWas) {
  const PluginSpec spec = sample_spec();
  const std::string text = to_json(spec).dump(2);
  const Result<Json> json = parse_json(text, "t");
  ASSERT_TRUE(json.ok());
  const Result<PluginSpec> back = plugin_spec_from_json(*json, "t");
  ASSERT_TRUE(back.ok()) << back.error().what;
  EXPECT_EQ(to_json(*back).dump(2), text);
  const OptionSpec *rate = back->components[0].find_option("lr");
  ASSERT_TRUE(rate);
  EXPECT_EQ(rate->minimum, 0);
  EXPECT_TRUE(rate->exclusive_minimum);
  EXPECT_EQ(rate->default_text, "0.001");
}

TEST(Descriptor, RefusesUnknownMembersUnlessTheyMayBeNewer) {
  Json json = to_json(sample_spec());
  json.set("licence", "MIT");
  const Result<PluginSpec> refused = plugin_spec_from_json(json, "x.json: plugin");
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().what, HasSubstr("x.json: plugin: \"licence\" is not known here"));
  EXPECT_THAT(refused.error().hint, HasSubstr("'license'"));
  EXPECT_TRUE(plugin_spec_from_json(json, "t", UnknownMembers::kIgnore).ok());
}

}  // namespace
}  // namespace flame
