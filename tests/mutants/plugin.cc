// The test backend `mutant`: the reference backend with one planted bug, chosen by its option, and
// with kernels of its own for three optional ops. Never installed.
#include "flame/plugin.hpp"

#include "backends/reference/device.h"
#include "backends/reference/plan.h"
#include "tests/mutants/mutant_kernels.h"
#include "tests/mutants/mutants.h"

namespace flame::mutants {
namespace {

bool is_own(std::string_view op) {
  return !reference::find_kernel(op) && find_honest(op);
}

class MutantDevice : public reference::ReferenceDevice {
 public:
  struct Options {
    std::string bug;
    void describe(OptionTable &table) {
      table.string("bug", bug, "Which bug is planted; empty: none.");
    }
  };

  MutantDevice(uint32_t index, const Options &options) : ReferenceDevice(index), bug_(options.bug) {
    if (bug_.empty()) return;
    for (const Mutant &mutant : kMutants) {
      if (mutant.bug == bug_) buggy_op_ = mutant.op;
    }
    if (buggy_op_.empty()) throw invalid_argument("there is no bug '", bug_, "'");
  }

  OpInfo probe(const Call &call, const Op &op) const override {
    if (op.name() == buggy_op_ && bug_ == "contiguous-refused") throw unsupported("not today");
    OpInfo info =
        is_own(op.name()) ? OpInfo{FLAME_OP_DETERMINISTIC, 0, 0} : ReferenceDevice::probe(call, op);
    if (op.name() == buggy_op_ && bug_ == "in-place-lie" && op.input_count() > 0 &&
        same_shape(op.input(0), op.output(0)) && op.input(0).dtype == op.output(0).dtype)
      info.in_place_mask = 1;
    return info;
  }

  std::unique_ptr<Plan> plan(const Call &call, const Op &op) override {
    const reference::Kernel mutant = op.name() == buggy_op_ ? find_mutant(bug_) : nullptr;
    auto plan =
        std::make_unique<reference::KernelPlan>(op, mutant ? mutant : find_honest(op.name()));
    plan->info = probe(call, op);
    if (op.name() == buggy_op_ && bug_ == "plan-differs") plan->info.in_place_mask = 1;
    return plan;
  }

 private:
  std::string bug_;
  std::string_view buggy_op_;
};

}  // namespace
}  // namespace flame::mutants

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.test.mutant").version("0.0.1").vendor("flamehost's tests");
  plugin.license("Apache-2.0").summary("A backend with one planted bug, for tests.");
  plugin.add<flame::mutants::MutantDevice>("mutant", "The reference with one planted bug.");
}
