#include "core/sample/program_weights.h"

#include <fmt/core.h>

#include <unordered_map>

namespace flame {
namespace {

std::span<const WeightChange> changes_of(const PaintModel &model, const std::string &parameter) {
  if (!model.changes) return {};
  const auto found = model.changes->find(parameter);
  if (found == model.changes->end()) return {};
  return found->second;
}

}  // namespace

Result<std::vector<WeightJob>> weight_jobs(const Executable &program, std::string_view prefix,
                                           const PaintModel &model) {
  std::unordered_map<std::string_view, const PlacedName *> places;
  for (const PlacedName &parameter : program.placed().parameters) {
    const std::string_view name = parameter.name;
    if (name.starts_with(prefix)) places[name.substr(prefix.size())] = &parameter;
  }
  std::vector<WeightJob> jobs;
  for (const PlacedWeight &weight : model.weights->placed) {
    const auto found = places.find(weight.parameter);
    if (found == places.end()) continue;  // of a program that is not needed
    const PlacedTensor &tensor = found->second->tensor;
    jobs.push_back({&weight, tensor.typed.dtype, program.address(tensor.storage),
                    changes_of(model, weight.parameter)});
    places.erase(found);
  }
  if (places.empty()) return jobs;
  return config_error(fmt::format("no weights are given for '{}' of {}", places.begin()->first,
                                  prefix.substr(0, prefix.size() - 1)),
                      "'flamehost weights check' lists all that a file lacks");
}

}  // namespace flame
