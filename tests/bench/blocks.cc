// The blocks of a small U-Net, forward and backward to every weight and to x, on a backend.
//
//   ninja -C build/release bench_blocks
//   build/release/tests/bench/bench_blocks BACKEND [THREADS] [f32|bf16] [PROFILE]
//
// With a fourth word it also prints the time of each op. tests/bench/blocks_torch.py is the peer.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <map>

#include "core/passes/fuse.h"
#include "core/passes/place.h"
#include "core/plugin/backends.h"
#include "core/runtime/executable.h"
#include "tests/bench/measured_program.h"
#include "tests/support/networks.h"

namespace {

using Clock = std::chrono::steady_clock;
using namespace flame;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Status profile(const Executable &executable, const DeviceStream &stream) {
  constexpr int kRuns = 20;
  std::map<std::string, std::pair<double, int>> by_op;
  for (int run = 0; run < kRuns; ++run) {
    for (size_t i = 0; i < executable.steps().size(); ++i) {
      const Executable::Bound &step = executable.steps()[i];
      const auto start = Clock::now();
      FLAME_TRY(step.plan->run(stream, step.inputs, step.outputs, step.workspace));
      FLAME_TRY(stream.synchronize());
      const Step &placed = executable.placed().steps[i];
      std::string key = std::string(placed.op->name) + (placed.inserted ? " (inserted)" : "");
      for (const PlacedTensor &input : placed.inputs) key += " " + input.typed.type().text();
      by_op[key].first += seconds_since(start);
      ++by_op[key].second;
    }
  }
  std::vector<std::pair<double, std::string>> lines;
  for (const auto &[key, sum] : by_op) {
    lines.emplace_back(1e3 * sum.first / kRuns, fmt::format("{:4} x {}", sum.second / kRuns, key));
  }
  std::ranges::sort(lines, std::greater<>());
  for (const auto &[ms, key] : lines) fmt::print("  {:8.3f} ms  {}\n", ms, key);
  return {};
}

Status measure(Device &device, const std::string &name, Result<Program> forward, bool profiled) {
  if (!forward.ok()) return forward.error();
  FLAME_ASSIGN(const Program whole, bench::with_gradients(*forward, bench::Wanted::kEverything));
  FLAME_ASSIGN(const Fused fused, fuse(whole, device));
  FLAME_ASSIGN(PlacedProgram placed, place(fused.program, device, {}));
  TensorStore store(device);
  FLAME_ASSIGN(const auto executable, Executable::make(std::move(placed), store));
  FLAME_ASSIGN(const DeviceStream stream, device.create_stream());
  FLAME_TRY(bench::fill_inputs(*executable, stream));
  std::vector<double> times, processor_times;
  for (int i = 0; i < 60; ++i) {
    const auto start = Clock::now();
    const std::clock_t processor = std::clock();
    FLAME_TRY(executable->run(stream));
    FLAME_TRY(stream.synchronize());
    if (i < 10) continue;
    times.push_back(1e3 * seconds_since(start));
    processor_times.push_back(1e3 * static_cast<double>(std::clock() - processor) / CLOCKS_PER_SEC);
  }
  fmt::print("{:20} {:5} ops {:10.3f} ms {:10.3f} ms of processors\n", name,
             executable->steps().size(), bench::median(times), bench::median(processor_times));
  return profiled ? profile(*executable, stream) : Status();
}

Status run(const std::string &backend, const std::string &threads, DType dtype, bool profiled) {
  const Catalogue catalogue = Catalogue::scan({FLAME_PLUGIN_FOLDER});
  PluginHost host({});
  OpenDeviceRequest request{backend};
  if (threads != "0") request.options = {{"threads", threads}};
  FLAME_ASSIGN(const auto device, open_device(host, catalogue, request));
  FLAME_TRY(
      measure(*device, "residual block", testing_support::residual_block({}, dtype), profiled));
  return measure(*device, "transformer block", testing_support::transformer_block({}, dtype),
                 profiled);
}

}  // namespace

int main(int argc, char **argv) {
  const std::string backend = argc > 1 ? argv[1] : "onednn";
  const auto dtype = dtype_from_name(argc > 3 ? argv[3] : "f32");
  const Status status =
      run(backend, argc > 2 ? argv[2] : "0", dtype.value_or(DType::kF32), argc > 4);
  if (!status.ok()) fmt::print(stderr, "{}\n", status.error().text());
  return status.ok() ? 0 : 1;
}
