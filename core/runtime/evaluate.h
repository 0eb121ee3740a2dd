// A program run once on a device, from tensors to tensors: for checks, where speed is no matter.
#pragma once

#include "core/program/program.h"
#include "core/runtime/device.h"
#include "core/tensor/host_tensor.h"

namespace flame {

class Executable;

// All outputs of a program that has run on the stream; waits until they are there.
Result<TensorMap> read_outputs(const Executable &executable, const DeviceStream &stream);

using GivenTensors = std::map<std::string, const HostTensor *>;

// The outputs of the program for the given inputs and parameters, all of which are there with their
// right types. Optional ops that the device refuses are run as their decomposition. Everything is
// allocated for this call and filled with NaN before it is written. Errors name the op and its
// place.
Result<TensorMap> evaluate(Device &device, const Program &program, const TensorMap &given);
// The same on a stream that is there already, with tensors that lie elsewhere: for many programs.
Result<TensorMap> evaluate(Device &device, const DeviceStream &stream, const Program &program,
                           const GivenTensors &given);

}  // namespace flame
