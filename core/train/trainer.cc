#include "core/train/trainer.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/runtime/conformance/fill.h"
#include "core/runtime/evaluate.h"
#include "core/tensor/convert.h"
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

// Of the inputs of a step: what it replaces or reads, and not what is told anew each time.
bool is_state(std::string_view name) {
  constexpr std::string_view kTold[] = {kDivisorName, kMaxNormName, kAverageDecayName};
  return std::ranges::find(kTold, name) == std::end(kTold) &&
         !name.starts_with("train.learning_rate.");
}

// One number of the state that is no program's input.
template <typename T>
HostTensor scalar_tensor(DType dtype, const T &value) {
  const auto bytes = bytes_of(value);
  return {{dtype, Shape()}, {bytes.begin(), bytes.end()}};
}
template <typename T>
std::optional<T> scalar_of(const TensorMap &state, std::string_view name, DType dtype) {
  const auto found = state.find(std::string(name));
  if (found == state.end() || found->second.type != TensorType{dtype, Shape()}) return {};
  T value{};
  std::memcpy(&value, found->second.bytes.data(), sizeof value);
  return value;
}

HostTensor list_tensor(DType dtype, std::span<const std::byte> bytes) {
  const auto count = static_cast<int64_t>(bytes.size()) / size_bytes(dtype);
  return {{dtype, Shape{count}}, {bytes.begin(), bytes.end()}};
}

// What the losses and sources of passes behind the last step were, if the state has any.
bool read_open(const TensorMap &state, StepReport &open) {
  const auto losses = state.find(std::string(kOpenLossesName));
  const auto sources = state.find(std::string(kOpenSourcesName));
  if (losses == state.end() || sources == state.end()) return losses == sources;
  if (losses->second.type.dtype != DType::kF32 || sources->second.type.dtype != DType::kU8)
    return false;
  open.losses = numbers_of(losses->second);
  std::string name;
  for (const std::byte byte : sources->second.bytes) {
    if (byte != std::byte{0}) {
      name += static_cast<char>(byte);
      continue;
    }
    open.sources.push_back(std::exchange(name, {}));
  }
  return name.empty() && open.sources.size() == open.losses.size();
}

bool has_input(const Executable &program, std::string_view name) {
  const auto &inputs = program.placed().inputs;
  return std::ranges::find(inputs, name, &PlacedName::name) != inputs.end();
}

Error no_such_state(std::string_view what) {
  return config_error(fmt::format("the state does not fit this training: {}", what),
                      "it was saved by a training of other layers, ranks or optimizers");
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
    const auto &inputs = update_->placed().inputs;
    const auto buffer = std::ranges::find(inputs, parameters_name(group.name), &PlacedName::name);
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
  const auto &parameters = programs_.front()->placed().parameters;
  return std::ranges::find(parameters, parameter, &PlacedName::name) != parameters.end();
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
  if (has_input(*update_, kLossScaleName)) return {};  // it follows the gradients
  return upload(slot, program, std::string(kLossScaleName), bytes_of(1.0F));
}

