// What the normalising ops and their gradients share.
#pragma once

#include "core/ops/catalogue/terms.h"

namespace flame {

// "eps", with 1e-5 unless another value is given.
AttributeSpec eps_attribute(double value = 1e-5);
Status check_eps(const OpCall &call);

// dx for x̂ = (x - mean) · rstd over `axes`, given the gradient g of x̂: rstd · (g - mean g - x̂ ·
// mean(g · x̂)); without `centred`, as for the root mean square, the term mean g is left out. In x̂'s
// type, which is the computing one.
Term norm_input_gradient(const Term &g, const Term &normal, const Term &rstd, const Axes &axes,
                         bool centred);

// That gradient in x's type, rounded once: with what else goes back to x, if `addend` is given.
Term rounded_input_gradient(const Term &dx, const Term &addend, DType dtype);

// What the statistics themselves hand on to x when they have cotangents (second derivatives): added
// to `dx`. The statistics broadcast to x, `count` elements share one. Either cotangent may be
// empty.
Term with_statistics_gradient(const Term &dx, const Term &x, const Term &mean, const Term &rstd,
                              const Term &dmean, const Term &drstd, double count);

}  // namespace flame
