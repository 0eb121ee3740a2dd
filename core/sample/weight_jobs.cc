#include "core/sample/weight_jobs.h"

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

std::vector<ImageProgram::ParameterPlace> places_of(const Executable &program,
                                                    std::string_view prefix) {
  std::vector<ImageProgram::ParameterPlace> places;
  for (const PlacedName &parameter : program.placed().parameters) {
    if (!parameter.name.starts_with(prefix)) continue;
    places.push_back(
        {parameter.name, parameter.tensor.typed.dtype, program.address(parameter.tensor.storage)});
  }
  return places;
}

Status add_jobs(const PaintModel &model, std::span<const ImageProgram::ParameterPlace> places,
                const std::string &prefix, std::vector<WeightJob> &jobs) {
  std::unordered_map<std::string_view, const ImageProgram::ParameterPlace *> missing;
  for (const ImageProgram::ParameterPlace &place : places)
    missing[std::string_view(place.name).substr(prefix.size())] = &place;
  for (const PlacedWeight &weight : model.weights->placed) {
    const auto found = missing.find(weight.parameter);
    if (found == missing.end()) continue;  // of a program that is not run
    jobs.push_back(
        {&weight, found->second->dtype, found->second->to, changes_of(model, weight.parameter)});
    missing.erase(found);
  }
  if (missing.empty()) return {};
  return config_error(fmt::format("no weights are given for '{}' of {}", missing.begin()->first,
                                  prefix.substr(0, prefix.size() - 1)),
                      "'flamehost weights check' lists all that a file lacks");
}

}  // namespace flame
