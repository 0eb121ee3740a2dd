#include "flame/options.hpp"

#include <gmock/gmock.h>

#include "fake_host.h"

namespace {

using flame_test::text;

enum class Mode {
  kFast,
  kExact
};

struct Options {
  int64_t rank = 8;
  uint8_t small = 3;
  double momentum = 0.9;
  float rate = 0.1f;
  bool nesterov = false;
  std::string name = "run";
  std::string path;
  std::optional<double> alpha;
  std::vector<int64_t> widths = {64, 32};
  std::vector<std::string> only;
  std::string precision = "f16";
  Mode mode = Mode::kExact;
  uint64_t memory = uint64_t{3} << 29;
  double timeout = 90;
  int64_t depth = 12;

  void describe(flame::OptionTable &table) {
    table.integer("rank", rank, "Rank.").range(1, 64).unit("rows").alias("dim").since("0.2.0");
    table.integer("small", small, "A small number.");
    table.number("momentum", momentum, "Momentum.").minimum(0).maximum(1);
    table.number("rate", rate, "Rate.").above(0).deprecated_by("momentum");
    table.flag("nesterov", nesterov, "Nesterov.");
    table.string("name", name, "Name.");
    table.path("path", path, "Path.").required();
    table.number("alpha", alpha, "Alpha.");
    table.integer("widths", widths, "Widths.").minimum(1);
    table.string("only", only, "Only.");
    table.choice("precision", precision, {"f16", "f32"}, "Precision.");
    table.choice("mode", mode, {{"fast", Mode::kFast}, {"exact", Mode::kExact}}, "Mode.");
    table.size("memory", memory, "Memory.");
    table.configuration([&] { table.integer("depth", depth, "Depth.").minimum(1); });
    table.duration("timeout", timeout, "Timeout.");
  }
};

struct Table {
  Table() { options.describe(table); }
  Options options;
  flame::OptionTable table;

  const flame::Option &find(std::string_view name) const {
    for (const flame::Option &option : table.options()) {
      if (option.name() == name) return option;
    }
    throw std::out_of_range("no such option");
  }

  std::string default_of(std::string_view name) const {
    const flame::OptionDescriptor descriptor(find(name));
    const flame_str value = descriptor.get()->default_text;
    return value.data ? text(value) : "(none)";
  }

