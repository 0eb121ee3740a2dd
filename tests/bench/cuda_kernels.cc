// How quick the own kernels of backends/cuda are, beside a copy in the same run.
//
//   ninja -C build/release bench_cuda_kernels && build/release/tests/bench/bench_cuda_kernels [TITLE]
//
// With a part of a title, only the lines that have it, and the copy. Each op is captured many times into
// one graph; a line is the median over replays, divided. "GB/s" counts every tensor once, read or
// written; "of copy" compares with the copy of 256 MiB.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "backends/cuda/axes.h"
#include "backends/cuda/device.h"
#include "backends/cuda/op_plan.h"

namespace {

using flame::Attribute;
using flame::Shape;

constexpr int kReplays = 15;
constexpr flame_dtype kBF16 = FLAME_DTYPE_BF16;
constexpr flame_dtype kF32 = FLAME_DTYPE_F32;
constexpr flame_dtype kI64 = FLAME_DTYPE_I64;

struct TensorSpec {
  flame_dtype dtype;
  Shape shape;
  Shape strides = {};  // row-major if empty
  int same_as = -1;    // an output in the memory of that input
};

[[noreturn]] void fail(void *, flame_status, flame_str message) noexcept {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(message.size), message.data);
  std::exit(1);
}

class Bench {
 public:
  explicit Bench(std::string part)
      : part_(std::move(part)), device_(0, {}), stream_(device_.create_stream()) {
    call_.struct_size = sizeof call_;
    call_.fail = fail;
    call_.stream = reinterpret_cast<flame_stream *>(stream_.get());
  }

  // Adds a line: `repeats` runs in one graph.
  void line(const std::string &title, const char *op, std::vector<TensorSpec> inputs,
            std::vector<TensorSpec> outputs, std::vector<Attribute> attributes, int repeats = 20) {
    if (copy_rate_ != 0 && title.find(part_) == std::string::npos) return;
    std::vector<flame_tensor> tensors;
    uint64_t bytes = 0;
    std::vector<TensorSpec> all = inputs;
    all.insert(all.end(), outputs.begin(), outputs.end());
    for (TensorSpec &spec : all) {
      if (spec.strides.empty()) spec.strides = flame::cuda::dense_strides(spec.shape);
      flame_tensor tensor = {sizeof tensor,
                             spec.dtype,
                             static_cast<uint32_t>(spec.shape.size()),
                             1,
                             spec.shape.data(),
                             spec.strides.data(),
                             nullptr,
                             0,
                             0};
      tensor.buffer_size =
          static_cast<uint64_t>(flame::element_count(tensor)) * FLAME_DTYPE_BYTES(spec.dtype);
      bytes += tensor.buffer_size;
      tensor.data =
          spec.same_as >= 0 ? tensors[static_cast<size_t>(spec.same_as)].data : filled(tensor);
      tensors.push_back(tensor);
    }
    const double seconds = measured(op, tensors, inputs.size(), std::move(attributes), repeats);
    const double rate = static_cast<double>(bytes) / seconds * 1e-9;
    if (copy_rate_ == 0) copy_rate_ = rate;
    std::printf("%-44s %9.2f us %9.1f MB %8.0f GB/s %6.1f %% of copy\n", title.c_str(),
                seconds * 1e6, static_cast<double>(bytes) * 1e-6, rate, rate / copy_rate_ * 100);
    std::fflush(stdout);
    for (size_t i = 0; i < tensors.size(); ++i) {
      if (all[i].same_as < 0) device_.release(tensors[i].data);
    }
  }

 private:
  // Fresh memory: floats are normal numbers, everything else is whatever stands there as 0.
  void *filled(const flame_tensor &tensor) {
    void *memory = device_.allocate(std::max<uint64_t>(tensor.buffer_size, 1));
    const bool floats = tensor.dtype == kBF16 || tensor.dtype == kF32;
    const int64_t count = flame::element_count(tensor);
    const int64_t size[] = {count};
    const int64_t step[] = {1};
    flame_tensor flat = {sizeof flat, tensor.dtype,      1, 1, size, step, memory,
                         0,           tensor.buffer_size};
    const std::vector<Attribute> shape = {{"shape", std::vector<int64_t>{count}}};
    if (!floats) return fill(flat, count), memory;
    const std::vector<int64_t> seed(2, 7);
    void *scalars = device_.allocate(16);
    device_.upload(flame::Call(&call_), seed.data(), scalars, 16);
    const int64_t none[] = {1};
    const flame_tensor scalar = {sizeof scalar, kI64, 0, 1, none, none, scalars, 0, 8};
    run_once("random", {scalar, scalar, flat}, 2,
             {{"kind", "normal"}, shape[0], {"stream", int64_t{0}}, {"dtype", ""}});
    device_.release(scalars);
    return memory;
  }
  void fill(const flame_tensor &flat, int64_t count) {
    run_once("fill", {flat}, 0,
             {{"shape", std::vector<int64_t>{count}}, {"value", 0.0}, {"dtype", ""}});
  }

