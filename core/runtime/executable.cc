#include "core/runtime/executable.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/terminal.h"

namespace flame {
namespace {

Error at_step(const Step &step, Error error) {
  error.what =
      fmt::format("op '{}' at {}: {}", step.op->name, printable(step.place->text()), error.what);
  return error;
}

const PlacedTensor *find(const std::vector<PlacedName> &names, std::string_view name) {
  const auto found = std::ranges::find(names, name, &PlacedName::name);
  return found == names.end() ? nullptr : &found->tensor;
}

Status check(const PlacedTensor *tensor, std::string_view name, size_t size) {
  if (!tensor) {
    return Error{ErrorKind::kFailed,
                 fmt::format("the program has no tensor named '{}'", printable(name)), ""};
  }
  const auto expected = static_cast<size_t>(tensor->typed.type().size_bytes());
  if (size == expected) return {};
  return Error{ErrorKind::kFailed,
               fmt::format("{} bytes for '{}', expected {} for {}", size, printable(name), expected,
                           tensor->typed.type().text()),
               ""};
}

}  // namespace

Result<std::unique_ptr<Executable>> Executable::make(PlacedProgram placed, TensorStore &store) {
  std::unique_ptr<Executable> made(new Executable(std::move(placed), store.device()));
  FLAME_TRY(made->bind_memory(store));
  FLAME_TRY(made->bind_steps());
  return made;
}

Status Executable::bind_memory(TensorStore &store) {
  FLAME_ASSIGN(arena_, store.arena(placed_.arena_bytes));
  for (const Storage &storage : placed_.storages) {
    std::shared_ptr<DeviceMemory> &memory = externals_.emplace_back();
    if (!storage.external) continue;
    if (storage.memory_class == MemoryClass::kOutputs) {
      FLAME_ASSIGN(DeviceMemory own, device_.allocate(storage.size_bytes));
      memory = std::make_shared<DeviceMemory>(std::move(own));
    } else {
      FLAME_ASSIGN(memory, store.tensor(storage.name, storage.size_bytes));
    }
  }
  return {};
}

std::byte *Executable::address(uint32_t storage) const {
  if (externals_[storage]) return externals_[storage]->data();
  std::byte *base = arena_->data();
  return base ? base + placed_.storages[storage].offset : nullptr;
}

AbiTensors Executable::bound(const std::vector<PlacedTensor> &tensors) const {
  AbiTensors list(views_of(tensors), device_.info().number);
  for (size_t i = 0; i < tensors.size(); ++i) {
    list.set_data(i, address(tensors[i].storage), placed_.storages[tensors[i].storage].size_bytes);
  }
  return list;
}

Status Executable::bind_steps() {
  steps_.reserve(placed_.steps.size());
  for (const Step &step : placed_.steps) {
    const auto plan =
        device_.plan(step.op->name, step.attributes, views_of(step.inputs), views_of(step.outputs));
    if (!plan.ok()) return at_step(step, plan.error());
    steps_.push_back({*plan, bound(step.inputs), bound(step.outputs),
                      step.workspace ? address(*step.workspace) : nullptr});
  }
  return {};
}

Status Executable::run(const DeviceStream &stream) const {
  for (const Bound &step : steps_) {
    const Status status = step.plan->run(stream, step.inputs, step.outputs, step.workspace);
    if (!status.ok()) {
      return at_step(placed_.steps[static_cast<size_t>(&step - steps_.data())], status.error());
    }
  }
  return {};
}

Status Executable::write(const DeviceStream &stream, std::string_view name,
                         std::span<const std::byte> bytes) const {
  const PlacedTensor *tensor = find(placed_.inputs, name);
  if (!tensor) tensor = find(placed_.parameters, name);
  FLAME_TRY(check(tensor, name, bytes.size()));
  return device_.upload(stream, bytes, address(tensor->storage));
}

Status Executable::read(const DeviceStream &stream, std::string_view name,
                        std::span<std::byte> bytes) const {
  const PlacedTensor *tensor = nullptr;
  for (const auto *names : {&placed_.outputs, &placed_.inputs, &placed_.parameters}) {
    if (!tensor) tensor = find(*names, name);
  }
  FLAME_TRY(check(tensor, name, bytes.size()));
  return device_.download(stream, address(tensor->storage), bytes);
}

}  // namespace flame
