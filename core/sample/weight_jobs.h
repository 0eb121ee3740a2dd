// Which weights go where: the parameters of planned programs against those that were found in files.
#pragma once

#include <map>
#include <span>
#include <string>

#include "core/io/weight_loader.h"
#include "core/sample/image_program.h"

namespace flame {

// What adapters of files add to parameters, by name.
using WeightChanges = std::map<std::string, std::vector<WeightChange>>;

// A model and where its weights stand.
struct PaintModel {
  const PluginModel *model = nullptr;
  const WeightMatch *weights = nullptr;
  const WeightChanges *changes = nullptr;  // null: none
};

// The parameters of a program whose names begin with `prefix`.
std::vector<ImageProgram::ParameterPlace> places_of(const Executable &program,
                                                    std::string_view prefix);

// Appends a job for each of `places`, whose names begin with `prefix` ("vae/"). The jobs point into the
// model. Errors (kBadConfig): a parameter without a weight.
Status add_jobs(const PaintModel &model, std::span<const ImageProgram::ParameterPlace> places,
                const std::string &prefix, std::vector<WeightJob> &jobs);

}  // namespace flame