  struct Planned {
    std::unique_ptr<flame::Plan> plan;
    std::vector<const flame_tensor *> pointers;
    size_t inputs;
    void *workspace;
  };

  Planned planned(const char *name, const std::vector<flame_tensor> &tensors, size_t inputs,
                  std::vector<Attribute> attributes) {
    const flame::AttributeArray list(std::move(attributes));
    Planned made;
    for (const flame_tensor &tensor : tensors) made.pointers.push_back(&tensor);
    made.inputs = inputs;
    const flame_op op = {sizeof op,
                         static_cast<uint32_t>(inputs),
                         static_cast<uint32_t>(tensors.size() - inputs),
                         list.size(),
                         flame::borrow(name),
                         made.pointers.data(),
                         made.pointers.data() + inputs,
                         list.data()};
    made.plan = device_.plan(flame::Call(&call_), flame::Op(&op));
    made.workspace = device_.allocate(made.plan->info.workspace_size + 1);
    return made;
  }
  void run(const Planned &what) {
    call_.workspace = what.workspace;
    call_.workspace_size = what.plan->info.workspace_size;
    what.plan->run(flame::Call(&call_), what.pointers.data(), what.pointers.data() + what.inputs);
  }
  void run_once(const char *name, const std::vector<flame_tensor> &tensors, size_t inputs,
                std::vector<Attribute> attributes) {
    const Planned what = planned(name, tensors, inputs, std::move(attributes));
    run(what);
    stream_->synchronize();
    device_.release(what.workspace);
  }

  // Seconds of one run.
  double measured(const char *name, const std::vector<flame_tensor> &tensors, size_t inputs,
                  std::vector<Attribute> attributes, int repeats) {
    const Planned what = planned(name, tensors, inputs, std::move(attributes));
    run(what);
    stream_->synchronize();
    stream_->begin_capture();
    for (int i = 0; i < repeats; ++i) run(what);
    const std::unique_ptr<flame::Graph> graph = stream_->end_capture();
    std::vector<double> times;
    for (int replay = 0; replay < kReplays + 2; ++replay) {
      const auto start = std::chrono::steady_clock::now();
      stream_->replay(*graph);
      stream_->synchronize();
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
      if (replay >= 2) times.push_back(took.count() / repeats);
    }
    std::sort(times.begin(), times.end());
    device_.release(what.workspace);
    return times[times.size() / 2];
  }

  std::string part_;  // of the titles that are wanted
  flame::cuda::Gpu device_;
  std::unique_ptr<flame::Stream> stream_;
  flame_call call_ = {};
  double copy_rate_ = 0;
};

std::vector<Attribute> map_of(const std::string &code) {
  return {{"code", code}, {"dtypes", std::vector<std::string>{}}};
}

