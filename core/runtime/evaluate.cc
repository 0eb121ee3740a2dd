#include "core/runtime/evaluate.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/terminal.h"
#include "core/passes/place.h"
#include "core/program/rewrite.h"
#include "core/runtime/executable.h"

namespace flame {
namespace {

// Takes apart the optional ops that the device refuses on contiguous tensors.
Result<Program> acceptable(Device &device, const Program &program) {
  std::optional<Error> broken;
  Result<Program> made = expand(program, [&](const OpCall &call) {
    if (call.op->group != OpGroup::kOptional || broken) return false;
    std::vector<TypedView> inputs, outputs;
    for (const TensorType &type : call.inputs) inputs.push_back(TypedView::contiguous(type));
    for (const TensorType &type : call.outputs) outputs.push_back(TypedView::contiguous(type));
    const Result<OpAnswer> answer = device.probe(call.op->name, call.attributes, inputs, outputs);
    if (!answer.ok()) broken = answer.error();
    return answer.ok() && !answer->info;
  });
  if (broken) return *broken;
  return made;
}

Status give(const Executable &executable, const DeviceStream &stream, const PlacedName &entry,
            const GivenTensors &given) {
  const auto found = given.find(entry.name);
  if (found != given.end()) return executable.write(stream, entry.name, found->second->bytes);
  return Error{ErrorKind::kFailed, fmt::format("no data is given for '{}'", printable(entry.name)),
               ""};
}

// All but what is given.
Status poison(Device &device, const DeviceStream &stream, const Executable &executable) {
  const PlacedProgram &placed = executable.placed();
  std::vector<bool> given(placed.storages.size(), false);
  for (const auto *names : {&placed.inputs, &placed.parameters})
    for (const PlacedName &entry : *names) given[entry.tensor.storage] = true;
  for (uint32_t i = 0; i < placed.storages.size(); ++i) {
    if (given[i]) continue;
    static const std::vector<std::byte> ones(size_t{16} << 20, std::byte{0xff});
    const uint64_t size = placed.storages[i].size_bytes;
    for (uint64_t done = 0; done < size; done += ones.size()) {
      const auto piece = std::span(ones).first(std::min<uint64_t>(ones.size(), size - done));
      FLAME_TRY(device.upload(stream, piece, executable.address(i) + done));
    }
  }
  return stream.synchronize();
}

}  // namespace

Result<TensorMap> read_outputs(const Executable &executable, const DeviceStream &stream) {
  TensorMap outputs;
  for (const PlacedName &output : executable.placed().outputs) {
    HostTensor &tensor = outputs[output.name];
    tensor.type = output.tensor.typed.type();
    tensor.bytes.resize(static_cast<size_t>(tensor.type.size_bytes()));
    FLAME_TRY(executable.read(stream, output.name, tensor.bytes));
  }
  FLAME_TRY(stream.synchronize());
  return outputs;
}

Result<TensorMap> evaluate(Device &device, const Program &program, const TensorMap &given) {
  FLAME_ASSIGN(const DeviceStream stream, device.create_stream());
  GivenTensors tensors;
  for (const auto &[name, tensor] : given) tensors[name] = &tensor;
  return evaluate(device, stream, program, tensors);
}

Result<TensorMap> evaluate(Device &device, const DeviceStream &stream, const Program &program,
                           const GivenTensors &given) {
  FLAME_ASSIGN(const Program lowered, acceptable(device, program));
  FLAME_ASSIGN(PlacedProgram placed, place(lowered, device, {}));
  TensorStore store(device);
  FLAME_ASSIGN(const auto executable,
               Executable::make(std::move(placed), store, Executable::Runs::kOnce));
  FLAME_TRY(poison(device, stream, *executable));
  for (const auto *names : {&executable->placed().inputs, &executable->placed().parameters}) {
    for (const PlacedName &entry : *names) FLAME_TRY(give(*executable, stream, entry, given));
  }
  FLAME_TRY(executable->run(stream));
  return read_outputs(*executable, stream);
}

}  // namespace flame
