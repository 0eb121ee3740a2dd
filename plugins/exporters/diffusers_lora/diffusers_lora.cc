// The exporter `diffusers-lora`: a LoRA under PEFT's names, as diffusers reads it.
#include "flame/plugin.hpp"
#include "plugins/exporters/shared/training_facts.h"

namespace {

using exporters::AdapterLayer;
using exporters::FileTensor;

// The parts of a pipeline of diffusers, which are the beginnings of its keys.
const std::vector<std::string> kParts = {"unet", "transformer", "text_encoder", "text_encoder_2"};

class DiffusersLora : public flame::Exporter {
 public:
  struct Options {
    std::string path;
    std::string precision = "f16";

    void describe(flame::OptionTable &table) {
      table.path("path", path, "The file to write.").required();
      table.choice("precision", precision, {"f16", "bf16", "f32"}, "The type of the numbers.")
          .alias("save_precision");
    }
  };

  explicit DiffusersLora(const Options &options) : options_(options) {}

  void check(const flame::Parameters &parameters) const override {
    std::vector<FileTensor> tensors =
        tensors_of(parameters, exporters::adapter_layers(parameters, kParts));
    exporters::sort_tensors(tensors);
  }

  void write(const flame::Parameters &parameters, flame::Attributes facts) override {
    const std::vector<AdapterLayer> layers = exporters::adapter_layers(parameters, kParts);
    std::vector<FileTensor> tensors = tensors_of(parameters, layers);
    exporters::sort_tensors(tensors);
    exporters::Metadata metadata = exporters::training_metadata(facts, layers);
    exporters::add_hashes(metadata, exporters::data_hash(tensors));
    exporters::write_safetensors(options_.path, tensors, metadata);
    flame::log_debug("wrote ", layers.size(), " modules to ", options_.path);
  }

 private:
  // Such files have no alpha, which stands for the rank: the factor goes into lora_B.
  std::vector<FileTensor> tensors_of(const flame::Parameters &parameters,
                                     const std::vector<AdapterLayer> &layers) const {
    const flame_dtype dtype = exporters::dtype_of(options_.precision);
    std::vector<FileTensor> tensors;
    const auto add = [&](const std::string &name, uint64_t index, double factor) {
      tensors.push_back({name, dtype, parameters[index].shape, [&parameters, index, dtype, factor] {
                           return exporters::read_scaled(parameters, index, dtype, factor);
                         }});
    };
    for (const AdapterLayer &layer : layers) {
      const std::string stem = flame::text(layer.part, ".", layer.name);
      add(stem + ".lora_A.weight", layer.down, 1);
      add(stem + ".lora_B.weight", layer.up, layer.alpha / static_cast<double>(layer.rank));
    }
    return tensors;
  }

  Options options_;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.diffusers-lora").version("0.1.0").vendor("The flamehost authors");
  plugin.license("Apache-2.0").summary("Writes LoRAs for diffusers.");
  plugin.needs_service(FLAME_FILES_ID);
  plugin.add<DiffusersLora>("diffusers-lora", "A LoRA under PEFT's names, as diffusers reads it.");
}
