// The kernels of the cuda backend compile, for the oldest chip it takes and for Hopper. Needs NVRTC and
// no GPU.
#include <gmock/gmock.h>

#include <set>

#include "backends/cuda/kernel_plan.h"
#include "tests/backends/bare_calls.h"

namespace flame::cuda {
namespace {

bool is_known(std::string_view op) {
  return find_planner(op) != nullptr;
}

// The kernels that the backend would start; none if it refuses the op.
std::vector<KernelSource> kernels_of(const flame_op &call, const Target &target) {
  const flame::Op op(&call);
  std::vector<KernelSource> kernels;
  try {
    const std::unique_ptr<OpPlan> plan = find_planner(op.name())(op, target);
    if (const auto *own = dynamic_cast<const KernelPlan *>(plan.get())) {
      for (const KernelLaunch &launch : own->launches()) kernels.push_back(launch.source);
    }
  } catch (const flame::Error &error) {
    EXPECT_EQ(error.status(), FLAME_ERROR_UNSUPPORTED) << op.name() << ": " << error.what();
  }
  return kernels;
}

class Kernels : public testing::TestWithParam<int> {};

TEST_P(Kernels, Compile) {
  std::unique_ptr<Nvrtc> nvrtc;
  try {
    nvrtc = std::make_unique<Nvrtc>("", 99000);
  } catch (const flame::Error &error) {
    GTEST_SKIP() << error.what();
  }
  const std::string architecture = nvrtc->architecture_for(GetParam());
  Target target;
  target.capability = GetParam();
  std::set<std::string> seen;
  for (const backend_test::BareCall &call : backend_test::chosen_calls(is_known)) {
    for (const KernelSource &kernel : kernels_of(call.op(), target)) {
      if (!seen.insert(kernel.text() + kernel.entry).second) continue;
      try {
        const std::string image =
            nvrtc->compile(kernel.text(), compile_options(architecture, kernel.may_contract));
        EXPECT_NE(image.find(kernel.entry), std::string::npos);
      } catch (const flame::Error &error) {
        ADD_FAILURE() << flame::view(call.op().name) << "\n" << error.what();
      }
    }
  }
  EXPECT_GT(seen.size(), 100u);
}

INSTANTIATE_TEST_SUITE_P(For, Kernels, testing::Values(80, 90));

}  // namespace
}  // namespace flame::cuda
