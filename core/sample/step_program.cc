#include "core/sample/step_program.h"

#include <fmt/core.h>

#include "core/program/rewrite.h"

namespace flame {
namespace {

// Draws of the sampler's noise: apart from all others of a seed. The first counter is the latent's
// own.
constexpr int64_t kNoiseStream = 1;

struct DenoiserForm {
  TensorType sample;
  TensorType timestep;
};

Result<DenoiserForm> form_of(const Program &denoiser, bool guided) {
  const NamedValue *sample = denoiser.find_input("sample");
  const NamedValue *timestep = denoiser.find_input("timestep");
  if (!sample || !timestep || denoiser.outputs().empty()) {
    return plugin_error("the denoiser lacks an input 'sample' or 'timestep', or an output",
                        "build it as docs/plugins/model.md says");
  }
  const DenoiserForm form{denoiser.type(sample->value), denoiser.type(timestep->value)};
  const int64_t batch = guided ? 2 : 1;
  const bool right = form.sample.dtype == DType::kF32 && form.sample.shape.rank() == 4 &&
                     form.sample.shape[0] == batch &&
                     form.timestep == TensorType{DType::kF32, Shape{batch}} &&
                     denoiser.type(denoiser.outputs()[0].value) == form.sample;
  if (right) return form;
  return plugin_error(fmt::format(
      "the denoiser takes the sample {} at {} and answers {}, expected f32[{}, h, w, c] "
      "at f32[{}] and the sample's type",
      form.sample.text(), form.timestep.text(), denoiser.type(denoiser.outputs()[0].value).text(),
      batch, batch));
}

// Element `index` (an i64 scalar) of a list, as a scalar.
Term element(const Term &list, const Term &index) {
  return reshape(gather(list, reshape(index, Shape{1}), 0), Shape());
}

// The values of one step, taken out of the run's tables.
struct StepValues {
  Term latent, index, sigma, next_sigma, previous_sigma, time;
};

StepValues step_values(ProgramBuilder &builder, const TensorType &latent, uint32_t steps) {
  const auto input = [&](std::string_view name, const TensorType &type) {
    return builder.term(builder.input(name, type));
  };
  const Term index = input(kIndexName, {DType::kI64, Shape()});
  const Term sigmas = input(kSigmasName, {DType::kF32, Shape{int64_t{steps} + 1}});
  const Term times = input(kTimesName, {DType::kF32, Shape{int64_t{steps}}});
  const Term next = map("add x0 1", {index});
  const Term before = element(sigmas, map("sub x0 1; max t0 0", {index}));
  return {input(kLatentName, latent),
          index,
          element(sigmas, index),
          element(sigmas, next),
          map("gt x0 0; where t0 x1 0.0", {index, before}),
          element(times, index)};
}

// The denoiser's prediction, guided.
Term prediction(ProgramBuilder &builder, const Program &denoiser, const DenoiserForm &form,
                const StepRequest &request, const StepValues &values) {
  const Term seen = seen_sample(values.latent, values.sigma);
  const Term batch = request.guided ? concat({seen, seen}, 0) : seen;
  const Term times = broadcast_to(reshape(values.time, Shape{1}), form.timestep.shape);
  ProgramCopy copy(denoiser, builder, [&](std::string_view name, ValueId) {
    return name == "sample" ? batch.id() : name == "timestep" ? times.id() : 0;
  });
  for (const Node &node : denoiser.nodes()) copy.add(node, builder);
  const Term answer = builder.term(copy.at(denoiser.outputs()[0].value));
  if (!request.guided) return answer;
  const Term scale = builder.term(builder.input(kGuidanceName, {DType::kF32, Shape()}));
  return guided(slice(answer, 0, 0, 1), slice(answer, 0, 1, 1), scale, request.rescale);
}

Term fresh_noise(ProgramBuilder &builder, const StepValues &values) {
  const Term seed = builder.term(builder.input(kSeedName, {DType::kI64, Shape()}));
  const Term counter = map("add x0 1", {values.index});
  Attributes attributes;
  attributes.set("kind", std::string("normal"));
  attributes.set("shape", sizes_of(values.latent.shape()));
  attributes.set("stream", kNoiseStream);
  return apply_one("random", {seed, counter}, attributes);
}

}  // namespace

std::string memory_name(size_t index) {
  return fmt::format("sample.memory.{}", index);
}

Result<StepProgram> build_step(const Program &denoiser, const PluginSampler &sampler,
                               const StepRequest &request) {
  FLAME_ASSIGN(const DenoiserForm form, form_of(denoiser, request.guided));
  ProgramBuilder builder;
  const TensorType latent{DType::kF32, with_size(form.sample.shape, 0, 1)};
  const StepValues values = step_values(builder, latent, request.steps);

  SamplerStepInputs in;
  in.sample = values.latent.id();
  in.sigma = values.sigma.id();
  in.next_sigma = values.next_sigma.id();
  in.previous_sigma = values.previous_sigma.id();
  in.time = values.time.id();
  in.index = values.index.id();
  for (size_t i = 0; i < sampler.memory_count(); ++i)
    in.memories.push_back(builder.input(memory_name(i), latent));
  FLAME_TRY(builder.status());
  if (sampler.uses_noise()) in.noise = fresh_noise(builder, values).id();
  const Term predicted = prediction(builder, denoiser, form, request, values);
  FLAME_TRY(builder.status());
  in.denoised = denoised(request.prediction, values.latent, values.sigma, predicted).id();
  FLAME_ASSIGN(const SamplerStepOutputs out, sampler.build(builder, in));

  StepProgram made;
  const auto hand_on = [&](const std::string &name, ValueId value) {
    builder.output(name, value);
    made.placement.replaces.push_back({name, name});
  };
  hand_on(std::string(kLatentName), out.sample);
  for (size_t i = 0; i < out.memories.size(); ++i) hand_on(memory_name(i), out.memories[i]);
  hand_on(std::string(kIndexName), map("add x0 1", {values.index}).id());
  FLAME_ASSIGN(made.program, builder.finish());
  return made;
}

}  // namespace flame
