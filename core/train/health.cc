#include "core/train/health.h"

#include <cmath>

#include "core/tensor/numbers.h"
#include "core/train/random_streams.h"
#include "flame/philox.hpp"

namespace flame {
namespace {

// Small, so that the model stays in the range that it was trained in.
constexpr double kProbeReach = 0.02;

// Weights of the model itself are not drawn: they are numbers already.
TensorMap drawn_like(const TensorMap &parameters, const TrainPlan &plan) {
  TensorMap drawn = parameters;
  int64_t counter = 0;
  for (auto &[name, tensor] : drawn) {
    if (plan.own_weights.contains(name)) continue;
    std::vector<double> numbers(static_cast<size_t>(tensor.type.shape.element_count()));
    for (size_t i = 0; i < numbers.size(); ++i) {
      const PhiloxWords words = random_words(0, counter, kProbeStream, i / 4);
      numbers[i] = kProbeReach * (2 * uniform_of(words[i % 4]) - 1);
    }
    tensor = tensor_of(tensor.type, numbers);
    ++counter;
  }
  return drawn;
}

}  // namespace

Result<std::vector<std::string>> parameters_without_gradient(Trainer &trainer,
                                                             const PassInput &batch) {
  FLAME_ASSIGN(const TensorMap start, trainer.parameters());
  FLAME_TRY(trainer.set_parameters(drawn_like(start, trainer.plan())));
  const Result<std::vector<double>> norms = trainer.gradient_norms(batch);
  FLAME_TRY(trainer.set_parameters(start));
  if (!norms.ok()) return norms.error();
  std::vector<std::string> without;
  for (size_t i = 0; i < norms->size(); ++i) {
    const double norm = (*norms)[i];
    if (norm == 0 || !std::isfinite(norm)) without.push_back(trainer.plan().trained[i].name);
  }
  return without;
}

Result<double> effect(Trainer &trainer, const PassInput &batch, const TensorMap &start) {
  FLAME_ASSIGN(const TensorMap trained, trainer.parameters());
  FLAME_ASSIGN(const TensorMap with, trainer.evaluate(batch));
  FLAME_TRY(trainer.set_parameters(start));
  const Result<TensorMap> without = trainer.evaluate(batch);
  FLAME_TRY(trainer.set_parameters(trained));
  if (!without.ok()) return without.error();
  const std::string name(kPredictionOutput);
  const std::vector<double> a = numbers_of(with.at(name)), b = numbers_of(without->at(name));
  double distance = 0, length = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    distance += (a[i] - b[i]) * (a[i] - b[i]);
    length += b[i] * b[i];
  }
  return length == 0 ? 0 : std::sqrt(distance / length);
}

}  // namespace flame
