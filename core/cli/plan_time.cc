#include "core/cli/plan_time.h"

#include <algorithm>
#include <chrono>
#include <limits>

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
constexpr double kQueuedCall = 4e-6;  // seconds: of a small kernel behind others

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

// The shortest of some runs, of which the first is not counted.
Result<double> measured(Device &device, const Program &program) {
  FLAME_ASSIGN(const Fused fused, fuse(program, device));
  FLAME_ASSIGN(PlacedProgram placed, place(fused.program, device, {}));
  TensorStore store(device);
  FLAME_ASSIGN(const auto executable, Executable::make(std::move(placed), store));
  FLAME_ASSIGN(const DeviceStream stream, device.create_stream());
  for (const PlacedName &input : executable->placed().inputs) {
    const std::vector<std::byte> zeros(static_cast<size_t>(input.tensor.typed.type().size_bytes()));
    FLAME_TRY(executable->write(stream, input.name, zeros));
    FLAME_TRY(stream.synchronize());
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

}  // namespace

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

double seconds_of(const PlacedProgram &program, const DevicePace &pace) {
  double seconds = 0;
  for (const Step &step : program.steps) {
    const OpCall call = call_of(step);
    const double products = is_product(step.op->name) && step.op->cost ? step.op->cost(call) : 0;
    seconds += std::max({products / pace.products_a_second, bytes_of(call) / pace.bytes_a_second,
                         pace.seconds_a_call});
  }
  return seconds;
}

}  // namespace flame::cli
