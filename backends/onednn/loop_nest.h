// The walk over tensors of one shape in blocks: which axes can be one, which axis is the quickest,
// and where each block lies in each tensor.
#pragma once

#include <vector>

#include "backends/onednn/block_io.h"

namespace flame::onednn {

using Sizes = std::vector<int64_t>;

// The strides of a tensor seen as one of `shape`: aligned at the last axis, 0 where it repeats.
Sizes broadcast_strides(const flame_tensor &tensor, const Sizes &shape);

class LoopNest {
 public:
  // `strides` holds those of each tensor, for each axis of `shape`. The first tensor decides the
  // order of the axes: its smallest stride is the quickest. A block has at most `most` elements.
  LoopNest(const Sizes &shape, const std::vector<Sizes> &strides, int64_t most);

  int64_t block_count() const { return block_count_; }
  int64_t element_count() const { return element_count_; }

  // One block: where it begins in each axis, and its size.
  struct Block {
    int64_t index[FLAME_MAX_RANK + 2];
    int64_t rows;
    int64_t columns;
  };
  Block block(int64_t number) const;
  // The first element of the block in that tensor.
  int64_t offset(const Block &block, size_t tensor) const;
  BlockLayout layout(const Block &block, size_t tensor) const {
    const auto &row = axes_[axes_.size() - 2].strides;
    return {block.rows, block.columns, row[tensor], axes_.back().strides[tensor]};
  }

 private:
  struct Axis {
    int64_t size;
    Sizes strides;     // of each tensor
    int64_t step = 1;  // how much of the axis a block takes
    int64_t steps() const { return (size + step - 1) / step; }
  };

  void sort_axes();
  void merge_axes();
  bool make_tiles(int64_t most);

  std::vector<Axis> axes_;  // the slowest first; the last two are the rows and columns of blocks
  int64_t block_count_ = 1;
  int64_t element_count_ = 1;
};

}  // namespace flame::onednn
