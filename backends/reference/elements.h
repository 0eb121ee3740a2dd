// Elements of tensors of any type, as the catalogue defines reading and storing; attributes by
// name.
#pragma once

#include <string_view>

#include "backends/reference/index.h"
#include "flame/map_code.hpp"
#include "flame/op.h"

namespace flame::reference {

// One number with its class; `integer` also holds a truth, as 0 or 1.
struct Element {
  ScalarClass type = ScalarClass::kFloat;
  int64_t integer = 0;
  double number = 0;
};

ScalarClass class_of_dtype(flame_dtype dtype);
bool is_double(flame_dtype dtype);

double as_number(const Element &element);
int64_t as_integer(const Element &element);  // truncates and saturates a float; NaN gives 0
bool as_truth(const Element &element);
Element element_of(double number);
Element element_of(int64_t integer);
Element element_of(bool truth);

// Where the element of that index lies; `index` has the tensor's rank.
void *address(const flame_tensor &tensor, const Index &index);
Element load(const flame_tensor &tensor, const Index &index);
void store(const flame_tensor &tensor, const Index &index, const Element &element);
inline double number_at(const flame_tensor &tensor, const Index &index) {
  return as_number(load(tensor, index));
}

int64_t element_count(const flame_tensor &tensor);
// Steps to the next index in row-major order; false behind the last.
bool next_index(const flame_tensor &tensor, Index &index);

// Calls body(index) for every element of the tensor, in row-major order.
template <typename Body>
void for_each_index(const flame_tensor &tensor, const Body &body) {
  if (element_count(tensor) == 0) return;
  Index index(tensor.rank);
  do {
    body(index);
  } while (next_index(tensor, index));
}

const flame_attribute &attribute(const flame_op &op, std::string_view name);
int64_t integer_attribute(const flame_op &op, std::string_view name);
double number_attribute(const flame_op &op, std::string_view name);
std::string_view text_attribute(const flame_op &op, std::string_view name);
Index list_attribute(const flame_op &op, std::string_view name);

}  // namespace flame::reference
