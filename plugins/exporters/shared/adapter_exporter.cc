#include "plugins/exporters/shared/adapter_exporter.h"

#include "flame/log.hpp"
#include "plugins/exporters/shared/training_facts.h"

namespace exporters {

void AdapterExporter::check(const flame::Parameters &parameters) const {
  sorted_tensors(parameters, layers_of(parameters));
}

void AdapterExporter::write(const flame::Parameters &parameters, flame::Attributes facts) {
  const std::vector<AdapterLayer> layers = layers_of(parameters);
  const std::vector<FileTensor> tensors = sorted_tensors(parameters, layers);
  Metadata metadata = training_metadata(facts, layers);
  add_hashes(metadata, data_hash(tensors));
  write_safetensors(options_.path, tensors, metadata);
  flame::log_debug("wrote ", layers.size(), " modules to ", options_.path);
}

FileTensor AdapterExporter::scaled(const flame::Parameters &parameters, std::string name,
                                   uint64_t index, double factor) const {
  const flame_dtype dtype = options_.dtype();
  return {std::move(name), dtype, parameters[index].shape, [&parameters, index, dtype, factor] {
            return read_scaled(parameters, index, dtype, factor);
          }};
}

std::vector<FileTensor> AdapterExporter::sorted_tensors(
    const flame::Parameters &parameters, const std::vector<AdapterLayer> &layers) const {
  std::vector<FileTensor> tensors;
  for (const AdapterLayer &layer : layers) add_layer(parameters, layer, tensors);
  sort_tensors(tensors);
  return tensors;
}

}  // namespace exporters
