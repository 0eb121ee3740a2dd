#include "core/runtime/conformance/guarded_run.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

namespace flame::conformance {
namespace {

constexpr uint64_t kGuardBytes = 256;  // keeps what follows aligned as the contract says
constexpr std::byte kGuard{0xa5};
constexpr std::byte kUnused{0xff};  // what an input's buffer holds beside its elements: NaN

// Calls body(place in the buffer, place in row-major order), both in elements.
template <typename Body>
void for_each_element(const View &view, const Body &body) {
  const int64_t count = view.shape.element_count();
  std::vector<int64_t> index(view.shape.rank(), 0);
  int64_t place = view.offset;
  for (int64_t i = 0; i < count; ++i) {
    body(static_cast<size_t>(place), static_cast<size_t>(i));
    for (size_t axis = index.size(); axis-- > 0;) {
      place += view.strides[axis];
      if (++index[axis] < view.shape[axis]) break;
      place -= index[axis] * view.strides[axis];
      index[axis] = 0;
    }
  }
}

std::vector<std::byte> scattered(const HostTensor &tensor, const Placement &placement) {
  const auto step = static_cast<size_t>(size_bytes(tensor.type.dtype));
  std::vector<std::byte> buffer(placement.buffer_bytes, kUnused);
  for_each_element(placement.view.view, [&](size_t place, size_t i) {
    memcpy(buffer.data() + place * step, tensor.bytes.data() + i * step, step);
  });
  return buffer;
}

HostTensor gathered(std::span<const std::byte> buffer, const TypedView &view) {
  const auto step = static_cast<size_t>(size_bytes(view.dtype));
  HostTensor tensor{view.type(),
                    std::vector<std::byte>(static_cast<size_t>(view.type().size_bytes()))};
  for_each_element(view.view, [&](size_t place, size_t i) {
    memcpy(tensor.bytes.data() + i * step, buffer.data() + place * step, step);
  });
  return tensor;
}

// All buffers of a run one behind the other, each between guards, as they lie on the device.
class Block {
 public:
  // Where the buffer starts.
  uint64_t add(std::span<const std::byte> content) {
    const uint64_t start = (image_.size() + kGuardBytes + 255) / 256 * 256;
    image_.resize(start, kGuard);
    image_.insert(image_.end(), content.begin(), content.end());
    image_.resize(image_.size() + kGuardBytes, kGuard);
    return start;
  }
  const std::vector<std::byte> &image() const { return image_; }

