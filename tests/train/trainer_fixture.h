// A trainer of a small SDXL with random weights, and micro-batches that follow from their numbers.
#pragma once

#include <gmock/gmock.h>

#include <cmath>

#include "core/plugin/plugin_adapter.h"
#include "core/tensor/numbers.h"
#include "core/train/batch_order.h"
#include "core/train/noise_levels.h"
#include "core/train/trainer.h"
#include "tests/models/small_sdxl.h"
#include "tests/support/devices.h"

namespace flame::testing_support {

class TrainerTest : public testing::Test {
 protected:
  void SetUp() override {
    const Status made = small_.make();
    ASSERT_TRUE(made.ok()) << made.error().text();
    catalogue_ = Catalogue::scan({FLAME_PLUGINS});
    Result<PluginOptimizer> optimizer = open_optimizer();
    ASSERT_TRUE(optimizer.ok()) << optimizer.error().text();
    optimizer_ = std::make_unique<PluginOptimizer>(std::move(*optimizer));
    plan_settings_.batch = 2;
    settings_.seed = 7;
  }

  Result<PluginOptimizer> open_optimizer() {
    FLAME_ASSIGN(const Catalogue::Match match, catalogue_.find("optimizer", "adamw"));
    FLAME_ASSIGN(const StartedComponent started, small_.host.start(match));
    FLAME_ASSIGN(const AttributeList options, model_options(*match.component, {}));
    return PluginOptimizer::create(started.table<flame_optimizer_interface>(), "adamw", "adamw",
                                   options);
  }
  Result<AdaptRequest> lora(const std::vector<std::string> &layers) {
    FLAME_ASSIGN(const Catalogue::Match match, catalogue_.find("adapter", "lora"));
    FLAME_ASSIGN(const StartedComponent started, small_.host.start(match));
    return adapt_request(
        started, {{"rank", false, {int64_t{4}}}, {"rank_dropout", false, {rank_dropout_}}}, layers);
  }

  Result<std::unique_ptr<Trainer>> trainer(const std::vector<std::string> &roles = {"denoiser"},
                                           const std::vector<TrainBucket> &buckets = {{16, 32},
                                                                                      {32, 16}}) {
    std::vector<TrainedPart> parts;
    for (const std::string &role : roles) {
      const bool denoises = role == "denoiser";
      if (own_weights_) {
        FLAME_ASSIGN(AdaptRequest own, own_weights_request({}));
        parts.push_back({role, std::move(own), optimizer_.get()});
        continue;
      }
      FLAME_ASSIGN(AdaptRequest request,
                   lora(denoises ? std::vector<std::string>{"to_q", "to_k", "to_v", "to_out.0"}
                                 : std::vector<std::string>{"q_proj", "v_proj"}));
      parts.push_back({role, std::move(request), optimizer_.get()});
    }
    FLAME_ASSIGN(TrainPlan plan, plan_training(small_.paint, parts, buckets, plan_settings_,
                                               testing_support::device(device_)));
    settings_.learning_rates.assign(parts.size(), own_weights_ ? 3e-4 : 3e-3);
    return Trainer::make(std::move(plan), small_.paint, settings_, testing_support::device(device_),
                         {});
  }

  // Numbers that follow from the micro-batch's number alone; buckets take turns, or follow the order.
  PassInput batch(const Trainer &trainer, int64_t number) const {
    PassInput made;
    made.bucket = order_ ? order_->at(static_cast<uint64_t>(number)).bucket
                         : static_cast<size_t>(number) % trainer.plan().passes.size();
    made.number = number;
    const int64_t n = plan_settings_.batch;
    const std::string prefix = trainer.plan().passes[made.bucket].bucket.prefix();
    const NoiseLevels levels =
        *NoiseLevels::make(small_.paint.spec.noise_levels, false, NoiseLevelSettings());
    for (const PlacedName &input : trainer.plan().passes[made.bucket].placed.inputs) {
      if (!input.name.starts_with(prefix)) continue;
      const std::string name = input.name.substr(prefix.size());
      const TensorType type = input.tensor.typed.type();
      std::vector<double> numbers(static_cast<size_t>(type.shape.element_count()));
      for (size_t i = 0; i < numbers.size(); ++i) {
        const int64_t row = static_cast<int64_t>(i) * n / static_cast<int64_t>(numbers.size());
        const int64_t time = levels.draw(1, number, row);
        numbers[i] = std::sin(0.7 * static_cast<double>(i) + static_cast<double>(number % 4));
        if (name == kSignalInput) numbers[i] = levels.at(time).signal;
        if (name == kNoiseInput) numbers[i] = levels.at(time).noise;
        if (name == kTimeInput) numbers[i] = static_cast<double>(time);
        if (name == kWeightInput) numbers[i] = 1;
        if (name == kSeedInput) numbers[i] = 1;
        if (name == kCounterInput) numbers[i] = static_cast<double>(number);
        if (name.ends_with("input_ids"))
          numbers[i] = i % 77 == 0 ? 49406 : i % 77 < 3 ? 320 + number % 4 : 49407;
      }
      made.tensors[name] = tensor_of(type, numbers);
    }
    for (int64_t i = 0; i < n; ++i) made.sources.push_back("example " + std::to_string(i));
    return made;
  }
  // Micro-batches first, first + 1, …, of which there are `kinds`.
  std::vector<StepReport> run(Trainer &trainer, int64_t first, int64_t last,
                              int64_t kinds = 1000) const {
    std::vector<StepReport> reports;
    const auto take = [&](Result<std::vector<StepReport>> some) {
      EXPECT_TRUE(some.ok());
      reports.insert(reports.end(), some->begin(), some->end());
    };
    for (int64_t number = first; number < last; ++number) {
      const Status passed = trainer.pass(batch(trainer, number % kinds), 1);
      EXPECT_TRUE(passed.ok()) << passed.error().text();
      take(trainer.reports(false));
    }
    take(trainer.reports(true));
    return reports;
  }

  std::string device_ = "onednn";
  bool own_weights_ = false;  // no adapter: the weights learn
  double rank_dropout_ = 0;
  std::optional<BatchOrder> order_;
  model_test::SmallSdxl small_;
  Catalogue catalogue_;
  std::unique_ptr<PluginOptimizer> optimizer_;
  TrainSettings plan_settings_;
  TrainerSettings settings_;
};

}  // namespace flame::testing_support
