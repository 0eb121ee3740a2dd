// A moment in 8 bits: dynamic exponents and a largest absolute value for each block of 256, after
// "8-bit Optimizers via Block-wise Quantization" (Dettmers et al., 2021).
//
// Codes are levels of tens, from 1e-7 … 1e-6 up to 0.1 … 1, of which the upper ones are divided more
// finely: level i, counted from 0, has 2ⁱ equal steps (twice that without a sign), each stood for by
// its middle. Beside them are 0 and 1. They rise with their number, so that decoding and encoding
// are arithmetic instead of a table: one elementwise kernel, no gather.
#pragma once

#include <cmath>

#include "flame/plugin.hpp"

namespace adamw8bit {

constexpr int64_t kBlock = 256;
constexpr int kLevels = 7;
static_assert(FLAME_GROUP_MULTIPLE % kBlock == 0, "blocks divide every buffer");

class QuantizedMoment {
 public:
  explicit QuantizedMoment(bool has_sign) : has_sign_(has_sign), first_steps_(has_sign ? 1 : 2) {}

  // The code of 0.
  double zero_code() const { return has_sign_ ? 127 : 0; }

  // The numbers [n] of codes [n] and largest absolute values [n / 256].
  flame::Value decode(flame::Program &program, const flame::Value &codes,
                      const flame::Value &largest, flame_dtype dtype) const {
    using namespace flame;
    const Value code = cast(blocks(codes), dtype);
    // Codes without a sign begin with that of 0; then, and above the code of 0, they count up
    // from the first level's number of steps.
    const Value offset = code - zero_code();
    const Value place = has_sign_ ? flame::abs(offset) : offset + 1.0;
    const auto at_least = [&](int level) { return greater_equal(program, place, steps(level)); };
    Value count = program.constant(steps(0), dtype), scale = program.constant(ten(0), dtype);
    for (int level = 1; level < kLevels; ++level) {
      count = choose(at_least(level), program.constant(steps(level), dtype), count);
      scale = choose(at_least(level), program.constant(ten(level), dtype), scale);
    }
    const Value middle = scale * (0.1 + 0.9 * ((place - count + 0.5) / count));
    const Value one = program.constant(1, dtype), none = program.constant(0, dtype);
    Value size = choose(greater_equal(program, code, 255), one, middle);
    size = choose(op("eq", {offset, none}), none, size);
    if (has_sign_) size = size * op("sign", {offset});
    return reshape(size * cast(column(largest), dtype), codes.shape());
  }

  struct Encoded {
    flame::Value codes, largest;
  };
  Encoded encode(flame::Program &program, const flame::Value &numbers) const {
    using namespace flame;
    const flame_dtype dtype = numbers.dtype();
    const Value in_blocks = blocks(numbers);
    // As wide as it is kept, so that what is divided by is what will be multiplied with.
    const Value largest = cast(
        op("reduce", {flame::abs(in_blocks)}, {{"kind", "max"}, {"axes", {1}}}), FLAME_DTYPE_F32);
    const Value divisor = cast(column(largest), dtype);
    const Value none = program.constant(0, dtype);
    const Value number = choose(op("gt", {divisor, none}), in_blocks / divisor, none);
    const Value size = flame::abs(number);
    Value count = program.constant(steps(0), dtype), scale = program.constant(ten(0), dtype);
    for (int level = 1; level < kLevels; ++level) {
      // Half-way between the highest code of the level below and the lowest of this one.
      const double border = ten(level) * 0.1 * (1 + 1.8 / steps(level));
      const Value above = greater(program, size, border);
      count = choose(above, program.constant(steps(level), dtype), count);
      scale = choose(above, program.constant(ten(level), dtype), scale);
    }
    const Value step = op("floor", {(size / scale - 0.1) / 0.9 * count});
    const Value place = count + flame::max(flame::min(step, count - 1.0), 0.0);
    const double lowest = ten(0) * (0.1 + 0.45 / steps(0));
    Value code;
    if (has_sign_) {
      code = zero_code() + op("sign", {number}) * place;
    } else {
      code = place - 1.0;
    }
    code = choose(greater(program, size, lowest / 2), code, program.constant(zero_code(), dtype));
    const double highest = 1 - 0.45 / steps(kLevels - 1);
    code = choose(greater(program, number, (1 + highest) / 2), program.constant(255, dtype), code);
    return {reshape(cast(code, FLAME_DTYPE_U8), numbers.shape()), largest};
  }

 private:
  double steps(int level) const { return first_steps_ * std::pow(2, level); }
  static double ten(int level) { return std::pow(10, level - (kLevels - 1)); }

  static flame::Value choose(const flame::Value &condition, const flame::Value &yes,
                             const flame::Value &no) {
    return flame::op("where", {condition, yes, no});
  }
  static flame::Value greater(flame::Program &program, const flame::Value &a, double b) {
    return flame::op("gt", {a, program.constant(b, a.dtype())});
  }
  static flame::Value greater_equal(flame::Program &program, const flame::Value &a, double b) {
    return flame::op("ge", {a, program.constant(b, a.dtype())});
  }
  static flame::Value blocks(const flame::Value &flat) {
    return flame::reshape(flat, {flat.shape()[0] / kBlock, kBlock});
  }
  static flame::Value column(const flame::Value &x) { return flame::reshape(x, {x.shape()[0], 1}); }

  bool has_sign_;
  double first_steps_;
};

}  // namespace adamw8bit
