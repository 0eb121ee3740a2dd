// iota: numbers in even steps along an axis. Compiled without contraction: product and sum are
// rounded one after the other.
#include "backends/onednn/made_values.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {
namespace {

// start + step · (e / inner mod size) for the elements e.
template <typename Number, typename Term>
void make(int64_t first, int64_t count, int64_t inner, int64_t size, const Term &term,
          void *values) {
  auto *numbers = static_cast<Number *>(values);
  int64_t rest = first % inner;
  int64_t i = first / inner % size;
  for (int64_t e = 0; e < count; ++e) {
    numbers[e] = term(i);
    if (++rest < inner) continue;
    rest = 0;
    i = i + 1 < size ? i + 1 : 0;
  }
}

}  // namespace

std::unique_ptr<OpPlan> plan_iota(const flame::Op &op) {
  expect_attributes(op, {"shape", "axis", "start", "step", "dtype"});
  const flame_tensor &y = op.output(0);
  const auto axis = static_cast<uint32_t>(op.attributes().integer("axis"));
  const double start = op.attributes().number("start");
  const double step = op.attributes().number("step");
  const int64_t size = y.shape[axis];
  int64_t inner = 1;
  for (uint32_t k = axis + 1; k < y.rank; ++k) inner *= y.shape[k];
  if (class_of(y.dtype) != ValueClass::kInteger) {
    return plan_made_values(op, [=](const Run &, int64_t first, int64_t count, void *values) {
      const auto term = [=](int64_t i) { return start + step * static_cast<double>(i); };
      make<double>(first, count, inner, size, term, values);
    });
  }
  // Integers wrap at 64 bits.
  const auto whole_start = static_cast<uint64_t>(static_cast<int64_t>(start));
  const auto whole_step = static_cast<uint64_t>(static_cast<int64_t>(step));
  return plan_made_values(op, [=](const Run &, int64_t first, int64_t count, void *values) {
    const auto term = [=](int64_t i) {
      return static_cast<int64_t>(whole_start + whole_step * static_cast<uint64_t>(i));
    };
    make<int64_t>(first, count, inner, size, term, values);
  });
}

}  // namespace flame::onednn
