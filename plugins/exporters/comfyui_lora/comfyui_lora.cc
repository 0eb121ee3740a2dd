// The exporter `comfyui-lora`: a LoRA under kohya's names, as ComfyUI, Forge and A1111 read it.
#include <algorithm>

#include "flame/plugin.hpp"
#include "plugins/exporters/shared/adapter_exporter.h"

namespace {

using exporters::AdapterLayer;
using exporters::FileTensor;

// A part of the model, how its modules begin, and the layout that names its layers: the UNet is
// numbered as in single files, the encoders are named as transformers does, whatever the file.
struct Part {
  std::string_view name, beginning, layout;
};
constexpr Part kParts[] = {
    {"unet", "lora_unet_", "ldm"},
    {"transformer", "lora_unet_", "bfl"},
    {"text_encoder", "lora_te1_", ""},
    {"text_encoder_2", "lora_te2_", ""},
};

const Part &part_of(std::string_view name) {
  return *std::find_if(std::begin(kParts), std::end(kParts),
                       [&](const Part &part) { return part.name == name; });
}

std::string stem_of(const AdapterLayer &layer) {
  std::string stem = flame::text(part_of(layer.part).beginning, layer.name);
  std::replace(stem.begin(), stem.end(), '.', '_');
  return stem;
}

std::vector<char> bytes_of(float number) {
  const char *bytes = reinterpret_cast<const char *>(&number);
  return {bytes, bytes + sizeof number};
}

class ComfyUiLora : public exporters::AdapterExporter {
 public:
  struct Options : exporters::FileOptions {
    void describe(flame::OptionTable &table) {
      FileOptions::describe(table, "The type of the numbers; alphas are f32.");
    }
  };

  explicit ComfyUiLora(const Options &options) : AdapterExporter(options) {}

  std::string_view layer_layout(std::string_view part) const override {
    for (const Part &known : kParts) {
      if (known.name == part) return known.layout;
    }
    return {};
  }

 private:
  std::vector<AdapterLayer> layers_of(const flame::Parameters &parameters) const override {
    std::vector<std::string> names;
    for (const Part &part : kParts) names.emplace_back(part.name);
    return exporters::adapter_layers(parameters, names);
  }

  void add_layer(const flame::Parameters &parameters, const AdapterLayer &layer,
                 std::vector<FileTensor> &tensors) const override {
    const std::string stem = stem_of(layer);
    // Of a rank of 1, some programs take another axis for the rank: the factor goes into `up`.
    const double factor = layer.rank == 1 ? layer.alpha : 1;
    tensors.push_back(scaled(parameters, stem + ".lora_down.weight", layer.down, 1));
    tensors.push_back(scaled(parameters, stem + ".lora_up.weight", layer.up, factor));
    if (layer.rank == 1) return;
    const auto alpha = static_cast<float>(layer.alpha);
    tensors.push_back({stem + ".alpha", FLAME_DTYPE_F32, {}, [alpha] { return bytes_of(alpha); }});
  }
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.comfyui-lora").version("0.1.0").vendor("The flamehost authors");
  plugin.license("Apache-2.0").summary("Writes LoRAs for ComfyUI, Forge and A1111.");
  plugin.needs_service(FLAME_FILES_ID);
  plugin.add<ComfyUiLora>("comfyui-lora",
                          "A LoRA under kohya's names, as ComfyUI, Forge and A1111 read it.");
}
