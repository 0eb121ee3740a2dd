// A base and what was trained as one checkpoint.
#include <optional>

#include "core/io/weight_writer.h"
#include "core/train/merge_adapter.h"
#include "tests/exporters/adapter_export_fixture.h"
#include "tests/support/fake_model.h"

namespace flame {
namespace {

namespace fs = std::filesystem;
using namespace export_test;
using testing::HasSubstr;

// A base's file in the fake model's layout "old", which has q and k as rows of one tensor, and channels second.
class AdapterMerge : public AdapterFiles {
 protected:
  void SetUp() override {
    const ModelToWrite entry{&*model_, wanted_, 1};
    const auto number = [](size_t, const WantedParameter &parameter, DType dtype) {
      return Result<HostTensor>(random_weight("fake", parameter, 3, dtype));
    };
    const fs::path file = *folder_ / "base.safetensors";
    ASSERT_TRUE(write_weights(file, {&entry, 1}, DType::kF32, {}, number).ok());
    sets_.emplace(*open_weights(file));
    Result<WeightMatch> match = match_weights(*model_, wanted_, sets_->front());
    ASSERT_TRUE(match.ok());
    match_.emplace(std::move(*match));
  }
  MergeBase base() const { return {&sets_->front(), {&*match_, 1}}; }

  const Result<PluginModel> model_ = test::fake_model(8);
  const std::vector<WantedParameter> wanted_ = *parameters_of(*model_);
  std::optional<std::vector<WeightSet>> sets_;
  std::optional<WeightMatch> match_;
};

TEST_F(AdapterMerge, MergesIntoTheBaseUnderItsNames) {
  ExportedPart trained{"unet", &*model_, {}, {}, false};
  for (const WantedParameter &parameter : wanted_) {
    const Shape &weight = parameter.type.shape;
    if ((weight.rank() != 2 && weight.rank() != 4) || !parameter.name.ends_with(".weight"))
      continue;
    const std::string layer = layer_of(parameter);
    const bool is_window = weight.rank() == 4;
    trained.tensors[layer + ".lora_down.weight"] =
        numbers(is_window ? Shape{3, weight[1], weight[2], weight[3]} : Shape{3, weight[1]}, 5);
    trained.tensors[layer + ".lora_up.weight"] =
        numbers(is_window ? Shape{weight[0], 1, 1, 3} : Shape{weight[0], 3}, 6);
    trained.alphas[layer] = 1.5;
  }
  ASSERT_GE(trained.tensors.size(), 6u);
  auto request = given({trained}, "merged.safetensors");
  const auto report = merge_adapter(request, base(), exporter("merge", "f32"));
  ASSERT_TRUE(report.ok()) << report.error().text();
  EXPECT_EQ(report->modules, trained.tensors.size() / 2);
  const auto made = open_weights(request.path);
  const auto after = match_weights(*model_, wanted_, made->front());
  EXPECT_FALSE(mismatch_error(*after, made->front(), true));
  for (size_t i = 0; i < match_->placed.size(); ++i) {
    const PlacedWeight &old = match_->placed[i];
    SCOPED_TRACE(old.parameter);
    const std::vector<double> before = numbers_of(*read_weight(old, DType::kF32));
    const std::vector<double> seen = numbers_of(*read_weight(after->placed[i], DType::kF32));
    const std::string layer = old.parameter.substr(0, old.parameter.size() - 7);
    const auto down = trained.tensors.find(layer + ".lora_down.weight");
    std::vector<double> change(before.size(), 0.0);
    if (down != trained.tensors.end()) {
      const std::vector<double> in = numbers_of(down->second);
      const std::vector<double> out = numbers_of(trained.tensors.at(layer + ".lora_up.weight"));
      const size_t width = in.size() / 3;
      for (size_t at = 0; at < change.size(); ++at)
        for (size_t r = 0; r < 3; ++r)
          change[at] += 0.5 * out[at / width * 3 + r] * in[r * width + at % width];
    }
    for (size_t at = 0; at < seen.size(); ++at)
      ASSERT_NEAR(seen[at], before[at] + change[at], 1e-6) << at;
  }
  EXPECT_THAT(merge_adapter(request, base(), exporter("merge")).error().text(),
              HasSubstr("is there already"));
  request.path = *folder_ / "other.safetensors";
  for (const char *half : {".lora_down.weight", ".lora_up.weight"})
    request.parts[0].tensors[std::string("nowhere") + half] = numbers(Shape{3, 3}, 1);
  EXPECT_THAT(merge_adapter(request, base(), exporter("merge")).error().text(),
              HasSubstr("has no 'nowhere.weight' of [3, 3] for 'unet'"));
  EXPECT_FALSE(fs::exists(request.path));
}

TEST_F(AdapterMerge, WritesWeightsThatLearnedIntoTheBasesFile) {
  // Some of each kind, among them rows of a tensor that the file has joined.
  ExportedPart trained{"unet", &*model_, {}, {}, true};
  for (const WantedParameter &parameter : wanted_) {
    if (parameter.name != "attn.q.weight" && parameter.name != "norm.weight")
      trained.tensors[parameter.name] = numbers(parameter.type.shape, 7);
  }
  ASSERT_GE(trained.tensors.size(), 4u);
  auto request = given({trained}, "learned.safetensors");
  EXPECT_TRUE(check_merge(request, base()).ok());
  const auto report = merge_adapter(request, base(), exporter("merge", "f32"));
  ASSERT_TRUE(report.ok()) << report.error().text();
  EXPECT_EQ(report->own_weights, trained.tensors.size());
  EXPECT_EQ(report->modules, 0u);
  EXPECT_THAT(report->text(), HasSubstr("weights that learned"));
  const auto made = open_weights(request.path);
  const auto after = match_weights(*model_, wanted_, made->front());
  EXPECT_FALSE(mismatch_error(*after, made->front(), true));
  for (size_t i = 0; i < match_->placed.size(); ++i) {
    const std::string &name = match_->placed[i].parameter;
    const auto learned = trained.tensors.find(name);
    const std::vector<double> expected =
        numbers_of(learned == trained.tensors.end() ? *read_weight(match_->placed[i], DType::kF32)
                                                    : learned->second);
    EXPECT_EQ(numbers_of(*read_weight(after->placed[i], DType::kF32)), expected) << name;
  }
  EXPECT_THAT(check_merge(request, base()).error().text(), HasSubstr("is there already"));
  request.path = *folder_ / "other.safetensors";
  EXPECT_THAT(check_export(request, exporter("comfyui-lora")).error().text(),
              HasSubstr("export with 'use: merge'"));
  request.parts[0].tensors["nowhere.bias"] = numbers(Shape{3}, 1);
  EXPECT_THAT(check_merge(request, base()).error().text(),
              HasSubstr("has no 'nowhere.bias' of [3]"));
}

}  // namespace
}  // namespace flame
