#include "core/train/trainer.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/runtime/conformance/fill.h"
#include "core/runtime/evaluate.h"
#include "core/tensor/numbers.h"
#include "core/train/accumulate.h"
#include "core/train/random_streams.h"
#include "flame/philox.hpp"

namespace flame {
namespace {

template <typename T>
std::span<const std::byte> bytes_of(const T &value) {
  return std::as_bytes(std::span(&value, 1));
}

// Where a parameter starts: drawn by its name and the run's seed, whatever else is trained.
std::vector<float> initial_numbers(const Parameter &parameter, int64_t count, uint64_t seed) {
  const Initial &initial = parameter.initial;
  const auto scale = static_cast<float>(initial.scale);
  std::vector<float> numbers(static_cast<size_t>(count),
                             initial.kind == Initial::Kind::kConstant ? scale : 0);
  if (initial.kind == Initial::Kind::kConstant) return numbers;
  const auto key = static_cast<int64_t>(seed ^ conformance::hash_of(parameter.name));
  for (size_t i = 0; i < numbers.size(); i += 4) {
    const PhiloxWords words = random_words(key, 0, kParameterStream, i / 4);
    const auto first = normal_pair(words[0], words[1]), second = normal_pair(words[2], words[3]);
    const double normal[] = {first[0], first[1], second[0], second[1]};
    for (size_t k = 0; k < std::min<size_t>(4, numbers.size() - i); ++k) {
      const bool uniform = initial.kind == Initial::Kind::kUniform;
      numbers[i + k] =
          static_cast<float>((uniform ? 2 * uniform_of(words[k]) - 1 : normal[k]) * initial.scale);
    }
  }
  return numbers;
}

}  // namespace

Result<std::unique_ptr<Trainer>> Trainer::make(TrainPlan plan, const PaintModels &models,
                                               const TrainerSettings &settings, Device &device,
                                               const LoadProgress &progress) {
  std::unique_ptr<Trainer> made(new Trainer(std::move(plan), settings, device));
  FLAME_TRY(made->take_memory());
  FLAME_TRY(made->clear_buffers());
  FLAME_TRY(made->read_weights(models, progress));
  FLAME_TRY(made->start_parameters());
  return made;
}

// The program with the largest arena first, since all take turns in it.
Status Trainer::take_memory() {
  FLAME_ASSIGN(work_, device_.create_stream());
  FLAME_ASSIGN(copies_, device_.create_stream());
  FLAME_ASSIGN(worked_, device_.create_event());
  FLAME_ASSIGN(copied_, device_.create_event());
  std::vector<std::pair<PlacedProgram *, std::unique_ptr<Executable> *>> order;
  programs_.resize(plan_.passes.size());
  for (size_t i = 0; i < plan_.passes.size(); ++i)
    order.emplace_back(&plan_.passes[i].placed, &programs_[i]);
  order.emplace_back(&plan_.update, &update_);
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [](const auto &each) { return each.first->arena_bytes; });
  for (const auto &[placed, into] : order) {
    // Recorded alone only if it runs alone; see steps_.
    const bool alone = settings_.accumulate > 1 && placed != &plan_.update;
    FLAME_ASSIGN(*into,
                 Executable::make(*placed, store_,
                                  alone ? Executable::Runs::kOften : Executable::Runs::kOnce));
  }

  for (const auto &program : programs_) {
    FLAME_ASSIGN(auto step, Sequence::make({program.get(), update_.get()}));
    steps_.push_back(std::move(step));
  }
  return {};
}

// What lies between the parameters is 0 and stays so.
Status Trainer::clear_buffers() {
  for (const FlatGroup &group : plan_.layout) {
    const std::vector<std::byte> zeros(static_cast<size_t>(group.size) * sizeof(float));
    FLAME_TRY(update_->write(work_, parameters_name(group.name), zeros));
    FLAME_TRY(update_->write(work_, gradient_name(group.name), zeros));
    FLAME_TRY(work_.synchronize());
  }
  return {};
}

