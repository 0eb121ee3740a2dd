#include "backends/cuda/convolution.h"

#include "backends/cuda/edge_convolution.h"
#include "backends/cuda/elementwise.h"
#include "flame/log.hpp"
#include "flame/op_checks.hpp"

namespace flame::cuda {
namespace {

constexpr int64_t kThreads = 128;

// Which tensors of an op are the image, the weight and the result.
struct Roles {
  const flame_tensor &image, &weight, &result;

  static Roles of(const flame::Op &op, Convolution kind) {
    switch (kind) {
      case Convolution::kInputGrad:
        return {op.output(0), op.input(1), op.input(0)};
      case Convolution::kWeightGrad:
        return {op.input(0), op.output(0), op.input(1)};
      default:
        return {op.input(0), op.input(1), op.output(0)};
    }
  }
};

ConvolutionShape shape_of(const flame::Op &op, const Target &target, Convolution kind) {
  const Roles roles = Roles::of(op, kind);
  ConvolutionShape shape;
  shape.kind = kind;
  shape.dtype = op.output(0).dtype;
  shape.image = sizes_of(roles.image);
  shape.weight = sizes_of(roles.weight);
  shape.result = sizes_of(roles.result);
  shape.stride = op.attributes().integers("stride");
  shape.dilation = op.attributes().integers("dilation");
  shape.padding = op.attributes().integers("padding");
  shape.groups = op.attributes().integer("groups");
  shape.bias = kind == Convolution::kForward && op.input_count() == 3;
  shape.tf32 = target.tf32;
  return shape;
}

// The kernel of one element per thread.
KernelLaunch direct_launch(const ConvolutionShape &shape, int64_t count) {
  Definitions made;
  made.type("T", shape.dtype).alias("A", accumulator_type(shape.dtype));
  const auto sizes = [&](std::initializer_list<const char *> names, const Sizes &values) {
    size_t i = 0;
    for (const char *name : names) made.number(name, values[i++]);
  };
  sizes({"kImages", "kHeight", "kWidth", "kChannels"}, shape.image);
  sizes({"kFilters", "kRows", "kColumns", "kDepth"}, shape.weight);
  made.number("kDown", shape.result[1]).number("kAcross", shape.result[2]);
  sizes({"kStrideDown", "kStrideAcross"}, shape.stride);
  sizes({"kStepDown", "kStepAcross"}, shape.dilation);
  made.number("kTop", shape.padding[0]).number("kLeft", shape.padding[2]);
  made.number("kGroupFilters", shape.weight[0] / shape.groups);
  made.flag("kBias", shape.bias).number("kThreads", kThreads);
  KernelLaunch launch;
  const char *entry = shape.kind == Convolution::kForward     ? "convolve"
                      : shape.kind == Convolution::kInputGrad ? "input_grad"
                                                              : "weight_grad";
  launch.source = {"convolution.cu", made.text(), entry};
  launch.threads = kThreads;
  launch.blocks = block_count(count, kThreads);
  launch.arguments = {input_argument(0), input_argument(1),
                      shape.bias ? input_argument(2) : number_argument(0), output_argument(0),
                      number_argument(count)};
  return launch;
}

class ConvolutionPlan : public OpPlan {
 public:
  ConvolutionPlan(const flame::Op &op, const ConvolutionShape &shape, const Target &target)
      : shape_(shape), edge_(edge_convolution_launch(shape, target)) {
    count_ = flame::element_count(op.output(0));
    direct_ = direct_launch(shape_, count_);
    is_empty_ = false;
    for (uint32_t i = 0; i < 2; ++i) is_empty_ |= flame::element_count(op.input(i)) == 0;
    if (!shape.bias) return;
    const Sizes sizes = sizes_of(op.output(0));
    add_bias_ = elementwise_launch(
        "add x0 x1", {sizes,
                      {whole_view(0, op.output(0), sizes), whole_view(2, op.input(2), sizes)},
                      {whole_view(0, op.output(0), sizes)}});
    // Its first operand is the op's own output.
    for (Argument &argument : add_bias_.arguments) {
      if (argument.kind == Argument::Kind::kInput && argument.index == 0)
        argument.kind = Argument::Kind::kOutput;
    }
  }

