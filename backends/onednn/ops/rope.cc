// rope: pairs (a, b) of channels turned by an angle: (a·cos - b·sin, a·sin + b·cos).
#include "backends/onednn/halves.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {

std::unique_ptr<OpPlan> plan_rope(const flame::Op &op) {
  expect_attributes(op, {"pairing", "inverse"});
  const std::string_view pairing = op.attributes().string("pairing");
  if (pairing != "adjacent" && pairing != "halves")
    throw flame::unsupported("rope with the pairing '", pairing, "' is not known here");
  const bool alternating = pairing == "adjacent";
  const auto [a, b] = two_views(0, op.input(0), alternating);
  const auto [turned_a, turned_b] = two_views(0, op.output(0), alternating);
  ElementwiseWork work;
  work.shape = half_shape(op.input(0));
  work.inputs = {a, b, whole_view(1, op.input(1), work.shape),
                 whole_view(2, op.input(2), work.shape)};
  work.outputs = {turned_a, turned_b};
  const bool inverse = op.attributes().flag("inverse");
  return plan_elementwise(
      inverse ? "mul x0 x2; mul x1 x3; add t0 t1; mul x1 x2; mul x0 x3; sub t3 t4 -> t2 t5"
              : "mul x0 x2; mul x1 x3; sub t0 t1; mul x0 x3; mul x1 x2; add t3 t4 -> t2 t5",
      std::move(work));
}

}  // namespace flame::onednn
