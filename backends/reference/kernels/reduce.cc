// reduce: y[kept] = sum, mean, max, min or prod of x[kept, reduced].
#include <cmath>
#include <limits>
#include <vector>

#include "backends/reference/elements.h"
#include "backends/reference/kernel.h"

namespace flame::reference {
namespace {

// The index of the group of x's element.
Index group_of(const Index &index, const std::vector<bool> &reduced, bool keep_dims) {
  Index group;
  for (size_t axis = 0; axis < index.size(); ++axis) {
    if (!reduced[axis]) group.push_back(index[axis]);
    if (reduced[axis] && keep_dims) group.push_back(0);
  }
  return group;
}

double joined(std::string_view kind, double held, double next) {
  if (kind == "prod") return held * next;
  if (kind == "sum" || kind == "mean") return held + next;
  if (std::isnan(held) || std::isnan(next)) return std::numeric_limits<double>::quiet_NaN();
  return kind == "max" ? (next > held ? next : held) : (next < held ? next : held);
}

int64_t joined(std::string_view kind, int64_t held, int64_t next) {
  const auto a = static_cast<uint64_t>(held);
  const auto b = static_cast<uint64_t>(next);
  if (kind == "prod") return static_cast<int64_t>(a * b);
  if (kind == "sum") return static_cast<int64_t>(a + b);
  return kind == "max" ? (next > held ? next : held) : (next < held ? next : held);
}

Element start_of(std::string_view kind, flame_dtype dtype) {
  const bool extreme = kind == "max" || kind == "min";
  if (class_of_dtype(dtype) == ScalarClass::kFloat) {
    const double infinity = std::numeric_limits<double>::infinity();
    if (extreme) return element_of(kind == "max" ? -infinity : infinity);
    return element_of(kind == "prod" ? 1.0 : 0.0);
  }
  const bool wide = dtype == FLAME_DTYPE_I64;
  if (kind == "max") return element_of(wide ? INT64_MIN : int64_t{INT32_MIN});
  if (kind == "min") return element_of(wide ? INT64_MAX : int64_t{INT32_MAX});
  return element_of(int64_t{kind == "prod" ? 1 : 0});
}

}  // namespace

void run_reduce(const flame_op &op) {
  const flame_tensor &x = *op.inputs[0];
  const flame_tensor &y = *op.outputs[0];
  const std::string_view kind = text_attribute(op, "kind");
  const bool keep_dims = integer_attribute(op, "keep_dims") != 0;
  std::vector<bool> reduced(x.rank, false);
  for (const int64_t axis : list_attribute(op, "axes")) reduced[static_cast<size_t>(axis)] = true;

  std::vector<Element> groups(static_cast<size_t>(element_count(y)), start_of(kind, x.dtype));
  const auto place_of = [&](const Index &index) {
    int64_t place = 0;
    for (uint32_t axis = 0; axis < y.rank; ++axis) place = place * y.shape[axis] + index[axis];
    return static_cast<size_t>(place);
  };
  for_each_index(x, [&](const Index &index) {
    Element &held = groups[place_of(group_of(index, reduced, keep_dims))];
    const Element next = load(x, index);
    held = held.type == ScalarClass::kFloat ? element_of(joined(kind, held.number, next.number))
                                            : element_of(joined(kind, held.integer, next.integer));
  });
  double count = 1;
  for (uint32_t axis = 0; axis < x.rank; ++axis)
    count *= reduced[axis] ? static_cast<double>(x.shape[axis]) : 1;
  for_each_index(y, [&](const Index &index) {
    Element value = groups[place_of(index)];
    if (kind == "mean") value.number /= count;
    store(y, index, value);
  });
}

}  // namespace flame::reference
