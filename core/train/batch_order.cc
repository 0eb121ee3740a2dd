#include "core/train/batch_order.h"

#include <fmt/core.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

#include "flame/philox.hpp"

namespace flame {
namespace {

constexpr uint64_t kWhole = uint64_t{1} << 32;
constexpr double kMostRepeats = 1 << 20;
constexpr uint64_t kMostPlaces = uint64_t{1} << 40;
// Variants of which each comes once before one comes again; more are drawn freely.
constexpr uint64_t kMostInTurn = 4096;

// What a number is drawn for: the streams of Philox, which never meet.
enum Stream : uint32_t {
  kPhase = 0x64617461,
  kBatches,
  kRows,
  kPictures,
  kCaptions,
};

// Numbers of one use, told apart by the two keys of its author.
class Numbers {
 public:
  Numbers(int64_t seed, Stream stream, uint64_t first_key, uint64_t second_key)
      : seed_(seed ^ static_cast<int64_t>(second_key * 0x9E3779B97F4A7C15u)),
        counter_(static_cast<int64_t>(first_key)),
        stream_(stream) {}

  uint64_t next() {
    const PhiloxWords words = random_words(seed_, counter_, stream_, block_++);
    return (uint64_t{words[0]} << 32) | words[1];
  }
  // Below `bound`, each alike to within bound · 2^-64.
  uint64_t below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
  }
  template <typename Item>
  void shuffle(std::vector<Item> &items) {
    for (size_t left = items.size(); left > 1; --left)
      std::swap(items[left - 1], items[below(left)]);
  }

 private:
  int64_t seed_;
  int64_t counter_;
  Stream stream_;
  uint64_t block_ = 0;
};

uint64_t ceil_divide(uint64_t a, uint64_t b) {
  return a / b + (a % b != 0);
}

// The greatest epoch for which `before` is at most `number`. `before` never falls and grows without
// end.
template <typename Before>
uint64_t find_epoch(uint64_t number, Before &&before) {
  uint64_t low = 0;
  uint64_t high = 1;
  while (before(high) <= number) low = high, high *= 2;
  while (high - low > 1) {
    const uint64_t middle = low + (high - low) / 2;
    (before(middle) <= number ? low : high) = middle;
  }
  return low;
}

}  // namespace

BatchOrder::BatchOrder(std::vector<OrderedExample> examples, uint32_t batch, int64_t seed)
    : examples_(std::move(examples)), batch_(batch), seed_(seed) {
  for (uint64_t i = 0; i < examples_.size(); ++i) {
    const OrderedExample &example = examples_[i];
    const double whole = std::floor(example.repeats);
    parts_.push_back(
        static_cast<uint64_t>((example.repeats - whole) * static_cast<double>(kWhole)));
    phases_.push_back(Numbers(seed_, kPhase, i, 0).next() >> 32);
    if (example.bucket >= buckets_.size()) buckets_.resize(example.bucket + 1);
    Bucket &bucket = buckets_[example.bucket];
    bucket.examples.push_back(i);
    bucket.whole += static_cast<uint64_t>(whole);
    if (parts_.back() > 0) bucket.fractional.push_back(i);
  }
}

Result<BatchOrder> BatchOrder::make(std::vector<OrderedExample> examples, uint32_t batch,
                                    int64_t seed) {
  assert(batch > 0);
  double places = 0;
  for (const OrderedExample &example : examples) {
    if (!(example.repeats >= 0 && example.repeats <= kMostRepeats))
      return config_error(fmt::format("an example stands {} times in an epoch, expected 0 to {}",
                                      example.repeats, kMostRepeats),
                          "set other repeats");
    places += example.repeats;
  }
  BatchOrder order(std::move(examples), batch, seed);
  const bool any = std::any_of(
      order.buckets_.begin(), order.buckets_.end(),
      [](const Bucket &bucket) { return bucket.whole > 0 || !bucket.fractional.empty(); });
  if (!any)
    return config_error(
        "there is no example to learn from: the data has none, or all have 0 "
        "repeats",
        "add pictures, or repeats");
  if (places < static_cast<double>(kMostPlaces)) return order;
  return config_error(
      fmt::format("an epoch has {} examples, expected at most {}", places, kMostPlaces),
      "set fewer repeats");
}

