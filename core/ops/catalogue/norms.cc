#include "core/ops/catalogue/norms.h"

#include <cmath>

#include "core/ops/catalogue/checks.h"
#include "flame/map_code.hpp"

namespace flame {

AttributeSpec eps_attribute(double value) {
  return {"eps", AttributeKind::kFloat, value, "added to the mean square under the root"};
}

Status check_eps(const OpCall &call) {
  const double eps = call.attributes.number("eps");
  if (eps >= 0 && std::isfinite(eps)) return {};
  return attribute_error("eps", eps, "a number of at least 0");
}

Term norm_input_gradient(const Term &g, const Term &normal, const Term &rstd, const Axes &axes,
                         bool centred) {
  const Term slope = mean(g * normal, axes, true);
  if (!centred) return map("mul x1 x2; sub x0 t0; mul t1 x3", {g, normal, slope, rstd});
  return map("sub x0 x1; mul x2 x3; sub t0 t1; mul t2 x4",
             {g, mean(g, axes, true), normal, slope, rstd});
}

Term rounded_input_gradient(const Term &dx, const Term &addend, DType dtype) {
  if (!addend) return cast(dx, dtype);
  return map("add x0 x1", {dx, reshape(addend, dx.shape())}, dtype);
}

Term with_statistics_gradient(const Term &dx, const Term &x, const Term &mean, const Term &rstd,
                              const Term &dmean, const Term &drstd, double count) {
  const std::string share = write_map_float(1.0 / count);
  Term total = dx;
  if (dmean) total = map("mul x1 " + share + "; add x0 t0", {total, dmean}, dx.dtype());
  if (!drstd) return total;
  // d rstd / d x = -rstd³ · (x - mean) / count
  const std::string code =
      "mul x3 x3; mul t0 x3; mul t1 x4; mul t2 -" + share + "; sub x1 x2; mul t3 t4; add x0 t5";
  const std::string uncentred =
      "mul x2 x2; mul t0 x2; mul t1 x3; mul t2 -" + share + "; mul t3 x1; add x0 t4";
  return mean ? map(code, {total, x, mean, rstd, drstd}, dx.dtype())
              : map(uncentred, {total, x, rstd, drstd}, dx.dtype());
}

}  // namespace flame
