#include "core/passes/in_place.h"

#include <algorithm>

namespace flame {
namespace {

// Output `k` of the step may stand in the bytes of input `i`: the backend says so, both lie alike,
// and no other operand reads these bytes in another way.
bool allows(const Step &step, size_t k, size_t i) {
  const bool promised =
      step.info.in_place || (k == 0 && i < 64 && (step.info.in_place_mask >> i & 1) != 0);
  if (!promised || step.outputs[k].typed != step.inputs[i].typed) return false;
  return std::ranges::all_of(step.inputs, [&](const PlacedTensor &other) {
    if (other.storage != step.inputs[i].storage) return true;
    return step.info.in_place ? other.typed == step.inputs[i].typed : &other == &step.inputs[i];
  });
}

bool writes(const Step &step, uint32_t storage) {
  return std::ranges::any_of(step.outputs,
                             [&](const PlacedTensor &t) { return t.storage == storage; });
}

bool reads(const Step &step, uint32_t storage) {
  return std::ranges::any_of(step.inputs,
                             [&](const PlacedTensor &t) { return t.storage == storage; });
}

template <typename Action>
void for_each_tensor(PlacedProgram &placed, const Action &action) {
  for (Step &step : placed.steps) {
    for (PlacedTensor &tensor : step.inputs) action(tensor.storage);
    for (PlacedTensor &tensor : step.outputs) action(tensor.storage);
    if (step.workspace) action(*step.workspace);
  }
  for (auto *list : {&placed.inputs, &placed.parameters, &placed.outputs}) {
    for (PlacedName &entry : *list) action(entry.tensor.storage);
  }
}

void remove_unused(PlacedProgram &placed) {
  std::vector<uint32_t> at(placed.storages.size(), UINT32_MAX);
  for_each_tensor(placed, [&](uint32_t storage) { at[storage] = 0; });
  std::vector<Storage> kept;
  for (size_t i = 0; i < at.size(); ++i) {
    if (at[i] == UINT32_MAX) continue;
    at[i] = static_cast<uint32_t>(kept.size());
    kept.push_back(std::move(placed.storages[i]));
  }
  placed.storages = std::move(kept);
  for_each_tensor(placed, [&](uint32_t &storage) { storage = at[storage]; });
}

// The input of the step in whose bytes output `k` may stand from here on, or the input count.
size_t input_to_reuse(const PlacedProgram &placed, uint32_t number, const Step &step, size_t k) {
  for (size_t i = 0; i < step.inputs.size(); ++i) {
    const Storage &storage = placed.storages[step.inputs[i].storage];
    const TypedView &typed = step.inputs[i].typed;
    if (storage.external || storage.kept || storage.last_step != number || !allows(step, k, i))
      continue;
    if (writes(step, step.inputs[i].storage)) continue;  // taken by another output
    const bool whole = typed.view.offset == 0 && typed.view.is_contiguous() &&
                       static_cast<uint64_t>(typed.type().size_bytes()) == storage.size_bytes;
    if (whole) return i;
  }
  return step.inputs.size();
}

}  // namespace

void set_lifetimes(PlacedProgram &placed) {
  for (Storage &storage : placed.storages) {
    storage.first_step = UINT32_MAX;
    storage.last_step = 0;
  }
  for (uint32_t number = 0; number < placed.steps.size(); ++number) {
    const auto use = [&](uint32_t storage) {
      Storage &used = placed.storages[storage];
      used.first_step = std::min(used.first_step, number);
      used.last_step = number;
    };
    const Step &step = placed.steps[number];
    for (const PlacedTensor &tensor : step.inputs) use(tensor.storage);
    for (const PlacedTensor &tensor : step.outputs) use(tensor.storage);
    if (step.workspace) use(*step.workspace);
  }
  for (Storage &storage : placed.storages) {
    if (storage.given) storage.first_step = 0;
    if (storage.kept && !placed.steps.empty())
      storage.last_step = static_cast<uint32_t>(placed.steps.size() - 1);
  }
}

void share_storages(PlacedProgram &placed) {
  // Where a storage went; those that went nowhere stand for themselves.
  std::vector<uint32_t> home(placed.storages.size());
  for (uint32_t i = 0; i < home.size(); ++i) home[i] = i;
  for (uint32_t number = 0; number < placed.steps.size(); ++number) {
    Step &step = placed.steps[number];
    // Homes are final here: what goes elsewhere later is written by later steps.
    for (PlacedTensor &tensor : step.inputs) tensor.storage = home[tensor.storage];
    for (size_t k = 0; k < step.outputs.size(); ++k) {
      const uint32_t own = step.outputs[k].storage;
      if (placed.storages[own].external) continue;
      const size_t i = input_to_reuse(placed, number, step, k);
      if (i == step.inputs.size()) continue;
      const uint32_t reused = step.inputs[i].storage;
      placed.storages[reused].last_step = placed.storages[own].last_step;
      placed.storages[reused].kept = placed.storages[own].kept;
      home[own] = reused;
      step.outputs[k].storage = reused;
    }
  }
  for (auto *list : {&placed.inputs, &placed.parameters, &placed.outputs}) {
    for (PlacedName &entry : *list) entry.tensor.storage = home[entry.tensor.storage];
  }
  remove_unused(placed);
}

bool redirect(PlacedProgram &placed, uint32_t storage, const PlacedTensor &target) {
  size_t writer = placed.steps.size();
  for (size_t i = placed.steps.size(); i-- > 0;) {
    const Step &step = placed.steps[i];
    if (writes(step, target.storage)) return false;
    if (writes(step, storage)) {
      writer = i;
      break;
    }
    if (reads(step, target.storage)) return false;
  }
  if (writer == placed.steps.size()) return false;
  Step &step = placed.steps[writer];
  const auto output = std::ranges::find(step.outputs, storage, &PlacedTensor::storage);
  const auto k = static_cast<size_t>(output - step.outputs.begin());
  for (size_t i = 0; i < step.inputs.size(); ++i) {
    if (step.inputs[i].storage == target.storage && !allows(step, k, i)) return false;
  }
  for_each_tensor(placed, [&](uint32_t &used) {
    if (used == storage) used = target.storage;
  });
  return true;
}

}  // namespace flame
