#include "core/train/step_check.h"

#include <algorithm>
#include <cmath>

#include "core/runtime/conformance/fill.h"
#include "core/tensor/convert.h"
#include "core/tensor/numbers.h"

namespace flame {
namespace {

using conformance::Tier;

// Small beside what else a layer answers, so that the model stays in the range that it was made for.
constexpr double kStartReach = 0.1;

// Some 24 blocks of two attentions and a feed-forward with LoRAs, forward and backward; SDXL as published
// has twice that, a tiny one half.
constexpr size_t kDeep = 1000;
constexpr double kMargin = 2;

// Right backends are off by 2.4 times what one flip in three changes at most, in the median of a tiny SDXL's
// gradients, and by 3.1 times in one of twenty.
constexpr uint64_t kFlips = 3;
constexpr double kOfDigits = 5;

HostTensor in_type(const HostTensor &tensor, DType dtype) {
  HostTensor made{{dtype, tensor.type.shape}, {}};
  made.bytes.resize(static_cast<size_t>(made.type.size_bytes()));
  convert_elements(tensor.type.dtype, tensor.bytes, dtype, made.bytes);
  return made;
}

void round_to(HostTensor &tensor, DType compute) {
  const DType own = tensor.type.dtype;
  if (is_float(own) && size_bytes(compute) < size_bytes(own))
    tensor = in_type(in_type(tensor, compute), own);
}

double scalar(const TensorMap &answers, std::string_view name) {
  return numbers_of(answers.at(std::string(name))).front();
}

}  // namespace

size_t depth_of(const Program &program) {
  std::vector<size_t> depth(program.values().size(), 0);
  size_t deepest = 0;
  for (const Node &node : program.nodes()) {
    size_t own = 0;
    for (const ValueId input : node.inputs) own = std::max(own, depth[input]);
    if (node.op->precision.role == PrecisionRole::kNarrow) ++own;
    for (const ValueId output : node.outputs) depth[output] = own;
    deepest = std::max(deepest, own);
  }
  return deepest;
}

Tier step_tier(DType compute, bool tf32, size_t depth) {
  if (compute != DType::kF32) return {name_of(compute), {5e-2, 1.5e-2}, 2e-3, 1e-3, 1e-2};
  if (tf32) return {"tf32", {2e-2, 2e-2}, 1e-2, 1e-3};
  const double each = depth > kDeep ? 2e-5 : 1e-5;
  // A gradient of few numbers is off in its size by as much as in its direction.
  return {"f32", {each, each}, 2e-6, 1e-9};
}

Tier widened_tier(Tier tier, const StepCheck &rounded) {
  double error = 0, ratio = 0, angle = 0;
  for (const auto *check : {&rounded.answers, &rounded.gradients}) {
    for (const conformance::OutputCheck &output : check->outputs) {
      error = std::max(error, output.difference.norm_relative);
      ratio = std::max(ratio, output.difference.norm_ratio);
      angle = std::max(angle, output.difference.one_minus_cosine);
    }
  }
  const double together = rounded.gradients.joined_error;
  tier.each.norm_relative = std::max(tier.each.norm_relative, kMargin * error);
  tier.each.norm_ratio = std::max(tier.each.norm_ratio, kMargin * ratio);
  tier.one_minus_cosine = std::max(tier.one_minus_cosine, kMargin * kMargin * angle);
  tier.middle =
      std::max({tier.middle, kMargin * together, kMargin * rounded.gradients.median_error});
  // Roundings of many tensors cancel in the size of all; a wrong factor does not.
  tier.joined_ratio = std::max(tier.joined_ratio, together / 4);
  return tier;
}

TensorMap moved_start(const TrainPlan &plan, const TensorMap &start, uint64_t seed, DType compute) {
  TensorMap moved;
  for (const Parameter &parameter : plan.trained) {
    HostTensor tensor = start.at(parameter.name);
    if (parameter.initial.kind == Initial::Kind::kConstant) {
      const Shape &shape = tensor.type.shape;
      const int64_t rows = shape.rank() == 0 ? 1 : std::max<int64_t>(shape[0], 1);
      const auto inner = static_cast<double>(std::max<int64_t>(shape.element_count() / rows, 1));
      const std::vector<double> normal =
          conformance::numbers_for(conformance::Content::kNormal, tensor.type, 0,
                                   seed ^ conformance::hash_of(parameter.name));
      std::vector<double> numbers = numbers_of(tensor);
      for (size_t i = 0; i < numbers.size(); ++i)
        numbers[i] += kStartReach / std::sqrt(inner) * normal[i];
      tensor = tensor_of(tensor.type, numbers);
    }
    round_to(tensor, compute);
    moved[parameter.name] = std::move(tensor);
  }
  return moved;
}

void round_states(PassInput &input, DType compute) {
  for (auto &[name, tensor] : input.tensors)
    if (name.find('.') != std::string::npos) round_to(tensor, compute);
}

Result<StepCheck> check_step(Trainer &reference, Trainer &candidate, const PassInput &input,
                             const Tier &tier) {
  StepCheck check;
  FLAME_ASSIGN(const TensorMap expected, reference.evaluate(input));
  FLAME_ASSIGN(const TensorMap seen, candidate.evaluate(input));
  check.answers = conformance::compare_outputs(
      {std::string(kLossOutput), std::string(kLossesOutput), std::string(kPredictionOutput)},
      expected, seen, tier);
  check.reference_loss = scalar(expected, kLossOutput);
  check.loss = scalar(seen, kLossOutput);
  FLAME_ASSIGN(const TensorMap right, reference.gradients());
  FLAME_ASSIGN(const TensorMap tried, candidate.gradients());
  std::vector<std::string> names;
  for (const Parameter &parameter : reference.plan().trained) names.push_back(parameter.name);
  check.gradients = conformance::compare_outputs(names, right, tried, tier);
  return check;
}

Status judge_by_last_digits(Trainer &reference, const PassInput &input, StepCheck &check) {
  std::vector<conformance::OutputCheck *> wrong;
  for (conformance::OutputCheck &output : check.gradients.outputs)
    if (!output.wrong.empty() && output.difference.first.empty()) wrong.push_back(&output);
  if (wrong.empty()) return {};
  FLAME_ASSIGN(const TensorMap right, reference.gradients());
  std::vector<double> most(wrong.size(), 0);
  for (uint64_t seed = 1; seed <= kFlips; ++seed) {
    FLAME_TRY(reference.flip_last_digits(seed));
    FLAME_ASSIGN(const TensorMap unused, reference.evaluate(input));
    FLAME_ASSIGN(const TensorMap moved, reference.gradients());
    FLAME_TRY(reference.flip_last_digits(seed));
    for (size_t i = 0; i < wrong.size(); ++i) {
      const auto change =
          conformance::compare_numbers(right.at(wrong[i]->name), moved.at(wrong[i]->name));
      most[i] = std::max(most[i], change.norm_relative);
    }
  }
  FLAME_ASSIGN(const TensorMap unused, reference.evaluate(input));
  for (size_t i = 0; i < wrong.size(); ++i)
    conformance::allow(*wrong[i], check.gradients.tier, kOfDigits * most[i]);
  return {};
}

Result<conformance::LockstepCheck> check_step_ops(
    Trainer &reference, Device &reference_device, const Program &program, size_t bucket,
    Device &candidate_device, const std::function<Status(size_t, size_t)> &progress) {
  conformance::LockstepRequest request;
  request.progress = progress;
  std::map<std::string_view, DType> types;
  for (const NamedValue &input : program.inputs())
    types[input.name] = program.type(input.value).dtype;
  for (const Parameter &parameter : program.parameters())
    types[parameter.name] = program.type(parameter.value).dtype;
  request.value = [&](const std::string &name) -> Result<HostTensor> {
    FLAME_ASSIGN(HostTensor held, reference.tensor(bucket, name));
    const DType wanted = types.at(name);
    return held.type.dtype == wanted ? std::move(held) : in_type(held, wanted);
  };
  return conformance::check_lockstep(reference_device, candidate_device, program, request);
}

}  // namespace flame
