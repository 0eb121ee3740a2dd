#include "backends/onednn/op_plan.h"

#include <utility>

namespace flame::onednn {
namespace {

class LoopPlan : public OpPlan {
 public:
  explicit LoopPlan(std::function<void(const Run &)> loops) : loops_(std::move(loops)) {}

 private:
  void execute(const Run &run) override { loops_(run); }

  std::function<void(const Run &)> loops_;
};

}  // namespace

void OpPlan::prepare_with(Engine &engine) {
  engine_ = &engine;
  const ThreadScope scope(engine.threads);
  prepare(engine);
}

void OpPlan::run(const flame::Call &call, TensorList inputs, TensorList outputs) {
  const ThreadScope scope(engine_->threads);
  execute({inputs, outputs, static_cast<char *>(call.workspace()), engine_->stream});
}

std::unique_ptr<OpPlan> plan_of(std::function<void(const Run &)> loops) {
  return std::make_unique<LoopPlan>(std::move(loops));
}

}  // namespace flame::onednn
