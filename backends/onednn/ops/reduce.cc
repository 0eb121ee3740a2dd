// reduce: the sum, mean, maximum, minimum or product over axes.
#include "backends/onednn/reduce_plan.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {
namespace {

FoldKind fold_of(std::string_view kind) {
  if (kind == "sum" || kind == "mean") return FoldKind::kSum;
  if (kind == "prod") return FoldKind::kProduct;
  if (kind == "max") return FoldKind::kMaximum;
  if (kind == "min") return FoldKind::kMinimum;
  throw flame::unsupported("reduce of the kind '", kind, "' is not known here");
}

}  // namespace

std::unique_ptr<OpPlan> plan_reduce(const flame::Op &op) {
  expect_attributes(op, {"kind", "axes", "keep_dims", "dtype"});
  const std::string_view kind = op.attributes().string("kind");
  return plan_reduction(op, fold_of(kind), kind == "mean", op.attributes().integers("axes"),
                        op.attributes().flag("keep_dims"));
}

}  // namespace flame::onednn
