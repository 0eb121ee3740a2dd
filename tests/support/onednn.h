// Runs one op on the objects of backends/onednn, for tests; the host's headers and the glue for
// authors do not meet in one file.
#pragma once

#include "flame/op.h"

namespace flame::testing_support {

// The op's tensors carry data. It is probed, planned and run twice, with two threads and a workspace
// that is poisoned first. Throws what the backend throws.
void run_on_onednn(const flame_op &op);

}  // namespace flame::testing_support
