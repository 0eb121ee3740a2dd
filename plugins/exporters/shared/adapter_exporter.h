// What the exporters of LoRAs share: a file of an adapter's layers, sorted, with a training's facts and the hash of
// its data. They differ in the tensors of a layer.
#pragma once

#include "plugins/exporters/shared/adapter_layers.h"
#include "plugins/exporters/shared/file_options.h"

namespace exporters {

class AdapterExporter : public flame::Exporter {
 public:
  void check(const flame::Parameters &parameters) const override;
  void write(const flame::Parameters &parameters, flame::Attributes facts) override;

 protected:
  explicit AdapterExporter(const FileOptions &options) : options_(options) {}

  // The layers of the parts that this exporter knows.
  virtual std::vector<AdapterLayer> layers_of(const flame::Parameters &parameters) const = 0;
  // Adds a layer's tensors, in any order.
  virtual void add_layer(const flame::Parameters &parameters, const AdapterLayer &layer,
                         std::vector<FileTensor> &tensors) const = 0;
  // The parameter times `factor`, in the type of the file. Lives no longer than `parameters`.
  FileTensor scaled(const flame::Parameters &parameters, std::string name, uint64_t index,
                    double factor) const;

 private:
  std::vector<FileTensor> sorted_tensors(const flame::Parameters &parameters,
                                         const std::vector<AdapterLayer> &layers) const;

  FileOptions options_;
};

}  // namespace exporters