void elementwise(Bench &bench) {
  const Shape large = {int64_t{128} << 20};
  bench.line("copy 256 MiB bf16", "copy", {{kBF16, large}}, {{kBF16, large}}, {{"dtype", ""}});
  bench.line("copy 8 MiB bf16", "copy", {{kBF16, {4 << 20}}}, {{kBF16, {4 << 20}}}, {{"dtype", ""}},
             200);
  bench.line("map, chain of 8, 256 MiB bf16", "map", {{kBF16, large}}, {{kBF16, large}},
             map_of("mul x0 1.01; add t0 0.5; max t1 -3.0; min t2 3.0; silu t3; sub t4 x0; "
                    "square t5; add t6 x0"));
  bench.line("map, a + b, 256 MiB bf16", "map", {{kBF16, large}, {kBF16, large}}, {{kBF16, large}},
             map_of("add x0 x1"));
  bench.line("cast f32 to bf16, 64 Mi", "cast", {{kF32, {64 << 20}}}, {{kBF16, {64 << 20}}},
             {{"dtype", "bf16"}});
  bench.line("copy [1280, 16384] from columns", "copy", {{kBF16, {1280, 16384}, {1, 1280}}},
             {{kBF16, {1280, 16384}}}, {{"dtype", ""}});
  bench.line("fill 256 MiB", "fill", {}, {{kBF16, large}},
             {{"shape", std::vector<int64_t>{large}}, {"value", 1.0}, {"dtype", ""}});
  bench.line("random normal, 16 Mi f32", "random", {{kI64, {}}, {kI64, {}}}, {{kF32, {16 << 20}}},
             {{"kind", "normal"},
              {"shape", std::vector<int64_t>{16 << 20}},
              {"stream", int64_t{0}},
              {"dtype", ""}});
  const Shape parameters = {100'000'000};
  bench.line("adamw, 100 M parameters f32", "map",
             {{kF32, parameters},
              {kF32, parameters},
              {kF32, parameters},
              {kF32, parameters},
              {kF32, {}},
              {kF32, {}}},
             {{kF32, parameters, {}, 0}, {kF32, parameters, {}, 2}, {kF32, parameters, {}, 3}},
             map_of("mul x2 0.9; mul x1 0.1; add t0 t1; mul x3 0.999; square x1; mul t4 0.001; "
                    "add t3 t5; mul t2 x4; mul t6 x5; sqrt t8; add t9 1e-08; div t7 t10; "
                    "mul x0 0.01; add t11 t12; mul t13 0.0001; sub x0 t14 -> t15 t2 t6"));
  bench.line("map on 1,024 elements, captured", "map", {{kF32, {1024}}}, {{kF32, {1024}}},
             map_of("mul x0 1.01; add t0 0.5"), 1000);
}

void reductions(Bench &bench) {
  const auto reduce = [&](const std::string &title, const Shape &x, const Shape &y,
                          std::vector<int64_t> axes) {
    bench.line(title, "reduce", {{kBF16, x}}, {{kBF16, y}},
               {{"kind", "sum"}, {"axes", std::move(axes)}, {"keep_dims", false}, {"dtype", ""}});
  };
  reduce("reduce 256 MiB bf16 to one", {int64_t{128} << 20}, {}, {0});
  reduce("reduce [131072, 1024] bf16 by rows", {131072, 1024}, {131072}, {1});
  reduce("reduce [131072, 1024] bf16 by columns", {131072, 1024}, {1024}, {0});
  reduce("reduce [16384, 320] bf16 by columns", {16384, 320}, {320}, {0});
}

void group_norms(Bench &bench) {
  for (const auto &[images, channels, side] : {std::array<int64_t, 3>{1, 320, 128},
                                               {1, 640, 64},
                                               {1, 1280, 32},
                                               {1, 640, 128},
                                               {1, 960, 128},
                                               {2, 320, 128},
                                               {2, 640, 64},
                                               {2, 1280, 32},
                                               {2, 640, 128},
                                               {2, 960, 128},
                                               {1, 512, 256},
                                               {1, 128, 1024}}) {
    const TensorSpec x = {kBF16, {images, side, side, channels}};
    const TensorSpec c = {kBF16, {channels}};
    const TensorSpec g = {kF32, {images, 32}};
    const std::string size = (images > 1 ? std::to_string(images) + " x " : "") +
                             std::to_string(channels) + " x " + std::to_string(side) + "^2";
    bench.line("group_norm + silu " + size, "group_norm", {x, c, c}, {x, g, g},
               {{"groups", int64_t{32}}, {"activation", "silu"}, {"eps", 1e-5}});
    const std::vector<Attribute> silu = {
        {"groups", int64_t{32}}, {"activation", "silu"}, {"weight_gradient", false}};
    bench.line("group_norm_grad + silu " + size, "group_norm_grad", {x, x, g, g, c, c}, {x}, silu);
    bench.line("group_norm_grad + silu, adds " + size, "group_norm_grad", {x, x, g, g, c, c, x},
               {x}, silu);
  }
}

