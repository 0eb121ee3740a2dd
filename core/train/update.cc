#include "core/train/update.h"

#include <fmt/core.h>

#include "core/ops/catalogue/terms.h"
#include "core/train/accumulate.h"

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
  Term average;
};

class UpdateBuilder {
 public:
  explicit UpdateBuilder(const UpdateRequest &request) : request_(request) {}

  Result<UpdateProgram> build() {
    steps_ = input(kStepName, {DType::kI64, Shape()});
    divisor_ = input(kDivisorName, {request_.master, Shape()});
    if (request_.clips) max_norm_ = input(kMaxNormName, {request_.master, Shape()});
    if (request_.averages) decay_ = input(kAverageDecayName, {request_.master, Shape()});
    if (request_.loss_scaling) take_loss_scale(*request_.loss_scaling);
    for (size_t g = 0; g < request_.groups.size(); ++g) FLAME_TRY(take(g));
    FLAME_TRY(builder_.status());
    measure();
    for (size_t g = 0; g < values_.size(); ++g) FLAME_TRY(step_from(g));
    if (request_.loss_scaling) follow_loss_scale(*request_.loss_scaling);
    replace(std::string(kStepName), MemoryClass::kInputs, next_step_, steps_);
    builder_.output(kGradientNormName, norm_.id());
    builder_.output(kFiniteName, finite_.id());
    FLAME_ASSIGN(result_.program, builder_.finish());
    return std::move(result_);
  }

 private:
  Term input(std::string_view name, const TensorType &type) {
    return builder_.term(builder_.input(name, type));
  }

  const std::string &name_of_group(size_t g) const { return request_.groups[g].layout.name; }

  // The first group that the same optimizer steps.
  size_t owner_of(size_t g) const {
    size_t first = 0;
    while (request_.groups[first].optimizer != request_.groups[g].optimizer) ++first;
    return first;
  }

  std::string name_of_state(size_t g, const StateSpec &state) const {
    if (state.extent != FLAME_STATE_SHARED) return state_name(name_of_group(g), state.name);
    return shared_state_name(name_of_group(owner_of(g)), state.name);
  }

  Status take(size_t g) {
    const UpdateRequest::Group &group = request_.groups[g];
    const std::string &name = group.layout.name;
    const TensorType flat{request_.master, group.layout.shape()};
    GroupValues values;
    values.learning_rate = builder_.input(learning_rate_name(name), {request_.master, Shape()});
    values.parameter = builder_.input(parameters_name(name), flat);
    values.gradient = builder_.input(gradient_name(name), flat);
    const std::vector<StateSpec> &states = group.optimizer->states();
    for (size_t i = 0; i < states.size(); ++i) {
      if (states[i].extent == FLAME_STATE_SHARED && owner_of(g) != g) {
        values.states.push_back(values_[owner_of(g)].states[i]);
        continue;
      }
      FLAME_ASSIGN(const Shape shape, group.optimizer->state_shape(i, group.layout));
      const TensorType type{states[i].dtype.value_or(request_.master), shape};
      values.states.push_back(add_state(name_of_state(g, states[i]), type, states[i].initial));
    }
    if (request_.averages) values.average = input(average_name(name), flat);
    values_.push_back(std::move(values));
    return {};
  }

  ValueId add_state(const std::string &name, const TensorType &type, double initial) {
    result_.states.push_back({name, type, initial});
    return builder_.input(name, type);
  }

  void take_loss_scale(const LossScaling &scaling) {
    scale_ = builder_.term(
        add_state(std::string(kLossScaleName), {scaling.dtype, Shape()}, scaling.initial));
    good_steps_ = builder_.term(add_state(std::string(kGoodStepsName), {DType::kI64, Shape()}, 0));
    divisor_ = divisor_ * cast(scale_, request_.master);
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
    if (request_.holds) hold();
    next_step_ = map("add x0 1", {steps_});
    factor_ = request_.clips ? map(std::string(kClipFactor), {max_norm_, norm_, divisor_})
                             : map("reciprocal x0", {divisor_});
  }

