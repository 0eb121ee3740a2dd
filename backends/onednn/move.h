// Elements moved as they are: copies of one type, concat, gather.
#pragma once

#include "backends/onednn/loop_nest.h"

namespace flame::onednn {

// The way of all elements of a shape from one place to another, by the strides of both.
class Move {
 public:
  Move(const Sizes &shape, const Sizes &from_strides, const Sizes &to_strides, flame_dtype dtype);

  int64_t element_count() const { return nest_.element_count(); }
  // Both point to the element of index 0. run() takes one thread, run_parallel() all.
  void run(const char *from, char *to) const;
  void run_parallel(const char *from, char *to) const;

 private:
  void run_block(int64_t number, const char *from, char *to, bool streams) const;

  int64_t bytes_;  // of an element
  LoopNest nest_;
};

}  // namespace flame::onednn
