// A training's micro-batches and steps on a GPU: recorded as one graph beside op by op, and what a
// gradient that is not finite leaves behind. Skipped where no GPU answers.
#include <gmock/gmock.h>

#include <array>
#include <cmath>
#include <cstring>
#include <deque>
#include <limits>

#include "core/passes/fuse.h"
#include "core/plugin/option_value.h"
#include "core/runtime/sequence.h"
#include "core/train/accumulate.h"
#include "core/train/update.h"
#include "tests/backends/gpu_host.h"
#include "tests/support/networks.h"

namespace flame {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::string_view kGroup = "all";

// What changes from step to step.
struct Scalars {
  float learning_rate = 1e-3F;
  float loss_scale = 1;
  float max_norm = 1;
};

Result<PluginOptimizer> adamw() {
  FLAME_ASSIGN(const Catalogue::Match match,
               testing_support::gpu_catalogue().find("optimizer", "adamw"));
  FLAME_ASSIGN(const StartedComponent started, testing_support::gpu_host().start(match));
  AttributeList options;
  for (const OptionSpec &spec : started.component->options) options.add(spec, default_value(spec));
  return PluginOptimizer::create(started.table<flame_optimizer_interface>(), started.plugin->id(),
                                 "adamw", options);
}

// One model with adamw. Nothing in a step waits for the device.
class Training {
 public:
  // As one graph, or op by op.
  static Result<std::unique_ptr<Training>> make(Device &device, DType dtype, bool as_graph) {
    std::unique_ptr<Training> made(new Training(device));
    FLAME_TRY(made->build(dtype, as_graph));
    FLAME_TRY(made->fill());
    return made;
  }

  // Two micro-batches and the step.
  Status step(const Scalars &now) {
    FLAME_TRY(write(*update_, learning_rate_name(kGroup), now.learning_rate));
    FLAME_TRY(write(*accumulate_, kLossScaleName, now.loss_scale));
    FLAME_TRY(write(*update_, kDivisorName, 2 * now.loss_scale));
    FLAME_TRY(write(*update_, kMaxNormName, now.max_norm));
    FLAME_TRY(write(*accumulate_, kFirstName, true));
    FLAME_TRY(accumulate_->run(stream_));
    FLAME_TRY(write(*accumulate_, kFirstName, false));
    if (sequence_) return sequence_->run(stream_);
    FLAME_TRY(accumulate_->run(stream_));
    return update_->run(stream_);
  }

  // Parameters, states and number of steps; then what the last step gave.
  Result<std::vector<Bytes>> kept() {
    std::vector<Bytes> all;
    for (const std::string &name : kept_) {
      FLAME_ASSIGN(Bytes bytes, read(*update_, name));
      all.push_back(std::move(bytes));
    }
    return all;
  }
  Result<std::vector<Bytes>> everything() {
    FLAME_ASSIGN(std::vector<Bytes> all, kept());
    for (const auto *part : {accumulate_.get(), update_.get()}) {
      for (const PlacedName &output : part->placed().outputs) {
        FLAME_ASSIGN(Bytes bytes, read(*part, output.name));
        all.push_back(std::move(bytes));
      }
    }
    return all;
  }
  template <typename Number>
  Number number(std::string_view name) {
    Number value = {};
    const auto bytes = read(*update_, name);
    EXPECT_TRUE(bytes.ok()) << bytes.error().text();
    if (bytes.ok()) std::memcpy(&value, bytes->data(), sizeof value);
    return value;
  }

 private:
  explicit Training(Device &device) : device_(device), store_(device) {}

  Status build(DType dtype, bool as_graph) {
    FLAME_ASSIGN(const Program model,
                 testing_support::transformer_block({2, 16, 16, 256, 64, 77, 128, 512}, dtype));
    FLAME_ASSIGN(const std::vector<FlatGroup> layout, flat_layout(model));
    FLAME_ASSIGN(const AccumulateProgram accumulate,
                 build_accumulate(model, {"loss", layout, DType::kF32}));
    FLAME_ASSIGN(const PluginOptimizer optimizer, adamw());
    FLAME_ASSIGN(const UpdateProgram update,
                 build_update({{{layout[0], &optimizer}}, DType::kF32, true}));
    const auto runs = as_graph ? Executable::Runs::kOften : Executable::Runs::kOnce;
    FLAME_ASSIGN(accumulate_, executable(accumulate.program, accumulate.placement, runs));
    FLAME_ASSIGN(update_, executable(update.program, update.placement, Executable::Runs::kOnce));
    for (const auto &[input, output] : update.placement.replaces) kept_.push_back(input);
    FLAME_ASSIGN(stream_, device_.create_stream());
    if (!as_graph) return {};
    FLAME_ASSIGN(sequence_, Sequence::make({accumulate_.get(), update_.get()}));
    EXPECT_TRUE(sequence_->is_recorded());
    return {};
  }

  Result<std::unique_ptr<Executable>> executable(const Program &program,
                                                 const PlaceRequest &placement,
                                                 Executable::Runs runs) {
    FLAME_ASSIGN(const Fused fused, fuse(program, device_));
    FLAME_ASSIGN(PlacedProgram placed, place(fused.program, device_, placement));
    return Executable::make(std::move(placed), store_, runs);
  }

