#include "core/passes/cost.h"

#include <algorithm>

#include "core/passes/map_form.h"

namespace flame {
namespace {

double count(const Program &program, ValueId value) {
  return static_cast<double>(program.type(value).shape.element_count());
}

// Of all elements that the node touches.
double touched(const Program &program, const Node &node) {
  double total = 0;
  for (const ValueId value : node.inputs) total += count(program, value);
  for (const ValueId value : node.outputs) total += count(program, value);
  return total;
}

double matmul_cost(const Program &program, const Node &node) {
  const Shape &a = program.type(node.inputs[0]).shape;
  const int64_t inner = a.back(node.attributes.flag("transpose_a") ? 1 : 0);
  return 2 * count(program, node.outputs[0]) * static_cast<double>(inner);
}

// The elements of the image on the side of the products, each with one row of the weight.
double conv_cost(const Program &program, ValueId image, ValueId weight) {
  const Shape &sizes = program.type(weight).shape;
  const double row = count(program, weight) / static_cast<double>(std::max<int64_t>(sizes[0], 1));
  return 2 * count(program, image) * row;
}

// `products` of the size of q · kᵀ.
double attention_cost(const Program &program, ValueId q, ValueId k, double products) {
  const Shape &keys = program.type(k).shape;
  return 2 * products * count(program, q) * static_cast<double>(keys[1]);
}

}  // namespace

double cost_of(const Program &program, const Node &node) {
  if (node.op->group == OpGroup::kView) return 0;
  const std::string_view op = node.op->name;
  const auto &in = node.inputs;
  const auto &out = node.outputs;
  if (op == "matmul") return matmul_cost(program, node);
  if (op == "linear")
    return 2 * count(program, out[0]) * static_cast<double>(program.type(in[0]).shape.back(0));
  if (op == "conv2d") return conv_cost(program, out[0], in[1]);
  if (op == "conv2d_input_grad" || op == "conv_transpose2d")
    return conv_cost(program, in[0], in[1]);
  if (op == "conv2d_weight_grad") return conv_cost(program, in[1], out[0]);
  if (op == "attention") return attention_cost(program, in[0], in[1], 2);
  if (op == "attention_grad") return attention_cost(program, in[1], in[2], 5);
  const double elements = touched(program, node);
  if (op != "map") return elements;
  const auto form = map_form(program, node);
  return elements + (form ? cost_of(form->code) * count(program, out[0]) : 0);
}

}  // namespace flame
