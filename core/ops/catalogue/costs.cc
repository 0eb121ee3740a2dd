#include "core/ops/catalogue/costs.h"

#include <algorithm>

namespace flame {
namespace {

double count(const Shape &shape) {
  return static_cast<double>(shape.element_count());
}

}  // namespace

double touched_elements(const OpCall &call) {
  double total = 0;
  for (const TensorType &input : call.inputs) total += count(input.shape);
  for (const TensorType &output : call.outputs) total += count(output.shape);
  return total;
}

double product_cost(const Shape &answers, double terms) {
  return 2 * count(answers) * terms;
}

double convolution_cost(const Shape &image, const Shape &weight) {
  const double filters = static_cast<double>(std::max<int64_t>(weight[0], 1));
  return product_cost(image, count(weight) / filters);
}

double attention_cost(const Shape &q, const Shape &k, double products) {
  return products * product_cost(q, static_cast<double>(k[1]));
}

int cost_of(const MapCode &code) {
  constexpr int kRoot = 4;
  constexpr int kTranscendental = 16;
  int cost = 0;
  for (const MapInstruction &instruction : code.instructions) {
    const ScalarFunction &function = *instruction.function;
    const bool root = function.name == "div" || function.name == "reciprocal" ||
                      function.name == "sqrt" || function.name == "rsqrt" ||
                      function.name == "mod" || function.name == "floor_div";
    const bool light = function.rule != ScalarRule::kFloat || function.name == "relu" ||
                       function.name == "leaky_relu";
    cost += root ? kRoot : light ? 1 : kTranscendental;
  }
  return cost;
}

}  // namespace flame
