// image-folder as the host uses it: variants, masks, the index, captions and what it refuses.
#include <fcntl.h>
#include <sys/stat.h>

#include <set>

#include "tests/data/image_folder_fixture.h"

namespace flame {
namespace {

namespace fs = std::filesystem;
using data_test::ImageFolderTest;
using data_test::Settings;
using testing::AllOf;
using testing::HasSubstr;

TEST_F(ImageFolderTest, GivesAVariantForEachCropAndItsMirrorImage) {
  add("rgb.png");
  const PluginDataSource source = opened({{"bucket_step", {int64_t{32}}},
                                          {"crop", {"random"}},
                                          {"crops", {int64_t{3}}},
                                          {"flip", {true}}});
  const auto info = source.info(0);
  EXPECT_EQ(info->picture_variants, 6u);
  const auto shape = source.fields(0, {})->tensors.at("image").shape;
  const auto height = static_cast<float>(shape[0]), width = static_cast<float>(shape[1]);
  std::set<std::vector<float>> corners;
  for (uint64_t draw = 0; draw < 3; ++draw) {
    const auto plain = placement_of(source, 0, draw);
    const auto mirrored = placement_of(source, 0, draw + 3);
    corners.insert(plain);
    EXPECT_EQ(plain[4], height);
    EXPECT_EQ(plain[5], width);
    EXPECT_EQ(plain[2], mirrored[2]);
    const auto a = source.read(0, {draw, 0}, "image"), b = source.read(0, {draw + 3, 0}, "image");
    ASSERT_TRUE(a.ok() && b.ok());
    EXPECT_NE(a->bytes, b->bytes);
    const auto columns = static_cast<size_t>(width), rows = static_cast<size_t>(height);
    for (size_t y = 0; y < rows; ++y)
      for (size_t x = 0; x < columns; ++x)
        for (size_t c = 0; c < 3; ++c)
          ASSERT_EQ(a->bytes[(y * columns + x) * 3 + c],
                    b->bytes[(y * columns + columns - 1 - x) * 3 + c]);
  }
  EXPECT_GT(corners.size(), 1u);
  EXPECT_EQ(source.read(0, {6, 0}, "image").error().kind, ErrorKind::kBadConfig);
}

TEST_F(ImageFolderTest, TakesMasksFromAFolderOrFromTransparency) {
  add("alpha.png");
  add("rgb.png");
  const PluginDataSource by_alpha = opened({{"alpha", {"mask"}}});
  const auto mask = by_alpha.read(0, {}, "mask");
  ASSERT_TRUE(mask.ok()) << mask.error().text();
  EXPECT_EQ(mask->type, (TensorType{DType::kU8, Shape{48, 72, 1}}));
  EXPECT_EQ(mask->bytes.front(), std::byte{0});
  EXPECT_EQ(mask->bytes.back(), std::byte{255});
  EXPECT_NEAR(static_cast<int>(mask->bytes[30]), 128, 3);
  EXPECT_FALSE(by_alpha.fields(1, {})->tensors.contains("mask"));

  fs::create_directory(data() / "masks");
  fs::copy_file(pictures() / "grey.png", data() / "masks/rgb.png");
  const PluginDataSource by_file =
      opened({{"path", {data().string() + " masks=masks"}}, {"recursive", {true}}});
  ASSERT_EQ(by_file.count(), 2u) << "masks are no pictures";
  const auto grey = by_file.read(1, {}, "mask");
  ASSERT_TRUE(grey.ok()) << grey.error().text();
  EXPECT_EQ(grey->bytes.front(), std::byte{0});
  EXPECT_EQ(grey->bytes.back(), std::byte{255});
  EXPECT_NE(*by_file.identity(1), *by_alpha.identity(1)) << "the mask is one of its tensors";
}

TEST_F(ImageFolderTest, KnowsPicturesByTheirContentAndWhatIsDoneToThem) {
  add("rgb.png", "a.png");
  add("rgb.png", "b.png", "another caption");
  add("plain.jpg");
  const PluginDataSource source = opened();
  EXPECT_EQ(*source.identity(0), *source.identity(1)) << "captions are their own identity";
  EXPECT_NE(*source.identity(0), *source.identity(2));
  EXPECT_EQ(*source.identity(0), *opened({{"flip", {true}}}).identity(0));
  EXPECT_NE(*source.identity(0), *opened({{"resolution", {int64_t{80}}}}).identity(0));
}

TEST_F(ImageFolderTest, OpensNoPictureASecondTime) {
  add("rgb.png");
  add("plain.jpg");
  add("lossy.webp");
  std::string first;
  {
    const PluginDataSource source = opened();
    for (uint64_t i = 0; i < 3; ++i) first += *source.identity(i) + "\n";
    EXPECT_THAT(notes_of(source), HasSubstr("files looked into: 3,"));
  }
  // A file that cannot be opened shows who tries to. (Root opens all, so it is also made another.)
  for (const char *name : {"rgb.png", "plain.jpg", "lossy.webp"}) {
    const fs::path path = data() / name;
    struct stat before {};
    stat(path.c_str(), &before);
    std::ofstream(path, std::ios::binary) << std::string(static_cast<size_t>(before.st_size), 'x');
    const timespec times[] = {before.st_atim, before.st_mtim};
    utimensat(AT_FDCWD, path.c_str(), times, 0);
  }
  const PluginDataSource source = opened();
  std::string second;
  for (uint64_t i = 0; i < source.count(); ++i) second += *source.identity(i) + "\n";
  EXPECT_EQ(first, second);
  EXPECT_THAT(notes_of(source), HasSubstr("files looked into: 0,"));
}

TEST_F(ImageFolderTest, LooksAnewAtWhatHasChangedAndAtABrokenIndex) {
  add("rgb.png");
  add("plain.jpg");
  { opened(); }
  fs::remove(data() / "rgb.png");
  fs::copy_file(pictures() / "palette.png", data() / "rgb.png");
  EXPECT_THAT(notes_of(opened()), HasSubstr("files looked into: 1,"));
  for (const auto &file : fs::directory_iterator(folder_ / "index")) {
    std::string content = *read_file(file.path());
    content[content.size() / 2] ^= 1;
    std::ofstream(file.path(), std::ios::binary) << content;
  }
  EXPECT_THAT(notes_of(opened()), HasSubstr("files looked into: 2,"));
}

TEST_F(ImageFolderTest, RefusesAPictureThatChangesDuringTheRun) {
  add("rgb.png");
  const PluginDataSource source = opened();
  write("rgb.png", bytes_of("palette.png"));
  EXPECT_THAT(source.read(0, {}, "image").error().text(),
              AllOf(HasSubstr("rgb.png"), HasSubstr("has changed since the run began")));
}

TEST_F(ImageFolderTest, WorksWithoutAPlaceForItsIndex) {
  add("rgb.png");
  write("../blocked", "a file where a folder should be");
  const PluginDataSource source = opened({{"index", {(folder_ / "blocked").string()}}});
  EXPECT_EQ(source.count(), 1u);
  EXPECT_TRUE(source.read(0, {}, "image").ok());
}

TEST_F(ImageFolderTest, WritesNothingIntoTheFolder) {
  add("rgb.png");
  { opened().identity(0).ok(); }
  EXPECT_EQ(std::distance(fs::directory_iterator(data()), fs::directory_iterator()), 2);
}

TEST_F(ImageFolderTest, SaysWhatIsWrongWithItsData) {
  EXPECT_THAT(refusal({{"path", {(folder_ / "none").string()}}}),
              AllOf(HasSubstr("No such file or directory"), HasSubstr("correct the path")));
  EXPECT_THAT(refusal(), AllOf(HasSubstr("has no pictures"), HasSubstr("recursive: true")));
  EXPECT_EQ(open().error().kind, ErrorKind::kBadConfig);
  write("a.png", "no picture");
  write("b.jpg", "");
  EXPECT_THAT(refusal(),
              AllOf(HasSubstr("none of the 2 pictures can be used"),
                    HasSubstr("a.png: it is no picture"), HasSubstr("b.jpg: it is empty")));
  EXPECT_EQ(open().error().kind, ErrorKind::kStorage);
  fs::copy_file(pictures() / "rgb.png", data() / "c.png");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("none of the 1 pictures has a caption"),
                               HasSubstr("c.txt"), HasSubstr("captions: none")));
  EXPECT_EQ(open().error().kind, ErrorKind::kBadConfig);
  EXPECT_THAT(refusal({{"bucket_step", {int64_t{128}}}}), HasSubstr("'bucket_step' is 128"));
  EXPECT_THAT(refusal({{"path", {data().string() + " repeat=3"}}}),
              AllOf(HasSubstr("'repeat=3' of a folder"), HasSubstr("repeats=3")));
}

