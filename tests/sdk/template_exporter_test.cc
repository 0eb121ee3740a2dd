// The template's exporter writes whole files or none.
#include <cstring>

#include "template_plugin.h"

namespace {

using flame::Attribute;
using flame::AttributeArray;
using flame_test::content_of;
using flame_test::FakeTensor;
using flame_test::Folder;
using flame_test::Loaded;
using flame_test::str;
using testing::ElementsAre;
using testing::HasSubstr;

// Two parameters; `read` fails for the second if it is told so.
struct FakeParameters {
  FakeTensor first{FLAME_DTYPE_F32, {2, 2}, {1, 2, 3, 4}};
  FakeTensor second{FLAME_DTYPE_F32, {1}, {5}};
  bool fails = false;
  flame_parameters table = {sizeof table, 0, this, count, describe, read};

  FakeTensor &of(uint64_t index) { return index == 0 ? first : second; }
  static uint64_t count(void *) noexcept { return 2; }
  static flame_status describe(void *self, flame_call *, uint64_t index, flame_str *name,
                               flame_tensor *view) noexcept {
    static const std::string names[] = {"to_q.lora_down", "odd \"name\"\n"};
    *name = str(names[index]);
    *view = *static_cast<FakeParameters *>(self)->of(index).get();
    return FLAME_OK;
  }
  static flame_status read(void *self, flame_call *call, uint64_t index,
                           const flame_tensor *into) noexcept {
    auto &parameters = *static_cast<FakeParameters *>(self);
    if (parameters.fails && index == 1) {
      call->fail(call->sink, FLAME_ERROR_DEVICE_LOST, FLAME_STR("the device is gone"));
      return FLAME_ERROR_DEVICE_LOST;
    }
    const std::vector<float> &elements = parameters.of(index).elements;
    std::memcpy(into->data, elements.data(), elements.size() * sizeof(float));
    return FLAME_OK;
  }
};

class TemplateExporter : public testing::Test {
 protected:
  flame_status write(FakeParameters &parameters) {
    auto *made = exporter.create<flame_exporter>(
        "example-safetensors", {{"path", folder / "out.safetensors"}, {"precision", "f32"}});
    const AttributeArray facts(std::vector<Attribute>{{"base", "sdxl"}});
    EXPECT_EQ(exporter->check(made, exporter.call, &parameters.table), FLAME_OK);
    const flame_status status =
        exporter->write(made, exporter.call, &parameters.table, facts.data(), facts.size());
    exporter->destroy(made);
    return status;
  }

  Folder folder;
  Loaded<flame_exporter_interface> exporter{"exporter", FLAME_EXPORTER_ID};
};

TEST_F(TemplateExporter, WritesASafetensorsFile) {
  FakeParameters parameters;
  ASSERT_EQ(write(parameters), FLAME_OK) << exporter.call.message;
  const std::string file = content_of(folder / "out.safetensors");
  uint64_t length = 0;
  ASSERT_GT(file.size(), 8u);
  std::memcpy(&length, file.data(), 8);
  ASSERT_EQ(file.size(), 8 + length + 20);
  EXPECT_EQ(length % 8, 0u);
  EXPECT_THAT(
      file.substr(8, length),
      HasSubstr(R"({"__metadata__":{"format":"pt","base":"sdxl"},"to_q.lora_down":{"dtype":"F32",)"
                R"("shape":[2,2],"data_offsets":[0,16]},"odd \"name\"\u000a":{"dtype":"F32",)"
                R"("shape":[1],"data_offsets":[16,20]}})"));
  float elements[5];
  std::memcpy(elements, file.data() + 8 + length, 20);
  EXPECT_THAT(elements, ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(exporter.host.log,
              ElementsAre("1 wrote 2 tensors to " + (folder / "out.safetensors")));
}

TEST_F(TemplateExporter, LeavesNothingWhenItFailsHalfway) {
  FakeParameters parameters;
  parameters.fails = true;
  EXPECT_EQ(write(parameters), FLAME_ERROR_DEVICE_LOST);
  EXPECT_EQ(exporter.call.message, "the device is gone");
  EXPECT_EQ(exporter.call.failures, 1);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path));
}

TEST_F(TemplateExporter, NeedsAPath) {
  EXPECT_EQ(exporter.create<flame_exporter>("example-safetensors"), nullptr);
  EXPECT_EQ(exporter.call.message, "option 'path' is missing; it must be given");
}

}  // namespace
