#include "tests/bench/op_times.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "tests/bench/measured_program.h"

namespace flame::bench {
namespace {

constexpr int kRepeats = 20;  // of one op in its graph

Result<double> milliseconds_alone(const Executable::Bound &step, const Device &device,
                                  const DeviceStream &stream, std::span<DeviceStream> lanes) {
  const auto enqueue_on = [&](const DeviceStream &on) -> Status {
    for (int i = 0; i < kRepeats; ++i)
      FLAME_TRY(step.plan->run(on, step.inputs, step.outputs, step.workspace));
    return {};
  };
  if (!device.can_record() || !step.plan->info().capture_safe) {
    FLAME_ASSIGN(const double time, milliseconds(
                                        stream, [&] { return enqueue_on(stream); }, 1, 5));
    return time / kRepeats;
  }
  FLAME_ASSIGN(const DeviceGraph graph,
               device.record(lanes, [&] { return enqueue_on(lanes.front()); }));
  FLAME_ASSIGN(const double time, milliseconds(
                                      stream, [&] { return graph.replay(stream); }, 1, 5));
  return time / kRepeats;
}

struct Group {
  double time = 0;
  int count = 0;
};

void print_groups(const std::map<std::string, Group> &groups, size_t shown) {
  std::vector<std::pair<double, std::string>> lines;
  for (const auto &[text, group] : groups) {
    lines.emplace_back(group.time, fmt::format("{:9.3f} ms {:4} x {:8.1f} us {}", group.time,
                                               group.count, 1e3 * group.time / group.count, text));
  }
  std::ranges::sort(lines, std::greater<>());
  if (lines.size() > shown) lines.resize(shown);
  for (const auto &[time, line] : lines) fmt::print("  {}\n", line);
}

}  // namespace

Result<double> milliseconds(const DeviceStream &stream, const std::function<Status()> &enqueue,
                            int runs, int repeats) {
  std::vector<double> times;
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    for (int run = 0; run < runs; ++run) FLAME_TRY(enqueue());
    FLAME_TRY(stream.synchronize());
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
    times.push_back(time.count() / runs);
  }
  return median(times);
}

Result<double> print_op_times(const Executable &executable, const Device &device,
                              const DeviceStream &stream, size_t shown) {
  std::vector<DeviceStream> lanes;
  FLAME_ASSIGN(DeviceStream lane, device.create_stream());
  lanes.push_back(std::move(lane));
  std::map<const OpPlan *, double> known;
  std::map<std::string, Group> by_shape, by_name;
  double sum = 0;
  for (size_t i = 0; i < executable.steps().size(); ++i) {
    const Executable::Bound &step = executable.steps()[i];
    const auto [at, is_new] = known.emplace(step.plan.get(), 0);
    if (is_new) {
      FLAME_ASSIGN(at->second, milliseconds_alone(step, device, stream, lanes));
    }
    sum += at->second;
    const Step &placed = executable.placed().steps[i];
    const std::string name = std::string(placed.op->name) + (placed.inserted ? " (inserted)" : "");
    std::string text = name;
    for (const PlacedTensor &input : placed.inputs) text += " " + input.typed.type().text();
    for (const PlacedTensor &output : placed.outputs) text += " > " + output.typed.type().text();
    for (Group *group : {&by_shape[text], &by_name[name]}) {
      group->time += at->second;
      ++group->count;
    }
  }
  fmt::print("  by op, {} in all:\n", executable.steps().size());
  print_groups(by_name, shown);
  fmt::print("  by op and types:\n");
  print_groups(by_shape, shown);
  return sum;
}

}  // namespace flame::bench
