#include "core/passes/placed_program.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "core/base/rounded_size.h"
#include "core/base/terminal.h"

namespace flame {
namespace {

// Steps that write more fill the device: nothing is gained beside them, and every branch costs time
// between kernels.
constexpr int64_t kFillingBytes = int64_t{4} << 20;

constexpr std::array<std::string_view, kMemoryClassCount> kNames = {
    "weights", "adapters",    "gradients", "optimizer", "inputs",
    "outputs", "activations", "workspace", "backend"};

// "f32[4, 8] @1024", "f32[4, 8] (1, 4) in 'x'+16": type, strides unless contiguous, and bytes.
std::string text_of(const PlacedProgram &placed, const PlacedTensor &tensor) {
  const Storage &storage = placed.storages[tensor.storage];
  const View &view = tensor.typed.view;
  std::string strides;
  for (size_t axis = 0; axis < view.shape.rank() && !view.is_contiguous(); ++axis) {
    strides += fmt::format("{}{}", axis ? ", " : "", view.strides[axis]);
  }
  const auto offset = static_cast<uint64_t>(view.offset * size_bytes(tensor.typed.dtype));
  const std::string where = !storage.external
                                ? fmt::format("@{}", storage.offset + offset)
                                : fmt::format("in '{}'{}", printable(storage.name),
                                              offset ? fmt::format("+{}", offset) : "");
  return fmt::format("{}{} {}", tensor.typed.type().text(),
                     strides.empty() ? "" : " (" + strides + ")", where);
}

std::string text_of(const PlacedProgram &placed, const std::vector<PlacedTensor> &tensors) {
  std::string text;
  for (const PlacedTensor &tensor : tensors) {
    text += (text.empty() ? "" : ", ") + text_of(placed, tensor);
  }
  return text;
}

const PlacedName *find(const std::vector<PlacedName> &names, std::string_view name) {
  const auto found = std::ranges::find(names, name, &PlacedName::name);
  return found == names.end() ? nullptr : &*found;
}

}  // namespace

bool may_branch(const PlacedProgram &placed) {
  if (placed.compact) return false;
  const auto fills = [](const Step &step) {
    int64_t bytes = 0;
    for (const PlacedTensor &output : step.outputs) bytes += output.typed.type().size_bytes();
    return bytes > kFillingBytes;
  };
  const auto filling = static_cast<size_t>(std::ranges::count_if(placed.steps, fills));
  return 4 * filling < 3 * placed.steps.size();
}

uint64_t recorded_bytes(std::span<const PlacedProgram *const> programs, const OwnMemory &own,
                        bool branches) {
  const bool branched =
      branches && std::ranges::any_of(programs, [](const auto *each) { return may_branch(*each); });
  uint64_t bytes = branched ? own.recording : 0;
  for (const PlacedProgram *program : programs)
    for (const Step &step : program->steps)
      bytes += branched ? step.info.recorded_size : own.straight_recording;
  return bytes;
}

std::vector<TypedView> views_of(const std::vector<PlacedTensor> &tensors) {
  std::vector<TypedView> views;
  views.reserve(tensors.size());
  for (const PlacedTensor &tensor : tensors) views.push_back(tensor.typed);
  return views;
}

std::string_view name_of(MemoryClass memory_class) {
  return kNames[static_cast<size_t>(memory_class)];
}

const PlacedName *PlacedProgram::find_input(std::string_view name) const {
  return find(inputs, name);
}

const PlacedName *PlacedProgram::find_parameter(std::string_view name) const {
  return find(parameters, name);
}

const PlacedName *PlacedProgram::find_output(std::string_view name) const {
  return find(outputs, name);
}

std::vector<uint64_t> PlacedProgram::bytes_by_class() const {
  std::vector<uint64_t> bytes(kMemoryClassCount, 0);
  for (const Storage &storage : storages) {
    if (!storage.external) continue;
    bytes[static_cast<size_t>(storage.memory_class)] += allocated_bytes(storage.size_bytes);
  }
  uint64_t largest_workspace = 0;
  for (const Step &step : steps) {
    if (step.workspace) {
      largest_workspace = std::max(largest_workspace, storages[*step.workspace].size_bytes);
    }
  }
  // A workspace shares the arena with activations; what it adds to the peak is counted for it.
  const uint64_t of_workspace = std::min(largest_workspace, arena_bytes);
  bytes[static_cast<size_t>(MemoryClass::kWorkspace)] = of_workspace;
  bytes[static_cast<size_t>(MemoryClass::kActivations)] = arena_bytes - of_workspace;
  return bytes;
}

std::string memory_table(const PlacedProgram &placed) {
  const std::vector<uint64_t> bytes = placed.bytes_by_class();
  std::string text;
  uint64_t sum = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    sum += bytes[i];
    if (bytes[i]) text += fmt::format("  {:12} {:>10}\n", kNames[i], rounded_size_text(bytes[i]));
  }
  return text + fmt::format("  {:12} {:>10}", "together", rounded_size_text(sum));
}

std::string to_text(const PlacedProgram &placed) {
  std::string text;
  for (size_t i = 0; i < placed.steps.size(); ++i) {
    const Step &step = placed.steps[i];
    text += fmt::format(
        "{:5} {}{}({}) -> {}{}  # {}\n", i, step.inserted ? "inserted " : "", step.op->name,
        text_of(placed, step.inputs), text_of(placed, step.outputs),
        step.workspace ? fmt::format(", workspace {}", placed.storages[*step.workspace].size_bytes)
                       : "",
        printable(step.place->text()));
  }
  const std::vector<uint64_t> bytes = placed.bytes_by_class();
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i]) text += fmt::format("{:12} {} bytes\n", kNames[i], bytes[i]);
  }
  text += fmt::format("arena        {} bytes, at least {} are live at once\n", placed.arena_bytes,
                      placed.live_bytes);
  return text;
}

}  // namespace flame
