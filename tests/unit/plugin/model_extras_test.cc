// What models say of files and of text: taken if it is right, kBadPlugin if it cannot be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_model.h"

namespace flame {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ModelExtras, GivesLayoutsAndWhereParametersStand) {
  const auto model = test::fake_model(8);
  ASSERT_TRUE(model.ok()) << model.error().text();
  ASSERT_EQ(model->layouts().size(), 2u);
  EXPECT_EQ(model->layouts()[1].name, "old");
  EXPECT_THAT(model->layouts()[1].prefixes, ElementsAre("model.", ""));
  EXPECT_THAT(model->layouts()[1].ignored, ElementsAre("ids.*"));
  const auto source = model->source(1, "attn.k.weight", Shape{8, 8});
  ASSERT_TRUE(source.ok()) << source.error().text();
  EXPECT_EQ(source->key, "qk.weight");
  EXPECT_EQ(source->first_row, 8);
  EXPECT_FALSE(source->is_whole());
  EXPECT_TRUE(source->keeps_order());
  EXPECT_FALSE(model->source(0, "conv.weight", Shape{8, 3, 3, 4})->keeps_order());
}

TEST(ModelExtras, AModelWithoutLayoutsHasItsParametersAsTheyAre) {
  const auto model = test::fake_model(8, "plain");
  ASSERT_TRUE(model.ok());
  ASSERT_EQ(model->layouts().size(), 1u);
  const auto source = model->source(0, "conv.weight", Shape{8, 3, 3, 4});
  ASSERT_TRUE(source.ok());
  EXPECT_EQ(source->key, "conv.weight");
  EXPECT_TRUE(source->is_whole());
}

TEST(ModelExtras, LayoutsThatBreakTheContractAreTold) {
  for (const char *fault :
       {"endless", "same-names", "no-name", "summary", "no-prefix", "null-prefixes"}) {
    const auto model = test::fake_model(8, fault);
    ASSERT_FALSE(model.ok()) << fault;
    EXPECT_EQ(model.error().kind, ErrorKind::kBadPlugin) << fault;
    EXPECT_THAT(model.error().what, HasSubstr("org.example.fake")) << fault;
  }
}

TEST(ModelExtras, SourcesThatBreakTheContractAreTold) {
  for (const char *fault :
       {"no-key", "rank", "null-shape", "axes", "far-axis", "rows", "many-rows", "few-rows"}) {
    const auto model = test::fake_model(8, fault);
    ASSERT_TRUE(model.ok()) << fault;
    const auto source = model->source(0, "conv.weight", Shape{8, 3, 3, 4});
    ASSERT_FALSE(source.ok()) << fault;
    EXPECT_EQ(source.error().kind, ErrorKind::kBadPlugin) << fault;
    EXPECT_THAT(source.error().what, HasSubstr("conv.weight")) << fault;
  }
}

TEST(ModelExtras, ReadsText) {
  const auto model = test::fake_model(8);
  ASSERT_TRUE(model.ok());
  const auto rows = model->tokenize("abc", 1);
  ASSERT_TRUE(rows.ok()) << rows.error().text();
  EXPECT_THAT(rows->ids, ElementsAre(3, 3, 3, 3));
  for (const char *fault : {"no-rows", "too-many-rows", "no-length", "no-ids", "keeps"}) {
    const auto broken = test::fake_model(8, fault);
    ASSERT_TRUE(broken.ok()) << fault;
    const auto answer = broken->tokenize("abc", 1);
    ASSERT_FALSE(answer.ok()) << fault;
    EXPECT_EQ(answer.error().kind, ErrorKind::kBadPlugin) << fault;
  }
}

}  // namespace
}  // namespace flame
