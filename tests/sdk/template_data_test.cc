// The template's data sources do what they say, on good folders and on hostile ones.
#include "template_plugin.h"

namespace {

using flame_test::Folder;
using flame_test::Loaded;
using flame_test::text;
using testing::ElementsAre;
using testing::HasSubstr;

class TemplateData : public testing::Test {
 protected:
  using Source = Loaded<flame_data_source_interface>;

  static flame_field field_of(Source &source, flame_data_source *made, uint64_t example,
                              uint32_t index) {
    flame_field field = {};
    field.struct_size = sizeof field;
    EXPECT_EQ(source->describe_field(made, source.call, example, {0, 0}, index, &field), FLAME_OK)
        << source.call.message;
    return field;
  }

  Folder folder;
};

TEST_F(TemplateData, ReadsPicturesInTheOrderOfTheirNames) {
  folder.write("b.pgm", "P5 1 2 255\nxy");
  folder.write("a dog.ppm", "P6\n# made by hand\n2 1\n255\nabcdef");
  folder.write("notes.txt", "no picture");
  Source source("data", FLAME_DATA_SOURCE_ID);
  auto *made =
      source.create<flame_data_source>("example-pictures", {{"path", folder.path.string()}});
  ASSERT_NE(made, nullptr) << source.call.message;
  EXPECT_EQ(source->count(made), 2u);

  const flame_field image = field_of(source, made, 0, 0);
  EXPECT_EQ(text(image.name), "image");
  EXPECT_EQ(image.dtype, FLAME_DTYPE_U8);
  EXPECT_THAT(std::vector<int64_t>(image.shape, image.shape + image.rank), ElementsAre(1, 2, 3));
  const flame_field caption = field_of(source, made, 0, 1);
  EXPECT_EQ(caption.dtype, 0u);
  EXPECT_EQ(text(caption.text), "a dog");
  flame_field end = {};
  end.struct_size = sizeof end;
  EXPECT_EQ(source->describe_field(made, source.call, 0, {0, 0}, 2, &end), FLAME_ERROR_END);

  char pixels[6];
  const int64_t shape[] = {1, 2, 3}, strides[] = {6, 3, 1};
  const flame_tensor into = {sizeof into, FLAME_DTYPE_U8, 3, 0, shape, strides, pixels, 0, 6};
  EXPECT_EQ(source->read_field(made, source.call, 0, {0, 0}, 0, &into), FLAME_OK)
      << source.call.message;
  EXPECT_EQ(std::string(pixels, 6), "abcdef");
  EXPECT_EQ(source->read_field(made, source.call, 1, {0, 0}, 0, &into), FLAME_ERROR_STORAGE);
  EXPECT_EQ(source->read_field(made, source.call, 2, {0, 0}, 0, &into),
            FLAME_ERROR_INVALID_ARGUMENT);
  source->destroy(made);
}

TEST_F(TemplateData, ShowsAPictureMirroredAsItsSecondVariant) {
  folder.write("a.ppm", "P6 2 1 255\nabcdef");
  Source source("data", FLAME_DATA_SOURCE_ID);
  auto *made = source.create<flame_data_source>("example-pictures",
                                                {{"path", folder.path.string()}, {"flip", true}});
  ASSERT_NE(made, nullptr) << source.call.message;
  flame_example example = {};
  example.struct_size = sizeof example;
  EXPECT_EQ(source->describe_example(made, source.call, 0, &example), FLAME_OK);
  EXPECT_EQ(example.picture_variants, 2u);
  EXPECT_EQ(example.caption_variants, 1u);
  EXPECT_EQ(example.repeats, 1.0);

  char pixels[6];
  const int64_t shape[] = {1, 2, 3}, strides[] = {6, 3, 1};
  const flame_tensor into = {sizeof into, FLAME_DTYPE_U8, 3, 0, shape, strides, pixels, 0, 6};
  EXPECT_EQ(source->read_field(made, source.call, 0, {1, 0}, 0, &into), FLAME_OK);
  EXPECT_EQ(std::string(pixels, 6), "defabc");
  EXPECT_EQ(source->read_field(made, source.call, 0, {2, 0}, 0, &into),
            FLAME_ERROR_INVALID_ARGUMENT);
  EXPECT_THAT(source.call.message, HasSubstr("picture 2 of example 0"));
  flame_note note = {};
  note.struct_size = sizeof note;
  EXPECT_EQ(source->note(made, source.call, 0, &note), FLAME_ERROR_END);
  source->destroy(made);
}

TEST_F(TemplateData, KnowsAPictureByItsContent) {
  folder.write("a.pgm", "P5 1 1 255\nx");
  Source source("data", FLAME_DATA_SOURCE_ID);
  auto *made =
      source.create<flame_data_source>("example-pictures", {{"path", folder.path.string()}});
  flame_str identity = {};
  EXPECT_EQ(source->identity(made, source.call, 0, &identity), FLAME_OK);
  const std::string before = text(identity);
  EXPECT_EQ(source->identity(made, source.call, 0, &identity), FLAME_OK);
  EXPECT_EQ(text(identity), before);
  folder.write("a.pgm", "P5 1 1 255\ny");
  EXPECT_EQ(source->identity(made, source.call, 0, &identity), FLAME_OK);
  EXPECT_NE(text(identity), before);
  source->destroy(made);
}

TEST_F(TemplateData, RefusesHostilePicturesWithTheirNames) {
  const std::vector<std::string> contents = {"",
                                             "P6",
                                             "P4 1 1\nx",
                                             "P5 0 1 255\nx",
                                             "P5 99999999999999999 1 255\n",
                                             "P5 1 1 255",
                                             "P5 2 2 255\nx",
                                             "P5 1 1 65535\nxx",
                                             "P5 1",
                                             "P5 # no end",
                                             "P5 -1 1 255\nx"};
  for (size_t i = 0; i < contents.size(); ++i)
    folder.write("x" + std::to_string(100 + i) + ".pgm", contents[i]);
  Source source("data", FLAME_DATA_SOURCE_ID);
  auto *made =
      source.create<flame_data_source>("example-pictures", {{"path", folder.path.string()}});
  for (size_t i = 0; i < contents.size(); ++i) {
    flame_field field = {};
    field.struct_size = sizeof field;
    EXPECT_EQ(source->describe_field(made, source.call, i, {0, 0}, 0, &field), FLAME_ERROR_STORAGE)
        << contents[i];
    EXPECT_THAT(source.call.message, HasSubstr("x" + std::to_string(100 + i) + ".pgm: "));
  }
  source->destroy(made);
}

TEST_F(TemplateData, SaysWhenAFolderIsMissingOrEmpty) {
  Source source("data", FLAME_DATA_SOURCE_ID);
  EXPECT_EQ(source.create<flame_data_source>("example-pictures", {{"path", folder / "none"}}),
            nullptr);
  EXPECT_EQ(source.call.status, FLAME_ERROR_STORAGE);
  EXPECT_EQ(source.create<flame_data_source>("example-pictures", {{"path", folder.path.string()}}),
            nullptr);
  EXPECT_THAT(source.call.message, HasSubstr("no pictures"));
}

TEST_F(TemplateData, ReadsTheLinesOfAFileInPlainC) {
  folder.write("lines.txt", "\na dog\n\na cat");
  Source source("data-in-c", FLAME_DATA_SOURCE_ID);
  auto *made = source.create<flame_data_source>("example-lines", {{"path", folder / "lines.txt"}});
  ASSERT_NE(made, nullptr) << source.call.message;
  EXPECT_EQ(source->count(made), 2u);
  EXPECT_EQ(text(field_of(source, made, 0, 0).text), "a dog");
  EXPECT_EQ(text(field_of(source, made, 1, 0).text), "a cat");
  flame_str first = {}, second = {};
  EXPECT_EQ(source->identity(made, source.call, 0, &first), FLAME_OK);
  const std::string kept = text(first);
  EXPECT_EQ(source->identity(made, source.call, 1, &second), FLAME_OK);
  EXPECT_NE(kept, text(second));
  EXPECT_EQ(source.call.failures, 0);
  EXPECT_EQ(source->identity(made, source.call, 2, &second), FLAME_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(source.call.message, "example 2 was asked for, but there are 2");
  source->destroy(made);
  EXPECT_EQ(source.create<flame_data_source>("example-lines", {{"path", folder / "none"}}),
            nullptr);
  EXPECT_EQ(source.call.failures, 2) << "a failure of the host is told once";
}

}  // namespace
