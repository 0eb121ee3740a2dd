// Training of a small SDXL with random weights: it learns, it stops and goes on to the bit, and what
// is wrong is refused.
#include "core/train/trainer.h"

#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <numeric>
#include <random>
#include <set>

#include "core/base/sha256.h"
#include "core/plugin/plugin_adapter.h"
#include "core/tensor/numbers.h"
#include "core/train/batch_order.h"
#include "core/train/checkpoint.h"
#include "core/train/health.h"
#include "core/train/noise_levels.h"
#include "core/train/plan_memory.h"
#include "core/train/validation.h"
#include "tests/models/small_sdxl.h"
#include "tests/support/devices.h"
#include "tests/support/temporary_folder.h"

namespace flame {
namespace {

using model_test::SmallSdxl;
using testing::Each;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;
using testing_support::device;

constexpr int64_t kTokens = 77;

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
    return adapt_request(started, {{"rank", false, {int64_t{4}}}}, layers);
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
    FLAME_ASSIGN(TrainPlan plan,
                 plan_training(small_.paint, parts, buckets, plan_settings_, device(device_)));
    settings_.learning_rates.assign(parts.size(), own_weights_ ? 3e-4 : 3e-3);
    return Trainer::make(std::move(plan), small_.paint, settings_, device(device_), {});
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
          numbers[i] = i % kTokens == 0 ? 49406 : i % kTokens < 3 ? 320 + number % 4 : 49407;
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

  // One after the other through the files of checkpoints: saves at these passes and goes on, and then
  // again from each with a trainer of its own.
  void check_stops(const std::set<int64_t> &stops, int64_t passes);

