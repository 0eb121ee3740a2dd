#include <gmock/gmock.h>

#include <cstring>

#include "core/plugin/descriptor.h"

namespace flame {
namespace {

using testing::HasSubstr;

flame_str str(const char *text) {
  return {text, strlen(text)};
}

// A C table that is right, to be broken by each test.
struct Table {
  flame_str choices[2] = {str("plain"), str("fused")};
  flame_str aliases[1] = {str("variant")};
  flame_str requirements[1] = {str("libcuda.so.1")};
  flame_option option = {};
  const flame_option *options[1] = {&option};
  flame_component component = {};
  const flame_component *components[1] = {&component};
  flame_plugin plugin = {};

  Table() {
    option.struct_size = sizeof option;
    option.type = FLAME_OPTION_CHOICE;
    option.choice_count = 2;
    option.alias_count = 1;
    option.name = str("mode");
    option.help = str("Which loop runs.");
    option.since = str("1.0.0");
    option.default_text = str("plain");
    option.choices = choices;
    option.aliases = aliases;
    component.struct_size = sizeof component;
    component.option_count = 1;
    component.kind = str("optimizer");
    component.id = str("adamw");
    component.summary = str("AdamW.");
    component.options = options;
    plugin.struct_size = sizeof plugin;
    plugin.id = str("org.example.fast");
    plugin.version = str("1.2.3");
    plugin.license = str("MIT");
    plugin.summary = str("Fast.");
    plugin.component_count = 1;
    plugin.requirement_count = 1;
    plugin.components = components;
    plugin.requirements = requirements;
    plugin.start = [](flame_call *) noexcept -> flame_status { return FLAME_OK; };
    plugin.stop = []() noexcept {};
    plugin.query = [](flame_str) noexcept -> const void * { return nullptr; };
  }
  std::string problem() const {
    const Result<PluginSpec> read = read_descriptor(plugin);
    return read.ok() ? "" : read.error().what;
  }
};

TEST(DescriptorTable, IsReadWhole) {
  const Table table;
  const Result<PluginSpec> spec = read_descriptor(table.plugin);
  ASSERT_TRUE(spec.ok()) << spec.error().what;
  EXPECT_EQ(spec->id, "org.example.fast");
  EXPECT_EQ(spec->requirements, std::vector<std::string>{"libcuda.so.1"});
  const OptionSpec *mode = spec->components.at(0).find_option("mode");
  ASSERT_TRUE(mode);
  EXPECT_EQ(mode->type, OptionType::kChoice);
  EXPECT_EQ(mode->choices, (std::vector<std::string>{"plain", "fused"}));
  EXPECT_EQ(mode->aliases, std::vector<std::string>{"variant"});
  EXPECT_EQ(mode->default_text, "plain");
}

TEST(DescriptorTable, TakesLongerStructsAndRefusesShorterAndAbsurdOnes) {
  Table table;
  table.plugin.struct_size += 64;
  table.option.struct_size += 8;
  EXPECT_EQ(table.problem(), "");
  for (const uint32_t size : {0u, 4u, uint32_t{sizeof(flame_plugin)} - 8, 0xffffffffu}) {
    table.plugin.struct_size = size;
    EXPECT_THAT(table.problem(), HasSubstr("flame_plugin.struct_size"));
  }
  Table short_option;
  short_option.option.struct_size = 100;
  EXPECT_THAT(short_option.problem(), HasSubstr("flame_option.struct_size is 100"));
  Table short_component;
  short_component.component.struct_size = 8;
  EXPECT_THAT(short_component.problem(), HasSubstr("flame_component.struct_size is 8"));
}

TEST(DescriptorTable, RefusesNullFunctions) {
  Table table;
  table.plugin.query = nullptr;
  EXPECT_THAT(table.problem(), HasSubstr("flame_plugin.query is null"));
  table.plugin.stop = nullptr;
  EXPECT_THAT(table.problem(), HasSubstr("flame_plugin.stop is null"));
  table.plugin.start = nullptr;
  EXPECT_THAT(table.problem(), HasSubstr("flame_plugin.start is null"));
}

TEST(DescriptorTable, RefusesNullArraysAndElements) {
  Table table;
  table.components[0] = nullptr;
  EXPECT_THAT(table.problem(), HasSubstr("component 0 is null"));
  table.plugin.components = nullptr;
  EXPECT_THAT(table.problem(), HasSubstr("array is null"));
  Table null_option;
  null_option.options[0] = nullptr;
  EXPECT_THAT(null_option.problem(), HasSubstr("option 0 is null"));
  Table null_choices;
  null_choices.option.choices = nullptr;
  EXPECT_THAT(null_choices.problem(), HasSubstr("array is null"));
  Table null_text;
  null_text.option.help = {nullptr, 5};
  EXPECT_THAT(null_text.problem(), HasSubstr("data is null"));
}

TEST(DescriptorTable, RefusesAbsurdCountsBeforeReadingThem) {
  Table components;
  components.plugin.component_count = 0xffffffff;
  EXPECT_THAT(components.problem(), HasSubstr("at most"));
  Table options;
  options.component.option_count = 1u << 30;
  EXPECT_THAT(options.problem(), HasSubstr("at most"));
  Table choices;
  choices.option.choice_count = 1u << 30;
  EXPECT_THAT(choices.problem(), HasSubstr("at most"));
  Table text;
  text.plugin.id.size = SIZE_MAX;
  EXPECT_THAT(text.problem(), HasSubstr("at most"));
}

TEST(DescriptorTable, RefusesUnknownTypesAndReservedBits) {
  for (const uint32_t type : {0u, 9u, 0xffffffffu}) {
    Table table;
    table.option.type = type;
    EXPECT_THAT(table.problem(), HasSubstr("is unknown"));
  }
  Table flags;
  flags.option.flags = 1u << 20;
  EXPECT_THAT(flags.problem(), HasSubstr("flags 0x100000"));
  flags.plugin.minor = FLAME_ABI_MINOR + 1;
  EXPECT_EQ(flags.problem(), "") << "a newer plugin may use bits that this host does not know";
  Table reserved;
  reserved.option.reserved = 7;
  EXPECT_THAT(reserved.problem(), HasSubstr("reserved is 7"));
}

TEST(DescriptorTable, TellsAnEmptyDefaultFromNone) {
  Table table;
  table.option.type = FLAME_OPTION_STRING;
  table.option.choice_count = 0;
  table.option.default_text = {nullptr, 0};
  EXPECT_FALSE(read_descriptor(table.plugin)->components[0].options[0].default_text.has_value());
  table.option.default_text = {"", 0};
  EXPECT_EQ(read_descriptor(table.plugin)->components[0].options[0].default_text, "");
}

TEST(DescriptorTable, ShowsUncheckedNamesWithoutControlCharacters) {
  Table table;
  table.plugin.id = str("org.\x1b[31mred");
  table.plugin.components = nullptr;
  EXPECT_THAT(table.problem(), HasSubstr("\\x1b"));
}

}  // namespace
}  // namespace flame
