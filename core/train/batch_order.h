// Which examples stand in which micro-batch: a pure function of the data, the seed and the number of
// the batch, so that a run that goes on in the middle of an epoch goes on exactly.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/result.h"
#include "core/plugin/plugin_data_source.h"

namespace flame {

// One example as the order sees it. Examples of one bucket can stand in one batch.
struct OrderedExample {
  double repeats = 1;
  uint64_t picture_variants = 1;
  uint64_t caption_variants = 1;
  uint32_t bucket = 0;  // from 0, without gaps
};

struct BatchItem {
  uint64_t example = 0;
  ExampleDraw draw;

  bool operator==(const BatchItem &) const = default;
};

struct MicroBatch {
  uint64_t epoch = 0;
  uint32_t bucket = 0;
  std::vector<BatchItem> items;  // as many as a batch has, always

  bool operator==(const MicroBatch &) const = default;
};

// Each bucket is an endless row of its examples: epoch after epoch, every example `repeats` times in
// each, shuffled anew. Batches are cut from the row one behind the other, so each is full and no
// example is left out or favoured: the last batch of an epoch is filled from the front of the
// bucket's next epoch, which then lacks what was taken. The batches of all buckets are shuffled
// within the epoch. A part of a repeat (0.5) comes in some epochs and not in others.
//
// The variants of a picture come in an order of their own, each as often as the others; so do the
// variants of a caption.
//
// Holds what one epoch needs. One thread at a time: at() keeps the epoch that it was asked for last.
class BatchOrder {
 public:
  // Error (kBadConfig): no example stands in any epoch, or more than 2^40 in one.
  static Result<BatchOrder> make(std::vector<OrderedExample> examples, uint32_t batch,
                                 int64_t seed);

  MicroBatch at(uint64_t number) const;
  // The first batch of an epoch; of an epoch and the next the difference is its length.
  uint64_t first_of_epoch(uint64_t epoch) const;
  uint64_t epoch_of(uint64_t number) const;

 private:
  // One place in a bucket's row.
  struct Place {
    uint64_t example = 0;
    uint64_t occurrence = 0;  // how often the example stood in the row before
  };
  struct Bucket {
    std::vector<uint64_t> examples;
    uint64_t whole = 0;                // places of an epoch that every epoch has
    std::vector<uint64_t> fractional;  // examples whose number of places changes
  };
  struct Row {
    uint32_t bucket = 0;
    uint64_t first = 0;  // of its places, counted over all epochs
    std::vector<Place> places;
  };
  struct Slot {
    uint32_t bucket = 0;
    uint64_t number = 0;  // of the batch in the bucket's row
  };

  BatchOrder(std::vector<OrderedExample> examples, uint32_t batch, int64_t seed);

  uint64_t occurrences_before(uint64_t example, uint64_t epoch) const;
  uint64_t places_before(const Bucket &bucket, uint64_t epoch) const;
  uint64_t batches_before(const Bucket &bucket, uint64_t epoch) const;
  uint64_t epoch_of_place(const Bucket &bucket, uint64_t place) const;
  void go_to_epoch_of(uint64_t number) const;
  Place place_at(uint32_t bucket, uint64_t place) const;
  ExampleDraw draw_of(const Place &place) const;

  std::vector<OrderedExample> examples_;
  std::vector<uint64_t> parts_;   // of a repeat, in units of 2^-32
  std::vector<uint64_t> phases_;  // where in a repeat the example starts, likewise
  std::vector<Bucket> buckets_;
  uint32_t batch_ = 1;
  int64_t seed_ = 0;
  mutable uint64_t epoch_ = 0;
  mutable uint64_t first_slot_ = 0;
  mutable std::vector<Slot> slots_;  // of epoch_; empty before the first at()
  mutable std::vector<Row> rows_;    // of epoch_ and what its last batches take of later ones
};

}  // namespace flame
