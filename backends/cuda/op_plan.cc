#include "backends/cuda/op_plan.h"

#include "backends/cuda/stream.h"

namespace flame::cuda {

void OpPlan::prepare_with(Context &context, std::string_view op) {
  context_ = &context;
  op_ = op;
  prepare(context);
}

void OpPlan::run(const flame::Call &call, TensorList inputs, TensorList outputs) {
  context_->make_current();
  execute({inputs, outputs, static_cast<char *>(call.workspace()), stream_of(call)});
}

}  // namespace flame::cuda
