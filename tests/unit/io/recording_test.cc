// Recordings: read, refused, and a model compared with one.
#include "core/io/recording.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "core/io/recording_check.h"
#include "core/io/safetensors_writer.h"
#include "core/tensor/numbers.h"
#include "tests/support/devices.h"
#include "tests/support/fake_model.h"
#include "tests/support/safetensors_files.h"

namespace flame {
namespace {

using test::TemporaryFolder;
using testing::HasSubstr;

HostTensor numbers(const Shape &shape, double scale, DType dtype = DType::kF64) {
  std::vector<double> made(static_cast<size_t>(shape.element_count()));
  for (size_t i = 0; i < made.size(); ++i)
    made[i] = scale * (static_cast<double>(i * 7919 % 101) / 101 - 0.5);
  return tensor_of({dtype, shape}, made);
}

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

// A recording of the fake model that another backend made, and its weights in the layout "old".
class RecordedModel : public testing::Test {
 protected:
  static constexpr int64_t kWidth = 6;

  void SetUp() override {
    auto model = test::fake_model(kWidth);
    ASSERT_TRUE(model.ok());
    model_.emplace(std::move(*model));
    weights_ = {{"model.0.weight", numbers({kWidth, 4, 3, 3}, 0.7, DType::kF32)},
                {"model.qk.weight", numbers({2 * kWidth, kWidth}, 0.9, DType::kF32)},
                {"model.qk_bias", numbers({kWidth}, 0.3, DType::kF32)},
                {"model.scale.weight", numbers({kWidth}, 1.3, DType::kF32)},
                {"model.proj", numbers({kWidth, 2}, 0.8, DType::kF32)}};
    record();
  }

  // With finite differences, which know nothing of the host's gradients: d Σ out·cotangent.
  void record() {
    recording_.model = "fake.net";
    recording_.component = "fake";
    recording_.program = "net";
    recording_.inputs["sample"] = numbers({2, 4, 3, 5}, 2);
    recording_.cotangents["out"] = numbers({2, 2}, 1);
    recording_.outputs["out"] = answer(weights_, recording_.inputs["sample"]);
    recording_.input_gradients["sample"] =
        slopes(recording_.inputs["sample"],
               [&](const HostTensor &sample) { return sum(answer(weights_, sample)); });
    for (const char *name : {"model.qk.weight", "model.proj", "model.0.weight"}) {
      recording_.weight_gradients[name] = slopes(weights_[name], [&](const HostTensor &weight) {
        TensorMap changed = weights_;
        changed[name] = weight;
        return sum(answer(changed, recording_.inputs["sample"]));
      });
    }
  }

  double sum(const HostTensor &out) const {
    const std::vector<double> values = numbers_of(out);
    const std::vector<double> factors = numbers_of(recording_.cotangents.at("out"));
    double total = 0;
    for (size_t i = 0; i < values.size(); ++i) total += values[i] * factors[i];
    return total;
  }

  // The model by its formula, over tensors in the published layout.
  static HostTensor answer(const TensorMap &weights, const HostTensor &sample) {
    const auto w = [&](const char *name) { return numbers_of(weights.at(name)); };
    const std::vector<double> conv = w("model.0.weight"), qk = w("model.qk.weight"),
                              bias = w("model.qk_bias"), scale = w("model.scale.weight"),
                              proj = w("model.proj"), in = numbers_of(sample);
    const int64_t n = sample.type.shape[0], height = sample.type.shape[2],
                  width = sample.type.shape[3];
    std::vector<double> out(static_cast<size_t>(n) * 2, 0.0);
    const auto at = [](int64_t i) { return static_cast<size_t>(i); };
    for (int64_t b = 0; b < n; ++b) {
      for (int64_t y = 0; y < height; ++y) {
        for (int64_t x = 0; x < width; ++x) {
          std::vector<double> hidden(kWidth, 0.0), q(kWidth, 0.0), k(kWidth, 0.0);
          for (int64_t o = 0; o < kWidth; ++o) {
            for (int64_t c = 0; c < 4 * 9; ++c) {
              const int64_t py = y + c / 3 % 3 - 1, px = x + c % 3 - 1;
              if (py < 0 || px < 0 || py >= height || px >= width) continue;
              hidden[at(o)] +=
                  conv[at(o * 36 + c)] * in[at(((b * 4 + c / 9) * height + py) * width + px)];
            }
          }
          for (int64_t o = 0; o < kWidth; ++o) {
            for (int64_t i = 0; i < kWidth; ++i) q[at(o)] += qk[at(o * kWidth + i)] * hidden[at(i)];
          }
          for (int64_t o = 0; o < kWidth; ++o) {
            k[at(o)] = bias[at(o)];
            for (int64_t i = 0; i < kWidth; ++i)
              k[at(o)] += qk[at((kWidth + o) * kWidth + i)] * q[at(i)];
            const double mixed =
                scale[at(o)] * (hidden[at(o)] + k[at(o)]) / static_cast<double>(height * width);
            for (int64_t r = 0; r < 2; ++r) out[at(b * 2 + r)] += proj[at(o * 2 + r)] * mixed;
          }
        }
      }
    }
    return tensor_of({DType::kF64, Shape{n, 2}}, out);
  }

