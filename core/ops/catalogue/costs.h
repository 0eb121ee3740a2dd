// What ops cost, from shapes alone: the parts that their cost rules share.
#pragma once

#include "core/ops/catalogue/op_definition.h"
#include "flame/map_code.hpp"

namespace flame {

// Of all operands and answers: what an op costs that has no rule of its own.
double touched_elements(const OpCall &call);

// `answers` sums over `terms` products each: multiplications and additions.
double product_cost(const Shape &answers, double terms);

// Of convolutions: each element of `image`, on the side of the sums, has one filter of the weight.
double convolution_cost(const Shape &image, const Shape &weight);

// `count` products of the size of q · kᵀ.
double attention_cost(const Shape &q, const Shape &k, double count);

// For one element, where an addition is 1.
int cost_of(const MapCode &code);

}  // namespace flame
