#include "core/plugin/option_value.h"

#include <gmock/gmock.h>

#include "core/plugin/quantity_text.h"

namespace flame {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

OptionSpec spec_of(OptionType type) {
  OptionSpec spec;
  spec.name = "x";
  spec.type = type;
  return spec;
}

template <typename T>
T read(const OptionSpec &spec, std::string_view text, bool quoted = false) {
  const Result<Scalar> value = parse_scalar(spec, text, quoted);
  if (!value.ok()) {
    ADD_FAILURE() << value.error().text();
    return T{};
  }
  return std::get<T>(*value);
}

std::string refusal(const OptionSpec &spec, std::string_view text, bool quoted = false) {
  const Result<Scalar> value = parse_scalar(spec, text, quoted);
  if (!value.ok()) return value.error().text();
  ADD_FAILURE() << "'" << text << "' was taken";
  return {};
}

TEST(OptionValue, ReadsWholeNumbers) {
  const OptionSpec spec = spec_of(OptionType::kInt);
  EXPECT_EQ(read<int64_t>(spec, "0"), 0);
  EXPECT_EQ(read<int64_t>(spec, "-7"), -7);
  EXPECT_EQ(read<int64_t>(spec, "+7"), 7);
  EXPECT_EQ(read<int64_t>(spec, "9223372036854775807"), INT64_MAX);
  EXPECT_EQ(read<int64_t>(spec, "-9223372036854775808"), INT64_MIN);
}

TEST(OptionValue, NeverReadsALeadingZeroAsOctal) {
  EXPECT_EQ(refusal(spec_of(OptionType::kInt), "010"),
            "'010' is not a whole number: write 10, numbers have no leading zeros");
  EXPECT_THAT(refusal(spec_of(OptionType::kInt), "-007"), HasSubstr("write -7,"));
  EXPECT_THAT(refusal(spec_of(OptionType::kFloat), "01.5"), HasSubstr("write 1.5,"));
  EXPECT_THAT(refusal(spec_of(OptionType::kSize), "010GiB"), HasSubstr("write 10,"));
}

TEST(OptionValue, SaysWhatToWriteForOtherBases) {
  EXPECT_THAT(refusal(spec_of(OptionType::kInt), "0x10"), HasSubstr("write 16, numbers are"));
  EXPECT_THAT(refusal(spec_of(OptionType::kInt), "0o17"), HasSubstr("write 15"));
  EXPECT_THAT(refusal(spec_of(OptionType::kFloat), "-0b11"), HasSubstr("write -3"));
}

TEST(OptionValue, SaysWhatToWriteForNumbersThatAreNearlyWhole) {
  const OptionSpec spec = spec_of(OptionType::kInt);
  EXPECT_THAT(refusal(spec, "1_000"), HasSubstr("write 1000, without '_'"));
  EXPECT_THAT(refusal(spec, "16.0"), HasSubstr("write 16, without '.' or exponent"));
  EXPECT_THAT(refusal(spec, "1e3"), HasSubstr("write 1000"));
  EXPECT_THAT(refusal(spec, "1.5"), HasSubstr("no whole number"));
  EXPECT_THAT(refusal(spec, "1,000"), HasSubstr("no other separator"));
  EXPECT_THAT(refusal(spec, "100 steps"), HasSubstr("without ' steps'"));
  EXPECT_THAT(refusal(spec, "9223372036854775808"), HasSubstr("64 bits"));
  EXPECT_EQ(refusal(spec, "many"), "'many' is not a whole number");
  EXPECT_EQ(refusal(spec, ""), "'' is not a whole number");
  EXPECT_EQ(refusal(spec, "-"), "'-' is not a whole number");
}

TEST(OptionValue, ReadsNumbersWithFractionAndExponent) {
  const OptionSpec spec = spec_of(OptionType::kFloat);
  EXPECT_EQ(read<double>(spec, "1e-4"), 1e-4);
  EXPECT_EQ(read<double>(spec, "1E+2"), 100);
  EXPECT_EQ(read<double>(spec, "-0.5"), -0.5);
  EXPECT_EQ(read<double>(spec, ".5"), 0.5);
  EXPECT_EQ(read<double>(spec, "5."), 5);
  EXPECT_EQ(read<double>(spec, "16"), 16);
}

TEST(OptionValue, RefusesNumbersThatAreNotFinite) {
  const OptionSpec spec = spec_of(OptionType::kFloat);
  for (const char *text : {"nan", ".nan", "inf", "-.inf", "+Infinity"}) {
    EXPECT_THAT(refusal(spec, text), HasSubstr("numbers are finite")) << text;
  }
  EXPECT_THAT(refusal(spec, "1e400"), HasSubstr("too large"));
  EXPECT_THAT(refusal(spec, "1e-400"), HasSubstr("too small"));
  for (const char *text : {"", ".", "-", "e5", "1e", "1e+", "1.2.3", "--1", "1_0_", "0x1p3"}) {
    EXPECT_FALSE(parse_scalar(spec, text, false).ok()) << text;
  }
}

TEST(OptionValue, ReadsTrueAndFalseAlone) {
  const OptionSpec spec = spec_of(OptionType::kBool);
  EXPECT_TRUE(read<bool>(spec, "true"));
  EXPECT_FALSE(read<bool>(spec, "false"));
  EXPECT_EQ(refusal(spec, "no"), "'no' is not true or false: write false");
  EXPECT_EQ(refusal(spec, "YES"), "'YES' is not true or false: write true");
  EXPECT_THAT(refusal(spec, "on"), HasSubstr("write true"));
  EXPECT_THAT(refusal(spec, "True"), HasSubstr("write true"));
  EXPECT_THAT(refusal(spec, "flase"), HasSubstr("did you mean 'false'?"));
}

TEST(OptionValue, QuotedTextIsAStringAndNoNumber) {
  EXPECT_THAT(refusal(spec_of(OptionType::kInt), "16", true), HasSubstr("without quotes"));
  EXPECT_THAT(refusal(spec_of(OptionType::kFloat), "1.5", true), HasSubstr("without quotes"));
  EXPECT_THAT(refusal(spec_of(OptionType::kBool), "true", true), HasSubstr("without quotes"));
  EXPECT_THAT(refusal(spec_of(OptionType::kSize), "1024", true), HasSubstr("without quotes"));
  EXPECT_EQ(read<std::string>(spec_of(OptionType::kString), "no", true), "no");
}

TEST(OptionValue, TakesAnyTextForAString) {
  const OptionSpec spec = spec_of(OptionType::kString);
  for (const char *text : {"no", "010", "1e-4", "", "a photo"}) {
    EXPECT_EQ(read<std::string>(spec, text), text);
  }
}

TEST(OptionValue, RefusesAnEmptyPath) {
  EXPECT_THAT(refusal(spec_of(OptionType::kPath), "", true), HasSubstr("empty"));
  EXPECT_THAT(refusal(spec_of(OptionType::kPath), "a\nb", true), HasSubstr("more than one line"));
  EXPECT_THAT(refusal(spec_of(OptionType::kPath), "~/models"), HasSubstr("not expanded"));
  EXPECT_EQ(read<std::string>(spec_of(OptionType::kPath), "a b/c"), "a b/c");
}

TEST(OptionValue, ReadsSizesWithTheirUnits) {
  const OptionSpec spec = spec_of(OptionType::kSize);
  EXPECT_EQ(read<int64_t>(spec, "22GiB"), 22LL << 30);
  EXPECT_EQ(read<int64_t>(spec, "512MiB"), 512 << 20);
  EXPECT_EQ(read<int64_t>(spec, "1.5GB"), 1500000000);
  EXPECT_EQ(read<int64_t>(spec, "2TiB"), 2LL << 40);
  EXPECT_EQ(read<int64_t>(spec, "4096"), 4096);
  EXPECT_EQ(read<int64_t>(spec, "4096B"), 4096);
  EXPECT_EQ(read<int64_t>(spec, "22GiB", true), 22LL << 30);
}

TEST(OptionValue, SaysHowToWriteASize) {
  const OptionSpec spec = spec_of(OptionType::kSize);
  EXPECT_THAT(refusal(spec, "22G"), HasSubstr("write 22GiB"));
  EXPECT_THAT(refusal(spec, "22 GiB"), HasSubstr("write 22GiB"));
  EXPECT_THAT(refusal(spec, "22gb"), HasSubstr("write 22GB"));
  EXPECT_THAT(refusal(spec, "22m"), HasSubstr("write 22MiB"));
  EXPECT_THAT(refusal(spec, "1.5B"), HasSubstr("no fraction"));
  EXPECT_THAT(refusal(spec, "1.5"), HasSubstr("a unit is missing"));
  EXPECT_THAT(refusal(spec, "-1GiB"), HasSubstr("sign"));
  EXPECT_THAT(refusal(spec, "-1"), HasSubstr("sign"));
  EXPECT_THAT(refusal(spec, "9999999TiB"), HasSubstr("64 bits"));
  EXPECT_THAT(refusal(spec, "22stone"), HasSubstr("'stone' is no unit"));
  EXPECT_THAT(refusal(spec, "much"), HasSubstr("a size such as 22GiB"));
}

TEST(OptionValue, ReadsTimesWithTheirUnits) {
  const OptionSpec spec = spec_of(OptionType::kDuration);
  EXPECT_EQ(read<double>(spec, "90s"), 90);
  EXPECT_EQ(read<double>(spec, "5min"), 300);
  EXPECT_EQ(read<double>(spec, "2h"), 7200);
  EXPECT_EQ(read<double>(spec, "1d"), 86400);
  EXPECT_EQ(read<double>(spec, "500ms"), 0.5);
  EXPECT_THAT(refusal(spec, "90"), HasSubstr("a unit is missing"));
  EXPECT_THAT(refusal(spec, "5m"), HasSubstr("write 5min"));
  EXPECT_THAT(refusal(spec, "2 hours"), HasSubstr("write 2h"));
  EXPECT_THAT(refusal(spec, "1h30min"), HasSubstr("is no unit"));
}

TEST(OptionValue, ReadsOneOfTheChoices) {
  OptionSpec spec = spec_of(OptionType::kChoice);
  spec.choices = {"f32", "bf16", "f16"};
  EXPECT_EQ(read<std::string>(spec, "bf16"), "bf16");
  EXPECT_EQ(read<std::string>(spec, "bf16", true), "bf16");
  EXPECT_EQ(refusal(spec, "bf61"),
            "'bf61' is not one of f32, bf16, f16\n  did you mean 'bf16' or 'f16'?");
  EXPECT_THAT(refusal(spec, "BF16"), HasSubstr("did you mean 'bf16'"));
}

TEST(OptionValue, HoldsTheRangeAtItsEdges) {
  OptionSpec spec = spec_of(OptionType::kInt);
  spec.minimum = 1;
  spec.maximum = 8;
  EXPECT_EQ(read<int64_t>(spec, "1"), 1);
  EXPECT_EQ(read<int64_t>(spec, "8"), 8);
  EXPECT_EQ(refusal(spec, "0"), "'0' is not a whole number from 1 to 8");
  EXPECT_EQ(refusal(spec, "9"), "'9' is not a whole number from 1 to 8");

  OptionSpec above = spec_of(OptionType::kFloat);
  above.minimum = 0;
  above.exclusive_minimum = true;
  EXPECT_EQ(read<double>(above, "1e-300"), 1e-300);
  EXPECT_EQ(refusal(above, "0"), "'0' is not a number above 0");
  above.maximum = 1;
  EXPECT_EQ(refusal(above, "1.5"), "'1.5' is not a number above 0 and at most 1");

  OptionSpec size = spec_of(OptionType::kSize);
  size.minimum = 1 << 20;
  EXPECT_EQ(refusal(size, "1KiB"), "'1KiB' is not a size such as 22GiB, of 1MiB or more");
  EXPECT_THAT(refusal(size, "12"), HasSubstr("of 1MiB or more"));
}

TEST(OptionValue, ShowsControlCharactersAndLongTextSafely) {
  const std::string text = refusal(spec_of(OptionType::kInt), "\x1b[31m" + std::string(500, 'x'));
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_LT(text.size(), 120u);
}

TEST(OptionValue, GivesTheValueOfADefault) {
  OptionSpec spec = spec_of(OptionType::kFloat);
  EXPECT_THAT(default_value(spec).items, IsEmpty());
  spec.list = true;
  spec.default_text = "0.9, 0.999";
  const OptionValue value = default_value(spec);
  EXPECT_TRUE(value.list);
  EXPECT_THAT(value.items, testing::ElementsAre(Scalar(0.9), Scalar(0.999)));
  spec.default_text = "";
  EXPECT_THAT(default_value(spec).items, IsEmpty());
  OptionSpec text = spec_of(OptionType::kString);
  text.default_text = "";
  EXPECT_THAT(default_value(text).items, testing::ElementsAre(Scalar(std::string())));
}

TEST(QuantityText, WritesWhatTheReaderTakesBack) {
  EXPECT_EQ(size_text(22LL << 30), "22GiB");
  EXPECT_EQ(size_text(1500000000), "1500MB");
  EXPECT_EQ(size_text(0), "0B");
  EXPECT_EQ(size_text(4097), "4097B");
  EXPECT_EQ(duration_text(90), "90s");
  EXPECT_EQ(duration_text(300), "5min");
  EXPECT_EQ(duration_text(0.5), "500ms");
  EXPECT_EQ(duration_text(86400), "1d");
  EXPECT_EQ(duration_text(0), "0s");
}

}  // namespace
}  // namespace flame
