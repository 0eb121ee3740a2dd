// How long planned programs will take on a device: an estimate, from two short measurements of it.
#pragma once

#include "core/passes/placed_program.h"
#include "core/runtime/device.h"

namespace flame::cli {

// What a device reaches.
struct DevicePace {
  double products_a_second = 0;  // of multiplications and additions, in products of matrices
  double bytes_a_second = 0;     // read and written, elementwise
  double seconds_a_call = 0;     // of the smallest op
};

// Runs a product and an elementwise op of some megabytes. Errors: of the device.
Result<DevicePace> measure_pace(Device &device, DType compute);

// Each step takes as long as its products or its bytes, whichever is longer.
double seconds_of(const PlacedProgram &program, const DevicePace &pace);

}  // namespace flame::cli
