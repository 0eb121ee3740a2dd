// How quick the products, convolutions and attentions of backends/cuda are that come from NVIDIA's
// libraries, by the list in cuda_libraries.txt.
//
//   ninja -C build/release bench_cuda_libraries
//   build/release/tests/bench/bench_cuda_libraries tests/bench/cuda_libraries.txt
//
// Each op is captured many times into one graph; a number is the median over replays, divided. A line
// has the forward pass and the gradient to the inputs, where there is one.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "backends/cuda/axes.h"
#include "backends/cuda/device.h"
#include "backends/cuda/op_plan.h"

namespace {

using flame::Attribute;
using Numbers = std::vector<int64_t>;

constexpr int kReplays = 9;
constexpr int kRepeats = 20;
// Before each op, so that it finds the GPU as cool as the others do.
constexpr std::chrono::milliseconds kPause{100};
constexpr flame_dtype kBF16 = FLAME_DTYPE_BF16;
constexpr flame_dtype kF32 = FLAME_DTYPE_F32;

[[noreturn]] void fail(void *, flame_status, flame_str message) noexcept {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(message.size), message.data);
  std::exit(1);
}

// A tensor of random numbers in the device's memory.
class DeviceTensor {
 public:
  DeviceTensor(flame::cuda::Gpu &device, flame_dtype dtype, const Numbers &shape)
      : device_(device), shape_(shape), strides_(flame::cuda::dense_strides(shape)) {
    tensor_ = {sizeof tensor_,
               dtype,
               static_cast<uint32_t>(shape.size()),
               1,
               shape_.data(),
               strides_.data(),
               nullptr,
               0,
               0};
    tensor_.buffer_size =
        static_cast<uint64_t>(flame::element_count(tensor_)) * FLAME_DTYPE_BYTES(dtype);
    tensor_.data = device_.allocate(tensor_.buffer_size);
  }
  ~DeviceTensor() { device_.release(tensor_.data); }
  DeviceTensor(const DeviceTensor &) = delete;
  DeviceTensor &operator=(const DeviceTensor &) = delete;

  const flame_tensor *get() const { return &tensor_; }

 private:
  flame::cuda::Gpu &device_;
  Numbers shape_, strides_;
  flame_tensor tensor_;
};
using Tensors = std::vector<const flame_tensor *>;

class Bench {
 public:
  Bench() : device_(0, {}), stream_(device_.create_stream()) {
    call_.struct_size = sizeof call_;
    call_.fail = fail;
    call_.stream = reinterpret_cast<flame_stream *>(stream_.get());
  }

  const flame_tensor *random(const Numbers &shape) {
    const flame_tensor *made = empty(kBF16, shape);
    const flame_tensor *scalar = empty(FLAME_DTYPE_I64, {});
    const int64_t seed = 7;
    device_.upload(flame::Call(&call_), &seed, scalar->data, sizeof seed);
    run_once("random", {scalar, scalar}, {made},
             {{"kind", "normal"}, {"shape", shape}, {"stream", int64_t{0}}, {"dtype", "bf16"}});
    return made;
  }
  const flame_tensor *empty(flame_dtype dtype, const Numbers &shape) {
    tensors_.push_back(std::make_unique<DeviceTensor>(device_, dtype, shape));
    return tensors_.back()->get();
  }
  void drop_tensors() { tensors_.clear(); }

  void run_once(const char *op, const Tensors &inputs, const Tensors &outputs,
                std::vector<Attribute> attributes) {
    Planned planned = plan(op, inputs, outputs, std::move(attributes));
    run(planned);
    finish(planned);
  }

  // Microseconds of one run.
  double measure(const char *op, const Tensors &inputs, const Tensors &outputs,
                 std::vector<Attribute> attributes) {
    Planned planned = plan(op, inputs, outputs, std::move(attributes));
    run(planned);
    stream_->synchronize();
    std::this_thread::sleep_for(kPause);
    stream_->begin_capture();
    for (int i = 0; i < kRepeats; ++i) run(planned);
    const std::unique_ptr<flame::Graph> graph = stream_->end_capture();
    std::vector<double> times;
    for (int replay = 0; replay < kReplays + 2; ++replay) {
      const auto start = std::chrono::steady_clock::now();
      stream_->replay(*graph);
      stream_->synchronize();
      const std::chrono::duration<double, std::micro> took =
          std::chrono::steady_clock::now() - start;
      if (replay >= 2) times.push_back(took.count() / kRepeats);
    }
    finish(planned);
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
  }

 private:
  struct Planned {
    std::unique_ptr<flame::Plan> plan;
    Tensors inputs, outputs;
    void *workspace;
  };

  Planned plan(const char *name, const Tensors &inputs, const Tensors &outputs,
               std::vector<Attribute> attributes) {
    const flame::AttributeArray list(std::move(attributes));
    const flame_op op = {sizeof op,
                         static_cast<uint32_t>(inputs.size()),
                         static_cast<uint32_t>(outputs.size()),
                         list.size(),
                         flame::borrow(name),
                         inputs.data(),
                         outputs.data(),
                         list.data()};
    Planned made = {device_.plan(flame::Call(&call_), flame::Op(&op)), inputs, outputs, nullptr};
    made.workspace = device_.allocate(made.plan->info.workspace_size + 1);
    return made;
  }
  void run(const Planned &planned) {
    call_.workspace = planned.workspace;
    call_.workspace_size = planned.plan->info.workspace_size;
    planned.plan->run(flame::Call(&call_), planned.inputs.data(), planned.outputs.data());
  }
  void finish(const Planned &planned) {
    stream_->synchronize();
    device_.release(planned.workspace);
  }

