// The exporter `diffusers-lora`: a LoRA under PEFT's names, as diffusers reads it.
#include "flame/plugin.hpp"
#include "plugins/exporters/shared/adapter_exporter.h"

namespace {

using exporters::AdapterLayer;
using exporters::FileTensor;

// The parts of a pipeline of diffusers, which are the beginnings of its keys.
const std::vector<std::string> kParts = {"unet", "transformer", "text_encoder", "text_encoder_2"};

class DiffusersLora : public exporters::AdapterExporter {
 public:
  struct Options : exporters::FileOptions {
    void describe(flame::OptionTable &table) {
      FileOptions::describe(table, "The type of the numbers.");
    }
  };

  explicit DiffusersLora(const Options &options) : AdapterExporter(options) {}

 private:
  std::vector<AdapterLayer> layers_of(const flame::Parameters &parameters) const override {
    return exporters::adapter_layers(parameters, kParts);
  }

  // Such files have no alpha, which stands for the rank: the factor goes into lora_B.
  void add_layer(const flame::Parameters &parameters, const AdapterLayer &layer,
                 std::vector<FileTensor> &tensors) const override {
    const std::string stem = flame::text(layer.part, ".", layer.name);
    const double factor = layer.alpha / static_cast<double>(layer.rank);
    tensors.push_back(scaled(parameters, stem + ".lora_A.weight", layer.down, 1));
    tensors.push_back(scaled(parameters, stem + ".lora_B.weight", layer.up, factor));
  }
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.diffusers-lora").version("0.1.0").vendor("The flamehost authors");
  plugin.license("Apache-2.0").summary("Writes LoRAs for diffusers.");
  plugin.needs_service(FLAME_FILES_ID);
  plugin.add<DiffusersLora>("diffusers-lora", "A LoRA under PEFT's names, as diffusers reads it.");
}
