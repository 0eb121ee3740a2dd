// Recordings: read, refused, and a model compared with one.
#include "core/io/recording.h"

#include <gmock/gmock.h>

#include "tests/unit/io/recorded_model.h"

namespace flame {
namespace {

using test::numbers;
using test::RecordedModel;
using test::TemporaryFolder;
using testing::HasSubstr;

struct File {
  FileMetadata metadata = {{"flame.recording", "1"},
                           {"flame.model", "fake.net"},
                           {"flame.config", "{}"},
                           {"flame.source", "a test"}};
  TensorMap tensors = {{"input/sample", numbers({2, 4, 3, 5}, 1)},
                       {"output/out", numbers({2, 2}, 1)},
                       {"cotangent/out", numbers({2, 2}, 1)},
                       {"grad/input/sample", numbers({2, 4, 3, 5}, 1)}};
};

Result<Recording> read(const File &file) {
  const TemporaryFolder folder;
  EXPECT_TRUE(write_safetensors(folder / "r.safetensors", file.tensors, file.metadata).ok());
  return read_recording(folder / "r.safetensors");
}

TEST(Recording, IsReadWithItsModelAndProgram) {
  const auto recording = read(File());
  ASSERT_TRUE(recording.ok()) << recording.error().text();
  EXPECT_EQ(recording->component, "fake");
  EXPECT_EQ(recording->program, "net");
  EXPECT_EQ(recording->inputs.size(), 1u);
  EXPECT_EQ(recording->input_gradients.size(), 1u);
  for (const auto &[model, component, program] :
       {std::tuple{"sdxl.vae.encoder", "sdxl-vae", "encoder"}, std::tuple{"clip_l", "clip-l", ""},
        std::tuple{"sdxl.unet", "sdxl", "unet"}}) {
    File file;
    file.metadata[1].second = model;
    const auto other = read(file);
    ASSERT_TRUE(other.ok());
    EXPECT_EQ(other->component, component);
    EXPECT_EQ(other->program, program);
  }
}

TEST(Recording, ThatBreaksTheFormIsRefusedWithEveryProblem) {
  const std::pair<std::function<void(File &)>, std::string_view> cases[] = {
      {[](File &f) { f.metadata.clear(); }, "flame.recording"},
      {[](File &f) { f.metadata[0].second = "2"; }, "version is '2'"},
      {[](File &f) { f.metadata[1].first = "x"; }, "flame.model"},
      {[](File &f) { f.metadata[1].second = ""; }, "flame.model"},
      {[](File &f) { f.metadata[2].second = "[]"; }, "no JSON object"},
      {[](File &f) { f.metadata[2].second = "{"; }, "flame.config"},
      {[](File &f) { f.metadata[2].first = "x"; }, "flame.config"},
      {[](File &f) { f.tensors.erase("input/sample"); }, "no tensor input/"},
      {[](File &f) { f.tensors.erase("output/out"); }, "no tensor output/"},
      {[](File &f) { f.tensors.erase("cotangent/out"); }, "no cotangent/"},
      {[](File &f) { f.tensors["strange"] = numbers({1}, 1); }, "'strange'"},
      {[](File &f) { f.tensors["input/"] = numbers({1}, 1); }, "'input/'"},
      {[](File &f) { f.tensors["output/half"] = numbers({1}, 1, DType::kF16); }, "F16"},
      {[](File &f) { f.tensors["output/whole"] = numbers({1}, 1, DType::kI64); }, "I64"},
      {[](File &f) {
         f.tensors["cotangent/out"] = numbers({2, 3}, 1);
       },
       "[2, 3]"},
      {[](File &f) { f.tensors["cotangent/other"] = numbers({2}, 1); }, "belongs to nothing"},
      {[](File &f) { f.tensors["grad/input/other"] = numbers({2}, 1); }, "belongs to nothing"},
  };
  for (const auto &[change, words] : cases) {
    File file;
    change(file);
    const auto recording = read(file);
    ASSERT_FALSE(recording.ok()) << words;
    EXPECT_EQ(recording.error().kind, ErrorKind::kBadConfig);
    EXPECT_THAT(recording.error().what, HasSubstr(std::string(words)));
  }
}

TEST_F(RecordedModel, AgreesInOutputsAndInGradientsOfInputsAndFusedWeights) {
  const auto made = check();
  ASSERT_TRUE(made.ok()) << made.error().text();
  ASSERT_EQ(made->tensors.size(), 5u);
  for (const RecordedTensor &tensor : made->tensors)
    EXPECT_TRUE(tensor.within) << tensor.name << ": " << tensor.norm_relative;
  EXPECT_TRUE(made->equal);
  EXPECT_TRUE(check({DType::kF32, std::nullopt, {}})->equal);
  EXPECT_TRUE(made->unused.empty());
}

TEST_F(RecordedModel, OneNumberThatIsOffIsFoundWithItsPlace) {
  for (TensorMap *group :
       {&recording_.outputs, &recording_.input_gradients, &recording_.weight_gradients}) {
    HostTensor &tensor = group->begin()->second;
    std::vector<double> changed = numbers_of(tensor);
    const HostTensor kept = tensor;
    changed.back() += 1;
    tensor = tensor_of(tensor.type, changed);
    const auto made = check();
    ASSERT_TRUE(made.ok());
    EXPECT_FALSE(made->equal);
    size_t wrong = 0;
    for (const RecordedTensor &seen : made->tensors) {
      if (seen.within) continue;
      ++wrong;
      EXPECT_NEAR(seen.max_absolute, 1, 1e-3);
      for (size_t axis = 0; axis < seen.where.size(); ++axis)
        EXPECT_EQ(seen.where[axis], seen.shape[axis] - 1);
    }
    EXPECT_EQ(wrong, 1u);
    tensor = kept;
  }
}

TEST_F(RecordedModel, AnAnswerThatIsNotANumberDiffers) {
  recording_.inputs["sample"] =
      tensor_of(recording_.inputs["sample"].type, std::vector<double>(2 * 4 * 3 * 5, std::nan("")));
  const auto made = check();
  ASSERT_TRUE(made.ok());
  EXPECT_FALSE(made->equal);
}

TEST_F(RecordedModel, AGradientThatIsNothingButRoundingIsJudgedByItsSize) {
  // A bias that shifts both terms of a difference by the same: its gradient is zero but for rounding.
  weights_["model.proj"] = numbers({kWidth, 2}, 0, DType::kF32);
  recording_.weight_gradients.erase("model.0.weight");
  recording_.weight_gradients["model.qk_bias"] = numbers({kWidth}, 1e-14);
  recording_.weight_gradients.erase("model.qk.weight");
  recording_.input_gradients.clear();
  recording_.outputs["out"] = numbers({2, 2}, 0);
  recording_.weight_gradients["model.proj"] =
      slopes(weights_["model.proj"], [&](const HostTensor &weight) {
        TensorMap changed = weights_;
        changed["model.proj"] = weight;
        return sum(answer(changed, recording_.inputs["sample"]));
      });
  const auto made = check();
  ASSERT_TRUE(made.ok()) << made.error().text();
  EXPECT_TRUE(made->equal);
  for (const RecordedTensor &tensor : made->tensors)
    EXPECT_EQ(tensor.is_absolute, tensor.name == "grad/param/model.qk_bias") << tensor.name;
}

TEST_F(RecordedModel, WhatDoesNotFitIsAllTold) {
  recording_.inputs["other"] = numbers({2}, 1);
  recording_.outputs["more"] = numbers({2}, 1);
  recording_.outputs["out"] = numbers({2, 3}, 1);
  const auto made = check();
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().kind, ErrorKind::kBadConfig);
  for (const char *words : {"input/other", "output/more", "output/out is [2, 3], expected [2, 2]"})
    EXPECT_THAT(made.error().what, HasSubstr(words));
}

TEST_F(RecordedModel, AGradientOfAWeightThatIsNotThereIsTold) {
  recording_.weight_gradients["model.none"] = numbers({2}, 1);
  const auto made = check();
  ASSERT_FALSE(made.ok());
  EXPECT_THAT(made.error().what, HasSubstr("grad/param/model.none"));
}

}  // namespace
}  // namespace flame
