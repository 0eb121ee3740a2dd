// States of a trainer: it stops and goes on to the bit, and a state that does not fit is refused.
#include <random>
#include <set>

#include "core/base/sha256.h"
#include "core/train/checkpoint.h"
#include "tests/support/temporary_folder.h"
#include "tests/train/trainer_fixture.h"

namespace flame {
namespace {

using testing::HasSubstr;

class TrainerStates : public testing_support::TrainerTest {
 protected:
  // One after the other through the files of checkpoints: saves at these passes and goes on, and then
  // again from each with a trainer of its own.
  void check_stops(const std::set<int64_t> &stops, int64_t passes);
};

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

void TrainerStates::check_stops(const std::set<int64_t> &stops, int64_t passes) {
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

TEST_F(TrainerStates, GoOnToTheBitWithWeightsThatLearnInEveryPrecision) {
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

TEST_F(TrainerStates, GoOnToTheBitFromAnySavedState) {
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

TEST_F(TrainerStates, EndInTheSameBitsWhereverTheyWereStoppedAndGoneOnFromTheDisk) {
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

TEST_F(TrainerStates, EndInTheSameBitsInF16WithTheirLossScale) {
  device_ = "onednn:threads=1";
  settings_.accumulate = 2;
  plan_settings_.compute = DType::kF16;
  check_stops({2, 3, 7}, 10);
}

TEST_F(TrainerStates, RefusesLossesOfAnOpenStepThatAreNone) {
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

TEST_F(TrainerStates, RefusesAStateOfAnotherTraining) {
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

TEST_F(TrainerStates, EndInTheSameBitsWithRanksLeftOut) {
  device_ = "onednn:threads=1";
  settings_.accumulate = 2;
  rank_dropout_ = 0.5;
  check_stops({1, 4, 5}, 8);
}

TEST_F(TrainerStates, AreOthersWithRanksLeftOutButAnswerWithAll) {
  const std::vector<std::string> roles = {"denoiser", "text_encoder"};
  auto whole = trainer(roles);
  rank_dropout_ = 0.5;
  auto dropping = trainer(roles);
  ASSERT_TRUE(whole.ok() && dropping.ok()) << dropping.error().text();
  run(**whole, 0, 2);
  run(**dropping, 0, 2);
  EXPECT_NE(hash_of(*(*whole)->state()), hash_of(*(*dropping)->state()));
  ASSERT_TRUE((*whole)->restore(*(*dropping)->state()).ok());
  const auto answer = [&](Trainer &trainer) { return *trainer.evaluate(batch(trainer, 3)); };
  const std::vector<double> expected = numbers_of(answer(**whole).at("prediction")),
                            answered = numbers_of(answer(**dropping).at("prediction"));
  ASSERT_EQ(answered.size(), expected.size());
  for (size_t i = 0; i < answered.size(); ++i) EXPECT_NEAR(answered[i], expected[i], 1e-5);
}

}  // namespace
}  // namespace flame