// Where weights that learn lie: in the flat buffers, in f32 whatever the programs compute in.
std::vector<ImageProgram::ParameterPlace> Trainer::own_places(std::string_view prefix) const {
  std::vector<ImageProgram::ParameterPlace> places;
  for (const FlatGroup &group : plan_.layout) {
    const PlacedName *buffer = update_->placed().find_input(parameters_name(group.name));
    std::byte *first = update_->address(buffer->tensor.storage);
    for (const FlatSlice &slice : group.slices) {
      if (!slice.parameter.starts_with(prefix) || !plan_.own_weights.contains(slice.parameter))
        continue;
      places.push_back({slice.parameter, DType::kF32,
                        first + slice.offset * static_cast<int64_t>(sizeof(float))});
    }
  }
  return places;
}

Status Trainer::read_weights(const PaintModels &models, const LoadProgress &progress) {
  std::vector<WeightJob> jobs;
  const auto add = [&](std::string_view role, const PaintModel &model) -> Status {
    const std::string prefix = std::string(role) + "/";
    auto places = places_of(*programs_.front(), prefix);
    const auto own = own_places(prefix);
    places.insert(places.end(), own.begin(), own.end());
    return add_jobs(model, places, prefix, jobs);
  };
  FLAME_TRY(add(kDenoiserRole, models.denoiser));
  for (size_t i = 0; i < models.parts.size(); ++i)
    FLAME_TRY(add(models.spec.parts[i].role, models.parts[i]));
  return load_weights(jobs, device_, work_, progress);
}

bool Trainer::has_weight(std::string_view parameter) const {
  return programs_.front()->placed().find_parameter(parameter) != nullptr;
}

Status Trainer::start_parameters() {
  TensorMap start;
  for (const FlatGroup &group : plan_.layout) {
    for (const FlatSlice &slice : group.slices) {
      if (plan_.own_weights.contains(slice.parameter)) continue;  // they were read
      const auto parameter = std::ranges::find(plan_.trained, slice.parameter, &Parameter::name);
      const std::vector<float> numbers =
          initial_numbers(*parameter, slice.type.shape.element_count(), settings_.seed);
      const auto bytes = std::as_bytes(std::span(numbers));
      start[slice.parameter] = {{DType::kF32, slice.type.shape}, {bytes.begin(), bytes.end()}};
    }
  }
  for (const StateBuffer &state : plan_.states) {
    const std::vector<double> numbers(static_cast<size_t>(state.type.shape.element_count()),
                                      state.initial);
    FLAME_TRY(update_->write(work_, state.name, tensor_of(state.type, numbers).bytes));
    FLAME_TRY(work_.synchronize());
  }
  FLAME_TRY(update_->write(work_, kStepName, bytes_of(int64_t{0})));
  FLAME_TRY(work_.synchronize());
  return start_from(start);
}

Status Trainer::upload(Slot &slot, const Executable &program, const std::string &name,
                       std::span<const std::byte> bytes) {
  slot.uploads.emplace_back(bytes.begin(), bytes.end());
  return program.write(copies_, name, slot.uploads.back());
}

Status Trainer::upload_batch(Slot &slot, const PassInput &batch, bool learns) {
  const Executable &program = *programs_[batch.bucket];
  const std::string prefix = plan_.passes[batch.bucket].bucket.prefix();
  for (const PlacedName &input : program.placed().inputs) {
    if (!input.name.starts_with(prefix)) continue;
    const std::string name = input.name.substr(prefix.size());
    if (name == kLearningInput) {
      FLAME_TRY(upload(slot, program, input.name, bytes_of(learns ? 1.0F : 0.0F)));
      continue;
    }
    const auto given = batch.tensors.find(name);
    if (given == batch.tensors.end()) {
      return Error{ErrorKind::kFailed, fmt::format("a micro-batch comes without '{}'", input.name),
                   ""};
    }
    FLAME_TRY(upload(slot, program, input.name, given->second.bytes));
  }
  FLAME_TRY(upload(slot, program, std::string(kFirstName), bytes_of(uint8_t{passes_ == 0})));
  if (update_->placed().find_input(kLossScaleName)) return {};  // it follows the gradients
  return upload(slot, program, std::string(kLossScaleName), bytes_of(1.0F));
}