Status Trainer::upload_step(Slot &slot, double rate_factor) {
  const auto divisor = static_cast<float>(settings_.accumulate);
  FLAME_TRY(upload(slot, *update_, std::string(kDivisorName), bytes_of(divisor)));
  if (has_input(*update_, kMaxNormName)) {
    const auto clip = static_cast<float>(settings_.clip);
    FLAME_TRY(upload(slot, *update_, std::string(kMaxNormName), bytes_of(clip)));
  }
  if (has_input(*update_, kAverageDecayName)) {
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

Result<TensorMap> Trainer::state() {
  FLAME_TRY(settle());
  TensorMap state;
  for (const PlacedName &input : update_->placed().inputs) {
    if (!is_state(input.name)) continue;
    HostTensor &tensor = state[input.name];
    tensor.type = input.tensor.typed.type();
    tensor.bytes.resize(static_cast<size_t>(tensor.type.size_bytes()));
    FLAME_TRY(update_->read(work_, input.name, tensor.bytes));
  }
  FLAME_TRY(work_.synchronize());
  const int64_t position = step_ * settings_.accumulate + passes_;
  state[std::string(kPositionName)] = scalar_tensor(DType::kI64, position);
  state[std::string(kOpenLossName)] = scalar_tensor(DType::kF64, open_.loss);
  if (open_.losses.empty()) return state;
  const std::vector<float> losses(open_.losses.begin(), open_.losses.end());
  std::string sources;
  for (const std::string &source : open_.sources) sources += source + '\0';
  state[std::string(kOpenLossesName)] = list_tensor(DType::kF32, std::as_bytes(std::span(losses)));
  state[std::string(kOpenSourcesName)] = list_tensor(DType::kU8, std::as_bytes(std::span(sources)));
  return state;
}

Status Trainer::restore(const TensorMap &state) {
  FLAME_TRY(settle());
  const auto position = scalar_of<int64_t>(state, kPositionName, DType::kI64);
  const auto open_loss = scalar_of<double>(state, kOpenLossName, DType::kF64);
  if (!position || *position < 0 || !open_loss)
    return no_such_state("it does not say how far it came");
  StepReport open;
  open.loss = *open_loss;
  if (!read_open(state, open)) return no_such_state("the losses of the open step are wrong");
  size_t used = 2 + state.count(std::string(kOpenLossesName)) * 2;
  for (const PlacedName &input : update_->placed().inputs) {
    if (!is_state(input.name)) continue;
    const auto given = state.find(input.name);
    if (given == state.end()) return no_such_state(fmt::format("'{}' is missing", input.name));
    const TensorType wanted = input.tensor.typed.type();
    if (given->second.type != wanted) {
      return no_such_state(fmt::format("'{}' is {}, expected {}", input.name,
                                       given->second.type.text(), wanted.text()));
    }
    ++used;
  }
  if (used != state.size()) return no_such_state("it holds more tensors than this training has");
  for (const PlacedName &input : update_->placed().inputs)
    if (is_state(input.name))
      FLAME_TRY(update_->write(work_, input.name, state.at(input.name).bytes));
  FLAME_TRY(work_.synchronize());
  step_ = *position / settings_.accumulate;
  passes_ = *position % settings_.accumulate;
  done_.clear();
  open_ = std::move(open);
  return {};
}

Result<TensorMap> Trainer::parameters() {
  FLAME_TRY(settle());
  return sliced(parameters_name);
}

Result<TensorMap> Trainer::averages() {
  FLAME_TRY(settle());
  return sliced(has_input(*update_, average_name(plan_.layout.front().name)) ? average_name
                                                                             : parameters_name);
}

// The named slices of the flat buffers.
Result<TensorMap> Trainer::sliced(std::string (*buffer_name)(std::string_view)) {
  TensorMap parts;
  for (const FlatGroup &group : plan_.layout) {
    std::vector<std::byte> flat(static_cast<size_t>(group.size) * sizeof(float));
    FLAME_TRY(update_->read(work_, buffer_name(group.name), flat));
    FLAME_TRY(work_.synchronize());
    for (const FlatSlice &slice : group.slices) {
      const auto first = flat.begin() + slice.offset * static_cast<int64_t>(sizeof(float));
      const auto size = slice.type.shape.element_count() * static_cast<int64_t>(sizeof(float));
      parts[slice.parameter] = {{DType::kF32, slice.type.shape}, {first, first + size}};
    }
  }
  return parts;
}

Status Trainer::set_parameters(const TensorMap &parameters) {
  FLAME_TRY(settle());
  size_t used = 0;
  for (const FlatGroup &group : plan_.layout) {
    const std::string buffer = parameters_name(group.name);
    std::vector<std::byte> flat(static_cast<size_t>(group.size) * sizeof(float));
    FLAME_TRY(update_->read(work_, buffer, flat));
    FLAME_TRY(work_.synchronize());
    for (const FlatSlice &slice : group.slices) {
      const auto given = parameters.find(slice.parameter);
      if (given == parameters.end()) continue;
      const TensorType wanted{DType::kF32, slice.type.shape};
      if (given->second.type != wanted) {
        return no_such_state(fmt::format("'{}' is {}, expected {}", slice.parameter,
                                         given->second.type.text(), wanted.text()));
      }
      std::ranges::copy(given->second.bytes,
                        flat.begin() + slice.offset * static_cast<int64_t>(sizeof(float)));
      ++used;
    }
    FLAME_TRY(update_->write(work_, buffer, flat));
    FLAME_TRY(work_.synchronize());
  }
  if (used == parameters.size()) return {};
  return no_such_state("it holds parameters that are not trained");
}

Status Trainer::start_from(const TensorMap &parameters) {
  FLAME_TRY(set_parameters(parameters));
  for (const FlatGroup &group : plan_.layout) {
    if (!has_input(*update_, average_name(group.name))) continue;
    std::vector<std::byte> flat(static_cast<size_t>(group.size) * sizeof(float));
    FLAME_TRY(update_->read(work_, parameters_name(group.name), flat));
    FLAME_TRY(work_.synchronize());
    FLAME_TRY(update_->write(work_, average_name(group.name), flat));
    FLAME_TRY(work_.synchronize());
  }
  return {};
}

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
  if (!has_input(*update_, kLossScaleName)) return gradients;
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
  HostTensor tensor;
  for (const auto *names : {&program.placed().inputs, &program.placed().parameters}) {
    const auto found = std::ranges::find(*names, name, &PlacedName::name);
    if (found != names->end()) tensor.type = found->tensor.typed.type();
  }
  tensor.bytes.resize(static_cast<size_t>(tensor.type.size_bytes()));
  FLAME_TRY(program.read(work_, name, tensor.bytes));
  FLAME_TRY(work_.synchronize());
  return tensor;
}

Status Trainer::round_weights(DType dtype) {
  for (const PlacedName &parameter : programs_.front()->placed().parameters) {
    FLAME_ASSIGN(HostTensor tensor, this->tensor(0, parameter.name));
    const DType own = tensor.type.dtype;
    if (!is_float(own) || size_bytes(own) <= size_bytes(dtype)) continue;
    HostTensor rounded{{dtype, tensor.type.shape}, {}};
    rounded.bytes.resize(static_cast<size_t>(rounded.type.size_bytes()));
    convert_elements(own, tensor.bytes, dtype, rounded.bytes);
    convert_elements(dtype, rounded.bytes, own, tensor.bytes);
    FLAME_TRY(programs_.front()->write(work_, parameter.name, tensor.bytes));
    FLAME_TRY(work_.synchronize());
  }
  return {};
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
