#include "tests/support/onednn.h"

#include <cstring>

#include "backends/onednn/device.h"

namespace flame::testing_support {

void run_on_onednn(const flame_op &op) {
  onednn::Processor device(0, {.threads = 2});
  flame_call call = {};
  device.probe(Call(&call), Op(&op));
  const auto plan = device.plan(Call(&call), Op(&op));
  call.workspace_size = plan->info.workspace_size;
  call.workspace = device.allocate(call.workspace_size + 1);
  std::memset(call.workspace, 0xff, call.workspace_size);
  for (int run = 0; run < 2; ++run) plan->run(Call(&call), op.inputs, op.outputs);
  device.release(call.workspace);
}

}  // namespace flame::testing_support
