// Writes models into one file, in any layout that they name: reading, the other way round.
#pragma once

#include <functional>

#include "core/io/safetensors_writer.h"
#include "core/io/weight_loader.h"

namespace flame {

// A model and how the file is to hold it. Borrowed.
struct ModelToWrite {
  const PluginModel *model = nullptr;
  std::span<const WantedParameter> parameters;
  size_t layout = 0;  // of the model; its first prefix is written
};

// The parameter of that model (an index) in the type asked for.
using ParameterMaker =
    std::function<Result<HostTensor>(size_t model, const WantedParameter &parameter, DType dtype)>;

// Holds one tensor at a time. Errors: kStorage; kBadPlugin if a layout does not cover a tensor;
// kFailed if two models would use one name.
Status write_weights(const std::filesystem::path &path, std::span<const ModelToWrite> models,
                     DType dtype, const FileMetadata &metadata, const ParameterMaker &make,
                     const LoadProgress &progress = {});

// The index of the layout of that name. Error (kBadConfig): names those that there are.
Result<size_t> find_layout(const PluginModel &model, std::string_view name);

// Numbers of sane size for tests and benchmarks: matrices even in ±√(3 / fan-in), which keeps the
// size of what they are multiplied with; ones for other weights, zeros for biases. They depend on
// the seed and the names alone, so that every layout of a seed holds the same model.
HostTensor random_weight(std::string_view component, const WantedParameter &parameter,
                         uint64_t seed, DType dtype);

}  // namespace flame