TEST_F(ImageFolderTest, BalancesRegularisationAndTakesWeights) {
  add("rgb.png", "a.png");
  add("rgb.png", "b.png");
  fs::create_directory(folder_ / "class pictures");
  for (const char *name : {"1.png", "2.png", "3.png"})
    fs::copy_file(pictures() / "plain.jpg", folder_ / "class pictures" / name);
  const PluginDataSource source = opened(
      {{"path", {data().string() + " repeats=6"}},
       {"folders", {(folder_ / "class pictures").string() + " regularisation=true weight=0.5"}},
       {"captions", {"names"}},
       {"trigger", {"sks"}}});
  ASSERT_EQ(source.count(), 5u);
  EXPECT_EQ(source.info(0)->repeats, 6);
  EXPECT_EQ(source.info(0)->loss_weight, 1);
  EXPECT_EQ(source.fields(0, {})->text("caption"), "sks, a");
  EXPECT_EQ(source.info(4)->repeats, 4) << "2 pictures · 6 = 3 pictures · 4";
  EXPECT_EQ(source.info(4)->loss_weight, 0.5);
  EXPECT_EQ(source.fields(4, {})->text("caption"), "3") << "no trigger";
  EXPECT_THAT(notes_of(source), HasSubstr("stands 4 times in an epoch"));
}