  std::string device_ = "onednn";
  bool own_weights_ = false;  // no adapter: the weights learn
  std::optional<BatchOrder> order_;
  SmallSdxl small_;
  Catalogue catalogue_;
  std::unique_ptr<PluginOptimizer> optimizer_;
  TrainSettings plan_settings_;
  TrainerSettings settings_;
};

// The mean of the losses of some steps.
double mean_loss(std::span<const StepReport> reports) {
  double sum = 0;
  for (const StepReport &report : reports) sum += report.loss;
  return sum / static_cast<double>(reports.size());
}

TEST_F(TrainerTest, LearnsWhatItIsShown) {
  auto made = trainer();
  ASSERT_TRUE(made.ok()) << made.error().text();
  const std::vector<StepReport> reports = run(**made, 0, 40, 2);
  ASSERT_THAT(reports, SizeIs(40));
  for (size_t i = 0; i < reports.size(); ++i) {
    EXPECT_EQ(reports[i].step, static_cast<int64_t>(i) + 1);
    EXPECT_TRUE(reports[i].finite);
    EXPECT_THAT(reports[i].losses, SizeIs(2));
    EXPECT_THAT(reports[i].sources, SizeIs(2));
    EXPECT_GT(reports[i].gradient_norm, 0);
  }
  EXPECT_LT(mean_loss(std::span(reports).last(4)), 0.8 * mean_loss(std::span(reports).first(4)));
}

TEST_F(TrainerTest, LearnsWithItsTextEncodersToo) {
  auto made = trainer({"denoiser", "text_encoder", "text_encoder_2"});
  ASSERT_TRUE(made.ok()) << made.error().text();
  EXPECT_THAT((*made)->plan().layout, SizeIs(3));
  // The last layer of CLIP-L is behind the states that the denoiser sees.
  EXPECT_THAT((*made)->plan().unreached,
              Each(StartsWith("text_encoder/text_model.encoder.layers.1.")));
  EXPECT_THAT((*made)->plan().unreached, SizeIs(4));
  const TensorMap before = *(*made)->parameters();
  run(**made, 0, 3);
  const TensorMap after = *(*made)->parameters();
  size_t moved[3] = {};
  for (const auto &[name, tensor] : after) {
    const size_t part = name.starts_with("denoiser/")       ? 0
                        : name.starts_with("text_encoder/") ? 1
                                                            : 2;
    moved[part] += tensor.bytes != before.at(name).bytes;
  }
  for (const size_t count : moved) EXPECT_GT(count, 0u);
}

TEST_F(TrainerTest, TrainsTheWeightsThemselvesFromWhereTheFileHasThem) {
  own_weights_ = true;
  plan_settings_.averages = true;
  auto made = trainer({"denoiser", "text_encoder"});
  ASSERT_TRUE(made.ok()) << made.error().text();
  const TrainPlan &plan = (*made)->plan();
  const TensorMap before = *(*made)->parameters();
  for (const auto &[role, model] :
       {std::pair{"denoiser", small_.paint.denoiser}, {"text_encoder", small_.paint.parts[0]}}) {
    for (const PlacedWeight &weight : model.weights->placed) {
      const std::string name = std::string(role) + "/" + weight.parameter;
      EXPECT_TRUE(plan.own_weights.contains(name)) << name;
      const auto found = before.find(name);
      if (found == before.end()) {
        EXPECT_THAT(plan.unreached, testing::Contains(name));
        continue;
      }
      EXPECT_EQ(found->second.bytes, read_weight(weight, DType::kF32)->bytes) << name;
    }
  }
  EXPECT_EQ((*made)->averages()->at("denoiser/conv_in.bias").bytes,
            before.at("denoiser/conv_in.bias").bytes);
  // Embeddings, norms and biases are among them, and the last layer of CLIP-L is not.
  for (const char *name : {"denoiser/conv_norm_out.weight", "denoiser/time_embedding.linear_1.bias",
                           "text_encoder/text_model.embeddings.token_embedding.weight",
                           "text_encoder/text_model.embeddings.position_embedding.weight"})
    EXPECT_TRUE(before.contains(name)) << name;
  EXPECT_THAT(plan.unreached, testing::Contains("text_encoder/text_model.final_layer_norm.weight"));

  const auto without = parameters_without_gradient(**made, batch(**made, 0));
  ASSERT_TRUE(without.ok()) << without.error().text();
  EXPECT_THAT(*without, SizeIs(0));
  EXPECT_EQ((*made)->parameters()->at("denoiser/conv_in.weight").bytes,
            before.at("denoiser/conv_in.weight").bytes);
  const std::vector<StepReport> reports = run(**made, 0, 30, 2);
  EXPECT_LT(mean_loss(std::span(reports).last(4)), 0.9 * mean_loss(std::span(reports).first(4)));
  const TensorMap after = *(*made)->parameters();
  for (const auto &[name, tensor] : after) EXPECT_NE(tensor.bytes, before.at(name).bytes) << name;
  const auto change = effect(**made, batch(**made, 0), before);
  ASSERT_TRUE(change.ok());
  EXPECT_GT(*change, kLeastEffect);
}

TEST_F(TrainerTest, CountsWeightsThatLearnAsWeights) {
  own_weights_ = true;
  auto made = trainer({"denoiser"});
  ASSERT_TRUE(made.ok()) << made.error().text();
  const TrainPlan &plan = (*made)->plan();
  EXPECT_GE(plan.total_bytes(), (*made)->allocated_bytes());
  EXPECT_LE(static_cast<double>(plan.total_bytes()),
            1.05 * static_cast<double>((*made)->allocated_bytes()));
  const std::vector<uint64_t> bytes = bytes_by_class(plan);
  const auto of = [&](MemoryClass each) { return bytes[static_cast<size_t>(each)]; };
  EXPECT_EQ(of(MemoryClass::kAdapters), 0u);
  // Once, as masters: nothing of the denoiser is frozen.
  EXPECT_EQ(of(MemoryClass::kWeights), of(MemoryClass::kGradients));
  EXPECT_GE(of(MemoryClass::kOptimizer), 2 * of(MemoryClass::kWeights));
}

TEST_F(TrainerTest, GoesOnToTheBitWithWeightsThatLearnInEveryPrecision) {
  device_ = "onednn:threads=1";
  own_weights_ = true;
  settings_.accumulate = 2;
  settings_.average_decay = 0.9;
  plan_settings_.averages = true;
  for (const DType compute : {DType::kF32, DType::kBF16, DType::kF16}) {
    SCOPED_TRACE(name_of(compute));
    plan_settings_.compute = compute;
    check_stops({1, 4, 5}, 8);
  }
}

TEST_F(TrainerTest, TakesWhatItsPlanSays) {
  auto made = trainer({"denoiser", "text_encoder"});
  ASSERT_TRUE(made.ok()) << made.error().text();
  const TrainPlan &plan = (*made)->plan();
  EXPECT_GE(plan.total_bytes(), (*made)->allocated_bytes());
  EXPECT_LE(static_cast<double>(plan.total_bytes()),
            1.05 * static_cast<double>((*made)->allocated_bytes()));
  const std::vector<uint64_t> bytes = bytes_by_class(plan);
  EXPECT_EQ(std::accumulate(bytes.begin(), bytes.end(), uint64_t{0}), plan.total_bytes());
  for (const MemoryClass each :
       {MemoryClass::kWeights, MemoryClass::kAdapters, MemoryClass::kGradients,
        MemoryClass::kOptimizer, MemoryClass::kActivations})
    EXPECT_GT(bytes[static_cast<size_t>(each)], 0u) << name_of(each);
}

TEST(ValidationPasses, MeasureEveryHeldOutExampleAtEveryTimeOnce) {
  std::vector<TrainingSet::Example> held_out = {{4, 1, {}}, {7, 0, {}}, {9, 1, {}}};
  const auto passes = validation_passes(held_out, 4, 1000);
  std::map<std::pair<uint64_t, int64_t>, int> seen;
  for (size_t i = 0; i < passes.size(); ++i) {
    EXPECT_EQ(passes[i].input.counter, static_cast<int64_t>(i));
    ASSERT_THAT(passes[i].input.items, SizeIs(4));
    ASSERT_THAT(passes[i].input.times, SizeIs(4));
    for (size_t row = 0; row < passes[i].rows; ++row) {
      const uint64_t example = passes[i].input.items[row].example;
      EXPECT_EQ(held_out[example].bucket, passes[i].input.bucket);
      ++seen[{example, passes[i].input.times[row]}];
    }
  }
  EXPECT_THAT(seen, SizeIs(27));
  for (const auto &[which, count] : seen) {
    EXPECT_EQ(count, 1);
    EXPECT_EQ(which.second % 100, 0);
  }
  EXPECT_THAT(validation_passes({}, 4, 1000), SizeIs(0));
  EXPECT_EQ(validation_passes(held_out, 1, 2).back().input.times.back(), 1);
}

TEST_F(TrainerTest, GoesOnToTheBitFromAnySavedState) {
  settings_.accumulate = 3;
  auto whole = trainer();
  ASSERT_TRUE(whole.ok()) << whole.error().text();
  run(**whole, 0, 12);
  const TensorMap expected = *(*whole)->state();
  for (const int64_t stop : {1, 3, 5, 11}) {
    auto first = trainer(), second = trainer();
    run(**first, 0, stop);
    const Status restored = (*second)->restore(*(*first)->state());
    ASSERT_TRUE(restored.ok()) << restored.error().text();
    EXPECT_EQ((*second)->step(), stop / 3);
    EXPECT_EQ((*second)->passes(), stop % 3);
    run(**second, stop, 12);
    const TensorMap reached = *(*second)->state();
    for (const auto &[name, tensor] : expected)
      EXPECT_EQ(tensor.bytes, reached.at(name).bytes) << name << ", stopped at " << stop;
  }
}

std::string hash_of(const TensorMap &state) {
  std::string text;
  for (const auto &[name, tensor] : state)
    text += name + " " +
            sha256({reinterpret_cast<const char *>(tensor.bytes.data()), tensor.bytes.size()}) +
            "\n";
  return sha256(text);
}

void expect_equal(const StepReport &one, const StepReport &other) {
  EXPECT_EQ(one.step, other.step);
  EXPECT_EQ(one.loss, other.loss) << "step " << one.step;
  EXPECT_EQ(one.gradient_norm, other.gradient_norm) << "step " << one.step;
  EXPECT_EQ(one.losses, other.losses) << "step " << one.step;
  EXPECT_EQ(one.sources, other.sources) << "step " << one.step;
}

void TrainerTest::check_stops(const std::set<int64_t> &stops, int64_t passes) {
  auto whole = trainer(), saving = trainer();
  ASSERT_TRUE(whole.ok() && saving.ok()) << whole.error().text();
  const std::vector<StepReport> expected = run(**whole, 0, passes);
  const std::string expected_hash = hash_of(*(*whole)->state());

  const test::TemporaryFolder temporary;
  CheckpointFolder folder(temporary / "checkpoints", static_cast<int64_t>(stops.size()));
  ASSERT_TRUE(folder.open().ok());
  std::vector<StepReport> reports;
  int64_t at = 0;
  const auto run_to = [&](int64_t end) {
    for (StepReport &report : run(**saving, at, end)) reports.push_back(std::move(report));
    at = end;
  };
  std::vector<std::filesystem::path> saved;
  for (const int64_t stop : stops) {
    run_to(stop);
    const auto written = folder.write(
        {{(*saving)->step(), (*saving)->passes()}, *(*saving)->state(), Json(Json::Object())});
    ASSERT_TRUE(written.ok()) << written.error().text();
    saved.push_back(*written);
  }
  run_to(passes);
  EXPECT_EQ(hash_of(*(*saving)->state()), expected_hash) << "saving changes nothing";
  ASSERT_EQ(reports.size(), expected.size());
  for (size_t i = 0; i < reports.size(); ++i) expect_equal(reports[i], expected[i]);

  auto stop = stops.begin();
  for (const std::filesystem::path &place : saved) {
    SCOPED_TRACE(place.filename());
    auto going_on = trainer();
    const Result<Checkpoint> read = read_checkpoint(place);
    ASSERT_TRUE(going_on.ok() && read.ok());
    ASSERT_TRUE((*going_on)->restore(read->state).ok());
    const std::vector<StepReport> rest = run(**going_on, *stop++, passes);
    EXPECT_EQ(hash_of(*(*going_on)->state()), expected_hash);
    const size_t before = expected.size() - rest.size();
    for (size_t i = 0; i < rest.size(); ++i) expect_equal(rest[i], expected[before + i]);
  }
}

TEST_F(TrainerTest, EndsInTheSameBitsWhereverItWasStoppedAndGoneOnFromTheDisk) {
  device_ = "onednn:threads=1";
  settings_.accumulate = 3;
  settings_.average_decay = 0.9;
  plan_settings_.averages = true;
  std::vector<OrderedExample> examples(9);
  for (size_t i = 0; i < examples.size(); ++i) examples[i].bucket = i % 3 == 0;
  order_.emplace(*BatchOrder::make(examples, 2, 7));
  constexpr int64_t kPasses = 24;
  std::mt19937 random(11);
  std::set<int64_t> stops;
  while (stops.size() < 20) stops.insert(1 + static_cast<int64_t>(random() % (kPasses - 1)));
  size_t in_steps = 0, in_epochs = 0, at_changes = 0;
  for (const int64_t stop : stops) {
    const MicroBatch before = order_->at(static_cast<uint64_t>(stop - 1)),
                     behind = order_->at(static_cast<uint64_t>(stop));
    in_steps += stop % 3 != 0;
    in_epochs += before.epoch == behind.epoch;
    at_changes += before.bucket != behind.bucket;
  }
  EXPECT_GT(in_steps, 5u);
  EXPECT_GT(in_epochs, 5u);
  EXPECT_GT(at_changes, 5u);
  check_stops(stops, kPasses);
}

TEST_F(TrainerTest, EndsInTheSameBitsInF16WithItsLossScale) {
  device_ = "onednn:threads=1";
  settings_.accumulate = 2;
  plan_settings_.compute = DType::kF16;
  check_stops({2, 3, 7}, 10);
}

TEST_F(TrainerTest, RefusesLossesOfAnOpenStepThatAreNone) {
  settings_.accumulate = 3;
  auto made = trainer();
  ASSERT_TRUE(made.ok());
  run(**made, 0, 2);
  const TensorMap state = *(*made)->state();
  const std::string losses(kOpenLossesName), sources(kOpenSourcesName);
  ASSERT_TRUE(state.contains(losses) && state.contains(sources));
  ASSERT_TRUE((*made)->restore(state).ok());
  std::vector<TensorMap> wrong(4, state);
  wrong[0].erase(losses);
  wrong[1].erase(sources);
  wrong[2].at(losses) = wrong[2].at(sources);
  wrong[3].at(sources).bytes.back() = std::byte{'x'};
  for (const TensorMap &each : wrong)
    EXPECT_THAT((*made)->restore(each).error().text(), HasSubstr("losses of the open step"));
}

TEST_F(TrainerTest, RefusesAStateOfAnotherTraining) {
  auto made = trainer(), other = trainer({"denoiser", "text_encoder"});
  ASSERT_TRUE(made.ok() && other.ok());
  EXPECT_THAT((*made)->restore(*(*other)->state()).error().text(), HasSubstr("more tensors"));
  EXPECT_THAT((*other)->restore(*(*made)->state()).error().text(), HasSubstr("is missing"));
  TensorMap state = *(*made)->state();
  state.at("train.parameters.denoiser").type.shape = Shape{1};
  EXPECT_THAT((*made)->restore(state).error().text(), HasSubstr("is f32[1], expected f32["));
  state.at(std::string(kPositionName)).bytes.back() = std::byte{0xff};
  EXPECT_THAT((*made)->restore(state).error().text(), HasSubstr("does not say how far it came"));
}

TEST_F(TrainerTest, StartsWithoutEffectAndWithGradientsForEveryParameter) {
  auto made = trainer();
  ASSERT_TRUE(made.ok()) << made.error().text();
  const PassInput shown = batch(**made, 0);
  const TensorMap start = *(*made)->parameters();
  const TensorMap with = *(*made)->evaluate(shown);
  TensorMap nothing = start;
  for (auto &[name, tensor] : nothing) std::ranges::fill(tensor.bytes, std::byte{0});
  ASSERT_TRUE((*made)->set_parameters(nothing).ok());
  EXPECT_EQ((*made)->evaluate(shown)->at("prediction").bytes, with.at("prediction").bytes);
  // `up` is zero at the start, so that nothing reaches `down`; with both drawn, all is reached.
  TensorMap drawn = start;
  for (auto &[name, tensor] : drawn) {
    std::vector<double> numbers(static_cast<size_t>(tensor.type.shape.element_count()));
    for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = 0.1 * std::cos(static_cast<double>(i));
    tensor = tensor_of(tensor.type, numbers);
  }
  ASSERT_TRUE((*made)->set_parameters(drawn).ok());
  const Result<std::vector<double>> norms = (*made)->gradient_norms(shown);
  ASSERT_TRUE(norms.ok()) << norms.error().text();
  ASSERT_THAT(*norms, SizeIs((*made)->plan().trained.size()));
  for (size_t i = 0; i < norms->size(); ++i)
    EXPECT_GT((*norms)[i], 0) << (*made)->plan().trained[i].name;
}

TEST_F(TrainerTest, KeepsItsParametersWhenALossIsNotFinite) {
  auto made = trainer();
  ASSERT_TRUE(made.ok()) << made.error().text();
  run(**made, 0, 2);
  const TensorMap before = *(*made)->parameters();
  PassInput bad = batch(**made, 2);
  HostTensor &latent = bad.tensors.at("latent");
  std::vector<double> numbers = numbers_of(latent);
  numbers[3] = NAN;
  latent = tensor_of(latent.type, numbers);
  ASSERT_TRUE((*made)->pass(bad, 1).ok());
  const std::vector<StepReport> reports = *(*made)->reports(true);
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_FALSE(reports[0].finite);
  EXPECT_TRUE(std::isnan(reports[0].losses[0]));
  EXPECT_TRUE(std::isfinite(reports[0].losses[1]));
  const TensorMap after = *(*made)->parameters();
  for (const auto &[name, tensor] : after) EXPECT_EQ(tensor.bytes, before.at(name).bytes) << name;
}

TEST_F(TrainerTest, TakesLessMemoryIfItMust) {
  const std::vector<TrainBucket> buckets{{64, 64}};
  auto plain = trainer({"denoiser"}, buckets);
  ASSERT_TRUE(plain.ok()) << plain.error().text();
  const uint64_t whole = (*plain)->plan().total_bytes();
  EXPECT_LE((*plain)->allocated_bytes(), whole);
  plan_settings_.memory_bytes = whole * 9 / 10;
  auto tight = trainer({"denoiser"}, buckets);
  ASSERT_TRUE(tight.ok()) << tight.error().text();
  EXPECT_LE((*tight)->plan().total_bytes(), *plan_settings_.memory_bytes);
  EXPECT_EQ(run(**plain, 0, 3).back().loss, run(**tight, 0, 3).back().loss);
  plan_settings_.memory_bytes = 1 << 20;
  const auto impossible = trainer();
  ASSERT_FALSE(impossible.ok());
  EXPECT_EQ(impossible.error().kind, ErrorKind::kOutOfMemory);
}

}  // namespace
}  // namespace flame
