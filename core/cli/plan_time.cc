#include "core/cli/plan_time.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <optional>

#include "core/ops/catalogue/terms.h"
#include "core/passes/fuse.h"
#include "core/passes/place.h"
#include "core/program/program_builder.h"
#include "core/runtime/executable.h"

namespace flame::cli {
namespace {

constexpr int64_t kFirstSide = 512, kLastSide = 8192;  // of the matrices
constexpr double kEnough = 0.01;                       // seconds, to be measured well
constexpr int kRuns = 5;
constexpr double kQueuedCall = 4e-6;   // seconds: of a small kernel behind others
constexpr double kMeasuring = 3;       // seconds: for all ops that are run
constexpr double kShortProgram = 0.2;  // seconds: of a program that is run whole
constexpr int kRounds = 5;             // others may use the processor too: the least of them counts
constexpr uint64_t kMostMemory = uint64_t{1} << 30;  // of an op that is run

OpCall call_of(const Step &step) {
  OpCall call;
  call.op = step.op;
  call.attributes = step.attributes;
  for (const PlacedTensor &tensor : step.inputs) call.inputs.push_back(tensor.typed.type());
  for (const PlacedTensor &tensor : step.outputs) call.outputs.push_back(tensor.typed.type());
  return call;
}

double bytes_of(const OpCall &call) {
  double bytes = 0;
  for (const auto *list : {&call.inputs, &call.outputs})
    for (const TensorType &type : *list) bytes += static_cast<double>(type.size_bytes());
  return bytes;
}

// What multiplies matrices, in whatever form; the rest is bound by memory.
bool is_product(std::string_view op) {
  return op.starts_with("matmul") || op.starts_with("linear") || op.starts_with("conv") ||
         op.starts_with("attention");
}

Result<Program> made(ProgramBuilder &builder, const Term &answer) {
  builder.output("y", answer.id());
  return builder.finish();
}

Result<Program> product(int64_t side, DType dtype) {
  ProgramBuilder builder;
  const Term a = builder.term(builder.input("a", {dtype, Shape{side, side}}));
  const Term b = builder.term(builder.input("b", {dtype, Shape{side, side}}));
  return made(builder, matmul(a, b));
}

Result<Program> doubled(int64_t count) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", {DType::kF32, Shape{count}}));
  return made(builder, x * 2.0);
}

// The shortest of some runs on zeros, of which the first is not counted.
Result<double> measured(Device &device, PlacedProgram placed) {
  TensorStore store(device);
  FLAME_ASSIGN(const auto executable, Executable::make(std::move(placed), store));
  FLAME_ASSIGN(const DeviceStream stream, device.create_stream());
  for (const auto *names : {&executable->placed().inputs, &executable->placed().parameters}) {
    for (const PlacedName &each : *names) {
      const std::vector<std::byte> zeros(
          static_cast<size_t>(each.tensor.typed.type().size_bytes()));
      FLAME_TRY(executable->write(stream, each.name, zeros));
      FLAME_TRY(stream.synchronize());
    }
  }
  double best = std::numeric_limits<double>::infinity();
  for (int run = 0; run <= kRuns; ++run) {
    const auto start = std::chrono::steady_clock::now();
    FLAME_TRY(executable->run(stream));
    FLAME_TRY(stream.synchronize());
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    if (run > 0) best = std::min(best, taken.count());
  }
  return std::max(best, 1e-9);
}

Result<double> measured(Device &device, const Program &program) {
  FLAME_ASSIGN(const Fused fused, fuse(program, device));
  FLAME_ASSIGN(PlacedProgram placed, place(fused.program, device, {}));
  return measured(device, std::move(placed));
}

Result<DevicePace> measure_pace(Device &device, DType compute) {
  DevicePace pace;
  for (int64_t side = kFirstSide; side <= kLastSide; side *= 2) {
    FLAME_ASSIGN(const Program program, product(side, compute));
    FLAME_ASSIGN(const double seconds, measured(device, program));
    const auto n = static_cast<double>(side);
    pace.products_a_second = std::max(pace.products_a_second, 2 * n * n * n / seconds);
    if (seconds >= kEnough) break;
  }
  constexpr int64_t kElements = 16 << 20;
  FLAME_ASSIGN(const Program large, doubled(kElements));
  FLAME_ASSIGN(const double seconds, measured(device, large));
  pace.bytes_a_second = 8.0 * kElements / seconds;
  FLAME_ASSIGN(const Program small, doubled(64));
  FLAME_ASSIGN(const double call, measured(device, small));
  // A device of its own is waited for once a program, and not once an op.
  pace.seconds_a_call = device.readable_by_processor() ? call : std::min(call, kQueuedCall);
  return pace;
}

// The least that a step can take.
double bound_of(const Step &step, const DevicePace &pace) {
  const OpCall call = call_of(step);
  const double products = is_product(step.op->name) && step.op->cost ? step.op->cost(call) : 0;
  return std::max({products / pace.products_a_second, bytes_of(call) / pace.bytes_a_second,
                   pace.seconds_a_call});
}

// Runs one step by itself on memory of zeros; nothing if that would take too much memory.
Result<std::optional<double>> run_alone(const Step &step, const OpPlan &plan,
                                        const PlacedProgram &program, Device &device) {
  std::map<uint32_t, DeviceMemory> memory;  // by storage: an op in place stays in place
  uint64_t bytes = 0;
  const auto take = [&](uint32_t storage) { memory[storage] = {}; };
  for (const auto *list : {&step.inputs, &step.outputs})
    for (const PlacedTensor &tensor : *list) take(tensor.storage);
  if (step.workspace) take(*step.workspace);
  for (const auto &[storage, none] : memory) bytes += program.storages[storage].size_bytes;
  if (bytes > kMostMemory) return std::optional<double>();
  FLAME_ASSIGN(const DeviceStream stream, device.create_stream());
  for (auto &[storage, piece] : memory) {
    const uint64_t size = program.storages[storage].size_bytes;
    FLAME_ASSIGN(piece, device.allocate(size));
    const std::vector<std::byte> zeros(size);
    FLAME_TRY(device.upload(stream, zeros, piece.data()));
    FLAME_TRY(stream.synchronize());
  }
  const auto bound = [&](const std::vector<PlacedTensor> &tensors) {
    AbiTensors list(views_of(tensors), device.info().number);
    for (size_t i = 0; i < tensors.size(); ++i)
      list.set_data(i, memory[tensors[i].storage].data(),
                    program.storages[tensors[i].storage].size_bytes);
    return list;
  };
  const AbiTensors inputs = bound(step.inputs), outputs = bound(step.outputs);
  void *workspace = step.workspace ? memory[*step.workspace].data() : nullptr;
  const auto run = [&]() -> Result<double> {
    const auto start = std::chrono::steady_clock::now();
    FLAME_TRY(plan.run(stream, inputs, outputs, workspace));
    FLAME_TRY(stream.synchronize());
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  FLAME_ASSIGN(const double first, run());
  FLAME_ASSIGN(const double second, run());
  return std::optional(std::min(first, second));
}

}  // namespace

Result<TimeEstimate> TimeEstimate::make(
    Device &device, DType compute,
    std::span<const std::pair<const PlacedProgram *, double>> programs) {
  TimeEstimate made(device);
  FLAME_ASSIGN(made.pace_, measure_pace(device, compute));
  if (!device.readable_by_processor()) return made;
  for (const auto &[program, times] : programs) {
    double bound = 0;
    for (const Step &step : program->steps) bound += bound_of(step, made.pace_);
    uint64_t bytes = 0;
    for (const uint64_t each : program->bytes_by_class()) bytes += each;
    if (bound > kShortProgram || bytes > kMostMemory) {
      FLAME_TRY(made.add(*program, times));
      continue;
    }
    FLAME_ASSIGN(made.whole_[program], measured(device, *program));
  }
  FLAME_TRY(made.measure());
  return made;
}

Status TimeEstimate::add(const PlacedProgram &program, double times) {
  for (const Step &step : program.steps) {
    FLAME_ASSIGN(const auto plan, device_->plan(step.op->name, step.attributes,
                                                views_of(step.inputs), views_of(step.outputs)));
    Known &known = known_[plan.get()];
    known.plan = plan;
    known.step = &step;
    known.program = &program;
    known.product = is_product(step.op->name);
    known.bound = bound_of(step, pace_);
    known.times += times;
  }
  return {};
}

Status TimeEstimate::measure() {
  std::vector<Known *> order;
  for (auto &[plan, known] : known_) order.push_back(&known);
  std::ranges::sort(order, [](const Known *a, const Known *b) {
    return a->bound * a->times > b->bound * b->times;
  });
  const auto start = std::chrono::steady_clock::now();
  for (int round = 0; round < kRounds; ++round) {
    for (Known *known : order) {
      const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
      if (spent.count() + 2 * std::max(known->bound, known->measured) > kMeasuring) continue;
      FLAME_ASSIGN(const std::optional<double> seconds,
                   run_alone(*known->step, *known->plan, *known->program, *device_));
      if (seconds)
        known->measured = known->measured > 0 ? std::min(known->measured, *seconds) : *seconds;
    }
  }
  double bounds[2] = {}, taken[2] = {};
  for (const Known *known : order) {
    if (known->measured <= 0) continue;
    bounds[known->product] += known->bound * known->times;
    taken[known->product] += known->measured * known->times;
  }
  for (size_t i = 0; i < 2; ++i)
    if (bounds[i] > 0) slower_[i] = taken[i] / bounds[i];
  return {};
}

Result<double> TimeEstimate::seconds_of(const PlacedProgram &program) const {
  const auto whole = whole_.find(&program);
  if (whole != whole_.end()) return whole->second;
  double seconds = 0;
  for (const Step &step : program.steps) {
    if (known_.empty()) {
      seconds += bound_of(step, pace_);
      continue;
    }
    FLAME_ASSIGN(const auto plan, device_->plan(step.op->name, step.attributes,
                                                views_of(step.inputs), views_of(step.outputs)));
    const Known &known = known_.at(plan.get());
    seconds += known.measured > 0 ? known.measured : known.bound * slower_[known.product];
  }
  return seconds;
}

}  // namespace flame::cli
