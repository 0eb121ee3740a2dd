// Whole programs on a GPU, through the plugin as the program opens it: recorded runs, memory that is
// what the plan says, equal bits, and what happens when the device fails. Skipped where no GPU
// answers.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/ops/catalogue/terms.h"
#include "core/passes/differentiate.h"
#include "core/passes/run_passes.h"
#include "core/program/program_builder.h"
#include "core/runtime/executable.h"
#include "tests/backends/gpu_host.h"
#include "tests/support/networks.h"

namespace flame {
namespace {

using testing::HasSubstr;
using testing_support::BlockShape;
using Bytes = std::vector<std::byte>;

constexpr uint64_t kMiB = uint64_t{1} << 20;

// The gradients of every trainable parameter and of x.
Result<Program> with_gradients(const Result<Program> &forward) {
  if (!forward.ok()) return forward.error();
  GradientRequest request{{"loss"}, {"x"}};
  for (const Parameter &parameter : forward->parameters())
    if (parameter.trainable) request.with_respect_to.push_back(parameter.name);
  FLAME_ASSIGN(Gradients made, differentiate(*forward, request));
  return std::move(made.program);
}

Result<Program> transformer(DType dtype) {
  return with_gradients(
      testing_support::transformer_block({2, 16, 16, 256, 64, 77, 128, 512}, dtype));
}

class OnGpu : public testing::Test {
 protected:
  void SetUp() override {
    open(device_, false);
    if (!device_) GTEST_SKIP() << "no GPU answers";
  }
  static void open(std::unique_ptr<Device> &device, bool deterministic) {
    device = testing_support::open_gpu(deterministic);
  }
  static Result<std::unique_ptr<Executable>> make(
      Device &device, const Program &program, Executable::Runs runs = Executable::Runs::kOften) {
    TensorStore store(device);
    PassedProgram passed = run_passes(program, {}, &device);
    FLAME_TRY(passed.status);
    return Executable::make(std::move(*passed.placed), store, runs);
  }
  // The same numbers in every input and parameter, at every call.
  static Status fill(const Executable &executable, const DeviceStream &stream) {
    uint32_t state = 7;
    for (const auto *names : {&executable.placed().inputs, &executable.placed().parameters}) {
      for (const PlacedName &entry : *names) {
        const TensorType type = entry.tensor.typed.type();
        const auto step = static_cast<size_t>(size_bytes(type.dtype));
        Bytes bytes(static_cast<size_t>(type.size_bytes()));
        for (size_t i = 0; i + step <= bytes.size(); i += step) {
          state = state * 1664525 + 1013904223;
          const float value = (static_cast<float>(state >> 8) / (1 << 24) - 0.5F) * 0.2F;
          std::memcpy(&bytes[i], reinterpret_cast<const std::byte *>(&value) + (4 - step), step);
        }
        FLAME_TRY(executable.write(stream, entry.name, bytes));
        FLAME_TRY(stream.synchronize());
      }
    }
    return {};
  }
  static Result<std::vector<Bytes>> outputs(const Executable &executable,
                                            const DeviceStream &stream) {
    std::vector<Bytes> all;
    for (const PlacedName &output : executable.placed().outputs) {
      all.emplace_back(static_cast<size_t>(output.tensor.typed.type().size_bytes()));
      FLAME_TRY(executable.read(stream, output.name, all.back()));
      FLAME_TRY(stream.synchronize());
    }
    return all;
  }
  static Result<std::vector<Bytes>> answers(Device &device, const Program &program, int count = 1,
                                            Executable::Runs runs = Executable::Runs::kOften) {
    FLAME_ASSIGN(const auto executable, make(device, program, runs));
    EXPECT_EQ(executable->is_recorded(), runs == Executable::Runs::kOften);
    FLAME_ASSIGN(const DeviceStream stream, device.create_stream());
    FLAME_TRY(fill(*executable, stream));
    for (int i = 0; i < count; ++i) FLAME_TRY(executable->run(stream));
    return outputs(*executable, stream);
  }
  uint64_t free_now() const { return *device_->free_memory(); }

