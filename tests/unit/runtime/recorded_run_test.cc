// Programs that are recorded once and replayed, on a backend that captures and counts.
#include <gmock/gmock.h>

#include "core/ops/catalogue/terms.h"
#include "core/passes/run_passes.h"
#include "core/program/program_builder.h"
#include "core/runtime/branches.h"
#include "core/runtime/evaluate.h"
#include "core/runtime/executable.h"
#include "tests/support/evaluate.h"
#include "tests/support/networks.h"
#include "tests/support/recording_backend.h"

namespace flame {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::numbers_of;
using testing_support::recording;
using testing_support::tensor_of;

const TensorType kPair{DType::kF64, {2}};
const TensorType kScalar{DType::kF64, Shape{}};

std::unique_ptr<Device> open(bool deterministic = false) {
  auto opened = Device::open({"test.recording", "recording", &testing_support::recording_backend()},
                             0, {.options = {}, .deterministic = deterministic});
  EXPECT_TRUE(opened.ok()) << opened.error().text();
  return std::move(*opened);
}

// state · factor becomes the new state, and a sum is left behind.
Program growth() {
  ProgramBuilder builder;
  const Term state = builder.term(builder.input("state", kPair));
  const Term factor = builder.term(builder.input("factor", kScalar));
  const Term grown = state * factor;
  builder.output("state", grown.id());
  builder.output("sum", sum(grown, {0}).id());
  return *builder.finish();
}

class RecordedRun : public testing::Test {
 protected:
  RecordedRun() { recording = {}; }

  // After the switches are set.
  Status make(Executable::Runs runs = Executable::Runs::kOften) {
    device_ = open();
    store_ = std::make_unique<TensorStore>(*device_);
    FLAME_ASSIGN(PlacedProgram placed, place(growth(), *device_, {{{"state", "state"}}, {}}));
    FLAME_ASSIGN(executable_, Executable::make(std::move(placed), *store_, runs));
    FLAME_ASSIGN(stream_, device_->create_stream());
    return {};
  }
  void write(const char *name, const TensorType &type, std::vector<double> numbers) {
    ASSERT_TRUE(executable_->write(stream_, name, tensor_of(type, numbers).bytes).ok());
  }
  std::vector<double> read(const char *name, const TensorType &type) {
    HostTensor tensor = tensor_of(type, std::vector<double>(type.shape.rank() ? 2 : 1));
    EXPECT_TRUE(executable_->read(stream_, name, tensor.bytes).ok());
    EXPECT_TRUE(stream_.synchronize().ok());
    return numbers_of(tensor);
  }
  // Runs with factors that change from run to run.
  void expect_right_runs() {
    write("state", kPair, {1, -3});
    for (const double factor : {2.0, 3.0, 0.5, 4.0}) {
      write("factor", kScalar, {factor});
      ASSERT_TRUE(executable_->run(stream_).ok());
    }
    EXPECT_THAT(read("state", kPair), ElementsAre(12, -36));
    EXPECT_THAT(read("sum", kScalar), ElementsAre(-24));
  }

  std::unique_ptr<Device> device_;
  std::unique_ptr<TensorStore> store_;
  std::unique_ptr<Executable> executable_;
  DeviceStream stream_;
};

TEST_F(RecordedRun, IsOneReplayWithTheValuesOfTheTime) {
  ASSERT_TRUE(make().ok());
  EXPECT_TRUE(executable_->is_recorded());
  EXPECT_EQ(recording.captured, static_cast<int>(executable_->steps().size()));
  expect_right_runs();
  EXPECT_EQ(recording.replays, 4);
  EXPECT_EQ(recording.runs, 0);
}

TEST_F(RecordedRun, DropsItsGraphWithItself) {
  ASSERT_TRUE(make().ok());
  EXPECT_EQ(recording.graphs, 1);
  executable_.reset();
  EXPECT_EQ(recording.graphs, 0);
}

TEST_F(RecordedRun, IsOpByOpWhereTheBackendDoesNotCapture) {
  recording.offers_capture = false;
  ASSERT_TRUE(make().ok());
  EXPECT_FALSE(executable_->is_recorded());
  expect_right_runs();
  EXPECT_EQ(recording.runs, 4 * static_cast<int>(executable_->steps().size()));
}

TEST_F(RecordedRun, IsOpByOpWhereAnOpCannotBeCaptured) {
  recording.ops_are_safe = false;
  ASSERT_TRUE(make().ok());
  EXPECT_FALSE(executable_->is_recorded());
  expect_right_runs();
  EXPECT_EQ(recording.replays, 0);
}

TEST_F(RecordedRun, IsNotMadeForASingleRun) {
  ASSERT_TRUE(make(Executable::Runs::kOnce).ok());
  EXPECT_FALSE(executable_->is_recorded());
  EXPECT_EQ(recording.captured, 0);
}

TEST_F(RecordedRun, ThatAnOpRefusesAfterAllIsAnErrorThatNamesIt) {
  recording.ops_refuse = true;
  const Status status = make();
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().what, HasSubstr("op 'map' at "));
  EXPECT_THAT(status.error().what, HasSubstr("cannot be captured after all"));
  EXPECT_EQ(recording.graphs, 0);
}

