// The models of SDXL, small, with random weights in a file, and painters made of them.
#pragma once

#include <gmock/gmock.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "core/io/weight_writer.h"
#include "core/runtime/evaluate.h"
#include "core/sample/painter.h"
#include "tests/models/started_model.h"
#include "tests/support/devices.h"

namespace flame::painter_test {

using model_test::Settings;
using testing_support::device;

inline std::vector<Scalar> ints(std::initializer_list<int64_t> items) {
  return {items.begin(), items.end()};
}
inline std::vector<Scalar> texts(std::initializer_list<const char *> items) {
  std::vector<Scalar> list;
  for (const char *item : items) list.emplace_back(std::string(item));
  return list;
}

inline Settings text_settings(bool projects) {
  Settings settings{{"hidden_size", ints({16})},
                    {"num_hidden_layers", ints({2})},
                    {"num_attention_heads", ints({2})},
                    {"intermediate_size", ints({32})}};
  if (projects) settings.push_back({"projection_dim", ints({16})});
  return settings;
}

inline const Settings kUNet{
    {"block_out_channels", ints({32, 64})},
    {"down_block_types", texts({"DownBlock2D", "CrossAttnDownBlock2D"})},
    {"up_block_types", texts({"CrossAttnUpBlock2D", "UpBlock2D"})},
    {"layers_per_block", ints({1})},
    {"transformer_layers_per_block", ints({1})},
    {"attention_head_dim", ints({2, 4})},
    {"cross_attention_dim", ints({32})},
    {"addition_time_embed_dim", ints({8})},
    {"projection_class_embeddings_input_dim", ints({64})},
};
inline const Settings kVae{{"block_out_channels", ints({16, 16, 32, 32})},
                           {"layers_per_block", ints({1})},
                           {"norm_num_groups", ints({8})}};

class PainterTest : public testing::Test {
 protected:
  void SetUp() override {
    start("sdxl", kUNet);
    start("clip-l", text_settings(false));
    start("clip-g", text_settings(true));
    start("sdxl-vae", kVae);
    file_ = std::filesystem::temp_directory_path() /
            ("painter_test_" + std::to_string(getpid()) + ".safetensors");
    std::vector<ModelToWrite> written;
    for (size_t i = 0; i < models_.size(); ++i)
      written.push_back({models_[i].get(), wanted_[i], *find_layout(*models_[i], "ldm")});
    const auto maker = [&](size_t model, const WantedParameter &parameter,
                           DType dtype) -> Result<HostTensor> {
      return random_weight(models_[model]->component(), parameter, 5, dtype);
    };
    const Status status = write_weights(file_, written, DType::kF32, {}, maker);
    ASSERT_TRUE(status.ok()) << status.error().text();
    Result<std::vector<WeightSet>> sets = open_weights(file_);
    ASSERT_TRUE(sets.ok()) << sets.error().text();
    sets_ = std::move(*sets);
    for (size_t i = 0; i < models_.size(); ++i) {
      Result<WeightMatch> match = match_weights(*models_[i], wanted_[i], sets_.front());
      ASSERT_TRUE(match.ok() && match->fits());
      matches_.push_back(std::make_unique<WeightMatch>(std::move(*match)));
    }
    paint_.denoiser = {models_[0].get(), matches_[0].get()};
    paint_.spec = *models_[0]->diffusion();
    for (size_t i = 1; i < models_.size(); ++i)
      paint_.parts.push_back({models_[i].get(), matches_[i].get()});
  }
  void TearDown() override { std::filesystem::remove(file_); }

  void start(const std::string &component, const Settings &settings) {
    Result<PluginModel> model = model_test::start_model(host_, component, settings);
    ASSERT_TRUE(model.ok()) << model.error().text();
    models_.push_back(std::make_unique<PluginModel>(std::move(*model)));
    Result<std::vector<WantedParameter>> wanted = parameters_of(*models_.back());
    ASSERT_TRUE(wanted.ok()) << wanted.error().text();
    wanted_.push_back(std::move(*wanted));
  }

  Result<PluginSampler> sampler(const std::string &name) {
    const Catalogue catalogue = Catalogue::scan({FLAME_PLUGINS});
    FLAME_ASSIGN(const Catalogue::Match match, catalogue.find(FLAME_KIND_SAMPLER, name));
    FLAME_ASSIGN(const StartedComponent started, host_.start(match));
    FLAME_ASSIGN(const AttributeList options, model_options(*match.component, {}));
    return PluginSampler::create(started.table<flame_sampler_interface>(), started.plugin->id(),
                                 name, options);
  }
  Result<Painter> painter(const PaintSettings &settings, const std::string &backend = "onednn",
                          const std::string &sampler_name = "euler") {
    FLAME_ASSIGN(const PluginSampler way, sampler(sampler_name));
    return Painter::make(paint_, way, settings, device(backend));
  }
  std::vector<float> drawn(const PaintSettings &settings, const PaintRequest &request,
                           const std::string &backend = "onednn",
                           const std::string &sampler_name = "euler") {
    const Result<Painter> made = painter(settings, backend, sampler_name);
    EXPECT_TRUE(made.ok()) << made.error().text();
    if (!made.ok()) return {};
    const Result<Picture> picture = made->paint(request);
    EXPECT_TRUE(picture.ok()) << picture.error().text();
    return picture.ok() ? picture->pixels : std::vector<float>();
  }

  // One program of a model with its weights, on the reference.
  TensorMap answers(size_t model, const std::string &program,
                    const std::vector<std::pair<std::string, int64_t>> &sizes, TensorMap given) {
    const Result<Program> built = models_[model]->build(program, sizes);
    EXPECT_TRUE(built.ok()) << built.error().text();
    for (const Parameter &parameter : built->parameters()) {
      for (const PlacedWeight &weight : matches_[model]->placed)
        if (weight.parameter == parameter.name)
          given[parameter.name] = *read_weight(weight, DType::kF32);
    }
    const Result<TensorMap> made = evaluate(device("reference"), *built, given);
    EXPECT_TRUE(made.ok()) << made.error().text();
    return made.ok() ? *made : TensorMap();
  }

  PluginHost host_{{}};
  std::vector<std::unique_ptr<PluginModel>> models_;
  std::vector<std::vector<WantedParameter>> wanted_;
  std::vector<std::unique_ptr<WeightMatch>> matches_;
  std::vector<WeightSet> sets_;
  std::filesystem::path file_;
  PaintModels paint_;
};

inline constexpr PaintSettings kSmall{.width = 32, .height = 16, .steps = 2};

inline double largest_difference(const std::vector<float> &a, const std::vector<float> &b) {
  if (a.size() != b.size() || a.empty()) return NAN;
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(a[i]) - b[i]));
  return largest;
}

}  // namespace flame::painter_test
