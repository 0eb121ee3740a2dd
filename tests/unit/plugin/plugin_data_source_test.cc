// Data sources of plugins: what the host takes from them, and what it refuses.
#include "core/plugin/plugin_data_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "flame/host.h"

namespace flame {
namespace {

using testing::HasSubstr;

flame_str str(std::string_view text) {
  return {text.data(), text.size()};
}

// What the plugin of a test does.
struct Behaviour {
  bool null_object = false;
  double repeats = 2.5;
  uint64_t pictures = 2;
  std::string_view identity = "abc";
  std::string_view second_name = "caption";
  flame_dtype dtype = FLAME_DTYPE_U8;
  int64_t shape[3] = {1, 2, 3};
  bool never_ends = false;
  std::string_view note = "2 files were left out";
  flame_status read_status = FLAME_OK;
} behaviour;

flame_status end(flame_call *call, flame_status status, std::string_view text) {
  call->fail(call->sink, status, str(text));
  return status;
}

flame_status create(flame_call *, flame_str, const flame_attribute *, uint32_t,
                    flame_data_source **out) noexcept {
  *out = behaviour.null_object ? nullptr : reinterpret_cast<flame_data_source *>(&behaviour);
  return FLAME_OK;
}
void destroy(flame_data_source *) noexcept {}
uint64_t count(flame_data_source *) noexcept {
  return 3;
}
flame_status describe_example(flame_data_source *, flame_call *, uint64_t,
                              flame_example *out) noexcept {
  *out = {sizeof *out, 0, behaviour.repeats, 0.5, behaviour.pictures, 0};
  return FLAME_OK;
}
flame_status identity(flame_data_source *, flame_call *, uint64_t, flame_str *out) noexcept {
  *out = str(behaviour.identity);
  return FLAME_OK;
}
flame_status describe_field(flame_data_source *, flame_call *call, uint64_t, flame_draw draw,
                            uint32_t index, flame_field *out) noexcept {
  static std::string text;
  static char name[2] = "a";
  text = "caption " + std::to_string(draw.caption);
  name[0] = static_cast<char>('0' + index);
  const flame_field image = {sizeof *out, behaviour.dtype, str("image"), {}, 3, 0, behaviour.shape};
  const flame_field caption = {sizeof *out, 0,      str(behaviour.second_name), str(text), 0,
                               0,           nullptr};
  if (index > 1 && !behaviour.never_ends) return end(call, FLAME_ERROR_END, "no more");
  *out = index == 0 ? image : caption;
  if (index > 1) out->name = str(name);
  return FLAME_OK;
}
flame_status read_field(flame_data_source *, flame_call *call, uint64_t, flame_draw draw, uint32_t,
                        const flame_tensor *into) noexcept {
  if (behaviour.read_status != FLAME_OK)
    return end(call, behaviour.read_status, "a.png: it is broken");
  std::memset(into->data, static_cast<int>(10 + draw.picture), into->buffer_size);
  return FLAME_OK;
}
flame_status note(flame_data_source *, flame_call *call, uint32_t index, flame_note *out) noexcept {
  if (index > 0) return end(call, FLAME_ERROR_END, "no more");
  *out = {sizeof *out, FLAME_LOG_WARNING, str(behaviour.note)};
  return FLAME_OK;
}

class PluginDataSourceTest : public testing::Test {
 protected:
  PluginDataSourceTest() { behaviour = {}; }

