// Runs a program on the reference kernels, for tests: slow, plain, without a backend plugin.
#pragma once

#include <vector>

#include "core/program/program.h"
#include "core/tensor/host_tensor.h"

namespace flame::testing_support {

// Numbers converted to the type as the op map stores floats.
HostTensor tensor_of(const TensorType &type, const std::vector<double> &numbers);
std::vector<double> numbers_of(const HostTensor &tensor);

// The program's outputs for the inputs and parameters in `given`. Optional ops are taken apart
// first; views are resolved by strides, so kernels see strided inputs. Outputs are poisoned before
// each op.
Result<TensorMap> evaluate(const Program &program, const TensorMap &given);

}  // namespace flame::testing_support