  std::unique_ptr<Device> device_;
};

uint64_t sum_of(const PlacedProgram &placed) {
  uint64_t sum = 0;
  for (const uint64_t bytes : placed.bytes_by_class()) sum += bytes;
  return sum;
}

TEST_F(OnGpu, AReplayGivesTheBitsOfTheOpsOneByOne) {
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    std::unique_ptr<Device> strict;
    open(strict, true);
    const Result<Program> program = transformer(dtype);
    ASSERT_TRUE(program.ok()) << program.error().text();
    const auto one_by_one = answers(*strict, *program, 1, Executable::Runs::kOnce);
    ASSERT_TRUE(one_by_one.ok()) << one_by_one.error().text();
    const auto replayed = answers(*strict, *program, 100);
    ASSERT_TRUE(replayed.ok()) << replayed.error().text();
    EXPECT_TRUE(*one_by_one == *replayed) << name_of(dtype);
  }
}

TEST_F(OnGpu, AReplayTakesTheValuesOfTheTime) {
  ProgramBuilder builder;
  const TensorType type{DType::kF32, {1000}};
  const Term state = builder.term(builder.input("state", type));
  const Term factor = builder.term(builder.input("factor", {DType::kF32, Shape{}}));
  builder.output("state", (state * factor).id());
  TensorStore store(*device_);
  auto placed = place(*builder.finish(), *device_, {{{"state", "state"}}, {}});
  ASSERT_TRUE(placed.ok()) << placed.error().text();
  const auto executable = Executable::make(std::move(*placed), store);
  ASSERT_TRUE(executable.ok()) << executable.error().text();
  const auto stream = device_->create_stream();
  std::vector<float> numbers(1000, 1.0F);
  ASSERT_TRUE((*executable)->write(*stream, "state", std::as_bytes(std::span(numbers))).ok());
  for (int i = 0; i < 100; ++i) {
    const float factor_now[] = {i % 2 ? 0.5F : 4.0F};
    ASSERT_TRUE((*executable)->write(*stream, "factor", std::as_bytes(std::span(factor_now))).ok());
    ASSERT_TRUE((*executable)->run(*stream).ok());
    ASSERT_TRUE(stream->synchronize().ok());
    // Now and then again with the same factor.
    for (int again = 0; again < (i % 20 == 19); ++again)
      ASSERT_TRUE((*executable)->run(*stream).ok());
  }
  ASSERT_TRUE(
      (*executable)->read(*stream, "state", std::as_writable_bytes(std::span(numbers))).ok());
  ASSERT_TRUE(stream->synchronize().ok());
  EXPECT_EQ(numbers, std::vector<float>(1000, std::exp2(50.0F - 5.0F)));
}

// Two devices, each with plans of its own; cuDNN's attention among the ops.
TEST_F(OnGpu, StrictRunsGiveTheSameBits) {
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    const Result<Program> program = transformer(dtype);
    std::vector<std::vector<Bytes>> seen;
    for (int i = 0; i < 2; ++i) {
      std::unique_ptr<Device> strict;
      open(strict, true);
      const auto given = answers(*strict, *program, 3);
      ASSERT_TRUE(given.ok()) << given.error().text();
      seen.push_back(*given);
    }
    EXPECT_TRUE(seen[0] == seen[1]) << name_of(dtype);
  }
}

// A U-Net with several hundred tensors of all sizes. The first executable makes the libraries load
// what they need; what the second one takes is its own.
TEST_F(OnGpu, TakesTheMemoryThatThePlanSays) {
  std::unique_ptr<Device> strict;
  open(strict, true);
  testing_support::UNetShape shape;
  shape.height = shape.width = 64;
  shape.channels = {160, 320, 640};
  shape.depths = {0, 1, 2};
  const Result<Program> program = with_gradients(testing_support::unet(shape, DType::kBF16, true));
  ASSERT_TRUE(program.ok()) << program.error().text();
  const auto stream = strict->create_stream();
  {
    const auto first = make(*strict, *program);
    ASSERT_TRUE(first.ok()) << first.error().text();
    ASSERT_TRUE((*first)->run(*stream).ok());
    ASSERT_TRUE(stream->synchronize().ok());
  }
  const uint64_t before = free_now();
  const auto executable = make(*strict, *program);
  ASSERT_TRUE(executable.ok()) << executable.error().text();
  ASSERT_TRUE(fill(**executable, *stream).ok());
  ASSERT_TRUE((*executable)->run(*stream).ok());
  ASSERT_TRUE(stream->synchronize().ok());
  const uint64_t taken = before - free_now();
  const uint64_t planned = sum_of((*executable)->placed());
  printf("planned %.1f MiB, taken %.1f MiB, %zu tensors, %zu steps\n",
         static_cast<double>(planned) / kMiB, static_cast<double>(taken) / kMiB,
         (*executable)->placed().storages.size(), (*executable)->steps().size());
  EXPECT_GT(planned, 200 * kMiB);
  EXPECT_LE(taken, planned + 64 * kMiB);
  EXPECT_GE(taken + 64 * kMiB, planned);
}