  Result<PluginDataSource> open() {
    static constexpr flame_data_source_interface kTable{sizeof(flame_data_source_interface),
                                                        0,
                                                        create,
                                                        destroy,
                                                        count,
                                                        describe_example,
                                                        identity,
                                                        describe_field,
                                                        read_field,
                                                        note};
    return PluginDataSource::create(kTable, "org.example.data", "example", AttributeList());
  }
  PluginDataSource opened() {
    Result<PluginDataSource> source = open();
    EXPECT_TRUE(source.ok());
    return *std::move(source);
  }
};

TEST_F(PluginDataSourceTest, GivesWhatThePluginSays) {
  const PluginDataSource source = opened();
  EXPECT_EQ(source.count(), 3u);
  const auto info = source.info(0);
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->repeats, 2.5);
  EXPECT_EQ(info->loss_weight, 0.5);
  EXPECT_EQ(info->picture_variants, 2u);
  EXPECT_EQ(info->caption_variants, 0u);
  EXPECT_EQ(*source.identity(0), "abc");
  const auto fields = source.fields(1, {0, 7});
  ASSERT_TRUE(fields.ok()) << fields.error().text();
  EXPECT_EQ(fields->text("caption"), "caption 7");
  EXPECT_EQ(fields->text("mask"), "");
  EXPECT_EQ(fields->tensors.at("image"), (TensorType{DType::kU8, Shape{1, 2, 3}}));
  const auto image = source.read(1, {1, 0}, "image");
  ASSERT_TRUE(image.ok()) << image.error().text();
  EXPECT_EQ(image->bytes, std::vector<std::byte>(6, std::byte{11}));
  const auto notes = source.notes();
  ASSERT_TRUE(notes.ok());
  ASSERT_EQ(notes->size(), 1u);
  EXPECT_TRUE(notes->front().warning);
  EXPECT_EQ(notes->front().text, "2 files were left out");
}

TEST_F(PluginDataSourceTest, KeepsThePluginsReasonForAnExampleThatCannotBeRead) {
  behaviour.read_status = FLAME_ERROR_STORAGE;
  const auto image = opened().read(0, {}, "image");
  ASSERT_FALSE(image.ok());
  EXPECT_EQ(image.error().kind, ErrorKind::kStorage);
  EXPECT_THAT(image.error().what, HasSubstr("a.png: it is broken"));
}

TEST_F(PluginDataSourceTest, RefusesWhatBreaksTheContract) {
  behaviour.null_object = true;
  EXPECT_THAT(open().error().text(), HasSubstr("null pointer"));
  behaviour = {};
  for (const double repeats : {-1.0, std::numeric_limits<double>::infinity(), std::nan("")}) {
    behaviour.repeats = repeats;
    EXPECT_EQ(opened().info(0).error().kind, ErrorKind::kBadPlugin) << repeats;
  }
  behaviour = {};
  behaviour.pictures = 0;
  EXPECT_THAT(opened().info(0).error().text(), HasSubstr("0 pictures"));
  behaviour = {};
  behaviour.identity = "";
  EXPECT_THAT(opened().identity(0).error().text(), HasSubstr("empty identity"));
  behaviour = {};
  behaviour.second_name = "image";
  EXPECT_THAT(opened().fields(0, {}).error().text(), HasSubstr("two fields 'image'"));
  behaviour.second_name = "\xff";
  EXPECT_THAT(opened().fields(0, {}).error().text(), HasSubstr("no name"));
  behaviour = {};
  behaviour.dtype = 0x77;
  EXPECT_THAT(opened().fields(0, {}).error().text(), HasSubstr("element type"));
  for (const int64_t size : {int64_t{-1}, int64_t{1} << 31, std::numeric_limits<int64_t>::max()}) {
    behaviour = {};
    behaviour.shape[1] = size;
    EXPECT_THAT(opened().fields(0, {}).error().text(), HasSubstr("too large")) << size;
  }
  behaviour = {};
  behaviour.never_ends = true;
  EXPECT_THAT(opened().fields(0, {}).error().text(), HasSubstr("more than 64 fields"));
  behaviour = {};
  behaviour.note = "\xff";
  EXPECT_THAT(opened().notes().error().text(), HasSubstr("UTF-8"));
  EXPECT_THAT(opened().read(0, {}, "caption").error().text(), HasSubstr("no tensor 'caption'"));
}

}  // namespace
}  // namespace flame
