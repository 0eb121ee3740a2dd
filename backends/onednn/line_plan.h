// Ops that treat each line along one axis by itself and may look at all of it: sort, cumsum,
// argreduce.
#pragma once

#include <functional>

#include "backends/onednn/block_io.h"
#include "backends/onednn/op_plan.h"

namespace flame::onednn {

// One line of input 0: its values (f64 for floats, int64_t for integers), and memory of the thread's
// own for as many numbers of 8 bytes.
struct Line {
  const void *values;
  int64_t count;
  void *scratch;
};

// Where the answers of a line go.
struct LineOutput {
  flame_dtype dtype;
  char *data;
  int64_t stride;  // in elements

  // Stores `count` values of the class from the beginning of the line on.
  void store(ValueClass value_class, const void *values, int64_t count) const {
    store_row(value_class, values, count, dtype, data, stride);
  }
};

using LineWork = std::function<void(const Line &line, const LineOutput *outputs)>;

// Runs `work` for each line of input 0 along `axis`; several threads. Outputs have x's axes, or all
// but the axis. At most two outputs.
std::unique_ptr<OpPlan> plan_lines(const flame::Op &op, uint32_t axis, LineWork work);

}  // namespace flame::onednn