  static HostTensor slopes(const HostTensor &at,
                           const std::function<double(const HostTensor &)> &value) {
    constexpr double kStep = 1e-4;
    std::vector<double> point = numbers_of(at), made(point.size());
    const TensorType type{DType::kF64, at.type.shape};
    for (size_t i = 0; i < point.size(); ++i) {
      const double kept = point[i];
      point[i] = kept + kStep;
      const double above = value(tensor_of(type, point));
      point[i] = kept - kStep;
      const double below = value(tensor_of(type, point));
      point[i] = kept;
      made[i] = (above - below) / (2 * kStep);
    }
    return tensor_of(type, made);
  }

  Result<RecordingCheck> check(RecordingSettings settings = {DType::kF64, std::nullopt, {}}) {
    EXPECT_TRUE(write_safetensors(folder_ / "w.safetensors", weights_, {}).ok());
    const auto sets = open_weights(folder_ / "w.safetensors");
    EXPECT_TRUE(sets.ok());
    return check_recording(testing_support::device("reference"), *model_, recording_, *sets,
                           settings);
  }

  TemporaryFolder folder_;
  std::optional<PluginModel> model_;
  TensorMap weights_;
  Recording recording_;
};

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

// The same with a LoRA on the fused k and on the convolution, under two conventions of names.
class RecordedAdapter : public RecordedModel {
 protected:
  void SetUp() override {
    RecordedModel::SetUp();
    adapter_ = {{"lora_unet_attn_k.lora_down.weight", numbers({2, kWidth}, 1)},
                {"lora_unet_attn_k.lora_up.weight", numbers({kWidth, 2}, 0.7)},
                {"lora_unet_attn_k.alpha", tensor_of({DType::kF32, Shape{}}, std::vector{3.0})},
                {"unet.conv.lora_A.weight", numbers({3, 4, 3, 3}, 1)},
                {"unet.conv.lora_B.weight", numbers({kWidth, 3, 1, 1}, 0.9)}};
    const HostTensor &sample = recording_.inputs["sample"];
    recording_.outputs["out"] = answer(changed(adapter_), sample);
    recording_.weight_gradients.clear();
    recording_.input_gradients.clear();
    for (const auto &[name, tensor] : adapter_) {
      if (name.ends_with("alpha")) continue;
      recording_.adapter_gradients[name] = slopes(tensor, [&](const HostTensor &other) {
        TensorMap adapter = adapter_;
        adapter[name] = other;
        return sum(answer(changed(adapter), sample));
      });
    }
  }

  // W + scale · up · down, in the layout of the file.
  TensorMap changed(const TensorMap &adapter) const {
    TensorMap made = weights_;
    add(made["model.qk.weight"], kWidth * kWidth, adapter, "lora_unet_attn_k.lora_down.weight",
        "lora_unet_attn_k.lora_up.weight", 3.0 / 2);
    add(made["model.0.weight"], 0, adapter, "unet.conv.lora_A.weight", "unet.conv.lora_B.weight",
        scale_of_conv_);
    return made;
  }

