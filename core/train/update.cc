#include "core/train/update.h"

#include <fmt/core.h>

#include "core/ops/catalogue/terms.h"

namespace flame {
namespace {

// As clip_grad_norm_ of PyTorch has it: keeps the quotient finite for gradients of 0.
constexpr std::string_view kClipFactor = "add x1 1e-06; div x0 t0; min t1 1.0; div t2 x2";

// The buffers of a group as values.
struct GroupValues {
  ValueId learning_rate = 0;
  ValueId parameter = 0;
  ValueId gradient = 0;
  std::vector<ValueId> states;
};

class UpdateBuilder {
 public:
  explicit UpdateBuilder(const UpdateRequest &request) : request_(request) {}

  Result<UpdateProgram> build() {
    steps_ = input(kStepName, {DType::kI64, Shape()});
    divisor_ = input(kDivisorName, {request_.master, Shape()});
    if (request_.clips) max_norm_ = input(kMaxNormName, {request_.master, Shape()});
    for (const UpdateRequest::Group &group : request_.groups) values_.push_back(take(group));
    FLAME_TRY(builder_.status());
    measure();
    for (size_t g = 0; g < values_.size(); ++g) FLAME_TRY(step(request_.groups[g], values_[g]));
    replace(std::string(kStepName), next_step_, steps_);
    builder_.output(kGradientNormName, norm_.id());
    builder_.output(kFiniteName, finite_.id());
    FLAME_ASSIGN(result_.program, builder_.finish());
    return std::move(result_);
  }

 private:
  Term input(std::string_view name, const TensorType &type) {
    return builder_.term(builder_.input(name, type));
  }

  GroupValues take(const UpdateRequest::Group &group) {
    const std::string &name = group.layout.name;
    const TensorType flat{request_.master, group.layout.shape()};
    GroupValues values;
    values.learning_rate = builder_.input(learning_rate_name(name), {request_.master, Shape()});
    values.parameter = builder_.input(parameters_name(name), flat);
    values.gradient = builder_.input(gradient_name(name), flat);
    for (const StateSpec &state : group.optimizer->states()) {
      const TensorType type{state.dtype.value_or(request_.master), flat.shape};
      result_.states.push_back({state_name(name, state.name), type, state.initial});
      values.states.push_back(builder_.input(result_.states.back().name, type));
    }
    return values;
  }

  // The norm over all groups, whether it is finite, and what the gradients are multiplied by.
  void measure() {
    Term squares;
    for (const GroupValues &values : values_) {
      const Term part = sum(map("square x0", {builder_.term(values.gradient)}), {0});
      squares = squares ? squares + part : part;
    }
    norm_ = map("sqrt x0; div t0 x1", {squares, divisor_});
    finite_ = map("sub x0 x0; eq t0 0.0", {norm_});
    next_step_ = map("add x0 1", {steps_});
    factor_ = request_.clips ? map(std::string(kClipFactor), {max_norm_, norm_, divisor_})
                             : map("reciprocal x0", {divisor_});
  }

  Status step(const UpdateRequest::Group &group, const GroupValues &values) {
    const Term gradient = builder_.term(values.gradient) * factor_;
    builder_.push_scope("optimizer." + group.layout.name);
    FLAME_ASSIGN(const StepOutputs made,
                 group.optimizer->build(builder_, {values.parameter, gradient.id(), next_step_.id(),
                                                   values.learning_rate, values.states}));
    builder_.pop_scope();
    replace(parameters_name(group.layout.name), builder_.term(made.parameter),
            builder_.term(values.parameter));
    for (size_t i = 0; i < made.states.size(); ++i) {
      replace(state_name(group.layout.name, group.optimizer->states()[i].name),
              builder_.term(made.states[i]), builder_.term(values.states[i]));
    }
    return {};
  }

  void replace(const std::string &name, const Term &made, const Term &old) {
    builder_.output(name, map("where x0 x1 x2", {finite_, made, old}, old.dtype()).id());
    result_.replaced.push_back({name, name});
  }

  const UpdateRequest &request_;
  ProgramBuilder builder_;
  UpdateProgram result_;
  std::vector<GroupValues> values_;
  Term steps_, divisor_, max_norm_;
  Term norm_, finite_, next_step_, factor_;
};

}  // namespace

Result<UpdateProgram> build_update(const UpdateRequest &request) {
  if (request.master != DType::kF32 && request.master != DType::kF64) {
    return config_error(fmt::format("the master copy of the parameters is {}, expected f32 or f64",
                                    name_of(request.master)));
  }
  if (request.groups.empty()) return config_error("there are no parameters to train");
  return UpdateBuilder(request).build();
}

}  // namespace flame
