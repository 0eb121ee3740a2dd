// What the host itself costs for each op: a chain of a thousand maps over no elements.
//
//   ninja -C build/release bench_executor && build/release/tests/bench/bench_executor BACKEND
#include <fmt/core.h>

#include <algorithm>
#include <chrono>

#include "core/ops/catalogue/terms.h"
#include "core/passes/place.h"
#include "core/plugin/backends.h"
#include "core/program/program_builder.h"
#include "core/runtime/executable.h"

namespace {

using Clock = std::chrono::steady_clock;
using namespace flame;

constexpr int kOps = 1000;
constexpr int kRuns = 101;

Result<double> nanoseconds_per_op(Device &device, int64_t elements) {
  ProgramBuilder builder;
  Term x = builder.term(builder.input("x", {DType::kF32, {elements}}));
  for (int i = 0; i < kOps; ++i) x = x + 1.0;
  builder.output("y", x.id());
  FLAME_ASSIGN(const Program program, builder.finish());
  FLAME_ASSIGN(PlacedProgram placed, place(program, device, {}));
  TensorStore store(device);
  FLAME_ASSIGN(const auto executable, Executable::make(std::move(placed), store));
  FLAME_ASSIGN(const DeviceStream stream, device.create_stream());
  std::vector<double> times;
  for (int i = 0; i < kRuns; ++i) {
    const auto start = Clock::now();
    FLAME_TRY(executable->run(stream));
    times.push_back(std::chrono::duration<double, std::nano>(Clock::now() - start).count() / kOps);
  }
  std::ranges::sort(times);
  return times[times.size() / 2];
}

Status run(const std::string &backend) {
  const Catalogue catalogue = Catalogue::scan({FLAME_PLUGIN_FOLDER});
  PluginHost host({});
  FLAME_ASSIGN(const auto device, open_device(host, catalogue, {backend}));
  for (const int64_t elements : {0, 1, 64}) {
    FLAME_ASSIGN(const double time, nanoseconds_per_op(*device, elements));
    fmt::print("{} elements: {:.0f} ns an op, median of {} runs of {} ops\n", elements, time, kRuns,
               kOps);
  }
  return {};
}

}  // namespace

int main(int argc, char **argv) {
  const Status status = run(argc > 1 ? argv[1] : "onednn");
  if (!status.ok()) fmt::print(stderr, "{}\n", status.error().text());
  return status.ok() ? 0 : 1;
}
