// random: numbers that depend on a seed and a counter alone, the same on every backend.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  for (size_t i = 0; i < 2; ++i) {
    FLAME_TRY(expect_dtype(call, i, DType::kI64));
    FLAME_TRY(expect_shape(call, i, Shape()));
  }
  FLAME_TRY(expect_choice(call, "kind", {"uniform", "normal", "bits"}));
  FLAME_TRY(expect_range(call, "stream", 0, UINT32_MAX));
  FLAME_ASSIGN(const Shape shape, shape_attribute(call, "shape"));
  const bool bits = call.attributes.text("kind") == "bits";
  FLAME_ASSIGN(const DType dtype, dtype_attribute(call, "dtype", bits ? DType::kI64 : DType::kF32));
  if (bits ? dtype != DType::kI64 : !is_computable(dtype)) {
    return attribute_error("dtype", call.attributes.text("dtype"),
                           bits ? "i64 for bits" : "f64, f32, bf16 or f16");
  }
  call.outputs = {{dtype, shape}};
  return {};
}

}  // namespace

OpDefinition define_random() {
  return {
      .name = "random",
      .group = OpGroup::kRequired,
      .summary =
          "Uniform or normal numbers, or bits, from Philox 4x32-10: the same bits on every "
          "backend.",
      .formula =
          "Element e in row-major order is made of word e mod 4 of block e / 4 (normal: of words "
          "0, 1 for the first two "
          "elements of the block and words 2, 3 for the last two). The block's words are Philox "
          "4x32-10 of the counter words "
          "(block mod 2^32, block / 2^32, counter mod 2^32, stream) under the key (seed mod 2^32, "
          "seed / 2^32), seed and "
          "counter taken as unsigned.\n"
          "bits: the word. uniform: ⌊word / 256⌋ · 2^-24, in [0, 1). normal: radius √(-2 ln((⌊w₀ / "
          "256⌋ + 1) · 2^-24)) times "
          "the cosine (first element) and sine (second) of 2π · ⌊w₁ / 256⌋ · 2^-24, computed in "
          "f64 by the steps of "
          "flame/philox.hpp, which give the same bits everywhere. Each is rounded once to y's "
          "type.",
      .inputs = {{"seed", "i64, a scalar"},
                 {"counter", "i64, a scalar: the step, so that each draws anew"}},
      .outputs = {{"y", "`shape`"}},
      .attributes = {{"kind", AttributeKind::kString, std::nullopt,
                      "\"uniform\", \"normal\" or \"bits\""},
                     {"shape", AttributeKind::kInts, std::nullopt, "the sizes of y"},
                     {"stream", AttributeKind::kInt, int64_t{0},
                      "0 to 2^32 - 1; a number of its own for each draw of a program"},
                     {"dtype", AttributeKind::kString, std::string(),
                      "y's type; absent: f32, for bits i64"}},
      .dtypes = "f64, f32, bf16, f16; i64 for bits",
      .agreement = Agreement::kExact,
      .precision = {PrecisionRole::kSource,
                    "noise is drawn in f32, so that it is the same in every precision"},
      .infer = infer,
      .gradient_note = "its inputs are whole numbers",
      .stops_gradient = true,
  };
}

}  // namespace flame::ops
