// The kernels of the cuda backend compile, for the oldest chip it takes and for Hopper. Needs NVRTC and
// no GPU.
#include <gmock/gmock.h>

#include <set>

#include "backends/cuda/kernel_plan.h"
#include "core/ops/catalogue/abi_attributes.h"
#include "core/ops/catalogue/catalogue.h"
#include "core/runtime/conformance/typed_case.h"

namespace flame::conformance {
namespace {

// A tensor without data, row-major.
struct BareTensor {
  explicit BareTensor(const TensorType &of) : type(of), strides(contiguous_strides(of.shape)) {
    tensor = {sizeof tensor,
              to_abi(type.dtype),
              static_cast<uint32_t>(type.shape.rank()),
              1,
              type.shape.begin(),
              strides.data(),
              nullptr,
              0,
              0};
  }
  BareTensor(const BareTensor &) = delete;
  BareTensor &operator=(const BareTensor &) = delete;

  TensorType type;
  Strides strides;
  flame_tensor tensor;
};

// The kernels that the backend would start for a case; none if it refuses it.
std::vector<cuda::KernelSource> kernels_of(const OpCall &call, const cuda::Target &target) {
  const AbiAttributes attributes(call.attributes);
  std::deque<BareTensor> tensors;
  for (const TensorType &type : call.inputs) tensors.emplace_back(type);
  for (const TensorType &type : call.outputs) tensors.emplace_back(type);
  std::vector<const flame_tensor *> pointers;
  for (const BareTensor &tensor : tensors) pointers.push_back(&tensor.tensor);
  const std::string_view name = call.op->name;
  const flame_op op = {sizeof(flame_op),
                       static_cast<uint32_t>(call.inputs.size()),
                       static_cast<uint32_t>(call.outputs.size()),
                       attributes.count(),
                       {name.data(), name.size()},
                       pointers.data(),
                       pointers.data() + call.inputs.size(),
                       attributes.data()};
  std::vector<cuda::KernelSource> kernels;
  try {
    const std::unique_ptr<cuda::OpPlan> plan = cuda::find_planner(name)(flame::Op(&op), target);
    if (const auto *own = dynamic_cast<const cuda::KernelPlan *>(plan.get())) {
      for (const cuda::KernelLaunch &launch : own->launches()) kernels.push_back(launch.source);
    }
  } catch (const flame::Error &error) {
    EXPECT_EQ(error.status(), FLAME_ERROR_UNSUPPORTED) << name << ": " << error.what();
  }
  return kernels;
}

// The first case of each op and element type, and every function of map in f32.
std::vector<OpCall> chosen_calls() {
  std::vector<OpCall> calls;
  std::set<std::string> seen;
  for (const OpDefinition &op : catalogue()) {
    if (!cuda::find_planner(op.name)) continue;
    const Result<std::vector<TypedCase>> cases = typed_cases(op);
    EXPECT_TRUE(cases.ok());
    for (const TypedCase &each : *cases) {
      std::string key = std::string(op.name) + std::string(name_of(each.dtype));
      const AttributeValue *code = each.call.attributes.find("code");
      if (code && each.dtype == DType::kF32) key += text_of(*code);
      if (seen.insert(key).second) calls.push_back(each.call);
    }
  }
  return calls;
}

class Kernels : public testing::TestWithParam<int> {};

TEST_P(Kernels, Compile) {
  std::unique_ptr<cuda::Nvrtc> nvrtc;
  try {
    nvrtc = std::make_unique<cuda::Nvrtc>("", 99000);
  } catch (const flame::Error &error) {
    GTEST_SKIP() << error.what();
  }
  const std::string architecture = nvrtc->architecture_for(GetParam());
  cuda::Target target;
  target.capability = GetParam();
  std::set<std::string> seen;
  for (const OpCall &call : chosen_calls()) {
    for (const cuda::KernelSource &kernel : kernels_of(call, target)) {
      if (!seen.insert(kernel.text() + kernel.entry).second) continue;
      try {
        EXPECT_NE(
            nvrtc->compile(kernel.text(), cuda::compile_options(architecture, kernel.may_contract))
                .find(kernel.entry),
            std::string::npos);
      } catch (const flame::Error &error) {
        ADD_FAILURE() << call.op->name << "\n" << error.what();
      }
    }
  }
  EXPECT_FALSE(seen.empty());
}

INSTANTIATE_TEST_SUITE_P(For, Kernels, testing::Values(80, 90));

}  // namespace
}  // namespace flame::conformance
