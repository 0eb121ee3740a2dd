// How quick the ops of backends/onednn are: beside the bare call of oneDNN where there is one, else
// alone.
//
//   ninja -C build/release benchmarks && build/release/tests/bench/bench_onednn_ops [threads]
//
// Prints the median and the best of many runs, in milliseconds. The two of a pair take turns, so that what else
// the machine does meets both.
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backends/onednn/device.h"

namespace {

using flame::Attribute;
using Shapes = std::vector<flame::Shape>;

constexpr int kRuns = 41;

struct Times {
  double median;
  double best;
};

Times summary_of(std::vector<double> &times) {
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times[0]};
}

double milliseconds(const std::function<void()> &work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

// One op with its tensors of f32 and its plan.
class OnednnOp {
 public:
  OnednnOp(flame::Device &device, const char *name, const Shapes &inputs, const Shapes &outputs,
           std::vector<Attribute> attributes)
      : device_(device), shapes_(inputs), attributes_(std::move(attributes)) {
    shapes_.insert(shapes_.end(), outputs.begin(), outputs.end());
    for (const flame::Shape &shape : shapes_) add_tensor(shape);
    for (const flame_tensor &tensor : tensors_) pointers_.push_back(&tensor);
    input_count_ = inputs.size();
    const flame_op op = {sizeof op,
                         static_cast<uint32_t>(inputs.size()),
                         static_cast<uint32_t>(outputs.size()),
                         attributes_.size(),
                         flame::borrow(name),
                         pointers_.data(),
                         pointers_.data() + inputs.size(),
                         attributes_.data()};
    plan_ = device.plan(flame::Call(&call_), flame::Op(&op));
    call_.workspace_size = plan_->info.workspace_size;
    call_.workspace = device.allocate(call_.workspace_size + 1);
  }
  ~OnednnOp() {
    device_.release(call_.workspace);
    for (const flame_tensor &tensor : tensors_) device_.release(tensor.data);
  }
  OnednnOp(const OnednnOp &) = delete;
  OnednnOp &operator=(const OnednnOp &) = delete;

  void run() { plan_->run(flame::Call(&call_), pointers_.data(), pointers_.data() + input_count_); }

 private:
  void add_tensor(const flame::Shape &shape) {
    std::vector<int64_t> &strides = strides_.emplace_back(shape.size(), 1);
    for (size_t axis = shape.size(); axis-- > 1;) {
      strides[axis - 1] = strides[axis] * shape[axis];
    }
    flame_tensor tensor = {sizeof tensor,
                           FLAME_DTYPE_F32,
                           static_cast<uint32_t>(shape.size()),
                           FLAME_DEVICE_CPU,
                           shape.data(),
                           strides.data(),
                           nullptr,
                           0,
                           0};
    const auto count = static_cast<uint64_t>(flame::element_count(tensor));
    tensor.buffer_size = count * sizeof(float);
    tensor.data = device_.allocate(tensor.buffer_size);
    for (uint64_t i = 0; i < count; ++i) {
      static_cast<float *>(tensor.data)[i] = static_cast<float>(i * 2654435761u % 1024) / 512 - 1;
    }
    tensors_.push_back(tensor);
  }

  flame::Device &device_;
  Shapes shapes_;
  std::vector<std::vector<int64_t>> strides_;
  flame::AttributeArray attributes_;
  std::vector<flame_tensor> tensors_;
  std::vector<const flame_tensor *> pointers_;
  size_t input_count_ = 0;
  flame_call call_ = {};
  std::unique_ptr<flame::Plan> plan_;
};

// A primitive of oneDNN with memory of its own.
class BareCall {
 public:
  template <typename Primitive>
  static BareCall of(const dnnl::engine &engine,
                     const typename Primitive::primitive_desc &description) {
    BareCall call;
    call.primitive_ = Primitive(description);
    const std::pair<int, dnnl::memory::desc> layouts[] = {
        {DNNL_ARG_SRC, description.src_desc()},
        {DNNL_ARG_WEIGHTS, description.weights_desc()},
        {DNNL_ARG_DST, description.dst_desc()}};
    for (const auto &[argument, layout] : layouts) {
      dnnl::memory memory(layout, engine);
      std::fill_n(static_cast<float *>(memory.get_data_handle()), layout.get_size() / sizeof(float),
                  0.5f);
      call.arguments_.insert({argument, memory});
    }
    return call;
  }
  void run(dnnl::stream &stream) {
    primitive_.execute(stream, arguments_);
    stream.wait();
  }

 private:
  dnnl::primitive primitive_;
  std::unordered_map<int, dnnl::memory> arguments_;
};

void compare(const char *name, OnednnOp &op, BareCall bare, dnnl::stream &stream) {
  std::vector<double> ours;
  std::vector<double> theirs;
  for (int run = 0; run < kRuns; ++run) {
    ours.push_back(milliseconds([&] { op.run(); }));
    theirs.push_back(milliseconds([&] { bare.run(stream); }));
  }
  const Times a = summary_of(ours);
  const Times b = summary_of(theirs);
  std::printf("%-44s %9.3f %9.3f %9.3f %9.3f %7.2f %7.2f\n", name, a.median, a.best, b.median,
              b.best, b.median / a.median, b.best / a.best);
}

void measure(flame::Device &device, const char *text, const char *name, const Shapes &inputs,
             const Shapes &outputs, std::vector<Attribute> attributes) {
  OnednnOp op(device, name, inputs, outputs, std::move(attributes));
  std::vector<double> times;
  for (int run = 0; run < kRuns; ++run) times.push_back(milliseconds([&] { op.run(); }));
  const Times summary = summary_of(times);
  std::printf("%-44s %9.3f %9.3f\n", text, summary.median, summary.best);
}

std::vector<Attribute> window(std::vector<Attribute> more) {
  more.emplace_back("stride", std::vector<int64_t>{1, 1});
  more.emplace_back("padding", std::vector<int64_t>{1, 1, 1, 1});
  more.emplace_back("dilation", std::vector<int64_t>{1, 1});
  more.emplace_back("groups", 1);
  return more;
}

void compare_with_bare_calls(flame::Device &device) {
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const auto f32 = dnnl::memory::data_type::f32;
  using Tag = dnnl::memory::format_tag;
  std::printf("%-44s %9s %9s %9s %9s %15s\n", "", "ours", "best", "bare", "best", "bare/ours");

  OnednnOp matmul(device, "matmul", {{1024, 1024}, {1024, 1024}}, {{1024, 1024}},
                  {{"transpose_a", false}, {"transpose_b", false}, {"dtype", "f32"}});
  const dnnl::memory::desc square({1024, 1024}, f32, Tag::ab);
  compare("matmul 1024 x 1024 x 1024", matmul,
          BareCall::of<dnnl::matmul>(engine, {engine, square, square, square}), stream);

  // The bare call gets its weights in the blocks that it wants; ours brings them there each time.
  OnednnOp conv(device, "conv2d", {{4, 32, 32, 64}, {64, 3, 3, 64}}, {{4, 32, 32, 64}}, window({}));
  const dnnl::memory::desc image({4, 64, 32, 32}, f32, Tag::nhwc);
  const dnnl::memory::desc weight({64, 64, 3, 3}, f32, Tag::any);
  compare("conv2d 64 to 64, 3 x 3, 4 of 32 x 32", conv,
          BareCall::of<dnnl::convolution_forward>(engine, {engine,
                                                           dnnl::prop_kind::forward_inference,
                                                           dnnl::algorithm::convolution_direct,
                                                           image,
                                                           weight,
                                                           image,
                                                           {1, 1},
                                                           {1, 1},
                                                           {1, 1}}),
          stream);
}

void measure_blocks(flame::Device &device) {
  const flame::Shape tokens = {4, 256, 4, 64};
  const flame::Shape text = {4, 77, 4, 64};
  const flame::Shape sums = {4, 4, 256};
  const flame::Shape map = {4, 16, 16, 256};
  const flame::Shape groups = {4, 32};
  const Attribute scale("scale", 0.125);
  const Attribute causal("causal", false);
  const Attribute no_mask("mask_gradient", false);
  measure(device, "attention 4 x 4 x 256, 256 keys of 64", "attention", {tokens, tokens, tokens},
          {tokens, sums}, {scale, causal});
  measure(device, "attention_grad 4 x 4 x 256, 256 keys of 64", "attention_grad",
          {tokens, tokens, tokens, tokens, tokens, sums}, {tokens, tokens, tokens},
          {scale, causal, no_mask});
  measure(device, "attention 4 x 4 x 256, 77 keys of 64", "attention", {tokens, text, text},
          {tokens, sums}, {scale, causal});
  measure(device, "attention_grad 4 x 4 x 256, 77 keys of 64", "attention_grad",
          {tokens, tokens, text, text, tokens, sums}, {tokens, text, text},
          {scale, causal, no_mask});
  measure(device, "group_norm with silu 4 of 16 x 16 x 256", "group_norm", {map, {256}, {256}},
          {map, groups, groups}, {{"groups", 32}, {"activation", "silu"}, {"eps", 1e-5}});
  measure(device, "group_norm_grad with silu 4 of 16 x 16 x 256", "group_norm_grad",
          {map, map, groups, groups, {256}, {256}}, {map, {256}, {256}},
          {{"groups", 32}, {"activation", "silu"}, {"weight_gradient", true}});
  measure(device, "layer_norm 1024 x 256", "layer_norm", {{1024, 256}, {256}, {256}},
          {{1024, 256}, {1024}, {1024}}, {{"eps", 1e-5}});
  measure(device, "layer_norm_grad 1024 x 256", "layer_norm_grad",
          {{1024, 256}, {1024, 256}, {1024}, {1024}, {256}}, {{1024, 256}, {256}, {256}},
          {{"weight_gradient", true}});
  measure(device, "linear 1024 x 256 to 1024", "linear", {{1024, 256}, {1024, 256}, {1024}},
          {{1024, 1024}}, {});
  measure(device, "linear 1024 x 1024 to 256", "linear", {{1024, 1024}, {256, 1024}, {256}},
          {{1024, 256}}, {});
  const flame::Shape weight = {256, 3, 3, 256};
  measure(device, "conv2d 256 to 256, 3 x 3, 4 of 16 x 16", "conv2d", {map, weight, {256}}, {map},
          window({}));
  measure(device, "conv2d_input_grad", "conv2d_input_grad", {map, weight}, {map},
          window({{"size", {16, 16}}}));
  measure(device, "conv2d_weight_grad", "conv2d_weight_grad", {map, map}, {weight},
          window({{"window", {3, 3}}}));
  measure(device, "softmax 4096 x 256", "softmax", {{4096, 256}}, {{4096, 256}}, {{"axis", 1}});
}

}  // namespace

int main(int count, char **arguments) {
  const int threads = count > 1 ? std::atoi(arguments[1]) : omp_get_num_procs();
  omp_set_num_threads(threads);
  flame::onednn::Processor device(0, {threads});
  std::printf("%d threads, f32, median and best of %d runs, ms\n", threads, kRuns);
  compare_with_bare_calls(device);
  measure_blocks(device);
}
