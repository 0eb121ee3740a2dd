// Programs that plugins build, through the builder that the host itself uses.
#include <fmt/core.h>

#include <array>

#include "core/base/flame_text.h"
#include "core/base/terminal.h"
#include "core/plugin/validate/for_each.h"
#include "core/plugin/validate/trial_group.h"
#include "core/plugin/validate/watched_builder.h"
#include "flame/flame.h"

namespace flame {
namespace {

const TensorType kScalar{DType::kF32, Shape()};
const TensorType kStep{DType::kI64, Shape()};

// Why a component could not be tried, or empty.
using Hindrance = std::string;

// What a build that ended with `status` means: it is right, it cannot be tried here, or a rule is
// broken.
Result<Hindrance> judge_build(const CheckedCall &call, flame_status status,
                              WatchedBuilder &builder) {
  FLAME_TRY(call.judge("build()", status));
  if (!builder.unknown_op().empty()) {
    return "this host's catalogue has no op '" + printable(builder.unknown_op()) + "'";
  }
  const Status built = builder.builder().status();
  if (!built.ok()) return broken("ops as the catalogue has them", built.error().what);
  if (status != FLAME_OK) return "the plugin refuses the trial: " + std::string(call.message());
  return Hindrance();
}

// Gathers hindrances of single components into the result of a check.
class Trial {
 public:
  Status add(Result<Hindrance> result) {
    if (!result.ok()) return result.error();
    if (result->empty()) tried_ = true;
    if (!result->empty()) hindrance_ = *result;
    return {};
  }
  Result<Done> end(const Result<Done> &done) const {
    if (!done.ok() || !done->skipped.empty() || tried_ || hindrance_.empty()) return done;
    return skipped(hindrance_);
  }

