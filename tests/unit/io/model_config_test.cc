// Published configurations as options.
#include "core/io/model_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flame {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

OptionSpec option(std::string name, OptionType type, bool list = false) {
  OptionSpec spec;
  spec.name = std::move(name);
  spec.type = type;
  spec.list = list;
  spec.default_text = list ? "" : type == OptionType::kString ? "" : "0";
  return spec;
}

ComponentSpec component() {
  ComponentSpec made{"model", "net", "A net.", {}};
  made.options = {option("width", OptionType::kInt), option("eps", OptionType::kFloat),
                  option("widths", OptionType::kInt, true), option("act", OptionType::kString)};
  made.options.front().minimum = 1;
  return made;
}

Result<std::vector<OptionValue>> read(std::string_view text) {
  const auto json = parse_json(text, "config.json");
  EXPECT_TRUE(json.ok());
  return read_model_config(*json, component(), "config.json");
}

TEST(ModelConfig, TakesPublishedNamesAndPassesOverTheFrameworks) {
  const auto values = read(R"({"_class_name": "Net", "_diffusers_version": "0.30", "width": 8,
      "eps": 1e-05, "widths": [1, 2], "act": "silu", "architectures": ["Net"], "torch_dtype": "float16",
      "initializer_range": 0.02, "transformers_version": "4", "unused": null, "off": false, "none": 0,
      "dropout": 0.0, "empty": [], "gradient_checkpointing": true})");
  ASSERT_TRUE(values.ok()) << values.error().text();
  ASSERT_EQ(values->size(), 4u);
  EXPECT_EQ(std::get<double>((*values)[1].items.front()), 1e-5);
  EXPECT_EQ((*values)[2].items.size(), 2u);
}

TEST(ModelConfig, AScalarIsAListOfOneAndNullIsNoValue) {
  const auto values = read(R"({"widths": 3, "act": null})");
  ASSERT_TRUE(values.ok()) << values.error().text();
  ASSERT_EQ(values->size(), 1u);
  EXPECT_EQ(std::get<int64_t>(values->front().items.front()), 3);
}

TEST(ModelConfig, NamesEverythingThatIsWrongAtOnce) {
  const auto values = read(R"({"widht": 8, "width": 0, "eps": "x", "act": 3, "widths": [[1]],
      "magic": true, "other": {"a": 1}})");
  ASSERT_FALSE(values.ok());
  EXPECT_EQ(values.error().kind, ErrorKind::kBadConfig);
  EXPECT_THAT(values.error().what,
              AllOf(HasSubstr("config.json"), HasSubstr("did you mean 'width'"), HasSubstr("eps"),
                    HasSubstr("widths"), HasSubstr("magic"), HasSubstr("other")));
  EXPECT_FALSE(read("[]").ok());
}

TEST(ModelConfig, FillsInDefaultsAndMissesWhatMustBeGiven) {
  ComponentSpec spec = component();
  const auto list = model_options(spec, {{"width", false, {int64_t{4}}}});
  ASSERT_TRUE(list.ok());
  EXPECT_EQ(list->size(), 4u);
  spec.options.front().required = true;
  spec.options.front().default_text.reset();
  const auto missing = model_options(spec, {});
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().what, HasSubstr("width"));
}

}  // namespace
}  // namespace flame
