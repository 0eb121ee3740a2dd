// The same training step on two devices: loss, prediction and every gradient compared, or op after op.
#pragma once

#include "core/runtime/conformance/lockstep.h"
#include "core/runtime/conformance/program_check.h"
#include "core/train/trainer.h"

namespace flame {

// Products, attention and convolutions that stand behind each other in the longest way through a program:
// each adds its rounding to what came before.
size_t depth_of(const Program &program);

// What a step may differ by when the candidate computes so, and the reference in f32: f32 without TF32 is
// the gate, the others are smoke tests. Deep programs may be off by twice as much.
conformance::Tier step_tier(DType compute, bool tf32, size_t depth);

// Where adapters start for a check: what starts as one number, such as the zeros of a LoRA's `up`, is
// moved by seeded normal numbers, since gradients of what stands before it would be zero. With a
// `compute` type narrower than f32, all of it is rounded to that.
TensorMap moved_start(const TrainPlan &plan, const TensorMap &start, uint64_t seed, DType compute);

// States of text rounded to a type, as a program that computes in it would take them.
void round_states(PassInput &input, DType compute);

struct StepCheck {
  conformance::ProgramCheck answers;    // loss, loss of each example, prediction
  conformance::ProgramCheck gradients;  // in the plan's order of `trained`
  double loss = 0, reference_loss = 0;
  bool equal() const { return answers.equal() && gradients.equal(); }
};

// Both have the same parameters and weights. Changes nothing.
Result<StepCheck> check_step(Trainer &reference, Trainer &candidate, const PassInput &input,
                             const conformance::Tier &tier);

// Judges the gradients that are beyond the gate of f32 by what they hang on: one that changes much where
// the last digits of the reference's weights change may be off by as much as a few times that. The
// reference's step was the last one, and is so again.
Status judge_by_last_digits(Trainer &reference, const PassInput &input, StepCheck &check);

// The tier of a narrow type for this model: no tighter than twice what the same rounding does to the
// reference's own step, `rounded` against the one in f32.
conformance::Tier widened_tier(conformance::Tier tier, const StepCheck &rounded);

// Every op of the candidate's own program, fused as it is run, with the values that the reference's step
// has had; behind check_step(). Errors: an input that the reference's program has not.
Result<conformance::LockstepCheck> check_step_ops(
    Trainer &reference, Device &reference_device, const Program &program, size_t bucket,
    Device &candidate_device, const std::function<Status(size_t, size_t)> &progress);

}  // namespace flame