  void hold() {
    const TensorType flag{DType::kBool, Shape()};
    const Term held = builder_.term(add_state(std::string(kHeldName), flag, 0));
    finite_ = map("not x1; and x0 t0", {finite_, held}, DType::kBool);
    put(kHeldName, map("not x0", {finite_}, DType::kBool));
  }

  // The step of a group; of all groups of its optimizer at the first of them, if they share a
  // state.
  Status step_from(size_t first) {
    const PluginOptimizer &optimizer = *request_.groups[first].optimizer;
    if (!optimizer.shares_state()) return step(optimizer, {first});
    if (owner_of(first) != first) return {};
    std::vector<size_t> members;
    for (size_t g = first; g < values_.size(); ++g) {
      if (owner_of(g) == first) members.push_back(g);
    }
    return step(optimizer, members);
  }

  Status step(const PluginOptimizer &optimizer, const std::vector<size_t> &members) {
    std::vector<StepInputs> inputs;
    for (const size_t g : members) {
      const GroupValues &values = values_[g];
      const Term gradient = builder_.term(values.gradient) * factor_;
      inputs.push_back({&request_.groups[g].layout, values.parameter, gradient.id(),
                        next_step_.id(), values.learning_rate, values.states});
    }
    builder_.push_scope("optimizer." + name_of_group(members[0]));
    FLAME_ASSIGN(const std::vector<StepOutputs> made, optimizer.build(builder_, inputs));
    builder_.pop_scope();
    for (size_t m = 0; m < members.size(); ++m) take_over(members[m], made[m]);
    return {};
  }

  void take_over(size_t g, const StepOutputs &made) {
    const GroupValues &values = values_[g];
    const std::string &name = name_of_group(g);
    result_.placement.classes.emplace_back(gradient_name(name), MemoryClass::kGradients);
    const Term parameter = builder_.term(made.parameter);
    replace(parameters_name(name), request_.groups[g].layout.memory_class, parameter,
            builder_.term(values.parameter));
    const std::vector<StateSpec> &states = request_.groups[g].optimizer->states();
    for (size_t i = 0; i < states.size(); ++i) {
      if (states[i].extent == FLAME_STATE_SHARED && owner_of(g) != g) continue;
      replace(name_of_state(g, states[i]), MemoryClass::kOptimizer, builder_.term(made.states[i]),
              builder_.term(values.states[i]));
    }
    if (!request_.averages) return;
    replace(average_name(name), MemoryClass::kOptimizer,
            map("mul x0 x1; sub 1.0 x0; mul t1 x2; add t0 t2", {decay_, values.average, parameter}),
            values.average);
  }

  void follow_loss_scale(const LossScaling &scaling) {
    const std::string grown = fmt::format(
        "add x2 1; ge t0 {}; mul x1 {}; sub t2 t2; eq t3 0.0; and t1 t4; where t5 t2 "
        "x1; mul x1 {}; where x0 t6 t7",
        scaling.interval, scaling.growth, scaling.backoff);
    put(kLossScaleName, map(grown, {finite_, scale_, good_steps_}, scaling.dtype));
    const std::string counted =
        fmt::format("add x1 1; lt t0 {}; and x0 t1; where t2 t0 0", scaling.interval);
    put(kGoodStepsName, map(counted, {finite_, good_steps_}, DType::kI64));
  }

  // What replaces a value in good steps; in the others the old one stays.
  void replace(const std::string &name, MemoryClass memory_class, const Term &made,
               const Term &old) {
    put(name, map("where x0 x1 x2", {finite_, made, old}, old.dtype()), memory_class);
  }
  void put(std::string_view name, const Term &value,
           MemoryClass memory_class = MemoryClass::kInputs) {
    const std::string kept(name);
    builder_.output(kept, value.id());
    result_.placement.replaces.push_back({kept, kept});
    result_.placement.classes.emplace_back(kept, memory_class);
  }

  const UpdateRequest &request_;
  ProgramBuilder builder_;
  UpdateProgram result_;
  std::vector<GroupValues> values_;
  Term steps_, divisor_, max_norm_, decay_, scale_, good_steps_;
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
