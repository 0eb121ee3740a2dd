// Whole programs on a GPU, as the executor runs them: recorded, and beside the sum of their ops.
//
//   ninja -C build/release bench_cuda_blocks
//   build/release/tests/bench/bench_cuda_blocks PLUGIN-FOLDER [BACKEND]
//
// BACKEND is "cuda" with its options, such as cuda:cache=/tmp/empty for a first start; another one
// only shows that the bench works. "ops alone" is the sum over all ops of the time of one, each
// recorded many times in a graph of its own.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>

#include "core/ops/catalogue/terms.h"
#include "core/passes/differentiate.h"
#include "core/passes/fuse.h"
#include "core/passes/run_passes.h"
#include "core/plugin/backends.h"
#include "core/plugin/plugin_adapter.h"
#include "core/program/program_builder.h"
#include "core/train/accumulate.h"
#include "tests/bench/measured_program.h"
#include "tests/support/networks.h"

namespace {

using Clock = std::chrono::steady_clock;
using namespace flame;
using testing_support::BlockShape;

constexpr int kRepeats = 20;  // of one op in its graph

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// A program that is ready to run.
struct Ready {
  std::string name;
  std::unique_ptr<Executable> executable;
};

class Bench {
 public:
  Bench(Device &device, DeviceStream stream) : device_(device), stream_(std::move(stream)) {}

  Result<Ready> prepare(const std::string &name, const Program &program,
                        const PassSettings &settings = {}) {
    PassedProgram passed = run_passes(program, settings, &device_);
    FLAME_TRY(passed.status);
    return ready(name, std::move(*passed.placed));
  }
  Result<Ready> prepare(const std::string &name, const Program &program,
                        const PlaceRequest &request) {
    FLAME_ASSIGN(const Fused fused, fuse(program, device_));
    FLAME_ASSIGN(PlacedProgram placed, place(fused.program, device_, request));
    return ready(name, std::move(placed));
  }

  Result<Ready> ready(const std::string &name, PlacedProgram placed) {
    // A store of its own: the programs give equal names to tensors of different types.
    TensorStore store(device_);
    FLAME_ASSIGN(auto made, Executable::make(std::move(placed), store));
    FLAME_TRY(bench::fill_inputs(*made, stream_));
    FLAME_TRY(made->run(stream_));
    FLAME_TRY(stream_.synchronize());
    return Ready{name, std::move(made)};
  }

  // Microseconds of one run among several that follow each other.
  Result<double> microseconds(const std::function<Status()> &enqueue, int runs = 10) {
    std::vector<double> times;
    for (int i = 0; i < 9; ++i) {
      const auto start = Clock::now();
      for (int run = 0; run < runs; ++run) FLAME_TRY(enqueue());
      FLAME_TRY(stream_.synchronize());
      times.push_back(seconds_since(start) * 1e6 / runs);
    }
    return bench::median(times);
  }
  Result<double> microseconds(const Ready &ready, int runs = 10) {
    return microseconds([&] { return ready.executable->run(stream_); }, runs);
  }

  // The ops one after the other, each by itself; the slowest are printed.
  Result<double> sum_of_ops(const Ready &ready, size_t shown) {
    std::map<const OpPlan *, double> known;
    std::map<std::string, std::pair<double, int>> by_op;
    double sum = 0;
    for (size_t i = 0; i < ready.executable->steps().size(); ++i) {
      const Executable::Bound &step = ready.executable->steps()[i];
      const auto [at, is_new] = known.emplace(step.plan.get(), 0);
      if (is_new) {
        FLAME_ASSIGN(at->second, microseconds_alone(step));
      }
      sum += at->second;
      const Step &placed = ready.executable->placed().steps[i];
      std::string text = std::string(placed.op->name) + (placed.inserted ? " (inserted)" : "");
      for (const PlacedTensor &input : placed.inputs) text += " " + input.typed.type().text();
      by_op[text].first += at->second;
      ++by_op[text].second;
    }
    std::vector<std::pair<double, std::string>> lines;
    for (const auto &[text, of] : by_op)
      lines.emplace_back(of.first, fmt::format("{:3} x {}", of.second, text));
    std::ranges::sort(lines, std::greater<>());
    if (lines.size() > shown) lines.resize(shown);
    for (const auto &[time, text] : lines)
      fmt::print("    {:9.1f} us {}\n", time, text.substr(0, 120));
    return sum;
  }

