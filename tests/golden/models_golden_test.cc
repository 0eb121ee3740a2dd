// The model plugins against other implementations: recordings that make_models.py wrote, run on the
// backends in f64 and in narrower types.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>

#include "core/io/model_config.h"
#include "core/io/recording_check.h"
#include "core/plugin/plugin_host.h"
#include "tests/support/devices.h"

namespace flame::golden_test {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(FLAME_SOURCE_DIR) / "tests/golden/recordings";

Result<PluginModel> model_of(PluginHost &host, const Recording &recording) {
  const Catalogue catalogue = Catalogue::scan({FLAME_PLUGINS});
  FLAME_ASSIGN(const Catalogue::Match match, catalogue.find("model", recording.component));
  FLAME_ASSIGN(const StartedComponent started, host.start(match));
  FLAME_ASSIGN(const std::vector<OptionValue> given,
               read_model_config(recording.config, *started.component, "flame.config"));
  FLAME_ASSIGN(const AttributeList options, model_options(*started.component, given));
  return PluginModel::create(started, options);
}

// Encoder and decoder of one VAE share their weights.
fs::path weights_of(const std::string &name) {
  const fs::path own = kFolder / (name + ".weights.safetensors");
  return fs::exists(own) ? own
                         : kFolder / (name.substr(0, name.rfind('_')) + ".weights.safetensors");
}

class ModelsGolden : public testing::TestWithParam<std::string> {
 protected:
  Result<RecordingCheck> check(const std::string &backend, const RecordingSettings &settings) {
    FLAME_ASSIGN(const Recording recording,
                 read_recording(kFolder / (GetParam() + ".safetensors")));
    FLAME_ASSIGN(const PluginModel model, model_of(host_, recording));
    FLAME_ASSIGN(const std::vector<WeightSet> weights, open_weights(weights_of(GetParam())));
    return check_recording(testing_support::device(backend), model, recording, weights, settings);
  }

  // How far the worst output and the worst gradient may be off.
  void expect_within(double outputs, double gradients, const std::string &backend, DType dtype) {
    const Result<RecordingCheck> made = check(backend, {dtype, {}});
    ASSERT_TRUE(made.ok()) << made.error().text();
    EXPECT_GT(made->tensors.size(), GetParam().ends_with("single") ? 0u : 10u);
    double output = 0, gradient = 0;
    for (const RecordedTensor &tensor : made->tensors) {
      const bool is_output = tensor.name.starts_with("output/");
      EXPECT_LE(tensor.norm_relative, is_output ? outputs : gradients) << tensor.name;
      double &worst = is_output ? output : gradient;
      worst = std::max(worst, tensor.norm_relative);
    }
    char text[80];
    std::snprintf(text, sizeof(text), "outputs %.1e, gradients %.1e", output, gradient);
    RecordProperty("error", text);
  }

  PluginHost host_{{}};
};

// Far below what a wrong epsilon changes.
TEST_P(ModelsGolden, AgreesInF64) {
  expect_within(1e-12, 1e-12, "reference", DType::kF64);
}
TEST_P(ModelsGolden, AgreesInF32) {
  expect_within(1e-5, 5e-5, "onednn", DType::kF32);
}
// Weights are rounded too, and widths of 8 average little away: in bf16, PyTorch's own outputs are up
// to 0.018 off and its gradients 0.19.
TEST_P(ModelsGolden, AgreesInF16) {
  expect_within(5e-3, 0.1, "onednn", DType::kF16);
}
TEST_P(ModelsGolden, AgreesInBf16) {
  expect_within(3e-2, 0.25, "onednn", DType::kBF16);
}

std::string test_name(const testing::TestParamInfo<std::string> &info) {
  return info.param;
}

INSTANTIATE_TEST_SUITE_P(Recordings, ModelsGolden,
                         testing::Values("sdxl_unet_a", "sdxl_unet_b", "sdxl_vae_a_encoder",
                                         "sdxl_vae_a_decoder", "sdxl_vae_b_encoder",
                                         "sdxl_vae_b_decoder", "clip_l_a", "clip_l_b", "clip_g_a",
                                         "clip_g_b", "sdxl_unet_b_single",
                                         "sdxl_vae_a_encoder_single", "sdxl_vae_a_decoder_single",
                                         "clip_l_a_single", "clip_g_a_single"),
                         test_name);

}  // namespace
}  // namespace flame::golden_test
