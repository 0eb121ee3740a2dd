#include "core/base/utf8.h"

#include <gtest/gtest.h>

namespace flame {
namespace {

TEST(Utf8, TakesTheFirstAndLastCharacterOfEveryLength) {
  for (const char *text :
       {"\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
        "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
}

TEST(Utf8, NamesTheFirstWrongByte) {
  EXPECT_EQ(find_invalid_utf8("ab\xff"), 2u);
  EXPECT_EQ(find_invalid_utf8("\xc3\xa9\x80"), 2u);
}

TEST(Utf8, RefusesOverlongFormsSurrogatesAndNumbersBeyondTheLast) {
  for (const char *text : {"\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
                           "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80"}) {
    EXPECT_EQ(find_invalid_utf8(text), 0u) << text;
  }
}

TEST(Utf8, RefusesEveryTruncatedCharacter) {
  for (const char *text : {"\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xe2", "\xf0"}) {
    EXPECT_EQ(find_invalid_utf8(text), 0u) << text;
  }
}

TEST(Utf8, FindsControlCharacters) {
  EXPECT_TRUE(has_control_characters("a\tb"));
  EXPECT_TRUE(has_control_characters(std::string_view("a\0b", 3)));
  EXPECT_TRUE(has_control_characters("\x1b[31m"));
  EXPECT_TRUE(has_control_characters("\xc2\x9b"));
  EXPECT_FALSE(has_control_characters("é ü 漢 ~"));
}

}  // namespace
}  // namespace flame
