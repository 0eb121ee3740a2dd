#include "core/train/plan_memory.h"

#include <algorithm>
#include <map>

namespace flame {

std::vector<uint64_t> bytes_by_class(const TrainPlan &plan) {
  std::vector<uint64_t> bytes(kMemoryClassCount, 0);
  std::map<std::string_view, const Storage *> named;
  const PlacedProgram *largest = &plan.update;
  const auto add = [&](const PlacedProgram &placed) {
    if (placed.arena_bytes > largest->arena_bytes) largest = &placed;
    for (const Storage &storage : placed.storages) {
      if (!storage.external) continue;
      if (storage.memory_class == MemoryClass::kOutputs) {
        bytes[static_cast<size_t>(MemoryClass::kOutputs)] += allocated_bytes(storage.size_bytes);
        continue;
      }
      const Storage *&known = named[storage.name];
      // A pass that only reads a buffer calls it an input; the one that owns it knows better.
      if (!known || known->memory_class == MemoryClass::kInputs) known = &storage;
    }
  };
  for (const TrainPlan::Pass &pass : plan.passes) add(pass.placed);
  add(plan.update);
  for (const auto &[name, storage] : named)
    bytes[static_cast<size_t>(storage->memory_class)] += allocated_bytes(storage->size_bytes);
  const std::vector<uint64_t> arena = largest->bytes_by_class();
  for (const MemoryClass shared : {MemoryClass::kWorkspace, MemoryClass::kActivations})
    bytes[static_cast<size_t>(shared)] += arena[static_cast<size_t>(shared)];
  bytes[static_cast<size_t>(MemoryClass::kBackend)] = plan.own.rest + plan.recorded_bytes;
  return bytes;
}

}  // namespace flame