 private:
  Result<double> microseconds_alone(const Executable::Bound &step) {
    const auto enqueue = [&]() -> Status {
      for (int i = 0; i < kRepeats; ++i)
        FLAME_TRY(step.plan->run(stream_, step.inputs, step.outputs, step.workspace));
      return {};
    };
    if (!device_.can_record()) {
      FLAME_ASSIGN(const double time, microseconds(enqueue, 1));
      return time / kRepeats;
    }
    FLAME_ASSIGN(const DeviceGraph graph, device_.record({&stream_, 1}, enqueue));
    FLAME_ASSIGN(const double time, microseconds([&] { return graph.replay(stream_); }, 1));
    return time / kRepeats;
  }

  Device &device_;
  DeviceStream stream_;
};

Result<Program> chain_of_maps(int count) {
  ProgramBuilder builder;
  Term x = builder.term(builder.input("x", {DType::kF32, {1024}}));
  // A sum between any two, so that they do not become one.
  for (int i = 0; i < count / 2; ++i) x = x + sum(x, {0}, true);
  builder.output("y", x.id());
  return builder.finish();
}

Result<Program> chain_of_products(DType dtype, int64_t size, int count) {
  ProgramBuilder builder;
  Term x = builder.term(builder.input("x", {dtype, {size, size}}));
  const Term w = builder.term(builder.parameter("w", {dtype, {size, size}}, false));
  for (int i = 0; i < count; ++i) x = matmul(x, w);
  builder.output("y", x.id());
  return builder.finish();
}

// `count` linears behind each other, and a loss.
Result<Program> chain_of_linears(int count) {
  ProgramBuilder builder;
  Term x = builder.term(builder.input("x", {DType::kF32, {1024, 1280}}));
  for (int i = 0; i < count; ++i) {
    const std::string name = fmt::format("layer{}.weight", i);
    x = apply_one("linear",
                  {x, builder.term(builder.parameter(name, {DType::kF32, {1280, 1280}}, false))});
  }
  const Term target = builder.term(builder.input("target", x.type()));
  builder.output("loss", apply_one("mse", {x, target}).id());
  return builder.finish();
}

// `count` groups of three linears of one tensor, as q, k and v are.
Result<Program> chain_of_groups(int count) {
  ProgramBuilder builder;
  Term x = builder.term(builder.input("x", {DType::kF32, {1024, 1280}}));
  for (int i = 0; i < count; ++i) {
    std::vector<Term> made;
    for (const char *name : {"q", "k", "v"}) {
      const std::string weight = fmt::format("layer{}.{}.weight", i, name);
      made.push_back(apply_one("linear", {x, builder.term(builder.parameter(
                                                 weight, {DType::kF32, {1280, 1280}}, false))}));
    }
    x = map("silu x0; mul t0 x1; add t1 x2", made);
  }
  const Term target = builder.term(builder.input("target", x.type()));
  builder.output("loss", apply_one("mse", {x, target}).id());
  return builder.finish();
}

Status small_ops(Bench &bench) {
  FLAME_ASSIGN(const Program program, chain_of_maps(1000));
  FLAME_ASSIGN(const Ready ready, bench.prepare("small ops", program));
  FLAME_ASSIGN(const double time, bench.microseconds(ready));
  const auto ops = static_cast<double>(ready.executable->steps().size());
  fmt::print("a program of {:.0f} small ops, recorded: {:.2f} us an op\n", ops, time / ops);
  return {};
}

Status products(Bench &bench) {
  struct Product {
    DType dtype;
    int64_t size;
    int count;
  };
  for (const Product &each : {Product{DType::kF32, 1024, 20}, Product{DType::kBF16, 8192, 4}}) {
    FLAME_ASSIGN(const Program program, chain_of_products(each.dtype, each.size, each.count));
    FLAME_ASSIGN(const Ready ready, bench.prepare("products", program));
    FLAME_ASSIGN(const double time, bench.microseconds(ready, 5));
    const double size = static_cast<double>(each.size);
    const double of_one = time / each.count;
    fmt::print("product {} {}^3: {:9.1f} us, {:6.1f} TFLOP/s\n", name_of(each.dtype), each.size,
               of_one, 2e-6 * size * size * size / of_one);
  }
  return {};
}

// The program with LoRA of rank 16 beside every linear.
Result<Program> with_lora(const Program &base, const Catalogue &catalogue, PluginHost &host) {
  FLAME_ASSIGN(const Catalogue::Match match, catalogue.find("adapter", "lora"));
  FLAME_ASSIGN(const StartedComponent started, host.start(match));
  FLAME_ASSIGN(const AdaptRequest request,
               adapt_request(started, {{"rank", false, {int64_t{16}}}}, {}));
  FLAME_ASSIGN(Adapted adapted, adapt(base, request));
  return std::move(adapted.program);
}

// What LoRA adds to linears 1024x1280 -> 1280, forward and backward.
Status lora(Bench &bench, const Catalogue &catalogue, PluginHost &host, int layers) {
  FLAME_ASSIGN(const Program base, chain_of_linears(layers));
  FLAME_ASSIGN(const Program adapted, with_lora(base, catalogue, host));
  const auto time_of = [&](const Program &program, bool prints) -> Result<double> {
    PassSettings settings;
    settings.precision.compute = DType::kBF16;
    settings.differentiate = GradientRequest{{"loss"}, {"x"}};
    for (const Parameter &parameter : program.parameters())
      if (parameter.trainable) settings.differentiate->with_respect_to.push_back(parameter.name);
    FLAME_ASSIGN(const Ready ready, bench.prepare("lora", program, settings));
    if (prints) {
      FLAME_ASSIGN(const double alone, bench.sum_of_ops(ready, 12));
      fmt::print("    {} ops, {:.1f} us alone\n", ready.executable->steps().size(), alone);
    }
    return bench.microseconds(ready);
  };
  FLAME_ASSIGN(const double without, time_of(base, layers == 1));
  FLAME_ASSIGN(const double with, time_of(adapted, layers == 1));
  fmt::print(
      "LoRA rank 16 beside {} linears 1024x1280 -> 1280: {:.1f} us, without {:.1f}: {:.1f} us a "
      "layer\n",
      layers, with, without, (with - without) / layers);
  return {};
}

// The same for groups of three of one tensor, as a training has them: parameters and gradients in
// flat buffers, with the downs of a group as one product and apart.
Status grouped_lora(Bench &bench, const Catalogue &catalogue, PluginHost &host, int groups) {
  FLAME_ASSIGN(const Program base, chain_of_groups(groups));
  PassSettings settings;
  settings.precision.compute = DType::kBF16;
  settings.differentiate = GradientRequest{{"loss"}, {"x"}};
  FLAME_ASSIGN(const Ready plain, bench.prepare("without", base, settings));
  FLAME_ASSIGN(const double without, bench.microseconds(plain));
  FLAME_ASSIGN(const Program adapted, with_lora(base, catalogue, host));
  for (const bool merges : {false, true}) {
    FLAME_ASSIGN(const Program model, merges ? simplify(adapted) : Result<Program>(adapted));
    FLAME_ASSIGN(const std::vector<FlatGroup> layout, flat_layout(model));
    FLAME_ASSIGN(const AccumulateProgram made, build_accumulate(model, {"loss", layout}));
    FLAME_ASSIGN(const Program narrow, apply_precision(made.program, settings.precision));
    FLAME_ASSIGN(const Ready ready, bench.prepare("with", narrow, made.placement));
    FLAME_ASSIGN(const double with, bench.microseconds(ready));
    fmt::print(
        "LoRA rank 16 beside {} groups of three linears 1024x1280 -> 1280, downs {}: {:.1f} us, "
        "without {:.1f}: {:.1f} us a layer, {} ops\n",
        groups, merges ? "together" : "apart", with, without, (with - without) / (3 * groups),
        ready.executable->steps().size());
    std::fflush(stdout);
  }
  return {};
}

Status run(const std::string &folder, const std::string &backend) {
  const auto start = Clock::now();
  const Catalogue catalogue = Catalogue::scan({std::filesystem::absolute(folder)});
  PluginHost host({});
  FLAME_ASSIGN(const OpenDeviceRequest request, read_device_request(backend));
  FLAME_ASSIGN(const auto device, open_device(host, catalogue, request));
  FLAME_ASSIGN(DeviceStream stream, device->create_stream());
  Bench bench(*device, std::move(stream));
  fmt::print("{}, {}\nopen after {:.2f} s\n", device->info().name, device->info().description,
             seconds_since(start));

  const bool is_large = !device->readable_by_processor();
  const int64_t part = is_large ? 1 : 5;  // on a processor, small ones
  const auto shape = [&](int64_t side, int64_t channels) {
    return BlockShape{1, side / part, side / part, channels / part, 64, 77, 2048, 1280};
  };
  struct Block {
    std::string name;
    Result<Program> program;
  };
  const Block blocks[] = {{"ResNet 320 channels 128x128",
                           testing_support::residual_block(shape(128, 320), DType::kBF16)},
                          {"ResNet 1280 channels 32x32",
                           testing_support::residual_block(shape(32, 1280), DType::kBF16)},
                          {"transformer 1280 wide 1024 tokens",
                           testing_support::transformer_block(shape(32, 1280), DType::kBF16)},
                          {"transformer 640 wide 4096 tokens",
                           testing_support::transformer_block(shape(64, 640), DType::kBF16)}};
  std::vector<Ready> ready;
  for (const bench::Wanted wanted : {bench::Wanted::kInput, bench::Wanted::kEverything}) {
    for (const Block &block : blocks) {
      if (!block.program.ok()) return block.program.error();
      FLAME_ASSIGN(const Program whole, bench::with_gradients(*block.program, wanted));
      FLAME_ASSIGN(Ready made,
                   bench.prepare(block.name + (wanted == bench::Wanted::kInput ? ", gradient of x"
                                                                               : ", all gradients"),
                                 whole));
      ready.push_back(std::move(made));
      fmt::print("{}: after {:.2f} s\n", ready.back().name, seconds_since(start));
      std::fflush(stdout);
    }
  }
  for (const Ready &block : ready) {
    fmt::print("{}, {} ops:\n", block.name, block.executable->steps().size());
    FLAME_ASSIGN(const double alone, bench.sum_of_ops(block, 12));
    FLAME_ASSIGN(const double whole, bench.microseconds(block));
    fmt::print("  {} {:.1f} us, ops alone {:.1f} us: {:.2f} x\n",
               block.executable->is_recorded() ? "recorded" : "run", whole, alone, whole / alone);
    std::fflush(stdout);
  }
  ready.clear();
  FLAME_TRY(small_ops(bench));
  if (!is_large) return {};
  FLAME_TRY(products(bench));
  FLAME_TRY(lora(bench, catalogue, host, 1));
  FLAME_TRY(lora(bench, catalogue, host, 100));
  return grouped_lora(bench, catalogue, host, 33);
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 2) return fmt::print("usage: bench_cuda_blocks PLUGIN-FOLDER [BACKEND]\n"), 2;
  const Status status = run(argv[1], argc > 2 ? argv[2] : "cuda");
  if (!status.ok()) fmt::print(stderr, "{}\n", status.error().text());
  return status.ok() ? 0 : 1;
}
