// What Adam and AdamW share: two moments of the gradient, and the step along their quotient.
#pragma once

#include <vector>

#include "flame/plugin.hpp"

namespace adam {

struct Options {
  std::vector<double> betas = {0.9, 0.999};
  double eps = 1e-8;

  void describe(flame::OptionTable &table) {
    table
        .number("betas", betas,
                "How much of the mean gradient and of the mean square is kept: two numbers from 0 "
                "to below 1.")
        .range(0, 1);
    table.number("eps", eps, "Added to the root of the mean square.").minimum(0);
  }

  // Throws what is wrong with the values together.
  void check() const {
    if (betas.size() != 2) {
      throw flame::invalid_argument("betas has ", betas.size(),
                                    " numbers, expected two, such as [0.9, 0.999]");
    }
    for (const double beta : betas) {
      if (beta == 1) {
        throw flame::invalid_argument(
            "betas holds 1, which would never take in a gradient; both "
            "are from 0 to below 1, such as [0.9, 0.999]");
      }
    }
  }
};

inline std::vector<flame::OptimizerState> states() {
  return {{"mean"}, {"mean_square"}};
}

// The step from `parameter` along `gradient`. Bias corrections are computed in f64: 1 - 0.999 to
// the power of a small step has few right digits in f32.
inline flame::OptimizerOutputs step(flame::Program &program, const Options &options,
                                    const flame::OptimizerInputs &in, flame::Value parameter,
                                    flame::Value gradient) {
  const flame_dtype dtype = in.parameter.dtype();
  const flame::Value step = flame::cast(in.step, FLAME_DTYPE_F64);
  const auto correction = [&](double beta) {
    return 1.0 - flame::op("pow", {program.constant(beta, FLAME_DTYPE_F64), step});
  };
  const double beta = options.betas[0];
  const double beta_square = options.betas[1];
  const flame::Value mean = beta * in.states[0] + (1 - beta) * gradient;
  const flame::Value mean_square =
      beta_square * in.states[1] + (1 - beta_square) * flame::square(gradient);
  const flame::Value rate =
      flame::cast(flame::cast(in.learning_rate, FLAME_DTYPE_F64) / correction(beta), dtype);
  const flame::Value root = flame::cast(flame::sqrt(correction(beta_square)), dtype);
  const flame::Value size = flame::sqrt(mean_square) / root + options.eps;
  return {parameter - rate * (mean / size), {mean, mean_square}};
}

}  // namespace adam
