// What an op costs, from shapes alone.
#pragma once

#include <cstdint>

#include "core/program/program.h"

namespace flame {

// Multiplications and additions of one node, roughly: products exactly, the rest by the elements
// that it reads or writes. 0 for views. Never overflows: a double.
double cost_of(const Program &program, const Node &node);

// For how long one node keeps a device busy, as the multiplications and additions that it could have
// made meanwhile: cost_of, or what passes while its bytes are read and written, whichever is more, and
// its start. As they are to each other on a GPU of today, where a byte takes as long as 170 of them. 0
// for views.
double work_of(const Program &program, const Node &node);

}  // namespace flame
