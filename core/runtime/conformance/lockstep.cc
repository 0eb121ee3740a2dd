#include "core/runtime/conformance/lockstep.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/ops/catalogue/catalogue.h"
#include "core/runtime/conformance/oracle.h"
#include "core/runtime/conformance/program_check.h"
#include "core/tensor/convert.h"
#include "core/tensor/gather.h"
#include "core/tensor/numbers.h"

namespace flame::conformance {
namespace {

// Lets single ops on real numbers be this much worse than on the suite's, whose sums are shorter. Not
// in their size: roundings of many elements cancel there, and a wrong factor does not.
constexpr double kSlack = 2.5;
// How far a right answer may be, in units of what one rounding of the inputs changes: sums and
// products within the op round as often as their inputs did.
constexpr double kRoundings = 4;

// The types and attributes of a node, as the catalogue checks them.
Result<OpCall> call_of(const Program &program, const Node &node) {
  std::vector<TensorType> types;
  for (const ValueId input : node.inputs) types.push_back(program.type(input));
  return infer_op(node.op->name, types, node.attributes);
}

// Whole numbers and truths may end elsewhere if they come from more exact floats.
bool is_in_own_type(const OpCall &call) {
  return call.op->agreement == Agreement::kExact ||
         std::ranges::any_of(call.outputs, [](const TensorType &t) { return !is_float(t.dtype); });
}

// Every float off by up to one rounding of `unit`, up or down, always the same way.
HostTensor nudged(const HostTensor &tensor, double unit, uint32_t seed) {
  std::vector<double> numbers = numbers_of(tensor);
  uint32_t state = seed * 2654435761U + 1;
  for (double &number : numbers) {
    state = state * 1664525 + 1013904223;
    number *= 1 + unit * (static_cast<double>(state >> 8) / (1 << 23) - 1);
  }
  return tensor_of(tensor.type, numbers);
}

HostTensor in_type(HostTensor tensor, DType dtype) {
  if (tensor.type.dtype == dtype) return tensor;
  HostTensor made{{dtype, tensor.type.shape}, {}};
  made.bytes.resize(static_cast<size_t>(made.type.size_bytes()));
  convert_elements(tensor.type.dtype, tensor.bytes, dtype, made.bytes);
  return made;
}

// The host resolves views by strides, so no backend computes them.
HostTensor viewed(const OpCall &call, const HostTensor &input) {
  const TensorType &type = call.outputs[0];
  const auto view =
      call.op->resolve(View::contiguous(input.type.shape), call.attributes, type.shape);
  HostTensor made{type, {}};
  if (!view || view->is_contiguous()) {
    const auto first = input.bytes.begin() + (view ? view->offset * size_bytes(type.dtype) : 0);
    made.bytes.assign(first, first + type.size_bytes());
    return made;
  }
  made.bytes.resize(static_cast<size_t>(type.size_bytes()));
  gather_elements(*view, size_bytes(type.dtype), input.bytes, made.bytes);
  return made;
}

class Lockstep {
 public:
  Lockstep(Device &reference, Device &candidate, const Program &program,
           const LockstepRequest &request)
      : reference_(reference),
        candidate_(candidate),
        program_(program),
        request_(request),
        values_(program.values().size()),
        names_(program.values().size(), nullptr),
        uses_(program.values().size(), 0),
        tried_(candidate, std::nullopt) {}

  Result<LockstepCheck> run() {
    FLAME_TRY(open());
    const size_t total = program_.nodes().size();
    for (NodeId id = 0; id < total; ++id) {
      FLAME_TRY(step(id));
      if (check_.first) break;
      if (request_.progress) FLAME_TRY(request_.progress(id + 1, total));
    }
    return std::move(check_);
  }

 private:
  Status open() {
    FLAME_ASSIGN(const bool has_f64, computes_in_f64(reference_));
    wide_ = has_f64 ? DType::kF64 : DType::kF32;
    oracle_.emplace(reference_, wide_);
    FLAME_ASSIGN(reference_stream_, reference_.create_stream());
    FLAME_ASSIGN(candidate_stream_, candidate_.create_stream());
    for (const NamedValue &input : program_.inputs()) names_[input.value] = &input.name;
    for (const Parameter &parameter : program_.parameters())
      names_[parameter.value] = &parameter.name;
    for (const Node &node : program_.nodes())
      for (const ValueId input : node.inputs) ++uses_[input];
    return {};
  }

  void hold(ValueId id, HostTensor value) {
    held_bytes_ += value.bytes.size();
    check_.most_bytes = std::max(check_.most_bytes, held_bytes_);
    values_[id] = std::move(value);
  }
  void release(ValueId id) {
    held_bytes_ -= values_[id].bytes.size();
    values_[id] = {};
  }

  Result<std::vector<const HostTensor *>> inputs_of(const Node &node) {
    std::vector<const HostTensor *> inputs;
    for (const ValueId id : node.inputs) {
      if (names_[id]) {
        FLAME_ASSIGN(HostTensor given, request_.value(*names_[id]));
        hold(id, std::move(given));
        names_[id] = nullptr;
      }
      inputs.push_back(&values_[id]);
    }
    return inputs;
  }

  Status step(NodeId id) {
    const Node &node = program_.nodes()[id];
    FLAME_ASSIGN(const std::vector<const HostTensor *> inputs, inputs_of(node));
    FLAME_ASSIGN(const OpCall call, call_of(program_, node));
    if (call.op->group == OpGroup::kView) {
      hold(node.outputs[0], viewed(call, *inputs[0]));
    } else {
      FLAME_TRY(compare(id, call, inputs));
    }
    for (const ValueId output : node.outputs)
      if (uses_[output] == 0) release(output);
    for (const ValueId input : node.inputs)
      if (--uses_[input] == 0) release(input);
    return {};
  }

