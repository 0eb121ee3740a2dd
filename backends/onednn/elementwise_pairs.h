// Two arithmetic functions of f32 in one loop: what lies between them stays in registers. Programs
// are full of such pairs, and memory is what limits them.
#pragma once

#include <cstdint>

namespace flame::onednn {

// True if the functions (numbers as in elementwise_steps.h) may be the first and the second of a
// pair.
bool is_first_of_pair(uint32_t function);
bool is_second_of_pair(uint32_t function);

struct Pair {
  uint32_t first;
  uint32_t second;
  bool swapped;      // second(c, first(a, b)) instead of second(first(a, b), c)
  uint32_t repeats;  // bits 0 to 2: a, b, c hold their first value everywhere; never both a and b
};

// out[i] = second(first(a[i], b[i]), c[i]). `out` may be an operand.
void run_f32_pair(const Pair &pair, const void *a, const void *b, const void *c, void *out,
                  int64_t count);

}  // namespace flame::onednn
