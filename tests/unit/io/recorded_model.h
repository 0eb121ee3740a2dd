// A model and a recording of it that another backend made, for tests of what is compared.
#pragma once

#include <gtest/gtest.h>

#include <functional>

#include "core/io/recording_check.h"
#include "core/io/safetensors_writer.h"
#include "core/tensor/numbers.h"
#include "tests/support/devices.h"
#include "tests/support/fake_model.h"
#include "tests/support/safetensors_files.h"

namespace flame::test {

inline HostTensor numbers(const Shape &shape, double scale, DType dtype = DType::kF64) {
  std::vector<double> made(static_cast<size_t>(shape.element_count()));
  for (size_t i = 0; i < made.size(); ++i)
    made[i] = scale * (static_cast<double>(i * 7919 % 101) / 101 - 0.5);
  return tensor_of({dtype, shape}, made);
}

// A recording of the fake model that another backend made, and its weights in the layout "old".
class RecordedModel : public testing::Test {
 protected:
  static constexpr int64_t kWidth = 6;

  void SetUp() override {
    auto model = fake_model(kWidth);
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

}  // namespace flame::test
