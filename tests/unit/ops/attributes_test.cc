// Attributes share their entries with copies, and never what is changed.
#include "core/ops/catalogue/attributes.h"

#include <gmock/gmock.h>

#include <cmath>

namespace flame {
namespace {

TEST(Attributes, AChangedCopyLeavesTheOtherAlone) {
  Attributes first = {{"axis", int64_t{1}}, {"kind", "max"}};
  Attributes second = first;
  EXPECT_EQ(&first.entries(), &second.entries());
  second.set("axis", int64_t{2});
  EXPECT_EQ(first.integer("axis"), 1);
  EXPECT_EQ(second.integer("axis"), 2);
  EXPECT_EQ(second.text("kind"), "max");
  EXPECT_NE(first, second);
  first.set("axis", int64_t{2});
  EXPECT_EQ(first, second);
}

TEST(Attributes, SettingWhatIsThereKeepsItShared) {
  const Attributes first = {{"axes", std::vector<int64_t>{1, 2}}};
  Attributes second = first;
  second.set("axes", std::vector<int64_t>{1, 2});
  EXPECT_EQ(&first.entries(), &second.entries());
}

TEST(Attributes, AZeroThatIsNegativeReplacesOneThatIsNot) {
  Attributes attributes = {{"value", 0.0}};
  attributes.set("value", -0.0);
  EXPECT_TRUE(std::signbit(attributes.number("value")));
}

TEST(Attributes, EmptyOnesAreEqualHoweverTheyCameAbout) {
  EXPECT_EQ(Attributes(), Attributes(std::initializer_list<Attributes::Entry>{}));
  EXPECT_EQ(Attributes().find("axis"), nullptr);
  Attributes made;
  made.set("axis", int64_t{1});
  EXPECT_NE(made, Attributes());
  EXPECT_EQ(made.entries().size(), 1u);
}

}  // namespace
}  // namespace flame