 private:
  std::vector<std::byte> image_;
};

// The bytes of an output's buffer that a run may write.
void allow(std::vector<bool> &allowed, uint64_t start, const TypedView &view) {
  const auto step = static_cast<size_t>(size_bytes(view.dtype));
  for_each_element(view.view, [&](size_t place, size_t) {
    for (size_t i = 0; i < step; ++i) allowed[start + place * step + i] = true;
  });
}

Outcome failed(Failure failure, std::string detail) {
  return {failure, std::move(detail), {}};
}

struct Extent {
  uint64_t start;
  uint64_t bytes;
};

// The first byte that was written and must not be, in words.
Outcome find_damage(std::span<const std::byte> before, std::span<const std::byte> after,
                    const std::vector<bool> &allowed, std::span<const Extent> inputs,
                    std::span<const Extent> outputs, uint64_t workspace) {
  uint64_t at = 0;
  while (at < before.size() && (allowed[at] || before[at] == after[at])) ++at;
  if (at == before.size()) return {};
  for (size_t k = 0; k < inputs.size(); ++k) {
    const auto [start, bytes] = inputs[k];
    if (at >= start && at < start + bytes)
      return failed(Failure::kInputChanged, fmt::format("input {} was changed", k));
  }
  for (size_t k = 0; k < outputs.size(); ++k) {
    const auto [start, bytes] = outputs[k];
    if (at + kGuardBytes < start || at >= start + bytes + kGuardBytes) continue;
    return failed(Failure::kGuard,
                  fmt::format("byte {} of the buffer of output {} was written, which is none of "
                              "its elements (the buffer has {} bytes)",
                              static_cast<int64_t>(at - start), k, bytes));
  }
  return failed(Failure::kGuard, at >= workspace ? "memory behind the workspace was written"
                                                 : "memory around the inputs was written");
}

}  // namespace

std::string_view name_of(Failure failure) {
  switch (failure) {
    case Failure::kNone:
      return "none";
    case Failure::kWrong:
      return "WRONG";
    case Failure::kMistrusted:
      return "MISTRUSTED";
    case Failure::kGuard:
      return "GUARD";
    case Failure::kInputChanged:
      return "INPUT CHANGED";
    case Failure::kRefused:
      return "REFUSED";
    case Failure::kPromiseBroken:
      return "PROMISE BROKEN";
    case Failure::kNotDeterministic:
      return "NOT DETERMINISTIC";
    case Failure::kError:
      return "ERROR";
  }
  return {};
}

Placements place_all(const OpCall &call, Layout layout) {
  Placements placements;
  for (const TensorType &type : call.inputs)
    placements.inputs.push_back(place(layout, type, false));
  for (const TensorType &type : call.outputs)
    placements.outputs.push_back(place(layout, type, true));
  return placements;
}

std::vector<TypedView> views_of(const std::vector<Placement> &placements) {
  std::vector<TypedView> views;
  for (const Placement &placement : placements) views.push_back(placement.view);
  return views;
}

Outcome run_guarded(const Device &device, const DeviceStream &stream, const OpPlan &plan,
                    const std::vector<HostTensor> &inputs, const OpCall &call,
                    const Placements &placements, const InPlace &in_place, uint8_t poison) {
  Block block;
  std::vector<Extent> input_extents, output_extents;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::vector<std::byte> buffer = scattered(inputs[i], placements.inputs[i]);
    input_extents.push_back({block.add(buffer), buffer.size()});
  }
  for (size_t i = 0; i < call.outputs.size(); ++i) {
    if (i < in_place.size() && in_place[i] != kOwnMemory) {
      output_extents.push_back(input_extents[in_place[i]]);
      continue;
    }
    const std::vector<std::byte> buffer(placements.outputs[i].buffer_bytes, std::byte{poison});
    output_extents.push_back({block.add(buffer), buffer.size()});
  }
  const std::vector<std::byte> rest(plan.info().workspace_size, std::byte{poison});
  const uint64_t workspace = block.add(rest);

  const std::vector<std::byte> &before = block.image();
  std::vector<bool> allowed(before.size(), false);
  for (size_t i = 0; i < output_extents.size(); ++i)
    allow(allowed, output_extents[i].start, placements.outputs[i].view);
  std::fill_n(allowed.begin() + static_cast<int64_t>(workspace), rest.size(), true);

  const Result<DeviceMemory> memory = device.allocate(before.size());
  if (!memory.ok()) return failed(Failure::kError, memory.error().what);
  AbiTensors abi_inputs(views_of(placements.inputs), device.info().number);
  AbiTensors abi_outputs(views_of(placements.outputs), device.info().number);
  const auto give = [&](AbiTensors &tensors, const std::vector<Extent> &extents) {
    for (size_t i = 0; i < extents.size(); ++i)
      tensors.set_data(i, memory->data() + extents[i].start, extents[i].bytes);
  };
  give(abi_inputs, input_extents);
  give(abi_outputs, output_extents);

  std::vector<std::byte> after(before.size());
  const auto run = [&]() -> Status {
    FLAME_TRY(device.upload(stream, before, memory->data()));
    FLAME_TRY(plan.run(stream, abi_inputs, abi_outputs,
                       rest.empty() ? nullptr : memory->data() + workspace));
    FLAME_TRY(device.download(stream, memory->data(), after));
    return stream.synchronize();
  };
  const Status ran = run();
  if (!ran.ok()) return failed(Failure::kError, ran.error().what);

  const Outcome damage =
      find_damage(before, after, allowed, input_extents, output_extents, workspace);
  if (damage.failure != Failure::kNone) return damage;
  Outcome outcome;
  for (size_t i = 0; i < output_extents.size(); ++i) {
    const auto [start, bytes] = output_extents[i];
    outcome.outputs.push_back(
        gathered(std::span(after).subspan(start, bytes), placements.outputs[i].view));
  }
  return outcome;
}

}  // namespace flame::conformance
