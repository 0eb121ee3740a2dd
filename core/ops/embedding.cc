// embedding: rows of a table, chosen by numbers.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_TRY(expect_integer(call, 0));
  FLAME_TRY(expect_rank(call, 1, 2));
  std::vector<int64_t> sizes = sizes_of(call.shape(0));
  sizes.push_back(call.shape(1)[1]);
  FLAME_ASSIGN(const Shape shape, Shape::make(sizes));
  call.outputs = {{call.dtype(1), shape}};
  return {};
}

std::vector<Term> decompose(const OpRewrite &use) {
  return {gather(use.inputs[1], use.inputs[0], 0)};
}

}  // namespace

OpDefinition define_embedding() {
  return {
      .name = "embedding",
      .summary = "Rows of a table, chosen by numbers.",
      .formula = "y[i…, :] = weight[indices[i…], :]. An index outside the table gives zeros.",
      .inputs = {{"indices", "i64 or i32; any shape"}, {"weight", "[rows, c]"}},
      .outputs = {{"y", "[i…, c]; weight's type"}},
      .dtypes = "all for weight",
      .agreement = Agreement::kExact,
      .precision = {PrecisionRole::kFollow, "moves elements without computing"},
      .infer = infer,
      .decompose = decompose,
      .decomposition = "gather",
  };
}

}  // namespace flame::ops
