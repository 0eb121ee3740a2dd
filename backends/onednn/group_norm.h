// What group_norm and its gradient share: shares of an image's channels, and blocks of its places.
#pragma once

#include "backends/onednn/blocks.h"

namespace flame::onednn {

// [n, …, c] as images of places of channels. The work is cut into slices of whole groups that one
// thread walks alone, so that no sum depends on the number of threads.
struct Grouping {
  flame_dtype dtype;
  int64_t images;
  int64_t places = 1;
  int64_t channels;
  int64_t groups;
  int64_t width;       // channels of a group
  int64_t slice;       // groups of a slice
  int64_t slices = 0;  // of an image

  static constexpr int64_t kRowsOfBlock = 64;  // sums of so many rows are made in f32

  Grouping(const flame_tensor &x, int64_t group_count)
      : dtype(x.dtype), images(x.shape[0]), channels(x.shape[x.rank - 1]), groups(group_count) {
    for (uint32_t axis = 1; axis + 1 < x.rank; ++axis) places *= x.shape[axis];
    width = channels / groups;
    slice = std::max<int64_t>(1, 64 / std::max<int64_t>(width, 1));
    slices = (groups + slice - 1) / slice;
  }

  int64_t tasks() const { return images * slices; }
  int64_t most_channels() const { return std::min(slice * width, channels); }
};

// One slice of one image.
struct Slice {
  const Grouping *grouping;
  int64_t image;
  int64_t first_group;
  int64_t group_count;
  int64_t first_channel;
  int64_t channel_count;

  Slice(const Grouping &of, int64_t task)
      : grouping(&of),
        image(task / of.slices),
        first_group(task % of.slices * of.slice),
        group_count(std::min(of.slice, of.groups - first_group)),
        first_channel(first_group * of.width),
        channel_count(group_count * of.width) {}

  // How many numbers one group has.
  double group_size() const { return static_cast<double>(grouping->places * grouping->width); }
  // Bytes to the slice's first number at that place.
  int64_t offset(int64_t place) const {
    const int64_t row = image * grouping->places + place;
    return (row * grouping->channels + first_channel) * FLAME_DTYPE_BYTES(grouping->dtype);
  }

  // Calls body(first_place, rows) for all places, in blocks.
  template <typename Body>
  void for_each_block(const Body &body) const {
    for (int64_t place = 0; place < grouping->places; place += Grouping::kRowsOfBlock) {
      body(place, std::min(Grouping::kRowsOfBlock, grouping->places - place));
    }
  }
  Block read(const char *tensor, int64_t place, int64_t rows, float *buffer) const {
    return read_block(grouping->dtype, tensor + offset(place), rows, channel_count,
                      grouping->channels, buffer);
  }
  Block write(char *tensor, int64_t place, float *buffer) const {
    return write_block(grouping->dtype, tensor + offset(place), channel_count, grouping->channels,
                       buffer);
  }
  void finish(const Block &block, char *tensor, int64_t place, int64_t rows) const {
    finish_block(grouping->dtype, block, rows, channel_count, grouping->channels,
                 tensor + offset(place));
  }
};

// Whether the activation is silu; refuses all that is neither that nor none.
bool is_silu(const flame::Op &op);

}  // namespace flame::onednn
