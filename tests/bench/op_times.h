// How long programs take on a device, whole and op by op.
#pragma once

#include <functional>

#include "core/runtime/executable.h"

namespace flame::bench {

// Milliseconds of one of `runs` calls that follow each other: the median of `repeats` measurements.
Result<double> milliseconds(const DeviceStream &stream, const std::function<Status()> &enqueue,
                            int runs, int repeats);

// Milliseconds of every op by itself, one after the other: each distinct one is recorded many times in a
// graph of its own, where the device can, and timed. Prints the sums of the `shown` largest groups of
// equal ops, and of ops of one name.
Result<double> print_op_times(const Executable &executable, const Device &device,
                              const DeviceStream &stream, size_t shown);

}  // namespace flame::bench
