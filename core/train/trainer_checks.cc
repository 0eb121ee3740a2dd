// A pass of a trainer by itself, from which nothing is learned: its answers, gradients and values.
#include <cmath>

#include "core/runtime/conformance/fill.h"
#include "core/tensor/convert.h"
#include "core/tensor/numbers.h"
#include "core/train/accumulate.h"
#include "core/train/trainer.h"

namespace flame {
namespace {

// The last digit stands in the first byte, whatever the type.
void flip_digits(HostTensor &tensor, uint64_t seed) {
  constexpr uint64_t kMix = 0x9e3779b97f4a7c15U;
  const auto size = static_cast<size_t>(size_bytes(tensor.type.dtype));
  for (size_t i = 0; i * size < tensor.bytes.size(); ++i)
    tensor.bytes[i * size] ^= std::byte((((seed + i) * kMix) >> 63) & 1);
}

}  // namespace

Status Trainer::run_alone(const PassInput &batch) {
  FLAME_TRY(settle());
  if (passes_ != 0) {
    return Error{ErrorKind::kFailed, "a check was asked for in the middle of a step", ""};
  }
  Slot slot;
  FLAME_TRY(upload_batch(slot, batch, false));
  FLAME_TRY(copies_.synchronize());
  FLAME_TRY(programs_[batch.bucket]->run(work_));
  return work_.synchronize();
}

Result<TensorMap> Trainer::evaluate(const PassInput &batch) {
  FLAME_TRY(run_alone(batch));
  TensorMap answers;
  const Executable &program = *programs_[batch.bucket];
  for (const std::string_view name : {kLossOutput, kLossesOutput, kPredictionOutput}) {
    HostTensor &tensor = answers[std::string(name)];
    tensor.type = program.placed().find_output(name)->tensor.typed.type();
    tensor.bytes.resize(static_cast<size_t>(tensor.type.size_bytes()));
    FLAME_TRY(program.read(work_, name, tensor.bytes));
  }
  FLAME_TRY(work_.synchronize());
  return answers;
}

Result<TensorMap> Trainer::gradients() {
  FLAME_ASSIGN(TensorMap gradients, sliced(gradient_name));
  if (!update_->placed().find_input(kLossScaleName)) return gradients;
  float scale = 1;
  FLAME_TRY(update_->read(work_, kLossScaleName, std::as_writable_bytes(std::span(&scale, 1))));
  FLAME_TRY(work_.synchronize());
  for (auto &[name, tensor] : gradients) {
    std::vector<double> numbers = numbers_of(tensor);
    for (double &number : numbers) number /= scale;
    tensor = tensor_of(tensor.type, numbers);
  }
  return gradients;
}

Result<HostTensor> Trainer::tensor(size_t bucket, std::string_view name) {
  const Executable &program = *programs_[bucket];
  const PlacedName *input = program.placed().find_input(name);
  const PlacedName *found = input ? input : program.placed().find_parameter(name);
  HostTensor tensor;
  tensor.type = found->tensor.typed.type();
  tensor.bytes.resize(static_cast<size_t>(tensor.type.size_bytes()));
  FLAME_TRY(program.read(work_, name, tensor.bytes));
  FLAME_TRY(work_.synchronize());
  return tensor;
}

Status Trainer::change_weights(
    const std::function<bool(const std::string &name, HostTensor &)> &change) {
  for (const PlacedName &parameter : programs_.front()->placed().parameters) {
    FLAME_ASSIGN(HostTensor tensor, this->tensor(0, parameter.name));
    if (!is_float(tensor.type.dtype) || !change(parameter.name, tensor)) continue;
    FLAME_TRY(programs_.front()->write(work_, parameter.name, tensor.bytes));
    FLAME_TRY(work_.synchronize());
  }
  return {};
}

Status Trainer::round_weights(DType dtype) {
  return change_weights([&](const std::string &, HostTensor &tensor) {
    const DType own = tensor.type.dtype;
    if (size_bytes(own) <= size_bytes(dtype)) return false;
    HostTensor rounded{{dtype, tensor.type.shape}, {}};
    rounded.bytes.resize(static_cast<size_t>(rounded.type.size_bytes()));
    convert_elements(own, tensor.bytes, dtype, rounded.bytes);
    convert_elements(dtype, rounded.bytes, own, tensor.bytes);
    return true;
  });
}

Status Trainer::flip_last_digits(uint64_t seed) {
  const auto flip = [&](const std::string &name, HostTensor &tensor) {
    flip_digits(tensor, seed ^ conformance::hash_of(name));
    return true;
  };
  FLAME_ASSIGN(TensorMap learned, parameters());
  for (auto &[name, tensor] : learned) flip(name, tensor);
  FLAME_TRY(set_parameters(learned));
  return change_weights(flip);
}

Result<std::vector<double>> Trainer::gradient_norms(const PassInput &batch) {
  FLAME_TRY(run_alone(batch));
  FLAME_ASSIGN(const TensorMap gradients, sliced(gradient_name));
  std::vector<double> norms;
  for (const Parameter &parameter : plan_.trained) {
    double squares = 0;
    for (const double x : numbers_of(gradients.at(parameter.name))) squares += x * x;
    norms.push_back(std::sqrt(squares));
  }
  return norms;
}

}  // namespace flame
