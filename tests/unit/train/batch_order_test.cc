// The order of the examples: what each epoch holds, and that every batch can be had by its number.
#include "core/train/batch_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "core/train/held_out.h"

namespace flame {
namespace {

using testing::HasSubstr;

BatchOrder order_of(std::vector<OrderedExample> examples, uint32_t batch, int64_t seed = 7) {
  Result<BatchOrder> made = BatchOrder::make(std::move(examples), batch, seed);
  EXPECT_TRUE(made.ok());
  return *std::move(made);
}

// How often each example comes in the first `batches` batches.
std::map<uint64_t, uint64_t> counts_of(const BatchOrder &order, uint64_t batches) {
  std::map<uint64_t, uint64_t> counts;
  for (uint64_t n = 0; n < batches; ++n)
    for (const BatchItem &item : order.at(n).items) ++counts[item.example];
  return counts;
}

std::vector<OrderedExample> three_buckets() {
  std::vector<OrderedExample> examples;
  for (uint32_t i = 0; i < 23; ++i)
    examples.push_back({.repeats = 1.0 + i % 3, .picture_variants = 1 + i % 4, .bucket = i % 3});
  return examples;
}

TEST(BatchOrder, ShowsEveryExampleAsOftenAsItRepeatsInEachEpoch) {
  const auto examples = three_buckets();
  const BatchOrder order = order_of(examples, 1);
  for (uint64_t epoch = 0; epoch < 5; ++epoch) {
    std::map<uint64_t, uint64_t> counts;
    for (uint64_t n = order.first_of_epoch(epoch); n < order.first_of_epoch(epoch + 1); ++n) {
      EXPECT_EQ(order.epoch_of(n), epoch);
      for (const BatchItem &item : order.at(n).items) ++counts[item.example];
    }
    for (uint64_t i = 0; i < examples.size(); ++i)
      EXPECT_EQ(counts[i], static_cast<uint64_t>(examples[i].repeats)) << i;
  }
}

TEST(BatchOrder, FillsEveryBatchFromOneBucketAndFavoursNobody) {
  const auto examples = three_buckets();
  const BatchOrder order = order_of(examples, 4);
  const uint64_t epochs = 40;
  const uint64_t batches = order.first_of_epoch(epochs);
  for (uint64_t n = 0; n < batches; ++n) {
    const MicroBatch batch = order.at(n);
    ASSERT_EQ(batch.items.size(), 4u);
    for (const BatchItem &item : batch.items)
      ASSERT_EQ(examples[item.example].bucket, batch.bucket);
  }
  const auto counts = counts_of(order, batches);
  for (uint64_t i = 0; i < examples.size(); ++i) {
    const auto expected = static_cast<double>(epochs) * examples[i].repeats;
    EXPECT_GE(static_cast<double>(counts.at(i)), expected) << "no epoch loses an example";
    EXPECT_LE(static_cast<double>(counts.at(i)), expected + 4) << i;
  }
}

TEST(BatchOrder, GivesTheSameBatchInWhateverOrderItIsAsked) {
  const BatchOrder first = order_of(three_buckets(), 3);
  std::vector<MicroBatch> batches;
  for (uint64_t n = 0; n < 100; ++n) batches.push_back(first.at(n));
  for (uint64_t n = 100; n-- > 0;)
    EXPECT_EQ(order_of(three_buckets(), 3).at(n), batches[n]) << "a run that starts here";
  for (uint64_t n = 0; n < 100; n += 7) EXPECT_EQ(first.at(99 - n), batches[99 - n]);
}

TEST(BatchOrder, ShufflesEachEpochAndEachSeedAnew) {
  std::vector<OrderedExample> examples(50);
  const auto row = [&](const BatchOrder &order, uint64_t epoch) {
    std::vector<uint64_t> out;
    for (uint64_t n = 50 * epoch; n < 50 * (epoch + 1); ++n)
      out.push_back(order.at(n).items[0].example);
    return out;
  };
  const BatchOrder order = order_of(examples, 1, 1);
  EXPECT_NE(row(order, 0), row(order, 1));
  EXPECT_NE(row(order, 0), row(order_of(examples, 1, 2), 0));
  std::vector<uint64_t> sorted(50);
  for (uint64_t i = 0; i < 50; ++i) sorted[i] = i;
  EXPECT_NE(row(order, 0), sorted);
}

TEST(BatchOrder, SpreadsPartsOfARepeatOverTheEpochs) {
  std::vector<OrderedExample> examples(64, OrderedExample{.repeats = 0.25});
  examples.push_back({.repeats = 2.5});
  const BatchOrder order = order_of(examples, 1);
  const auto counts = counts_of(order, order.first_of_epoch(40));
  for (uint64_t i = 0; i < 64; ++i) EXPECT_EQ(counts.at(i), 10u) << i;
  EXPECT_EQ(counts.at(64), 100u);
  for (uint64_t epoch = 0; epoch < 40; ++epoch) {
    const uint64_t length = order.first_of_epoch(epoch + 1) - order.first_of_epoch(epoch);
    EXPECT_GT(length, 6u) << "not all quarters in one epoch";
    EXPECT_LT(length, 32u);
  }
}

TEST(BatchOrder, ShowsEachVariantBeforeOneComesAgain) {
  const BatchOrder order =
      order_of({{.repeats = 3, .picture_variants = 6, .caption_variants = 2}}, 1);
  for (uint64_t turn = 0; turn < 10; ++turn) {
    std::set<uint64_t> pictures;
    for (uint64_t n = 6 * turn; n < 6 * (turn + 1); ++n)
      pictures.insert(order.at(n).items[0].draw.picture);
    EXPECT_EQ(pictures.size(), 6u) << turn;
  }
  const BatchOrder fresh = order_of({{.caption_variants = 0}}, 1);
  std::set<uint64_t> captions;
  for (uint64_t n = 0; n < 100; ++n) captions.insert(fresh.at(n).items[0].draw.caption);
  EXPECT_EQ(captions.size(), 100u);
}

TEST(BatchOrder, GoesOnAfterManyEpochsOfOnePicture) {
  const BatchOrder order = order_of({OrderedExample{}}, 4);
  for (const uint64_t n : {uint64_t{0}, uint64_t{1}, uint64_t{1'000'000'007}}) {
    EXPECT_EQ(order.at(n).items.size(), 4u);
    EXPECT_EQ(order.at(n).epoch, 4 * n);
  }
}

TEST(BatchOrder, LeavesOutWhatHasNoRepeats) {
  const BatchOrder order =
      order_of({{.repeats = 0}, {.repeats = 1}, {.repeats = 0, .bucket = 1}}, 1);
  const auto counts = counts_of(order, 10);
  EXPECT_EQ(counts.size(), 1u);
  EXPECT_EQ(counts.at(1), 10u);
}

TEST(BatchOrder, RefusesDataWithNothingInIt) {
  for (const auto &examples : {std::vector<OrderedExample>{}, {{.repeats = 0}}}) {
    const auto made = BatchOrder::make(examples, 1, 0);
    ASSERT_FALSE(made.ok());
    EXPECT_EQ(made.error().kind, ErrorKind::kBadConfig);
    EXPECT_THAT(made.error().text(), HasSubstr("add pictures"));
  }
  EXPECT_FALSE(BatchOrder::make({{.repeats = 1e30}}, 1, 0).ok());
  EXPECT_FALSE(BatchOrder::make({{.repeats = -1}}, 1, 0).ok());
}

std::vector<std::string> texts(int count) {
  std::vector<std::string> out;
  for (int i = 0; i < count; ++i) out.push_back("picture " + std::to_string(i));
  return out;
}

TEST(HeldOut, FollowsFromTheContentsAlone) {
  const auto identities = texts(200);
  const auto chosen = choose_held_out(identities, 0.2);
  ASSERT_TRUE(chosen.ok());
  EXPECT_GT(chosen->size(), 20u);
  EXPECT_LT(chosen->size(), 60u);
  const auto more = choose_held_out(texts(300), 0.2);
  ASSERT_TRUE(more.ok());
  std::vector<uint64_t> old(
      more->begin(), std::find_if(more->begin(), more->end(), [](uint64_t i) { return i >= 200; }));
  EXPECT_EQ(old, *chosen) << "further pictures change nothing for these";
}

TEST(HeldOut, TakesANumberOrAFraction) {
  EXPECT_TRUE(choose_held_out(texts(5), 0)->empty());
  EXPECT_EQ(choose_held_out(texts(5), 1)->size(), 1u);
  EXPECT_EQ(choose_held_out(texts(5), 4)->size(), 4u);
  EXPECT_THAT(choose_held_out(texts(5), 5).error().text(), HasSubstr("none is left"));
}

}  // namespace
}  // namespace flame