  std::vector<KernelSource> kernels() const override {
    if (count_ == 0) return {};
    std::vector<KernelSource> sources = {direct_.source};
    if (edge_ && !is_empty_) sources.push_back(edge_->source);
    return sources;
  }

 private:
  void prepare(Context &context) override {
    if (count_ == 0) return;
    direct_kernel_ = context.kernel(direct_.source);
    if (edge_ && !is_empty_) {
      edge_kernel_ = context.kernel(edge_->source);
      return allow_shared(*edge_, *edge_kernel_);
    }
    if (is_empty_ || shape_.dtype == FLAME_DTYPE_F64) return;
    std::string reason;
    graph_ = context.cudnn().convolution(context, shape_, reason);
    if (!graph_ && shape_.bias && shape_.dtype == FLAME_DTYPE_F32) {
      // In f32 a second rounding is within the contract.
      ConvolutionShape plain = shape_;
      plain.bias = false;
      graph_ = context.cudnn().convolution(context, plain, reason);
      if (graph_) add_bias_kernel_ = context.kernel(add_bias_.source);
    }
    if (graph_) {
      workspace_ = reserve(graph_->workspace_size());
    } else {
      flame::log_debug("cuDNN does not take the ", shape_.text(), ": ", reason);
    }
  }

  void execute(const Run &run) override {
    if (count_ == 0) return;
    if ((!graph_ && !edge_kernel_) || !is_aligned(run))
      return enqueue(direct_, *direct_kernel_, run, op());
    if (edge_kernel_) return enqueue(*edge_, *edge_kernel_, run, op());
    void *const first = address_of(*run.inputs[0]);
    void *const second = address_of(*run.inputs[1]);
    void *const out = address_of(*run.outputs[0]);
    switch (shape_.kind) {
      case Convolution::kForward:
        addresses_ = {first, second, out};
        break;
      case Convolution::kInputGrad:
        addresses_ = {out, second, first};
        break;
      case Convolution::kWeightGrad:
        addresses_ = {first, out, second};
        break;
    }
    if (shape_.bias && !add_bias_kernel_) addresses_.push_back(address_of(*run.inputs[2]));
    graph_->run(run.stream, addresses_, run.workspace + workspace_);
    if (add_bias_kernel_) enqueue(add_bias_, *add_bias_kernel_, run, op());
  }

  bool is_aligned(const Run &run) const {
    uint64_t places = reinterpret_cast<uint64_t>(address_of(*run.outputs[0]));
    for (uint32_t i = 0; i < (shape_.bias ? 3u : 2u); ++i)
      places |= reinterpret_cast<uint64_t>(address_of(*run.inputs[i]));
    return places % 16 == 0;
  }

  ConvolutionShape shape_;
  int64_t count_ = 0;
  bool is_empty_ = false;
  KernelLaunch direct_;
  std::shared_ptr<const Kernel> direct_kernel_;
  std::optional<KernelLaunch> edge_;
  std::shared_ptr<const Kernel> edge_kernel_;
  KernelLaunch add_bias_;
  std::shared_ptr<const Kernel> add_bias_kernel_;  // if the graph adds none
  std::unique_ptr<CudnnGraph> graph_;
  std::vector<void *> addresses_;
  uint64_t workspace_ = 0;
};

}  // namespace

std::unique_ptr<OpPlan> plan_convolution(const flame::Op &op, const Target &target,
                                         Convolution kind) {
  const flame_dtype dtype = op.output(0).dtype;
  if (!computes_in_f32(dtype) && dtype != FLAME_DTYPE_F64) {
    throw flame::unsupported(op.name(), " takes f64, f32, bf16 and f16, but its output is ",
                             flame::dtype_name(dtype));
  }
  expect_all_contiguous(op);
  return std::make_unique<ConvolutionPlan>(op, shape_of(op, target, kind), target);
}

}  // namespace flame::cuda
