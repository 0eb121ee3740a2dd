// What a trainer has learned and where it stands: taken out, and put back.
#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "core/tensor/numbers.h"
#include "core/train/trainer.h"

namespace flame {
namespace {

// Of the inputs of a step: what it replaces or reads, and not what is told anew each time.
bool is_state(std::string_view name) {
  constexpr std::string_view kTold[] = {kDivisorName, kMaxNormName, kAverageDecayName};
  return std::ranges::find(kTold, name) == std::end(kTold) &&
         !name.starts_with("train.learning_rate.");
}

// One number of the state that is no program's input.
template <typename T>
HostTensor scalar_tensor(DType dtype, const T &value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
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

Error no_such_state(std::string_view what) {
  return config_error(fmt::format("the state does not fit this training: {}", what),
                      "it was saved by a training of other layers, ranks or optimizers");
}

}  // namespace

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
  return sliced(update_->placed().find_input(average_name(plan_.layout.front().name))
                    ? average_name
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
    if (!update_->placed().find_input(average_name(group.name))) continue;
    std::vector<std::byte> flat(static_cast<size_t>(group.size) * sizeof(float));
    FLAME_TRY(update_->read(work_, parameters_name(group.name), flat));
    FLAME_TRY(work_.synchronize());
    FLAME_TRY(update_->write(work_, average_name(group.name), flat));
    FLAME_TRY(work_.synchronize());
  }
  return {};
}

}  // namespace flame