  flame::cuda::Gpu device_;
  std::unique_ptr<flame::Stream> stream_;
  flame_call call_ = {};
  std::vector<std::unique_ptr<DeviceTensor>> tensors_;
};

struct Times {
  double forward, gradient;
};

Times linear(Bench &bench, const Numbers &n) {
  const auto *x = bench.random({n[0], n[1]});
  const auto *weight = bench.random({n[2], n[1]});
  const auto *y = bench.random({n[0], n[2]});
  return {bench.measure("linear", {x, weight}, {y}, {}),
          bench.measure("matmul", {y, weight}, {x},
                        {{"transpose_a", false}, {"transpose_b", false}, {"dtype", ""}})};
}

// With a bias and an addend as one op, and in the gradient's place as two: with the bias, then the sum.
Times linear_sum(Bench &bench, const Numbers &n) {
  const auto *x = bench.random({n[0], n[1]});
  const auto *weight = bench.random({n[2], n[1]});
  const auto *bias = bench.random({n[2]});
  const auto *addend = bench.random({n[0], n[2]});
  const auto *y = bench.empty(kBF16, {n[0], n[2]});
  const double apart =
      bench.measure("linear", {x, weight, bias}, {y}, {}) +
      bench.measure("map", {y, addend}, {y},
                    {{"code", "add x0 x1"}, {"dtypes", std::vector<std::string>{}}});
  return {bench.measure("linear", {x, weight, bias, addend}, {y}, {}), apart};
}

// Both operands stored in f8; the products have no gradient of their own.
Times linear_f8(Bench &bench, const Numbers &n) {
  const auto stored = [&](const Numbers &shape) {
    const auto *made = bench.empty(FLAME_DTYPE_F8_E4M3, shape);
    bench.run_once("copy", {bench.random(shape)}, {made}, {{"dtype", "f8_e4m3"}});
    return made;
  };
  const auto *x = stored({n[0], n[1]});
  const auto *weight = stored({n[2], n[1]});
  const auto *scale = bench.empty(kF32, {});
  bench.run_once("fill", {}, {scale}, {{"shape", Numbers{}}, {"value", 0.5}, {"dtype", "f32"}});
  const auto *y = bench.empty(kBF16, {n[0], n[2]});
  return {bench.measure("linear_scaled", {x, weight, scale, scale}, {y}, {{"dtype", "bf16"}}),
          std::nan("")};
}

Times convolution(Bench &bench, const Numbers &n) {
  const auto *x = bench.random({n[0], n[1], n[2], n[3]});
  const auto *weight = bench.random({n[4], n[5], n[5], n[3]});
  const auto *y = bench.random({n[0], n[1], n[2], n[4]});
  std::vector<Attribute> attributes = {{"stride", Numbers{1, 1}},
                                       {"padding", Numbers(4, n[5] / 2)},
                                       {"dilation", Numbers{1, 1}},
                                       {"groups", int64_t{1}}};
  const double forward = bench.measure("conv2d", {x, weight}, {y}, attributes);
  attributes.emplace_back("size", Numbers{n[1], n[2]});
  return {forward, bench.measure("conv2d_input_grad", {y, weight}, {x}, attributes)};
}

Times attention(Bench &bench, const Numbers &n) {
  const Numbers queries = {n[0], n[2], n[1], n[3]};
  const Numbers keys = {n[0], n[4], n[1], n[3]};
  const auto *q = bench.random(queries);
  const auto *k = bench.random(keys);
  const auto *v = bench.random(keys);
  const auto *y = bench.empty(kBF16, queries);
  const auto *lse = bench.empty(kF32, {n[0], n[1], n[2]});
  std::vector<Attribute> attributes = {{"scale", 1 / std::sqrt(static_cast<double>(n[3]))},
                                       {"causal", false}};
  const double forward = bench.measure("attention", {q, k, v}, {y, lse}, attributes);
  attributes.emplace_back("mask_gradient", false);
  const Tensors gradients = {bench.empty(kBF16, queries), bench.empty(kBF16, keys),
                             bench.empty(kBF16, keys)};
  return {forward, bench.measure("attention_grad", {bench.random(queries), q, k, v, y, lse},
                                 gradients, attributes)};
}

}  // namespace

int main(int count, char **arguments) {
  if (count != 2) return std::printf("usage: bench_cuda_libraries LIST\n"), 2;
  try {
    const std::vector<flame::DeviceInfo> devices = flame::cuda::Gpu::devices();
    if (devices.empty()) return std::printf("no GPU answers\n"), 0;
    std::printf("%s, %s\n", devices[0].name.c_str(), devices[0].description.c_str());
    std::printf("%-36s %12s %12s\n", "bf16, us", "forward", "gradient");
    Bench bench;
    std::ifstream list(arguments[1]);
    for (std::string line; std::getline(list, line);) {
      if (line.empty() || line[0] == '#') continue;
      std::istringstream words(line);
      std::string kind;
      words >> kind;
      Numbers numbers;
      for (int64_t number = 0; words >> number;) numbers.push_back(number);
      const Times times = kind == "linear"       ? linear(bench, numbers)
                          : kind == "linear_sum" ? linear_sum(bench, numbers)
                          : kind == "linear_f8"  ? linear_f8(bench, numbers)
                          : kind == "conv"       ? convolution(bench, numbers)
                                                 : attention(bench, numbers);
      std::printf("%-36s %12.1f %12.1f\n", line.c_str(), times.forward, times.gradient);
      std::fflush(stdout);
      bench.drop_tensors();
    }
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
