#include "core/pipeline/settings_list.h"

#include <gmock/gmock.h>

#include "tests/fixtures/sample_catalogue.h"

namespace flame {
namespace {

using test::sample_catalogue;
using test::sample_pipeline;
using testing::ElementsAre;
using testing::IsEmpty;

Pipeline pipeline(std::vector<std::string> overrides = {}, std::string text = sample_pipeline()) {
  CheckedPipeline checked = check_pipeline(
      {"/work space/p.yaml", std::move(text), std::move(overrides)}, sample_catalogue());
  EXPECT_TRUE(checked.pipeline.has_value());
  return *checked.pipeline;
}

std::vector<std::string> changes(std::vector<std::string> before, std::vector<std::string> after) {
  std::vector<std::string> texts;
  for (const ChangedSetting &change : changed_settings(settings_list(pipeline(std::move(before))),
                                                       settings_list(pipeline(std::move(after)))))
    texts.push_back(change.text());
  return texts;
}

TEST(SettingsList, HoldsEveryValueByItsPlaceInTheFile) {
  const Json list = settings_list(pipeline({"train.batch=2"}));
  ASSERT_TRUE(list.as_object());
  ASSERT_TRUE(list.find("train.batch"));
  EXPECT_EQ(*list.find("train.batch")->as_int(), 2);
  EXPECT_EQ(*list.find("train.keep")->as_int(), 3) << "defaults too";
  ASSERT_TRUE(list.find("train.optimizer.use"));
  EXPECT_THAT(*list.find("train.optimizer.use")->as_string(), testing::EndsWith("/adamw"));
  EXPECT_TRUE(parse_json(list.dump(), "list").ok());
}

TEST(SettingsList, ShowsWhatChanged) {
  EXPECT_THAT(changes({}, {}), IsEmpty());
  EXPECT_THAT(changes({"train.batch=1", "seed=4"}, {"train.batch=2", "seed=5"}),
              ElementsAre("seed: 4 -> 5", "train.batch: 1 -> 2"));
  EXPECT_THAT(changes({}, {"sample.seed=3"}), ElementsAre("sample.seed: unset -> 3"));
  EXPECT_THAT(changes({"sample.seed=3"}, {}), ElementsAre("sample.seed: 3 -> unset"));
}

TEST(SettingsList, ChangesFreelyWhatChangesNoStep) {
  std::string text = sample_pipeline();
  const size_t schedule = text.find("  schedule:");
  text.erase(schedule, text.find("sample:") - schedule);
  const Pipeline constant = pipeline({}, text), cosine = pipeline();
  EXPECT_TRUE(may_change_freely(constant, "train.steps"));
  EXPECT_FALSE(may_change_freely(cosine, "train.steps"))
      << "the rate of every step follows from it";
  for (const char *key : {"run", "train.checkpoint_every", "train.keep", "sample.prompts",
                          "export.0.path", "model.weights"})
    EXPECT_TRUE(may_change_freely(cosine, key)) << key;
  for (const char *key :
       {"seed", "train.batch", "train.optimizer.lr", "train.optimizer.use", "data.caption_dropout",
        "backend.precision", "sample.loras.0.path", "no.such.key"})
    EXPECT_FALSE(may_change_freely(constant, key)) << key;
}

}  // namespace
}  // namespace flame
