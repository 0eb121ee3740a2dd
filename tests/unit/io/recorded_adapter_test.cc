// A model with a LoRA compared with a recording.
#include <gmock/gmock.h>

#include "tests/unit/io/recorded_model.h"

namespace flame {
namespace {

using test::numbers;
using test::RecordedModel;
using testing::HasSubstr;

// The recorded model with a LoRA on the fused k and on the convolution, under two conventions of names.
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