void rows(Bench &bench) {
  for (const auto &[count, channels] : {std::pair<int64_t, int64_t>{1024, 1280},
                                        {4096, 640},
                                        {16384, 640},
                                        {16384, 1280},
                                        {4608, 3072}}) {
    const TensorSpec x = {kBF16, {count, channels}};
    const TensorSpec c = {kBF16, {channels}};
    const TensorSpec r = {kF32, {count}};
    const std::string size = "[" + std::to_string(count) + ", " + std::to_string(channels) + "]";
    bench.line("layer_norm " + size, "layer_norm", {x, c, c}, {x, r, r}, {{"eps", 1e-5}});
    bench.line("layer_norm_grad " + size, "layer_norm_grad", {x, x, r, r, c}, {x},
               {{"weight_gradient", false}});
    bench.line("layer_norm_grad, adds " + size, "layer_norm_grad", {x, x, r, r, c, x}, {x},
               {{"weight_gradient", false}});
    bench.line("layer_norm_grad + weights " + size, "layer_norm_grad", {x, x, r, r, c}, {x, c, c},
               {{"weight_gradient", true}});
  }
  const TensorSpec heads = {kBF16, {4608, 24, 128}};
  const TensorSpec c = {kBF16, {128}};
  const TensorSpec r = {kF32, {4608, 24}};
  bench.line("rms_norm [4608, 24, 128]", "rms_norm", {heads, c}, {heads, r}, {{"eps", 1e-6}});
  bench.line("rms_norm_grad [4608, 24, 128]", "rms_norm_grad", {heads, heads, r, c}, {heads},
             {{"weight_gradient", false}});
  const TensorSpec scores = {kBF16, {20, 1024, 1024}};
  bench.line("softmax [20, 1024, 1024]", "softmax", {scores}, {scores}, {{"axis", int64_t{2}}});
  bench.line("softmax_grad [20, 1024, 1024]", "softmax_grad", {scores, scores}, {scores},
             {{"axis", int64_t{2}}});
  const TensorSpec wide = {kBF16, {16384, 16384}};
  bench.line("softmax [16384, 16384]", "softmax", {wide}, {wide}, {{"axis", int64_t{1}}}, 5);
}

void pieces(Bench &bench) {
  for (const char *activation : {"gelu", "gelu_tanh"}) {
    const TensorSpec x = {kBF16, {4096, 10240}};
    const TensorSpec y = {kBF16, {4096, 5120}};
    bench.line(std::string("geglu ") + activation + " [4096, 10240]", "geglu", {x}, {y},
               {{"activation", activation}});
    bench.line(std::string("geglu_grad ") + activation + " [4096, 10240]", "geglu_grad", {y, x},
               {x}, {{"activation", activation}});
  }
  const TensorSpec tokens = {kBF16, {4608, 3072}};
  const TensorSpec one = {kBF16, {1, 3072}};
  bench.line("modulate [4608, 3072]", "modulate", {tokens, one, one}, {tokens}, {});
  const TensorSpec heads = {kBF16, {1, 4608, 24, 128}};
  const TensorSpec angles = {kF32, {4608, 1, 64}};
  for (const char *pairing : {"adjacent", "halves"}) {
    bench.line(std::string("rope ") + pairing + " [4608, 24, 128]", "rope", {heads, angles, angles},
               {heads}, {{"pairing", pairing}, {"inverse", false}});
  }
  bench.line("gather 4096 of [49408, 1280]", "gather", {{kBF16, {49408, 1280}}, {kI64, {4096}}},
             {{kBF16, {4096, 1280}}}, {{"axis", int64_t{0}}});
  const TensorSpec image = {kBF16, {1, 128, 128, 320}};
  bench.line("concat 320 + 320, 128^2", "concat", {image, image}, {{kBF16, {1, 128, 128, 640}}},
             {{"axis", int64_t{3}}});
}

}  // namespace

int main(int count, char **arguments) {
  try {
    const std::vector<flame::DeviceInfo> devices = flame::cuda::Gpu::devices();
    if (devices.empty()) return std::printf("no GPU answers\n"), 0;
    std::printf("%s, %s\n", devices[0].name.c_str(), devices[0].description.c_str());
    Bench bench(count > 1 ? arguments[1] : "");
    elementwise(bench);
    reductions(bench);
    group_norms(bench);
    rows(bench);
    pieces(bench);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