  // Small numbers from a fixed sequence; states and the number of steps begin at 0.
  Status fill() {
    uint32_t state = 7;
    for (const auto *part : {accumulate_.get(), update_.get()}) {
      for (const auto *names : {&part->placed().inputs, &part->placed().parameters}) {
        for (const PlacedName &entry : *names) {
          const TensorType type = entry.tensor.typed.type();
          const auto step = static_cast<size_t>(size_bytes(type.dtype));
          Bytes bytes(static_cast<size_t>(type.size_bytes()));
          const bool starts_at_zero =
              entry.name.starts_with("train.state.") || !is_float(type.dtype);
          for (size_t i = 0; !starts_at_zero && i + step <= bytes.size(); i += step) {
            state = state * 1664525 + 1013904223;
            const float value = (static_cast<float>(state >> 8) / (1 << 24) - 0.5F) * 0.2F;
            std::memcpy(&bytes[i], reinterpret_cast<const std::byte *>(&value) + (4 - step), step);
          }
          FLAME_TRY(part->write(stream_, entry.name, bytes));
          FLAME_TRY(stream_.synchronize());
        }
      }
    }
    return {};
  }

  // Without waiting: what is uploaded stays here.
  template <typename Number>
  Status write(const Executable &part, std::string_view name, Number value) {
    std::memcpy(uploads_.emplace_back().data(), &value, sizeof value);
    return part.write(stream_, name, std::span(uploads_.back()).first(sizeof value));
  }

  Result<Bytes> read(const Executable &part, std::string_view name) {
    for (const auto *names : {&part.placed().outputs, &part.placed().inputs}) {
      for (const PlacedName &entry : *names) {
        if (entry.name != name) continue;
        Bytes bytes(static_cast<size_t>(entry.tensor.typed.type().size_bytes()));
        FLAME_TRY(part.read(stream_, name, bytes));
        FLAME_TRY(stream_.synchronize());
        return bytes;
      }
    }
    return Error{ErrorKind::kFailed, "no tensor " + std::string(name), ""};
  }

  Device &device_;
  TensorStore store_;
  std::unique_ptr<Executable> accumulate_, update_;
  std::unique_ptr<Sequence> sequence_;
  std::vector<std::string> kept_;
  std::deque<std::array<std::byte, 8>> uploads_;
  DeviceStream stream_;  // last: synced before the rest goes
};

class StepOnGpu : public testing::TestWithParam<DType> {
 protected:
  void SetUp() override {
    device_ = testing_support::open_gpu(true);
    if (!device_) GTEST_SKIP() << "no GPU answers";
  }
  std::unique_ptr<Training> make(bool as_graph) {
    auto made = Training::make(*device_, GetParam(), as_graph);
    EXPECT_TRUE(made.ok()) << made.error().text();
    return made.ok() ? std::move(*made) : nullptr;
  }

  std::unique_ptr<Device> device_;
};

TEST_P(StepOnGpu, AHundredReplaysGiveTheBitsOfTheOpsOneByOne) {
  std::vector<std::vector<Bytes>> seen;
  for (const bool as_graph : {false, true}) {
    const auto training = make(as_graph);
    ASSERT_TRUE(training);
    for (int i = 0; i < 100; ++i) {
      const Scalars now{1e-4F * static_cast<float>(1 + i % 7),
                        std::exp2(static_cast<float>(i % 11)), i % 3 ? 1.0F : 0.01F};
      ASSERT_TRUE(training->step(now).ok());
    }
    const auto everything = training->everything();
    ASSERT_TRUE(everything.ok()) << everything.error().text();
    EXPECT_EQ(training->number<int64_t>(kStepName), 100);
    EXPECT_TRUE(training->number<bool>(kFiniteName));
    seen.push_back(*everything);
  }
  EXPECT_TRUE(seen[0] == seen[1]);
}

// The host hears of it later, or never: no step waits.
TEST_P(StepOnGpu, AGradientThatIsNotFiniteLeavesEverythingAsItWas) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const auto plain = make(true);
  const auto disturbed = make(true);
  ASSERT_TRUE(plain && disturbed);
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(plain->step({}).ok());
    ASSERT_TRUE(disturbed->step({.loss_scale = i % 2 ? kNan : kInfinity}).ok());
    ASSERT_TRUE(disturbed->step({}).ok());
  }
  EXPECT_TRUE(disturbed->number<bool>(kFiniteName));
  ASSERT_TRUE(disturbed->step({.loss_scale = kNan}).ok());
  EXPECT_FALSE(disturbed->number<bool>(kFiniteName));
  EXPECT_FALSE(std::isfinite(disturbed->number<float>(kGradientNormName)));
  EXPECT_EQ(disturbed->number<int64_t>(kStepName), 4);
  const auto expected = plain->kept();
  const auto given = disturbed->kept();
  ASSERT_TRUE(expected.ok() && given.ok());
  EXPECT_TRUE(*expected == *given);
}

INSTANTIATE_TEST_SUITE_P(Types, StepOnGpu, testing::Values(DType::kF32, DType::kBF16),
                         [](const auto &type) { return std::string(name_of(type.param)); });

}  // namespace
}  // namespace flame
