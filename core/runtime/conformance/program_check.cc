#include "core/runtime/conformance/program_check.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

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

OutputCheck check_output(const std::string &name, const HostTensor &expected,
                         const HostTensor &seen, const Tier &tier, double median_norm) {
  OutputCheck check;
  check.name = name;
  check.type = seen.type;
  if (!is_float(seen.type.dtype)) {
    check.difference = compare_bits(expected, seen, true);
    check.wrong = check.difference.first;
    return check;
  }
  check.difference = compare_numbers(expected, seen);
  check.allowed = tier.each.norm_relative;
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

}  // namespace

bool ProgramCheck::equal() const {
  if (!std::ranges::all_of(outputs, [](const OutputCheck &each) { return each.wrong.empty(); }))
    return false;
  if (joined_ratio > tier.joined_ratio) return false;
  return tier.middle == 0 || (median_error <= tier.middle && joined_error <= tier.middle);
}

void allow(OutputCheck &output, const Tier &tier, double norm_relative) {
  Tier wide = tier;
  wide.each.norm_relative = std::max(tier.each.norm_relative, norm_relative);
  wide.each.norm_ratio = std::max(tier.each.norm_ratio, norm_relative);
  wide.one_minus_cosine = std::max(tier.one_minus_cosine, norm_relative * norm_relative);
  output.allowed = wide.each.norm_relative;
  output.wrong = judge(output.difference, wide);
}

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

ProgramCheck compare_outputs(const std::vector<std::string> &names, const TensorMap &expected,
                             const TensorMap &seen, const Tier &tier) {
  std::vector<double> norms;
  double expected_squares = 0, seen_squares = 0;
  for (const std::string &name : names) {
    if (!is_float(seen.at(name).type.dtype)) continue;
    norms.push_back(norm_of(expected.at(name)));
    expected_squares += norms.back() * norms.back();
    seen_squares += std::pow(norm_of(seen.at(name)), 2);
  }
  const double median_norm = median(norms);
  ProgramCheck check;
  check.tier = tier;
  std::vector<double> errors;
  double error_squares = 0;
  for (size_t i = 0, of_floats = 0; i < names.size(); ++i) {
    const std::string &name = names[i];
    check.outputs.push_back(
        check_output(name, expected.at(name), seen.at(name), tier, median_norm));
    if (!is_float(seen.at(name).type.dtype)) continue;
    errors.push_back(check.outputs.back().difference.norm_relative);
    error_squares += std::pow(errors.back() * norms[of_floats++], 2);
  }
  check.median_error = median(errors);
  if (expected_squares > 0) {
    check.joined_ratio = std::fabs(std::sqrt(seen_squares / expected_squares) - 1);
    check.joined_error = std::sqrt(error_squares / expected_squares);
  }
  return check;
}

Result<ProgramCheck> check_program(Device &reference, Device &candidate, const Program &program,
                                   uint64_t seed) {
  const TensorMap given = seeded_values(program, seed);
  TensorMap wide;
  for (const auto &[name, tensor] : given) wide[name] = widened_tensor(tensor);
  FLAME_ASSIGN(const Program exact, widened_program(program));
  FLAME_ASSIGN(const TensorMap expected, evaluate(reference, exact, wide));
  FLAME_ASSIGN(const TensorMap seen, evaluate(candidate, program, given));

  std::vector<std::string> names;
  for (const NamedValue &output : program.outputs()) names.push_back(output.name);
  return compare_outputs(names, expected, seen, tier_of(program));
}

}  // namespace flame::conformance