Status Trainer::upload_step(Slot &slot, double rate_factor) {
  const auto divisor = static_cast<float>(settings_.accumulate);
  FLAME_TRY(upload(slot, *update_, std::string(kDivisorName), bytes_of(divisor)));
  if (update_->placed().find_input(kMaxNormName)) {
    const auto clip = static_cast<float>(settings_.clip);
    FLAME_TRY(upload(slot, *update_, std::string(kMaxNormName), bytes_of(clip)));
  }
  if (update_->placed().find_input(kAverageDecayName)) {
    const auto decay = static_cast<float>(settings_.average_decay);
    FLAME_TRY(upload(slot, *update_, std::string(kAverageDecayName), bytes_of(decay)));
  }
  for (size_t i = 0; i < plan_.layout.size(); ++i) {
    const auto rate = static_cast<float>(settings_.learning_rates[i] * rate_factor);
    FLAME_TRY(upload(slot, *update_, learning_rate_name(plan_.layout[i].name), bytes_of(rate)));
  }
  return {};
}

// Enqueues the way back of what the slot's pass has answered.
Status Trainer::fetch(Slot &slot) {
  if (!slot.has_pass) return {};
  const Executable &program = *programs_[slot.bucket];
  FLAME_TRY(program.read(copies_, kLossOutput, std::as_writable_bytes(std::span(&slot.loss, 1))));
  FLAME_TRY(program.read(copies_, kLossesOutput, std::as_writable_bytes(std::span(slot.losses))));
  if (!slot.has_step) return {};
  FLAME_TRY(
      update_->read(copies_, kGradientNormName, std::as_writable_bytes(std::span(&slot.norm, 1))));
  return update_->read(copies_, kFiniteName, std::as_writable_bytes(std::span(&slot.finite, 1)));
}

// Takes in what a slot's pass has answered, now that it is there.
void Trainer::note(Slot &slot) {
  if (!slot.has_pass) return;
  open_.loss += slot.loss / static_cast<double>(settings_.accumulate);
  open_.losses.insert(open_.losses.end(), slot.losses.begin(), slot.losses.end());
  open_.sources.insert(open_.sources.end(), slot.sources.begin(), slot.sources.end());
  if (slot.has_step) {
    open_.step = slot.step;
    open_.gradient_norm = slot.norm;
    open_.finite = slot.finite != 0;
    done_.push_back(std::move(open_));
    open_ = {};
  }
  slot.has_pass = slot.has_step = false;
}

Status Trainer::pass(const PassInput &batch, double rate_factor) {
  // What is waited for here is the end of the pass before the last one: its slot is taken again.
  FLAME_TRY(copies_.synchronize());
  Slot &slot = slots_[turn_], &last = slots_[1 - turn_];
  turn_ = 1 - turn_;
  note(slot);
  slot.uploads.clear();
  slot.bucket = batch.bucket;
  slot.sources = batch.sources;
  slot.losses.resize(batch.sources.size());
  slot.has_pass = true;
  slot.has_step = passes_ + 1 == settings_.accumulate;

  FLAME_TRY(copies_.wait(worked_));
  FLAME_TRY(fetch(last));
  FLAME_TRY(upload_batch(slot, batch, true));
  if (slot.has_step) FLAME_TRY(upload_step(slot, rate_factor));
  FLAME_TRY(copies_.record(copied_));
  FLAME_TRY(work_.wait(copied_));
  if (slot.has_step) {
    FLAME_TRY(steps_[batch.bucket]->run(work_));
    slot.step = ++step_;
    passes_ = 0;
  } else {
    FLAME_TRY(programs_[batch.bucket]->run(work_));
    ++passes_;
  }
  return work_.record(worked_);
}

// Waits for all work and takes in every answer.
Status Trainer::settle() {
  FLAME_TRY(copies_.synchronize());
  note(slots_[turn_]);
  FLAME_TRY(copies_.wait(worked_));
  FLAME_TRY(fetch(slots_[1 - turn_]));
  FLAME_TRY(copies_.synchronize());
  note(slots_[1 - turn_]);
  return work_.synchronize();
}

Result<std::vector<StepReport>> Trainer::reports(bool all) {
  if (all) FLAME_TRY(settle());
  return std::exchange(done_, {});
}

}  // namespace flame
