// Where a picture goes: the size of its bucket, how it is resized, and what is cut away.
#pragma once

#include <cstdint>
#include <optional>

namespace image_folder {

// Buckets as kohya's trainers make them. Sides are multiples of `step`.
struct BucketRule {
  int resolution = 1024;  // a bucket has at most about resolution² pixels
  int step = 64;
  int least = 256;  // sides of a bucket; without enlarging, small pictures have smaller ones
  int most = 2048;
  bool upscale = false;  // small pictures are enlarged to the nearest bucket
};

// All in pixels of the upright picture. The bucket lies inside of the resized picture.
struct Placement {
  int width = 0, height = 0;                  // of the original
  int resized_width = 0, resized_height = 0;  // before the cut
  int bucket_width = 0, bucket_height = 0;    // after it

  // The part of the resized picture that is cut away.
  double lost() const;
  bool is_cut() const { return resized_width != bucket_width || resized_height != bucket_height; }
};

// Nothing if the picture is smaller than one step of the rule.
std::optional<Placement> place(int width, int height, const BucketRule &rule);

// The corner of the cut: in the middle, or for each number anywhere. `key` is drawn from, so that
// pictures differ.
struct Corner {
  int left = 0, top = 0;
};
Corner middle_corner(const Placement &placement);
Corner random_corner(const Placement &placement, uint64_t key, uint64_t number);

}  // namespace image_folder
