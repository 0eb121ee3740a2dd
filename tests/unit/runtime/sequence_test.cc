// Programs of one store that are recorded as one graph, on a backend that captures and counts.
#include "core/runtime/sequence.h"

#include <gmock/gmock.h>

#include "core/ops/catalogue/terms.h"
#include "core/passes/place.h"
#include "core/program/program_builder.h"
#include "tests/support/evaluate.h"
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

std::unique_ptr<Device> open() {
  auto opened = Device::open({"test.recording", "recording", &testing_support::recording_backend()},
                             0, {.options = {}, .deterministic = false});
  EXPECT_TRUE(opened.ok()) << opened.error().text();
  return std::move(*opened);
}

// sum becomes sum + x·1 + x·2 + x·3 + x·4, each product a branch of its own.
Program accumulate() {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", kPair));
  const Term old = builder.term(builder.input("sum", kPair));
  std::vector<Term> parts;
  for (int i = 1; i <= 4; ++i) parts.push_back(sum(reshape(x * i, {1, 2}), {0}));
  builder.output("sum", (old + ((parts[0] + parts[1]) + (parts[2] + parts[3]))).id());
  return *builder.finish();
}

// parameter becomes parameter - rate · sum.
Program step() {
  ProgramBuilder builder;
  const Term parameter = builder.term(builder.input("parameter", kPair));
  const Term gradient = builder.term(builder.input("sum", kPair));
  const Term rate = builder.term(builder.input("rate", kScalar));
  builder.output("parameter", (parameter - rate * gradient).id());
  return *builder.finish();
}

class Sequences : public testing::Test {
 protected:
  Sequences() { recording = {}; }

  // After the switches are set.
  Status make(Executable::Runs runs = Executable::Runs::kOnce) {
    device_ = open();
    store_ = std::make_unique<TensorStore>(*device_);
    FLAME_ASSIGN(accumulate_, executable(accumulate(), "sum", runs));
    FLAME_ASSIGN(step_, executable(step(), "parameter", runs));
    FLAME_ASSIGN(stream_, device_->create_stream());
    FLAME_ASSIGN(sequence_, Sequence::make({accumulate_.get(), step_.get()}));
    write(*step_, "parameter", kPair, {0, 0});
    write(*accumulate_, "sum", kPair, {0, 0});
    return {};
  }
  Result<std::unique_ptr<Executable>> executable(const Program &program, const char *state,
                                                 Executable::Runs runs) {
    FLAME_ASSIGN(PlacedProgram placed, place(program, *device_, {{{state, state}}, {}}));
    return Executable::make(std::move(placed), *store_, runs);
  }
  void write(const Executable &part, const char *name, const TensorType &type,
             std::vector<double> numbers) {
    ASSERT_TRUE(part.write(stream_, name, tensor_of(type, numbers).bytes).ok());
  }
  std::vector<double> read(const Executable &part, const char *name) {
    HostTensor tensor = tensor_of(kPair, {0, 0});
    EXPECT_TRUE(part.read(stream_, name, tensor.bytes).ok());
    EXPECT_TRUE(stream_.synchronize().ok());
    return numbers_of(tensor);
  }
  int steps() const {
    return static_cast<int>(accumulate_->steps().size() + step_->steps().size());
  }
  // What changes between runs is a tensor of either part.
  void expect_right_runs() {
    std::vector<double> sum{0, 0}, parameter{0, 0};
    for (int i = 1; i <= 20; ++i) {
      const std::vector<double> x{0.5 * i, -1.0 * i};
      const double rate = i % 2 ? 0.25 : 2;
      write(*accumulate_, "x", kPair, x);
      write(*step_, "rate", kScalar, {rate});
      ASSERT_TRUE(sequence_->run(stream_).ok());
      for (size_t k = 0; k < 2; ++k) {
        sum[k] += 10 * x[k];
        parameter[k] -= rate * sum[k];
      }
      ASSERT_EQ(read(*accumulate_, "sum"), sum) << i;
      ASSERT_EQ(read(*step_, "parameter"), parameter) << i;
    }
  }

  std::unique_ptr<Device> device_;
  std::unique_ptr<TensorStore> store_;
  std::unique_ptr<Executable> accumulate_, step_;
  std::unique_ptr<Sequence> sequence_;
  DeviceStream stream_;
};

TEST_F(Sequences, AreOneReplayOfAllPartsWithTheValuesOfTheTime) {
  ASSERT_TRUE(make().ok());
  EXPECT_TRUE(sequence_->is_recorded());
  EXPECT_FALSE(accumulate_->is_recorded());
  EXPECT_EQ(recording.graphs, 1);
  EXPECT_EQ(recording.captured, steps());
  EXPECT_EQ(recording.lanes, 4);
  expect_right_runs();
  EXPECT_EQ(recording.replays, 20);
  EXPECT_EQ(recording.runs, 0);
}

TEST_F(Sequences, LeaveThePartsTheirOwnRuns) {
  ASSERT_TRUE(make(Executable::Runs::kOften).ok());
  EXPECT_EQ(recording.graphs, 3);
  write(*accumulate_, "x", kPair, {1, 2});
  write(*step_, "rate", kScalar, {1});
  ASSERT_TRUE(accumulate_->run(stream_).ok());
  ASSERT_TRUE(sequence_->run(stream_).ok());
  EXPECT_THAT(read(*step_, "parameter"), ElementsAre(-20, -40));
  sequence_.reset();
  EXPECT_EQ(recording.graphs, 2);
}

TEST_F(Sequences, RunPartByPartWhereTheBackendDoesNotCapture) {
  recording.offers_capture = false;
  ASSERT_TRUE(make().ok());
  EXPECT_FALSE(sequence_->is_recorded());
  expect_right_runs();
  EXPECT_EQ(recording.runs, 20 * steps());
}

TEST_F(Sequences, RunPartByPartWhereAnOpCannotBeCaptured) {
  recording.ops_are_safe = false;
  ASSERT_TRUE(make().ok());
  EXPECT_FALSE(sequence_->is_recorded());
  expect_right_runs();
}

TEST_F(Sequences, AnOpThatRefusesAfterAllIsAnErrorThatNamesIt) {
  recording.ops_refuse = true;
  const Status status = make();
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().what, HasSubstr("cannot be captured after all"));
  EXPECT_EQ(recording.graphs, 0);
}

TEST_F(Sequences, NeedPartsOfOneDevice) {
  ASSERT_TRUE(make().ok());
  EXPECT_FALSE(Sequence::make({}).ok());
  const auto other = open();
  TensorStore store(*other);
  const auto stranger = Executable::make(*place(step(), *other, {}), store);
  ASSERT_TRUE(stranger.ok());
  const auto mixed = Sequence::make({accumulate_.get(), stranger->get()});
  ASSERT_FALSE(mixed.ok());
  EXPECT_THAT(mixed.error().what, HasSubstr("on several devices"));
}

}  // namespace
}  // namespace flame
