// A training on one device: micro-batches in, parameters that learn. The device is never waited for
// while a step runs, but for what an older step answered.
#pragma once

#include <array>
#include <deque>
#include <functional>

#include "core/io/weight_loader.h"
#include "core/runtime/sequence.h"
#include "core/train/train_plan.h"

namespace flame {

// What one pass is given, by the names of inputs behind the bucket's prefix ("latent"), n examples
// each. Texts are "ROLE.OUTPUT", or "ROLE.input_ids" of encoders that learn.
struct PassInput {
  size_t bucket = 0;   // of the plan
  int64_t number = 0;  // counted over the whole training: what is random follows from it
  TensorMap tensors;
  std::vector<std::string> sources;  // n names of examples, for messages
};

// Beside what the programs have, in state(): how many passes were made, i64.
inline constexpr std::string_view kPositionName = "train.position";
// The loss of the passes behind the last step, f64.
inline constexpr std::string_view kOpenLossName = "train.open_loss";
// Of their examples, if there are any: losses, f32, and what they are, u8, each name with a 0 behind it.
inline constexpr std::string_view kOpenLossesName = "train.open_losses";
inline constexpr std::string_view kOpenSourcesName = "train.open_sources";

// What one optimizer step was.
struct StepReport {
  int64_t step = 0;  // 1 for the first
  double loss = 0;   // mean over the passes, weights included
  double gradient_norm = 0;
  bool finite = true;  // false: nothing was changed, or the loss scale alone
  // Example by example, over all passes.
  std::vector<double> losses;
  std::vector<std::string> sources;
};

struct TrainerSettings {
  uint64_t seed = 0;
  double clip = 1;                     // the largest norm; unused if the plan does not clip
  double average_decay = 0;            // unused if the plan has no averages
  int64_t accumulate = 1;              // passes of a step
  std::vector<double> learning_rates;  // part by part, before the schedule's factor
};

// One thread at a time. The device outlives it.
class Trainer {
 public:
  // Takes the memory, reads the weights, those that learn too, and lets adapters start as they say. Errors: those of
  // memory and of weights.
  static Result<std::unique_ptr<Trainer>> make(TrainPlan plan, const PaintModels &models,
                                               const TrainerSettings &settings, Device &device,
                                               const LoadProgress &progress);

  const TrainPlan &plan() const { return plan_; }
  TensorStore &store() { return store_; }
  // Whether the parameter was read: "denoiser/conv_in.weight".
  bool has_weight(std::string_view parameter) const;
  uint64_t allocated_bytes() const { return store_.allocated_bytes(); }
  // How many optimizer steps were enqueued, and how many passes since the last.
  int64_t step() const { return step_; }
  int64_t passes() const { return passes_; }

  // Enqueues one pass; behind the last of a step, `rate_factor` of the schedule counts, and the
  // step is enqueued too.
  Status pass(const PassInput &batch, double rate_factor);
  // Reports of steps that are done, oldest first. With `all`, waits for every one.
  Result<std::vector<StepReport>> reports(bool all);

  // The state between two passes: parameters, optimizer, sums of gradients, counters; waits for the
  // device. restore() takes what state() gave; another set of names or types is kBadConfig.
  Result<TensorMap> state();
  Status restore(const TensorMap &state);
  // The trained parameters by their names in the programs: "denoiser/….lora_up.weight".
  Result<TensorMap> parameters();
  // Their moving averages, if the plan has them; else the parameters.
  Result<TensorMap> averages();
  // Puts these in their place; parameters that are not in the map stay.
  Status set_parameters(const TensorMap &parameters);
  // The same, before the first pass: averages begin there too.
  Status start_from(const TensorMap &parameters);

  // Between two steps alone: a pass that changes nothing, and its outputs.
  Result<TensorMap> evaluate(const PassInput &batch);
  // The same: the norm of each trained parameter's gradient, in the plan's order of `trained`.
  Result<std::vector<double>> gradient_norms(const PassInput &batch);
  // Of the pass that evaluate() has just made: each trained parameter's gradient, f32, by the parameter's
  // name, without the loss scale.
  Result<TensorMap> gradients();

  // For checks. What an input or parameter of a bucket's program holds now, such as what evaluate() was
  // given.
  Result<HostTensor> tensor(size_t bucket, std::string_view name);
  // Rounds every weight to a narrower type, and keeps it in its own.
  Status round_weights(DType dtype);
  // Turns over the last binary digit of every other number of weights and parameters, drawn by the seed.
  // Done twice, nothing is changed.
  Status flip_last_digits(uint64_t seed);

 private:
  // Host memory that uploads read from and downloads write to while the device works.
  struct Slot {
    std::deque<std::vector<std::byte>> uploads;
    size_t bucket = 0;
    std::vector<float> losses;
    float loss = 0, norm = 0;
    uint8_t finite = 0;
    bool has_pass = false, has_step = false;
    int64_t step = 0;
    std::vector<std::string> sources;
  };

  Trainer(TrainPlan plan, const TrainerSettings &settings, Device &device)
      : plan_(std::move(plan)), settings_(settings), device_(device), store_(device) {}

  Status take_memory();
  Status clear_buffers();
  Status read_weights(const PaintModels &models, const LoadProgress &progress);
  std::vector<ImageProgram::ParameterPlace> own_places(std::string_view prefix) const;
  Status start_parameters();
  Status upload(Slot &slot, const Executable &program, const std::string &name,
                std::span<const std::byte> bytes);
  Status upload_batch(Slot &slot, const PassInput &batch, bool learns);
  // Those that `change` says it has changed are written back.
  Status change_weights(const std::function<bool(const std::string &name, HostTensor &)> &change);
  Status upload_step(Slot &slot, double rate_factor);
  Status fetch(Slot &slot);
  void note(Slot &slot);
  Status settle();
  Status run_alone(const PassInput &batch);
  Result<TensorMap> sliced(std::string (*buffer_name)(std::string_view));

  TrainPlan plan_;
  TrainerSettings settings_;
  Device &device_;
  TensorStore store_;
  std::vector<std::unique_ptr<Executable>> programs_;
  std::unique_ptr<Executable> update_;
  std::vector<std::unique_ptr<Sequence>> steps_;  // a pass and the step behind it, by bucket
  DeviceStream work_, copies_;
  DeviceEvent worked_, copied_;
  std::array<Slot, 2> slots_;
  size_t turn_ = 0;
  int64_t step_ = 0, passes_ = 0;
  StepReport open_;  // of the step under way, as far as passes have answered
  std::vector<StepReport> done_;
};

}  // namespace flame