 private:
  bool tried_ = false;
  std::string hindrance_;
};

// A program as text: two that are alike are the same program.
std::string text_of_program(const Program &program) {
  std::string text;
  for (const NamedValue &input : program.inputs()) {
    text += fmt::format("in {} {}\n", input.name, input.value);
  }
  for (const Parameter &parameter : program.parameters()) {
    text +=
        fmt::format("parameter {} {} {}\n", parameter.name, parameter.value, parameter.trainable);
  }
  for (const Node &node : program.nodes()) {
    text += fmt::format("{}(", node.op->name);
    for (const ValueId input : node.inputs) text += fmt::format("{} ", input);
    for (const auto &[name, value] : node.attributes.entries()) {
      text += fmt::format("{}={} ", name, text_of(value));
    }
    text += ")\n";
  }
  for (const NamedValue &output : program.outputs()) {
    text += fmt::format("out {} {}\n", output.name, output.value);
  }
  return text;
}

struct BuiltModel {
  Hindrance hindrance;
  std::string text;
};

Result<BuiltModel> build_model(Subject &subject, const flame_model_interface *table,
                               flame_model *model, flame_str name) {
  // What a model of pictures or of text may ask for; those that it does not know it leaves alone.
  AttributeList sizes;
  sizes.add_int("batch", 1);
  for (const char *size : {"height", "width"}) sizes.add_int(size, 16);
  for (const char *size : {"tokens", "length"}) sizes.add_int(size, 77);
  WatchedBuilder builder;
  CheckedCall call;
  subject.at(fmt::format("build(\"{}\")", printable(text_of(name))));
  const flame_status status =
      table->build(model, call.get(), name, sizes.data(), sizes.size(), builder.table());
  FLAME_ASSIGN(Hindrance hindrance, judge_build(call, status, builder));
  if (!hindrance.empty()) return BuiltModel{std::move(hindrance), {}};
  const Result<Program> program = builder.builder().finish();
  if (!program.ok()) return broken("a program that is whole", program.error().what);
  const Status right = validate(*program);
  if (!right.ok()) return broken("a program that keeps its rules", right.error().what);
  if (program->outputs().empty()) return broken("a program with an output", "it has none");
  return BuiltModel{{}, text_of_program(*program)};
}

Result<Done> model_builds(Subject &subject) {
  Trial trial;
  return trial.end(for_each_object<flame_model>(
      subject, FLAME_KIND_MODEL,
      [&](const CheckedComponent &component, flame_model *model) -> Status {
        const auto *table = component.interface<flame_model_interface>();
        for (uint32_t index = 0; index < 64; ++index) {
          CheckedCall call;
          flame_str name{};
          subject.at(fmt::format("program_name({})", index));
          if (table->program_name(model, call.get(), index, &name) != FLAME_OK) return {};
          const std::string kept(text_of(name));
          const flame_str asked = flame_text(kept);
          FLAME_ASSIGN(BuiltModel first, build_model(subject, table, model, asked));
          FLAME_ASSIGN(const BuiltModel again, build_model(subject, table, model, asked));
          if (first.text != again.text) {
            return broken("the same sizes give the same program",
                          fmt::format("two builds of '{}' differ", printable(kept)));
          }
          FLAME_TRY(trial.add(std::move(first.hindrance)));
        }
        return {};
      }));
}

Status judge_type(ProgramBuilder &builder, flame_value value, const TensorType &expected,
                  std::string_view what) {
  if (!builder.has(value)) {
    return broken(fmt::format("{} is a value of the program", what),
                  fmt::format("it is {}", value));
  }
  if (builder.type_of(value) == expected) return {};
  return broken(fmt::format("{} is {}", what, expected.text()),
                fmt::format("it is {}", builder.type_of(value).text()));
}

// The type of a state for the trial's group.
Result<TensorType> state_type(Subject &subject, const flame_optimizer_interface *table,
                              flame_optimizer *optimizer, uint32_t index,
                              const flame_state_info &info, const TrialGroup &group) {
  const auto dtype = info.dtype == 0 ? DType::kF32 : dtype_from_abi(info.dtype);
  if (!dtype) return broken("an element type of flame/tensor.h, or 0", "another number");
  if (info.extent == FLAME_STATE_SHARED) return TensorType{*dtype, Shape()};
  if (info.extent == FLAME_STATE_PER_ELEMENT) return TensorType{*dtype, Shape{TrialGroup::kSize}};
  if (info.extent != FLAME_STATE_SIZED) {
    return broken("an extent of flame/optimizer.h", fmt::format("{}", info.extent));
  }
  if (!FLAME_HAS(flame_optimizer_interface, table, state_size)) {
    return broken("state_size(), for there is a sized state", "no such function");
  }
  int64_t size = 0;
  CheckedCall call;
  subject.at(fmt::format("state_size({})", index));
  FLAME_TRY(call.expect_success(
      "state_size()", table->state_size(optimizer, call.get(), index, group.get(), &size)));
  if (size >= 1 && size <= kMaxElementCount) return TensorType{*dtype, Shape{size}};
  return broken("a size of 1 or more", fmt::format("{}", size));
}

Result<Hindrance> try_optimizer(Subject &subject, const flame_optimizer_interface *table,
                                flame_optimizer *optimizer) {
  const TensorType flat{DType::kF32, Shape{TrialGroup::kSize}};
  const TrialGroup group;
  WatchedBuilder watched;
  ProgramBuilder &builder = watched.builder();
  flame_update update{};
  update.struct_size = sizeof update;
  update.parameter = builder.input("parameter", flat);
  update.gradient = builder.input("gradient", flat);
  update.step = builder.input("step", kStep);
  update.learning_rate = builder.input("learning_rate", kScalar);
  update.group = group.get();
  std::vector<flame_value> states;
  std::vector<TensorType> types;
  for (;; ++update.state_count) {
    CheckedCall call;
    flame_state_info info{};
    info.struct_size = sizeof info;
    subject.at(fmt::format("describe_state({})", update.state_count));
    if (table->describe_state(optimizer, call.get(), update.state_count, &info) != FLAME_OK) break;
    FLAME_ASSIGN(const TensorType type,
                 state_type(subject, table, optimizer, update.state_count, info, group));
    types.push_back(type);
    states.push_back(builder.input(fmt::format("state_{}", update.state_count), types.back()));
  }
  std::vector<flame_value> new_states(states.size());
  update.states = states.data();
  update.new_states = new_states.data();
  CheckedCall call;
  subject.at("build()");
  const flame_status status = table->build(optimizer, call.get(), watched.table(), &update);
  FLAME_ASSIGN(Hindrance hindrance, judge_build(call, status, watched));
  if (!hindrance.empty()) return hindrance;
  FLAME_TRY(judge_type(builder, update.new_parameter, flat, "new_parameter"));
  for (size_t i = 0; i < new_states.size(); ++i) {
    FLAME_TRY(judge_type(builder, new_states[i], types[i], fmt::format("new_states[{}]", i)));
  }
  return hindrance;
}

Result<Done> optimizer_builds(Subject &subject) {
  Trial trial;
  return trial.end(for_each_object<flame_optimizer>(
      subject, FLAME_KIND_OPTIMIZER,
      [&](const CheckedComponent &component, flame_optimizer *optimizer) {
        return trial.add(
            try_optimizer(subject, component.interface<flame_optimizer_interface>(), optimizer));
      }));
}

Result<Hindrance> try_adapter(Subject &subject, const flame_adapter_interface *table,
                              flame_adapter *adapter) {
  const TensorType out_type{DType::kF32, Shape{2, 32}};
  WatchedBuilder watched;
  ProgramBuilder &builder = watched.builder();
  flame_layer layer{};
  layer.struct_size = sizeof layer;
  layer.name = FLAME_STR("block.to_q");
  layer.op = FLAME_STR("linear");
  layer.input = builder.input("x", {DType::kF32, Shape{2, 16}});
  builder.push_scope("block.to_q");
  layer.weight = builder.parameter("weight", {DType::kF32, Shape{32, 16}}, false);
  layer.output = builder.input("y", out_type);
  CheckedCall call;
  flame_value out = 0;
  subject.at("adapt()");
  const flame_status status = table->adapt(adapter, call.get(), &layer, watched.table(), &out);
  FLAME_ASSIGN(Hindrance hindrance, judge_build(call, status, watched));
  if (!hindrance.empty()) return hindrance;
  FLAME_TRY(judge_type(builder, out, out_type, "what stands instead of the layer's output"));
  builder.pop_scope();
  builder.output("out", out);
  const Result<Program> program = builder.finish();
  if (!program.ok()) return broken("scopes that are opened are closed", program.error().what);
  for (const Parameter &parameter : program->parameters()) {
    if (parameter.trainable || parameter.value == layer.weight) continue;
    return broken("an adapter's own parameters are TRAINABLE",
                  fmt::format("'{}' is frozen", parameter.name));
  }
  return hindrance;
}

Result<Done> adapter_builds(Subject &subject) {
  Trial trial;
  return trial.end(for_each_object<flame_adapter>(
      subject, FLAME_KIND_ADAPTER, [&](const CheckedComponent &component, flame_adapter *adapter) {
        return trial.add(
            try_adapter(subject, component.interface<flame_adapter_interface>(), adapter));
      }));
}

Result<Hindrance> try_sampler(Subject &subject, const flame_sampler_interface *table,
                              flame_sampler *sampler) {
  const TensorType latent{DType::kF32, Shape{1, 8, 8, 4}};
  WatchedBuilder watched;
  ProgramBuilder &builder = watched.builder();
  flame_sampler_step step{};
  step.struct_size = sizeof step;
  step.sample = builder.input("sample", latent);
  step.denoised = builder.input("denoised", latent);
  if (table->uses_noise(sampler)) step.noise = builder.input("noise", latent);
  step.sigma = builder.input("sigma", kScalar);
  step.next_sigma = builder.input("next_sigma", kScalar);
  step.index = builder.input("index", kStep);
  step.previous_sigma = builder.input("previous_sigma", kScalar);
  step.time = builder.input("time", kScalar);
  step.memory_count = table->memory_count(sampler);
  std::vector<flame_value> memories, new_memories(step.memory_count);
  for (uint32_t i = 0; i < step.memory_count; ++i) {
    memories.push_back(builder.input(fmt::format("memory_{}", i), latent));
  }
  step.memories = memories.data();
  step.new_memories = new_memories.data();
  CheckedCall call;
  subject.at("build()");
  const flame_status status = table->build(sampler, call.get(), watched.table(), &step);
  FLAME_ASSIGN(Hindrance hindrance, judge_build(call, status, watched));
  if (!hindrance.empty()) return hindrance;
  FLAME_TRY(judge_type(builder, step.next_sample, latent, "next_sample"));
  for (size_t i = 0; i < new_memories.size(); ++i) {
    FLAME_TRY(judge_type(builder, new_memories[i], latent, fmt::format("new_memories[{}]", i)));
  }
  return hindrance;
}

Result<Done> sampler_builds(Subject &subject) {
  Trial trial;
  return trial.end(for_each_object<flame_sampler>(
      subject, FLAME_KIND_SAMPLER, [&](const CheckedComponent &component, flame_sampler *sampler) {
        return trial.add(
            try_sampler(subject, component.interface<flame_sampler_interface>(), sampler));
      }));
}

constexpr Check kChecks[] = {
    {"model.builds-its-programs",
     "flame/model.h: build makes a program; the same sizes give the same program", Stage::kStarted,
     model_builds},
    {"optimizer.builds-a-step",
     "flame/optimizer.h: new_parameter and new_states are like what they replace", Stage::kStarted,
     optimizer_builds},
    {"adapter.adapts-a-layer",
     "flame/adapter.h: what replaces the layer's output is like it; own parameters are TRAINABLE",
     Stage::kStarted, adapter_builds},
    {"sampler.builds-a-step", "flame/sampler.h: next_sample and new_memories are like the sample",
     Stage::kStarted, sampler_builds},
};

}  // namespace

std::span<const Check> build_checks() {
  return kChecks;
}

}  // namespace flame
