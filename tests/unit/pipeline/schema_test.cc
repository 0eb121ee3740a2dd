#include "core/pipeline/schema.h"

#include <gmock/gmock.h>

#include "core/pipeline/option_schema.h"
#include "core/pipeline/page.h"
#include "core/pipeline/sections.h"
#include "core/train/schedule.h"
#include "tests/fixtures/sample_catalogue.h"

namespace flame {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(OptionSchema, HoldsTypeRangeDefaultAndHelp) {
  EXPECT_EQ(option_schema(Option("x", OptionType::kInt, "Of it.").in("px").least(1).most(8).is("2"))
                .dump(),
            R"({"description": "Of it. In px. Since 0.1.0.", "default": 2, "type": "integer", )"
            R"("minimum": 1, "maximum": 8})");
  EXPECT_EQ(option_schema(Option("x", OptionType::kFloat, "H.").above(0).is("1e-4")).dump(),
            R"({"description": "H. Since 0.1.0.", "default": 0.0001, "type": "number", )"
            R"("exclusiveMinimum": 0})");
}

TEST(OptionSchema, TakesOneScalarForAList) {
  const Json schema = option_schema(Option("x", OptionType::kInt, "H.").many().needed());
  EXPECT_EQ(schema.find("anyOf")->dump(),
            R"([{"type": "integer"}, {"type": "array", "items": {"type": "integer"}, )"
            R"("minItems": 1}])");
}

TEST(OptionSchema, TakesAChoiceAsTextAndAsWhatItLooksLike) {
  const Json schema =
      option_schema(Option("x", OptionType::kChoice, "H.").one_of({"8", "all", "true"}));
  EXPECT_EQ(schema.find("enum")->dump(), R"(["8", 8, "all", "true", true])");
}

TEST(OptionSchema, SaysWhatReplacesAnOldOption) {
  const Json schema = option_schema(test::decay());
  EXPECT_EQ(*schema.find("deprecationMessage")->as_string(), "use 'weight_decay' instead");
}

TEST(Schema, NamesEveryComponentOfAKind) {
  const Catalogue catalogue = test::sample_catalogue();
  const Json schema = pipeline_schema(Components(catalogue));
  const Json *model = schema.find("definitions")->find("model");
  EXPECT_EQ(model->find("properties")->find("use")->find("enum")->dump(),
            R"(["flux", "org.flamehost.flux/flux", "sdxl", "org.flamehost.sdxl/sdxl"])");
  EXPECT_NE(schema.find("definitions")->find("optimizer.adamw"), nullptr);
  EXPECT_NE(schema.find("definitions")->find("schedule.cosine"), nullptr);
}

TEST(Schema, RefusesEveryUseWhereNothingIsInstalled) {
  const Catalogue nothing;
  const Json schema = pipeline_schema(Components(nothing));
  const Json *use = schema.find("definitions")->find("model")->find("properties")->find("use");
  EXPECT_EQ(use->find("not")->dump(), "{}");
}

TEST(Schema, OfAnUnknownNameIsAnErrorWithTheNearest) {
  const Catalogue catalogue = test::sample_catalogue();
  const Result<Json> schema = schema_of("optimizer.adamv", Components(catalogue));
  ASSERT_FALSE(schema.ok());
  EXPECT_EQ(schema.error().hint, "did you mean 'optimizer.adamw'?");
  EXPECT_TRUE(schema_of("train.optimizer", Components(catalogue)).ok());
}

TEST(Page, ShowsEveryOptionOfAComponentOrSection) {
  const Catalogue catalogue = test::sample_catalogue();
  const Components components(catalogue);
  EXPECT_THAT(*page_of("optimizer.adamw", components),
              AllOf(HasSubstr("optimizer adamw: Adam with decoupled weight decay."),
                    HasSubstr("From org.flamehost.adamw 1.0.0, /plugins/adamw.so"),
                    HasSubstr("eps: a number above 0, default 1e-8\n      Under the root.\n"),
                    HasSubstr("Elsewhere: epsilon")));
  EXPECT_THAT(*page_of("train", components),
              AllOf(HasSubstr("steps: a whole number of 1 or more (steps), must be given"),
                    HasSubstr("optimizer: a section, must be given")));
  EXPECT_THAT(*page_of("model", components), HasSubstr("flux: Flux."));
  EXPECT_THAT(*page_of("backend.cuda", components), HasSubstr("In 'backend', which has options"));
  EXPECT_THAT(page_of("modle", components).error().hint, HasSubstr("'model'"));
}

TEST(Page, StandsForEveryNameOfTheSchema) {
  const Catalogue catalogue = test::sample_catalogue();
  const Components components(catalogue);
  for (const std::string &name : schema_names(components)) {
    EXPECT_TRUE(page_of(name, components).ok()) << name;
  }
}

TEST(BuiltInComponents, AreSchedulesThatTrainingKnows) {
  size_t schedules = 0;
  for (const ComponentSpec &component : built_in_components()) {
    if (component.kind != "schedule") continue;
    EXPECT_TRUE(schedule_kind(component.id)) << component.id;
    ++schedules;
  }
  EXPECT_EQ(schedules, 5u);
  EXPECT_FALSE(schedule_kind("cosin"));
}

}  // namespace
}  // namespace flame
