// What an op costs, from shapes alone.
#pragma once

#include <cstdint>

#include "core/program/program.h"

namespace flame {

// Multiplications and additions of one node, roughly: products exactly, the rest by the elements
// that it reads or writes. 0 for views. Never overflows: a double.
double cost_of(const Program &program, const Node &node);

}  // namespace flame
