#include "core/runtime/executable.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/terminal.h"
#include "core/runtime/branches.h"

namespace flame {
namespace {

constexpr uint32_t kMostLanes = 4;

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
  if (runs == Runs::kOnce) return {};
  const Executable *const whole[] = {this};
  FLAME_ASSIGN(graph_, record(whole));
  return {};
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

bool Executable::can_be_recorded() const {
  return device_.can_record() && std::ranges::all_of(steps_, [](const Bound &step) {
           return step.plan->info().capture_safe;
         });
}

Result<DeviceGraph> Executable::record(std::span<const Executable *const> parts) {
  const auto is_empty = [](const Executable *part) { return part->steps_.empty(); };
  const auto can_be = [](const Executable *part) { return part->can_be_recorded(); };
  if (std::ranges::all_of(parts, is_empty) || !std::ranges::all_of(parts, can_be))
    return DeviceGraph();
  const Device &device = parts.front()->device_;
  std::vector<Branches> branches;
  uint32_t most = 1;
  for (const Executable *part : parts) {
    const bool branches_off = device.branches() && may_branch(part->placed_);
    branches.push_back(find_branches(part->placed_, branches_off ? kMostLanes : 1));
    most = std::max(most, branches.back().lanes);
  }
  std::vector<DeviceStream> lanes;
  for (uint32_t i = 0; i < most; ++i) {
    FLAME_ASSIGN(DeviceStream lane, device.create_stream());
    lanes.push_back(std::move(lane));
  }
  return device.record(lanes, [&]() -> Status {
    for (size_t i = 0; i < parts.size(); ++i) {
      const std::span<const DeviceStream> own(lanes.data(), branches[i].lanes);
      FLAME_TRY(parts[i]->enqueue(branches[i], own));
    }
    return {};
  });
}

// Every lane branches off at the start and is joined at the end.
Status Executable::enqueue(const Branches &branches, std::span<const DeviceStream> lanes) const {
  std::vector<DeviceEvent> marks(steps_.size());
  const auto mark = [&](const DeviceStream &lane) -> Result<DeviceEvent> {
    FLAME_ASSIGN(DeviceEvent event, device_.create_event());
    FLAME_TRY(lane.record(event));
    return event;
  };
  if (lanes.size() > 1) {
    FLAME_ASSIGN(const DeviceEvent start, mark(lanes[0]));
    for (const DeviceStream &lane : lanes.subspan(1)) FLAME_TRY(lane.wait(start));
  }
  for (size_t i = 0; i < steps_.size(); ++i) {
    const Branches::Place &place = branches.steps[i];
    for (const uint32_t earlier : place.waits) FLAME_TRY(lanes[place.lane].wait(marks[earlier]));
    FLAME_TRY(run_step(i, lanes[place.lane]));
    if (!place.awaited) continue;
    FLAME_ASSIGN(marks[i], mark(lanes[place.lane]));
  }
  for (const DeviceStream &lane : lanes.subspan(1)) {
    FLAME_ASSIGN(const DeviceEvent end, mark(lane));
    FLAME_TRY(lanes[0].wait(end));
  }
  return {};
}

Status Executable::run(const DeviceStream &stream) const {
  if (graph_) return graph_.replay(stream);
  for (size_t i = 0; i < steps_.size(); ++i) FLAME_TRY(run_step(i, stream));
  return {};
}

Status Executable::run_step(size_t index, const DeviceStream &stream) const {
  const Bound &step = steps_[index];
  const Status status = step.plan->run(stream, step.inputs, step.outputs, step.workspace);
  return status.ok() ? status : Status(at_step(placed_.steps[index], status.error()));
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
