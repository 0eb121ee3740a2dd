// matmul: y[…, i, j] = Σₖ a[…, i, k] · b[…, k, j] + c[…, i, j].
#include "backends/reference/elements.h"
#include "backends/reference/kernel.h"

namespace flame::reference {
namespace {

// The index of an operand's matrix element for the batch of y's index: its axes are aligned at the
// last one, and those of size 1 repeat.
Index operand_index(const flame_tensor &operand, const Index &y_index, int64_t row,
                    int64_t column) {
  Index index(operand.rank);
  const size_t skipped = y_index.size() - operand.rank;
  for (size_t axis = 0; axis + 2 < operand.rank; ++axis) {
    index[axis] = operand.shape[axis] == 1 ? 0 : y_index[axis + skipped];
  }
  index[operand.rank - 2] = row;
  index[operand.rank - 1] = column;
  return index;
}

}  // namespace

void run_matmul(const flame_op &op) {
  const flame_tensor &a = *op.inputs[0];
  const flame_tensor &b = *op.inputs[1];
  const flame_tensor &y = *op.outputs[0];
  const bool transpose_a = integer_attribute(op, "transpose_a") != 0;
  const bool transpose_b = integer_attribute(op, "transpose_b") != 0;
  const int64_t inner = a.shape[a.rank - (transpose_a ? 2 : 1)];
  for_each_index(y, [&](const Index &index) {
    const int64_t i = index[y.rank - 2];
    const int64_t j = index[y.rank - 1];
    double sum = 0;
    for (int64_t k = 0; k < inner; ++k) {
      const Index left =
          transpose_a ? operand_index(a, index, k, i) : operand_index(a, index, i, k);
      const Index right =
          transpose_b ? operand_index(b, index, j, k) : operand_index(b, index, k, j);
      sum += number_at(a, left) * number_at(b, right);
    }
    if (op.input_count == 3) sum += number_at(*op.inputs[2], index);
    store(y, index, element_of(sum));
  });
}

}  // namespace flame::reference
