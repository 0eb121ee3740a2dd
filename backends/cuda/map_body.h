// The code of a map as text of a kernel.
#pragma once

#include <string>
#include <vector>

#include "flame/map_code.hpp"
#include "flame/tensor.h"

namespace flame::cuda {

// Lines that compute from the values v_x0, v_x1, … (float Real, long long or bool, by class) and
// store each output at its place: "y0.at[k]", …
std::string map_body(const MapCode &code, const std::vector<flame_dtype> &inputs,
                     const std::vector<flame_dtype> &outputs,
                     const std::vector<std::string> &places);

// Whether floats are computed in f64: some tensor is f64.
bool computes_in_double(const std::vector<flame_dtype> &inputs,
                        const std::vector<flame_dtype> &outputs);

ScalarClass class_of_dtype(flame_dtype dtype);
// "Real", "long long" or "bool".
const char *type_of_class(ScalarClass scalar_class);

}  // namespace flame::cuda