  static void add(HostTensor &weight, int64_t first, const TensorMap &adapter, const char *down_key,
                  const char *up_key, double scale) {
    const std::vector<double> down = numbers_of(adapter.at(down_key)),
                              up = numbers_of(adapter.at(up_key));
    const auto rank = static_cast<size_t>(adapter.at(down_key).type.shape[0]);
    std::vector<double> sum = numbers_of(weight);
    const size_t columns = down.size() / rank;
    for (size_t row = 0; row < up.size() / rank; ++row) {
      for (size_t column = 0; column < columns; ++column) {
        for (size_t r = 0; r < rank; ++r) {
          sum[static_cast<size_t>(first) + row * columns + column] +=
              scale * up[row * rank + r] * down[r * columns + column];
        }
      }
    }
    weight = tensor_of({DType::kF64, weight.type.shape}, sum);
  }

  Result<RecordingCheck> check_adapter(FileMetadata metadata = {}) {
    const auto file = folder_ / "lora.safetensors";
    EXPECT_TRUE(write_safetensors(file, adapter_, std::move(metadata)).ok());
    auto pairs = read_adapter(file);
    if (!pairs.ok()) return pairs.error();
    return check({DType::kF64, std::nullopt, std::move(*pairs)});
  }

  TensorMap adapter_;
  double scale_of_conv_ = 1;
};

TEST_F(RecordedAdapter, AgreesInOutputsAndGradients) {
  const auto made = check_adapter();
  ASSERT_TRUE(made.ok()) << made.error().text();
  ASSERT_EQ(made->tensors.size(), 5u);
  for (const RecordedTensor &tensor : made->tensors)
    EXPECT_TRUE(tensor.within) << tensor.name << ": " << tensor.norm_relative;
}

TEST_F(RecordedAdapter, AlphaOfPeftStandsInTheMetadata) {
  scale_of_conv_ = 6.0 / 3;
  recording_.outputs["out"] = answer(changed(adapter_), recording_.inputs["sample"]);
  recording_.adapter_gradients.clear();
  recording_.cotangents.clear();
  EXPECT_FALSE(check_adapter()->equal);
  EXPECT_TRUE(
      check_adapter({{"lora_adapter_metadata", R"({"unet.lora_alpha": 6, "unet.r": 3})"}})->equal);
}

TEST_F(RecordedAdapter, WithoutItsAdapterIsRefused) {
  const auto made = check();
  ASSERT_FALSE(made.ok());
  EXPECT_THAT(made.error().what, HasSubstr("no adapter is given"));
}

TEST_F(RecordedAdapter, WhatDoesNotFitIsTold) {
  const TensorMap right = adapter_;
  const std::pair<std::function<void()>, std::string_view> cases[] = {
      {[&] { adapter_["strange.weight"] = numbers({2}, 1); }, "strange.weight"},
      {[&] { adapter_.erase("unet.conv.lora_B.weight"); }, "one half is missing"},
      {[&] {
         adapter_["unet.conv.lora_B.weight"] = numbers({kWidth, 4}, 1);
       },
       "do not fit together"},
      {[&] { adapter_["none.alpha"] = numbers({}, 1); }, "belongs to no pair"},
      {[&] {
         adapter_["unet.none.lora_A.weight"] = numbers({2, 4}, 1);
         adapter_["unet.none.lora_B.weight"] = numbers({4, 2}, 1);
       },
       "'unet.none' is no layer"},
      {[&] {
         adapter_["unet.attn.q.lora_A.weight"] = numbers({2, 4}, 1);
         adapter_["unet.attn.q.lora_B.weight"] = numbers({4, 2}, 1);
       },
       "do not fit the weight"},
      {[&] {
         adapter_["unet.attn.k.lora_A.weight"] = numbers({2, kWidth}, 1);
         adapter_["unet.attn.k.lora_B.weight"] = numbers({kWidth, 2}, 1);
       },
       "another pair"},
  };
  for (const auto &[change, words] : cases) {
    adapter_ = right;
    change();
    const auto made = check_adapter();
    ASSERT_FALSE(made.ok()) << words;
    EXPECT_EQ(made.error().kind, ErrorKind::kBadConfig);
    EXPECT_THAT(made.error().what, HasSubstr(std::string(words)));
  }
}

}  // namespace
}  // namespace flame
