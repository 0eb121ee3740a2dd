// SDXL's models, small and with random weights, ready to draw and to learn.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "core/io/weight_writer.h"
#include "core/sample/paint_programs.h"
#include "tests/models/started_model.h"

namespace flame::model_test {

inline std::vector<Scalar> ints(std::initializer_list<int64_t> items) {
  return {items.begin(), items.end()};
}
inline std::vector<Scalar> texts(std::initializer_list<const char *> items) {
  std::vector<Scalar> list;
  for (const char *item : items) list.emplace_back(std::string(item));
  return list;
}

// The models in the order denoiser, clip-l, clip-g, vae. Latents are an eighth of a picture.
class SmallSdxl {
 public:
  // `unet` are options of the denoiser beside its sizes.
  Status make(const Settings &unet = {}) {
    Settings denoiser{{"block_out_channels", ints({32, 64})},
                      {"down_block_types", texts({"DownBlock2D", "CrossAttnDownBlock2D"})},
                      {"up_block_types", texts({"CrossAttnUpBlock2D", "UpBlock2D"})},
                      {"layers_per_block", ints({1})},
                      {"transformer_layers_per_block", ints({1})},
                      {"attention_head_dim", ints({2, 4})},
                      {"cross_attention_dim", ints({32})},
                      {"addition_time_embed_dim", ints({8})},
                      {"projection_class_embeddings_input_dim", ints({64})}};
    denoiser.insert(denoiser.end(), unet.begin(), unet.end());
    Settings text{{"hidden_size", ints({16})},
                  {"num_hidden_layers", ints({2})},
                  {"num_attention_heads", ints({2})},
                  {"intermediate_size", ints({32})}};
    FLAME_TRY(start("sdxl", denoiser));
    FLAME_TRY(start("clip-l", text));
    text.push_back({"projection_dim", ints({16})});
    FLAME_TRY(start("clip-g", text));
    FLAME_TRY(start("sdxl-vae", {{"block_out_channels", ints({16, 16, 32, 32})},
                                 {"layers_per_block", ints({1})},
                                 {"norm_num_groups", ints({8})}}));
    return load();
  }
  ~SmallSdxl() { std::filesystem::remove(file); }

  PluginHost host{{}};
  std::vector<std::unique_ptr<PluginModel>> models;
  std::vector<std::unique_ptr<WeightMatch>> matches;
  PaintModels paint;
  std::filesystem::path file = std::filesystem::temp_directory_path() /
                               ("small_sdxl_" + std::to_string(getpid()) + ".safetensors");

 private:
  Status start(const std::string &component, const Settings &settings) {
    FLAME_ASSIGN(PluginModel model, start_model(host, component, settings));
    models.push_back(std::make_unique<PluginModel>(std::move(model)));
    FLAME_ASSIGN(auto wanted, parameters_of(*models.back()));
    wanted_.push_back(std::move(wanted));
    return {};
  }

  // Writes random weights as a checkpoint and finds them there.
  Status load() {
    std::vector<ModelToWrite> written;
    for (size_t i = 0; i < models.size(); ++i)
      written.push_back({models[i].get(), wanted_[i], *find_layout(*models[i], "ldm")});
    const auto maker = [&](size_t model, const WantedParameter &parameter,
                           DType dtype) -> Result<HostTensor> {
      return random_weight(models[model]->component(), parameter, 5, dtype);
    };
    FLAME_TRY(write_weights(file, written, DType::kF32, {}, maker));
    FLAME_ASSIGN(sets_, open_weights(file));
    for (size_t i = 0; i < models.size(); ++i) {
      FLAME_ASSIGN(WeightMatch match, match_weights(*models[i], wanted_[i], sets_.front()));
      matches.push_back(std::make_unique<WeightMatch>(std::move(match)));
    }
    FLAME_ASSIGN(paint.spec, models[0]->diffusion());
    paint.denoiser = {models[0].get(), matches[0].get()};
    for (size_t i = 1; i < models.size(); ++i)
      paint.parts.push_back({models[i].get(), matches[i].get()});
    return {};
  }

  std::vector<std::vector<WantedParameter>> wanted_;
  std::vector<WeightSet> sets_;
};

}  // namespace flame::model_test