TEST_F(OnGpu, KeepsItsMemoryOverTenThousandReplays) {
  const Result<Program> program = transformer(DType::kBF16);
  const auto executable = make(*device_, *program);
  ASSERT_TRUE(executable.ok()) << executable.error().text();
  const auto stream = device_->create_stream();
  ASSERT_TRUE(fill(**executable, *stream).ok());
  const auto run = [&](int count) {
    for (int i = 0; i < count; ++i) ASSERT_TRUE((*executable)->run(*stream).ok());
    ASSERT_TRUE(stream->synchronize().ok());
  };
  run(10);
  const uint64_t before = free_now();
  run(10000);
  EXPECT_EQ(free_now(), before);
}

// What a copy stream brings is there for work that waits for its mark.
TEST_F(OnGpu, UploadsOnAStreamOfTheirOwnComeBeforeWhatWaitsForThem) {
  constexpr int64_t kCount = int64_t{1} << 24;
  ProgramBuilder builder;
  builder.output("y", (builder.term(builder.input("x", {DType::kF32, {kCount}})) * 2.0).id());
  const auto executable = make(*device_, *builder.finish());
  ASSERT_TRUE(executable.ok()) << executable.error().text();
  const auto work = device_->create_stream();
  const auto copies = device_->create_stream();
  const auto uploaded = device_->create_event();
  const auto used = device_->create_event();
  std::vector<float> numbers(kCount), seen(kCount);
  for (float round = 1; round <= 4; ++round) {
    std::ranges::fill(numbers, round);
    if (round > 1) {
      ASSERT_TRUE(copies->wait(*used).ok());
    }
    ASSERT_TRUE((*executable)->write(*copies, "x", std::as_bytes(std::span(numbers))).ok());
    ASSERT_TRUE(copies->record(*uploaded).ok());
    ASSERT_TRUE(work->wait(*uploaded).ok());
    ASSERT_TRUE((*executable)->run(*work).ok());
    ASSERT_TRUE(work->record(*used).ok());
    ASSERT_TRUE((*executable)->read(*work, "y", std::as_writable_bytes(std::span(seen))).ok());
    ASSERT_TRUE(work->synchronize().ok());
    ASSERT_TRUE(copies->synchronize().ok());
    EXPECT_EQ(seen, std::vector<float>(kCount, 2 * round));
  }
}

TEST_F(OnGpu, SaysWhatIsNeededWhereMemoryIsMissing) {
  ProgramBuilder builder;
  const TensorType huge{DType::kF32, {int64_t{1} << 40}};
  builder.output("y", (builder.term(builder.input("x", huge)) + 1.0).id());
  const auto made = make(*device_, *builder.finish());
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(exit_code(made.error().kind), 4);
  EXPECT_THAT(made.error().what, HasSubstr("bytes of the GPU are free"));
  EXPECT_THAT(made.error().what, HasSubstr("inputs          4.0 TiB"));
  EXPECT_THAT(made.error().what, HasSubstr("together        8.0 TiB"));
  // The device is as good as before.
  const Result<Program> program = transformer(DType::kF32);
  EXPECT_TRUE(answers(*device_, *program).ok());
}

// A kernel that writes where nothing is. What follows is refused too, and everything is given back.
int exit_code_of_a_fault() {
  const auto opened = testing_support::open_gpu(false);
  if (!opened) return 90;
  Device &device = *opened;
  const TypedView view = TypedView::contiguous({DType::kF32, {1024}});
  const std::vector<TypedView> views = {view};
  const auto plan = device.plan("copy", {{"dtype", std::string("f32")}}, views, views);
  if (!plan.ok()) return fprintf(stderr, "%s\n", plan.error().text().c_str()), 91;
  const auto memory = device.allocate(4096);
  const auto stream = device.create_stream();
  AbiTensors inputs(views, device.info().number), outputs(views, device.info().number);
  inputs.set_data(0, memory->data(), 4096);
  outputs.set_data(0, reinterpret_cast<void *>(uintptr_t{4096}), 4096);
  Status status = (*plan)->run(*stream, inputs, outputs, nullptr);
  if (status.ok()) status = stream->synchronize();
  if (status.ok()) return 92;
  fprintf(stderr, "%s\n", status.error().text().c_str());
  // Nothing that comes later succeeds, so that no caller goes on to write what it computed.
  Bytes bytes(4096);
  Status later = device.download(*stream, memory->data(), bytes);
  if (later.ok()) later = stream->synchronize();
  if (later.ok() || later.error().kind != ErrorKind::kDevice) return 93;
  if (device.allocate(4096).ok()) return 94;
  return exit_code(status.error().kind);
}

TEST_F(OnGpu, AFaultOfTheDeviceEndsWithItsExitCode) {
  device_.reset();
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(std::exit(exit_code_of_a_fault()), testing::ExitedWithCode(7),
              "cannot be used any further by this process");
}

}  // namespace
}  // namespace flame