  Error at_node(NodeId id, Error error) const {
    const Node &node = program_.nodes()[id];
    error.what = fmt::format("op {} ({}), built at {}: {}", id, node.op->name,
                             node.place ? node.place->text() : Place().text(), error.what);
    return error;
  }

  Status compare(NodeId id, const OpCall &call, const std::vector<const HostTensor *> &inputs) {
    const Node &node = program_.nodes()[id];
    const bool own_type = is_in_own_type(call);
    auto expected = oracle_->answers(reference_stream_, call, inputs, own_type);
    if (!expected.ok()) return at_node(id, expected.error());
    const auto seen = tried_.answers(candidate_stream_, call, inputs, true);
    if (!seen.ok()) return at_node(id, seen.error());
    NodeCheck found;
    found.node = id;
    found.op = node.op->name;
    found.place = node.place ? node.place->text() : Place().text();
    found.inputs = call.inputs;
    found.outputs = call.outputs;
    double share = 0;
    FLAME_TRY(judge(call, inputs, *expected, *seen, own_type, found, share));
    ++check_.nodes;
    check_.ill_conditioned += found.ill_conditioned;
    if (share > worst_share_ || !found.wrong.empty()) {
      worst_share_ = share;
      check_.worst = found;
    }
    if (!found.wrong.empty()) check_.first = std::move(found);
    for (size_t i = 0; i < node.outputs.size(); ++i)
      hold(node.outputs[i], in_type(std::move((*expected)[i]), call.outputs[i].dtype));
    return {};
  }

  static Tolerance gate(DType dtype) {
    Tolerance tolerance = tolerance_for(dtype, 2);
    tolerance.norm_relative *= kSlack;
    return tolerance;
  }

  // The worst of the outputs; `share` of what is allowed.
  Status judge(const OpCall &call, const std::vector<const HostTensor *> &inputs,
               const std::vector<HostTensor> &expected, const std::vector<HostTensor> &seen,
               bool own_type, NodeCheck &found, double &share) {
    std::vector<HostTensor> moved;  // the answers for inputs that are one rounding off
    for (size_t i = 0; i < seen.size(); ++i) {
      const DType dtype = seen[i].type.dtype;
      const bool exact = !is_float(dtype);
      const Difference difference =
          exact ? compare_bits(expected[i], seen[i], true) : compare_numbers(expected[i], seen[i]);
      Tolerance tolerance = gate(dtype);
      std::string wrong = difference.first;
      if (wrong.empty() && !exact) wrong = exceeds(difference, tolerance);
      if (!wrong.empty() && difference.first.empty()) {
        if (moved.empty()) {
          FLAME_ASSIGN(moved, nudged_answers(call, inputs, own_type));
        }
        const double sensitivity = compare_numbers(expected[i], moved[i]).norm_relative;
        if (kRoundings * sensitivity > tolerance.norm_relative) {
          found.ill_conditioned = true;
          tolerance.norm_relative = tolerance.norm_ratio = kRoundings * sensitivity;
          wrong = exceeds(difference, tolerance);
        }
      }
      if (!wrong.empty() && found.wrong.empty())
        found.wrong = fmt::format("output {}: {}", i, wrong);
      const double nearness = difference.norm_relative / tolerance.norm_relative;
      if (i > 0 && nearness <= share) continue;
      share = nearness;
      found.difference = difference;
      found.allowed = tolerance.norm_relative;
    }
    return {};
  }

  // What the candidate rounds to is f32 at least: narrower inputs are exact.
  Result<std::vector<HostTensor>> nudged_answers(const OpCall &call,
                                                 const std::vector<const HostTensor *> &inputs,
                                                 bool own_type) const {
    std::vector<HostTensor> others(inputs.size());
    std::vector<const HostTensor *> pointers = inputs;
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i]->type.dtype != DType::kF32) continue;
      others[i] =
          nudged(*inputs[i], std::numeric_limits<float>::epsilon(), static_cast<uint32_t>(i));
      pointers[i] = &others[i];
    }
    return oracle_->answers(reference_stream_, call, pointers, own_type);
  }

  Device &reference_;
  Device &candidate_;
  const Program &program_;
  const LockstepRequest &request_;
  std::vector<HostTensor> values_;          // empty when not held
  std::vector<const std::string *> names_;  // of inputs and parameters that were not asked for yet
  std::vector<size_t> uses_;                // still to come
  DType wide_ = DType::kF64;
  std::optional<Oracle> oracle_;
  Oracle tried_;
  DeviceStream reference_stream_, candidate_stream_;
  uint64_t held_bytes_ = 0;
  double worst_share_ = -1;
  LockstepCheck check_;
};

}  // namespace

Result<LockstepCheck> check_lockstep(Device &reference, Device &candidate, const Program &program,
                                     const LockstepRequest &request) {
  return Lockstep(reference, candidate, program, request).run();
}

Result<LockstepCheck> check_lockstep(Device &reference, Device &candidate, const Program &program,
                                     uint64_t seed) {
  TensorMap given = seeded_values(program, seed);
  LockstepRequest request;
  request.value = [&](const std::string &name) -> Result<HostTensor> {
    return std::move(given.at(name));
  };
  return check_lockstep(reference, candidate, program, request);
}

}  // namespace flame::conformance