  // What read() says of these values, "" if it takes them.
  std::string read(std::vector<flame::Attribute> values, bool with_path = true) {
    if (with_path) values.emplace_back("path", "/a");
    const flame::AttributeArray given(values);
    try {
      table.read(flame::Attributes(given.data(), given.size()));
    } catch (const flame::Error &error) {
      EXPECT_EQ(error.status(), FLAME_ERROR_INVALID_ARGUMENT);
      return error.what();
    }
    return "";
  }
};

TEST(OptionDescriptor, HasWhatTheTableSays) {
  const Table table;
  const flame::OptionDescriptor descriptor(table.find("rank"));
  const flame_option &option = *descriptor.get();
  EXPECT_EQ(option.struct_size, sizeof option);
  EXPECT_EQ(option.type, FLAME_OPTION_INT);
  EXPECT_EQ(option.flags, FLAME_OPTION_MINIMUM | FLAME_OPTION_MAXIMUM);
  EXPECT_EQ(option.minimum, 1);
  EXPECT_EQ(option.maximum, 64);
  EXPECT_EQ(text(option.unit), "rows");
  EXPECT_EQ(text(option.since), "0.2.0");
  EXPECT_EQ(text(option.help), "Rank.");
  ASSERT_EQ(option.alias_count, 1u);
  EXPECT_EQ(text(option.aliases[0]), "dim");
  EXPECT_EQ(option.reserved, 0u);
}

TEST(OptionDescriptor, SaysRequiredExclusiveAndDeprecated) {
  const Table table;
  const flame::OptionDescriptor path(table.find("path")), rate(table.find("rate"));
  EXPECT_EQ(path.get()->flags, FLAME_OPTION_REQUIRED);
  EXPECT_EQ(path.get()->default_text.data, nullptr);
  EXPECT_EQ(rate.get()->flags, FLAME_OPTION_MINIMUM | FLAME_OPTION_EXCLUSIVE_MINIMUM);
  EXPECT_EQ(text(rate.get()->deprecated_by), "momentum");
}

TEST(OptionDescriptor, SaysWhatStandsInFilesOfAModel) {
  const Table table;
  const flame::OptionDescriptor depth(table.find("depth")), timeout(table.find("timeout"));
  EXPECT_EQ(depth.get()->flags, FLAME_OPTION_MINIMUM | FLAME_OPTION_CONFIGURATION);
  EXPECT_EQ(timeout.get()->flags, 0u);
}

TEST(OptionDescriptor, ListsTheChoices) {
  const Table table;
  const flame::OptionDescriptor mode(table.find("mode"));
  ASSERT_EQ(mode.get()->choice_count, 2u);
  EXPECT_EQ(text(mode.get()->choices[0]), "fast");
  EXPECT_EQ(text(mode.get()->choices[1]), "exact");
  EXPECT_EQ(mode.get()->type, FLAME_OPTION_CHOICE);
}

TEST(OptionDescriptor, TakesTheDefaultsFromTheMembers) {
  const Table table;
  EXPECT_EQ(table.default_of("rank"), "8");
  EXPECT_EQ(table.default_of("small"), "3");
  EXPECT_EQ(table.default_of("rate"), "0.1");
  EXPECT_EQ(table.default_of("nesterov"), "false");
  EXPECT_EQ(table.default_of("alpha"), "(none)");
  EXPECT_EQ(table.default_of("widths"), "64, 32");
  EXPECT_EQ(table.default_of("only"), "");
  EXPECT_EQ(table.default_of("mode"), "exact");
  EXPECT_EQ(table.default_of("memory"), "1536MiB");
  EXPECT_EQ(table.default_of("timeout"), "90s");
}

TEST(OptionTable, FillsTheMembers) {
  Table table;
  EXPECT_EQ(table.read({{"rank", 4},
                        {"rate", 0.5},
                        {"nesterov", true},
                        {"alpha", 2.0},
                        {"widths", {7}},
                        {"only", std::vector<std::string>{"a", "b"}},
                        {"precision", "f32"},
                        {"mode", "fast"},
                        {"memory", 1024},
                        {"timeout", 1.5}}),
            "");
  EXPECT_EQ(table.options.rank, 4);
  EXPECT_EQ(table.options.rate, 0.5f);
  EXPECT_TRUE(table.options.nesterov);
  EXPECT_EQ(table.options.alpha, 2.0);
  EXPECT_THAT(table.options.widths, testing::ElementsAre(7));
  EXPECT_THAT(table.options.only, testing::ElementsAre("a", "b"));
  EXPECT_EQ(table.options.precision, "f32");
  EXPECT_EQ(table.options.mode, Mode::kFast);
  EXPECT_EQ(table.options.memory, 1024u);
  EXPECT_EQ(table.options.timeout, 1.5);
  EXPECT_EQ(table.options.momentum, 0.9) << "what is not given keeps its default";
}

TEST(OptionTable, RefusesAnOptionThatIsNotInIt) {
  EXPECT_THAT(Table().read({{"momentun", 0.5}}), testing::HasSubstr("no option 'momentun'"));
}

TEST(OptionTable, RefusesAMissingRequiredOption) {
  EXPECT_THAT(Table().read({}, false), testing::HasSubstr("'path' is missing"));
}

TEST(OptionTable, RefusesAnotherKind) {
  EXPECT_EQ(Table().read({{"rank", 4.0}}), "'rank' is a number, but an integer was expected");
  EXPECT_EQ(Table().read({{"widths", 4}}),
            "'widths' is an integer, but a list of integers was expected");
}

TEST(OptionTable, RefusesValuesOutOfTheirRange) {
  EXPECT_THAT(Table().read({{"rank", 0}}), testing::HasSubstr("out of its range"));
  EXPECT_THAT(Table().read({{"rank", 65}}), testing::HasSubstr("out of its range"));
  EXPECT_THAT(Table().read({{"rate", 0.0}}), testing::HasSubstr("out of its range"));
  EXPECT_THAT(Table().read({{"momentum", std::nan("")}}), testing::HasSubstr("out of its range"));
  EXPECT_THAT(Table().read({{"widths", {3, 0}}}), testing::HasSubstr("out of its range"));
}

TEST(OptionTable, RefusesIntegersThatDoNotFitTheMember) {
  EXPECT_THAT(Table().read({{"small", 256}}), testing::HasSubstr("out of its range"));
  EXPECT_THAT(Table().read({{"small", -1}}), testing::HasSubstr("out of its range"));
  EXPECT_THAT(Table().read({{"memory", -1}}), testing::HasSubstr("out of its range"));
  EXPECT_EQ(Table().read({{"small", 255}}), "");
}

TEST(OptionTable, RefusesWhatIsNoChoice) {
  EXPECT_THAT(Table().read({{"precision", "f64"}}), testing::HasSubstr("none of its choices"));
  EXPECT_THAT(Table().read({{"mode", "slow"}}), testing::HasSubstr("none of its choices"));
}

}  // namespace