TEST_F(RecordedRun, WithoutMemorySaysWhatIsNeededBeforeTheFirstStep) {
  recording.most_bytes = 255;
  const Status status = make();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kOutOfMemory);
  EXPECT_EQ(exit_code(status.error().kind), 4);
  EXPECT_THAT(status.error().what, HasSubstr("inputs        512 bytes"));
  EXPECT_THAT(status.error().what, HasSubstr("together"));
  EXPECT_THAT(status.error().hint, HasSubstr("smaller batch"));
}

// Every order that the branches allow gives the same bits as one op after the other.
TEST(Branches, RunInAnyOrderThatTheyAllow) {
  recording = {};
  testing_support::BlockShape shape{1, 4, 4, 32, 8, 3, 16, 64};
  for (const bool transformer : {true, false}) {
    const auto forward = transformer ? testing_support::transformer_block(shape, DType::kF32)
                                     : testing_support::residual_block(shape, DType::kF32);
    ASSERT_TRUE(forward.ok()) << forward.error().text();
    GradientRequest request{{"loss"}, {"x"}};
    for (const Parameter &parameter : forward->parameters())
      request.with_respect_to.push_back(parameter.name);
    const auto whole = differentiate(*forward, request);
    ASSERT_TRUE(whole.ok()) << whole.error().text();
    const auto device = open();
    PassedProgram passed = run_passes(whole->program, {}, device.get());
    ASSERT_TRUE(passed.status.ok()) << passed.status.error().text();
    const Branches found = find_branches(*passed.placed, 4);
    EXPECT_EQ(found.lanes, 4u);
    std::vector<std::vector<std::byte>> expected;
    for (const auto runs : {Executable::Runs::kOnce, Executable::Runs::kOften}) {
      TensorStore store(*device);
      const auto executable = Executable::make(*passed.placed, store, runs);
      ASSERT_TRUE(executable.ok()) << executable.error().text();
      const auto stream = device->create_stream();
      int seed = 1;
      for (const auto *names : {&passed.placed->inputs, &passed.placed->parameters}) {
        for (const PlacedName &entry : *names) {
          const TensorType type = entry.tensor.typed.type();
          std::vector<double> numbers(static_cast<size_t>(type.shape.element_count()));
          for (double &number : numbers) number = 0.01 * ((seed = seed * 75 % 65537) % 41 - 20);
          ASSERT_TRUE(
              (*executable)->write(*stream, entry.name, tensor_of(type, numbers).bytes).ok());
        }
      }
      for (int i = 0; i < (runs == Executable::Runs::kOnce ? 1 : 20); ++i) {
        ASSERT_TRUE((*executable)->run(*stream).ok());
        std::vector<std::vector<std::byte>> seen;
        for (const PlacedName &output : passed.placed->outputs) {
          seen.emplace_back(static_cast<size_t>(output.tensor.typed.type().size_bytes()));
          ASSERT_TRUE((*executable)->read(*stream, output.name, seen.back()).ok());
        }
        if (runs == Executable::Runs::kOnce) expected = seen;
        ASSERT_TRUE(seen == expected) << i;
      }
    }
    EXPECT_EQ(recording.lanes, 4);
  }
}

TEST(Branches, KeepChainsInOneLane) {
  recording = {};
  ProgramBuilder builder;
  Term x = builder.term(builder.input("x", kPair));
  for (int i = 0; i < 20; ++i) x = x + sum(x, {0}, true);
  builder.output("y", x.id());
  const auto device = open();
  const auto placed = place(*builder.finish(), *device, {});
  ASSERT_TRUE(placed.ok());
  const Branches found = find_branches(*placed, 4);
  EXPECT_EQ(found.lanes, 1u);
  for (const Branches::Place &step : found.steps) EXPECT_TRUE(step.waits.empty());
}

// Two products that need nothing of each other.
int lanes_of_two(const Shape &shape) {
  recording = {};
  ProgramBuilder builder;
  const Term factor = builder.term(builder.input("factor", kScalar));
  for (const char *name : {"x", "y"}) {
    const Term value = builder.term(builder.input(name, {DType::kF64, shape}));
    builder.output(std::string(name) + " grown", (value * factor).id());
  }
  const auto device = open();
  TensorStore store(*device);
  const auto executable = Executable::make(*place(*builder.finish(), *device, {}), store);
  EXPECT_TRUE(executable.ok() && (*executable)->is_recorded());
  return recording.lanes;
}

TEST(Branches, AreNotMadeOfStepsThatFillTheDevice) {
  EXPECT_EQ(lanes_of_two({2}), 2);
  EXPECT_EQ(lanes_of_two({1024, 1024}), 1);
}

TEST(Branches, AreNotMadeWhereTheBackendHasNone) {
  recording = {};
  recording.offers_branches = false;
  const auto device = open();
  TensorStore store(*device);
  const auto executable = Executable::make(*place(growth(), *device, {}), store);
  ASSERT_TRUE(executable.ok());
  EXPECT_TRUE((*executable)->is_recorded());
  EXPECT_EQ(recording.lanes, 1);
}

TEST(Determinism, RefusesAnOpThatGivesOtherBitsInAnotherRun) {
  recording = {};
  recording.is_deterministic = false;
  const auto fast = open(false);
  EXPECT_TRUE(place(growth(), *fast, {}).ok());
  const auto strict = open(true);
  const auto refused = place(growth(), *strict, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().what, HasSubstr("same bits in every run"));
  EXPECT_THAT(refused.error().what, HasSubstr("map"));
}

}  // namespace
}  // namespace flame
