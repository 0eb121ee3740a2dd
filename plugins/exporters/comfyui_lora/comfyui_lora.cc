// The exporter `comfyui-lora`: a LoRA under kohya's names, as ComfyUI, Forge and A1111 read it.
#include <algorithm>

#include "flame/plugin.hpp"
#include "plugins/exporters/shared/training_facts.h"

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

std::vector<AdapterLayer> layers_of(const flame::Parameters &parameters) {
  std::vector<std::string> names;
  for (const Part &part : kParts) names.emplace_back(part.name);
  return exporters::adapter_layers(parameters, names);
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

class ComfyUiLora : public flame::Exporter {
 public:
  struct Options {
    std::string path;
    std::string precision = "f16";

    void describe(flame::OptionTable &table) {
      table.path("path", path, "The file to write.").required();
      table
          .choice("precision", precision, {"f16", "bf16", "f32"},
                  "The type of the numbers; alphas are f32.")
          .alias("save_precision");
    }
  };

  explicit ComfyUiLora(const Options &options) : options_(options) {}

  void check(const flame::Parameters &parameters) const override {
    std::vector<FileTensor> tensors = tensors_of(parameters, layers_of(parameters));
    exporters::sort_tensors(tensors);
  }

  std::string_view layer_layout(std::string_view part) const override {
    for (const Part &known : kParts) {
      if (known.name == part) return known.layout;
    }
    return {};
  }

  void write(const flame::Parameters &parameters, flame::Attributes facts) override {
    const std::vector<AdapterLayer> layers = layers_of(parameters);
    std::vector<FileTensor> tensors = tensors_of(parameters, layers);
    exporters::sort_tensors(tensors);
    exporters::Metadata metadata = exporters::training_metadata(facts, layers);
    exporters::add_hashes(metadata, exporters::data_hash(tensors));
    exporters::write_safetensors(options_.path, tensors, metadata);
    flame::log_debug("wrote ", layers.size(), " modules to ", options_.path);
  }

 private:
  std::vector<FileTensor> tensors_of(const flame::Parameters &parameters,
                                     const std::vector<AdapterLayer> &layers) const {
    std::vector<FileTensor> tensors;
    for (const AdapterLayer &layer : layers) {
      const std::string stem = stem_of(layer);
      // Of a rank of 1, some programs take another axis for the rank: the factor goes into `up`.
      const double factor = layer.rank == 1 ? layer.alpha : 1;
      add(tensors, parameters, stem + ".lora_down.weight", layer.down, 1);
      add(tensors, parameters, stem + ".lora_up.weight", layer.up, factor);
      if (layer.rank == 1) continue;
      const auto alpha = static_cast<float>(layer.alpha);
      tensors.push_back(
          {stem + ".alpha", FLAME_DTYPE_F32, {}, [alpha] { return bytes_of(alpha); }});
    }
    return tensors;
  }

  void add(std::vector<FileTensor> &tensors, const flame::Parameters &parameters, std::string name,
           uint64_t index, double factor) const {
    const flame_dtype dtype = exporters::dtype_of(options_.precision);
    tensors.push_back(
        {std::move(name), dtype, parameters[index].shape, [&parameters, index, dtype, factor] {
           return exporters::read_scaled(parameters, index, dtype, factor);
         }});
  }

  Options options_;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.comfyui-lora").version("0.1.0").vendor("The flamehost authors");
  plugin.license("Apache-2.0").summary("Writes LoRAs for ComfyUI, Forge and A1111.");
  plugin.needs_service(FLAME_FILES_ID);
  plugin.add<ComfyUiLora>("comfyui-lora",
                          "A LoRA under kohya's names, as ComfyUI, Forge and A1111 read it.");
}
