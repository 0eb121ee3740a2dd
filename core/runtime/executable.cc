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

Result<std::unique_ptr<Executable>> Executable::make(PlacedProgram placed, TensorStore &store,
                                                     Runs runs) {
  std::unique_ptr<Executable> made(new Executable(std::move(placed), store.device()));
  const Status bound = made->bind(store, runs);
  if (bound.ok()) return made;
  Error error = bound.error();
  if (error.kind == ErrorKind::kOutOfMemory) {
    error.what += "\nthe program needs\n" + memory_table(made->placed_);
    error.hint =
        "take a smaller batch or picture, give 'memory' so that activations are computed "
        "again instead of kept, or free memory of the device";
  }
  return error;
}

Status Executable::bind(TensorStore &store, Runs runs) {
  FLAME_TRY(bind_memory(store));
  FLAME_TRY(bind_steps());
  return runs == Runs::kOften ? record() : Status();
}

// One block for what the store lacks and one for the outputs.
Status Executable::bind_memory(TensorStore &store) {
  FLAME_ASSIGN(arena_, store.arena(placed_.arena_bytes));
  std::vector<TensorStore::Wanted> shared;
  std::vector<uint64_t> own;
  for (const Storage &storage : placed_.storages) {
    if (!storage.external) continue;
    if (storage.memory_class == MemoryClass::kOutputs) {
      own.push_back(storage.size_bytes);
    } else {
      shared.push_back({storage.name, storage.size_bytes});
    }
  }
  FLAME_ASSIGN(const std::vector<MemoryPiece> of_store, store.tensors(shared));
  FLAME_ASSIGN(const std::vector<MemoryPiece> of_this, allocate_block(device_, own));
  auto next_shared = of_store.begin();
  auto next_own = of_this.begin();
  for (const Storage &storage : placed_.storages) {
    MemoryPiece &piece = externals_.emplace_back();
    if (!storage.external) continue;
    piece = storage.memory_class == MemoryClass::kOutputs ? *next_own++ : *next_shared++;
  }
  return {};
}

std::byte *Executable::address(uint32_t storage) const {
  if (placed_.storages[storage].external) return externals_[storage].data();
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

Status Executable::record() {
  if (steps_.empty() || !device_.can_record()) return {};
  const bool is_safe =
      std::ranges::all_of(steps_, [](const Bound &step) { return step.plan->info().capture_safe; });
  if (!is_safe) return {};
  FLAME_ASSIGN(DeviceStream stream, device_.create_stream());
  FLAME_ASSIGN(graph_, device_.record(stream, [&] { return enqueue(stream); }));
  return {};
}

Status Executable::run(const DeviceStream &stream) const {
  return graph_ ? graph_.replay(stream) : enqueue(stream);
}

Status Executable::enqueue(const DeviceStream &stream) const {
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
