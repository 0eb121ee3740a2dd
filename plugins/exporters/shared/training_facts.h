// The metadata that trainers and programs for pictures read, from the facts of a training.
#pragma once

#include <vector>

#include "plugins/exporters/shared/adapter_layers.h"

namespace exporters {

// Facts of flamehost under kohya's names (ss_…) and those of ModelSpec; a fact whose name has such a
// beginning stays as it is, and the others stand under "flamehost.". Nothing is made up: what the
// facts do not say is left out, but for what the layers say themselves.
Metadata training_metadata(flame::Attributes facts, const std::vector<AdapterLayer> &layers);

// The same of a whole model, without what is said of a LoRA.
Metadata model_metadata(flame::Attributes facts);

// What names the data: two keys that other programs read instead of hashing the file.
void add_hashes(Metadata &metadata, const std::string &data_hash);

}  // namespace exporters