uint64_t BatchOrder::occurrences_before(uint64_t example, uint64_t epoch) const {
  const auto whole = static_cast<uint64_t>(std::floor(examples_[example].repeats));
  const auto parts = static_cast<unsigned __int128>(parts_[example]) * epoch + phases_[example];
  return whole * epoch + static_cast<uint64_t>(parts >> 32);
}

uint64_t BatchOrder::places_before(const Bucket &bucket, uint64_t epoch) const {
  uint64_t places = bucket.whole * epoch;
  for (const uint64_t example : bucket.fractional) {
    const auto parts = static_cast<unsigned __int128>(parts_[example]) * epoch + phases_[example];
    places += static_cast<uint64_t>(parts >> 32);
  }
  return places;
}

uint64_t BatchOrder::batches_before(const Bucket &bucket, uint64_t epoch) const {
  return ceil_divide(places_before(bucket, epoch), batch_);
}

uint64_t BatchOrder::first_of_epoch(uint64_t epoch) const {
  uint64_t batches = 0;
  for (const Bucket &bucket : buckets_) batches += batches_before(bucket, epoch);
  return batches;
}

uint64_t BatchOrder::epoch_of(uint64_t number) const {
  return find_epoch(number, [&](uint64_t epoch) { return first_of_epoch(epoch); });
}

uint64_t BatchOrder::epoch_of_place(const Bucket &bucket, uint64_t place) const {
  return find_epoch(place, [&](uint64_t epoch) { return places_before(bucket, epoch); });
}

void BatchOrder::go_to_epoch_of(uint64_t number) const {
  if (number >= first_slot_ && number - first_slot_ < slots_.size()) return;
  epoch_ = epoch_of(number);
  first_slot_ = first_of_epoch(epoch_);
  slots_.clear();
  rows_.clear();
  for (uint32_t b = 0; b < buckets_.size(); ++b) {
    const uint64_t end = batches_before(buckets_[b], epoch_ + 1);
    for (uint64_t k = batches_before(buckets_[b], epoch_); k < end; ++k) slots_.push_back({b, k});
  }
  Numbers(seed_, kBatches, epoch_, 0).shuffle(slots_);
}

BatchOrder::Place BatchOrder::place_at(uint32_t bucket, uint64_t place) const {
  for (const Row &row : rows_) {
    if (row.bucket == bucket && place >= row.first && place - row.first < row.places.size())
      return row.places[place - row.first];
  }
  const uint64_t epoch = epoch_of_place(buckets_[bucket], place);
  Row row{bucket, places_before(buckets_[bucket], epoch), {}};
  for (const uint64_t example : buckets_[bucket].examples) {
    const uint64_t end = occurrences_before(example, epoch + 1);
    for (uint64_t o = occurrences_before(example, epoch); o < end; ++o)
      row.places.push_back({example, o});
  }
  Numbers(seed_, kRows, epoch, bucket + 1).shuffle(row.places);
  rows_.push_back(std::move(row));
  return rows_.back().places[place - rows_.back().first];
}

ExampleDraw BatchOrder::draw_of(const Place &place) const {
  const auto choose = [&](Stream stream, uint64_t variants) {
    if (variants == 1) return uint64_t{0};
    Numbers free(seed_, stream, place.occurrence, place.example + 1);
    if (variants == 0) return free.next();
    if (variants > kMostInTurn) return free.below(variants);
    std::vector<uint64_t> turn(variants);
    std::iota(turn.begin(), turn.end(), uint64_t{0});
    Numbers(seed_, stream, place.occurrence / variants, place.example + 1).shuffle(turn);
    return turn[place.occurrence % variants];
  };
  const OrderedExample &example = examples_[place.example];
  return {choose(kPictures, example.picture_variants), choose(kCaptions, example.caption_variants)};
}

MicroBatch BatchOrder::at(uint64_t number) const {
  go_to_epoch_of(number);
  const Slot slot = slots_[number - first_slot_];
  MicroBatch out{epoch_, slot.bucket, {}};
  for (uint64_t place = slot.number * batch_; place < (slot.number + 1) * batch_; ++place) {
    const Place found = place_at(slot.bucket, place);
    out.items.push_back({found.example, draw_of(found)});
  }
  return out;
}

}  // namespace flame
