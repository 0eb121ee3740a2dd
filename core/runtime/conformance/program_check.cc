#include "core/runtime/conformance/program_check.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "core/ops/catalogue/catalogue.h"
#include "core/program/program_builder.h"
#include "core/runtime/conformance/fill.h"
#include "core/runtime/conformance/oracle.h"
#include "core/runtime/evaluate.h"
#include "core/tensor/numbers.h"

namespace flame::conformance {
namespace {

std::vector<double> values_for(const TensorType &type, bool is_parameter, uint64_t seed) {
  const Shape &shape = type.shape;
  if (!is_float(type.dtype)) return numbers_for(Content::kTruths, type, 0, seed);
  if (is_parameter && shape.rank() < 2) return numbers_for(Content::kPositive, type, 0, seed);
  std::vector<double> numbers = numbers_for(Content::kNormal, type, 0, seed);
  if (!is_parameter || shape[0] == 0) return numbers;
  const double inner = static_cast<double>(shape.element_count() / shape[0]);
  for (double &number : numbers) number /= std::sqrt(std::max(inner, 1.0));
  return numbers;
}

double norm_of(const HostTensor &tensor) {
  double squares = 0;
  for (const double number : numbers_of(tensor)) squares += number * number;
  return std::sqrt(squares);
}

std::string judge(const Difference &difference, const Tier &tier) {
  if (!difference.first.empty()) return difference.first;
  const std::string wrong = exceeds(difference, tier.each);
  if (!wrong.empty() || difference.one_minus_cosine <= tier.one_minus_cosine) return wrong;
  return fmt::format("1 - cosine is {:.1e}, allowed {:.1e}", difference.one_minus_cosine,
                     tier.one_minus_cosine);
}

// Outputs that are tiny beside the others are judged by their size beside the others.
constexpr double kTiny = 1e-6;

OutputCheck check_output(const NamedValue &output, const HostTensor &expected,
                         const HostTensor &seen, const Tier &tier, double median_norm) {
  OutputCheck check{output.name, seen.type, {}, {}};
  if (!is_float(seen.type.dtype)) {
    check.difference = compare_bits(expected, seen, true);
    check.wrong = check.difference.first;
    return check;
  }
  check.difference = compare_numbers(expected, seen);
  const double norm = norm_of(expected);
  const bool tiny = norm > 0 && norm < kTiny * median_norm;
  if (tiny && norm * check.difference.norm_relative < kTiny * median_norm) return check;
  check.wrong = judge(check.difference, tier);
  return check;
}

double median(std::vector<double> numbers) {
  if (numbers.empty()) return 0;
  std::ranges::sort(numbers);
  return numbers[numbers.size() / 2];
}

// The types and attributes of a node, as the catalogue checks them.
Result<OpCall> call_of(const Program &program, const Node &node) {
  std::vector<TensorType> types;
  for (const ValueId input : node.inputs) types.push_back(program.type(input));
  return infer_op(node.op->name, types, node.attributes);
}

Result<std::vector<HostTensor>> run_alone(Device &device, const OpCall &call,
                                          const std::vector<HostTensor> &inputs) {
  return Oracle(device).answers(call, inputs, true);
}

// Lets single ops on real numbers be this much worse than on the suite's, which nothing cancels in.
constexpr double kSlack = 5;

// The worst of the node's outputs; `share` of what is allowed.
NodeCheck check_node(const std::vector<HostTensor> &expected, const std::vector<HostTensor> &seen,
                     double &share) {
  NodeCheck check;
  for (size_t i = 0; i < seen.size(); ++i) {
    const DType dtype = seen[i].type.dtype;
    const bool exact = !is_float(dtype);
    const Difference difference =
        exact ? compare_bits(expected[i], seen[i], true) : compare_numbers(expected[i], seen[i]);
    Tolerance tolerance = tolerance_for(dtype, 2);
    tolerance.norm_relative *= kSlack;
    std::string wrong = difference.first;
    if (wrong.empty() && !exact) wrong = exceeds(difference, tolerance);
    if (!wrong.empty() && check.wrong.empty()) check.wrong = fmt::format("output {}: {}", i, wrong);
    const double nearness = difference.norm_relative / tolerance.norm_relative;
    if (i > 0 && nearness <= share) continue;
    share = nearness;
    check.difference = difference;
  }
  return check;
}

}  // namespace

Result<Program> widened_program(const Program &program) {
  ProgramBuilder builder;
  std::vector<ValueId> at(program.values().size(), 0);
  const auto wide = [&](ValueId value) {
    TensorType type = program.type(value);
    if (is_float(type.dtype)) type.dtype = DType::kF64;
    return type;
  };
  for (const NamedValue &input : program.inputs())
    at[input.value] = builder.input(input.name, wide(input.value));
  for (const Parameter &parameter : program.parameters()) {
    at[parameter.value] =
        builder.parameter(parameter.name, wide(parameter.value), parameter.trainable);
  }
  for (const Node &node : program.nodes()) {
    std::vector<ValueId> inputs;
    for (const ValueId input : node.inputs) inputs.push_back(at[input]);
    builder.set_place(node.place);
    const std::vector<ValueId> outputs =
        builder.add(node.op->name, inputs, widened_types(node.attributes));
    for (size_t i = 0; i < node.outputs.size(); ++i) at[node.outputs[i]] = outputs[i];
  }
  for (const NamedValue &output : program.outputs()) builder.output(output.name, at[output.value]);
  return builder.finish();
}

// f64 against f64; f32 as one backend of the processor against f64; narrower storage as a smoke test
// that a whole model passes and a scale that is off by 1 % does not.
Tier tier_of(const Program &program) {
  bool narrow = false, single = false;
  for (ValueId id = 1; id < program.values().size(); ++id) {
    const DType dtype = program.type(id).dtype;
    narrow = narrow || (is_float(dtype) && size_bytes(dtype) < 4);
    single = single || dtype == DType::kF32;
  }
  if (narrow) return {"bf16", {5e-2, 1.5e-2}, 2e-3, 1e-3};
  if (single) return {"f32", {1e-5, 2e-6}, 5e-7, 1e-10};
  return {"f64", {1e-10, 1e-10}, 1e-10, 1e-10};
}

TensorMap seeded_values(const Program &program, uint64_t seed) {
  TensorMap values;
  const auto fill = [&](const std::string &name, ValueId value, bool is_parameter) {
    const TensorType &type = program.type(value);
    values[name] = tensor_of(type, values_for(type, is_parameter, seed ^ hash_of(name)));
  };
  for (const NamedValue &input : program.inputs()) fill(input.name, input.value, false);
  for (const Parameter &parameter : program.parameters())
    fill(parameter.name, parameter.value, true);
  return values;
}

Result<ProgramCheck> check_program(Device &reference, Device &candidate, const Program &program,
                                   uint64_t seed) {
  const TensorMap given = seeded_values(program, seed);
  TensorMap wide;
  for (const auto &[name, tensor] : given) wide[name] = widened_tensor(tensor);
  FLAME_ASSIGN(const Program exact, widened_program(program));
  FLAME_ASSIGN(const TensorMap expected, evaluate(reference, exact, wide));
  FLAME_ASSIGN(const TensorMap seen, evaluate(candidate, program, given));

  ProgramCheck check{tier_of(program), {}, 0, true};
  std::vector<double> norms;
  double expected_squares = 0, seen_squares = 0;
  for (const NamedValue &output : program.outputs()) {
    if (!is_float(program.type(output.value).dtype)) continue;
    norms.push_back(norm_of(expected.at(output.name)));
    expected_squares += norms.back() * norms.back();
    seen_squares += std::pow(norm_of(seen.at(output.name)), 2);
  }
  for (const NamedValue &output : program.outputs()) {
    check.outputs.push_back(check_output(output, expected.at(output.name), seen.at(output.name),
                                         check.tier, median(norms)));
    check.equal = check.equal && check.outputs.back().wrong.empty();
  }
  if (expected_squares > 0)
    check.joined_ratio = std::fabs(std::sqrt(seen_squares / expected_squares) - 1);
  check.equal = check.equal && check.joined_ratio <= check.tier.joined_ratio;
  return check;
}

Result<LockstepCheck> check_lockstep(Device &reference, Device &candidate, const Program &program,
                                     uint64_t seed) {
  const TensorMap given = seeded_values(program, seed);
  std::vector<HostTensor> values(program.values().size());
  for (const NamedValue &input : program.inputs()) values[input.value] = given.at(input.name);
  for (const Parameter &parameter : program.parameters())
    values[parameter.value] = given.at(parameter.name);
  std::vector<size_t> uses(program.values().size(), 0);
  for (const Node &node : program.nodes()) {
    for (const ValueId input : node.inputs) ++uses[input];
  }

  const Oracle oracle(reference);
  LockstepCheck check;
  double worst_share = -1;
  for (NodeId id = 0; id < program.nodes().size(); ++id) {
    const Node &node = program.nodes()[id];
    std::vector<HostTensor> inputs;
    for (const ValueId input : node.inputs) inputs.push_back(values[input]);
    FLAME_ASSIGN(const OpCall call, call_of(program, node));
    // Whole numbers and truths may end elsewhere if they come from more exact floats.
    const bool own_type =
        call.op->agreement == Agreement::kExact ||
        std::ranges::any_of(call.outputs, [](const TensorType &t) { return !is_float(t.dtype); });
    FLAME_ASSIGN(const auto expected, oracle.answers(call, inputs, own_type));
    FLAME_ASSIGN(const auto seen, run_alone(candidate, call, inputs));
    double share = 0;
    NodeCheck found = check_node(expected, seen, share);
    found.node = id;
    found.op = node.op->name;
    found.place = node.place ? node.place->text() : Place().text();
    ++check.nodes;
    const bool differs = !found.wrong.empty();
    if (share > worst_share || differs) {
      worst_share = share;
      check.worst = found;
    }
    if (differs) {
      check.first = std::move(found);
      return check;
    }
    for (size_t i = 0; i < node.outputs.size(); ++i)
      values[node.outputs[i]] = tensor_of(call.outputs[i], numbers_of(expected[i]));
    for (const ValueId input : node.inputs) {
      if (--uses[input] == 0) values[input] = {};
    }
  }
  return check;
}

}  // namespace flame::conformance
