// Training of a small SDXL with random weights: it learns, takes what its plan says, and what is not
// finite changes nothing.
#include <map>
#include <numeric>

#include "core/train/health.h"
#include "core/train/plan_memory.h"
#include "core/train/step_check.h"
#include "core/train/validation.h"
#include "tests/train/trainer_fixture.h"

namespace flame {
namespace {

using testing::Each;
using testing::SizeIs;
using testing::StartsWith;
using testing_support::TrainerTest;

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

TEST_F(TrainerTest, TurnsLastDigitsOverAndBack) {
  auto made = trainer();
  ASSERT_TRUE(made.ok()) << made.error().text();
  const std::string weight = (*made)->plan().passes[0].placed.parameters.front().name;
  const HostTensor before = *(*made)->tensor(0, weight);
  const TensorMap start = *(*made)->parameters();
  ASSERT_TRUE((*made)->flip_last_digits(3).ok());
  const std::vector<double> moved = numbers_of(*(*made)->tensor(0, weight)),
                            numbers = numbers_of(before);
  size_t others = 0;
  for (size_t i = 0; i < moved.size(); ++i) {
    others += moved[i] != numbers[i];
    EXPECT_NEAR(moved[i], numbers[i], 1.3e-7 * std::abs(numbers[i]) + 1e-40);
  }
  EXPECT_GT(others, moved.size() / 4);
  EXPECT_LT(others, moved.size() * 3 / 4);
  EXPECT_NE((*made)->parameters()->begin()->second.bytes, start.begin()->second.bytes);
  ASSERT_TRUE((*made)->flip_last_digits(3).ok());
  EXPECT_EQ((*made)->tensor(0, weight)->bytes, before.bytes);
  const TensorMap end = *(*made)->parameters();
  for (const auto &[name, tensor] : end) EXPECT_EQ(tensor.bytes, start.at(name).bytes) << name;
}

TEST_F(TrainerTest, JudgesAGradientByTheLastDigitsThatItHangsOn) {
  auto made = trainer();
  ASSERT_TRUE(made.ok()) << made.error().text();
  const PassInput shown = batch(**made, 0);
  const conformance::Tier strict{"f32", {1e-12, 1e-12}, 1, 1e-9};
  StepCheck check = *check_step(**made, **made, shown, strict);
  EXPECT_TRUE(check.gradients.equal()) << "one trainer beside itself";
  const std::string up =
      "denoiser/down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_v.lora_up.weight";
  auto &outputs = check.gradients.outputs;
  const auto off = [&](double error) {
    auto &output = *std::ranges::find(outputs, up, &conformance::OutputCheck::name);
    output.difference.norm_relative = error;
    output.wrong = "it is off";
    return &output;
  };
  const auto *output = off(3e-8);
  ASSERT_TRUE(judge_by_last_digits(**made, shown, check).ok());
  EXPECT_EQ(output->wrong, "");
  EXPECT_TRUE(check.gradients.equal());
  EXPECT_GT(output->allowed, 3e-8);
  EXPECT_LT(output->allowed, 1e-3);
  off(1e-2);
  ASSERT_TRUE(judge_by_last_digits(**made, shown, check).ok());
  EXPECT_NE(output->wrong, "") << "a bug is more than what digits change";
  EXPECT_FALSE(check.gradients.equal());
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