TEST_F(ImageFolderTest, GivesClassPicturesTheirPromptWhereTheyHaveNoCaption) {
  add("rgb.png", "a.png");
  write("a.txt", "photo of sks dog");
  fs::create_directory(folder_ / "class");
  for (const char *name : {"1.jpg", "2.jpg"})
    fs::copy_file(pictures() / "plain.jpg", folder_ / "class" / name);
  std::ofstream(folder_ / "class/2.txt") << "a dog that sleeps";
  const PluginDataSource source =
      opened({{"folders", {(folder_ / "class").string() + " regularisation=true weight=0.5"}},
              {"class_prompt", {"photo of a dog"}},
              {"strict", {true}}});
  ASSERT_EQ(source.count(), 3u);
  EXPECT_EQ(source.fields(0, {})->text("caption"), "photo of sks dog");
  EXPECT_EQ(source.fields(1, {})->text("caption"), "photo of a dog");
  EXPECT_EQ(source.fields(2, {})->text("caption"), "a dog that sleeps");
}

TEST_F(ImageFolderTest, PrintsItsBuckets) {
  add("rgb.png");
  add("plain.jpg");
  add("turned.png");
  EXPECT_THAT(notes_of(opened({{"upscale", {true}}, {"bucket_step", {int64_t{32}}}})),
              AllOf(HasSubstr("     bucket    pictures"), HasSubstr("pictures used: 3 of 3;")));
}

TEST_F(ImageFolderTest, NamesProfilesThatItDoesNotFollow) {
  add("profile.jpg");
  add("profile.png");
  add("profile.webp");
  add("cmyk.jpg");
  add("deep.png");
  const std::string notes = notes_of(opened());
  EXPECT_THAT(notes, HasSubstr("with the colour profile 'Lab"));
  EXPECT_THAT(notes, HasSubstr("CMYK pictures: 1;"));
  EXPECT_THAT(notes, HasSubstr("pictures with 16 bits a channel: 1;"));
}

TEST_F(ImageFolderTest, MakesAsManyCaptionsAsItIsAskedFor) {
  add("rgb.png", "", "[trigger], red, green, blue, white");
  const Settings shuffled = {
      {"shuffle_tags", {true}}, {"keep_tokens", {int64_t{1}}}, {"trigger", {"sks"}}};
  const PluginDataSource fresh = opened(shuffled);
  EXPECT_EQ(fresh.info(0)->caption_variants, 0u);
  std::set<std::string> captions;
  for (uint64_t draw = 0; draw < 50; ++draw) {
    const std::string caption(fresh.fields(0, {0, draw})->text("caption"));
    EXPECT_THAT(caption, testing::StartsWith("sks, "));
    captions.insert(caption);
  }
  EXPECT_GT(captions.size(), 10u);
  Settings few = shuffled;
  few.push_back({"caption_variants", {int64_t{4}}});
  const PluginDataSource some = opened(few);
  EXPECT_EQ(some.info(0)->caption_variants, 4u);
  EXPECT_EQ(some.fields(0, {0, 3})->text("caption"), fresh.fields(0, {0, 3})->text("caption"));
  EXPECT_FALSE(some.fields(0, {0, 4}).ok());
  EXPECT_EQ(opened().info(0)->caption_variants, 1u);
}

}  // namespace
}  // namespace flame
